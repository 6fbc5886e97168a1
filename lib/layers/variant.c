/* SPDX-License-Identifier: MIT */

/* The tables of one variant: compiled, as the layers are, once for each. An instruction set takes its rarely hot kernels from
 * SIX_SHARED_VARIANT, and those that are never hot from SIX_ONCE_VARIANT; see lib/meson.build. */

#include "layers/variant.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"

#ifndef SIX_SHARED_VARIANT
#define SIX_SHARED_VARIANT SIX_VARIANT
#define SIX_ONCE_VARIANT SIX_VARIANT
#endif

#define SIX_ITEM(name, variant) extern const six_kernels SIX_PASTE(six_kernels_##name##_, variant);
#include "layers.inc"
#undef SIX_ITEM
#define SIX_ITEM(name, variant) extern const six_optimizer_kernels SIX_PASTE(six_optimizer_kernels_##name##_, variant);
#include "optimizers.inc"
#undef SIX_ITEM

#define SIX_ITEM(name, variant) &SIX_PASTE(six_kernels_##name##_, variant),
static const six_kernels *const layers[] = {
#include "layers.inc"
    NULL};
#undef SIX_ITEM

#define SIX_ITEM(name, variant) &SIX_PASTE(six_optimizer_kernels_##name##_, variant),
static const six_optimizer_kernels *const optimizers[] = {
#ifndef SIXNET_INFERENCE_ONLY
#include "optimizers.inc"
#endif
    NULL};
#undef SIX_ITEM

#if defined(SIX_AVX512)
static const uint32_t cpu_features = SIX_CPU_AVX2 | SIX_CPU_AVX512;
#elif defined(SIX_AVX2)
static const uint32_t cpu_features = SIX_CPU_AVX2;
#elif defined(SIX_NEON)
static const uint32_t cpu_features = SIX_CPU_NEON;
#else
static const uint32_t cpu_features = 0;
#endif

/* Sixteen features by sixteen samples at a time, so that rows and lanes are both touched in whole cache lines. */
enum { TILE = 16 };

/* By whole vectors, since a processor waits when it loads one that was stored in pieces just before. */
SIX_INLINE void set_first_lane(real *lanes, real value)
{
    vec first = {0};
    first[0] = value;
    six_store(lanes, first);
    for (int32_t part = 1; part < SIX_PARTS; part++)
        six_store(lanes + part * SIX_WIDTH, (vec){0});
}

#define LANES_FROM(NAME, TYPE)                                                                                         \
    static void NAME(real *lanes, const TYPE *rows, int64_t stride, int64_t features, int32_t active)                  \
    {                                                                                                                  \
        if (active == 1) {                                                                                             \
            for (int64_t f = 0; f < features; f++)                                                                     \
                set_first_lane(lanes + f * SIX_LANES, (real)rows[f]);                                                  \
            return;                                                                                                    \
        }                                                                                                              \
        if (active < SIX_LANES)                                                                                        \
            memset(lanes, 0, (size_t)(features * SIX_LANES) * sizeof *lanes);                                          \
        for (int64_t begin = 0; begin < features; begin += TILE) {                                                     \
            int64_t end = begin + TILE < features ? begin + TILE : features;                                           \
            for (int32_t l = 0; l < active; l++)                                                                       \
                for (int64_t f = begin; f < end; f++)                                                                  \
                    lanes[f * SIX_LANES + l] = (real)rows[l * stride + f];                                             \
        }                                                                                                              \
    }
LANES_FROM(lanes_from_f32, float)
LANES_FROM(lanes_from_f64, double)

#define FROM_LANES(NAME, TYPE)                                                                                         \
    static void NAME(TYPE *rows, int64_t stride, const real *lanes, int64_t features, int32_t active)                  \
    {                                                                                                                  \
        for (int32_t l = 0; l < active; l++)                                                                           \
            for (int64_t f = 0; f < features; f++)                                                                     \
                rows[l * stride + f] = (TYPE)lanes[f * SIX_LANES + l];                                                 \
    }
FROM_LANES(f32_from_lanes, float)
FROM_LANES(f64_from_lanes, double)

