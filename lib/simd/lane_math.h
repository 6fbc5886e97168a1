/* SPDX-License-Identifier: MIT */
#ifndef SIX_SIMD_LANE_MATH_H
#define SIX_SIMD_LANE_MATH_H

/* exp, log, tanh, the logistic function and the normal distribution of a vec, without libm and without a branch, so that all instruction
 * sets with a fused multiply-add are bit-identical.
 *
 * Every function accepts any number: overflow gives infinity, underflow goes to zero through the subnormals, NaN gives NaN. Each is
 * argument reduction and one or two polynomials; their coefficients are near-minimax fits made for this file, and the errors
 * measured by tests/test_lane_math.c are about 1 to 3 units in the last place, in f32 and in f64. exp, expm1, log, tanh and the logistic
 * function never decrease.
 *
 * A value that is still to be multiplied may underflow where the product does not: such functions return it divided by SIX_TINY. */

#include "lane.h"

#if defined(SIX_REAL_IS_DOUBLE)

enum { SIX_MANTISSA = 52, SIX_BIAS = 1023, SIX_TINY_EXPONENT = 64, SIX_LOWER_BITS = 27 };
#define SIX_TINY 5.4210108624275222e-20 /* 2^-64 */
#define SIX_MAGIC 6755399441055744.0    /* 1.5 * 2^52: adding it leaves the nearest integer in the low bits */
#define SIX_LN2_HIGH 0.69314718036912382
#define SIX_LN2_LOW 1.9082149292705877e-10
#define SIX_EXP_LOWEST -746.0
#define SIX_EXP_HIGHEST 710.0
#define SIX_TANH_HIGHEST 20.0
#define SIX_LOGISTIC_LOWEST -664.72814614 /* -959 log(2) */
#define SIX_LOGISTIC_HIGHEST 754.14413045 /* 1088 log(2) */
#define SIX_NORMAL_NEAR 1.125
#define SIX_NORMAL_FAR 38.8187 /* sqrt(2 * 1087 log(2)) */
#define SIX_LEAST_NORMAL 2.2250738585072014e-308
#define SIX_INFINITY __builtin_inf()
#define SIX_NAN __builtin_nan("")

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2, to 1e-18 */
static const real six_exp_terms[] = {0.5,
                                     0.16666666666666671,
                                     0.041666666666666671,
                                     0.0083333333333260838,
                                     0.0013888888888883711,
                                     0.00019841269875002279,
                                     2.4801587325677461e-05,
                                     2.7557255170000888e-06,
                                     2.7557273478718582e-07,
                                     2.5105312729622103e-08,
                                     2.0914755325893202e-09};
/* (2 artanh(s) - 2 s) / s^3 in s^2, for |s| <= 0.1716, to 2e-18 */
static const real six_log_terms[] = {0.66666666666666663, 0.40000000000000913, 0.28571428570782209,
                                     0.22222222396552982, 0.18181795124476754, 0.15386267672882226,
                                     0.1326802614042874,  0.13094416666525344};
/* (F(x) - 1/2) / x in x^2, for |x| <= sqrt(2), where F is the normal distribution function, to 7e-18 */
static const real six_near_terms[] = {0.39894228040143265,    -0.06649038006690508,    0.0099735570100268726,
                                      -0.0011873282153967736, 0.00011543468721120926,  -9.444655101548686e-06,
                                      6.659672481574838e-07,  -4.1224151072896811e-08, 2.271501082181806e-09,
                                      -1.119250860259355e-10, 4.7370852926482607e-12,  -1.3458332338909829e-13};
/* F(-x) exp(x^2 / 2) = top(x) / (SIX_TAIL_SLOPE x top(x) + rest(x)) for x >= SIX_NORMAL_NEAR, to 6e-17 */
#define SIX_TAIL_SLOPE 2.5066282746248723
static const real six_tail_top[] = {0.50000000326058995,   0.76208014915584801,    0.57052851342230006,
                                    0.26883291272634814,   0.086595015123685759,   0.019525738901652723,
                                    0.0030293070331586745, 0.00030005643738349839, 1.5108881245832713e-5};
static const real six_tail_rest[] = {1.0,
                                     1.0687307672905142,
                                     0.58352895204949722,
                                     0.20225155478147186,
                                     0.047439607719572995,
                                     0.0075175983110013849,
                                     0.00075213004771035261,
                                     3.7872347186492284e-5,
                                     2.0874607730685975e-14};

#else

