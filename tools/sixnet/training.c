/* SPDX-License-Identifier: MIT */

#include "tool.h"

const settings settings_default = {
    .machine = {.isa = "auto", .dtype = "f32", .convolution = "auto"},
    .data = {.scale = NAN},
    .epochs = 10,
    .batch_size = 32,
    .optimizer = "adam",
};

void add_settings(option_table *t, settings *s)
{
    const double many = 1e9, seeds = 0x1p53;
    add_data(t, &s->data);
    add_text(t, "--test-data", "FILE", "samples to test with (of a folder: its own)", &s->test_data);
    add_text(t, "--test-targets", "FILE", "their targets, if they are in a file of their own", &s->test_labels);
    add_integer(t, "--validation-size", "samples to hold out of the training, and to measure after every epoch (0)",
                &s->validation, 0, many);
    add_list(t, "--augment", "TEXT", "a transform of the training samples only, before the others; again for more",
             &s->augment);
    add_list(t, "--tensors", "TEXT", "how tensors are trained, such as \"conv1.* trainable=false\"; again for more",
             &s->tensors);
    add_text(t, "--optimizer", "TEXT", "such as \"sgd lr=0.1 momentum=0.9\" (adam)", &s->optimizer);
    add_text(t, "--schedule", "TEXT", "of the learning rate, such as \"step_lr step_size=10\"", &s->schedule);
    add_integer(t, "--epochs", "times through the samples (10)", &s->epochs, 1, many);
    add_integer(t, "--batch-size", "samples of a step (32)", &s->batch_size, 1, 1 << 24);
    add_word(t, "--on-nan", "WORD",
             "when a batch would spoil the net: stop, skip it, or restore, the epoch again with half the rate (stop)",
             &s->on_nan);
    add_text(t, "--fit-options", "TEXT", "more options of a fit; sixnet list fit lists them", &s->fit);
    add_integer(t, "--seed", "of weights, order and all that is random (0)", &s->machine.seed, 0, seeds);
    add_machine(t, &s->machine);
}

/* What a run works with. */
typedef struct run {
    const settings *set;
    const outputs *out;
    outcome *end;
    work w;
    sixnet_optimizer *opt;
    samples train, test;
    sixnet_dataset *fitted, *held; /* the training samples but for those held out, and those */
    FILE *csv;
    char csv_path[FOLDER_PATH];
    bool csv_failed; /* which ends the run */
    meter bar;
} run;

/* ---- samples ---- */

/* Takes note of the samples for a record, or compares them with those of one. */
static int32_t check_set(const run *r, const sixnet_dataset *set, uint64_t *expected, const char *name)
{
    uint64_t hash = 0;
    int64_t dims[MAX_RANK], target_dims[MAX_RANK];
    int32_t rank, target_rank;
    if (!r->out->record && !*expected)
        return 0;
    CHECK_SIXNET(sixnet_dataset_shape(set, dims, &rank, target_dims, &target_rank));
    if (shape_size(dims, rank) != net_size(r->w.net, "input") ||
        shape_size(target_dims, target_rank) != net_size(r->w.net, "target"))
        return 0; /* the fit will say it better */
    CHECK(record_hash(&hash, set));
    if (*expected && *expected != hash)
        return fail("the %s samples are not those of the record: a file has changed, or --data leads to others", name);
    *expected = hash;
    return 0;
}

static int32_t open_test(run *r)
{
    const settings *s = r->set;
    data_options d = s->data;
    char path[PATH_SIZE];
    if (s->test_data) {
        d.data = s->test_data;
        d.labels = s->test_labels;
    } else if (s->test_labels)
        return fail("--test-targets without --test-data");
    else if (s->data.labels || snprintf(path, sizeof path, "%s/.", s->data.data) >= PATH_SIZE ||
             access(path, F_OK) != 0)
        return 0; /* no folder */
    d.like = r->train.inputs.values ? &r->train.inputs : NULL;
    CHECK(samples_open(&r->test, &r->w, &d, "t10k", true));
    CHECK(check_set(r, r->test.set, &r->end->test_samples, "test"));
    return samples_transform(r->test.set, &d.transforms);
}

static int32_t hold_out(run *r)
{
    char split[64];
    const int64_t all = sixnet_dataset_size(r->train.set);
    sixnet_dataset *first;
    if (r->set->validation == 0)
        return 0;
    if (r->set->validation >= all)
        return fail("--validation-size: '%" PRId64 "' of %" PRId64 " samples leaves none to train with",
                    r->set->validation, all);
    snprintf(split, sizeof split, "first_size=%" PRId64, all - r->set->validation);
    CHECK_SIXNET(sixnet_dataset_split(&first, &r->held, r->train.set, split));
    sixnet_dataset_free(r->train.set);
    r->train.set = first;
    return samples_transform(r->held, &r->set->data.transforms);
}

