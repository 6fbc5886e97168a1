/* SPDX-License-Identifier: MIT */

/* The same values for every sample: those of its tensor "value", a buffer, which is set to one number at first and filled when a file is
 * loaded. */

#include <string.h>

#include "base/status.h"
#include "layers/op.h"

typedef struct attributes {
    six_shape shape;
    double value;
} attributes;

static const six_attr attrs[] = {
    {"shape", SIX_SHAPE, offsetof(attributes, shape), 1, 1099511627776.0, NULL, NULL,
     "the shape of the values, such as 8x7x7"},
    {"value", SIX_FLOAT, offsetof(attributes, value), -3e38, 3e38, "0", NULL, "what all values are at first"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    const six_param value = {"value", a->shape, false, six_init_constant(a->value)};
    char text[160];
    op->out[0] = a->shape;
    if (!six_shape_fits(&a->shape))
        return six_fail(SIXNET_TOO_LARGE, "%s: a constant of %s is too large", op->name,
                        six_shape_text(&a->shape, text));
    return six_op_add_params(op, &value, 1);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t size = six_shape_size(&run->op->out[0]);
    (void)scratch;
    for (int64_t i = 0; i < size; i++)
        for (int lane = 0; lane < SIX_LANES; lane++)
            tile->y[0][i * SIX_LANES + lane] = run->value[0][i];
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    memcpy(tile->y[0], run->value[0], (size_t)six_shape_size(&run->op->out[0]) * sizeof(real));
}

SIX_LAYER(constant) = {
    .kind = {"constant", "the same values for every sample", attrs, sizeof(attributes)},
    .role = SIX_ROLE_CONSTANT,
    .title = "Constant",
    .prefix = "constant",
    .setup = setup,
};

SIX_KERNELS(constant) = {
    .forward = forward,
    .forward_one = forward_one,
};
