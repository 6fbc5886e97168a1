/* SPDX-License-Identifier: MIT */
/* Layers in f32 on every instruction set that the processor has; and what must have the same bits. */

#include "layer_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a pass over a layer gives ---- */

typedef struct outcome {
    double *y, *predicted; /* predicted: NULL where it cannot be evaluated */
    fixture_gradients g;
    fixture_tensors before, after;
    fixture_data d;
    int64_t count; /* of y */
} outcome;

/* The same case and seed give the same data and tensors in every context. */
static layer_fixture open_case(const char *options, const fixture_case *c, int n, fixture_filling how, outcome *o)
{
    fixture_random r = {(uint64_t)n};
    fixture_title("'%s' on %s, %d samples, %s", c->spec, c->shapes, n, options);
    layer_fixture l = fixture_open(options, c, NULL);
    fixture_fill_tensors(&l, &r, how);
    *o = (outcome){.before = fixture_take_tensors(&l), .d = fixture_draw(&l, &r, n, how), .count = n * l.out_size};
    return l;
}

static outcome run(const char *options, const fixture_case *c, int n, fixture_filling how)
{
    outcome o;
    layer_fixture l = open_case(options, c, n, how, &o);
    if (!fixture_cannot_evaluate(c->spec)) {
        o.predicted = fixture_room(o.count);
        CHECK_SIXNET(sixnet_model_predict_f64(l.net, o.d.feed, n, o.predicted));
    }
    o.y = fixture_room(o.count);
    fixture_forward(&l, &o.d, o.y);
    o.after = fixture_take_tensors(&l);
    o.g = fixture_backward(&l, &o.d);
    fixture_close(&l);
    return o;
}

static void drop_outcome(const fixture_case *c, outcome *o)
{
    layer_fixture l = {.spec = c->spec, .inputs = FIXTURE_INPUTS};
    free(o->y);
    free(o->predicted);
    fixture_drop_gradients(&o->g);
    fixture_drop_tensors(&o->before);
    fixture_drop_tensors(&o->after);
    fixture_drop(&l, &o->d);
}

/* ---- each case on each instruction set ---- */

typedef void check_fn(const char *isa, const fixture_case *c, int n);

static bool starves(const fixture_case *c, int n)
{
    layer_fixture l = fixture_open(NULL, c, NULL);
    bool none = fixture_starves(&l, n);
    fixture_close(&l);
    return none;
}

static void each_case_on(const char *isa, check_fn *check)
{
    static const int counts[] = {1, 16, 20, 33};
    fixture_spec_room room;
    for (int i = 0; i < fixture_case_count(); i++) {
        fixture_case c = fixture_case_at(i, &room);
        bool skips = fixture_skips(i) || (fixture_quick() && i % 3);
        for (int k = i % 2; k < 4 && !skips; k += 2) {
            int n = c.n ? c.n : counts[k];
            if (!starves(&c, n) && !(fixture_quick() && k > 1))
                check(isa, &c, n);
        }
    }
}

static void each_isa(check_fn *check)
{
    for (const char *const *isa = fixture_isas(); *isa; isa++)
        each_case_on(*isa, check);
}

/* ---- whole numbers are exact; those of convolutions by Winograd's algorithm, which has fractions, are not ---- */

#define DIRECT " convolution=direct"

static void check_equal(const char *what, const double *got, const double *expected, int64_t count)
{
    for (int64_t i = 0; got && i < count; i++)
        if (got[i] != expected[i])
            fixture_fail("%s %lld is %.17g, not %.17g", what, (long long)i, got[i], expected[i]);
}

static void check_equal_gradients(const layer_fixture *l, const outcome *a, const outcome *b)
{
    for (int i = 0; i < l->inputs; i++)
        check_equal("gradient of input", a->g.x[i], b->g.x[i], a->d.n * l->in_size[i]);
    check_equal("gradient of weight", a->g.weight, b->g.weight, a->g.weights);
    check_equal("gradient of bias", a->g.bias, b->g.bias, a->g.biases);
}

