/* SPDX-License-Identifier: MIT */
/* A step in several passes, seen from outside: shards=S of sixnet_model_fit() gives what the formulas and the open loop
 * give, with bits that depend on S alone. */

#include "api.h"
#include <unistd.h>

#include "sixnet/layer.h"

enum { SIZE = 6, CLASSES = 3, MOST = 128 };

/* ---- fixture ---- */

typedef struct fixture {
    ledger memory;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    double x[MOST * SIZE], t[MOST];
} fixture;

static sixnet_context *open_context(fixture *w, const char *options)
{
    return w->ctx = ledger_context(&w->memory, options);
}

static void open_net(fixture *w, const char *text, const char *optimizer)
{
    w->net = parsed(w->ctx, text);
    WORKS(sixnet_optimizer_new(&w->opt, w->net, optimizer, NULL));
}

static void open_samples(fixture *w, int64_t n)
{
    WORKS(sixnet_dataset_from_arrays(&w->ds, w->ctx, "input_dtype=f64 target_dtype=f64 shape=6", w->x, w->t, n));
}

static void fill_samples(fixture *w)
{
    uint64_t random = 5;
    for (int i = 0; i < MOST * SIZE; i++)
        w->x[i] = noise(&random);
    for (int i = 0; i < MOST; i++)
        w->t[i] = i * 7 % CLASSES;
}

static fixture *open_fixture(const char *context, const char *text, const char *optimizer, int64_t n)
{
    fixture *w = calloc(1, sizeof *w);
    fill_samples(w);
    open_context(w, context);
    open_net(w, text, optimizer);
    open_samples(w, n);
    return w;
}

static void close_fixture(fixture *w)
{
    close_all(&w->memory, w->ctx, w->net, w->opt, w->ds);
    free(w);
}

static digest close_with_digest(fixture *w)
{
    digest d = digest_of(w->net);
    close_fixture(w);
    return d;
}

static int32_t fit(fixture *w, const char *options)
{
    return sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, NULL, NULL);
}

static void read_tensor(const fixture *w, const char *name, double *values, int64_t count)
{
    WORKS(sixnet_tensor_get_f64(w->net, name, values, count));
}

static void assert_near(const char *what, const double *got, const double *expected, int64_t count, double tolerance)
{
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(got[i] - expected[i]) <= tolerance * (1 + fabs(expected[i]))))
            fail_msg("%s: value %lld is %.17g instead of %.17g", what, (long long)i, got[i], expected[i]);
}

static const char rich_net[] = "input shape=6\nlinear out_features=10\nbatchnorm1d\nrelu\ndropout p=0.2\nlinear "
                               "out_features=3\ncross_entropy weight=1,0.5,2";
static const char plain_net[] =
    "input shape=6\nlinear out_features=10\ntanh\ndropout p=0.3\nlinear out_features=3\ncross_entropy";
static const char norm_net[] =
    "input shape=6\nlinear out_features=5\nbatchnorm1d momentum=0.25\ntanh\nlinear out_features=3\ncross_entropy";

/* ---- against formulas ---- */

/* The mean over n samples of the squared error's gradient by the weights of x w, in double. */
static void linear_gradient(const fixture *w, const double *weight, int64_t n, double *gradient)
{
    memset(gradient, 0, SIZE * sizeof *gradient);
    for (int64_t i = 0; i < n; i++) {
        double error = -w->t[i];
        for (int k = 0; k < SIZE; k++)
            error += weight[k] * w->x[i * SIZE + k];
        for (int k = 0; k < SIZE; k++)
            gradient[k] += 2 * error * w->x[i * SIZE + k] / (double)n;
    }
}

/* The sum of `count` neighboring shards of a batch of n in the order of the tree, rounded as f32 is; a shard has one
 * sample or none. */
