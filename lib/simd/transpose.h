/* SPDX-License-Identifier: MIT */
#ifndef SIX_SIMD_TRANSPOSE_H
#define SIX_SIMD_TRANSPOSE_H

#include "simd/lane.h"

/* From [feature][SIX_LANES] to [lane][feature], whose rows are `row` values apart, a multiple of SIX_LANES; zeros fill a row up. */
SIX_INLINE void six_transpose_tile(const real *lanes, int64_t features, real *rows, int64_t row)
{
    for (int64_t first = 0; first < row; first += SIX_LANES)
        for (int l = 0; l < SIX_LANES; l++)
            for (int64_t f = first; f < first + SIX_LANES; f++)
                rows[l * row + f] = f < features ? lanes[f * SIX_LANES + l] : 0;
}

#endif
