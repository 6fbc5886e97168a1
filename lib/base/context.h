/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_CONTEXT_H
#define SIX_BASE_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "sixnet/sixnet.h"

struct six_pool;
struct six_variant;
struct six_custom_layer;

typedef enum six_dtype { SIX_F32, SIX_F64 } six_dtype;

/* The context's objects may use `most` bytes, and use `taken` of them. */
typedef struct six_budget {
    size_t most;
    atomic_size_t taken;
} six_budget;

/* Everything an object needs to know about its process. Counted: every object created with a context holds it. */
struct sixnet_context {
    atomic_int references;
    sixnet_malloc_fn malloc_fn;
    sixnet_free_fn free_fn;
    void *allocator_user;
    six_budget *budget; /* NULL without max_memory */
    sixnet_log_fn log;
    void *log_user;
    uint64_t seed;
    six_dtype dtype;
    bool direct_convolution; /* convolution=direct */
    int32_t threads;
    struct six_pool *pool;                           /* NULL for one thread */
    const struct six_variant *variant;               /* the kernels picked at creation; base never looks inside */
    struct six_custom_layer *custom;                 /* registered layers, newest first */
    void (*free_custom)(struct sixnet_context *ctx); /* frees them; NULL if none was registered */
    char threads_text[16], seed_text[24], max_memory_text[24];
};

/* A context's own memory comes from six_alloc() with its allocator, as six_context_release() gives it back with six_free(). */

/* ctx with one more reference, or a new default context where ctx is NULL; NULL only when memory is out. */
sixnet_context *six_context_retain(sixnet_context *ctx);
void six_context_release(sixnet_context *ctx);

/* Hands one line to the context's log, if it has one. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void six_log(const sixnet_context *ctx, int32_t level, const char *format, ...);

/* Upper bound of what six_alloc() requests in addition to count * size. */
enum { SIX_ALIGNMENT = 64, SIX_ALLOC_EXTRA = sizeof(void *) + sizeof(size_t) + SIX_ALIGNMENT };

/* count * size zeroed bytes at an address that is a multiple of 64; NULL, with the status message set, if that overflows, exceeds
 * max_memory, or the allocator has none. count or size 0 gives one byte. Never returns memory that six_free() of the same context cannot
 * take. */
void *six_alloc(const sixnet_context *ctx, size_t count, size_t size);
void six_free(const sixnet_context *ctx, void *memory);

/* The bytes that six_alloc() asked the allocator for; 0 for NULL. */
size_t six_allocated(const void *memory);

/* Ensures capacity for one more item in a growing array of count items. SIXNET_OUT_OF_MEMORY leaves the array as it was. */
int32_t six_grow(const sixnet_context *ctx, void **items, size_t size, size_t count, size_t *capacity);

#endif
