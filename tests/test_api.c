/* SPDX-License-Identifier: MIT */
/* The public API layer: what it refuses, in what words, and that nothing has changed then; who keeps
 * whom alive; tensors. */

#include "api_fixture.h"

#include "sixnet/layer.h"

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
    fixture *w = *state;
    sixnet_context *ctx = w->ctx;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_new(NULL, NULL), "sixnet_context_new", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_new_with_allocator(NULL, "", NULL, NULL, NULL), "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_new_with_allocator(&ctx, "", ledger_malloc, NULL, NULL), "both");
    assert_null(ctx);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_new_with_allocator(&ctx, "", NULL, ledger_free, NULL), "both");
    FAILS(SIXNET_BAD_SPEC, sixnet_context_new(&ctx, "thread=2"), "thread", "did you mean 'threads'");
    FAILS(SIXNET_BAD_SPEC, sixnet_context_new(&ctx, "threads=-1"), "threads=-1", "0 to 1024");
    FAILS(SIXNET_BAD_SPEC, sixnet_context_new(&ctx, "dtype=f16"), "dtype=f16", "f32 f64");
    FAILS(SIXNET_BAD_SPEC, sixnet_context_new(&ctx, "isa=sse9"), "isa=sse9", "avx2");
    FAILS(SIXNET_BAD_SPEC, sixnet_context_new(&ctx, "seed=-1"), "seed=-1");
    FAILS(SIXNET_BAD_SPEC, sixnet_context_new(&ctx, "seed=1 seed=2"), "seed", "twice");
    FAILS(SIXNET_BAD_SPEC, sixnet_context_new(&ctx, "max_memory=-1"), "max_memory=-1");
    FAILS(SIXNET_UNSUPPORTED, sixnet_context_new(&ctx, "isa=neon"), "isa=neon");
    assert_null(ctx);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_set_log(NULL, NULL, NULL), "ctx");
    FAILS_NULL(sixnet_context_get(NULL, "isa"), "ctx");
    FAILS_NULL(sixnet_context_get(w->ctx, NULL), "key");
    FAILS_NULL(sixnet_context_get(w->ctx, "colour"), "colour", "isa", "seed", "max_memory");
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
    assert_string_equal(sixnet_context_get(ctx, "max_memory"), "0");
    assert_string_equal(sixnet_context_get(ctx, "convolution"), "auto");
    sixnet_context_free(ctx);
    WORKS(sixnet_context_new(&ctx, "max_memory=1234567"));
    assert_string_equal(sixnet_context_get(ctx, "max_memory"), "1234567");
    sixnet_context_free(ctx);
    WORKS(sixnet_context_new(&ctx, "threads=0"));
    assert_true(atoi(sixnet_context_get(ctx, "threads")) >= 1);
    sixnet_context_free(ctx);
}

static void test_model_arguments(void **state)
{
    fixture *w = *state;
    sixnet_model *net = w->net;
    uint64_t bytes = 7;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_new(NULL, w->ctx), "sixnet_model_new", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_parse(NULL, w->ctx, "input shape=1"), "sixnet_model_parse", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_parse(&net, w->ctx, NULL), "text");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_parse(&net, w->ctx, "input shape=0"), "line 1", "shape=0");
    assert_null(net);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_compile(NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_retain(NULL, 0), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_memory_needed(NULL, 1, 1, &bytes), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_memory_needed(w->net, 1, 1, NULL), "bytes");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_memory_needed(w->net, 0, 1, &bytes), "0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_memory_needed(w->net, -3, 0, &bytes), "-3");
    FAILS(SIXNET_TOO_LARGE, sixnet_model_memory_needed(w->net, INT64_MAX, 1, &bytes), "9223372036854775807");
    assert_true(bytes == 7);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_reset(NULL, 1), "net");
}

static void test_add_arguments(void **state)
{
    fixture *w = *state;
    sixnet_node nodes[20] = {0};
    FAILS_NODE(sixnet_model_add(NULL, "relu", 0), "net");
    FAILS_NODE(sixnet_model_add_multi(NULL, "relu", nodes, 1), "net");
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
        assert_int_equal(sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE), 0);
        FAILS_NODE(sixnet_model_add_multi(net, bad[i].spec, bad[i].null ? NULL : nodes, bad[i].count), bad[i].word);
        assert_int_equal(sixnet_node_count(net), 1);
        FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_compile(net), bad[i].word);
        sixnet_model_free(net);
    }
}

static void test_foreign_nodes(void **state)
{
    fixture *w = *state;
    static const sixnet_node foreign[] = {-2, 1, 5, INT32_MAX, INT32_MIN, SIXNET_NO_NODE};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        sixnet_model *net = empty(w);
        sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE);
        FAILS_NODE(sixnet_model_add(net, "relu name=bend", foreign[i]), "bend", "not a node of this model");
        sixnet_model_free(net);
        FAILS(SIXNET_INVALID_ARGUMENT,
              sixnet_node_retain(w->net, i == 1            ? 6
                                         : foreign[i] == 5 ? 77
                                                           : foreign[i]),
              "not a node");
    }
}