static int32_t open_sets(run *r)
{
    const settings *s = r->set;
    CHECK(samples_open(&r->train, &r->w, &s->data, "train", true));
    CHECK(check_set(r, r->train.set, &r->end->train_samples, "training"));
    CHECK(hold_out(r));
    CHECK(samples_transform(r->train.set, &s->augment));
    CHECK(samples_transform(r->train.set, &s->data.transforms));
    return open_test(r);
}

/* ---- the run ---- */

/* What the library warns of, such as diagnostics, or reports. */
static void on_log(void *user, int32_t level, const char *line)
{
    const outputs *o = user;
    if (level > 0 || (!o->quiet && !o->json))
        fail("%s%s", level > 0 ? "warning: " : "", line);
}

/* The name of the samples that are evaluated after every epoch. */
static const char *second_name(const run *r) { return r->held ? "validation" : "test"; }

static int32_t end_epoch(run *r, const sixnet_progress *p)
{
    outcome *e = r->end;
    e->train = (score){sixnet_progress_get(p, "loss"), sixnet_progress_get(p, "accuracy")};
    e->validation = (score){sixnet_progress_get(p, "validation_loss"), sixnet_progress_get(p, "validation_accuracy")};
    e->seconds = sixnet_progress_get(p, "total_seconds");
    e->epochs = (int64_t)sixnet_progress_get(p, "epoch");
    e->best_epoch = (int64_t)sixnet_progress_get(p, "best_epoch");
    e->resume_changes = (int64_t)sixnet_progress_get(p, "resume_changes");
    meter_end(&r->bar);
    if (!r->out->quiet && !r->out->json)
        print_epoch(p, second_name(r));
    return r->csv ? csv_row(r->csv, p) : 0;
}

static int32_t tell(run *r, const sixnet_progress *p)
{
    if (*r->csv_path && !r->csv)
        CHECK(csv_open(&r->csv, r->csv_path, second_name(r), r->out->resume ? sixnet_progress_get(p, "epoch") : 0));
    if (sixnet_progress_get(p, "epoch_end") == 1)
        CHECK(end_epoch(r, p));
    else
        run_show(&r->bar, p, "samples");
    return 0;
}

static int32_t on_progress(void *user, const sixnet_progress *p)
{
    run *r = user;
    r->csv_failed = tell(r, p) != 0;
    return r->csv_failed;
}

/* The file in which the run is kept, or NULL. */
static const char *kept_run(const run *r, char path[FOLDER_PATH])
{
    return r->out->record ? folder_path(path, r->out->record, record_checkpoint) : r->out->checkpoint;
}

static int32_t fit_options(const run *r, char text[FIT_TEXT])
{
    char path[FOLDER_PATH];
    const settings *s = r->set;
    const outputs *o = r->out;
    const int length = snprintf(
        text, OPTIONS_TEXT, "epochs=%" PRId64 " batch_size=%" PRId64 " checkpoint_seconds=%.17g%s%s diagnostics=%s %s",
        s->epochs, s->batch_size, o->checkpoint_seconds, s->on_nan ? " on_nan=" : "", s->on_nan ? s->on_nan : "",
        o->diagnose ? "true" : "false", s->fit ? s->fit : "");
    if (length >= OPTIONS_TEXT)
        return fail("--fit-options: '%.40s...' is too long, expected at most %d characters", s->fit, OPTIONS_TEXT / 2);
    return append_paths(text, kept_run(r, path), o->resume);
}

static void print_begin(const run *r)
{
    const sixnet_dataset *second = r->held ? r->held : r->test.set;
    printf("%" PRId64 " samples to train", sixnet_dataset_size(r->train.set));
    if (second)
        printf(", %" PRId64 " to %s", sixnet_dataset_size(second), r->held ? "validate" : "test");
    printf("; threads: %s, instruction set: %s\n", sixnet_context_get(r->w.ctx, "threads"),
           sixnet_context_get(r->w.ctx, "isa"));
    fflush(stdout);
}

static int32_t fit(run *r)
{
    char text[FIT_TEXT], path[FOLDER_PATH];
    sixnet_dataset *second = r->held ? r->held : r->test.set;
    CHECK(fit_options(r, text));
    catch_signals(r->w.net);
    const int32_t status = sixnet_model_fit(r->w.net, r->opt, r->train.set, second, text, on_progress, r);
    release_signals();
    meter_end(&r->bar);
    if (status == SIXNET_BAD_DATA && (samples_blamed(&r->train, &r->w) || samples_blamed(&r->test, &r->w)))
        return -1;
    CHECK_SIXNET(status);
    r->end->signal = signal_caught;
    if (signal_caught)
        return complain_interrupted(kept_run(r, path));
    r->end->timed_out = status == SIXNET_STOPPED && !r->csv_failed;
    return r->csv_failed ? -1 : 0; /* which was or will be reported */
}

