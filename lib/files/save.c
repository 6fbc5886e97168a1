/* SPDX-License-Identifier: MIT */
#include "save.h"

#include "base/status.h"

#ifdef SIXNET_NO_FILES

int32_t six_save(const six_st_content *content, const char *path, bool sync, int64_t keep)
{
    (void)content, (void)sync, (void)keep;
    return six_fail_no_files(path);
}

int32_t six_save_check(const sixnet_context *ctx, const char *path, int64_t keep)
{
    (void)ctx, (void)keep;
    return six_fail_no_files(path);
}

#else

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/text.h"

enum { NUMBERS = 16, ATTEMPTS = 100 };

/* ---- names ---- */

/* A file to be saved, and the temporary files next to it. */
typedef struct target {
    const char *path;
    int64_t keep;
    six_text name, old;    /* temporary paths: of the new file, and of a link to the one that it replaces */
    six_text newer, older; /* paths of two kept files in turn */
    int descriptor, lock;  /* of the new file; -1 for none */
    bool made, there, has_old;
    struct stat was; /* if there */
} target;

/* The folder of a path with its last slash; "" for the current one. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) + 1 : 0;
}

/* FNV-1a of the file's name in its folder. */
static uint64_t hash_name(const char *path)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *c = path + folder_length(path); *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    return hash;
}

static const char old_end[] = "-old";
enum { NUMBER_DIGITS = 8, OLD_END = sizeof old_end - 1 };

/* Texts as long as they will be at most. */
static int32_t make_names(target *t)
{
    six_text_add(&t->name, "%.*s.sixnet-%016" PRIx64 "-%0*x", folder_length(t->path), t->path, hash_name(t->path),
                 NUMBER_DIGITS, 0);
    six_text_add(&t->old, "%s%s", t->name.data ? t->name.data : "", old_end);
    six_text_add(&t->newer, "%s.%" PRId64, t->path, INT64_MAX);
    six_text_add(&t->older, "%s.%" PRId64, t->path, INT64_MAX);
    return t->name.failed || t->old.failed || t->newer.failed || t->older.failed ? SIXNET_OUT_OF_MEMORY : SIXNET_OK;
}

static void free_names(target *t)
{
    six_text_free(&t->name);
    six_text_free(&t->old);
    six_text_free(&t->newer);
    six_text_free(&t->older);
}

/* Makes name and old those of a number. */
static void set_number(target *t, uint32_t number)
{
    char digits[NUMBER_DIGITS + 1];
    snprintf(digits, sizeof digits, "%0*" PRIx32, NUMBER_DIGITS, number);
    memcpy(t->name.data + t->name.length - NUMBER_DIGITS, digits, NUMBER_DIGITS);
    memcpy(t->old.data + t->old.length - OLD_END - NUMBER_DIGITS, digits, NUMBER_DIGITS);
}

/* The path of the i-th kept file. */
static const char *kept_name(const target *t, six_text *text, int64_t i)
{
    snprintf(text->data, text->capacity, "%s.%" PRId64, t->path, i);
    return text->data;
}

/* Examines a path. Anything but a regular file is rejected. */
static int32_t examine(const char *path, bool *there, struct stat *s)
{
    *there = lstat(path, s) == 0;
    if (!*there)
        return errno == ENOENT ? SIXNET_OK : six_fail_system(path, "cannot be examined");
    if (S_ISLNK(s->st_mode))
        return six_fail(SIXNET_IO_ERROR,
                        "%s: is a symbolic link, which is not followed; give the path of the file itself", path);
    if (!S_ISREG(s->st_mode))
        return six_fail(SIXNET_IO_ERROR, "%s: is %s, which cannot be replaced by a file", path,
                        S_ISDIR(s->st_mode) ? "a directory" : "a pipe, socket or device");
    return SIXNET_OK;
}

/* ---- temporary files: a writer locks its own, so that one without a lock was left by a writer that was killed ---- */

/* Opens and locks a temporary file; -1 if it is not there, or errno is EWOULDBLOCK and it has a writer, or there are no locks. */
static int lock_file(const char *name)
{
    int lock = open(name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0)
        return lock;
    int error = errno;
    close(lock);
    errno = error;
    return -1;
}

/* Whether a name is that of an open file, as it is believed to be after an error. No saver removes the name while the file is locked
 * here. */
static int32_t is_named(const char *name, int descriptor, bool *named)
{
    struct stat file, found;
    *named = true;
    if (fstat(descriptor, &file) != 0)
        return six_fail_system(name, "cannot be examined");
    const bool there = lstat(name, &found) == 0;
    if (!there && errno != ENOENT)
        return six_fail_system(name, "cannot be examined");
    *named = there && file.st_dev == found.st_dev && file.st_ino == found.st_ino;
    return SIXNET_OK;
}

