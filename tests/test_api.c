/* SPDX-License-Identifier: MIT */
/* The wall of the public API: what it refuses, in what words, and that nothing has changed then; how nets are built, and who keeps whom
 * alive. */

#include "api.h"

#include "sixnet/layer.h"

/* ---- a small world ---- */

typedef struct world {
    ledger memory;
    sixnet_context *ctx;
    sixnet_model *net; /* 2 -> 4 -> 3 classes, with a batch norm */
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    float inputs[16 * 2], targets[16];
} world;

static const char small_net[] =
    "input shape=2 name=in\nlinear out_features=4 name=first\nbatchnorm1d name=norm\ntanh name=curve\n"
    "linear out_features=3 name=last\ncross_entropy name=error\n";

static int open_world(void **state)
{
    world *w = calloc(1, sizeof *w);
    w->ctx = ledger_context(&w->memory, "seed=5");
    w->net = parsed(w->ctx, small_net);
    fill_noise(w->inputs, 32, 1);
    for (int i = 0; i < 16; i++)
        w->targets[i] = (float)(i % 3);
    WORKS(sixnet_optimizer_new(&w->opt, w->net, "sgd lr=0.1 momentum=0.9", NULL));
    WORKS(sixnet_dataset_from_arrays(&w->ds, w->ctx, "shape=2", w->inputs, w->targets, 16));
    watched = w->net;
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    world *w = *state;
    watched = NULL;
    sixnet_dataset_free(w->ds);
    sixnet_optimizer_free(w->opt);
    sixnet_model_free(w->net);
    sixnet_context_free(w->ctx);
    ledger_close(&w->memory);
    free(w);
    return 0;
}

static sixnet_model *empty(world *w)
{
    sixnet_model *net;
    WORKS(sixnet_model_new(&net, w->ctx));
    return net;
}

/* ---- arguments ---- */

static void test_status(void **state)
{
    (void)state;
    char version[64];
    int32_t number = sixnet_version_number();
    for (int32_t status = -13; status <= 1; status++)
        assert_memory_equal(sixnet_status_name(status), "SIXNET_", 7);
    assert_string_equal(sixnet_status_name(SIXNET_BAD_SHAPE), "SIXNET_BAD_SHAPE");
    assert_string_equal(sixnet_status_name(SIXNET_UNSUPPORTED), "SIXNET_UNSUPPORTED");
    assert_null(sixnet_status_name(2));
    assert_null(sixnet_status_name(-14));
    assert_null(sixnet_status_name(INT32_MIN));
    assert_null(sixnet_status_name(INT32_MAX));
    snprintf(version, sizeof version, "%d.%d.%d", number / 1000000, number / 1000 % 1000, number % 1000);
    assert_string_equal(sixnet_version(), version);
    assert_int_equal(number, SIXNET_VERSION_MAJOR * 1000000 + SIXNET_VERSION_MINOR * 1000 + SIXNET_VERSION_PATCH);
}

static void test_context_arguments(void **state)
{
    world *w = *state;
    sixnet_context *ctx = w->ctx;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_new(NULL, NULL), "sixnet_context_new", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_new_with_allocator(NULL, "", NULL, NULL, NULL), "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_new_with_allocator(&ctx, "", ledger_malloc, NULL, NULL), "both");
    assert_null(ctx);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_new_with_allocator(&ctx, "", NULL, ledger_free, NULL), "both");
    FAILS(SIXNET_BAD_TEXT, sixnet_context_new(&ctx, "thread=2"), "thread", "did you mean 'threads'");
    FAILS(SIXNET_BAD_TEXT, sixnet_context_new(&ctx, "threads=-1"), "threads=-1", "0 to 1024");
    FAILS(SIXNET_BAD_TEXT, sixnet_context_new(&ctx, "dtype=f16"), "dtype=f16", "f32 f64");
    FAILS(SIXNET_BAD_TEXT, sixnet_context_new(&ctx, "isa=sse9"), "isa=sse9", "avx2");
    FAILS(SIXNET_BAD_TEXT, sixnet_context_new(&ctx, "seed=-1"), "seed=-1");
    FAILS(SIXNET_BAD_TEXT, sixnet_context_new(&ctx, "seed=1 seed=2"), "seed", "twice");
    FAILS(SIXNET_UNSUPPORTED, sixnet_context_new(&ctx, "isa=neon"), "isa=neon");
    assert_null(ctx);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_set_log(NULL, NULL, NULL), "ctx");
    FAILS_NULL(sixnet_context_get(NULL, "isa"), "ctx");
    FAILS_NULL(sixnet_context_get(w->ctx, NULL), "key");
    FAILS_NULL(sixnet_context_get(w->ctx, "colour"), "colour", "isa", "seed");
}

static void test_context_settings(void **state)
{
    (void)state;
    sixnet_context *ctx;
    WORKS(sixnet_context_new(&ctx, "threads=2 dtype=f64 seed=9007199254740992 isa=baseline"));
    assert_string_equal(sixnet_context_get(ctx, "threads"), "2");
    assert_string_equal(sixnet_context_get(ctx, "dtype"), "f64");
    assert_string_equal(sixnet_context_get(ctx, "seed"), "9007199254740992");
    assert_string_equal(sixnet_context_get(ctx, "isa"), "generic");
    sixnet_context_free(ctx);
    WORKS(sixnet_context_new(&ctx, "isa=baseline"));
    assert_string_equal(sixnet_context_get(ctx, "isa"), "baseline");
    assert_string_equal(sixnet_context_get(ctx, "threads"), "1");
    assert_string_equal(sixnet_context_get(ctx, "dtype"), "f32");
    assert_string_equal(sixnet_context_get(ctx, "seed"), "0");
    sixnet_context_free(ctx);
    WORKS(sixnet_context_new(&ctx, "threads=0"));
    assert_true(atoi(sixnet_context_get(ctx, "threads")) >= 1);
    sixnet_context_free(ctx);
}

static void test_model_arguments(void **state)
{
    world *w = *state;
    sixnet_model *net = w->net;
    uint64_t bytes = 7;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_new(NULL, w->ctx), "sixnet_model_new", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_parse(NULL, w->ctx, "input shape=1"), "sixnet_model_parse", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_parse(&net, w->ctx, NULL), "text");
    FAILS(SIXNET_BAD_TEXT, sixnet_model_parse(&net, w->ctx, "input shape=0"), "line 1", "shape=0");
    assert_null(net);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_compile(NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_retain(NULL, 0), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_memory_needed(NULL, 1, 1, &bytes), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_memory_needed(w->net, 1, 1, NULL), "bytes");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_memory_needed(w->net, 0, 1, &bytes), "0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_memory_needed(w->net, -3, 0, &bytes), "-3");
    FAILS(SIXNET_TOO_LARGE, sixnet_memory_needed(w->net, INT64_MAX, 1, &bytes), "9223372036854775807");
    assert_true(bytes == 7);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_reset(NULL, 1), "net");
}

static void test_add_arguments(void **state)
{
    world *w = *state;
    sixnet_node nodes[20] = {0};
    FAILS_NODE(sixnet_add(NULL, "relu", 0), "net");
    FAILS_NODE(sixnet_add_multi(NULL, "relu", nodes, 1), "net");
    static const struct {
        const char *spec, *word;
        int32_t count;
        bool null;
    } bad[] = {
        {NULL, "spec", 1, false},    {"relu", "count", -1, false},
        {"relu", "inputs", 1, true}, {"relu", "relu1: takes 1 input", 2, false},
        {"add", "2 to", 1, false},   {"add", "takes", 20, false},
        {"relu", "takes", 0, true},  {"input shape=2", "takes 0 inputs", 1, false},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        assert_int_equal(sixnet_add(net, "input shape=2", SIXNET_NONE), 0);
        FAILS_NODE(sixnet_add_multi(net, bad[i].spec, bad[i].null ? NULL : nodes, bad[i].count), bad[i].word);
        assert_int_equal(sixnet_node_count(net), 1);
        FAILS(SIXNET_INVALID_ARGUMENT, sixnet_compile(net), bad[i].word);
        sixnet_model_free(net);
    }
}

static void test_foreign_nodes(void **state)
{
    world *w = *state;
    static const sixnet_node foreign[] = {-2, 1, 5, INT32_MAX, INT32_MIN, SIXNET_NONE};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        sixnet_model *net = empty(w);
        sixnet_add(net, "input shape=2", SIXNET_NONE);
        FAILS_NODE(sixnet_add(net, "relu name=bend", foreign[i]), "bend", "not a node of this model");
        sixnet_model_free(net);
        FAILS(SIXNET_INVALID_ARGUMENT, sixnet_retain(w->net, i == 1 ? 6 : foreign[i] == 5 ? 77 : foreign[i]), "not a node");
    }
}

