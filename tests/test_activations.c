/* SPDX-License-Identifier: MIT */
/* Activations and functions in f32, on every instruction set: how many units in the last place they are off, and that those of functions that never
 * decrease do not decrease either. */

#include "layer_fixture.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "oracles.h"

enum { COUNT = 4096 };

/* The range of x, which is tested along with all powers of two. */
static const struct activation {
    const char *kind, *attributes;
    double a, b, low, high;
    bool never_decreases;
} activations[] = {
    {"elu", "alpha=3", 3, 0, -20, 1, true},
    {"selu", "", 0, 0, -20, 1, true},
    {"celu", "alpha=1.5", 1.5, 0, -30, 1, true},
    {"relu6", "", 0, 0, -1, 8, true},
    {"hardtanh", "min_val=-0.5 max_val=2", -0.5, 2, -2, 4, true},
    {"hardsigmoid", "", 0, 0, -3, 4, true},
    {"hardswish", "", 0, 0, -3, 4, false},
    {"softplus", "threshold=60", 1, 60, -87, 61, true},
    {"softplus", "beta=3 threshold=60", 3, 60, -29, 21, true},
    {"softplus", "beta=0.375 threshold=30", 0.375, 30, -232, 70, true},
    {"logsigmoid", "", 0, 0, -90, 87, true},
    {"logsigmoid", "", 0, 0, -1, 1, true},
    {"softsign", "", 0, 0, -4, 4, true},
    {"mish", "", 0, 0, -92, 90, false},
    {"mish", "", 0, 0, -4, 4, false},
    {"threshold", "threshold=1 value=-2", 1, -2, -3, 3, true},
    {"tanhshrink", "", 0, 0, -4, 4, true},
    {"tanhshrink", "", 0, 0, 1.4999F, 1.5001F, true}, /* where another formula begins */
    {"softshrink", "lambd=0.25", 0.25, 0, -2, 2, true},
    {"hardshrink", "lambd=0.25", 0.25, 0, -2, 2, true},
    {"exp", "", 0, 0, -87, 88, true},
    {"log", "", 0, 0, 0.5, 2, true},
    {"sqrt", "", 0, 0, 0, 4, true},
    {"pow", "exponent=0.7", 0.7, 0, 0, 4, true},
    {"pow", "exponent=7.3", 7.3, 0, 0, 1e5, true},
    {"pow", "exponent=-30", -30, 0, 0.1, 10, false},
    {"gelu", "", 0, 0, -12, 9, false},
    {"silu", "", 0, 0, -80, 80, false},
    {"sigmoid", "", 0, 0, -87, 20, true},
    {"tanh", "", 0, 0, -9, 9, true},
};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

static double expected(const struct activation *f, double x)
{
    double y;
    if (fixture_is(f->kind, "gelu"))
        oracle_gelu(&x, 1, &y);
    else if (fixture_is(f->kind, "silu"))
        oracle_silu(&x, 1, &y);
    else if (fixture_is(f->kind, "sigmoid"))
        oracle_sigmoid(&x, 1, &y);
    else if (fixture_is(f->kind, "tanh"))
        oracle_tanh(&x, 1, &y);
    else if (isnan(y = oracle_activation(f->kind, x, f->a, f->b)))
        y = oracle_function(f->kind, x, f->a, f->b);
    return y;
}

static void check_units(const struct activation *f, const float *x, const float *y)
{
    for (int i = 0; i < COUNT; i++) {
        const double right = expected(f, (double)x[i]);
        if (fabs(right) > (double)FLT_MAX && !isinf(y[i]))
            fixture_fail("%.9g becomes %.9g, not infinity", (double)x[i], (double)y[i]);
        const double unit = ldexp(1, (int)fmax(ilogb(right), FLT_MIN_EXP - 1) - FLT_MANT_DIG + 1);
        if (fabs(right) >= (double)FLT_MIN && fabs(right) <= (double)FLT_MAX &&
            !(fabs((double)y[i] - right) <= 4 * unit))
            fixture_fail("%.9g becomes %.9g, not %.17g: %.3g units", (double)x[i], (double)y[i], right,
                         fabs((double)y[i] - right) / unit);
    }
}

static void check_order(const float *x, const float *y)
{
    for (int i = 1; i < COUNT; i++)
        if (x[i] > x[i - 1] && y[i] < y[i - 1])
            fixture_fail("%.9g becomes %.9g, and %.9g becomes %.9g", (double)x[i - 1], (double)y[i - 1], (double)x[i],
                         (double)y[i]);
}

/* Runs of neighbors, evenly from low to high; then numbers of all magnitudes. */
static void fill(const struct activation *f, int pass, float *x)
{
    enum { RUN = 16 };
    const double step = (f->high - f->low) / (COUNT / RUN), shift = step * pass / 8;
    for (int i = 0; i < COUNT; i++)
        x[i] = i % RUN == 0 ? (float)(f->low + shift + step * (i / RUN)) : nextafterf(x[i - 1], INFINITY);
    for (int i = 0; pass == 0 && i < COUNT; i++)
        x[i] = (i % 2 ? 1 : -1) * ldexpf(1 + (float)(i * 37 % 64) / 64, i / 2 * 200 / COUNT - 120);
}

static void check_activation(const char *isa, const struct activation *f)
{
    char spec[80], shape[16];
    static float x[COUNT], y[COUNT];
    snprintf(spec, sizeof spec, "%s%s%s", f->kind, *f->attributes ? " " : "", f->attributes);
    snprintf(shape, sizeof shape, "%d", COUNT);
    fixture_title("'%s', %s", spec, isa);
    layer_fixture l = fixture_open(isa, &(fixture_case){spec, shape, 1}, NULL);
    for (int pass = 0; pass < (fixture_quick() ? 3 : 9); pass++) {
        fill(f, pass, x);
        CHECK_SIXNET(sixnet_model_predict(l.net, x, 1, y));
        check_units(f, x, y);
        if (f->never_decreases && pass > 0)
            check_order(x, y);
    }
    fixture_close(&l);
}

static void test_units_and_order(void **state)
{
    (void)state;
    for (const char *const *isa = fixture_isas(); *isa; isa++)
        for (int i = 0; i < ACTIVATIONS; i++)
            check_activation(*isa, &activations[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_and_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