/* Removes what a killed writer left under the target's names. */
static void remove_abandoned(const target *t)
{
    bool named;
    int lock = lock_file(t->name.data);
    if (lock < 0)
        return;
    if (!is_named(t->name.data, lock, &named) && named) {
        unlink(t->name.data);
        unlink(t->old.data);
    }
    close(lock);
}

/* Locks the new file, unless another saver took it for an abandoned one meanwhile. Where there are no locks it goes without. */
static int32_t lock_new(target *t, bool *locked)
{
    t->lock = lock_file(t->name.data);
    *locked = t->lock < 0 && errno != EWOULDBLOCK && errno != ENOENT;
    return t->lock >= 0 ? is_named(t->name.data, t->lock, locked) : SIXNET_OK;
}

static void close_all(target *t)
{
    if (t->descriptor >= 0)
        close(t->descriptor);
    if (t->lock >= 0)
        close(t->lock);
    t->descriptor = t->lock = -1;
}

/* Creates a file of a new name in the path's folder: of the lowest number that is free, or where many are taken of any. */
static int32_t create(target *t)
{
    uint64_t key = (uint64_t)six_nanoseconds();
    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        six_philox random = six_philox_at(key, (uint64_t)getpid(), (uint64_t)(uintptr_t)&key + attempt);
        set_number(t, attempt < NUMBERS ? attempt : random.word[0]);
        t->descriptor = open(t->name.data, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (t->descriptor < 0 && errno != EEXIST && errno != EINTR)
            break;
        if (t->descriptor < 0)
            continue;
        int32_t status = lock_new(t, &t->made);
        if (status || t->made)
            return status;
        close_all(t);
    }
    return six_fail_system(t->path, "no file can be created in its folder");
}

/* Creates the file that is to take the path's place, if nothing at the paths that will be replaced speaks against it. */
static int32_t begin(target *t)
{
    bool there;
    struct stat s;
    int32_t status = examine(t->path, &t->there, &t->was);
    if (!status)
        status = make_names(t);
    for (int64_t i = 1; i < t->keep && !status; i++)
        status = examine(kept_name(t, &t->older, i), &there, &s);
    for (uint32_t number = 0; number < NUMBERS && !status; number++) {
        set_number(t, number);
        remove_abandoned(t);
    }
    if (status)
        return status;
    return create(t);
}

/* The temporary file goes, unless it has taken its place. */
static void end(target *t, bool in_place)
{
    if (t->made && !in_place)
        unlink(t->name.data);
    close_all(t);
    free_names(t);
}

/* ---- the new file ---- */

static int32_t write_file(void *user, const void *data, size_t size)
{
    const target *t = user;
    for (const char *at = data, *end = at + size; at < end;) {
        size_t left = (size_t)(end - at);
        ssize_t n = write(t->descriptor, at, left < 1 << 30 ? left : 1 << 30);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return six_fail_system(t->path, "cannot be written");
        at += n;
    }
    return SIXNET_OK;
}

/* fsync() of a descriptor, which may be repeated when a signal came, but not when the disk failed. */
static bool flush(int descriptor)
{
    int status;
    do
        status = fsync(descriptor);
    while (status != 0 && errno == EINTR);
    return status == 0;
}

/* The permissions of the old file, without set-user-ID and its like, if it has the same owner. */
static int32_t keep_permissions(const target *t)
{
    struct stat s;
    if (!t->there)
        return SIXNET_OK;
    if (fstat(t->descriptor, &s) != 0 ||
        (s.st_uid == t->was.st_uid && fchmod(t->descriptor, t->was.st_mode & 0777) != 0))
        return six_fail_system(t->path, "its permissions cannot be kept");
    return SIXNET_OK;
}

static int32_t close_new(target *t)
{
    int descriptor = t->descriptor;
    t->descriptor = -1;
    return close(descriptor) != 0 && errno != EINTR ? six_fail_system(t->path, "cannot be closed") : SIXNET_OK;
}

static int32_t fill(target *t, const six_st_content *content, bool sync)
{
    int32_t status = keep_permissions(t);
    if (status)
        return status;
    status = six_safetensors_write(content, (six_sink){write_file, t});
    if (status)
        return status;
    if (sync && !flush(t->descriptor))
        status = six_fail_system(t->path, "cannot be written to the disk");
    if (status)
        return status;
    return close_new(t);
}

/* ---- taking the place of a file ---- */

