/* SPDX-License-Identifier: MIT */
/* Training and measuring, seen from outside: what sixnet_model_fit() does is what the open loop does, batch by batch and bit by bit;
 * what it tells on the way adds up; and when it fails, nothing is spoilt. */

#include "api.h"

#include <unistd.h>

/* ---- data ---- */

enum { SIZE = 6, CLASSES = 3, MOST = 1100 };

/* Samples of three classes around three points, with noise. */
typedef struct sample_set {
    float x[MOST * SIZE], t[MOST];
    int64_t n;
} sample_set;

static sample_set *make_samples(int64_t n, double deviation)
{
    static const float centre[CLASSES][SIZE] = {{1, 0, 0, -1, 0.5f, 0}, {0, 1, 0, 0, -1, 0.5f}, {0, 0, 1, 0.5f, 0, -1}};
    sample_set *s = malloc(sizeof *s);
    uint64_t random = 11;
    s->n = n;
    for (int64_t i = 0; i < n; i++) {
        s->t[i] = (float)(i * 7 % CLASSES);
        for (int k = 0; k < SIZE; k++)
            s->x[i * SIZE + k] = centre[(int)s->t[i]][k] + (float)(deviation * noise(&random));
    }
    return s;
}

static sixnet_dataset *dataset_of(sixnet_context *ctx, const sample_set *s, int64_t n)
{
    sixnet_dataset *ds;
    WORKS(sixnet_dataset_from_arrays(&ds, ctx, "shape=6", s->x, s->t, n));
    return ds;
}

static const char rich_net[] =
    "input shape=6\nlinear out_features=10\nbatchnorm1d\nrelu\ndropout p=0.2\nlinear out_features=3\ncross_entropy";
static const char plain_net[] = "input shape=6\nlinear out_features=10\ntanh\nlinear out_features=3\ncross_entropy";

/* ---- a fixture ---- */

typedef struct fixture {
    ledger memory;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    sample_set *samples;
} fixture;

static fixture *fixture_setup(const char *options, const char *text, const char *optimizer, const char *schedule,
                              int64_t n)
{
    fixture *w = calloc(1, sizeof *w);
    w->samples = make_samples(n, 1);
    w->ctx = ledger_context(&w->memory, options);
    w->net = parsed(w->ctx, text);
    WORKS(sixnet_optimizer_new(&w->opt, w->net, optimizer, schedule));
    w->ds = dataset_of(w->ctx, w->samples, n);
    return w;
}

static void fixture_teardown(fixture *w)
{
    close_all(&w->memory, w->ctx, w->net, w->opt, w->ds);
    free(w->samples);
    free(w);
}

static digest close_with_digest(fixture *w)
{
    digest d = digest_of(w->net);
    fixture_teardown(w);
    return d;
}

/* ---- what is told ---- */

typedef struct told {
    double epoch_end, epoch, epochs, batch, batches, samples, loss, accuracy, lr, seconds, total_seconds,
        validation_loss, validation_accuracy;
} told;

typedef struct story {
    told entry[512];
    int count, stop_at; /* stops the run at that entry, the first is 1 */
    sixnet_model *net;
    sixnet_dataset *validation;
    digest last; /* of the model after the last entry */
} story;

static told listen(const sixnet_progress *p)
{
    return (told){
        sixnet_progress_get(p, "epoch_end"),
        sixnet_progress_get(p, "epoch"),
        sixnet_progress_get(p, "epochs"),
        sixnet_progress_get(p, "batch"),
        sixnet_progress_get(p, "batches"),
        sixnet_progress_get(p, "samples"),
        sixnet_progress_get(p, "loss"),
        sixnet_progress_get(p, "accuracy"),
        sixnet_progress_get(p, "lr"),
        sixnet_progress_get(p, "seconds"),
        sixnet_progress_get(p, "total_seconds"),
        sixnet_progress_get(p, "validation_loss"),
        sixnet_progress_get(p, "validation_accuracy"),
    };
}

static int32_t note(void *user, const sixnet_progress *progress)
{
    story *s = user;
    assert_in_range(s->count, 0, 511);
    assert_true(isnan(sixnet_progress_get(progress, "colour")) && isnan(sixnet_progress_get(progress, NULL)));
    s->entry[s->count++] = listen(progress);
    if (s->net)
        s->last = digest_of(s->net);
    return s->count == s->stop_at ? 5 : 0;
}

/* ---- learning ---- */

static void test_learns_xor(void **state)
{
    (void)state;
    static const float x[8] = {0, 0, 0, 1, 1, 0, 1, 1}, t[4] = {0, 1, 1, 0};
    float y[4];
    double loss;
    sixnet_model *net =
        parsed(NULL, "input shape=2\nlinear out_features=8\ntanh\nlinear out_features=1\nbce_with_logits");
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    WORKS(sixnet_optimizer_new(&opt, net, "adam lr=0.05", NULL));
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=2", x, t, 4));
    WORKS(sixnet_model_fit(net, opt, ds, NULL, "epochs=200 batch_size=4", NULL, NULL));
    WORKS(sixnet_model_evaluate(net, ds, &loss, NULL));
    assert_true(loss < 0.05);
    WORKS(sixnet_model_predict(net, x, 4, y));
    for (int i = 0; i < 4; i++)
        assert_true((y[i] > 0) == (t[i] > 0));
    sixnet_dataset_free(ds);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
}

static void test_learns_what_generalises(void **state)
{
    (void)state;
    static const char *const optimizers[] = {"sgd lr=0.1 momentum=0.9", "adam lr=0.01",  "adamw lr=0.01",
                                             "rmsprop lr=0.01",         "lion lr=0.003", "lamb lr=0.02"};
    for (size_t o = 0; o < sizeof optimizers / sizeof *optimizers; o++) {
        fixture *w = fixture_setup("seed=1", rich_net, optimizers[o], NULL, 600);
        sixnet_dataset *train, *test;
        double before, loss, accuracy;
        WORKS(sixnet_dataset_split(&train, &test, w->ds, "first_size=400"));
        WORKS(sixnet_model_evaluate(w->net, test, &before, &accuracy));
        WORKS(sixnet_model_fit(w->net, w->opt, train, NULL, "epochs=10", NULL, NULL));
        WORKS(sixnet_model_evaluate(w->net, test, &loss, &accuracy));
        if (!(accuracy > 0.9 && accuracy < 1 && loss < before / 2))
            fail_msg("%s: accuracy %g, loss %g after %g", optimizers[o], accuracy, loss, before);
        sixnet_dataset_free(train);
        sixnet_dataset_free(test);
        fixture_teardown(w);
    }
}

/* ---- fit is the open loop ---- */

static double take_open_step(fixture *w, const float *x, const float *t, int64_t n)
{
    double loss;
    WORKS(sixnet_model_forward(w->net, x, n));
    WORKS(sixnet_model_loss(w->net, t, &loss));
    WORKS(sixnet_model_zero_grad(w->net));
    WORKS(sixnet_model_backward(w->net));
    WORKS(sixnet_optimizer_step(w->opt));
    return loss;
}

/* The loop as a caller would write it. Stops after `steps` steps; the losses of the steps go to *losses. */
static void run_open_loop(fixture *w, const char *batches, int epochs, int steps, double *losses)
{
    const float *x, *t;
    int64_t n;
    double loss;
    sixnet_batch_iterator *b;
    WORKS(sixnet_batch_iterator_new(&b, w->ds, batches));
    for (int epoch = 0; epoch < epochs; epoch++) {
        WORKS(sixnet_batch_iterator_start_epoch(b, epoch));
        while (steps > 0 && sixnet_batch_iterator_next(b, &x, &t, &n) == SIXNET_OK && n) {
            loss = take_open_step(w, x, t, n);
            if (losses)
                *losses++ = loss;
            steps--;
        }
        WORKS(sixnet_optimizer_end_epoch(w->opt, 0));
    }
    sixnet_batch_iterator_free(b);
}

static void test_fit_is_the_open_loop(void **state)
{
    (void)state;
    static const struct {
        const char *context, *net, *optimizer, *schedule, *options, *batches;
    } cases[] = {
        {"seed=3", plain_net, "sgd lr=0.1", NULL, "batch_size=32", "batch_size=32"},
        {"seed=4", rich_net, "sgd lr=0.1 momentum=0.9", "step_lr step_size=1 gamma=0.5", "batch_size=10",
         "batch_size=10"},
        {"seed=5 threads=2", rich_net, "adam lr=0.01", "one_cycle_lr max_lr=0.1 total_steps=40", "batch_size=18 seed=8",
         "batch_size=18 seed=8"},
        {"seed=6 dtype=f64", rich_net, "adamw lr=0.01 clip_norm=0.5", "linear_warmup steps=5",
         "batch_size=16 shuffle=false", "batch_size=16 shuffle=false"},
        {"seed=7 isa=baseline", rich_net, "rmsprop lr=0.01 clip_value=0.01", "exponential_lr gamma=0.9",
         "batch_size=40 drop_last=true", "batch_size=40 drop_last=true"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char options[128];
        snprintf(options, sizeof options, "%s epochs=3", cases[i].options);
        fixture *a = fixture_setup(cases[i].context, cases[i].net, cases[i].optimizer, cases[i].schedule, 103);
        fixture *b = fixture_setup(cases[i].context, cases[i].net, cases[i].optimizer, cases[i].schedule, 103);
        digest start = digest_of(a->net);
        WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, options, NULL, NULL));
        run_open_loop(b, cases[i].batches, 3, 1000, NULL);
        assert_true(sixnet_optimizer_learning_rate(a->opt) == sixnet_optimizer_learning_rate(b->opt));
        assert_string_not_equal(start.text, digest_of(a->net).text);
        assert_same_digest(close_with_digest(a), close_with_digest(b));
    }
}

