/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_LENGTHS_H
#define SIX_LAYERS_LENGTHS_H

/* Lengths of sequences: an input of shape 1, next to that of shape T x F, one whole number from 0 to T for each sample.
 * Steps from there on are padding. */

#include "base/status.h"
#include "layers/op.h"

/* The number of the input that holds lengths: the only one, but the first, of rank 1; -1 if there is none. */
static inline int32_t six_lengths_input(const six_op *op)
{
    for (int32_t i = 1; i < op->inputs; i++)
        if (op->in[i].rank == 1)
            return i;
    return -1;
}

static inline int32_t six_lengths_setup(six_op *op)
{
    const int32_t input = six_lengths_input(op);
    char text[160];
    if (input < 0)
        return SIXNET_OK;
    if (op->in[input].dim[0] != 1)
        return six_fail(SIXNET_BAD_SHAPE, "%s: lengths have the shape 1, not %s", op->name,
                        six_shape_text(&op->in[input], text));
    op->index_inputs |= 1U << input;
    return SIXNET_OK;
}

/* The lengths of a tile's samples, also without lanes; all are `steps` if none are given. A length that cannot be is an error
 * of its sample, and stands for `steps` until the pass fails. */
SIX_INLINE void six_lengths_read(const six_run *run, six_tile *tile, int32_t input, int64_t steps,
                                 real lengths[SIX_LANES])
{
    for (int32_t lane = 0; lane < SIX_LANES; lane++) {
        const real given = input < 0 ? (real)steps : tile->x[input][run->lanes > 1 ? lane : 0];
        const bool whole = given >= 0 && given <= (real)steps && (real)(int64_t)given == given;
        lengths[lane] = whole ? given : (real)steps;
        if (!whole && lane < tile->active)
            tile->error = "a length is not a whole number from 0 to the sequence's";
    }
}

/* y = x where step t is within the sample's length, else `otherwise`, or 0 if that is NULL; [features][lanes]. */
SIX_INLINE void six_lengths_select(const real lengths[SIX_LANES], int64_t t, const real *x, const real *otherwise,
                                   int64_t features, int32_t lanes, real *y)
{
    if (lanes == 1) {
        const bool within = lengths[0] > (real)t;
        for (int64_t i = 0; i < features; i++)
            y[i] = within ? x[i] : otherwise ? otherwise[i] : 0;
        return;
    }
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        const ivec within = six_greater(six_load(lengths + part), six_set((real)t));
        for (int64_t i = part; i < features * SIX_LANES; i += SIX_LANES)
            six_store(y + i, six_select(within, six_load(x + i), otherwise ? six_load(otherwise + i) : (vec){0}));
    }
}

#endif