/* *folder is -1 if it may not be opened for reading, and then is not synced. */
static int32_t open_folder(int *folder, const sixnet_context *ctx, const char *path)
{
    six_text name = {.ctx = ctx};
    int length = folder_length(path);
    six_text_add(&name, "%.*s", length ? length : 1, length ? path : ".");
    if (name.failed)
        return SIXNET_OUT_OF_MEMORY;
    do
        *folder = open(name.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (*folder < 0 && errno == EINTR);
    six_text_free(&name);
    return *folder >= 0 || errno == EACCES ? SIXNET_OK : six_fail_system(path, "its folder cannot be opened");
}

/* Creates the file for a copy. What a killed writer left there goes first. */
static int32_t create_copy(target *t)
{
    unlink(t->old.data);
    do
        t->descriptor = open(t->old.data, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    while (t->descriptor < 0 && errno == EINTR);
    t->has_old = t->descriptor >= 0;
    return t->has_old ? SIXNET_OK : six_fail_system(t->path, "no copy can be created in its folder");
}

/* Copies the file that is replaced to the path of its link, durably. */
static int32_t copy_old(target *t)
{
    char part[1 << 14];
    six_file from;
    size_t size = sizeof part;
    int32_t status = six_file_open(&from, t->path);
    if (!status)
        status = create_copy(t);
    if (!status)
        status = keep_permissions(t);
    for (uint64_t at = 0; !status && size == sizeof part; at += size) {
        status = six_file_read_at(&from, part, at, sizeof part, &size);
        if (!status)
            status = write_file(t, part, size);
    }
    six_file_close(&from);
    if (!status && !flush(t->descriptor))
        status = six_fail_system(t->path, "its copy cannot be written to the disk");
    return status ? status : close_new(t);
}

/* A second path of the file that is replaced, from which it can be put back, or kept. Where there are no links it goes without, unless
 * the file is to be kept: then it is copied. */
static int32_t keep_old(target *t)
{
    int error = link(t->path, t->old.data) == 0 ? 0 : errno;
    if (error == EEXIST && unlink(t->old.data) == 0) /* a killed writer's */
        error = link(t->path, t->old.data) == 0 ? 0 : errno;
    t->has_old = !error;
    if (!error || error == ENOENT)
        return SIXNET_OK;
    bool without = error == EPERM || error == EMLINK || error == ENOSYS || error == EOPNOTSUPP || error == EEXIST;
    if (without)
        return t->keep == 1 ? SIXNET_OK : copy_old(t);
    errno = error;
    return six_fail_system(t->path, "cannot keep the previous checkpoint (creating a hard link failed)");
}

static void put_back(const target *t)
{
    if (!t->there)
        unlink(t->path);
    else if (t->has_old)
        rename(t->old.data, t->path);
}

/* Some file systems cannot sync a folder (EINVAL). */
static int32_t replace(const target *t, int folder)
{
    if (rename(t->name.data, t->path) != 0)
        return six_fail_system(t->path, "cannot be replaced");
    if (folder < 0 || flush(folder) || errno == EINVAL)
        return SIXNET_OK;
    int32_t status = six_fail_system(t->path, "its folder cannot be written to the disk");
    put_back(t);
    return status;
}

/* path.2 becomes path.3, path.1 becomes path.2, and the file that was replaced path.1. */
static int32_t rotate(target *t)
{
    for (int64_t i = t->keep - 1; i > 1; i--)
        if (rename(kept_name(t, &t->newer, i - 1), kept_name(t, &t->older, i)) != 0 && errno != ENOENT)
            return six_fail_system(t->older.data, "cannot be replaced");
    return rename(t->old.data, kept_name(t, &t->older, 1)) == 0 ? SIXNET_OK
                                                                : six_fail_system(t->older.data, "cannot be replaced");
}

static int32_t take_place(target *t, const sixnet_context *ctx, bool sync)
{
    int folder = -1;
    int32_t status = sync ? open_folder(&folder, ctx, t->path) : SIXNET_OK;
    if (!status && t->there && (sync || t->keep > 1))
        status = keep_old(t);
    if (!status)
        status = replace(t, folder);
    if (!status && t->has_old && t->keep > 1)
        status = rotate(t);
    if (t->has_old)
        unlink(t->old.data); /* if it was not put back or kept */
    if (folder >= 0)
        close(folder);
    return status;
}

static int32_t save(const six_st_content *content, target *t, bool sync)
{
    int32_t status = begin(t);
    if (status)
        return status;
    status = fill(t, content, sync);
    if (status)
        return status;
    return take_place(t, content->ctx, sync);
}

static target target_of(const sixnet_context *ctx, const char *path, int64_t keep)
{
    const six_text empty = {.ctx = ctx};
    return (target){.path = path,
                    .keep = keep,
                    .name = empty,
                    .old = empty,
                    .newer = empty,
                    .older = empty,
                    .descriptor = -1,
                    .lock = -1};
}

int32_t six_save(const six_st_content *content, const char *path, bool sync, int64_t keep)
{
    int saved = errno;
    target t = target_of(content->ctx, path, keep);
    int32_t status = save(content, &t, sync);
    end(&t, !status);
    errno = saved;
    return status;
}

int32_t six_save_check(const sixnet_context *ctx, const char *path, int64_t keep)
{
    int saved = errno;
    target t = target_of(ctx, path, keep);
    int32_t status = begin(&t);
    if (!status)
        status = close_new(&t);
    end(&t, false);
    errno = saved;
    return status;
}

#endif