/* One fit of two epochs is two fits of one, if the order of the samples does not depend on the epoch. */
static void test_fit_goes_on(void **state)
{
    (void)state;
    fixture *a = fixture_setup("", rich_net, "adam lr=0.01", "step_lr step_size=1 gamma=0.5", 50);
    fixture *b = fixture_setup("", rich_net, "adam lr=0.01", "step_lr step_size=1 gamma=0.5", 50);
    WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, "epochs=2 batch_size=20 shuffle=false", NULL, NULL));
    for (int i = 0; i < 2; i++)
        WORKS(sixnet_model_fit(b->net, b->opt, b->ds, NULL, "batch_size=20 shuffle=false", NULL, NULL));
    assert_same_digest(close_with_digest(a), close_with_digest(b));
}

/* ---- the same bits ---- */

static digest fitted(const char *context, const char *options)
{
    fixture *w = fixture_setup(context, rich_net, "sgd lr=0.1 momentum=0.9", NULL, 103);
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, NULL, NULL));
    return close_with_digest(w);
}

static void test_seeds(void **state)
{
    (void)state;
    digest d = fitted("seed=1", "epochs=2");
    assert_same_digest(d, fitted("seed=1", "epochs=2"));
    assert_same_digest(d, fitted("seed=1", "epochs=2 seed=1"));
    assert_same_digest(d, fitted("seed=1", "epochs=2 seed=-1 batch_size=32 shuffle=true"));
    assert_same_digest(d, fitted("seed=1 threads=2", "epochs=2"));
    assert_same_digest(d, fitted("seed=1 threads=3", "epochs=2"));
    assert_string_not_equal(d.text, fitted("seed=2", "epochs=2").text);
    assert_string_not_equal(d.text, fitted("seed=1", "epochs=2 seed=2").text);
    assert_string_not_equal(d.text, fitted("seed=1", "epochs=2 shuffle=false").text);
    assert_string_not_equal(d.text, fitted("seed=1", "epochs=3").text);
    assert_string_not_equal(d.text, fitted("seed=1 dtype=f64", "epochs=2").text);
}

static void test_reset(void **state)
{
    (void)state;
    fixture *a = fixture_setup("seed=9", rich_net, "sgd lr=0.1", NULL, 60),
            *b = fixture_setup("seed=12", rich_net, "sgd lr=0.1", NULL, 60);
    digest fresh = digest_of(a->net);
    float gradient[60];
    WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, "epochs=2", NULL, NULL));
    digest trained = digest_of(a->net);
    WORKS(sixnet_model_forward(a->net, a->samples->x, 4));
    WORKS(sixnet_model_loss(a->net, a->samples->t, NULL));
    watched = a->net;
    WORKS(sixnet_model_reset(a->net, 9));
    assert_same_digest(fresh, digest_of(a->net));
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(a->net), "sixnet_model_forward");
    WORKS(sixnet_tensor_gradient(a->net, "linear1.weight", gradient, 60));
    for (int i = 0; i < 60; i++)
        assert_true(gradient[i] == 0);
    WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, "epochs=2", NULL, NULL)); /* drops the same values again */
    assert_same_digest(trained, digest_of(a->net));
    WORKS(sixnet_model_reset(a->net, 12));
    assert_same_digest(digest_of(a->net), digest_of(b->net));
    WORKS(sixnet_model_reset(a->net, UINT64_MAX));
    assert_string_not_equal(digest_of(a->net).text, fresh.text);
    watched = NULL;
    fixture_teardown(a);
    fixture_teardown(b);
}

/* Looking at the net while it learns does not change what it learns. */
static int32_t look(void *user, const sixnet_progress *progress)
{
    fixture *w = user;
    float y[3 * 20], weight[60];
    double loss, accuracy;
    (void)progress;
    WORKS(sixnet_model_predict(w->net, w->samples->x, 20, y));
    WORKS(sixnet_model_predict(w->net, w->samples->x, 1, y));
    WORKS(sixnet_model_evaluate(w->net, w->ds, &loss, &accuracy));
    WORKS(sixnet_tensor_get(w->net, "linear1.weight", weight, 60));
    return 0;
}

static void test_looking_changes_nothing(void **state)
{
    (void)state;
    fixture *a = fixture_setup("threads=2", rich_net, "adam lr=0.01", NULL, 103),
            *b = fixture_setup("threads=2", rich_net, "adam lr=0.01", NULL, 103);
    WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, "epochs=2", look, a));
    WORKS(sixnet_model_fit(b->net, b->opt, b->ds, b->ds, "epochs=2", NULL, NULL));
    assert_same_digest(close_with_digest(a), close_with_digest(b));
}

/* ---- what is told adds up ---- */

static void check_batch(const told *e, int epoch, int batch, double samples)
{
    assert_true(e->epoch_end == 0 && e->epoch == epoch && e->epochs == 3 && e->batch == batch && e->batches == 4);
    assert_true(e->samples == samples);
    assert_true(e->seconds >= 0 && e->total_seconds >= e->seconds);
    assert_true(isnan(e->validation_loss) && isnan(e->validation_accuracy));
    assert_true(e->loss > 0 && e->accuracy >= 0 && e->accuracy <= 1);
    assert_true(fabs(e->accuracy * samples - floor(e->accuracy * samples + 0.5)) < 1e-9); /* whole samples are right */
}

static void test_progress_adds_up(void **state)
{
    (void)state;
    fixture *w = fixture_setup("", plain_net, "sgd lr=0.1", NULL, 103);
    story s = {.net = w->net};
    double losses[12];
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, "epochs=3 batch_size=30", note, &s));
    assert_int_equal(s.count, 3 * 5);
    for (int e = 0; e < 3; e++) {
        static const double samples[] = {30, 60, 90, 103};
        for (int b = 0; b < 4; b++)
            check_batch(&s.entry[e * 5 + b], e + 1, b + 1, samples[b]);
        const told *end = &s.entry[e * 5 + 4], *last = end - 1;
        assert_true(end->epoch_end == 1 && end->epoch == e + 1 && end->batch == 4 && end->samples == 103);
        assert_true(end->loss == last->loss && end->accuracy == last->accuracy && end->seconds >= last->seconds);
        assert_true(isnan(end->validation_loss) && isnan(end->validation_accuracy));
    }
    assert_same_digest(s.last, digest_of(w->net));
    fixture_teardown(w);
    w = fixture_setup("", plain_net, "sgd lr=0.1", NULL, 103);
    run_open_loop(w, "batch_size=30", 3, 12, losses);
    for (int e = 0; e < 3; e++) {
        double *l = losses + 4 * e, mean = (l[0] * 30 + l[1] * 30 + l[2] * 30 + l[3] * 13) / 103;
        assert_true(s.entry[e * 5].loss == l[0]);
        assert_true(fabs(s.entry[e * 5 + 4].loss - mean) <= 1e-14);
    }
    fixture_teardown(w);
}

static int32_t compare(void *user, const sixnet_progress *progress)
{
    story *s = user;
    double loss, accuracy;
    note(s, progress);
    told *e = &s->entry[s->count - 1];
    if (e->epoch_end) {
        WORKS(sixnet_model_evaluate(s->net, s->validation, &loss, &accuracy));
        assert_true(e->validation_loss == loss && e->validation_accuracy == accuracy);
    }
    return 0;
}

static void test_validation_is_evaluation(void **state)
{
    (void)state;
    fixture *w = fixture_setup("", rich_net, "sgd lr=0.1", NULL, 60);
    sample_set *other = make_samples(37, 2);
    story s = {.net = w->net, .validation = dataset_of(w->ctx, other, 37)};
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, s.validation, "epochs=3 batch_size=20", compare, &s));
    assert_int_equal(s.count, 3 * 4);
    for (int i = 0; i < s.count; i++)
        assert_true(isnan(s.entry[i].validation_loss) == !s.entry[i].epoch_end);
    assert_true(s.entry[3].validation_loss != s.entry[7].validation_loss);
    sixnet_dataset_free(s.validation);
    free(other);
    fixture_teardown(w);
}

/* ---- the average ---- */

/* The values of a net's tensors, one after another, averaged as a caller would. */
typedef struct mean {
    double value[256];
    int taken;
} mean;

static void take_in(mean *m, const fixture *w, double share)
{
    const bool single = strcmp(sixnet_context_get(w->ctx, "dtype"), "f32") == 0;
    double *to = m->value, now[100];
    const char *name;
    int64_t count;
    for (int32_t i = 0; (name = sixnet_tensor_name(w->net, i)); i++) {
        assert_non_null(sixnet_tensor_data(w->net, name, &count));
        WORKS(sixnet_tensor_get_f64(w->net, name, now, count));
        for (int64_t k = 0; k < count; k++, to++) {
            *to = m->taken ? (1 - share) * *to + share * now[k] : now[k];
            *to = single ? (double)(float)*to : *to;
        }
    }
    m->taken++;
}

static void check_is_mean(const mean *m, const fixture *w)
{
    const double bound = strcmp(sixnet_context_get(w->ctx, "dtype"), "f32") == 0 ? 2e-7 : 4e-16;
    const double *expected = m->value;
    double now[100];
    const char *name;
    int64_t count;
    for (int32_t i = 0; (name = sixnet_tensor_name(w->net, i)); i++) {
        assert_non_null(sixnet_tensor_data(w->net, name, &count));
        WORKS(sixnet_tensor_get_f64(w->net, name, now, count));
        for (int64_t k = 0; k < count; k++, expected++)
            if (!(fabs(now[k] - *expected) <= bound * fabs(*expected)))
                fail_msg("%s[%d]: %.17g instead of %.17g", name, (int)k, now[k], *expected);
    }
}

