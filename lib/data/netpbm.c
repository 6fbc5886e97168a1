/* SPDX-License-Identifier: MIT */

/* PGM and PPM (netpbm), plain (P2, P3) or raw (P5, P6): one image of 8 or 16 bits. Values are scaled from the file's greatest to 255 or
 * 65535, rounded to the nearest. */

#include "bitmap.h"

#include <inttypes.h>
#include <string.h>

#include "base/status.h"

enum { VALUE_MAX = 65535, SIDE_MAX = 1 << 27 };

typedef struct netpbm {
    const char *label;
    const uint8_t *bytes;
    size_t size, at;
    bool plain;
    int64_t most; /* the greatest value */
} netpbm;

static bool is_blank(int byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }
static bool is_digit(int byte) { return byte >= '0' && byte <= '9'; }
static int peek(const netpbm *n) { return n->at < n->size ? n->bytes[n->at] : -1; }

static void skip_comment(netpbm *n)
{
    while (n->at < n->size && n->bytes[n->at] != '\n')
        n->at++;
}

/* Passes over blanks, and comments from '#' to the end of their lines. */
static void skip_blanks(netpbm *n)
{
    while (is_blank(peek(n)) || peek(n) == '#')
        if (peek(n) == '#')
            skip_comment(n);
        else
            n->at++;
}

/* The next number from low to high: digits only, and behind them a blank, which is taken with it, a comment or the end of the file. */
static int32_t read_number(netpbm *n, int64_t low, int64_t high, int64_t *number)
{
    skip_blanks(n);
    const size_t begin = n->at;
    int64_t value = 0;
    for (; is_digit(peek(n)); n->at++)
        value = value > high ? value : 10 * value + (peek(n) - '0');
    const bool digits = n->at > begin, ends = peek(n) < 0 || is_blank(peek(n)) || peek(n) == '#';
    if (peek(n) == '#')
        skip_comment(n);
    n->at += n->at < n->size;
    *number = value;
    if (digits && ends && value >= low && value <= high)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_FILE,
                    "%s: byte %zu: must be a whole number from %" PRId64 " to %" PRId64 " with a blank after it",
                    n->label, begin, low, high);
}

static int32_t read_value(netpbm *n, int64_t *value)
{
    if (n->plain)
        return read_number(n, 0, n->most, value);
    const size_t bytes = n->most > 255 ? 2 : 1;
    if (n->size - n->at < bytes)
        return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: the file ends within the image", n->label, n->size);
    *value = bytes == 2 ? 256 * n->bytes[n->at] + n->bytes[n->at + 1] : n->bytes[n->at];
    n->at += bytes;
    return *value <= n->most
               ? SIXNET_OK
               : six_fail(SIXNET_BAD_FILE, "%s: byte %zu: %" PRId64 " exceeds the greatest value, %" PRId64, n->label,
                          n->at - bytes, *value, n->most);
}

static int32_t read_header(netpbm *n, six_bitmap *image)
{
    *image = (six_bitmap){.channels = n->bytes[1] == '3' || n->bytes[1] == '6' ? 3 : 1};
    n->plain = n->bytes[1] == '2' || n->bytes[1] == '3';
    n->at = 2;
    int32_t status = read_number(n, 1, SIDE_MAX, &image->width);
    if (!status)
        status = read_number(n, 1, SIDE_MAX, &image->height);
    if (!status)
        status = read_number(n, 1, VALUE_MAX, &n->most);
    image->bits = n->most > 255 ? 16 : 8;
    return status ? status : six_bitmap_check(image, n->label);
}

static int32_t read_pixels(netpbm *n, const six_bitmap *image)
{
    const int64_t plane = image->height * image->width, top = image->bits == 16 ? 65535 : 255;
    for (int64_t k = 0; k < plane; k++)
        for (int32_t c = 0; c < image->channels; c++) {
            int64_t value;
            int32_t status = read_value(n, &value);
            if (status)
                return status;
            image->pixels[c * plane + k] = (uint16_t)((2 * value * top + n->most) / (2 * n->most));
        }
    if (n->plain)
        skip_blanks(n);
    return n->at == n->size ? SIXNET_OK
                            : six_fail(SIXNET_BAD_FILE, "%s: byte %zu: more bytes than the image has", n->label, n->at);
}

/* ---- the format ---- */

static bool begins(const uint8_t *bytes, size_t size)
{
    return size > 2 && bytes[0] == 'P' && strchr("2356", bytes[1]) && bytes[1] &&
           (is_blank(bytes[2]) || bytes[2] == '#');
}

static int32_t header(six_bitmap *image, const char *label, const uint8_t *bytes, size_t size)
{
    netpbm n = {.label = label, .bytes = bytes, .size = size};
    return read_header(&n, image);
}

static int32_t decode(six_bitmap *image, const sixnet_context *ctx, const char *label, uint8_t *bytes, size_t size)
{
    netpbm n = {.label = label, .bytes = bytes, .size = size};
    int32_t status = read_header(&n, image);
    /* a value takes one byte at least, a plain one two with the blank behind it */
    if (!status && (uint64_t)(image->height * image->width) * (uint64_t)image->channels * (n.plain ? 2 : 1) > size + 1)
        status = six_fail(SIXNET_BAD_FILE, "%s: byte %zu: the file ends within the image", label, size);
    if (!status)
        status = six_bitmap_alloc(image, ctx);
    if (!status)
        status = read_pixels(&n, image);
    if (status) {
        six_free(ctx, image->pixels);
        image->pixels = NULL;
    }
    return status;
}

const six_bitmap_format six_bitmap_netpbm = {begins, header, decode};
