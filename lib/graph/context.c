/* SPDX-License-Identifier: MIT */

/* Making a context: the one place where the machine is looked at and kernels are picked. */

#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/spec.h"
#include "base/status.h"
#include "base/threads.h"
#include "graph/context.h"
#include "graph/graph.h"

typedef struct context_options {
    int64_t threads, seed, max_memory;
    char isa[SIX_TEXT_MAX];
    int32_t dtype, convolution;
} context_options;

enum { CONVOLUTION_AUTO, CONVOLUTION_DIRECT };

static const six_attr attrs[] = {
    {"threads", SIX_INT, offsetof(context_options, threads), 0, 1024, "1", NULL,
     "threads at work, the caller's included; 0 for every processor"},
    {"isa", SIX_TEXT, offsetof(context_options, isa), 0, 0, "auto", NULL,
     "the highest instruction set to use: auto, baseline, avx2, avx512 or neon"},
    {"dtype", SIX_CHOICE, offsetof(context_options, dtype), 0, 0, "f32", "f32 f64", "the type that nets compute with"},
    {"convolution", SIX_CHOICE, offsetof(context_options, convolution), 0, 0, "auto", "auto direct",
     "how conv2d computes: auto is by Winograd's algorithm where that is faster, direct by sums of products alone"},
    {"seed", SIX_INT, offsetof(context_options, seed), 0, SIX_SEED_MAX, "0", NULL, "of all random numbers"},
    {"max_memory", SIX_INT, offsetof(context_options, max_memory), 0, 0x1p53, "0", NULL,
     "bytes that everything made with the context may take at once; 0 for no limit"},
    {0},
};

const six_kind six_kind_context = {"context", "options of sixnet_context_new()", attrs, sizeof(context_options)};

static bool runs_here(const six_variant *v) { return (v->cpu_features & six_cpu_features()) == v->cpu_features; }

static int32_t pick_f32(const char *isa, const six_variant **picked)
{
    *picked = NULL;
    for (int32_t i = 0; six_variants_f32[i]; i++) {
        const six_variant *v = six_variants_f32[i];
        bool asked = strcmp(isa, v->name) == 0;
        if (asked && !runs_here(v))
            return six_fail(SIXNET_UNSUPPORTED,
                            "context: isa=%s: this processor or its operating system does not support it", isa);
        if (asked || (strcmp(isa, "auto") == 0 && runs_here(v)))
            *picked = v;
    }
    if (*picked)
        return SIXNET_OK;
    for (const char *const *known = (const char *const[]){"avx2", "avx512", "neon", NULL}; *known; known++)
        if (strcmp(isa, *known) == 0)
            return six_fail(SIXNET_UNSUPPORTED, "context: isa=%s is not in this build of the library", isa);
    return six_fail(SIXNET_BAD_SPEC, "context: isa=%.40s is none of auto, baseline, avx2, avx512, neon", isa);
}

/* An allocator's stand-in, to allocate the context itself with. */
static int32_t allocate(sixnet_context **out, sixnet_malloc_fn malloc_fn, sixnet_free_fn free_fn, void *user)
{
    sixnet_context seed = {.malloc_fn = malloc_fn, .free_fn = free_fn, .allocator_user = user};
    sixnet_context *ctx = six_alloc(&seed, 1, sizeof *ctx);
    if (!ctx)
        return SIXNET_OUT_OF_MEMORY;
    ctx->malloc_fn = malloc_fn;
    ctx->free_fn = free_fn;
    ctx->allocator_user = user;
    atomic_init(&ctx->references, 1);
    *out = ctx;
    return SIXNET_OK;
}

/* The budget itself is not a part of what it counts. */
static int32_t limit(sixnet_context *ctx, int64_t max_memory)
{
    if (!max_memory)
        return SIXNET_OK;
    six_budget *budget = six_alloc(ctx, 1, sizeof *budget);
    if (!budget)
        return SIXNET_OUT_OF_MEMORY;
    budget->most = (uint64_t)max_memory < PTRDIFF_MAX ? (size_t)max_memory : PTRDIFF_MAX;
    atomic_init(&budget->taken, 0);
    ctx->budget = budget;
    return SIXNET_OK;
}

int32_t six_context_new(sixnet_context **out, const char *options, sixnet_malloc_fn malloc_fn, sixnet_free_fn free_fn,
                        void *user)
{
    context_options o;
    const six_variant *variant = &six_variant_f64;
    sixnet_context *ctx = NULL;
    int32_t status = six_spec_parse(&six_kind_context, options, &o, NULL, NULL), f32_status;
    const six_variant *f32 = NULL;
    if (status)
        return status;
    f32_status = pick_f32(o.isa, &f32);
    if (f32_status)
        return f32_status;
    if (o.dtype == SIX_F32)
        variant = f32;
    status = allocate(&ctx, malloc_fn, free_fn, user);
    if (status)
        return status;
    ctx->variant = variant;
    ctx->dtype = (six_dtype)o.dtype;
    ctx->direct_convolution = o.convolution == CONVOLUTION_DIRECT;
    ctx->seed = (uint64_t)o.seed;
    ctx->threads = o.threads ? (int32_t)o.threads : six_processor_count();
    status = limit(ctx, o.max_memory);
    if (!status && ctx->threads > 1)
        status = six_pool_new(&ctx->pool, ctx, ctx->threads);
    if (status) {
        six_context_release(ctx);
        return status;
    }
    snprintf(ctx->threads_text, sizeof ctx->threads_text, "%d", ctx->threads);
    snprintf(ctx->seed_text, sizeof ctx->seed_text, "%llu", (unsigned long long)ctx->seed);
    snprintf(ctx->max_memory_text, sizeof ctx->max_memory_text, "%lld", (long long)o.max_memory);
    *out = ctx;
    return SIXNET_OK;
}

const char *six_context_get(const sixnet_context *ctx, const char *key)
{
    if (strcmp(key, "isa") == 0)
        return ctx->dtype == SIX_F64 ? "generic" : ctx->variant->name;
    if (strcmp(key, "dtype") == 0)
        return ctx->dtype == SIX_F64 ? "f64" : "f32";
    if (strcmp(key, "convolution") == 0)
        return ctx->direct_convolution ? "direct" : "auto";
    if (strcmp(key, "threads") == 0)
        return ctx->threads_text;
    if (strcmp(key, "seed") == 0)
        return ctx->seed_text;
    if (strcmp(key, "max_memory") == 0)
        return ctx->max_memory_text;
    six_fail(SIXNET_NOT_FOUND, "a context has no '%.40s'; it has isa, dtype, convolution, threads, seed and max_memory",
             key);
    return NULL;
}