/* decay below 0 for the average over the ends of epochs */
static void run_averaging_loop(fixture *w, int epochs, int start, double decay, mean *m)
{
    const float *x, *t;
    int64_t n;
    sixnet_batch_iterator *b;
    *m = (mean){{0}, 0};
    WORKS(sixnet_batch_iterator_new(&b, w->ds, "batch_size=20"));
    for (int epoch = 0; epoch < epochs; epoch++) {
        WORKS(sixnet_batch_iterator_start_epoch(b, epoch));
        while (sixnet_batch_iterator_next(b, &x, &t, &n) == SIXNET_OK && n) {
            take_open_step(w, x, t, n);
            if (decay >= 0 && epoch >= start)
                take_in(m, w, 1 - decay);
        }
        WORKS(sixnet_optimizer_end_epoch(w->opt, 0));
        if (decay < 0 && epoch >= start)
            take_in(m, w, 1.0 / (m->taken + 1));
    }
    sixnet_batch_iterator_free(b);
}

static void test_average_is_that_of_the_open_loop(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        int start;
        double decay;
    } cases[] = {
        {"average=ema ema_decay=0.9", 0, 0.9},
        {"average=ema average_start_epoch=2", 2, 0.999},
        {"average=ema ema_decay=0", 0, 0},
        {"average=swa", 0, -1},
        {"average=swa average_start_epoch=1", 1, -1},
        {"average=swa average_start_epoch=3", 3, -1},
    };
    static const char *const contexts[] = {"seed=2", "seed=2 threads=3", "seed=2 dtype=f64", "seed=2 isa=baseline"};
    for (size_t c = 0; c < 4; c++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            char options[128];
            double loss;
            mean m;
            fixture *a = fixture_setup(contexts[c], rich_net, "adam lr=0.01", "step_lr step_size=1 gamma=0.5", 70);
            fixture *b = fixture_setup(contexts[c], rich_net, "adam lr=0.01", "step_lr step_size=1 gamma=0.5", 70);
            snprintf(options, sizeof options, "epochs=4 batch_size=20 %s", cases[i].options);
            WORKS(sixnet_model_fit(a->net, a->opt, a->ds, a->ds, options, NULL, NULL));
            run_averaging_loop(b, 4, cases[i].start, cases[i].decay, &m);
            check_is_mean(&m, a);
            WORKS(sixnet_model_evaluate(a->net, a->ds, &loss, NULL));
            assert_true(loss == sixnet_model_history_get(a->net, 4, "validation_loss"));
            const bool same =
                strcmp(digest_of(a->net).text, digest_of(b->net).text) == 0; /* an average of the last values only */
            assert_int_equal(same, cases[i].decay == 0 || cases[i].start == 3);
            fixture_teardown(a);
            fixture_teardown(b);
        }
}

/* Training goes on with the plain values, which the net holds in all reports and when it was stopped. */
static void test_average_leaves_the_training_alone(void **state)
{
    (void)state;
    static const char *const options[] = {"", "average=ema", "average=swa",
                                          "average=swa average_start_epoch=2 on_nan=restore diagnostics=true"};
    story s[4];
    digest plain = {""};
    for (int i = 0; i < 4; i++) {
        char text[128];
        fixture *w = fixture_setup("seed=1", rich_net, "sgd lr=0.1 momentum=0.9", NULL, 60);
        s[i] = (story){.stop_at = 12, .net = w->net};
        snprintf(text, sizeof text, "epochs=3 batch_size=20 %s", options[i]);
        assert_int_equal(sixnet_model_fit(w->net, w->opt, w->ds, w->ds, text, note, &s[i]), SIXNET_STOPPED);
        assert_int_equal(s[i].count, 12);
        digest end = close_with_digest(w);
        plain = i ? plain : end;
        assert_same_digest(plain, end);
        assert_same_digest(plain, s[i].last);
        for (int k = 0; k < 12; k++)
            assert_true(s[i].entry[k].loss == s[0].entry[k].loss && s[i].entry[k].accuracy == s[0].entry[k].accuracy);
        assert_int_equal(s[i].entry[11].validation_loss == s[0].entry[11].validation_loss, i == 0 || i == 3);
    }
}

static void test_average_refused(void **state)
{
    (void)state;
    static const struct {
        const char *options, *word, *remedy;
    } cases[] = {
        {"average=mean", "average=mean", "none ema swa"},
        {"average=ema ema_decay=1", "ema_decay=1", "0 to 0.99"},
        {"average=ema ema_decay=-0.1", "ema_decay=-0.1", "0 to 0.99"},
        {"average=swa average_start_epoch=-1", "average_start_epoch=-1", "0 to"},
        {"average=swa epochs=5 average_start_epoch=5", "average_start_epoch=5", "below epochs=5"},
    };
    fixture *w = fixture_setup("", plain_net, "sgd lr=0.1", NULL, 20);
    digest before = digest_of(w->net);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char options[128];
        snprintf(options, sizeof options, "batch_size=20 %s", cases[i].options);
        FAILS(SIXNET_BAD_SPEC, sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, NULL, NULL), cases[i].word,
              cases[i].remedy);
    }
    assert_same_digest(before, digest_of(w->net));
    fixture_teardown(w);
}

/* The last line of the log. */
static void keep_line(void *user, int32_t level, const char *line) { snprintf(user, 200, "%d %s", (int)level, line); }

/* A fit that cannot change the net warns. */
static void test_warnings_of_nothing(void **state)
{
    (void)state;
    char path[] = "/tmp/sixnet-fit-XXXXXX", options[128], line[200] = "";
    int file = mkstemp(path);
    fixture *w =
        fixture_setup("", "input shape=6\nlinear out_features=3 name=a\ncross_entropy", "sgd lr=0.1", NULL, 20);
    sixnet_model *net =
        parsed(w->ctx, "input shape=6\nlinear out_features=3\ncross_entropy\ntensors match=* trainable=false");
    sixnet_model *bare = parsed(w->ctx, "input shape=6\nreshape shape=6\ncross_entropy");
    sixnet_optimizer *opt, *idle;
    assert_true(file >= 0);
    close(file);
    WORKS(sixnet_context_set_log(w->ctx, keep_line, line));
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
    WORKS(sixnet_optimizer_new(&idle, bare, "sgd lr=0.1", NULL));
    WORKS(sixnet_model_fit(net, opt, w->ds, NULL, "", NULL, NULL));
    assert_string_equal(line, "1 fit changes nothing: all parameters are frozen; trainable=true thaws them");
    WORKS(sixnet_model_fit(bare, idle, w->ds, NULL, "", NULL, NULL));
    assert_string_equal(line, "1 fit changes nothing: the net has no parameters");
    line[0] = '\0';
    snprintf(options, sizeof options, "epochs=2 batch_size=20 checkpoint=%s", path);
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, NULL, NULL));
    assert_string_equal(line, "");
    snprintf(options, sizeof options, "epochs=1 batch_size=20 resume=%s", path);
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, NULL, NULL));
    assert_non_null(strstr(line, "the run has done 2 epochs, more than epochs=1; none is added"));
    unlink(path);
    sixnet_optimizer_free(opt);
    sixnet_optimizer_free(idle);
    sixnet_model_free(net);
    sixnet_model_free(bare);
    fixture_teardown(w);
}

/* A net that has nothing to learn. */
static void test_average_of_nothing(void **state)
{
    (void)state;
    char path[] = "/tmp/sixnet-fit-XXXXXX", options[128];
    int file = mkstemp(path);
    fixture *w = fixture_setup("", "input shape=6\nlinear out_features=3\ncross_entropy", "sgd lr=0.1", NULL, 20);
    sixnet_model *net = parsed(w->ctx, "input shape=3\ncross_entropy");
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    assert_true(file >= 0);
    close(file);
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
    WORKS(sixnet_dataset_from_arrays(&ds, w->ctx, "shape=3", w->samples->x, w->samples->t, 20));
    snprintf(options, sizeof options, "epochs=2 batch_size=20 average=ema checkpoint_best=false checkpoint=%s", path);
    WORKS(sixnet_model_fit(net, opt, ds, NULL, options, NULL, NULL));
    snprintf(options, sizeof options, "epochs=2 batch_size=20 average=ema resume=%s", path);
    WORKS(sixnet_model_fit(net, opt, ds, NULL, options, NULL, NULL));
    unlink(path);
    sixnet_dataset_free(ds);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    fixture_teardown(w);
}

/* Samples whose reading ends all that runs on a model, the asked-th of them. */
typedef struct canceller {
    const sample_set *samples;
    sixnet_model *net;
    int asked, at;
} canceller;

static int32_t give_or_cancel(void *user, int64_t index, float *input, float *target)
{
    canceller *c = user;
    if (++c->asked == c->at)
        sixnet_model_cancel(c->net, 1);
    memcpy(input, c->samples->x + index * SIZE, SIZE * sizeof *input);
    *target = c->samples->t[index];
    return 0;
}

