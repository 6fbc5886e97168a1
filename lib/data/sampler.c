/* SPDX-License-Identifier: MIT */
#include "sampler.h"

#include <stddef.h>
#include <string.h>

/* Places are cut to where the margin begins: from -1 to the image's side. There are pixels on both sides of any of them. */
enum { BEFORE = 1, AFTER = 2 };

static int64_t with_margin(int64_t side)
{
    return BEFORE + side + AFTER;
}

int64_t six_sampler_room(six_image image)
{
    return image.channels * with_margin(image.height) * with_margin(image.width);
}

six_sampler six_sampler_of(six_image image, const float *values, int32_t interpolation, float fill, float *room)
{
    const int64_t stride = with_margin(image.width), plane = with_margin(image.height) * stride;
    float *origin = room + BEFORE * stride + BEFORE;
    for (int64_t i = 0; i < image.channels * plane; i++)
        room[i] = fill;
    for (int64_t channel = 0; channel < image.channels; channel++)
        for (int64_t row = 0; row < image.height; row++, values += image.width)
            memcpy(origin + channel * plane + row * stride, values, (size_t)image.width * sizeof *values);
    return (six_sampler){image, origin, stride, plane, interpolation == SIX_NEAREST};
}

/* Places in one direction: the pixel before, and how far it is from there to the next. */
typedef struct parted {
    int32_t before[SIX_PLACES];
    float share[SIX_PLACES];
} parted;

static inline void part(const six_sampler *s, const float *places, double zero, int64_t side, parted *to)
{
    const float low = (float)(-BEFORE - zero), high = (float)((double)side - zero);
    const float shift = s->nearest ? 0.5f : 0.0f;
    const int32_t offset = (int32_t)zero;
    for (int i = 0; i < SIX_PLACES; i++) {
        float place = places[i] + shift;
        place = place < low ? low : place;
        place = place > high ? high : place;
        int32_t whole = (int32_t)place;
        float rest = place - (float)whole;
        int32_t below = rest < 0.0f;
        to->before[i] = whole - below + offset;
        to->share[i] = rest + (float)below;
    }
}

static inline void copy_channel(const float *origin, ptrdiff_t stride, const parted *x, const parted *y, float *values)
{
    for (int i = 0; i < SIX_PLACES; i++)
        values[i] = origin[y->before[i] * stride + x->before[i]];
}

static inline void read_channel(const float *origin, ptrdiff_t stride, const parted *x, const parted *y, float *values)
{
    float upper[2 * SIX_PLACES], lower[2 * SIX_PLACES];
    for (int i = 0; i < SIX_PLACES; i++) {
        const float *pixel = origin + y->before[i] * stride + x->before[i];
        memcpy(upper + 2 * i, pixel, 2 * sizeof *pixel);
        memcpy(lower + 2 * i, pixel + stride, 2 * sizeof *pixel);
    }
    for (int i = 0; i < SIX_PLACES; i++) {
        float above = upper[2 * i] + x->share[i] * (upper[2 * i + 1] - upper[2 * i]);
        float below = lower[2 * i] + x->share[i] * (lower[2 * i + 1] - lower[2 * i]);
        values[i] = above + y->share[i] * (below - above);
    }
}

void six_sampler_read(const six_sampler *s, const six_places *places, int64_t n, float *to)
{
    parted x, y;
    float values[SIX_PLACES];
    part(s, places->x, places->column, s->image.width, &x);
    part(s, places->y, places->row, s->image.height, &y);
    for (int64_t channel = 0; channel < s->image.channels; channel++) {
        (s->nearest ? copy_channel : read_channel)(s->origin + channel * s->plane, (ptrdiff_t)s->stride, &x, &y, values);
        memcpy(to + channel * s->image.height * s->image.width, values, (size_t)n * sizeof *values);
    }
}
