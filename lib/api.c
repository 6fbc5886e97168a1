/* SPDX-License-Identifier: MIT */

/* The wall: every exported function checks its arguments here, then calls inward. (status.c has sixnet_last_error() and
 * sixnet_status_name(), custom.c the functions of sixnet/layer.h.) */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/calls.h"
#include "base/status.h"
#include "data/batches.h"
#include "data/dataset.h"
#include "files/checkpoint.h"
#include "graph/context.h"
#include "graph/exec.h"
#include "graph/predictor.h"
#include "graph/profile.h"
#include "kinds.h"
#include "train/diagnostics.h"
#include "train/evaluate.h"
#include "train/fit.h"
#include "train/gradient_check.h"
#include "train/optimizer.h"
#include "train/progress.h"

static int32_t missing(const char *function, const char *argument)
{
    return six_fail(SIXNET_INVALID_ARGUMENT, "%s: %s is NULL", function, argument);
}

/* A handle that a function needs: SIXNET_INVALID_ARGUMENT if it is NULL, SIXNET_BAD_STATE if a call that the thread is in the middle of
 * forbids this access. */
static int32_t need(const char *function, const char *argument, const void *object, six_access access)
{
    return object ? six_calls_check(function, &(six_use){object, access, false}, 1) : missing(function, argument);
}

/* As need(), of a model, in a call that can run functions of the caller's meanwhile; six_call_end() ends it. */
static int32_t begin_model(six_call *call, const char *function, const sixnet_model *net, six_access access)
{
    if (!net)
        return missing(function, "net");
    return six_call_begin(call, function, SIX_USES({net, access, false}, SIX_KEPT(net->ctx)));
}

