/* SPDX-License-Identifier: MIT */
#include "values.h"

#include <math.h>
#include <string.h>

#include "sampler.h"

#ifndef SIXNET_INFERENCE_ONLY

#define VALUE float
#define NAME(function) values_##function##_f32
#define OVER(x, deviation) ((x) * (1.0f / (deviation)))
#include "values.inc"
#undef VALUE
#undef NAME
#undef OVER

#define VALUE double
#define NAME(function) values_##function##_f64
#define OVER(x, deviation) ((x) / (deviation))
#include "values.inc"
#undef VALUE
#undef NAME
#undef OVER

#define TABLE(type)                                                                                                    \
    .get = values_get_##type, .fill = values_fill_##type, .reverse = values_reverse_##type,                            \
    .swap = values_swap_##type, .normalize = values_normalize_##type, .blend = values_blend_##type,                    \
    .add = values_add_##type, .add_classes = values_add_classes_##type,                                                \
    .first_bad_class = values_first_bad_class_##type, .sum = values_sum_##type, .stretch = values_stretch_##type,      \
    .nearest = values_nearest_##type, .bilinear = values_bilinear_##type

const six_values six_values_of[] = {
    [SIX_F32] = {.dtype = SIX_F32, .size = sizeof(float), TABLE(f32)},
    [SIX_F64] = {.dtype = SIX_F64, .size = sizeof(double), TABLE(f64)},
};

#endif
