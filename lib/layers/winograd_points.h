/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_WINOGRAD_POINTS_H
#define SIX_LAYERS_WINOGRAD_POINTS_H

/* The matrices of winograd.c: products with Bᵀ and Aᵀ along one axis. */

#include "layers/winograd.h"

/* P, -P, Q and -Q are the points except 0 and infinity. */
#define SIX_WINOGRAD_P ((real)0.75)
#define SIX_WINOGRAD_Q ((real)1.5)

SIX_INLINE int64_t six_winograd_divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
SIX_INLINE int64_t six_winograd_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The values at two points, 0 and infinity, P and -P, or Q and -Q, of six values. */
SIX_INLINE void six_winograd_input_points(const int pair, const vec d[SIX_WINOGRAD_POINTS], vec v[2])
{
    if (pair == 0) {
        const vec ends = six_set(SIX_WINOGRAD_P * SIX_WINOGRAD_P * SIX_WINOGRAD_Q * SIX_WINOGRAD_Q),
                  middle = six_set(-(SIX_WINOGRAD_P * SIX_WINOGRAD_P + SIX_WINOGRAD_Q * SIX_WINOGRAD_Q));
        v[0] = six_fma(ends, d[0], six_fma(middle, d[2], d[4]));
        v[1] = six_fma(ends, d[1], six_fma(middle, d[3], d[5]));
    } else {
        const vec point = six_set(pair == 1 ? SIX_WINOGRAD_P : SIX_WINOGRAD_Q),
                  other = six_set(pair == 1 ? -(SIX_WINOGRAD_Q * SIX_WINOGRAD_Q) : -(SIX_WINOGRAD_P * SIX_WINOGRAD_P));
        const vec even = six_fma(other, d[2], d[4]), odd = point * six_fma(other, d[1], d[3]);
        v[0] = even + odd;
        v[1] = even - odd;
    }
}

/* Four values from those at the points. */
SIX_INLINE void six_winograd_output_values(const vec m[SIX_WINOGRAD_POINTS], vec y[SIX_WINOGRAD_TILE])
{
    const vec even_p = m[2] + m[3], odd_p = m[2] - m[3], even_q = m[4] + m[5], odd_q = m[4] - m[5];
    y[0] = m[0] + even_p + even_q;
    y[1] = six_fma(six_set(SIX_WINOGRAD_Q), odd_q, six_set(SIX_WINOGRAD_P) * odd_p);
    y[2] = six_fma(six_set(SIX_WINOGRAD_Q * SIX_WINOGRAD_Q), even_q, six_set(SIX_WINOGRAD_P * SIX_WINOGRAD_P) * even_p);
    y[3] = six_fma(six_set(SIX_WINOGRAD_Q * SIX_WINOGRAD_Q * SIX_WINOGRAD_Q), odd_q,
                   six_fma(six_set(SIX_WINOGRAD_P * SIX_WINOGRAD_P * SIX_WINOGRAD_P), odd_p, m[1]));
}

/* A tile of outputs, Aᵀ M A. */
SIX_INLINE void six_winograd_output_tile(const real *m, int64_t m_position, vec y[SIX_WINOGRAD_TILE][SIX_WINOGRAD_TILE])
{
    vec row[SIX_WINOGRAD_TILE][SIX_WINOGRAD_POINTS];
    SIX_UNROLL
    for (int j = 0; j < SIX_WINOGRAD_POINTS; j++, m += m_position) {
        vec points[SIX_WINOGRAD_POINTS], values[SIX_WINOGRAD_TILE];
        SIX_UNROLL
        for (int i = 0; i < SIX_WINOGRAD_POINTS; i++)
            points[i] = six_load(m + i * SIX_WINOGRAD_POINTS * m_position);
        six_winograd_output_values(points, values);
        SIX_UNROLL
        for (int i = 0; i < SIX_WINOGRAD_TILE; i++)
            row[i][j] = values[i];
    }
    SIX_UNROLL
    for (int i = 0; i < SIX_WINOGRAD_TILE; i++)
        six_winograd_output_values(row[i], y[i]);
}

#endif
