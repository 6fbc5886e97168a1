/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_CONTEXT_H
#define SIX_GRAPH_CONTEXT_H

#include "base/context.h"
#include "base/spec.h"

int32_t six_context_new(sixnet_context **out, const char *options, sixnet_malloc_fn malloc_fn, sixnet_free_fn free_fn,
                        void *user);
const char *six_context_get(const sixnet_context *ctx, const char *key);

extern const six_kind six_kind_context;

#endif
