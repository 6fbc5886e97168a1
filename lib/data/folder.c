/* SPDX-License-Identifier: MIT */
#include "folder.h"

#include "base/status.h"

#ifdef SIXNET_NO_FILES

bool six_is_folder(const char *path)
{
    (void)path;
    return false;
}

int32_t six_folder_list(six_folder *f, const sixnet_context *ctx, const char *path)
{
    *f = (six_folder){.ctx = ctx};
    return six_fail_no_files(path);
}

#else

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sort.h"

enum { PATH_BYTES = 4096 };

/* Whether a path leads to a folder, and with `own` not by a link. A missing path or a dangling link is no folder. */
static int32_t look(const char *path, bool own, bool *folder)
{
    struct stat about;
    const bool found = (own ? lstat(path, &about) : stat(path, &about)) == 0;
    *folder = found && S_ISDIR(about.st_mode);
    return found || errno == ENOENT || errno == ELOOP ? SIXNET_OK : six_fail_system(path, "cannot be examined");
}

bool six_is_folder(const char *path)
{
    bool folder;
    return look(path, false, &folder) == SIXNET_OK && folder;
}

/* Whether two texts differ at most in the case of letters; `small` has none that are capitals. */
static bool same_letters(const char *text, const char *small)
{
    while (*text && *small && (*text == *small || (*text >= 'A' && *text <= 'Z' && (*text | 0x20) == *small))) {
        text++;
        small++;
    }
    return !*text && !*small;
}

static bool is_image_name(const char *name)
{
    static const char *const endings[] = {".png", ".pgm",  ".ppm",  ".jpg", ".jpeg",
                                          ".bmp", ".tiff", ".webp", ".tif", ".gif"};
    const char *point = strrchr(name, '.');
    for (size_t k = 0; point && k < sizeof endings / sizeof *endings; k++)
        if (same_letters(point, endings[k]))
            return true;
    return false;
}

static int32_t join(const sixnet_context *ctx, const char *folder, const char *name, char **path)
{
    const size_t folder_length = strlen(folder), length = strlen(name);
    *path = NULL;
    if (folder_length + length + 2 > PATH_BYTES)
        return six_fail(SIXNET_TOO_LARGE, "%.64s...: a path in it has more than %d bytes", folder, PATH_BYTES);
    *path = six_alloc(ctx, folder_length + length + 2, 1);
    if (!*path)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(*path, folder, folder_length);
    (*path)[folder_length] = '/';
    memcpy(*path + folder_length + 1, name, length + 1);
    return SIXNET_OK;
}

/* ---- one folder ---- */

/* Called for each entry; the callee owns path. */
typedef int32_t (*visit)(six_folder *f, char *path, size_t folder_length, int32_t label);

static int32_t visit_entries(six_folder *f, DIR *stream, const char *folder, int32_t label, visit what)
{
    int32_t status = SIXNET_OK;
    while (!status) {
        char *path;
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry)
            return errno ? six_fail_system(folder, "cannot be read") : SIXNET_OK;
        if (entry->d_name[0] == '.')
            continue;
        status = join(f->ctx, folder, entry->d_name, &path);
        if (!status)
            status = what(f, path, strlen(folder), label);
    }
    return status;
}

static int32_t visit_folder(six_folder *f, const char *folder, int32_t label, visit what)
{
    DIR *stream;
    do
        stream = opendir(folder);
    while (!stream && errno == EINTR);
    if (!stream)
        return six_fail_system(folder, "cannot be opened");
    const int32_t status = visit_entries(f, stream, folder, label, what);
    closedir(stream);
    return status;
}

static int32_t add_file(six_folder *f, char *path, size_t folder_length, int32_t label)
{
    const int32_t status = six_grow(f->ctx, (void **)&f->file, sizeof *f->file, (size_t)f->count, &f->capacity);
    if (status)
        six_free(f->ctx, path);
    else
        f->file[f->count++] = (six_folder_file){path, folder_length, label};
    return status;
}

/* An entry somewhere below a class. */
static int32_t visit_image(six_folder *f, char *path, size_t folder_length, int32_t label)
{
    bool folder;
    int32_t status = look(path, true, &folder);
    if (!status && !folder && is_image_name(path + folder_length + 1))
        return add_file(f, path, folder_length, label);
    if (!status && folder && label >= 0) /* without classes there are no folders */
        status = visit_folder(f, path, label, visit_image);
    six_free(f->ctx, path);
    return status;
}

/* An entry of the folder that was named. */
static int32_t visit_class(six_folder *f, char *path, size_t folder_length, int32_t label)
{
    bool folder;
    int32_t status = look(path, false, &folder);
    (void)label;
    if (!status && folder) {
        const size_t length = strlen(path + folder_length + 1);
        status =
            six_grow(f->ctx, (void **)&f->class_name, sizeof *f->class_name, (size_t)f->classes, &f->class_capacity);
        if (!status) {
            memmove(path, path + folder_length + 1, length + 1);
            f->class_name[f->classes++] = path;
            return SIXNET_OK;
        }
    }
    six_free(f->ctx, path);
    return status;
}

/* ---- all of it ---- */

static int by_name(const void *a, const void *b)
{
    const char *x, *y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return strcmp(x, y);
}

/* While they are sorted a path's folder and name are two strings. */
static int by_place(const void *a, const void *b)
{
    const six_folder_file *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    const int folders = strcmp(x->path, y->path);
    return folders ? folders : strcmp(x->path + x->folder_length + 1, y->path + y->folder_length + 1);
}

static void sort_files(six_folder *f)
{
    for (int64_t i = 0; i < f->count; i++)
        f->file[i].path[f->file[i].folder_length] = '\0';
    six_sort(f->file, (size_t)f->count, sizeof *f->file, by_place);
    for (int64_t i = 0; i < f->count; i++)
        f->file[i].path[f->file[i].folder_length] = '/';
}

static int32_t list_class(six_folder *f, const char *path, int32_t label)
{
    char *folder;
    const int64_t before = f->count;
    int32_t status = join(f->ctx, path, f->class_name[label], &folder);
    if (!status)
        status = visit_folder(f, folder, label, visit_image);
    if (!status && f->count == before)
        status =
            six_fail(SIXNET_BAD_FILE, "%s: has no image (PNG, PGM or PPM); each folder in %s is a class", folder, path);
    six_free(f->ctx, folder);
    return status;
}

static int32_t list_all(six_folder *f, const char *path)
{
    int32_t status = visit_folder(f, path, -1, visit_class);
    if (status)
        return status;
    six_sort(f->class_name, (size_t)f->classes, sizeof *f->class_name, by_name);
    for (int64_t k = 0; k < f->classes && !status; k++)
        status = list_class(f, path, (int32_t)k);
    if (!status && f->classes == 0)
        status = visit_folder(f, path, -1, visit_image);
    if (!status && f->count == 0)
        status = six_fail(SIXNET_BAD_FILE, "%s: has no images (PNG, PGM or PPM), and no folders of them", path);
    sort_files(f);
    return status;
}

int32_t six_folder_list(six_folder *f, const sixnet_context *ctx, const char *path)
{
    const int saved = errno;
    *f = (six_folder){.ctx = ctx};
    const int32_t status = list_all(f, path);
    errno = saved;
    return status;
}

#endif

void six_folder_free(six_folder *f)
{
    for (int64_t i = 0; i < f->count; i++)
        six_free(f->ctx, f->file[i].path);
    for (int64_t k = 0; k < f->classes; k++)
        six_free(f->ctx, f->class_name[k]);
    six_free(f->ctx, f->file);
    six_free(f->ctx, f->class_name);
}
