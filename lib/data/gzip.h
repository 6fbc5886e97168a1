/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_GZIP_H
#define SIX_DATA_GZIP_H

#include <stddef.h>
#include <stdint.h>

/* Gzip data in memory, and where they are to be unpacked. */
typedef struct six_gzip {
    const uint8_t *packed;
    size_t packed_size;
    uint8_t *out;
    size_t capacity;     /* never more than this is written */
    size_t size;         /* set: how much was */
    size_t at;           /* set by a failure: how far the packed data were read */
    const char *problem; /* set by a failure: static text */
} six_gzip;

/* Unpacks gzip data (RFC 1952 and 1951, one member or several) and checks their CRC-32 and length.
 * SIXNET_OK; SIXNET_TOO_LARGE if there is more than room, which is filled then; SIXNET_BAD_FILE. Sets no message. */
int32_t six_gunzip(six_gzip *z);

#endif
