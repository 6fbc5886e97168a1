/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_BITMAP_H
#define SIX_DATA_BITMAP_H

/* Image files: PNG, PGM and PPM. Messages begin with the label, the file's path. */

#include <stdbool.h>

#include "base/context.h"

/* One image may have at most so many pixels. */
enum { SIX_BITMAP_PIXELS = 1 << 27 };

typedef struct six_bitmap {
    int64_t height, width;
    int32_t channels; /* 1: gray; 3: red, green, blue */
    int32_t bits;     /* of a value: 8 or 16 */
    uint16_t *pixels; /* [channels][height][width], from 0 to 2^bits - 1; to be given to six_free() */
} six_bitmap;

/* How a file of a format is read. `size` bytes of it, or its first SIX_BITMAP_HEAD, are enough for the header. */
enum { SIX_BITMAP_HEAD = 4096 };
typedef struct six_bitmap_format {
    bool (*begins)(const uint8_t *bytes, size_t size);
    /* Fills all but pixels. */
    int32_t (*header)(six_bitmap *image, const char *label, const uint8_t *bytes, size_t size);
    /* Fills everything; overwrites the bytes. Pixels are NULL after an error. */
    int32_t (*decode)(six_bitmap *image, const sixnet_context *ctx, const char *label, uint8_t *bytes, size_t size);
} six_bitmap_format;

extern const six_bitmap_format six_bitmap_png, six_bitmap_netpbm;

/* The format that the first bytes tell; NULL if it is none of them. */
const six_bitmap_format *six_bitmap_format_of(const uint8_t *bytes, size_t size);

/* SIXNET_TOO_LARGE or SIXNET_BAD_FILE, or memory for the pixels. */
int32_t six_bitmap_check(const six_bitmap *image, const char *label);
int32_t six_bitmap_alloc(six_bitmap *image, const sixnet_context *ctx);

/* Writes an image as the values of a sample: as many channels as `as` says, gray from red, green and blue by ITU-R BT.601; its bits, of which
 * the upper ones are kept or to which the value is extended; its size, by bilinear interpolation that averages where it shrinks. Values of
 * 8 bits are uint8_t, of 16 uint16_t. */
int32_t six_bitmap_write(const six_bitmap *image, const sixnet_context *ctx, const six_bitmap *as, void *to);

#endif
