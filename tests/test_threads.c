/* SPDX-License-Identifier: MIT */
/* What several threads may do at once: predict with one model while a copy of it is trained, read one model, and end each other's
 * runs. Everything here has the same bits as when it is done alone. */

#include "api.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sixnet/layer.h"

enum { SIZE = 36, CLASSES = 3, SAMPLES = 120, THREADS = 8 };

static const char deep_net[] =
    "input shape=1x6x6\nconv2d out_channels=4 kernel_size=3 padding=1 bias=false\nrelu\nbatchnorm2d\ndropout p=0.25\n"
    "maxpool2d kernel_size=2\nflatten\nlinear out_features=3\ncross_entropy";
static const char branched_net[] =
    "input shape=36 name=in\nlinear out_features=5 name=a\ntanh name=b\n"
    "linear out_features=5 from=in name=c\nadd from=b,c\nlinear out_features=3\ncross_entropy";
static const char own_net[] = "input shape=36\ntwice\nlinear out_features=3\ncross_entropy";

static int32_t twice(void *user, sixnet_layer_call *call)
{
    const float *x = sixnet_layer_call_input(call, 0);
    float *y = sixnet_layer_call_output(call, 0);
    (void)user;
    for (int64_t i = 0; i < sixnet_layer_call_sample_count(call) * SIZE; i++)
        y[i] = 2 * x[i];
    return 0;
}

static int32_t nothing_to_set_up(void *user, sixnet_layer_setup *setup)
{
    (void)user;
    (void)setup;
    return 0;
}

typedef struct fixture {
    ledger memory;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_dataset *ds;
    float x[SAMPLES * SIZE], t[SAMPLES];
} fixture;

static fixture *fixture_setup(const char *options, const char *text)
{
    fixture *w = calloc(1, sizeof *w);
    w->ctx = ledger_context(&w->memory, options);
    WORKS(sixnet_context_register_layer(w->ctx, "twice", NULL, "f32", nothing_to_set_up, twice, NULL, NULL));
    w->net = parsed(w->ctx, text);
    fill_noise(w->x, SAMPLES * SIZE, 3);
    for (int i = 0; i < SAMPLES; i++)
        w->t[i] = (float)(i % CLASSES);
    WORKS(sixnet_dataset_from_arrays(&w->ds, w->ctx, "shape=1x6x6 copy=false", w->x, w->t, SAMPLES));
    return w;
}

static void fixture_teardown(fixture *w)
{
    close_all(&w->memory, w->ctx, w->net, NULL, w->ds);
    free(w);
}

static digest trained(sixnet_model *net, sixnet_dataset *ds, const char *options)
{
    sixnet_optimizer *opt;
    WORKS(sixnet_optimizer_new(&opt, net, "adam lr=0.01", NULL));
    WORKS(sixnet_model_fit(net, opt, ds, NULL, options, NULL, NULL));
    sixnet_optimizer_free(opt);
    return digest_of(net);
}

static const struct {
    const char *options, *text;
} fixtures[] = {{"seed=2", deep_net},
                {"seed=2 threads=3", deep_net},
                {"dtype=f64", branched_net},
                {"isa=baseline", branched_net},
                {"threads=2", own_net}};
enum { FIXTURES = sizeof fixtures / sizeof *fixtures };

/* ---- predictors ---- */

static void assert_predicts(const fixture *w, sixnet_predictor *p, int64_t n)
{
    float expected[SAMPLES * CLASSES] = {0}, y[SAMPLES * CLASSES] = {0};
    double x[SAMPLES * SIZE], expected_f64[SAMPLES * CLASSES] = {0}, y_f64[SAMPLES * CLASSES] = {0};
    for (int64_t i = 0; i < n * SIZE; i++)
        x[i] = (double)w->x[i];
    WORKS(sixnet_model_predict(w->net, w->x, n, expected));
    WORKS(sixnet_predictor_predict(p, w->x, n, y));
    assert_memory_equal(y, expected, sizeof y);
    WORKS(sixnet_model_predict_f64(w->net, x, n, expected_f64));
    WORKS(sixnet_predictor_predict_f64(p, x, n, y_f64));
    assert_memory_equal(y_f64, expected_f64, sizeof y_f64);
}

static void test_predictors_have_the_same_bits(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 8, 9, 16, 17, 33, SAMPLES};
    for (int i = 0; i < FIXTURES; i++) {
        fixture *w = fixture_setup(fixtures[i].options, fixtures[i].text);
        sixnet_predictor *p;
        WORKS(sixnet_predictor_new(&p, w->net));
        long long calls = atomic_load(&w->memory.calls);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            float y[SAMPLES * CLASSES];
            WORKS(sixnet_predictor_predict(p, w->x, sizes[k], y));
        }
        assert_true(atomic_load(&w->memory.calls) == calls); /* nothing is allocated */
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            assert_predicts(w, p, sizes[k]);
        sixnet_predictor_free(p);
        fixture_teardown(w);
    }
}

