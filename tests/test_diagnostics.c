/* SPDX-License-Identifier: MIT */
/* Runs that go wrong: what a batch that would spoil the net leaves behind, what on_nan makes of it, and whether diagnostics name the
 * fault that was planted, the layer and the moment, and says nothing about a run that is well. */

#include "api.h"

#include <unistd.h>

#include "graph/plan.h"

enum { SIZE = 6, CLASSES = 3, SAMPLES = 80, BATCH = 20 };

static const char rich_net[] =
    "input shape=6\nlinear out_features=10\nbatchnorm1d\nrelu\ndropout p=0.2\nlinear out_features=3\ncross_entropy";
static const char relu_net[] =
    "input shape=6\nlinear out_features=8\nrelu\nlinear out_features=8\nrelu\nlinear out_features=3\ncross_entropy";
static const char softmax_net[] = "input shape=6\nlinear out_features=3\nsoftmax\nflatten\ncross_entropy";
static const char sigmoid_net[] = "input shape=6\nlinear out_features=1\nsigmoid\nbce_with_logits";
static const char branch_net[] =
    "input shape=6 name=in\nlinear out_features=8 name=a\nlinear out_features=8 from=in name=b\nrelu from=a name=r\n"
    "add from=r,b\nlinear out_features=3\ncross_entropy";
static const char chain_net[] =
    "input shape=6\nlinear out_features=4\nlinear out_features=4\nlinear out_features=1\nmse";

typedef struct fixture {
    ledger memory;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds; /* of x and t where they lie */
    float x[SAMPLES * SIZE], t[SAMPLES];
    int lines;
    char log[1 << 16];     /* its lines */
    float *broken, mended; /* a value of x, NULL for none, and what it becomes when something is logged */
} fixture;

static void take_line(void *user, int32_t level, const char *line)
{
    fixture *w = user;
    assert_int_equal(level, 1);
    assert_true(is_one_line(line));
    w->lines++;
    strncat(w->log, line, sizeof w->log - strlen(w->log) - 2);
    strcat(w->log, "\n");
    if (w->broken)
        *w->broken = w->mended;
}

static fixture *fixture_setup(const char *options, const char *text, const char *optimizer, const char *schedule)
{
    static const float centre[CLASSES][SIZE] = {{1, 0, 0, -1, 0.5f, 0}, {0, 1, 0, 0, -1, 0.5f}, {0, 0, 1, 0.5f, 0, -1}};
    fixture *w = calloc(1, sizeof *w);
    uint64_t random = 11;
    w->ctx = ledger_context(&w->memory, options);
    WORKS(sixnet_context_set_log(w->ctx, take_line, w));
    w->net = parsed(w->ctx, text);
    WORKS(sixnet_optimizer_new(&w->opt, w->net, optimizer, schedule));
    for (int i = 0; i < SAMPLES; i++) {
        w->t[i] = (float)(i * 7 % CLASSES);
        for (int k = 0; k < SIZE; k++)
            w->x[i * SIZE + k] = centre[(int)w->t[i]][k] + (float)noise(&random);
    }
    WORKS(sixnet_dataset_from_arrays(&w->ds, w->ctx, "shape=6 copy=false", w->x, w->t, SAMPLES));
    return w;
}

static void fixture_teardown(fixture *w)
{
    close_all(&w->memory, w->ctx, w->net, w->opt, w->ds);
    free(w);
}

static int32_t fit(fixture *w, const char *options, sixnet_progress_fn fn, void *user)
{
    char text[512];
    snprintf(text, sizeof text, "batch_size=%d shuffle=false %s", BATCH, options);
    return sixnet_model_fit(w->net, w->opt, w->ds, NULL, text, fn, user);
}

static void fill(fixture *w, const char *tensor, float value)
{
    int64_t count;
    assert_non_null(sixnet_tensor_data(w->net, tensor, &count));
    float *values = malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = value;
    WORKS(sixnet_tensor_set(w->net, tensor, values, count));
    free(values);
}

static void scale_inputs(fixture *w, float factor)
{
    for (int i = 0; i < SAMPLES * SIZE; i++)
        w->x[i] *= factor;
}

/* ---- a batch that would spoil the net ---- */

static int32_t stop_after_two(void *user, const sixnet_progress *progress)
{
    (void)user;
    return sixnet_progress_get(progress, "batch") == 2;
}

