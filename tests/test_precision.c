/* SPDX-License-Identifier: MIT */
/* What is kept of a sample's digits from its source to the net. */

#include "api.h"

enum { N = 8 };

static sixnet_context *context_of(const char *options)
{
    sixnet_context *ctx;
    WORKS(sixnet_context_new(&ctx, options));
    return ctx;
}

/* ---- sources ---- */

static int32_t give_f64(void *user, int64_t index, double *input, double *target)
{
    *input = ((const double *)user)[index];
    *target = 0.1;
    return 0;
}

static int32_t give_f32(void *user, int64_t index, float *input, float *target)
{
    *input = ((const float *)user)[index];
    *target = 0.1f;
    return 0;
}

typedef enum source { F64, I64, I32, FUNCTION, SOURCES } source;

/* A dataset of N values, which a source of whole numbers rounds. */
static sixnet_dataset *values_of(sixnet_context *ctx, source from, const double *values)
{
    static const char *const specs[] = {
        [F64] = "input_dtype=f64 shape=1", [I64] = "input_dtype=i64 shape=1", [I32] = "input_dtype=i32 shape=1"};
    int64_t i64[N];
    int32_t i32[N];
    sixnet_dataset *ds;
    for (int i = 0; i < N; i++) {
        i64[i] = (int64_t)values[i];
        i32[i] = (int32_t)values[i];
    }
    const void *const arrays[] = {[F64] = values, [I64] = i64, [I32] = i32};
    if (from == FUNCTION)
        WORKS(sixnet_dataset_from_callback_f64(&ds, ctx, "shape=1", N, give_f64, (void *)(uintptr_t)values));
    else
        WORKS(sixnet_dataset_from_arrays(&ds, ctx, specs[from], arrays[from], NULL, N));
    return ds;
}

static void test_times_survive_normalize(void **state)
{
    (void)state;
    static const char *const contexts[] = {"", "dtype=f64"};
    double times[N];
    for (int i = 0; i < N; i++)
        times[i] = 1.6e9 + 10 * i;
    for (int c = 0; c < 2; c++)
        for (source from = F64; from < SOURCES; from++) {
            sixnet_context *ctx = context_of(contexts[c]);
            sixnet_dataset *ds = values_of(ctx, from, times);
            WORKS(sixnet_dataset_add_transform(ds, "normalize mean=1600000000 std=20"));
            for (int i = 0; i < N; i++) {
                float narrow;
                double wide;
                WORKS(sixnet_dataset_get_sample(ds, i, &narrow, NULL));
                WORKS(sixnet_dataset_get_sample_f64(ds, i, &wide, NULL));
                assert_true(narrow == 0.5f * (float)i && wide == 0.5 * i);
            }
            sixnet_dataset_free(ds);
            sixnet_context_free(ctx);
        }
}

static void test_near_places_stay_apart(void **state)
{
    (void)state;
    double places[N];
    for (int i = 0; i < N; i++)
        places[i] = 48.85 + 1e-6 * i;
    for (source from = F64; from < SOURCES; from++) {
        if (from == I64 || from == I32)
            continue;
        sixnet_dataset *ds = values_of(NULL, from, places);
        WORKS(sixnet_dataset_add_transform(ds, "normalize mean=48.85 std=1e-6"));
        for (int i = 0; i < N; i++) {
            float place;
            WORKS(sixnet_dataset_get_sample(ds, i, &place, NULL));
            assert_true(place == (float)((places[i] - 48.85) / 1e-6));
            assert_true(fabsf(place - (float)i) < 1e-2f);
        }
        sixnet_dataset_free(ds);
    }
}

/* Scaled in double too: 1.6e9 s / 86400 are days, of which a float has no seconds. */
static void test_scale_is_in_double(void **state)
{
    (void)state;
    const int64_t times[2] = {1600000000, 1600000010};
    float days[2];
    sixnet_dataset *ds;
    WORKS(
        sixnet_dataset_from_arrays(&ds, NULL, "input_dtype=i64 shape=1 scale=1.1574074074074073e-05", times, NULL, 2));
    WORKS(sixnet_dataset_add_transform(ds, "normalize mean=18518.5 std=1"));
    for (int i = 0; i < 2; i++)
        WORKS(sixnet_dataset_get_sample(ds, i, &days[i], NULL));
    assert_true(fabsf((days[1] - days[0]) * 86400 - 10) < 1e-2f);
    sixnet_dataset_free(ds);
}

