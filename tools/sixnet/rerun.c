/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Repeats the training that sixnet train --run-dir wrote down, and compares the results bit by bit."

/* Where the files are now, and what else may differ without changing a bit. */
typedef struct changes {
    sample_files files;
    machine machine;
} changes;

/* Instruction sets with a fused multiply-add are bit-identical; the baseline differs. */
static const char *isa_of(const record *r) { return strcmp(r->isa, "baseline") == 0 ? "baseline" : "auto"; }

static int32_t apply(record *r, const char *folder, const changes *c)
{
    machine *m = &r->settings.machine;
    m->threads = c->machine.threads;
    m->isa = c->machine.isa ? c->machine.isa : isa_of(r);
    return record_find_samples(r, folder, &c->files);
}

static int32_t compare(const record *r, const outcome *out, const outputs *o)
{
    const bool same = strcmp(r->digest, out->digest) == 0;
    if (o->json) {
        printf("{\"same\": %s, ", same ? "true" : "false");
        json_text("digest", out->digest);
        printf(", ");
        json_text("recorded", r->digest);
        printf("}\n");
    } else if (same)
        printf("digest: %s\nthe same bits as recorded\n", out->digest);
    if (same)
        return 0;
    if (r->resume_changes)
        return fail("the digest is %s, but %s was recorded: the run was resumed with other settings than it was made "
                    "with, and cannot be "
                    "repeated from the record",
                    out->digest, r->digest);
    return fail("the digest is %s, but %s was recorded, by libsixnet %s with %s; this is %s with %s", out->digest,
                r->digest, r->version, r->isa, sixnet_version(), out->isa);
}

/* A hash of samples, of sixteen hexadecimal digits; 0 for NULL. */
static int32_t read_hash(uint64_t *hash, const char *text)
{
    *hash = 0;
    if (!text)
        return 0;
    if (strlen(text) != 16 || text[strspn(text, "0123456789abcdef")])
        return fail("'%.40s' in %s is not a hash of samples, which has 16 hexadecimal digits", text, record_result);
    *hash = strtoull(text, NULL, 16);
    return 0;
}

static int32_t rerun(record *r, const char *folder, const changes *c, const outputs *o, outcome *out)
{
    CHECK(record_load(r, folder));
    CHECK(apply(r, folder, c));
    CHECK(read_hash(&out->train_samples, r->train_samples));
    CHECK(read_hash(&out->test_samples, r->test_samples));
    CHECK(training_run(&r->settings, o, out));
    return compare(r, out, o);
}

int32_t command_rerun(int argc, char **argv)
{
    const char *folder = NULL;
    changes c = {.files = {.data = NULL}};
    outputs o = {.checkpoint_seconds = 0};
    outcome out = {.signal = 0};
    record r = {.settings = settings_default};
    option_table t = {.count = 0};
    add_operand(&t, "DIR", "the record", &folder);
    add_text(&t, "--data", "FILE", "the samples, if they are not in the record", &c.files.data);
    add_text(&t, "--targets", "FILE", "and their targets", &c.files.labels);
    add_text(&t, "--test-data", "FILE", "and the samples to test with", &c.files.test_data);
    add_text(&t, "--test-targets", "FILE", "and their targets", &c.files.test_labels);
    add_integer(&t, "--threads", "threads to use; 0 for every core (0)", &c.machine.threads, 0, 1024);
    add_word(&t, "--isa", "NAME", "highest instruction set to use (auto; the baseline, if the record is of it)",
             &c.machine.isa);
    add_switch(&t, "--quiet", "print the end only", &o.quiet);
    add_switch(&t, "--json", "print the end only, as JSON", &o.json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    status = rerun(&r, folder, &c, &o, &out);
    record_free(&r);
    return training_status(status, &out);
}
