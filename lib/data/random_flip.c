/* SPDX-License-Identifier: MIT */
/* random_horizontal_flip and random_vertical_flip: mirror an image, left to right or top to bottom, with probability p. */
#include <stddef.h>

#include "image.h"
#include "transforms.h"

typedef struct random_flip {
    double p;
} random_flip;

static const six_attr attrs[] = {
    {"p", SIX_FLOAT, offsetof(random_flip, p), 0, 1, "0.5", NULL, "the part of the images that are flipped"},
    {0},
};

static int32_t setup(six_pipeline_stage *stage)
{
    return six_image_check(stage->transform->kind.name, stage->in.shape);
}

static bool drawn(const six_transform_call *call)
{
    const random_flip *f = call->attrs;
    six_stream random = call->random;
    return six_stream_uniform(&random) < f->p;
}

static void flip_rows(const six_transform_call *call)
{
    const six_image image = six_image_of(call->in);
    if (!drawn(call))
        return;
    for (int64_t k = 0; k < image.channels * image.height; k++)
        call->values->reverse(six_value_at(call->values, call->to, k * image.width), image.width);
}

static void flip_columns(const six_transform_call *call)
{
    const six_image image = six_image_of(call->in);
    if (!drawn(call))
        return;
    for (int64_t channel = 0; channel < image.channels; channel++) {
        const int64_t first = channel * image.height, last = first + image.height - 1;
        for (int64_t k = 0; k < image.height / 2; k++)
            call->values->swap(six_value_at(call->values, call->to, (first + k) * image.width),
                               six_value_at(call->values, call->to, (last - k) * image.width), image.width);
    }
}

const six_transform six_transform_random_horizontal_flip = {
    .kind = {"random_horizontal_flip", "mirror images left to right at random", attrs, sizeof(random_flip)},
    .random = true,
    .setup = setup,
    .apply = {flip_rows},
};

const six_transform six_transform_random_vertical_flip = {
    .kind = {"random_vertical_flip", "mirror images top to bottom at random", attrs, sizeof(random_flip)},
    .random = true,
    .setup = setup,
    .apply = {flip_columns},
};