static void test_inspection_arguments(void **state)
{
    world *w = *state;
    int64_t dims[8];
    int32_t rank;
    FAILS_NULL(sixnet_summary(NULL), "sixnet_summary", "net");
    FAILS_NULL(sixnet_model_text(NULL), "sixnet_model_text", "net");
    FAILS(0, sixnet_node_count(NULL), "net");
    FAILS_NODE(sixnet_node_find(NULL, "in"), "net");
    FAILS_NODE(sixnet_node_find(w->net, NULL), "name");
    FAILS_NODE(sixnet_node_find(w->net, "nowhere"), "nowhere");
    FAILS_NULL(sixnet_node_get(NULL, 0, "name"), "net");
    FAILS_NULL(sixnet_node_get(w->net, 6, "name"), "6 is not a node");
    FAILS_NULL(sixnet_node_get(w->net, -1, "name"), "-1 is not a node");
    FAILS_NULL(sixnet_node_get(w->net, 0, NULL), "field");
    FAILS_NULL(sixnet_node_get(w->net, 0, "colour"), "colour", "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_shape(NULL, 0, dims, &rank), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_shape(w->net, 6, dims, &rank), "not a node");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_shape(w->net, 0, NULL, &rank), "dims");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_shape(w->net, 0, dims, NULL), "rank");
}

static void test_node_value_arguments(void **state)
{
    world *w = *state;
    float values[64];
    double doubles[64];
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values(NULL, 0, values, 1), "sixnet_node_values", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values(w->net, 0, NULL, 1), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values(w->net, 6, values, 1), "not a node");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(w->net, 1, values, 4), "first", "sixnet_retain");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(w->net, 4, values, 3), "last", "forward");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values_f64(NULL, 0, doubles, 1), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values_f64(w->net, 0, NULL, 1), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient(NULL, 0, values, 1), "sixnet_node_gradient", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient(w->net, 0, NULL, 1), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient(w->net, -1, values, 1), "not a node");
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(w->net, 4, values, 3), "last", "sixnet_retain");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient_f64(NULL, 0, doubles, 1), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient_f64(w->net, 0, NULL, 1), "values");
}

static void test_tensor_arguments(void **state)
{
    world *w = *state;
    float values[8] = {0};
    double doubles[8] = {0};
    int64_t dims[8], count;
    int32_t rank, trainable;
    FAILS(0, sixnet_tensor_count(NULL), "net");
    FAILS_NULL(sixnet_tensor_name(NULL, 0), "net");
    assert_null(sixnet_tensor_name(w->net, -1));
    assert_null(sixnet_tensor_name(w->net, sixnet_tensor_count(w->net)));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_shape(NULL, "first.weight", dims, &rank, &trainable), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_shape(w->net, NULL, dims, &rank, &trainable), "name");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_shape(w->net, "first.weight", NULL, &rank, &trainable), "dims");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_shape(w->net, "first.weight", dims, NULL, &trainable), "rank");
    FAILS(SIXNET_NOT_FOUND, sixnet_tensor_shape(w->net, "first.gain", dims, &rank, NULL), "first.gain");
    WORKS(sixnet_tensor_shape(w->net, "first.weight", dims, &rank, NULL));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_get(NULL, "first.weight", values, 8), "sixnet_tensor_get", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_get(w->net, NULL, values, 8), "name");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_get(w->net, "first.weight", NULL, 8), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_get(w->net, "first.weight", values, 7), "first.weight", "8", "7");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_get(w->net, "first.weight", values, -8), "first.weight", "8", "-8");
    FAILS(SIXNET_NOT_FOUND, sixnet_tensor_get(w->net, "first", values, 8), "'first'");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_get_f64(w->net, "first.weight", doubles, 9), "first.weight", "9");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_get_f64(w->net, "first.weight", NULL, 8), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_set(NULL, "first.weight", values, 8), "sixnet_tensor_set", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_set(w->net, NULL, values, 8), "name");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_set(w->net, "first.weight", NULL, 8), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_set(w->net, "first.weight", values, 0), "first.weight", "8", "0");
    FAILS(SIXNET_NOT_FOUND, sixnet_tensor_set(w->net, "", values, 8), "''");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_set_f64(w->net, "first.weight", doubles, INT64_MAX), "first.weight");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_set_f64(NULL, "first.weight", doubles, 8), "net");
    FAILS_NULL(sixnet_tensor_data(NULL, "first.weight", &count), "net");
    FAILS_NULL(sixnet_tensor_data(w->net, NULL, &count), "name");
    FAILS_NULL(sixnet_tensor_data(w->net, "nothing", NULL), "nothing");
    assert_non_null(sixnet_tensor_data(w->net, "first.weight", NULL));
}

static void test_gradient_arguments(void **state)
{
    world *w = *state;
    float values[8];
    double doubles[8], worst;
    char text[65];
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_get(NULL, "first.weight", values, 8), "sixnet_gradient_get", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_get(w->net, NULL, values, 8), "name");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_get(w->net, "first.weight", NULL, 8), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_get(w->net, "first.weight", values, 1), "first.weight", "8", "1");
    FAILS(SIXNET_NOT_FOUND, sixnet_gradient_get(w->net, "norm.running_mean", values, 4), "norm.running_mean", "not trained");
    FAILS(SIXNET_NOT_FOUND, sixnet_gradient_get_f64(w->net, "gone", doubles, 4), "gone");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_get_f64(w->net, "first.weight", NULL, 8), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_digest(NULL, text), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_digest(w->net, NULL), "digest");
    const double x[4] = {0.5, 1, -1, 2}, t[2] = {0, 1}, bad[2] = {0, 3};
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_check(NULL, x, t, 2, &worst, NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_check(w->net, NULL, t, 2, &worst, NULL), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_check(w->net, x, NULL, 2, &worst, NULL), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_check(w->net, x, t, 2, NULL, NULL), "worst");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_check(w->net, x, t, 0, &worst, NULL), "0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_gradient_check(w->net, x, t, -1, &worst, NULL), "-1");
    FAILS(SIXNET_BAD_DATA, sixnet_gradient_check(w->net, x, bad, 2, &worst, NULL), "error", "class");
}

static void test_loop_arguments(void **state)
{
    world *w = *state;
    const float *x = w->inputs, *t = w->targets;
    const double xd[4] = {0};
    double loss, yd[6];
    float y[6];
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_forward(NULL, x, 2), "sixnet_forward", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_forward(w->net, NULL, 2), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_forward(w->net, x, 0), "0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_forward(w->net, x, -5), "-5");
    FAILS(SIXNET_TOO_LARGE, sixnet_forward(w->net, x, INT64_MAX), "9223372036854775807");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_forward_f64(NULL, xd, 2), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_forward_f64(w->net, NULL, 2), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_loss(NULL, t, &loss), "sixnet_loss", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_loss(w->net, NULL, &loss), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_loss_f64(NULL, xd, &loss), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_loss_f64(w->net, NULL, &loss), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_backward(NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_backward_from(NULL, x), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_backward_from(w->net, NULL), "gradient");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_backward_from_f64(NULL, xd), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_backward_from_f64(w->net, NULL), "gradient");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_zero_grad(NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predict(NULL, x, 2, y), "sixnet_predict", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predict(w->net, NULL, 2, y), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predict(w->net, x, 2, NULL), "outputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predict(w->net, x, -1, y), "n");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predict_f64(NULL, xd, 2, yd), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predict_f64(w->net, xd, 2, NULL), "outputs");
    WORKS(sixnet_predict(w->net, NULL, 0, NULL));
}

static void test_optimizer_arguments(void **state)
{
    world *w = *state;
    sixnet_optimizer *opt = w->opt;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_new(NULL, w->net, "sgd lr=1", NULL), "sixnet_optimizer_new", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_new(&opt, NULL, "sgd lr=1", NULL), "net");
    assert_null(opt);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_new(&opt, w->net, NULL, NULL), "spec");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "", NULL), "empty");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "adan", NULL), "optimizer", "adan", "did you mean 'adam");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd", NULL), "sgd", "lr", "missing");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd lr=nan", NULL), "sgd", "lr=nan", "finite");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd lr=inf", NULL), "lr=inf", "finite");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd lr=-0.1", NULL), "lr=-0.1", "0 and up");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd lr=0.1 momentun=0.9", NULL), "did you mean 'momentum'");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd lr=0.1 nesterov=true", NULL), "nesterov", "momentum");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd lr=1", "step_rl step_size=3"), "schedule",
          "did you mean 'step_lr'");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd lr=1", "step_lr step_size=0"), "step_lr", "step_size=0");
    FAILS(SIXNET_BAD_TEXT, sixnet_optimizer_new(&opt, w->net, "sgd lr=1", "step_lr step_size=1 ;"), "empty");
    assert_null(opt);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_step(NULL), "opt");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_schedule_epoch(NULL, 1), "opt");
    refusal_begins();
    assert_true(isnan(sixnet_learning_rate(NULL)));
    assert_non_null(strstr(sixnet_last_error(), "opt is NULL"));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_set_learning_rate(NULL, 1), "opt");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_set_learning_rate(w->opt, NAN), "rate", "finite");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_set_learning_rate(w->opt, INFINITY), "rate", "finite");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_set_learning_rate(w->opt, -1), "rate", "0 or more");
    assert_true(sixnet_learning_rate(w->opt) == 0.1);
    WORKS(sixnet_set_learning_rate(w->opt, 0.25));
    assert_true(sixnet_learning_rate(w->opt) == 0.25);
}

