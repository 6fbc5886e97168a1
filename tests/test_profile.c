/* SPDX-License-Identifier: MIT */
/* The profile: what it counts, when it begins and ends, and that a model computes the same under it. */

#include "api.h"

enum { SAMPLES = 20, PIXELS = 36 };

static const char net_text[] =
    "input shape=1x6x6\nconv2d out_channels=4 kernel_size=3 padding=1 groups=1 name=first\nbatchnorm2d\nrelu\n"
    "conv2d out_channels=6 kernel_size=3 stride=2 groups=2 name=second\nflatten\n"
    "linear out_features=3 name=last\ncross_entropy name=error\n";

static float inputs[SAMPLES * PIXELS], targets[SAMPLES], outputs[SAMPLES * 3];

static void step(sixnet_model *net)
{
    WORKS(sixnet_model_forward(net, inputs, SAMPLES));
    WORKS(sixnet_model_loss(net, targets, NULL));
    WORKS(sixnet_model_backward(net));
}

static double of(const sixnet_model *net, const char *node, const char *key)
{
    sixnet_node i = node ? sixnet_node_find(net, node) : SIXNET_NO_NODE;
    double x = sixnet_model_profile_get(net, i, key);
    if (!(x >= 0))
        fail_msg("%s of %s: %s", key, node ? node : "no node", sixnet_last_error());
    return x;
}

static void test_counts(void **state)
{
    sixnet_context *ctx;
    (void)state;
    WORKS(sixnet_context_new(&ctx, "threads=2"));
    sixnet_model *net = parsed(ctx, net_text);
    WORKS(sixnet_model_profile(net, 1));
    step(net);
    step(net);
    WORKS(sixnet_model_predict(net, inputs, SAMPLES, outputs));
    assert_true(of(net, "first", "forward_passes") == 3 && of(net, "first", "backward_passes") == 2);
    assert_true(of(net, "first", "forward_samples") == 3 * SAMPLES &&
                of(net, "first", "backward_samples") == 2 * SAMPLES);
    /* 4 x 9 weights at 36 positions, the gradient by weights only; 6 x 18 weights at 4; 24 x 3 weights. */
    assert_true(of(net, "first", "forward_flops") == 2.0 * 4 * 9 * 36 * 3 * SAMPLES);
    assert_true(of(net, "first", "backward_flops") == 2.0 * 4 * 9 * 36 * 2 * SAMPLES);
    assert_true(of(net, "second", "forward_flops") == 2.0 * 6 * 18 * 4 * 3 * SAMPLES);
    assert_true(of(net, "second", "backward_flops") == 4.0 * 6 * 18 * 4 * 2 * SAMPLES);
    assert_true(of(net, "last", "backward_flops") == 4.0 * 24 * 3 * 2 * SAMPLES);
    assert_true(of(net, "relu1", "forward_flops") == 0 &&
                of(net, "relu1", "forward_bytes") == 4.0 * 2 * 4 * 36 * 3 * SAMPLES);
    assert_true(of(net, "last", "forward_bytes") == 4.0 * ((24 + 3) * 3 * SAMPLES + (72 + 3) * 3));
    assert_true(of(net, "flatten1", "forward_bytes") == 0);
    assert_true(of(net, "flatten1", "backward_bytes") == 0 && of(net, "relu1", "backward_bytes") > 0);
    assert_true(of(net, "last", "backward_bytes") > 0);
    assert_true(of(net, "first", "forward_seconds") > 0 && of(net, "first", "backward_calls") >= 2 * 2);
    assert_true(of(net, NULL, "backward_seconds") > 0 && of(net, NULL, "forward_flops") == 0);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
}

/* Each value of the input times 5 x 2 x 2 weights, whatever the size of the output. */
static void test_counts_of_transposed(void **state)
{
    float x[2 * 9] = {0}, y[5 * 36];
    (void)state;
    sixnet_model *net =
        parsed(NULL, "input shape=2x3x3\nconv_transpose2d out_channels=5 kernel_size=2 stride=2 name=t\n");
    WORKS(sixnet_model_profile(net, 1));
    WORKS(sixnet_model_predict(net, x, 1, y));
    assert_true(of(net, "t", "forward_flops") == 2.0 * (2 * 9) * (5 * 4));
    sixnet_model_free(net);
}