static float tree_sum(const fixture *w, int64_t shards, int64_t n, int64_t first, int64_t count)
{
    if (count > 1)
        return tree_sum(w, shards, n, first, count / 2) + tree_sum(w, shards, n, first + count / 2, count / 2);
    const int64_t sample = first * n / shards;
    return sample < (first + 1) * n / shards ? 2 * (float)w->t[sample] : 0;
}

/* Where the gradient of each sample is -2 times its target, a step of rate 1 adds up the targets. */
static void test_order_of_sums(void **state)
{
    (void)state;
    for (int64_t shards = 2; shards <= MOST; shards *= 2)
        for (int64_t n = shards; n > 0; n = n * 2 / 3) {
            char options[96];
            uint64_t random = 4;
            double got, zero = 0;
            fixture *w = calloc(1, sizeof *w);
            for (int64_t i = 0; i < n; i++) {
                w->x[i] = 1;
                w->t[i] = (double)(float)noise(&random);
            }
            open_net(w, "input shape=1\nlinear out_features=1 bias=false\nmse reduction=sum", "sgd lr=1");
            WORKS(sixnet_dataset_from_arrays(&w->ds, NULL, "input_dtype=f64 target_dtype=f64 shape=1", w->x, w->t, n));
            WORKS(sixnet_tensor_set_f64(w->net, "linear1.weight", &zero, 1));
            snprintf(options, sizeof options, "shuffle=false batch_size=%lld shards=%lld", (long long)shards,
                     (long long)shards);
            WORKS(fit(w, options));
            read_tensor(w, "linear1.weight", &got, 1);
            if (got != (double)tree_sum(w, shards, n, 0, shards))
                fail_msg("shards=%lld, %lld samples: %.9g instead of %.9g", (long long)shards, (long long)n, got,
                         (double)tree_sum(w, shards, n, 0, shards));
            close_fixture(w);
        }
}

/* Whole numbers, so that nothing is rounded: the step is exact, whatever the number of shards. */
static void test_whole_numbers(void **state)
{
    (void)state;
    static const char *const options[] = {"batch_size=16", "batch_size=16 shards=2", "batch_size=16 shards=4",
                                          "batch_size=16 shards=16"};
    static const double weight[SIZE] = {1, -2, 0, 3, -1, 2};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        fixture *w = calloc(1, sizeof *w);
        double gradient[SIZE], expected[SIZE], got[SIZE];
        for (int k = 0; k < MOST * SIZE; k++)
            w->x[k] = k * 11 % 7 - 3;
        for (int k = 0; k < MOST; k++)
            w->t[k] = k * 5 % 9 - 4;
        open_context(w, "");
        open_net(w, "input shape=6\nlinear out_features=1 bias=false\nmse", "sgd lr=0.5");
        open_samples(w, 16);
        WORKS(sixnet_tensor_set_f64(w->net, "linear1.weight", weight, SIZE));
        WORKS(fit(w, options[i]));
        linear_gradient(w, weight, 16, gradient);
        for (int k = 0; k < SIZE; k++)
            expected[k] = weight[k] - 0.5 * gradient[k];
        read_tensor(w, "linear1.weight", got, SIZE);
        assert_near(options[i], got, expected, SIZE, 0);
        close_fixture(w);
    }
}

/* The mean of the weighted cross entropy over n samples, whose classes have weights: its gradient by the weights of a
 * linear layer, in double. */
static void class_gradient(const fixture *w, const double *weight, const double *of_class, int64_t n, double *gradient)
{
    double all = 0;
    memset(gradient, 0, CLASSES * SIZE * sizeof *gradient);
    for (int64_t i = 0; i < n; i++) {
        double p[CLASSES], sum = 0;
        const int target = (int)w->t[i];
        for (int c = 0; c < CLASSES; c++) {
            double score = 0;
            for (int k = 0; k < SIZE; k++)
                score += weight[c * SIZE + k] * w->x[i * SIZE + k];
            sum += p[c] = exp(score);
        }
        all += of_class[target];
        for (int c = 0; c < CLASSES; c++)
            for (int k = 0; k < SIZE; k++)
                gradient[c * SIZE + k] += of_class[target] * (p[c] / sum - (c == target)) * w->x[i * SIZE + k];
    }
    for (int k = 0; k < CLASSES * SIZE; k++)
        gradient[k] /= all;
}

