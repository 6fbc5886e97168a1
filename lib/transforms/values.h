/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRANSFORMS_VALUES_H
#define SIX_TRANSFORMS_VALUES_H

#include "base/context.h"

struct six_cells;

/* The type in which the values of a sample are transformed, float or double, and what transforms do with values of that type. Rows are n
 * values; factors are rounded to the type before they are used. */
typedef struct six_values {
    six_dtype dtype;
    size_t size; /* bytes of a value */
    double (*get)(const void *row, int64_t i);
    void (*fill)(void *row, int64_t n, double value);
    void (*reverse)(void *row, int64_t n);
    void (*swap)(void *a, void *b, int64_t n);
    /* to = (from - mean) / deviation; the rows may be the same */
    void (*normalize)(void *to, const void *from, int64_t n, double mean, double deviation);
    /* to = share a + rest b */
    void (*blend)(void *to, const void *a, const void *b, int64_t n, double share, double rest);
    /* to += share from */
    void (*add)(void *to, const void *from, int64_t n, double share);
    /* to[classes][n] += share at each row's class; other values add nothing */
    void (*add_classes)(void *to, const void *numbers, int64_t n, int64_t classes, double share);
    /* The first value that is not a whole number from 0 to classes - 1; n if all are. */
    int64_t (*first_bad_class)(const void *row, int64_t n, int64_t classes);
    /* In double, in a fixed order. */
    double (*sum)(const void *row, int64_t n);
    /* row = factor row + (1 - factor) mean, cut to what is from 0 to 1 */
    void (*stretch)(void *row, int64_t n, double factor, double mean);
    /* Values between those of a plane with rows `stride` apart, see sampler.h. */
    void (*nearest)(void *to, const void *origin, ptrdiff_t stride, const struct six_cells *x,
                    const struct six_cells *y, int64_t n);
    void (*bilinear)(void *to, const void *origin, ptrdiff_t stride, const struct six_cells *x,
                     const struct six_cells *y, int64_t n);
} six_values;

extern const six_values six_values_of[]; /* [six_dtype] */

/* The i-th value's address. */
static inline void *six_value_at(const six_values *v, const void *row, int64_t i)
{
    return (char *)(uintptr_t)row + i * (int64_t)v->size;
}

/* x as a value of the type has it. */
static inline double six_value_rounded(const six_values *v, double x)
{
    return v->dtype == SIX_F64 ? x : (double)(float)x;
}

#endif
