/* SPDX-License-Identifier: MIT */

/* Where samples enter the net. Nothing is computed. */

#include "base/status.h"
#include "op.h"

typedef struct attributes {
    six_shape shape;
} attributes;

static const six_attr attrs[] = {
    {"shape", SIX_SHAPE, offsetof(attributes, shape), 1, 1099511627776.0, NULL, NULL,
     "the shape of one sample, such as 1x28x28"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    char text[160];
    op->out[0] = a->shape;
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: a sample of %s is too large", op->name,
                        six_shape_text(&op->out[0], text));
    return SIXNET_OK;
}

SIX_LAYER(input) = {
    .kind = {"input", "where samples enter the net", attrs, sizeof(attributes)},
    .title = "Input",
    .prefix = "input",
    .role = SIX_ROLE_INPUT,
    .inputs_min = 0,
    .inputs_max = 0,
    .hidden = true,
    .is_view = true,
    .setup = setup,
};

SIX_KERNELS(input) = {0}; /* a view */