/* After the failure of a third batch everything is as after two: what is trained from there on is the same. */
static void test_a_failed_batch_changes_nothing(void **state)
{
    (void)state;
    static const char *const optimizers[] = {"sgd lr=0.1 momentum=0.9", "adam lr=0.01", "adamw lr=0.01 clip_norm=0.5",
                                             "rmsprop lr=0.01 momentum=0.5"};
    for (int i = 0; i < 8; i++) {
        const char *options = i % 2 ? "threads=2 dtype=f64" : "seed=3";
        fixture *a = fixture_setup(options, rich_net, optimizers[i / 2], "one_cycle_lr max_lr=0.1 total_steps=40");
        fixture *b = fixture_setup(options, rich_net, optimizers[i / 2], "one_cycle_lr max_lr=0.1 total_steps=40");
        float gradient[CLASSES];
        a->x[50 * SIZE] = NAN;
        assert_int_equal(fit(a, "", NULL, NULL), SIXNET_NOT_FINITE);
        assert_non_null(strstr(sixnet_last_error(), "epoch 1, batch 3"));
        a->x[50 * SIZE] = b->x[50 * SIZE];
        assert_int_equal(fit(b, "", stop_after_two, NULL), SIXNET_STOPPED);
        assert_same_digest(digest_of(a->net), digest_of(b->net));
        assert_true(sixnet_optimizer_learning_rate(a->opt) == sixnet_optimizer_learning_rate(b->opt));
        WORKS(sixnet_tensor_gradient(a->net, "linear2.bias", gradient, CLASSES));
        assert_true(gradient[0] == 0 && gradient[1] == 0 && gradient[2] == 0);
        WORKS(fit(a, "epochs=2", NULL, NULL));
        WORKS(fit(b, "epochs=2", NULL, NULL));
        assert_same_digest(digest_of(a->net), digest_of(b->net));
        fixture_teardown(a);
        fixture_teardown(b);
    }
}

/* A step that would spoil only the optimizer's memory is one that spoils. */
static void test_the_optimizers_state_stays_finite(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, "input shape=6\nlinear out_features=1\nmse", "adam lr=0.01", NULL);
    digest before = digest_of(w->net);
    for (int i = 0; i < SAMPLES; i++)
        w->t[i] = 1e18f;
    for (int i = 0; i < SAMPLES * SIZE; i++)
        w->x[i] *= 1000;
    assert_int_equal(fit(w, "", NULL, NULL), SIXNET_NOT_FINITE);
    assert_non_null(strstr(sixnet_last_error(), "optimizer's state"));
    assert_same_digest(before, digest_of(w->net));
    fixture_teardown(w);
}

/* A step that the optimizer's memory alone makes too large, after a learning rate that was small enough for it. */
static void test_a_large_step_by_the_state(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, "input shape=6\nlinear out_features=1\nl1", "sgd lr=1e-37 momentum=0.9", NULL);
    for (int i = 0; i < SAMPLES * SIZE; i++)
        w->x[i] = 1e30f;
    WORKS(fit(w, "", NULL, NULL));
    scale_inputs(w, 0);
    WORKS(sixnet_optimizer_set_learning_rate(w->opt, 1e9));
    digest before = digest_of(w->net);
    assert_int_equal(fit(w, "", NULL, NULL), SIXNET_NOT_FINITE);
    assert_same_digest(before, digest_of(w->net));
    fixture_teardown(w);
}

/* ---- on_nan=skip ---- */

typedef struct story {
    double loss, accuracy, skipped, batches; /* at the last end of an epoch */
} story;

static int32_t listen(void *user, const sixnet_progress *p)
{
    story *s = user;
    s->batches += sixnet_progress_get(p, "epoch_end") == 0;
    if (sixnet_progress_get(p, "epoch_end") == 1) {
        s->loss = sixnet_progress_get(p, "loss");
        s->accuracy = sixnet_progress_get(p, "accuracy");
        s->skipped = sixnet_progress_get(p, "skipped");
    }
    return 0;
}

/* What the open loop does if it leaves the second batch of each epoch out. */
static double loop_without_second(fixture *w, int epochs)
{
    double sum = 0, loss;
    for (int e = 0; e < epochs; e++, sum = e < epochs ? 0 : sum) {
        for (int b = 0; b < SAMPLES / BATCH; b++) {
            if (b == 1)
                continue;
            WORKS(sixnet_model_forward(w->net, w->x + b * BATCH * SIZE, BATCH));
            WORKS(sixnet_model_loss(w->net, w->t + b * BATCH, &loss));
            WORKS(sixnet_model_zero_grad(w->net));
            WORKS(sixnet_model_backward(w->net));
            WORKS(sixnet_optimizer_step(w->opt));
            sum += loss;
        }
        WORKS(sixnet_optimizer_end_epoch(w->opt, 0));
    }
    return sum / (SAMPLES / BATCH - 1);
}

