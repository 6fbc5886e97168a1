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

static int64_t parameters_of(const six_node *node)
{
    int64_t count = 0;
    for (int32_t p = 0; p < node->op->params; p++)
        count += node->op->param[p].trained ? six_shape_size(&node->op->param[p].shape) : 0;
    return count;
}

/* torchsummary counts a value's memory twice, once for its gradient, and takes every number to have four bytes. */
char *six_summary(const sixnet_model *net)
{
    six_text t = {.ctx = net->ctx};
    char name[160], shape[256], count[32];
    int64_t values = 0, parameters = 0;
    six_text_add(&t, "%s%20s  %25s %15s\n%s", rule_thin, "Layer (type)", "Output Shape", "Param #", rule_thick);
    int32_t number = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_node *node = &net->node[i];
        if (node->layer->unlisted)
            continue;
        snprintf(name, sizeof name, "%.100s-%d", node->layer->title, ++number);
        torch_shape(&node->op->out, shape, sizeof shape);
        with_commas(parameters_of(node), count);
        six_text_add(&t, "%20s  %25s %15s\n", name, shape, count);
        values += six_shape_size(&node->op->out);
        parameters += parameters_of(node);
    }
    six_text_add(&t, "%sTotal params: %s\n", rule_thick, with_commas(parameters, count));
    six_text_add(&t, "Trainable params: %s\nNon-trainable params: 0\n%s", with_commas(parameters, count), rule_thin);
    add_megabytes(&t, "Input size", net->input_size);
    add_megabytes(&t, "Forward/backward pass size", 2 * values);
    add_megabytes(&t, "Params size", parameters);
    add_megabytes(&t, "Estimated Total Size", net->input_size + 2 * values + parameters);
    six_text_add(&t, "%s", rule_thin);
    return finish(&t);
}

char *six_node_text(const sixnet_model *net, const six_node *node, int32_t number)
{
    six_text t = {.ctx = net->ctx};
    bool follows = node->op->inputs == 1 && node->input[0] == number - 1;
    six_text_add(&t, "%s", node->layer->kind.name);
    six_spec_write(&node->layer->kind, node->attr, &t);
    six_text_add(&t, " name=%s", node->name);
    for (int32_t k = 0; k < node->op->inputs && !follows; k++)
        six_text_add(&t, "%s%s", k ? "," : " from=", net->node[node->input[k]].name);
    return finish(&t);
}

char *six_model_text(const sixnet_model *net)
{
    six_text t = {.ctx = net->ctx};
    for (int32_t i = 0; i < net->node_count; i++)
        six_text_add(&t, "%s\n", net->node[i].spec);
    return finish(&t);
}
