/* SPDX-License-Identifier: MIT */

/* Training passes: forward, loss, backward. */

#include "graph/exec.h"

#include <string.h>

#include "base/status.h"
#include "graph/actions.h"
#include "graph/profile.h"

static void set_batch(six_plan *plan, int64_t n)
{
    int32_t tiles = (int32_t)((n + SIX_LANES - 1) / SIX_LANES);
    if (plan->samples == n)
        return;
    plan->samples = n;
    plan->active_tiles = tiles;
    for (int32_t i = 0; i < plan->net->node_count; i++) {
        plan->run[i].samples = n;
        plan->run[i].tiles = tiles;
        for (int32_t t = 0; t < tiles; t++)
            six_tile_at(plan, i, t)->active = t < tiles - 1 ? SIX_LANES : (int32_t)(n - (int64_t)t * SIX_LANES);
    }
}

/* Whether the training plan has memory for n samples. Observers look at lanes. */
static bool suffices(const six_plan *plan, int64_t n, bool observed)
{
    if (!plan)
        return false;
    return plan->lanes == 1 ? n == 1 && !observed : n <= (int64_t)plan->tiles * SIX_LANES;
}

/* A training plan with memory for n samples, without lanes for a single one; once there is one with lanes it stays. */
static int32_t reserve(sixnet_model *net, int64_t n, bool observed)
{
    six_plan *plan;
    if (n > (int64_t)SIX_MAX_TILES * SIX_LANES)
        return six_fail(SIXNET_TOO_LARGE, "a batch of %lld samples is too large", (long long)n);
    if (suffices(net->training, n, observed))
        return SIXNET_OK;
    const bool single = n == 1 && !observed && !net->training && six_trains_single(net);
    const int32_t tiles = (int32_t)((n + SIX_LANES - 1) / SIX_LANES);
    int32_t status = six_plan_new(&plan, net, tiles, true, single ? 1 : SIX_LANES, NULL);
    if (status)
        return status;
    six_plan_free(net->training);
    net->training = plan;
    net->pass = SIX_PASS_NONE;
    return SIXNET_OK;
}

/* Destination of a batch's rows. */
typedef enum loading_target { LOAD_INPUTS, LOAD_TARGETS, LOAD_OUTPUT_GRADIENT } loading_target;

typedef struct loading {
    six_plan *plan;
    six_rows rows;
    loading_target to;
} loading;

static void load_tile(void *arg, int32_t tile, int32_t worker)
{
    const loading *job = arg;
    six_plan *plan = job->plan;
    const sixnet_model *net = plan->net;
    const int64_t first = (int64_t)tile * SIX_LANES;
    const int32_t active = six_tile_at(plan, 0, tile)->active;
    if (job->to == LOAD_INPUTS) {
        six_load_inputs(plan, tile, job->rows, first, active, worker);
        return;
    }
    const six_value output = net->value[net->output];
    const bool targets = job->to == LOAD_TARGETS;
    const int32_t node = targets ? net->loss : output.node;
    const int64_t size = targets ? net->target_size : net->output_size, start = six_profile_start(net->profile);
    real *lanes = targets ? plan->targets[tile] : (real *)six_tile_at(plan, node, tile)->dy[output.output];
    if (targets || plan->lanes > 1)
        six_load_rows(net, lanes, job->rows, first * size, size, size, active);
    else
        six_convert(lanes, net->ctx->dtype, six_row(job->rows, first * size), job->rows.dtype, size);
    six_profile_stop(net->profile, node, worker, start);
}

static void load_all(six_plan *plan, six_rows rows, loading_target to)
{
    loading job = {plan, rows, to};
    six_pool_run(six_model_pool(plan->net), load_tile, &job, plan->active_tiles);
}

static size_t buffer_bytes(const sixnet_model *net)
{
    return (size_t)six_buffers_size(net) * (size_t)net->variant->real_size;
}

static void keep_buffers(sixnet_model *net)
{
    six_tensors_changed(net);
    memcpy(net->kept, six_buffers(net), buffer_bytes(net));
}

