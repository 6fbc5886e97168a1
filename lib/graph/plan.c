/* SPDX-License-Identifier: MIT */

#include "graph/plan.h"

#include <string.h>

#include "base/rng.h"
#include "base/sort.h"
#include "base/status.h"
#include "base/threads.h"
#include "graph/layout.h"

/* ---- memory ---- */

static void alloc_node(six_arena *a, const six_layout *l, six_plan *plan, int32_t i)
{
    const six_op *op = l->net->node[i].op;
    const six_memory_reqs *n = &l->memory_reqs[i];
    const uint64_t tiles = (uint64_t)plan->tiles, real_size = (uint64_t)l->real_size;
    real **value = six_arena_alloc(a, (uint64_t)op->params, sizeof *value);
    real **gradient = six_arena_alloc(a, (uint64_t)op->params, sizeof *gradient);
    const real **x = six_arena_alloc(a, tiles * (uint64_t)op->inputs, sizeof *x);
    real **dx = six_arena_alloc(a, tiles * (uint64_t)op->inputs, sizeof *dx);
    real **y = six_arena_alloc(a, tiles * (uint64_t)op->outputs, sizeof *y);
    const real **dy = six_arena_alloc(a, tiles * (uint64_t)op->outputs, sizeof *dy);
    void *shared = six_arena_alloc(a, (uint64_t)n->shared, 1);
    void *sums = six_arena_alloc(a, l->training || i == l->net->loss ? (uint64_t)n->sums * tiles : 0, real_size);
    void *back_sums = six_arena_alloc(a, l->training ? (uint64_t)n->back_sums * tiles : 0, real_size);
    if (!a->base)
        return;
    plan->run[i] = six_run_of(l->net, i, l->training, l->lanes);
    plan->run[i].value = value;
    plan->run[i].gradient = gradient;
    plan->run[i].shared = shared;
    plan->run[i].sums = sums;
    plan->run[i].back_sums = back_sums;
    for (int32_t t = 0; t < plan->tiles; t++) {
        six_tile *tile = six_tile_at(plan, i, t);
        tile->x = x + (int64_t)t * op->inputs;
        tile->dx = dx + (int64_t)t * op->inputs;
        tile->y = y + (int64_t)t * op->outputs;
        tile->dy = dy + (int64_t)t * op->outputs;
    }
}

/* What holds nothing from one pass to the next. */
static void alloc_workspace(six_arena *a, six_plan *plan)
{
    plan->tiles_memory = six_arena_alloc(a, (uint64_t)plan->tiles, (uint64_t)plan->tile_bytes);
    plan->scratch_memory = six_arena_alloc(a, (uint64_t)plan->workers, (uint64_t)plan->scratch_bytes);
}

static void alloc_all(six_arena *a, const six_layout *l, six_plan *plan)
{
    const uint64_t n = (uint64_t)l->net->node_count, tiles = (uint64_t)plan->tiles;
    six_arena lent = {.base = plan->lender ? plan->lender->tiles_memory : NULL};
    alloc_workspace(plan->lender ? &lent : a, plan);
    plan->partials = six_arena_alloc(a, tiles * (uint64_t)plan->partial_size, (uint64_t)l->real_size);
    plan->run = six_arena_alloc(a, n, sizeof *plan->run);
    plan->tile = six_arena_alloc(a, n * tiles, sizeof *plan->tile);
    plan->parts = six_arena_alloc(a, n, sizeof *plan->parts);
    plan->gather = six_arena_alloc(a, (uint64_t)l->extra_count, sizeof *plan->gather);
    plan->first_gather = six_arena_alloc(a, (uint64_t)l->net->value_count, sizeof *plan->first_gather);
    plan->use = six_arena_alloc(a, (uint64_t)plan->use_count, sizeof *plan->use);
    plan->targets = six_arena_alloc(a, tiles, sizeof *plan->targets);
    plan->error = six_arena_alloc(a, tiles, sizeof *plan->error);
    plan->error_node = six_arena_alloc(a, tiles, sizeof *plan->error_node);
    plan->forward.action = six_arena_alloc(a, (uint64_t)plan->forward.count, sizeof(six_action));
    plan->loss.action = six_arena_alloc(a, (uint64_t)plan->loss.count, sizeof(six_action));
    plan->backward.action = six_arena_alloc(a, (uint64_t)plan->backward.count, sizeof(six_action));
    for (int32_t i = 0; i < l->net->node_count; i++)
        alloc_node(a, l, plan, i);
}

