/* SPDX-License-Identifier: MIT */
#include "read.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/status.h"

/* ---- a file ---- */

#ifdef SIXNET_NO_FILES

int32_t six_read_file(six_bytes *out, const sixnet_context *ctx, const char *path, int64_t most)
{
    (void)ctx, (void)most;
    *out = (six_bytes){0};
    return six_fail_no_files(path);
}

#else

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int32_t examine(int descriptor, const char *path, int64_t most, size_t *size)
{
    struct stat s;
    if (fstat(descriptor, &s) != 0)
        return six_fail_system(path, "cannot be examined");
    if (!S_ISREG(s.st_mode))
        return six_fail(SIXNET_IO_ERROR, "%s: is %s; a regular file is expected", path,
                        S_ISDIR(s.st_mode) ? "a directory" : "a pipe, socket or device");
    if (s.st_size > most || (uint64_t)s.st_size > PTRDIFF_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: %" PRId64 " bytes; max_bytes=%" PRId64, path, (int64_t)s.st_size, most);
    *size = (size_t)s.st_size;
    return SIXNET_OK;
}

/* Reads up to size bytes; fewer at the file's end only. */
static int32_t read_some(int descriptor, const char *path, uint8_t *to, size_t size, size_t *done)
{
    for (*done = 0; *done < size;) {
        size_t left = size - *done;
        ssize_t n = read(descriptor, to + *done, left < 1 << 30 ? left : 1 << 30);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return six_fail_system(path, "cannot be read");
        if (n == 0)
            break;
        *done += (size_t)n;
    }
    return SIXNET_OK;
}

static int32_t read_whole(int descriptor, const char *path, const six_bytes *out)
{
    uint8_t more;
    size_t done, extra = 0;
    int32_t status = read_some(descriptor, path, out->data, out->size, &done);
    if (!status && done == out->size)
        status = read_some(descriptor, path, &more, 1, &extra);
    if (!status && done + extra != out->size)
        return six_fail(SIXNET_IO_ERROR, "%s: byte %zu: the file %s while it was read", path, done,
                        extra ? "grew" : "shrank");
    return status;
}

static int32_t read_open(six_bytes *out, const sixnet_context *ctx, int descriptor, const char *path, int64_t most)
{
    int32_t status = examine(descriptor, path, most, &out->size);
    if (status)
        return status;
    out->data = six_alloc(ctx, out->size, 1);
    status = out->data ? read_whole(descriptor, path, out) : SIXNET_OUT_OF_MEMORY;
    if (status) {
        six_free(ctx, out->data);
        *out = (six_bytes){0};
    }
    return status;
}

int32_t six_read_file(six_bytes *out, const sixnet_context *ctx, const char *path, int64_t most)
{
    int saved = errno, descriptor;
    *out = (six_bytes){0};
    do
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    while (descriptor < 0 && errno == EINTR);
    int32_t status =
        descriptor < 0 ? six_fail_system(path, "cannot be opened") : read_open(out, ctx, descriptor, path, most);
    if (descriptor >= 0)
        close(descriptor);
    errno = saved;
    return status;
}

#endif

/* ---- a stream ---- */

static int32_t enlarge(six_bytes *out, const sixnet_context *ctx, size_t *room)
{
    uint8_t *larger = six_alloc(ctx, *room ? 2 * *room : 4096, 1);
    if (!larger)
        return SIXNET_OUT_OF_MEMORY;
    if (out->size)
        memcpy(larger, out->data, out->size);
    six_free(ctx, out->data);
    out->data = larger;
    *room = *room ? 2 * *room : 4096;
    return SIXNET_OK;
}

static int32_t read_all(six_bytes *out, const sixnet_context *ctx, sixnet_read_fn fn, void *user, int64_t most)
{
    size_t room = 0;
    while (true) {
        int32_t status = out->size == room ? enlarge(out, ctx, &room) : SIXNET_OK;
        if (status)
            return status;
        int64_t n = fn(user, out->data + out->size, (uint64_t)(room - out->size));
        if (n < 0 || (uint64_t)n > room - out->size)
            return six_fail(SIXNET_CALLBACK_FAILED, "the function that reads returned %" PRId64 " at byte %zu", n,
                            out->size);
        if (n == 0)
            return SIXNET_OK;
        out->size += (size_t)n;
        if ((uint64_t)out->size > (uint64_t)most)
            return six_fail(SIXNET_TOO_LARGE, "the stream has more than max_bytes=%" PRId64 " bytes", most);
    }
}

int32_t six_read_stream(six_bytes *out, const sixnet_context *ctx, sixnet_read_fn fn, void *user, int64_t most)
{
    *out = (six_bytes){0};
    int32_t status = read_all(out, ctx, fn, user, most);
    if (status) {
        six_free(ctx, out->data);
        *out = (six_bytes){0};
    }
    return status;
}