/* One batch of n samples, of which some number of shards need not have equally many, or equal weight, or any. */
static void test_weighted_classes(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        const char *options;
    } cases[] = {{32, "batch_size=32 shards=2"},
                 {32, "batch_size=32 shards=32"},
                 {21, "batch_size=32 shards=4"},
                 {5, "batch_size=32 shards=16"}};
    static const double of_class[CLASSES] = {0, 0.5, 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *w =
            open_fixture("dtype=f64", "input shape=6\nlinear out_features=3 bias=false\ncross_entropy weight=0,0.5,3",
                         "sgd lr=1", cases[i].n);
        double weight[CLASSES * SIZE], gradient[CLASSES * SIZE], got[CLASSES * SIZE];
        read_tensor(w, "linear1.weight", weight, CLASSES * SIZE);
        class_gradient(w, weight, of_class, cases[i].n, gradient);
        for (int k = 0; k < CLASSES * SIZE; k++)
            weight[k] -= gradient[k];
        WORKS(fit(w, cases[i].options));
        read_tensor(w, "linear1.weight", got, CLASSES * SIZE);
        assert_near(cases[i].options, got, weight, CLASSES * SIZE, 1e-14);
        close_fixture(w);
    }
}

/* Without batch norm a step is that of one pass, but for rounding: for every reduction, and for dropout, which draws
 * for a sample's position in the batch. So are the reports. */
static void test_as_one_pass(void **state)
{
    (void)state;
    static const char *const nets[] = {
        plain_net,
        "input shape=6\nlinear out_features=1\nmse reduction=sum",
        "input shape=6\nlinear out_features=3\ncross_entropy weight=0,1,2 label_smoothing=0.2",
        "input shape=6\nlinear out_features=3\ncross_entropy weight=0,1,2 reduction=sum",
    };
    static const char *const shards[] = {"shards=1", "shards=2", "shards=8", "shards=32"};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        double first[64], values[64], reports[2][2];
        for (size_t k = 0; k < sizeof shards / sizeof *shards; k++) {
            char options[96];
            fixture *w = open_fixture("dtype=f64 seed=2", nets[i], "sgd lr=0.01 momentum=0.5 clip_norm=0.5", 75);
            const int64_t count = strstr(nets[i], "features=10") ? 60 : strstr(nets[i], "features=1\n") ? 6 : 18;
            snprintf(options, sizeof options, "epochs=2 batch_size=32 %s", shards[k]);
            WORKS(fit(w, options));
            read_tensor(w, "linear1.weight", k ? values : first, count);
            reports[k > 0][0] = sixnet_model_history_get(w->net, 2, "loss");
            reports[k > 0][1] = strstr(nets[i], "mse") ? 0 : sixnet_model_history_get(w->net, 2, "accuracy");
            if (k) {
                assert_near(shards[k], values, first, count, 1e-13);
                assert_near(shards[k], reports[1], reports[0], 2, 1e-13);
            }
            close_fixture(w);
        }
    }
}

/* ---- against the open loop ---- */

static const char *const tensors[] = {"linear1.weight", "linear1.bias", "bn1.weight",       "bn1.bias",
                                      "linear2.weight", "linear2.bias", "bn1.running_mean", "bn1.running_var"};
enum { TENSORS = 8, PARAMETERS = 6 };

typedef struct values {
    double tensor[TENSORS][32]; /* gradients of parameters, running statistics themselves */
} values;

