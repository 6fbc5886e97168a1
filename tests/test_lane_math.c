/* SPDX-License-Identifier: MIT */

/* lib/simd/lane_math.h against libm in long double, for the variant that this file is compiled for. */

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "simd/lane_math.h"

/* Of each sweep; fewer for slow machines: valgrind. */
static int samples(void)
{
    const char *quick = getenv("SIXNET_TEST_QUICK");
    return quick && strcmp(quick, "1") == 0 ? 8000 : 200000;
}

#if defined(SIX_REAL_IS_DOUBLE)
enum { DIGITS = DBL_MANT_DIG, LEAST_EXPONENT = DBL_MIN_EXP - 1 };
#define LOWEST_LOG (-745.0L)
#define HIGHEST_LOG 709.7L
#define LARGEST DBL_MAX
#define LEAST 5e-324
#define NORMAL_LOWEST 37.5L
#define NORMAL_LIMIT 8
#else
enum { DIGITS = FLT_MANT_DIG, LEAST_EXPONENT = FLT_MIN_EXP - 1 };
#define LOWEST_LOG (-103.0L)
#define HIGHEST_LOG 88.7L
#define LARGEST FLT_MAX
#define LEAST 1.4e-45F
#define NORMAL_LOWEST 13
#define NORMAL_LIMIT 4
#endif

typedef vec (*function)(vec x);
typedef long double (*reference)(long double x);

static real one(function f, real x)
{
    real y[SIX_WIDTH];
    six_store(y, f(six_set(x)));
    for (int i = 1; i < SIX_WIDTH; i++)
        if (!(y[i] == y[0]) && !(isnan(y[i]) && isnan(y[0])))
            fail_msg("lane %d gives another result than lane 0", i);
    return y[0];
}

/* |got - want| in units in the last place of want. */
static long double error_in_units(real got, long double want)
{
    int exponent = want == 0 ? LEAST_EXPONENT : (int)ilogbl(want);
    if (exponent < LEAST_EXPONENT)
        exponent = LEAST_EXPONENT;
    return fabsl((long double)got - want) / ldexpl(1, exponent - DIGITS + 1);
}

static void check_at(const char *name, function f, reference g, const real *x, long double limit)
{
    real y[SIX_WIDTH];
    six_store(y, f(six_load(x)));
    for (int i = 0; i < SIX_WIDTH; i++) {
        const long double want = g(x[i]), error = error_in_units(y[i], want);
        if (!(error <= limit))
            fail_msg("%s(%.17g) is %.17g instead of %.17Lg: %.3Lg units, not %.3Lg", name, (double)x[i], (double)y[i],
                     want, error, limit);
    }
}

/* Evenly from low to high. */
static void check(const char *name, function f, reference g, long double low, long double high, long double limit)
{
    const int count = samples();
    for (int i = 0; i < count; i += SIX_WIDTH) {
        real x[SIX_WIDTH];
        for (int j = 0; j < SIX_WIDTH; j++)
            x[j] = (real)(low + (high - low) * (i + j) / count);
        check_at(name, f, g, x, limit);
    }
}

/* As many in every power of two from exp(low) to exp(high), of either sign. */
static void check_scales(const char *name, function f, reference g, long double low, long double high, real sign,
                         long double limit)
{
    const int count = samples();
    for (int i = 0; i < count; i += SIX_WIDTH) {
        real x[SIX_WIDTH];
        for (int j = 0; j < SIX_WIDTH; j++)
            x[j] = sign * (real)expl(low + (high - low) * (i + j) / count);
        check_at(name, f, g, x, limit);
    }
}

static long double sigmoid(long double x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }
static long double normal(long double x) { return erfcl(-x * sqrtl(0.5L)) / 2; }
static long double normal_density(long double x) { return expl(-x * x / 2) / sqrtl(8 * atanl(1)); }
static long double gelu(long double x) { return x * normal(x); }
static long double silu(long double x) { return x * sigmoid(x); }
static long double normal_of_minus(long double x) { return normal(-x); }

