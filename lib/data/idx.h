/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_IDX_H
#define SIX_DATA_IDX_H

#include "base/context.h"
#include "base/shape.h"
#include "element.h"

/* The contents of an IDX file: shape.dim[0] samples. */
typedef struct six_idx {
    const six_element *element;
    six_shape shape;
    const void *data; /* in the machine's byte order */
    void *memory;     /* holds data; to be given to six_free() */
} six_idx;

/* Reads an IDX file, gzipped or not. what names the contents in messages ("images"), which have from lowest to highest
 * dimensions, the samples' number included. */
int32_t six_idx_read(six_idx *idx, const sixnet_context *ctx, const char *path, const char *what, int32_t lowest,
                     int32_t highest);

#endif
