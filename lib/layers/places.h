/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_PLACES_H
#define SIX_LAYERS_PLACES_H

#include "layers/matmul.h"

/* The offset of count reals that are added at the end of memory, in whole vectors and with space for another behind them. */
SIX_INLINE int64_t six_place(int64_t *end, int64_t count)
{
    const int64_t at = *end;
    *end += six_matmul_row(count) + SIX_LANES;
    return at;
}

#endif
