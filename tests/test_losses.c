/* SPDX-License-Identifier: MIT */
/* Every loss: in f64 against the oracles, and its gradient against their four-point stencil; in f32 on every instruction set. */

#include "layer_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracles.h"

/* A loss and the shape of its input. */
static const struct {
    const char *spec, *shape;
} cases[] = {
    {"cross_entropy", "5"},
    {"cross_entropy", "1"},
    {"cross_entropy reduction=sum", "10"},
    {"cross_entropy label_smoothing=0.1", "7"},
    {"cross_entropy label_smoothing=1", "4"},
    {"cross_entropy weight=0.5,2,1,0.25", "4"},
    {"cross_entropy weight=0.5,2,1,0.25 reduction=sum", "4"},
    {"cross_entropy weight=0,2,1", "3"},
    {"cross_entropy weight=0.5,2,1,0.25 label_smoothing=0.2", "4"},
    {"cross_entropy label_smoothing=0.3 reduction=sum weight=1,3,2", "3"},
    {"cross_entropy", "3x4"},
    {"cross_entropy weight=0.5,2,1 label_smoothing=0.1", "3x2x3"},
    {"cross_entropy", "35"},
    {"cross_entropy targets=probabilities", "5"},
    {"cross_entropy targets=probabilities", "1"},
    {"cross_entropy targets=probabilities reduction=sum", "10"},
    {"cross_entropy targets=probabilities label_smoothing=0.1", "7"},
    {"cross_entropy targets=probabilities label_smoothing=1", "4"},
    {"cross_entropy targets=probabilities weight=0.5,2,1,0.25", "4"},
    {"cross_entropy targets=probabilities weight=0,2,1 label_smoothing=0.2", "3"},
    {"cross_entropy targets=probabilities weight=0.5,2,1,0.25 reduction=sum label_smoothing=0.3", "4"},
    {"cross_entropy targets=probabilities", "3x4"},
    {"cross_entropy targets=probabilities weight=0.5,2,1 label_smoothing=0.1", "3x2x3"},
    {"nll", "5"},
    {"nll", "1"},
    {"nll reduction=sum", "6"},
    {"nll weight=0.5,2,1", "3"},
    {"nll weight=0.5,2,1 reduction=sum", "3"},
    {"nll weight=0.5,2,1", "3x4"},
    {"nll", "2x3x3"},
    {"mse", "7"},
    {"mse", "2x3x4"},
    {"mse reduction=sum", "5"},
    {"mse reduction=half_sum", "2"},
    {"mse reduction=half_sum", "3x5"},
    {"bce_with_logits", "1"},
    {"bce_with_logits", "3x4"},
    {"bce_with_logits reduction=sum", "6"},
    {"bce_with_logits pos_weight=3", "2x3"},
    {"bce_with_logits pos_weight=0.5,2,4", "3"},
    {"bce_with_logits pos_weight=0.5,2,4 reduction=sum", "2x3"},
    {"l1", "7"},
    {"l1 reduction=sum", "2x3x2"},
    {"smooth_l1", "7"},
    {"smooth_l1 beta=0.5", "2x5"},
    {"smooth_l1 beta=2 reduction=sum", "5"},
    {"smooth_l1 beta=0", "5"},
    {"huber", "7"},
    {"huber delta=4 reduction=sum", "2x3"},
    {"huber delta=0.5", "2x5"},
    {"bce", "1"},
    {"bce", "3x4"},
    {"bce reduction=sum", "6"},
    {"kl_div", "7"},
    {"kl_div reduction=sum", "2x3"},
    {"kl_div reduction=batchmean", "5"},
    {"kl_div reduction=batchmean log_target=true", "2x3"},
    {"kl_div log_target=true", "5"},
    {"poisson_nll", "7"},
    {"poisson_nll full=true reduction=sum", "2x3"},
    {"poisson_nll log_input=false", "5"},
    {"poisson_nll log_input=false full=true eps=0.5", "2x3"},
};

enum { CASES = sizeof cases / sizeof *cases };