static void test_begins_and_ends(void **state)
{
    (void)state;
    sixnet_model *net = parsed(NULL, net_text);
    step(net);
    assert_true(isnan(sixnet_model_profile_get(net, 1, "forward_seconds")));
    WORKS(sixnet_model_profile(net, 1));
    assert_true(of(net, "first", "forward_seconds") == 0 && of(net, "first", "forward_flops") == 0);
    step(net);
    assert_true(of(net, "first", "forward_passes") == 1);
    WORKS(sixnet_model_profile(net, 1));
    assert_true(of(net, "first", "forward_passes") == 0 && of(net, "first", "backward_calls") == 0);
    WORKS(sixnet_model_profile(net, 0));
    WORKS(sixnet_model_profile(net, 0));
    step(net);
    assert_true(isnan(sixnet_model_profile_get(net, 1, "forward_seconds")));
    sixnet_model_free(net);
}

static void test_changes_nothing(void **state)
{
    (void)state;
    sixnet_model *plain = parsed(NULL, net_text), *profiled = parsed(NULL, net_text);
    float weights[72], expected[72];
    WORKS(sixnet_model_profile(profiled, 1));
    step(plain);
    step(profiled);
    WORKS(sixnet_tensor_gradient(plain, "last.weight", expected, 72));
    WORKS(sixnet_tensor_gradient(profiled, "last.weight", weights, 72));
    assert_memory_equal(weights, expected, sizeof weights);
    assert_same_digest(digest_of(plain), digest_of(profiled)); /* running statistics */
    sixnet_model_free(profiled);
    sixnet_model_free(plain);
}

static void no_number(const sixnet_model *net, sixnet_node node, const char *key, const char *word)
{
    assert_true(isnan(sixnet_model_profile_get(net, node, key)));
    assert_non_null(strstr(sixnet_last_error(), word));
}

static void test_refusals(void **state)
{
    (void)state;
    sixnet_model *net;
    WORKS(sixnet_model_new(&net, NULL));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_profile(NULL, 1), "sixnet_model_profile", "net");
    FAILS(SIXNET_BAD_STATE, sixnet_model_profile(net, 1), "sixnet_model_compile");
    sixnet_model_free(net);
    net = parsed(NULL, net_text);
    no_number(net, 0, "forward_seconds", "sixnet_model_profile");
    WORKS(sixnet_model_profile(net, 1));
    no_number(NULL, 0, "forward_seconds", "net");
    no_number(net, 0, NULL, "key");
    no_number(net, 8, "forward_seconds", "8");
    no_number(net, -2, "forward_seconds", "-2");
    no_number(net, 0, "seconds", "'seconds'");
    no_number(net, 0, "forward_joules", "'forward_joules'");
    no_number(net, 0, "", "''");
    sixnet_model_free(net);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    ledger memory = {0};
    ledger_fail(&memory, 0, false);
    sixnet_context *ctx = ledger_context(&memory, NULL);
    sixnet_model *net = parsed(ctx, net_text);
    WORKS(sixnet_model_profile(net, 1));
    step(net);
    for (int count = 1; count <= 2; count++) {
        ledger_fail(&memory, count, false);
        FAILS(SIXNET_OUT_OF_MEMORY, sixnet_model_profile(net, 1), "memory");
        assert_true(of(net, "first", "forward_passes") == 1);
    }
    ledger_fail(&memory, 0, false);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    ledger_close(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),          cmocka_unit_test(test_counts_of_transposed),
        cmocka_unit_test(test_begins_and_ends), cmocka_unit_test(test_changes_nothing),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_memory_runs_out),
    };
    fill_noise(inputs, SAMPLES * PIXELS, 3);
    for (int i = 0; i < SAMPLES; i++)
        targets[i] = (float)(i % 3);
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
