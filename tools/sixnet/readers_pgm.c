/* SPDX-License-Identifier: MIT */

/* PGM: a grey image, plain (P2) or raw (P5). Its values become those from 0 to 1. */

#include "readers.h"

enum { SIDE_MAX = 1 << 20, VALUE_MAX = 65535 };

static bool is_blank(int byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/* Passes over blanks and comments, which go from '#' to the end of the line; returns the byte after them. */
static int pgm_skip(source *s)
{
    bool comment = false;
    for (;;) {
        const int byte = source_byte(s);
        comment = byte != '\n' && (comment || byte == '#');
        if (byte == EOF || (!comment && !is_blank(byte)))
            return byte;
    }
}

/* The next number from `low` to `high`: digits only, up to a blank, which is taken with it, a comment or the end of the file. */
static int32_t pgm_number(source *s, int32_t low, int32_t high, int32_t *number)
{
    int byte = pgm_skip(s);
    const int64_t place = source_place(s) - (byte != EOF);
    const bool digits = byte >= '0' && byte <= '9';
    int32_t value = 0;
    for (; byte >= '0' && byte <= '9'; byte = source_byte(s))
        value = value > high ? value : 10 * value + (byte - '0');
    if (byte == '#')
        while (byte != '\n' && byte != EOF)
            byte = source_byte(s);
    *number = value;
    if (digits && (byte == EOF || is_blank(byte)) && value >= low && value <= high)
        return 0;
    return fail("%s: byte %" PRId64 ": a whole number from %" PRId32 " to %" PRId32
                " with a blank after it is expected",
                s->path, place, low, high);
}

static int32_t pgm_sample(source *s, int32_t most, int32_t *sample)
{
    const int high = most > 255 ? source_byte(s) : 0, low = source_byte(s);
    *sample = 256 * high + low;
    if (high == EOF || low == EOF)
        return fail("%s: byte %" PRId64 ": the file ends within the image", s->path, source_place(s));
    if (*sample > most)
        return fail("%s: byte %" PRId64 ": %" PRId32 " is above the largest value, %" PRId32, s->path,
                    source_place(s) - 1, *sample, most);
    return 0;
}

static int32_t pgm_parse(doubles *d, table *t, source *s)
{
    int32_t width, height, most, sample;
    source_byte(s);
    const bool plain = source_byte(s) == '2';
    CHECK(pgm_number(s, 1, SIDE_MAX, &width));
    CHECK(pgm_number(s, 1, SIDE_MAX, &height));
    CHECK(pgm_number(s, 1, VALUE_MAX, &most));
    for (int64_t k = (int64_t)width * height; k > 0; k--) {
        CHECK(plain ? pgm_number(s, 0, most, &sample) : pgm_sample(s, most, &sample));
        CHECK(doubles_add(d, s->path, (double)sample / most));
    }
    if ((plain ? pgm_skip(s) : source_byte(s)) != EOF)
        return fail("%s: byte %" PRId64 ": more bytes than the image has; a file of one image is expected", s->path,
                    source_place(s) - 1);
    t->rank = 2;
    t->dims[0] = height;
    t->dims[1] = width;
    t->columns = d->count;
    return source_check(s);
}

int32_t pgm_read(table *t, source *s, const table_options *o)
{
    (void)o;
    doubles d = {0};
    const int32_t status = pgm_parse(&d, t, s);
    t->type = "f64";
    t->values = d.value;
    t->rows = 1;
    return status;
}
