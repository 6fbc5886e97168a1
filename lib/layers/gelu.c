/* SPDX-License-Identifier: MIT */

/* gelu: y = x F(x), where F is
 *
 *     approximate=none: the distribution function of the normal distribution, (1 + erf(x / sqrt(2))) / 2
 *     approximate=tanh: (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)) with u = sqrt(2 / pi) (x + 0.044715 x^3)
 *
 * dx = dy (F(x) + x F'(x)). As torch.nn.GELU. */

#include "layers/map.h"
#include "simd/lane_math.h"

enum { NONE, TANH };

typedef struct attributes {
    int32_t approximate;
} attributes;

static const six_attr attrs[] = {
    {"approximate", SIX_CHOICE, offsetof(attributes, approximate), SIX_ANY, "none", "none tanh", "the exact function, or one by tanh"},
    {.name = NULL},
};

static vec exact(vec x, vec a)
{
    (void)a;
    vec density;
    return x * six_normal(x, &density);
}

static vec exact_derivative(vec x, vec dy, vec a)
{
    (void)a;
    vec density;
    const vec f = six_normal(x, &density);
    return dy * six_fma(x, density, f);
}

/* 1 / (1 + exp(-2 u)), and the derivative of 2 u. Beyond 100 it is 0 or 1, and x^3 must not overflow. */
SIX_INLINE vec by_tanh(vec x, vec *slope)
{
    const vec z = six_min(six_set(100), six_max(six_set(-100), x)), factor = six_set((real)1.5957691216057308);
    const vec square = z * z;
    *slope = factor * six_fma(square, six_set((real)0.134145), six_set(1));
    return six_sigmoid(factor * (z * six_fma(square, six_set((real)0.044715), six_set(1))));
}

static vec approximate(vec x, vec a)
{
    (void)a;
    vec slope;
    return x * by_tanh(x, &slope);
}

static vec approximate_derivative(vec x, vec dy, vec a)
{
    (void)a;
    vec slope;
    const vec s = by_tanh(x, &slope);
    return dy * (s * six_fma(x * slope, 1 - s, six_set(1)));
}

static int32_t setup(six_op *op) { return six_map_setup(op); }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (((const attributes *)run->op->attr)->approximate == NONE)
        six_map(run, tile, exact, (vec){0});
    else
        six_map(run, tile, approximate, (vec){0});
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (((const attributes *)run->op->attr)->approximate == NONE)
        six_map_back(run, tile, tile->x[0], exact_derivative, (vec){0});
    else
        six_map_back(run, tile, tile->x[0], approximate_derivative, (vec){0});
}

SIX_LAYER(gelu) = {
    .kind = {.name = "gelu",
             .help = SIX_BASELINE_ONLY("x times the normal distribution function of x"),
             .attrs = SIX_BASELINE_ONLY(attrs),
             .size = sizeof(attributes)},
    .title = "GELU",
    .prefix = "gelu",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = SIX_BASELINE_ONLY(setup),
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
};