static int32_t no_sample(void *user, int64_t index, float *input, float *target)
{
    (void)user, (void)index, (void)input, (void)target;
    return 7;
}

static void test_dataset_arguments(void **state)
{
    world *w = *state;
    sixnet_dataset *a = w->ds, *b = w->ds;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_open_idx(NULL, w->ctx, "a", "b"), "sixnet_dataset_open_idx", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_open_idx(&a, w->ctx, NULL, "b"), "images");
    assert_null(a);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_open_idx(&a, w->ctx, "a", NULL), "labels");
    FAILS(SIXNET_IO_ERROR, sixnet_dataset_open_idx(&a, w->ctx, "/nowhere/images", "/nowhere/labels"), "/nowhere/images");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(NULL, w->ctx, "shape=2", w->inputs, NULL, 1), "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(&a, w->ctx, NULL, w->inputs, NULL, 1), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(&a, w->ctx, "shape=2", NULL, NULL, 1), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(&a, w->ctx, "shape=2", w->inputs, NULL, 0), "n=0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(&a, w->ctx, "shape=2", w->inputs, NULL, -4), "n=-4");
    FAILS(SIXNET_BAD_TEXT, sixnet_dataset_from_arrays(&a, w->ctx, "", w->inputs, NULL, 1), "shape", "missing");
    FAILS(SIXNET_BAD_TEXT, sixnet_dataset_from_arrays(&a, w->ctx, "shape=2x0", w->inputs, NULL, 1), "shape=2x0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback(NULL, w->ctx, "shape=2", 1, no_sample, NULL), "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback(&a, w->ctx, NULL, 1, no_sample, NULL), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback(&a, w->ctx, "shape=2", 1, NULL, NULL), "fn");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback(&a, w->ctx, "shape=2", 0, no_sample, NULL), "n=0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(NULL, &b, w->ds, "first=3"), "sixnet_dataset_split", "first");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(&a, NULL, w->ds, "first=3"), "second");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(&a, &b, NULL, "first=3"), "ds");
    assert_null(b);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(&a, &b, w->ds, NULL), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(&a, &b, w->ds, "first=16"), "first=16", "16 samples");
    FAILS(SIXNET_BAD_TEXT, sixnet_dataset_split(&a, &b, w->ds, "first=0"), "first=0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_transform(NULL, "normalize mean=0 std=1"), "ds");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_transform(w->ds, NULL), "spec");
    FAILS(SIXNET_BAD_TEXT, sixnet_dataset_transform(w->ds, "normalise mean=0 std=1"), "transform", "did you mean 'normalize'");
    FAILS(SIXNET_BAD_TEXT, sixnet_dataset_transform(w->ds, "normalize mean=0 std=0"), "std=0");
}

static void test_sample_arguments(void **state)
{
    world *w = *state;
    int64_t dims[8], target_dims[8];
    int32_t rank, target_rank;
    float input[2], target[1];
    sixnet_dataset *bad;
    FAILS(0, (int32_t)sixnet_dataset_size(NULL), "ds");
    assert_int_equal(sixnet_dataset_size(w->ds), 16);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(NULL, dims, &rank, target_dims, &target_rank), "ds");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(w->ds, NULL, &rank, target_dims, &target_rank), "dims");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(w->ds, dims, NULL, target_dims, &target_rank), "rank");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(w->ds, dims, &rank, NULL, &target_rank), "target_dims");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(w->ds, dims, &rank, target_dims, NULL), "target_rank");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_get(NULL, 0, input, target), "ds");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_get(w->ds, -1, input, target), "-1");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_get(w->ds, 16, input, target), "16", "0 to 15");
    WORKS(sixnet_dataset_get(w->ds, 15, NULL, NULL));
    WORKS(sixnet_dataset_from_callback(&bad, w->ctx, "shape=2", 3, no_sample, NULL));
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_dataset_get(bad, 2, input, target), "7", "sample 2");
    sixnet_dataset_free(bad);
}

static void test_batches_arguments(void **state)
{
    world *w = *state;
    sixnet_batches *b = (sixnet_batches *)w;
    const float *x, *t;
    int64_t n;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_new(NULL, w->ds, "batch_size=4"), "sixnet_batches_new", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_new(&b, NULL, "batch_size=4"), "ds");
    assert_null(b);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_new(&b, w->ds, NULL), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_new(&b, w->ds, "batch_size=17"), "batch_size=17", "16 samples");
    FAILS(SIXNET_BAD_TEXT, sixnet_batches_new(&b, w->ds, "batch_size=0"), "batch_size=0");
    FAILS(SIXNET_BAD_TEXT, sixnet_batches_new(&b, w->ds, "size=4"), "size");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_start(NULL, 0), "batches");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_next(NULL, &x, &t, &n), "batches");
    WORKS(sixnet_batches_new(&b, w->ds, "batch_size=4"));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_start(b, -1), "-1");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_next(b, NULL, &t, &n), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_next(b, &x, NULL, &n), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batches_next(b, &x, &t, NULL), "n is NULL");
    sixnet_batches_free(b);
}

static void test_fit_arguments(void **state)
{
    world *w = *state;
    double loss, accuracy;
    sixnet_model *other = parsed(w->ctx, small_net), *raw = empty(w);
    sixnet_optimizer *foreign;
    WORKS(sixnet_optimizer_new(&foreign, other, "sgd lr=1", NULL));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_fit(NULL, w->opt, w->ds, "", NULL, NULL), "sixnet_fit", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_fit(w->net, NULL, w->ds, "", NULL, NULL), "opt");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_fit(w->net, w->opt, NULL, "", NULL, NULL), "train");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_fit(w->net, foreign, w->ds, "batch_size=4", NULL, NULL), "another model");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_fit(w->net, w->opt, w->ds, "batch_size=17", NULL, NULL), "batch_size=17", "16 samples");
    FAILS(SIXNET_BAD_TEXT, sixnet_fit(w->net, w->opt, w->ds, "epoch=1", NULL, NULL), "did you mean 'epochs'");
    FAILS(SIXNET_BAD_TEXT, sixnet_fit(w->net, w->opt, w->ds, "epochs=0", NULL, NULL), "epochs=0");
    FAILS(SIXNET_BAD_TEXT, sixnet_fit(w->net, w->opt, w->ds, "batch_size=-1", NULL, NULL), "batch_size=-1");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_fit_validated(NULL, w->opt, w->ds, w->ds, "", NULL, NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_evaluate(NULL, w->ds, &loss, &accuracy), "sixnet_evaluate", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_evaluate(w->net, NULL, &loss, &accuracy), "ds");
    FAILS(SIXNET_BAD_STATE, sixnet_evaluate(raw, w->ds, &loss, &accuracy), "sixnet_compile");
    WORKS(sixnet_evaluate(w->net, w->ds, NULL, NULL));
    assert_true(isnan(sixnet_progress_get(NULL, "loss")));
    sixnet_optimizer_free(foreign);
    sixnet_model_free(other);
    sixnet_model_free(raw);
}

/* ---- the lists of kinds: words that are none ---- */

static void test_kind_arguments(void **state)
{
    (void)state;
    static const char *const families[] = {"layer", "loss", "optimizer", "schedule", "transform", "options"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        assert_null(sixnet_kind(families[i], -1, "name"));
        assert_null(sixnet_kind(families[i], 1000, "name"));
        assert_null(sixnet_kind(families[i], INT32_MAX, "name"));
        assert_null(sixnet_kind(families[i], 0, "colour"));
        assert_null(sixnet_kind(families[i], 0, NULL));
        assert_null(sixnet_attribute(families[i], "nothing", 0, "name"));
        assert_null(sixnet_attribute(families[i], NULL, 0, "name"));
    }
    assert_null(sixnet_kind("colours", 0, "name"));
    assert_null(sixnet_kind(NULL, 0, "name"));
    assert_null(sixnet_attribute(NULL, "linear", 0, "name"));
    assert_null(sixnet_attribute("layer", "linear", 0, NULL));
    assert_null(sixnet_attribute("layer", "linear", 0, "colour"));
    assert_null(sixnet_attribute("layer", "linear", -1, "name"));
    assert_null(sixnet_attribute("layer", "linear", 99, "name"));
    assert_null(sixnet_attribute("loss", "linear", 0, "name"));
}

/* ---- layers of the caller's ---- */

static int32_t keep_shape(void *user, sixnet_layer_setup *setup)
{
    (void)user, (void)setup;
    return 0;
}

static int32_t compute_nothing(void *user, sixnet_layer_call *call)
{
    (void)user, (void)call;
    return 0;
}

