/* SPDX-License-Identifier: MIT */

/* A model as text: the table that torchsummary prints, and the spec that it can be made of again. */

#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

static const char rule_thin[] = "----------------------------------------------------------------\n";
static const char rule_thick[] = "================================================================\n";

/* The text, whole or not at all. */
static char *finish(six_text *t)
{
    if (t->failed)
        six_text_free(t);
    return t->failed ? NULL : t->data;
}

/* "1,008" */
static char *with_commas(int64_t value, char text[static 32])
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value), out = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            text[out++] = ',';
        text[out++] = digits[i];
    }
    text[out] = 0;
    return text;
}

/* "[-1, 8, 28, 28]": the first is the batch's size, which is open. */
static char *torch_shape(const six_shape *s, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[-1");
    for (int32_t i = 0; i < s->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, ", %lld", (long long)s->dim[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
    return text;
}

/* Megabytes with two decimals, without the locale. */
static void add_megabytes(six_text *t, const char *label, int64_t values)
{
    double hundredths = (double)values * 4 / (1 << 20) * 100;
    int64_t rounded = (int64_t)(hundredths + 0.5);
    six_text_add(t, "%s (MB): %lld.%02d\n", label, (long long)(rounded / 100), (int)(rounded % 100));
}

/* Values of the parameters that belong to a node, all or those that train. */
static int64_t parameters_of(const sixnet_model *net, int32_t node, bool trained)
{
    int64_t count = 0;
    for (int32_t p = 0; p < net->node[node].op->params; p++) {
        const six_tensor *t = &net->tensor[net->node[node].tensor[p]];
        count += t->node == node && t->parameter && (t->trainable || !trained) ? t->size : 0;
    }
    return count;
}

/* torchsummary counts a value's memory twice, once for its gradient, and takes every number to have four bytes. */
char *six_summary(const sixnet_model *net)
{
    six_text t = {.ctx = net->ctx};
    char name[160], shape[256], count[32];
    int64_t values = 0, parameters = 0, trained = 0;
    six_text_add(&t, "%s%20s  %25s %15s\n%s", rule_thin, "Layer (type)", "Output Shape", "Param #", rule_thick);
    int32_t number = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_node *node = &net->node[i];
        if (node->layer->hidden)
            continue;
        snprintf(name, sizeof name, "%.100s-%d", node->layer->title, ++number);
        with_commas(parameters_of(net, i, false), count);
        for (int32_t o = 0; o < node->op->outputs; o++) {
            torch_shape(&node->op->out[o], shape, sizeof shape);
            six_text_add(&t, "%20s  %25s %15s\n", o ? "" : name, shape, o ? "" : count);
            values += six_shape_size(&node->op->out[o]);
        }
        parameters += parameters_of(net, i, false);
        trained += parameters_of(net, i, true);
    }
    six_text_add(&t, "%sTotal params: %s\n", rule_thick, with_commas(parameters, count));
    six_text_add(&t, "Trainable params: %s\n", with_commas(trained, count));
    six_text_add(&t, "Non-trainable params: %s\n%s", with_commas(parameters - trained, count), rule_thin);
    add_megabytes(&t, "Input size", net->input_size);
    add_megabytes(&t, "Forward/backward pass size", 2 * values);
    add_megabytes(&t, "Params size", parameters);
    add_megabytes(&t, "Estimated Total Size", net->input_size + 2 * values + parameters);
    six_text_add(&t, "%s", rule_thin);
    return finish(&t);
}

static void add_inputs(const sixnet_model *net, const six_node *node, int32_t number, six_text *t)
{
    char output[SIX_PARAM_NAME_MAX];
    const bool follows = node->op->inputs == 1 && number > 0 && node->input[0] == net->node[number - 1].first_value;
    for (int32_t k = 0; k < node->op->inputs && !follows; k++) {
        const six_value from = net->value[node->input[k]];
        six_text_add(t, "%s%s", k ? "," : " from=", net->node[from.node].name);
        if (from.output)
            six_text_add(t, ":%s", six_output_name(net, node->input[k], output));
    }
}

/* Whether all tensors of a new node are those of the node that the first belongs to. */
static bool shares_all(const sixnet_model *net, const six_node *node)
{
    if (!node->op->params || node->tensor[0] < 0)
        return false;
    const six_node *owner = &net->node[net->tensor[node->tensor[0]].node];
    return owner->op->params == node->op->params && owner->layer == node->layer &&
           memcmp(owner->tensor, node->tensor, (size_t)node->op->params * sizeof *node->tensor) == 0;
}

/* For a node that is not in the model yet, whose own tensors have no entry. */
static void add_shared(const sixnet_model *net, const six_node *node, six_text *t)
{
    if (shares_all(net, node)) {
        six_text_add(t, " share=%s", net->node[net->tensor[node->tensor[0]].node].name);
        return;
    }
    for (int32_t p = 0; p < node->op->params; p++)
        if (node->tensor[p] >= 0)
            six_text_add(t, " %s=%s", node->op->param[p].name, net->tensor[node->tensor[p]].name);
}

char *six_node_text(const sixnet_model *net, const six_node *node, int32_t number)
{
    six_text t = {.ctx = net->ctx};
    six_text_add(&t, "%s", node->layer->kind.name);
    six_spec_write(&node->layer->kind, node->attr, &t);
    six_text_add(&t, " name=%s", node->name);
    add_inputs(net, node, number, &t);
    add_shared(net, node, &t);
    return finish(&t);
}

char *six_model_text(const sixnet_model *net)
{
    six_text t = {.ctx = net->ctx};
    for (int32_t i = 0; i < net->node_count; i++) {
        six_text_add(&t, "%s\n", net->node[i].spec);
        six_tensors_write(net, i + 1, &t);
    }
    return finish(&t);
}