/* An epoch whose validation was cancelled is averaged once, though its end comes twice. */
static void test_average_of_an_epoch_that_ends_twice(void **state)
{
    (void)state;
    static const char *const averages[] = {"average=swa", "average=ema ema_decay=0.9"};
    for (int i = 0; i < 2; i++) {
        char path[] = "/tmp/sixnet-fit-XXXXXX", options[200];
        int file = mkstemp(path);
        fixture *a = fixture_setup("", rich_net, "adam lr=0.01", NULL, 60),
                *b = fixture_setup("", rich_net, "adam lr=0.01", NULL, 60);
        canceller c = {.samples = b->samples, .net = b->net, .at = 90};
        sixnet_dataset *validation;
        assert_true(file >= 0);
        close(file);
        WORKS(sixnet_dataset_from_callback(&validation, b->ctx, "shape=6", 60, give_or_cancel, &c));
        snprintf(options, sizeof options, "epochs=4 batch_size=20 checkpoint_best=false %s checkpoint=%s", averages[i],
                 path);
        assert_int_equal(sixnet_model_fit(b->net, b->opt, b->ds, validation, options, NULL, NULL), SIXNET_STOPPED);
        assert_int_equal(sixnet_model_history_size(b->net), 1);
        sixnet_model_cancel(b->net, 0);
        snprintf(options, sizeof options, "epochs=4 batch_size=20 %s resume=%s", averages[i], path);
        WORKS(sixnet_model_fit(b->net, b->opt, b->ds, validation, options, NULL, NULL));
        snprintf(options, sizeof options, "epochs=4 batch_size=20 %s", averages[i]);
        WORKS(sixnet_model_fit(a->net, a->opt, a->ds, a->ds, options, NULL, NULL));
        assert_same_digest(digest_of(a->net), digest_of(b->net));
        assert_true(sixnet_model_history_get(a->net, 2, "validation_loss") ==
                    sixnet_model_history_get(b->net, 2, "validation_loss"));
        unlink(path);
        sixnet_dataset_free(validation);
        fixture_teardown(a);
        fixture_teardown(b);
    }
}

/* Whatever entry the run is stopped at, it has done so many steps and no more. */
static void test_stopping(void **state)
{
    (void)state;
    for (int stop = 1; stop <= 7; stop++) {
        fixture *a = fixture_setup("", rich_net, "adam lr=0.01", NULL, 60),
                *b = fixture_setup("", rich_net, "adam lr=0.01", NULL, 60);
        story s = {.stop_at = stop};
        int steps = stop <= 3 ? stop : stop == 4 ? 3 : stop - 1;
        int32_t status = sixnet_model_fit(a->net, a->opt, a->ds, NULL, "epochs=9 batch_size=20", note, &s);
        assert_int_equal(status, SIXNET_STOPPED);
        assert_int_equal(s.count, stop);
        run_open_loop(b, "batch_size=20", 9, steps, NULL);
        assert_same_digest(digest_of(a->net), digest_of(b->net));
        WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, "batch_size=20", NULL, NULL)); /* and can be gone on with */
        fixture_teardown(a);
        fixture_teardown(b);
    }
}

/* ---- the schedule ---- */

static void test_schedules_move(void **state)
{
    (void)state;
    fixture *w = fixture_setup("", plain_net, "sgd lr=0.8", "step_lr step_size=2 gamma=0.5", 40);
    story s = {0};
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, "epochs=5 batch_size=20", note, &s));
    static const double by_epoch[] = {0.8, 0.8, 0.4, 0.4, 0.2};
    for (int i = 0; i < 15; i++)
        assert_true(s.entry[i].lr == by_epoch[i / 3]);
    assert_true(sixnet_optimizer_learning_rate(w->opt) == 0.2); /* of the sixth epoch */
    WORKS(sixnet_optimizer_set_learning_rate(w->opt, 8));
    assert_true(sixnet_optimizer_learning_rate(w->opt) == 2);
    fixture_teardown(w);

    w = fixture_setup("", plain_net, "sgd lr=1",
                      "linear_warmup steps=4 start_factor=0.5 ; multistep_lr milestones=2 gamma=0.1", 40);
    s = (story){0};
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, "epochs=3 batch_size=20", note, &s));
    static const double by_step[] = {0.5, 0.625, 0.625, 0.75, 0.875, 0.875, 0.1, 0.1, 0.1};
    for (int i = 0; i < 9; i++)
        assert_true(fabs(s.entry[i].lr - by_step[i]) < 1e-15);
    fixture_teardown(w);
}

static void test_one_cycle_counts_steps(void **state)
{
    (void)state;
    fixture *a = fixture_setup("", plain_net, "adam lr=0.01", "one_cycle_lr max_lr=0.1 total_steps=10", 100);
    fixture *b = fixture_setup("", plain_net, "adam lr=0.01", "one_cycle_lr max_lr=0.1 total_steps=10", 100);
    story s = {0};
    double largest = 0;
    WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, "epochs=2 batch_size=20", note, &s));
    for (int i = 0; i < s.count; i++) {
        if (s.entry[i].epoch_end) {
            WORKS(sixnet_optimizer_end_epoch(b->opt, 0));
            continue;
        }
        assert_true(s.entry[i].lr == sixnet_optimizer_learning_rate(b->opt));
        largest = s.entry[i].lr > largest ? s.entry[i].lr : largest;
        WORKS(sixnet_optimizer_step(b->opt));
    }
    assert_true(fabs(largest - 0.1) < 0.01 && s.entry[10].lr < 1e-4 && s.entry[0].lr < 0.01);
    fixture_teardown(a);
    fixture_teardown(b);
}

/* A progress callback that sets the rate of each batch is a schedule. */
typedef struct rates {
    sixnet_optimizer *opt;
    const story *wanted;
    int next;
} rates;

static int32_t set_next_rate(void *user, const sixnet_progress *p)
{
    rates *r = user;
    if (sixnet_progress_get(p, "epoch_end") != 0)
        return 0;
    do
        r->next++;
    while (r->next < r->wanted->count && r->wanted->entry[r->next].epoch_end);
    return r->next < r->wanted->count &&
           sixnet_optimizer_set_learning_rate(r->opt, r->wanted->entry[r->next].lr) != SIXNET_OK;
}

static void test_progress_sets_the_rate(void **state)
{
    (void)state;
    static const char options[] = "epochs=2 batch_size=20", optimizer[] = "sgd lr=0.01 momentum=0.5";
    fixture *a =
        fixture_setup("", plain_net, optimizer, "one_cycle_lr max_lr=0.1 total_steps=10 cycle_momentum=false", 100);
    fixture *b = fixture_setup("", plain_net, optimizer, NULL, 100);
    story s = {0};
    WORKS(sixnet_model_fit(a->net, a->opt, a->ds, NULL, options, note, &s));
    rates r = {b->opt, &s, 0};
    WORKS(sixnet_optimizer_set_learning_rate(b->opt, s.entry[0].lr));
    WORKS(sixnet_model_fit(b->net, b->opt, b->ds, NULL, options, set_next_rate, &r));
    assert_string_equal(digest_of(a->net).text, digest_of(b->net).text);
    assert_int_equal(r.next, s.count);
    fixture_teardown(a);
    fixture_teardown(b);
}

/* It watches the validation's loss, or else that of training. */
static void test_plateau(void **state)
{
    (void)state;
    fixture *w =
        fixture_setup("", plain_net, "sgd lr=0.1", "reduce_on_plateau patience=0 factor=0.5 threshold=0.9", 40);
    story s = {0};
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, "epochs=3 batch_size=40", note,
                           &s)); /* never better by nine tenths */
    assert_true(s.entry[0].lr == 0.1 && s.entry[2].lr == 0.1 && s.entry[4].lr == 0.05);
    assert_true(sixnet_optimizer_learning_rate(w->opt) == 0.025);
    fixture_teardown(w);
    w = fixture_setup("", plain_net, "sgd lr=0.1", "reduce_on_plateau patience=0 factor=0.5", 40);
    for (int i = 0; i < 40; i++) /* the net unlearns samples whose classes are shifted */
        w->samples->t[i] = (float)((int)(w->samples->t[i] + 1) % CLASSES);
    sixnet_dataset *shifted = dataset_of(w->ctx, w->samples, 40);
    s = (story){0};
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, shifted, "epochs=3 batch_size=40", note, &s));
    assert_true(s.entry[3].validation_loss > s.entry[1].validation_loss && s.entry[3].loss < s.entry[1].loss);
    assert_true(s.entry[4].lr == 0.05);
    sixnet_dataset_free(shifted);
    fixture_teardown(w);
}

/* ---- the order of the samples ---- */

typedef struct caller {
    const sample_set *samples;
    int64_t asked[2048];
    int count;
    int64_t fails_at; /* -1 for never */
} caller;

static int32_t give(void *user, int64_t index, float *input, float *target)
{
    caller *s = user;
    if (s->count < 2048)
        s->asked[s->count++] = index;
    memcpy(input, s->samples->x + index * SIZE, SIZE * sizeof *input);
    *target = s->samples->t[index];
    return index == s->fails_at ? 3 : 0;
}

static sixnet_dataset *called(fixture *w, caller *s, int64_t n)
{
    sixnet_dataset *ds;
    *s = (caller){.samples = w->samples, .fails_at = -1};
    WORKS(sixnet_dataset_from_callback(&ds, w->ctx, "shape=6", n, give, s));
    return ds;
}

static bool is_permutation(const int64_t *order, int n)
{
    bool seen[MOST] = {false};
    for (int i = 0; i < n; i++) {
        if (order[i] < 0 || order[i] >= n || seen[order[i]])
            return false;
        seen[order[i]] = true;
    }
    return true;
}