enum { SIX_MANTISSA = 23, SIX_BIAS = 127, SIX_TINY_EXPONENT = 32, SIX_LOWER_BITS = 12 };
#define SIX_TINY 2.32830644e-10F /* 2^-32 */
#define SIX_MAGIC 12582912.0F    /* 1.5 * 2^23 */
#define SIX_LN2_HIGH 0.693145752F
#define SIX_LN2_LOW 1.42860682e-06F
#define SIX_EXP_LOWEST -104.0F
#define SIX_EXP_HIGHEST 89.0F
#define SIX_TANH_HIGHEST 10.0F
#define SIX_LOGISTIC_LOWEST -65.8489824F /* -95 log(2) */
#define SIX_LOGISTIC_HIGHEST 110.903549F /* 160 log(2) */
#define SIX_NORMAL_NEAR 1.125F
#define SIX_NORMAL_FAR 14.8466F /* sqrt(2 * 159 log(2)) */
#define SIX_LEAST_NORMAL 1.17549435e-38F
#define SIX_INFINITY __builtin_inff()
#define SIX_NAN __builtin_nanf("")

static const real six_exp_terms[] = {0.5F, 0.166665763F, 0.0416665524F, 0.00836323295F, 0.00139262504F}; /* to 7e-8 */
static const real six_log_terms[] = {0.666666687F, 0.400001228F, 0.285505861F, 0.233368114F};            /* to 2e-9 */
static const real six_near_terms[] = {0.398942292F,    -0.0664905086F,  0.00997381192F,
                                      -0.00118686177F, 0.000113581445F, -7.57010002e-06F}; /* to 3e-8 */
#define SIX_TAIL_SLOPE 2.50669289F
static const real six_tail_top[] = {0.884833574F, 0.711182892F, 0.25639832F, 0.0441250578F};
static const real six_tail_rest[] = {1.77060497F, 0.612638056F, 0.113238782F,
                                     -0.000150855107F}; /* to 3e-8, as far as F is normal */

#endif

#define SIX_COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

/* terms[0] + terms[1] x + terms[2] x^2 ... */
SIX_INLINE vec six_polynomial(vec x, const real *terms, int count)
{
    vec sum = six_set(terms[count - 1]);
#pragma GCC unroll 32
    for (int i = count - 2; i >= 0; i--)
        sum = six_fma(sum, x, six_set(terms[i]));
    return sum;
}

SIX_INLINE vec six_abs(vec x) { return (vec)((uvec)x & (((uvec){0} - 1) >> 1)); }

/* 1, -1, or 0 as x is positive, negative, or 0; NaN stays NaN. */
SIX_INLINE vec six_sign(vec x)
{
    const vec sign = six_select(six_greater((vec){0}, x), six_set(-1), x);
    return six_select(six_greater(x, (vec){0}), six_set(1), sign);
}

/* The magnitude of x with the sign of sign. */
SIX_INLINE vec six_with_sign(vec x, vec sign)
{
    const uvec mask = ((uvec){0} - 1) >> 1;
    return (vec)(((uvec)x & mask) | ((uvec)sign & ~mask));
}

/* x = n log(2) + r with |r| <= log(2) / 2 and n, an integer, in the low bits of the result. */
SIX_INLINE uvec six_exp_reduce(vec x, vec *r)
{
    const vec magic = six_set(SIX_MAGIC);
    const vec shifted = six_fma(x, six_set((real)1.4426950408889634), magic);
    const vec n = shifted - magic;
    *r = six_fma(n, six_set(-SIX_LN2_LOW), six_fma(n, six_set(-SIX_LN2_HIGH), x));
    return (uvec)shifted - (uvec)magic;
}

/* exp(r) - 1 for |r| <= log(2) / 2. */
SIX_INLINE vec six_exp_minus_one(vec r)
{
    return six_fma(r * r, six_polynomial(r, six_exp_terms, SIX_COUNT(six_exp_terms)), r);
}

/* exp(x). */
SIX_INLINE vec six_exp(vec x)
{
    vec r;
    x = six_min(six_set(SIX_EXP_HIGHEST), six_max(six_set(SIX_EXP_LOWEST), x));
    const uvec n = six_exp_reduce(x, &r) + 2 * SIX_BIAS;
    const vec p = six_exp_minus_one(r) + 1;
    /* 2^n as two factors, because 2^n itself may be too large or too small where the product is not */
    const uvec half = n >> 1;
    return p * (vec)(half << SIX_MANTISSA) * (vec)((n - half) << SIX_MANTISSA);
}

