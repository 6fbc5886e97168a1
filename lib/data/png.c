/* SPDX-License-Identifier: MIT */

/* PNG (W3C Portable Network Graphics, second edition): every color type, depth, filter and interlacing. Alpha is dropped, the palette becomes
 * its colors, gray of 1, 2 and 4 bits is scaled to 8. */

#include "bitmap.h"

#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "crc32.h"
#include "inflate.h"

enum { SIGNATURE = 8, CHUNK = 12, IHDR = 13, GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGB_ALPHA = 6 };

typedef struct png {
    const char *label;
    uint8_t *bytes;
    size_t size, at;
    six_crc32 crc;
    int64_t width, height;
    int32_t depth, color, samples; /* bits of a sample, color type, and samples of a pixel, alpha included */
    bool interlaced;
    const uint8_t *palette; /* [colors][3] */
    int64_t colors;
    size_t packed, packed_end; /* where the data of the IDAT chunks are, after they were moved together */
} png;

typedef struct chunk {
    const uint8_t *type; /* four letters */
    size_t data, size;   /* where its data begin, and their size */
} chunk;

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int32_t fail_at(const png *p, size_t at, const char *problem)
{
    return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: %s", p->label, at, problem);
}

/* ---- chunks ---- */

static bool is_type(const chunk *c, const char *type) { return memcmp(c->type, type, 4) == 0; }

static int32_t next_chunk(png *p, chunk *c)
{
    if (p->size - p->at < CHUNK || big_endian(p->bytes + p->at) > p->size - p->at - CHUNK)
        return fail_at(p, p->size, "the file ends within a chunk");
    *c = (chunk){p->bytes + p->at + 4, p->at + 8, big_endian(p->bytes + p->at)};
    for (int k = 0; k < 4; k++)
        if ((c->type[k] | 0x20) < 'a' || (c->type[k] | 0x20) > 'z')
            return fail_at(p, p->at + 4, "a chunk whose type is not four letters");
    const uint8_t *end = p->bytes + c->data + c->size;
    if (six_crc32_of(&p->crc, c->type, end) != big_endian(end))
        return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: the CRC-32 of the chunk %.4s is wrong", p->label, c->data,
                        (const char *)c->type);
    p->at = c->data + c->size + 4;
    return SIXNET_OK;
}

/* Depths that a color type has, as bits. */
static int32_t depths_of(int32_t color)
{
    switch (color) {
    case GRAY:
        return 1 | 2 | 4 | 8 | 16;
    case PALETTE:
        return 1 | 2 | 4 | 8;
    case RGB:
    case GRAY_ALPHA:
    case RGB_ALPHA:
        return 8 | 16;
    default:
        return 0;
    }
}

static int32_t read_header(png *p)
{
    chunk c = {0};
    p->at = SIGNATURE;
    int32_t status = next_chunk(p, &c);
    if (status)
        return status;
    if (!is_type(&c, "IHDR") || c.size != IHDR)
        return fail_at(p, SIGNATURE, "the first chunk must be an IHDR of 13 bytes");
    const uint8_t *d = p->bytes + c.data;
    p->width = big_endian(d);
    p->height = big_endian(d + 4);
    p->depth = d[8];
    p->color = d[9];
    p->interlaced = d[12] == 1;
    p->samples = p->color == RGB ? 3 : p->color == RGB_ALPHA ? 4 : p->color == GRAY_ALPHA ? 2 : 1;
    if (p->depth > 16 || (p->depth & (p->depth - 1)) || !(depths_of(p->color) & p->depth))
        return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: color type %d with %d bits a sample", p->label, c.data + 8,
                        p->color, p->depth);
    if (d[10] || d[11] || d[12] > 1)
        return fail_at(p, c.data + 10, "unknown compression, filter or interlacing");
    return SIXNET_OK;
}

/* Moves the data of an IDAT chunk behind those of the ones before. */
static void take_data(png *p, const chunk *c)
{
    if (!p->packed)
        p->packed = p->packed_end = c->data;
    memmove(p->bytes + p->packed_end, p->bytes + c->data, c->size);
    p->packed_end += c->size;
}

static int32_t take_palette(png *p, const chunk *c)
{
    if (p->palette || p->packed || c->size % 3 || c->size == 0 || c->size > 3 * 256)
        return fail_at(p, c->data, "a PLTE chunk must have 1 to 256 colors and be the only one, before the image");
    p->palette = p->bytes + c->data;
    p->colors = (int64_t)c->size / 3;
    return SIXNET_OK;
}