/* A predictor gives what the model gives, whatever changed the model. */
static void test_predictors_follow_the_model(void **state)
{
    (void)state;
    fixture *w = fixture_setup("seed=4", deep_net);
    sixnet_predictor *p;
    const float bias[CLASSES] = {1, 2, 3};
    static char file[1 << 16];
    uint64_t size;
    float before[CLASSES], after[CLASSES];
    WORKS(sixnet_predictor_new(&p, w->net));
    WORKS(sixnet_predictor_predict(p, w->x, 1, before));
    WORKS(sixnet_model_save_to_buffer(w->net, file, sizeof file, &size));
    WORKS(sixnet_tensor_set(w->net, "linear1.bias", bias, CLASSES));
    WORKS(sixnet_predictor_predict(p, w->x, 1, after));
    assert_memory_not_equal(before, after, sizeof before);
    assert_predicts(w, p, 20);
    trained(w->net, w->ds, "epochs=2");
    assert_predicts(w, p, 1);
    assert_predicts(w, p, 20);
    WORKS(sixnet_model_forward(w->net, w->x, 10)); /* moves running statistics */
    assert_predicts(w, p, 20);
    WORKS(sixnet_model_reset(w->net, 5));
    assert_predicts(w, p, 20);
    WORKS(sixnet_model_load_weights_from_buffer(w->net, file, size, NULL, NULL));
    WORKS(sixnet_predictor_predict(p, w->x, 1, after));
    assert_memory_equal(before, after, sizeof before);
    sixnet_predictor_free(p);
    fixture_teardown(w);
}

static void test_predictors_are_freed_in_any_order(void **state)
{
    (void)state;
    ledger memory = {0};
    sixnet_context *ctx = ledger_context(&memory, NULL);
    sixnet_model *net = parsed(ctx, deep_net), *copy;
    sixnet_predictor *first, *second;
    float x[SIZE] = {0}, y[CLASSES], z[CLASSES];
    WORKS(sixnet_predictor_new(&first, net));
    WORKS(sixnet_model_copy(&copy, net));
    WORKS(sixnet_predictor_new(&second, copy));
    sixnet_context_free(ctx);
    sixnet_model_free(net);
    sixnet_model_free(copy);
    WORKS(sixnet_predictor_predict(first, x, 1, y));
    WORKS(sixnet_predictor_predict(second, x, 1, z));
    assert_memory_equal(y, z, sizeof y);
    sixnet_predictor_free(first);
    sixnet_predictor_free(second);
    sixnet_predictor_free(NULL);
    ledger_close(&memory);
}

/* Room for a group and for one sample, of whatever the model's threads and batches are. */
static void test_predictors_are_small(void **state)
{
    (void)state;
    fixture *w = fixture_setup("threads=4", deep_net);
    sixnet_predictor *p;
    uint64_t group, training;
    trained(w->net, w->ds, "batch_size=120");
    WORKS(sixnet_model_memory_needed(w->net, SAMPLES, 0, &group));
    WORKS(sixnet_model_memory_needed(w->net, SAMPLES, 1, &training));
    long long before = atomic_load(&w->memory.live);
    WORKS(sixnet_predictor_new(&p, w->net));
    long long used = atomic_load(&w->memory.live) - before;
    if (used > (long long)group || used > (long long)training / 3)
        fail_msg("a predictor takes %lld bytes; the model %llu to predict, %llu to be trained", used,
                 (unsigned long long)group, (unsigned long long)training);
    sixnet_predictor_free(p);
    assert_true(atomic_load(&w->memory.live) == before);
    fixture_teardown(w);
}

static void test_refusals(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, deep_net);
    sixnet_model *raw, *copy = w->net;
    sixnet_predictor *p = (void *)w;
    float y[CLASSES];
    uint64_t bytes;
    WORKS(sixnet_model_new(&raw, w->ctx));
    FAILS(SIXNET_BAD_STATE, sixnet_predictor_new(&p, raw), "sixnet_model_compile()");
    assert_null(p);
    FAILS(SIXNET_BAD_STATE, sixnet_model_copy(&copy, raw), "sixnet_model_compile()");
    assert_null(copy);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_new(NULL, w->net), "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_new(&p, NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_copy(NULL, w->net), "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_copy(&copy, NULL), "net");
    WORKS(sixnet_predictor_new(&p, w->net));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_memory(NULL, &bytes), "predictor");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_memory(p, NULL), "bytes");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_predict(NULL, w->x, 1, y), "predictor");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_predict(p, NULL, 1, y), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_predict(p, w->x, 1, NULL), "outputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_predict_f64(p, NULL, -1, NULL), "negative");
    WORKS(sixnet_predictor_predict(p, NULL, 0, NULL));
    sixnet_predictor_free(p);
    sixnet_model_free(raw);
    fixture_teardown(w);
}

/* ---- copies ---- */

/* A copy, made in the middle of a training, goes on as the model does. */
static void test_copies_go_on_alike(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        fixture *w = fixture_setup(fixtures[i].options, fixtures[i].text);
        sixnet_model *copy;
        float gradient[CLASSES], same[CLASSES];
        trained(w->net, w->ds, "epochs=1 batch_size=25");
        WORKS(sixnet_model_copy(&copy, w->net));
        assert_same_digest(digest_of(copy), digest_of(w->net));
        assert_string_equal(sixnet_model_text(copy), sixnet_model_text(w->net));
        const char *bias = i < 2 ? "linear1.bias" : "linear3.bias";
        WORKS(sixnet_tensor_gradient(w->net, bias, gradient, CLASSES));
        WORKS(sixnet_tensor_gradient(copy, bias, same, CLASSES));
        assert_memory_equal(gradient, same, sizeof same);
        digest before = digest_of(w->net), after = trained(copy, w->ds, "epochs=2 batch_size=25");
        assert_same_digest(before, digest_of(w->net));
        assert_same_digest(after, trained(w->net, w->ds, "epochs=2 batch_size=25"));
        sixnet_model_free(copy);
        fixture_teardown(w);
    }
}

