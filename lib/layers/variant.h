/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_VARIANT_H
#define SIX_LAYERS_VARIANT_H

/* Everything that is compiled once per variant (instruction set and dtype), in one table; and the descriptions that all of them share. */

#include <math.h>

#include "layers/op.h"
#include "optimizers/optimizer.h"

/* Rows are a caller's arrays, one sample after another; lanes are a tile's tensor, [feature][SIX_LANES] (see op.h). */
typedef struct six_arrays {
    /* Into lanes from `active` rows that are `stride` values apart; the other lanes become zero. */
    void (*lanes_from_f32)(real *lanes, const float *rows, int64_t stride, int64_t features, int32_t active);
    void (*lanes_from_f64)(real *lanes, const double *rows, int64_t stride, int64_t features, int32_t active);
    void (*f32_from_lanes)(float *rows, int64_t stride, const real *lanes, int64_t features, int32_t active);
    void (*f64_from_lanes)(double *rows, int64_t stride, const real *lanes, int64_t features, int32_t active);
    /* to[i] += from[i] */
    void (*add)(real *to, const real *from, int64_t count);
    /* to[i] += parts[0][i] + parts[1][i] + …, in that order; the parts are `stride` values apart */
    void (*add_parts)(real *to, const real *parts, int64_t stride, int32_t part_count, int64_t count);
    /* The sum of squares of the values, cut off at -limit and limit; in double, in a fixed order. */
    double (*sum_of_squares)(const real *values, int64_t count, double limit);
    /* to[i] = keep to[i] + take from[i], in double */
    void (*mix)(real *to, double keep, const real *from, double take, int64_t count);
    /* The largest magnitude among the values; INFINITY if any of them is infinite or NaN. */
    double (*largest)(const real *values, int64_t count);
} six_arrays;

typedef struct six_variant {
    const char *name;      /* "avx2" */
    uint32_t cpu_features; /* that it needs, see base/cpu.h */
    int32_t real_size;
    six_arrays arrays;
    const six_kernels *const *layers; /* in the order of six_layers */
    const six_optimizer_kernels *const *optimizers;
} six_variant;

static inline bool six_all_finite(const six_variant *v, const real *values, int64_t count)
{
    return isfinite(v->arrays.largest(values, count));
}

/* Descriptions of the layers and losses, and of the optimizers; end with NULL. */
extern const six_layer *const six_layers[];
extern const six_optimizer_kind *const six_optimizers[];

/* The f32 variants of this build, the best last; end with NULL. The first is "baseline". */
extern const six_variant *const six_variants_f32[];
extern const six_variant six_variant_baseline, six_variant_f64;

/* The layer or loss of that name: its place in six_layers, or -1. */
int32_t six_layer_index(const char *name);

#endif
