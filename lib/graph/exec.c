/* SPDX-License-Identifier: MIT */

#include "graph/exec.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/threads.h"
#include "graph/plan.h"
#include "graph/profile.h"

static six_group *group_at(const six_plan *plan, int32_t node, int32_t group)
{
    return &plan->group[(int64_t)node * plan->groups + group];
}

static void *scratch_of(const six_plan *plan, int32_t worker) { return plan->scratch_memory + worker * plan->scratch_bytes; }

static six_pool *pool_of(const sixnet_model *net) { return net->serial ? NULL : net->ctx->pool; }

static six_pool *pool_for(const six_plan *plan) { return plan->alone ? NULL : pool_of(plan->net); }

static six_profile *profile_of(const six_plan *plan) { return plan->alone ? NULL : plan->net->profile; }

static const void *row(six_rows r, int64_t offset)
{
    return r.dtype == SIX_F64 ? (const void *)((const double *)r.data + offset) : (const void *)((const float *)r.data + offset);
}

static void *row_out(six_rows_out r, int64_t offset)
{
    return r.dtype == SIX_F64 ? (void *)((double *)r.data + offset) : (void *)((float *)r.data + offset);
}

/* One feature block of `active` rows into a group's lanes. */
static void load(const sixnet_model *net, real *lanes, six_rows r, int64_t offset, int64_t stride, int64_t features, int32_t active)
{
    const six_arrays *a = &net->variant->arrays;
    if (r.dtype == SIX_F64)
        a->lanes_from_f64(lanes, row(r, offset), stride, features, active);
    else
        a->lanes_from_f32(lanes, row(r, offset), stride, features, active);
}

static void unload(const sixnet_model *net, six_rows_out r, int64_t offset, const real *lanes, int64_t features, int32_t active)
{
    const six_arrays *a = &net->variant->arrays;
    if (r.dtype == SIX_F64)
        a->f64_from_lanes((double *)r.data + offset, features, lanes, features, active);
    else
        a->f32_from_lanes((float *)r.data + offset, features, lanes, features, active);
}

static void load_inputs(six_plan *plan, int32_t slot, six_rows inputs, int64_t first, int32_t active, int32_t worker)
{
    const sixnet_model *net = plan->net;
    int64_t column = 0;
    for (int32_t i = 0; i < net->node_count; i++)
        if (net->node[i].layer->inputs_max == 0) {
            int64_t size = six_shape_size(&plan->op[i].out), start = six_profile_start(profile_of(plan));
            real *y = group_at(plan, i, slot)->y;
            if (plan->lanes == 1)
                six_convert(y, net->ctx->dtype, row(inputs, first * net->input_size + column), inputs.dtype, size);
            else
                load(net, y, inputs, first * net->input_size + column, net->input_size, size, active);
            six_profile_stop(profile_of(plan), i, worker, start);
            column += size;
        }
}

/* What several consumers gave for one node's output, added in the order of the graph's end to its beginning. */
static void gather(const six_plan *plan, int32_t node, int32_t group)
{
    six_group *g = group_at(plan, node, group);
    int64_t count = six_shape_size(&plan->op[node].out) * SIX_LANES;
    for (int32_t e = 0; e < plan->edge_count; e++)
        if (plan->edge[e].from == node) {
            const six_edge *edge = &plan->edge[e];
            plan->net->variant->arrays.add((real *)g->dy, group_at(plan, edge->to, group)->dx[edge->input], count);
        }
}

static void act_on_group(six_plan *plan, const six_action *a, int32_t group, int32_t worker)
{
    six_group *g = group_at(plan, a->node, group);
    int64_t start = six_profile_start(profile_of(plan));
    if (a->kind == SIX_GATHER)
        gather(plan, a->node, group);
    else
        a->group(&plan->op[a->node], g, scratch_of(plan, worker));
    six_profile_stop(profile_of(plan), a->node, worker, start);
    if (plan->training && plan->net->watch)
        plan->net->watch->see(plan->net->watch, a->node, g, a->group);
    if (g->fault && !plan->fault[group]) {
        plan->fault[group] = g->fault;
        plan->fault_node[group] = a->node;
    }
    g->fault = NULL;
}

