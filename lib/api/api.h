/* SPDX-License-Identifier: MIT */
#ifndef SIX_API_API_H
#define SIX_API_API_H

/* The public API: exported functions check their arguments in the files of this folder and call the implementation, six_*. (base/status.c has
 * sixnet_last_error() and sixnet_status_name(), graph/custom*.c the functions of sixnet/layer.h.) */

#include "base/calls.h"
#include "base/status.h"
#include "graph/graph.h"

/* SIXNET_INVALID_ARGUMENT: an argument is NULL. */
int32_t six_api_missing(const char *function, const char *argument);
/* A handle that a function needs: SIXNET_INVALID_ARGUMENT if it is NULL, SIXNET_BAD_STATE if a call that the thread is in the middle of
 * forbids this access. */
int32_t six_api_need(const char *function, const char *argument, const void *object, six_access access);
/* As six_api_need(), of a model, which must be compiled. */
int32_t six_api_need_compiled(const char *function, const sixnet_model *net, six_access access);
/* As six_api_need(), of a model, in a call that can run callbacks; six_call_end() ends it. */
int32_t six_api_begin_model(six_call *call, const char *function, const sixnet_model *net, six_access access);
/* Whether a handle can be given back: NULL is nothing to free. */
bool six_api_may_free(const char *function, const void *object);
/* Whether the model may be read and has that node. */
int32_t six_api_check_node(const sixnet_model *net, sixnet_node node, const char *function);
/* Copies a shape to where the caller wants it; dims and rank may be NULL. */
void six_api_give_shape(const six_shape *s, int64_t *dims, int32_t *rank);

#endif
