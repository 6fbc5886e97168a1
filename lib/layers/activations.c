/* SPDX-License-Identifier: MIT */

/* Activations that are a formula and its derivative: y = f(x), dx = dy f'(x).
 *
 *     elu          x > 0: x, else alpha (exp(x) - 1)
 *     selu         1.0507... (x > 0: x, else 1.6732... (exp(x) - 1))
 *     celu         x > 0: x, else alpha (exp(x / alpha) - 1)
 *     relu6        min(max(x, 0), 6)
 *     hardtanh     min(max(x, min_val), max_val)
 *     hardsigmoid  min(max(x + 3, 0), 6) / 6
 *     hardswish    x hardsigmoid(x)
 *     softplus     log(1 + exp(beta x)) / beta, or x where beta x > threshold
 *     logsigmoid   log(1 / (1 + exp(-x)))
 *     softsign     x / (1 + |x|)
 *     mish         x tanh(log(1 + exp(x)))
 *     threshold    x > threshold: x, else value
 *     tanhshrink   x - tanh(x)
 *     softshrink   x moved towards 0 by lambd, 0 where |x| <= lambd
 *     hardshrink   x, 0 where |x| <= lambd
 *
 * At kinks, infinities and NaN too, value and derivative are those of torch.nn.ELU, torch.nn.SELU, torch.nn.CELU, torch.nn.ReLU6,
 * torch.nn.Hardtanh, torch.nn.Hardsigmoid, torch.nn.Hardswish, torch.nn.Softplus, torch.nn.LogSigmoid, torch.nn.Softsign, torch.nn.Mish,
 * torch.nn.Threshold, torch.nn.Tanhshrink, torch.nn.Softshrink and torch.nn.Hardshrink. */

#include "layers/unary.h"
#include "simd/lane_math.h"

/* Whether a < x < b; not for NaN. */
SIX_INLINE ivec between(vec x, vec a, vec b) { return six_greater(x, a) & six_greater(b, x); }
SIX_INLINE vec clamp(vec x, vec a, vec b) { return six_min(b, six_max(a, x)); }
SIX_INLINE vec kept(ivec mask, vec a) { return (vec)((ivec)a & mask); }
SIX_INLINE ivec positive(vec x) { return six_greater(x, (vec){0}); }

/* One copy of each for all formulas. */
#define ONE_COPY static __attribute__((noinline)) vec
ONE_COPY exp_of(vec x) { return six_exp(x); }
ONE_COPY expm1_below(vec x) { return six_expm1_below(x); }
ONE_COPY sigmoid_of(vec x) { return six_sigmoid(x); }
ONE_COPY tanh_of(vec x) { return six_tanh(x); }

/* ---- exponentials below 0 ---- */

static vec elu_value(vec x, const vec *a) { return six_select(positive(x), x, a[0] * expm1_below(x)); }
static vec elu_derivative(vec x, vec dy, const vec *a)
{
    return dy * six_select(positive(x), six_set(1), a[0] * exp_of(x));
}

#define SELU_SCALE ((real)1.0507009873554804934)
#define SELU_BELOW ((real)1.7580993408473768600) /* times alpha, 1.6732632423543772848 */
static vec selu_value(vec x, const vec *a)
{
    (void)a;
    return six_select(positive(x), x * SELU_SCALE, expm1_below(x) * SELU_BELOW);
}
static vec selu_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    return dy * six_select(positive(x), six_set(SELU_SCALE), exp_of(x) * SELU_BELOW);
}

static vec celu_value(vec x, const vec *a) { return six_select(positive(x), x, a[0] * expm1_below(x / a[0])); }
static vec celu_derivative(vec x, vec dy, const vec *a)
{
    return dy * six_select(positive(x), six_set(1), exp_of(x / a[0]));
}

/* ---- pieces of lines ---- */

static vec relu6_value(vec x, const vec *a)
{
    (void)a;
    return clamp(x, (vec){0}, six_set(6));
}
static vec relu6_derivative(vec y, vec dy, const vec *a)
{
    (void)a;
    return kept(between(y, (vec){0}, six_set(6)), dy);
}

static vec hardtanh_value(vec x, const vec *a) { return clamp(x, a[0], a[1]); }
static vec hardtanh_derivative(vec y, vec dy, const vec *a) { return kept(between(y, a[0], a[1]), dy); }

static vec hardsigmoid_value(vec x, const vec *a) { return relu6_value(x + 3, a) / 6; }
static vec hardsigmoid_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    return kept(between(x, six_set(-3), six_set(3)), dy / 6);
}

