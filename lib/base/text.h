/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_TEXT_H
#define SIX_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "context.h"

/* A string that grows. Start with {.ctx = ctx}; after an allocation failed it stays as it is and `failed` is true, so that one check at
 * the end is enough. data is NULL while empty. */
typedef struct six_text {
    const sixnet_context *ctx;
    char *data;
    size_t length, capacity;
    bool failed;
} six_text;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void six_text_add(six_text *t, const char *format, ...);
void six_text_free(six_text *t);

/* The length of the UTF-8 character at p; 0 if it is not one: cut off, overlong, a surrogate, above U+10FFFF. */
size_t six_utf8_length(const char *p, const char *end);

/* Numbers without the locale: the decimal point is always '.'. */
/* Parses all of [begin, end) as a decimal or integer number; false if it is not one, or has more
 * than 1000 digits. "nan" and "inf" are parsed. */
bool six_parse_double(const char *begin, const char *end, double *value);
bool six_parse_int64(const char *begin, const char *end, int64_t *value);
/* The shortest decimal text that reads back as value, into text; returns text. */
char *six_double_text(double value, char text[static 32]);

#endif