/* A handle that is given back: NULL is nothing to free. */
static bool may_free(const char *function, const void *object)
{
    return six_calls_check(function, SIX_USES(SIX_FREE(object))) == SIXNET_OK;
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *sixnet_version(void)
{
    return TEXT(SIXNET_VERSION_MAJOR) "." TEXT(SIXNET_VERSION_MINOR) "." TEXT(SIXNET_VERSION_PATCH);
}

int32_t sixnet_version_number(void)
{
    return SIXNET_VERSION_MAJOR * 1000000 + SIXNET_VERSION_MINOR * 1000 + SIXNET_VERSION_PATCH;
}

/* ---- kinds ---- */

const char *sixnet_kind_field(const char *family, int32_t index, const char *field)
{
    if (!family || !field)
        return NULL;
    const six_kind *kind = six_kind_at(family, index);
    if (!kind)
        return NULL;
    return strcmp(field, "name") == 0 ? kind->name : strcmp(field, "help") == 0 ? kind->help : NULL;
}

const char *sixnet_attribute_field(const char *family, const char *kind, int32_t index, const char *field)
{
    static _Thread_local char buffer[256];
    if (!family || !kind || !field || index < 0)
        return NULL;
    const six_kind *k = six_kind_named(family, kind);
    for (const six_attr *a = k ? k->attrs : NULL; a && a->name; a++)
        if (index-- == 0)
            return six_attr_field(a, field, buffer, sizeof buffer);
    return NULL;
}

/* ---- context ---- */

int32_t sixnet_context_new(sixnet_context **out, const char *options)
{
    if (!out)
        return missing("sixnet_context_new", "out");
    return sixnet_context_new_with_allocator(out, options, NULL, NULL, NULL);
}

int32_t sixnet_context_new_with_allocator(sixnet_context **out, const char *options, sixnet_malloc_fn malloc_fn,
                                          sixnet_free_fn free_fn, void *user)
{
    if (!out)
        return missing("sixnet_context_new_with_allocator", "out");
    *out = NULL;
    if (!malloc_fn != !free_fn)
        return six_fail(SIXNET_INVALID_ARGUMENT, "sixnet_context_new_with_allocator: give both functions or neither");
    return six_context_new(out, options, malloc_fn, free_fn, user);
}

void sixnet_context_free(sixnet_context *ctx)
{
    if (may_free("sixnet_context_free", ctx))
        six_context_release(ctx);
}

int32_t sixnet_context_set_log(sixnet_context *ctx, sixnet_log_fn fn, void *user)
{
    int32_t status = need("sixnet_context_set_log", "ctx", ctx, SIX_CHANGES);
    if (status)
        return status;
    ctx->log = fn;
    ctx->log_user = user;
    return SIXNET_OK;
}

const char *sixnet_context_get(const sixnet_context *ctx, const char *key)
{
    if (need("sixnet_context_get", "ctx", ctx, SIX_READS))
        return NULL;
    if (!key) {
        missing("sixnet_context_get", "key");
        return NULL;
    }
    return six_context_get(ctx, key);
}

/* ---- model: building ---- */

int32_t sixnet_model_new(sixnet_model **out, sixnet_context *ctx)
{
    if (!out)
        return missing("sixnet_model_new", "out");
    *out = NULL;
    int32_t status = six_calls_check("sixnet_model_new", SIX_USES(SIX_READ(ctx)));
    return status ? status : six_model_new(out, ctx);
}

int32_t sixnet_model_parse(sixnet_model **out, sixnet_context *ctx, const char *text)
{
    if (!out || !text)
        return missing("sixnet_model_parse", out ? "text" : "out");
    *out = NULL;
    if (memchr(text, 0, (size_t)SIX_NET_TEXT_MAX + 1) == NULL)
        return six_fail(SIXNET_TOO_LARGE, "a net's text has at most %d bytes", SIX_NET_TEXT_MAX);
    sixnet_model *net;
    six_call call;
    int32_t status = six_call_begin(&call, "sixnet_model_parse", SIX_USES(SIX_READ(ctx)));
    if (status)
        return status;
    status = six_model_new(&net, ctx);
    if (!status) {
        status = six_model_parse(net, text);
        if (status)
            six_model_release(net);
        else
            *out = net;
    }
    six_call_end(&call);
    return status;
}

int32_t sixnet_model_copy(sixnet_model **out, const sixnet_model *net)
{
    if (!out)
        return missing("sixnet_model_copy", "out");
    *out = NULL;
    six_call call;
    int32_t status = begin_model(&call, "sixnet_model_copy", net, SIX_READS);
    if (status)
        return status;
    status = six_model_copy(out, net);
    six_call_end(&call);
    return status;
}

void sixnet_model_free(sixnet_model *net)
{
    if (may_free("sixnet_model_free", net))
        six_model_release(net);
}

static sixnet_node keep_error(sixnet_model *net, int32_t status)
{
    net->error = status;
    snprintf(net->error_message, sizeof net->error_message, "%s", sixnet_last_error());
    return SIXNET_NO_NODE;
}

static sixnet_node add_node(const char *function, sixnet_model *net, const char *spec, const sixnet_node *inputs,
                            int32_t count)
{
    int32_t node = SIXNET_NO_NODE, status;
    six_call call;
    if (begin_model(&call, function, net, SIX_CHANGES))
        return SIXNET_NO_NODE;
    if (net->error)
        status = SIXNET_BAD_STATE; /* the first error stays */
    else if (!spec)
        status = missing(function, "spec");
    else if (count < 0)
        status = six_fail(SIXNET_INVALID_ARGUMENT, "%s: count is negative", function);
    else if (count && !inputs)
        status = missing(function, "inputs");
    else
        status = six_add(net, spec, inputs, count, &node);
    six_call_end(&call);
    if (status == SIXNET_BAD_STATE)
        return SIXNET_NO_NODE;
    return status ? keep_error(net, status) : node;
}

sixnet_node sixnet_model_add_multi(sixnet_model *net, const char *spec, const sixnet_node *inputs, int32_t count)
{
    return add_node("sixnet_model_add_multi", net, spec, inputs, count);
}

sixnet_node sixnet_model_add(sixnet_model *net, const char *spec, sixnet_node input)
{
    return add_node("sixnet_model_add", net, spec, &input, 1);
}

static int32_t check_node(const sixnet_model *net, sixnet_node node, six_access access, const char *function)
{
    int32_t status = need(function, "net", net, access);
    if (status)
        return status;
    if (node < 0 || node >= net->node_count)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: %d is not a node of this model", function, node);
    return SIXNET_OK;
}

static int32_t check_value(const sixnet_model *net, sixnet_node node, const char *function, int32_t *value)
{
    int32_t status = need(function, "net", net, SIX_READS);
    if (status)
        return status;
    *value = six_value_find(net, node);
    return *value < 0 ? six_fail(SIXNET_INVALID_ARGUMENT, "%s: %d is not a node of this model", function, node)
                      : SIXNET_OK;
}

int32_t sixnet_node_retain(sixnet_model *net, sixnet_node node)
{
    int32_t value, status = need("sixnet_node_retain", "net", net, SIX_CHANGES);
    if (!status)
        status = check_value(net, node, "sixnet_node_retain", &value);
    if (!status && net->compiled)
        status = six_fail(SIXNET_BAD_STATE, "the model is compiled; nodes are retained before");
    if (!status)
        net->node[net->value[value].node].retained = true;
    return status;
}

int32_t sixnet_model_compile(sixnet_model *net)
{
    int32_t status = need("sixnet_model_compile", "net", net, SIX_CHANGES);
    return status ? status : six_compile(net);
}

int32_t sixnet_model_memory_needed(sixnet_model *net, int64_t n, int32_t training, uint64_t *bytes)
{
    int32_t status = need("sixnet_model_memory_needed", "net", net, SIX_RUNS);
    if (status)
        return status;
    if (!bytes)
        return missing("sixnet_model_memory_needed", "bytes");
    return six_memory_needed(net, n, training != 0, bytes);
}

int32_t sixnet_model_reset(sixnet_model *net, uint64_t seed)
{
    int32_t status = need("sixnet_model_reset", "net", net, SIX_CHANGES);
    if (status)
        return status;
    if (!net->compiled)
        return six_fail(SIXNET_BAD_STATE, "the model is not compiled; call sixnet_model_compile() first");
    six_tensors_reset(net, seed);
    return SIXNET_OK;
}

/* ---- model: looking at it ---- */

static const char *cached(sixnet_model *net, const char *function, six_report text, char *(*make)(const sixnet_model *))
{
    if (need(function, "net", net, SIX_RUNS))
        return NULL;
    if (!net->compiled) {
        six_fail(SIXNET_BAD_STATE, "%s: the model is not compiled; call sixnet_model_compile() first", function);
        return NULL;
    }
    if (!net->report[text])
        net->report[text] = make(net);
    return net->report[text];
}

const char *sixnet_model_summary(sixnet_model *net)
{
    return cached(net, "sixnet_model_summary", SIX_REPORT_SUMMARY, six_summary);
}

const char *sixnet_model_text(sixnet_model *net)
{
    return cached(net, "sixnet_model_text", SIX_REPORT_TEXT, six_model_text);
}

int32_t sixnet_node_count(const sixnet_model *net)
{
    return need("sixnet_node_count", "net", net, SIX_READS) ? 0 : net->node_count;
}

sixnet_node sixnet_node_find(const sixnet_model *net, const char *name)
{
    if (need("sixnet_node_find", "net", net, SIX_READS))
        return SIXNET_NO_NODE;
    if (!name) {
        missing("sixnet_node_find", "name");
        return SIXNET_NO_NODE;
    }
    sixnet_node node = six_node_find(net, name);
    if (node < 0)
        six_fail(SIXNET_NOT_FOUND, "there is no node '%.100s'", name);
    return node;
}

const char *sixnet_node_get(const sixnet_model *net, sixnet_node node, const char *field)
{
    if (check_node(net, node, SIX_READS, "sixnet_node_get"))
        return NULL;
    if (!field) {
        missing("sixnet_node_get", "field");
        return NULL;
    }
    if (strcmp(field, "name") == 0)
        return net->node[node].name;
    if (strcmp(field, "kind") == 0)
        return net->node[node].layer->kind.name;
    if (strcmp(field, "spec") == 0)
        return net->node[node].spec;
    six_fail(SIXNET_NOT_FOUND, "a node has no field '%.40s'; it has name, kind and spec", field);
    return NULL;
}

static void give_shape(const six_shape *s, int64_t *dims, int32_t *rank)
{
    *rank = s->rank;
    memcpy(dims, s->dim, (size_t)s->rank * sizeof *dims);
}

/* The value that a node, or one of its outputs, stands for. */
sixnet_node sixnet_node_output(const sixnet_model *net, sixnet_node node, const char *output)
{
    if (check_node(net, node, SIX_READS, "sixnet_node_output"))
        return SIXNET_NO_NODE;
    if (!output) {
        missing("sixnet_node_output", "output");
        return SIXNET_NO_NODE;
    }
    const sixnet_node found = six_output_find(net, node, output);
    if (found < 0)
        six_fail(SIXNET_NOT_FOUND, "%s has no output '%.40s'", net->node[node].name, output);
    return found < 0 ? SIXNET_NO_NODE : found;
}

int32_t sixnet_node_shape(const sixnet_model *net, sixnet_node node, int64_t *dims, int32_t *rank)
{
    int32_t value, status = check_value(net, node, "sixnet_node_shape", &value);
    if (!status && (!dims || !rank))
        status = missing("sixnet_node_shape", dims ? "rank" : "dims");
    if (!status)
        give_shape(six_value_shape(net, value), dims, rank);
    return status;
}

/* The node at one end of a compiled net: SIXNET_NO_NODE for several inputs. */
static int32_t find_end(const sixnet_model *net, const char *end, sixnet_node *node)
{
    if (strcmp(end, "input") == 0)
        *node = net->input;
    else if (strcmp(end, "output") == 0)
        *node = six_value_handle(net, net->output);
    else if (strcmp(end, "target") == 0 && net->loss >= 0)
        *node = net->loss;
    else if (strcmp(end, "target") == 0)
        return six_fail(SIXNET_NOT_FOUND, "the net has no loss, and so no target");
    else
        return six_fail(SIXNET_NOT_FOUND,
                        "a net has no end '%.40s'; it has input, output and, if it has a loss, target", end);
    return SIXNET_OK;
}

int32_t sixnet_model_shape(const sixnet_model *net, const char *which, int64_t *dims, int32_t *rank, sixnet_node *node)
{
    sixnet_node found = SIXNET_NO_NODE;
    int32_t status = need("sixnet_model_shape", "net", net, SIX_READS);
    if (status)
        return status;
    if (!which || !dims || !rank)
        return missing("sixnet_model_shape", !which ? "which" : dims ? "rank" : "dims");
    if (!net->compiled)
        return six_fail(SIXNET_BAD_STATE,
                        "sixnet_model_shape: the model is not compiled; call sixnet_model_compile() first");
    status = find_end(net, which, &found);
    if (status)
        return status;
    const six_shape all_inputs = {.rank = 1, .dim = {net->input_size}};
    give_shape(found == SIXNET_NO_NODE ? &all_inputs : six_value_shape(net, six_value_find(net, found)), dims, rank);
    if (node)
        *node = found;
    return SIXNET_OK;
}

static int32_t node_values(const sixnet_model *net, sixnet_node node, bool gradient, six_rows_out values, int64_t count)
{
    const char *function = gradient ? "sixnet_node_gradient" : "sixnet_node_values";
    int32_t value, status = check_value(net, node, function, &value);
    if (!status && !values.data)
        status = missing(function, "values");
    return status ? status : six_node_values(net, value, gradient, values, count);
}

int32_t sixnet_node_values(const sixnet_model *net, sixnet_node node, float *values, int64_t count)
{
    return node_values(net, node, false, (six_rows_out){values, SIX_F32}, count);
}

int32_t sixnet_node_values_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count)
{
    return node_values(net, node, false, (six_rows_out){values, SIX_F64}, count);
}