static bool writes_partials(const six_layout *l, int32_t i)
{
    return l->training && l->has_backward[i] && six_partial_size(l->net, i) > 0;
}

static void size_up(six_plan *plan, const six_layout *l)
{
    const sixnet_model *net = l->net;
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_node *node = &net->node[i];
        plan->scratch_bytes =
            l->memory_reqs[i].scratch > plan->scratch_bytes ? l->memory_reqs[i].scratch : plan->scratch_bytes;
        if (!writes_partials(l, i))
            continue;
        plan->partial_size += six_partial_size(net, i);
        for (int32_t p = 0; p < node->op->params; p++)
            plan->use_count += six_trains(&net->tensor[node->tensor[p]]);
    }
    plan->scratch_bytes = (plan->scratch_bytes + 127) / 64 * 64;
    plan->partial_size = (plan->partial_size + 15) / 16 * 16;
}

/* ---- pointers ---- */

static void *buffer_at(const six_plan *plan, const six_layout *l, int32_t tile, int32_t buffer)
{
    return buffer < 0 ? NULL : plan->tiles_memory + (int64_t)tile * plan->tile_bytes + l->buffer[buffer].offset;
}

/* Whether node i gives a gradient for its input: the loss does where its input has a backward step. */
static bool gives_gradient(const six_layout *l, int32_t i, int32_t input)
{
    if (!l->training || l->gradient_buffer[input] < 0)
        return false;
    return i == l->net->loss || l->has_backward[i];
}

static void point_tile(six_plan *plan, const six_layout *l, int32_t i, int32_t t)
{
    const six_node *node = &l->net->node[i];
    six_tile *tile = six_tile_at(plan, i, t);
    const real **x = (const real **)tile->x, **dy = (const real **)tile->dy;
    real **y = (real **)tile->y, **dx = (real **)tile->dx;
    tile->index = t;
    for (int32_t k = 0; k < node->op->inputs; k++) {
        x[k] = buffer_at(plan, l, t, l->value_buffer[node->input[k]]);
        dx[k] = gives_gradient(l, i, node->input[k]) ? buffer_at(plan, l, t, l->gradient_buffer[node->input[k]]) : NULL;
    }
    for (int32_t o = 0; o < node->op->outputs; o++) {
        y[o] = buffer_at(plan, l, t, l->value_buffer[node->first_value + o]);
        dy[o] = buffer_at(plan, l, t, l->gradient_buffer[node->first_value + o]);
    }
    tile->saved = buffer_at(plan, l, t, l->saved_buffer[i]);
    if (i != l->net->loss)
        return;
    tile->target = plan->targets[t] = buffer_at(plan, l, t, l->target_buffer);
    if (l->loss_input_buffer >= 0) {
        x[0] = buffer_at(plan, l, t, l->loss_input_buffer);
        dx[0] = dx[0] ? buffer_at(plan, l, t, l->loss_gradient_buffer) : NULL;
    }
}

static void point_gathers(six_plan *plan, const six_layout *l)
{
    for (int32_t v = 0; v < l->net->value_count; v++)
        plan->first_gather[v] = l->first_extra[v];
    for (int32_t e = 0; e < l->extra_count; e++) {
        const six_extra_gradient *extra = &l->extra[e];
        plan->gather[e] = (six_gather_edge){extra->value, extra->node, extra->input};
        for (int32_t t = 0; t < plan->tiles; t++)
            ((real **)six_tile_at(plan, extra->node, t)->dx)[extra->input] = buffer_at(plan, l, t, extra->buffer);
    }
    plan->gather_count = l->extra_count;
}

static void point_tensors(six_plan *plan, const six_layout *l, int32_t i)
{
    const sixnet_model *net = l->net;
    const six_node *node = &net->node[i];
    real **value = (real **)plan->run[i].value, **gradient = (real **)plan->run[i].gradient;
    for (int32_t p = 0; p < node->op->params; p++) {
        const six_tensor *t = &net->tensor[node->tensor[p]];
        value[p] = six_tensor_at(net, net->values, t);
        gradient[p] = six_gradient_at(net, t);
    }
}

static int by_tensor_then_last_node(const void *a, const void *b)
{
    const six_partial_use *x = a, *y = b;
    if (x->tensor != y->tensor)
        return x->tensor < y->tensor ? -1 : 1;
    return x->node > y->node ? -1 : x->node < y->node;
}

