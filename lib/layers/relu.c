/* SPDX-License-Identifier: MIT */

/* relu: y = max(x, 0).
 *
 * dx = 0 where y <= 0, else dy, so that dx = dy where y is NaN. As torch.nn.ReLU. */

#include "layers/unary.h"

static vec value(vec x, vec a)
{
    (void)a;
    return six_max((vec){0}, x);
}

static vec derivative(vec y, vec dy, vec a)
{
    (void)a;
    return (vec)((ivec)dy & ~(ivec)(y <= (vec){0}));
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_unary(run, tile, value, (vec){0});
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_unary_back(run, tile, tile->y[0], derivative, (vec){0});
}

SIX_LAYER(relu) = {
    .kind = {.name = "relu", .help = "max(x, 0)"},
    .title = "ReLU",
    .prefix = "relu",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_Y,
    .in_place = true,
    .rectifies = true,
    .setup = six_unary_setup,
};

SIX_KERNELS(relu) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