static void test_skip_leaves_the_batch_out(void **state)
{
    (void)state;
    static const char *const contexts[] = {"seed=4", "seed=4 threads=3"};
    for (int i = 0; i < 2; i++) {
        fixture *a = fixture_setup(contexts[i], rich_net, "adam lr=0.01", "linear_warmup steps=9"),
                *b = fixture_setup(contexts[i], rich_net, "adam lr=0.01", "linear_warmup steps=9");
        story s = {0};
        a->x[25 * SIZE + 1] = INFINITY;
        WORKS(fit(a, "epochs=2 on_nan=skip", listen, &s));
        double mean = loop_without_second(b, 2);
        assert_same_digest(digest_of(a->net), digest_of(b->net));
        assert_true(fabs(s.loss - mean) < 1e-12 && s.skipped == BATCH && s.batches == 8);
        assert_true(s.accuracy > 0 && s.accuracy <= 1);
        assert_int_equal(a->lines, 2);
        assert_non_null(strstr(a->log, "epoch 2, batch 2"));
        assert_non_null(strstr(a->log, "skipped"));
        fixture_teardown(a);
        fixture_teardown(b);
    }
}

static void test_skip_ends_when_nothing_is_left(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, rich_net, "adam lr=0.01", NULL);
    digest before = digest_of(w->net);
    for (int i = 0; i < SAMPLES; i++)
        w->x[i * SIZE] = NAN;
    assert_int_equal(fit(w, "epochs=5 on_nan=skip", NULL, NULL), SIXNET_NOT_FINITE);
    assert_non_null(strstr(sixnet_last_error(), "epoch 1: all batches"));
    assert_same_digest(before, digest_of(w->net));
    fixture_teardown(w);
}

static int32_t stop_in_second_epoch(void *user, const sixnet_progress *p)
{
    (void)user;
    return sixnet_progress_get(p, "epoch") == 2 && sixnet_progress_get(p, "batch") == 3;
}

/* A run that is interrupted after it has left a batch out ends as if it had not been, its means included. */
static void test_skip_is_resumed(void **state)
{
    (void)state;
    char path[] = "/tmp/sixnet-diagnostics-XXXXXX", options[256];
    int file = mkstemp(path);
    story whole = {0}, parts = {0};
    fixture *a = fixture_setup("seed=5", rich_net, "adam lr=0.01", NULL),
            *b = fixture_setup("seed=5", rich_net, "adam lr=0.01", NULL);
    assert_true(file >= 0);
    close(file);
    a->x[25 * SIZE] = b->x[25 * SIZE] = NAN;
    WORKS(fit(a, "epochs=3 on_nan=skip", listen, &whole));
    snprintf(options, sizeof options, "epochs=3 on_nan=skip checkpoint_best=false checkpoint=%s", path);
    assert_int_equal(fit(b, options, stop_in_second_epoch, NULL), SIXNET_STOPPED);
    snprintf(options, sizeof options, "epochs=3 on_nan=skip resume=%s", path);
    WORKS(fit(b, options, listen, &parts));
    assert_same_digest(digest_of(a->net), digest_of(b->net));
    assert_true(parts.loss == whole.loss && parts.accuracy == whole.accuracy && parts.skipped == whole.skipped);
    assert_int_equal(sixnet_model_history_size(a->net), 3);
    assert_int_equal(sixnet_model_history_size(b->net), 3);
    for (int64_t e = 1; e <= 3; e++)
        assert_true(sixnet_model_history_get(a->net, e, "loss") == sixnet_model_history_get(b->net, e, "loss"));
    unlink(path);
    fixture_teardown(a);
    fixture_teardown(b);
}

/* ---- on_nan=restore ---- */

/* A rate that is too large is halved until an epoch works out; the run is then that of the halved rate. */
static void test_restore_halves_the_rate(void **state)
{
    (void)state;
    static const char *const contexts[] = {"seed=6", "seed=6 threads=2", "seed=6 threads=3 dtype=f64"};
    static const char *const averages[] = {"", "average=ema", "average=swa"};
    for (int i = 0; i < 9; i++) {
        char optimizer[64], plain[128], options[160];
        int halvings;
        const char *context = contexts[i % 3];
        snprintf(plain, sizeof plain, "epochs=20 batch_size=5 shuffle=false %s", averages[i / 3]);
        snprintf(options, sizeof options, "%s on_nan=restore", plain);
        fixture *a = fixture_setup(context, chain_net, i % 3 < 2 ? "sgd lr=40" : "sgd lr=100", NULL);
        WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, options, NULL, NULL));
        double lr = sixnet_optimizer_learning_rate(a->opt);
        assert_true(frexp((i % 3 < 2 ? 40 : 100) / lr, &halvings) == 0.5 && halvings - 1 == a->lines && a->lines > 2);
        assert_non_null(strstr(a->log, "begins again"));
        assert_int_equal(sixnet_model_history_size(a->net), 20);
        snprintf(optimizer, sizeof optimizer, "sgd lr=%.17g", lr);
        fixture *b = fixture_setup(context, chain_net, optimizer, NULL);
        WORKS(sixnet_model_fit(b->net, b->opt, b->ds, NULL, plain, NULL, NULL));
        assert_same_digest(digest_of(a->net), digest_of(b->net));
        fixture_teardown(a);
        fixture_teardown(b);
    }
}