/* How well the last epoch did. */
static score last_of_history(const sixnet_model *net)
{
    const int64_t last = sixnet_model_history_size(net);
    return (score){sixnet_model_history_get(net, last, "loss"), sixnet_model_history_get(net, last, "accuracy")};
}

static int32_t measure(run *r)
{
    outcome *e = r->end;
    if (e->epochs == 0) /* which the run that is gone on with had done */
        e->train = last_of_history(r->w.net);
    const bool is_last = e->best_epoch == e->epochs && !e->timed_out; /* else the net may have got other values since */
    e->test = r->held ? (score){NAN, NAN} : e->validation;            /* a test set in the place of held-out samples */
    if (r->test.set && (r->held || e->epochs == 0 || !is_last))
        CHECK_SIXNET(sixnet_model_evaluate(r->w.net, r->test.set, &e->test.loss, &e->test.accuracy));
    if (r->test.set && !r->held)
        e->validation = (score){NAN, NAN};
    CHECK_SIXNET(sixnet_model_digest(r->w.net, e->digest));
    snprintf(e->isa, sizeof e->isa, "%s", sixnet_context_get(r->w.ctx, "isa"));
    return 0;
}

/* Each text is a pattern and, behind a blank, what is set. */
static int32_t set_tensors(sixnet_model *net, const texts *given)
{
    for (int32_t k = 0; k < given->count; k++) {
        const char *text = given->item[k];
        const size_t length = strcspn(text, " ");
        char pattern[256];
        if (length >= sizeof pattern || !text[length])
            return fail("--tensors: '%.80s' is not a pattern and what is set, such as 'conv1.* trainable=false'", text);
        snprintf(pattern, sizeof pattern, "%.*s", (int)length, text);
        CHECK_SIXNET(sixnet_model_set_tensors(net, pattern, text + length + 1));
    }
    return 0;
}

static int32_t run_all(run *r)
{
    const outputs *o = r->out;
    r->w.quiet = o->quiet;
    CHECK(work_open(&r->w, &r->set->machine, &r->set->net));
    CHECK_SIXNET(sixnet_context_set_log(r->w.ctx, on_log, (void *)(uintptr_t)o));
    CHECK(set_tensors(r->w.net, &r->set->tensors));
    CHECK_SIXNET(sixnet_optimizer_new(&r->opt, r->w.net, r->set->optimizer, r->set->schedule));
    CHECK(open_sets(r));
    CHECK(record_begin(r->set, o, &r->w));
    if (!o->quiet && !o->json)
        print_begin(r);
    CHECK(fit(r));
    CHECK(measure(r));
    if (o->save)
        CHECK_SIXNET(sixnet_model_save(r->w.net, o->save, NULL));
    return 0;
}

int32_t training_run(const settings *s, const outputs *o, outcome *out)
{
    run r = {.set = s, .out = o, .end = out, .bar = meter_begin("training", !o->quiet)};
    if (o->record)
        folder_path(r.csv_path, o->record, record_history);
    else if (o->csv)
        snprintf(r.csv_path, sizeof r.csv_path, "%s", o->csv);
    out->train = out->validation = out->test = (score){NAN, NAN};
    int32_t status = run_all(&r);
    if (output_close(r.csv, r.csv_path) != 0)
        status = -1;
    if (status == 0 && !out->timed_out)
        status = record_end(o, r.w.net, out);
    sixnet_dataset_free(r.held);
    samples_close(&r.train);
    samples_close(&r.test);
    sixnet_optimizer_free(r.opt);
    work_close(&r.w);
    return status;
}

int32_t training_status(int32_t status, const outcome *out)
{
    return out->signal ? STATUS_SIGNAL + out->signal : exit_status(status);
}

/* ---- its end ---- */

static void json_score(const char *set, score s)
{
    char key[32];
    snprintf(key, sizeof key, "%s_loss", set);
    printf(", ");
    json_number(key, s.loss);
    snprintf(key, sizeof key, "%s_accuracy", set);
    printf(", ");
    json_number(key, s.accuracy);
}

void training_show(const outcome *out, const outputs *o)
{
    if (o->json) {
        printf("{\"digest\": \"%s\", \"isa\": \"%s\", \"epochs\": %" PRId64 ", \"best_epoch\": %" PRId64 ", ",
               out->digest, out->isa, out->epochs, out->best_epoch);
        json_number("seconds", out->seconds);
        json_score("train", out->train);
        json_score("validation", out->validation);
        json_score("test", out->test);
        printf("}\n");
        return;
    }
    if (o->digest)
        printf("digest: %s\n", out->digest);
    printf("%" PRId64 " epochs in %.1f s", out->epochs, out->seconds);
    print_measure("train", out->train.loss, out->train.accuracy);
    print_measure("validation", out->validation.loss, out->validation.accuracy);
    print_measure("test", out->test.loss, out->test.accuracy);
    printf("  best epoch %" PRId64 "\n", out->best_epoch);
}
