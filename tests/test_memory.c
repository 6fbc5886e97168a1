/* SPDX-License-Identifier: MIT */
/* Memory, seen by an allocator of the caller's: every allocation that can fail fails once, what is announced is what is asked
 * for, a loop that runs allocates nothing, and all is given back. */

#include "api.h"

#include "sixnet/layer.h"

/* ---- every allocation fails ---- */

typedef struct world {
    ledger memory;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds, *validation;
    float *inputs, *targets;
    /* What a stage makes. */
    sixnet_context *new_ctx;
    sixnet_model *new_net;
    sixnet_optimizer *new_opt;
    sixnet_dataset *new_ds, *second_ds;
    sixnet_batches *batches;
} world;

enum { SAMPLES = 24, SIZE = 16 };

static const char net_text[] =
    "input shape=1x4x4\nconv2d out_channels=3 kernel_size=3 padding=1 name=c\nbatchnorm2d\nrelu name=r\n"
    "conv2d out_channels=3 kernel_size=1\nadd from=conv2,r\ndropout p=0.25\nmaxpool2d kernel_size=2\nflatten\n"
    "linear out_features=3\ncross_entropy\n";

static world *open_world(const char *options)
{
    world *w = calloc(1, sizeof *w);
    w->inputs = malloc(SAMPLES * SIZE * sizeof *w->inputs);
    w->targets = malloc(SAMPLES * sizeof *w->targets);
    fill_noise(w->inputs, SAMPLES * SIZE, 3);
    for (int i = 0; i < SAMPLES; i++)
        w->targets[i] = (float)(i % 3);
    w->ctx = ledger_context(&w->memory, options);
    w->net = parsed(w->ctx, net_text);
    WORKS(sixnet_optimizer_new(&w->opt, w->net, "adam lr=0.01", "step_lr step_size=3"));
    WORKS(sixnet_dataset_from_arrays(&w->ds, w->ctx, "shape=1x4x4", w->inputs, w->targets, SAMPLES));
    WORKS(sixnet_dataset_from_arrays(&w->validation, w->ctx, "shape=1x4x4", w->inputs, w->targets, 20));
    return w;
}

static void close_world(world *w)
{
    sixnet_batches_free(w->batches);
    sixnet_dataset_free(w->new_ds);
    sixnet_dataset_free(w->second_ds);
    sixnet_optimizer_free(w->new_opt);
    sixnet_model_free(w->new_net);
    sixnet_context_free(w->new_ctx);
    sixnet_dataset_free(w->ds);
    sixnet_dataset_free(w->validation);
    sixnet_optimizer_free(w->opt);
    sixnet_model_free(w->net);
    sixnet_context_free(w->ctx);
    ledger_close(&w->memory);
    free(w->inputs);
    free(w->targets);
    free(w);
}

static int32_t context_one(world *w)
{
    return sixnet_context_new_with_allocator(&w->new_ctx, "seed=3", ledger_malloc, ledger_free, &w->memory);
}

static int32_t context_threads(world *w)
{
    return sixnet_context_new_with_allocator(&w->new_ctx, "threads=3", ledger_malloc, ledger_free, &w->memory);
}

static int32_t model_new(world *w) { return sixnet_model_new(&w->new_net, w->ctx); }
static int32_t model_parse(world *w) { return sixnet_model_parse(&w->new_net, w->ctx, net_text); }

/* A net whose build fails reports that when it is compiled, and has to be built anew. */
static int32_t model_build(world *w)
{
    static const char *const specs[] = {"input shape=4", "linear out_features=8", "batchnorm1d",
                                        "relu",          "linear out_features=2", "mse"};
    sixnet_node x = SIXNET_NONE;
    sixnet_model_free(w->new_net);
    int32_t status = sixnet_model_new(&w->new_net, w->ctx);
    for (int i = 0; i < 20 && !status; i++) /* so many that the list of nodes grows */
        x = sixnet_add(w->new_net, specs[i < 3 ? i : i < 18 ? 3 : i - 14], x);
    return status ? status : sixnet_compile(w->new_net);
}

