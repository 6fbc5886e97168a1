/* SPDX-License-Identifier: MIT */

/* Calls of custom layers: kernels that give a layer's function the samples of a tile as plain rows of the registered dtype and take back
 * what it wrote, and the functions by which it reads and writes them. */

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/status.h"
#include "graph/custom.h"

struct sixnet_layer_call {
    const six_run *run;
    const six_custom_layer *layer;
    int64_t samples;
    bool backward;
    void **x, **dx;               /* [inputs] rows of the registered dtype */
    void **y, **dy;               /* [outputs] */
    void **parameter, **gradient; /* [params] */
};

const char six_error_callback[] = "the layer's function returned an error";

/* ---- rows and lanes ---- */

static int64_t value_bytes(const six_custom_layer *layer)
{
    return layer->dtype == SIX_F64 ? sizeof(double) : sizeof(float);
}

/* Memory for count rows or tensors, of which number i has size(op, i) values. */
static void **alloc_values(six_arena *a, const six_op *op, int32_t count, int64_t (*size)(const six_op *, int32_t),
                           int64_t bytes)
{
    void **values = six_arena_alloc(a, (uint64_t)count, sizeof *values);
    for (int32_t i = 0; i < count; i++) {
        void *memory = six_arena_alloc(a, (uint64_t)size(op, i), (uint64_t)bytes);
        if (a->base)
            values[i] = memory;
    }
    return values;
}

static int64_t input_rows(const six_op *op, int32_t i) { return SIX_LANES * six_shape_size(&op->in[i]); }
static int64_t output_rows(const six_op *op, int32_t o) { return SIX_LANES * six_shape_size(&op->out[o]); }
static int64_t param_size(const six_op *op, int32_t p) { return six_shape_size(&op->param[p].shape); }

static sixnet_layer_call lay_out(const six_run *run, six_arena *a)
{
    const six_op *op = run->op;
    sixnet_layer_call call = {.run = run, .layer = six_custom_of(op)};
    const int64_t bytes = value_bytes(call.layer);
    call.x = alloc_values(a, op, op->inputs, input_rows, bytes);
    call.dx = alloc_values(a, op, op->inputs, input_rows, bytes);
    call.y = alloc_values(a, op, op->outputs, output_rows, bytes);
    call.dy = alloc_values(a, op, op->outputs, output_rows, bytes);
    call.parameter = alloc_values(a, op, op->params, param_size, bytes);
    call.gradient = alloc_values(a, op, op->params, param_size, bytes);
    return call;
}

static void to_rows(const sixnet_layer_call *call, void *rows, const real *lanes, int64_t size)
{
    if (call->layer->dtype == SIX_F64)
        call->layer->arrays->f64_from_lanes(rows, size, lanes, size, (int32_t)call->samples);
    else
        call->layer->arrays->f32_from_lanes(rows, size, lanes, size, (int32_t)call->samples);
}

static void to_lanes(const sixnet_layer_call *call, real *lanes, const void *rows, int64_t size)
{
    if (call->layer->dtype == SIX_F64)
        call->layer->arrays->lanes_from_f64(lanes, rows, size, size, (int32_t)call->samples);
    else
        call->layer->arrays->lanes_from_f32(lanes, rows, size, size, (int32_t)call->samples);
}

static six_dtype real_dtype(const six_run *run)
{
    return run->real_size == (int32_t)sizeof(double) ? SIX_F64 : SIX_F32;
}

static void clear(const sixnet_layer_call *call, void *values, int64_t count)
{
    memset(values, 0, (size_t)(count * value_bytes(call->layer)));
}

/* What forward and backward both see. */
static sixnet_layer_call open_call(const six_run *run, const six_tile *tile, void *scratch)
{
    six_arena arena = {.base = scratch};
    sixnet_layer_call call = lay_out(run, &arena);
    call.samples = tile->active;
    for (int32_t i = 0; i < run->op->inputs; i++)
        to_rows(&call, call.x[i], tile->x[i], six_shape_size(&run->op->in[i]));
    for (int32_t p = 0; p < run->op->params; p++)
        six_convert(call.parameter[p], call.layer->dtype, run->value[p], real_dtype(run), param_size(run->op, p));
    return call;
}

/* ---- the kernels ---- */

/* run->shared: whether the function has failed in this pass; it is not called again then. The tiles come in order, as the net is serial. */
static bool call_function(sixnet_layer_compute_fn fn, sixnet_layer_call *call, six_tile *tile)
{
    bool *failed = call->run->shared;
    if (tile->index == 0 || !*failed)
        *failed = fn(call->layer->user, call) != 0;
    if (*failed)
        tile->error = six_error_callback;
    return !*failed;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    sixnet_layer_call call = open_call(run, tile, scratch);
    for (int32_t o = 0; o < op->outputs; o++)
        clear(&call, call.y[o], call.samples * six_shape_size(&op->out[o]));
    if (!call_function(call.layer->forward, &call, tile))
        return;
    for (int32_t o = 0; o < op->outputs; o++)
        to_lanes(&call, tile->y[o], call.y[o], six_shape_size(&op->out[o]));
}

