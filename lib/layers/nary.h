/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_NARY_H
#define SIX_LAYERS_NARY_H

/* What layers share that join inputs of one shape value by value. */

#include "base/status.h"
#include "op.h"

/* The setup of a layer whose inputs must have one shape, which is that of its output too. */
SIX_INLINE int32_t six_same_shapes_setup(six_op *op)
{
    char first[160], other[160];
    op->out[0] = op->in[0];
    for (int32_t i = 1; i < op->inputs; i++)
        if (!six_shape_equal(&op->in[0], &op->in[i]))
            return six_fail(SIXNET_BAD_SHAPE,
                            "%s: its inputs must have one shape, but the first is %s and number %d is %s", op->name,
                            six_shape_text(&op->in[0], first), (int)(i + 1), six_shape_text(&op->in[i], other));
    return SIXNET_OK;
}

/* The number of reals of a tile, or of one sample and what fills its last vector up. */
SIX_INLINE int64_t six_tile_size(const six_run *run)
{
    return (six_shape_size(&run->op->out[0]) * run->lanes + SIX_WIDTH - 1) / SIX_WIDTH * SIX_WIDTH;
}

#endif
