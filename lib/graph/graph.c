/* SPDX-License-Identifier: MIT */

/* A model as a whole: making, copying, checking and freeing it. node.c adds its nodes. */

#include "graph/graph.h"

#include <string.h>

#include "base/status.h"
#include "graph/plan.h"
#include "graph/profile.h"

int32_t six_model_new(sixnet_model **out, sixnet_context *ctx)
{
    ctx = six_context_retain(ctx);
    if (!ctx)
        return SIXNET_OUT_OF_MEMORY;
    sixnet_model *net = six_alloc(ctx, 1, sizeof *net);
    if (!net) {
        six_context_release(ctx);
        return SIXNET_OUT_OF_MEMORY;
    }
    atomic_init(&net->references, 1);
    net->ctx = ctx;
    net->variant = ctx->variant;
    net->loss = net->output = -1;
    *out = net;
    return SIXNET_OK;
}

sixnet_model *six_model_retain(sixnet_model *net)
{
    atomic_fetch_add(&net->references, 1);
    return net;
}

void six_model_forget_plans(sixnet_model *net)
{
    six_plan_free(net->training);
    six_plan_free(net->inference);
    six_plan_free(net->single);
    net->training = net->inference = net->single = NULL;
    net->pass = SIX_PASS_NONE;
}

void six_model_set_report(sixnet_model *net, six_report which, void *report)
{
    six_free(net->ctx, net->report[which]);
    net->report[which] = report;
}

void six_model_release(sixnet_model *net)
{
    if (!net || atomic_fetch_sub(&net->references, 1) != 1)
        return;
    sixnet_context *ctx = net->ctx;
    six_model_forget_plans(net);
    six_profile_set(net, false);
    for (int32_t i = 0; i < net->node_count; i++)
        six_node_free(ctx, &net->node[i]);
    six_free(ctx, net->node);
    six_free(ctx, net->by_name);
    six_free(ctx, net->numbering);
    six_free(ctx, net->value);
    six_free(ctx, net->tensor);
    six_free(ctx, net->setting);
    six_free(ctx, net->segment);
    six_free(ctx, net->values);
    six_free(ctx, net->gradients);
    six_free(ctx, net->kept);
    for (int32_t i = 0; i < SIX_REPORTS; i++)
        six_free(ctx, net->report[i]);
    six_free(ctx, net);
    six_context_release(ctx);
}

/* The state of a compiled model in addition to its text. */
static void copy_state(sixnet_model *to, const sixnet_model *from)
{
    size_t size = (size_t)from->variant->real_size;
    memcpy(to->values, from->values, (size_t)from->values_size * size);
    memcpy(to->gradients, from->gradients, (size_t)from->trained_size * size);
    to->step = from->step;
    six_tensors_changed(to);
}

int32_t six_model_copy(sixnet_model **out, const sixnet_model *net)
{
    sixnet_model *copy;
    int32_t status = six_require_compiled(net);
    if (!status)
        status = six_model_new(&copy, net->ctx);
    if (status)
        return status;
    char *text = six_model_text(net);
    status = text ? six_model_add_lines(copy, text) : SIXNET_OUT_OF_MEMORY;
    six_free(net->ctx, text);
    for (int32_t i = 0; i < net->node_count && !status; i++)
        copy->node[i].retained = net->node[i].retained;
    if (!status)
        status = six_compile(copy);
    if (status) {
        six_model_release(copy);
        return status;
    }
    copy_state(copy, net);
    *out = copy;
    return SIXNET_OK;
}

/* Says of an error that compiling finds which line of the net's text it is about, if there is one. */
static int32_t name_line(const six_node *node, int32_t status)
{
    return node->line ? six_fail_prefix(status, "line %d: ", node->line) : status;
}

/* A node of whose outputs none is used is a mistake in the net. */
static int32_t check_reach(const sixnet_model *net)
{
    bool used[SIX_MAX_NODES] = {false};
    int32_t unused = -1;
    for (int32_t i = 0; i < net->node_count; i++)
        for (int32_t k = 0; k < net->node[i].op->inputs; k++)
            used[net->value[net->node[i].input[k]].node] = true;
    for (int32_t i = 0; i < net->node_count; i++)
        if (!used[i] && i != net->value[net->output].node && i != net->loss && !net->node[i].retained)
            unused = i;
    if (unused < 0)
        return SIXNET_OK;
    int32_t status = six_fail(
        SIXNET_BAD_SHAPE, "%s: output is unused (the net's output is '%s'); connect it with from=, or remove the layer",
        net->node[unused].name, net->node[net->value[net->output].node].name);
    return name_line(&net->node[unused], status);
}

static int32_t find_ends(sixnet_model *net)
{
    int32_t input = -1, output = net->node[net->node_count - 1].first_value;
    int64_t input_size = 0;
    bool serial = false;
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_node *node = &net->node[i];
        if (node->layer->role == SIX_ROLE_INPUT) {
            input = input_size ? -1 : i;
            input_size += six_shape_size(&node->op->out[0]);
        }
        serial |= six_layer_index(node->layer->kind.name) < 0;
    }
    if (!input_size)
        return six_fail(SIXNET_BAD_SHAPE, "the net has no input layer; begin with one, such as 'input shape=1x28x28'");
    if (net->loss >= 0)
        output = net->node[net->loss].input[0];
    net->input = input;
    net->output = output;
    net->serial = serial;
    net->input_size = input_size;
    net->output_size = six_shape_size(six_value_shape(net, output));
    net->target_size = net->loss < 0 ? 0 : six_shape_size(&net->node[net->loss].op->out[0]);
    return check_reach(net);
}

int32_t six_check(sixnet_model *net)
{
    if (net->error)
        return six_fail(net->error, "%s", net->error_message);
    if (!net->node_count)
        return six_fail(SIXNET_BAD_STATE, "the model has no nodes; add an input layer first");
    return find_ends(net);
}

int32_t six_compile(sixnet_model *net)
{
    if (net->compiled)
        return six_fail(SIXNET_BAD_STATE, "the model is already compiled");
    int32_t status = six_check(net);
    net->error = SIXNET_OK; /* which six_check() has reported */
    if (status)
        return status;
    status = six_tensors_allocate(net);
    if (status)
        return status;
    six_tensors_reset(net, net->ctx->seed);
    net->compiled = true;
    return SIXNET_OK;
}

int32_t six_require_compiled(const sixnet_model *net)
{
    return net->compiled ? SIXNET_OK
                         : six_fail(SIXNET_BAD_STATE, "the model is not compiled; call sixnet_model_compile() first");
}