static int64_t size_of(const fixture *w, const char *name)
{
    int64_t dims[8], size = 1;
    int32_t rank;
    WORKS(sixnet_tensor_shape(w->net, name, dims, &rank, NULL));
    for (int32_t i = 0; i < rank; i++)
        size *= dims[i];
    return size;
}

/* Of one pass over samples `first` to `first + n`, with the model as it was at the beginning. */
static values pass_of(int64_t first, int64_t n)
{
    values v;
    double loss;
    fixture *w = open_fixture("dtype=f64", norm_net, "sgd lr=0.5", 64);
    WORKS(sixnet_model_zero_grad(w->net));
    WORKS(sixnet_model_forward_f64(w->net, w->x + first * SIZE, n));
    WORKS(sixnet_model_loss_f64(w->net, w->t + first, &loss));
    WORKS(sixnet_model_backward(w->net));
    for (int i = 0; i < TENSORS; i++) {
        const int64_t size = size_of(w, tensors[i]);
        WORKS(i < PARAMETERS ? sixnet_tensor_gradient_f64(w->net, tensors[i], v.tensor[i], size)
                             : sixnet_tensor_get_f64(w->net, tensors[i], v.tensor[i], size));
    }
    close_fixture(w);
    return v;
}

/* Batch norm sees one shard; gradients and running statistics are the means of those of the passes, weighted by
 * samples. */
static void test_batch_norm_sees_a_shard(void **state)
{
    (void)state;
    static const int64_t batches[] = {64, 38, 22}; /* 22: shards of 5, 6, 5 and 6 */
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        const int64_t n = batches[i];
        fixture *w = open_fixture("dtype=f64", norm_net, "sgd lr=0.5", n),
                *start = open_fixture("dtype=f64", norm_net, "sgd lr=0.5", n);
        WORKS(fit(w, "batch_size=64 shuffle=false shards=4"));
        values part[4];
        for (int64_t p = 0; p < 4; p++)
            part[p] = pass_of(p * n / 4, (p + 1) * n / 4 - p * n / 4);
        for (int k = 0; k < TENSORS; k++) {
            double expected[32], got[32];
            const int64_t size = size_of(w, tensors[k]);
            read_tensor(start, tensors[k], expected, size);
            read_tensor(w, tensors[k], got, size);
            for (int64_t j = 0; j < size; j++) {
                double mean = 0;
                for (int64_t p = 0; p < 4; p++)
                    mean += part[p].tensor[k][j] * (double)((p + 1) * n / 4 - p * n / 4) / (double)n;
                expected[j] = k < PARAMETERS ? expected[j] - 0.5 * mean : mean;
            }
            assert_near(tensors[k], got, expected, size, 1e-14);
        }
        close_fixture(start);
        close_fixture(w);
    }
}

/* The variance of a column of the samples from `first` up to `end`, divided by n - 1. */
static double variance_of(const fixture *w, int column, int64_t first, int64_t end)
{
    const double n = (double)(end - first);
    double mean = 0, squares = 0;
    for (int64_t i = first; i < end; i++)
        mean += w->x[i * SIZE + column] / n;
    for (int64_t i = first; i < end; i++)
        squares += (w->x[i * SIZE + column] - mean) * (w->x[i * SIZE + column] - mean);
    return squares / (n - 1);
}

/* Statistics that are replaced by others of a far smaller magnitude are as precise as the type. */
static void test_statistics_of_another_scale(void **state)
{
    (void)state;
    static const double before[SIZE] = {1e12, 1e9, 1e6, 1e3, 1, 0};
    static const int64_t batches[] = {32, 22};
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        const int64_t n = batches[b], shards = 4;
        fixture *w = open_fixture("", "input shape=6\nbatchnorm1d momentum=1\nlinear out_features=3\ncross_entropy",
                                  "sgd lr=0.1", n);
        double got[SIZE];
        WORKS(sixnet_tensor_set_f64(w->net, "bn1.running_var", before, SIZE));
        WORKS(fit(w, "batch_size=32 shuffle=false shards=4"));
        read_tensor(w, "bn1.running_var", got, SIZE);
        for (int k = 0; k < SIZE; k++) {
            double expected = 0;
            for (int64_t i = 0; i < shards; i++) {
                const int64_t first = i * n / shards, end = (i + 1) * n / shards;
                expected += variance_of(w, k, first, end) * (double)(end - first) / (double)n;
            }
            if (fabs(got[k] - expected) > 1e-6 * expected)
                fail_msg("%lld samples, from %g: %.9g instead of %.9g", (long long)n, before[k], got[k], expected);
        }
        close_fixture(w);
    }
}