static int32_t act_once(six_plan *plan, const six_action *a)
{
    int64_t start = six_profile_start(profile_of(plan));
    int32_t status = a->once(&plan->op[a->node], group_at(plan, a->node, 0));
    six_profile_stop(profile_of(plan), a->node, 0, start);
    return status;
}

/* A run of actions that each group can go through without waiting for the others. */
typedef struct six_run {
    six_plan *plan;
    const six_action *first, *end;
} six_run;

static void run_group(void *arg, int32_t group, int32_t worker)
{
    const six_run *run = arg;
    for (const six_action *a = run->first; a < run->end; a++)
        act_on_group(run->plan, a, group, worker);
}

static void run_part(void *arg, int32_t part, int32_t worker)
{
    const six_run *run = arg;
    const six_action *a = run->first;
    int64_t start = six_profile_start(run->plan->net->profile);
    a->part(&run->plan->op[a->node], group_at(run->plan, a->node, 0), part, scratch_of(run->plan, worker));
    six_profile_stop(run->plan->net->profile, a->node, worker, start);
}

/* The fault of a group that was left out because of sixnet_cancel(). */
static const char fault_cancelled[] = "cancelled";

static int32_t faults(six_plan *plan, int32_t groups)
{
    for (int32_t g = 0; g < groups; g++)
        if (plan->fault[g]) {
            const char *what = plan->fault[g];
            const char *name = plan->net->node[plan->fault_node[g]].name;
            memset(plan->fault, 0, (size_t)plan->groups * sizeof *plan->fault);
            if (what == fault_cancelled)
                return SIXNET_STOPPED;
            return six_fail(what == six_fault_callback ? SIXNET_CALLBACK_FAILED : SIXNET_BAD_DATA, "%s: %s", name, what);
        }
    return SIXNET_OK;
}

static int32_t run_program(six_plan *plan, const six_program *program)
{
    const six_action *a = program->action, *end = a + program->count;
    while (a < end) {
        if (a->kind == SIX_ONCE_ONLY) {
            int32_t status = act_once(plan, a);
            if (status)
                return status;
            a++;
            continue;
        }
        six_run run = {plan, a, a + 1};
        if (a->kind == SIX_ON_PARTS) {
            six_pool_run(pool_of(plan->net), run_part, &run, plan->needs[a->node].parts);
        } else {
            while (run.end < end && (run.end->kind == SIX_ON_GROUPS || run.end->kind == SIX_GATHER))
                run.end++;
            six_pool_run(pool_of(plan->net), run_group, &run, plan->active_groups);
        }
        a = run.end;
    }
    return faults(plan, plan->active_groups);
}

static void set_batch(six_plan *plan, int64_t n)
{
    int32_t groups = (int32_t)((n + SIX_LANES - 1) / SIX_LANES);
    if (plan->samples == n)
        return;
    plan->samples = n;
    plan->active_groups = groups;
    for (int32_t i = 0; i < plan->net->node_count; i++) {
        plan->op[i].samples = n;
        plan->op[i].groups = groups;
        for (int32_t g = 0; g < groups; g++)
            group_at(plan, i, g)->active = g < groups - 1 ? SIX_LANES : (int32_t)(n - (int64_t)g * SIX_LANES);
    }
}

static int32_t ready(const sixnet_model *net)
{
    return net->compiled ? SIXNET_OK : six_fail(SIXNET_BAD_STATE, "the model is not compiled; call sixnet_compile() first");
}

enum { MAX_GROUPS = 1 << 24 };

/* A training plan with room for n samples. */
static int32_t reserve(sixnet_model *net, int64_t n)
{
    six_plan *plan;
    if (n > (int64_t)MAX_GROUPS * SIX_LANES)
        return six_fail(SIXNET_TOO_LARGE, "a batch of %lld samples is too large", (long long)n);
    int64_t groups = (n + SIX_LANES - 1) / SIX_LANES;
    if (net->training && groups <= net->training->groups)
        return SIXNET_OK;
    int32_t status = six_plan_new(&plan, net, (int32_t)groups, true, SIX_LANES);
    if (status)
        return status;
    six_plan_free(net->training);
    net->training = plan;
    net->pass = SIX_PASS_NONE;
    return SIXNET_OK;
}