static void check_whole_numbers(const char *isa, const fixture_case *c, int n)
{
    char options[64];
    if (!fixture_exact(c->spec))
        return;
    snprintf(options, sizeof options, "%s" DIRECT, isa);
    outcome o = run(options, c, n, FIXTURE_WHOLE), exact = run("dtype=f64" DIRECT, c, n, FIXTURE_WHOLE), asked;
    layer_fixture l = open_case(options, c, n, FIXTURE_WHOLE, &asked);
    double *expected = fixture_room(o.count);
    assert_true(fixture_expect(&l, &o.d, &o.before, true, expected));
    check_equal("output", o.y, expected, o.count);
    check_equal("prediction", o.predicted, expected, o.count);
    check_equal_gradients(&l, &o, &exact);
    free(expected);
    fixture_close(&l);
    drop_outcome(c, &o);
    drop_outcome(c, &exact);
    drop_outcome(c, &asked);
}

static void test_whole_numbers_are_exact(void **state)
{
    (void)state;
    each_isa(check_whole_numbers);
}

/* ---- other numbers: within bounds ---- */

static void check_within(const char *what, const double *got, const double *expected, const double *bound,
                         int64_t count)
{
    for (int64_t i = 0; got && i < count; i++)
        if (!(fabs(got[i] - expected[i]) <= bound[i]))
            fixture_fail("%s %lld is %.9g, not %.9g; the bound is %g", what, (long long)i, got[i], expected[i],
                         bound[i]);
}

/* Gradients are sums of many terms, whose largest the largest of the results stands for. */
static void check_near(const char *what, const double *got, const double *expected, int64_t count)
{
    double largest = 1;
    for (int64_t i = 0; got && i < count; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (int64_t i = 0; got && i < count; i++)
        if (!(fabs(got[i] - expected[i]) <= 1e-5 * largest))
            fixture_fail("%s %lld is %.9g, not %.9g", what, (long long)i, got[i], expected[i]);
}

static void check_near_gradients(const layer_fixture *l, const outcome *a, const outcome *b)
{
    int64_t channels = l->in[0].dim[0];
    for (int i = 0; i < l->inputs; i++)
        check_near("gradient of input", a->g.x[i], b->g.x[i], a->d.n * l->in_size[i]);
    check_near("gradient of weight", a->g.weight, b->g.weight, a->g.weights);
    check_near("gradient of bias", a->g.bias, b->g.bias, a->g.biases);
    check_near("running_mean", a->after.mean, b->after.mean, channels);
    check_near("running_var", a->after.variance, b->after.variance, channels);
}

static void check_bounds(const char *isa, const fixture_case *c, int n)
{
    outcome o = run(isa, c, n, FIXTURE_ANY), exact = run("dtype=f64", c, n, FIXTURE_ANY), asked;
    layer_fixture l = open_case(isa, c, n, FIXTURE_ANY, &asked);
    double *expected = fixture_room(o.count), *bound = fixture_room(o.count);
    for (int training = 0; training < 2; training++)
        if ((training || o.predicted) && fixture_expect(&l, &o.d, &asked.before, training, expected)) {
            fixture_bounds(&l, &o.d, &o.before, training, expected, 0x1p-24, bound);
            check_within(training ? "output" : "prediction", training ? o.y : o.predicted, expected, bound, o.count);
        }
    check_near_gradients(&l, &o, &exact);
    free(expected);
    free(bound);
    fixture_close(&l);
    drop_outcome(c, &o);
    drop_outcome(c, &exact);
    drop_outcome(c, &asked);
}

static void test_results_are_within_bounds(void **state)
{
    (void)state;
    each_isa(check_bounds);
}

/* ---- which convolutions are by Winograd's algorithm, and how far they are from the direct ones ---- */

static const struct {
    fixture_case c;
    bool winograd;
} convolutions[] = {
    {{"conv2d out_channels=8 kernel_size=3 padding=1", "8x28x28", 0}, true},
    {{"conv2d out_channels=24 kernel_size=3 padding=1 bias=false", "24x7x7", 0}, true},
    {{"conv2d out_channels=64 kernel_size=3 padding=1", "64x5x5", 0}, true},
    {{"conv2d out_channels=30 kernel_size=3", "13x9x33", 0}, true},
    {{"conv2d out_channels=32 kernel_size=3 padding=2 groups=2", "32x6x11", 0}, true},
    {{"conv2d out_channels=8 kernel_size=3 padding=1", "1x28x28", 0}, false},
    {{"conv2d out_channels=32 kernel_size=3 padding=1", "32x4x9", 0}, false},
    {{"conv2d out_channels=16 kernel_size=3 stride=2x1", "16x12x12", 0}, false},
    {{"conv2d out_channels=16 kernel_size=3 dilation=2x1", "16x12x12", 0}, false},
    {{"conv2d out_channels=16 kernel_size=3x5", "16x12x12", 0}, false},
};

/* The largest difference, as a share of the largest value. */
static double distance(const double *a, const double *b, int64_t count)
{
    double most = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, fabs(a[i] - b[i]));
        largest = fmax(largest, fabs(b[i]));
    }
    return most > 0 ? most / largest : 0;
}

