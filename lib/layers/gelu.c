/* SPDX-License-Identifier: MIT */

/* gelu: y = x F(x), where F is
 *
 *     approximate=none: the distribution function of the normal distribution, (1 + erf(x / sqrt(2))) / 2
 *     approximate=tanh: (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)) with u = sqrt(2 / pi) (x + 0.044715 x^3)
 *
 * dx = dy (F(x) + x F'(x)). As torch.nn.GELU. */

#include "layers/unary.h"
#include "simd/lane_math.h"

enum { NONE, TANH };

typedef struct attributes {
    int32_t approximate;
} attributes;

static const six_attr attrs[] = {
    {"approximate", SIX_CHOICE, offsetof(attributes, approximate), 0, 0, "none", "none tanh",
     "the exact function, or one by tanh"},
    {.name = NULL},
};

static vec exact(vec x, vec a)
{
    (void)a;
    const six_normal f = six_normal_at(x);
    return x * f.value * f.scale;
}

static vec exact_derivative(vec x, vec dy, vec a)
{
    (void)a;
    const six_normal f = six_normal_at(x);
    return dy * (six_fma(x, f.density, f.value) * f.scale);
}

/* 2 u = C p with p = x (x^2 + K), K = 1 / 0.044715. Numbers with fewer digits than real has, of which products and sums are exact: multiples
 * of GRID (x), of GRID^2 (K), and L = log(2) / C. Beyond LOWEST and HIGHEST the results of six_logistic_reduced() are 0 and 1. */
#define C 0.071354816272600249
#if defined(SIX_REAL_IS_DOUBLE)
#define GRID 0x1p-13
#define K_HIGH 22.363859996199608
#define K_LOW 6.036778151102545e-09
#define L_HIGH 9.7140910280249955
#define L_LOW -1.2993710870057628e-12
#define LOWEST -21.605747728128613
#define HIGHEST 20.687099325317586
#else
#define GRID 0x1p-4F
#define K_HIGH 22.36328125F
#define K_LOW 0.00057875223638600027F
#define L_HIGH 9.714111328125F
#define L_LOW -2.0300101303904391e-05F
#define LOWEST -10.940669448181106F
#define HIGHEST 8.971897478958136F
#endif

SIX_INLINE vec bounded(vec x) { return six_min(six_set(HIGHEST), six_max(six_set(LOWEST), x)); }

/* s / SIX_TINY for s = 1 / (1 + exp(-2 u)), z bounded; *rest is 1 - s. Rounding 2 u would cost as many units of s as 2 u is: p is a head, which
 * is exact, and a tail. */
SIX_INLINE vec by_tanh(vec z, vec *rest)
{
    const vec magic = six_set(SIX_MAGIC), coarse = six_set((real)(SIX_MAGIC * GRID));
    const vec h = (z + coarse) - coarse, d = z - h;
    const vec sum = six_fma(h, h, six_set(K_HIGH)), low = six_fma(d, z + h, six_set(K_LOW)); /* x^2 + K */
    const vec head = h * sum, tail = six_fma(h, low, d * (sum + low));

    /* -2 u = n log(2) + r, r = -C (p + n L) */
    const vec shifted = six_fma(head + tail, six_set((real)(-C / 0.69314718055994531)), magic), n = shifted - magic;
    const vec r = six_fma(n, six_set(L_HIGH), head) + six_fma(n, six_set(L_LOW), tail);
    return six_logistic_reduced((uvec)shifted - (uvec)magic, r * (real)-C, rest);
}

static vec approximate(vec x, vec a)
{
    (void)a;
    vec rest;
    return six_times_logistic(x, by_tanh(bounded(x), &rest));
}

/* s (1 + x (1 - s) slope), where slope is the derivative of 2 u. Where x is out of bounds, s or 1 - s is 0. */
static vec approximate_derivative(vec x, vec dy, vec a)
{
    (void)a;
    vec rest;
    const vec z = bounded(x), s = by_tanh(z, &rest);
    const vec slope = six_fma(z * z, six_set((real)(3 * C)), six_set((real)1.5957691216057308));
    return dy * (six_fma(x, s * rest * slope, s) * SIX_TINY);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (((const attributes *)run->op->attr)->approximate == NONE)
        six_unary(run, tile, exact, (vec){0});
    else
        six_unary(run, tile, approximate, (vec){0});
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (((const attributes *)run->op->attr)->approximate == NONE)
        six_unary_back(run, tile, tile->x[0], exact_derivative, (vec){0});
    else
        six_unary_back(run, tile, tile->x[0], approximate_derivative, (vec){0});
}

SIX_LAYER(gelu) = {
    .kind = {.name = "gelu",
             .help = "x times the normal distribution function of x",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "GELU",
    .prefix = "gelu",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = six_unary_setup,
};

SIX_KERNELS(gelu) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
