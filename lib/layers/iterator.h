/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_ITERATOR_H
#define SIX_LAYERS_ITERATOR_H

/* Iterates over all indices of a shape in order, and keeps the offset of each in values that have other strides. */

#include <string.h>

#include "layers/op.h"

typedef struct six_iterator {
    six_shape shape;
    int32_t values;
    int64_t at[SIX_MAX_RANK];
    int64_t offset[SIX_MAX_INPUTS], stride[SIX_MAX_INPUTS][SIX_MAX_RANK]; /* of each of the values, in reals */
} six_iterator;

/* The strides are 0 at first. */
__attribute__((unused)) static six_iterator six_iterator_over(const six_shape *shape, int32_t values)
{
    six_iterator w;
    memset(&w, 0, sizeof w);
    w.shape = *shape;
    w.values = values;
    return w;
}

__attribute__((unused)) static void six_iterator_step(six_iterator *w)
{
    for (int32_t d = w->shape.rank - 1; d >= 0; d--) {
        const bool wraps = ++w->at[d] == w->shape.dim[d];
        for (int32_t i = 0; i < w->values; i++)
            w->offset[i] += wraps ? w->stride[i][d] * (1 - w->shape.dim[d]) : w->stride[i][d];
        if (!wraps)
            return;
        w->at[d] = 0;
    }
}

#endif
