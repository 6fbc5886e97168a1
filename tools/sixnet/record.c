/* SPDX-License-Identifier: MIT */

/* The record's files:
 *     settings.txt            what decides the result: a line for each option of sixnet train, and net=, a file beside it
 *     net.txt                 the net as a text; start.safetensors instead if training began with values from a file
 *     history.csv             a row for each epoch; history.svg and .png, if gnuplot is there, drawn by history.gp
 *     checkpoint.safetensors  the run, to go on with; .best the best epoch's
 *     model.safetensors       the trained net
 *     result.txt              its digest, by which version and instruction set, on which samples, and how well it does */

#include "tool.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char net_text_name[] = "net.txt", start_name[] = "start.safetensors", checkpoint_name[] = "checkpoint.safetensors",
                  model_name[] = "model.safetensors", result_name[] = "result.txt", settings_name[] = "settings.txt";

const char *record_path(char path[RECORD_PATH], const char *folder, const char *name)
{
    snprintf(path, RECORD_PATH, "%s/%s", folder, name);
    return path;
}

/* ---- at the beginning ---- */

static int32_t make_folder(const outputs *o)
{
    static const char *const kept[] = {checkpoint_name, result_name};
    char path[RECORD_PATH];
    if (strlen(o->record) >= PATH_SIZE)
        return complain("--record: the path has %d characters or more", PATH_SIZE);
    if (mkdir(o->record, 0777) != 0 && errno != EEXIST)
        return complain("cannot make the folder '%s': %s", o->record, strerror(errno));
    for (size_t k = 0; k < sizeof kept / sizeof *kept && !o->resume; k++)
        if (access(record_path(path, o->record, kept[k]), F_OK) == 0)
            return complain(
                "'%s' has a record already; choose another folder, or go on with --resume '%s/checkpoint.safetensors'", o->record,
                o->record);
    return 0;
}

static int32_t save_start(const outputs *o, const work *w)
{
    char path[RECORD_PATH];
    FILE *file;
    if (w->saved) {
        TRY(sixnet_model_save(w->net, record_path(path, o->record, start_name), NULL));
        return 0;
    }
    PASS(output_open(&file, record_path(path, o->record, net_text_name)));
    fputs(sixnet_model_text(w->net), file);
    return output_close(file, path);
}

/* Makes a path one from the root; the text is to be freed. */
static int32_t make_absolute(const char **path)
{
    if (!*path)
        return 0;
    if (strcmp(*path, "-") == 0)
        return complain("--record: samples from standard input cannot be read again");
    char *full = realpath(*path, NULL);
    if (!full)
        return complain("cannot find '%s': %s", *path, strerror(errno));
    *path = full;
    return 0;
}