static void test_inspection_arguments(void **state)
{
    fixture *w = *state;
    int64_t dims[8];
    int32_t rank;
    FAILS_NULL(sixnet_model_summary(NULL), "sixnet_model_summary", "net");
    FAILS_NULL(sixnet_model_text(NULL), "sixnet_model_text", "net");
    FAILS(0, sixnet_node_count(NULL), "net");
    FAILS_NODE(sixnet_node_find(NULL, "in"), "net");
    FAILS_NODE(sixnet_node_find(w->net, NULL), "name");
    FAILS_NODE(sixnet_node_output(NULL, 0, "0"), "sixnet_node_output", "net");
    FAILS_NODE(sixnet_node_output(w->net, 0, NULL), "sixnet_node_output", "output");
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

static void test_model_shape_arguments(void **state)
{
    fixture *w = *state;
    int64_t dims[8];
    int32_t rank;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_shape(NULL, "input", dims, &rank, NULL), "sixnet_model_shape", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_shape(w->net, NULL, dims, &rank, NULL), "which");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_shape(w->net, "input", NULL, &rank, NULL), "dims");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_shape(w->net, "input", dims, NULL, NULL), "rank");
    FAILS(SIXNET_NOT_FOUND, sixnet_model_shape(w->net, "loss", dims, &rank, NULL), "'loss'", "input, output", "target");
}

static void test_node_value_arguments(void **state)
{
    fixture *w = *state;
    float values[64];
    double doubles[64];
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values(NULL, 0, values, 1), "sixnet_node_values", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values(w->net, 0, NULL, 1), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values(w->net, 6, values, 1), "not a node");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(w->net, 1, values, 4), "first", "sixnet_node_retain");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(w->net, 4, values, 3), "last", "forward");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values_f64(NULL, 0, doubles, 1), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values_f64(w->net, 0, NULL, 1), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient(NULL, 0, values, 1), "sixnet_node_gradient", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient(w->net, 0, NULL, 1), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient(w->net, -1, values, 1), "not a node");
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(w->net, 4, values, 3), "last", "sixnet_node_retain");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient_f64(NULL, 0, doubles, 1), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient_f64(w->net, 0, NULL, 1), "values");
}

static void test_tensor_arguments(void **state)
{
    fixture *w = *state;
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
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_set_tensors(NULL, "*", "trainable=false"), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_set_tensors(w->net, NULL, "trainable=false"), "pattern");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_set_tensors(w->net, "*", NULL), "settings");
    FAILS(0, !isnan(sixnet_tensor_setting(NULL, "first.weight", "trainable")), "net");
    FAILS(0, !isnan(sixnet_tensor_setting(w->net, NULL, "trainable")), "name");
    FAILS(0, !isnan(sixnet_tensor_setting(w->net, "first.weight", NULL)), "key");
    FAILS_NULL(sixnet_tensor_data(NULL, "first.weight", &count), "net");
    FAILS_NULL(sixnet_tensor_data(w->net, NULL, &count), "name");
    FAILS_NULL(sixnet_tensor_data(w->net, "nothing", NULL), "nothing");
    assert_non_null(sixnet_tensor_data(w->net, "first.weight", NULL));
}

static void test_gradient_arguments(void **state)
{
    fixture *w = *state;
    float values[8];
    double doubles[8], worst;
    char text[65];
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_gradient(NULL, "first.weight", values, 8), "sixnet_tensor_gradient",
          "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_gradient(w->net, NULL, values, 8), "name");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_gradient(w->net, "first.weight", NULL, 8), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_gradient(w->net, "first.weight", values, 1), "first.weight", "8", "1");
    FAILS(SIXNET_NOT_FOUND, sixnet_tensor_gradient(w->net, "norm.running_mean", values, 4), "norm.running_mean",
          "not trained");
    FAILS(SIXNET_NOT_FOUND, sixnet_tensor_gradient_f64(w->net, "gone", doubles, 4), "gone");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_gradient_f64(w->net, "first.weight", NULL, 8), "values");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_digest(NULL, text), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_digest(w->net, NULL), "digest");
    const double x[4] = {0.5, 1, -1, 2}, t[2] = {0, 1}, bad[2] = {0, 3};
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_gradient_check(NULL, x, t, 2, &worst, NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_gradient_check(w->net, NULL, t, 2, &worst, NULL), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_gradient_check(w->net, x, NULL, 2, &worst, NULL), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_gradient_check(w->net, x, t, 2, NULL, NULL), "worst");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_gradient_check(w->net, x, t, 0, &worst, NULL), "0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_gradient_check(w->net, x, t, -1, &worst, NULL), "-1");
    FAILS(SIXNET_BAD_DATA, sixnet_model_gradient_check(w->net, x, bad, 2, &worst, NULL), "error", "class");
}