typedef struct six_loading {
    six_plan *plan;
    six_rows rows;
    int32_t node; /* -1: the inputs; else the rows are of that node's gradient, or if it is the loss of its targets */
} six_loading;

static void load_group(void *arg, int32_t g, int32_t worker)
{
    const six_loading *job = arg;
    six_plan *plan = job->plan;
    int32_t active = group_at(plan, 0, g)->active;
    if (job->node < 0) {
        load_inputs(plan, g, job->rows, (int64_t)g * SIX_LANES, active, worker);
        return;
    }
    int64_t size = six_shape_size(&plan->op[job->node].out), start = six_profile_start(plan->net->profile);
    real *lanes = job->node == plan->net->loss ? plan->targets[g] : (real *)group_at(plan, job->node, g)->dy;
    load(plan->net, lanes, job->rows, (int64_t)g * SIX_LANES * size, size, size, active);
    six_profile_stop(plan->net->profile, job->node, worker, start);
}

static void load_all(six_plan *plan, six_rows rows, int32_t node)
{
    six_loading job = {plan, rows, node};
    six_pool_run(pool_of(plan->net), load_group, &job, plan->active_groups);
}

/* The buffers lie behind the parameters. */
static char *buffers_of(const sixnet_model *net, size_t *bytes)
{
    size_t size = (size_t)net->variant->real_size;
    *bytes = (size_t)(net->values_size - net->trained_size) * size;
    return (char *)net->values + (size_t)net->trained_size * size;
}

static void keep_buffers(sixnet_model *net)
{
    size_t bytes;
    six_tensors_changed(net);
    const char *buffers = buffers_of(net, &bytes);
    memcpy(net->kept, buffers, bytes);
}

void six_forward_undo(sixnet_model *net)
{
    size_t bytes;
    char *buffers = buffers_of(net, &bytes);
    memcpy(buffers, net->kept, bytes);
    six_tensors_changed(net);
    net->step--;
    net->pass = SIX_PASS_NONE;
}

int32_t six_forward(sixnet_model *net, six_rows inputs, int64_t n)
{
    int32_t status = ready(net);
    if (!status && n < 1)
        status = six_fail(SIXNET_INVALID_ARGUMENT, "a training pass needs 1 sample or more, not %lld", (long long)n);
    if (!status)
        status = reserve(net, n);
    if (status)
        return status;
    six_plan *plan = net->training;
    set_batch(plan, n);
    for (int32_t i = 0; i < net->node_count; i++)
        plan->op[i].step = net->step;
    net->step++;
    keep_buffers(net);
    net->pass = SIX_PASS_NONE;
    plan->has_values = plan->has_gradients = false;
    six_profile_pass(net->profile, false, n);
    six_pool_begin(pool_of(net));
    load_all(plan, inputs, -1);
    status = run_program(plan, &plan->forward);
    six_pool_end(pool_of(net));
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
    if (ready(net))
        return SIXNET_BAD_STATE;
    if (net->loss < 0)
        return six_fail(SIXNET_BAD_STATE, "the net has no loss; add one, such as 'cross_entropy', as its last layer");
    if (net->pass == SIX_PASS_NONE)
        return six_fail(SIXNET_BAD_STATE, "the loss is of a forward pass; call sixnet_forward() first");
    six_plan *plan = net->training;
    net->pass = SIX_PASS_FORWARD;
    load_all(plan, targets, net->loss);
    int32_t status = run_program(plan, &plan->loss);
    if (status)
        return status;
    six_op *op = &plan->op[net->loss];
    net->node[net->loss].kernel->end_forward(op);
    *sums = op->loss;
    net->pass = SIX_PASS_LOSS;
    return SIXNET_OK;
}

/* The groups' shares of the parameter gradients, added in the order of the groups. */
typedef struct six_reduction {
    six_plan *plan;
    int32_t node, param;
    int64_t offset; /* in the partials */
} six_reduction;

enum { REDUCE_CHUNK = 4096 };