static void check_convolution(const char *options, const fixture_case *c, bool winograd, double bound)
{
    enum { N = 17 };
    char direct[64];
    snprintf(direct, sizeof direct, "%s" DIRECT, options);
    layer_fixture l = fixture_open(NULL, c, NULL);
    outcome a = run(options, c, N, FIXTURE_ANY), b = run(direct, c, N, FIXTURE_ANY);
    const struct {
        const char *what;
        double far;
    } results[] = {{"output", distance(a.y, b.y, a.count)},
                   {"gradient of input", distance(a.g.x[0], b.g.x[0], N * l.in_size[0])},
                   {"gradient of weight", distance(a.g.weight, b.g.weight, a.g.weights)}};
    for (int i = 0; i < 3; i++)
        if (!(results[i].far <= bound) || (results[i].far > 0) != winograd)
            fixture_fail("%s is %g from the direct one", results[i].what, results[i].far);
    fixture_close(&l);
    drop_outcome(c, &a);
    drop_outcome(c, &b);
}

static void test_convolutions_by_winograd(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) {
        for (const char *const *isa = fixture_isas(); *isa; isa++)
            check_convolution(*isa, &convolutions[i].c, convolutions[i].winograd, 5e-6);
        check_convolution("dtype=f64", &convolutions[i].c, convolutions[i].winograd, 2e-14);
    }
}

/* ---- the same bits ---- */

static void check_bits(const char *what, const double *a, const double *b, int64_t count)
{
    if (a && memcmp(a, b, (size_t)count * sizeof *a) != 0)
        for (int64_t i = 0; i < count; i++)
            if (memcmp(&a[i], &b[i], sizeof *a) != 0)
                fixture_fail("%s %lld: %.17g and %.17g have other bits", what, (long long)i, a[i], b[i]);
}

static void check_same_outcome(const fixture_case *c, const outcome *a, const outcome *b, int n)
{
    layer_fixture l = fixture_open(NULL, c, NULL);
    check_bits("output", a->y, b->y, a->count);
    check_bits("prediction", a->predicted, b->predicted, a->count);
    for (int i = 0; i < l.inputs; i++)
        check_bits("gradient of input", a->g.x[i], b->g.x[i], n * l.in_size[i]);
    check_bits("gradient of weight", a->g.weight, b->g.weight, a->g.weights);
    check_bits("gradient of bias", a->g.bias, b->g.bias, a->g.biases);
    check_bits("running_mean", a->after.mean, b->after.mean, l.in[0].dim[0]);
    check_bits("running_var", a->after.variance, b->after.variance, l.in[0].dim[0]);
    fixture_close(&l);
}

static void check_as_avx2(const char *isa, const fixture_case *c, int n)
{
    outcome a = run("isa=avx2", c, n, FIXTURE_ANY), b = run(isa, c, n, FIXTURE_ANY);
    check_same_outcome(c, &a, &b, n);
    drop_outcome(c, &a);
    drop_outcome(c, &b);
}

static bool is_there(const char *isa)
{
    for (const char *const *i = fixture_isas(); *i; i++)
        if (strcmp(*i, isa) == 0)
            return true;
    return false;
}

static void test_avx2_and_avx512_agree(void **state)
{
    (void)state;
    if (!is_there("isa=avx512"))
        skip();
    each_case_on("isa=avx512", check_as_avx2);
}