static void test_every_loss_has_a_case(void **state)
{
    (void)state;
    const char *kind;
    int32_t kinds = 0;
    for (; (kind = sixnet_kind_field("loss", kinds, "name")); kinds++) {
        bool has = false;
        for (int i = 0; i < CASES; i++)
            has |= fixture_is(cases[i].spec, kind);
        if (!has)
            fail_msg("%s: no case", kind);
    }
    assert_true(kinds >= 6);
}

/* ---- a net of an input and a loss ---- */

typedef struct bench {
    const char *spec;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_node input;
    fixture_shape shape;
    int64_t size, targets; /* of one sample */
    int n;
    double *x, *target, *room;
} bench;

static bool is_of_shares(const char *spec) { return fixture_has(spec, "probabilities"); }
static bool is_of_classes(const char *spec)
{
    return (fixture_is(spec, "cross_entropy") && !is_of_shares(spec)) || fixture_is(spec, "nll");
}
static const char *weights_of(const char *spec)
{
    return fixture_is(spec, "bce_with_logits") ? "pos_weight" : "weight";
}

/* Each target is from 0 to 1. */
static bool takes_shares(const char *spec)
{
    return fixture_is(spec, "bce") || fixture_is(spec, "bce_with_logits") || is_of_shares(spec) ||
           (fixture_is(spec, "kl_div") && !fixture_has(spec, "log_target"));
}

/* An input that the loss allows: a probability, or an expected value. */
static double allowed_input(const char *spec, double x)
{
    if (fixture_is(spec, "bce"))
        return (double)(float)(0.5 + 0.45 * x / (1 + fabs(x)));
    return fixture_is(spec, "poisson_nll") && fixture_has(spec, "log_input=false") ? 0.5 + fabs(x) : x;
}

static double random_target(const bench *b, fixture_random *r, int64_t i, fixture_filling how)
{
    double beta = fixture_real(b->spec, fixture_is(b->spec, "huber") ? "delta" : "beta", 1);
    if (fixture_is(b->spec, "poisson_nll"))
        return fixture_below(r, 7);
    if (is_of_classes(b->spec))
        return fixture_below(r, (int)b->shape.dim[0]);
    if (takes_shares(b->spec))
        return how != FIXTURE_WHOLE && fixture_below(r, 3) ? fixture_uniform(r, 0, 1) : fixture_below(r, 2);
    if (how == FIXTURE_WHOLE)
        return fixture_below(r, 7) - 3;
    /* not where the derivative jumps */
    double distance = fixture_below(r, 2) ? fixture_uniform(r, 0.02, fmax(beta - 0.02, 0.02))
                                          : fixture_uniform(r, beta + 0.02, beta + 2);
    return b->x[i] + (fixture_below(r, 2) ? distance : -distance);
}

/* Makes probabilities of the shares that the classes of each position have. */
static void add_up_to_one(bench *b)
{
    const int64_t classes = b->shape.dim[0], positions = b->size / classes;
    for (int64_t k = 0; k < b->n * positions; k++) {
        double *first = b->target + k / positions * b->size + k % positions, sum = 0;
        for (int64_t c = 0; c < classes; c++)
            sum += first[c * positions];
        for (int64_t c = 0; c < classes; c++)
            first[c * positions] = sum > 0 ? first[c * positions] / sum : c == 0;
    }
}

