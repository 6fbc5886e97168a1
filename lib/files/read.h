/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_READ_H
#define SIX_FILES_READ_H

#include "base/context.h"

/* A whole file in memory of its own, to be given to six_free(). */
typedef struct six_bytes {
    uint8_t *data;
    size_t size;
} six_bytes;

/* Reads a regular file of at most `most` bytes. SIXNET_IO_ERROR if its size changes meanwhile. */
int32_t six_read_file(six_bytes *out, const sixnet_context *ctx, const char *path, int64_t most);

/* Reads all that a callback returns, up to `most` bytes; uses memory in proportion. */
int32_t six_read_stream(six_bytes *out, const sixnet_context *ctx, sixnet_read_fn fn, void *user, int64_t most);

#endif
