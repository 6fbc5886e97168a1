/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_GZIP_H
#define SIX_DATA_GZIP_H

#include "inflate.h"

/* Gzip data in memory, and where they are to be unpacked. */
typedef struct six_gzip {
    const uint8_t *packed;
    size_t packed_size;
    six_output output;
    size_t at;           /* set by a failure: how far the packed data were read */
    const char *problem; /* set by a failure: static text */
} six_gzip;

/* Unpacks gzip data (RFC 1952 and 1951, one member or several) in one pass and checks their CRC-32 and length.
 * SIXNET_OK; SIXNET_TOO_LARGE if there is more than the output takes, which is full then; SIXNET_BAD_FILE. Sets no message. */
int32_t six_gunzip(six_gzip *z);

#endif