static void test_layer_arguments(void **state)
{
    world *w = *state;
    int64_t dims[8];
    int32_t rank;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(NULL, "a", "", "f32", keep_shape, compute_nothing, NULL, NULL), "ctx");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, NULL, "", "f32", keep_shape, compute_nothing, NULL, NULL),
          "name");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "a", "", NULL, keep_shape, compute_nothing, NULL, NULL),
          "dtype");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "a", "", "f16", keep_shape, compute_nothing, NULL, NULL), "'a'",
          "f16");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "a", "", "f32", NULL, compute_nothing, NULL, NULL), "'a'",
          "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "a", "", "f32", keep_shape, NULL, NULL, NULL), "'a'", "forward");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "2a", "", "f32", keep_shape, compute_nothing, NULL, NULL),
          "'2a'");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "relu", "", "f32", keep_shape, compute_nothing, NULL, NULL),
          "already");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "a", "b", "f32", keep_shape, compute_nothing, NULL, NULL),
          "'b'");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "a", "name=1", "f32", keep_shape, compute_nothing, NULL, NULL),
          "'name'");
    WORKS(sixnet_layer_register(w->ctx, "a", "b=1", "f32", keep_shape, compute_nothing, NULL, NULL));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_register(w->ctx, "a", "", "f32", keep_shape, compute_nothing, NULL, NULL),
          "already");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_setup_input_count(NULL), "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_setup_input_shape(NULL, 0, dims, &rank), "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_setup_output_shape(NULL, dims, 1), "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_setup_parameter(NULL, "a", dims, 1, 0, 1), "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_setup_refuse(NULL, "no"), "setup");
    assert_true(isnan(sixnet_setup_attribute(NULL, "a")) && isnan(sixnet_call_attribute(NULL, "a")));
    assert_int_equal(sixnet_call_samples(NULL), SIXNET_INVALID_ARGUMENT);
    assert_int_equal(sixnet_call_training(NULL), SIXNET_INVALID_ARGUMENT);
    assert_null(sixnet_call_input(NULL, 0));
    assert_null(sixnet_call_output(NULL));
    assert_null(sixnet_call_parameter(NULL, 0));
    assert_null(sixnet_call_output_gradient(NULL));
    assert_null(sixnet_call_input_gradient(NULL, 0));
    assert_null(sixnet_call_parameter_gradient(NULL, 0));
}

/* ---- building ---- */

