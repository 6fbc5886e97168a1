/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_INFLATE_H
#define SIX_DATA_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deflate cannot expand more than this: a match of 258 bytes takes two bits at least. */
enum { SIX_INFLATE_RATIO = 1032 };

extern const char six_inflate_ends[], six_inflate_full[];

/* Memory that unpacked bytes go to. */
typedef struct six_output {
    uint8_t *memory;
    size_t capacity, begin, next; /* begin: of the stream, as far as a match reaches back; next: after the last byte */
    bool (*extend)(
        struct six_output
            *output); /* NULL, or called when memory is full: moves the bytes to larger memory, or returns false */
    void *user;
} six_output;

/* Unpacks one deflate stream (RFC 1951) and moves *in behind it, or to where it was found bad, and out->next behind what it gave.
 * Returns NULL, or static text that says what is wrong: six_inflate_ends if the input is too short, six_inflate_full if the
 * output is longer than its memory, which is full then. */
const char *six_inflate(const uint8_t **in, const uint8_t *in_end, six_output *out);

#endif