/* Empty shards have no share in the statistics, nor have empty subtrees: 3 samples in 16 shards are in the shards 5, 10
 * and 15. */
static void test_empty_shards(void **state)
{
    (void)state;
    fixture *w =
        open_fixture("dtype=f64",
                     "input shape=6\nreshape shape=1x2x3\nbatchnorm2d momentum=1\nflatten\nlinear out_features=3\n"
                     "cross_entropy",
                     "sgd lr=0.1", 3);
    double got, expected = 0, before = 1e12;
    WORKS(sixnet_tensor_set_f64(w->net, "bn1.running_var", &before, 1));
    WORKS(fit(w, "batch_size=16 shards=16"));
    read_tensor(w, "bn1.running_var", &got, 1);
    for (int i = 0; i < 3; i++) {
        double mean = 0;
        for (int k = 0; k < SIZE; k++)
            mean += w->x[i * SIZE + k] / SIZE;
        for (int k = 0; k < SIZE; k++)
            expected += (w->x[i * SIZE + k] - mean) * (w->x[i * SIZE + k] - mean) / (SIZE - 1) / 3;
    }
    assert_near("running_var", &got, &expected, 1, 1e-14);
    close_fixture(w);
}

/* What no pass changes keeps its bits, though a mean of equal numbers may be rounded. */
static void test_frozen_statistics(void **state)
{
    (void)state;
    static const double mean[5] = {0.1, 0.7, -0.3, 1.0 / 3, 1e-310};
    static const char *const contexts[] = {"dtype=f64", ""};
    for (int i = 0; i < 2; i++) {
        fixture *w =
            open_fixture(contexts[i],
                         "input shape=6\nlinear out_features=5\nbatchnorm1d\nlinear out_features=3\ncross_entropy\n"
                         "tensors match=bn1.* trainable=false",
                         "sgd lr=0.1", 27);
        double before[5], after[5];
        WORKS(sixnet_tensor_set_f64(w->net, "bn1.running_mean", mean, 5));
        read_tensor(w, "bn1.running_mean", before, 5);
        WORKS(fit(w, "epochs=3 batch_size=16 shards=8"));
        read_tensor(w, "bn1.running_mean", after, 5);
        assert_memory_equal(before, after, sizeof before);
        close_fixture(w);
    }
}

/* ---- bits ---- */

static bool is_there(const char *isa)
{
    sixnet_context *ctx;
    const int32_t status = sixnet_context_new(&ctx, isa);
    sixnet_context_free(ctx);
    return !status;
}

typedef struct trained {
    const char *net, *options;
    int64_t samples;
} trained;

static const trained trainings[] = {
    {rich_net, "epochs=2 batch_size=32 shards=8 average=ema ema_decay=0.5", 112},
    {plain_net, "epochs=2 batch_size=16 shards=8 on_nan=restore", 53},
};

static digest train(const trained *t, const char *context)
{
    fixture *w = open_fixture(context, t->net, "adam lr=0.01 clip_norm=1", t->samples);
    WORKS(fit(w, t->options));
    return close_with_digest(w);
}

static int32_t stop(void *user, const sixnet_progress *p)
{
    int *left = user;
    (void)p;
    return --*left == 0;
}

/* An empty file in the place of a template. */
static void make_file(char *path)
{
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
}