static void test_words_are_suggested(void **state)
{
    world *w = *state;
    static const struct {
        const char *spec, *word, *other;
    } bad[] = {
        {"liner out_features=3", "layer 'liner'", "did you mean 'linear'"},
        {"Conv2D out_channels=3", "Conv2D", "did you mean 'conv2d'"},
        {"batchnorm", "batchnorm", "did you mean 'batchnorm"},
        {"cross_entropie", "cross_entropie", "did you mean 'cross_entropy'"},
        {"linear out_feature=3", "out_feature", "did you mean 'out_features'"},
        {"linear out_features=3 Bias=false", "Bias", "did you mean 'bias'"},
        {"linear out_features=3 nam=a", "nam", "did you mean 'name'"},
        {"mse reduction=mea", "reduction=mea", "did you mean 'mean'"},
        {"zzzzzzzzzzzz", "unknown layer 'zzzzzzzzzzzz'", ""},
        {"linear", "linear", "out_features is missing"},
        {"linear out_features", "'out_features'", "attribute=value"},
        {"linear out_features=3 out_features=4", "out_features", "twice"},
        {"linear out_features=three", "out_features=three", "whole number"},
        {"linear out_features=3.5", "out_features=3.5", "whole number"},
        {"dropout p=1.5", "dropout", "p=1.5"},
        {"dropout p=nan", "p=nan", "finite"},
        {"linear out_features=3 bias=yes", "bias=yes", "true nor false"},
        {"", "empty", ""},
        {"relu\001", "control character", ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_add(net, "input shape=2", SIXNET_NONE);
        FAILS_NODE(sixnet_add(net, bad[i].spec, x), bad[i].word, bad[i].other);
        FAILS(SIXNET_BAD_TEXT, sixnet_compile(net), bad[i].word, bad[i].other);
        sixnet_model_free(net);
    }
}

static void test_sizes_are_checked(void **state)
{
    world *w = *state;
    static const char *const bad[][2] = {
        {"input shape=0", "shape=0"},
        {"input shape=-3", "shape=-3"},
        {"input shape=1x0x4", "shape=1x0x4"},
        {"input shape=1x2x3x4x5x6x7x8x9", "8 dimensions"},
        {"input shape=99999999999999999999", "shape=99999999999999999999"},
        {"input shape=1099511627776x2", "shape=1099511627776x2"},
        {"linear out_features=0", "out_features=0"},
        {"linear out_features=-4", "out_features=-4"},
        {"conv2d out_channels=0 kernel_size=3", "out_channels=0"},
        {"conv2d out_channels=1 kernel_size=0", "kernel_size=0"},
        {"conv2d out_channels=1 kernel_size=3x-1", "kernel_size=3x-1"},
        {"conv2d out_channels=1 kernel_size=3 stride=0", "stride=0"},
        {"conv2d out_channels=1 kernel_size=3 padding=-1", "padding=-1"},
        {"maxpool2d kernel_size=0", "kernel_size=0"},
        {"groupnorm num_groups=0", "num_groups=0"},
        {"embedding num_embeddings=0 embedding_dim=1", "num_embeddings=0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_add(net, "input shape=1x8x8", SIXNET_NONE);
        FAILS_NODE(sixnet_add(net, bad[i][0], strncmp(bad[i][0], "input", 5) == 0 ? SIXNET_NONE : x), bad[i][1]);
        FAILS(SIXNET_BAD_TEXT, sixnet_compile(net), bad[i][1]);
        sixnet_model_free(net);
    }
}

/* Shapes that do not fit: the message has both. */
static void test_shapes_are_compared(void **state)
{
    world *w = *state;
    static const char *const bad[][4] = {
        {"3x8x8", "conv2d out_channels=4 kernel_size=9 name=c", "c: ", "9x9"},
        {"3x8x8", "conv2d out_channels=4 kernel_size=3 groups=2 name=c", "groups=2", "3 input"},
        {"12", "conv2d out_channels=4 kernel_size=3", "height x width", "12"},
        {"2x3", "reshape shape=7 name=r", "r: shape=7", "2x3"},
        {"3x8x8", "batchnorm1d", "batchnorm2d", "3x8x8"},
        {"4", "batchnorm2d", "bn1", "4"},
        {"4x6", "layernorm normalized_shape=5", "5", "4x6"},
        {"4x6", "groupnorm num_groups=3", "num_groups 3", "4x6"},
        {"4x6", "maxpool2d kernel_size=2", "height x width", "4x6"},
        {"1x4x4", "maxpool2d kernel_size=5", "height 5", "1x4x4"},
        {"1x4x4", "avgpool2d kernel_size=2 padding=2", "padding 2", "kernel_size 2"},
        {"4x6", "flatten start_dim=2", "start_dim=2", "4x6"},
        {"5", "cross_entropy weight=1,2,3", "3 numbers", "5 classes"},
        {"4x6", "bce_with_logits pos_weight=1,2", "2 numbers", "6"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char spec[64];
        sixnet_model *net = empty(w);
        snprintf(spec, sizeof spec, "input shape=%s", bad[i][0]);
        sixnet_node x = sixnet_add(net, spec, SIXNET_NONE);
        FAILS_NODE(sixnet_add(net, bad[i][1], x), bad[i][2], bad[i][3]);
        FAILS(SIXNET_BAD_SHAPE, sixnet_compile(net), bad[i][2], bad[i][3]);
        sixnet_model_free(net);
    }
    static const char *const joins[] = {"add name=j", "mul name=j", "concat name=j"};
    for (size_t i = 0; i < 3; i++) {
        sixnet_model *net = empty(w);
        sixnet_node two[2] = {sixnet_add(net, "input shape=2x5", SIXNET_NONE), sixnet_add(net, "input shape=3x4", SIXNET_NONE)};
        FAILS_NODE(sixnet_add_multi(net, joins[i], two, 2), "j: ", "2x5", "3x4");
        sixnet_model_free(net);
    }
}

static void test_too_large(void **state)
{
    world *w = *state;
    static const char *const bad[][2] = {
        {"linear out_features=16777216", "linear1"},
        {"conv2d out_channels=1048576 kernel_size=1 padding=1048576", "conv1"},
        {"conv2d out_channels=4 kernel_size=33 padding=40", "kernel_size=33x33"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_add(net, "input shape=1024x128x64", SIXNET_NONE);
        FAILS_NODE(sixnet_add(net, bad[i][0], x), bad[i][1]);
        FAILS(SIXNET_TOO_LARGE, sixnet_compile(net), bad[i][1]);
        sixnet_model_free(net);
    }
    sixnet_model *net = empty(w);
    sixnet_node x = sixnet_add(net, "input shape=1", SIXNET_NONE);
    for (int i = 1; i < 4096; i++)
        x = sixnet_add(net, "relu", x);
    assert_int_equal(x, 4095);
    FAILS_NODE(sixnet_add(net, "relu", x), "4096 nodes");
    FAILS(SIXNET_TOO_LARGE, sixnet_compile(net), "4096 nodes");
    sixnet_model_free(net);
}

static void test_first_error_is_kept(void **state)
{
    world *w = *state;
    sixnet_model *net = empty(w);
    uint64_t bytes;
    sixnet_node x = sixnet_add(net, "input shape=2x3", SIXNET_NONE);
    x = sixnet_add(net, "reshape shape=5 name=wrong", x);
    assert_int_equal(x, SIXNET_NONE);
    x = sixnet_add(net, "nonsense", x);
    assert_int_equal(x, SIXNET_NONE);
    x = sixnet_add(net, "relu", x);
    assert_int_equal(x, SIXNET_NONE);
    assert_int_equal(sixnet_add(net, "input shape=1", SIXNET_NONE), SIXNET_NONE); /* right, but too late */
    assert_int_equal(sixnet_node_count(net), 1);
    FAILS(SIXNET_BAD_SHAPE, sixnet_memory_needed(net, 4, 1, &bytes), "wrong", "shape=5", "2x3");
    FAILS(SIXNET_BAD_SHAPE, sixnet_compile(net), "wrong", "shape=5", "2x3");
    FAILS(SIXNET_BAD_SHAPE, sixnet_compile(net), "wrong", "shape=5", "2x3");
    sixnet_model_free(net);
}

static void test_names(void **state)
{
    world *w = *state;
    static const char *const bad[][2] = {
        {"relu name=in", "another node"}, {"relu name=1st", "begin with a letter"},
        {"relu name=a-b", "a-b"},         {"relu name=a/b", "a/b"},
        {"relu name=a,b", "a,b"},         {"relu name=.a", ".a"},
        {"relu name=a=b", "name=a=b"},    {"relu name=\303\244", "name="},
        {"relu name=a(b)", "name=a(b)"},  {"relu name=a234567890123456789012345678901234567890123456789012345678901234", "63"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_add(net, "input shape=2 name=in", SIXNET_NONE);
        FAILS_NODE(sixnet_add(net, bad[i][0], x), bad[i][1]);
        FAILS(SIXNET_BAD_TEXT, sixnet_compile(net), bad[i][1]);
        sixnet_model_free(net);
    }
    sixnet_model *net = empty(w);
    sixnet_node x = sixnet_add(net, "input shape=2 name=_in.put_2", SIXNET_NONE);
    x = sixnet_add(net, "relu name=a23456789012345678901234567890123456789012345678901234567890123", x);
    x = sixnet_add(net, "linear out_features=2 name=linear2", x);
    x = sixnet_add(net, "linear out_features=2", x); /* the second, but that name is taken */
    assert_string_equal(sixnet_node_get(net, x, "name"), "linear3");
    x = sixnet_add(net, "linear out_features=2 name=", x); /* as without */
    assert_string_equal(sixnet_node_get(net, x, "name"), "linear4");
    assert_int_equal(sixnet_node_find(net, "linear2"), 2);
    WORKS(sixnet_compile(net));
    assert_string_equal(sixnet_tensor_name(net, 0), "linear2.weight");
    sixnet_model_free(net);
}

static void build(sixnet_model *net, const char *const *specs)
{
    sixnet_node x = SIXNET_NONE;
    for (; *specs; specs++)
        x = sixnet_add(net, *specs, x);
}

static void test_graphs_that_make_no_sense(void **state)
{
    world *w = *state;
    sixnet_model *net = empty(w);
    FAILS(SIXNET_BAD_STATE, sixnet_compile(net), "input");
    sixnet_add(net, "input shape=2", SIXNET_NONE); /* and it can still become one */
    WORKS(sixnet_compile(net));
    sixnet_model_free(net);

    net = empty(w);
    build(net, (const char *const[]){"input shape=2", "linear out_features=2 name=idle", NULL});
    sixnet_add(net, "relu name=end", 0);
    FAILS(SIXNET_BAD_SHAPE, sixnet_compile(net), "idle", "used by no other node", "end");
    sixnet_add(net, "add name=join", SIXNET_NONE);
    sixnet_model_free(net);

    net = empty(w);
    build(net, (const char *const[]){"input shape=2", "mse name=one", NULL});
    FAILS_NODE(sixnet_add(net, "relu name=after", 1), "after", "one", "loss");
    sixnet_model_free(net);

    net = empty(w);
    sixnet_node x = sixnet_add(net, "input shape=2", SIXNET_NONE);
    sixnet_add(net, "mse name=one", x);
    sixnet_add(net, "l1 name=two", x);
    FAILS(SIXNET_BAD_SHAPE, sixnet_compile(net), "two", "one");
    sixnet_model_free(net);
}

/* A node that would be unused is in order once it is retained. */
static void test_retained_side_branch(void **state)
{
    world *w = *state;
    sixnet_model *net = empty(w);
    float values[4];
    sixnet_node x = sixnet_add(net, "input shape=2", SIXNET_NONE), side = sixnet_add(net, "relu", x);
    sixnet_add(net, "tanh", x);
    WORKS(sixnet_retain(net, side));
    WORKS(sixnet_compile(net));
    WORKS(sixnet_forward(net, (const float[]){-1, 2, 3, -4}, 2));
    WORKS(sixnet_node_values(net, side, values, 4));
    assert_memory_equal(values, ((const float[]){0, 2, 3, 0}), sizeof values);
    sixnet_model_free(net);
}

static void test_a_failing_compile_changes_nothing(void **state)
{
    world *w = *state;
    sixnet_model *net = empty(w);
    int64_t dims[8];
    int32_t rank;
    sixnet_node x = sixnet_add(net, "input shape=2", SIXNET_NONE), a = sixnet_add(net, "tanh name=a", x),
                b = sixnet_add(net, "relu", x);
    FAILS(SIXNET_BAD_SHAPE, sixnet_compile(net), "a");
    assert_int_equal(sixnet_tensor_count(net), 0);
    assert_int_equal(sixnet_add_multi(net, "add", (const sixnet_node[]){a, b}, 2), 3);
    WORKS(sixnet_compile(net));
    WORKS(sixnet_node_shape(net, 3, dims, &rank));
    assert_true(rank == 1 && dims[0] == 2);
    sixnet_model_free(net);
}

static void test_order_of_calls(void **state)
{
    world *w = *state;
    sixnet_model *net = empty(w);
    sixnet_optimizer *opt;
    float y[4];
    char text[65];
    double loss;
    build(net, (const char *const[]){"input shape=2", "linear out_features=3", "cross_entropy", NULL});
    FAILS(SIXNET_BAD_STATE, sixnet_forward(net, w->inputs, 4), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_loss(net, w->targets, &loss), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_backward(net), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_backward_from(net, w->inputs), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_zero_grad(net), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_predict(net, w->inputs, 1, y), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_predict(net, w->inputs, 0, y), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_reset(net, 1), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_digest(net, text), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_optimizer_new(&opt, net, "sgd lr=1", NULL), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE,
          sixnet_fit(net, w->opt, w->ds, "batch_size=4", NULL, NULL) == SIXNET_INVALID_ARGUMENT ? SIXNET_BAD_STATE : 0,
          "another model");
    FAILS(SIXNET_BAD_STATE, sixnet_evaluate(net, w->ds, &loss, NULL), "sixnet_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_gradient_check(net, (const double[2]){0}, (const double[1]){0}, 1, &loss, NULL), "compile");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(net, 1, y, 3), "linear1");
    FAILS_NULL(sixnet_summary(net), "sixnet_summary", "sixnet_compile");
    FAILS_NULL(sixnet_model_text(net), "sixnet_compile");
    FAILS(SIXNET_NOT_FOUND, sixnet_tensor_get(net, "linear1.weight", y, 4), "linear1.weight", "compiled");
    assert_int_equal(sixnet_tensor_count(net), 0);
    assert_null(sixnet_tensor_name(net, 0));
    WORKS(sixnet_compile(net));
    FAILS(SIXNET_BAD_STATE, sixnet_compile(net), "compiled already");
    FAILS_NODE(sixnet_add(net, "relu", 1), "compiled");
    FAILS(SIXNET_BAD_STATE, sixnet_retain(net, 1), "compiled");
    assert_int_equal(sixnet_node_count(net), 3);
    WORKS(sixnet_forward(net, w->inputs, 4)); /* adding too late has not spoilt it */
    sixnet_model_free(net);
}

static void test_order_of_the_loop(void **state)
{
    world *w = *state;
    sixnet_model *net = parsed(w->ctx, small_net), *bare = parsed(w->ctx, "input shape=2\nlinear out_features=3");
    sixnet_optimizer *opt;
    double loss;
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
    watched = net;
    FAILS(SIXNET_BAD_STATE, sixnet_loss(net, w->targets, &loss), "sixnet_forward");
    FAILS(SIXNET_BAD_STATE, sixnet_backward(net), "sixnet_forward");
    FAILS(SIXNET_BAD_STATE, sixnet_backward_from(net, w->inputs), "sixnet_forward");
    WORKS(sixnet_forward(net, w->inputs, 4));
    FAILS(SIXNET_BAD_STATE, sixnet_backward(net), "sixnet_loss");
    WORKS(sixnet_loss(net, w->targets, NULL));
    WORKS(sixnet_backward(net));
    FAILS(SIXNET_BAD_STATE, sixnet_backward(net), "once");
    FAILS(SIXNET_BAD_STATE, sixnet_loss(net, w->targets, &loss), "sixnet_forward");
    WORKS(sixnet_step(opt));
    FAILS(SIXNET_BAD_STATE, sixnet_backward(net), "sixnet_forward");
    WORKS(sixnet_forward(bare, w->inputs, 4));
    FAILS(SIXNET_BAD_STATE, sixnet_loss(bare, w->targets, &loss), "no loss");
    FAILS(SIXNET_BAD_STATE, sixnet_backward(bare), "loss");
    FAILS(SIXNET_BAD_STATE, sixnet_evaluate(bare, w->ds, &loss, NULL), "no loss");
    WORKS(sixnet_backward_from(bare, w->inputs));
    FAILS(SIXNET_BAD_STATE, sixnet_backward_from(bare, w->inputs), "once");
    sixnet_optimizer_free(opt);
    sixnet_model_free(bare);
    watched = w->net;
    sixnet_model_free(net);
}

/* ---- bad samples ---- */

static void test_bad_classes(void **state)
{
    world *w = *state;
    static const float bad[] = {3, -1, 0.5f, 1e30f, -INFINITY, INFINITY, NAN};
    float targets[16];
    double loss = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_dataset *ds;
        memcpy(targets, w->targets, sizeof targets);
        targets[11] = bad[i];
        WORKS(sixnet_forward(w->net, w->inputs, 16));
        FAILS(SIXNET_BAD_DATA, sixnet_loss(w->net, targets, &loss), "error", "class");
        assert_true(loss == 7);
        FAILS(SIXNET_BAD_STATE, sixnet_backward(w->net), "sixnet_loss");
        WORKS(sixnet_loss(w->net, w->targets, NULL)); /* the forward pass is still good */
        WORKS(sixnet_dataset_from_arrays(&ds, w->ctx, "shape=2", w->inputs, targets, 16));
        FAILS(SIXNET_BAD_DATA, sixnet_fit(w->net, w->opt, ds, "batch_size=4", NULL, NULL), "sample 11", "0 to 2");
        FAILS(SIXNET_BAD_DATA, sixnet_evaluate(w->net, ds, &loss, NULL), "sample 11", "0 to 2");
        sixnet_dataset_free(ds);
    }
}

static int32_t late_class(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    input[0] = input[1] = (float)index;
    *target = index == 9 ? 3 : 1;
    return 0;
}

/* Classes that a function gives are seen when they are used: the failing batch leaves no trace. */
static void test_bad_classes_from_a_function(void **state)
{
    world *w = *state;
    sixnet_dataset *ds, *good, *bad;
    WORKS(sixnet_dataset_from_callback(&ds, w->ctx, "shape=2", 10, late_class, NULL));
    FAILS(SIXNET_BAD_DATA, sixnet_fit(w->net, w->opt, ds, "batch_size=10", NULL, NULL), "error", "class");
    FAILS(SIXNET_BAD_DATA, sixnet_evaluate(w->net, ds, NULL, NULL), "error", "class");
    WORKS(sixnet_dataset_split(&good, &bad, ds, "first=8 shuffle=false"));
    WORKS(sixnet_evaluate(w->net, good, NULL, NULL));
    sixnet_dataset_free(ds);
    sixnet_dataset_free(good);
    sixnet_dataset_free(bad);
}

static void test_data_that_do_not_fit(void **state)
{
    world *w = *state;
    sixnet_dataset *wide, *many, *none;
    WORKS(sixnet_dataset_from_arrays(&wide, w->ctx, "shape=1x2x2", w->inputs, w->targets, 4));
    WORKS(sixnet_dataset_from_arrays(&many, w->ctx, "shape=2 target_shape=2", w->inputs, w->targets, 4));
    WORKS(sixnet_dataset_from_arrays(&none, w->ctx, "shape=2", w->inputs, NULL, 4));
    FAILS(SIXNET_BAD_SHAPE, sixnet_fit(w->net, w->opt, wide, "batch_size=4", NULL, NULL), "1x2x2", "4 values", "takes 2");
    FAILS(SIXNET_BAD_SHAPE, sixnet_evaluate(w->net, wide, NULL, NULL), "1x2x2", "4 values", "takes 2");
    FAILS(SIXNET_BAD_SHAPE, sixnet_fit(w->net, w->opt, many, "batch_size=4", NULL, NULL), "targets", "2 values", "takes 1");
    FAILS(SIXNET_BAD_DATA, sixnet_fit(w->net, w->opt, none, "batch_size=4", NULL, NULL), "no targets");
    FAILS(SIXNET_BAD_DATA, sixnet_evaluate(w->net, none, NULL, NULL), "no targets");
    FAILS(SIXNET_BAD_SHAPE, sixnet_fit_validated(w->net, w->opt, w->ds, wide, "batch_size=4", NULL, NULL), "1x2x2", "takes 2");
    FAILS(SIXNET_BAD_DATA, sixnet_fit_validated(w->net, w->opt, w->ds, none, "batch_size=4", NULL, NULL), "no targets");
    sixnet_dataset_free(wide);
    sixnet_dataset_free(many);
    sixnet_dataset_free(none);
}

/* A call that fails after a batch norm ran leaves its running statistics as they were. */
static void test_a_failing_forward_changes_nothing(void **state)
{
    world *w = *state;
    sixnet_model *net =
        parsed(w->ctx, "input shape=3 name=x\nbatchnorm1d name=early\nlinear out_features=2\nbatchnorm1d\nlinear out_features=2 "
                       "name=a\ninput shape=1 name=index\nembedding num_embeddings=4 embedding_dim=2\nflatten name=b\n"
                       "add from=a,b\nmse");
    const float good[] = {1, 2, 3, 0, 3, 2, 1, 3}, bad[] = {1, 2, 3, 0, 3, 2, 1, 4};
    watched = net;
    FAILS(SIXNET_BAD_DATA, sixnet_forward(net, bad, 2), "emb1", "index");
    FAILS(SIXNET_BAD_STATE, sixnet_loss(net, good, NULL), "sixnet_forward");
    FAILS(SIXNET_BAD_SHAPE, sixnet_forward(net, good, 1), "early", "more than one value");
    WORKS(sixnet_forward(net, good, 2));
    FAILS(SIXNET_BAD_DATA, sixnet_forward(net, bad, 2), "emb1");
    watched = w->net;
    sixnet_model_free(net);
    net = parsed(w->ctx, "input shape=2x3\nbatchnorm1d name=wide\nflatten\nbatchnorm1d name=narrow\nlinear out_features=1\nmse");
    watched = net;
    FAILS(SIXNET_BAD_SHAPE, sixnet_forward(net, w->inputs, 1), "narrow", "more than one value");
    watched = w->net;
    sixnet_model_free(net);
}

/* A prediction is refused too when an index is out of range, or when a batch norm has nothing to go by. */
static void test_predictions_that_cannot_be(void **state)
{
    world *w = *state;
    sixnet_model *net =
        parsed(w->ctx, "input shape=1\nembedding num_embeddings=4 embedding_dim=2\nflatten\nlinear out_features=1");
    float y[40], x[40] = {0};
    x[35] = 4;
    FAILS(SIXNET_BAD_DATA, sixnet_predict(net, x, 40, y), "emb1", "index");
    WORKS(sixnet_predict(net, x, 35, y)); /* the fault is forgotten */
    sixnet_model_free(net);
    net = parsed(w->ctx, "input shape=2\nbatchnorm1d track_running_stats=false\nlinear out_features=1\nmse");
    FAILS(SIXNET_UNSUPPORTED, sixnet_predict(net, x, 2, y), "bn1", "running statistics");
    FAILS(SIXNET_UNSUPPORTED, sixnet_evaluate(net, w->ds, NULL, NULL), "bn1", "running statistics");
    WORKS(sixnet_forward(net, w->inputs, 4));
    sixnet_model_free(net);
}

/* ---- predictions are of the tensors as they are ---- */

static const char followed_net[] =
    "input shape=2\nlinear out_features=4 name=a\nbatchnorm1d name=n\ntanh\nlinear out_features=3\ncross_entropy";

/* A new model with the tensors of another gives its predictions, alone and in a group. */
static void check_predictions(world *w, sixnet_model *net, const char *after)
{
    sixnet_model *copy = parsed(w->ctx, followed_net);
    float values[12], y[2][16 * 3];
    for (int32_t t = 0; t < sixnet_tensor_count(net); t++) {
        int64_t count;
        const char *name = sixnet_tensor_name(net, t);
        assert_non_null(sixnet_tensor_data(net, name, &count));
        WORKS(sixnet_tensor_get(net, name, values, count));
        WORKS(sixnet_tensor_set(copy, name, values, count));
    }
    for (int64_t n = 1; n <= 16; n += 15) {
        WORKS(sixnet_predict(net, w->inputs, n, y[0]));
        WORKS(sixnet_predict(copy, w->inputs, n, y[1]));
        if (memcmp(y[0], y[1], (size_t)n * 3 * sizeof(float)) != 0)
            fail_msg("%d samples are predicted by old tensors after %s", (int)n, after);
    }
    sixnet_model_free(copy);
}

static void test_predictions_follow_the_tensors(void **state)
{
    world *w = *state;
    sixnet_model *net = parsed(w->ctx, followed_net);
    sixnet_optimizer *opt;
    const double x[8] = {0.5, 1, -1, 2, 0, 3, 1, 1}, t[4] = {0, 1, 2, 1};
    const float mean[4] = {1, 2, 3, 4}, bad[16] = {7};
    double worst;
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.5", NULL));
    check_predictions(w, net, "compiling");
    WORKS(sixnet_tensor_set(net, "n.running_mean", mean, 4));
    check_predictions(w, net, "a tensor was set");
    WORKS(sixnet_tensor_set_f64(net, "a.bias", x, 4));
    check_predictions(w, net, "a tensor was set in double");
    WORKS(sixnet_forward(net, w->inputs, 8));
    check_predictions(w, net, "a forward pass");
    WORKS(sixnet_loss(net, w->targets, NULL));
    WORKS(sixnet_backward(net));
    WORKS(sixnet_step(opt));
    check_predictions(w, net, "a step");
    FAILS(SIXNET_BAD_SHAPE, sixnet_forward(net, w->inputs, 1), "more than one value");
    check_predictions(w, net, "a failed forward pass");
    WORKS(sixnet_gradient_check(net, x, t, 4, &worst, NULL));
    check_predictions(w, net, "a gradient check");
    WORKS(sixnet_fit(net, opt, w->ds, "batch_size=8", NULL, NULL));
    check_predictions(w, net, "a fit");
    WORKS(sixnet_set_learning_rate(opt, 1e38));
    FAILS(SIXNET_NOT_FINITE, sixnet_fit(net, opt, w->ds, "batch_size=8 epochs=9", NULL, NULL), "NaN");
    check_predictions(w, net, "a fit that failed");
    FAILS(SIXNET_BAD_DATA, sixnet_forward(net, w->inputs, 8) ? 0 : sixnet_loss(net, bad, NULL), "class");
    check_predictions(w, net, "a loss that failed");
    WORKS(sixnet_reset(net, 3));
    check_predictions(w, net, "a reset");
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
}

/* ---- layers of the caller's that fail ---- */

static bool forward_fails, backward_fails;

static int32_t pass_on(void *user, sixnet_layer_call *call)
{
    (void)user;
    memcpy(sixnet_call_output(call), sixnet_call_input(call, 0), (size_t)sixnet_call_samples(call) * 4 * sizeof(float));
    return forward_fails ? 9 : 0;
}

static int32_t pass_back(void *user, sixnet_layer_call *call)
{
    (void)user;
    memcpy(sixnet_call_input_gradient(call, 0), sixnet_call_output_gradient(call),
           (size_t)sixnet_call_samples(call) * 4 * sizeof(float));
    return backward_fails ? 9 : 0;
}

static const char custom_net[] =
    "input shape=2\nlinear out_features=4 name=a\nbatchnorm1d\npass name=p\nlinear out_features=3 name=b\n"
    "batchnorm1d\ncross_entropy";

static void test_layers_that_fail(void **state)
{
    world *w = *state;
    float before[8], after[8];
    WORKS(sixnet_layer_register(w->ctx, "pass", NULL, "f32", keep_shape, pass_on, pass_back, NULL));
    sixnet_model *net = parsed(w->ctx, custom_net);
    sixnet_optimizer *opt;
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
    watched = net;
    forward_fails = true;
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_forward(net, w->inputs, 8), "p: ", "returned an error");
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_predict(net, w->inputs, 2, after), "p: ", "returned an error");
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_fit(net, opt, w->ds, "batch_size=8", NULL, NULL), "p: ");
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_evaluate(net, w->ds, NULL, NULL), "p: ");
    forward_fails = false;
    WORKS(sixnet_predict(net, w->inputs, 2, after));
    WORKS(sixnet_evaluate(net, w->ds, NULL, NULL));
    WORKS(sixnet_forward(net, w->inputs, 8));
    WORKS(sixnet_loss(net, w->targets, NULL));
    WORKS(sixnet_backward(net));
    WORKS(sixnet_gradient_get(net, "a.weight", before, 8));
    WORKS(sixnet_forward(net, w->inputs, 8));
    WORKS(sixnet_loss(net, w->targets, NULL));
    backward_fails = true;
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_backward(net), "p: ", "returned an error");
    WORKS(sixnet_gradient_get(net, "a.weight", after, 8));
    assert_memory_equal(before, after, sizeof before);
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_fit(net, opt, w->ds, "batch_size=8", NULL, NULL), "p: ");
    backward_fails = false;
    WORKS(sixnet_fit(net, opt, w->ds, "batch_size=8", NULL, NULL));
    watched = w->net;
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
}