static void test_floats_are_as_ever(void **state)
{
    (void)state;
    float values[N];
    sixnet_dataset *ds;
    for (int i = 0; i < N; i++)
        values[i] = 0.1f * (float)i;
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=1", values, NULL, N));
    WORKS(sixnet_dataset_add_transform(ds, "normalize mean=0.1307 std=0.3081"));
    for (int i = 0; i < N; i++) {
        float got;
        const float difference = values[i] - 0.1307f, expected = difference * (1.0f / 0.3081f);
        WORKS(sixnet_dataset_get_sample(ds, i, &got, NULL));
        assert_true(got == expected);
    }
    sixnet_dataset_free(ds);
}

/* Whole numbers beyond 2^53 become the nearest double. */
static void test_whole_numbers(void **state)
{
    (void)state;
    static const struct {
        int64_t given;
        double expected;
    } cases[] = {
        {INT64_C(9007199254740991), 9007199254740991.0},
        {INT64_C(9007199254740993), 9007199254740992.0},
        {INT64_C(9007199254740995), 9007199254740996.0},
        {INT64_C(-9007199254740993), -9007199254740992.0},
        {INT64_MAX, 9223372036854775808.0},
    };
    sixnet_context *ctx = context_of("dtype=f64");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double input, target;
        sixnet_dataset *ds;
        WORKS(sixnet_dataset_from_arrays(&ds, ctx, "input_dtype=i64 shape=1 target_dtype=i64", &cases[i].given,
                                         &cases[i].given, 1));
        WORKS(sixnet_dataset_get_sample_f64(ds, 0, &input, &target));
        assert_true(input == cases[i].expected && target == cases[i].expected);
        sixnet_dataset_free(ds);
    }
    sixnet_context_free(ctx);
}

/* A label that a float would make a class of is none. */
static void test_labels_are_not_rounded(void **state)
{
    (void)state;
    const float input = 1;
    const double label = 1 + 1e-9;
    sixnet_dataset *ds;
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=1 target_dtype=f64", &input, &label, 1));
    assert_int_equal(sixnet_dataset_add_transform(ds, "one_hot num_classes=3"), SIXNET_BAD_DATA);
    sixnet_dataset_free(ds);
}

/* ---- transforms in double ---- */

/* What each makes of an image is, in double, what it makes of floats, but with more digits. */
static void test_transforms_in_double(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        bool moves; /* only moves values: none is rounded */
    } cases[] = {
        {"random_horizontal_flip p=1", true},
        {"random_vertical_flip p=1", true},
        {"random_crop size=3x4 padding=1 fill=0.1", true},
        {"random_erasing p=1 value=0.1", true},
        {"cutmix", true},
        {"random_affine degrees=0 translate=0.3 interpolation=nearest fill=0.1", true},
        {"random_affine degrees=30 fill=0.1", false},
        {"elastic alpha=4 sigma=1", false},
        {"color_jitter brightness=0.3 contrast=0.3", false},
        {"mixup", false},
        {"normalize mean=0.1,0.2 std=0.3,0.7", false},
    };
    enum { SIZE = 2 * 5 * 6 };
    static double values[N * SIZE];
    static float rounded[N * SIZE], targets[N];
    for (int i = 0; i < N * SIZE; i++) {
        values[i] = fmod(i * 0.61803398874989, 1);
        rounded[i] = (float)values[i];
    }
    sixnet_context *ctx = context_of("dtype=f64 seed=5"), *narrow = context_of("seed=5");
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        sixnet_dataset *wide, *floats;
        WORKS(sixnet_dataset_from_arrays(&wide, ctx, "input_dtype=f64 shape=2x5x6", values, targets, N));
        WORKS(sixnet_dataset_from_arrays(&floats, narrow, "shape=2x5x6", rounded, targets, N));
        WORKS(sixnet_dataset_add_transform(wide, cases[c].spec));
        WORKS(sixnet_dataset_add_transform(floats, cases[c].spec));
        int finer = 0;
        for (int i = 0; i < N; i++) {
            double got[SIZE] = {0}, target;
            float expected[SIZE] = {0};
            WORKS(sixnet_dataset_get_sample_f64(wide, i, got, &target));
            WORKS(sixnet_dataset_get_sample(floats, i, expected, NULL));
            for (int k = 0; k < SIZE; k++) {
                if (fabs(got[k] - (double)expected[k]) > 1e-5)
                    fail_msg("%s: %.17g, but in f32 %.9g", cases[c].spec, got[k], (double)expected[k]);
                finer += got[k] != (double)(float)got[k];
                bool found = !cases[c].moves || got[k] == 0 || got[k] == 0.1;
                for (int v = 0; v < N * SIZE && !found; v++)
                    found = got[k] == values[v];
                assert_true(found);
            }
        }
        assert_true(finer > N * SIZE / 4);
        sixnet_dataset_free(wide);
        sixnet_dataset_free(floats);
    }
    sixnet_context_free(ctx);
    sixnet_context_free(narrow);
}

