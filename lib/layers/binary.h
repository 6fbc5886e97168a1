/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_BINARY_H
#define SIX_LAYERS_BINARY_H

/* The accuracy of losses whose values each classify, bce and bce_with_logits. */

#include "layers/loss.h"

/* For forward(): how many values of the tile's samples are right, above the threshold where t >= 1/2 and not above it where t < 1/2. */
SIX_INLINE void six_binary_count(const six_run *run, const six_tile *tile, real threshold)
{
    const vec zero = {0}, one = six_set(1), half = six_set((real)0.5), middle = six_set(threshold);
    real lanes[SIX_LANES];
    for (int32_t part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec right = zero;
        for (int64_t i = 0; i < run->op->classified; i++) {
            const vec x = six_load(tile->x[0] + i * SIX_LANES + part),
                      t = six_load(tile->target + i * SIX_LANES + part);
            const ivec same = six_greater(x, middle) ^ six_greater(half, t);
            right += six_select(same, one, zero);
        }
        six_store(lanes + part, right);
    }
    run->sums[(int64_t)tile->index * SIX_LOSS_GROUP_SUMS + SIX_LOSS_CORRECT] = six_loss_of_lanes(lanes, tile->active);
}

#endif