static vec distribution(vec x)
{
    const six_normal f = six_normal_at(x);
    return f.value * f.scale;
}
static vec distribution_of_minus(vec x) { return distribution(-x); }
static vec density(vec x)
{
    const six_normal f = six_normal_at(x);
    return f.density * f.scale;
}
static vec do_gelu(vec x)
{
    const six_normal f = six_normal_at(x);
    return x * f.value * f.scale;
}
static vec do_silu(vec x)
{
    vec rest;
    return six_times_logistic(x, six_logistic(x, &rest));
}
/* 1 - s, which is 1 / (1 + exp(x)) */
static vec rest_of_minus(vec x)
{
    vec rest;
    six_logistic(-x, &rest);
    return rest;
}

static vec do_exp(vec x) { return six_exp(x); }
static vec do_log(vec x) { return six_ln(x); }
static vec do_log1p(vec x) { return six_ln1p(x); }
static vec do_tanh(vec x) { return six_tanh(x); }
static vec do_sigmoid(vec x) { return six_sigmoid(x); }

static void test_exp(void **state)
{
    (void)state;
    check("exp", do_exp, expl, LOWEST_LOG, HIGHEST_LOG, 1.5L);
    check("exp", do_exp, expl, -2, 2, 1.5L);
    check_scales("exp", do_exp, expl, LOWEST_LOG, 0, 1, 1.5L);
    check_scales("exp", do_exp, expl, LOWEST_LOG, 0, -1, 1.5L);
    assert_true(one(do_exp, 0) == 1);
    assert_true(one(do_exp, -(real)0) == 1);
    assert_true(one(do_exp, (real)HIGHEST_LOG + 1) == INFINITY);
    assert_true(one(do_exp, LARGEST) == INFINITY);
    assert_true(one(do_exp, INFINITY) == INFINITY);
    assert_true(one(do_exp, (real)LOWEST_LOG - 2) == 0);
    assert_true(one(do_exp, -LARGEST) == 0);
    assert_true(one(do_exp, -INFINITY) == 0);
    assert_true(isnan(one(do_exp, NAN)));
}

static void test_log(void **state)
{
    (void)state;
    check("log", do_log, logl, 0.01L, 4, 1.5L);
    check("log", do_log, logl, 0.99L, 1.01L, 1.5L);
    check_scales("log", do_log, logl, LOWEST_LOG, HIGHEST_LOG, 1, 1.5L);
    assert_true(one(do_log, 1) == 0);
    assert_true(one(do_log, 0) == -INFINITY);
    assert_true(one(do_log, -(real)0) == -INFINITY);
    assert_true(one(do_log, INFINITY) == INFINITY);
    assert_true(error_in_units(one(do_log, LEAST), logl(LEAST)) <= 1);
    assert_true(error_in_units(one(do_log, LARGEST), logl(LARGEST)) <= 1);
    assert_true(isnan(one(do_log, -1)));
    assert_true(isnan(one(do_log, -LEAST)));
    assert_true(isnan(one(do_log, -INFINITY)));
    assert_true(isnan(one(do_log, NAN)));

    check("log1p", do_log1p, log1pl, 0, 1, 2.5L);
    check_scales("log1p", do_log1p, log1pl, LOWEST_LOG, 0, 1, 2.5L);
    assert_true(one(do_log1p, 0) == 0);
    assert_true(isnan(one(do_log1p, NAN)));
}

static void test_tanh(void **state)
{
    (void)state;
    check("tanh", do_tanh, tanhl, -25, 25, 2.5L);
    check("tanh", do_tanh, tanhl, -1, 1, 2.5L);
    check_scales("tanh", do_tanh, tanhl, LOWEST_LOG, 3, 1, 2.5L);
    check_scales("tanh", do_tanh, tanhl, LOWEST_LOG, 3, -1, 2.5L);
    assert_true(one(do_tanh, 0) == 0);
    assert_true(signbit(one(do_tanh, -(real)0)));
    assert_true(one(do_tanh, LARGEST) == 1);
    assert_true(one(do_tanh, INFINITY) == 1);
    assert_true(one(do_tanh, -INFINITY) == -1);
    assert_true(isnan(one(do_tanh, NAN)));
}

