/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRANSFORMS_SAMPLER_H
#define SIX_TRANSFORMS_SAMPLER_H

#include "image.h"
#include "values.h"

/* Values of an image between its pixels. Pixel (column, row) is at the place (column, row); all around the image is `fill`. */
typedef struct six_sampler {
    six_image image;
    const six_values *values;
    const void *origin; /* of a copy with a margin: pixel (0, 0) of channel 0 */
    int64_t stride, plane;
    bool nearest;
} six_sampler;

enum { SIX_NEAREST, SIX_BILINEAR };
#define SIX_INTERPOLATIONS "nearest bilinear"

/* The values that a sampler needs as workspace. */
int64_t six_sampler_workspace_size(six_image image);
/* Copies the image's values into the workspace. */
six_sampler six_sampler_of(six_image image, const six_values *type, const void *values, int32_t interpolation,
                           double fill, void *workspace);

enum { SIX_PLACES = 16 };

/* Places (column + x[i], row + y[i]); column and row are whole numbers, within 2^23 of 0. */
typedef struct six_places {
    double column, row;
    float x[SIX_PLACES], y[SIX_PLACES];
} six_places;

/* Places in one direction: the pixel before, and how far it is from there to the next. */
typedef struct six_cells {
    int32_t before[SIX_PLACES];
    float share[SIX_PLACES];
} six_cells;

/* The values at the first n places; those of each channel are written an image's size after those of the one before. */
void six_sampler_read(const six_sampler *s, const six_places *places, int64_t n, void *to);

#endif
