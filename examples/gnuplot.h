/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_PICTURES_H
#define SIXNET_EXAMPLES_PICTURES_H

/* Plots in a folder: programs write tables, and next to them scripts for gnuplot (NAME.gp) and for Graphviz (NAME.dot), which draw
 * NAME.svg and NAME.png. Others may be able to write in that folder, so nothing there is executed, and no link is followed. Where these are not installed, tables and scripts are there all the same.
 * Included before anything else. */

#include "common.h"

#include "plots.h" /* written by Meson: the scripts in plots/ as texts */

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
        return fail("the path of a folder has %d characters or more", PATH_SIZE);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return fail("cannot make the folder '%s': %s", folder, strerror(errno));
    if (access(folder_path(path, folder, "."), W_OK | X_OK) != 0)
        return fail("cannot write in the folder '%s': %s", folder, strerror(errno));
    return 0;
}

/* Opens a file to be written, where there is none or a regular one; the path is for output_close(). */
static inline int32_t folder_open(FILE **file, char path[FOLDER_PATH], const char *folder, const char *name)
{
    struct stat about;
    if (lstat(folder_path(path, folder, name), &about) == 0 && !S_ISREG(about.st_mode))
        return fail("cannot write '%s': it is a link, folder, pipe or device", path);
    return output_open(file, path);
}

static inline int32_t folder_write(const char *folder, const char *name, const char *text, const char *more)
{
    char path[FOLDER_PATH];
    FILE *file;
    CHECK(folder_open(&file, path, folder, name));
    fputs(text, file);
    fputs(more, file);
    return output_close(file, path);
}

/* ---- programs that draw ---- */

enum { NOT_INSTALLED = 127 };

/* In a process of its own: becomes a program that runs in a folder, and whose complaints nobody sees. */
static inline void become(const char *folder, const char *const *command, int input, int output)
{
    const int nowhere = open("/dev/null", O_WRONLY);
    if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0 ||
        chdir(folder) != 0)
        _exit(EXIT_FAILURE);
    execvp(command[0], (char *const *)command);
    _exit(NOT_INSTALLED);
}

/* Runs a program in a folder, from one file into another. Its exit status; NOT_INSTALLED if there is none of that name. */
static inline int run_in(const char *folder, const char *const *command, FILE *input, FILE *output)
{
    int status = -1;
    fflush(NULL);
    rewind(input);
    const pid_t child = fork();
    if (child == 0)
        become(folder, command, fileno(input), fileno(output));
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Writes what is left of a file to one of a folder. */
static inline int32_t folder_copy(FILE *from, const char *folder, const char *name)
{
    char path[FOLDER_PATH], portion[1 << 14];
    FILE *file;
    rewind(from);
    CHECK(folder_open(&file, path, folder, name));
    for (size_t n; (n = fread(portion, 1, sizeof portion, from)) > 0;)
        fwrite(portion, 1, n, file);
    return output_close(file, path);
}

/* Runs a program from a file that has no name any more, or a regular one, and makes a picture of what it prints. */
static inline int32_t draw_from(FILE *input, const char *folder, const char *picture, const char *const *command,
                                int *status)
{
    FILE *drawn = tmpfile();
    if (!drawn)
        return fail("cannot make a temporary file: %s", strerror(errno));
    *status = run_in(folder, command, input, drawn);
    const int32_t copied = *status == 0 ? folder_copy(drawn, folder, picture) : 0;
    fclose(drawn);
    return copied;
}

static const char *const picture_forms[] = {"svg", "png"};
enum { PICTURE_FORMS = sizeof picture_forms / sizeof *picture_forms };

static inline int32_t plot_form(const char *folder, const char *name, const char *form, const char *head,
                                const char *script, int *status)
{
    static const char *const command[] = {"gnuplot", "-d", NULL};
    char picture[128];
    FILE *input = tmpfile();
    if (!input)
        return fail("cannot make a temporary file: %s", strerror(errno));
    snprintf(picture, sizeof picture, "%s.%s", name, form);
    fprintf(input, "forms = '%s'\nprinted = 1\n%s%s", form, head, script);
    const int32_t drawn = draw_from(input, folder, picture, command, status);
    fclose(input);
    return drawn;
}

/* Writes NAME.gp, a script after settings of its own, and has gnuplot draw the same, which it is not given from the folder; *status is that
 * of gnuplot. */
static inline int32_t plot_draw(const char *folder, const char *name, const char *settings, const char *script,
                                int *status)
{
    char file[128], head[1024], alone[1024 + 512];
    snprintf(file, sizeof file, "%s.gp", name);
    snprintf(head, sizeof head, "name = '%s'\n%s\n", name, settings);
    snprintf(alone, sizeof alone, "# gnuplot %s draws %s.svg and %s.png anew.\nforms = 'svg png'\nprinted = 0\n%s",
             file, name, name, head);
    CHECK(folder_write(folder, file, alone, script));
    *status = 0;
    for (int k = 0; k < PICTURE_FORMS && *status == 0; k++)
        CHECK(plot_form(folder, name, picture_forms[k], head, script, status));
    return 0;
}

/* Has Graphviz draw NAME.dot. */
static inline int32_t graph_draw(const char *folder, const char *name, int *status)
{
    char path[FOLDER_PATH], file[128], form[8];
    const char *const command[] = {"dot", form, NULL};
    int32_t drawn = 0;
    snprintf(file, sizeof file, "%s.dot", name);
    const int descriptor = open(folder_path(path, folder, file), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FILE *input = descriptor < 0 ? NULL : fdopen(descriptor, "r");
    if (!input)
        return fail("cannot read '%s': %s", path, strerror(errno));
    *status = 0;
    for (int k = 0; k < PICTURE_FORMS && *status == 0 && drawn == 0; k++) {
        snprintf(form, sizeof form, "-T%s", picture_forms[k]);
        snprintf(file, sizeof file, "%s.%s", name, picture_forms[k]);
        drawn = draw_from(input, folder, file, command, status);
    }
    fclose(input);
    return drawn;
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
static inline int32_t picture_plot(pictures *p, const char *name, const char *shows, const char *settings,
                                   const char *script)
{
    int status;
    CHECK(plot_draw(p->folder, name, settings, script, &status));
    p->without_gnuplot += status == NOT_INSTALLED;
    picture_say(p, name, shows, status);
    return 0;
}

/* NAME.dot must be there. */
static inline int32_t picture_graph(pictures *p, const char *name, const char *shows)
{
    int status;
    CHECK(graph_draw(p->folder, name, &status));
    p->without_dot += status == NOT_INSTALLED;
    picture_say(p, name, shows, status);
    return 0;
}

static inline void pictures_end(const pictures *p)
{
    static const char line[] =
        "%d pictures are not drawn, as %s is not installed (Debian: %s); tables and scripts are in %s\n";
    if (p->without_gnuplot)
        printf(line, p->without_gnuplot, "gnuplot", "gnuplot-nox", p->folder);
    if (p->without_dot)
        printf(line, p->without_dot, "Graphviz", "graphviz", p->folder);
}

#endif