static void test_copies_keep_what_is_retained(void **state)
{
    (void)state;
    sixnet_model *net, *copy;
    float x[2] = {1, 2}, values[2];
    WORKS(sixnet_model_new(&net, NULL));
    sixnet_node in = sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE), hidden = sixnet_model_add(net, "tanh", in);
    WORKS(sixnet_node_retain(net, hidden));
    assert_true(sixnet_model_add(net, "linear out_features=1", hidden) >= 0);
    WORKS(sixnet_model_compile(net));
    WORKS(sixnet_model_copy(&copy, net));
    sixnet_model_free(net);
    WORKS(sixnet_model_forward(copy, x, 1));
    WORKS(sixnet_node_values(copy, hidden, values, 2));
    assert_true(fabs((double)values[0] - tanh(1)) < 1e-6);
    sixnet_model_free(copy);
}

/* ---- at the same time ---- */

typedef struct reader {
    pthread_t thread;
    const fixture *w;
    sixnet_predictor *p;
    const float *expected;
    atomic_bool *done;
    int32_t status;
    int rounds, wrong;
} reader;

static void *predict_on(void *arg)
{
    reader *r = arg;
    float y[SAMPLES * CLASSES];
    do {
        int64_t n = r->rounds % 2 ? 1 + r->rounds % 8 : SAMPLES - r->rounds % 50;
        r->status = sixnet_predictor_predict(r->p, r->w->x, n, y);
        r->wrong += memcmp(y, r->expected, (size_t)n * CLASSES * sizeof *y) != 0;
        r->rounds++;
    } while (!r->status && !atomic_load(r->done));
    return NULL;
}

static void start_readers(reader readers[static THREADS], const fixture *w, const float *expected, atomic_bool *done)
{
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (reader){.w = w, .expected = expected, .done = done};
        WORKS(sixnet_predictor_new(&readers[i].p, w->net));
        assert_int_equal(pthread_create(&readers[i].thread, NULL, predict_on, &readers[i]), 0);
    }
}

static void end_readers(reader readers[static THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].status, SIXNET_OK);
        assert_int_equal(readers[i].wrong, 0);
        assert_true(readers[i].rounds > 0);
        sixnet_predictor_free(readers[i].p);
    }
}

/* The net itself evaluates as well: that only reads what the others read. */
static void test_eight_predict_while_a_copy_is_trained(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        fixture *w = fixture_setup(fixtures[i].options, fixtures[i].text),
                *alone = fixture_setup(fixtures[i].options, fixtures[i].text);
        float expected[SAMPLES * CLASSES];
        reader readers[THREADS];
        atomic_bool done = false;
        sixnet_model *copy;
        const char *options = is_quick() ? "epochs=3 batch_size=20" : "epochs=12 batch_size=20";
        WORKS(sixnet_model_predict(w->net, w->x, SAMPLES, expected));
        WORKS(sixnet_model_copy(&copy, w->net));
        start_readers(readers, w, expected, &done);
        digest result = trained(copy, w->ds, options);
        atomic_store(&done, true);
        end_readers(readers);
        assert_same_digest(result, trained(alone->net, alone->ds, options));
        sixnet_model_free(copy);
        fixture_teardown(alone);
        fixture_teardown(w);
    }
}

/* A layer of the program's own is called by all predictors at once. */
static void test_layers_of_ones_own_in_predictors(void **state)
{
    (void)state;
    fixture *w = fixture_setup("threads=2", own_net);
    float expected[SAMPLES * CLASSES];
    reader readers[THREADS];
    atomic_bool done = true; /* a round each */
    WORKS(sixnet_model_predict(w->net, w->x, SAMPLES, expected));
    start_readers(readers, w, expected, &done);
    end_readers(readers);
    fixture_teardown(w);
}

/* A run with everything that can be read: a model with a retained node, passes behind it, a profile and a history. */
typedef struct library {
    fixture *w;
    sixnet_model *net;
    sixnet_node hidden;
    sixnet_optimizer *opt;
    sixnet_batch_iterator *batches;
    sixnet_predictor *predictor;
    char folder[32];
    atomic_int readers, wrong;
} library;

static void build_library(library *l)
{
    sixnet_model *net;
    WORKS(sixnet_model_new(&net, l->w->ctx));
    sixnet_node x = sixnet_model_add(net, "conv2d out_channels=3 kernel_size=3",
                                     sixnet_model_add(net, "input shape=1x6x6", SIXNET_NO_NODE));
    l->hidden = sixnet_model_add(net, "relu", x);
    WORKS(sixnet_node_retain(net, l->hidden));
    x = sixnet_model_add(net, "linear out_features=3",
                         sixnet_model_add(net, "flatten", sixnet_model_add(net, "batchnorm2d", l->hidden)));
    assert_true(sixnet_model_add(net, "cross_entropy", x) >= 0);
    WORKS(sixnet_model_compile(net));
    WORKS(sixnet_model_profile(net, 1));
    WORKS(sixnet_optimizer_new(&l->opt, net, "adam lr=0.1", "step_lr step_size=1 gamma=0.5"));
    WORKS(sixnet_model_fit(net, l->opt, l->w->ds, NULL, "diagnostics=true", NULL, NULL));
    WORKS(sixnet_model_forward(net, l->w->x, 4));
    WORKS(sixnet_model_loss(net, l->w->t, NULL));
    WORKS(sixnet_model_backward(net));
    WORKS(sixnet_batch_iterator_new(&l->batches, l->w->ds, "batch_size=8"));
    WORKS(sixnet_predictor_new(&l->predictor, net));
    l->net = net;
    strcpy(l->folder, "/tmp/sixnet-readers-XXXXXX");
    assert_non_null(mkdtemp(l->folder));
}