/* The state of the optimizer is that of the epoch's beginning, too. */
static void test_restore_of_an_optimizer(void **state)
{
    (void)state;
    static const char *const optimizers[] = {"sgd lr=0.1 momentum=0.9", "adam lr=0.01", "rmsprop lr=0.01 momentum=0.5"};
    for (int i = 0; i < 3; i++) {
        fixture *a = fixture_setup("seed=3", rich_net, optimizers[i], NULL),
                *b = fixture_setup("seed=3", rich_net, optimizers[i], NULL);
        WORKS(fit(a, "", NULL, NULL));
        WORKS(fit(b, "", NULL, NULL));
        a->broken = &a->x[50 * SIZE];
        a->mended = *a->broken;
        *a->broken = NAN;
        WORKS(fit(a, "on_nan=restore", NULL, NULL));
        assert_int_equal(a->lines, 1);
        WORKS(sixnet_optimizer_set_learning_rate(b->opt, sixnet_optimizer_learning_rate(b->opt) / 2));
        WORKS(fit(b, "", NULL, NULL));
        assert_same_digest(digest_of(a->net), digest_of(b->net));
        fixture_teardown(a);
        fixture_teardown(b);
    }
}

static void test_restore_gives_up(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, chain_net, "sgd lr=1e30", NULL);
    digest before = digest_of(w->net);
    assert_int_equal(fit(w, "on_nan=restore", NULL, NULL), SIXNET_NOT_FINITE);
    assert_non_null(strstr(sixnet_last_error(), "after retrying the epoch 10 times"));
    assert_true(sixnet_optimizer_learning_rate(w->opt) == 1e30 / 1024 && w->lines == 10 && all_finite(w->net));
    assert_same_digest(before, digest_of(w->net));
    fixture_teardown(w);
}

static void test_restore_of_bad_data_ends(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, rich_net, "adam lr=0.01", "step_lr step_size=1 gamma=0.5");
    story s = {0};
    w->x[70 * SIZE] = NAN;
    assert_int_equal(fit(w, "epochs=3 on_nan=restore", listen, &s), SIXNET_NOT_FINITE);
    assert_true(s.batches == 3 * 11 && w->lines == 10 && all_finite(w->net));
    fixture_teardown(w);
}

/* ---- the same bits ---- */

static digest policy_result(const char *context, const char *policy)
{
    char options[64];
    fixture *w = fixture_setup(context, rich_net, "sgd lr=0.3 momentum=0.9", NULL);
    w->x[45 * SIZE] = 3e38f; /* overflows somewhere */
    w->x[45 * SIZE + 1] = 3e38f;
    snprintf(options, sizeof options, "epochs=2 on_nan=%s", policy);
    (void)fit(w, options, NULL, NULL);
    digest d = digest_of(w->net);
    assert_true(all_finite(w->net));
    fixture_teardown(w);
    return d;
}

static void test_same_bits_for_any_threads(void **state)
{
    (void)state;
    static const char *const policies[] = {"stop", "skip", "restore"};
    for (int i = 0; i < 3; i++) {
        digest one = policy_result("seed=7", policies[i]);
        assert_same_digest(one, policy_result("seed=7 threads=2", policies[i]));
        assert_same_digest(one, policy_result("seed=7 threads=4", policies[i]));
    }
}

/* ---- diagnostics ---- */

static bool found(const fixture *w, const char *name, const char *node)
{
    for (int32_t i = 0; sixnet_model_diagnostic(w->net, i, "name"); i++)
        if (strcmp(sixnet_model_diagnostic(w->net, i, "name"), name) == 0 &&
            strcmp(sixnet_model_diagnostic(w->net, i, "node"), node) == 0)
            return true;
    return false;
}