static void test_loop_arguments(void **state)
{
    fixture *w = *state;
    const float *x = w->inputs, *t = w->targets;
    const double xd[4] = {0};
    double loss, yd[6];
    float y[6];
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_forward(NULL, x, 2), "sixnet_model_forward", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_forward(w->net, NULL, 2), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_forward(w->net, x, 0), "0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_forward(w->net, x, -5), "-5");
    FAILS(SIXNET_TOO_LARGE, sixnet_model_forward(w->net, x, INT64_MAX), "9223372036854775807");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_forward_f64(NULL, xd, 2), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_forward_f64(w->net, NULL, 2), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_loss(NULL, t, &loss), "sixnet_model_loss", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_loss(w->net, NULL, &loss), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_loss_f64(NULL, xd, &loss), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_loss_f64(w->net, NULL, &loss), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_backward(NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_backward_from(NULL, x), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_backward_from(w->net, NULL), "gradient");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_backward_from_f64(NULL, xd), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_backward_from_f64(w->net, NULL), "gradient");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_zero_grad(NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_predict(NULL, x, 2, y), "sixnet_model_predict", "net");
    /* a function is named as it was called, also in double */
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_predict_f64(NULL, NULL, 2, NULL), "sixnet_model_predict_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_forward_f64(NULL, NULL, 2), "sixnet_model_forward_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_loss_f64(NULL, NULL, NULL), "sixnet_model_loss_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_backward_from_f64(NULL, NULL), "sixnet_model_backward_from_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_predict_f64(NULL, NULL, 2, NULL), "sixnet_predictor_predict_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_get_f64(NULL, "a", NULL, 0), "sixnet_tensor_get_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_set_f64(NULL, "a", NULL, 0), "sixnet_tensor_set_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_tensor_gradient_f64(NULL, "a", NULL, 0), "sixnet_tensor_gradient_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values_f64(NULL, 0, NULL, 0), "sixnet_node_values_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_gradient_f64(NULL, 0, NULL, 0), "sixnet_node_gradient_f64: ");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_predict(w->net, NULL, 2, y), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_predict(w->net, x, 2, NULL), "outputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_predict(w->net, x, -1, y), "n");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_predict_f64(NULL, xd, 2, yd), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_predict_f64(w->net, xd, 2, NULL), "outputs");
    WORKS(sixnet_model_predict(w->net, NULL, 0, NULL));
}

/* Runs a call that fails: the message begins with the name of the function that was called, not of one that it uses. */
#define FAILS_BY_NAME(call)                                                                                            \
    do {                                                                                                               \
        (void)(call);                                                                                                  \
        const size_t length = strcspn(#call, "(");                                                                     \
        if (strncmp(sixnet_last_error(), #call, length) != 0 || sixnet_last_error()[length] != ':')                    \
            fail_msg("%s: %s", #call, sixnet_last_error());                                                            \
    } while (0)

static void test_messages_name_the_function_called(void **state)
{
    fixture *w = *state;
    sixnet_model *net;
    FAILS_BY_NAME(sixnet_context_new(NULL, NULL));
    FAILS_BY_NAME(sixnet_context_new_with_allocator(NULL, NULL, NULL, NULL, NULL));
    FAILS_BY_NAME(sixnet_model_fit(NULL, w->opt, w->ds, NULL, NULL, NULL, NULL));
    FAILS_BY_NAME(sixnet_model_fit(w->net, w->opt, NULL, NULL, NULL, NULL, NULL));
    FAILS_BY_NAME(sixnet_model_fit(NULL, w->opt, w->ds, w->ds, NULL, NULL, NULL));
    FAILS_BY_NAME(sixnet_model_fit(w->net, NULL, w->ds, w->ds, NULL, NULL, NULL));
    FAILS_BY_NAME(sixnet_model_add(NULL, "relu", 0));
    FAILS_BY_NAME(sixnet_model_add_multi(NULL, "relu", NULL, 0));
    WORKS(sixnet_model_new(&net, NULL));
    FAILS_BY_NAME(sixnet_model_add(net, NULL, 0));
    sixnet_model_free(net);
    WORKS(sixnet_model_new(&net, NULL));
    FAILS_BY_NAME(sixnet_model_add_multi(net, "relu", NULL, 1));
    sixnet_model_free(net);
}

static void test_optimizer_arguments(void **state)
{
    fixture *w = *state;
    sixnet_optimizer *opt = w->opt;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_new(NULL, w->net, "sgd lr=1", NULL), "sixnet_optimizer_new", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_new(&opt, NULL, "sgd lr=1", NULL), "net");
    assert_null(opt);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_new(&opt, w->net, NULL, NULL), "spec");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "", NULL), "empty");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "adan", NULL), "optimizer", "adan", "did you mean 'adam");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "kfac", NULL),
          "unknown optimizer 'kfac'; there is no such optimizer");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd", NULL), "sgd", "lr", "missing");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd lr=nan", NULL), "sgd", "lr=nan", "finite");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd lr=inf", NULL), "lr=inf", "finite");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd lr=-0.1", NULL), "lr=-0.1", "0 and up");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd lr=0.1 momentun=0.9", NULL),
          "did you mean 'momentum'");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd lr=0.1 nesterov=true", NULL), "nesterov",
          "momentum");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd lr=1", "step_rl step_size=3"), "schedule",
          "did you mean 'step_lr'");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd lr=1", "step_lr step_size=0"), "step_lr",
          "step_size=0");
    FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, w->net, "sgd lr=1", "step_lr step_size=1 ;"), "empty");
    assert_null(opt);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_step(NULL), "opt");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_end_epoch(NULL, 1), "opt");
    refusal_begins();
    assert_true(isnan(sixnet_optimizer_learning_rate(NULL)));
    assert_non_null(strstr(sixnet_last_error(), "opt is NULL"));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_set_learning_rate(NULL, 1), "opt");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_set_learning_rate(w->opt, NAN), "rate", "finite");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_set_learning_rate(w->opt, INFINITY), "rate", "finite");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_optimizer_set_learning_rate(w->opt, -1), "rate", "0 or greater");
    assert_true(sixnet_optimizer_learning_rate(w->opt) == 0.1);
    WORKS(sixnet_optimizer_set_learning_rate(w->opt, 0.25));
    assert_true(sixnet_optimizer_learning_rate(w->opt) == 0.25);
}

static int32_t no_sample(void *user, int64_t index, float *input, float *target)
{
    (void)user, (void)index, (void)input, (void)target;
    return 7;
}

