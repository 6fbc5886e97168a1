/* SPDX-License-Identifier: MIT */

/* A node from its line of text: its layer, attributes, name, inputs, shapes and tensors. */

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/graph.h"

static const six_attr common_attrs[] = {
    {"name", SIX_TEXT, offsetof(six_common, name), 0, 0, "", NULL,
     "the node's name; a kind's short form and a number without it"},
    {"from", SIX_NAMES, offsetof(six_common, from), 0, 0, "", NULL,
     "in a net's text: the nodes it takes, a,b; the line above without it; NODE:OUTPUT "
     "for another output than the first"},
    {"share", SIX_TEXT, offsetof(six_common, share), 0, 0, "", NULL,
     "a node of the same kind whose tensors it uses as its own; weight=NODE.weight shares one tensor"},
    {0},
};

const six_kind six_kind_common = {"node", "what every layer and loss can be given", common_attrs, sizeof(six_common)};

int32_t six_layer_index(const char *name)
{
    for (int32_t i = 0; six_variant_baseline.layers[i]; i++)
        if (strcmp(six_variant_baseline.layers[i]->kind.name, name) == 0)
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

/* ---- names ---- */

/* Binary search: the first place in net->by_name whose node's name is not less than `name`. */
static int32_t name_place(const sixnet_model *net, const char *name)
{
    int32_t low = 0, high = net->node_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (strcmp(net->node[net->by_name[middle]].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t six_node_find(const sixnet_model *net, const char *name)
{
    int32_t place = name_place(net, name);
    if (place == net->node_count || strcmp(net->node[net->by_name[place]].name, name) != 0)
        return -1;
    return net->by_name[place];
}

/* ---- values ---- */

int32_t six_value_find(const sixnet_model *net, int32_t handle)
{
    const int32_t node = handle % SIX_OUTPUT, output = handle / SIX_OUTPUT;
    if (handle < 0 || node >= net->node_count || output >= net->node[node].op->outputs)
        return -1;
    return net->node[node].first_value + output;
}

char *six_output_name(const sixnet_model *net, int32_t value, char text[static SIX_PARAM_NAME_MAX])
{
    const six_value v = net->value[value];
    const six_op *op = net->node[v.node].op;
    if (op->output_name)
        snprintf(text, SIX_PARAM_NAME_MAX, "%s", op->output_name[v.output].text);
    else if (op->layer->output_names)
        snprintf(text, SIX_PARAM_NAME_MAX, "%s", op->layer->output_names[v.output]);
    else if (op->outputs == 1)
        snprintf(text, SIX_PARAM_NAME_MAX, "output");
    else
        snprintf(text, SIX_PARAM_NAME_MAX, "%d", (int)v.output);
    return text;
}

int32_t six_output_find(const sixnet_model *net, int32_t node, const char *output)
{
    char name[SIX_PARAM_NAME_MAX], number[SIX_PARAM_NAME_MAX];
    for (int32_t o = 0; o < net->node[node].op->outputs; o++) {
        snprintf(number, sizeof number, "%d", (int)o);
        if (strcmp(six_output_name(net, net->node[node].first_value + o, name), output) == 0 ||
            strcmp(number, output) == 0)
            return node + o * SIX_OUTPUT;
    }
    return -1;
}

/* ---- building ---- */

/* The layers' kinds and after them the caller's, so that a misspelt word is answered with the nearest of all. */
static int32_t find_layer(const sixnet_model *net, six_span word, const six_layer **layer, const six_layer **kernel)
{
    *layer = *kernel = six_custom_find(net->ctx, word);
    if (*layer)
        return SIXNET_OK;
    const six_kind *kinds[256];
    int32_t count = 0;
    for (; six_variant_baseline.layers[count] && count < 255; count++)
        kinds[count] = &six_variant_baseline.layers[count]->kind;
    kinds[count] = NULL;
    const six_kind *kind = six_kind_find(kinds, word, "layer");
    if (!kind)
        return SIXNET_BAD_SPEC;
    int32_t index = six_layer_index(kind->name);
    *layer = six_variant_baseline.layers[index];
    *kernel = net->variant->layers[index];
    return SIXNET_OK;
}

/* Whether a node can have this name: a word, a number or a path of them, such as layer1.0.conv1. */
static bool is_name(const char *s)
{
    if (*s == '.' || strlen(s) >= SIX_NAME_MAX)
        return false;
    return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")] == 0;
}

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
            return six_fail(SIXNET_INVALID_ARGUMENT, "%s: '%s' is a loss, which has no output to go on with",
                            node->name, from->name);
        node->input[i] = value;
        node->op->in[i] = *six_value_shape(net, value);
    }
    node->op->inputs = count;
    return SIXNET_OK;
}

/* ---- a node from its line of text ---- */

enum { SIX_MAX_SHARED = 16 };

/* "weight=linear1.weight": a parameter of the node, and the tensor of another node that stands for it. */
typedef struct shared_param {
    char param[SIX_PARAM_NAME_MAX];
    int32_t tensor;
} shared_param;

/* A node as far as its text tells. */
typedef struct six_request {
    six_node node;
    six_common common;
    shared_param shared[SIX_MAX_SHARED];
    int32_t shared_count;
    int32_t number; /* in its name, if it was not given one; else 0 */
} six_request;

static void drop(const sixnet_model *net, const six_request *r) { six_node_free(net->ctx, &r->node); }

static bool is_attribute(const six_kind *kind, const char *word, size_t length)
{
    for (const six_attr *a = kind->attrs; a && a->name; a++)
        if (strlen(a->name) == length && strncmp(a->name, word, length) == 0)
            return true;
    return false;
}

/* Takes words such as weight=linear1.weight out of the attributes, in place, where the layer has no such attribute. */
static int32_t take_shared(const sixnet_model *net, char *attributes, six_request *r)
{
    static const char blanks[] = " \t\r\n\v\f";
    char tensor[SIX_NAME_MAX + SIX_PARAM_NAME_MAX];
    for (char *word = attributes + strspn(attributes, blanks), *end; *word; word = end + strspn(end, blanks)) {
        end = word + strcspn(word, blanks);
        const size_t length = strcspn(word, "="), value = (size_t)(end - word) - length;
        if (word + length >= end || length >= SIX_PARAM_NAME_MAX || !memchr(word + length, '.', value) ||
            value > sizeof tensor || is_attribute(&r->node.layer->kind, word, length) ||
            is_attribute(&six_kind_common, word, length))
            continue;
        snprintf(tensor, sizeof tensor, "%.*s", (int)(value - 1), word + length + 1);
        const int32_t index = six_tensor_index(net, tensor);
        if (index < 0 && tensor[strspn(tensor, "0123456789.,-+e")] == 0)
            continue; /* a number: an attribute whose name is wrong */
        if (index < 0)
            return six_fail(SIXNET_NOT_FOUND, "%s: %.*s: there is no such tensor above", r->node.layer->kind.name,
                            (int)(end - word), word);
        if (r->shared_count == SIX_MAX_SHARED)
            return six_fail(SIXNET_TOO_LARGE, "%s: more than %d shared tensors; share=NODE shares all",
                            r->node.layer->kind.name, SIX_MAX_SHARED);
        shared_param *s = &r->shared[r->shared_count++];
        snprintf(s->param, sizeof s->param, "%.*s", (int)length, word);
        s->tensor = index;
        memset(word, ' ', (size_t)(end - word));
    }
    return SIXNET_OK;
}

static int32_t read_attributes(const sixnet_model *net, const char *text, six_request *r)
{
    const size_t size = strlen(text) + 1;
    char *attributes = six_alloc(net->ctx, 1, size);
    if (!attributes)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(attributes, text, size);
    int32_t status = take_shared(net, attributes, r);
    if (!status)
        status = six_spec_parse(&r->node.layer->kind, attributes, r->node.attr, &six_kind_common, &r->common);
    six_free(net->ctx, attributes);
    return status;
}

static int32_t read_spec(const sixnet_model *net, const char *spec, six_request *r)
{
    six_span word;
    const char *rest;
    *r = (six_request){.node = {.line = 0}};
    int32_t status = six_spec_kind(spec, &word, &rest);
    if (!status)
        status = find_layer(net, word, &r->node.layer, &r->node.kernel);
    if (status)
        return status;
    r->node.attr = six_alloc(net->ctx, 1, r->node.layer->kind.size);
    r->node.op = six_alloc(net->ctx, 1, sizeof *r->node.op);
    status = r->node.attr && r->node.op ? read_attributes(net, rest, r) : SIXNET_OUT_OF_MEMORY;
    if (status)
        drop(net, r);
    return status;
}

/* ---- its name ---- */

/* What the model knows of a layer's numbers; NULL if it has no such node. */
static six_numbering *numbering_of(const sixnet_model *net, const six_layer *layer)
{
    for (int32_t i = 0; i < net->numbering_count; i++)
        if (net->numbering[i].layer == layer)
            return &net->numbering[i];
    return NULL;
}

/* Names a node by its layer's prefix and the first number that is free, from one more than the layer's nodes so far. Numbers up to the last
 * that was given so are taken, as nodes stay. */
static void number_node(const sixnet_model *net, six_request *r)
{
    const six_numbering *known = numbering_of(net, r->node.layer);
    char prefix[41];
    snprintf(prefix, sizeof prefix, "%s", r->node.layer->prefix);
    r->number = !known ? 1 : known->last > known->nodes ? known->last + 1 : known->nodes + 1;
    for (;; r->number++) {
        snprintf(r->node.name, sizeof r->node.name, "%s%d", prefix, r->number);
        if (six_node_find(net, r->node.name) < 0)
            return;
    }
}

static void note_number(sixnet_model *net, const six_request *r)
{
    six_numbering *known = numbering_of(net, r->node.layer);
    if (!known) {
        known = &net->numbering[net->numbering_count++];
        *known = (six_numbering){.layer = r->node.layer};
    }
    known->nodes++;
    known->last = r->number ? r->number : known->last;
}

/* The given name, checked, or the kind's short form and the first free number. */
static int32_t name_node(const sixnet_model *net, six_request *r)
{
    const char *given = r->common.name;
    six_node *node = &r->node;
    if (given[0]) {
        if (!is_name(given))
            return six_fail(SIXNET_BAD_SPEC,
                            "%s: name=%.40s must be 1 to %d letters, digits, '_' or '.', and not begin with '.'",
                            node->layer->kind.name, given, SIX_NAME_MAX - 1);
        if (six_node_find(net, given) >= 0)
            return six_fail(SIXNET_BAD_SPEC, "%s: name=%s is the name of another node already", node->layer->kind.name,
                            given);
        memcpy(node->name, given, strlen(given) + 1);
        return SIXNET_OK;
    }
    number_node(net, r);
    return SIXNET_OK;
}

/* ---- shared tensors ---- */

static int32_t check_shared(const sixnet_model *net, const six_node *node, int32_t p, int32_t tensor)
{
    char mine[160], other[160];
    const six_param *param = &node->op->param[p];
    const six_tensor *t = &net->tensor[tensor];
    if (t->parameter != param->trained)
        return six_fail(SIXNET_BAD_SHAPE, "%s: '%s' cannot share %s: one is a parameter, the other a buffer",
                        node->name, param->name, t->name);
    if (!six_shape_equal(&t->shape, &param->shape))
        return six_fail(SIXNET_BAD_SHAPE, "%s: '%s' is %s and cannot share %s, which is %s", node->name, param->name,
                        six_shape_text(&param->shape, mine), t->name, six_shape_text(&t->shape, other));
    return SIXNET_OK;
}

static int32_t share_all(const sixnet_model *net, const six_request *r, int32_t *shared)
{
    const six_node *node = &r->node;
    const int32_t other = six_node_find(net, r->common.share);
    if (other < 0)
        return six_fail(SIXNET_NOT_FOUND, "%s: share=%s: there is no node of that name above", node->name,
                        r->common.share);
    const six_node *from = &net->node[other];
    if (from->layer != node->layer || from->op->params != node->op->params)
        return six_fail(SIXNET_BAD_SHAPE, "%s: share=%s: it is a %s with other tensors", node->name, from->name,
                        from->layer->kind.name);
    int32_t status = SIXNET_OK;
    for (int32_t p = 0; p < node->op->params && !status; p++) {
        shared[p] = from->tensor[p];
        status = check_shared(net, node, p, shared[p]);
    }
    return status;
}

static int32_t share_one(const sixnet_model *net, const six_node *node, const shared_param *s, int32_t *shared)
{
    for (int32_t p = 0; p < node->op->params; p++)
        if (strcmp(node->op->param[p].name, s->param) == 0) {
            shared[p] = s->tensor;
            return check_shared(net, node, p, s->tensor);
        }
    return six_fail(SIXNET_BAD_SPEC, "%s: it has no tensor '%s' that could be shared", node->name, s->param);
}

/* The entries of the tensor table that stand for the node's parameters, -1 for its own, until six_tensors_add() fills them in. */
static int32_t find_shared(const sixnet_model *net, six_request *r)
{
    six_node *node = &r->node;
    node->tensor = six_alloc(net->ctx, (size_t)node->op->params, sizeof *node->tensor);
    if (!node->tensor)
        return SIXNET_OUT_OF_MEMORY;
    for (int32_t p = 0; p < node->op->params; p++)
        node->tensor[p] = -1;
    int32_t status = r->common.share[0] ? share_all(net, r, node->tensor) : SIXNET_OK;
    for (int32_t i = 0; i < r->shared_count && !status; i++)
        status = share_one(net, node, &r->shared[i], node->tensor);
    return status;
}

/* ---- adding it ---- */

static int32_t set_up(const sixnet_model *net, six_request *r, const int32_t *inputs, int32_t count)
{
    six_node *node = &r->node;
    int32_t status = name_node(net, r);
    if (!status)
        status = connect(net, node, inputs, count);
    if (status)
        return status;
    node->op->ctx = net->ctx;
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
        status = find_shared(net, r);
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

/* Puts the node that follows the last one into net->by_name. */
static void index_name(sixnet_model *net, const char *name)
{
    int32_t place = name_place(net, name);
    memmove(net->by_name + place + 1, net->by_name + place, (size_t)(net->node_count - place) * sizeof *net->by_name);
    net->by_name[place] = net->node_count;
}

/* Makes the request a node of the model, or drops it. */
static int32_t add_node(sixnet_model *net, six_request *r, const int32_t *inputs, int32_t count)
{
    int32_t status = set_up(net, r, inputs, count);
    if (!status)
        status = reserve(net, &r->node);
    if (!status)
        status = six_tensors_add(net, &r->node);
    if (status) {
        drop(net, r);
        return status;
    }
    six_node *node = &net->node[net->node_count];
    for (int32_t o = 0; o < r->node.op->outputs; o++)
        net->value[net->value_count++] = (six_value){net->node_count, o};
    note_number(net, r);
    index_name(net, r->node.name);
    if (r->node.layer->role == SIX_ROLE_LOSS)
        net->loss = net->node_count;
    *node = r->node;
    node->op->name = node->name;
    net->node_count++;
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

int32_t six_add(sixnet_model *net, const char *spec, const int32_t *inputs, int32_t count, int32_t *out)
{
    six_request r;
    int32_t named[SIX_MAX_INPUTS];
    if (net->compiled)
        return six_fail(SIXNET_BAD_STATE, "the model is compiled; nodes are added before");
    int32_t status = read_spec(net, spec, &r);
    if (status)
        return status;
    if (r.common.from[0]) {
        status = agree_on_inputs(net, &r.common, inputs, count, named, &count);
        inputs = named;
    }
    if (status)
        drop(net, &r);
    else
        status = add_node(net, &r, inputs, count);
    *out = net->node_count - 1;
    return status;
}

/* A line takes the node above, if its layer takes any, unless it says from=. */
static int32_t parse_node(sixnet_model *net, const char *line, int32_t number)
{
    six_request r;
    int32_t inputs[SIX_MAX_INPUTS] = {net->node_count - 1};
    int32_t status = read_spec(net, line, &r);
    if (status)
        return status;
    int32_t count = r.node.layer->inputs_max > 0;
    r.node.line = number;
    if (r.common.from[0])
        status = find_named(net, r.common.from, inputs, &count);
    if (status)
        drop(net, &r);
    else
        status = add_node(net, &r, inputs, count);
    return status;
}

static int32_t parse_line(sixnet_model *net, const char *line, int32_t number)
{
    six_span word;
    const char *rest;
    int32_t status = six_spec_kind(line, &word, &rest);
    if (status)
        return status;
    const size_t length = (size_t)(word.end - word.begin);
    if (length == strlen(six_kind_tensors.name) && strncmp(word.begin, six_kind_tensors.name, length) == 0)
        return six_tensors_parse(net, rest);
    return parse_node(net, line, number);
}

int32_t six_model_add_lines(sixnet_model *net, const char *text)
{
    size_t length = strlen(text);
    char *line = six_alloc(net->ctx, 1, (length < SIX_SPEC_MAX ? length : SIX_SPEC_MAX) + 1);
    int32_t status = line ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
    for (int32_t number = 1; !status && *text; number++) {
        size_t whole = strcspn(text, "\n"), used = strcspn(text, "\n#");
        if (used > SIX_SPEC_MAX) {
            status = six_fail(SIXNET_TOO_LARGE, "line %d: longer than %d characters", number, SIX_SPEC_MAX);
            break;
        }
        memcpy(line, text, used);
        line[used] = 0;
        if (line[strspn(line, " \t\r")]) {
            status = parse_line(net, line, number);
            if (status)
                six_fail_prefix(status, "line %d: ", number);
        }
        text += whole + (text[whole] == '\n');
    }
    six_free(net->ctx, line);
    return status;
}
