/* SPDX-License-Identifier: MIT */
#include "bitmap.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/status.h"

const six_bitmap_format *six_bitmap_format_of(const uint8_t *bytes, size_t size)
{
    static const six_bitmap_format *const all[] = {&six_bitmap_png, &six_bitmap_netpbm};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (all[k]->begins(bytes, size))
            return all[k];
    return NULL;
}

int32_t six_bitmap_check(const six_bitmap *image, const char *label)
{
    if (image->width < 1 || image->height < 1)
        return six_fail(SIXNET_BAD_FILE, "%s: has no pixels", label);
    if (image->width > SIX_BITMAP_PIXELS / image->height)
        return six_fail(SIXNET_TOO_LARGE, "%s: %" PRId64 " x %" PRId64 " pixels; an image may have %d", label,
                        image->width, image->height, SIX_BITMAP_PIXELS);
    return SIXNET_OK;
}

int32_t six_bitmap_alloc(six_bitmap *image, const sixnet_context *ctx)
{
    image->pixels =
        six_alloc(ctx, (size_t)(image->height * image->width), (size_t)image->channels * sizeof *image->pixels);
    return image->pixels ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
}

/* ---- size ---- */

/* Resamples n values, `stride` apart, to m values by a triangle as wide as two input values, or as two output values if those are farther
 * apart; its weights add up to 1 where it reaches beyond the border too. */
static void resample(const double *from, int64_t n, double *to, int64_t m, int64_t stride)
{
    const double scale = (double)n / (double)m, width = fmax(scale, 1.0);
    for (int64_t i = 0; i < m; i++) {
        const double center = ((double)i + 0.5) * scale;
        const int64_t first = (int64_t)fmax(center - width + 0.5, 0.0);
        const int64_t last = (int64_t)fmin(center + width + 0.5, (double)n);
        double sum = 0.0, weights = 0.0;
        for (int64_t k = first; k < last; k++) {
            const double weight = fmax(1.0 - fabs((double)k + 0.5 - center) / width, 0.0);
            sum += weight * from[k * stride];
            weights += weight;
        }
        to[i * stride] = sum / weights;
    }
}

/* Resizes a plane of h x w values to as->height x as->width; `rows` has room for h x as->width values. */
static void resize(const double *plane, int64_t h, int64_t w, double *rows, const six_bitmap *as, double *to)
{
    for (int64_t y = 0; y < h; y++)
        resample(plane + y * w, w, rows + y * as->width, as->width, 1);
    for (int64_t x = 0; x < as->width; x++)
        resample(rows + x, h, to + x, as->height, as->width);
}

/* ---- values ---- */

/* A value of a channel as the image has it, or of gray made of the three. */
static uint32_t value_at(const six_bitmap *image, int32_t channel, bool gray, int64_t k)
{
    const int64_t plane = image->height * image->width;
    const uint16_t *p = image->pixels + k;
    if (gray)
        return (
            uint32_t)((p[0] * UINT64_C(19595) + p[plane] * UINT64_C(38470) + p[2 * plane] * UINT64_C(7471) + 32768) >>
                      16);
    return p[(image->channels == 1 ? 0 : channel) * plane];
}

static uint32_t with_bits(uint32_t value, int32_t from, int32_t to)
{
    return from == to ? value : to == 16 ? 257 * value : value >> 8;
}

static void store(void *to, int32_t bits, int64_t k, uint32_t value)
{
    if (bits == 16)
        ((uint16_t *)to)[k] = (uint16_t)value;
    else
        ((uint8_t *)to)[k] = (uint8_t)value;
}

static int32_t write_resized(const six_bitmap *image, const sixnet_context *ctx, const six_bitmap *as, void *to)
{
    const int64_t size = image->height * image->width, new_size = as->height * as->width;
    double *plane = six_alloc(ctx, (size_t)(size + image->height * as->width + new_size), sizeof *plane);
    if (!plane)
        return SIXNET_OUT_OF_MEMORY;
    double *rows = plane + size, *resized = rows + image->height * as->width;
    for (int32_t c = 0; c < as->channels; c++) {
        for (int64_t k = 0; k < size; k++)
            plane[k] = with_bits(value_at(image, c, as->channels < image->channels, k), image->bits, as->bits);
        resize(plane, image->height, image->width, rows, as, resized);
        for (int64_t k = 0; k < new_size; k++)
            store(to, as->bits, c * new_size + k, (uint32_t)(resized[k] + 0.5));
    }
    six_free(ctx, plane);
    return SIXNET_OK;
}

int32_t six_bitmap_write(const six_bitmap *image, const sixnet_context *ctx, const six_bitmap *as, void *to)
{
    const int64_t size = image->height * image->width;
    if (image->height != as->height || image->width != as->width)
        return write_resized(image, ctx, as, to);
    for (int32_t c = 0; c < as->channels; c++)
        for (int64_t k = 0; k < size; k++)
            store(to, as->bits, c * size + k,
                  with_bits(value_at(image, c, as->channels < image->channels, k), image->bits, as->bits));
    return SIXNET_OK;
}
