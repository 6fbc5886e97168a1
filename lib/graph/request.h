/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_REQUEST_H
#define SIX_GRAPH_REQUEST_H

/* A node on its way into a model: made by node.c, named by names.c, its shared tensors found by sharing.c. */

#include "graph/graph.h"

enum { SIX_MAX_SHARED = 16 };

/* "weight=linear1.weight": a parameter of the node, and the tensor of another node that stands for it. */
typedef struct six_shared_param {
    char param[SIX_PARAM_NAME_MAX];
    int32_t tensor;
} six_shared_param;

/* A node as far as its text determines it. */
typedef struct six_request {
    six_node node;
    six_common common;
    six_shared_param shared[SIX_MAX_SHARED];
    int32_t shared_count;
    int32_t number; /* in its name, if it was not given one; else 0 */
} six_request;

/* names.c */
/* Names the node as it asks for, or else by its layer's prefix and the first free number. */
int32_t six_request_name(const sixnet_model *net, six_request *r);
/* Enters the name of the node that follows the model's last one; there is capacity for it. */
void six_request_index_name(sixnet_model *net, const six_request *r);

/* sharing.c */
/* Takes words such as weight=linear1.weight out of the attributes, in place, where the layer has no such attribute. */
int32_t six_request_take_shared(const sixnet_model *net, char *attributes, six_request *r);
/* Makes node.tensor: entries of the tensor table that stand for the node's parameters, -1 for its own. */
int32_t six_request_find_shared(const sixnet_model *net, six_request *r);

/* Whether from= or share= was given. */
bool six_is_given(const char *nodes);

#endif