static bench bench_open(const char *options, int i, int n, fixture_filling how)
{
    bench b = {.spec = cases[i].spec, .n = n};
    fixture_random r = {(uint64_t)(i * 100 + n)};
    char input[80];
    fixture_title("'%s' of %s, %d samples, %s", b.spec, cases[i].shape, n, options);
    CHECK_SIXNET(sixnet_context_new(&b.ctx, options));
    CHECK_SIXNET(sixnet_model_new(&b.net, b.ctx));
    snprintf(input, sizeof input, "input shape=%s", cases[i].shape);
    b.input = sixnet_model_add(b.net, input, SIXNET_NO_NODE);
    CHECK_SIXNET(sixnet_node_retain(b.net, b.input));
    sixnet_model_add(b.net, b.spec, b.input);
    CHECK_SIXNET(sixnet_model_compile(b.net));
    CHECK_SIXNET(sixnet_node_shape(b.net, b.input, b.shape.dim, &b.shape.rank));
    b.size = fixture_size(&b.shape);
    b.targets = is_of_classes(b.spec) ? b.size / b.shape.dim[0] : b.size;
    b.x = fixture_room(n * b.size);
    b.room = fixture_room(n * b.size);
    b.target = fixture_room(n * b.targets);
    fixture_fill(&r, how, b.x, n * b.size);
    for (int64_t k = 0; k < n * b.size; k++)
        b.x[k] = allowed_input(b.spec, b.x[k]);
    for (int64_t k = 0; k < n * b.targets; k++)
        b.target[k] = random_target(&b, &r, k, how);
    if (is_of_shares(b.spec))
        add_up_to_one(&b);
    return b;
}

static void bench_close(bench *b)
{
    free(b->x);
    free(b->target);
    free(b->room);
    sixnet_model_free(b->net);
    sixnet_context_free(b->ctx);
}

static double expected_loss(const bench *b)
{
    double weights[64];
    const char *s = b->spec;
    int count = fixture_list(s, weights_of(s), weights);
    int64_t all = b->n * b->size;
    oracle_reduction reduction = fixture_has(s, "reduction=sum") ? ORACLE_SUM
                                 : fixture_has(s, "half_sum")    ? ORACLE_HALF_SUM
                                                                 : ORACLE_MEAN;
    if (is_of_shares(s))
        return oracle_cross_entropy_of_shares(b->x, b->target, b->n, b->shape.dim[0], b->size / b->shape.dim[0],
                                              count ? weights : NULL, fixture_real(s, "label_smoothing", 0), reduction,
                                              b->room);
    if (fixture_is(s, "cross_entropy"))
        return oracle_cross_entropy(b->x, b->target, b->n, b->shape.dim[0], b->targets, count ? weights : NULL,
                                    fixture_real(s, "label_smoothing", 0), reduction, b->room);
    if (fixture_is(s, "nll"))
        return oracle_nll(b->x, b->target, b->n, b->shape.dim[0], b->targets, count ? weights : NULL, 0, reduction);
    if (fixture_is(s, "bce_with_logits"))
        return oracle_bce_with_logits(b->x, b->target, all, weights, count, reduction);
    if (fixture_is(s, "mse"))
        return oracle_mse(b->x, b->target, all, reduction);
    if (fixture_is(s, "l1"))
        return oracle_l1(b->x, b->target, all, reduction);
    if (fixture_is(s, "smooth_l1"))
        return oracle_smooth_l1(b->x, b->target, all, fixture_real(s, "beta", 1), reduction);
    if (fixture_is(s, "huber"))
        return oracle_huber(b->x, b->target, all, fixture_real(s, "delta", 1), reduction);
    if (fixture_is(s, "bce"))
        return oracle_bce(b->x, b->target, all, reduction);
    if (fixture_is(s, "kl_div"))
        return oracle_kl_div(b->x, b->target, all, fixture_has(s, "log_target"), reduction) *
               (fixture_has(s, "batchmean") ? (double)b->size : 1);
    if (fixture_is(s, "poisson_nll"))
        return oracle_poisson_nll(b->x, b->target, all, !fixture_has(s, "log_input=false"), fixture_has(s, "full"),
                                  fixture_real(s, "eps", 1e-8), reduction);
    fixture_fail("no oracle");
}

static double loss_and_gradient(const bench *b, double *dx)
{
    double loss;
    CHECK_SIXNET(sixnet_model_forward_f64(b->net, b->x, b->n));
    CHECK_SIXNET(sixnet_model_loss_f64(b->net, b->target, &loss));
    CHECK_SIXNET(sixnet_model_backward(b->net));
    CHECK_SIXNET(sixnet_node_gradient_f64(b->net, b->input, dx, b->n * b->size));
    return loss;
}

