/* SPDX-License-Identifier: MIT */

/* leaky_relu: y = x where x > 0, else negative_slope * x.
 *
 * dx = dy where y > 0, else negative_slope * dy: y has the sign of x because the slope is not negative. As torch.nn.LeakyReLU, which
 * also takes negative slopes. */

#include "layers/unary.h"

typedef struct attributes {
    double negative_slope;
} attributes;

static const six_attr attrs[] = {
    {"negative_slope", SIX_FLOAT, offsetof(attributes, negative_slope), 0, 1e30, "0.01", NULL,
     "the factor of what is negative"},
    {.name = NULL},
};

static vec value(vec x, vec slope) { return six_select(six_greater(x, (vec){0}), x, x * slope); }

static vec derivative(vec y, vec dy, vec slope) { return six_select(six_greater(y, (vec){0}), dy, dy * slope); }

static vec slope_of(const six_op *op) { return six_set((real)((const attributes *)op->attr)->negative_slope); }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_unary(run, tile, value, slope_of(run->op));
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_unary_back(run, tile, tile->y[0], derivative, slope_of(run->op));
}

SIX_LAYER(leaky_relu) = {
    .kind = {.name = "leaky_relu",
             .help = "x where it is positive, else negative_slope * x",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "LeakyReLU",
    .prefix = "leaky_relu",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_Y,
    .in_place = true,
    .setup = six_unary_setup,
};

SIX_KERNELS(leaky_relu) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
