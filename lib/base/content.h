/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_CONTENT_H
#define SIX_BASE_CONTENT_H

#include <stddef.h>
#include <stdint.h>

/* The actual format of a file of an unexpected format. */
typedef struct six_content {
    const char *name;   /* "a PNG image" */
    const char *remedy; /* how its values can be read: "; unpack it", or "" */
} six_content;

/* Names a file by its first bytes, of which twelve are enough; NULL if nothing is known of them. */
const six_content *six_content_of(const uint8_t *bytes, size_t size);

/* SIXNET_BAD_FILE: no `expected` but what the bytes tell. */
int32_t six_fail_content(const char *path, const char *expected, const uint8_t *bytes, size_t size);

#endif