/* The gradients of the layers behind the failing one are as they were, too. */
static void test_a_failing_backward_changes_no_gradient(void **state)
{
    world *w = *state;
    static const char *const names[] = {"a.weight", "a.bias", "bn1.weight", "bn1.bias",
                                        "b.weight", "b.bias", "bn2.weight", "bn2.bias"};
    static const int64_t sizes[] = {8, 4, 4, 4, 12, 3, 3, 3};
    float before[8][12], after[12];
    WORKS(sixnet_layer_register(w->ctx, "pass", NULL, "f32", keep_shape, pass_on, pass_back, NULL));
    sixnet_model *net = parsed(w->ctx, custom_net);
    for (int pass = 0; pass < 2; pass++) {
        WORKS(sixnet_forward(net, w->inputs, 8));
        WORKS(sixnet_loss(net, w->targets, NULL));
        backward_fails = pass == 1;
        if (pass == 0)
            WORKS(sixnet_backward(net));
        else
            FAILS(SIXNET_CALLBACK_FAILED, sixnet_backward(net), "p: ");
        for (int i = 0; i < 8; i++) {
            WORKS(sixnet_gradient_get(net, names[i], pass == 0 ? before[i] : after, sizes[i]));
            if (pass == 1)
                assert_memory_equal(before[i], after, (size_t)sizes[i] * sizeof *after);
        }
    }
    backward_fails = false;
    sixnet_model_free(net);
}

