/* SPDX-License-Identifier: MIT */

/* Functions of a value by itself: y = f(x), dx = dy f'(x).
 *
 *     exp    exp(x)
 *     log    the natural logarithm of x
 *     sqrt   the square root of x
 *     abs    |x|, whose derivative at 0 is 0
 *     neg    -x
 *     scale  a x + b, with numbers as attributes
 *
 * As torch.exp, torch.log, torch.sqrt, torch.abs and torch.neg. */

#include "layers/unary.h"
#include "simd/lane_math.h"

static vec exp_value(vec x, const vec *a)
{
    (void)a;
    return six_exp(x);
}
static vec exp_derivative(vec y, vec dy, const vec *a)
{
    (void)a;
    return dy * y;
}

static vec log_value(vec x, const vec *a)
{
    (void)a;
    return six_ln(x);
}
static vec log_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    return dy / x;
}

static vec sqrt_value(vec x, const vec *a)
{
    (void)a;
    return six_sqrt(x);
}
static vec sqrt_derivative(vec y, vec dy, const vec *a)
{
    (void)a;
    return dy / (2 * y);
}

static vec abs_value(vec x, const vec *a)
{
    (void)a;
    return six_abs(x);
}
static vec abs_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    const vec below = six_select(six_greater((vec){0}, x), -dy, (vec){0});
    return six_select(six_greater(x, (vec){0}), dy, below);
}

static vec neg_value(vec x, const vec *a)
{
    (void)a;
    return -x;
}
static vec neg_derivative(vec v, vec dy, const vec *a)
{
    (void)v;
    (void)a;
    return -dy;
}

static vec scale_value(vec x, const vec *a) { return a[0] * x + a[1]; }
static vec scale_derivative(vec v, vec dy, const vec *a)
{
    (void)v;
    return a[0] * dy;
}

SIX_FORMULA_KERNELS(exp, exp_value, exp_derivative, y);
SIX_FORMULA_KERNELS(log, log_value, log_derivative, x);
SIX_FORMULA_KERNELS(sqrt, sqrt_value, sqrt_derivative, y);
SIX_FORMULA_KERNELS(abs, abs_value, abs_derivative, x);
SIX_FORMULA_KERNELS(neg, neg_value, neg_derivative, dy);
SIX_FORMULA_KERNELS(scale, scale_value, scale_derivative, dy);

static const six_attr scale_attrs[] = {SIX_UNARY_NUMBER("a", a, -1e30, 1e30, "1", "the factor"),
                                       SIX_UNARY_NUMBER("b", b, -1e30, 1e30, "0", "what is added"),
                                       {.name = NULL}};

SIX_FORMULA_LAYER(exp, "Exp", "the exponential of x", NULL, SIX_READS_Y, .setup = six_unary_setup);
SIX_FORMULA_LAYER(log, "Log", "the natural logarithm of x", NULL, SIX_READS_X, .setup = six_unary_setup);
SIX_FORMULA_LAYER(sqrt, "Sqrt", "the square root of x", NULL, SIX_READS_Y, .setup = six_unary_setup);
SIX_FORMULA_LAYER(abs, "Abs", "the magnitude of x", NULL, SIX_READS_X, .setup = six_unary_setup);
SIX_FORMULA_LAYER(neg, "Neg", "-x", NULL, SIX_READS_NOTHING, .setup = six_unary_setup);
SIX_FORMULA_LAYER(scale, "Scale", "a x + b, for two numbers", scale_attrs, SIX_READS_NOTHING, .setup = six_unary_setup);
