/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_LAYOUT_H
#define SIX_GRAPH_LAYOUT_H

/* Which buffer of a tile's memory holds each value of a pass, each gradient, and what nodes save from forward to backward. */

#include "graph/graph.h"
#include "graph/placement.h"

/* A gradient that a consumer other than the first gives for a value, in a buffer of its own. */
typedef struct six_extra_gradient {
    int32_t value, node, input; /* `node` takes `value` as its input number `input` */
    int32_t buffer;
} six_extra_gradient;

typedef struct six_layout {
    const sixnet_model *net;
    bool training;
    int32_t lanes;
    int64_t real_size;

    six_buffer *buffer;
    int32_t buffer_count;
    bool *kept;                              /* [buffer] nothing may be written over what is in it */
    int32_t *value_buffer, *gradient_buffer; /* [value] -1 without */
    int32_t *saved_buffer;                   /* [node] -1 without */
    int32_t target_buffer;
    int32_t loss_input_buffer,
        loss_gradient_buffer; /* with lanes, where the other values of a training pass have none; else -1 */
    int64_t tile_bytes;

    int32_t *first_user;   /* [value + 1] where its users begin in `user` */
    struct six_user *user; /* from the last node to the first */
    bool *reached;         /* [value] the loss depends on it */
    bool *has_backward;    /* [node] */
    six_extra_gradient *extra;
    int32_t extra_count;
    int32_t *first_extra;         /* [value] the first of its extra gradients, which lie together; -1 without */
    six_memory_reqs *memory_reqs; /* [node] */
    six_placement placement;

    void *memory;   /* of all this */
    uint64_t bytes; /* that it takes from the allocator */
} six_layout;

int32_t six_layout_new(six_layout *l, const sixnet_model *net, bool training, int32_t lanes);
void six_layout_free(six_layout *l);

/* A node's run as far as it is known before there is memory. */
six_run six_run_of(const sixnet_model *net, int32_t node, bool training, int32_t lanes);

/* The reals that a tile's partial gradients of a node take; 0 without. */
int64_t six_partial_size(const sixnet_model *net, int32_t node);

#endif
