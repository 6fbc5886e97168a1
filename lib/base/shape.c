/* SPDX-License-Identifier: MIT */
#include "shape.h"

#include <inttypes.h>
#include <stdio.h>

int64_t six_shape_size(const six_shape *s)
{
    int64_t size = 1;
    for (int32_t i = 0; i < s->rank; i++)
        size *= s->dim[i];
    return size;
}

bool six_shape_fits(const six_shape *s)
{
    if (s->rank < 1 || s->rank > SIX_MAX_RANK)
        return false;
    int64_t limit = INT64_C(1) << 40;
    for (int32_t i = 0; i < s->rank; i++) {
        if (s->dim[i] < 1 || s->dim[i] > limit)
            return false;
        limit /= s->dim[i];
    }
    return true;
}

bool six_shape_equal(const six_shape *a, const six_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

char *six_shape_text(const six_shape *s, char text[static 160])
{
    size_t used = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < s->rank && i < SIX_MAX_RANK && used < 160; i++) {
        int length = snprintf(text + used, 160 - used, "%s%" PRId64, i ? "x" : "", s->dim[i]);
        used += (size_t)length;
    }
    return text;
}
