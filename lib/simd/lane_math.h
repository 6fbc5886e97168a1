/* SPDX-License-Identifier: MIT */
#ifndef SIX_SIMD_LANE_MATH_H
#define SIX_SIMD_LANE_MATH_H

/* exp, log, tanh, the logistic function and the error function of a vec, without libm and without a branch, so that all instruction sets
 * with a fused multiply-add give the same bits.
 *
 * Every function takes any number: what overflows is infinite, what underflows goes to zero through the subnormals, NaN gives NaN. Each is
 * argument reduction and one or two polynomials; their coefficients are near-minimax fits made for this file, and the errors
 * measured by tests/test_lane_math.c are about 1 to 2 units in the last place, in f32 and in f64. */

#include "lane.h"

#if defined(SIX_REAL_IS_DOUBLE)

enum { SIX_MANTISSA = 52, SIX_BIAS = 1023 };
#define SIX_MAGIC 6755399441055744.0 /* 1.5 * 2^52: adding it leaves the nearest integer in the low bits */
#define SIX_LN2_HIGH 0.69314718036912382
#define SIX_LN2_LOW 1.9082149292705877e-10
#define SIX_EXP_LOWEST -746.0
#define SIX_EXP_HIGHEST 710.0
#define SIX_TANH_HIGHEST 20.0
#define SIX_LEAST_NORMAL 2.2250738585072014e-308
#define SIX_INFINITY __builtin_inf()
#define SIX_NAN __builtin_nan("")

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2, to 1e-18 */
static const real six_exp_terms[] = {0.5, 0.16666666666666671, 0.041666666666666671, 0.0083333333333260838, 0.0013888888888883711,
                                     0.00019841269875002279, 2.4801587325677461e-05, 2.7557255170000888e-06,
                                     2.7557273478718582e-07, 2.5105312729622103e-08, 2.0914755325893202e-09};
/* (2 artanh(s) - 2 s) / s^3 in s^2, for |s| <= 0.1716, to 2e-18 */
static const real six_log_terms[] = {0.66666666666666663, 0.40000000000000913, 0.28571428570782209, 0.22222222396552982,
                                     0.18181795124476754, 0.15386267672882226, 0.1326802614042874, 0.13094416666525344};
/* erf(x) / x - 1 in x^2, for |x| <= 1, to 7e-18 */
static const real six_erf_terms[] = {0.12837916709551256, -0.37612638903183543, 0.11283791670945006, -0.02686617064323777,
                                     0.0052239776071164225, -0.00085483259753896918, 0.00012055294904839707, -1.4924736907419661e-05,
                                     1.6447424703317362e-06, -1.6208483801871705e-07, 1.3720064546777686e-08, -7.7958988270021425e-10};
/* erfc(x) exp(x^2) / t in t = 1 / (1 + x / 2), for x >= 1, to 1e-16 */
static const real six_erfc_terms[] = {0.2820947917656787, 0.28209479248304126, 0.24683291512898203, 0.17630989127816041,
                                      0.083736781866849075, -0.0042956568166966991, -0.05765772867762773, -0.047993390128668094,
                                      -0.027907425023543448, 0.12583748162855204, -0.099517523687512613, 0.087305872868551015,
                                      0.44732660787565681, -2.1868141583462717, 4.1444284261702933, -4.3971061057801508,
                                      2.7864064574511533, -0.99838929336952775, 0.15731532502984086};

#else

enum { SIX_MANTISSA = 23, SIX_BIAS = 127 };
#define SIX_MAGIC 12582912.0F /* 1.5 * 2^23 */
#define SIX_LN2_HIGH 0.693145752F
#define SIX_LN2_LOW 1.42860682e-06F
#define SIX_EXP_LOWEST -104.0F
#define SIX_EXP_HIGHEST 89.0F
#define SIX_TANH_HIGHEST 10.0F
#define SIX_LEAST_NORMAL 1.17549435e-38F
#define SIX_INFINITY __builtin_inff()
#define SIX_NAN __builtin_nanf("")

static const real six_exp_terms[] = {0.5F, 0.166665763F, 0.0416665524F, 0.00836323295F, 0.00139262504F}; /* to 7e-8 */
static const real six_log_terms[] = {0.666666687F, 0.400001228F, 0.285505861F, 0.233368114F};           /* to 2e-9 */
static const real six_erf_terms[] = {0.128379166F,   -0.37612626F,    0.112835944F,   -0.0268542115F,
                                     0.00518908724F, -0.00080168643F, 7.87587487e-05F}; /* to 2e-9 */
