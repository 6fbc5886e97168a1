/* SPDX-License-Identifier: MIT */
/* Memory, seen by an allocator of the caller's: what is announced is what is asked for, a loop that runs allocates nothing, and all is
 * given back. (Allocations that fail are in test_faults.c.) */

#include "api.h"

#include "base/context.h"
#include "graph/plan.h"
#include "simd/lane.h"

typedef struct fixture {
    ledger memory;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    float *inputs, *targets;
} fixture;

enum { SAMPLES = 24, SIZE = 16 };

static const char net_text[] =
    "input shape=1x4x4\nconv2d out_channels=3 kernel_size=3 padding=1 name=c\nbatchnorm2d\nrelu name=r\n"
    "conv2d out_channels=3 kernel_size=1\nadd from=conv2,r\ndropout p=0.25\nmaxpool2d kernel_size=2\nflatten\n"
    "linear out_features=3\ncross_entropy\n";

static fixture *fixture_setup(const char *options)
{
    fixture *w = calloc(1, sizeof *w);
    w->inputs = malloc(SAMPLES * SIZE * sizeof *w->inputs);
    w->targets = malloc(SAMPLES * sizeof *w->targets);
    fill_noise(w->inputs, SAMPLES * SIZE, 3);
    for (int i = 0; i < SAMPLES; i++)
        w->targets[i] = (float)(i % 3);
    w->ctx = ledger_context(&w->memory, options);
    w->net = parsed(w->ctx, net_text);
    WORKS(sixnet_optimizer_new(&w->opt, w->net, "adam lr=0.01", "step_lr step_size=3"));
    return w;
}

static void fixture_teardown(fixture *w)
{
    close_all(&w->memory, w->ctx, w->net, w->opt, NULL);
    free(w->inputs);
    free(w->targets);
    free(w);
}

static void train_step(fixture *w)
{
    WORKS(sixnet_model_forward(w->net, w->inputs, SAMPLES));
    WORKS(sixnet_model_loss(w->net, w->targets, NULL));
    WORKS(sixnet_model_backward(w->net));
    WORKS(sixnet_optimizer_step(w->opt));
}

static void predict(fixture *w, int64_t n)
{
    float outputs[SAMPLES * 3];
    WORKS(sixnet_model_predict(w->net, w->inputs, n, outputs));
}

/* ---- memory that is not there ---- */

/* A batch that is too large for the memory there is leaves the plan for smaller ones. */
static void test_a_batch_too_large(void **state)
{
    (void)state;
    fixture *w = fixture_setup("");
    float values[8 * 3], again[8 * 3];
    WORKS(sixnet_model_forward(w->net, w->inputs, 8));
    WORKS(sixnet_node_values(w->net, 9, values, 8 * 3));
    ledger_fail(&w->memory, 1, true);
    watched = w->net;
    FAILS(SIXNET_OUT_OF_MEMORY, sixnet_model_forward(w->net, w->inputs, SAMPLES), "out of memory");
    watched = NULL;
    WORKS(sixnet_node_values(w->net, 9, again, 8 * 3)); /* the pass before is still there, */
    assert_memory_equal(values, again, sizeof values);
    WORKS(sixnet_model_loss(w->net, w->targets, NULL)); /* and can be gone on with */
    WORKS(sixnet_model_backward(w->net));
    WORKS(sixnet_model_forward(w->net, w->inputs, 8));
    ledger_fail(&w->memory, 0, false);
    fixture_teardown(w);
}

/* ---- a loop allocates nothing ---- */

static long long calls_so_far(const fixture *w) { return atomic_load(&w->memory.calls); }