static void test_sigmoid(void **state)
{
    (void)state;
    check("sigmoid", do_sigmoid, sigmoid, LOWEST_LOG, -LOWEST_LOG, 2.5L);
    check("sigmoid", do_sigmoid, sigmoid, -8, 8, 2.5L);
    check_scales("sigmoid", do_sigmoid, sigmoid, LOWEST_LOG, 4, 1, 2.5L);
    check_scales("sigmoid", do_sigmoid, sigmoid, LOWEST_LOG, 4, -1, 2.5L);
    assert_true(one(do_sigmoid, 0) == (real)0.5);
    assert_true(one(do_sigmoid, LARGEST) == 1);
    assert_true(one(do_sigmoid, INFINITY) == 1);
    assert_true(one(do_sigmoid, -LARGEST) == 0);
    assert_true(one(do_sigmoid, -INFINITY) == 0);
    assert_true(isnan(one(do_sigmoid, NAN)));
}

/* F(x) in its tail, where rounding x^2 alone would cost x^2 / 2 units. */
static void test_normal(void **state)
{
    (void)state;
    check("normal", distribution, normal, -1, 9, NORMAL_LIMIT);
    check("normal", distribution, normal, -NORMAL_LOWEST, -1, NORMAL_LIMIT);
    check("normal", distribution_of_minus, normal_of_minus, 0, NORMAL_LOWEST, NORMAL_LIMIT);
    check("density", density, normal_density, -NORMAL_LOWEST, NORMAL_LOWEST, 4);
    assert_true(one(distribution, 0) == (real)0.5);
    assert_true(one(distribution, LARGEST) == 1);
    assert_true(one(distribution, INFINITY) == 1);
    assert_true(one(distribution, -LARGEST) == 0);
    assert_true(one(distribution, -INFINITY) == 0);
    assert_true(one(density, LARGEST) == 0);
    assert_true(one(density, -LARGEST) == 0);
    assert_true(one(density, -INFINITY) == 0);
    assert_true(isnan(one(distribution, NAN)));
    assert_true(isnan(one(density, NAN)));
}

/* A factor is multiplied before the result underflows. */
static void test_products(void **state)
{
    (void)state;
    check("gelu", do_gelu, gelu, -NORMAL_LOWEST - 1, 9, NORMAL_LIMIT);
    check("gelu", do_gelu, gelu, -3, 3, NORMAL_LIMIT);
    check_scales("gelu", do_gelu, gelu, LOWEST_LOG, 2, 1, NORMAL_LIMIT);
    check_scales("gelu", do_gelu, gelu, LOWEST_LOG, 2, -1, NORMAL_LIMIT);
    check("silu", do_silu, silu, LOWEST_LOG - 10, -LOWEST_LOG, 4);
    check("silu", do_silu, silu, -8, 8, 4);
    check_scales("silu", do_silu, silu, LOWEST_LOG, HIGHEST_LOG, 1, 4);
    check_scales("silu", do_silu, silu, LOWEST_LOG, 4, -1, 4);
    check("1 - s", rest_of_minus, sigmoid, -8, 60, 4);
    assert_true(one(do_gelu, LARGEST) == LARGEST && one(do_silu, LARGEST) == LARGEST);
    assert_true(one(do_gelu, -LARGEST) == 0 && one(do_silu, -LARGEST) == 0);
    assert_true(one(do_gelu, INFINITY) == INFINITY && one(do_silu, INFINITY) == INFINITY);
    assert_true(isnan(one(do_gelu, -INFINITY)) && isnan(one(do_silu, -INFINITY))); /* infinity times 0, as in PyTorch */
    assert_true(isnan(one(do_gelu, NAN)) && isnan(one(do_silu, NAN)));
    assert_true(one(rest_of_minus, LARGEST) == 1 && one(rest_of_minus, -LARGEST) == 0);
}