static void open_gradients(sixnet_layer_call *call, const six_tile *tile)
{
    const six_op *op = call->run->op;
    call->backward = true;
    for (int32_t o = 0; o < op->outputs; o++) {
        const int64_t size = six_shape_size(&op->out[o]);
        to_rows(call, call->y[o], tile->y[o], size);
        if (tile->dy[o])
            to_rows(call, call->dy[o], tile->dy[o], size);
        else
            clear(call, call->dy[o], call->samples * size);
    }
    for (int32_t i = 0; i < op->inputs; i++)
        clear(call, call->dx[i], call->samples * six_shape_size(&op->in[i]));
    for (int32_t p = 0; p < op->params; p++)
        clear(call, call->gradient[p], param_size(op, p));
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    sixnet_layer_call call = open_call(run, tile, scratch);
    open_gradients(&call, tile);
    if (!call_function(call.layer->backward, &call, tile))
        return;
    for (int32_t i = 0; i < op->inputs; i++)
        if (tile->dx[i])
            to_lanes(&call, tile->dx[i], call.dx[i], six_shape_size(&op->in[i]));
    char *partial = (char *)tile->partial;
    for (int32_t p = 0; partial && p < op->params; p++) {
        six_convert(partial, real_dtype(run), call.gradient[p], call.layer->dtype, param_size(op, p));
        partial += param_size(op, p) * run->real_size;
    }
}

static int32_t refuse_backward(six_run *run, six_tile *tiles)
{
    (void)tiles;
    return six_fail(SIXNET_BAD_STATE,
                    "%s: the layer '%s' has no backward function, so the net can predict but not be trained",
                    run->op->name, run->op->layer->kind.name);
}

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    six_arena counter = {0};
    lay_out(run, &counter);
    n->scratch = counter.overflow ? INT64_MAX / 4 : (int64_t)counter.used;
    n->shared = sizeof(bool);
}

void six_custom_set_kernels(six_custom_layer *layer)
{
    layer->kernels.memory_reqs = memory_reqs;
    layer->kernels.forward = forward;
    layer->kernels.begin_backward = layer->backward ? NULL : refuse_backward;
    layer->kernels.backward = backward;
}

/* ---- what a function may ask ---- */

int64_t sixnet_layer_call_sample_count(const sixnet_layer_call *call)
{
    return call ? call->samples : six_fail(SIXNET_INVALID_ARGUMENT, "call is NULL");
}

int32_t sixnet_layer_call_is_training(const sixnet_layer_call *call)
{
    return call ? call->run->training : six_fail(SIXNET_INVALID_ARGUMENT, "call is NULL");
}

double sixnet_layer_call_attribute(const sixnet_layer_call *call, const char *name)
{
    return call && name ? six_custom_attribute(call->run->op, name) : (double)NAN;
}

int32_t sixnet_layer_call_input_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims, int32_t *rank)
{
    return call ? six_custom_give_input_shape(call->run->op, index, dims, rank)
                : six_fail(SIXNET_INVALID_ARGUMENT, "call is NULL");
}

static bool has_output(const sixnet_layer_call *call, int32_t index)
{
    return call && index >= 0 && index < call->run->op->outputs;
}

int32_t sixnet_layer_call_output_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims, int32_t *rank)
{
    if (!call)
        return six_fail(SIXNET_INVALID_ARGUMENT, "call is NULL");
    if (!has_output(call, index))
        return six_fail(SIXNET_INVALID_ARGUMENT, "there is no output %d; the node has %d", index,
                        call->run->op->outputs);
    return six_custom_give_shape(&call->run->op->out[index], dims, rank);
}

int32_t sixnet_layer_call_parameter_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims, int32_t *rank)
{
    if (!call)
        return six_fail(SIXNET_INVALID_ARGUMENT, "call is NULL");
    if (index < 0 || index >= call->run->op->params)
        return six_fail(SIXNET_INVALID_ARGUMENT, "there is no parameter %d; the node has %d", index,
                        call->run->op->params);
    return six_custom_give_shape(&call->run->op->param[index].shape, dims, rank);
}

static bool has_input(const sixnet_layer_call *call, int32_t index)
{
    return call && index >= 0 && index < call->run->op->inputs;
}

static bool has_parameter(const sixnet_layer_call *call, int32_t index)
{
    return call && index >= 0 && index < call->run->op->params;
}

const void *sixnet_layer_call_input(const sixnet_layer_call *call, int32_t index)
{
    return has_input(call, index) ? call->x[index] : NULL;
}

void *sixnet_layer_call_output(sixnet_layer_call *call, int32_t index)
{
    return has_output(call, index) ? call->y[index] : NULL;
}

const void *sixnet_layer_call_parameter(const sixnet_layer_call *call, int32_t index)
{
    return has_parameter(call, index) ? call->parameter[index] : NULL;
}

const void *sixnet_layer_call_output_gradient(const sixnet_layer_call *call, int32_t index)
{
    return has_output(call, index) && call->backward ? call->dy[index] : NULL;
}

void *sixnet_layer_call_input_gradient(sixnet_layer_call *call, int32_t index)
{
    return has_input(call, index) && call->backward ? call->dx[index] : NULL;
}

void *sixnet_layer_call_parameter_gradient(sixnet_layer_call *call, int32_t index)
{
    return has_parameter(call, index) && call->backward ? call->gradient[index] : NULL;
}
