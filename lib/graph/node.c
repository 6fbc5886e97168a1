/* SPDX-License-Identifier: MIT */

/* A node from its line of text: its layer, attributes, inputs and shapes. */

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/custom.h"
#include "graph/request.h"

/* Stands for no nodes, as it cannot be a node's name; an empty text is a mistake. */
static const char not_given[] = "-";

bool six_is_given(const char *nodes) { return strcmp(nodes, not_given) != 0; }

static const six_attr common_attrs[] = {
    {"name", SIX_TEXT, offsetof(six_common, name), 0, 0, "", NULL,
     "the node's name; a kind's short form and a number without it"},
    {"from", SIX_NAMES, offsetof(six_common, from), 0, 0, not_given, NULL,
     "in a net's text: the nodes it takes, a,b; the line above without it; NODE:OUTPUT "
     "for another output than the first"},
    {"share", SIX_TEXT, offsetof(six_common, share), 0, 0, not_given, NULL,
     "a node of the same kind whose tensors it uses as its own; weight=NODE.weight shares one tensor"},
    {0},
};

const six_kind six_kind_common = {"node", "what every layer and loss can be given", common_attrs, sizeof(six_common)};

int32_t six_layer_index(const char *name)
{
    for (int32_t i = 0; six_layers[i]; i++)
        if (strcmp(six_layers[i]->kind.name, name) == 0)
            return i;
    return -1;
}

static void op_free(const sixnet_context *ctx, six_op *op)
{
    if (!op)
        return;
    six_free(ctx, op->in);
    six_free(ctx, op->out);
    six_free(ctx, op->output_name);
    six_free(ctx, op->param);
    six_free(ctx, op);
}

void six_node_free(const sixnet_context *ctx, const six_node *node)
{
    six_free(ctx, node->attr);
    op_free(ctx, node->op);
    six_free(ctx, node->tensor);
    six_free(ctx, node->spec);
}

/* ---- what its text says ---- */

/* The layers' kinds and after them the caller's, so that a misspelt word is answered with the nearest of all. */
static int32_t find_layer(const sixnet_model *net, six_span word, six_node *node)
{
    const six_custom_layer *custom = six_custom_find(net->ctx, word);
    if (custom) {
        node->layer = &custom->layer;
        node->kernels = &custom->kernels;
        return SIXNET_OK;
    }
    const six_kind *kinds[256];
    int32_t count = 0;
    for (; six_layers[count] && count < 254; count++)
        kinds[count] = &six_layers[count]->kind;
    kinds[count] = &six_kind_tensors;
    kinds[count + 1] = NULL;
    const six_kind *kind = six_kind_find(kinds, word, "layer");
    if (!kind)
        return SIXNET_BAD_SPEC;
    if (kind == &six_kind_tensors)
        return six_fail(SIXNET_BAD_SPEC,
                        "'%s' is no layer but a line of a net's text; sixnet_model_set_tensors() does the same",
                        kind->name);
    int32_t index = six_layer_index(kind->name);
    node->layer = six_layers[index];
    node->kernels = net->variant->layers[index];
    return SIXNET_OK;
}

static int32_t read_attributes(const sixnet_model *net, const char *text, six_request *r)
{
    const size_t size = strlen(text) + 1;
    char *attributes = six_alloc(net->ctx, 1, size);
    if (!attributes)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(attributes, text, size);
    int32_t status = six_request_take_shared(net, attributes, r);
    if (!status)
        status = six_spec_parse(&r->node.layer->kind, attributes, r->node.attr, &six_kind_common, &r->common);
    six_free(net->ctx, attributes);
    return status;
}

static int32_t read_spec(const sixnet_model *net, const char *spec, int32_t line, six_request *r)
{
    six_span word;
    const char *rest;
    *r = (six_request){.node = {.line = line}};
    int32_t status = six_spec_kind(spec, &word, &rest);
    if (status)
        return status;
    status = find_layer(net, word, &r->node);
    if (status)
        return status;
    r->node.attr = six_alloc(net->ctx, 1, r->node.layer->kind.size);
    r->node.op = six_alloc(net->ctx, 1, sizeof *r->node.op);
    status = r->node.attr && r->node.op ? read_attributes(net, rest, r) : SIXNET_OUT_OF_MEMORY;
    if (status)
        six_node_free(net->ctx, &r->node);
    return status;
}

