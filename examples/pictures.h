/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_PICTURES_H
#define SIXNET_EXAMPLES_PICTURES_H

/* Pictures in a folder: programs write tables, and beside them scripts for gnuplot (NAME.gp, and style.gp, which all of them load) and
 * for Graphviz (NAME.dot), which draw NAME.svg and NAME.png. Where these are not installed, tables and scripts are there all the same.
 * Included before anything else. */

#include "common.h"

#include "plots.h" /* written by Meson: the scripts in plots/ as texts */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- files of a folder ---- */

enum { FOLDER_PATH = PATH_SIZE + 64 };

static inline const char *folder_path(char path[FOLDER_PATH], const char *folder, const char *name)
{
    snprintf(path, FOLDER_PATH, "%s/%s", folder, name);
    return path;
}

/* Makes a folder, unless it is there and files can be made in it. */
static inline int32_t folder_make(const char *folder)
{
    char path[FOLDER_PATH];
    if (strlen(folder) >= PATH_SIZE)
        return complain("the path of a folder has %d characters or more", PATH_SIZE);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return complain("cannot make the folder '%s': %s", folder, strerror(errno));
    if (access(folder_path(path, folder, "."), W_OK | X_OK) != 0)
        return complain("cannot write in the folder '%s': %s", folder, strerror(errno));
    return 0;
}

/* Opens a file to be written; the path is for output_close(). */
static inline int32_t folder_open(FILE **file, char path[FOLDER_PATH], const char *folder, const char *name)
{
    return output_open(file, folder_path(path, folder, name));
}

static inline int32_t folder_write(const char *folder, const char *name, const char *text, const char *more)
{
    char path[FOLDER_PATH];
    FILE *file;
    PASS(folder_open(&file, path, folder, name));
    fputs(text, file);
    fputs(more, file);
    return output_close(file, path);
}

/* ---- programs that draw ---- */

enum { NOT_INSTALLED = 127 };

/* In a process of its own: becomes a program that runs in a folder and whose words nobody sees. */
static inline void become(const char *folder, const char *const *command)
{
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0 || chdir(folder) != 0)
        _exit(EXIT_FAILURE);
    execvp(command[0], (char *const *)command);
    _exit(NOT_INSTALLED);
}

/* Runs a program in a folder, without a word. Its exit status; NOT_INSTALLED if there is none of that name. */
static inline int run_in(const char *folder, const char *const *command)
{
    int status = -1;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        become(folder, command);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Writes NAME.gp, a script after settings of its own, and has gnuplot draw it; *status is that of gnuplot. */
static inline int32_t plot_draw(const char *folder, const char *name, const char *settings, const char *script, int *status)
{
    char file[128], head[1024];
    const char *const command[] = {"gnuplot", "-d", file, NULL};
    snprintf(file, sizeof file, "%s.gp", name);
    snprintf(head, sizeof head, "# gnuplot %s draws %s.svg and %s.png anew.\nname = '%s'\n%s\n", file, name, name, name,
             settings);
    PASS(folder_write(folder, "style.gp", plot_style, ""));
    PASS(folder_write(folder, file, head, script));
    *status = run_in(folder, command);
    return 0;
}

static inline int graph_draw(const char *folder, const char *name)
{
    char svg[128], png[128], file[128];
    const char *const command[] = {"dot", "-Tsvg", svg, "-Tpng", png, file, NULL};
    snprintf(svg, sizeof svg, "-o%s.svg", name);
    snprintf(png, sizeof png, "-o%s.png", name);
    snprintf(file, sizeof file, "%s.dot", name);
    return run_in(folder, command);
}

/* ---- pictures that are named as they are drawn ---- */

typedef struct pictures {
    const char *folder;
    int drawn;                        /* how many there are */
    int without_gnuplot, without_dot; /* how many there are not, because the program is not installed */
} pictures;

static inline int32_t pictures_begin(pictures *p, const char *folder)
{
    *p = (pictures){.folder = folder};
    return folder_make(folder);
}

/* What became of one. */
static inline void picture_say(pictures *p, const char *name, const char *shows, int status)
{
    if (status == 0 && p->drawn++ == 0)
        printf("pictures in %s, each as .svg and .png:\n", p->folder);
    if (status == 0)
        printf("  %-34s %s\n", name, shows);
    else if (status != NOT_INSTALLED)
        printf("  %-34s could not be drawn; its script, started in that folder, says why\n", name);
}

/* The tables that the script reads must be there. */
static inline int32_t picture_plot(pictures *p, const char *name, const char *shows, const char *settings, const char *script)
{
    int status;
    PASS(plot_draw(p->folder, name, settings, script, &status));
    p->without_gnuplot += status == NOT_INSTALLED;
    picture_say(p, name, shows, status);
    return 0;
}

/* NAME.dot must be there. */
static inline void picture_graph(pictures *p, const char *name, const char *shows)
{
    const int status = graph_draw(p->folder, name);
    p->without_dot += status == NOT_INSTALLED;
    picture_say(p, name, shows, status);
}

static inline void pictures_end(const pictures *p)
{
    static const char line[] = "%d pictures are not drawn, as %s is not installed (Debian: %s); tables and scripts are in %s\n";
    if (p->without_gnuplot)
        printf(line, p->without_gnuplot, "gnuplot", "gnuplot-nox", p->folder);
    if (p->without_dot)
        printf(line, p->without_dot, "Graphviz", "graphviz", p->folder);
}

#endif