static void test_a_loop_allocates_nothing(void **state)
{
    (void)state;
    fixture *w = fixture_setup("threads=2");
    train_step(w);
    predict(w, SAMPLES);
    predict(w, 1);
    long long calls = calls_so_far(w);
    for (int i = 0; i < 5; i++) {
        WORKS(sixnet_model_zero_grad(w->net));
        WORKS(sixnet_model_forward(w->net, w->inputs, SAMPLES - 3 * i));
        WORKS(sixnet_model_loss(w->net, w->targets, NULL));
        WORKS(sixnet_model_backward(w->net));
        WORKS(sixnet_optimizer_step(w->opt));
        predict(w, SAMPLES);
        predict(w, 1);
        WORKS(sixnet_model_reset(w->net, 1));
        WORKS(sixnet_optimizer_end_epoch(w->opt, 1));
    }
    assert_true(calls == calls_so_far(w));
    fixture_teardown(w);
}

/* ---- what is needed is said before ---- */

typedef struct need {
    const char *text;
    int64_t inputs, outputs;
} need;

static const need needs[] = {
    {"input shape=2\nlinear out_features=2\nmse", 2, 2},
    {"input shape=64\nlinear out_features=512\nrelu\nlinear out_features=8\nmse", 64, 8},
    {"input shape=3x12x12\nconv2d out_channels=8 kernel_size=3 padding=1 bias=false\nrelu\nbatchnorm2d\ndropout "
     "p=0.1\nmaxpool2d "
     "kernel_size=2\nconv2d out_channels=4 kernel_size=1\nadaptive_avgpool2d output_size=1\nflatten\nlinear "
     "out_features=5\nmse",
     432, 5},
    {"input shape=10\nembedding num_embeddings=50 embedding_dim=16\nlayernorm "
     "normalized_shape=16\ngelu\nflatten\nlinear "
     "out_features=4\n"
     "softmax\nmse",
     10, 4},
    {"input shape=6\nlinear out_features=32 name=a\ntanh name=b\nadd from=a,b\nmul from=add1,b\nconcat "
     "from=mul1,a\nlinear "
     "out_features=3\nmse",
     6, 3},
};

/* What is computed decides what it takes, not how far apart a window's values, or windows, are. */
static void test_scratch_of_far_windows(void **state)
{
    (void)state;
    static const char *const layers[] = {
        "conv2d out_channels=3 kernel_size=3 stride=244444",
        "conv2d out_channels=3 kernel_size=3 stride=1048576 padding=1",
        "conv2d out_channels=3 kernel_size=2 dilation=1048576 padding=524288",
        "conv2d out_channels=3 kernel_size=2 dilation=600000 stride=900000 padding=1048576",
        "conv2d out_channels=3 kernel_size=3 dilation=1048576 padding=1048576 stride=7",
        "maxpool2d kernel_size=3 stride=1048576",
        "maxpool2d kernel_size=1048576 stride=1048576 padding=524288",
        "avgpool2d kernel_size=1048576 stride=1048576 padding=524288",
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        char text[160];
        uint64_t one, many, training;
        snprintf(text, sizeof text, "input shape=3x5x5\n%s\nmse\n", layers[i]);
        sixnet_model *net = parsed(NULL, text);
        WORKS(sixnet_model_memory_needed(net, 1, 0, &one));
        WORKS(sixnet_model_memory_needed(net, 100, 0, &many));
        WORKS(sixnet_model_memory_needed(net, 16, 1, &training));
        if (one > 200000 || many > 200000 || training > 1000000)
            fail_msg("%s: %llu bytes for one sample, %llu for many, %llu to train", layers[i], (unsigned long long)one,
                     (unsigned long long)many, (unsigned long long)training);
        sixnet_model_free(net);
    }
}

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
        assert_int_equal(sixnet_model_add_multi(net, spec, inputs, count), i);
    }
    sixnet_model_free(template);
    return net;
}

static uint64_t asked(sixnet_model *net, int64_t n, int32_t training)
{
    uint64_t bytes = 0;
    WORKS(sixnet_model_memory_needed(net, n, training, &bytes));
    return bytes;
}

