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

#include "base/file.h"

static int32_t read_open(six_bytes *out, const sixnet_context *ctx, const six_file *file, int64_t most)
{
    if (file->size > (uint64_t)most)
        return six_fail(SIXNET_TOO_LARGE, "%s: %" PRIu64 " bytes; max_bytes=%" PRId64, file->path, file->size, most);
    out->size = (size_t)file->size;
    out->data = six_alloc(ctx, out->size, 1);
    int32_t status = out->data ? six_file_read(file, out->data) : SIXNET_OUT_OF_MEMORY;
    if (status) {
        six_free(ctx, out->data);
        *out = (six_bytes){0};
    }
    return status;
}

int32_t six_read_file(six_bytes *out, const sixnet_context *ctx, const char *path, int64_t most)
{
    const int saved = errno;
    six_file file;
    *out = (six_bytes){0};
    int32_t status = six_file_open(&file, path);
    if (!status)
        status = read_open(out, ctx, &file, most);
    six_file_close(&file);
    errno = saved;
    return status;
}

#endif

/* ---- a stream ---- */

static int32_t enlarge(six_bytes *out, const sixnet_context *ctx, size_t *capacity)
{
    uint8_t *larger = six_alloc(ctx, *capacity ? 2 * *capacity : 4096, 1);
    if (!larger)
        return SIXNET_OUT_OF_MEMORY;
    if (out->size)
        memcpy(larger, out->data, out->size);
    six_free(ctx, out->data);
    out->data = larger;
    *capacity = *capacity ? 2 * *capacity : 4096;
    return SIXNET_OK;
}

static int32_t read_all(six_bytes *out, const sixnet_context *ctx, sixnet_read_fn fn, void *user, int64_t most)
{
    size_t capacity = 0;
    while (true) {
        int32_t status = out->size == capacity ? enlarge(out, ctx, &capacity) : SIXNET_OK;
        if (status)
            return status;
        int64_t n = fn(user, out->data + out->size, (uint64_t)(capacity - out->size));
        if (n < 0 || (uint64_t)n > capacity - out->size)
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
