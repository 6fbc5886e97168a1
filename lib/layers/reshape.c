/* SPDX-License-Identifier: MIT */

/* reshape: the same values in the same order, as a sample of another shape.
 *
 * As torch.reshape with the batch left alone. */

#include "base/status.h"
#include "layers/op.h"

typedef struct attributes {
    six_shape shape;
} attributes;

static const six_attr attrs[] = {
    {"shape", SIX_SHAPE, offsetof(attributes, shape), 1, 1099511627776.0, NULL, NULL,
     "the new shape of a sample, such as 8x7x7"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    if (!six_shape_fits(&a->shape) || six_shape_size(&a->shape) != six_shape_size(&op->in[0])) {
        char from[160], to[160];
        return six_fail(SIXNET_BAD_SHAPE, "%s: shape=%s has another number of values than the input %s", op->name,
                        six_shape_text(&a->shape, to), six_shape_text(&op->in[0], from));
    }
    op->out[0] = a->shape;
    return SIXNET_OK;
}

SIX_LAYER(reshape) = {
    .kind = {.name = "reshape", .help = "gives a sample another shape", .attrs = attrs, .size = sizeof(attributes)},
    .title = "Reshape",
    .prefix = "reshape",
    .inputs_min = 1,
    .inputs_max = 1,
    .hidden = true,
    .in_place = true,
    .is_view = true,
    .setup = setup,
};

SIX_KERNELS(reshape) = {0}; /* a view */