static void run_pass(sixnet_model *net, const need *d, int64_t n, bool training)
{
    float *x = calloc((size_t)(n * (d->inputs + d->outputs)), sizeof *x), *y = x + n * d->inputs;
    WORKS(sixnet_model_compile(net));
    if (training) {
        WORKS(sixnet_model_forward(net, x, n));
        WORKS(sixnet_model_loss(net, y, NULL));
        WORKS(sixnet_model_backward(net));
    } else {
        WORKS(sixnet_model_predict(net, x, n, y));
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
        fail_msg("%s\n%s, n = %d, training %d: %.0f bytes were announced, %.0f used", d->text, options, (int)n,
                 training, (double)bytes, used);
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

/* What a plan says of itself is what it has: its memory and the struct. */
static void test_the_size_of_a_plan(void **state)
{
    (void)state;
    static const struct {
        int32_t groups, lanes;
        bool training;
    } cases[] = {{1, SIX_LANES, true}, {3, SIX_LANES, true}, {2, SIX_LANES, false}, {1, 1, false}};
    ledger memory = {0};
    sixnet_context *ctx = ledger_context(&memory, "");
    sixnet_model *net = parsed(ctx, "input shape=5\nlinear out_features=7\nrelu\nlinear out_features=2\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        long long live = atomic_load(&memory.live);
        six_plan *plan;
        WORKS(six_plan_new(&plan, net, cases[i].groups, cases[i].training, cases[i].lanes, NULL));
        assert_int_equal(plan->bytes + sizeof *plan + 2 * (SIX_ALLOC_EXTRA - 1), atomic_load(&memory.live) - live);
        six_plan_free(plan);
        assert_true(atomic_load(&memory.live) == live);
    }
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    ledger_close(&memory);
}

/* The values of a group of samples, at the two layers that take most, and the weights that are packed are what a predictor needs; 2 KB more for
 * each node. */
static void test_the_size_of_a_predictor(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long long values, packed, nodes;
    } cases[] = {
        {"input shape=784\nlinear out_features=32\nrelu\nlinear out_features=10\n", 784 + 32, 784 * 32 + 32 * 16, 4},
        {"input shape=1x28x28\nconv2d out_channels=8 kernel_size=5\nrelu\nmaxpool2d kernel_size=2\nflatten\nlinear "
         "out_features=10\n"
         "cross_entropy\n",
         8 * (24 * 24 + 12 * 12), 2 * 8 * 25 + 1152 * 16, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ledger memory = {0};
        sixnet_predictor *predictor;
        uint64_t bytes;
        sixnet_context *ctx = ledger_context(&memory, "");
        sixnet_model *net = parsed(ctx, cases[i].text);
        const long long live = atomic_load(&memory.live),
                        most = 4 * (16 * cases[i].values + cases[i].packed) + 2048 * cases[i].nodes;
        WORKS(sixnet_predictor_new(&predictor, net));
        WORKS(sixnet_predictor_memory(predictor, &bytes));
        assert_int_equal(bytes, atomic_load(&memory.live) - live);
        if ((long long)bytes > most)
            fail_msg("case %zu: a predictor takes %llu bytes, more than %lld", i, (unsigned long long)bytes, most);
        sixnet_predictor_free(predictor);
        sixnet_model_free(net);
        sixnet_context_free(ctx);
        ledger_close(&memory);
    }
}

static void test_needs_that_cannot_be(void **state)
{
    (void)state;
    sixnet_model *net;
    uint64_t bytes = 7;
    WORKS(sixnet_model_new(&net, NULL));
    FAILS(SIXNET_BAD_STATE, sixnet_model_memory_needed(net, 1, 1, &bytes), "no nodes");
    sixnet_node x = sixnet_model_add(net, "input shape=1099511627776", SIXNET_NO_NODE),
                y = sixnet_model_add(net, "gelu name=a", x);
    sixnet_model_add(net, "mse", sixnet_model_add_multi(net, "mul name=b", (const sixnet_node[]){x, y}, 2));
    FAILS(SIXNET_TOO_LARGE, sixnet_model_memory_needed(net, 268435456, 1, &bytes), "more memory");
    FAILS(SIXNET_TOO_LARGE, sixnet_model_memory_needed(net, 268435457, 1, &bytes), "268435457");
    assert_true(bytes == 7);
    assert_true(asked(net, 1, 1) > (uint64_t)1 << 40);
    sixnet_model_add(net, "tanh name=idle", x);
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_memory_needed(net, 1, 1, &bytes), "idle");
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

/* ---- max_memory ---- */

/* What a net takes, contexts aside: the least max_memory under which it can be made. */
static long long cost_of(const char *text)
{
    ledger memory = {0};
    sixnet_context *ctx = ledger_context(&memory, "");
    long long live = atomic_load(&memory.live);
    atomic_store(&memory.peak, live);
    sixnet_model_free(parsed(ctx, text));
    long long cost = atomic_load(&memory.peak) - live;
    sixnet_context_free(ctx);
    ledger_close(&memory);
    return cost;
}

static sixnet_context *limited(ledger *memory, long long most)
{
    char options[64];
    *memory = (ledger){0};
    snprintf(options, sizeof options, "max_memory=%lld", most);
    return ledger_context(memory, options);
}

static void test_max_memory_is_exact(void **state)
{
    (void)state;
    ledger memory;
    sixnet_model *net;
    const long long cost = cost_of(needs[0].text);
    sixnet_context *ctx = limited(&memory, cost);
    for (int i = 0; i < 100; i++) /* what is freed can be used again */
        sixnet_model_free(parsed(ctx, needs[0].text));
    sixnet_context_free(ctx);
    ledger_close(&memory);
    ctx = limited(&memory, cost - 1);
    FAILS(SIXNET_OUT_OF_MEMORY, sixnet_model_parse(&net, ctx, needs[0].text), "would exceed max_memory=");
    assert_null(net);
    sixnet_context_free(ctx);
    ledger_close(&memory);
}

/* A few words can ask for any amount of memory, and for the time to fill it. */
static void test_max_memory_stops_explosions(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "input shape=1000\nlinear out_features=1000000\n",
        "input shape=3\nembedding num_embeddings=1000000 embedding_dim=900\n",
        "input shape=1000x1000x1000\nlayernorm normalized_shape=1000x1000x1000\n",
    };
    ledger memory;
    sixnet_context *ctx = limited(&memory, 1 << 20);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sixnet_model *net;
        FAILS(SIXNET_OUT_OF_MEMORY, sixnet_model_parse(&net, ctx, texts[i]), "max_memory=1048576");
        assert_true(atomic_load(&memory.peak) <= (1 << 20) + 4096);
    }
    sixnet_context_free(ctx);
    ledger_close(&memory);
}

