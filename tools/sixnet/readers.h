/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_TOOL_READERS_H
#define SIXNET_TOOL_READERS_H

/* Shared by the readers of tables. A file's statement of its own size is believed only as far as its bytes go: memory is taken in
 * proportion to what has been read. */

#include "tool.h"

#define NPY_MAGIC "\x93NUMPY"
#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* of UTF-8 */

/* ---- source.c: bytes of a file or pipe, some of which can be looked at before they are read ---- */

enum { SOURCE_BUFFER = 1 << 14, SOURCE_HEAD = 16 };

typedef struct source {
    const char *path;
    FILE *file;
    int64_t begin;   /* offset of the buffer in the file */
    size_t at, held; /* the next byte, and the end of those in the buffer */
    double size;     /* of the file; 0 if unknown, as of a pipe */
    meter bar;
    unsigned char buffer[SOURCE_BUFFER];
} source;

int32_t source_open(source *s, const char *path);
void source_close(source *s);
/* The offset of the next byte. */
int64_t source_place(const source *s);
/* The next bytes, up to `count` of at most SOURCE_HEAD; *found is fewer at the end only. */
const unsigned char *source_peek(source *s, size_t count, size_t *found);
/* The next byte, or EOF. */
int source_byte(source *s);
/* All bytes that are left, at most `most`, to be freed also after an error; (*bytes)[*size] is a NUL. */
int32_t source_rest(source *s, char **bytes, size_t *size, size_t most);
/* Whether the file ended because of an error. */
int32_t source_check(const source *s);

/* ---- doubles that grow ---- */

typedef struct doubles {
    double *value;
    int64_t count, capacity;
} doubles;

int32_t doubles_add(doubles *d, const char *path, double value);

/* ---- a file per format; each fills a table of zeros from the start of a source ---- */

int32_t csv_read(table *t, source *s, const table_options *o);
int32_t npy_read(table *t, source *s, const table_options *o);

#endif
