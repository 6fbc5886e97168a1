/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_SOFTMAX_COMMON_H
#define SIX_LAYERS_SOFTMAX_COMMON_H

/* What softmax and log_softmax share: one dimension of a sample, along which they normalise.
 *
 * As in PyTorch, but `dim` is counted within a sample, without the batch: -1, the default, is the last, 0 the first (PyTorch's 1). */

#include "layers/axis.h"
#include "simd/lane_math.h"

typedef struct six_softmax {
    int64_t dim;
} six_softmax;

__attribute__((unused)) static const six_attr six_softmax_attrs[] = {
    {"dim", SIX_INT, offsetof(six_softmax, dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "-1", NULL,
     "the dimension of a sample along which to normalise; negative ones count from the last"},
    {.name = NULL},
};

SIX_INLINE int32_t six_softmax_setup(six_op *op)
{
    const six_softmax *a = op->attr;
    op->out[0] = op->in[0];
    return six_axis_check(op, a->dim);
}

/* Calls f once for each vector of positions: f finds its `size` values at offset + k * stride. */
typedef void six_softmax_function(six_tile *tile, int64_t offset, int64_t size, int64_t stride);

SIX_INLINE void six_softmax_each(const six_op *op, six_tile *tile, six_softmax_function *f)
{
    const six_softmax *a = op->attr;
    const six_shape *in = &op->in[0];
    const int32_t dim = six_axis_of(op, a->dim);
    int64_t inner = SIX_LANES, outer = 1;
    for (int32_t i = 0; i < in->rank; i++) {
        if (i < dim)
            outer *= in->dim[i];
        else if (i > dim)
            inner *= in->dim[i];
    }
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i += SIX_WIDTH)
            f(tile, o * in->dim[dim] * inner + i, in->dim[dim], inner);
}

/* The largest of size vectors. */
SIX_INLINE vec six_softmax_largest(const real *x, int64_t size, int64_t stride)
{
    vec largest = six_load(x);
    for (int64_t k = 1; k < size; k++)
        largest = six_max(six_load(x + k * stride), largest);
    return largest;
}

#endif