static void add(real *to, const real *from, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void add_parts(real *to, const real *parts, int64_t stride, int32_t part_count, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        real sum = parts[i];
        for (int32_t p = 1; p < part_count; p++)
            sum += parts[p * stride + i];
        to[i] += sum;
    }
}

static double sum_of_squares(const real *values, int64_t count, double limit)
{
    double sum[8] = {0};
    for (int64_t i = 0; i < count; i++) {
        double value = (double)values[i];
        value = value > limit ? limit : value < -limit ? -limit : value;
        sum[i & 7] += value * value;
    }
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static void mix(real *to, double keep, const real *from, double take, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = (real)(keep * (double)to[i] + take * (double)from[i]);
}

/* Maxima of vectors, several at a time that do not wait for each other. The probe becomes NaN, and stays so, at the first infinity or
 * NaN. */
enum { CHAINS = 4 };

typedef struct extremes {
    vec most, probe;
} extremes;

SIX_INLINE void extend(extremes *e, const real *values)
{
    const vec v = six_load(values);
    e->most = six_max(six_max(v, -v), e->most);
    e->probe = six_fma(v, (vec){0}, e->probe);
}

/* Of SIX_LANES numbers, none of which is NaN. */
static real largest_lane(const real *p)
{
    real half[8];
    for (int i = 0; i < 8; i++)
        half[i] = p[i] > p[i + 8] ? p[i] : p[i + 8];
    for (int i = 0; i < 4; i++)
        half[i] = half[i] > half[i + 4] ? half[i] : half[i + 4];
    for (int i = 0; i < 2; i++)
        half[i] = half[i] > half[i + 2] ? half[i] : half[i + 2];
    return half[0] > half[1] ? half[0] : half[1];
}

static double largest(const real *values, int64_t count)
{
    enum { BLOCK = CHAINS * SIX_WIDTH };
    extremes e[CHAINS] = {{{0}, {0}}};
    real most[SIX_LANES] = {0}, probe[SIX_LANES] = {0}, rest_most = 0, rest_probe = 0;
    int64_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK)
        for (int k = 0; k < CHAINS; k++)
            extend(&e[k], values + i + k * SIX_WIDTH);
    for (; i + SIX_WIDTH <= count; i += SIX_WIDTH)
        extend(&e[0], values + i);
    six_store(most, six_max(six_max(e[0].most, e[1].most), six_max(e[2].most, e[3].most)));
    six_store(probe, (e[0].probe + e[1].probe) + (e[2].probe + e[3].probe));
    for (; i < count; i++) {
        rest_most = values[i] > rest_most ? values[i] : -values[i] > rest_most ? -values[i] : rest_most;
        rest_probe += values[i] * 0;
    }
    if (isnan(six_lane_sum(probe) + rest_probe))
        return INFINITY;
    const real whole = largest_lane(most);
    return (double)(whole > rest_most ? whole : rest_most);
}

const six_variant SIX_PASTE(six_variant_, SIX_VARIANT) = {
    .name = SIX_VARIANT_NAME,
    .cpu_features = cpu_features,
    .real_size = sizeof(real),
    .arrays = {lanes_from_f32, lanes_from_f64, f32_from_lanes, f64_from_lanes, add, add_parts, sum_of_squares, mix,
               largest},
    .layers = layers,
    .optimizers = optimizers,
};

#ifdef SIX_IS_BASELINE

#define SIX_ITEM(name, variant) extern const six_layer six_layer_##name;
#include "layers.inc"
#undef SIX_ITEM
#define SIX_ITEM(name, variant) extern const six_optimizer_kind six_optimizer_##name;
#include "optimizers.inc"
#undef SIX_ITEM

#define SIX_ITEM(name, variant) &six_layer_##name,
const six_layer *const six_layers[] = {
#include "layers.inc"
    NULL};
#undef SIX_ITEM

#define SIX_ITEM(name, variant) &six_optimizer_##name,
const six_optimizer_kind *const six_optimizers[] = {
#ifndef SIXNET_INFERENCE_ONLY
#include "optimizers.inc"
#endif
    NULL};
#undef SIX_ITEM

#endif