static const real six_erfc_terms[] = {0.282096207F,  0.282084107F,  0.246596485F,  0.180396318F,
                                      0.0568991266F, 0.0884977132F, -0.231039852F, 0.0950642675F}; /* to 9e-9 */

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

/* exp(x). */
SIX_INLINE vec six_exp(vec x)
{
    vec r;
    x = six_min(six_set(SIX_EXP_HIGHEST), six_max(six_set(SIX_EXP_LOWEST), x));
    const uvec n = six_exp_reduce(x, &r) + 2 * SIX_BIAS;
    const vec p = six_fma(r * r, six_polynomial(r, six_exp_terms, SIX_COUNT(six_exp_terms)), r) + 1;
    /* 2^n as two factors, because 2^n itself may be too large or too small where the product is not */
    const uvec half = n >> 1;
    return p * (vec)(half << SIX_MANTISSA) * (vec)((n - half) << SIX_MANTISSA);
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
    /* log(1 + f) = 2 artanh(s) = f - f^2 / 2 + s (f^2 / 2 + s^2 polynomial(s^2)) */
    const vec s = f / (f + 2), square = s * s, half = f * f * (real)0.5;
    const vec rest = s * six_fma(square, six_polynomial(square, six_log_terms, SIX_COUNT(six_log_terms)), half);
    vec y = six_fma(e, six_set(SIX_LN2_HIGH), f - (half - six_fma(e, six_set(SIX_LN2_LOW), rest)));

    y = six_select(six_greater(six_set(SIX_INFINITY), x), y, x);
    y = six_select(six_greater((vec){0}, x), six_set(SIX_NAN), y);
    return six_select((ivec)(x == 0), six_set(-SIX_INFINITY), y);
}

/* The natural logarithm of 1 + x for x >= 0, accurate near 0. */
SIX_INLINE vec six_ln1p(vec x)
{
    const vec sum = x + 1;
    return six_ln(sum) + (x - (sum - 1)) / sum;
}

/* tanh(x). */
SIX_INLINE vec six_tanh(vec x)
{
    /* with m = exp(2 |x|) - 1: m / (m + 2); m = 2^n (exp(r) - 1) + (2^n - 1) loses nothing near 0, where n = 0 */
    vec r;
    const vec twice = 2 * six_min(six_set(SIX_TANH_HIGHEST), six_abs(x));
    const vec power = (vec)((six_exp_reduce(twice, &r) + SIX_BIAS) << SIX_MANTISSA);
    const vec p = six_fma(r * r, six_polynomial(r, six_exp_terms, SIX_COUNT(six_exp_terms)), r);
    const vec m = six_fma(power, p, power - 1);
    return six_with_sign(m / (m + 2), x);
}

/* 1 / (1 + exp(-x)), accurate also where it is close to 0. */
SIX_INLINE vec six_sigmoid(vec x)
{
    const vec z = six_exp(-six_abs(x));
    return six_select(six_greater((vec){0}, x), z, six_set(1)) / (z + 1);
}

/* erfc(x) for x >= 1; *power is exp(-x^2). */
SIX_INLINE vec six_erfc_tail(vec x, vec *power)
{
    const vec t = 1 / six_fma(x, six_set((real)0.5), six_set(1));
    *power = six_exp(-(x * x));
    return *power * t * six_polynomial(t, six_erfc_terms, SIX_COUNT(six_erfc_terms));
}

/* erf(x). */
SIX_INLINE vec six_erf(vec x)
{
    vec power;
    const vec z = six_abs(x);
    const vec near = six_fma(x, six_polynomial(x * x, six_erf_terms, SIX_COUNT(six_erf_terms)), x);
    const vec far = six_with_sign(1 - six_erfc_tail(z, &power), x);
    return six_select(six_greater(six_set(1), z), near, far);
}

/* The distribution function of the normal distribution, (1 + erf(x / sqrt(2))) / 2, accurate also where it is close to 0, and its
 * density. */
SIX_INLINE vec six_normal(vec x, vec *density)
{
    vec power;
    const vec a = x * (real)0.70710678118654752, z = six_abs(a);
    const vec near = six_fma(a, six_polynomial(a * a, six_erf_terms, SIX_COUNT(six_erf_terms)), a);
    const vec tail = six_erfc_tail(z, &power) * (real)0.5;
    *density = power * (real)0.39894228040143268;
    return six_select(six_greater(six_set(1), z), six_fma(near, six_set((real)0.5), six_set((real)0.5)),
                      six_select(six_greater((vec){0}, x), tail, 1 - tail));
}

#endif
