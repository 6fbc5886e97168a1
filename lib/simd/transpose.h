/* SPDX-License-Identifier: MIT */
#ifndef SIX_SIMD_TRANSPOSE_H
#define SIX_SIMD_TRANSPOSE_H

#include "simd/lane.h"
#include "simd/lane_sums.h"

/* From [feature][SIX_LANES] to [lane][feature], whose rows are `row` values apart, a multiple of SIX_LANES; zeros fill a row up. */
SIX_INLINE void six_transpose_tile(const real *lanes, int64_t features, real *rows, int64_t row)
{
    for (int64_t first = 0; first < row; first += SIX_LANES)
        for (int l = 0; l < SIX_LANES; l++)
            for (int64_t f = first; f < first + SIX_LANES; f++)
                rows[l * row + f] = f < features ? lanes[f * SIX_LANES + l] : 0;
}

/* SIX_WIDTH vectors. A step moves the last bit of a number's lane to the front of its row, and the last of its row to the front of its lane. */
SIX_INLINE void six_transpose_vectors(vec v[SIX_WIDTH])
{
    SIX_UNROLL
    for (int step = 1; step < SIX_WIDTH; step *= 2) {
        vec next[SIX_WIDTH];
        SIX_UNROLL
        for (int i = 0; i < SIX_WIDTH / 2; i++) {
            next[i] = six_even(v[2 * i], v[2 * i + 1]);
            next[i + SIX_WIDTH / 2] = six_odd(v[2 * i], v[2 * i + 1]);
        }
        SIX_UNROLL
        for (int i = 0; i < SIX_WIDTH; i++)
            v[i] = next[i];
    }
}

/* From [plane][position] to [plane / SIX_LANES][position][SIX_LANES], whose positions are a multiple of SIX_LANES; planes that are missing in the
 * lanes are zero. Reads up to SIX_WIDTH - 1 reals more. */
static inline void six_lanes_from_planes(const real *x, int64_t planes, int64_t positions, real *lanes)
{
    for (int64_t plane = 0; plane < planes; plane += SIX_LANES)
        for (int64_t at = 0; at < positions + SIX_LANES - 1 - (positions - 1) % SIX_LANES;
             at += SIX_WIDTH, lanes += SIX_WIDTH * SIX_LANES)
            for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
                vec v[SIX_WIDTH];
                for (int i = 0; i < SIX_WIDTH; i++)
                    v[i] = plane + part + i < planes && at < positions
                               ? six_load(x + (plane + part + i) * positions + at)
                               : (vec){0};
                six_transpose_vectors(v);
                for (int i = 0; i < SIX_WIDTH; i++)
                    six_store(lanes + i * SIX_LANES + part, v[i]);
            }
}

/* And back. */
static inline void six_planes_from_lanes(const real *lanes, int64_t planes, int64_t positions, real *y)
{
    for (int64_t plane = 0; plane < planes; plane += SIX_LANES)
        for (int64_t at = 0; at < positions + SIX_LANES - 1 - (positions - 1) % SIX_LANES;
             at += SIX_WIDTH, lanes += SIX_WIDTH * SIX_LANES)
            for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
                vec v[SIX_WIDTH];
                for (int i = 0; i < SIX_WIDTH; i++)
                    v[i] = six_load(lanes + i * SIX_LANES + part);
                six_transpose_vectors(v);
                for (int i = 0; i < SIX_WIDTH && plane + part + i < planes; i++)
                    six_store_first(y + (plane + part + i) * positions + at, v[i], positions - at);
            }
}

#endif