/* The mean over no weight at all is no number, as in PyTorch. */
static bool has_mean(const bench *b) { return !isnan(expected_loss(b)); }

static const int counts[] = {1, 16, 20, 33};
enum { COUNTS = sizeof counts / sizeof *counts };

/* ---- f64 ---- */

static double stencil(bench *b, int64_t i)
{
    double x = b->x[i], h = 1e-3, loss[4];
    for (int k = 0; k < 4; k++) {
        b->x[i] = x + (k < 2 ? k - 2 : k - 1) * h;
        loss[k] = expected_loss(b);
    }
    b->x[i] = x;
    return (loss[0] - 8 * loss[1] + 8 * loss[2] - loss[3]) / (12 * h);
}

static void check_gradient(bench *b, const double *dx)
{
    double largest = 0;
    for (int64_t i = 0; i < b->n * b->size; i++)
        largest = fmax(largest, fabs(dx[i]));
    for (int64_t i = 0; i < b->n * b->size; i++) {
        double numeric = stencil(b, i);
        if (!(fabs(numeric - dx[i]) <= 1e-8 * fmin(1, largest) + 1e-12))
            fixture_fail("gradient %lld is %.17g, by the stencil %.17g", (long long)i, dx[i], numeric);
    }
}

static void check_gradient_check(const bench *b)
{
    double worst;
    const char *where;
    CHECK_SIXNET(sixnet_model_gradient_check(b->net, b->x, b->target, b->n, &worst, &where));
    if (!(worst <= 1e-8))
        fixture_fail("%s: the gradient is off by %g", where, worst);
}

static void test_losses(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++)
        for (int k = 0; k < COUNTS; k++) {
            bench b = bench_open("dtype=f64", i, counts[k], FIXTURE_ANY);
            double *dx = fixture_room(b.n * b.size), expected = expected_loss(&b), loss = loss_and_gradient(&b, dx);
            if (!(fabs(loss - expected) <= 1e-12 * fmax(1, fabs(expected))) && !(isnan(loss) && isnan(expected)))
                fixture_fail("the loss is %.17g, not %.17g", loss, expected);
            if (has_mean(&b))
                check_gradient(&b, dx);
            if (has_mean(&b) && b.n == 20)
                check_gradient_check(&b);
            free(dx);
            bench_close(&b);
        }
}

/* ---- f32 ---- */

/* The sum of what is added, each without its sign: for a loss of whole numbers only what is added counts. */
static double magnitude(const bench *b, double loss)
{
    double weights[64] = {1}, low = INFINITY, high = 0, most = 0;
    int count = fixture_list(b->spec, weights_of(b->spec), weights);
    for (int c = 0; c < (count ? count : 1); c++) {
        low = fmin(low, weights[c]);
        high = fmax(high, weights[c]);
    }
    for (int64_t i = 0; i < b->n * b->size; i++)
        most = fmax(most, fabs(b->x[i]));
    double share = fixture_has(b->spec, "sum") ? (double)(b->n * b->targets) * high : high / fmax(low, 0.01);
    return fabs(loss) + 4 * most * share;
}

static void check_f32(const char *isa, int i, int n)
{
    bench b = bench_open(isa, i, n, FIXTURE_ANY), exact = bench_open("dtype=f64", i, n, FIXTURE_ANY);
    double *dx = fixture_room(n * b.size), *expected_dx = fixture_room(n * b.size), largest = 0;
    double loss = loss_and_gradient(&b, dx), expected = loss_and_gradient(&exact, expected_dx);
    if (has_mean(&exact)) {
        double bound = ((double)b.size + 30) * 0x1p-24 * magnitude(&b, expected);
        if (!(fabs(loss - expected) <= bound))
            fixture_fail("the loss is %.9g, not %.9g; the bound is %g", loss, expected, bound);
        for (int64_t k = 0; k < n * b.size; k++)
            largest = fmax(largest, fabs(expected_dx[k]));
        for (int64_t k = 0; k < n * b.size; k++)
            if (!(fabs(dx[k] - expected_dx[k]) <= ((double)b.size + 30) * 0x1p-24 * largest))
                fixture_fail("gradient %lld is %.9g, not %.9g", (long long)k, dx[k], expected_dx[k]);
    }
    free(dx);
    free(expected_dx);
    bench_close(&b);
    bench_close(&exact);
}

