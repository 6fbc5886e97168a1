/* SPDX-License-Identifier: MIT */

#include "graph/actions.h"

#include <string.h>

#include "base/status.h"
#include "graph/profile.h"

const char six_error_cancelled[] = "cancelled";

static void *scratch_of(const six_plan *plan, int32_t worker)
{
    return plan->scratch_memory + worker * plan->scratch_bytes;
}

void six_load_rows(const sixnet_model *net, real *lanes, six_rows r, int64_t offset, int64_t stride, int64_t features,
                   int32_t active)
{
    const six_arrays *a = &net->variant->arrays;
    if (r.dtype == SIX_F64)
        a->lanes_from_f64(lanes, six_row(r, offset), stride, features, active);
    else
        a->lanes_from_f32(lanes, six_row(r, offset), stride, features, active);
}

void six_unload_rows(const sixnet_model *net, six_rows_out r, int64_t offset, const real *lanes, int64_t features,
                     int32_t active)
{
    const six_arrays *a = &net->variant->arrays;
    if (r.dtype == SIX_F64)
        a->f64_from_lanes((double *)r.data + offset, features, lanes, features, active);
    else
        a->f32_from_lanes((float *)r.data + offset, features, lanes, features, active);
}

void six_load_inputs(six_plan *plan, int32_t tile, six_rows inputs, int64_t first, int32_t active, int32_t worker)
{
    const sixnet_model *net = plan->net;
    int64_t column = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        if (net->node[i].layer->role != SIX_ROLE_INPUT)
            continue;
        int64_t size = six_shape_size(&net->node[i].op->out[0]), start = six_profile_start(six_plan_profile(plan));
        real *y = six_tile_at(plan, i, tile)->y[0];
        if (plan->lanes == 1)
            six_convert(y, net->ctx->dtype, six_row(inputs, first * net->input_size + column), inputs.dtype, size);
        else
            six_load_rows(net, y, inputs, first * net->input_size + column, net->input_size, size, active);
        six_profile_stop(six_plan_profile(plan), i, worker, start);
        column += size;
    }
}

/* Adds what several users gave for one output of a node, from the last user to the first. */
static void gather(const six_plan *plan, int32_t node, int32_t output, int32_t tile)
{
    const int32_t value = plan->net->node[node].first_value + output;
    const int64_t count = six_shape_size(&plan->run[node].op->out[output]) * plan->lanes;
    real *sum = (real *)six_tile_at(plan, node, tile)->dy[output];
    for (int32_t e = plan->first_gather[value]; e < plan->gather_count && plan->gather[e].value == value; e++)
        plan->net->variant->arrays.add(sum, six_tile_at(plan, plan->gather[e].node, tile)->dx[plan->gather[e].input],
                                       count);
}

/* Between the loss, which has lanes, and a net without. */
static void cross_to_loss(const six_plan *plan, int32_t tile)
{
    const sixnet_model *net = plan->net;
    const six_tile *loss = six_tile_at(plan, net->loss, tile);
    const six_value output = net->value[net->output];
    const real *y = six_tile_at(plan, output.node, tile)->y[output.output];
    six_load_rows(net, (real *)loss->x[0], (six_rows){y, net->ctx->dtype}, 0, net->output_size, net->output_size, 1);
}

static void cross_from_loss(const six_plan *plan, int32_t tile)
{
    const sixnet_model *net = plan->net;
    const six_tile *loss = six_tile_at(plan, net->loss, tile);
    const six_value output = net->value[net->output];
    real *dy = (real *)six_tile_at(plan, output.node, tile)->dy[output.output];
    six_unload_rows(net, (six_rows_out){dy, net->ctx->dtype}, 0, loss->dx[0], net->output_size, 1);
}

/* Actions that are no function of a layer. */
static void act_between_layers(const six_plan *plan, const six_action *a, int32_t tile)
{
    if (a->kind == SIX_GATHER)
        gather(plan, a->node, a->output, tile);
    else if (a->kind == SIX_TO_LANES)
        cross_to_loss(plan, tile);
    else
        cross_from_loss(plan, tile);
}

