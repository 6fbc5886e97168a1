/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_TRAINING_H
#define SIXNET_EXAMPLES_TRAINING_H

/* Helpers of programs that train a net: where the data are, how a run is shown and written down, and paths among the options of a
 * fit. Included before anything else. */

#include "common.h"

#include <signal.h>
#include <stdbool.h>

/* ---- the data ---- */

/* Whether a data file exists, and its path; it may be gzipped and may have a point before "idx". */
static inline bool mnist_find(char *path, const char *folder, const char *set, const char *what, const char *idx)
{
    for (int k = 0; k < 4; k++) {
        const int length = snprintf(path, PATH_SIZE, "%s/%s-%s%c%s-ubyte%s", folder, set, what, k < 2 ? '-' : '.', idx,
                                    k % 2 ? ".gz" : "");
        if (length < PATH_SIZE && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static inline int32_t mnist_path(char *path, const char *folder, const char *set, const char *what, const char *idx)
{
    if (mnist_find(path, folder, set, what, idx))
        return 0;
    return fail("there is no '%s/%s-%s-%s-ubyte[.gz]'; tools/fetch-mnist gets the files", folder, set, what, idx);
}

/* ---- a run that can be watched ---- */

/* The evaluation after an epoch reports no progress, so the last batch announces it. */
static inline void run_show(meter *m, const sixnet_progress *p, const char *samples)
{
    const double epoch = sixnet_progress_get(p, "epoch"), epochs = sixnet_progress_get(p, "epochs");
    const double part = sixnet_progress_get(p, "batch") / sixnet_progress_get(p, "batches");
    const double now = sixnet_progress_get(p, "total_seconds"), share = (epoch - 1 + part) / epochs;
    const double speed = sixnet_progress_get(p, "samples") / sixnet_progress_get(p, "seconds");
    const int left = (int)ceil(now * (1 - share) / share);
    char before[64], after[128];
    if (!meter_due(m) && !(m->shown && part == 1))
        return;
    snprintf(before, sizeof before, "epoch %2.0f/%.0f", epoch, epochs);
    if (part < 1)
        snprintf(after, sizeof after, "%3.0f %%  %.0f %s/s  %d:%02d left", 100 * part, speed, samples, left / 60,
                 left % 60);
    else
        snprintf(after, sizeof after, "100 %%  measuring");
    bar_draw(before, part, after);
}

/* "  test loss 0.0278 accuracy 99.21 %", as far as available. */
static inline void print_measure(const char *set, double loss, double accuracy)
{
    if (!isnan(loss))
        printf("  %s loss %.4g", set, loss);
    if (!isnan(accuracy))
        printf(" accuracy %5.2f %%", 100 * accuracy);
}

/* A line; `set` is what the second dataset is called, if there is one. */
static inline void print_epoch(const sixnet_progress *p, const char *set)
{
    printf("epoch %2.0f/%.0f", sixnet_progress_get(p, "epoch"), sixnet_progress_get(p, "epochs"));
    print_measure("train", sixnet_progress_get(p, "loss"), sixnet_progress_get(p, "accuracy"));
    print_measure(set, sixnet_progress_get(p, "validation_loss"), sixnet_progress_get(p, "validation_accuracy"));
    printf("  lr %g  %.1f s\n", sixnet_progress_get(p, "lr"), sixnet_progress_get(p, "seconds"));
    fflush(stdout);
}

enum { CSV_VALUES = 5, CSV_HEADER = 128 };

/* Columns of a table of epochs after the epoch number, as progress reports and a model's history name them. */
static const char *const csv_values[CSV_VALUES] = {"lr", "loss", "accuracy", "validation_loss", "validation_accuracy"};

/* The names of the columns; `set` is the name of the second dataset. */
static inline void csv_header(char header[CSV_HEADER], const char *set, const char *more)
{
    snprintf(header, CSV_HEADER, "epoch,lr,train_loss,train_accuracy,%s_loss,%s_accuracy%s\n", set, set, more);
}

/* Missing values stay empty. */
static inline void csv_write(FILE *csv, double epoch, const double values[CSV_VALUES])
{
    fprintf(csv, "%.0f", epoch);
    for (int k = 0; k < CSV_VALUES; k++)
        fprintf(csv, isnan(values[k]) ? "," : ",%.9g", values[k]);
}

/* Opens the table of a resumed run; NULL if there is none. */
static inline FILE *csv_old(const char *path)
{
    struct stat about;
    const int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FILE *old =
        descriptor >= 0 && fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) ? fdopen(descriptor, "r") : NULL;
    if (!old && descriptor >= 0)
        close(descriptor);
    return old;
}

/* Copies the rows before an epoch, if they are under that header. */
static inline void csv_keep(FILE *csv, FILE *old, const char *header, double epoch)
{
    char line[256];
    if (fgets(line, sizeof line, old) && strcmp(line, header) == 0)
        while (fgets(line, sizeof line, old) && atof(line) < epoch)
            fputs(line, csv);
}

/* Opens a table of epochs; `set` is the name of the second dataset. Of a run that is resumed at `epoch`, which is 0 for one that
 * begins, the rows before that stay. */
static inline int32_t csv_open(FILE **csv, const char *path, const char *set, double epoch)
{
    char header[CSV_HEADER];
    FILE *old = epoch > 0 ? csv_old(path) : NULL;
    const int32_t status = output_open(csv, path);
    csv_header(header, set, ",seconds");
    if (status == 0)
        fputs(header, *csv);
    if (status == 0 && old)
        csv_keep(*csv, old, header, epoch);
    if (old)
        fclose(old);
    return status == 0 ? fflush(*csv) : status; /* output_close() will say why */
}

/* Whether a file can be made where one is to be saved, if one is: better said before the training than after it. */
static inline int32_t saving_check(const char *path)
{
    char folder[PATH_SIZE];
    struct stat about;
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!path || strlen(path) >= sizeof folder)
        return 0;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    if (access(folder, W_OK | X_OK) != 0 || (lstat(path, &about) != 0 && errno != ENOENT))
        return fail("cannot write '%s': %s", path, strerror(errno));
    return lstat(path, &about) != 0 || S_ISREG(about.st_mode) ? 0
                                                              : fail("cannot write '%s': it is no regular file", path);
}

/* A row as soon as there is one, so that a long run can be watched. */
static inline int32_t csv_row(FILE *csv, const sixnet_progress *p)
{
    double values[CSV_VALUES];
    for (int k = 0; k < CSV_VALUES; k++)
        values[k] = sixnet_progress_get(p, csv_values[k]);
    csv_write(csv, sixnet_progress_get(p, "epoch"), values);
    fprintf(csv, ",%.3f\n", sixnet_progress_get(p, "seconds"));
    return fflush(csv);
}

/* ---- runs that Ctrl-C ends ---- */

enum {
    STATUS_SIGNAL = 128
}; /* the exit status of a run that a signal ended is this and the signal's number, as shells have it */

static sixnet_model *net_to_cancel;
static volatile sig_atomic_t signal_caught; /* 0 for none */

static inline void on_signal(int number)
{
    signal_caught = number;
    sixnet_model_cancel(net_to_cancel, 1);
}

/* From now on SIGINT or SIGTERM ends the net's run after its batch; a second one ends the program. */
static inline void catch_signals(sixnet_model *net)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    net_to_cancel = net;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static inline void release_signals(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

/* checkpoint: the file in which the run is kept, or NULL */
static inline int32_t complain_interrupted(const char *checkpoint)
{
    if (checkpoint)
        return fail("interrupted; the run is kept in '%s', and goes on with --resume", checkpoint);
    return fail("interrupted; with --checkpoint FILE a run can go on later");
}

/* ---- paths among the options of a fit ---- */

/* Room for two paths and other options. */
enum { OPTIONS_TEXT = 512, FIT_TEXT = OPTIONS_TEXT + 6 * PATH_SIZE + 64 };

/* " attribute=path", where a blank, which would end it, and '%' are written as % and two digits. */
static inline int32_t append_path(char *text, const char *attribute, const char *path)
{
    size_t length = strlen(text);
    if (strlen(path) >= PATH_SIZE)
        return fail("the path of a checkpoint has %d characters or more", PATH_SIZE);
    length += (size_t)sprintf(text + length, " %s=", attribute);
    for (const unsigned char *c = (const unsigned char *)path; *c; c++)
        length += (size_t)sprintf(text + length, *c <= ' ' || *c == '%' ? "%%%02x" : "%c", *c);
    return 0;
}

/* Appends every option of a fit that is a path, empty where there is none. So no other text, which may come from a record, can
 * name a path: the library refuses an option that is given twice. */
static inline int32_t append_paths(char *text, const char *checkpoint, const char *resume)
{
    const char *name;
    for (int32_t i = 0; (name = sixnet_attribute_field("options", "fit", i, "name")); i++) {
        const char *path = strcmp(name, "checkpoint") == 0 ? checkpoint : strcmp(name, "resume") == 0 ? resume : NULL;
        if (strcmp(sixnet_attribute_field("options", "fit", i, "type"), "path") == 0)
            CHECK(append_path(text, name, path ? path : ""));
    }
    return 0;
}

#endif