static void reduce_chunk(void *arg, int32_t chunk, int32_t worker)
{
    const six_plan *plan = arg;
    const sixnet_model *net = plan->net;
    int64_t begin = (int64_t)chunk * REDUCE_CHUNK, end = begin + REDUCE_CHUNK, at = 0;
    size_t real_size = (size_t)net->variant->real_size;
    int64_t start = six_profile_start(net->profile);
    for (int32_t t = 0; t < net->tensor_count && at < end; t++) {
        const six_tensor *tensor = &net->tensor[t];
        if (!tensor->trained || net->node[tensor->node].layer->whole_gradients)
            continue;
        int64_t from = at > begin ? at : begin, to = at + tensor->size < end ? at + tensor->size : end;
        if (from < to && group_at(plan, tensor->node, 0)->dy)
            net->variant->arrays.add_parts((void *)((char *)net->gradients + (size_t)(tensor->offset + from - at) * real_size),
                                           (void *)((char *)plan->partials + (size_t)from * real_size), plan->partial_size,
                                           plan->active_groups, to - from);
        at += tensor->size;
    }
    six_profile_stop(net->profile, SIXNET_NONE, worker, start);
}

/* Only the caller's own layers can fail here, when others have added to their gradients: then these are put back. */
static int32_t run_backward(six_plan *plan)
{
    sixnet_model *net = plan->net;
    six_pool *pool = pool_of(net);
    size_t skipped, bytes = net->serial ? (size_t)net->trained_size * (size_t)net->variant->real_size : 0;
    buffers_of(net, &skipped);
    memcpy((char *)net->kept + skipped, net->gradients, bytes);
    net->pass = SIX_PASS_NONE;
    six_profile_pass(net->profile, true, plan->samples);
    six_pool_begin(pool);
    int32_t status = run_program(plan, &plan->backward);
    if (!status)
        six_pool_run(pool, reduce_chunk, plan, (int32_t)((plan->partial_size + REDUCE_CHUNK - 1) / REDUCE_CHUNK));
    six_pool_end(pool);
    if (status)
        memcpy(net->gradients, (char *)net->kept + skipped, bytes);
    plan->has_gradients = !status;
    return status;
}

int32_t six_backward(sixnet_model *net)
{
    if (ready(net))
        return SIXNET_BAD_STATE;
    if (net->pass != SIX_PASS_LOSS)
        return six_fail(SIXNET_BAD_STATE, "a backward pass follows sixnet_forward() and sixnet_loss(), once");
    return run_backward(net->training);
}

int32_t six_backward_from(sixnet_model *net, six_rows gradient)
{
    if (ready(net))
        return SIXNET_BAD_STATE;
    if (net->pass == SIX_PASS_NONE)
        return six_fail(SIXNET_BAD_STATE, "a backward pass follows sixnet_forward(), once");
    six_plan *plan = net->training;
    if (plan->gradient_at[net->output] < 0)
        return SIXNET_OK;
    load_all(plan, gradient, net->output);
    six_program whole = plan->backward;
    six_program tail = {whole.action + (net->loss >= 0), whole.count - (net->loss >= 0)};
    plan->backward = tail;
    int32_t status = run_backward(plan);
    plan->backward = whole;
    return status;
}

/* Evaluation: each thread takes a group through the whole net in memory of its own. */
typedef struct six_inference {
    six_plan *plan;
    six_rows inputs, targets;
    six_rows_out outputs; /* data NULL without */
    int64_t n;
    int32_t first_group;
    char *sums; /* of the loss, NULL without */
} six_inference;

static void give_outputs(const six_plan *plan, six_rows_out outputs, int64_t first, int32_t slot, int32_t active)
{
    const sixnet_model *net = plan->net;
    const real *y = group_at(plan, net->output, slot)->y;
    if (plan->lanes == 1)
        six_convert(row_out(outputs, first * net->output_size), outputs.dtype, y, net->ctx->dtype, net->output_size);
    else
        unload(net, outputs, first * net->output_size, y, net->output_size, active);
}

