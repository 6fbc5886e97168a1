/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_SAFETENSORS_WRITE_H
#define SIX_FILES_SAFETENSORS_WRITE_H

#include "base/shape.h"
#include "base/context.h"

/* Where bytes go. */
typedef struct six_sink {
    int32_t (*write)(void *user, const void *data, size_t size); /* a status */
    void *user;
} six_sink;

/* A tensor to be written. */
typedef struct six_st_item {
    const char *name; /* letters, digits and . _ : only */
    six_shape shape;
    six_dtype dtype;
    const void *values;
} six_st_item;

/* A pair of strings. */
typedef struct six_st_note {
    const char *key, *value; /* ASCII */
} six_st_note;

typedef struct six_st_content {
    const sixnet_context *ctx;
    const six_st_item *item; /* F64 first, so that all are aligned */
    const six_st_note *note;
    size_t items, notes;
} six_st_content;

/* Writes a file, with its checksum. The same content gives the same bytes. */
int32_t six_safetensors_write(const six_st_content *content, six_sink sink);

#endif
