/* SPDX-License-Identifier: MIT */

/* Evaluation: each thread takes a tile through the whole net in memory of its own. */

#include "base/status.h"
#include "graph/actions.h"
#include "graph/profile.h"

typedef struct inference {
    six_plan *plan;
    six_rows inputs, targets;
    six_rows_out outputs; /* data NULL without */
    int64_t n;
    int32_t first_tile;
    char *sums; /* of the loss, NULL without */
} inference;

static void give_outputs(const six_plan *plan, six_rows_out outputs, int64_t first, int32_t slot, int32_t active)
{
    const sixnet_model *net = plan->net;
    const six_value output = net->value[net->output];
    const real *y = six_tile_at(plan, output.node, slot)->y[output.output];
    if (plan->lanes == 1)
        six_convert(six_row_out(outputs, first * net->output_size), outputs.dtype, y, net->ctx->dtype,
                    net->output_size);
    else
        six_unload_rows(net, outputs, first * net->output_size, y, net->output_size, active);
}

/* Whether sixnet_model_cancel() asked to end what runs; it is then the worker's fault, unless it has another. */
static bool is_cancelled(const six_plan *plan, int32_t worker)
{
    if (!six_cancelled(plan->net))
        return false;
    plan->error[worker] = plan->error[worker] ? plan->error[worker] : six_error_cancelled;
    return true;
}

static void infer_tile(void *arg, int32_t item, int32_t worker)
{
    const inference *job = arg;
    six_plan *plan = job->plan;
    const sixnet_model *net = plan->net;
    int64_t first = (int64_t)item * plan->lanes;
    if (is_cancelled(plan, worker))
        return;
    int32_t active = job->n - first < plan->lanes ? (int32_t)(job->n - first) : plan->lanes;
    for (int32_t i = 0; i < net->node_count; i++) {
        six_tile *tile = six_tile_at(plan, i, worker);
        tile->active = active;
        tile->index = job->first_tile + item;
    }
    six_load_inputs(plan, worker, job->inputs, first, active, worker);
    for (const six_action *a = plan->forward.action; a < plan->forward.action + plan->forward.count; a++) {
        if (is_cancelled(plan, worker))
            return;
        if (a->kind == SIX_ON_TILES)
            six_act_on_tile(plan, a, worker, worker);
    }
    if (job->sums) {
        six_load_rows(net, plan->targets[worker], job->targets, first * net->target_size, net->target_size,
                      net->target_size, active);
        six_act_on_tile(plan, plan->loss.action, worker, worker);
    }
    int64_t start = six_profile_start(six_plan_profile(plan));
    if (job->outputs.data)
        give_outputs(plan, job->outputs, first, worker, active);
    six_profile_stop(six_plan_profile(plan), SIXNET_NO_NODE, worker, start);
}

int32_t six_plan_refresh(six_plan *plan)
{
    const sixnet_model *net = plan->net;
    int32_t status = SIXNET_OK;
    if (plan->version == net->version + 1)
        return SIXNET_OK;
    six_profile_pass(six_plan_profile(plan), false, 0);
    for (int32_t i = 0; i < plan->forward.count && !status; i++)
        if (plan->forward.action[i].kind == SIX_ONCE_ONLY)
            status = six_act_once(plan, &plan->forward.action[i]);
    plan->version = status ? 0 : net->version + 1;
    return status;
}

/* Makes a model's own plan for evaluation ready. */
static int32_t prepare(sixnet_model *net, six_plan **plan, int32_t lanes)
{
    int32_t status = six_require_compiled(net);
    if (status)
        return status;
    if (!*plan)
        status = six_plan_new(plan, net, net->serial ? 1 : six_pool_size(net->ctx->pool), false, lanes, NULL);
    if (status)
        return status;
    return six_plan_refresh(*plan);
}

static int32_t infer(inference *job)
{
    six_plan *plan = job->plan;
    six_profile_pass(six_plan_profile(plan), false, job->n);
    six_pool_run(six_plan_pool(plan), infer_tile, job, (int32_t)((job->n + plan->lanes - 1) / plan->lanes));
    return six_collect_errors(plan, plan->tiles);
}

bool six_runs_single(const sixnet_model *net)
{
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_kernels *kernels = net->node[i].kernels;
        if (kernels->forward && !kernels->forward_one && i != net->loss)
            return false;
    }
    return true;
}