static void test_losses_in_f32(void **state)
{
    (void)state;
    for (const char *const *isa = fixture_isas(); *isa; isa++)
        for (int i = 0; i < CASES; i++)
            for (int k = 0; k < COUNTS; k++)
                check_f32(*isa, i, counts[k]);
}

/* Whole numbers leave nothing to round, but where a class or a sign is not all. */
static void test_losses_of_whole_numbers(void **state)
{
    (void)state;
    for (const char *const *isa = fixture_isas(); *isa; isa++)
        for (int i = 0; i < CASES; i++)
            for (int k = 0; k < COUNTS; k++) {
                bench b = bench_open(*isa, i, counts[k], FIXTURE_WHOLE);
                const bool exact = fixture_is(b.spec, "mse") || fixture_is(b.spec, "l1") ||
                                   fixture_is(b.spec, "smooth_l1") || fixture_is(b.spec, "huber") ||
                                   fixture_is(b.spec, "nll");
                double *dx = fixture_room(b.n * b.size), expected = expected_loss(&b), loss = loss_and_gradient(&b, dx);
                if (exact && loss != expected && !isnan(expected))
                    fixture_fail("the loss is %.17g, not %.17g", loss, expected);
                free(dx);
                bench_close(&b);
            }
}

static bool is_there(const char *isa)
{
    for (const char *const *i = fixture_isas(); *i; i++)
        if (strcmp(*i, isa) == 0)
            return true;
    return false;
}

static void test_losses_have_the_same_bits(void **state)
{
    (void)state;
    if (!is_there("isa=avx512"))
        skip();
    for (int i = 0; i < CASES; i++)
        for (int k = 0; k < COUNTS; k++) {
            bench a = bench_open("isa=avx2", i, counts[k], FIXTURE_ANY),
                  b = bench_open("isa=avx512", i, counts[k], FIXTURE_ANY);
            size_t size = (size_t)(a.n * a.size);
            double *dx = fixture_room((int64_t)size), *other = fixture_room((int64_t)size);
            double loss = loss_and_gradient(&a, dx), other_loss = loss_and_gradient(&b, other);
            if (memcmp(&loss, &other_loss, sizeof loss) != 0 || memcmp(dx, other, size * sizeof *dx) != 0)
                fixture_fail("avx2 and avx512 have other bits: losses %.9g, %.9g", loss, other_loss);
            free(dx);
            free(other);
            bench_close(&a);
            bench_close(&b);
        }
}

/* ---- classes that are none ---- */

static void test_targets_out_of_range(void **state)
{
    (void)state;
    static const double bad[] = {-1, 5, 0.5, NAN, INFINITY, 1e300};
    for (int i = 0; i < CASES; i++) {
        if (strcmp(cases[i].shape, "5") != 0 || !is_of_classes(cases[i].spec))
            continue;
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
            bench b = bench_open("dtype=f64", i, 20, FIXTURE_ANY);
            double loss = -1;
            b.target[19] = bad[k];
            CHECK_SIXNET(sixnet_model_forward_f64(b.net, b.x, b.n));
            assert_int_equal(sixnet_model_loss_f64(b.net, b.target, &loss), SIXNET_BAD_DATA);
            assert_true(loss == -1);
            assert_int_equal(sixnet_model_backward(b.net), SIXNET_BAD_STATE);
            b.target[19] = 4;
            CHECK_SIXNET(sixnet_model_loss_f64(b.net, b.target, &loss));
            CHECK_SIXNET(sixnet_model_backward(b.net));
            bench_close(&b);
        }
    }
}

/* ---- numbers that a loss cannot mean ---- */

