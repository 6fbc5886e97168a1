/* SPDX-License-Identifier: MIT */

/* squeeze: without the dimensions dim that are 1, by default all of them. unsqueeze: with a dimension of 1 put in at dim. The values stay as
 * they are.
 *
 * As torch.squeeze and torch.unsqueeze, with dimensions counted without the batch. A sample keeps one dimension at least. */

#include <math.h>

#include "layers/axis.h"

typedef struct attributes {
    int64_t dim;
    six_list dims;
} attributes;

static const six_attr squeeze_attrs[] = {
    {"dim", SIX_LIST, offsetof(attributes, dims), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "", NULL,
     "dimensions of a sample, such as 0,2, to leave out if they are 1; all if empty; negative ones count from the "
     "last"},
    {.name = NULL},
};
static const six_attr unsqueeze_attrs[] = {
    {"dim", SIX_INT, offsetof(attributes, dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, NULL, NULL,
     "where the new dimension is in the output; negative ones count from the last"},
    {.name = NULL},
};

static int32_t squeeze_setup(six_op *op)
{
    bool named[SIX_MAX_RANK];
    six_shape *out = &op->out[0];
    const int32_t status = six_axes_named(op, &((const attributes *)op->attr)->dims, named);
    if (status)
        return status;
    out->rank = 0;
    for (int32_t d = 0; d < op->in[0].rank; d++)
        if (!named[d] || op->in[0].dim[d] != 1)
            out->dim[out->rank++] = op->in[0].dim[d];
    if (out->rank == 0)
        *out = (six_shape){1, {1}};
    return SIXNET_OK;
}

static int32_t unsqueeze_setup(six_op *op)
{
    const six_shape *in = &op->in[0];
    const int64_t dim = ((const attributes *)op->attr)->dim, place = dim < 0 ? dim + in->rank + 1 : dim;
    char text[160];
    if (in->rank == SIX_MAX_RANK || place < 0 || place > in->rank)
        return six_fail(SIXNET_BAD_SHAPE, "%s: dim=%" PRId64 " is no place for a dimension of the input %s", op->name,
                        dim, six_shape_text(in, text));
    op->out[0].rank = in->rank + 1;
    for (int32_t d = 0; d <= in->rank; d++)
        op->out[0].dim[d] = d == place ? 1 : in->dim[d < place ? d : d - 1];
    return SIXNET_OK;
}

#define VIEW_LAYER(NAME, TITLE, HELP, ATTRS, SETUP)                                                                    \
    SIX_LAYER(NAME) = {                                                                                                \
        .kind = {.name = #NAME, .help = HELP, .attrs = ATTRS, .size = sizeof(attributes)},                             \
        .title = TITLE,                                                                                                \
        .prefix = #NAME,                                                                                               \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .hidden = true,                                                                                                \
        .in_place = true,                                                                                              \
        .is_view = true,                                                                                               \
        .setup = SETUP,                                                                                                \
    }

VIEW_LAYER(squeeze, "Squeeze", "leaves out dimensions of 1", squeeze_attrs, squeeze_setup);
VIEW_LAYER(unsqueeze, "Unsqueeze", "puts in a dimension of 1", unsqueeze_attrs, unsqueeze_setup);

SIX_KERNELS(squeeze) = {0};
SIX_KERNELS(unsqueeze) = {0};