/* Layers that do the same in training and evaluation have the same bits in both. */
static void check_predict(const char *options, const fixture_case *c, int n)
{
    outcome o = run(options, c, n, FIXTURE_ANY);
    bool differs = fixture_is(c->spec, "batchnorm1d") || fixture_is(c->spec, "batchnorm2d") ||
                   fixture_has(c->spec, "dropout") || fixture_is(c->spec, "gaussian_noise");
    if (!differs)
        check_bits("output", o.y, o.predicted, o.count);
    drop_outcome(c, &o);
}

static void test_predict_as_forward(void **state)
{
    (void)state;
    each_isa(check_predict);
    each_case_on("dtype=f64", check_predict);
}

/* ---- batch statistics keep their digits where values are large and close to each other ---- */

static void check_far(const char *isa)
{
    fixture_case c = {"batchnorm1d momentum=1", "3x7", 33};
    outcome o;
    layer_fixture l = open_case(isa, &c, 33, FIXTURE_WHOLE, &o);
    double *y = fixture_room(o.count);
    for (int64_t i = 0; i < 33 * l.in_size[0]; i++)
        o.d.x[0][i] += 100003;
    fixture_feed(&l, &o.d);
    fixture_forward(&l, &o.d, y);
    o.after = fixture_take_tensors(&l);
    fixture_expect(&l, &o.d, &o.before, true, y);
    for (int k = 0; k < 3; k++) {
        double mean = o.before.mean[k], variance = o.before.variance[k];
        if (!(fabs(o.after.mean[k] - mean) <= 1e-7 * mean) ||
            !(fabs(o.after.variance[k] - variance) <= 1e-6 * variance))
            fixture_fail("mean %.9g, variance %.9g instead of %.9g, %.9g", o.after.mean[k], o.after.variance[k], mean,
                         variance);
    }
    free(y);
    fixture_close(&l);
    drop_outcome(&c, &o);
}

static void test_statistics_far_from_zero(void **state)
{
    (void)state;
    for (const char *const *isa = fixture_isas(); *isa; isa++)
        check_far(*isa);
}

/* ---- activations over all of f32 ---- */

static double logistic(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double gauss(double x) { return erfc(-x * sqrt(0.5)) / 2; }
static double gelu(double x) { return x * gauss(x); }
static double silu(double x) { return x * logistic(x); }
static double gelu_slope(double x) { return gauss(x) + x * exp(-x * x / 2) / sqrt(8 * atan(1)); }
static double silu_slope(double x) { return logistic(x) * (1 + x * logistic(-x)); }
static double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }
static double logistic_slope(double x) { return logistic(x) * logistic(-x); }
/* 2 u of gelu's approximate=tanh, and its derivative. */
static double twice_u(double x) { return 1.5957691216057308 * (x + 0.044715 * x * x * x); }
static double by_tanh(double x) { return x * logistic(twice_u(x)); }
static double by_tanh_slope(double x)
{
    const double s = logistic(twice_u(x)), slope = 1.5957691216057308 * (1 + 0.134145 * x * x);
    return s + (fabs(x) < 100 ? x * s * logistic(-twice_u(x)) * slope : 0);
}

/* limit: of the result, in units in the last place; the gradient, which has zeros, is compared with the largest, about 1. */
static const struct {
    const char *spec;
    double (*value)(double x), (*slope)(double x), limit;
} activations[] = {
    {"tanh", tanh, tanh_slope, 4},
    {"sigmoid", logistic, logistic_slope, 4},
    {"silu", silu, silu_slope, 4},
    {"gelu", gelu, gelu_slope, 4},
    {"gelu approximate=tanh", by_tanh, by_tanh_slope, 4},
};

enum { SWEEP = 1 << 16 };

/* Finite numbers evenly over the bits of f32, of each sign, then those about 0 at which the functions bend. */
static void fill_sweep(float x[SWEEP])
{
    for (uint32_t i = 0; i < SWEEP / 2; i++) {
        uint32_t bits = i / 2 * (UINT32_C(0x7F800000) / (SWEEP / 4)) | (i & 1) << 31;
        memcpy(x + i, &bits, sizeof bits);
        x[SWEEP / 2 + i] = ((float)i - SWEEP / 4) * (110.0f / (SWEEP / 4));
    }
}

