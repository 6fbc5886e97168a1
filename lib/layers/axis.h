/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_AXIS_H
#define SIX_LAYERS_AXIS_H

/* One dimension of a sample, along which concat joins several values to one and split cuts one into several. Dimensions are counted without
 * the batch, negative ones from the last. */

#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "layers/op.h"

/* Checks that `dim` is a dimension of the first input. */
SIX_INLINE int32_t six_axis_check(const six_op *op, int64_t dim)
{
    const six_shape *in = &op->in[0];
    char text[160];
    if (dim >= -in->rank && dim < in->rank)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_SHAPE, "%s: dim=%" PRId64 " is not a dimension of the input %s; use %d to %d", op->name,
                    dim, six_shape_text(in, text), (int)-in->rank, (int)in->rank - 1);
}

/* Which dimension of the first input a checked `dim` is. */
SIX_INLINE int32_t six_axis_of(const six_op *op, int64_t dim)
{
    return (int32_t)(dim < 0 ? dim + op->in[0].rank : dim);
}

/* Which dimensions of the first input a list names: all if it is empty. */
__attribute__((unused)) static int32_t six_axes_named(const six_op *op, const six_list *dims, bool named[SIX_MAX_RANK])
{
    for (int32_t d = 0; d < SIX_MAX_RANK; d++)
        named[d] = dims->count == 0;
    for (int32_t i = 0; i < dims->count; i++) {
        const int64_t dim = (int64_t)dims->value[i];
        const int32_t status = six_axis_check(op, dim);
        if (status)
            return status;
        if ((double)dim != dims->value[i] || named[six_axis_of(op, dim)])
            return six_fail(SIXNET_BAD_SHAPE, "%s: dim=%g is not a whole number, or is given twice", op->name,
                            dims->value[i]);
        named[six_axis_of(op, dim)] = true;
    }
    return SIXNET_OK;
}

/* A whole and the parts that lie one after another in it along a dimension. */
typedef struct six_cut {
    const six_shape *whole, *part; /* part [parts] */
    int32_t parts, axis, lanes;
} six_cut;

/* How many reals of a value follow one another from the dimension on. */
SIX_INLINE int64_t six_cut_run(const six_cut *c, const six_shape *s)
{
    int64_t size = c->lanes;
    for (int32_t i = c->axis; i < s->rank; i++)
        size *= s->dim[i];
    return size;
}

/* Copies the parts into the whole; a part that is NULL is zeros. */
SIX_INLINE void six_cut_join(const six_cut *c, const real *const *part, real *whole)
{
    const int64_t run = six_cut_run(c, c->whole), total = six_shape_size(c->whole) * c->lanes;
    int64_t offset = 0;
    for (int32_t k = 0; k < c->parts; k++) {
        const int64_t size = six_cut_run(c, &c->part[k]);
        const real *from = part[k];
        for (int64_t at = offset; at < total; at += run) {
            if (from)
                memcpy(whole + at, from, (size_t)size * sizeof *whole);
            else
                memset(whole + at, 0, (size_t)size * sizeof *whole);
            from = from ? from + size : NULL;
        }
        offset += size;
    }
}

/* Copies the parts, but those that are NULL, out of the whole. */
SIX_INLINE void six_cut_apart(const six_cut *c, const real *whole, real *const *part)
{
    const int64_t run = six_cut_run(c, c->whole), total = six_shape_size(c->whole) * c->lanes;
    int64_t offset = 0;
    for (int32_t k = 0; k < c->parts; k++) {
        const int64_t size = six_cut_run(c, &c->part[k]);
        real *to = part[k];
        for (int64_t at = offset; to && at < total; at += run, to += size)
            memcpy(to, whole + at, (size_t)size * sizeof *to);
        offset += size;
    }
}

#endif