static void test_dataset_arguments(void **state)
{
    fixture *w = *state;
    sixnet_dataset *a = w->ds, *b = w->ds;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_open(NULL, w->ctx, "a", NULL), "sixnet_dataset_open", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_open(&a, w->ctx, NULL, NULL), "path");
    assert_null(a);
    FAILS(SIXNET_IO_ERROR, sixnet_dataset_open(&a, NULL, "/nowhere", ""), "/nowhere");
    FAILS(SIXNET_BAD_SPEC, sixnet_dataset_open(&a, w->ctx, "/nowhere", "chanels=1"), "did you mean 'channels'");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_idx(NULL, w->ctx, "a", "b"), "sixnet_dataset_from_idx", "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_idx(&a, w->ctx, NULL, "b"), "images");
    assert_null(a);
    FAILS(SIXNET_IO_ERROR, sixnet_dataset_from_idx(&a, w->ctx, "/nowhere/images", "/nowhere/labels"),
          "/nowhere/images");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(NULL, w->ctx, "shape=2", w->inputs, NULL, 1), "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(&a, w->ctx, NULL, w->inputs, NULL, 1), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(&a, w->ctx, "shape=2", NULL, NULL, 1), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(&a, w->ctx, "shape=2", w->inputs, NULL, 0),
          "n must be 1 or greater, got 0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_arrays(&a, w->ctx, "shape=2", w->inputs, NULL, -4), "got -4");
    FAILS(SIXNET_BAD_SPEC, sixnet_dataset_from_arrays(&a, w->ctx, "", w->inputs, NULL, 1), "shape", "missing");
    FAILS(SIXNET_BAD_SPEC, sixnet_dataset_from_arrays(&a, w->ctx, "shape=2x0", w->inputs, NULL, 1), "shape=2x0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback(NULL, w->ctx, "shape=2", 1, no_sample, NULL), "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback(&a, w->ctx, NULL, 1, no_sample, NULL), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback(&a, w->ctx, "shape=2", 1, NULL, NULL), "fn");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback(&a, w->ctx, "shape=2", 0, no_sample, NULL),
          "n must be 1 or greater, got 0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback_f64(&a, w->ctx, NULL, 1, NULL, NULL), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_from_callback_f64(&a, w->ctx, "shape=2", 1, NULL, NULL), "fn");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(NULL, &b, w->ds, "first_size=3"), "sixnet_dataset_split",
          "first");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(&a, NULL, w->ds, "first_size=3"), "second");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(&a, &b, NULL, "first_size=3"), "ds");
    assert_null(b);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(&a, &b, w->ds, NULL), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_split(&a, &b, w->ds, "first_size=16"), "first_size=16",
          "number of samples (16)");
    FAILS(SIXNET_BAD_SPEC, sixnet_dataset_split(&a, &b, w->ds, "first_size=0"), "first_size=0");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_add_transform(NULL, "normalize mean=0 std=1"), "ds");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_add_transform(w->ds, NULL), "spec");
    FAILS(SIXNET_BAD_SPEC, sixnet_dataset_add_transform(w->ds, "normalise mean=0 std=1"), "transform",
          "did you mean 'normalize'");
    FAILS(SIXNET_BAD_SPEC, sixnet_dataset_add_transform(w->ds, "normalize mean=0 std=0"), "std=0");
}

static void test_sample_arguments(void **state)
{
    fixture *w = *state;
    int64_t dims[8], target_dims[8];
    int32_t rank, target_rank;
    float input[2], target[1];
    sixnet_dataset *bad;
    FAILS(0, (int32_t)sixnet_dataset_size(NULL), "ds");
    assert_int_equal(sixnet_dataset_size(w->ds), 16);
    assert_null(sixnet_dataset_class_name(NULL, 0));
    assert_null(sixnet_dataset_class_name(w->ds, 0));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(NULL, dims, &rank, target_dims, &target_rank), "ds");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(w->ds, NULL, &rank, target_dims, &target_rank), "dims");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(w->ds, dims, NULL, target_dims, &target_rank), "rank");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(w->ds, dims, &rank, NULL, &target_rank), "target_dims");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_shape(w->ds, dims, &rank, target_dims, NULL), "target_rank");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_get_sample(NULL, 0, input, target), "ds");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_get_sample(w->ds, -1, input, target), "-1");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_get_sample(w->ds, 16, input, target), "16", "0 to 15");
    WORKS(sixnet_dataset_get_sample(w->ds, 15, NULL, NULL));
    WORKS(sixnet_dataset_from_callback(&bad, w->ctx, "shape=2", 3, no_sample, NULL));
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_dataset_get_sample(bad, 2, input, target), "7", "sample 2");
    sixnet_dataset_free(bad);
}