static void point_partials(six_plan *plan, const six_layout *l)
{
    const sixnet_model *net = l->net;
    int64_t offset = 0;
    int32_t count = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_node *node = &net->node[i];
        if (!writes_partials(l, i))
            continue;
        for (int32_t t = 0; t < plan->tiles; t++)
            six_tile_at(plan, i, t)->partial =
                (void *)((char *)plan->partials + (t * plan->partial_size + offset) * l->real_size);
        for (int32_t p = 0; p < node->op->params; p++) {
            if (six_trains(&net->tensor[node->tensor[p]]))
                plan->use[count++] = (six_partial_use){node->tensor[p], i, offset};
            offset += node->op->param[p].trained ? six_shape_size(&node->op->param[p].shape) : 0;
        }
    }
    six_sort(plan->use, (size_t)count, sizeof *plan->use, by_tensor_then_last_node);
}

static void point_all(six_plan *plan, const six_layout *l)
{
    for (int32_t i = 0; i < l->net->node_count; i++) {
        plan->run[i].key = six_key_for(l->net->ctx->seed, SIX_KEY_NODES) + (uint64_t)i;
        plan->parts[i] = l->memory_reqs[i].parts;
        point_tensors(plan, l, i);
        for (int32_t t = 0; t < plan->tiles; t++)
            point_tile(plan, l, i, t);
    }
    point_gathers(plan, l);
    point_partials(plan, l);
    plan->loss_sums = l->net->loss < 0 ? 0 : l->memory_reqs[l->net->loss].sums;
}

/* ---- programs ---- */

/* Appends an action; while the program has no memory yet it is only counted. */
static void act(six_program *p, six_action a)
{
    if (p->action)
        p->action[p->count] = a;
    p->count++;
}

/* Whether a node looks at the whole batch before its forward step. */
static bool sums_batch(const six_layout *l, int32_t i)
{
    return l->training && !l->net->node[i].frozen && l->net->node[i].kernels->sum_forward;
}

static void program_forward(six_plan *plan, const six_layout *l)
{
    const sixnet_model *net = l->net;
    six_program *p = &plan->forward;
    p->count = plan->loss.count = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_kernels *k = net->node[i].kernels;
        if (k->begin_forward && !sums_batch(l, i))
            act(p, (six_action){SIX_ONCE_ONLY, i, .once = k->begin_forward});
    }
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_kernels *k = net->node[i].kernels;
        if (sums_batch(l, i)) {
            act(p, (six_action){SIX_ON_TILES, i, .tile = k->sum_forward});
            act(p, (six_action){SIX_ONCE_ONLY, i, .once = k->begin_forward});
        }
        if (k->forward && i != net->loss)
            act(p, (six_action){SIX_ON_TILES, i, .tile = plan->lanes == 1 ? k->forward_one : k->forward});
    }
    if (net->loss >= 0 && l->loss_input_buffer >= 0)
        act(&plan->loss, (six_action){.kind = SIX_TO_LANES, .node = net->loss});
    if (net->loss >= 0)
        act(&plan->loss, (six_action){SIX_ON_TILES, net->loss, .tile = net->node[net->loss].kernels->forward});
}

/* A view's gradient lies where its output's does, unless the input has other users or is retained. */
static void copy_gradient(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (tile->dx[0] && tile->dx[0] != tile->dy[0])
        memcpy(tile->dx[0], tile->dy[0],
               (size_t)six_shape_size(&run->op->out[0]) * (size_t)run->lanes * (size_t)run->real_size);
}