static void test_values_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        double x, target;
        int32_t status;
    } ranges[] = {
        {"bce", 0.5, 1.5, SIXNET_BAD_DATA},
        {"bce", 0.5, -0.1, SIXNET_BAD_DATA},
        {"bce", 1.5, 1, SIXNET_BAD_DATA},
        {"bce", -0.5, 1, SIXNET_BAD_DATA},
        {"bce", 0.5, NAN, SIXNET_BAD_DATA},
        {"bce", 0, 1, SIXNET_OK},
        {"bce", 1, 0, SIXNET_OK},
        {"kl_div", -1, 1.5, SIXNET_BAD_DATA},
        {"kl_div", -1, -0.5, SIXNET_BAD_DATA},
        {"kl_div log_target=true", -1, -3, SIXNET_OK},
        {"poisson_nll", 1, -1, SIXNET_BAD_DATA},
        {"poisson_nll", 1, NAN, SIXNET_BAD_DATA},
        {"poisson_nll", 1, 1000, SIXNET_OK},
        {"bce_with_logits", 3, 1.5, SIXNET_BAD_DATA},
    };
    sixnet_context *ctx;
    CHECK_SIXNET(sixnet_context_new(&ctx, "dtype=f64"));
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const double x[3] = {0.5, 0.25, ranges[i].x}, target[3] = {1, 0, ranges[i].target};
        double loss = -1;
        sixnet_model *net;
        fixture_title("%s of %g and %g", ranges[i].spec, ranges[i].x, ranges[i].target);
        CHECK_SIXNET(sixnet_model_new(&net, ctx));
        sixnet_model_add(net, ranges[i].spec, sixnet_model_add(net, "input shape=1", SIXNET_NO_NODE));
        CHECK_SIXNET(sixnet_model_compile(net));
        CHECK_SIXNET(sixnet_model_forward_f64(net, x, 3));
        if (sixnet_model_loss_f64(net, target, &loss) != ranges[i].status)
            fixture_fail("%s", sixnet_last_error());
        assert_int_equal(loss == -1, ranges[i].status != SIXNET_OK);
        sixnet_model_free(net);
    }
    sixnet_context_free(ctx);
}

/* ---- evaluate: the same loss, and how many are right ---- */

static sixnet_dataset *dataset_of(const bench *b, int i)
{
    char spec[160];
    sixnet_dataset *ds;
    int64_t targets = b->targets;
    if (is_of_classes(b->spec))
        snprintf(spec, sizeof spec, "input_dtype=f64 shape=%s target_dtype=f64 target_shape=%lld", cases[i].shape,
                 (long long)targets);
    else
        snprintf(spec, sizeof spec, "input_dtype=f64 shape=%s target_dtype=f64 target_shape=%s", cases[i].shape,
                 cases[i].shape);
    CHECK_SIXNET(sixnet_dataset_from_arrays(&ds, b->ctx, spec, b->x, b->target, b->n));
    return ds;
}

static int64_t largest_of(const double *x, int64_t classes, int64_t positions)
{
    int64_t best = 0;
    for (int64_t c = 1; c < classes; c++)
        best = x[c * positions] > x[best * positions] ? c : best;
    return best;
}

static double expected_accuracy(const bench *b)
{
    int64_t classes = b->shape.dim[0], positions = b->size / classes, right = 0;
    if (fixture_is(b->spec, "bce_with_logits") || fixture_is(b->spec, "bce")) {
        for (int64_t k = 0; k < b->n * b->size; k++)
            right += (b->x[k] > (fixture_is(b->spec, "bce") ? 0.5 : 0)) == (b->target[k] >= 0.5);
        return (double)right / (double)(b->n * b->size);
    }
    if (!is_of_classes(b->spec) && !is_of_shares(b->spec))
        return NAN;
    for (int64_t k = 0; k < b->n * positions; k++) {
        int64_t at = k / positions * b->size + k % positions;
        double target = is_of_shares(b->spec) ? (double)largest_of(b->target + at, classes, positions) : b->target[k];
        right += (double)largest_of(b->x + at, classes, positions) == target;
    }
    return (double)right / (double)(b->n * positions);
}