static vec hardswish_value(vec x, const vec *a) { return x * hardsigmoid_value(x, a); }
static vec hardswish_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    const vec middle = dy * (x / 3 + (real)0.5), above = six_select((ivec)(x >= 3), dy, middle);
    return kept(~(ivec)(x <= -3), above);
}

static vec threshold_value(vec x, const vec *a) { return six_select((ivec)(x <= a[0]), a[1], x); }
static vec threshold_derivative(vec x, vec dy, const vec *a) { return kept(~(ivec)(x <= a[0]), dy); }

/* A product with 0 keeps NaN. */
static vec softshrink_value(vec x, const vec *a)
{
    const vec below = six_select(six_greater(-a[0], x), x + a[0], x * 0);
    return six_select(six_greater(x, a[0]), x - a[0], below);
}
static vec hardshrink_value(vec x, const vec *a)
{
    return six_select(six_greater(x, a[0]) | six_greater(-a[0], x), x, x * 0);
}
static vec shrink_derivative(vec x, vec dy, const vec *a)
{
    return kept(six_greater(x, a[0]) | six_greater(-a[0], x), dy);
}

/* ---- logarithms of sums ---- */

#define LEAST ((real)(-(SIX_BIAS + SIX_TINY_EXPONENT) * 0.69314718055994531)) /* whose exponential is 0 */
#define ALL_DIGITS (2 * SIX_TANH_HIGHEST)                                     /* log(1 + exp(z)) is z from here on */

/* The upper half of a number's digits, so that products of two are exact. */
SIX_INLINE vec upper_half(vec x) { return (vec)((uvec)x & (((uvec){0} - 1) << SIX_LOWER_BITS)); }

/* log(1 + exp(b x)) / b. Below 0 the product b x has a head and a rest, because rounding it costs as many units of the result as it is.
 * Each branch is made of functions that never decrease, where z + log(1 + exp(-z)) would do so now and then. */
ONE_COPY log_of_sum(vec x, vec b)
{
    const vec z = x * b, low = six_max(LEAST / b, x), x_head = upper_half(low), b_head = upper_half(b);
    const vec head = x_head * b_head, rest = six_fma(x_head, b - b_head, (low - x_head) * b);
    const ivec above = positive(z);
    vec power;
    const vec growth = six_exp_below(six_select(above, (vec){0}, head), six_select(above, (vec){0}, rest), &power);
    const vec scaled = six_fma(growth, power, power), e = scaled * SIX_TINY;
    const vec below = six_select(six_greater(six_set(1 / SIX_MAGIC), e), scaled * (SIX_TINY / b), six_ln1p(e) / b);
    const vec up = six_max(six_ln(1 + exp_of(six_min(six_set(ALL_DIGITS), z))), z) / b;
    return six_select(above, up, below);
}

static vec softplus_value(vec x, const vec *a)
{
    return six_select(six_greater(x * a[0], a[1]), x, log_of_sum(x, a[0]));
}
static vec softplus_derivative(vec x, vec dy, const vec *a)
{
    return dy * six_select(six_greater(x * a[0], a[1]), six_set(1), sigmoid_of(x * a[0]));
}

static vec logsigmoid_value(vec x, const vec *a)
{
    (void)a;
    return -log_of_sum(-x, six_set(1));
}
static vec logsigmoid_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    return dy * sigmoid_of(-x);
}

/* ---- quotients ---- */

/* h / (1 + h) as tanh has it, which does not decrease; NaN of infinity over infinity. */
static vec softsign_value(vec x, const vec *a)
{
    (void)a;
    const vec h = six_abs(x);
    return six_with_sign(six_over_one_more(h) + (h - h), x);
}
static vec softsign_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    const vec h = six_abs(x), r = 1 / (1 + h);
    return dy * (r * r) + (h - h);
}

/* tanh(log(1 + e)) = t / (t + 2) with t = e (e + 2). With q = exp(-|x|) that is `top` / `bottom`:
 * (q^2 + 2 q) / (q^2 + 2 q + 2) for x <= 0, else (1 + 2 q) / (2 q^2 + 2 q + 1). */
typedef struct mish_parts {
    vec q, power, growth, top, bottom; /* q = (1 + growth) power SIX_TINY; top is divided by SIX_TINY for x <= 0 */
    ivec above;
} mish_parts;

