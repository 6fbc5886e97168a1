/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_CRC32_H
#define SIX_DATA_CRC32_H

#include <stdint.h>

/* The CRC-32 of gzip, ZIP and PNG (ISO 3309), four bytes at a time; table[k] is for a byte with k bytes behind it. */
typedef struct six_crc32 {
    uint32_t table[4][256];
} six_crc32;

void six_crc32_init(six_crc32 *crc);
uint32_t six_crc32_of(const six_crc32 *crc, const uint8_t *begin, const uint8_t *end);

#endif