/* Stopped after `batches` batches, and resumed in another context, in which the options may be others. */
static int32_t interrupt(fixture **out, const trained *t, int batches, const char *first, const char *second,
                         const char *more)
{
    char path[] = "/tmp/sixnet-shards-XXXXXX", options[256];
    make_file(path);
    fixture *w = open_fixture(first, t->net, "adam lr=0.01 clip_norm=1", t->samples);
    snprintf(options, sizeof options, "%s checkpoint_best=false checkpoint=%s", t->options, path);
    assert_int_equal(sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, stop, &batches), SIXNET_STOPPED);
    close_fixture(w);
    *out = w = open_fixture(second, t->net, "adam lr=0.01 clip_norm=1", t->samples);
    snprintf(options, sizeof options, "%s %s resume=%s", *more ? "epochs=2 batch_size=32" : t->options, more, path);
    const int32_t status = fit(w, options);
    remove(path);
    return status;
}

static void test_one_digest(void **state)
{
    (void)state;
    static const char *const fused[] = {"seed=3 isa=avx2 threads=2", "seed=3 isa=avx512", "seed=3 threads=3",
                                        "seed=3 isa=avx512 threads=3"};
    for (size_t i = 0; i < sizeof trainings / sizeof *trainings; i++) {
        const trained *t = &trainings[i];
        fixture *w;
        const digest d = train(t, "seed=3"), baseline = train(t, "seed=3 isa=baseline");
        for (size_t k = 0; k < sizeof fused / sizeof *fused; k++)
            if (is_there(fused[k]))
                assert_same_digest(d, train(t, fused[k]));
        assert_same_digest(baseline, train(t, "seed=3 isa=baseline threads=3"));
        WORKS(interrupt(&w, t, 3, "seed=3 threads=2", "seed=3 threads=3", ""));
        assert_same_digest(d, close_with_digest(w));
    }
}

/* ---- interruptions ---- */

/* A custom layer that copies its input, and cancels the model in its count-th pass. */
typedef struct canceller {
    sixnet_model *net;
    int count;
} canceller;

static int32_t pass_on(void *user, sixnet_layer_call *call)
{
    canceller *c = user;
    memcpy(sixnet_layer_call_output(call, 0), sixnet_layer_call_input(call, 0),
           (size_t)sixnet_layer_call_sample_count(call) * SIZE * sizeof(double));
    if (--c->count == 0)
        sixnet_model_cancel(c->net, 1);
    return 0;
}

static int32_t pass_back(void *user, sixnet_layer_call *call)
{
    (void)user;
    memcpy(sixnet_layer_call_input_gradient(call, 0), sixnet_layer_call_output_gradient(call, 0),
           (size_t)sixnet_layer_call_sample_count(call) * SIZE * sizeof(double));
    return 0;
}

static fixture *open_cancelled(canceller *c, int count)
{
    fixture *w = calloc(1, sizeof *w);
    fill_samples(w);
    WORKS(sixnet_context_register_layer(open_context(w, "dtype=f64"), "cancels", NULL, "f64", NULL, pass_on, pass_back,
                                        c));
    open_net(w, "input shape=6\ncancels\nlinear out_features=5\nbatchnorm1d\nlinear out_features=3\ncross_entropy",
             "adam lr=0.01");
    open_samples(w, 96);
    *c = (canceller){w->net, count};
    return w;
}

static const char cancelled_options[] = "epochs=2 batch_size=32 shards=4";