/* Whether sixnet_cancel() asked to end what runs; it is then the worker's fault, unless it has another. */
static bool is_cancelled(const six_plan *plan, int32_t worker)
{
    if (!six_cancelled(plan->net))
        return false;
    plan->fault[worker] = plan->fault[worker] ? plan->fault[worker] : fault_cancelled;
    return true;
}

static void infer_group(void *arg, int32_t item, int32_t worker)
{
    const six_inference *job = arg;
    six_plan *plan = job->plan;
    const sixnet_model *net = plan->net;
    int64_t first = (int64_t)item * plan->lanes;
    if (is_cancelled(plan, worker))
        return;
    int32_t active = job->n - first < plan->lanes ? (int32_t)(job->n - first) : plan->lanes;
    for (int32_t i = 0; i < net->node_count; i++) {
        six_group *g = group_at(plan, i, worker);
        g->active = active;
        g->index = job->first_group + item;
    }
    load_inputs(plan, worker, job->inputs, first, active, worker);
    for (const six_action *a = plan->forward.action; a < plan->forward.action + plan->forward.count; a++) {
        if (a->kind == SIX_ON_GROUPS)
            act_on_group(plan, a, worker, worker);
        if (is_cancelled(plan, worker))
            return;
    }
    if (job->sums) {
        load(net, plan->targets[worker], job->targets, first * net->target_size, net->target_size, net->target_size, active);
        act_on_group(plan, plan->loss.action, worker, worker);
    }
    int64_t start = six_profile_start(profile_of(plan));
    if (job->outputs.data)
        give_outputs(plan, job->outputs, first, worker, active);
    six_profile_stop(profile_of(plan), SIXNET_NONE, worker, start);
}

int32_t six_plan_refresh(six_plan *plan)
{
    const sixnet_model *net = plan->net;
    int32_t status = SIXNET_OK;
    if (plan->version == net->version + 1)
        return SIXNET_OK;
    six_profile_pass(profile_of(plan), false, 0);
    for (int32_t i = 0; i < plan->forward.count && !status; i++)
        if (plan->forward.action[i].kind == SIX_ONCE_ONLY)
            status = act_once(plan, &plan->forward.action[i]);
    plan->version = status ? 0 : net->version + 1;
    return status;
}

/* Makes a model's own plan for evaluation ready. */
static int32_t prepare(sixnet_model *net, six_plan **plan, int32_t lanes)
{
    int32_t status = ready(net);
    if (!status && !*plan)
        status = six_plan_new(plan, net, net->serial ? 1 : six_pool_size(net->ctx->pool), false, lanes);
    return status ? status : six_plan_refresh(*plan);
}

static int32_t infer(six_inference *job)
{
    six_plan *plan = job->plan;
    six_profile_pass(profile_of(plan), false, job->n);
    six_pool_run(pool_for(plan), infer_group, job, (int32_t)((job->n + plan->lanes - 1) / plan->lanes));
    return faults(plan, plan->groups);
}

bool six_runs_single(const sixnet_model *net)
{
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_layer *kernel = net->node[i].kernel;
        if (kernel->forward && !kernel->forward_one && !kernel->is_loss)
            return false;
    }
    return true;
}

static bool is_single(const sixnet_model *net, int64_t n) { return n <= SIX_FEW && six_runs_single(net); }

int32_t six_plan_predict(six_plan *plan, six_rows inputs, int64_t n, six_rows_out outputs)
{
    const sixnet_model *net = plan->net;
    int64_t most = plan->lanes == 1 ? SIX_FEW : (int64_t)MAX_GROUPS * SIX_LANES;
    int32_t status = SIXNET_OK;
    for (int64_t done = 0, portion; !status && done < n; done += portion) {
        portion = n - done < most ? n - done : most;
        six_rows in = {row(inputs, done * net->input_size), inputs.dtype};
        six_rows_out out = {row_out(outputs, done * net->output_size), outputs.dtype};
        six_inference job = {plan, in, {0}, out, portion, 0, NULL};
        status = infer(&job);
    }
    return status;
}