/* ---- retained nodes ---- */

static void test_retained_values(void **state)
{
    world *w = *state;
    float values[24], gradient[24];
    double doubles[24];
    sixnet_model *net = empty(w);
    build(net, (const char *const[]){"input shape=2 name=in", "linear out_features=4 name=a", "relu name=b",
                                     "linear out_features=3 name=c", "cross_entropy name=d", NULL});
    for (sixnet_node i = 0; i < 5; i++)
        WORKS(sixnet_retain(net, i));
    WORKS(sixnet_compile(net));
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(net, 1, values, 24), "a: ", "forward");
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, 1, values, 24), "a: ", "backward");
    WORKS(sixnet_forward(net, w->inputs, 6));
    WORKS(sixnet_node_values(net, 1, values, 24));
    WORKS(sixnet_node_values_f64(net, 1, doubles, 24));
    for (int i = 0; i < 24; i++)
        assert_true(doubles[i] == (double)values[i]);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values(net, 1, values, 20), "a: ", "6 samples", "24", "20");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(net, 4, values, 6), "d: "); /* a loss has no values */
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, 1, gradient, 24), "a: ", "backward");
    WORKS(sixnet_loss(net, w->targets, NULL));
    WORKS(sixnet_backward(net));
    WORKS(sixnet_node_gradient(net, 1, gradient, 24));
    WORKS(sixnet_node_gradient(net, 0, gradient, 12));
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, 4, gradient, 6), "d: ");
    WORKS(sixnet_forward(net, w->inputs, 3)); /* whose gradients are not there yet */
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, 1, gradient, 12), "a: ", "backward");
    sixnet_model_free(net);
}

/* After a pass that failed there are no values. */
static void test_no_values_of_a_failed_pass(void **state)
{
    world *w = *state;
    float values[4];
    sixnet_model *net = parsed(w->ctx, "input shape=1 name=x\nembedding num_embeddings=4 embedding_dim=2 name=e");
    WORKS(sixnet_forward(net, (const float[]){1, 3}, 2));
    WORKS(sixnet_node_values(net, 1, values, 4));
    FAILS(SIXNET_BAD_DATA, sixnet_forward(net, (const float[]){1, 5}, 2), "e: ");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(net, 1, values, 4), "e: ", "forward");
    sixnet_model_free(net);
}