/* Cancelled between two shards, a run ends as it was after the last whole step, and resumes from there. */
static void test_cancelled_within_a_batch(void **state)
{
    (void)state;
    char path[] = "/tmp/sixnet-shards-XXXXXX", options[160];
    canceller c;
    fixture *w = open_cancelled(&c, 0);
    WORKS(fit(w, cancelled_options));
    const digest whole = close_with_digest(w);
    int batches = 1;
    w = open_cancelled(&c, 0);
    assert_int_equal(sixnet_model_fit(w->net, w->opt, w->ds, NULL, cancelled_options, stop, &batches), SIXNET_STOPPED);
    const digest one_batch = close_with_digest(w);

    make_file(path);
    w = open_cancelled(&c, 6); /* the second shard of the second batch */
    snprintf(options, sizeof options, "%s checkpoint=%s checkpoint_best=false", cancelled_options, path);
    assert_int_equal(fit(w, options), SIXNET_STOPPED);
    assert_int_equal(c.count, 0);
    assert_same_digest(one_batch, close_with_digest(w));
    w = open_cancelled(&c, 0);
    snprintf(options, sizeof options, "%s resume=%s", cancelled_options, path);
    WORKS(fit(w, options));
    assert_same_digest(whole, close_with_digest(w));
    remove(path);
}

/* A batch is taken back as a whole, whichever shard spoils it; or left out. */
static void test_not_finite(void **state)
{
    (void)state;
    for (int64_t bad = 32; bad < 64; bad += 8) {
        fixture *w = open_fixture("", norm_net, "sgd lr=0.1 momentum=0.5", 96);
        int batches = 1;
        assert_int_equal(
            sixnet_model_fit(w->net, w->opt, w->ds, NULL, "batch_size=32 shards=4 shuffle=false", stop, &batches),
            SIXNET_STOPPED);
        const digest one_batch = close_with_digest(w);
        for (int skips = 0; skips < 2; skips++) {
            w = open_fixture("", norm_net, "sgd lr=0.1 momentum=0.5", 32);
            w->x[bad * SIZE] = (double)NAN;
            sixnet_dataset_free(w->ds);
            open_samples(w, 64);
            if (skips)
                WORKS(fit(w, "batch_size=32 shards=4 shuffle=false on_nan=skip"));
            else
                FAILS(SIXNET_NOT_FINITE, fit(w, "batch_size=32 shards=4 shuffle=false"), "epoch 1, batch 2",
                      "an input");
            assert_same_digest(one_batch, close_with_digest(w));
        }
    }
}

/* ---- diagnostics ---- */

static void list_findings(const char *shards, const double *bias, char text[static 512])
{
    char options[96];
    fixture *w =
        open_fixture("dtype=f64", "input shape=6\nlinear out_features=8\nrelu\nlinear out_features=3\ncross_entropy",
                     "sgd lr=0.01", 64);
    for (int i = 0; i < MOST * SIZE; i++)
        w->x[i] *= 200;
    sixnet_dataset_free(w->ds);
    open_samples(w, 64);
    if (bias)
        WORKS(sixnet_tensor_set_f64(w->net, "linear1.bias", bias, 8));
    snprintf(options, sizeof options, "epochs=2 batch_size=32 diagnostics=true %s", shards);
    WORKS(fit(w, options));
    *text = 0;
    for (int i = 0; sixnet_model_diagnostic(w->net, i, "name"); i++)
        snprintf(text + strlen(text), 512 - strlen(text), "%s at %s\n", sixnet_model_diagnostic(w->net, i, "name"),
                 sixnet_model_diagnostic(w->net, i, "node"));
    close_fixture(w);
}

/* They see all samples of a batch, whatever the number of passes: units that are 0 in one shard only are not dead. */
static void test_diagnostics(void **state)
{
    (void)state;
    static const double dead[8] = {-1e5, -1e5, -1e5, -1e5, -1e5, -1e5, -1e5, -1e5};
    static const double *const bias[] = {NULL, dead};
    for (int i = 0; i < 2; i++) {
        char expected[512], got[512];
        list_findings("shards=1", bias[i], expected);
        list_findings("shards=4", bias[i], got);
        assert_string_equal(got, expected);
        assert_int_equal(strstr(got, "dead_relu at relu1") && strstr(got, "constant_output at linear2"), i);
    }
}