static int32_t write_settings(const settings *s, const outputs *o, const work *w)
{
    char path[RECORD_PATH];
    FILE *file;
    option_table t = {.count = 0};
    add_settings(&t, (settings *)s);
    PASS(output_open(&file, record_path(path, o->record, settings_name)));
    fprintf(file, "# A training by libsixnet %s; `sixnet rerun` with this folder repeats it.\nnet=%s\n", sixnet_version(),
            w->saved ? start_name : net_text_name);
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
    PASS(make_folder(o));
    PASS(save_start(o, w));
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

static int32_t write_result(const char *folder, const outcome *out)
{
    char path[RECORD_PATH];
    FILE *file;
    PASS(output_open(&file, record_path(path, folder, result_name)));
    fprintf(file, "digest=%s\nversion=%s\nisa=%s\ntrain-samples=%016" PRIx64 "\n", out->digest, sixnet_version(), out->isa,
            out->train_samples);
    if (out->test_samples)
        fprintf(file, "test-samples=%016" PRIx64 "\n", out->test_samples);
    fprintf(file, "epochs=%" PRId64 "\nbest-epoch=%" PRId64 "\nseconds=%.3f\n", out->epochs, out->best_epoch, out->seconds);
    write_score(file, "train", out->train);
    write_score(file, "validation", out->validation);
    write_score(file, "test", out->test);
    return output_close(file, path);
}

/* Curves of one quantity, by the columns of history.csv; the second is that of the test or validation samples. */
static void plot_pair(FILE *file, const char *label, int column, const char *second)
{
    fprintf(file, "set ylabel '%s'\nplot 'history.csv' using 1:%d with linespoints ls 1 title 'training'", label, column);
    if (second)
        fprintf(file, ", '' using 1:%d with linespoints ls 2 title '%s'", column + 2, second);
    fputc('\n', file);
}

static void write_script(FILE *file, const outcome *out)
{
    const char *second = !isnan(out->validation.loss) ? "validation" : !isnan(out->test.loss) ? "test" : NULL;
    const bool accuracy = !isnan(out->train.accuracy);
    fprintf(file,
            "# gnuplot history.gp draws history.svg and history.png anew.\n"
            "set datafile separator ','\n"
            "set style line 1 lw 2 pt 7 ps 0.4 lc rgb '#0072b2'\n"
            "set style line 2 lw 2 pt 5 ps 0.4 lc rgb '#d55e00'\n"
            "set style line 3 lw 2 pt 7 ps 0.4 lc rgb '#000000'\n"
            "set grid lc rgb '#dddddd' lw 1\nset border 3\nset tics nomirror\nset key top right\nset lmargin 11\n"
            "set xrange [0:%" PRId64 "]\nset xtics %" PRId64 "\nset offsets 0, 0, graph 0.05, 0\n"
            "do for [t in 'svg png'] {\n"
            "if (t eq 'svg') { set terminal svg size 800,%d background 'white' font 'sans-serif,13' }\n"
            "else { set terminal pngcairo size 800,%d background 'white' font 'sans-serif,11' }\n"
            "set output 'history.'.t\n"
            "set multiplot layout %d,1 title 'Training by epoch'\n"
            "unset xlabel\n",
            out->epochs, (out->epochs + 9) / 10, accuracy ? 900 : 640, accuracy ? 900 : 640, accuracy ? 3 : 2);
    plot_pair(file, "loss", 3, second);
    if (accuracy)
        fprintf(file, "set key bottom right\nset yrange [*:1]\n");
    if (accuracy)
        plot_pair(file, "accuracy", 4, second);
    fprintf(file, "set xlabel 'epoch'\nset ylabel 'learning rate'\nset key off\nset yrange [0:*]\n"
                  "plot 'history.csv' using 1:2 with linespoints ls 3\nunset multiplot\nunset output\nset key on top right\nset "
                  "yrange [*:*]\n}\n");
}

/* Whether gnuplot drew the pictures; it may not be there. */
static bool draw(const char *folder)
{
    int status = -1;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        if (chdir(folder) == 0 && freopen("/dev/null", "w", stderr))
            execlp("gnuplot", "gnuplot", "history.gp", (char *)NULL);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int32_t record_end(const outputs *o, const sixnet_model *net, const outcome *out)
{
    char path[RECORD_PATH];
    FILE *file;
    if (!o->record)
        return 0;
    TRY(sixnet_model_save(net, record_path(path, o->record, model_name), NULL));
    PASS(output_open(&file, record_path(path, o->record, "history.gp")));
    write_script(file, out);
    PASS(output_close(file, path));
    PASS(write_result(o->record, out));
    const bool drawn = draw(o->record);
    if (!o->quiet && !o->json)
        printf("record: %s%s\n", o->record, drawn ? ", with pictures history.svg and history.png" : "");
    return 0;
}

/* ---- reading it ---- */

static int32_t load_settings(record *r, const char *folder)
{
    char path[RECORD_PATH];
    const char *name = NULL;
    option_table t = {.count = 0};
    add_text(&t, "--net", "FILE", "", &name);
    add_settings(&t, &r->settings);
    PASS(options_load(record_path(path, folder, settings_name), &t, &r->settings_text));
    if (!name || (strcmp(name, net_text_name) != 0 && strcmp(name, start_name) != 0) || !r->settings.data.data)
        return complain("%s: net=%s, net=%s or data= is missing, so this is no record", path, net_text_name, start_name);
    r->settings.net.path = record_path(r->net, folder, name);
    return 0;
}

static int32_t load_result(record *r, const char *folder)
{
    static const char *const others[] = {
        "--epochs",          "--best-epoch",          "--seconds",   "--train-loss",   "--train-accuracy",
        "--validation-loss", "--validation-accuracy", "--test-loss", "--test-accuracy"};
    static const char *unused;
    char path[RECORD_PATH];
    option_table t = {.count = 0};
    add_text(&t, "--digest", "TEXT", "", &r->digest);
    add_text(&t, "--version", "TEXT", "", &r->version);
    add_text(&t, "--isa", "TEXT", "", &r->isa);
    add_text(&t, "--train-samples", "TEXT", "", &r->train_samples);
    add_text(&t, "--test-samples", "TEXT", "", &r->test_samples);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        add_text(&t, others[k], "TEXT", "", &unused);
    record_path(path, folder, result_name);
    if (access(path, F_OK) != 0)
        return complain(
            "'%s' has no result.txt, so the run has not ended; sixnet train goes on with --resume '%s/checkpoint.safetensors'",
            folder, folder);
    PASS(options_load(path, &t, &r->outcome_text));
    return r->digest && r->version && r->isa ? 0 : complain("%s: has no digest, version or isa", path);
}

int32_t record_load(record *r, const char *folder)
{
    if (strlen(folder) >= PATH_SIZE)
        return complain("the path of the record has %d characters or more", PATH_SIZE);
    PASS(load_settings(r, folder));
    return load_result(r, folder);
}

int32_t record_use(record *r, net_files *n, data_options *d)
{
    char path[RECORD_PATH];
    const settings *s = &r->settings;
    if (strlen(n->path) >= PATH_SIZE || !is_regular(record_path(path, n->path, settings_name)))
        return 0;
    r->settings = settings_default;
    PASS(load_settings(r, n->path));
    n->path = record_path(r->net, n->path, model_name);
    d->targets_first |= s->data.targets_first;
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