int32_t sixnet_node_gradient(const sixnet_model *net, sixnet_node node, float *values, int64_t count)
{
    return node_values(net, node, true, (six_rows_out){values, SIX_F32}, count);
}

int32_t sixnet_node_gradient_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count)
{
    return node_values(net, node, true, (six_rows_out){values, SIX_F64}, count);
}

/* ---- model: tensors ---- */

/* The tensors have values from compiling on. */
static int32_t tensor_count(const sixnet_model *net) { return net->compiled ? net->tensor_count : 0; }

int32_t sixnet_tensor_count(const sixnet_model *net)
{
    return need("sixnet_tensor_count", "net", net, SIX_READS) ? 0 : tensor_count(net);
}

const char *sixnet_tensor_name(const sixnet_model *net, int32_t index)
{
    if (need("sixnet_tensor_name", "net", net, SIX_READS))
        return NULL;
    return index >= 0 && index < tensor_count(net) ? net->tensor[index].name : NULL;
}

/* The tensor, if there is one of that name, and room is right. */
static int32_t find_tensor(const sixnet_model *net, six_access access, const char *name, const void *values,
                           int64_t count, const char *function, const six_tensor **tensor)
{
    int32_t status = need(function, "net", net, access);
    if (status)
        return status;
    if (!name || !values)
        return missing(function, name ? "values" : "name");
    *tensor = six_tensor_find(net, name);
    if (!*tensor)
        return SIXNET_NOT_FOUND;
    if (count != (*tensor)->size)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: %s has %lld values, not %lld", function, name,
                        (long long)(*tensor)->size, (long long)count);
    return SIXNET_OK;
}