static void test_order(void **state)
{
    (void)state;
    fixture *w = fixture_setup("", plain_net, "sgd lr=0.01", NULL, 50);
    caller s;
    sixnet_dataset *ds = called(w, &s, 50);
    WORKS(sixnet_model_fit(w->net, w->opt, ds, NULL, "epochs=2 batch_size=16 shuffle=false", NULL, NULL));
    assert_int_equal(s.count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(s.asked[i], i % 50);
    s.count = 0;
    WORKS(sixnet_model_fit(w->net, w->opt, ds, NULL, "epochs=2 batch_size=16", NULL, NULL));
    assert_int_equal(s.count, 100);
    assert_true(is_permutation(s.asked, 50) && is_permutation(s.asked + 50, 50));
    assert_memory_not_equal(s.asked, s.asked + 50, 50 * sizeof *s.asked);
    s.count = 0;
    WORKS(
        sixnet_model_fit(w->net, w->opt, ds, NULL, "epochs=2 batch_size=16 drop_last=true shuffle=false", NULL, NULL));
    assert_int_equal(s.count, 96);
    for (int i = 0; i < 96; i++)
        assert_int_equal(s.asked[i], i % 48);
    sixnet_dataset_free(ds);
    fixture_teardown(w);
}

static void test_drop_last(void **state)
{
    (void)state;
    fixture *a = fixture_setup("", plain_net, "sgd lr=0.1", NULL, 50),
            *b = fixture_setup("", plain_net, "sgd lr=0.1", NULL, 48);
    story s = {0};
    WORKS(
        sixnet_model_fit(a->net, a->opt, a->ds, NULL, "epochs=2 batch_size=16 shuffle=false drop_last=true", note, &s));
    WORKS(sixnet_model_fit(b->net, b->opt, b->ds, NULL, "epochs=2 batch_size=16 shuffle=false", NULL, NULL));
    assert_true(s.count == 8 && s.entry[2].batches == 3 && s.entry[2].samples == 48);
    assert_same_digest(close_with_digest(a), close_with_digest(b));
}

/* Of fewer samples than a batch takes there is one smaller batch, unless that is not to be. */
static void test_fewer_samples_than_a_batch(void **state)
{
    (void)state;
    static const char *const options[] = {"epochs=2 batch_size=48", "epochs=2 batch_size=16777216 diagnostics=true"};
    digest found[2];
    for (int i = 0; i < 2; i++) {
        fixture *w = fixture_setup("", rich_net, "sgd lr=0.1", NULL, 48);
        story s = {0};
        WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, options[i], note, &s));
        assert_true(s.count == 4 && s.entry[0].batches == 1 && s.entry[0].samples == 48);
        found[i] = close_with_digest(w);
    }
    assert_same_digest(found[0], found[1]);
    fixture *w = fixture_setup("", rich_net, "sgd lr=0.1", NULL, 48);
    digest before = digest_of(w->net);
    FAILS(SIXNET_INVALID_ARGUMENT,
          sixnet_model_fit(w->net, w->opt, w->ds, NULL, "batch_size=49 drop_last=true", NULL, NULL), "batch_size=49",
          "48", "drop_last=false");
    assert_same_digest(before, close_with_digest(w));
}

/* Batches that a batch norm cannot learn from are refused before the first step; where each channel has more values they are none. */
static void test_batches_too_small_for_a_norm(void **state)
{
    (void)state;
    static const char frozen_net[] = "input shape=6\nlinear out_features=10\nbatchnorm1d\nlinear "
                                     "out_features=3\ncross_entropy\ntensors match=bn1.* trainable=false";
    static const char on_pixels[] =
        "input shape=6\nreshape shape=1x2x3\nbatchnorm2d\nflatten\nlinear out_features=3\ncross_entropy";
    static const struct {
        const char *net, *options, *message; /* NULL: trains */
        int64_t samples;
    } cases[] = {
        {rich_net, "batch_size=16",
         "the last of an epoch has 1 (33 samples, batch_size=16); drop_last=true leaves it out", 33},
        {rich_net, "batch_size=2", "drop_last=true", 5},
        {rich_net, "batch_size=1", "not of 1", 33},
        {rich_net, "", "not of 1", 1},
        {rich_net, "batch_size=16 drop_last=true", NULL, 33},
        {rich_net, "batch_size=16", NULL, 34},
        {rich_net, "batch_size=33", NULL, 33},
        {on_pixels, "batch_size=16", NULL, 33},
        {on_pixels, "batch_size=1", NULL, 3},
        {plain_net, "batch_size=16", NULL, 33},
        {frozen_net, "batch_size=1", NULL, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *w = fixture_setup("", cases[i].net, "sgd lr=0.1", NULL, cases[i].samples);
        digest before = digest_of(w->net);
        story s = {.net = w->net};
        watched = NULL;
        if (cases[i].message) {
            FAILS(SIXNET_BAD_SHAPE, sixnet_model_fit(w->net, w->opt, w->ds, NULL, cases[i].options, note, &s), "bn1",
                  cases[i].message);
            assert_int_equal(s.count, 0);
            assert_same_digest(before, digest_of(w->net));
        } else {
            WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, cases[i].options, note, &s));
        }
        fixture_teardown(w);
    }
}

/* ---- where the samples come from makes no difference ---- */

static void put_u32(FILE *f, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(value >> shift & 255), f);
}

static void write_idx(char *path, const uint8_t *values, const uint32_t *dims, uint32_t rank)
{
    size_t size = 1;
    int file = mkstemp(path);
    assert_true(file >= 0);
    FILE *f = fdopen(file, "wb");
    put_u32(f, 0x800 | rank);
    for (uint32_t i = 0; i < rank; i++) {
        put_u32(f, dims[i]);
        size *= dims[i];
    }
    assert_int_equal(fwrite(values, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

typedef struct bytes {
    uint8_t x[64 * SIZE], t[64];
} bytes;

static int32_t give_bytes(void *user, int64_t index, float *input, float *target)
{
    const bytes *b = user;
    for (int k = 0; k < SIZE; k++)
        input[k] = (float)((double)b->x[index * SIZE + k] * (1.0 / 255));
    *target = (float)b->t[index];
    return 0;
}

enum { SOURCES = 6 };

static sixnet_dataset *open_source(int which, sixnet_context *ctx, bytes *b, float *x, int64_t *t)
{
    sixnet_dataset *ds = NULL, *rest;
    char images[] = "/tmp/sixnet-images-XXXXXX", labels[] = "/tmp/sixnet-labels-XXXXXX";
    for (int i = 0; i < 64 * SIZE; i++)
        x[i] = (float)((double)b->x[i] * (1.0 / 255));
    for (int i = 0; i < 64; i++)
        t[i] = b->t[i];
    switch (which) {
    case 0:
        WORKS(sixnet_dataset_from_callback(&ds, ctx, "shape=1x2x3", 64, give_bytes, b));
        break;
    case 1:
        WORKS(sixnet_dataset_from_arrays(
            &ds, ctx, "shape=1x2x3 input_dtype=u8 target_dtype=u8 scale=0.00392156862745098", b->x, b->t, 64));
        break;
    case 2:
        WORKS(sixnet_dataset_from_arrays(&ds, ctx, "shape=1x2x3 target_dtype=i64", x, t, 64));
        break;
    case 3:
        WORKS(sixnet_dataset_from_arrays(
            &ds, ctx, "shape=6 input_dtype=u8 target_dtype=i64 scale=0.00392156862745098 copy=false", b->x, t, 64));
        break;
    case 4:
        write_idx(images, b->x, (const uint32_t[]){64, 2, 3}, 3);
        write_idx(labels, b->t, (const uint32_t[]){64}, 1);
        WORKS(sixnet_dataset_from_idx(&ds, ctx, images, labels));
        unlink(images);
        unlink(labels);
        break;
    default:
        WORKS(sixnet_dataset_from_arrays(&ds, ctx, "shape=6 input_dtype=u8 target_dtype=u8 scale=0.00392156862745098",
                                         b->x, b->t, 64));
        sixnet_dataset *whole = ds;
        WORKS(sixnet_dataset_split(&ds, &rest, whole, "first_size=63 shuffle=false"));
        sixnet_dataset_free(whole);
        sixnet_dataset_free(rest);
    }
    return ds;
}

static void test_sources_agree(void **state)
{
    (void)state;
    bytes b;
    float x[64 * SIZE];
    int64_t t[64];
    digest expected = {""};
    for (int i = 0; i < 64 * SIZE; i++)
        b.x[i] = (uint8_t)(i * 37 + i * i % 101);
    for (int i = 0; i < 64; i++)
        b.t[i] = (uint8_t)(i % CLASSES);
    for (int source = 0; source < SOURCES; source++) {
        fixture *w = fixture_setup("", rich_net, "sgd lr=0.1", NULL, 8);
        sixnet_dataset *ds = open_source(source, w->ctx, &b, x, t);
        assert_int_equal(sixnet_dataset_size(ds), source == 5 ? 63 : 64);
        WORKS(sixnet_dataset_add_transform(ds, "normalize mean=0.5 std=0.25"));
        WORKS(sixnet_model_fit(
            w->net, w->opt, ds, NULL,
            source == 5 ? "batch_size=21 shuffle=false" : "batch_size=21 drop_last=true shuffle=false", NULL, NULL));
        sixnet_dataset_free(ds);
        digest d = close_with_digest(w);
        if (source == 0)
            expected = d;
        assert_same_digest(expected, d);
    }
}

/* ---- what does not work out ---- */

/* The net is as it was after the last batch that was told of, and finite, whether the run ends or not. */
static bool is_ruined(const char *context, const char *text, const char *optimizer)
{
    fixture *w = fixture_setup(context, text, optimizer, NULL, 60);
    story s = {.net = w->net, .last = digest_of(w->net)};
    watched = NULL;
    refusal_begins();
    int32_t status = sixnet_model_fit(w->net, w->opt, w->ds, NULL, "epochs=90 batch_size=20 shuffle=false", note, &s);
    const char *message = sixnet_last_error();
    if (status &&
        (status != SIXNET_NOT_FINITE || !strstr(message, "finite") || !strstr(message, "a smaller learning rate")))
        fail_msg("%s: %d '%s'", optimizer, (int)status, message);
    if (!all_finite(w->net))
        fail_msg("%s, %s: spoilt", context, optimizer);
    if (status)
        assert_same_digest(s.last, digest_of(w->net));
    fixture_teardown(w);
    return status;
}

static void test_absurd_rates(void **state)
{
    (void)state;
    static const char deep_net[] =
        "input shape=6\nlinear out_features=4\nlinear out_features=4\nlinear out_features=1\nmse";
    static const char *const contexts[] = {"", "dtype=f64", "isa=baseline threads=2"};
    static const char *const nets[] = {rich_net, plain_net, deep_net};
    static const char *const optimizers[] = {
        "sgd lr=1e30",
        "sgd lr=1e38",
        "sgd lr=1e300",
        "sgd lr=1e308",
        "sgd lr=1 momentum=9",
        "adam lr=1e38",
        "adamw lr=1e300",
        "sgd lr=1e20 momentum=9",
        "sgd lr=1e36 clip_norm=1",
        "rmsprop lr=1e38",
    };
    int ruined = 0;
    for (int n = 0; n < 3; n++)
        for (size_t o = 0; o < sizeof optimizers / sizeof *optimizers; o++)
            ruined += is_ruined(contexts[(n + (int)o) % 3], nets[n], optimizers[o]);
    assert_true(ruined >= 15);
    for (int c = 0; c < 3; c++) {
        assert_true(is_ruined(contexts[c], deep_net, "sgd lr=1e5"));
        assert_true(is_ruined(contexts[c], plain_net, "sgd lr=1e308"));
    }
}

static void test_inputs_that_are_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        fixture *w = fixture_setup("", rich_net, "sgd lr=0.1", NULL, 60);
        digest before = digest_of(w->net);
        w->samples->x[13] = bad[i];
        sixnet_dataset *ds = dataset_of(w->ctx, w->samples, 60);
        FAILS(SIXNET_NOT_FINITE, sixnet_model_fit(w->net, w->opt, ds, NULL, "batch_size=60", NULL, NULL), "NaN",
              "epoch 1, batch 1");
        assert_same_digest(before, digest_of(w->net));
        sixnet_dataset_free(ds);
        fixture_teardown(w);
    }
}

/* A loss of the type's range and beyond, though its gradient is within. */
static void test_a_loss_that_is_not_finite(void **state)
{
    (void)state;
    fixture *w = fixture_setup("", "input shape=6\nlinear out_features=1\nmse", "sgd lr=1e-30", NULL, 20);
    digest before = digest_of(w->net);
    w->samples->t[3] = 1e25f;
    sixnet_dataset *ds = dataset_of(w->ctx, w->samples, 20);
    FAILS(SIXNET_NOT_FINITE, sixnet_model_fit(w->net, w->opt, ds, NULL, "batch_size=20", NULL, NULL), "loss",
          "infinite", "epoch 1, batch 1");
    assert_same_digest(before, digest_of(w->net));
    sixnet_dataset_free(ds);
    fixture_teardown(w);
}

static void test_a_source_that_fails(void **state)
{
    (void)state;
    fixture *w = fixture_setup("", rich_net, "sgd lr=0.1", NULL, 60);
    caller s;
    sixnet_dataset *ds = called(w, &s, 60);
    story t = {.net = w->net};
    s.fails_at = 41;
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_fit(w->net, w->opt, ds, NULL, "batch_size=20 shuffle=false", note, &t),
          "3", "sample 41");
    assert_int_equal(t.count, 2);
    assert_same_digest(t.last, digest_of(w->net));
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_evaluate(w->net, ds, NULL, NULL), "3", "sample 41");
    s.fails_at = -1;
    WORKS(sixnet_model_fit(w->net, w->opt, ds, NULL, "batch_size=20", NULL, NULL));
    sixnet_dataset_free(ds);
    fixture_teardown(w);
}