/* The observer is the caller's, for the one pass: it may be gone before the next. */
static void end_pass(six_plan *plan)
{
    plan->net->pass = SIX_PASS_NONE;
    plan->observer = NULL;
}

void six_forward_undo(sixnet_model *net)
{
    memcpy(six_buffers(net), net->kept, buffer_bytes(net));
    six_tensors_changed(net);
    net->step--;
    end_pass(net->training);
}

static void begin_pass(sixnet_model *net, int64_t n, const six_pass *pass)
{
    six_plan *plan = net->training;
    plan->observer = pass->observer;
    set_batch(plan, n);
    for (int32_t i = 0; i < net->node_count; i++) {
        plan->run[i].step = net->step;
        plan->run[i].first = pass->first;
        plan->run[i].shard = pass->shard;
    }
    net->step++;
    keep_buffers(net);
    net->pass = SIX_PASS_NONE;
    plan->has_values = plan->has_gradients = false;
}

int32_t six_forward(sixnet_model *net, six_rows inputs, int64_t n, const six_pass *pass)
{
    int32_t status = six_require_compiled(net);
    if (status)
        return status;
    if (n < 1)
        status = six_fail(SIXNET_INVALID_ARGUMENT, "n must be 1 or greater, got %lld", (long long)n);
    if (status)
        return status;
    status = reserve(net, n, pass && pass->observer);
    if (status)
        return status;
    six_plan *plan = net->training;
    begin_pass(net, n, pass ? pass : &(six_pass){0});
    six_profile_pass(net->profile, false, n);
    six_pool_begin(six_model_pool(net));
    load_all(plan, inputs, LOAD_INPUTS);
    status = six_run_program(plan, &plan->forward);
    six_pool_end(six_model_pool(net));
    if (status) {
        six_forward_undo(net);
        return status;
    }
    net->pass = SIX_PASS_FORWARD;
    plan->has_values = true;
    return SIXNET_OK;
}

int32_t six_loss(sixnet_model *net, six_rows targets, six_loss_sums *sums)
{
    if (six_require_compiled(net))
        return SIXNET_BAD_STATE;
    if (net->loss < 0)
        return six_fail(SIXNET_BAD_STATE, "the net has no loss; add one, such as 'cross_entropy', as its last layer");
    if (net->pass == SIX_PASS_NONE)
        return six_fail(SIXNET_BAD_STATE, "no forward pass to evaluate; call sixnet_model_forward() first");
    six_plan *plan = net->training;
    net->pass = SIX_PASS_FORWARD;
    load_all(plan, targets, LOAD_TARGETS);
    int32_t status = six_run_program(plan, &plan->loss);
    if (status)
        return status;
    six_run *run = &plan->run[net->loss];
    net->node[net->loss].kernels->end_forward(run);
    *sums = run->loss;
    net->pass = SIX_PASS_LOSS;
    return SIXNET_OK;
}

enum { REDUCE_CHUNK = 4096 };

/* Adds the tiles' partial gradients to one chunk of the gradients, in the order of the tiles, and for a shared tensor from the last node that
 * uses it to the first. */
static void reduce_chunk(void *arg, int32_t chunk, int32_t worker)
{
    const six_plan *plan = arg;
    const sixnet_model *net = plan->net;
    const int64_t begin = (int64_t)chunk * REDUCE_CHUNK, end = begin + REDUCE_CHUNK;
    const size_t real_size = (size_t)net->variant->real_size;
    int64_t start = six_profile_start(net->profile);
    for (const six_partial_use *use = plan->use; use < plan->use + plan->use_count; use++) {
        const six_tensor *tensor = &net->tensor[use->tensor];
        const int64_t first = tensor->gradient_offset, last = first + tensor->size;
        const int64_t from = first > begin ? first : begin, to = last < end ? last : end;
        if (from < to)
            net->variant->arrays.add_parts(
                (void *)((char *)net->gradients + (size_t)from * real_size),
                (void *)((char *)plan->partials + (size_t)(use->offset + from - first) * real_size), plan->partial_size,
                plan->active_tiles, to - from);
    }
    six_profile_stop(net->profile, SIXNET_NO_NODE, worker, start);
}

