/* SPDX-License-Identifier: MIT */

/* sigmoid: y = 1 / (1 + exp(-x)).
 *
 * dx = dy y (1 - y). As torch.nn.Sigmoid. */

#include "layers/unary.h"
#include "simd/lane_math.h"

static vec value(vec x, vec a)
{
    (void)a;
    return six_sigmoid(x);
}

static vec derivative(vec y, vec dy, vec a)
{
    (void)a;
    return dy * (y * (1 - y));
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

SIX_LAYER(sigmoid) = {
    .kind = {.name = "sigmoid", .help = "1 / (1 + exp(-x))"},
    .title = "Sigmoid",
    .prefix = "sigmoid",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_Y,
    .in_place = true,
    .probabilities = true,
    .setup = six_unary_setup,
};

SIX_KERNELS(sigmoid) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