static int32_t count_bytes(void *user, const void *data, uint64_t size)
{
    (void)data;
    *(uint64_t *)user += size;
    return 0;
}

static int64_t give_nothing(void *user, void *data, uint64_t size)
{
    (void)user;
    (void)data;
    (void)size;
    return 0;
}

static int32_t give_zeros_f64(void *user, int64_t index, double *input, double *target)
{
    (void)user;
    (void)index;
    memset(input, 0, SIZE * sizeof *input);
    *target = 0;
    return 0;
}

static int32_t give_zeros(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    (void)index;
    memset(input, 0, SIZE * sizeof *input);
    *target = 0;
    return 0;
}

/* How many of the answers are not what they should be. */
static int read_tensors(const sixnet_model *net)
{
    int64_t dims[8], count;
    int32_t rank;
    float values[32];
    double exact[32];
    char text[65];
    return (sixnet_model_digest(net, text) != 0) + (sixnet_tensor_count(net) < 5) + !sixnet_tensor_name(net, 0) +
           (sixnet_tensor_shape(net, "conv1.weight", dims, &rank, NULL) != 0) +
           (sixnet_tensor_setting(net, "conv1.weight", "lr_scale") != 1) +
           !sixnet_tensor_data(net, "bn1.weight", &count) + (sixnet_tensor_get(net, "conv1.weight", values, 27) != 0) +
           (sixnet_tensor_get_f64(net, "conv1.weight", exact, 27) != 0) +
           (sixnet_tensor_gradient(net, "conv1.weight", values, 27) != 0) +
           (sixnet_tensor_gradient_f64(net, "conv1.weight", exact, 27) != 0);
}

static int read_nodes(const sixnet_model *net, sixnet_node hidden)
{
    enum { COUNT = 4 * 3 * 4 * 4 };
    int64_t dims[8];
    int32_t rank;
    float values[COUNT];
    double exact[COUNT];
    return (sixnet_node_count(net) != 7) + (sixnet_node_find(net, "bn1") < 0) + !sixnet_node_get(net, hidden, "kind") +
           (sixnet_node_shape(net, sixnet_node_output(net, hidden, "0"), dims, &rank) != 0) +
           (sixnet_model_shape(net, "output", dims, &rank, NULL) != 0) +
           (sixnet_node_values(net, hidden, values, COUNT) != 0) +
           (sixnet_node_values_f64(net, hidden, exact, COUNT) != 0) +
           (sixnet_node_gradient(net, hidden, values, COUNT) != 0) +
           (sixnet_node_gradient_f64(net, hidden, exact, COUNT) != 0) +
           !(sixnet_model_profile_get(net, hidden, "forward_samples") > 0);
}

static int read_run(const library *l)
{
    int64_t epoch, position;
    (void)sixnet_model_diagnostic(l->net, 0, "text");
    return (sixnet_model_history_size(l->net) != 1) + !isnan(sixnet_model_metric(l->net, "loss")) +
           !(sixnet_model_history_get(l->net, 1, "loss") > 0) + !(sixnet_optimizer_learning_rate(l->opt) > 0) +
           (sixnet_batch_iterator_position(l->batches, &epoch, &position) != 0);
}

static int read_data(sixnet_dataset *ds)
{
    int64_t dims[8], target_dims[8];
    int32_t rank, target_rank;
    float x[SIZE], t;
    double wide[SIZE];
    sixnet_dataset *first = NULL, *second = NULL;
    sixnet_batch_iterator *batches = NULL;
    int wrong = (sixnet_dataset_size(ds) != SAMPLES) + (sixnet_dataset_class_name(ds, 0) != NULL) +
                (sixnet_dataset_shape(ds, dims, &rank, target_dims, &target_rank) != 0) +
                (sixnet_dataset_get_sample(ds, 7, x, &t) != 0) +
                (sixnet_dataset_get_sample_f64(ds, 7, wide, NULL) != 0) +
                (sixnet_dataset_split(&first, &second, ds, "first_size=20") != 0) +
                (sixnet_batch_iterator_new(&batches, ds, "batch_size=5") != 0);
    sixnet_batch_iterator_free(batches);
    sixnet_dataset_free(first);
    sixnet_dataset_free(second);
    return wrong;
}

