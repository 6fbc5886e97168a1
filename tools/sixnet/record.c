/* SPDX-License-Identifier: MIT */

#include "tool.h"

#include <sys/stat.h>

static const char start_name[] = "start.safetensors";

/* ---- at the beginning ---- */

static int32_t save_start(const outputs *o, const work *w)
{
    char path[FOLDER_PATH];
    if (!w->saved)
        return record_write_net(o->record, w->net);
    CHECK_SIXNET(sixnet_model_save(w->net, folder_path(path, o->record, start_name), NULL));
    return 0;
}

/* Makes a path one from the root; the text is to be freed. */
static int32_t make_absolute(const char **path)
{
    if (!*path)
        return 0;
    if (strcmp(*path, "-") == 0)
        return fail("--run-dir: samples from standard input cannot be read again");
    char *full = realpath(*path, NULL);
    if (!full)
        return fail("cannot find '%s': %s", *path, strerror(errno));
    *path = full;
    return 0;
}

static int32_t write_settings(const settings *s, const outputs *o, const work *w)
{
    char path[FOLDER_PATH];
    FILE *file;
    option_table t = {.count = 0};
    add_settings(&t, (settings *)s);
    CHECK(folder_open(&file, path, o->record, record_settings));
    fprintf(file, "# A training by libsixnet %s; `sixnet rerun` with this folder repeats it.\nnet=%s\n",
            sixnet_version(), w->saved ? start_name : record_net);
    const int32_t status = options_write(file, &t);
    return output_close(file, path) == 0 ? status : -1;
}

int32_t record_begin(const settings *s, const outputs *o, const work *w)
{
    settings full = *s;
    const char **paths[] = {&full.data.data, &full.data.labels, &full.test_data, &full.test_labels};
    size_t made = 0;
    int32_t status = 0;
    if (!o->record)
        return 0;
    CHECK(record_make(o->record, o->resume != NULL));
    CHECK(save_start(o, w));
    while (made < sizeof paths / sizeof *paths && (status = make_absolute(paths[made])) == 0)
        made++;
    if (status == 0)
        status = write_settings(&full, o, w);
    while (made-- > 0)
        free((char *)*paths[made]);
    return status;
}

/* ---- at the end ---- */

static void write_score(FILE *file, const char *set, score s)
{
    if (!isnan(s.loss))
        fprintf(file, "%s-loss=%.17g\n", set, s.loss);
    if (!isnan(s.accuracy))
        fprintf(file, "%s-accuracy=%.17g\n", set, s.accuracy);
}

static int32_t write_result(const char *folder, int64_t epochs, const outcome *out)
{
    char path[FOLDER_PATH];
    FILE *file;
    CHECK(folder_open(&file, path, folder, record_result));
    fprintf(file, "digest=%s\nversion=%s\nisa=%s\n", out->digest, sixnet_version(), out->isa);
    record_write_hashes(file, out->train_samples, out->test_samples);
    fprintf(file, "epochs=%" PRId64 "\nbest-epoch=%" PRId64 "\nseconds=%.3f\n", epochs, out->best_epoch, out->seconds);
    if (out->resume_changes)
        fprintf(file, "resume-changes=%" PRId64 "\n", out->resume_changes);
    write_score(file, "train", out->train);
    write_score(file, "validation", out->validation);
    write_score(file, "test", out->test);
    return output_close(file, path);
}

int32_t record_end(const outputs *o, const sixnet_model *net, const outcome *out)
{
    const history_picture picture = {
        .epochs = sixnet_model_history_size(net),
        .accuracy = !isnan(out->train.accuracy),
        .second = !isnan(out->validation.loss) ? "validation"
                  : !isnan(out->test.loss)     ? "test"
                                               : NULL,
    };
    if (!o->record || (out->epochs == 0 && record_ended(o->record, out->digest)))
        return 0;
    CHECK(record_finish(o->record, net, &picture));
    return write_result(o->record, picture.epochs, out);
}

/* ---- reading it: a record may come from anyone, so that nothing but files of its folder is read ---- */

/* The path of a file in the record's folder: a regular one, not a link that leads out of it. */
static int32_t own_file(char path[FOLDER_PATH], const char *folder, const char *name)
{
    struct stat about;
    if (snprintf(path, FOLDER_PATH, "%s/%s", folder, name) >= FOLDER_PATH)
        return fail("the path of '%.40s...', a file of the record, has %d characters or more", name, FOLDER_PATH);
    if (lstat(path, &about) != 0)
        return fail("%s: cannot be examined: %s", path, strerror(errno));
    return S_ISREG(about.st_mode) ? 0 : fail("%s: is not a regular file, which a file of a record must be", path);
}

