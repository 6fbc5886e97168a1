/* SPDX-License-Identifier: MIT */
#ifndef SIX_SIMD_LANE_SUMS_H
#define SIX_SIMD_LANE_SUMS_H

#include "simd/lane.h"

/* The numbers of a and then b at even and at odd places. */
#if SIX_VECTOR_BYTES == 64
SIX_INLINE vec six_even(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
SIX_INLINE vec six_odd(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
#elif SIX_VECTOR_BYTES == 32
SIX_INLINE vec six_even(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14); }
SIX_INLINE vec six_odd(vec a, vec b) { return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15); }
#elif defined(SIX_REAL_IS_DOUBLE)
SIX_INLINE vec six_even(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2); }
SIX_INLINE vec six_odd(vec a, vec b) { return __builtin_shufflevector(a, b, 1, 3); }
#else
SIX_INLINE vec six_even(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2, 4, 6); }
SIX_INLINE vec six_odd(vec a, vec b) { return __builtin_shufflevector(a, b, 1, 3, 5, 7); }
#endif

/* One level of a tree of sums over SIX_WIDTH vectors at once: a and b hold runs of 2h numbers each, the result the sums of the runs' halves. */
#if SIX_VECTOR_BYTES == 64
SIX_INLINE vec six_halves_8(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}
SIX_INLINE vec six_halves_4(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}
SIX_INLINE vec six_halves_2(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
           __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
}
#elif SIX_VECTOR_BYTES == 32
SIX_INLINE vec six_halves_4(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
}
SIX_INLINE vec six_halves_2(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) +
           __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
}
#elif !defined(SIX_REAL_IS_DOUBLE)
SIX_INLINE vec six_halves_2(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
}
#endif

SIX_INLINE vec six_halves(vec a, vec b, int h)
{
#if SIX_VECTOR_BYTES == 64
    if (h == 8)
        return six_halves_8(a, b);
#endif
#if SIX_VECTOR_BYTES >= 32
    if (h == 4)
        return six_halves_4(a, b);
#endif
#if !defined(SIX_REAL_IS_DOUBLE)
    if (h == 2)
        return six_halves_2(a, b);
#endif
    (void)h;
    return six_even(a, b) + six_odd(a, b);
}

/* The sums over the lanes of SIX_WIDTH values, each in the order of six_lane_sum(); value i is value[i * SIX_PARTS] and the parts that follow,
 * which are overwritten. */
SIX_INLINE vec six_lane_sums(vec *value)
{
    vec v[SIX_WIDTH];
    for (int i = 0; i < SIX_WIDTH; i++) {
        for (int parts = SIX_PARTS / 2; parts; parts /= 2)
            for (int p = 0; p < parts; p++)
                value[i * SIX_PARTS + p] += value[i * SIX_PARTS + p + parts];
        v[i] = value[i * SIX_PARTS];
    }
    for (int h = SIX_WIDTH / 2; h; h /= 2)
        for (int i = 0; i < h; i++)
            v[i] = six_halves(v[2 * i], v[2 * i + 1], h);
    return v[0];
}

/* The sum of count numbers, a multiple of SIX_LANES: of each lane in order, then over the lanes. */
SIX_INLINE real six_sum(const real *values, int64_t count)
{
    real lanes[SIX_LANES] = {0};
    for (int64_t i = 0; i < count; i += SIX_LANES)
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH)
            six_store(lanes + part, six_load(lanes + part) + six_load(values + i + part));
    return six_lane_sum(lanes);
}

#endif
