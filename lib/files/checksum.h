/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_CHECKSUM_H
#define SIX_FILES_CHECKSUM_H

/* The checksum of a file: the SHA-256 of all its bytes, with '0' for the digits of the sum itself. */

#include "base/sha256.h"

#define SIX_CHECKSUM_KEY "sixnet.checksum"

enum { SIX_CHECKSUM_DIGITS = 64 };

static const char six_no_checksum[] = "0000000000000000000000000000000000000000000000000000000000000000";

static inline void six_checksum_text(six_sha256 *hash, char text[static SIX_CHECKSUM_DIGITS + 1])
{
    uint8_t bytes[32];
    six_sha256_end(hash, bytes);
    for (int i = 0; i < 32; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[SIX_CHECKSUM_DIGITS] = 0;
}

#endif