/* ---- measuring ---- */

/* The mean cross entropy and the share of right answers, from the outputs. positions: of each sample, with classes first. */
static double measure(const float *y, const float *t, int64_t n, int classes, int positions, double *accuracy)
{
    double total = 0, right = 0;
    for (int64_t i = 0; i < n; i++)
        for (int p = 0; p < positions; p++) {
            const float *x = y + i * classes * positions + p;
            double sum = 0;
            int largest = 0, target = (int)t[i * positions + p];
            for (int c = 0; c < classes; c++) {
                sum += exp((double)x[c * positions]);
                largest = x[c * positions] > x[largest * positions] ? c : largest;
            }
            total += log(sum) - (double)x[target * positions];
            right += largest == target;
        }
    *accuracy = right / (double)(n * positions);
    return total / (double)(n * positions);
}

static void test_evaluation(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 100, 511, 512, 513, 527, 528, 1024, 1030};
    static const char *const contexts[] = {"", "threads=2", "dtype=f64"};
    for (int c = 0; c < 3; c++) {
        fixture *w = fixture_setup(contexts[c], rich_net, "sgd lr=0.1", NULL, MOST);
        float *y = malloc(MOST * CLASSES * sizeof *y);
        WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, "epochs=1", NULL, NULL));
        WORKS(sixnet_model_predict(w->net, w->samples->x, MOST, y));
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            double loss = 0, accuracy = 0, right;
            sixnet_dataset *ds = dataset_of(w->ctx, w->samples, sizes[i]);
            WORKS(sixnet_model_evaluate(w->net, ds, &loss, &accuracy));
            double expected = measure(y, w->samples->t, sizes[i], CLASSES, 1, &right);
            if (!(fabs(loss - expected) <= 2e-6 * expected) || accuracy != right)
                fail_msg("%d samples: loss %.9g instead of %.9g, accuracy %g instead of %g", (int)sizes[i], loss,
                         expected, accuracy, right);
            sixnet_dataset_free(ds);
        }
        free(y);
        fixture_teardown(w);
    }
}

/* Classes for each of several places: the input of the loss is classes x places. */
static void test_classes_at_places(void **state)
{
    (void)state;
    enum { N = 70, C = 4, PLACES = 5 };
    float x[N * C * PLACES], t[N * PLACES];
    double loss, accuracy, right;
    story s = {0};
    fill_noise(x, N * C * PLACES, 5);
    for (int i = 0; i < N; i++)
        for (int p = 0; p < PLACES; p++)
            t[i * PLACES + p] = (float)((i + p * p) % C);
    sixnet_dataset *ds;
    sixnet_model *net = parsed(NULL, "input shape=4x5\ncross_entropy"),
                 *learner = parsed(NULL, "input shape=4x5\nlinear out_features=5\n"
                                         "cross_entropy");
    sixnet_optimizer *opt;
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=4x5 target_shape=5", x, t, N));
    WORKS(sixnet_model_evaluate(net, ds, &loss, &accuracy));
    double expected = measure(x, t, N, C, PLACES, &right);
    assert_true(fabs(loss - expected) <= 1e-6 && fabs(accuracy - right) <= 1e-15);
    assert_true(accuracy > 0.1 && accuracy < 0.5);
    WORKS(sixnet_optimizer_new(&opt, learner, "sgd lr=0", NULL));
    WORKS(sixnet_model_evaluate(learner, ds, &loss, &accuracy));
    WORKS(sixnet_model_fit(learner, opt, ds, NULL, "batch_size=70", note, &s));
    assert_true(fabs(s.entry[0].accuracy - accuracy) <= 1e-12 && fabs(s.entry[0].loss - loss) <= 1e-6);
    t[33] = 4;
    sixnet_dataset *bad;
    WORKS(sixnet_dataset_from_arrays(&bad, NULL, "shape=4x5 target_shape=5", x, t, N));
    FAILS(SIXNET_BAD_DATA, sixnet_model_fit(learner, opt, bad, NULL, "batch_size=70", NULL, NULL), "sample 6",
          "label 4", "0 to 3");
    sixnet_dataset_free(bad);
    sixnet_dataset_free(ds);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    sixnet_model_free(learner);
}

/* Classes as probabilities: 1 for the class, 0 for the others. The training is the same but for rounding. */
static void test_probabilities_of_classes(void **state)
{
    (void)state;
    static const char *const contexts[] = {"seed=1 dtype=f64", "seed=1 threads=3 dtype=f64"};
    static const char text[] = "input shape=6\nlinear out_features=10\ntanh\nlinear out_features=3\n"
                               "cross_entropy targets=probabilities label_smoothing=0.1";
    for (int i = 0; i < 2; i++) {
        float shares[100][CLASSES] = {{0}};
        double loss, accuracy, expected, right;
        story s = {0}, t = {0};
        fixture *a = fixture_setup(contexts[i], text, "sgd lr=0.5", NULL, 100);
        fixture *b = fixture_setup(contexts[i],
                                   "input shape=6\nlinear out_features=10\ntanh\nlinear out_features=3\n"
                                   "cross_entropy label_smoothing=0.1",
                                   "sgd lr=0.5", NULL, 100);
        sixnet_dataset *ds;
        for (int k = 0; k < 100; k++)
            shares[k][(int)a->samples->t[k]] = 1;
        FAILS(SIXNET_BAD_SHAPE, sixnet_model_fit(a->net, a->opt, a->ds, NULL, "", NULL, NULL), "targets", "1 values",
              "3");
        WORKS(sixnet_dataset_from_arrays(&ds, a->ctx, "shape=6 target_shape=3", a->samples->x, shares, 100));
        WORKS(sixnet_model_fit(a->net, a->opt, ds, ds, "epochs=5 batch_size=20 diagnostics=true", note, &s));
        WORKS(sixnet_model_fit(b->net, b->opt, b->ds, b->ds, "epochs=5 batch_size=20", note, &t));
        assert_null(sixnet_model_diagnostic(a->net, 0, "name"));
        WORKS(sixnet_model_evaluate(a->net, ds, &loss, &accuracy));
        WORKS(sixnet_model_evaluate(b->net, b->ds, &expected, &right));
        assert_true(fabs(loss - expected) <= 1e-12 && accuracy == right && right > 0.5 && right < 1);
        assert_int_equal(s.count, t.count);
        for (int k = 0; k < s.count; k++) {
            assert_true(fabs(s.entry[k].loss - t.entry[k].loss) <= 1e-12 && s.entry[k].accuracy == t.entry[k].accuracy);
            assert_true(!s.entry[k].epoch_end || s.entry[k].validation_accuracy == t.entry[k].validation_accuracy);
        }
        sixnet_dataset_free(ds);
        fixture_teardown(a);
        fixture_teardown(b);
    }
}