static __attribute__((noinline)) mish_parts mish_at(vec x)
{
    mish_parts m = {.above = positive(x)};
    m.growth = six_exp_below(six_max(six_set(LEAST), -six_abs(x)), (vec){0}, &m.power);
    const vec scaled = six_fma(m.growth, m.power, m.power);
    m.q = scaled * SIX_TINY;
    m.top = six_select(m.above, six_fma(six_set(2), m.q, six_set(1)), scaled * (m.q + 2));
    const vec square = m.q * m.q;
    m.bottom = six_select(m.above, six_fma(six_set(2), square, m.top), six_fma(m.q, m.q + 2, six_set(2)));
    return m;
}

static vec mish_value(vec x, const vec *a)
{
    (void)a;
    const mish_parts m = mish_at(x);
    const vec ratio = m.top / m.bottom;
    return six_select(m.above, x * ratio, six_times_logistic(x, ratio));
}

/* tanh + x s (1 - tanh^2) with s = 1 / (1 + exp(-x)): the second term is 4 x q (1 + q) / bottom^2, times q again for x > 0. */
static vec mish_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    const mish_parts m = mish_at(x);
    const vec ratio = m.top / m.bottom * six_select(m.above, six_set(1), six_set(SIX_TINY));
    const vec slope = 4 * m.q * (1 + m.q) / (m.bottom * m.bottom) * six_select(m.above, m.q, six_set(1));
    return dy * six_fma(x, slope, ratio);
}

/* tanh(x) = x / (1 + x^2 / d) with d = 3 + x^2 / (5 + x^2 / (7 + ...)), so that x - tanh(x) = x^3 / (x^2 + d): without a difference, which
 * would lose the digits that x and tanh(x) share. In double, as the quotient rounded to f32 would decrease now and then. */
static double near_tanhshrink(double x)
{
    const double square = x * x;
    double d = 21; /* its term is below 1e-18 of the sum for |x| < 1.5 */
    for (int k = 19; k >= 3; k -= 2)
        d = square / d + k;
    return x * (square / (square + d));
}

static vec tanhshrink_value(vec x, const vec *a)
{
    vec near;
    (void)a;
    for (int i = 0; i < SIX_WIDTH; i++)
        near[i] = (real)near_tanhshrink((double)x[i]);
    return six_select(six_greater(six_set((real)1.5), six_abs(x)), near, x - tanh_of(x));
}
static vec tanhshrink_derivative(vec x, vec dy, const vec *a)
{
    (void)a;
    const vec t = tanh_of(x);
    return dy * (t * t);
}

/* ---- the layers ---- */

SIX_FORMULA_KERNELS(elu, elu_value, elu_derivative, x);
SIX_FORMULA_KERNELS(selu, selu_value, selu_derivative, x);
SIX_FORMULA_KERNELS(celu, celu_value, celu_derivative, x);
SIX_FORMULA_KERNELS(relu6, relu6_value, relu6_derivative, y);
SIX_FORMULA_KERNELS(hardtanh, hardtanh_value, hardtanh_derivative, y);
SIX_FORMULA_KERNELS(hardsigmoid, hardsigmoid_value, hardsigmoid_derivative, x);
SIX_FORMULA_KERNELS(hardswish, hardswish_value, hardswish_derivative, x);
SIX_FORMULA_KERNELS(softplus, softplus_value, softplus_derivative, x);
SIX_FORMULA_KERNELS(logsigmoid, logsigmoid_value, logsigmoid_derivative, x);
SIX_FORMULA_KERNELS(softsign, softsign_value, softsign_derivative, x);
SIX_FORMULA_KERNELS(mish, mish_value, mish_derivative, x);
SIX_FORMULA_KERNELS(threshold, threshold_value, threshold_derivative, x);
SIX_FORMULA_KERNELS(tanhshrink, tanhshrink_value, tanhshrink_derivative, x);
SIX_FORMULA_KERNELS(softshrink, softshrink_value, shrink_derivative, x);
SIX_FORMULA_KERNELS(hardshrink, hardshrink_value, shrink_derivative, x);

static const six_attr elu_attrs[] = {
    SIX_UNARY_NUMBER("alpha", a, -1e30, 1e30, "1", "minus the limit at minus infinity"), {.name = NULL}};
static const six_attr celu_attrs[] = {
    SIX_UNARY_NUMBER("alpha", a, 1e-30, 1e30, "1", "minus the limit at minus infinity"), {.name = NULL}};
