/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_FILE_H
#define SIX_BASE_FILE_H

/* Reading regular files. Messages begin with the path. */

#include <stddef.h>
#include <stdint.h>

typedef struct six_file {
    const char *path;
    int descriptor; /* below 0: not open */
    uint64_t size;  /* when it was opened; at most PTRDIFF_MAX */
} six_file;

/* The file must be closed afterwards, even if this fails. SIXNET_IO_ERROR for any but a regular file. */
int32_t six_file_open(six_file *file, const char *path);
void six_file_close(const six_file *file);
/* Reads up to size bytes from an offset; *done is less than size at the file's end only. */
int32_t six_file_read_at(const six_file *file, void *to, uint64_t offset, size_t size, size_t *done);
/* Reads file->size bytes: all of the file, which must still have that size. */
int32_t six_file_read(const six_file *file, void *to);

#endif