/* ---- settings ---- */

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *net, *options, *words[2];
        int32_t status;
        int64_t samples;
    } cases[] = {
        {plain_net, "batch_size=32 shards=0", {"shards", "1 to"}, SIXNET_BAD_SPEC, 64},
        {plain_net, "batch_size=30 shards=3", {"shards=3", "power of two"}, SIXNET_BAD_SPEC, 64},
        {plain_net, "batch_size=30 shards=4", {"shards=4", "batch_size=30"}, SIXNET_BAD_SPEC, 64},
        {plain_net, "shards=64", {"shards=64", "batch_size=32"}, SIXNET_BAD_SPEC, 64},
        {norm_net, "batch_size=32 shards=32", {"bn1", "a batch of 32 there is one of 1"}, SIXNET_BAD_SHAPE, 64},
        {norm_net, "batch_size=32 shards=8", {"bn1", "a batch of 15 there is one of 1"}, SIXNET_BAD_SHAPE, 79},
        {norm_net, "batch_size=32 shards=8", {"bn1", "a batch of 3 there is one of 1"}, SIXNET_BAD_SHAPE, 67},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *w = open_fixture("", cases[i].net, "sgd lr=0.1", cases[i].samples);
        watched = w->net;
        FAILS(cases[i].status, fit(w, cases[i].options), cases[i].words[0], cases[i].words[1]);
        watched = NULL;
        close_fixture(w);
    }
}

static void test_resumed_with_others(void **state)
{
    (void)state;
    fixture *w;
    FAILS(SIXNET_INVALID_ARGUMENT, interrupt(&w, &trainings[0], 2, "", "", "shards=4 average=ema ema_decay=0.5"),
          "batch_size=32 shards=8", "batch_size=32 shards=4", "resume_changes=allow");
    close_fixture(w);
    FAILS(SIXNET_INVALID_ARGUMENT, interrupt(&w, &trainings[0], 2, "", "", "average=ema ema_decay=0.5"),
          "batch_size=32 shards=8", "'batch_size=32'");
    close_fixture(w);
    WORKS(interrupt(&w, &trainings[0], 2, "", "", "shards=4 average=ema ema_decay=0.5 resume_changes=allow"));
    close_fixture(w);
}

/* ---- memory ---- */

static long long peak(const char *options, int64_t pass, uint64_t *needed)
{
    fixture *w = open_fixture("", "input shape=6\nlinear out_features=300\ntanh\nlinear out_features=3\ncross_entropy",
                              "sgd lr=0.1", 128);
    WORKS(sixnet_model_memory_needed(w->net, pass, 1, needed));
    WORKS(fit(w, options));
    const long long most = atomic_load(&w->memory.peak);
    close_fixture(w);
    return most;
}

/* Values are kept of one shard only, and log2 S sums of gradients. */
static void test_memory(void **state)
{
    (void)state;
    enum { PARAMETERS_SIZE = 6 * 300 + 300 + 300 * 3 + 3, SLACK = 256 };
    uint64_t needed[2];
    const long long one = peak("batch_size=128", 128, &needed[0]),
                    eight = peak("batch_size=128 shards=8", 16, &needed[1]);
    const long long saved = (long long)(needed[0] - needed[1]), added = 3 * PARAMETERS_SIZE * (long long)sizeof(float);
    assert_in_range(one - saved + added - eight + SLACK, 0, 2 * SLACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_sums),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_weighted_classes),
        cmocka_unit_test(test_as_one_pass),
        cmocka_unit_test(test_batch_norm_sees_a_shard),
        cmocka_unit_test(test_statistics_of_another_scale),
        cmocka_unit_test(test_empty_shards),
        cmocka_unit_test(test_frozen_statistics),
        cmocka_unit_test(test_one_digest),
        cmocka_unit_test(test_cancelled_within_a_batch),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_diagnostics),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_resumed_with_others),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