/* ---- its inputs ---- */

static int32_t check_input_count(const six_node *node, int32_t count)
{
    const six_layer *layer = node->layer;
    if (count >= layer->inputs_min && count <= layer->inputs_max)
        return SIXNET_OK;
    if (layer->inputs_min == layer->inputs_max)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: takes %d input%s, not %d", node->name, layer->inputs_min,
                        layer->inputs_min == 1 ? "" : "s", count);
    return six_fail(SIXNET_INVALID_ARGUMENT, "%s: takes %d to %d inputs, not %d", node->name, layer->inputs_min,
                    layer->inputs_max, count);
}

/* inputs are values as the public API counts them. */
static int32_t connect(const sixnet_model *net, six_node *node, const int32_t *inputs, int32_t count)
{
    if (node->layer->inputs_max == 0 && count == 1 && inputs[0] == SIXNET_NO_NODE)
        count = 0;
    if (node->layer->role == SIX_ROLE_LOSS && net->loss >= 0)
        return six_fail(SIXNET_BAD_SHAPE, "%s: the net has a loss already, '%s'", node->name,
                        net->node[net->loss].name);
    int32_t status = check_input_count(node, count);
    if (status)
        return status;
    node->op->in = six_alloc(net->ctx, (size_t)count, sizeof *node->op->in);
    if (!node->op->in)
        return SIXNET_OUT_OF_MEMORY;
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = six_value_find(net, inputs[i]);
        if (value < 0)
            return six_fail(SIXNET_INVALID_ARGUMENT,
                            "%s: input %d is not a node of this model; begin with an input layer", node->name, i);
        const six_node *from = &net->node[net->value[value].node];
        if (from->layer->role == SIX_ROLE_LOSS)
            return six_fail(SIXNET_INVALID_ARGUMENT, "%s: cannot use the loss '%s' as an input; a loss has no output",
                            node->name, from->name);
        node->input[i] = value;
        node->op->in[i] = *six_value_shape(net, value);
    }
    node->op->inputs = count;
    return SIXNET_OK;
}

/* The values that from= names: NODE or NODE:OUTPUT, separated by commas. */
static int32_t find_named(const sixnet_model *net, const char *from, int32_t *inputs, int32_t *count)
{
    for (*count = 0;; from++) {
        const size_t length = strcspn(from, ","), node_length = strcspn(from, ",:");
        char name[SIX_NAME_MAX] = "", output[SIX_PARAM_NAME_MAX] = "";
        if (node_length < sizeof name)
            memcpy(name, from, node_length);
        if (length > node_length && length - node_length <= sizeof output)
            memcpy(output, from + node_length + 1, length - node_length - 1);
        if (node_length == 0)
            return six_fail(SIXNET_BAD_SPEC,
                            "from=: a node's name is empty; names have a comma between them, such as from=a,b");
        int32_t value = six_node_find(net, name);
        if (value < 0)
            return six_fail(SIXNET_NOT_FOUND, "from=%.*s: there is no node of that name above",
                            (int)(length < 40 ? length : 40), from);
        if (length > node_length)
            value = six_output_find(net, value, output);
        if (value < 0)
            return six_fail(SIXNET_NOT_FOUND, "from=%.*s: %s has no such output; they are numbered from 0 to %d",
                            (int)(length < 80 ? length : 80), from, name,
                            net->node[six_node_find(net, name)].op->outputs - 1);
        if (*count >= SIX_MAX_INPUTS)
            return six_fail(SIXNET_TOO_LARGE, "from=: more than %d inputs", SIX_MAX_INPUTS);
        inputs[(*count)++] = value;
        from += length;
        if (!*from)
            return SIXNET_OK;
    }
}

/* The inputs of a node that is added with a spec that says from=: if others are given they must be the same. */
static int32_t agree_on_inputs(const sixnet_model *net, const six_common *common, const int32_t *given,
                               int32_t given_count, int32_t *inputs, int32_t *count)
{
    bool none = given_count == 0 || (given_count == 1 && given[0] == SIXNET_NO_NODE);
    int32_t status = find_named(net, common->from, inputs, count);
    if (status || none || (given_count == *count && memcmp(given, inputs, (size_t)*count * sizeof *given) == 0))
        return status;
    return six_fail(SIXNET_INVALID_ARGUMENT, "from=%.80s: other nodes are given as inputs; leave one of the two out",
                    common->from);
}