int32_t six_predict(sixnet_model *net, six_rows inputs, int64_t n, six_rows_out outputs)
{
    bool single = is_single(net, n);
    six_plan **plan = single ? &net->single : &net->inference;
    int32_t status = prepare(net, plan, single ? 1 : SIX_LANES);
    return status ? status : six_plan_predict(*plan, inputs, n, outputs);
}

int32_t six_evaluation_begin(six_evaluation *e, sixnet_model *net, int64_t total)
{
    *e = (six_evaluation){.net = net, .total = total};
    int32_t status = ready(net);
    if (!status && total > (int64_t)MAX_GROUPS * SIX_LANES)
        status = six_fail(SIXNET_TOO_LARGE, "%lld samples are too many for one evaluation", (long long)total);
    if (!status)
        status = prepare(net, &net->inference, SIX_LANES);
    if (status)
        return status;
    int64_t groups = (total + SIX_LANES - 1) / SIX_LANES;
    e->sums = six_alloc(net->ctx, (size_t)(groups * net->inference->needs[net->loss].sums), (size_t)net->variant->real_size);
    if (!e->sums)
        return SIXNET_OUT_OF_MEMORY;
    net->inference->op[net->loss].sums = (real *)e->sums;
    net->inference->op[net->loss].samples = total;
    net->inference->op[net->loss].groups = (int32_t)groups;
    return SIXNET_OK;
}

int32_t six_evaluation_add(six_evaluation *e, six_rows inputs, six_rows targets, int64_t n)
{
    six_inference job = {e->net->inference, inputs, targets, {0}, n, (int32_t)(e->done / SIX_LANES), e->sums};
    e->done += n;
    return infer(&job);
}

int32_t six_evaluation_end(six_evaluation *e, six_loss_sums *sums)
{
    if (e->sums && sums) {
        six_op *op = &e->net->inference->op[e->net->loss];
        e->net->node[e->net->loss].kernel->end_forward(op);
        *sums = op->loss;
    }
    six_free(e->net->ctx, e->sums);
    e->sums = NULL;
    return SIXNET_OK;
}

int32_t six_node_values(const sixnet_model *net, int32_t node, bool gradient, six_rows_out values, int64_t count)
{
    const six_plan *plan = net->training;
    if (!net->node[node].retained && (gradient || node != net->output))
        return six_fail(SIXNET_BAD_STATE, "%s: not retained; call sixnet_retain() before sixnet_compile()", net->node[node].name);
    if (node == net->loss)
        return six_fail(SIXNET_BAD_STATE, "%s: a loss has no values to read; sixnet_loss() gives its number", net->node[node].name);
    if (!plan || !(gradient ? plan->has_gradients && plan->gradient_at[node] >= 0 : plan->has_values))
        return six_fail(SIXNET_BAD_STATE, "%s: no %s pass has reached it yet", net->node[node].name, gradient ? "backward" : "forward");
    int64_t size = six_shape_size(&plan->op[node].out);
    if (count != plan->samples * size)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: %lld samples of %lld values are %lld, not %lld", net->node[node].name,
                        (long long)plan->samples, (long long)size, (long long)(plan->samples * size), (long long)count);
    for (int32_t g = 0; g < plan->active_groups; g++) {
        const six_group *group = group_at(plan, node, g);
        unload(net, values, (int64_t)g * SIX_LANES * size, gradient ? group->dy : group->y, size, group->active);
    }
    return SIXNET_OK;
}

int32_t six_memory_needed(sixnet_model *net, int64_t n, bool training, uint64_t *bytes)
{
    uint64_t plan = 0;
    if (n < 1 || n > (int64_t)MAX_GROUPS * SIX_LANES)
        return six_fail(n < 1 ? SIXNET_INVALID_ARGUMENT : SIXNET_TOO_LARGE, "a batch of %lld samples", (long long)n);
    int32_t groups = training ? (int32_t)((n + SIX_LANES - 1) / SIX_LANES) : six_pool_size(pool_of(net));
    int32_t status = net->compiled ? SIXNET_OK : six_check(net);
    if (!status)
        status = six_plan_bytes(net, groups, training, !training && is_single(net, n) ? 1 : SIX_LANES, &plan);
    if (!status)
        *bytes = plan + six_tensors_bytes(net);
    return status;
}