/* But compiling itself can be tried again. */
static int32_t model_compile(world *w)
{
    static const char *const specs[] = {"input shape=4", "linear out_features=8", "batchnorm1d", "linear out_features=2", "mse"};
    sixnet_node x = SIXNET_NONE;
    if (!w->new_net) {
        long long from = w->memory.fail_from, to = w->memory.fail_to;
        ledger_fail(&w->memory, 0, false);
        WORKS(sixnet_model_new(&w->new_net, w->ctx));
        for (int i = 0; i < 5; i++)
            x = sixnet_add(w->new_net, specs[i], x);
        atomic_store(&w->memory.calls, 0);
        w->memory.fail_from = from;
        w->memory.fail_to = to;
    }
    return sixnet_compile(w->new_net);
}

static int32_t text_status(const char *text)
{
    return text ? SIXNET_OK : strstr(sixnet_last_error(), "out of memory") ? SIXNET_OUT_OF_MEMORY : 1;
}

static int32_t summary(world *w) { return text_status(sixnet_summary(w->net)); }
static int32_t model_text(world *w) { return text_status(sixnet_model_text(w->net)); }

static int32_t reset(world *w) { return sixnet_reset(w->net, 0); }

static int32_t memory_needed(world *w)
{
    uint64_t bytes;
    return sixnet_memory_needed(w->net, 100, 1, &bytes);
}

static int32_t optimizer_new(world *w)
{
    return sixnet_optimizer_new(&w->new_opt, w->net, "adamw lr=0.01 weight_decay=0.1",
                                "linear_warmup steps=3 ; multistep_lr milestones=2,4");
}

static int32_t from_arrays(world *w)
{
    return sixnet_dataset_from_arrays(&w->new_ds, w->ctx, "shape=4x4", w->inputs, w->targets, SAMPLES);
}

static int32_t borrowed(world *w)
{
    return sixnet_dataset_from_arrays(&w->new_ds, w->ctx, "shape=4x4 copy=false", w->inputs, w->targets, SAMPLES);
}

static int32_t give_sample(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    for (int i = 0; i < SIZE; i++)
        input[i] = (float)(index + i);
    *target = (float)(index % 3);
    return 0;
}

static int32_t from_callback(world *w)
{
    float input[SIZE];
    int32_t status = w->new_ds ? SIXNET_OK : sixnet_dataset_from_callback(&w->new_ds, w->ctx, "shape=1x4x4", 5, give_sample, w);
    return status ? status : sixnet_dataset_get(w->new_ds, 3, input, NULL);
}

static int32_t split(world *w) { return sixnet_dataset_split(&w->new_ds, &w->second_ds, w->ds, "first=10"); }
static int32_t transform(world *w) { return sixnet_dataset_transform(w->ds, "normalize mean=0.1 std=2"); }
static int32_t batches(world *w) { return sixnet_batches_new(&w->batches, w->ds, "batch_size=7"); }

static int32_t forward(world *w) { return sixnet_forward(w->net, w->inputs, SAMPLES); }
static int32_t loss(world *w) { return sixnet_loss(w->net, w->targets, NULL); }

static int32_t train_step(world *w)
{
    int32_t status = forward(w);
    if (!status)
        status = loss(w);
    if (!status)
        status = sixnet_backward(w->net);
    return status ? status : sixnet_step(w->opt);
}

static int32_t predict(world *w)
{
    float outputs[SAMPLES * 3];
    return sixnet_predict(w->net, w->inputs, SAMPLES, outputs);
}

static int32_t predict_one(world *w)
{
    float outputs[3];
    return sixnet_predict(w->net, w->inputs, 1, outputs);
}

static int32_t evaluate(world *w)
{
    double value, accuracy;
    return sixnet_evaluate(w->net, w->ds, &value, &accuracy);
}

static int32_t gradient_check(world *w)
{
    double x[2 * SIZE], t[2] = {0, 2}, worst;
    for (int i = 0; i < 2 * SIZE; i++)
        x[i] = (double)w->inputs[i];
    return sixnet_gradient_check(w->net, x, t, 2, &worst, NULL);
}

static int32_t fit(world *w) { return sixnet_fit(w->net, w->opt, w->ds, "batch_size=8", NULL, NULL); }

static int32_t fit_validated(world *w)
{
    return sixnet_fit_validated(w->net, w->opt, w->ds, w->validation, "batch_size=10 epochs=2", NULL, NULL);
}

