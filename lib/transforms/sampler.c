/* SPDX-License-Identifier: MIT */
#include "sampler.h"

#include <string.h>

/* Places are cut to where the margin begins: from -1 to the image's side. There are pixels on both sides of any of them. */
enum { BEFORE = 1, AFTER = 2 };

static int64_t with_margin(int64_t side) { return BEFORE + side + AFTER; }

int64_t six_sampler_workspace_size(six_image image)
{
    return image.channels * with_margin(image.height) * with_margin(image.width);
}

six_sampler six_sampler_of(six_image image, const six_values *type, const void *values, int32_t interpolation,
                           double fill, void *workspace)
{
    const int64_t stride = with_margin(image.width), plane = with_margin(image.height) * stride,
                  origin = BEFORE * stride + BEFORE;
    type->fill(workspace, image.channels * plane, fill);
    for (int64_t k = 0; k < image.channels * image.height; k++) {
        const int64_t at = origin + k / image.height * plane + k % image.height * stride;
        memcpy(six_value_at(type, workspace, at), six_value_at(type, values, k * image.width),
               (size_t)image.width * type->size);
    }
    return (six_sampler){image,  type,  six_value_at(type, workspace, origin),
                         stride, plane, interpolation == SIX_NEAREST};
}

static inline void part(const six_sampler *s, const float *places, double zero, int64_t side, six_cells *to)
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

void six_sampler_read(const six_sampler *s, const six_places *places, int64_t n, void *to)
{
    const six_values *v = s->values;
    six_cells x, y;
    part(s, places->x, places->column, s->image.width, &x);
    part(s, places->y, places->row, s->image.height, &y);
    for (int64_t channel = 0; channel < s->image.channels; channel++)
        (s->nearest ? v->nearest : v->bilinear)(six_value_at(v, to, channel * s->image.height * s->image.width),
                                                six_value_at(v, s->origin, channel * s->plane), (ptrdiff_t)s->stride,
                                                &x, &y, n);
}
