/* SPDX-License-Identifier: MIT */

/* flatten: the dimensions from start_dim to end_dim become one. The values stay as they are.
 *
 * As torch.nn.Flatten, but dimensions are counted within a sample, without the batch: the default start_dim=0 is PyTorch's 1. */

#include "base/status.h"
#include "layers/op.h"

typedef struct attributes {
    int64_t start_dim, end_dim;
} attributes;

static const six_attr attrs[] = {
    {"start_dim", SIX_INT, offsetof(attributes, start_dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "0", NULL,
     "the first dimension of a sample to join; negative ones count from the last"},
    {"end_dim", SIX_INT, offsetof(attributes, end_dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "-1", NULL,
     "the last to join"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    const six_shape *in = &op->in[0];
    const int64_t start = a->start_dim < 0 ? a->start_dim + in->rank : a->start_dim;
    const int64_t end = a->end_dim < 0 ? a->end_dim + in->rank : a->end_dim;
    if (start < 0 || start > end || end >= in->rank) {
        char text[160];
        return six_fail(
            SIXNET_BAD_SHAPE,
            "%s: start_dim=%d and end_dim=%d do not fit the input %s, which has %d dimensions without the batch",
            op->name, (int)a->start_dim, (int)a->end_dim, six_shape_text(in, text), (int)in->rank);
    }
    op->out[0] = (six_shape){.rank = 0};
    for (int32_t i = 0; i < in->rank; i++) {
        if (i > start && i <= end)
            op->out[0].dim[op->out[0].rank - 1] *= in->dim[i];
        else
            op->out[0].dim[op->out[0].rank++] = in->dim[i];
    }
    return SIXNET_OK;
}

SIX_LAYER(flatten) = {
    .kind = {.name = "flatten",
             .help = "joins dimensions, by default all of a sample's",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "Flatten",
    .prefix = "flatten",
    .inputs_min = 1,
    .inputs_max = 1,
    .hidden = true,
    .in_place = true,
    .is_view = true,
    .setup = setup,
};

SIX_KERNELS(flatten) = {0}; /* a view */
