/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_JSON_H
#define SIX_FILES_JSON_H

/* A strict reader of JSON (RFC 8259) that lies in memory. The caller takes one token after another and knows which must come,
 * so nothing recurses and nothing nests deeper than the caller goes. Strings are decoded where they lie. Every byte is looked
 * at once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct six_json {
    char *begin, *at, *end;
    size_t offset;              /* of begin in the file */
    const char *label;          /* of the file; for messages, as are */
    const char *object, *field; /* being read; NULL for none */
} six_json;

/* Goes over blanks; the place in the file of what comes next. */
size_t six_json_next(six_json *j);

/* SIXNET_BAD_FILE: "<label>: byte <place>: '<object>' <field>: <text>". */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int32_t
six_json_fail(const six_json *j, size_t place, const char *format, ...);

/* The mark ({ } [ ] : ,) that must come next. */
int32_t six_json_take(six_json *j, char mark);
/* Whether it comes next; then it is taken. */
bool six_json_skip(six_json *j, char mark);
/* After one member of a list: *more is true if a comma follows, false if `close` does, which is taken. */
int32_t six_json_more(six_json *j, char close, bool *more);

/* A string, as NUL-terminated UTF-8; U+0000 is rejected. */
int32_t six_json_string(six_json *j, const char **string);
/* A whole number from 0 to 2^63 - 1. */
int32_t six_json_count(six_json *j, int64_t *count);
/* Nothing but blanks may follow. */
int32_t six_json_finish(six_json *j);

#endif