/* A path of samples: the caller's, or else a file in the record's folder, which may have moved with it. */
static int32_t find_file(char path[FOLDER_PATH], const char **recorded, const char *given, const char *name,
                         const char *folder)
{
    if (given || !*recorded) {
        *recorded = given;
        return 0;
    }
    if (strchr(*recorded, '/'))
        return fail("the record has samples outside of its folder, which are read only if they are named: add %s '%s'",
                    name, *recorded);
    CHECK(own_file(path, folder, *recorded));
    *recorded = path;
    return 0;
}

int32_t record_find_samples(record *r, const char *folder, const sample_files *given)
{
    settings *s = &r->settings;
    CHECK(find_file(r->data[0], &s->data.data, given->data, "--data", folder));
    CHECK(find_file(r->data[1], &s->data.labels, given->labels, "--targets", folder));
    CHECK(find_file(r->data[2], &s->test_data, given->test_data, "--test-data", folder));
    return find_file(r->data[3], &s->test_labels, given->test_labels, "--test-targets", folder);
}

static int32_t load_settings(record *r, const char *folder)
{
    char path[FOLDER_PATH];
    const char *name = NULL;
    option_table t = {.count = 0};
    add_text(&t, "--net", "FILE", "", &name);
    add_settings(&t, &r->settings);
    CHECK(own_file(path, folder, record_settings));
    CHECK(options_load(path, &t, &r->settings_text));
    if (!name || (strcmp(name, record_net) != 0 && strcmp(name, start_name) != 0) || !r->settings.data.data)
        return fail("%s: net=%s, net=%s or data= is missing, so this is no record", path, record_net, start_name);
    CHECK(own_file(r->net, folder, name));
    r->settings.net.path = r->net;
    return 0;
}

static int32_t load_result(record *r, const char *folder)
{
    static const char *const others[] = {
        "--epochs",          "--best-epoch",          "--seconds",   "--train-loss",   "--train-accuracy",
        "--validation-loss", "--validation-accuracy", "--test-loss", "--test-accuracy"};
    static const char *unused;
    char path[FOLDER_PATH];
    option_table t = {.count = 0};
    add_text(&t, "--digest", "TEXT", "", &r->digest);
    add_text(&t, "--version", "TEXT", "", &r->version);
    add_text(&t, "--isa", "TEXT", "", &r->isa);
    add_text(&t, "--train-samples", "TEXT", "", &r->train_samples);
    add_text(&t, "--test-samples", "TEXT", "", &r->test_samples);
    add_text(&t, "--resume-changes", "TEXT", "", &r->resume_changes);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        add_text(&t, others[k], "TEXT", "", &unused);
    folder_path(path, folder, record_result);
    if (access(path, F_OK) != 0)
        return fail("'%s' has no result.txt, so the run has not ended; sixnet train goes on with --resume "
                    "'%s/checkpoint.safetensors'",
                    folder, folder);
    CHECK(own_file(path, folder, record_result));
    CHECK(options_load(path, &t, &r->outcome_text));
    return r->digest && r->version && r->isa ? 0 : fail("%s: has no digest, version or isa", path);
}

int32_t record_load(record *r, const char *folder)
{
    if (strlen(folder) >= PATH_SIZE)
        return fail("the path of the record has %d characters or more", PATH_SIZE);
    CHECK(load_settings(r, folder));
    return load_result(r, folder);
}

int32_t record_use(record *r, net_files *n, data_options *d)
{
    char path[FOLDER_PATH];
    const settings *s = &r->settings;
    if (strlen(n->path) >= PATH_SIZE || !is_regular(folder_path(path, n->path, record_settings)))
        return 0;
    r->settings = settings_default;
    CHECK(load_settings(r, n->path));
    const char *folder = n->path;
    CHECK(own_file(r->net, folder, record_model));
    n->path = r->net;
    d->targets_first |= s->data.targets_first;
    d->missing = d->missing ? d->missing : s->data.missing;
    d->scale = isnan(d->scale) ? s->data.scale : d->scale;
    if (d->transforms.count == 0)
        d->transforms = s->data.transforms;
    return 0;
}

void record_free(record *r)
{
    free(r->settings_text);
    free(r->outcome_text);
}
