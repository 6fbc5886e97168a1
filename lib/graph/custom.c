/* SPDX-License-Identifier: MIT */

/* Layers of the caller's (sixnet/layer.h). To the graph each is a layer like any other, whose kernels are those of this file: they give the
 * caller's function the samples of a tile as plain rows of the registered dtype, and take back what it wrote. Nets that have such layers run
 * serially. */

#include "sixnet/layer.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/calls.h"
#include "base/status.h"
#include "graph/graph.h"

enum { CUSTOM_NAME_MAX = 40, ATTRIBUTES_MAX = 64 };

typedef struct six_custom_layer {
    six_layer layer; /* first, so that op->layer can be cast */
    struct six_custom_layer *next;
    sixnet_layer_setup_fn setup;
    sixnet_layer_compute_fn forward, backward;
    void *user;
    const six_arrays *arrays;
    six_dtype dtype; /* of the values that the functions see */
    bool same_dtype; /* as the context's */
    char name[CUSTOM_NAME_MAX + 1];
    char *attributes; /* the text of their names and defaults, cut into strings */
    six_attr *attr;   /* ends with a name of NULL */
} custom;

struct sixnet_layer_setup {
    six_op *op;
    int32_t status; /* of the first refusal or failed request, and its message */
    char message[SIX_LINE_MAX];
};

struct sixnet_layer_call {
    const six_run *run;
    const custom *layer;
    int64_t samples;
    bool backward;
    void **x, **dx;               /* [inputs] rows of the registered dtype */
    void **y, **dy;               /* [outputs] */
    void **parameter, **gradient; /* [params] */
};

const char six_error_callback[] = "the layer's function returned an error";

static const custom *custom_of(const six_op *op) { return (const custom *)op->layer; }

/* ---- rows and lanes ---- */

static int64_t value_bytes(const custom *layer) { return layer->dtype == SIX_F64 ? sizeof(double) : sizeof(float); }

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
    sixnet_layer_call call = {.run = run, .layer = custom_of(op)};
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