int32_t sixnet_tensor_shape(const sixnet_model *net, const char *name, int64_t *dims, int32_t *rank, int32_t *trainable)
{
    int32_t status = need("sixnet_tensor_shape", "net", net, SIX_READS);
    if (status)
        return status;
    if (!name || !dims || !rank)
        return missing("sixnet_tensor_shape", !name ? "name" : !dims ? "dims" : "rank");
    const six_tensor *t = six_tensor_find(net, name);
    if (!t)
        return SIXNET_NOT_FOUND;
    give_shape(&t->shape, dims, rank);
    if (trainable)
        *trainable = six_trains(t);
    return SIXNET_OK;
}

double sixnet_tensor_setting(const sixnet_model *net, const char *name, const char *key)
{
    if (need("sixnet_tensor_setting", "net", net, SIX_READS))
        return NAN;
    if (!name || !key) {
        missing("sixnet_tensor_setting", name ? "key" : "name");
        return NAN;
    }
    const six_tensor *t = six_tensor_find(net, name);
    if (!t)
        return NAN;
    if (strcmp(key, "trainable") == 0)
        return six_trains(t);
    if (strcmp(key, "parameter") == 0)
        return t->parameter;
    if (strcmp(key, "lr_scale") == 0)
        return t->lr_scale;
    if (strcmp(key, "weight_decay") == 0)
        return t->weight_decay;
    six_fail(SIXNET_NOT_FOUND,
             "a tensor has no setting '%.40s'; it has trainable, lr_scale, weight_decay and parameter", key);
    return NAN;
}

int32_t sixnet_model_set_tensors(sixnet_model *net, const char *pattern, const char *settings)
{
    int32_t status = need("sixnet_model_set_tensors", "net", net, SIX_CHANGES);
    if (!status && (!pattern || !settings))
        status = missing("sixnet_model_set_tensors", pattern ? "settings" : "pattern");
    return status ? status : six_tensors_set(net, pattern, settings);
}

static int32_t tensor_get(const sixnet_model *net, const char *name, six_rows_out values, int64_t count)
{
    const six_tensor *t = NULL;
    int32_t status = find_tensor(net, SIX_READS, name, values.data, count, "sixnet_tensor_get", &t);
    if (!status)
        six_convert(values.data, values.dtype, six_tensor_at(net, net->values, t), net->ctx->dtype, count);
    return status;
}

int32_t sixnet_tensor_get(const sixnet_model *net, const char *name, float *values, int64_t count)
{
    return tensor_get(net, name, (six_rows_out){values, SIX_F32}, count);
}

int32_t sixnet_tensor_get_f64(const sixnet_model *net, const char *name, double *values, int64_t count)
{
    return tensor_get(net, name, (six_rows_out){values, SIX_F64}, count);
}

static int32_t tensor_set(sixnet_model *net, const char *name, six_rows values, int64_t count)
{
    const six_tensor *t = NULL;
    int32_t status = find_tensor(net, SIX_CHANGES, name, values.data, count, "sixnet_tensor_set", &t);
    if (status)
        return status;
    six_convert(six_tensor_at(net, net->values, t), net->ctx->dtype, values.data, values.dtype, count);
    six_tensors_changed(net);
    return SIXNET_OK;
}

int32_t sixnet_tensor_set(sixnet_model *net, const char *name, const float *values, int64_t count)
{
    return tensor_set(net, name, (six_rows){values, SIX_F32}, count);
}

int32_t sixnet_tensor_set_f64(sixnet_model *net, const char *name, const double *values, int64_t count)
{
    return tensor_set(net, name, (six_rows){values, SIX_F64}, count);
}

static int32_t gradient_get(const sixnet_model *net, const char *name, six_rows_out values, int64_t count)
{
    const six_tensor *t = NULL;
    int32_t status = find_tensor(net, SIX_READS, name, values.data, count, "sixnet_tensor_gradient", &t);
    if (!status && !six_trains(t))
        status = six_fail(SIXNET_NOT_FOUND, "%s is not trained and has no gradient", name);
    if (!status)
        six_convert(values.data, values.dtype, six_gradient_at(net, t), net->ctx->dtype, count);
    return status;
}

int32_t sixnet_tensor_gradient(const sixnet_model *net, const char *name, float *values, int64_t count)
{
    return gradient_get(net, name, (six_rows_out){values, SIX_F32}, count);
}

int32_t sixnet_tensor_gradient_f64(const sixnet_model *net, const char *name, double *values, int64_t count)
{
    return gradient_get(net, name, (six_rows_out){values, SIX_F64}, count);
}

