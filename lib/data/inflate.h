/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_INFLATE_H
#define SIX_DATA_INFLATE_H

#include <stdint.h>

/* Deflate cannot expand more than this: a match of 258 bytes takes two bits at least. */
enum { SIX_INFLATE_RATIO = 1032 };

extern const char six_inflate_ends[], six_inflate_full[];

/* Unpacks one deflate stream (RFC 1951) and moves *in behind it, or to where it was found bad, and *out behind what it gave.
 * Returns NULL, or static text that says what is wrong: six_inflate_ends if the input is too short, six_inflate_full if the
 * output is longer than its room, which is filled then. */
const char *six_inflate(const uint8_t **in, const uint8_t *in_end, uint8_t **out, uint8_t *out_end);

#endif
