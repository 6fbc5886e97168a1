/* SPDX-License-Identifier: MIT */
/* normalize: y = (x - mean) / std, for all values or for each channel, which is the first dimension. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/status.h"
#include "transforms.h"

typedef struct normalize {
    six_list mean, std;
} normalize;

static const six_attr attrs[] = {
    {"mean", SIX_LIST, offsetof(normalize, mean), -1e30, 1e30, NULL, NULL, "subtracted; one number, or one a channel"},
    {"std", SIX_LIST, offsetof(normalize, std), 1e-30, 1e30, NULL, NULL, "divided by; one number, or one a channel"},
    {0},
};

static int32_t check_count(const char *name, const six_list *list, const six_shape *in)
{
    char shape[160];
    if (list->count == 1 || list->count == in->dim[0])
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_SHAPE, "normalize: %s has %d numbers; samples of shape %s need 1 or %" PRId64, name, list->count,
                    six_shape_text(in, shape), in->dim[0]);
}

static int32_t setup(six_step *step)
{
    const normalize *n = (const void *)step->attrs;
    int32_t status = check_count("mean", &n->mean, step->in.shape);
    return status == SIXNET_OK ? check_count("std", &n->std, step->in.shape) : status;
}

/* By way of a block, so that the compiler knows that what is written is not what is still to be read. */
static void normalize_values(const float *from, float *to, int64_t count, float mean, float factor)
{
    enum { BLOCK = 16 };
    float block[BLOCK];
    for (; count >= BLOCK; count -= BLOCK, from += BLOCK, to += BLOCK) {
        for (int i = 0; i < BLOCK; i++)
            block[i] = (from[i] - mean) * factor;
        memcpy(to, block, sizeof block);
    }
    for (int64_t i = 0; i < count; i++)
        to[i] = (from[i] - mean) * factor;
}

static void apply(const six_transform_call *call)
{
    const normalize *n = call->attrs;
    int64_t parts = n->mean.count > n->std.count ? n->mean.count : n->std.count;
    int64_t size = six_shape_size(call->in) / parts;
    for (int64_t k = 0; k < parts; k++) {
        float mean = (float)n->mean.value[n->mean.count > 1 ? k : 0], std = (float)n->std.value[n->std.count > 1 ? k : 0];
        normalize_values(call->from + k * size, call->to + k * size, size, mean, 1.0f / std);
    }
}

const six_transform six_transform_normalize = {
    .kind = {"normalize", "subtract the mean and divide by the standard deviation", attrs, sizeof(normalize)},
    .setup = setup,
    .apply = {apply},
};