static void plant_nan(fixture *w) { w->x[45 * SIZE + 2] = NAN; }
static void plant_first(fixture *w) { fill(w, "linear1.weight", 3e38f); }
static void plant_second(fixture *w) { fill(w, "linear2.weight", 3e38f); }
static void plant_target(fixture *w) { w->t[23] = 1e25f; }
static void plant_gradient(fixture *w)
{
    scale_inputs(w, 0);
    fill(w, "linear1.bias", 0);
    fill(w, "linear2.bias", 0);
    fill(w, "linear2.weight", 1e35f);
    for (int i = 0; i < SAMPLES; i++)
        w->t[i] = 1e15f;
}
static void plant_label(fixture *w) { w->t[23] = 7; }
static void plant_half_label(fixture *w) { w->t[60] = 1.5f; }
static void plant_bytes(fixture *w)
{
    for (int i = 0; i < SAMPLES * SIZE; i++)
        w->x[i] = (float)(i * 37 % 256);
}
static void plant_offset(fixture *w)
{
    for (int i = 0; i < SAMPLES * SIZE; i++)
        w->x[i] -= 300;
}
static void plant_small(fixture *w) { scale_inputs(w, 1e-4f); }
static void plant_explosion(fixture *w)
{
    fill(w, "linear1.weight", 100);
    fill(w, "linear2.weight", 0.01f);
    fill(w, "linear3.weight", 100);
}
static void plant_dead_first(fixture *w) { fill(w, "linear1.bias", -100); }
static void plant_dead_second(fixture *w) { fill(w, "linear2.bias", -100); }
static void plant_dead_branch(fixture *w) { fill(w, "a.bias", -100); }
static void plant_constant(fixture *w) { fill(w, "linear3.weight", 0); }
static void plant_bits(fixture *w)
{
    for (int i = 0; i < SAMPLES; i++)
        w->t[i] = (float)(i % 2);
}
static void plant_nothing(fixture *w) { (void)w; }

/* The call's status, and how many diagnostics there are besides that one (which may follow from it). */
static const struct {
    const char *name, *node;
    void (*plant)(fixture *);
    const char *net, *optimizer, *epoch, *batch;
    int32_t status;
    int others;
} faults[] = {
    {"input_not_finite", "input1", plant_nan, relu_net, "sgd lr=0.1", "1", "3", SIXNET_NOT_FINITE, 0},
    {"value_not_finite", "linear1", plant_first, relu_net, "sgd lr=0.1", "1", "1", SIXNET_NOT_FINITE, 0},
    {"value_not_finite", "linear2", plant_second, relu_net, "sgd lr=0.1", "1", "1", SIXNET_NOT_FINITE, 0},
    {"loss_not_finite", "loss1", plant_target, chain_net, "sgd lr=0.1", "1", "2", SIXNET_NOT_FINITE, 0},
    {"gradient_not_finite", "linear2", plant_gradient, chain_net, "sgd lr=0.1", "1", "1", SIXNET_NOT_FINITE, 2},
    {"update_not_finite", "linear1", plant_nothing, relu_net, "sgd lr=1e39", "1", "1", SIXNET_NOT_FINITE, 0},
    {"label_out_of_range", "loss1", plant_label, relu_net, "sgd lr=0.1", "0", "0", SIXNET_BAD_DATA, 0},
    {"label_out_of_range", "loss1", plant_half_label, relu_net, "sgd lr=0.1", "0", "0", SIXNET_BAD_DATA, 0},
    {"probabilities_as_scores", "softmax1", plant_nothing, softmax_net, "sgd lr=0.1", "1", "1", SIXNET_OK, 0},
    {"probabilities_as_scores", "sigmoid1", plant_bits, sigmoid_net, "sgd lr=0.1", "1", "1", SIXNET_OK, 0},
    {"input_too_large", "input1", plant_bytes, rich_net, "sgd lr=0.01", "1", "1", SIXNET_OK, 0},
    {"input_too_large", "input1", plant_offset, rich_net, "sgd lr=0.01", "1", "1", SIXNET_OK, 0},
    {"input_too_small", "input1", plant_small, rich_net, "sgd lr=0.01", "1", "1", SIXNET_OK, 0},
    {"exploding_gradient", "linear2", plant_explosion, chain_net, "sgd lr=1e-12", "1", "1", SIXNET_OK, 0},
    {"dead_relu", "relu1", plant_dead_first, relu_net, "sgd lr=0.01", "1", "4", SIXNET_OK, 2},
    {"dead_relu", "relu2", plant_dead_second, relu_net, "sgd lr=0.01", "1", "4", SIXNET_OK, 1},
    {"dead_relu", "r", plant_dead_branch, branch_net, "sgd lr=0.01", "1", "4", SIXNET_OK, 0},
    {"constant_output", "linear3", plant_constant, relu_net, "sgd lr=0", "1", "4", SIXNET_OK, 0},
};