/* ---- batches ---- */

/* In either context, either type of batches has what single samples have; the two follow each other. */
static void test_batches_of_either_type(void **state)
{
    (void)state;
    static const char *const contexts[] = {"", "dtype=f64", "threads=2"};
    double times[N];
    for (int i = 0; i < N; i++)
        times[i] = 1.6e9 + 0.1 * i;
    for (int c = 0; c < 3; c++)
        for (int bent = 0; bent < 2; bent++) {
            sixnet_context *ctx = context_of(contexts[c]);
            sixnet_dataset *ds = values_of(ctx, F64, times);
            sixnet_batch_iterator *b;
            const float *x, *t;
            const double *wide, *wide_t;
            int64_t n;
            if (bent)
                WORKS(sixnet_dataset_add_transform(ds, "normalize mean=1.6e9 std=3"));
            WORKS(sixnet_batch_iterator_new(&b, ds, "batch_size=3 shuffle=false"));
            WORKS(sixnet_batch_iterator_next(b, &x, &t, &n));
            assert_true(n == 3 && !t && x[1] == (bent ? (float)((times[1] - 1.6e9) / 3) : (float)times[1]));
            WORKS(sixnet_batch_iterator_next_f64(b, &wide, &wide_t, &n));
            assert_true(n == 3 && !wide_t && wide[2] == (bent ? (times[5] - 1.6e9) / 3 : times[5]));
            WORKS(sixnet_batch_iterator_next(b, &x, &t, &n));
            assert_true(n == 2 && x[1] == (bent ? (float)((times[7] - 1.6e9) / 3) : (float)times[7]));
            WORKS(sixnet_batch_iterator_next_f64(b, &wide, &wide_t, &n));
            assert_int_equal(n, 0);
            sixnet_batch_iterator_free(b);
            sixnet_dataset_free(ds);
            sixnet_context_free(ctx);
        }
}

/* A function of floats in a context of doubles, and the other way round. */
static void test_functions_of_the_other_type(void **state)
{
    (void)state;
    float floats[N];
    double doubles[N], x, t;
    float narrow[2];
    sixnet_context *ctx = context_of("dtype=f64");
    sixnet_dataset *ds;
    for (int i = 0; i < N; i++)
        floats[i] = 1 + 0x1p-23f * (float)i, doubles[i] = 1 + 0x1p-52 * i;
    WORKS(sixnet_dataset_from_callback(&ds, ctx, "shape=1", N, give_f32, floats));
    WORKS(sixnet_dataset_get_sample_f64(ds, 3, &x, &t));
    assert_true(x == (double)floats[3] && t == (double)0.1f);
    WORKS(sixnet_dataset_add_transform(ds, "normalize mean=1 std=3"));
    WORKS(sixnet_dataset_get_sample_f64(ds, 3, &x, NULL));
    assert_true(x == 0x3p-23 / 3);
    WORKS(sixnet_dataset_get_sample(ds, 3, &narrow[0], &narrow[1]));
    assert_true(narrow[0] == 0x1p-23f && narrow[1] == 0.1f);
    sixnet_dataset_free(ds);
    WORKS(sixnet_dataset_from_callback_f64(&ds, NULL, "shape=1", N, give_f64, doubles));
    WORKS(sixnet_dataset_get_sample(ds, 3, &narrow[0], &narrow[1]));
    assert_true(narrow[0] == 1 && narrow[1] == 0.1f);
    WORKS(sixnet_dataset_add_transform(ds, "normalize mean=1 std=1"));
    WORKS(sixnet_dataset_get_sample(ds, 3, &narrow[0], NULL));
    assert_true(narrow[0] == 0x3p-52f);
    sixnet_dataset_free(ds);
    sixnet_context_free(ctx);
}