/* Runs of neighbours: from each of many numbers from low to high the next ones. */
static void check_never_decreases(const char *name, function f, long double low, long double high)
{
    const int count = samples();
    enum { RUN = 16 };
    real last = -INFINITY;
    for (int i = 0; i < count; i += RUN) {
        real x[RUN + SIX_WIDTH], y[RUN + SIX_WIDTH] = {0};
        x[0] = (real)(low + (high - low) * i / count);
        for (int j = 1; j < RUN; j++)
            x[j] = sizeof(real) == sizeof(float) ? (real)nextafterf((float)x[j - 1], INFINITY)
                                                 : (real)nextafter(x[j - 1], INFINITY);
        for (int j = 0; j < RUN; j += SIX_WIDTH)
            six_store(y + j, f(six_load(x + j)));
        for (int j = 0; j < RUN; last = y[j++])
            if (y[j] < last)
                fail_msg("%s(%.17g) is %.17g, less than %.17g before", name, (double)x[j], (double)y[j], (double)last);
    }
}

static void test_never_decreases(void **state)
{
    (void)state;
    check_never_decreases("exp", do_exp, LOWEST_LOG, HIGHEST_LOG);
    check_never_decreases("exp", do_exp, -1, 1);
    check_never_decreases("log", do_log, 0.25L, 4);
    check_never_decreases("log1p", do_log1p, 0, 1);
    check_never_decreases("log1p", do_log1p, 0, 0.001L);
    check_never_decreases("log1p", do_log1p, 0.41L, 0.42L); /* where 1 + x is sqrt(2) */
    check_never_decreases("tanh", do_tanh, -10, 10);
    check_never_decreases("tanh", do_tanh, 0.1L, 1);
    check_never_decreases("tanh", do_tanh, -0.02L, 0.02L);
    check_never_decreases("sigmoid", do_sigmoid, LOWEST_LOG, -LOWEST_LOG);
    check_never_decreases("sigmoid", do_sigmoid, -2, 2);
}

/* The smaller operations, where infinities, zeros and NaN decide. */
static void test_operations(void **state)
{
    (void)state;
    const vec nan = six_set(NAN), two = six_set(2), three = six_set(3);
    assert_true(six_max(two, three)[0] == 3 && six_max(three, two)[0] == 3);
    assert_true(six_min(two, three)[0] == 2 && six_min(three, two)[0] == 2);
    assert_true(six_max(nan, two)[0] == 2 && isnan(six_max(two, nan)[0]));
    assert_true(six_min(nan, two)[0] == 2 && isnan(six_min(two, nan)[0]));
    assert_true(six_sqrt(six_set(9))[SIX_WIDTH - 1] == 3);
    assert_true(six_fma(two, three, six_set(1))[SIX_WIDTH - 1] == 7);
    assert_true(six_select(six_greater(three, two), two, three)[0] == 2);
    assert_true(six_select(six_greater(nan, two), two, three)[0] == 3);
    assert_true(six_abs(six_set(-3))[0] == 3);
    assert_true(six_with_sign(six_set(-3), two)[0] == 3);

    word_vec words;
    for (int i = 0; i < SIX_WORD_WIDTH; i++)
        words[i] = i % 3 == 0 ? 5 : -5;
    const unsigned which = six_which_greater(words, words - words);
    for (int i = 0; i < SIX_WORD_WIDTH; i++)
        assert_int_equal(which >> i & 1, i % 3 == 0);
    for (int i = 0; i < SIX_WIDTH; i++)
        assert_true(six_keep(two, which)[i] == (i % 3 == 0 ? 2 : 0));
}

/* Halves, quarters, eighths, pairs: with numbers whose sum depends on the order. */
static void test_lane_sum(void **state)
{
    (void)state;
    real p[SIX_LANES], half[8], quarter[4];
    for (int i = 0; i < SIX_LANES; i++)
        p[i] = (real)(i % 3 - 1) * (real)(1 << i) + (real)1 / (real)(3 + i);
    for (int i = 0; i < 8; i++)
        half[i] = p[i] + p[i + 8];
    for (int i = 0; i < 4; i++)
        quarter[i] = half[i] + half[i + 4];
    const real even = quarter[0] + quarter[2], odd = quarter[1] + quarter[3];
    assert_true(six_lane_sum(p) == even + odd);

    for (int i = 0; i < SIX_LANES; i++)
        p[i] = (real)(1 << i);
    assert_true(six_lane_sum(p) == 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_tanh),
        cmocka_unit_test(test_sigmoid),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_never_decreases),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_lane_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