const void *sixnet_tensor_data(const sixnet_model *net, const char *name, int64_t *count)
{
    if (need("sixnet_tensor_data", "net", net, SIX_READS))
        return NULL;
    if (!name) {
        missing("sixnet_tensor_data", "name");
        return NULL;
    }
    const six_tensor *t = six_tensor_find(net, name);
    if (t && count)
        *count = t->size;
    return t ? six_tensor_at(net, net->values, t) : NULL;
}

int32_t sixnet_model_digest(const sixnet_model *net, char *digest)
{
    int32_t status = need("sixnet_model_digest", "net", net, SIX_READS);
    if (status)
        return status;
    if (!digest)
        return missing("sixnet_model_digest", "digest");
    if (!net->compiled)
        return six_fail(SIXNET_BAD_STATE, "the model is not compiled; call sixnet_model_compile() first");
    return six_digest(net, digest);
}

/* ---- the open loop ---- */

static int32_t forward(sixnet_model *net, six_rows inputs, int64_t n)
{
    six_call call;
    int32_t status = begin_model(&call, "sixnet_model_forward", net, SIX_CHANGES);
    if (status)
        return status;
    status = inputs.data ? six_forward(net, inputs, n, NULL) : missing("sixnet_model_forward", "inputs");
    six_call_end(&call);
    return status;
}

int32_t sixnet_model_forward(sixnet_model *net, const float *inputs, int64_t n)
{
    return forward(net, (six_rows){inputs, SIX_F32}, n);
}
int32_t sixnet_model_forward_f64(sixnet_model *net, const double *inputs, int64_t n)
{
    return forward(net, (six_rows){inputs, SIX_F64}, n);
}

static int32_t loss_of(sixnet_model *net, six_rows targets, double *loss)
{
    int32_t status = need("sixnet_model_loss", "net", net, SIX_CHANGES);
    if (status)
        return status;
    if (!targets.data)
        return missing("sixnet_model_loss", "targets");
    six_loss_sums sums;
    status = six_loss(net, targets, &sums);
    if (!status && loss)
        *loss = six_loss_value(net->node[net->loss].op, &sums);
    return status;
}

int32_t sixnet_model_loss(sixnet_model *net, const float *targets, double *loss)
{
    return loss_of(net, (six_rows){targets, SIX_F32}, loss);
}
int32_t sixnet_model_loss_f64(sixnet_model *net, const double *targets, double *loss)
{
    return loss_of(net, (six_rows){targets, SIX_F64}, loss);
}

int32_t sixnet_model_backward(sixnet_model *net)
{
    six_call call;
    int32_t status = begin_model(&call, "sixnet_model_backward", net, SIX_CHANGES);
    if (status)
        return status;
    status = six_backward(net);
    six_call_end(&call);
    return status;
}

static int32_t backward_from(sixnet_model *net, six_rows gradient)
{
    six_call call;
    int32_t status = begin_model(&call, "sixnet_model_backward_from", net, SIX_CHANGES);
    if (status)
        return status;
    status = gradient.data ? six_backward_from(net, gradient) : missing("sixnet_model_backward_from", "gradient");
    six_call_end(&call);
    return status;
}

int32_t sixnet_model_backward_from(sixnet_model *net, const float *gradient)
{
    return backward_from(net, (six_rows){gradient, SIX_F32});
}
int32_t sixnet_model_backward_from_f64(sixnet_model *net, const double *gradient)
{
    return backward_from(net, (six_rows){gradient, SIX_F64});
}

int32_t sixnet_model_zero_grad(sixnet_model *net)
{
    int32_t status = need("sixnet_model_zero_grad", "net", net, SIX_CHANGES);
    if (status)
        return status;
    if (!net->compiled)
        return six_fail(SIXNET_BAD_STATE, "the model is not compiled; call sixnet_model_compile() first");
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
    return SIXNET_OK;
}

static int32_t check_rows(const char *function, six_rows inputs, int64_t n, six_rows_out outputs)
{
    if (n < 0)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: n is negative", function);
    return n && (!inputs.data || !outputs.data) ? missing(function, inputs.data ? "outputs" : "inputs") : SIXNET_OK;
}

static int32_t predict(sixnet_model *net, six_rows inputs, int64_t n, six_rows_out outputs)
{
    six_call call;
    int32_t status = begin_model(&call, "sixnet_model_predict", net, SIX_RUNS);
    if (status)
        return status;
    status = check_rows("sixnet_model_predict", inputs, n, outputs);
    if (!status)
        status = six_predict(net, inputs, n, outputs);
    six_call_end(&call);
    return status;
}

int32_t sixnet_model_predict(sixnet_model *net, const float *inputs, int64_t n, float *outputs)
{
    return predict(net, (six_rows){inputs, SIX_F32}, n, (six_rows_out){outputs, SIX_F32});
}

int32_t sixnet_model_predict_f64(sixnet_model *net, const double *inputs, int64_t n, double *outputs)
{
    return predict(net, (six_rows){inputs, SIX_F64}, n, (six_rows_out){outputs, SIX_F64});
}

int32_t sixnet_predictor_new(sixnet_predictor **out, sixnet_model *net)
{
    if (!out)
        return missing("sixnet_predictor_new", "out");
    *out = NULL;
    int32_t status = need("sixnet_predictor_new", "net", net, SIX_READS);
    return status ? status : six_predictor_new(out, net);
}