static void test_batches_arguments(void **state)
{
    fixture *w = *state;
    sixnet_batch_iterator *b = (sixnet_batch_iterator *)w;
    const float *x, *t;
    const double *dx, *dt;
    int64_t n;
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_new(NULL, w->ds, "batch_size=4"), "sixnet_batch_iterator_new",
          "out");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_new(&b, NULL, "batch_size=4"), "ds");
    assert_null(b);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_new(&b, w->ds, NULL), "spec");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_new(&b, w->ds, "batch_size=17 drop_last=true"),
          "batch_size=17", "16 samples");
    FAILS(SIXNET_BAD_SPEC, sixnet_batch_iterator_new(&b, w->ds, "batch_size=0"), "batch_size=0");
    FAILS(SIXNET_BAD_SPEC, sixnet_batch_iterator_new(&b, w->ds, "size=4"), "size");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_start_epoch(NULL, 0), "batches");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_next(NULL, &x, &t, &n), "batches");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_position(NULL, &n, &n), "batches");
    WORKS(sixnet_batch_iterator_new(&b, w->ds, "batch_size=4"));
    WORKS(sixnet_batch_iterator_position(b, NULL, NULL));
    assert_null(sixnet_model_diagnostic(w->net, -1, "name"));
    sixnet_batch_iterator_free(b);
    WORKS(sixnet_batch_iterator_new(&b, w->ds, "batch_size=4"));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_start_epoch(b, -1), "-1");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_next(b, NULL, &t, &n), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_next(b, &x, NULL, &n), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_next(b, &x, &t, NULL), "n is NULL");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_next_f64(NULL, &dx, &dt, &n), "batches");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_next_f64(b, NULL, &dt, &n), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_next_f64(b, &dx, NULL, &n), "targets");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_batch_iterator_next_f64(b, &dx, &dt, NULL), "n is NULL");
    sixnet_batch_iterator_free(b);
}

static void test_fit_arguments(void **state)
{
    fixture *w = *state;
    double loss, accuracy;
    sixnet_model *other = parsed(w->ctx, small_net), *raw = empty(w);
    sixnet_optimizer *foreign;
    WORKS(sixnet_optimizer_new(&foreign, other, "sgd lr=1", NULL));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_fit(NULL, w->opt, w->ds, NULL, "", NULL, NULL), "sixnet_model_fit",
          "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_fit(w->net, NULL, w->ds, NULL, "", NULL, NULL), "opt");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_fit(w->net, w->opt, NULL, NULL, "", NULL, NULL), "train");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_fit(w->net, foreign, w->ds, NULL, "batch_size=4", NULL, NULL),
          "another model");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_model_fit(w->net, w->opt, w->ds, NULL, "batch_size=17 drop_last=true", NULL, NULL), "batch_size=17",
          "16 samples");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_fit(w->net, w->opt, w->ds, NULL, "epoch=1", NULL, NULL),
          "did you mean 'epochs'");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_fit(w->net, w->opt, w->ds, NULL, "epochs=0", NULL, NULL), "epochs=0");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_fit(w->net, w->opt, w->ds, NULL, "batch_size=-1", NULL, NULL), "batch_size=-1");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_fit(NULL, w->opt, w->ds, w->ds, "", NULL, NULL), "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_evaluate(NULL, w->ds, &loss, &accuracy), "sixnet_model_evaluate",
          "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_evaluate(w->net, NULL, &loss, &accuracy), "ds");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_metrics(NULL, w->ds, NULL, NULL), "sixnet_model_metrics", "net");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_metrics(w->net, NULL, NULL, NULL), "ds");
    FAILS(SIXNET_BAD_STATE, sixnet_model_metrics(raw, w->ds, NULL, NULL), "sixnet_model_compile");
    assert_true(isnan(sixnet_model_metric(NULL, "loss")) && isnan(sixnet_model_metric(w->net, NULL)));
    FAILS(SIXNET_BAD_STATE, sixnet_model_evaluate(raw, w->ds, &loss, &accuracy), "sixnet_model_compile");
    WORKS(sixnet_model_evaluate(w->net, w->ds, NULL, NULL));
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
        assert_null(sixnet_kind_field(families[i], -1, "name"));
        assert_null(sixnet_kind_field(families[i], 1000, "name"));
        assert_null(sixnet_kind_field(families[i], INT32_MAX, "name"));
        assert_null(sixnet_kind_field(families[i], 0, "colour"));
        assert_null(sixnet_kind_field(families[i], 0, NULL));
        assert_null(sixnet_attribute_field(families[i], "nothing", 0, "name"));
        assert_null(sixnet_attribute_field(families[i], NULL, 0, "name"));
    }
    assert_null(sixnet_kind_field("colours", 0, "name"));
    assert_null(sixnet_kind_field(NULL, 0, "name"));
    assert_null(sixnet_attribute_field(NULL, "linear", 0, "name"));
    assert_null(sixnet_attribute_field("layer", "linear", 0, NULL));
    assert_null(sixnet_attribute_field("layer", "linear", 0, "colour"));
    assert_null(sixnet_attribute_field("layer", "linear", -1, "name"));
    assert_null(sixnet_attribute_field("layer", "linear", 99, "name"));
    assert_null(sixnet_attribute_field("loss", "linear", 0, "name"));
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

/* What a setup asks for that cannot be: its number, and the status that it got. */
typedef struct wish {
    int number;
    int32_t answer;
} wish;