/* ---- losses that are not finite ---- */

static const struct {
    const char *spec, *shape;
    double x[2], target[2], loss;
} extremes[] = {
    {"mse", "2", {INFINITY, 1}, {0, 0}, INFINITY},
    {"mse", "2", {1e200, 1}, {0, 0}, INFINITY}, /* the square is too large, in f32 the value too */
    {"mse", "2", {NAN, 1}, {0, 0}, NAN},
    {"mse reduction=half_sum", "2", {1, -INFINITY}, {0, 0}, INFINITY},
    {"l1", "2", {-INFINITY, 1}, {0, 0}, INFINITY},
    {"l1", "2", {INFINITY, 1}, {INFINITY, 0}, NAN},
    {"smooth_l1", "2", {1, INFINITY}, {0, 0}, INFINITY},
    {"smooth_l1 beta=0", "2", {NAN, 0}, {0, 0}, NAN},
    {"bce_with_logits reduction=sum", "2", {-INFINITY, 1}, {0.5, 0}, NAN}, /* infinity less infinity */
    {"bce_with_logits", "2", {NAN, 1}, {1, 0}, NAN},
    {"nll", "2", {-INFINITY, 0}, {0}, INFINITY},
    {"cross_entropy", "2", {-INFINITY, 0}, {0}, INFINITY},
    {"cross_entropy", "2", {-INFINITY, 0}, {1}, 0},
    {"cross_entropy", "2", {INFINITY, 0}, {1}, NAN},
    {"cross_entropy label_smoothing=0.1", "2", {-INFINITY, 0}, {1}, INFINITY},
};

static void check_extreme(const char *options, size_t k)
{
    sixnet_context *ctx;
    sixnet_model *net;
    char text[160];
    double loss;
    snprintf(text, sizeof text, "input shape=%s\n%s\n", extremes[k].shape, extremes[k].spec);
    fixture_title("%s of %g, %g, %s", extremes[k].spec, extremes[k].x[0], extremes[k].x[1], options);
    CHECK_SIXNET(sixnet_context_new(&ctx, options));
    CHECK_SIXNET(sixnet_model_parse(&net, ctx, text));
    CHECK_SIXNET(sixnet_model_forward_f64(net, extremes[k].x, 1));
    CHECK_SIXNET(sixnet_model_loss_f64(net, extremes[k].target, &loss));
    if (!(loss == extremes[k].loss || (isnan(loss) && isnan(extremes[k].loss))))
        fixture_fail("the loss is %g, not %g", loss, extremes[k].loss);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
}

static void test_losses_that_are_not_finite(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof extremes / sizeof *extremes; k++) {
        check_extreme("dtype=f64", k);
        for (const char *const *isa = fixture_isas(); *isa; isa++)
            check_extreme(*isa, k);
    }
}

static void test_evaluate(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        bench b = bench_open("dtype=f64 threads=2", i, 100, FIXTURE_ANY);
        double *dx = fixture_room(b.n * b.size), loss = loss_and_gradient(&b, dx), evaluated, accuracy,
               share = expected_accuracy(&b);
        sixnet_dataset *ds = dataset_of(&b, i);
        CHECK_SIXNET(sixnet_model_evaluate(b.net, ds, &evaluated, &accuracy));
        if (evaluated != loss)
            fixture_fail("evaluate gives %.17g, a training pass %.17g", evaluated, loss);
        if (!(fabs(accuracy - share) <= 1e-15) && !(isnan(share) && isnan(accuracy)))
            fixture_fail("the accuracy is %g, not %g", accuracy, share);
        sixnet_dataset_free(ds);
        free(dx);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss_has_a_case),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_losses_in_f32),
        cmocka_unit_test(test_losses_of_whole_numbers),
        cmocka_unit_test(test_losses_have_the_same_bits),
        cmocka_unit_test(test_targets_out_of_range),
        cmocka_unit_test(test_values_out_of_range),
        cmocka_unit_test(test_losses_that_are_not_finite),
        cmocka_unit_test(test_evaluate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