void sixnet_predictor_free(sixnet_predictor *predictor)
{
    if (may_free("sixnet_predictor_free", predictor))
        six_predictor_free(predictor);
}

int32_t sixnet_predictor_memory(const sixnet_predictor *predictor, uint64_t *bytes)
{
    int32_t status = need("sixnet_predictor_memory", "predictor", predictor, SIX_READS);
    if (status)
        return status;
    if (!bytes)
        return missing("sixnet_predictor_memory", "bytes");
    *bytes = six_predictor_memory(predictor);
    return SIXNET_OK;
}

static int32_t run_predictor(sixnet_predictor *predictor, six_rows inputs, int64_t n, six_rows_out outputs)
{
    six_call call;
    if (!predictor)
        return missing("sixnet_predictor_predict", "predictor");
    const sixnet_model *net = six_predictor_model(predictor);
    int32_t status = six_call_begin(&call, "sixnet_predictor_predict",
                                    SIX_USES(SIX_CHANGE(predictor), SIX_KEPT(net), SIX_KEPT(net->ctx)));
    if (status)
        return status;
    status = check_rows("sixnet_predictor_predict", inputs, n, outputs);
    if (!status)
        status = six_predictor_run(predictor, inputs, n, outputs);
    six_call_end(&call);
    return status;
}

int32_t sixnet_predictor_predict(sixnet_predictor *predictor, const float *inputs, int64_t n, float *outputs)
{
    return run_predictor(predictor, (six_rows){inputs, SIX_F32}, n, (six_rows_out){outputs, SIX_F32});
}

int32_t sixnet_predictor_predict_f64(sixnet_predictor *predictor, const double *inputs, int64_t n, double *outputs)
{
    return run_predictor(predictor, (six_rows){inputs, SIX_F64}, n, (six_rows_out){outputs, SIX_F64});
}

void sixnet_model_cancel(sixnet_model *net, int32_t enable)
{
    if (net)
        atomic_store(&net->cancelled, enable != 0);
}

int32_t sixnet_model_gradient_check(sixnet_model *net, const double *inputs, const double *targets, int64_t n,
                                    double *worst, const char **where)
{
    six_call call;
    int32_t status = begin_model(&call, "sixnet_model_gradient_check", net, SIX_CHANGES);
    if (status)
        return status;
    if (inputs && targets && worst)
        status = six_gradient_check(net, inputs, targets, n, worst, where);
    else
        status = missing("sixnet_model_gradient_check", !inputs ? "inputs" : !targets ? "targets" : "worst");
    six_call_end(&call);
    return status;
}

/* ---- optimizer ---- */

int32_t sixnet_optimizer_new(sixnet_optimizer **out, sixnet_model *net, const char *spec, const char *schedule)
{
    if (!out)
        return missing("sixnet_optimizer_new", "out");
    *out = NULL;
    int32_t status = need("sixnet_optimizer_new", "net", net, SIX_READS);
    if (status)
        return status;
    if (!spec)
        return missing("sixnet_optimizer_new", "spec");
    return six_optimizer_new(out, net, spec, schedule);
}

void sixnet_optimizer_free(sixnet_optimizer *opt)
{
    if (may_free("sixnet_optimizer_free", opt))
        six_optimizer_free(opt);
}

int32_t sixnet_optimizer_step(sixnet_optimizer *opt)
{
    if (!opt)
        return missing("sixnet_optimizer_step", "opt");
    int32_t status = six_calls_check("sixnet_optimizer_step", SIX_USES(SIX_CHANGE(opt), SIX_CHANGE(opt->net)));
    return status ? status : six_optimizer_step(opt);
}

int32_t sixnet_optimizer_end_epoch(sixnet_optimizer *opt, double metric)
{
    int32_t status = need("sixnet_optimizer_end_epoch", "opt", opt, SIX_CHANGES);
    if (status)
        return status;
    six_schedule_end_epoch(opt->schedule, metric);
    return SIXNET_OK;
}

double sixnet_optimizer_learning_rate(const sixnet_optimizer *opt)
{
    return need("sixnet_optimizer_learning_rate", "opt", opt, SIX_READS) ? (double)NAN : six_schedule_lr(opt->schedule);
}

int32_t sixnet_optimizer_set_learning_rate(sixnet_optimizer *opt, double lr)
{
    int32_t status = need("sixnet_optimizer_set_learning_rate", "opt", opt, SIX_CHANGES);
    if (status)
        return status;
    if (!isfinite(lr) || lr < 0)
        return six_fail(SIXNET_INVALID_ARGUMENT, "sixnet_optimizer_set_learning_rate: a rate is 0 or more and finite");
    six_optimizer_set_lr(opt, lr);
    return SIXNET_OK;
}

/* ---- dataset ---- */

int32_t sixnet_dataset_from_idx(sixnet_dataset **out, sixnet_context *ctx, const char *images, const char *labels)
{
    if (!out)
        return missing("sixnet_dataset_from_idx", "out");
    *out = NULL;
    if (!images)
        return missing("sixnet_dataset_from_idx", "images");
    int32_t status = six_calls_check("sixnet_dataset_from_idx", SIX_USES(SIX_READ(ctx)));
    return status ? status : six_dataset_from_idx(out, ctx, images, labels);
}