/* The node of a diagnostic, its epoch and batch, the line of the log: all say the same. */
static void check_finding(const fixture *w, int f)
{
    int32_t i = 0;
    while (sixnet_model_diagnostic(w->net, i, "name") &&
           (strcmp(sixnet_model_diagnostic(w->net, i, "name"), faults[f].name) != 0 ||
            strcmp(sixnet_model_diagnostic(w->net, i, "node"), faults[f].node) != 0))
        i++;
    if (!sixnet_model_diagnostic(w->net, i, "name"))
        fail_msg("%d: %s of %s was not found, but:\n%s", f, faults[f].name, faults[f].node, w->log);
    const char *text = sixnet_model_diagnostic(w->net, i, "text");
    assert_string_equal(sixnet_model_diagnostic(w->net, i, "epoch"), faults[f].epoch);
    assert_string_equal(sixnet_model_diagnostic(w->net, i, "batch"), faults[f].batch);
    assert_non_null(strstr(w->log, text));
    assert_non_null(strstr(text, faults[f].node));
    assert_non_null(strstr(text, sixnet_model_diagnostic(w->net, i, "remedy")));
    assert_null(sixnet_model_diagnostic(w->net, i, "colour"));
}

static int count_diagnostics(const fixture *w)
{
    int count = 0;
    while (sixnet_model_diagnostic(w->net, count, "text"))
        count++;
    return count;
}

static void test_planted_faults_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int t = 0; t < (is_quick() ? 1 : 2); t++) {
            fixture *w = fixture_setup(t ? "threads=3" : "", faults[i].net, faults[i].optimizer, NULL);
            faults[i].plant(w);
            int32_t status = fit(w, "epochs=2 diagnostics=true", NULL, NULL);
            if (status != faults[i].status)
                fail_msg("%s: %d %s\n%s", faults[i].name, (int)status, sixnet_last_error(), w->log);
            check_finding(w, (int)i);
            if (count_diagnostics(w) != 1 + faults[i].others || w->lines != count_diagnostics(w))
                fail_msg("%s: %d diagnostics\n%s", faults[i].name, count_diagnostics(w), w->log);
            fixture_teardown(w);
        }
}

/* A run that ends says that the data are the cause, if they are, with diagnostics or without. */
static void test_values_of_the_data_are_named(void **state)
{
    (void)state;
    fixture *w = fixture_setup("", relu_net, "sgd lr=0.1", NULL);
    plant_nan(w);
    assert_int_equal(fit(w, "", NULL, NULL), SIXNET_NOT_FINITE);
    assert_non_null(strstr(sixnet_last_error(), "epoch 1, batch 3; the data are: an input of the batch's sample 6"));
    fixture_teardown(w);
    w = fixture_setup("", chain_net, "sgd lr=0.1", NULL);
    w->t[21] = INFINITY;
    assert_int_equal(fit(w, "", NULL, NULL), SIXNET_NOT_FINITE);
    assert_non_null(strstr(sixnet_last_error(), "epoch 1, batch 2; the data are: a target of the batch's sample 2"));
    fixture_teardown(w);
    w = fixture_setup("", relu_net, "sgd lr=0.1", NULL);
    plant_first(w);
    assert_int_equal(fit(w, "", NULL, NULL), SIXNET_NOT_FINITE);
    assert_non_null(strstr(sixnet_last_error(), "epoch 1, batch 1; a smaller learning rate may help"));
    fixture_teardown(w);
}

static int32_t give_sample(void *user, int64_t index, float *input, float *target)
{
    const fixture *w = user;
    memcpy(input, w->x + index * SIZE, SIZE * sizeof *input);
    *target = w->t[index];
    return 0;
}

/* Labels that only come with the batch. */
static void test_labels_of_a_function(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, relu_net, "sgd lr=0.1", NULL);
    sixnet_dataset *ds;
    WORKS(sixnet_dataset_from_callback(&ds, w->ctx, "shape=6", SAMPLES, give_sample, w));
    w->t[45] = -1;
    assert_int_equal(
        sixnet_model_fit(w->net, w->opt, ds, NULL, "batch_size=20 shuffle=false diagnostics=true", NULL, NULL),
        SIXNET_BAD_DATA);
    assert_true(found(w, "label_out_of_range", "loss1"));
    assert_string_equal(sixnet_model_diagnostic(w->net, 0, "batch"), "3");
    sixnet_dataset_free(ds);
    fixture_teardown(w);
}

/* Without diagnostics nothing is reported, and diagnostics are forgotten with the next run. */
static void test_off(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, relu_net, "sgd lr=0.01", NULL);
    plant_dead_first(w);
    WORKS(fit(w, "diagnostics=true", NULL, NULL));
    assert_true(found(w, "dead_relu", "relu1"));
    int lines = w->lines;
    WORKS(fit(w, "", NULL, NULL));
    assert_int_equal(count_diagnostics(w), 0);
    assert_int_equal(w->lines, lines);
    fixture_teardown(w);
}

