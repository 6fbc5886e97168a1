/* SPDX-License-Identifier: MIT */

/* Tensors that a new node shares with nodes above it: share=NODE, weight=NODE.weight. */

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/request.h"

static bool is_attribute(const six_kind *kind, six_span word)
{
    for (const six_attr *a = kind->attrs; a && a->name; a++)
        if (six_span_equal(word, six_span_of(a->name)))
            return true;
    return false;
}

int32_t six_request_take_shared(const sixnet_model *net, char *attributes, six_request *r)
{
    static const char blanks[] = " \t\r\n\v\f";
    char tensor[SIX_NAME_MAX + SIX_PARAM_NAME_MAX];
    for (char *word = attributes + strspn(attributes, blanks), *end; *word; word = end + strspn(end, blanks)) {
        end = word + strcspn(word, blanks);
        const size_t length = strcspn(word, "="), value = (size_t)(end - word) - length;
        const six_span name = {word, word + length};
        if (word + length >= end || length >= SIX_PARAM_NAME_MAX || !memchr(word + length, '.', value) ||
            value > sizeof tensor || is_attribute(&r->node.layer->kind, name) || is_attribute(&six_kind_common, name))
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
        six_shared_param *s = &r->shared[r->shared_count++];
        snprintf(s->param, sizeof s->param, "%.*s", (int)length, word);
        s->tensor = index;
        memset(word, ' ', (size_t)(end - word));
    }
    return SIXNET_OK;
}

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

static int32_t share_one(const sixnet_model *net, const six_node *node, const six_shared_param *s, int32_t *shared)
{
    for (int32_t p = 0; p < node->op->params; p++)
        if (strcmp(node->op->param[p].name, s->param) == 0) {
            shared[p] = s->tensor;
            return check_shared(net, node, p, s->tensor);
        }
    return six_fail(SIXNET_BAD_SPEC, "%s: it has no tensor '%s' that could be shared", node->name, s->param);
}

int32_t six_request_find_shared(const sixnet_model *net, six_request *r)
{
    six_node *node = &r->node;
    node->tensor = six_alloc(net->ctx, (size_t)node->op->params, sizeof *node->tensor);
    if (!node->tensor)
        return SIXNET_OUT_OF_MEMORY;
    for (int32_t p = 0; p < node->op->params; p++)
        node->tensor[p] = -1;
    int32_t status = six_is_given(r->common.share) ? share_all(net, r, node->tensor) : SIXNET_OK;
    for (int32_t i = 0; i < r->shared_count && !status; i++)
        status = share_one(net, node, &r->shared[i], node->tensor);
    return status;
}