static void copy(void *to, six_dtype to_dtype, const void *from, six_dtype from_dtype, int64_t count)
{
    if (to_dtype == from_dtype)
        memcpy(to, from, (size_t)count * (to_dtype == SIX_F64 ? sizeof(double) : sizeof(float)));
    else if (to_dtype == SIX_F64)
        for (int64_t i = 0; i < count; i++)
            ((double *)to)[i] = ((const float *)from)[i];
    else
        for (int64_t i = 0; i < count; i++)
            ((float *)to)[i] = (float)((const double *)from)[i];
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
        copy(call.parameter[p], call.layer->dtype, run->value[p], real_dtype(run), param_size(run->op, p));
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
        copy(partial, real_dtype(run), call.gradient[p], call.layer->dtype, param_size(op, p));
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

/* ---- setup ---- */

static int32_t set_up(six_op *op)
{
    const custom *layer = custom_of(op);
    sixnet_layer_setup setup = {.op = op};
    op->out[0] = op->in[0];
    if (!layer->setup)
        return SIXNET_OK;
    int32_t answer = layer->setup(layer->user, &setup);
    if (setup.status)
        return six_fail(setup.status, "%s: %s", op->name, setup.message);
    if (answer)
        return six_fail(SIXNET_CALLBACK_FAILED, "%s: the setup function of '%s' returned %d", op->name, layer->name,
                        answer);
    return SIXNET_OK;
}

/* Keeps the first refusal, so that the node fails whatever the function returns. */
static int32_t note(sixnet_layer_setup *setup, int32_t status)
{
    if (setup->status == SIXNET_OK) {
        setup->status = status;
        memcpy(setup->message, sixnet_last_error(), strlen(sixnet_last_error()) + 1);
    }
    return status;
}

static double attribute(const six_op *op, const char *name)
{
    const double *values = op->attr;
    const six_attr *attr = custom_of(op)->attr;
    for (int32_t i = 0; attr[i].name; i++)
        if (strcmp(attr[i].name, name) == 0)
            return values[i];
    return NAN;
}

static bool is_word(const char *s, size_t length)
{
    static const char allowed[] = "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return length > 0 && !(*s >= '0' && *s <= '9') && strspn(s, allowed) >= length;
}

static bool is_parameter_name(const six_op *op, const char *name)
{
    if (strlen(name) >= SIX_PARAM_NAME_MAX - 4 || !is_word(name, strlen(name)))
        return false;
    for (int32_t p = 0; p < op->params; p++)
        if (strcmp(op->param[p].name, name) == 0)
            return false;
    return true;
}

static bool read_shape(six_shape *shape, const int64_t *dims, int32_t rank)
{
    shape->rank = rank;
    for (int32_t i = 0; i < rank && i < SIX_MAX_RANK; i++)
        shape->dim[i] = dims[i];
    return six_shape_fits(shape);
}

static int32_t give_shape(const six_shape *shape, int64_t *dims, int32_t *rank)
{
    if (!dims || !rank)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s is NULL", dims ? "rank" : "dims");
    memcpy(dims, shape->dim, (size_t)shape->rank * sizeof *dims);
    *rank = shape->rank;
    return SIXNET_OK;
}

static int32_t give_input_shape(const six_op *op, int32_t index, int64_t *dims, int32_t *rank)
{
    if (index < 0 || index >= op->inputs)
        return six_fail(SIXNET_INVALID_ARGUMENT, "there is no input %d; the node has %d", index, op->inputs);
    return give_shape(&op->in[index], dims, rank);
}

int32_t sixnet_layer_setup_input_count(const sixnet_layer_setup *setup)
{
    return setup ? setup->op->inputs : six_fail(SIXNET_INVALID_ARGUMENT, "setup is NULL");
}

int32_t sixnet_layer_setup_input_shape(const sixnet_layer_setup *setup, int32_t index, int64_t *dims, int32_t *rank)
{
    return setup ? give_input_shape(setup->op, index, dims, rank) : six_fail(SIXNET_INVALID_ARGUMENT, "setup is NULL");
}

double sixnet_layer_setup_attribute(const sixnet_layer_setup *setup, const char *name)
{
    return setup && name ? attribute(setup->op, name) : (double)NAN;
}

int32_t sixnet_layer_setup_set_output_shape(sixnet_layer_setup *setup, const int64_t *dims, int32_t rank)
{
    six_shape shape = {0};
    if (!setup)
        return six_fail(SIXNET_INVALID_ARGUMENT, "setup is NULL");
    if (!dims || !read_shape(&shape, dims, rank))
        return note(setup, six_fail(SIXNET_BAD_SHAPE, "the output's shape must be 1 to %d dimensions of 1 and up",
                                    SIX_MAX_RANK));
    setup->op->out[0] = shape;
    return SIXNET_OK;
}

/* One output more, with a name; the first is called output. */
static int32_t add_output(six_op *op, const char *name, const six_shape *shape)
{
    const int32_t count = op->outputs + 1;
    six_shape *out = six_alloc(op->ctx, (size_t)count, sizeof *out);
    six_name *names = six_alloc(op->ctx, (size_t)count, sizeof *names);
    if (!out || !names) {
        six_free(op->ctx, out);
        six_free(op->ctx, names);
        return SIXNET_OUT_OF_MEMORY;
    }
    memcpy(out, op->out, (size_t)op->outputs * sizeof *out);
    if (op->output_name)
        memcpy(names, op->output_name, (size_t)op->outputs * sizeof *names);
    else
        names[0] = (six_name){"output"};
    memcpy(names[op->outputs].text, name, strlen(name) + 1);
    out[op->outputs] = *shape;
    six_free(op->ctx, op->out);
    six_free(op->ctx, op->output_name);
    op->out = out;
    op->output_name = names;
    op->outputs = count;
    return SIXNET_OK;
}

static bool is_output_name(const six_op *op, const char *name)
{
    if (strlen(name) >= SIX_PARAM_NAME_MAX - 4 || !is_word(name, strlen(name)) || strcmp(name, "output") == 0)
        return false;
    for (int32_t o = 1; o < op->outputs; o++)
        if (strcmp(op->output_name[o].text, name) == 0)
            return false;
    return true;
}

int32_t sixnet_layer_setup_add_output(sixnet_layer_setup *setup, const char *name, const int64_t *dims, int32_t rank)
{
    six_shape shape = {0};
    if (!setup || !name)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s is NULL", !setup ? "setup" : "name");
    if (setup->op->outputs == SIX_MAX_OUTPUTS)
        return note(setup, six_fail(SIXNET_TOO_LARGE, "output '%.40s': a layer has at most %d", name, SIX_MAX_OUTPUTS));
    if (!is_output_name(setup->op, name))
        return note(setup, six_fail(SIXNET_INVALID_ARGUMENT,
                                    "output '%.40s': a name is letters, digits and '_', and not used twice", name));
    if (!dims || !read_shape(&shape, dims, rank))
        return note(setup, six_fail(SIXNET_BAD_SHAPE, "output '%s': its shape must be 1 to %d dimensions of 1 and up",
                                    name, SIX_MAX_RANK));
    int32_t status = add_output(setup->op, name, &shape);
    return status ? note(setup, status) : SIXNET_OK;
}

int32_t sixnet_layer_setup_add_parameter(sixnet_layer_setup *setup, const char *name, const int64_t *dims, int32_t rank,
                                         double low, double high)
{
    six_shape shape = {0};
    if (!setup || !name)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s is NULL", !setup ? "setup" : "name");
    six_op *op = setup->op;
    if (!is_parameter_name(op, name))
        return note(setup, six_fail(SIXNET_INVALID_ARGUMENT,
                                    "parameter '%.40s': a name is letters, digits and '_', and not used twice", name));
    if (!dims || !read_shape(&shape, dims, rank))
        return note(setup,
                    six_fail(SIXNET_BAD_SHAPE, "parameter '%s': its shape must be 1 to %d dimensions of 1 and up", name,
                             SIX_MAX_RANK));
    if (!isfinite(low) || !isfinite(high) || low > high)
        return note(setup,
                    six_fail(SIXNET_INVALID_ARGUMENT, "parameter '%s': initial values lie from low to high", name));
    six_param param = {"", shape, true, low < high ? six_init_uniform(low, high) : six_init_constant(low)};
    memcpy(param.name, name, strlen(name) + 1);
    int32_t status = six_op_add_params(op, &param, 1);
    return status ? note(setup, status) : SIXNET_OK;
}

int32_t sixnet_layer_setup_fail(sixnet_layer_setup *setup, const char *message)
{
    if (!setup)
        return six_fail(SIXNET_INVALID_ARGUMENT, "setup is NULL");
    return note(setup, six_fail(SIXNET_BAD_SHAPE, "%s", message ? message : "the layer refused its inputs"));
}

/* ---- calls ---- */

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
    return call && name ? attribute(call->run->op, name) : (double)NAN;
}