/* Looking changes no bit. */
static void test_the_doctor_changes_nothing(void **state)
{
    (void)state;
    fixture *a = fixture_setup("threads=2", rich_net, "adam lr=0.01", NULL),
            *b = fixture_setup("", rich_net, "adam lr=0.01", NULL);
    WORKS(fit(a, "epochs=3 diagnostics=true", NULL, NULL));
    WORKS(fit(b, "epochs=3", NULL, NULL));
    assert_same_digest(digest_of(a->net), digest_of(b->net));
    assert_int_equal(a->lines, 0);
    fixture_teardown(a);
    fixture_teardown(b);
}

/* Diagnostics end with their run, whether its last batch was trained on or not: no pass may call them after that. */
static void test_no_observer_is_left(void **state)
{
    (void)state;
    static const char *const options[] = {"diagnostics=true", "diagnostics=true shards=4",
                                          "diagnostics=true on_nan=skip"};
    for (int k = 0; k < 6; k++) {
        fixture *w = fixture_setup("", rich_net, "sgd lr=0.1", NULL);
        if (k % 2)
            w->x[SAMPLES * SIZE - 1] = NAN;
        fit(w, options[k / 2], NULL, NULL);
        assert_non_null(w->net->training);
        assert_null(w->net->training->observer);
        fixture_teardown(w);
    }
}

static void test_no_more_than_64(void **state)
{
    (void)state;
    char text[4096] = "input shape=6\n";
    for (int i = 0; i < 70; i++)
        strcat(text, i % 2 ? "tanh\nrelu\n" : "relu\n");
    strcat(text, "linear out_features=3\ncross_entropy");
    fixture *w = fixture_setup(NULL, text, "sgd lr=0.1", NULL);
    for (int i = 0; i < SAMPLES * SIZE; i++)
        w->x[i] = -fabsf(w->x[i]);
    WORKS(fit(w, "diagnostics=true", NULL, NULL));
    assert_int_equal(count_diagnostics(w), 64);
    assert_true(w->lines >= 70);
    fixture_teardown(w);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, relu_net, "sgd lr=0.1 momentum=0.9", NULL);
    digest before = digest_of(w->net);
    int call = 1;
    for (;; call++) {
        ledger_fail(&w->memory, call, false);
        int32_t status = fit(w, "diagnostics=true on_nan=restore", NULL, NULL);
        ledger_fail(&w->memory, 0, false);
        if (!status)
            break;
        assert_int_equal(status, SIXNET_OUT_OF_MEMORY);
        if (call < 8)
            assert_same_digest(before, digest_of(w->net));
        WORKS(sixnet_model_reset(w->net, 0));
    }
    assert_true(call > 10);
    fixture_teardown(w);
}

/* ---- runs that are well ---- */

static char *text_of(const char *path)
{
    char *text = calloc(1, 1 << 14);
    FILE *f = fopen(path, "r");
    assert_true(text && f && fread(text, 1, (1 << 14) - 1, f) > 0);
    fclose(f);
    return text;
}

static void expect_health(const char *text, sixnet_dataset *ds, const char *optimizer, const char *options)
{
    sixnet_model *net = parsed(NULL, text);
    sixnet_optimizer *opt;
    WORKS(sixnet_optimizer_new(&opt, net, optimizer, NULL));
    WORKS(sixnet_model_fit(net, opt, ds, NULL, options, NULL, NULL));
    if (sixnet_model_diagnostic(net, 0, "text"))
        fail_msg("%s", sixnet_model_diagnostic(net, 0, "text"));
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
}

/* The digits example, for as long as there is time. */
static void test_digits(void **state)
{
    (void)state;
    sixnet_dataset *all, *some, *rest;
    if (!has_digits())
        skip();
    char *text = text_of(SIXNET_TEST_DATA "/../../mnist_cnn.net");
    WORKS(sixnet_dataset_from_idx(&all, NULL, SIXNET_TEST_DATA "/t10k-images-idx3-ubyte.gz",
                                  SIXNET_TEST_DATA "/t10k-labels-idx1-ubyte.gz"));
    WORKS(sixnet_dataset_add_transform(all, "normalize mean=0.1307 std=0.3081"));
    WORKS(sixnet_dataset_split(&some, &rest, all, is_quick() ? "first_size=64" : "first_size=2000"));
    expect_health(text, some, "sgd lr=0.1 momentum=0.9",
                  is_quick() ? "batch_size=64 diagnostics=true" : "epochs=3 batch_size=64 diagnostics=true");
    sixnet_dataset_free(some);
    sixnet_dataset_free(rest);
    sixnet_dataset_free(all);
    free(text);
}