static void check_activation(const char *isa, size_t k, const float *x, float *y, float *dx)
{
    char shape[16];
    snprintf(shape, sizeof shape, "%d", SWEEP);
    fixture_title("'%s', %s", activations[k].spec, isa);
    layer_fixture l = fixture_open(isa, &(fixture_case){activations[k].spec, shape, 0}, NULL);
    float *ones = malloc(SWEEP * sizeof *ones);
    for (int i = 0; i < SWEEP; i++)
        ones[i] = 1;
    CHECK_SIXNET(sixnet_model_forward(l.net, x, 1));
    CHECK_SIXNET(sixnet_node_values(l.net, l.layer, y, SWEEP));
    CHECK_SIXNET(sixnet_model_backward_from(l.net, ones));
    CHECK_SIXNET(sixnet_node_gradient(l.net, l.input[0], dx, SWEEP));
    for (int i = 0; i < SWEEP; i++) {
        const double want = activations[k].value(x[i]), slope = activations[k].slope(x[i]);
        const double unit = ldexp(1, ilogb(fmax(fabs(want), 0x1p-126)) - 23);
        if (!(fabs(y[i] - want) <= activations[k].limit * unit))
            fixture_fail("of %.9g it is %.9g, not %.9g: off by %g units", x[i], y[i], want, fabs(y[i] - want) / unit);
        if (!(fabs(dx[i] - slope) <= 0x1p-21))
            fixture_fail("the gradient at %.9g is %.9g, not %.9g", x[i], dx[i], slope);
    }
    free(ones);
    fixture_close(&l);
}

static void test_activations_are_accurate(void **state)
{
    (void)state;
    float *x = malloc(3 * SWEEP * sizeof *x);
    fill_sweep(x);
    for (const char *const *isa = fixture_isas(); *isa; isa++)
        for (size_t k = 0; k < sizeof activations / sizeof *activations; k++)
            check_activation(*isa, k, x, x + SWEEP, x + 2 * SWEEP);
    free(x);
}

/* What is done to all gradients and tensors at once: their norm, whether they are finite. */
static void run_clipped(const char *isa, char digest[static 65])
{
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    float inputs[40 * 3], targets[40];
    for (int i = 0; i < 120; i++)
        inputs[i] = (float)(i * 37 % 101) / 50 - 1;
    for (int i = 0; i < 40; i++)
        targets[i] = (float)(i % 4);
    CHECK_SIXNET(sixnet_context_new(&ctx, isa));
    CHECK_SIXNET(sixnet_model_parse(
        &net, ctx, "input shape=3\nlinear out_features=37\ntanh\nlinear out_features=4\ncross_entropy\n"));
    CHECK_SIXNET(sixnet_optimizer_new(&opt, net, "sgd lr=0.5 clip_norm=0.1", NULL));
    CHECK_SIXNET(sixnet_dataset_from_arrays(&ds, ctx, "shape=3", inputs, targets, 40));
    CHECK_SIXNET(sixnet_model_fit(net, opt, ds, NULL, "epochs=3 batch_size=8", NULL, NULL));
    CHECK_SIXNET(sixnet_model_digest(net, digest));
    sixnet_dataset_free(ds);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
}

static void test_clipped_runs_agree(void **state)
{
    (void)state;
    char first[65] = "", digest[65], baseline[65];
    for (const char *const *isa = fixture_isas(); *isa; isa++) {
        bool fused = strcmp(*isa, "isa=baseline") != 0;
        run_clipped(*isa, fused ? digest : baseline);
        if (fused && first[0])
            assert_string_equal(first, digest);
        else if (fused)
            memcpy(first, digest, sizeof first);
    }
    assert_int_equal(strlen(baseline), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_numbers_are_exact),  cmocka_unit_test(test_results_are_within_bounds),
        cmocka_unit_test(test_convolutions_by_winograd), cmocka_unit_test(test_avx2_and_avx512_agree),
        cmocka_unit_test(test_predict_as_forward),       cmocka_unit_test(test_statistics_far_from_zero),
        cmocka_unit_test(test_activations_are_accurate), cmocka_unit_test(test_clipped_runs_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