static const six_attr hardtanh_attrs[] = {SIX_UNARY_NUMBER("min_val", a, -1e30, 1e30, "-1", "the least output"),
                                          SIX_UNARY_NUMBER("max_val", b, -1e30, 1e30, "1", "the largest output"),
                                          {.name = NULL}};
static const six_attr softplus_attrs[] = {
    SIX_UNARY_NUMBER("beta", a, 1e-30, 1e30, "1", "how sharp the bend is"),
    SIX_UNARY_NUMBER("threshold", b, -1e30, 1e30, "20", "the output is x where beta * x is larger"),
    {.name = NULL}};
static const six_attr threshold_attrs[] = {
    SIX_UNARY_NUMBER("threshold", a, -1e30, 1e30, NULL, "what larger numbers pass"),
    SIX_UNARY_NUMBER("value", b, -1e30, 1e30, NULL, "what the others become"),
    {.name = NULL}};
static const six_attr softshrink_attrs[] = {SIX_UNARY_NUMBER("lambd", a, 0, 1e30, "0.5", "by how much numbers shrink"),
                                            {.name = NULL}};
static const six_attr hardshrink_attrs[] = {
    SIX_UNARY_NUMBER("lambd", a, -1e30, 1e30, "0.5", "up to which magnitude numbers become 0"), {.name = NULL}};

static int32_t hardtanh_setup(six_op *op)
{
    const six_unary_numbers *n = op->attr;
    if (n->a >= n->b)
        return six_fail(SIXNET_BAD_SPEC, "%s: min_val=%g is not below max_val=%g", op->name, n->a, n->b);
    return six_unary_setup(op);
}

SIX_FORMULA_LAYER(elu, "ELU", "x where it is positive, else alpha (exp(x) - 1)", elu_attrs, SIX_READS_X,
                  .setup = six_unary_setup);
SIX_FORMULA_LAYER(selu, "SELU", "elu with the constants of self-normalizing nets", NULL, SIX_READS_X,
                  .setup = six_unary_setup);
SIX_FORMULA_LAYER(celu, "CELU", "x where it is positive, else alpha (exp(x / alpha) - 1)", celu_attrs, SIX_READS_X,
                  .setup = six_unary_setup);
SIX_FORMULA_LAYER(relu6, "ReLU6", "min(max(x, 0), 6)", NULL, SIX_READS_Y, .setup = six_unary_setup, .rectifies = true);
SIX_FORMULA_LAYER(hardtanh, "Hardtanh", "x kept between min_val and max_val", hardtanh_attrs, SIX_READS_Y,
                  .setup = hardtanh_setup);
SIX_FORMULA_LAYER(hardsigmoid, "Hardsigmoid", "min(max(x + 3, 0), 6) / 6", NULL, SIX_READS_X, .setup = six_unary_setup,
                  .probabilities = true);
SIX_FORMULA_LAYER(hardswish, "Hardswish", "x hardsigmoid(x)", NULL, SIX_READS_X, .setup = six_unary_setup);
SIX_FORMULA_LAYER(softplus, "Softplus", "log(1 + exp(beta x)) / beta", softplus_attrs, SIX_READS_X,
                  .setup = six_unary_setup);
SIX_FORMULA_LAYER(logsigmoid, "LogSigmoid", "the logarithm of 1 / (1 + exp(-x))", NULL, SIX_READS_X,
                  .setup = six_unary_setup);
SIX_FORMULA_LAYER(softsign, "Softsign", "x / (1 + |x|)", NULL, SIX_READS_X, .setup = six_unary_setup);
SIX_FORMULA_LAYER(mish, "Mish", "x tanh(log(1 + exp(x)))", NULL, SIX_READS_X, .setup = six_unary_setup);
SIX_FORMULA_LAYER(threshold, "Threshold", "x where it is above the threshold, else value", threshold_attrs, SIX_READS_X,
                  .setup = six_unary_setup);
SIX_FORMULA_LAYER(tanhshrink, "Tanhshrink", "x - tanh(x)", NULL, SIX_READS_X, .setup = six_unary_setup);
SIX_FORMULA_LAYER(softshrink, "Softshrink", "x moved towards 0 by lambd", softshrink_attrs, SIX_READS_X,
                  .setup = six_unary_setup);
SIX_FORMULA_LAYER(hardshrink, "Hardshrink", "x, or 0 where its magnitude is at most lambd", hardshrink_attrs,
                  SIX_READS_X, .setup = six_unary_setup);
