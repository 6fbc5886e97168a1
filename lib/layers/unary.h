/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_UNARY_H
#define SIX_LAYERS_UNARY_H

/* The loops of layers that treat every value by itself. The functions given are inlined into them. */

#include <string.h>

#include "base/status.h"
#include "layers/op.h"

/* y = f(x), and dy/dx times dy from v, which is x or y, whichever the layer reads. a is any number the layer needs. */
typedef vec six_unary_function(vec x, vec a);
typedef vec six_unary_derivative(vec v, vec dy, vec a);

/* The reals of the first input of a tile, or of one sample and what fills its last vector up. */
SIX_INLINE int64_t six_unary_count(const six_run *run)
{
    return (six_shape_size(&run->op->in[0]) * run->lanes + SIX_WIDTH - 1) / SIX_WIDTH * SIX_WIDTH;
}

/* For setup(): the output has the shape of the input. */
SIX_INLINE int32_t six_unary_setup(six_op *op)
{
    op->out[0] = op->in[0];
    return SIXNET_OK;
}

SIX_INLINE void six_unary(const six_run *run, six_tile *tile, six_unary_function *f, vec a)
{
    const int64_t count = six_unary_count(run);
    const real *x = tile->x[0];
    real *y = tile->y[0];
    for (int64_t i = 0; i < count; i += SIX_WIDTH)
        six_store(y + i, f(six_load(x + i), a));
}

SIX_INLINE void six_unary_back(const six_run *run, six_tile *tile, const real *v, six_unary_derivative *f, vec a)
{
    const int64_t count = six_unary_count(run);
    const real *dy = tile->dy[0];
    real *dx = tile->dx[0];
    for (int64_t i = 0; dx && i < count; i += SIX_WIDTH)
        six_store(dx + i, f(six_load(v + i), six_load(dy + i), a));
}

/* to = from, unless they are one. */
SIX_INLINE void six_unary_copy(const six_run *run, const real *from, real *to)
{
    if (to != from)
        memcpy(to, from, (size_t)six_unary_count(run) * sizeof(real));
}

#endif