/* Reads all chunks behind the first. */
static int32_t read_chunks(png *p)
{
    bool was_data = false;
    for (;;) {
        chunk c = {0};
        int32_t status = next_chunk(p, &c);
        if (status)
            return status;
        const bool data = is_type(&c, "IDAT");
        if (is_type(&c, "IEND"))
            break;
        if (data && p->packed && !was_data)
            return fail_at(p, c.data, "IDAT chunks must follow one another");
        if (data)
            take_data(p, &c);
        else if (is_type(&c, "PLTE"))
            status = take_palette(p, &c);
        else if (!(c.type[0] & 0x20)) /* a capital: it matters */
            return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: unknown chunk %.4s", p->label, c.data,
                            (const char *)c.type);
        if (status)
            return status;
        was_data = data;
    }
    if (!p->packed)
        return fail_at(p, p->at, "no IDAT chunk, which has the image");
    return p->color == PALETTE && !p->palette ? fail_at(p, p->at, "no PLTE chunk, which has the colors") : SIXNET_OK;
}

/* ---- the image data ---- */

/* A pass has the pixels from (x, y) at distances of dx and dy; an image that is not interlaced is one pass. */
typedef struct pass {
    int64_t x, y, dx, dy;
} pass;

static const pass adam7[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                             {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
static const pass whole[] = {{0, 0, 1, 1}};

static const pass *passes_of(const png *p, int32_t *count)
{
    *count = p->interlaced ? 7 : 1;
    return p->interlaced ? adam7 : whole;
}

static int64_t steps(int64_t size, int64_t first, int64_t step)
{
    return size > first ? (size - first + step - 1) / step : 0;
}

static int64_t row_bytes(const png *p, int64_t pixels) { return (pixels * p->samples * p->depth + 7) / 8; }

/* Bytes of all rows of all passes, each with the number of its filter before it. */
static int64_t raw_size(const png *p)
{
    int32_t count;
    int64_t size = 0;
    const pass *all = passes_of(p, &count);
    for (int32_t k = 0; k < count; k++) {
        const int64_t columns = steps(p->width, all[k].x, all[k].dx);
        if (columns > 0)
            size += steps(p->height, all[k].y, all[k].dy) * (1 + row_bytes(p, columns));
    }
    return size;
}

static uint32_t adler32_of(const uint8_t *p, size_t n)
{
    uint32_t a = 1, b = 0;
    while (n > 0) {
        size_t block = n < 5552 ? n : 5552; /* as many as cannot overflow b */
        for (n -= block; block > 0; block--) {
            a += *p++;
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    return b << 16 | a;
}

/* Unpacks the zlib stream (RFC 1950) into raw. */
static int32_t unpack(const png *p, uint8_t *raw, size_t size)
{
    const uint8_t *begin = p->bytes + p->packed, *end = p->bytes + p->packed_end, *in = begin + 2;
    six_output out = {.memory = raw, .capacity = size};
    if (end - begin < 6 || (begin[0] & 0x0f) != 8 || begin[0] >> 4 > 7 || (begin[0] * 256 + begin[1]) % 31 ||
        begin[1] & 0x20)
        return fail_at(p, p->packed, "the image data are no zlib stream");
    const char *problem = six_inflate(&in, end - 4, &out);
    if (!problem && out.next < size)
        problem = "fewer data than the image has";
    if (problem == six_inflate_full)
        problem = "more data than the image has";
    if (!problem && adler32_of(raw, size) != big_endian(in))
        problem = "the Adler-32 of the image is wrong";
    return problem ? six_fail(SIXNET_BAD_FILE, "%s: byte %td of the image data: %s", p->label, in - begin, problem)
                   : SIXNET_OK;
}

static uint8_t paeth(int left, int up, int corner)
{
    const int estimate = left + up - corner;
    const int to_left = estimate > left ? estimate - left : left - estimate;
    const int to_up = estimate > up ? estimate - up : up - estimate;
    const int to_corner = estimate > corner ? estimate - corner : corner - estimate;
    return (uint8_t)(to_left <= to_up && to_left <= to_corner ? left : to_up <= to_corner ? up : corner);
}

/* Adds to each byte what its filter foretells of it from the byte of the pixel to the left, that above and that above the left one. */
static void unfilter(uint8_t *row, const uint8_t *above, int64_t n, int64_t pixel, uint8_t filter)
{
    for (int64_t i = 0; i < n; i++) {
        const int left = i < pixel ? 0 : row[i - pixel], up = above ? above[i] : 0;
        const int corner = above && i >= pixel ? above[i - pixel] : 0;
        const int guess[] = {0, left, up, (left + up) / 2};
        row[i] = (uint8_t)(row[i] + (filter == 4 ? paeth(left, up, corner) : guess[filter]));
    }
}

static int32_t sample_at(const uint8_t *row, int64_t i, int32_t depth)
{
    if (depth == 16)
        return row[2 * i] << 8 | row[2 * i + 1];
    const int64_t bit = i * depth;
    return row[bit / 8] >> (8 - depth - bit % 8) & ((1 << depth) - 1);
}

/* Places a row's pixels in the image. */
static int32_t place_row(const png *p, const uint8_t *row, const pass *s, int64_t y, const six_bitmap *image)
{
    const int64_t plane = p->height * p->width, columns = steps(p->width, s->x, s->dx);
    const int32_t factor = p->color == GRAY && p->depth < 8 ? 255 / ((1 << p->depth) - 1) : 1;
    uint16_t *to = image->pixels + y * p->width + s->x;
    for (int64_t k = 0; k < columns; k++, to += s->dx) {
        const int32_t index = p->color == PALETTE ? sample_at(row, k, p->depth) : 0;
        if (p->color == PALETTE && index >= p->colors)
            return six_fail(SIXNET_BAD_FILE, "%s: pixel (%" PRId64 ", %" PRId64 "): color %d of a palette of %" PRId64,
                            p->label, s->x + k * s->dx, y, index, p->colors);
        for (int32_t c = 0; c < image->channels; c++)
            to[c * plane] = (uint16_t)(p->color == PALETTE ? p->palette[3 * index + c]
                                                           : factor * sample_at(row, k * p->samples + c, p->depth));
    }
    return SIXNET_OK;
}

static int32_t place_pass(const png *p, uint8_t **raw, const pass *s, const six_bitmap *image)
{
    const int64_t columns = steps(p->width, s->x, s->dx), n = row_bytes(p, columns);
    const int64_t pixel = p->samples * p->depth < 8 ? 1 : p->samples * p->depth / 8;
    const uint8_t *above = NULL;
    int32_t status = SIXNET_OK;
    for (int64_t y = s->y; columns > 0 && y < p->height && !status; y += s->dy) {
        uint8_t *row = *raw + 1;
        if (row[-1] > 4)
            return six_fail(SIXNET_BAD_FILE, "%s: row %" PRId64 ": unknown filter %d", p->label, y, row[-1]);
        unfilter(row, above, n, pixel, row[-1]);
        status = place_row(p, row, s, y, image);
        above = row;
        *raw += n + 1;
    }
    return status;
}

static int32_t place_all(const png *p, uint8_t *raw, const six_bitmap *image)
{
    int32_t count, status = SIXNET_OK;
    const pass *all = passes_of(p, &count);
    for (int32_t k = 0; k < count && !status; k++)
        status = place_pass(p, &raw, &all[k], image);
    return status;
}

/* ---- the format ---- */

static bool begins(const uint8_t *bytes, size_t size)
{
    return size >= SIGNATURE && memcmp(bytes, "\x89PNG\r\n\x1a\n", SIGNATURE) == 0;
}

static int32_t describe(six_bitmap *image, const png *p)
{
    *image = (six_bitmap){.height = p->height,
                          .width = p->width,
                          .channels = p->color == GRAY || p->color == GRAY_ALPHA ? 1 : 3,
                          .bits = p->depth == 16 ? 16 : 8};
    return six_bitmap_check(image, p->label);
}

static int32_t header(six_bitmap *image, const char *label, const uint8_t *bytes, size_t size)
{
    uint8_t head[SIGNATURE + CHUNK + IHDR];
    png p = {.label = label, .bytes = head, .size = size < sizeof head ? size : sizeof head};
    memcpy(head, bytes, p.size);
    six_crc32_init(&p.crc);
    const int32_t status = read_header(&p);
    return status ? status : describe(image, &p);
}

static int32_t decode_raw(const png *p, six_bitmap *image, const sixnet_context *ctx)
{
    const size_t size = (size_t)raw_size(p);
    if (size / SIX_INFLATE_RATIO > p->packed_end - p->packed)
        return six_fail(SIXNET_BAD_FILE, "%s: %zu bytes of image data cannot hold %" PRId64 " x %" PRId64 " pixels",
                        p->label, p->packed_end - p->packed, p->width, p->height);
    uint8_t *raw = six_alloc(ctx, 1, size);
    if (!raw)
        return SIXNET_OUT_OF_MEMORY;
    int32_t status = unpack(p, raw, size);
    if (!status)
        status = six_bitmap_alloc(image, ctx);
    if (!status)
        status = place_all(p, raw, image);
    six_free(ctx, raw);
    return status;
}

static int32_t decode(six_bitmap *image, const sixnet_context *ctx, const char *label, uint8_t *bytes, size_t size)
{
    png p = {.label = label, .bytes = bytes, .size = size};
    *image = (six_bitmap){0};
    six_crc32_init(&p.crc);
    int32_t status = read_header(&p);
    if (!status)
        status = describe(image, &p);
    if (!status)
        status = read_chunks(&p);
    if (!status)
        status = decode_raw(&p, image, ctx);
    if (status) {
        six_free(ctx, image->pixels);
        image->pixels = NULL;
    }
    return status;
}

const six_bitmap_format six_bitmap_png = {begins, header, decode};
