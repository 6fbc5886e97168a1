/* SPDX-License-Identifier: MIT */
/* normalize: y = (x - mean) / std, for all values or for each channel, which is the first dimension. */
#include <inttypes.h>
#include <stddef.h>

#include "base/status.h"
#include "transform.h"

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
    return six_fail(SIXNET_BAD_SHAPE, "normalize: %s has %d numbers; samples of shape %s need 1 or %" PRId64, name,
                    list->count, six_shape_text(in, shape), in->dim[0]);
}

static int32_t setup(six_pipeline_stage *stage)
{
    const normalize *n = (const void *)stage->attrs;
    int32_t status = check_count("mean", &n->mean, stage->in.shape);
    if (status)
        return status;
    return check_count("std", &n->std, stage->in.shape);
}

static void apply(const six_transform_call *call)
{
    const normalize *n = call->attrs;
    int64_t parts = n->mean.count > n->std.count ? n->mean.count : n->std.count;
    int64_t size = six_shape_size(call->in) / parts;
    for (int64_t k = 0; k < parts; k++) {
        const double mean = n->mean.value[n->mean.count > 1 ? k : 0], std = n->std.value[n->std.count > 1 ? k : 0];
        call->values->normalize(six_value_at(call->values, call->to, k * size),
                                six_value_at(call->values, call->from, k * size), size, mean, std);
    }
}

const six_transform six_transform_normalize = {
    .kind = {"normalize", "subtract the mean and divide by the standard deviation", attrs, sizeof(normalize)},
    .setup = setup,
    .apply = {apply},
};
