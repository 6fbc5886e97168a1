/* SPDX-License-Identifier: MIT */

/* tanh: y = tanh(x).
 *
 * dx = dy (1 - y^2). As torch.nn.Tanh. */

#include "layers/unary.h"
#include "simd/lane_math.h"

static vec value(vec x, vec a)
{
    (void)a;
    return six_tanh(x);
}

static vec derivative(vec y, vec dy, vec a)
{
    (void)a;
    return dy * ((1 - y) * (1 + y));
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

SIX_LAYER(tanh) = {
    .kind = {.name = "tanh", .help = "tanh(x)"},
    .title = "Tanh",
    .prefix = "tanh",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_Y,
    .in_place = true,
    .setup = six_unary_setup,
};

SIX_KERNELS(tanh) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
