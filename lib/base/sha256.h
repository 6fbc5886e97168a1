/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_SHA256_H
#define SIX_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256, FIPS 180-4. */
typedef struct six_sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
} six_sha256;

void six_sha256_begin(six_sha256 *s);
void six_sha256_add(six_sha256 *s, const void *data, size_t size);
void six_sha256_end(six_sha256 *s, uint8_t digest[static 32]);
/* The same as text: 64 hexadecimal digits, and NUL. */
enum { SIX_SHA256_DIGITS = 64 };
void six_sha256_end_text(six_sha256 *s, char text[static SIX_SHA256_DIGITS + 1]);

#endif