int32_t sixnet_dataset_from_arrays(sixnet_dataset **out, sixnet_context *ctx, const char *spec, const void *inputs,
                                   const void *targets, int64_t n)
{
    if (!out)
        return missing("sixnet_dataset_from_arrays", "out");
    *out = NULL;
    if (!spec || !inputs)
        return missing("sixnet_dataset_from_arrays", spec ? "inputs" : "spec");
    int32_t status = six_calls_check("sixnet_dataset_from_arrays", SIX_USES(SIX_READ(ctx)));
    return status ? status : six_dataset_from_arrays(out, ctx, spec, inputs, targets, n);
}

int32_t sixnet_dataset_from_callback(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                     sixnet_sample_fn fn, void *user)
{
    if (!out)
        return missing("sixnet_dataset_from_callback", "out");
    *out = NULL;
    if (!spec || !fn)
        return missing("sixnet_dataset_from_callback", spec ? "fn" : "spec");
    int32_t status = six_calls_check("sixnet_dataset_from_callback", SIX_USES(SIX_READ(ctx)));
    return status ? status : six_dataset_from_callback(out, ctx, spec, n, fn, user);
}

int32_t sixnet_dataset_from_callback_f64(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                         sixnet_sample_f64_fn fn, void *user)
{
    if (!out)
        return missing("sixnet_dataset_from_callback_f64", "out");
    *out = NULL;
    if (!spec || !fn)
        return missing("sixnet_dataset_from_callback_f64", spec ? "fn" : "spec");
    int32_t status = six_calls_check("sixnet_dataset_from_callback_f64", SIX_USES(SIX_READ(ctx)));
    return status ? status : six_dataset_from_callback_f64(out, ctx, spec, n, fn, user);
}

int32_t sixnet_dataset_split(sixnet_dataset **first, sixnet_dataset **second, sixnet_dataset *ds, const char *spec)
{
    if (!first || !second)
        return missing("sixnet_dataset_split", first ? "second" : "first");
    *first = *second = NULL;
    int32_t status = need("sixnet_dataset_split", "ds", ds, SIX_READS);
    if (status)
        return status;
    return spec ? six_dataset_split(first, second, ds, spec) : missing("sixnet_dataset_split", "spec");
}

void sixnet_dataset_free(sixnet_dataset *ds)
{
    if (may_free("sixnet_dataset_free", ds))
        six_dataset_free(ds);
}

int32_t sixnet_dataset_add_transform(sixnet_dataset *ds, const char *spec)
{
    int32_t status = need("sixnet_dataset_add_transform", "ds", ds, SIX_CHANGES);
    if (status)
        return status;
    return spec ? six_dataset_add_transform(ds, spec) : missing("sixnet_dataset_add_transform", "spec");
}

int64_t sixnet_dataset_size(const sixnet_dataset *ds)
{
    return need("sixnet_dataset_size", "ds", ds, SIX_READS) ? 0 : six_dataset_size(ds);
}

int32_t sixnet_dataset_shape(const sixnet_dataset *ds, int64_t *dims, int32_t *rank, int64_t *target_dims,
                             int32_t *target_rank)
{
    int32_t status = need("sixnet_dataset_shape", "ds", ds, SIX_READS);
    if (status)
        return status;
    if (!dims || !rank || !target_dims || !target_rank)
        return missing("sixnet_dataset_shape", !dims          ? "dims"
                                               : !rank        ? "rank"
                                               : !target_dims ? "target_dims"
                                                              : "target_rank");
    return six_dataset_shape(ds, dims, rank, target_dims, target_rank);
}

/* A call that reads a dataset, whose function it may run. `batches` are what is changed, or NULL. */
static int32_t begin_data(six_call *call, const char *function, const sixnet_dataset *ds,
                          const sixnet_batch_iterator *batches)
{
    return six_call_begin(
        call, function,
        SIX_USES(SIX_CHANGE(batches), {ds, SIX_READS, batches != NULL}, SIX_KEPT(six_dataset_context(ds))));
}

static int32_t get_sample(const char *function, const sixnet_dataset *ds, int64_t index, six_dtype dtype, void *input,
                          void *target)
{
    six_call call;
    int32_t status = ds ? begin_data(&call, function, ds, NULL) : missing(function, "ds");
    if (status)
        return status;
    status = six_dataset_get_sample(ds, index, dtype, input, target);
    six_call_end(&call);
    return status;
}

int32_t sixnet_dataset_get_sample(const sixnet_dataset *ds, int64_t index, float *input, float *target)
{
    return get_sample("sixnet_dataset_get_sample", ds, index, SIX_F32, input, target);
}

int32_t sixnet_dataset_get_sample_f64(const sixnet_dataset *ds, int64_t index, double *input, double *target)
{
    return get_sample("sixnet_dataset_get_sample_f64", ds, index, SIX_F64, input, target);
}

int32_t sixnet_batch_iterator_new(sixnet_batch_iterator **out, sixnet_dataset *ds, const char *spec)
{
    if (!out)
        return missing("sixnet_batch_iterator_new", "out");
    *out = NULL;
    int32_t status = need("sixnet_batch_iterator_new", "ds", ds, SIX_READS);
    if (status)
        return status;
    return spec ? six_batch_iterator_new(out, ds, spec) : missing("sixnet_batch_iterator_new", "spec");
}

void sixnet_batch_iterator_free(sixnet_batch_iterator *batches)
{
    if (may_free("sixnet_batch_iterator_free", batches))
        six_batch_iterator_free(batches);
}

int32_t sixnet_batch_iterator_start_epoch(sixnet_batch_iterator *batches, int64_t epoch)
{
    int32_t status = need("sixnet_batch_iterator_start_epoch", "batches", batches, SIX_CHANGES);
    return status ? status : six_batch_iterator_start_epoch(batches, epoch);
}

