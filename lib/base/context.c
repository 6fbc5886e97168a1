/* SPDX-License-Identifier: MIT */
#include "context.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "status.h"
#include "threads.h"

sixnet_context *six_context_retain(sixnet_context *ctx)
{
    if (!ctx)
        return sixnet_context_new(&ctx, NULL) == SIXNET_OK ? ctx : NULL;
    atomic_fetch_add_explicit(&ctx->references, 1, memory_order_relaxed);
    return ctx;
}

void six_context_release(sixnet_context *ctx)
{
    if (!ctx || atomic_fetch_sub_explicit(&ctx->references, 1, memory_order_acq_rel) != 1)
        return;
    if (ctx->free_custom)
        ctx->free_custom(ctx);
    six_pool_free(ctx->pool);
    sixnet_context allocator = {
        .malloc_fn = ctx->malloc_fn, .free_fn = ctx->free_fn, .allocator_user = ctx->allocator_user};
    six_free(&allocator, ctx->budget);
    six_free(&allocator, ctx);
}

void six_log(const sixnet_context *ctx, int32_t level, const char *format, ...)
{
    if (!ctx->log)
        return;
    int saved = errno;
    char line[SIX_LINE_MAX];
    va_list args;
    va_start(args, format);
    six_line(line, sizeof line, format, args);
    va_end(args);
    ctx->log(ctx->log_user, level, line);
    errno = saved;
}

static void *allocate(const sixnet_context *ctx, size_t size)
{
    six_call call;
    int saved = errno;
    six_call_begin_allocator(&call);
    void *memory = ctx->malloc_fn ? ctx->malloc_fn(ctx->allocator_user, size) : malloc(size);
    six_call_end(&call);
    errno = saved;
    return memory;
}

static bool take_budget(six_budget *b, size_t bytes)
{
    size_t taken = atomic_load_explicit(&b->taken, memory_order_relaxed);
    do
        if (bytes > b->most - taken)
            return false;
    while (!atomic_compare_exchange_weak_explicit(&b->taken, &taken, taken + bytes, memory_order_relaxed,
                                                  memory_order_relaxed));
    return true;
}

static void give_budget(six_budget *b, size_t bytes)
{
    if (b)
        atomic_fetch_sub_explicit(&b->taken, bytes, memory_order_relaxed);
}

/* What the allocator gave; lies before the aligned address. */
typedef struct origin {
    char *raw;
    size_t bytes;
} origin;

static char *allocate_bytes(const sixnet_context *ctx, size_t bytes)
{
    if (ctx->budget && !take_budget(ctx->budget, bytes)) {
        six_fail(SIXNET_OUT_OF_MEMORY, "out of memory: %zu bytes more would exceed max_memory=%zu", bytes,
                 ctx->budget->most);
        return NULL;
    }
    char *raw = allocate(ctx, bytes);
    if (!raw) {
        give_budget(ctx->budget, bytes);
        six_fail(SIXNET_OUT_OF_MEMORY, "out of memory: the allocator has no %zu bytes", bytes);
    }
    return raw;
}

void *six_alloc(const sixnet_context *ctx, size_t count, size_t size)
{
    const size_t extra = SIX_ALLOC_EXTRA - 1;
    if (size > 0 && count > (PTRDIFF_MAX - extra) / size) {
        six_fail(SIXNET_OUT_OF_MEMORY, "out of memory: %zu times %zu bytes exceed the address space", count, size);
        return NULL;
    }
    size_t bytes = count * size > 0 ? count * size : 1;
    origin o = {allocate_bytes(ctx, bytes + extra), bytes + extra};
    if (!o.raw)
        return NULL;
    size_t past = ((uintptr_t)o.raw + sizeof o) % SIX_ALIGNMENT;
    char *memory = o.raw + sizeof o + (past ? SIX_ALIGNMENT - past : 0);
    memcpy(memory - sizeof o, &o, sizeof o);
    return memset(memory, 0, bytes);
}

void six_free(const sixnet_context *ctx, void *memory)
{
    if (!memory)
        return;
    int saved = errno;
    origin o;
    memcpy(&o, (char *)memory - sizeof o, sizeof o);
    give_budget(ctx->budget, o.bytes);
    six_call call;
    six_call_begin_allocator(&call);
    if (ctx->free_fn)
        ctx->free_fn(ctx->allocator_user, o.raw);
    else
        free(o.raw);
    six_call_end(&call);
    errno = saved;
}

size_t six_allocated(const void *memory)
{
    origin o = {0};
    if (memory)
        memcpy(&o, (const char *)memory - sizeof o, sizeof o);
    return o.bytes;
}

int32_t six_grow(const sixnet_context *ctx, void **items, size_t size, size_t count, size_t *capacity)
{
    if (count < *capacity)
        return SIXNET_OK;
    size_t wanted = *capacity ? 2 * *capacity : 8;
    void *larger = six_alloc(ctx, wanted, size);
    if (!larger)
        return SIXNET_OUT_OF_MEMORY;
    if (count)
        memcpy(larger, *items, count * size);
    six_free(ctx, *items);
    *items = larger;
    *capacity = wanted;
    return SIXNET_OK;
}