static void reduce_partials(six_plan *plan)
{
    if (plan->use_count)
        six_pool_run(six_model_pool(plan->net), reduce_chunk, plan,
                     (int32_t)((plan->net->trained_size + REDUCE_CHUNK - 1) / REDUCE_CHUNK));
}

/* Only the caller's own layers can fail here, when others have added to their gradients: then these are put back. */
static int32_t run_backward(six_plan *plan, const six_program *program)
{
    sixnet_model *net = plan->net;
    six_pool *pool = six_model_pool(net);
    const size_t bytes = net->serial ? (size_t)net->trained_size * (size_t)net->variant->real_size : 0;
    char *kept = (char *)net->kept + buffer_bytes(net);
    memcpy(kept, net->gradients, bytes);
    six_profile_pass(net->profile, true, plan->samples);
    six_pool_begin(pool);
    int32_t status = six_run_program(plan, program);
    if (!status)
        reduce_partials(plan);
    six_pool_end(pool);
    if (status)
        memcpy(net->gradients, kept, bytes);
    plan->has_gradients = !status;
    end_pass(plan);
    return status;
}

int32_t six_backward(sixnet_model *net)
{
    if (six_require_compiled(net))
        return SIXNET_BAD_STATE;
    if (net->pass != SIX_PASS_LOSS)
        return six_fail(
            SIXNET_BAD_STATE,
            "no loss to differentiate; call sixnet_model_forward() and sixnet_model_loss() before each backward pass");
    return run_backward(net->training, &net->training->backward);
}

int32_t six_backward_from(sixnet_model *net, six_rows gradient)
{
    if (six_require_compiled(net))
        return SIXNET_BAD_STATE;
    if (net->pass == SIX_PASS_NONE)
        return six_fail(SIXNET_BAD_STATE,
                        "no forward pass to differentiate; call sixnet_model_forward() before each backward pass");
    six_plan *plan = net->training;
    const six_value output = net->value[net->output];
    if (!six_tile_at(plan, output.node, 0)->dy[output.output])
        return SIXNET_OK;
    load_all(plan, gradient, LOAD_OUTPUT_GRADIENT);
    six_program tail = plan->backward; /* without the loss's own actions, which come first */
    for (; tail.count && tail.action->node == net->loss; tail.count--)
        tail.action++;
    return run_backward(plan, &tail);
}

int32_t six_node_values(const sixnet_model *net, int32_t value, bool gradient, six_rows_out values, int64_t count)
{
    const six_plan *plan = net->training;
    const int32_t node = net->value[value].node, output = net->value[value].output;
    const char *name = net->node[node].name;
    if (!net->node[node].retained && (gradient || value != net->output))
        return six_fail(SIXNET_BAD_STATE, "%s: not retained; call sixnet_node_retain() before sixnet_model_compile()",
                        name);
    if (node == net->loss)
        return six_fail(SIXNET_BAD_STATE, "%s: a loss has no values to read; sixnet_model_loss() gives its number",
                        name);
    if (!plan || !(gradient ? plan->has_gradients && six_tile_at(plan, node, 0)->dy[output] : plan->has_values))
        return six_fail(SIXNET_BAD_STATE, "%s: no %s pass has run yet", name, gradient ? "backward" : "forward");
    int64_t size = six_shape_size(six_value_shape(net, value));
    if (count != plan->samples * size)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: count is %lld, expected %lld (%lld samples x %lld values)", name,
                        (long long)count, (long long)(plan->samples * size), (long long)plan->samples, (long long)size);
    for (int32_t t = 0; t < plan->active_tiles; t++) {
        const six_tile *tile = six_tile_at(plan, node, t);
        const real *from = gradient ? tile->dy[output] : tile->y[output];
        if (plan->lanes == 1)
            six_convert(values.data, values.dtype, from, net->ctx->dtype, size);
        else
            six_unload_rows(net, values, (int64_t)t * SIX_LANES * size, from, size, tile->active);
    }
    return SIXNET_OK;
}