static int32_t keep_shape(void *user, sixnet_layer_setup *setup)
{
    (void)user;
    return sixnet_setup_parameter(setup, "gain", (const int64_t[]){2}, 1, 0, 1);
}

static int32_t compute_nothing(void *user, sixnet_layer_call *call)
{
    (void)user, (void)call;
    return 0;
}

static int32_t layer_register(world *w)
{
    return sixnet_layer_register(w->ctx, "own", "a=1 b=2", "f32", keep_shape, compute_nothing, compute_nothing, NULL);
}

static int32_t own_layer(world *w)
{
    const float x[4] = {1, 2, 3, 4};
    float y[4];
    int32_t status = w->new_net ? SIXNET_OK : layer_register(w);
    if (!status && !w->new_net)
        w->new_net = NULL, status = sixnet_model_parse(&w->new_net, w->ctx, "input shape=2\nown\nlinear out_features=2");
    if (!status)
        status = sixnet_forward(w->new_net, x, 2);
    return status ? status : sixnet_predict(w->new_net, x, 2, y);
}

static const struct stage {
    const char *name;
    int32_t (*run)(world *);
    bool moves; /* the model may be changed by what was done before memory was out */
    bool once;  /* cannot be done a second time: what was done stays */
} stages[] = {
    {"context", context_one, false, false},
    {"context with threads", context_threads, false, false},
    {"model", model_new, false, false},
    {"parse", model_parse, false, false},
    {"build", model_build, false, false},
    {"compile", model_compile, false, false},
    {"summary", summary, false, false},
    {"text", model_text, false, false},
    {"reset", reset, false, false},
    {"memory_needed", memory_needed, false, false},
    {"optimizer", optimizer_new, false, false},
    {"arrays", from_arrays, false, false},
    {"borrowed arrays", borrowed, false, false},
    {"callback", from_callback, false, false},
    {"split", split, false, false},
    {"transform", transform, false, false},
    {"batches", batches, false, false},
    {"forward", forward, false, false},
    {"step", train_step, false, false},
    {"predict", predict, false, false},
    {"predict one", predict_one, false, false},
    {"evaluate", evaluate, false, false},
    {"gradient_check", gradient_check, false, false},
    {"fit", fit, true, false},
    {"fit validated", fit_validated, true, false},
    {"register", layer_register, false, false},
    {"own layer", own_layer, false, true},
};

/* The digest that the model has after a stage that nothing disturbed. */
static digest undisturbed(const struct stage *s, const char *options)
{
    world *w = open_world(options);
    WORKS(s->run(w));
    digest d = digest_of(w->net);
    close_world(w);
    return d;
}

/* Lets the count-th allocation of a stage fail; false if it has not so many. */
static bool fail_at(const struct stage *s, const char *options, long long count, bool forever, digest expected)
{
    world *w = open_world(options);
    digest before = digest_of(w->net);
    ledger_fail(&w->memory, count, forever);
    int32_t status = s->run(w);
    bool failed = atomic_load(&w->memory.calls) >= count;
    ledger_fail(&w->memory, 0, false);
    if (status != (failed ? SIXNET_OUT_OF_MEMORY : SIXNET_OK))
        fail_msg("%s, allocation %lld: status %d, '%s'", s->name, count, (int)status, sixnet_last_error());
    if (failed && !strstr(sixnet_last_error(), "out of memory"))
        fail_msg("%s, allocation %lld: '%s'", s->name, count, sixnet_last_error());
    if (failed && !s->moves)
        assert_same_digest(before, digest_of(w->net));
    bool again = failed && !forever && !s->once; /* what failed can be given up as well */
    if (again && s->run(w) != SIXNET_OK)
        fail_msg("%s, after allocation %lld: '%s'", s->name, count, sixnet_last_error());
    if ((again || !failed) && !s->moves && !s->once)
        assert_same_digest(expected, digest_of(w->net));
    close_world(w);
    return failed;
}

static void sweep(const struct stage *s, const char *options)
{
    digest expected = undisturbed(s, options);
    for (int forever = 0; forever < 2; forever++) {
        long long count = 1;
        while (fail_at(s, options, count, forever, expected))
            count += is_quick() ? 1 + count / 4 : 1;
    }
}

static void test_every_allocation_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        sweep(&stages[i], "seed=2");
}