int32_t sixnet_layer_call_input_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims, int32_t *rank)
{
    return call ? give_input_shape(call->run->op, index, dims, rank)
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
    return give_shape(&call->run->op->out[index], dims, rank);
}

int32_t sixnet_layer_call_parameter_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims, int32_t *rank)
{
    if (!call)
        return six_fail(SIXNET_INVALID_ARGUMENT, "call is NULL");
    if (index < 0 || index >= call->run->op->params)
        return six_fail(SIXNET_INVALID_ARGUMENT, "there is no parameter %d; the node has %d", index,
                        call->run->op->params);
    return give_shape(&call->run->op->param[index].shape, dims, rank);
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

/* ---- the list of layers ---- */

static void custom_free(const sixnet_context *ctx, custom *layer)
{
    six_free(ctx, layer->attributes);
    six_free(ctx, layer->attr);
    six_free(ctx, layer);
}

void six_custom_free_all(sixnet_context *ctx)
{
    while (ctx->custom) {
        custom *layer = ctx->custom;
        ctx->custom = layer->next;
        custom_free(ctx, layer);
    }
}

const six_layer *six_custom_find(const sixnet_context *ctx, six_span word)
{
    size_t length = (size_t)(word.end - word.begin);
    for (const custom *layer = ctx->custom; layer; layer = layer->next)
        if (strlen(layer->name) == length && memcmp(layer->name, word.begin, length) == 0)
            return &layer->layer;
    return NULL;
}

static const char blanks[] = " \t\r\n";

static int32_t count_words(const char *text)
{
    int32_t count = 0;
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        text += strcspn(text, blanks);
        count++;
    }
    return count;
}

static bool is_taken(const six_attr *attrs, const char *name)
{
    for (; attrs->name; attrs++)
        if (strcmp(attrs->name, name) == 0)
            return true;
    return false;
}

/* "beta=1", which is cut into two strings at its = for the next entry of the table. */
static int32_t read_attribute(custom *layer, int32_t index, char *word)
{
    double value;
    char *equals = strchr(word, '=');
    if (!equals || !six_parse_double(equals + 1, equals + strlen(equals), &value) || !isfinite(value))
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: '%.40s' is not of the form attribute=number", layer->name, word);
    *equals = '\0';
    if (!is_word(word, strlen(word)) || is_taken(layer->attr, word) || is_taken(six_kind_common.attrs, word))
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: '%.40s' cannot be the name of an attribute, or is one already",
                        layer->name, word);
    layer->attr[index] = (six_attr){word,       SIX_FLOAT, (size_t)index * sizeof(double), SIX_ANY,
                                    equals + 1, NULL,      "a number of the layer's"};
    return SIXNET_OK;
}