/* Doubles in a context of floats take memory when they are first asked for; if there is none the iterator stays where it is. */
static void test_batches_within_max_memory(void **state)
{
    (void)state;
    enum { SIZE = 20000 };
    static const double zeros[4 * SIZE];
    sixnet_context *ctx = context_of("max_memory=600000");
    sixnet_dataset *ds;
    sixnet_batch_iterator *b;
    const float *x, *t;
    const double *wide, *wide_t;
    int64_t n, position;
    WORKS(sixnet_dataset_from_arrays(&ds, ctx, "input_dtype=f64 shape=20000 copy=false", zeros, NULL, 4));
    WORKS(sixnet_batch_iterator_new(&b, ds, "batch_size=4"));
    assert_int_equal(sixnet_batch_iterator_next_f64(b, &wide, &wide_t, &n), SIXNET_OUT_OF_MEMORY);
    WORKS(sixnet_batch_iterator_position(b, NULL, &position));
    assert_int_equal(position, 0);
    WORKS(sixnet_batch_iterator_next(b, &x, &t, &n));
    assert_int_equal(n, 4);
    sixnet_batch_iterator_free(b);
    sixnet_dataset_free(ds);
    sixnet_context_free(ctx);
}

/* ---- training ---- */

enum { SAMPLES = 50, INPUTS = 3 };

static const char net_text[] = "input shape=3\nlinear out_features=5\ntanh\nlinear out_features=1\nmse";

typedef struct training {
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    double inputs[SAMPLES * INPUTS], targets[SAMPLES];
} training;

static void open_training(training *t, const char *context)
{
    t->ctx = context_of(context);
    t->net = parsed(t->ctx, net_text);
    WORKS(sixnet_optimizer_new(&t->opt, t->net, "sgd lr=0.05 momentum=0.9", NULL));
    for (int i = 0; i < SAMPLES * INPUTS; i++)
        t->inputs[i] = sin(i) / 3;
    for (int i = 0; i < SAMPLES; i++)
        t->targets[i] = cos(i) / 7;
}

static digest close_training(training *t)
{
    const digest d = digest_of(t->net);
    sixnet_optimizer_free(t->opt);
    sixnet_model_free(t->net);
    sixnet_context_free(t->ctx);
    return d;
}

static void take_open_step(training *t, const double *x, const double *y, int64_t n)
{
    double loss;
    WORKS(sixnet_model_forward_f64(t->net, x, n));
    WORKS(sixnet_model_loss_f64(t->net, y, &loss));
    WORKS(sixnet_model_zero_grad(t->net));
    WORKS(sixnet_model_backward(t->net));
    WORKS(sixnet_optimizer_step(t->opt));
}

/* Datasets, batches, fit and evaluate pass doubles on: the net is, to the bit, what a loop over the arrays themselves makes of it. */
static void test_fit_is_the_loop_over_arrays(void **state)
{
    (void)state;
    static const char *const contexts[] = {"dtype=f64 seed=3", "dtype=f64 seed=3 threads=3", "seed=3"};
    enum { BATCH = 16, EPOCHS = 3 };
    for (int c = 0; c < 3; c++) {
        training fitted, open;
        sixnet_dataset *ds;
        double loss, expected;
        open_training(&fitted, contexts[c]);
        open_training(&open, contexts[c]);
        WORKS(sixnet_dataset_from_arrays(&ds, fitted.ctx, "input_dtype=f64 shape=3 target_dtype=f64", fitted.inputs,
                                         fitted.targets, SAMPLES));
        WORKS(sixnet_model_fit(fitted.net, fitted.opt, ds, NULL, "epochs=3 batch_size=16 shuffle=false", NULL, NULL));
        for (int epoch = 0; epoch < EPOCHS; epoch++)
            for (int at = 0; at < SAMPLES; at += BATCH)
                take_open_step(&open, open.inputs + at * INPUTS, open.targets + at,
                               at + BATCH < SAMPLES ? BATCH : SAMPLES - at);
        WORKS(sixnet_model_evaluate(fitted.net, ds, &loss, NULL));
        WORKS(sixnet_model_forward_f64(open.net, open.inputs, SAMPLES));
        WORKS(sixnet_model_loss_f64(open.net, open.targets, &expected));
        assert_true(loss == expected);
        sixnet_dataset_free(ds);
        assert_string_equal(close_training(&fitted).text, close_training(&open).text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_survive_normalize),
        cmocka_unit_test(test_near_places_stay_apart),
        cmocka_unit_test(test_scale_is_in_double),
        cmocka_unit_test(test_floats_are_as_ever),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_labels_are_not_rounded),
        cmocka_unit_test(test_transforms_in_double),
        cmocka_unit_test(test_batches_of_either_type),
        cmocka_unit_test(test_functions_of_the_other_type),
        cmocka_unit_test(test_batches_within_max_memory),
        cmocka_unit_test(test_fit_is_the_loop_over_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
