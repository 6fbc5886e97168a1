/* SPDX-License-Identifier: MIT */
/* random_erasing: sets a rectangle of an image to a value. Zhong, Zheng, Kang, Li, Yang, "Random erasing data augmentation", 2020. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>

#include "base/portable_math.h"
#include "base/status.h"
#include "image.h"
#include "transform.h"

typedef struct random_erasing {
    double p;
    six_list scale, ratio, value;
} random_erasing;

static const six_attr attrs[] = {
    {"p", SIX_FLOAT, offsetof(random_erasing, p), 0, 1, "0.5", NULL,
     "the part of the images that a rectangle is erased of"},
    {"scale", SIX_LIST, offsetof(random_erasing, scale), 0, 1, "0.02,0.33", NULL, "the least and the most of the area"},
    {"ratio", SIX_LIST, offsetof(random_erasing, ratio), 1e-3, 1e3, "0.3,3.3", NULL,
     "the least and the most of height to width"},
    {"value", SIX_LIST, offsetof(random_erasing, value), -1e30, 1e30, "0", NULL,
     "what is put there; one number, or one a channel"},
    {0},
};

static int32_t check_range(const char *name, const six_list *list)
{
    if (list->count == 2 && list->value[0] <= list->value[1])
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_SPEC, "random_erasing: %s takes two numbers, the least and the most", name);
}

static int32_t setup(six_pipeline_stage *stage)
{
    const random_erasing *e = (const void *)stage->attrs;
    int32_t status = check_range("scale", &e->scale);
    if (status)
        return status;
    status = check_range("ratio", &e->ratio);
    if (status)
        return status;
    status = six_image_check("random_erasing", stage->in.shape);
    if (status)
        return status;
    const int64_t channels = six_image_of(stage->in.shape).channels;
    if (e->value.count != 1 && e->value.count != channels)
        return six_fail(SIXNET_BAD_SHAPE,
                        "random_erasing: value has %d numbers, expected 1 or %" PRId64 ", one per channel",
                        e->value.count, channels);
    return SIXNET_OK;
}

typedef struct box {
    int64_t left, top, width, height;
} box;

static int64_t rounded(double x) { return (int64_t)floor(x + 0.5); }

/* A rectangle smaller than the image; of no size if ten that were drawn are none. */
static box draw_box(const random_erasing *e, const six_image *image, six_stream *random)
{
    const double area = (double)image->height * (double)image->width;
    const double least = six_portable_log(e->ratio.value[0]), most = six_portable_log(e->ratio.value[1]);
    for (int attempt = 0; attempt < 10; attempt++) {
        const double part = area * six_stream_between(random, e->scale.value[0], e->scale.value[1]);
        const double ratio = six_portable_exp(six_stream_between(random, least, most));
        box b = {0, 0, rounded(sqrt(part / ratio)), rounded(sqrt(part * ratio))};
        if (b.width >= image->width || b.height >= image->height)
            continue;
        b.left = (int64_t)six_stream_below(random, (uint64_t)(image->width - b.width + 1));
        b.top = (int64_t)six_stream_below(random, (uint64_t)(image->height - b.height + 1));
        return b;
    }
    return (box){0, 0, 0, 0};
}

static void apply(const six_transform_call *call)
{
    const random_erasing *e = call->attrs;
    const six_image image = six_image_of(call->in);
    six_stream random = call->random;
    if (six_stream_uniform(&random) >= e->p)
        return;
    const box b = draw_box(e, &image, &random);
    for (int64_t channel = 0; channel < image.channels; channel++) {
        const double value = e->value.value[e->value.count > 1 ? channel : 0];
        for (int64_t row = b.top; row < b.top + b.height; row++) {
            const int64_t at = (channel * image.height + row) * image.width + b.left;
            call->values->fill(six_value_at(call->values, call->to, at), b.width, value);
        }
    }
}

const six_transform six_transform_random_erasing = {
    .kind = {"random_erasing", "set a rectangle of images to a value at random", attrs, sizeof(random_erasing)},
    .random = true,
    .setup = setup,
    .apply = {apply},
};