/* ---- adding it ---- */

static int32_t set_up(const sixnet_model *net, six_request *r, const int32_t *inputs, int32_t count)
{
    six_node *node = &r->node;
    int32_t status = six_request_name(net, r);
    if (status)
        return status;
    status = connect(net, node, inputs, count);
    if (status)
        return status;
    node->op->ctx = net->ctx;
    node->op->direct = net->ctx->direct_convolution;
    node->op->layer = node->layer;
    node->op->attr = node->attr;
    node->op->name = node->name;
    node->first_value = net->value_count;
    status = six_op_set_outputs(node->op, 1);
    if (!status)
        status = node->layer->setup(node->op);
    for (int32_t o = 0; o < node->op->outputs && !status; o++)
        if (!six_shape_fits(&node->op->out[o]))
            status = six_fail(SIXNET_TOO_LARGE, "%s: its output would be too large", node->name);
    if (!status)
        status = six_request_find_shared(net, r);
    if (!status) {
        node->spec = six_node_text(net, node, net->node_count);
        status = node->spec ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
    }
    return status;
}

/* A node's name lies in the array of nodes, which moves when it grows. */
static int32_t grow_nodes(sixnet_model *net)
{
    const six_node *before = net->node;
    int32_t status =
        six_grow(net->ctx, (void **)&net->node, sizeof *net->node, (size_t)net->node_count, &net->node_capacity);
    for (int32_t i = 0; net->node != before && i < net->node_count; i++)
        net->node[i].op->name = net->node[i].name;
    return status;
}

static int32_t reserve(sixnet_model *net, const six_node *node)
{
    if (net->node_count >= SIX_MAX_NODES)
        return six_fail(SIXNET_TOO_LARGE, "a model has at most %d nodes", SIX_MAX_NODES);
    int32_t status = grow_nodes(net);
    if (!status)
        status = six_grow(net->ctx, (void **)&net->by_name, sizeof *net->by_name, (size_t)net->node_count,
                          &net->by_name_capacity);
    if (!status)
        status = six_grow(net->ctx, (void **)&net->numbering, sizeof *net->numbering, (size_t)net->numbering_count,
                          &net->numbering_capacity);
    for (int32_t o = 0; o < node->op->outputs && !status; o++)
        status = six_grow(net->ctx, (void **)&net->value, sizeof *net->value, (size_t)(net->value_count + o),
                          &net->value_capacity);
    return status;
}

/* Makes the request a node of the model, which then owns what it has. */
static int32_t add_node(sixnet_model *net, six_request *r, const int32_t *inputs, int32_t count)
{
    int32_t status = set_up(net, r, inputs, count);
    if (status)
        return status;
    status = reserve(net, &r->node);
    if (status)
        return status;
    status = six_tensors_add(net, &r->node);
    if (status)
        return status;
    six_node *node = &net->node[net->node_count];
    for (int32_t o = 0; o < r->node.op->outputs; o++)
        net->value[net->value_count++] = (six_value){net->node_count, o};
    six_request_index_name(net, r);
    if (r->node.layer->role == SIX_ROLE_LOSS)
        net->loss = net->node_count;
    *node = r->node;
    node->op->name = node->name;
    net->node_count++;
    return SIXNET_OK;
}

int32_t six_node_add(sixnet_model *net, const char *spec, int32_t line, const int32_t *inputs, int32_t count)
{
    six_request r;
    int32_t named[SIX_MAX_INPUTS];
    int32_t status = read_spec(net, spec, line, &r);
    if (status)
        return status;
    if (six_is_given(r.common.from)) {
        status = agree_on_inputs(net, &r.common, inputs, count, named, &count);
        inputs = named;
    } else if (line > 0) {
        count = r.node.layer->inputs_max > 0;
    }
    if (!status)
        status = add_node(net, &r, inputs, count);
    if (status)
        six_node_free(net->ctx, &r.node);
    return status;
}

int32_t six_add(sixnet_model *net, const char *spec, const int32_t *inputs, int32_t count, int32_t *out)
{
    if (net->compiled)
        return six_fail(SIXNET_BAD_STATE, "the model is already compiled; add nodes before sixnet_model_compile()");
    int32_t status = six_node_add(net, spec, 0, inputs, count);
    *out = net->node_count - 1;
    return status;
}
