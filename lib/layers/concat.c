/* SPDX-License-Identifier: MIT */

/* Puts its inputs one after another along dimension dim of a sample (the batch is not counted; -1 is the last). The other dimensions
 * must be equal. As torch.cat, where dim would be one more. */

#include "layers/axis.h"

typedef struct attributes {
    int64_t dim;
} attributes;

static const six_attr attrs[] = {
    {"dim", SIX_INT, offsetof(attributes, dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "0", NULL,
     "the dimension of a sample along which the inputs are joined; negative ones count from the last"},
    {.name = NULL},
};

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
    char text[2][160];
    const int32_t axis = six_axis_of(op, a->dim);
    int32_t status = six_axis_check(op, a->dim);
    if (status)
        return status;
    op->out[0] = op->in[0];
    for (int32_t i = 1; i < op->inputs; i++) {
        if (!joins(&op->in[0], &op->in[i], axis))
            return six_fail(SIXNET_BAD_SHAPE,
                            "%s: its inputs may differ in dim %d only, but the first is %s and number %d is %s",
                            op->name, (int)axis, six_shape_text(&op->in[0], text[0]), (int)(i + 1),
                            six_shape_text(&op->in[i], text[1]));
        op->out[0].dim[axis] += op->in[i].dim[axis];
    }
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output %s is too large", op->name,
                        six_shape_text(&op->out[0], text[0]));
    return SIXNET_OK;
}

static six_cut cut_of(const six_run *run)
{
    const six_op *op = run->op;
    const attributes *a = op->attr;
    return (six_cut){&op->out[0], op->in, op->inputs, six_axis_of(op, a->dim), run->lanes};
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_cut cut = cut_of(run);
    (void)scratch;
    six_cut_join(&cut, tile->x, tile->y[0]);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_cut cut = cut_of(run);
    (void)scratch;
    six_cut_apart(&cut, tile->dy[0], tile->dx);
}

SIX_LAYER(concat) = {
    .kind = {"concat", "its inputs one after another along a dimension", attrs, sizeof(attributes)},
    .title = "Concat",
    .prefix = "concat",
    .inputs_min = 2,
    .inputs_max = SIX_MAX_INPUTS,
    .setup = setup,
};

SIX_KERNELS(concat) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