/* *inputs and *targets are NULL if there is no batch. */
static int32_t next_batch(const char *function, sixnet_batch_iterator *batches, six_dtype dtype, const void **inputs,
                          const void **targets, int64_t *n)
{
    six_call call;
    int32_t status = begin_data(&call, function, six_batch_iterator_dataset(batches), batches);
    *inputs = *targets = NULL;
    if (status)
        return status;
    status = six_batch_iterator_next(batches, dtype, inputs, targets, n);
    six_call_end(&call);
    return status;
}

int32_t sixnet_batch_iterator_next(sixnet_batch_iterator *batches, const float **inputs, const float **targets,
                                   int64_t *n)
{
    const void *x, *t;
    if (!batches || !inputs || !targets || !n)
        return missing("sixnet_batch_iterator_next", !batches   ? "batches"
                                                     : !inputs  ? "inputs"
                                                     : !targets ? "targets"
                                                                : "n");
    int32_t status = next_batch("sixnet_batch_iterator_next", batches, SIX_F32, &x, &t, n);
    *inputs = x;
    *targets = t;
    return status;
}

int32_t sixnet_batch_iterator_next_f64(sixnet_batch_iterator *batches, const double **inputs, const double **targets,
                                       int64_t *n)
{
    const void *x, *t;
    if (!batches || !inputs || !targets || !n)
        return missing("sixnet_batch_iterator_next_f64", !batches   ? "batches"
                                                         : !inputs  ? "inputs"
                                                         : !targets ? "targets"
                                                                    : "n");
    int32_t status = next_batch("sixnet_batch_iterator_next_f64", batches, SIX_F64, &x, &t, n);
    *inputs = x;
    *targets = t;
    return status;
}

int32_t sixnet_batch_iterator_position(const sixnet_batch_iterator *batches, int64_t *epoch, int64_t *position)
{
    int64_t e, p;
    int32_t status = need("sixnet_batch_iterator_position", "batches", batches, SIX_READS);
    if (status)
        return status;
    six_batch_iterator_position(batches, &e, &p);
    if (epoch)
        *epoch = e;
    if (position)
        *position = p;
    return SIXNET_OK;
}

/* ---- profile ---- */

int32_t sixnet_model_profile(sixnet_model *net, int32_t enable)
{
    int32_t status = need("sixnet_model_profile", "net", net, SIX_CHANGES);
    if (status)
        return status;
    if (!net->compiled)
        return six_fail(SIXNET_BAD_STATE, "the model is not compiled; call sixnet_model_compile() first");
    return six_profile_set(net, enable != 0);
}

double sixnet_model_profile_get(const sixnet_model *net, sixnet_node node, const char *key)
{
    int32_t status = node == SIXNET_NO_NODE ? need("sixnet_model_profile_get", "net", net, SIX_READS)
                                            : check_node(net, node, SIX_READS, "sixnet_model_profile_get");
    if (!status && !key)
        status = missing("sixnet_model_profile_get", "key");
    return status ? (double)NAN : six_profile_get(net, node, key);
}

/* ---- fit, evaluate ---- */

double sixnet_progress_get(const sixnet_progress *progress, const char *key)
{
    return progress && key ? six_progress_get(progress, key) : NAN;
}

int32_t sixnet_model_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train, sixnet_dataset *validation,
                         const char *options, sixnet_progress_fn fn, void *user)
{
    if (!net || !opt || !train)
        return missing("sixnet_model_fit", !net ? "net" : !opt ? "opt" : "train");
    six_call call;
    int32_t status = six_call_begin(&call, "sixnet_model_fit",
                                    SIX_USES(SIX_CHANGE(net), SIX_CHANGE(opt), SIX_READ(train), SIX_READ(validation),
                                             SIX_KEPT(net->ctx), SIX_KEPT(six_dataset_context(train))));
    if (status)
        return status;
    status = six_fit(net, opt, train, validation, options, &six_checkpoint_file_store, fn, user);
    six_call_end(&call);
    return status;
}

int64_t sixnet_model_history_size(const sixnet_model *net)
{
    return need("sixnet_model_history_size", "net", net, SIX_READS)
               ? 0
               : six_history_epochs(net->report[SIX_REPORT_HISTORY]);
}

double sixnet_model_history_get(const sixnet_model *net, int64_t epoch, const char *key)
{
    int32_t status = need("sixnet_model_history_get", "net", net, SIX_READS);
    if (!status && !key)
        status = missing("sixnet_model_history_get", "key");
    return status ? (double)NAN : six_history_get(net->report[SIX_REPORT_HISTORY], epoch, key);
}

const char *sixnet_model_diagnostic(const sixnet_model *net, int32_t index, const char *field)
{
    if (need("sixnet_model_diagnostic", "net", net, SIX_READS))
        return NULL;
    if (!field) {
        missing("sixnet_model_diagnostic", "field");
        return NULL;
    }
    return six_diagnostic_field(net->report[SIX_REPORT_DIAGNOSTICS], index, field);
}

int32_t sixnet_model_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy)
{
    if (!net || !ds)
        return missing("sixnet_model_evaluate", net ? "ds" : "net");
    six_call call;
    int32_t status =
        six_call_begin(&call, "sixnet_model_evaluate",
                       SIX_USES(SIX_RUN(net), SIX_READ(ds), SIX_KEPT(net->ctx), SIX_KEPT(six_dataset_context(ds))));
    if (status)
        return status;
    status = six_evaluate(net, ds, loss, accuracy);
    six_call_end(&call);
    return status;
}
