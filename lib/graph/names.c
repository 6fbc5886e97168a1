/* SPDX-License-Identifier: MIT */

/* Names: of nodes, and of the values that are their outputs. */

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/request.h"

/* ---- finding a node ---- */

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

/* ---- naming a new node ---- */

/* Whether a node can have this name: a word, a number or a path of them, such as layer1.0.conv1. */
static bool is_name(const char *s)
{
    if (*s == '.' || strlen(s) >= SIX_NAME_MAX)
        return false;
    return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")] == 0;
}

/* The counter of a kind's default names; NULL if there is none. */
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
    r->number = 1;
    if (known)
        r->number += known->last > known->nodes ? known->last : known->nodes;
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

int32_t six_request_name(const sixnet_model *net, six_request *r)
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

void six_request_index_name(sixnet_model *net, const six_request *r)
{
    const int32_t place = name_place(net, r->node.name);
    note_number(net, r);
    memmove(net->by_name + place + 1, net->by_name + place, (size_t)(net->node_count - place) * sizeof *net->by_name);
    net->by_name[place] = net->node_count;
}