static void keep_error(six_plan *plan, const six_action *a, int32_t tile, six_tile *t)
{
    if (!plan->error[tile]) {
        plan->error[tile] = t->error;
        plan->error_node[tile] = a->node;
    }
    t->error = NULL;
}

static inline void act(six_plan *plan, const six_action *a, int32_t tile, void *scratch)
{
    six_tile *t = six_tile_at(plan, a->node, tile);
    if (a->kind == SIX_ON_TILES)
        a->tile(&plan->run[a->node], t, scratch);
    else
        act_between_layers(plan, a, tile);
    if (t->error)
        keep_error(plan, a, tile, t);
}

void six_act_on_tile(six_plan *plan, const six_action *a, int32_t tile, int32_t worker)
{
    int64_t start = six_profile_start(six_plan_profile(plan));
    act(plan, a, tile, scratch_of(plan, worker));
    six_profile_stop(six_plan_profile(plan), a->node, worker, start);
    if (plan->observer)
        plan->observer->after_layer(plan->observer, a->node, six_tile_at(plan, a->node, tile), a->tile);
}

int32_t six_act_once(six_plan *plan, const six_action *a)
{
    int64_t start = six_profile_start(six_plan_profile(plan));
    int32_t status = a->once(&plan->run[a->node], six_tile_at(plan, a->node, 0));
    six_profile_stop(six_plan_profile(plan), a->node, 0, start);
    return status;
}

/* Actions that each tile can go through without waiting for the others. */
typedef struct action_span {
    six_plan *plan;
    const six_action *first, *end;
} action_span;

static void run_on_tile(void *arg, int32_t tile, int32_t worker)
{
    const action_span *span = arg;
    void *scratch = scratch_of(span->plan, worker);
    const bool watched = six_plan_profile(span->plan) || span->plan->observer;
    for (const six_action *a = span->first; a < span->end; a++)
        if (watched)
            six_act_on_tile(span->plan, a, tile, worker);
        else
            act(span->plan, a, tile, scratch);
}

static void run_on_part(void *arg, int32_t part, int32_t worker)
{
    const action_span *span = arg;
    const six_action *a = span->first;
    int64_t start = six_profile_start(span->plan->net->profile);
    a->part(&span->plan->run[a->node], six_tile_at(span->plan, a->node, 0), part, scratch_of(span->plan, worker));
    six_profile_stop(span->plan->net->profile, a->node, worker, start);
}

int32_t six_collect_errors(six_plan *plan, int32_t tiles)
{
    for (int32_t t = 0; t < tiles; t++)
        if (plan->error[t]) {
            const char *what = plan->error[t];
            const char *name = plan->net->node[plan->error_node[t]].name;
            memset(plan->error, 0, (size_t)plan->tiles * sizeof *plan->error);
            if (what == six_error_cancelled)
                return SIXNET_STOPPED;
            return six_fail(what == six_error_callback ? SIXNET_CALLBACK_FAILED : SIXNET_BAD_DATA, "%s: %s", name,
                            what);
        }
    return SIXNET_OK;
}

int32_t six_run_program(six_plan *plan, const six_program *program)
{
    const six_action *a = program->action, *end = a + program->count;
    while (a < end) {
        if (a->kind == SIX_ONCE_ONLY) {
            int32_t status = six_act_once(plan, a);
            if (status)
                return status;
            a++;
            continue;
        }
        action_span span = {plan, a, a + 1};
        if (a->kind == SIX_ON_PARTS) {
            six_pool_run(six_model_pool(plan->net), run_on_part, &span, plan->parts[a->node]);
        } else {
            while (span.end < end && span.end->kind != SIX_ONCE_ONLY && span.end->kind != SIX_ON_PARTS)
                span.end++;
            six_pool_run(six_model_pool(plan->net), run_on_tile, &span, plan->active_tiles);
        }
        a = span.end;
    }
    return six_collect_errors(plan, plan->active_tiles);
}
