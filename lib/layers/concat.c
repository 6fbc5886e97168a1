/* SPDX-License-Identifier: MIT */

/* Puts its inputs one after another along dimension dim of a sample (the batch is not counted; -1 is the last). The other dimensions
 * must be equal. As torch.cat, where dim would be one more. */

#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "op.h"

typedef struct attributes {
    int64_t dim;
} attributes;

static const six_attr attrs[] = {
    {"dim", SIX_INT, offsetof(attributes, dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "0", NULL,
     "the dimension of a sample along which the inputs are joined; negative ones count from the last"},
    {.name = NULL},
};

static int32_t axis_of(const six_op *op)
{
    const attributes *a = op->attr;
    return (int32_t)(a->dim < 0 ? a->dim + op->in[0].rank : a->dim);
}

/* Whether b could follow a along axis. */
static bool joins(const six_shape *a, const six_shape *b, int32_t axis)
{
    six_shape same = *b;
    same.dim[axis] = a->dim[axis];
    return six_shape_equal(a, &same);
}

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    int32_t axis = axis_of(op);
    char text[2][160];
    op->out[0] = op->in[0];
    if (axis < 0 || axis >= op->out[0].rank)
        return six_fail(SIXNET_BAD_SHAPE, "%s: dim %" PRId64 " is not a dimension of the input %s; use %d to %d", op->name, a->dim,
                        six_shape_text(&op->out[0], text[0]), (int)-op->out[0].rank, (int)op->out[0].rank - 1);
    for (int32_t i = 1; i < op->inputs; i++) {
        if (!joins(&op->in[0], &op->in[i], axis))
            return six_fail(SIXNET_BAD_SHAPE, "%s: its inputs may differ in dim %d only, but the first is %s and number %d is %s", op->name,
                            (int)axis, six_shape_text(&op->in[0], text[0]), (int)(i + 1), six_shape_text(&op->in[i], text[1]));
        op->out[0].dim[axis] += op->in[i].dim[axis];
    }
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output %s is too large", op->name, six_shape_text(&op->out[0], text[0]));
    return SIXNET_OK;
}

/* How many reals input k (or, for -1, the output) has one after another. */
static int64_t block(const six_run *run, int32_t k)
{
    const six_op *op = run->op;
    const six_shape *s = k < 0 ? &op->out[0] : &op->in[k];
    int64_t size = run->lanes;
    for (int32_t i = axis_of(op); i < s->rank; i++)
        size *= s->dim[i];
    return size;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t whole = block(run, -1), total = six_shape_size(&op->out[0]) * run->lanes, offset = 0;
    for (int32_t k = 0; k < op->inputs; k++) {
        int64_t size = block(run, k);
        const real *x = tile->x[k];
        for (int64_t at = offset; at < total; at += whole, x += size)
            memcpy(tile->y[0] + at, x, (size_t)size * sizeof *x);
        offset += size;
    }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t whole = block(run, -1), total = six_shape_size(&op->out[0]) * run->lanes, offset = 0;
    for (int32_t k = 0; k < op->inputs; k++) {
        int64_t size = block(run, k);
        real *dx = tile->dx[k];
        for (int64_t at = offset; dx && at < total; at += whole, dx += size)
            memcpy(dx, tile->dy[0] + at, (size_t)size * sizeof *dx);
        offset += size;
    }
}

SIX_LAYER(concat) = {
    .kind = {"concat", SIX_BASELINE_ONLY("its inputs one after another along a dimension"), SIX_BASELINE_ONLY(attrs), sizeof(attributes)},
    .title = "Concat",
    .prefix = "concat",
    .inputs_min = 2,
    .inputs_max = SIX_MAX_INPUTS,
    .setup = SIX_BASELINE_ONLY(setup),
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
};
