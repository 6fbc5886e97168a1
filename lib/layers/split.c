/* SPDX-License-Identifier: MIT */

/* Cuts its input along dimension dim of a sample into outputs of the given sizes, which are known by number: from=split1:1. As torch.split
 * with a list of sizes, where dim would be one more. The gradient of an output that nothing uses is zero. */

#include <math.h>

#include "layers/axis.h"

typedef struct attributes {
    six_list sizes;
    int64_t dim;
} attributes;

static const six_attr attrs[] = {
    {"sizes", SIX_LIST, offsetof(attributes, sizes), 1, 1099511627776.0, NULL, NULL,
     "the outputs' sizes along the dimension, such as 3,5; together the input's"},
    {"dim", SIX_INT, offsetof(attributes, dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "0", NULL,
     "the dimension of a sample along which the input is cut; negative ones count from the last"},
    {.name = NULL},
};

/* Checks that the sizes are whole numbers which add up to the dimension's. */
static int32_t check_sizes(const six_op *op, int32_t axis)
{
    const six_list *sizes = &((const attributes *)op->attr)->sizes;
    char in[160];
    double sum = 0;
    if (sizes->count > SIX_MAX_OUTPUTS)
        return six_fail(SIXNET_TOO_LARGE, "%s: %d sizes, but a layer has at most %d outputs", op->name,
                        (int)sizes->count, SIX_MAX_OUTPUTS);
    for (int32_t o = 0; o < sizes->count; o++) {
        if (sizes->value[o] != floor(sizes->value[o]))
            return six_fail(SIXNET_BAD_SHAPE, "%s: a size of %g is not a whole number", op->name, sizes->value[o]);
        sum += sizes->value[o];
    }
    if (sum != (double)op->in[0].dim[axis])
        return six_fail(SIXNET_BAD_SHAPE, "%s: the sizes add up to %.0f, but dim %d of the input %s is %" PRId64,
                        op->name, sum, (int)axis, six_shape_text(&op->in[0], in), op->in[0].dim[axis]);
    return SIXNET_OK;
}

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    const int32_t axis = six_axis_of(op, a->dim);
    int32_t status = six_axis_check(op, a->dim);
    if (!status)
        status = check_sizes(op, axis);
    if (!status)
        status = six_op_set_outputs(op, a->sizes.count);
    for (int32_t o = 0; !status && o < op->outputs; o++) {
        op->out[o] = op->in[0];
        op->out[o].dim[axis] = (int64_t)a->sizes.value[o];
    }
    return status;
}

static six_cut cut_of(const six_run *run)
{
    const six_op *op = run->op;
    const attributes *a = op->attr;
    return (six_cut){&op->in[0], op->out, op->outputs, six_axis_of(op, a->dim), run->lanes};
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_cut cut = cut_of(run);
    (void)scratch;
    six_cut_apart(&cut, tile->x[0], tile->y);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_cut cut = cut_of(run);
    (void)scratch;
    if (tile->dx[0])
        six_cut_join(&cut, tile->dy, tile->dx[0]);
}

SIX_LAYER(split) = {
    .kind = {"split", "its input in pieces along a dimension, each an output", attrs, sizeof(attributes)},
    .title = "Split",
    .prefix = "split",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
};

SIX_KERNELS(split) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
