/* SPDX-License-Identifier: MIT */
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/status.h"
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
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t key = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    six_philox random = six_philox_at(key, (uint64_t)getpid(), (uint64_t)(uintptr_t)&t + (uint64_t)attempt);
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

/* Makes a rename durable. Some file systems cannot sync a folder (EINVAL), and some folders may not be opened for reading. */
static int32_t sync_folder(const sixnet_context *ctx, const char *path)
{
    six_text folder = {.ctx = ctx};
    int length = folder_length(path), descriptor;
    six_text_add(&folder, "%.*s", length ? length : 1, length ? path : ".");
    if (folder.failed)
        return SIXNET_OUT_OF_MEMORY;
    do
        descriptor = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (descriptor < 0 && errno == EINTR);
    six_text_free(&folder);
    if (descriptor < 0)
        return errno == EACCES ? SIXNET_OK : six_fail_system(path, "its folder cannot be opened");
    int32_t status = SIXNET_OK;
    if (!flush(descriptor) && errno != EINVAL)
        status = six_fail_system(path, "is written, but its folder cannot be written to the disk");
    close(descriptor);
    return status;
}

static int32_t save(const six_st_content *content, const char *path, bool sync, six_text *name)
{
    target t = {path, -1};
    bool there;
    mode_t mode;
    int32_t status = examine(path, &there, &mode);
    if (!status)
        status = create(&t, name);
    if (status)
        return status;
    status = fill(&t, content, sync, there ? &mode : NULL);
    if (!status && rename(name->data, path) != 0)
        status = six_fail_system(path, "cannot be replaced");
    if (status)
        unlink(name->data);
    return status || !sync ? status : sync_folder(content->ctx, path);
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

/* ---- a second path ---- */

/* A link of a new name in the folder of `to`; *made is false without an error if there is no file at `from`. */
static int32_t make_link(const char *from, const char *to, six_text *name, bool *made)
{
    *made = false;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (make_name(name, to, attempt))
            return SIXNET_OUT_OF_MEMORY;
        *made = link(from, name->data) == 0;
        if (*made || errno == ENOENT)
            return SIXNET_OK;
        if (errno != EEXIST)
            break;
    }
    return six_fail_system(to, "cannot be made a second path of the file before it");
}

static int32_t keep_as(const char *from, const char *to, six_text *name)
{
    bool there, made;
    mode_t mode;
    int32_t status = examine(to, &there, &mode);
    if (!status)
        status = make_link(from, to, name, &made);
    if (status || !made)
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
