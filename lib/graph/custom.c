/* SPDX-License-Identifier: MIT */

/* The list of custom layers, which sixnet_context_register_layer() adds to. */

#include "graph/custom.h"

#include <math.h>
#include <string.h>

#include "base/calls.h"
#include "base/status.h"

enum { ATTRIBUTES_MAX = 64 };

bool six_custom_is_word(const char *s)
{
    static const char allowed[] = "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *s && !(*s >= '0' && *s <= '9') && s[strspn(s, allowed)] == '\0';
}

static void custom_free(const sixnet_context *ctx, six_custom_layer *layer)
{
    six_free(ctx, layer->attributes);
    six_free(ctx, layer->attr);
    six_free(ctx, layer);
}

static void free_all(sixnet_context *ctx)
{
    while (ctx->custom) {
        six_custom_layer *layer = ctx->custom;
        ctx->custom = layer->next;
        custom_free(ctx, layer);
    }
}

const six_custom_layer *six_custom_find(const sixnet_context *ctx, six_span word)
{
    for (const six_custom_layer *layer = ctx->custom; layer; layer = layer->next)
        if (six_span_equal(word, six_span_of(layer->name)))
            return layer;
    return NULL;
}

static const char blanks[] = " \t\r\n";

static int32_t count_words(const char *text)
{
    int32_t count = 0;
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        text += strcspn(text, blanks);
        count++;
    }
    return count;
}

static bool is_taken(const six_attr *attrs, const char *name)
{
    for (; attrs->name; attrs++)
        if (strcmp(attrs->name, name) == 0)
            return true;
    return false;
}

/* "beta=1", which is cut into two strings at its = for the next entry of the table. */
static int32_t read_attribute(six_custom_layer *layer, int32_t index, char *word)
{
    double value;
    char *equals = strchr(word, '=');
    if (!equals || !six_parse_double(equals + 1, equals + strlen(equals), &value) || !isfinite(value))
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: '%.40s' is not of the form six_custom_attribute=number",
                        layer->name, word);
    *equals = '\0';
    if (!six_custom_is_word(word) || is_taken(layer->attr, word) || is_taken(six_kind_common.attrs, word))
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "%s: '%.40s' cannot be the name of an six_custom_attribute, or is one already", layer->name,
                        word);
    layer->attr[index] = (six_attr){word,       SIX_FLOAT, (size_t)index * sizeof(double), SIX_ANY,
                                    equals + 1, NULL,      "a number of the layer's"};
    return SIXNET_OK;
}

static int32_t read_attributes(const sixnet_context *ctx, six_custom_layer *layer, const char *text)
{
    int32_t count = count_words(text), status = SIXNET_OK;
    if (count > ATTRIBUTES_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: a layer has at most %d attributes", layer->name, ATTRIBUTES_MAX);
    layer->attributes = six_alloc(ctx, strlen(text) + 1, 1);
    layer->attr = six_alloc(ctx, (size_t)count + 1, sizeof *layer->attr);
    if (!layer->attributes || !layer->attr)
        return SIXNET_OUT_OF_MEMORY;
    char *word = memcpy(layer->attributes, text, strlen(text) + 1);
    for (int32_t i = 0; i < count && !status; i++) {
        word += strspn(word, blanks);
        char *next = word + strcspn(word, blanks);
        if (*next)
            *next++ = '\0';
        status = read_attribute(layer, i, word);
        word = next;
    }
    layer->layer.kind.attrs = layer->attr;
    layer->layer.kind.size = (size_t)count * sizeof(double);
    return status;
}

static int32_t check_name(const sixnet_context *ctx, const char *name)
{
    size_t length = strlen(name);
    if (length > SIX_CUSTOM_NAME_MAX || !six_custom_is_word(name))
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "layer '%.60s': a name is 1 to %d letters, digits and '_', and begins with no digit", name,
                        SIX_CUSTOM_NAME_MAX);
    if (six_layer_index(name) >= 0 || six_custom_find(ctx, six_span_of(name)))
        return six_fail(SIXNET_INVALID_ARGUMENT, "layer '%s': the name is already taken", name);
    return SIXNET_OK;
}

static int32_t check_registration(const sixnet_context *ctx, const char *name, const char *dtype,
                                  sixnet_layer_compute_fn compute)
{
    if (!ctx || !name || !dtype)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s is NULL", !ctx ? "ctx" : !name ? "name" : "dtype");
    if (!compute)
        return six_fail(SIXNET_INVALID_ARGUMENT, "layer '%.60s': forward is NULL", name);
    if (strcmp(dtype, "f32") != 0 && strcmp(dtype, "f64") != 0)
        return six_fail(SIXNET_INVALID_ARGUMENT, "layer '%.60s': dtype '%.20s' is neither f32 nor f64", name, dtype);
    return check_name(ctx, name);
}

/* What the graph sees. */
static void describe(six_custom_layer *layer)
{
    layer->layer.kind.name = layer->layer.title = layer->layer.prefix = layer->name;
    layer->layer.kind.help = "a layer of the program's own";
    layer->layer.inputs_min = 1;
    layer->layer.inputs_max = SIX_MAX_INPUTS;
    layer->layer.reads = SIX_READS_X | SIX_READS_Y;
    layer->layer.setup = six_custom_setup;
    six_custom_set_kernels(layer);
}

int32_t sixnet_context_register_layer(sixnet_context *ctx, const char *name, const char *attributes, const char *dtype,
                                      sixnet_layer_setup_fn setup, sixnet_layer_compute_fn forward_fn,
                                      sixnet_layer_compute_fn backward_fn, void *user)
{
    int32_t status = check_registration(ctx, name, dtype, forward_fn);
    if (status)
        return status;
    status = six_calls_check("sixnet_context_register_layer", SIX_USES(SIX_CHANGE(ctx)));
    if (status)
        return status;
    six_custom_layer *layer = six_alloc(ctx, 1, sizeof *layer);
    if (!layer)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(layer->name, name, strlen(name) + 1);
    layer->setup = setup;
    layer->forward = forward_fn;
    layer->backward = backward_fn;
    layer->user = user;
    layer->arrays = &ctx->variant->arrays;
    layer->dtype = strcmp(dtype, "f64") == 0 ? SIX_F64 : SIX_F32;
    describe(layer);
    status = read_attributes(ctx, layer, attributes ? attributes : "");
    if (status) {
        custom_free(ctx, layer);
        return status;
    }
    layer->next = ctx->custom;
    ctx->custom = layer;
    ctx->free_custom = free_all;
    return SIXNET_OK;
}