static int make_of_model(const library *l)
{
    sixnet_model *copy = NULL;
    sixnet_predictor *p = NULL;
    sixnet_optimizer *opt = NULL;
    uint64_t bytes = 0, same = 0;
    int wrong = (sixnet_model_copy(&copy, l->net) != 0) + (sixnet_predictor_new(&p, l->net) != 0) +
                (sixnet_predictor_memory(l->predictor, &bytes) != 0) + (sixnet_predictor_memory(p, &same) != 0) +
                (bytes != same) + (sixnet_optimizer_new(&opt, l->net, "sgd lr=0.1 momentum=0.9", NULL) != 0);
    sixnet_predictor_free(p);
    sixnet_optimizer_free(opt);
    sixnet_model_free(copy);
    return wrong;
}

static int make_of_context(sixnet_context *ctx)
{
    static const float x[SIZE] = {0};
    sixnet_model *empty = NULL, *net = NULL, *none = NULL;
    sixnet_dataset *arrays = NULL, *function = NULL, *wide = NULL, *nowhere = NULL;
    int wrong = (sixnet_model_new(&empty, ctx) != 0) + (sixnet_model_parse(&net, ctx, branched_net) != 0) +
                !sixnet_context_get(ctx, "isa") +
                (sixnet_dataset_from_arrays(&arrays, ctx, "shape=36", x, NULL, 1) != 0) +
                (sixnet_dataset_from_callback(&function, ctx, "shape=36", 1, give_zeros, NULL) != 0) +
                (sixnet_dataset_from_callback_f64(&wide, ctx, "shape=36", 1, give_zeros_f64, NULL) != 0) +
                (sixnet_dataset_open(&nowhere, ctx, "/nowhere", NULL) != SIXNET_IO_ERROR) +
                (sixnet_dataset_from_idx(&nowhere, ctx, "/nowhere/images", "/nowhere/labels") != SIXNET_IO_ERROR) +
                (sixnet_model_load_from_stream(&none, ctx, give_nothing, NULL, NULL) != SIXNET_BAD_FILE);
    sixnet_dataset_free(arrays);
    sixnet_dataset_free(function);
    sixnet_dataset_free(wide);
    sixnet_model_free(empty);
    sixnet_model_free(net);
    return wrong;
}

static int save_and_load(library *l, int number)
{
    static _Thread_local char file[1 << 16];
    char path[64];
    uint64_t size = 0, written = 0;
    sixnet_model *one = NULL, *two = NULL;
    snprintf(path, sizeof path, "%s/%d", l->folder, number);
    int wrong = (sixnet_model_save_to_buffer(l->net, file, sizeof file, &size) != 0) +
                (sixnet_model_save_to_stream(l->net, count_bytes, &written) != 0) + (written != size) +
                (sixnet_model_save(l->net, path, "sync=false") != 0) +
                (sixnet_model_load(&one, l->w->ctx, path, NULL) != 0) +
                (sixnet_model_load_from_buffer(&two, l->w->ctx, file, size, NULL) != 0) +
                (sixnet_checkpoint_save(l->net, l->opt, l->batches, path, "sync=false") != 0);
    sixnet_model_free(one);
    sixnet_model_free(two);
    unlink(path);
    return wrong;
}

static void *read_on(void *arg)
{
    library *l = arg;
    int number = atomic_fetch_add(&l->readers, 1);
    for (int round = 0; round < (is_quick() ? 3 : 20); round++)
        atomic_fetch_add(&l->wrong, read_tensors(l->net) + read_nodes(l->net, l->hidden) + read_run(l) +
                                        read_data(l->w->ds) + make_of_model(l) + make_of_context(l->w->ctx) +
                                        save_and_load(l, number));
    return NULL;
}

/* All that sixnet.h says to read only; check_contract.py sees that nothing is missing. */
static void test_readers_at_once(void **state)
{
    (void)state;
    library l = {.w = fixture_setup("threads=2", deep_net)};
    pthread_t threads[4];
    build_library(&l);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &l), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&l.wrong), 0);
    assert_int_equal(rmdir(l.folder), 0);
    sixnet_batch_iterator_free(l.batches);
    sixnet_optimizer_free(l.opt);
    sixnet_predictor_free(l.predictor);
    sixnet_model_free(l.net);
    fixture_teardown(l.w);
}

/* ---- fork ---- */

enum { HANGS = 300 }; /* a child that takes so many seconds */

#ifdef __SANITIZE_THREAD__
static const char childs_threads[] =
    "threads=1"; /* the thread sanitizer takes new threads for those that the parent has */
#else
static const char childs_threads[] = "threads=3";
#endif

typedef struct forker {
    fixture *w;
    sixnet_predictor *p;
    const float *expected;
    int forks;
} forker;

static int child_works(const forker *f)
{
    float y[SAMPLES * CLASSES], z[SAMPLES * CLASSES];
    sixnet_model *copy;
    sixnet_optimizer *opt;
    alarm(HANGS);
    if (sixnet_predictor_predict(f->p, f->w->x, SAMPLES, y) || sixnet_model_predict(f->w->net, f->w->x, SAMPLES, z) ||
        memcmp(y, z, sizeof y) || sixnet_model_copy(&copy, f->w->net) ||
        sixnet_optimizer_new(&opt, copy, "sgd lr=0.1", NULL) ||
        sixnet_model_fit(copy, opt, f->w->ds, NULL, "epochs=1 batch_size=40", NULL, NULL))
        return 1;
    sixnet_optimizer_free(opt);
    sixnet_model_free(copy);
    return 0;
}

