/* SPDX-License-Identifier: MIT */

/* Models: building them and looking at them. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "graph/exec.h"

/* ---- building ---- */

int32_t sixnet_model_new(sixnet_model **out, sixnet_context *ctx)
{
    if (!out)
        return six_api_missing("sixnet_model_new", "out");
    *out = NULL;
    int32_t status = six_calls_check("sixnet_model_new", SIX_USES(SIX_READ(ctx)));
    if (status)
        return status;
    return six_model_new(out, ctx);
}

int32_t sixnet_model_parse(sixnet_model **out, sixnet_context *ctx, const char *text)
{
    if (!out || !text)
        return six_api_missing("sixnet_model_parse", out ? "text" : "out");
    *out = NULL;
    if (!memchr(text, 0, (size_t)SIX_NET_TEXT_MAX + 1))
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
        return six_api_missing("sixnet_model_copy", "out");
    *out = NULL;
    six_call call;
    int32_t status = six_api_begin_model(&call, "sixnet_model_copy", net, SIX_READS);
    if (status)
        return status;
    status = six_model_copy(out, net);
    six_call_end(&call);
    return status;
}

void sixnet_model_free(sixnet_model *net)
{
    if (six_api_may_free("sixnet_model_free", net))
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
    if (six_api_begin_model(&call, function, net, SIX_CHANGES))
        return SIXNET_NO_NODE;
    if (net->error)
        status =
            six_fail(SIXNET_BAD_STATE, "%s (reported by sixnet_model_compile(), after which nodes are added again)",
                     net->error_message);
    else if (!spec)
        status = six_api_missing(function, "spec");
    else if (count < 0)
        status = six_fail(SIXNET_INVALID_ARGUMENT, "%s: count is negative", function);
    else if (count && !inputs)
        status = six_api_missing(function, "inputs");
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

static int32_t check_value(const sixnet_model *net, sixnet_node node, const char *function, int32_t *value)
{
    int32_t status = six_api_need(function, "net", net, SIX_READS);
    if (status)
        return status;
    *value = six_value_find(net, node);
    return *value < 0 ? six_fail(SIXNET_INVALID_ARGUMENT, "%s: %d is not a node of this model", function, node)
                      : SIXNET_OK;
}

int32_t sixnet_node_retain(sixnet_model *net, sixnet_node node)
{
    int32_t value, status = six_api_need("sixnet_node_retain", "net", net, SIX_CHANGES);
    if (status)
        return status;
    status = check_value(net, node, "sixnet_node_retain", &value);
    if (status)
        return status;
    if (net->compiled)
        status = six_fail(SIXNET_BAD_STATE,
                          "the model is already compiled; call sixnet_node_retain() before sixnet_model_compile()");
    if (status)
        return status;
    net->node[net->value[value].node].retained = true;
    return SIXNET_OK;
}

int32_t sixnet_model_compile(sixnet_model *net)
{
    int32_t status = six_api_need("sixnet_model_compile", "net", net, SIX_CHANGES);
    if (status)
        return status;
    return six_compile(net);
}

int32_t sixnet_model_memory_needed(sixnet_model *net, int64_t n, int32_t training, uint64_t *bytes)
{
    int32_t status = six_api_need("sixnet_model_memory_needed", "net", net, SIX_RUNS);
    if (status)
        return status;
    if (!bytes)
        return six_api_missing("sixnet_model_memory_needed", "bytes");
    return six_memory_needed(net, n, training != 0, bytes);
}

int32_t sixnet_model_reset(sixnet_model *net, uint64_t seed)
{
    int32_t status = six_api_need_compiled("sixnet_model_reset", net, SIX_CHANGES);
    if (status)
        return status;
    six_tensors_reset(net, seed);
    return SIXNET_OK;
}

/* ---- looking at it ---- */

static const char *cached(sixnet_model *net, const char *function, six_report text, char *(*make)(const sixnet_model *))
{
    if (six_api_need(function, "net", net, SIX_RUNS))
        return NULL;
    if (six_require_compiled(net)) {
        six_fail_prefix(SIXNET_BAD_STATE, "%s: ", function);
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
    return six_api_need("sixnet_node_count", "net", net, SIX_READS) ? 0 : net->node_count;
}

sixnet_node sixnet_node_find(const sixnet_model *net, const char *name)
{
    if (six_api_need("sixnet_node_find", "net", net, SIX_READS))
        return SIXNET_NO_NODE;
    if (!name) {
        six_api_missing("sixnet_node_find", "name");
        return SIXNET_NO_NODE;
    }
    sixnet_node node = six_node_find(net, name);
    if (node < 0)
        six_fail(SIXNET_NOT_FOUND, "there is no node '%.100s'", name);
    return node;
}

const char *sixnet_node_get(const sixnet_model *net, sixnet_node node, const char *field)
{
    if (six_api_check_node(net, node, "sixnet_node_get"))
        return NULL;
    if (!field) {
        six_api_missing("sixnet_node_get", "field");
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

/* The value that a node, or one of its outputs, stands for. */
sixnet_node sixnet_node_output(const sixnet_model *net, sixnet_node node, const char *output)
{
    if (six_api_check_node(net, node, "sixnet_node_output"))
        return SIXNET_NO_NODE;
    if (!output) {
        six_api_missing("sixnet_node_output", "output");
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
    if (status)
        return status;
    if (!dims || !rank)
        status = six_api_missing("sixnet_node_shape", dims ? "rank" : "dims");
    if (status)
        return status;
    six_api_give_shape(six_value_shape(net, value), dims, rank);
    return SIXNET_OK;
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
        return six_fail(SIXNET_NOT_FOUND, "the net has no loss, so it has no target");
    else
        return six_fail(SIXNET_NOT_FOUND,
                        "a net has no end '%.40s'; it has input, output and, if it has a loss, target", end);
    return SIXNET_OK;
}

int32_t sixnet_model_shape(const sixnet_model *net, const char *which, int64_t *dims, int32_t *rank, sixnet_node *node)
{
    sixnet_node found = SIXNET_NO_NODE;
    int32_t status = six_api_need("sixnet_model_shape", "net", net, SIX_READS);
    if (status)
        return status;
    if (!which || !dims || !rank)
        return six_api_missing("sixnet_model_shape", !which ? "which" : dims ? "rank" : "dims");
    status = six_require_compiled(net);
    if (!status)
        status = find_end(net, which, &found);
    if (status)
        return status;
    const six_shape all_inputs = {.rank = 1, .dim = {net->input_size}};
    six_api_give_shape(found == SIXNET_NO_NODE ? &all_inputs : six_value_shape(net, six_value_find(net, found)), dims,
                       rank);
    if (node)
        *node = found;
    return SIXNET_OK;
}

static int32_t node_values(const char *function, const sixnet_model *net, sixnet_node node, bool gradient,
                           six_rows_out values, int64_t count)
{
    int32_t value, status = check_value(net, node, function, &value);
    if (status)
        return status;
    if (!values.data)
        status = six_api_missing(function, "values");
    if (status)
        return status;
    return six_node_values(net, value, gradient, values, count);
}

int32_t sixnet_node_values(const sixnet_model *net, sixnet_node node, float *values, int64_t count)
{
    return node_values("sixnet_node_values", net, node, false, (six_rows_out){values, SIX_F32}, count);
}

int32_t sixnet_node_values_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count)
{
    return node_values("sixnet_node_values_f64", net, node, false, (six_rows_out){values, SIX_F64}, count);
}

int32_t sixnet_node_gradient(const sixnet_model *net, sixnet_node node, float *values, int64_t count)
{
    return node_values("sixnet_node_gradient", net, node, true, (six_rows_out){values, SIX_F32}, count);
}

int32_t sixnet_node_gradient_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count)
{
    return node_values("sixnet_node_gradient_f64", net, node, true, (six_rows_out){values, SIX_F64}, count);
}