/* Values are numbered through all nodes' outputs, one for each. */
static void test_every_output_is_one_value(void **state)
{
    (void)state;
    sixnet_model *net = NULL;
    assert_int_equal(sixnet_model_parse(&net, NULL,
                                        "input shape=6\nsplit sizes=1,2,3\nlinear out_features=2 from=split1:1\n"
                                        "linear out_features=2 from=split1:2\nadd from=linear1,linear2\nmse\n"),
                     SIXNET_OK);
    int32_t outputs = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        assert_int_equal(net->node[i].first_value, outputs);
        outputs += net->node[i].op->outputs;
    }
    assert_int_equal(net->value_count, outputs);
    for (int32_t v = 0; v < net->value_count; v++)
        assert_int_equal(net->node[net->value[v].node].first_value + net->value[v].output, v);
    sixnet_model_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_output_is_one_value),   cmocka_unit_test(test_a_batch_too_large),
        cmocka_unit_test(test_a_loop_allocates_nothing),    cmocka_unit_test(test_needs_are_announced),
        cmocka_unit_test(test_the_size_of_a_plan),          cmocka_unit_test(test_the_size_of_a_predictor),
        cmocka_unit_test(test_needs_that_cannot_be),        cmocka_unit_test(test_needs_grow),
        cmocka_unit_test(test_scratch_of_far_windows),      cmocka_unit_test(test_max_memory_is_exact),
        cmocka_unit_test(test_max_memory_stops_explosions),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