/* In the midst of a run, when the pool's threads are about to sleep or not. */
static int32_t fork_now(void *user, const sixnet_progress *progress)
{
    forker *f = user;
    int status = -1;
    (void)progress;
    if (f->forks-- <= 0)
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(child_works(f));
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    return 0;
}

static void test_children_go_on(void **state)
{
    (void)state;
    fixture *w = fixture_setup("threads=3", deep_net);
    forker f = {.w = w, .forks = is_quick() ? 5 : 60};
    sixnet_optimizer *opt;
    WORKS(sixnet_predictor_new(&f.p, w->net));
    WORKS(sixnet_optimizer_new(&opt, w->net, "sgd lr=0.01", NULL));
    assert_int_equal(sixnet_model_fit(w->net, opt, w->ds, NULL, "epochs=100 batch_size=40", fork_now, &f),
                     SIXNET_STOPPED);
    sixnet_optimizer_free(opt);
    sixnet_predictor_free(f.p);
    fixture_teardown(w);
}

/* What a child finds that does so: 0 if all is well. It is handed on by a pipe, as Valgrind may end a child with a status of its own, for what
 * the parent's other threads held. */
static int in_a_child(int (*act)(fixture *w), fixture *w)
{
    int ends[2], answer = -1;
    if (pipe(ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        alarm(HANGS);
        answer = act(w);
        _exit(write(ends[1], &answer, sizeof answer) != sizeof answer);
    }
    close(ends[1]);
    if (read(ends[0], &answer, sizeof answer) != sizeof answer)
        answer = -1;
    close(ends[0]);
    return child > 0 && waitpid(child, NULL, 0) == child ? answer : -1;
}

/* What a copy of the model becomes by training; "" if that fails. */
static digest digest_of_trained_copy(const fixture *w)
{
    digest d = {""};
    sixnet_model *copy;
    sixnet_optimizer *opt = NULL;
    int32_t status = sixnet_model_copy(&copy, w->net);
    if (!status)
        status = sixnet_optimizer_new(&opt, copy, "adam lr=0.01", NULL);
    if (!status)
        status = sixnet_model_fit(copy, opt, w->ds, NULL, "epochs=2 batch_size=40", NULL, NULL);
    if (!status)
        status = sixnet_model_digest(copy, d.text);
    sixnet_optimizer_free(opt);
    sixnet_model_free(copy);
    return status ? (digest){""} : d;
}

static digest alone; /* what the parent's copy became */

/* With the threads that it has not, and with new ones of its own. */
static int train_in_a_child(fixture *w)
{
    fixture own = *w;
    sixnet_context *ctx;
    if (strcmp(digest_of_trained_copy(w).text, alone.text) != 0 || sixnet_context_new(&ctx, childs_threads))
        return 1;
    if (sixnet_model_parse(&own.net, ctx, deep_net))
        return 2;
    int answer = strcmp(digest_of_trained_copy(&own).text, alone.text) != 0 ? 3 : 0;
    sixnet_model_free(own.net);
    sixnet_context_free(ctx);
    return answer;
}

/* A child may give back all that it inherited. */
static int free_in_a_child(fixture *w)
{
    int answer = train_in_a_child(w);
    sixnet_model_free(w->net);
    sixnet_dataset_free(w->ds);
    sixnet_context_free(w->ctx);
    return answer ? answer : atomic_load(&w->memory.blocks) ? 4 : 0;
}

static void test_children_free_what_they_inherit(void **state)
{
    (void)state;
    fixture *w = fixture_setup("threads=3", deep_net);
    alone = digest_of_trained_copy(w);
    assert_true(alone.text[0]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(in_a_child(free_in_a_child, w), 0);
        assert_same_digest(digest_of_trained_copy(w), alone); /* the parent's threads are still there */
    }
    fixture_teardown(w);
}

typedef struct busy {
    fixture *w;
    atomic_bool enough;
    atomic_int runs;
} busy;

static void *train_without_end(void *arg)
{
    busy *b = arg;
    while (!atomic_load(&b->enough)) {
        (void)digest_of_trained_copy(b->w);
        atomic_fetch_add(&b->runs, 1);
    }
    return NULL;
}

/* At any moment of a training in another thread, which holds the context's pool and is not there in the child. */
static void test_children_of_a_busy_process(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* another thread may have locked the sanitizer's own allocator, which stays locked in the child */
#endif
    fixture *w = fixture_setup("threads=3", deep_net);
    busy b = {.w = w};
    int status = 0;
    pthread_t thread;
    alone = digest_of_trained_copy(w);
    assert_int_equal(pthread_create(&thread, NULL, train_without_end, &b), 0);
    for (int i = 0; !status && (i < (is_quick() ? 4 : 40) || atomic_load(&b.runs) == 0); i++)
        status = in_a_child(train_in_a_child, w);
    atomic_store(&b.enough, true);
    pthread_join(thread, NULL);
    assert_int_equal(status, 0);
    assert_same_digest(digest_of_trained_copy(w), alone);
    fixture_teardown(w);
}

/* ---- ending a run ---- */

static void wait_microseconds(long count)
{
    nanosleep(&(struct timespec){count / 1000000, count % 1000000 * 1000}, NULL);
}

typedef struct canceller {
    pthread_t thread;
    sixnet_model *net;
    atomic_int reports, reports_then; /* batches told of, and when the flag was set */
    int most; /* batches after which the run waits for the flag, lest it ends before; 0: it does not */
    char options[256];
} canceller;

static void *cancel_soon(void *arg)
{
    canceller *c = arg;
    while (atomic_load(&c->reports) < 5)
        wait_microseconds(100);
    sixnet_model_cancel(c->net, 1);
    atomic_store(&c->reports_then, atomic_load(&c->reports));
    return NULL;
}

static int32_t count_report(void *user, const sixnet_progress *progress)
{
    canceller *c = user;
    (void)progress;
    int reports = atomic_fetch_add(&c->reports, 1) + 1;
    while (c->most && reports >= c->most && !atomic_load(&c->reports_then))
        wait_microseconds(100);
    return 0;
}

static const char *const stop_contexts[] = {"seed=3", "seed=3 threads=3"};

/* Ended by another thread in the middle of an epoch, and gone on with from its checkpoint. */
static void test_cancelled_by_a_thread(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        fixture *w = fixture_setup(stop_contexts[i], deep_net), *whole = fixture_setup(stop_contexts[i], deep_net);
        char path[] = "/tmp/sixnet-cancel-XXXXXX", resume[512];
        int file = mkstemp(path), epochs = is_quick() ? 40 : 400;
        canceller c = {.net = w->net, .most = 3 * epochs};
        sixnet_optimizer *opt;
        assert_true(file >= 0);
        close(file);
        unlink(path);
        WORKS(sixnet_optimizer_new(&opt, w->net, "adam lr=0.01", NULL));
        snprintf(c.options, sizeof c.options,
                 "epochs=%d batch_size=20 checkpoint=%s checkpoint_epochs=1000 checkpoint_best=false", epochs, path);
        snprintf(resume, sizeof resume, "%s resume=%s", c.options, path);
        assert_int_equal(pthread_create(&c.thread, NULL, cancel_soon, &c), 0);
        assert_int_equal(sixnet_model_fit(w->net, opt, w->ds, w->ds, c.options, count_report, &c), SIXNET_STOPPED);
        pthread_join(c.thread, NULL);
        assert_true(atomic_load(&c.reports) <= atomic_load(&c.reports_then) + 1 && all_finite(w->net));
        digest stopped = digest_of(w->net);
        assert_int_equal(sixnet_model_fit(w->net, opt, w->ds, w->ds, resume, count_report, &c), SIXNET_STOPPED);
        assert_same_digest(stopped, digest_of(w->net)); /* not taken back yet */
        sixnet_model_cancel(w->net, 0);
        WORKS(sixnet_model_fit(w->net, opt, w->ds, w->ds, resume, NULL, NULL));
        snprintf(resume, sizeof resume, "epochs=%d batch_size=20", epochs);
        assert_same_digest(digest_of(w->net), trained(whole->net, whole->ds, resume));
        unlink(path);
        sixnet_optimizer_free(opt);
        fixture_teardown(whole);
        fixture_teardown(w);
    }
}

