/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_CUSTOM_H
#define SIX_GRAPH_CUSTOM_H

/* Custom layers (sixnet/layer.h). To the graph each is a layer like any other, with the functions of custom_setup.c and custom_call.c. Nets
 * that have custom layers run serially. */

#include "graph/graph.h"
#include "sixnet/layer.h"

enum { SIX_CUSTOM_NAME_MAX = 40 };

typedef struct six_custom_layer {
    six_layer layer; /* first, so that op->layer can be cast */
    six_kernels kernels;
    struct six_custom_layer *next;
    sixnet_layer_setup_fn setup;
    sixnet_layer_compute_fn forward, backward;
    void *user;
    const six_arrays *arrays;
    six_dtype dtype; /* of the values that the functions see */
    char name[SIX_CUSTOM_NAME_MAX + 1];
    char *attributes; /* the text of their names and defaults, cut into strings */
    six_attr *attr;   /* ends with a name of NULL */
} six_custom_layer;

static inline const six_custom_layer *six_custom_of(const six_op *op) { return (const six_custom_layer *)op->layer; }

/* custom.c: the layer of that name which the caller registered, or NULL. */
const six_custom_layer *six_custom_find(const sixnet_context *ctx, six_span word);
/* Whether a text is a name: letters, digits and '_', not beginning with a digit. */
bool six_custom_is_word(const char *s);

/* custom_setup.c */
int32_t six_custom_setup(six_op *op);
/* The value of one of the node's attributes; NAN if it has none of that name. */
double six_custom_attribute(const six_op *op, const char *name);
/* Copies a shape to where a function of the API wants it. */
int32_t six_custom_give_shape(const six_shape *shape, int64_t *dims, int32_t *rank);
int32_t six_custom_give_input_shape(const six_op *op, int32_t index, int64_t *dims, int32_t *rank);

/* custom_call.c: sets the kernels of a layer whose functions are known. */
void six_custom_set_kernels(six_custom_layer *layer);

#endif