static void test_every_allocation_fails_with_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (!is_quick() || stages[i].run == train_step)
            sweep(&stages[i], "seed=2 threads=2 dtype=f64");
}

/* A batch that is too large for the memory there is leaves the plan for smaller ones. */
static void test_a_batch_too_large(void **state)
{
    (void)state;
    world *w = open_world("");
    float values[8 * 3], again[8 * 3];
    WORKS(sixnet_forward(w->net, w->inputs, 8));
    WORKS(sixnet_node_values(w->net, 9, values, 8 * 3));
    ledger_fail(&w->memory, 1, true);
    watched = w->net;
    FAILS(SIXNET_OUT_OF_MEMORY, sixnet_forward(w->net, w->inputs, SAMPLES), "out of memory");
    watched = NULL;
    WORKS(sixnet_node_values(w->net, 9, again, 8 * 3)); /* the pass before is still there, */
    assert_memory_equal(values, again, sizeof values);
    WORKS(sixnet_loss(w->net, w->targets, NULL)); /* and can be gone on with */
    WORKS(sixnet_backward(w->net));
    WORKS(sixnet_forward(w->net, w->inputs, 8));
    ledger_fail(&w->memory, 0, false);
    close_world(w);
}

/* ---- a loop allocates nothing ---- */

static long long calls_so_far(const world *w) { return atomic_load(&w->memory.calls); }

static void test_a_loop_allocates_nothing(void **state)
{
    (void)state;
    world *w = open_world("threads=2");
    WORKS(train_step(w));
    WORKS(predict(w));
    WORKS(predict_one(w));
    long long calls = calls_so_far(w);
    for (int i = 0; i < 5; i++) {
        WORKS(sixnet_zero_grad(w->net));
        WORKS(sixnet_forward(w->net, w->inputs, SAMPLES - 3 * i));
        WORKS(sixnet_loss(w->net, w->targets, NULL));
        WORKS(sixnet_backward(w->net));
        WORKS(sixnet_step(w->opt));
        WORKS(predict(w));
        WORKS(predict_one(w));
        WORKS(sixnet_reset(w->net, 1));
        WORKS(sixnet_schedule_epoch(w->opt, 1));
    }
    assert_true(calls == calls_so_far(w));
    close_world(w);
}

/* ---- what is needed is said before ---- */

typedef struct need {
    const char *text;
    int64_t inputs, outputs;
} need;

static const need needs[] = {
    {"input shape=2\nlinear out_features=2\nmse", 2, 2},
    {"input shape=64\nlinear out_features=512\nrelu\nlinear out_features=8\nmse", 64, 8},
    {"input shape=3x12x12\nconv2d out_channels=8 kernel_size=3 padding=1 bias=false\nrelu\nbatchnorm2d\ndropout p=0.1\nmaxpool2d "
     "kernel_size=2\nconv2d out_channels=4 kernel_size=1\nadaptive_avgpool2d output_size=1\nflatten\nlinear out_features=5\nmse",
     432, 5},
    {"input shape=10\nembedding num_embeddings=50 embedding_dim=16\nlayernorm normalized_shape=16\ngelu\nflatten\nlinear "
     "out_features=4\n"
     "softmax\nmse",
     10, 4},
    {"input shape=6\nlinear out_features=32 name=a\ntanh name=b\nadd from=a,b\nmul from=add1,b\nconcat from=mul1,a\nlinear "
     "out_features=3\nmse",
     6, 3},
};

static sixnet_model *built(sixnet_context *ctx, const char *text)
{
    sixnet_model *net, *template = parsed(NULL, text);
    WORKS(sixnet_model_new(&net, ctx));
    for (sixnet_node i = 0; i < sixnet_node_count(template); i++) {
        const char *spec = sixnet_node_get(template, i, "spec"), *from = strstr(spec, " from=");
        char names[64] = "";
        sixnet_node inputs[2] = {i - 1, 0};
        int32_t count = 1;
        snprintf(names, sizeof names, "%s", from ? from + 6 : "");
        char *comma = strchr(names, ',');
        if (comma) {
            *comma = '\0';
            inputs[count++] = sixnet_node_find(net, comma + 1);
        }
        if (from)
            inputs[0] = sixnet_node_find(net, names);
        assert_int_equal(sixnet_add_multi(net, spec, inputs, count), i);
    }
    sixnet_model_free(template);
    return net;
}