/* Losses that compare values have no accuracy; reduction=sum gives the sum of all. */
static void test_losses_of_values(void **state)
{
    (void)state;
    enum { N = 530 };
    static float x[N * 2], t[N * 2];
    static const char *const reductions[] = {"mean", "sum", "half_sum"};
    double sum = 0, loss, accuracy;
    sixnet_dataset *ds;
    fill_noise(x, N * 2, 1);
    fill_noise(t, N * 2, 2);
    for (int i = 0; i < N * 2; i++)
        sum += ((double)x[i] - (double)t[i]) * ((double)x[i] - (double)t[i]);
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=2 target_shape=2", x, t, N));
    for (int r = 0; r < 3; r++) {
        char text[64];
        snprintf(text, sizeof text, "input shape=2\nmse reduction=%s", reductions[r]);
        sixnet_model *net = parsed(NULL, text);
        double expected = r == 0 ? sum / (2 * N) : r == 1 ? sum : sum / 2;
        WORKS(sixnet_model_evaluate(net, ds, &loss, &accuracy));
        assert_true(fabs(loss - expected) <= 1e-6 * expected);
        assert_true(isnan(accuracy));
        sixnet_model_free(net);
    }
    sixnet_dataset_free(ds);
}

/* Compares every report of a run that leaves the net as it is with an evaluation of the samples so far. */
static int32_t compare_so_far(void *user, const sixnet_progress *progress)
{
    const fixture *w = user;
    const told e = listen(progress);
    double loss, accuracy;
    sixnet_dataset *so_far = dataset_of(w->ctx, w->samples, (int64_t)e.samples);
    WORKS(sixnet_model_evaluate(w->net, so_far, &loss, &accuracy));
    if (!(fabs(e.loss - loss) <= 1e-12 * loss) || !(isnan(accuracy) || fabs(e.accuracy - accuracy) <= 1e-12))
        fail_msg("after %g samples: loss %.17g, not %.17g; accuracy %g, not %g", e.samples, e.loss, loss, e.accuracy,
                 accuracy);
    sixnet_dataset_free(so_far);
    return 0;
}

static int32_t compare_and_stop(void *user, const sixnet_progress *progress)
{
    compare_so_far(user, progress);
    return sixnet_progress_get(progress, "epoch") == 2 && sixnet_progress_get(progress, "batch") == 2;
}

/* The loss of an epoch is what evaluation gives for the same outputs, whatever the reduction, the weights of the classes and the batches;
 * the sums within an epoch survive an interruption. */
static void test_loss_of_an_epoch_is_evaluation(void **state)
{
    (void)state;
    static const struct {
        const char *net, *fit;
    } cases[] = {
        {"linear out_features=3\ncross_entropy", "batch_size=30"},
        {"linear out_features=3\ncross_entropy weight=0.1,1,7", "batch_size=10"},
        {"linear out_features=3\ncross_entropy weight=0.1,1,7 label_smoothing=0.2", "batch_size=1"},
        {"linear out_features=3\ncross_entropy reduction=sum", "batch_size=30"},
        {"linear out_features=3\ncross_entropy reduction=sum weight=0.1,1,7", "batch_size=25"},
        {"linear out_features=3\nlog_softmax\nnll weight=3,0.5,1", "batch_size=7"},
        {"linear out_features=3\nlog_softmax\nnll reduction=sum", "batch_size=7"},
        {"linear out_features=1\nmse", "batch_size=30"},
        {"linear out_features=1\nmse reduction=sum", "batch_size=30"},
        {"linear out_features=1\nmse reduction=half_sum", "batch_size=103"},
        {"linear out_features=1\nl1 reduction=sum", "batch_size=40"},
        {"linear out_features=1\nsmooth_l1", "batch_size=40"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256], options[512], path[] = "/tmp/sixnet-epoch-XXXXXX";
        double loss;
        assert_int_equal(close(mkstemp(path)), 0);
        snprintf(text, sizeof text, "input shape=6\n%s", cases[i].net);
        fixture *w = fixture_setup("dtype=f64 threads=2", text, "sgd lr=0", NULL, 103);
        snprintf(options, sizeof options, "epochs=2 shuffle=false %s checkpoint=%s", cases[i].fit, path);
        const int32_t status = sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, compare_and_stop, w);
        assert_int_equal(status, strstr(options, "batch_size=103") ? SIXNET_OK : SIXNET_STOPPED);
        snprintf(options, sizeof options, "epochs=2 shuffle=false %s resume=%s", cases[i].fit, path);
        WORKS(sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, compare_so_far, w));
        WORKS(sixnet_model_evaluate(w->net, w->ds, &loss, NULL));
        assert_int_equal(sixnet_model_history_size(w->net), 2);
        for (int epoch = 1; epoch <= 2; epoch++)
            assert_true(fabs(sixnet_model_history_get(w->net, epoch, "loss") - loss) <= 1e-12 * loss);
        unlink(path);
        snprintf(options, sizeof options, "%s.best", path);
        unlink(options);
        fixture_teardown(w);
    }
}

/* The training's accuracy is NaN, too. */
static void test_no_accuracy_of_values(void **state)
{
    (void)state;
    fixture *w = fixture_setup("", "input shape=6\nlinear out_features=1\nmse", "sgd lr=0.01", NULL, 20);
    story s = {0};
    WORKS(sixnet_model_fit(w->net, w->opt, w->ds, w->ds, "batch_size=20", note, &s));
    assert_true(isnan(s.entry[0].accuracy) && isnan(s.entry[1].accuracy) && isnan(s.entry[1].validation_accuracy));
    assert_true(s.entry[1].validation_loss < s.entry[1].loss);
    fixture_teardown(w);
}

/* One output says yes if it is above 0; several are labels of their own, of which the share that is right counts. The net is the
 * identity, so that its outputs are known: the weights are those of a unit matrix. */
static void test_accuracy_of_labels(void **state)
{
    static const double x[4][3] = {{-1, 2, 3}, {1, 1e-6, 0}, {-0.5, -1, 2}, {0.5, 1, -2}};
    static const double hard[4][3] = {{0, 1, 0}, {1, 1, 0}, {1, 0, 1}, {0, 1, 0}},
                        soft[4][3] = {{0.4, 0.5, 0.2}, {0.5, 1, 0.1}, {0.9, 0, 1}, {0.3, 0.6, 0}};
    static const struct {
        const char *net, *inputs;
        int64_t outputs;
        double right;
    } cases[] = {
        {"input shape=1\nlinear out_features=1 bias=false\nbce_with_logits",
         "input_dtype=f64 shape=1 target_dtype=f64 target_shape=1", 1, 2.0 / 4},
        {"input shape=3\nlinear out_features=3 bias=false\nbce_with_logits",
         "input_dtype=f64 shape=3 target_dtype=f64 target_shape=3", 3, 9.0 / 12},
    };
    (void)state;
    for (int c = 0; c < 4; c++) {
        const int64_t n = cases[c / 2].outputs;
        double a[12], b[12], unit[9] = {0}, accuracy;
        sixnet_context *ctx;
        sixnet_model *net;
        sixnet_optimizer *opt;
        sixnet_dataset *ds;
        story s = {0};
        for (int64_t k = 0; k < 4 * n; k++) {
            a[k] = x[k / n][k % n];
            b[k] = (c % 2 ? soft : hard)[k / n][k % n];
            unit[k % n * (n + 1)] = 1;
        }
        WORKS(sixnet_context_new(&ctx, "dtype=f64"));
        WORKS(sixnet_model_parse(&net, ctx, cases[c / 2].net));
        WORKS(sixnet_tensor_set_f64(net, "linear1.weight", unit, n * n));
        WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0", NULL));
        WORKS(sixnet_dataset_from_arrays(&ds, ctx, cases[c / 2].inputs, a, b, 4));
        WORKS(sixnet_model_evaluate(net, ds, NULL, &accuracy));
        WORKS(sixnet_model_fit(net, opt, ds, ds, "batch_size=2 shuffle=false", note, &s));
        if (accuracy != cases[c / 2].right || fabs(s.entry[1].accuracy - accuracy) > 1e-15)
            fail_msg("case %d: accuracy %g, in training %g, instead of %g", c, accuracy, s.entry[1].accuracy,
                     cases[c / 2].right);
        assert_true(sixnet_model_history_get(net, 1, "validation_accuracy") == accuracy);
        sixnet_dataset_free(ds);
        sixnet_optimizer_free(opt);
        sixnet_model_free(net);
        sixnet_context_free(ctx);
    }
}

/* ---- the best epoch ---- */