static int32_t wish_for(const wish *w, sixnet_layer_setup *setup)
{
    static const int64_t two[] = {2}, zero[] = {0}, nine[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const char long_name[] = "a123456789b123456789c123456789d123456789e123456789f123456789g";
    int64_t dims[8];
    int32_t rank, status = 0;
    switch (w->number) {
    case 0:
        return sixnet_layer_setup_input_shape(setup, 1, dims, &rank);
    case 1:
        return sixnet_layer_setup_input_shape(setup, -1, dims, &rank);
    case 2:
        return sixnet_layer_setup_input_shape(setup, 0, NULL, &rank);
    case 3:
        return sixnet_layer_setup_input_shape(setup, 0, dims, NULL);
    case 4:
        return sixnet_layer_setup_set_output_shape(setup, NULL, 1);
    case 5:
        return sixnet_layer_setup_set_output_shape(setup, zero, 1);
    case 6:
        return sixnet_layer_setup_set_output_shape(setup, nine, 9);
    case 7:
        return sixnet_layer_setup_add_parameter(setup, NULL, two, 1, 0, 1);
    case 8:
        return sixnet_layer_setup_add_parameter(setup, "a-b", two, 1, 0, 1);
    case 9:
        return sixnet_layer_setup_add_parameter(setup, long_name, two, 1, 0, 1);
    case 10:
        status = sixnet_layer_setup_add_parameter(setup, "a", two, 1, 0, 1);
        return status ? 0 : sixnet_layer_setup_add_parameter(setup, "a", two, 1, 0, 1);
    case 11:
        return sixnet_layer_setup_add_parameter(setup, "a", NULL, 1, 0, 1);
    case 12:
        return sixnet_layer_setup_add_parameter(setup, "a", zero, 1, 0, 1);
    case 13:
        return sixnet_layer_setup_add_parameter(setup, "a", two, 1, 1, 0);
    case 14:
        return sixnet_layer_setup_add_parameter(setup, "a", two, 1, -INFINITY, 0);
    case 15:
        return sixnet_layer_setup_add_parameter(setup, "a", two, 1, 0, NAN);
    case 16:
        for (char name[] = "aa"; !status && name[1] <= 'z';
             ++name[1] > 'z' && name[0] < 'c' ? name[0]++, name[1] = 'a' : 0)
            status = sixnet_layer_setup_add_output(setup, name, two, 1);
        return status;
    case 17:
        return sixnet_layer_setup_fail(setup, NULL);
    case 18:
        return sixnet_layer_setup_add_output(setup, NULL, two, 1);
    case 19:
        return sixnet_layer_setup_add_output(setup, "a-b", two, 1);
    case 20:
        return sixnet_layer_setup_add_output(setup, "output", two, 1);
    case 21:
        return sixnet_layer_setup_add_output(setup, long_name, two, 1);
    case 22:
        status = sixnet_layer_setup_add_output(setup, "a", two, 1);
        return status ? 0 : sixnet_layer_setup_add_output(setup, "a", two, 1);
    case 23:
        return sixnet_layer_setup_add_output(setup, "a", NULL, 1);
    case 24:
        return sixnet_layer_setup_add_output(setup, "a", zero, 1);
    default: /* what goes wrong first is what is said */
        sixnet_layer_setup_fail(setup, "first");
        return sixnet_layer_setup_fail(setup, "second");
    }
}

static int32_t set_up_wrongly(void *user, sixnet_layer_setup *setup)
{
    wish *w = user;
    assert_true(isnan(sixnet_layer_setup_attribute(setup, "none")) && isnan(sixnet_layer_setup_attribute(setup, NULL)));
    w->answer = wish_for(w, setup);
    return w->answer;
}

static void test_setups_that_cannot_be(void **state)
{
    fixture *w = *state;
    static const char *const said[] = {
        "returned -1",
        "returned -1",
        "returned -1",
        "returned -1",
        "1 to 8 dimensions",
        "1 to 8 dimensions",
        "1 to 8 dimensions",
        "returned -1",
        "'a-b'",
        "not used twice",
        "not used twice",
        "1 to 8 dimensions",
        "1 to 8 dimensions",
        "with low <= high",
        "with low <= high",
        "with low <= high",
        "at most 64",
        "refused its inputs",
        "returned -1",
        "'a-b'",
        "not used twice",
        "not used twice",
        "not used twice",
        "1 to 8 dimensions",
        "1 to 8 dimensions",
        "first",
    };
    wish asked = {0};
    WORKS(sixnet_context_register_layer(w->ctx, "wishes", "b=1", "f32", set_up_wrongly, compute_nothing,
                                        compute_nothing, &asked));
    for (; asked.number < (int)(sizeof said / sizeof *said); asked.number++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE);
        FAILS_NODE(sixnet_model_add(net, "wishes", x), said[asked.number]);
        assert_true(asked.answer < 0);
        sixnet_model_free(net);
    }
}

/* Within a call: what is not there is NULL, NaN or a status. */
static int32_t ask_wrongly(void *user, sixnet_layer_call *call)
{
    int *calls = user;
    int64_t dims[8];
    int32_t rank;
    ++*calls;
    assert_true(isnan(sixnet_layer_call_attribute(call, "none")) && isnan(sixnet_layer_call_attribute(call, NULL)));
    for (int32_t index = -1; index < 2; index += 2) {
        FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_call_input_shape(call, index, dims, &rank), "no input");
        FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_call_output_shape(call, index, dims, &rank), "no output", "has 1");
        FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_call_parameter_shape(call, index, dims, &rank), "no parameter");
        assert_null(sixnet_layer_call_input(call, index));
        assert_null(sixnet_layer_call_parameter(call, index));
        assert_null(sixnet_layer_call_input_gradient(call, index));
        assert_null(sixnet_layer_call_parameter_gradient(call, index));
    }
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_call_output_shape(call, 0, NULL, &rank), "dims");
    assert_null(sixnet_layer_call_output_gradient(call, 0));
    assert_null(sixnet_layer_call_input_gradient(call, 0));
    memset(sixnet_layer_call_output(call, 0), 0, (size_t)sixnet_layer_call_sample_count(call) * 2 * sizeof(float));
    return 0;
}

