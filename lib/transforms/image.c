/* SPDX-License-Identifier: MIT */
#include "image.h"

#include "base/status.h"

int32_t six_image_check(const char *kind, const six_shape *shape)
{
    char text[160];
    if (shape->rank != 2 && shape->rank != 3)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: takes images, of shape channels x height x width or height x width; samples are %s", kind,
                        six_shape_text(shape, text));
    const six_image image = six_image_of(shape);
    if (image.height > SIX_IMAGE_SIDE || image.width > SIX_IMAGE_SIDE)
        return six_fail(SIXNET_TOO_LARGE, "%s: images of %s; at most %d rows and columns are supported", kind,
                        six_shape_text(shape, text), SIX_IMAGE_SIDE);
    return SIXNET_OK;
}

six_image six_image_of(const six_shape *shape)
{
    const int64_t *last = shape->dim + shape->rank - 2;
    return (six_image){shape->rank == 3 ? shape->dim[0] : 1, last[0], last[1]};
}
