/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_SPAN_H
#define SIX_BASE_SPAN_H

/* Pieces of a text, and the words in it. */

#include <stdbool.h>
#include <stddef.h>

/* A piece of text; not terminated. */
typedef struct six_span {
    const char *begin, *end;
} six_span;

size_t six_span_length(six_span s);
six_span six_span_of(const char *text);
bool six_span_equal(six_span a, six_span b);

/* A blank, a tab or the end of a line. */
bool six_is_blank(char c);
/* The next word of a text, which is moved behind it; false at the end. */
bool six_next_word(const char **text, six_span *word);
/* Where a character is between begin and end; end if it is not there. */
const char *six_find_char(const char *begin, const char *end, char c);

/* A letter from A to Z in lower case, any other character as it is: the same in every locale. */
char six_lower(char c);
/* The value of a hexadecimal digit; -1 for any other character. */
int six_hex_digit(char c);

/* A foreign word as a message may show it: cut, and without characters that cannot be shown. Returns buffer. */
enum { SIX_QUOTE_MAX = 40, SIX_QUOTE_SIZE = SIX_QUOTE_MAX + 4 };
const char *six_quote(six_span s, char buffer[static SIX_QUOTE_SIZE]);

#endif
