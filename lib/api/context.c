/* SPDX-License-Identifier: MIT */

/* Contexts, the version, and the enumeration of all kinds. */

#include <string.h>

#include "api/api.h"
#include "base/version.h"
#include "graph/context.h"
#include "kinds.h"

const char *sixnet_version(void) { return SIX_VERSION; }

int32_t sixnet_version_number(void)
{
    return SIXNET_VERSION_MAJOR * 1000000 + SIXNET_VERSION_MINOR * 1000 + SIXNET_VERSION_PATCH;
}

/* ---- kinds ---- */

const char *sixnet_kind_field(const char *family, int32_t index, const char *field)
{
    if (!family || !field)
        return NULL;
    const six_kind *kind = six_kind_at(family, index);
    if (!kind)
        return NULL;
    return strcmp(field, "name") == 0 ? kind->name : strcmp(field, "help") == 0 ? kind->help : NULL;
}

const char *sixnet_attribute_field(const char *family, const char *kind, int32_t index, const char *field)
{
    static _Thread_local char buffer[256];
    if (!family || !kind || !field || index < 0)
        return NULL;
    const six_kind *k = six_kind_named(family, kind);
    for (const six_attr *a = k ? k->attrs : NULL; a && a->name; a++)
        if (index-- == 0)
            return six_attr_field(a, field, buffer, sizeof buffer);
    return NULL;
}

/* ---- context ---- */

int32_t sixnet_context_new(sixnet_context **out, const char *options)
{
    if (!out)
        return six_api_missing("sixnet_context_new", "out");
    return sixnet_context_new_with_allocator(out, options, NULL, NULL, NULL);
}

int32_t sixnet_context_new_with_allocator(sixnet_context **out, const char *options, sixnet_malloc_fn malloc_fn,
                                          sixnet_free_fn free_fn, void *user)
{
    if (!out)
        return six_api_missing("sixnet_context_new_with_allocator", "out");
    *out = NULL;
    if (!malloc_fn != !free_fn)
        return six_fail(SIXNET_INVALID_ARGUMENT, "sixnet_context_new_with_allocator: give both functions or neither");
    return six_context_new(out, options, malloc_fn, free_fn, user);
}

void sixnet_context_free(sixnet_context *ctx)
{
    if (six_api_may_free("sixnet_context_free", ctx))
        six_context_release(ctx);
}

int32_t sixnet_context_set_log(sixnet_context *ctx, sixnet_log_fn fn, void *user)
{
    int32_t status = six_api_need("sixnet_context_set_log", "ctx", ctx, SIX_CHANGES);
    if (status)
        return status;
    ctx->log = fn;
    ctx->log_user = user;
    return SIXNET_OK;
}

const char *sixnet_context_get(const sixnet_context *ctx, const char *key)
{
    if (six_api_need("sixnet_context_get", "ctx", ctx, SIX_READS))
        return NULL;
    if (!key) {
        six_api_missing("sixnet_context_get", "key");
        return NULL;
    }
    return six_context_get(ctx, key);
}