static void test_calls_that_cannot_be(void **state)
{
    fixture *w = *state;
    int calls = 0;
    float out[2];
    WORKS(sixnet_context_register_layer(w->ctx, "asks", NULL, "f32", keep_shape, ask_wrongly, NULL, &calls));
    sixnet_model *net = parsed(w->ctx, "input shape=2\nlinear out_features=2\nasks\nmse\n");
    WORKS(sixnet_model_predict(net, w->inputs, 1, out));
    WORKS(sixnet_model_forward(net, w->inputs, 2));
    WORKS(sixnet_model_loss(net, w->inputs, NULL));
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(net), "asks", "no backward function");
    assert_true(calls > 1);
    sixnet_model_free(net);
}

static void test_attributes_that_cannot_be(void **state)
{
    fixture *w = *state;
    static const char *const bad[][2] = {
        {"b=1 b=2", "'b'"},   {"b=x", "'b=x'"},   {"b=inf", "'b=inf'"},
        {"=1", "''"},         {"a-b=1", "'a-b'"}, {"b=1\t c=2 \n 1d=3", "'1d'"},
        {"from=1", "'from'"},
    };
    char many[2000] = "", name[70];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(SIXNET_INVALID_ARGUMENT,
              sixnet_context_register_layer(w->ctx, "a", bad[i][0], "f32", keep_shape, compute_nothing, NULL, NULL),
              bad[i][1]);
    for (int i = 0; i < 200; i++)
        sprintf(many + strlen(many), "b%d=1 ", i);
    FAILS(SIXNET_TOO_LARGE,
          sixnet_context_register_layer(w->ctx, "a", many, "f32", keep_shape, compute_nothing, NULL, NULL), "at most");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, name, NULL, "f32", keep_shape, compute_nothing, NULL, NULL),
          "begins with no digit");
}

static void test_layer_arguments(void **state)
{
    fixture *w = *state;
    int64_t dims[8];
    int32_t rank;
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(NULL, "a", "", "f32", keep_shape, compute_nothing, NULL, NULL), "ctx");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, NULL, "", "f32", keep_shape, compute_nothing, NULL, NULL), "name");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, "a", "", NULL, keep_shape, compute_nothing, NULL, NULL), "dtype");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, "a", "", "f16", keep_shape, compute_nothing, NULL, NULL), "'a'", "f16");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_context_register_layer(w->ctx, "a", "", "f32", keep_shape, NULL, NULL, NULL),
          "'a'", "forward");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, "2a", "", "f32", keep_shape, compute_nothing, NULL, NULL), "'2a'");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, "relu", "", "f32", keep_shape, compute_nothing, NULL, NULL), "already");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, "a", "b", "f32", keep_shape, compute_nothing, NULL, NULL), "'b'");
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, "a", "name=1", "f32", keep_shape, compute_nothing, NULL, NULL),
          "'name'");
    WORKS(sixnet_context_register_layer(w->ctx, "a", "b=1", "f32", keep_shape, compute_nothing, NULL, NULL));
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_context_register_layer(w->ctx, "a", "", "f32", keep_shape, compute_nothing, NULL, NULL), "already");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_setup_input_count(NULL), "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_setup_input_shape(NULL, 0, dims, &rank), "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_setup_set_output_shape(NULL, dims, 1), "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_setup_add_parameter(NULL, "a", dims, 1, 0, 1), "setup");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_setup_fail(NULL, "no"), "setup");
    assert_true(isnan(sixnet_layer_setup_attribute(NULL, "a")) && isnan(sixnet_layer_call_attribute(NULL, "a")));
    assert_int_equal(sixnet_layer_call_sample_count(NULL), SIXNET_INVALID_ARGUMENT);
    assert_int_equal(sixnet_layer_call_is_training(NULL), SIXNET_INVALID_ARGUMENT);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_call_input_shape(NULL, 0, dims, &rank), "call");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_call_output_shape(NULL, 0, dims, &rank), "call");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_layer_call_parameter_shape(NULL, 0, dims, &rank), "call");
    assert_null(sixnet_layer_call_input(NULL, 0));
    assert_null(sixnet_layer_call_output(NULL, 0));
    assert_null(sixnet_layer_call_parameter(NULL, 0));
    assert_null(sixnet_layer_call_output_gradient(NULL, 0));
    assert_null(sixnet_layer_call_input_gradient(NULL, 0));
    assert_null(sixnet_layer_call_parameter_gradient(NULL, 0));
}

/* ---- lives ---- */

static sixnet_batch_iterator *batches_of(sixnet_dataset *ds)
{
    sixnet_batch_iterator *b;
    WORKS(sixnet_batch_iterator_new(&b, ds, "batch_size=5"));
    return b;
}

static void free_one(fixture *w, sixnet_batch_iterator **b, int which)
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
        sixnet_batch_iterator_free(*b);
        *b = NULL;
    }
}

/* What is left goes on to work. */
static void use_the_rest(fixture *w, sixnet_batch_iterator *b)
{
    const float *x, *t;
    int64_t n;
    float y[6];
    if (w->ctx)
        assert_string_equal(sixnet_context_get(w->ctx, "seed"), "5");
    if (w->net)
        WORKS(sixnet_model_predict(w->net, w->inputs, 2, y));
    if (w->opt)
        WORKS(sixnet_optimizer_step(w->opt));
    if (w->ds)
        WORKS(sixnet_dataset_get_sample(w->ds, 3, y, NULL));
    if (b) {
        WORKS(sixnet_batch_iterator_start_epoch(b, 0));
        WORKS(sixnet_batch_iterator_next(b, &x, &t, &n));
        assert_int_equal(n, 5);
    }
    if (w->net && w->opt && w->ds)
        WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, "batch_size=8", NULL, NULL));
}