/* ---- lives ---- */

static sixnet_batches *batches_of(sixnet_dataset *ds)
{
    sixnet_batches *b;
    WORKS(sixnet_batches_new(&b, ds, "batch_size=5"));
    return b;
}

static void free_one(world *w, sixnet_batches **b, int which)
{
    switch (which) {
    case 0:
        sixnet_context_free(w->ctx);
        w->ctx = NULL;
        break;
    case 1:
        sixnet_model_free(w->net);
        w->net = NULL;
        break;
    case 2:
        sixnet_optimizer_free(w->opt);
        w->opt = NULL;
        break;
    case 3:
        sixnet_dataset_free(w->ds);
        w->ds = NULL;
        break;
    default:
        sixnet_batches_free(*b);
        *b = NULL;
    }
}

/* What is left goes on to work. */
static void use_the_rest(world *w, sixnet_batches *b)
{
    const float *x, *t;
    int64_t n;
    float y[6];
    if (w->ctx)
        assert_string_equal(sixnet_context_get(w->ctx, "seed"), "5");
    if (w->net)
        WORKS(sixnet_predict(w->net, w->inputs, 2, y));
    if (w->opt)
        WORKS(sixnet_step(w->opt));
    if (w->ds)
        WORKS(sixnet_dataset_get(w->ds, 3, y, NULL));
    if (b) {
        WORKS(sixnet_batches_start(b, 0));
        WORKS(sixnet_batches_next(b, &x, &t, &n));
        assert_int_equal(n, 5);
    }
    if (w->net && w->opt && w->ds)
        WORKS(sixnet_fit(w->net, w->opt, w->ds, "batch_size=8", NULL, NULL));
}

static void test_freeing_in_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 120; order++) {
        void *memory;
        int left[5] = {0, 1, 2, 3, 4}, code = order;
        open_world(&memory);
        watched = NULL;
        world *w = memory;
        sixnet_batches *b = batches_of(w->ds);
        for (int i = 5; i > 0; i--) {
            int pick = code % i;
            code /= i;
            free_one(w, &b, left[pick]);
            left[pick] = left[i - 1];
            use_the_rest(w, b);
        }
        close_world(&memory);
    }
}

static void test_freeing_nothing(void **state)
{
    (void)state;
    sixnet_context_free(NULL);
    sixnet_model_free(NULL);
    sixnet_optimizer_free(NULL);
    sixnet_dataset_free(NULL);
    sixnet_batches_free(NULL);
}

/* Models of one context do not share anything that changes. */
static void test_two_models(void **state)
{
    world *w = *state;
    sixnet_model *other = parsed(w->ctx, small_net);
    assert_same_digest(digest_of(w->net), digest_of(other));
    watched = other;
    digest before = digest_of(other);
    WORKS(sixnet_fit(w->net, w->opt, w->ds, "batch_size=4 epochs=3", NULL, NULL));
    assert_same_digest(before, digest_of(other));
    assert_string_not_equal(digest_of(w->net).text, before.text);
    watched = w->net;
    sixnet_model_free(other);
}

/* Without a context, a default one. */
static void test_without_a_context(void **state)
{
    world *w = *state;
    sixnet_context *ctx;
    sixnet_model *a, *b;
    sixnet_dataset *ds;
    WORKS(sixnet_context_new(&ctx, ""));
    a = parsed(ctx, small_net);
    b = parsed(NULL, small_net);
    assert_same_digest(digest_of(a), digest_of(b));
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=2", w->inputs, w->targets, 16));
    WORKS(sixnet_evaluate(b, ds, NULL, NULL));
    sixnet_context_free(ctx);
    sixnet_model_free(a);
    sixnet_model_free(b);
    sixnet_dataset_free(ds);
}

/* ---- tensors ---- */

static void test_tensors(void **state)
{
    world *w = *state;
    static const struct {
        const char *name;
        int64_t count;
        int32_t rank, trainable;
    } expected[] = {
        {"first.weight", 8, 2, 1},      {"first.bias", 4, 1, 1},       {"norm.weight", 4, 1, 1},  {"norm.bias", 4, 1, 1},
        {"norm.running_mean", 4, 1, 0}, {"norm.running_var", 4, 1, 0}, {"last.weight", 12, 2, 1}, {"last.bias", 3, 1, 1},
    };
    float values[12], back[12];
    double doubles[12];
    int64_t dims[8], count;
    int32_t rank, trainable;
    assert_int_equal(sixnet_tensor_count(w->net), 8);
    for (int32_t i = 0; i < 8; i++) {
        assert_string_equal(sixnet_tensor_name(w->net, i), expected[i].name);
        WORKS(sixnet_tensor_shape(w->net, expected[i].name, dims, &rank, &trainable));
        assert_int_equal(rank, expected[i].rank);
        assert_int_equal(trainable, expected[i].trainable);
        digest before = digest_of(w->net);
        fill_noise(values, 12, (uint64_t)i + 1);
        WORKS(sixnet_tensor_set(w->net, expected[i].name, values, expected[i].count));
        assert_string_not_equal(before.text, digest_of(w->net).text);
        WORKS(sixnet_tensor_get(w->net, expected[i].name, back, expected[i].count));
        assert_memory_equal(values, back, (size_t)expected[i].count * sizeof *back);
        const void *data = sixnet_tensor_data(w->net, expected[i].name, &count);
        assert_int_equal(count, expected[i].count);
        assert_memory_equal(values, data, (size_t)count * sizeof *back);
        WORKS(sixnet_tensor_get_f64(w->net, expected[i].name, doubles, count));
        WORKS(sixnet_tensor_set_f64(w->net, expected[i].name, doubles, count));
        WORKS(sixnet_tensor_get(w->net, expected[i].name, back, count));
        assert_memory_equal(values, back, (size_t)count * sizeof *back);
    }
}

/* Gradients add up until they are cleared, and predictions are made of the new values at once. */
static void test_gradients_add_up(void **state)
{
    world *w = *state;
    float once[8], twice[8];
    for (int pass = 0; pass < 2; pass++) {
        WORKS(sixnet_forward(w->net, w->inputs, 8));
        WORKS(sixnet_loss(w->net, w->targets, NULL));
        WORKS(sixnet_backward(w->net));
        WORKS(sixnet_gradient_get(w->net, "first.weight", pass ? twice : once, 8));
    }
    for (int i = 0; i < 8; i++)
        assert_true(fabsf(twice[i] - 2 * once[i]) <= 1e-5f * fabsf(once[i]) && once[i] != 0);
    WORKS(sixnet_zero_grad(w->net));
    WORKS(sixnet_gradient_get(w->net, "first.weight", twice, 8));
    for (int i = 0; i < 8; i++)
        assert_true(twice[i] == 0);
}

/* ---- the list of tests ---- */

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        IN_WORLD(test_context_arguments),
        cmocka_unit_test(test_context_settings),
        IN_WORLD(test_model_arguments),
        IN_WORLD(test_add_arguments),
        IN_WORLD(test_foreign_nodes),
        IN_WORLD(test_inspection_arguments),
        IN_WORLD(test_node_value_arguments),
        IN_WORLD(test_tensor_arguments),
        IN_WORLD(test_gradient_arguments),
        IN_WORLD(test_loop_arguments),
        IN_WORLD(test_optimizer_arguments),
        IN_WORLD(test_dataset_arguments),
        IN_WORLD(test_sample_arguments),
        IN_WORLD(test_batches_arguments),
        IN_WORLD(test_fit_arguments),
        cmocka_unit_test(test_kind_arguments),
        IN_WORLD(test_layer_arguments),
        IN_WORLD(test_words_are_suggested),
        IN_WORLD(test_sizes_are_checked),
        IN_WORLD(test_shapes_are_compared),
        IN_WORLD(test_too_large),
        IN_WORLD(test_first_error_is_kept),
        IN_WORLD(test_names),
        IN_WORLD(test_graphs_that_make_no_sense),
        IN_WORLD(test_retained_side_branch),
        IN_WORLD(test_a_failing_compile_changes_nothing),
        IN_WORLD(test_order_of_calls),
        IN_WORLD(test_order_of_the_loop),
        IN_WORLD(test_bad_classes),
        IN_WORLD(test_bad_classes_from_a_function),
        IN_WORLD(test_data_that_do_not_fit),
        IN_WORLD(test_a_failing_forward_changes_nothing),
        IN_WORLD(test_predictions_that_cannot_be),
        IN_WORLD(test_predictions_follow_the_tensors),
        IN_WORLD(test_layers_that_fail),
        IN_WORLD(test_a_failing_backward_changes_no_gradient),
        IN_WORLD(test_retained_values),
        IN_WORLD(test_no_values_of_a_failed_pass),
        cmocka_unit_test(test_freeing_in_any_order),
        cmocka_unit_test(test_freeing_nothing),
        IN_WORLD(test_two_models),
        IN_WORLD(test_without_a_context),
        IN_WORLD(test_tensors),
        IN_WORLD(test_gradients_add_up),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