static void test_small_runs_that_are_well(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, relu_net, "sgd lr=0.1", NULL);
    static const float x[8] = {0, 0, 0, 1, 1, 0, 1, 1}, t[4] = {0, 1, 1, 0};
    sixnet_dataset * xor ;
    WORKS(sixnet_dataset_from_arrays(&xor, NULL, "shape=2", x, t, 4));
    expect_health(relu_net, w->ds, "sgd lr=0.1 momentum=0.9", "epochs=10 diagnostics=true");
    expect_health(rich_net, w->ds, "adam lr=0.01", "epochs=10 diagnostics=true");
    expect_health(chain_net, w->ds, "adamw lr=0.01", "epochs=10 diagnostics=true");
    expect_health("input shape=2\nlinear out_features=8\ntanh\nlinear out_features=1\nbce_with_logits", xor,
                  "adam lr=0.05",
                  is_quick() ? "epochs=20 batch_size=4 diagnostics=true" : "epochs=200 batch_size=4 diagnostics=true");
    sixnet_dataset_free(xor);
    fixture_teardown(w);
}

/* ---- the history ---- */

static void test_history(void **state)
{
    (void)state;
    fixture *w = fixture_setup(NULL, rich_net, "sgd lr=0.1", "step_lr step_size=1 gamma=0.5");
    story s = {0};
    assert_int_equal(sixnet_model_history_size(w->net), 0);
    assert_true(isnan(sixnet_model_history_get(w->net, 1, "loss")));
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, w->ds, "epochs=3 batch_size=20", listen, &s));
    double loss, accuracy;
    WORKS(sixnet_model_evaluate(w->net, w->ds, &loss, &accuracy));
    assert_int_equal(sixnet_model_history_size(w->net), 3);
    assert_true(sixnet_model_history_get(w->net, 3, "loss") == s.loss &&
                sixnet_model_history_get(w->net, 3, "accuracy") == s.accuracy);
    assert_true(sixnet_model_history_get(w->net, 3, "validation_loss") == loss);
    assert_true(sixnet_model_history_get(w->net, 3, "validation_accuracy") == accuracy);
    for (int64_t e = 1; e <= 3; e++)
        assert_true(sixnet_model_history_get(w->net, e, "lr") == ldexp(0.1, 1 - (int)e));
    assert_true(isnan(sixnet_model_history_get(w->net, 0, "loss")) &&
                isnan(sixnet_model_history_get(w->net, 4, "loss")));
    assert_true(isnan(sixnet_model_history_get(w->net, 1, "colour")));
    w->x[0] = NAN;
    assert_int_equal(fit(w, "epochs=2", NULL, NULL), SIXNET_NOT_FINITE);
    assert_int_equal(sixnet_model_history_size(w->net), 0);
    FAILS_NULL(sixnet_model_diagnostic(NULL, 0, "name"), "net");
    FAILS_NULL(sixnet_model_diagnostic(w->net, 0, NULL), "field");
    FAILS(0, (int32_t)sixnet_model_history_size(NULL), "net");
    FAILS(1, isnan(sixnet_model_history_get(w->net, 1, NULL)), "key");
    FAILS(1, isnan(sixnet_model_history_get(NULL, 1, "loss")), "net");
    FAILS(SIXNET_BAD_SPEC, fit(w, "on_nan=maybe", NULL, NULL), "on_nan", "stop", "skip", "restore");
    fixture_teardown(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_batch_changes_nothing),
        cmocka_unit_test(test_the_optimizers_state_stays_finite),
        cmocka_unit_test(test_skip_leaves_the_batch_out),
        cmocka_unit_test(test_skip_ends_when_nothing_is_left),
        cmocka_unit_test(test_skip_is_resumed),
        cmocka_unit_test(test_restore_halves_the_rate),
        cmocka_unit_test(test_a_large_step_by_the_state),
        cmocka_unit_test(test_restore_of_an_optimizer),
        cmocka_unit_test(test_restore_gives_up),
        cmocka_unit_test(test_restore_of_bad_data_ends),
        cmocka_unit_test(test_same_bits_for_any_threads),
        cmocka_unit_test(test_planted_faults_are_named),
        cmocka_unit_test(test_values_of_the_data_are_named),
        cmocka_unit_test(test_labels_of_a_function),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_the_doctor_changes_nothing),
        cmocka_unit_test(test_no_observer_is_left),
        cmocka_unit_test(test_no_more_than_64),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_small_runs_that_are_well),
        cmocka_unit_test(test_history),
    };
    return cmocka_run_group_tests_name("diagnostics", tests, NULL, NULL);
}
