/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_RECORD_H
#define SIXNET_EXAMPLES_RECORD_H

/* A record: a folder that has all that it takes to repeat a training bit by bit, which the program `sixnet rerun` does.
 *     settings.txt            what decides the result: a line for each option of `sixnet train`, and net=, a file beside it
 *     net.txt                 the net as a text; start.safetensors instead if training began with values from a file
 *     history.csv             a row for each epoch; history.svg and .png, if gnuplot is there, drawn by history.gp
 *     checkpoint.safetensors  the run, to go on with; .best the best epoch's
 *     model.safetensors       the trained net
 *     result.txt              its digest, by which version and instruction set, and how well it does
 * Included before anything else. */

#include "training.h"

#include <sys/stat.h>
#include <sys/wait.h>

enum { RECORD_PATH = PATH_SIZE + 64 };

static const char record_settings[] = "settings.txt", record_net[] = "net.txt", record_history[] = "history.csv",
                  record_checkpoint[] = "checkpoint.safetensors", record_model[] = "model.safetensors", record_result[] = "result.txt";

/* The path of one of the files. */
static inline const char *record_path(char path[RECORD_PATH], const char *folder, const char *name)
{
    snprintf(path, RECORD_PATH, "%s/%s", folder, name);
    return path;
}

/* Opens one of them to be written; the path is for output_close(). */
static inline int32_t record_open(FILE **file, char path[RECORD_PATH], const char *folder, const char *name)
{
    return output_open(file, record_path(path, folder, name));
}

/* Makes the folder, which must not have a record of a run that began already, unless that goes on. */
static inline int32_t record_make(const char *folder, int resumed)
{
    const char *const kept[] = {record_checkpoint, record_result};
    char path[RECORD_PATH];
    if (strlen(folder) >= PATH_SIZE)
        return complain("--record: the path has %d characters or more", PATH_SIZE);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return complain("cannot make the folder '%s': %s", folder, strerror(errno));
    for (size_t k = 0; k < sizeof kept / sizeof *kept && !resumed; k++)
        if (access(record_path(path, folder, kept[k]), F_OK) == 0)
            return complain(
                "'%s' has a record already; choose another folder, or go on with --resume '%s/%s'", folder, folder, record_checkpoint);
    return 0;
}

static inline int32_t record_write_net(const char *folder, sixnet_model *net)
{
    char path[RECORD_PATH];
    FILE *file;
    PASS(record_open(&file, path, folder, record_net));
    fputs(sixnet_model_text(net), file);
    return output_close(file, path);
}

/* ---- its picture ---- */

typedef struct record_picture {
    int64_t epochs;
    int accuracy;       /* whether there is one */
    const char *second; /* the name of the samples measured after every epoch, or NULL */
} record_picture;

/* Curves of one quantity, by the columns of history.csv; the second is that of the test or validation samples. */
static inline void record_curves(FILE *file, const char *label, int column, const char *second)
{
    fprintf(file, "set ylabel '%s'\nplot 'history.csv' using 1:%d with linespoints ls 1 title 'training'", label, column);
    if (second)
        fprintf(file, ", '' using 1:%d with linespoints ls 2 title '%s'", column + 2, second);
    fputc('\n', file);
}

static inline void record_script(FILE *file, const record_picture *p)
{
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
            p->epochs, (p->epochs + 9) / 10, p->accuracy ? 900 : 640, p->accuracy ? 900 : 640, p->accuracy ? 3 : 2);
    record_curves(file, "loss", 3, p->second);
    if (p->accuracy)
        fprintf(file, "set key bottom right\nset yrange [*:1]\n");
    if (p->accuracy)
        record_curves(file, "accuracy", 4, p->second);
    fprintf(file, "set xlabel 'epoch'\nset ylabel 'learning rate'\nset key off\nset yrange [0:*]\n"
                  "plot 'history.csv' using 1:2 with linespoints ls 3\nunset multiplot\nunset output\nset key on top right\nset "
                  "yrange [*:*]\n}\n");
}

/* Whether gnuplot drew the pictures; it may not be there. */
static inline int record_draw(const char *folder)
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

/* The last files, but for the result. */
static inline int32_t record_finish(const char *folder, const sixnet_model *net, const record_picture *p)
{
    char path[RECORD_PATH];
    FILE *file;
    TRY(sixnet_model_save(net, record_path(path, folder, record_model), NULL));
    PASS(record_open(&file, path, folder, "history.gp"));
    record_script(file, p);
    PASS(output_close(file, path));
    record_draw(folder);
    return 0;
}

#endif