static void test_freeing_in_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 120; order++) {
        void *memory;
        int left[5] = {0, 1, 2, 3, 4}, code = order;
        fixture_setup(&memory);
        watched = NULL;
        fixture *w = memory;
        sixnet_batch_iterator *b = batches_of(w->ds);
        for (int i = 5; i > 0; i--) {
            int pick = code % i;
            code /= i;
            free_one(w, &b, left[pick]);
            left[pick] = left[i - 1];
            use_the_rest(w, b);
        }
        fixture_teardown(&memory);
    }
}

static void test_freeing_nothing(void **state)
{
    (void)state;
    sixnet_context_free(NULL);
    sixnet_model_free(NULL);
    sixnet_optimizer_free(NULL);
    sixnet_dataset_free(NULL);
    sixnet_batch_iterator_free(NULL);
}

/* Models of one context do not share anything that changes. */
static void test_two_models(void **state)
{
    fixture *w = *state;
    sixnet_model *other = parsed(w->ctx, small_net);
    assert_same_digest(digest_of(w->net), digest_of(other));
    watched = other;
    digest before = digest_of(other);
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, "batch_size=4 epochs=3", NULL, NULL));
    assert_same_digest(before, digest_of(other));
    assert_string_not_equal(digest_of(w->net).text, before.text);
    watched = w->net;
    sixnet_model_free(other);
}

/* Without a context, a default one. */
static void test_without_a_context(void **state)
{
    fixture *w = *state;
    sixnet_context *ctx;
    sixnet_model *a, *b;
    sixnet_dataset *ds;
    WORKS(sixnet_context_new(&ctx, ""));
    a = parsed(ctx, small_net);
    b = parsed(NULL, small_net);
    assert_same_digest(digest_of(a), digest_of(b));
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=2", w->inputs, w->targets, 16));
    WORKS(sixnet_model_evaluate(b, ds, NULL, NULL));
    sixnet_context_free(ctx);
    sixnet_model_free(a);
    sixnet_model_free(b);
    sixnet_dataset_free(ds);
}

/* ---- tensors ---- */

static void test_tensors(void **state)
{
    fixture *w = *state;
    static const struct {
        const char *name;
        int64_t count;
        int32_t rank, trainable;
    } expected[] = {
        {"first.weight", 8, 2, 1}, {"first.bias", 4, 1, 1},        {"norm.weight", 4, 1, 1},
        {"norm.bias", 4, 1, 1},    {"norm.running_mean", 4, 1, 0}, {"norm.running_var", 4, 1, 0},
        {"last.weight", 12, 2, 1}, {"last.bias", 3, 1, 1},
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
    fixture *w = *state;
    float once[8], twice[8];
    for (int pass = 0; pass < 2; pass++) {
        WORKS(sixnet_model_forward(w->net, w->inputs, 8));
        WORKS(sixnet_model_loss(w->net, w->targets, NULL));
        WORKS(sixnet_model_backward(w->net));
        WORKS(sixnet_tensor_gradient(w->net, "first.weight", pass ? twice : once, 8));
    }
    for (int i = 0; i < 8; i++)
        assert_true(fabsf(twice[i] - 2 * once[i]) <= 1e-5f * fabsf(once[i]) && once[i] != 0);
    WORKS(sixnet_model_zero_grad(w->net));
    WORKS(sixnet_tensor_gradient(w->net, "first.weight", twice, 8));
    for (int i = 0; i < 8; i++)
        assert_true(twice[i] == 0);
}

/* ---- the list of tests ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        IN_FIXTURE(test_context_arguments),
        cmocka_unit_test(test_context_settings),
        IN_FIXTURE(test_model_arguments),
        IN_FIXTURE(test_add_arguments),
        IN_FIXTURE(test_foreign_nodes),
        IN_FIXTURE(test_inspection_arguments),
        IN_FIXTURE(test_model_shape_arguments),
        IN_FIXTURE(test_node_value_arguments),
        IN_FIXTURE(test_tensor_arguments),
        IN_FIXTURE(test_gradient_arguments),
        IN_FIXTURE(test_loop_arguments),
        IN_FIXTURE(test_optimizer_arguments),
        IN_FIXTURE(test_messages_name_the_function_called),
        IN_FIXTURE(test_dataset_arguments),
        IN_FIXTURE(test_sample_arguments),
        IN_FIXTURE(test_batches_arguments),
        IN_FIXTURE(test_fit_arguments),
        cmocka_unit_test(test_kind_arguments),
        IN_FIXTURE(test_layer_arguments),
        IN_FIXTURE(test_setups_that_cannot_be),
        IN_FIXTURE(test_calls_that_cannot_be),
        IN_FIXTURE(test_attributes_that_cannot_be),
        cmocka_unit_test(test_freeing_in_any_order),
        cmocka_unit_test(test_freeing_nothing),
        IN_FIXTURE(test_two_models),
        IN_FIXTURE(test_without_a_context),
        IN_FIXTURE(test_tensors),
        IN_FIXTURE(test_gradients_add_up),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