bool six_trains_single(const sixnet_model *net)
{
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_kernels *kernels = net->node[i].kernels;
        if (kernels->backward && !kernels->backward_one && i != net->loss)
            return false;
    }
    return six_runs_single(net);
}

static bool is_single(const sixnet_model *net, int64_t n) { return n <= SIX_SINGLE_SAMPLE_MAX && six_runs_single(net); }

int32_t six_plan_predict(six_plan *plan, six_rows inputs, int64_t n, six_rows_out outputs)
{
    const sixnet_model *net = plan->net;
    int64_t most = plan->lanes == 1 ? SIX_SINGLE_SAMPLE_MAX : (int64_t)SIX_MAX_TILES * SIX_LANES;
    int32_t status = SIXNET_OK;
    for (int64_t done = 0, portion; !status && done < n; done += portion) {
        portion = n - done < most ? n - done : most;
        six_rows in = six_rows_from(inputs, done * net->input_size);
        six_rows_out out = {six_row_out(outputs, done * net->output_size), outputs.dtype};
        inference job = {plan, in, {0}, out, portion, 0, NULL};
        status = infer(&job);
    }
    return status;
}

int32_t six_predict(sixnet_model *net, six_rows inputs, int64_t n, six_rows_out outputs)
{
    bool single = is_single(net, n);
    six_plan **plan = single ? &net->single : &net->inference;
    int32_t status = prepare(net, plan, single ? 1 : SIX_LANES);
    if (status)
        return status;
    return six_plan_predict(*plan, inputs, n, outputs);
}

int32_t six_evaluation_begin(six_evaluation *e, sixnet_model *net, int64_t total)
{
    *e = (six_evaluation){.net = net, .total = total};
    int32_t status = six_require_compiled(net);
    if (status)
        return status;
    if (total > (int64_t)SIX_MAX_TILES * SIX_LANES)
        status = six_fail(SIXNET_TOO_LARGE, "%lld samples are too many for one evaluation", (long long)total);
    if (status)
        return status;
    status = prepare(net, &net->inference, SIX_LANES);
    if (status)
        return status;
    int64_t tiles = (total + SIX_LANES - 1) / SIX_LANES;
    e->sums = six_alloc(net->ctx, (size_t)(tiles * net->inference->loss_sums), (size_t)net->variant->real_size);
    if (!e->sums)
        return SIXNET_OUT_OF_MEMORY;
    e->own_sums = net->inference->run[net->loss].sums;
    net->inference->run[net->loss].sums = (real *)e->sums;
    net->inference->run[net->loss].samples = total;
    net->inference->run[net->loss].tiles = (int32_t)tiles;
    return SIXNET_OK;
}

int32_t six_evaluation_add(six_evaluation *e, six_rows inputs, six_rows targets, int64_t n, six_rows_out outputs)
{
    inference job = {e->net->inference, inputs, targets, outputs, n, (int32_t)(e->done / SIX_LANES), e->sums};
    e->done += n;
    return infer(&job);
}

int32_t six_evaluation_end(six_evaluation *e, six_loss_sums *sums)
{
    if (!e->sums)
        return SIXNET_OK;
    six_run *run = &e->net->inference->run[e->net->loss];
    if (sums) {
        e->net->node[e->net->loss].kernels->end_forward(run);
        *sums = run->loss;
    }
    run->sums = e->own_sums;
    six_free(e->net->ctx, e->sums);
    e->sums = NULL;
    return SIXNET_OK;
}

int32_t six_memory_needed(sixnet_model *net, int64_t n, bool training, uint64_t *bytes)
{
    uint64_t plan = 0;
    if (n < 1 || n > (int64_t)SIX_MAX_TILES * SIX_LANES)
        return six_fail(n < 1 ? SIXNET_INVALID_ARGUMENT : SIXNET_TOO_LARGE, "a batch of %lld samples", (long long)n);
    int32_t status = net->compiled ? SIXNET_OK : six_check(net);
    int32_t tiles = training ? (int32_t)((n + SIX_LANES - 1) / SIX_LANES) : six_pool_size(six_model_pool(net));
    const bool single = training ? n == 1 && six_trains_single(net) : is_single(net, n);
    if (!status)
        status = six_plan_bytes(net, tiles, training, single ? 1 : SIX_LANES, &plan);
    if (!status)
        *bytes = plan + six_tensors_bytes(net);
    return status;
}
