/* SPDX-License-Identifier: MIT */
#include "save.h"

#include "base/status.h"

#ifdef SIXNET_NO_FILES

int32_t six_save(const six_st_content *content, const char *path, bool sync)
{
    (void)content, (void)sync;
    return six_fail_no_files(path);
}

int32_t six_save_check(const sixnet_context *ctx, const char *path)
{
    (void)ctx;
    return six_fail_no_files(path);
}

int32_t six_keep_as(const sixnet_context *ctx, const char *from, const char *to)
{
    (void)ctx, (void)from;
    return six_fail_no_files(to);
}

#else

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"

enum { ATTEMPTS = 100 };

/* ---- names ---- */

/* The folder of a path with its last slash; "" for the current one. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) + 1 : 0;
}

/* A name in the path's folder that nobody else is likely to choose. */
static int32_t make_name(six_text *name, const char *path, int attempt)
{
    uint64_t key = (uint64_t)six_nanoseconds();
    six_philox random = six_philox_at(key, (uint64_t)getpid(), (uint64_t)(uintptr_t)&key + (uint64_t)attempt);
    six_text_free(name);
    six_text_add(name, "%.*s.sixnet-%08x%08x", folder_length(path), path, random.word[0], random.word[1]);
    return name->failed ? SIXNET_OUT_OF_MEMORY : SIXNET_OK;
}

/* What is at a path: *there, and then its mode. Anything but a regular file is refused. */
static int32_t examine(const char *path, bool *there, mode_t *mode)
{
    struct stat s;
    *there = lstat(path, &s) == 0;
    if (!*there)
        return errno == ENOENT ? SIXNET_OK : six_fail_system(path, "cannot be examined");
    *mode = s.st_mode & 07777;
    if (S_ISLNK(s.st_mode))
        return six_fail(SIXNET_IO_ERROR, "%s: is a symbolic link, which is not followed; give the path of the file itself", path);
    if (!S_ISREG(s.st_mode))
        return six_fail(SIXNET_IO_ERROR, "%s: is %s, which cannot be replaced by a file", path,
                        S_ISDIR(s.st_mode) ? "a directory" : "a pipe, socket or device");
    return SIXNET_OK;
}

/* ---- one file ---- */

typedef struct target {
    const char *path; /* for messages */
    int descriptor;
} target;

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

/* Creates a file of a new name in the path's folder. */
static int32_t create(target *t, six_text *name)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (make_name(name, t->path, attempt))
            return SIXNET_OUT_OF_MEMORY;
        t->descriptor = open(name->data, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (t->descriptor >= 0)
            return SIXNET_OK;
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return six_fail_system(t->path, "no file can be created in its folder");
}

static int32_t fill(target *t, const six_st_content *content, bool sync, const mode_t *mode)
{
    int32_t status = SIXNET_OK;
    if (mode && fchmod(t->descriptor, *mode) != 0)
        status = six_fail_system(t->path, "its permissions cannot be kept");
    if (!status)
        status = six_safetensors_write(content, (six_sink){write_file, t});
    if (!status && sync && !flush(t->descriptor))
        status = six_fail_system(t->path, "cannot be written to the disk");
    if (close(t->descriptor) != 0 && !status && errno != EINTR)
        status = six_fail_system(t->path, "cannot be closed");
    return status;
}

/* ---- a second path ---- */

/* A link of a new name in the folder of `to`; *error is errno if there is none. */
static int32_t make_link(const char *from, const char *to, six_text *name, int *error)
{
    *error = EEXIST;
    for (int attempt = 0; attempt < ATTEMPTS && *error == EEXIST; attempt++) {
        if (make_name(name, to, attempt))
            return SIXNET_OUT_OF_MEMORY;
        *error = link(from, name->data) == 0 ? 0 : errno;
    }
    return SIXNET_OK;
}

static int32_t fail_link(const char *to, int error)
{
    errno = error;
    return six_fail_system(to, "cannot be made a second path of the file before it");
}

