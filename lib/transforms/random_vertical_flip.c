/* SPDX-License-Identifier: MIT */
/* random_vertical_flip: mirrors an image top to bottom with probability p. */
#include "flip.h"

static const six_attr attrs[] = {SIX_FLIP_ATTR, {0}};

static void apply(const six_transform_call *call)
{
    const six_image image = six_image_of(call->in);
    if (!six_flip_is_drawn(call))
        return;
    for (int64_t channel = 0; channel < image.channels; channel++) {
        const int64_t first = channel * image.height, last = first + image.height - 1;
        for (int64_t k = 0; k < image.height / 2; k++)
            call->values->swap(six_value_at(call->values, call->to, (first + k) * image.width),
                               six_value_at(call->values, call->to, (last - k) * image.width), image.width);
    }
}

const six_transform six_transform_random_vertical_flip = {
    .kind = {"random_vertical_flip", "mirror images top to bottom at random", attrs, sizeof(six_flip)},
    .random = true,
    .setup = six_flip_setup,
    .apply = {apply},
};