static uint64_t asked(sixnet_model *net, int64_t n, int32_t training)
{
    uint64_t bytes = 0;
    WORKS(sixnet_memory_needed(net, n, training, &bytes));
    return bytes;
}

static void run_pass(sixnet_model *net, const need *d, int64_t n, bool training)
{
    float *x = calloc((size_t)(n * (d->inputs + d->outputs)), sizeof *x), *y = x + n * d->inputs;
    WORKS(sixnet_compile(net));
    if (training) {
        WORKS(sixnet_forward(net, x, n));
        WORKS(sixnet_loss(net, y, NULL));
        WORKS(sixnet_backward(net));
    } else {
        WORKS(sixnet_predict(net, x, n, y));
    }
    free(x);
}

static void check_need(const need *d, const char *options, int64_t n, bool training)
{
    ledger memory = {0};
    sixnet_context *ctx = ledger_context(&memory, options);
    sixnet_model *net = built(ctx, d->text);
    long long live = atomic_load(&memory.live);
    uint64_t bytes = asked(net, n, training);
    assert_true(atomic_load(&memory.live) == live);
    atomic_store(&memory.peak, live);
    run_pass(net, d, n, training);
    double used = (double)(atomic_load(&memory.peak) - live);
    if (!((double)bytes >= used && (double)bytes <= 1.5 * used))
        fail_msg("%s\n%s, n = %d, training %d: %.0f bytes were announced, %.0f used", d->text, options, (int)n, training,
                 (double)bytes, used);
    assert_true(asked(net, n, training) == bytes); /* compiled, it needs the same */
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    ledger_close(&memory);
}

static void test_needs_are_announced(void **state)
{
    (void)state;
    static const char *const options[] = {"", "dtype=f64", "threads=2"};
    static const int64_t sizes[] = {1, 16, 33, 200};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        for (int o = 0; o < 3; o++)
            for (int s = 0; s < (is_quick() ? 2 : 4); s++) {
                int64_t n = i == 2 && sizes[s] == 1 ? 2 : sizes[s];
                check_need(&needs[i], options[o], n, true);
                check_need(&needs[i], options[o], n, false);
            }
}

static void test_needs_that_cannot_be(void **state)
{
    (void)state;
    sixnet_model *net;
    uint64_t bytes = 7;
    WORKS(sixnet_model_new(&net, NULL));
    FAILS(SIXNET_BAD_STATE, sixnet_memory_needed(net, 1, 1, &bytes), "no nodes");
    sixnet_node x = sixnet_add(net, "input shape=1099511627776", SIXNET_NONE), y = sixnet_add(net, "gelu name=a", x);
    sixnet_add(net, "mse", sixnet_add_multi(net, "mul name=b", (const sixnet_node[]){x, y}, 2));
    FAILS(SIXNET_TOO_LARGE, sixnet_memory_needed(net, 268435456, 1, &bytes), "more memory");
    FAILS(SIXNET_TOO_LARGE, sixnet_memory_needed(net, 268435457, 1, &bytes), "268435457");
    assert_true(bytes == 7);
    assert_true(asked(net, 1, 1) > (uint64_t)1 << 40);
    sixnet_add(net, "tanh name=idle", x);
    FAILS(SIXNET_BAD_SHAPE, sixnet_memory_needed(net, 1, 1, &bytes), "idle");
    sixnet_model_free(net);
}

/* More samples need more memory, and a batch that fits the lanes of the last group needs no more. */
static void test_needs_grow(void **state)
{
    (void)state;
    sixnet_model *net = parsed(NULL, needs[2].text);
    assert_true(asked(net, 17, 1) > asked(net, 16, 1));
    assert_true(asked(net, 32, 1) == asked(net, 17, 1));
    assert_true(asked(net, 1000, 0) == asked(net, 16, 0));
    assert_true(asked(net, 16, 0) < asked(net, 16, 1));
    sixnet_model_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_every_allocation_fails_with_threads),
        cmocka_unit_test(test_a_batch_too_large),
        cmocka_unit_test(test_a_loop_allocates_nothing),
        cmocka_unit_test(test_needs_are_announced),
        cmocka_unit_test(test_needs_that_cannot_be),
        cmocka_unit_test(test_needs_grow),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