static void program_backward(six_plan *plan, const six_layout *l)
{
    const sixnet_model *net = l->net;
    six_program *p = &plan->backward;
    p->count = 0;
    if (!l->training)
        return;
    if (net->loss >= 0 && l->gradient_buffer[net->output] >= 0) {
        act(p, (six_action){SIX_ON_TILES, net->loss, .tile = net->node[net->loss].kernels->backward});
        if (l->loss_gradient_buffer >= 0)
            act(p, (six_action){.kind = SIX_FROM_LANES, .node = net->loss});
    }
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_kernels *k = net->node[i].kernels;
        if (l->has_backward[i] && k->begin_backward && (!k->sum_backward || net->node[i].frozen))
            act(p, (six_action){SIX_ONCE_ONLY, i, .once = k->begin_backward});
    }
    for (int32_t i = net->node_count - 1; i >= 0; i--) {
        const six_kernels *k = net->node[i].kernels;
        if (!l->has_backward[i])
            continue;
        for (int32_t o = 0; o < net->node[i].op->outputs; o++)
            if (l->first_extra[net->node[i].first_value + o] >= 0)
                act(p, (six_action){.kind = SIX_GATHER, .node = i, .output = o});
        if (k->sum_backward && !net->node[i].frozen) {
            act(p, (six_action){SIX_ON_TILES, i, .tile = k->sum_backward});
            act(p, (six_action){SIX_ONCE_ONLY, i, .once = k->begin_backward});
        }
        if (net->node[i].layer->is_view && net->node[i].op->inputs)
            act(p, (six_action){SIX_ON_TILES, i, .tile = copy_gradient});
        if (k->backward)
            act(p, (six_action){SIX_ON_TILES, i, .tile = plan->lanes == 1 ? k->backward_one : k->backward});
        if (k->backward_part && l->memory_reqs[i].parts && six_run_of(net, i, true, l->lanes).trains)
            act(p, (six_action){SIX_ON_PARTS, i, .part = k->backward_part});
    }
}

static void write_programs(six_plan *plan, const six_layout *l)
{
    program_forward(plan, l);
    program_backward(plan, l);
}

/* ---- plans ---- */

/* The plan's sizes, filled in from a layout; the memory is not there yet. */
static int32_t measure(six_plan *plan, const six_layout *l, int32_t tiles, const six_plan *lender, uint64_t *bytes)
{
    six_arena counter = {0}, workspace = {0};
    plan->net = (sixnet_model *)l->net;
    plan->training = l->training;
    plan->lanes = l->lanes;
    plan->tiles = tiles;
    plan->tile_bytes = l->tile_bytes;
    plan->workers = !l->training ? tiles : l->net->serial ? 1 : six_pool_size(l->net->ctx->pool);
    size_up(plan, l);
    write_programs(plan, l);
    alloc_workspace(&workspace, plan);
    plan->workspace_bytes = workspace.used;
    plan->lender = lender && !workspace.overflow && workspace.used <= lender->workspace_bytes ? lender : NULL;
    alloc_all(&counter, l, plan);
    *bytes = counter.used;
    return counter.overflow || counter.used > SIZE_MAX / 2
               ? six_fail(SIXNET_TOO_LARGE, "the net needs more memory than the address space")
               : SIXNET_OK;
}

int32_t six_plan_bytes(sixnet_model *net, int32_t tiles, bool training, int32_t lanes, uint64_t *bytes)
{
    six_layout l;
    six_plan plan = {0};
    uint64_t used;
    int32_t status = six_layout_new(&l, net, training, lanes);
    if (status)
        return status;
    status = measure(&plan, &l, tiles, NULL, &used);
    *bytes = l.bytes + used + sizeof plan + 2 * SIX_ALLOC_EXTRA;
    six_layout_free(&l);
    return status;
}

int32_t six_plan_new(six_plan **out, sixnet_model *net, int32_t tiles, bool training, int32_t lanes,
                     const six_plan *lender)
{
    six_layout l;
    int32_t status = six_layout_new(&l, net, training, lanes);
    if (status)
        return status;
    six_plan *plan = six_alloc(net->ctx, 1, sizeof *plan);
    status = plan ? measure(plan, &l, tiles, lender, &plan->bytes) : SIXNET_OUT_OF_MEMORY;
    if (!status) {
        plan->memory = six_alloc(net->ctx, 1, (size_t)plan->bytes);
        status = plan->memory ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
    }
    if (status) {
        six_free(net->ctx, plan);
    } else {
        six_arena arena = {.base = plan->memory};
        alloc_all(&arena, &l, plan);
        write_programs(plan, &l);
        point_all(plan, &l);
        *out = plan;
    }
    six_layout_free(&l);
    return status;
}

void six_plan_free(six_plan *plan)
{
    if (!plan)
        return;
    const sixnet_context *ctx = plan->net->ctx;
    six_free(ctx, plan->memory);
    six_free(ctx, plan);
}

uint64_t six_plan_allocated(const six_plan *plan)
{
    return plan ? (uint64_t)six_allocated(plan) + six_allocated(plan->memory) : 0;
}
