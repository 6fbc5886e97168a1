/* SPDX-License-Identifier: MIT */

/* relu: y = max(x, 0).
 *
 * dx = 0 where y <= 0, else dy, so that dx = dy where y is NaN. As torch.nn.ReLU. */

#include "layers/map.h"

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

static int32_t setup(six_op *op) { return six_map_setup(op); }

static void forward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    six_map(op, g, value, (vec){0});
}

static void backward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    six_map_back(op, g, g->y, derivative, (vec){0});
}

SIX_LAYER(relu) = {
    .kind = {.name = "relu", .help = SIX_ONCE("max(x, 0)")},
    .title = "ReLU",
    .prefix = "relu",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_Y,
    .in_place = true,
    .setup = SIX_ONCE(setup),
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
};
