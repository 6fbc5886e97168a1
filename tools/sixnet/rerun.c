/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Repeats the training that sixnet train --record wrote down, and compares the results bit by bit."

/* Where the files are now, and what else may differ without changing a bit. */
typedef struct changes {
    const char *data, *labels, *test_data, *test_labels;
    machine machine;
} changes;

/* Instruction sets with a fused multiply-add give the same bits; the baseline gives others. */
static const char *isa_of(const record *r) { return strcmp(r->isa, "baseline") == 0 ? "baseline" : "auto"; }

static void apply(record *r, const changes *c)
{
    settings *s = &r->settings;
    s->machine.threads = c->machine.threads;
    s->machine.isa = c->machine.isa ? c->machine.isa : isa_of(r);
    s->data.data = c->data ? c->data : s->data.data;
    s->data.labels = c->labels ? c->labels : s->data.labels;
    s->test_data = c->test_data ? c->test_data : s->test_data;
    s->test_labels = c->test_labels ? c->test_labels : s->test_labels;
}

static int32_t compare(const record *r, const outcome *out, const outputs *o)
{
    const bool same = strcmp(r->digest, out->digest) == 0;
    if (o->json)
        printf("{\"same\": %s, \"digest\": \"%s\", \"recorded\": \"%s\"}\n", same ? "true" : "false", out->digest, r->digest);
    else if (same)
        printf("digest: %s\nthe same bits as recorded\n", out->digest);
    if (same)
        return 0;
    return complain("the digest is %s, but %s was recorded, by libsixnet %s with %s; this is %s with %s", out->digest, r->digest,
                    r->version, r->isa, sixnet_version(), out->isa);
}

static int32_t rerun(record *r, const char *folder, const changes *c, const outputs *o, outcome *out)
{
    PASS(record_load(r, folder));
    apply(r, c);
    out->train_samples = r->train_samples ? strtoull(r->train_samples, NULL, 16) : 0;
    out->test_samples = r->test_samples ? strtoull(r->test_samples, NULL, 16) : 0;
    PASS(training_run(&r->settings, o, out));
    return compare(r, out, o);
}

int32_t command_rerun(int argc, char **argv)
{
    const char *folder = NULL;
    changes c = {.data = NULL};
    outputs o = {.checkpoint_seconds = 0};
    outcome out = {.signal = 0};
    record r = {.settings = settings_default};
    option_table t = {.count = 0};
    add_operand(&t, "FOLDER", "the record", &folder);
    add_text(&t, "--data", "FILE", "where the samples are, if they have moved", &c.data);
    add_text(&t, "--labels", "FILE", "and their targets", &c.labels);
    add_text(&t, "--test-data", "FILE", "and the samples to test with", &c.test_data);
    add_text(&t, "--test-labels", "FILE", "and their targets", &c.test_labels);
    add_integer(&t, "--threads", "threads to use; 0 for every core (0)", &c.machine.threads, 0, 1024);
    add_word(&t, "--isa", "NAME", "highest instruction set to use (auto; the baseline, if the record is of it)", &c.machine.isa);
    add_switch(&t, "--quiet", "print the end only", &o.quiet);
    add_switch(&t, "--json", "print the end only, as JSON", &o.json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    status = rerun(&r, folder, &c, &o, &out);
    record_free(&r);
    return training_status(status, &out);
}