static sixnet_model *for_signals;

static void on_alarm(int number)
{
    (void)number;
    sixnet_model_cancel(for_signals, 1);
}

static void alarm_after(long microseconds)
{
    struct itimerval timer = {.it_value = {microseconds / 1000000, microseconds % 1000000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* Ended by a signal handler wherever the run happens to be: what has been done is what as many batches do. */
static void test_cancelled_by_a_signal(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm}, before;
    sigaction(SIGALRM, &action, &before);
    for (int i = 0; i < 6; i++) {
        fixture *w = fixture_setup(stop_contexts[i % 2], deep_net),
                *same = fixture_setup(stop_contexts[i % 2], deep_net);
        canceller c = {0}, d = {0};
        sixnet_optimizer *opt, *other;
        for_signals = w->net;
        WORKS(sixnet_optimizer_new(&opt, w->net, "adam lr=0.01", NULL));
        alarm_after(3000 + 2711 * i);
        assert_int_equal(sixnet_model_fit(w->net, opt, w->ds, NULL, "epochs=1000000 batch_size=120", count_report, &c),
                         SIXNET_STOPPED);
        int done = (int)(atomic_load(&c.reports) + 1) / 2; /* a batch and an epoch's end each */
        WORKS(sixnet_optimizer_new(&other, same->net, "adam lr=0.01", NULL));
        snprintf(d.options, sizeof d.options, "epochs=%d batch_size=120", done ? done : 1);
        if (done)
            WORKS(sixnet_model_fit(same->net, other, same->ds, NULL, d.options, NULL, NULL));
        assert_same_digest(digest_of(w->net), digest_of(same->net));
        sixnet_optimizer_free(opt);
        sixnet_optimizer_free(other);
        fixture_teardown(w);
        fixture_teardown(same);
    }
    alarm_after(0);
    sigaction(SIGALRM, &before, NULL);
}

static void test_everything_that_can_be_cancelled(void **state)
{
    (void)state;
    fixture *w = fixture_setup("dtype=f64", branched_net);
    double x[2 * SIZE] = {0}, t[2] = {0}, worst = 7, loss = 7, accuracy = 7;
    float y[SAMPLES * CLASSES];
    sixnet_predictor *p;
    WORKS(sixnet_predictor_new(&p, w->net));
    digest before = digest_of(w->net);
    sixnet_model_cancel(NULL, 1);
    for (int round = 0; round < 2; round++) {
        int32_t expected = round ? SIXNET_OK : SIXNET_STOPPED;
        sixnet_model_cancel(w->net, !round);
        assert_int_equal(sixnet_model_evaluate(w->net, w->ds, &loss, &accuracy), expected);
        assert_int_equal(sixnet_model_predict(w->net, w->x, SAMPLES, y), expected);
        assert_int_equal(sixnet_model_predict(w->net, w->x, 1, y), expected);
        assert_int_equal(sixnet_predictor_predict(p, w->x, SAMPLES, y), expected);
        assert_int_equal(sixnet_model_gradient_check(w->net, x, t, 2, &worst, NULL), expected);
        assert_true((loss == 7 && accuracy == 7 && worst == 7) == !round);
    }
    assert_same_digest(before, digest_of(w->net));
    sixnet_predictor_free(p);
    fixture_teardown(w);
}

/* An evaluation, a prediction and a gradient check that would take long end when they are under way. */
static void *cancel_after_a_while(void *arg)
{
    wait_microseconds(20000);
    sixnet_model_cancel(arg, 1);
    return NULL;
}

static void test_cancelled_under_way(void **state)
{
    (void)state;
    enum { MANY = 400000 };
    fixture *w = fixture_setup("threads=2 seed=1", deep_net), *exact = fixture_setup("dtype=f64", deep_net);
    int64_t n = is_quick() ? MANY / 20 : MANY;
    float *x = calloc((size_t)n * SIZE, sizeof *x), *y = calloc((size_t)n * CLASSES, sizeof *y),
          *t = calloc((size_t)n, sizeof *t);
    double *d = calloc(SAMPLES * SIZE, sizeof *d), labels[SAMPLES] = {0}, worst;
    sixnet_dataset *ds;
    WORKS(sixnet_dataset_from_arrays(&ds, w->ctx, "shape=1x6x6 copy=false", x, t, n));
    int stopped = 0;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        sixnet_model *net = i < 2 ? w->net : exact->net;
        assert_int_equal(pthread_create(&thread, NULL, cancel_after_a_while, net), 0);
        int32_t status = i == 0   ? sixnet_model_evaluate(net, ds, NULL, NULL)
                         : i == 1 ? sixnet_model_predict(net, x, n, y)
                                  : sixnet_model_gradient_check(net, d, labels, SAMPLES, &worst, NULL);
        assert_true(!status || status == SIXNET_STOPPED);
        stopped += status == SIXNET_STOPPED;
        pthread_join(thread, NULL);
        sixnet_model_cancel(net, 0);
        WORKS(sixnet_model_predict(net, x, 100, y));
    }
    assert_true(stopped >= 1); /* all three, if the machine is not very fast */
    sixnet_dataset_free(ds);
    free(x);
    free(y);
    free(t);
    free(d);
    fixture_teardown(exact);
    fixture_teardown(w);
}

typedef struct canceller_within {
    sixnet_model *net;
    int calls;
} canceller_within;

static int32_t cancel_within(void *user, sixnet_layer_call *call)
{
    canceller_within *c = user;
    (void)call;
    c->calls++;
    sixnet_model_cancel(c->net, 1);
    return 0;
}

/* However few the samples are, no layer is begun after the request. */
static void test_cancelled_between_layers(void **state)
{
    (void)state;
    enum { MOST = 16 };
    static const float x[MOST] = {0};
    float y[MOST];
    canceller_within c = {0};
    sixnet_context *ctx;
    sixnet_predictor *predictor;
    WORKS(sixnet_context_new(&ctx, NULL));
    WORKS(sixnet_context_register_layer(ctx, "cancels", NULL, "f32", nothing_to_set_up, cancel_within, NULL, &c));
    c.net = parsed(ctx, "input shape=1\ncancels\nlinear out_features=1\ncancels\n");
    WORKS(sixnet_predictor_new(&predictor, c.net));
    for (int64_t n = 1; n <= MOST; n += MOST - 1) {
        assert_int_equal(sixnet_model_predict(c.net, x, n, y), SIXNET_STOPPED);
        sixnet_model_cancel(c.net, 0);
        assert_int_equal(sixnet_predictor_predict(predictor, x, n, y), SIXNET_STOPPED);
        sixnet_model_cancel(c.net, 0);
    }
    assert_int_equal(c.calls, 4);
    sixnet_predictor_free(predictor);
    sixnet_model_free(c.net);
    sixnet_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_predictors_have_the_same_bits),
        cmocka_unit_test(test_predictors_follow_the_model),
        cmocka_unit_test(test_predictors_are_freed_in_any_order),
        cmocka_unit_test(test_predictors_are_small),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_copies_go_on_alike),
        cmocka_unit_test(test_copies_keep_what_is_retained),
        cmocka_unit_test(test_eight_predict_while_a_copy_is_trained),
        cmocka_unit_test(test_layers_of_ones_own_in_predictors),
        cmocka_unit_test(test_readers_at_once),
        cmocka_unit_test(test_children_go_on),
        cmocka_unit_test(test_children_free_what_they_inherit),
        cmocka_unit_test(test_children_of_a_busy_process),
        cmocka_unit_test(test_cancelled_by_a_thread),
        cmocka_unit_test(test_cancelled_by_a_signal),
        cmocka_unit_test(test_everything_that_can_be_cancelled),
        cmocka_unit_test(test_cancelled_under_way),
        cmocka_unit_test(test_cancelled_between_layers),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
