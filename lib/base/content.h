/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_CONTENT_H
#define SIX_BASE_CONTENT_H

#include <stddef.h>
#include <stdint.h>

/* What a file is that is not what was expected. */
typedef struct six_content {
    const char *name;   /* "a PNG image" */
    const char *remedy; /* how its values can be read: "; convert it to PGM or NPY", or "" */
} six_content;

/* Names a file by its first bytes, of which twelve are enough; NULL if nothing is known of them. */
const six_content *six_content_of(const uint8_t *bytes, size_t size);

#endif
