/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_WEIGHTS_H
#define SIX_FILES_WEIGHTS_H

/* A net's tensors and those of a file, matched by name. */

#include "base/text.h"
#include "files/safetensors.h"
#include "graph/graph.h"

/* Prefix of tensors that are not the net's, such as an optimizer's state; no node has such a name. */
#define SIX_RESERVED_PREFIX "sixnet:"

/* Compares names, shapes and types, and describes what differs as lines of text. SIXNET_BAD_FILE if a shape or a type does not
 * fit or, when strict, a name is missing or not expected. PyTorch's num_batches_tracked and tensors that are not the net's are passed
 * over. */
int32_t six_weights_compare(six_safetensors *s, const sixnet_model *net, bool strict, six_text *report);
/* SIXNET_BAD_FILE for a value that is not finite in the net's dtype, or a negative variance. */
int32_t six_weights_check(const six_safetensors *s, const sixnet_model *net);
/* Takes over the values of the tensors that both have, into the net's own or an array of that order. */
void six_weights_take(const six_safetensors *s, sixnet_model *net, void *values);
/* As six_weights_check(), for a tensor of all the net's values in the order in which the net has them. */
int32_t six_weights_check_array(const six_safetensors *s, const six_st_tensor *all, const sixnet_model *net);

/* Copies a tensor's values to reals of a dtype. */
void six_weights_copy(const six_safetensors *s, const six_st_tensor *from, void *to, six_dtype dtype);
/* SIXNET_BAD_FILE for a value that is not finite in a dtype, or below `least`. */
int32_t six_values_check(const six_safetensors *s, const six_st_tensor *t, six_dtype dtype, double least);

#endif