/* e log(2) + log(1 + f) for an integer e and 1 + f from sqrt(1/2) to sqrt(2). */
SIX_INLINE vec six_ln_reduced(vec e, vec f)
{
    /* log(1 + f) = 2 artanh(s) = f - f^2 / 2 + s (f^2 / 2 + s^2 polynomial(s^2)) */
    const vec s = f / (f + 2), square = s * s, half = f * f * (real)0.5;
    const vec rest = s * six_fma(square, six_polynomial(square, six_log_terms, SIX_COUNT(six_log_terms)), half);
    return six_fma(e, six_set(SIX_LN2_HIGH), f - (half - six_fma(e, six_set(SIX_LN2_LOW), rest)));
}

/* The natural logarithm of x. */
SIX_INLINE vec six_ln(vec x)
{
    const ivec tiny = six_greater(six_set(SIX_LEAST_NORMAL), x);
    const vec normal = six_select(tiny, x * (real)((six_int)1 << SIX_MANTISSA), x);
    /* normal = 2^e (1 + f) with 1 + f from sqrt(1/2) to sqrt(2) */
    const uvec root = (uvec)six_set((real)0.70710678118654752);
    const uvec bits = (uvec)normal - root + (((uvec){0} + SIX_BIAS) << SIX_MANTISSA);
    const vec f = (vec)((bits & ((((uvec){0} + 1) << SIX_MANTISSA) - 1)) + root) - 1;
    const uvec bias = (uvec){0} + SIX_BIAS + ((uvec)tiny & SIX_MANTISSA);
    const vec e = (vec)((uvec)six_set(SIX_MAGIC) + (bits >> SIX_MANTISSA) - bias) - SIX_MAGIC;
    vec y = six_ln_reduced(e, f);
    y = six_select(six_greater(six_set(SIX_INFINITY), x), y, x);
    y = six_select(six_greater((vec){0}, x), six_set(SIX_NAN), y);
    return six_select((ivec)(x == 0), six_set(-SIX_INFINITY), y);
}

/* The natural logarithm of 1 + x for x from 0 to 1, accurate near 0. */
SIX_INLINE vec six_ln1p(vec x)
{
    /* 1 + x = 2 (1 + (x - 1) / 2), from sqrt(2) on */
    const ivec twice = six_greater(x, six_set((real)0.41421356237309505));
    const vec f = six_select(twice, six_fma(x, six_set((real)0.5), six_set((real)-0.5)), x);
    return six_ln_reduced(six_select(twice, six_set(1), (vec){0}), f);
}

/* h / (1 + h) for h >= 0, as h - h h / (1 + h) or as 1 - 1 / (1 + h), because the rounded quotient alone may decrease where h grows. */
SIX_INLINE vec six_over_one_more(vec h)
{
    const vec a = six_select(six_greater(h, six_set((real)0.5)), six_set(1), h);
    return six_fma(-a, a / (h + 1), a);
}

/* exp(x) - 1 for x <= 0, accurate near 0. */
SIX_INLINE vec six_expm1_below(vec x)
{
    /* 2^n (exp(r) - 1) + (2^n - 1) loses nothing near 0, where n = 0 */
    vec r;
    const vec bounded = six_max(six_set(-2 * SIX_TANH_HIGHEST), x);
    const vec power = (vec)((six_exp_reduce(bounded, &r) + SIX_BIAS) << SIX_MANTISSA);
    return six_fma(power, six_exp_minus_one(r), power - 1);
}

/* tanh(x). */
SIX_INLINE vec six_tanh(vec x)
{
    /* h = (exp(2 |x|) - 1) / 2, half of what six_expm1_below() does */
    vec r;
    const vec twice = 2 * six_min(six_set(SIX_TANH_HIGHEST), six_abs(x));
    const vec half = (vec)((six_exp_reduce(twice, &r) + (SIX_BIAS - 1)) << SIX_MANTISSA);
    const vec h = six_fma(half, six_exp_minus_one(r), half - (real)0.5);
    return six_with_sign(six_over_one_more(h), x);
}

/* s / SIX_TINY for s = 1 / (1 + exp(y)), y = n log(2) + r; *rest is 1 - s. Both are 0 or 1 exactly for the highest n,
 * SIX_BIAS + 1 + SIX_TINY_EXPONENT, and for the lowest, SIX_TINY_EXPONENT - SIX_BIAS. */
