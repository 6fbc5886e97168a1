/* SPDX-License-Identifier: MIT */
/* random_horizontal_flip: mirrors an image left to right with probability p. */
#include "flip.h"

static const six_attr attrs[] = {SIX_FLIP_ATTR, {0}};

static void apply(const six_transform_call *call)
{
    const six_image image = six_image_of(call->in);
    if (!six_flip_is_drawn(call))
        return;
    for (int64_t row = 0; row < image.channels * image.height; row++)
        call->values->reverse(six_value_at(call->values, call->to, row * image.width), image.width);
}

const six_transform six_transform_random_horizontal_flip = {
    .kind = {"random_horizontal_flip", "mirror images left to right at random", attrs, sizeof(six_flip)},
    .random = true,
    .setup = six_flip_setup,
    .apply = {apply},
};
