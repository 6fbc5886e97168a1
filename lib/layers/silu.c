/* SPDX-License-Identifier: MIT */

/* silu: y = x s(x) with s(x) = 1 / (1 + exp(-x)).
 *
 * dx = dy s (1 + x (1 - s)). As torch.nn.SiLU. */

#include "layers/unary.h"
#include "simd/lane_math.h"

static vec value(vec x, vec a)
{
    (void)a;
    vec rest;
    return six_times_logistic(x, six_logistic(x, &rest));
}

static vec derivative(vec x, vec dy, vec a)
{
    (void)a;
    vec rest;
    const vec s = six_logistic(x, &rest);
    return dy * (six_fma(x, s * rest, s) * SIX_TINY);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_unary(run, tile, value, (vec){0});
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_unary_back(run, tile, tile->x[0], derivative, (vec){0});
}

SIX_LAYER(silu) = {
    .kind = {.name = "silu", .help = "x / (1 + exp(-x))"},
    .title = "SiLU",
    .prefix = "silu",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = six_unary_setup,
};

SIX_KERNELS(silu) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