SIX_INLINE vec six_logistic_reduced(uvec n, vec r, vec *rest)
{
    /* exp(y) SIX_TINY: 0 at the lowest n, and infinite at the highest */
    const vec power = (six_exp_minus_one(r) + 1) * (vec)((n + (SIX_BIAS - SIX_TINY_EXPONENT)) << SIX_MANTISSA);
    const vec s = 1 / (power + SIX_TINY);
    *rest = six_min(power * s, six_set(1)); /* 1 also for infinity times 0 */
    return s;
}

/* s / SIX_TINY for s = 1 / (1 + exp(-x)); *rest is 1 - s. At the ends both are 0 or 1 exactly. */
SIX_INLINE vec six_logistic(vec x, vec *rest)
{
    vec r;
    const vec minus = six_min(six_set(SIX_LOGISTIC_HIGHEST), six_max(six_set(SIX_LOGISTIC_LOWEST), -x));
    const uvec n = six_exp_reduce(minus, &r);
    return six_logistic_reduced(n, r, rest);
}

/* 1 / (1 + exp(-x)), accurate also where it is close to 0. */
SIX_INLINE vec six_sigmoid(vec x)
{
    vec rest;
    return six_logistic(x, &rest) * SIX_TINY;
}

/* a s for the s of six_logistic() with any argument of a's sign. Of a and SIX_TINY the smaller one comes first: a negative a, so that nothing
 * underflows, or a tiny positive one, so that nothing overflows. */
SIX_INLINE vec six_times_logistic(vec a, vec s)
{
    const vec tiny = six_set(SIX_TINY);
    return six_min(a, tiny) * s * six_max(a, tiny);
}

/* exp(x + rest) = SIX_TINY power (1 + the result) for x + rest <= 0; at -(SIX_BIAS + SIX_TINY_EXPONENT) log(2), the least, power is 0. */
SIX_INLINE vec six_exp_below(vec x, vec rest, vec *power)
{
    const vec magic = six_set(SIX_MAGIC);
    const vec shifted = six_fma(x + rest, six_set((real)1.4426950408889634), magic), n = shifted - magic;
    *power = (vec)(((uvec)shifted - (uvec)magic + (SIX_BIAS + SIX_TINY_EXPONENT)) << SIX_MANTISSA);
    return six_exp_minus_one(six_fma(n, six_set(-SIX_LN2_HIGH), x) + six_fma(n, six_set(-SIX_LN2_LOW), rest));
}

/* The normal distribution: its distribution function (1 + erf(x / sqrt(2))) / 2 is value * scale, its density is density * scale. The scale
 * is SIX_TINY where both are close to 0, else 1. */
typedef struct six_normal {
    vec value, density, scale;
} six_normal;

SIX_INLINE six_normal six_normal_at(vec x)
{
    const vec z = six_min(six_set(SIX_NORMAL_FAR), six_abs(x));
    /* -z^2 / 2 in two parts, of which the first is exact: rounding z^2 alone would cost z^2 / 2 units of the result */
    const vec upper = (vec)((uvec)z & (((uvec){0} - 1) << SIX_LOWER_BITS)), minus = upper * (real)-0.5;
    vec power;
    const vec growth = six_exp_below(minus * upper, six_fma(z, six_set((real)-0.5), minus) * (z - upper), &power);
    /* rounding errors of the top cancel in the quotient */
    const vec top = six_polynomial(z, six_tail_top, SIX_COUNT(six_tail_top));
    const vec rest = six_polynomial(z, six_tail_rest, SIX_COUNT(six_tail_rest));
    const vec ratio = top / six_fma(z * top, six_set(SIX_TAIL_SLOPE), rest);
    const vec tail = six_fma(growth, ratio, ratio) * power;
    const vec near = six_fma(x, six_polynomial(x * x, six_near_terms, SIX_COUNT(six_near_terms)), six_set((real)0.5));

    const real factor = (real)0.3989422804014327;
    const ivec low = six_greater(six_set(-SIX_NORMAL_NEAR), x);
    const vec far = six_select(low, tail, six_fma(six_set(-SIX_TINY), tail, six_set(1)));
    return (six_normal){
        .value = six_select(six_greater(z, six_set(SIX_NORMAL_NEAR)), far, near),
        .density = (growth + 1) * power * six_select(low, six_set(factor), six_set(factor * SIX_TINY)),
        .scale = six_select(low, six_set(SIX_TINY), six_set(1)),
    };
}

#endif