/* What a run of 12 epochs that nothing ends reports at the end of each. */
static story *plain_story(const char *options)
{
    story *s = calloc(1, sizeof *s);
    fixture *w = fixture_setup("seed=4", plain_net, "sgd lr=3 momentum=0.5", NULL, 160);
    sixnet_dataset *train, *held;
    WORKS(sixnet_dataset_split(&train, &held, w->ds, "first_size=100"));
    WORKS(sixnet_model_fit(w->net, w->opt, train, held, options, note, s));
    sixnet_dataset_free(train);
    sixnet_dataset_free(held);
    fixture_teardown(w);
    return s;
}

typedef struct monitored {
    const char *options;
    size_t column; /* of told */
    bool higher;   /* is better */
    double min_delta;
    int patience;
} monitored;

/* What the options mean, said of the numbers of a run without them: the best epoch and the last, from 1 on. */
static void expect_end(const story *s, const monitored *m, int64_t *best, int64_t *last)
{
    double record = 0;
    *best = *last = 0;
    for (int i = 0; i < s->count; i++) {
        const told *e = &s->entry[i];
        if (e->epoch_end == 0)
            continue;
        const double value = *(const double *)((const char *)e + m->column);
        *last = (int64_t)e->epoch;
        if (*best == 0 || (m->higher ? value > record + m->min_delta : value < record - m->min_delta)) {
            *best = *last;
            record = value;
        }
        if (m->patience && *last - *best == m->patience)
            return;
    }
}

static void check_end(const story *plain, const monitored *m)
{
    char options[160];
    double loss, accuracy;
    int64_t best, last;
    story s = {.count = 0};
    fixture *w = fixture_setup("seed=4 threads=2", plain_net, "sgd lr=3 momentum=0.5", NULL, 160);
    sixnet_dataset *train, *held;
    WORKS(sixnet_dataset_split(&train, &held, w->ds, "first_size=100"));
    snprintf(options, sizeof options, "epochs=12 batch_size=25 restore_best=true %s", m->options);
    WORKS(sixnet_model_fit(w->net, w->opt, train, held, options, note, &s));
    expect_end(plain, m, &best, &last);
    assert_int_equal(sixnet_model_history_size(w->net), last);
    WORKS(sixnet_model_evaluate(w->net, held, &loss, &accuracy));
    for (int i = 0; i < plain->count; i++)
        if (plain->entry[i].epoch_end == 1 && plain->entry[i].epoch == (double)best)
            assert_true(plain->entry[i].validation_loss == loss && plain->entry[i].validation_accuracy == accuracy);
    sixnet_dataset_free(train);
    sixnet_dataset_free(held);
    fixture_teardown(w);
}

static void test_best_epoch(void **state)
{
    (void)state;
    static const monitored cases[] = {
        {"", offsetof(told, validation_accuracy), true, 0, 0},
        {"early_stopping=2", offsetof(told, validation_accuracy), true, 0, 2},
        {"early_stopping=1 monitor=loss", offsetof(told, loss), false, 0, 1},
        {"early_stopping=3 monitor=val_loss min_delta=0.05", offsetof(told, validation_loss), false, 0.05, 3},
        {"early_stopping=2 monitor=validation_loss", offsetof(told, validation_loss), false, 0, 2},
        {"monitor=val_loss", offsetof(told, validation_loss), false, 0, 0},
        {"early_stopping=4 monitor=accuracy min_delta=0.01", offsetof(told, accuracy), true, 0.01, 4},
        {"early_stopping=1 monitor=val_accuracy min_delta=1", offsetof(told, validation_accuracy), true, 1, 1},
    };
    story *plain = plain_story("epochs=12 batch_size=25");
    int64_t best, last, bests = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_end(plain, &cases[i]);
        expect_end(plain, &cases[i], &best, &last);
        bests |= (int64_t)1 << best;
    }
    assert_true((bests & (bests - 1)) != 0 && bests != 1 << 12); /* the cases differ */
    free(plain);
}

static void test_best_epoch_refused(void **state)
{
    (void)state;
    static const struct {
        const char *net, *options;
        int32_t status;
        const char *message;
    } cases[] = {
        {plain_net, "monitor=color", SIXNET_BAD_SPEC, "monitor 'color' is none of"},
        {plain_net, "monitor=lr", SIXNET_BAD_SPEC, "monitor 'lr' is none of"},
        {plain_net, "monitor=val_loss", SIXNET_INVALID_ARGUMENT, "no validation set"},
        {"input shape=6\nlinear out_features=1\nmse", "monitor=accuracy", SIXNET_INVALID_ARGUMENT,
         "'mse' has no accuracy"},
        {plain_net, "validation_split=0.001", SIXNET_INVALID_ARGUMENT, "two parts of 60 and 0 samples"},
        {plain_net, "validation_split=0.995", SIXNET_INVALID_ARGUMENT, "two parts of 0 and 60 samples"},
        {plain_net, "validation_split=1", SIXNET_BAD_SPEC, "validation_split=1"},
        {plain_net, "balance=true shuffle=false", SIXNET_BAD_SPEC, "balance=true"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *w = fixture_setup("", cases[i].net, "sgd lr=0.1", NULL, 60);
        digest before = digest_of(w->net);
        FAILS(cases[i].status, sixnet_model_fit(w->net, w->opt, w->ds, NULL, cases[i].options, NULL, NULL),
              cases[i].message);
        assert_same_digest(before, close_with_digest(w));
    }
    fixture *w = fixture_setup("", plain_net, "sgd lr=0.1", NULL, 60);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_fit(w->net, w->opt, w->ds, w->ds, "validation_split=0.5", NULL, NULL),
          "there is a validation set");
    fixture_teardown(w);
}

/* The samples held out are those of a split with the same seed. */
static void test_validation_split(void **state)
{
    (void)state;
    fixture *a = fixture_setup("seed=4", rich_net, "sgd lr=0.1", NULL, 103),
            *b = fixture_setup("seed=4", rich_net, "sgd lr=0.1", NULL, 103);
    sixnet_dataset *train, *held;
    WORKS(sixnet_dataset_split(&train, &held, a->ds, "first_size=82 seed=9"));
    WORKS(sixnet_model_fit(a->net, a->opt, train, held, "epochs=2 seed=9", NULL, NULL));
    WORKS(sixnet_model_fit(b->net, b->opt, b->ds, NULL, "epochs=2 seed=9 validation_split=0.2", NULL, NULL));
    assert_true(sixnet_model_history_get(a->net, 2, "val_loss") ==
                sixnet_model_history_get(b->net, 2, "validation_loss"));
    sixnet_dataset_free(train);
    sixnet_dataset_free(held);
    assert_same_digest(close_with_digest(a), close_with_digest(b));
}

/* A limit that each step exceeds ends each call after one step; resumed again and again the run ends as one without. */
static void test_max_seconds(void **state)
{
    (void)state;
    char path[64], options[300];
    int32_t status = SIXNET_STOPPED;
    int calls = 0;
    snprintf(path, sizeof path, "/tmp/sixnet-max-seconds-%ld", (long)getpid());
    const digest whole = fitted("seed=1", "epochs=2 batch_size=30 restore_best=true monitor=loss");
    digest end = whole;
    for (; status == SIXNET_STOPPED; calls++) {
        story s = {.count = 0};
        fixture *w = fixture_setup("seed=1", rich_net, "sgd lr=0.1 momentum=0.9", NULL, 103);
        snprintf(options, sizeof options,
                 "epochs=2 batch_size=30 max_seconds=1e-9 restore_best=true monitor=loss checkpoint=%s%s%s", path,
                 calls ? " resume=" : "", calls ? path : "");
        status = sixnet_model_fit(w->net, w->opt, w->ds, NULL, options, note, &s);
        assert_in_range(s.count, 0, 1);
        end = close_with_digest(w);
        assert_in_range(calls, 0, 11);
    }
    assert_int_equal(status, SIXNET_OK);
    assert_int_equal(calls, 11); /* 4 batches and an end for each epoch, and the call that finds nothing to do */
    assert_same_digest(whole, end);
    unlink(path);
    snprintf(path + strlen(path), sizeof path - strlen(path), ".best");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy_of_labels),
        cmocka_unit_test(test_learns_xor),
        cmocka_unit_test(test_learns_what_generalises),
        cmocka_unit_test(test_fit_is_the_open_loop),
        cmocka_unit_test(test_fit_goes_on),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_looking_changes_nothing),
        cmocka_unit_test(test_progress_adds_up),
        cmocka_unit_test(test_validation_is_evaluation),
        cmocka_unit_test(test_average_is_that_of_the_open_loop),
        cmocka_unit_test(test_average_leaves_the_training_alone),
        cmocka_unit_test(test_average_refused),
        cmocka_unit_test(test_warnings_of_nothing),
        cmocka_unit_test(test_average_of_nothing),
        cmocka_unit_test(test_average_of_an_epoch_that_ends_twice),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_schedules_move),
        cmocka_unit_test(test_one_cycle_counts_steps),
        cmocka_unit_test(test_progress_sets_the_rate),
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_best_epoch),
        cmocka_unit_test(test_best_epoch_refused),
        cmocka_unit_test(test_validation_split),
        cmocka_unit_test(test_max_seconds),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_drop_last),
        cmocka_unit_test(test_fewer_samples_than_a_batch),
        cmocka_unit_test(test_batches_too_small_for_a_norm),
        cmocka_unit_test(test_sources_agree),
        cmocka_unit_test(test_absurd_rates),
        cmocka_unit_test(test_inputs_that_are_not_finite),
        cmocka_unit_test(test_a_loss_that_is_not_finite),
        cmocka_unit_test(test_a_source_that_fails),
        cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_classes_at_places),
        cmocka_unit_test(test_probabilities_of_classes),
        cmocka_unit_test(test_losses_of_values),
        cmocka_unit_test(test_loss_of_an_epoch_is_evaluation),
        cmocka_unit_test(test_no_accuracy_of_values),
    };
    return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
