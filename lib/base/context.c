/* SPDX-License-Identifier: MIT */
#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "threads.h"

sixnet_context *six_context_hold(sixnet_context *ctx)
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
    six_custom_free_all(ctx);
    six_pool_free(ctx->pool);
    sixnet_context allocator = {.allocate = ctx->allocate, .release = ctx->release, .allocator_user = ctx->allocator_user};
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
    ctx->log(level, line, ctx->log_user);
    errno = saved;
}

static void *allocate(const sixnet_context *ctx, size_t size)
{
    int saved = errno;
    void *memory = ctx->allocate ? ctx->allocate(size, ctx->allocator_user) : malloc(size);
    errno = saved;
    return memory;
}

/* The address that the allocator gave lies before the aligned one. */
void *six_alloc(const sixnet_context *ctx, size_t count, size_t size)
{
    const size_t extra = SIX_ALLOC_EXTRA - 1;
    if (size > 0 && count > (PTRDIFF_MAX - extra) / size) {
        six_fail(SIXNET_OUT_OF_MEMORY, "out of memory: %zu times %zu bytes exceed the address space", count, size);
        return NULL;
    }
    size_t bytes = count * size > 0 ? count * size : 1;
    char *raw = allocate(ctx, bytes + extra);
    if (!raw) {
        six_fail(SIXNET_OUT_OF_MEMORY, "out of memory: the allocator has no %zu bytes", bytes + extra);
        return NULL;
    }
    size_t past = ((uintptr_t)raw + sizeof raw) % SIX_ALIGNMENT;
    char *memory = raw + sizeof raw + (past ? SIX_ALIGNMENT - past : 0);
    memcpy(memory - sizeof raw, &raw, sizeof raw);
    return memset(memory, 0, bytes);
}

void six_free(const sixnet_context *ctx, void *memory)
{
    if (!memory)
        return;
    int saved = errno;
    void *raw;
    memcpy(&raw, (char *)memory - sizeof raw, sizeof raw);
    if (ctx->release)
        ctx->release(raw, ctx->allocator_user);
    else
        free(raw);
    errno = saved;
}