static int32_t read_attributes(const sixnet_context *ctx, custom *layer, const char *text)
{
    int32_t count = count_words(text), status = SIXNET_OK;
    if (count > ATTRIBUTES_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: a layer has at most %d attributes", layer->name, ATTRIBUTES_MAX);
    layer->attributes = six_alloc(ctx, strlen(text) + 1, 1);
    layer->attr = six_alloc(ctx, (size_t)count + 1, sizeof *layer->attr);
    if (!layer->attributes || !layer->attr)
        return SIXNET_OUT_OF_MEMORY;
    char *word = memcpy(layer->attributes, text, strlen(text) + 1);
    for (int32_t i = 0; i < count && !status; i++) {
        word += strspn(word, blanks);
        char *next = word + strcspn(word, blanks);
        if (*next)
            *next++ = '\0';
        status = read_attribute(layer, i, word);
        word = next;
    }
    layer->layer.kind.attrs = layer->attr;
    layer->layer.kind.size = (size_t)count * sizeof(double);
    return status;
}

static int32_t check_name(const sixnet_context *ctx, const char *name)
{
    size_t length = strlen(name);
    if (length > CUSTOM_NAME_MAX || !is_word(name, length))
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "layer '%.60s': a name is 1 to %d letters, digits and '_', and begins with no digit", name,
                        CUSTOM_NAME_MAX);
    if (six_layer_index(name) >= 0 || six_custom_find(ctx, (six_span){name, name + length}))
        return six_fail(SIXNET_INVALID_ARGUMENT, "layer '%s': there is one of that name already", name);
    return SIXNET_OK;
}

static int32_t check_registration(const sixnet_context *ctx, const char *name, const char *dtype,
                                  sixnet_layer_compute_fn compute)
{
    if (!ctx || !name || !dtype)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s is NULL", !ctx ? "ctx" : !name ? "name" : "dtype");
    if (!compute)
        return six_fail(SIXNET_INVALID_ARGUMENT, "layer '%.60s': forward is NULL", name);
    if (strcmp(dtype, "f32") != 0 && strcmp(dtype, "f64") != 0)
        return six_fail(SIXNET_INVALID_ARGUMENT, "layer '%.60s': dtype '%.20s' is neither f32 nor f64", name, dtype);
    return check_name(ctx, name);
}

/* What the graph sees. */
static void describe(custom *layer)
{
    layer->layer.kind.name = layer->layer.title = layer->layer.prefix = layer->name;
    layer->layer.kind.help = "a layer of the program's own";
    layer->layer.inputs_min = 1;
    layer->layer.inputs_max = SIX_MAX_INPUTS;
    layer->layer.reads = SIX_READS_X | SIX_READS_Y;
    layer->layer.setup = set_up;
    layer->layer.memory_reqs = memory_reqs;
    layer->layer.forward = forward;
    layer->layer.begin_backward = layer->backward ? NULL : refuse_backward;
    layer->layer.backward = backward;
}

int32_t sixnet_context_register_layer(sixnet_context *ctx, const char *name, const char *attributes, const char *dtype,
                                      sixnet_layer_setup_fn setup, sixnet_layer_compute_fn forward_fn,
                                      sixnet_layer_compute_fn backward_fn, void *user)
{
    int32_t status = check_registration(ctx, name, dtype, forward_fn);
    if (!status)
        status = six_calls_check("sixnet_context_register_layer", SIX_USES(SIX_CHANGE(ctx)));
    if (status)
        return status;
    custom *layer = six_alloc(ctx, 1, sizeof *layer);
    if (!layer)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(layer->name, name, strlen(name) + 1);
    layer->setup = setup;
    layer->forward = forward_fn;
    layer->backward = backward_fn;
    layer->user = user;
    layer->arrays = &ctx->variant->arrays;
    layer->dtype = strcmp(dtype, "f64") == 0 ? SIX_F64 : SIX_F32;
    layer->same_dtype = layer->dtype == ctx->dtype;
    describe(layer);
    status = read_attributes(ctx, layer, attributes ? attributes : "");
    if (status) {
        custom_free(ctx, layer);
        return status;
    }
    layer->next = ctx->custom;
    ctx->custom = layer;
    return SIXNET_OK;
}