static int32_t keep_as(const char *from, const char *to, six_text *name)
{
    bool there;
    mode_t mode = 0;
    int error;
    int32_t status = examine(to, &there, &mode);
    if (!status)
        status = make_link(from, to, name, &error);
    if (!status && error && error != ENOENT)
        status = fail_link(to, error);
    if (status || error)
        return status;
    if (rename(name->data, to) != 0)
        status = six_fail_system(to, "cannot be replaced");
    unlink(name->data); /* it is still there after an error, and if both were links to one file already */
    return status;
}

int32_t six_keep_as(const sixnet_context *ctx, const char *from, const char *to)
{
    int saved = errno;
    six_text name = {.ctx = ctx};
    int32_t status = keep_as(from, to, &name);
    six_text_free(&name);
    errno = saved;
    return status;
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

/* A second path of the file that is replaced, from which it can be put back. Where there are no links it goes without. */
static int32_t keep_old(const char *path, six_text *old)
{
    int error;
    int32_t status = make_link(path, path, old, &error);
    if (status || !error)
        return status;
    six_text_free(old);
    bool without = error == ENOENT || error == EPERM || error == EMLINK || error == ENOSYS || error == EOPNOTSUPP;
    return without ? SIXNET_OK : fail_link(path, error);
}

static void put_back(const char *path, bool there, const six_text *old)
{
    if (!there)
        unlink(path);
    else if (old->data)
        rename(old->data, path);
}

/* Some file systems cannot sync a folder (EINVAL). */
static int32_t replace(const char *path, const char *name, int folder, bool there, const six_text *old)
{
    if (rename(name, path) != 0)
        return six_fail_system(path, "cannot be replaced");
    if (folder < 0 || flush(folder) || errno == EINVAL)
        return SIXNET_OK;
    int32_t status = six_fail_system(path, "its folder cannot be written to the disk");
    put_back(path, there, old);
    return status;
}

static int32_t replace_durably(const sixnet_context *ctx, const char *path, const char *name, bool there)
{
    int folder = -1;
    six_text old = {.ctx = ctx};
    int32_t status = open_folder(&folder, ctx, path);
    if (!status && there)
        status = keep_old(path, &old);
    if (!status)
        status = replace(path, name, folder, there, &old);
    if (old.data)
        unlink(old.data);
    if (folder >= 0)
        close(folder);
    six_text_free(&old);
    return status;
}

/* Creates the file that is to take the path's place. */
static int32_t begin(target *t, bool *there, mode_t *mode, six_text *name)
{
    int32_t status = examine(t->path, there, mode);
    return status ? status : create(t, name);
}

static int32_t save(const six_st_content *content, const char *path, bool sync, six_text *name)
{
    target t = {path, -1};
    bool there;
    mode_t mode = 0;
    int32_t status = begin(&t, &there, &mode, name);
    if (status)
        return status;
    status = fill(&t, content, sync, there ? &mode : NULL);
    if (!status)
        status = sync ? replace_durably(content->ctx, path, name->data, there) : replace(path, name->data, -1, there, NULL);
    if (status)
        unlink(name->data);
    return status;
}

int32_t six_save(const six_st_content *content, const char *path, bool sync)
{
    int saved = errno;
    six_text name = {.ctx = content->ctx};
    int32_t status = save(content, path, sync, &name);
    six_text_free(&name);
    errno = saved;
    return status;
}

int32_t six_save_check(const sixnet_context *ctx, const char *path)
{
    int saved = errno;
    six_text name = {.ctx = ctx};
    target t = {path, -1};
    bool there;
    mode_t mode = 0;
    int32_t status = begin(&t, &there, &mode, &name);
    if (!status) {
        if (close(t.descriptor) != 0 && errno != EINTR)
            status = six_fail_system(path, "cannot be closed");
        unlink(name.data);
    }
    six_text_free(&name);
    errno = saved;
    return status;
}

#endif
