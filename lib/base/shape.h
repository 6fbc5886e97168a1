/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_SHAPE_H
#define SIX_BASE_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum { SIX_MAX_RANK = 8 };

/* The shape of one sample's values, or of a tensor. Dimensions are at least 1. */
typedef struct six_shape {
    int32_t rank;
    int64_t dim[SIX_MAX_RANK];
} six_shape;

/* The number of values; every shape in a graph was checked with six_shape_fits(). */
int64_t six_shape_size(const six_shape *s);
/* Whether rank and dimensions are in range and their product is at most 2^40. */
bool six_shape_fits(const six_shape *s);
bool six_shape_equal(const six_shape *a, const six_shape *b);
/* "8x28x28" into text, which has space for 8 * 20 characters; returns text. */
char *six_shape_text(const six_shape *s, char text[static 160]);

#endif
