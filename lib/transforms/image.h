/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRANSFORMS_IMAGE_H
#define SIX_TRANSFORMS_IMAGE_H

#include "base/shape.h"

/* A sample as an image: the last two dimensions are rows and columns; one before them counts channels. */
typedef struct six_image {
    int64_t channels, height, width;
} six_image;

enum { SIX_IMAGE_SIDE = 1 << 22 };

/* SIXNET_BAD_SHAPE unless samples are images, of at most SIX_IMAGE_SIDE rows and columns. */
int32_t six_image_check(const char *kind, const six_shape *shape);
/* Of a shape that was checked. */
six_image six_image_of(const six_shape *shape);

#endif
