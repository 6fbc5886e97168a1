/* SPDX-License-Identifier: MIT */
#include "gzip.h"

#include <stdbool.h>
#include <string.h>

#include "crc32.h"
#include "sixnet/sixnet.h"

enum { HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16, RESERVED = 0xe0 };

static uint32_t little_endian(const uint8_t *p, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)p[i] << (8 * i);
    return value;
}

static bool skip_bytes(const uint8_t **p, const uint8_t *end, size_t n)
{
    if ((size_t)(end - *p) < n)
        return false;
    *p += n;
    return true;
}

static bool skip_string(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *nul = memchr(*p, 0, (size_t)(end - *p));
    if (nul)
        *p = nul + 1;
    return nul != NULL;
}

/* These functions move *in and *out on, and return what is wrong or NULL. */

static const char *header(const six_crc32 *crc, const uint8_t **in, const uint8_t *end)
{
    const uint8_t *begin = *in, *p = begin;
    if (!skip_bytes(&p, end, 10))
        return six_inflate_ends;
    if (begin[0] != 0x1f || begin[1] != 0x8b || begin[2] != 8 || begin[3] & RESERVED)
        return "not a gzip header";
    if (begin[3] & EXTRA && !(skip_bytes(&p, end, 2) && skip_bytes(&p, end, little_endian(p - 2, 2))))
        return six_inflate_ends;
    if (begin[3] & NAME && !skip_string(&p, end))
        return six_inflate_ends;
    if (begin[3] & COMMENT && !skip_string(&p, end))
        return six_inflate_ends;
    if (begin[3] & HEADER_CRC) {
        if (!skip_bytes(&p, end, 2))
            return six_inflate_ends;
        if (little_endian(p - 2, 2) != (six_crc32_of(crc, begin, p - 2) & 0xffff))
            return "the gzip header's checksum is wrong";
    }
    *in = p;
    return NULL;
}

static const char *member(const six_crc32 *crc, const uint8_t **in, const uint8_t *end, six_output *out)
{
    const char *problem = header(crc, in, end);
    if (!problem)
        problem = six_inflate(in, end, out);
    if (problem)
        return problem;
    if (end - *in < 8)
        return six_inflate_ends;
    if (little_endian(*in, 4) != six_crc32_of(crc, out->memory + out->begin, out->memory + out->next))
        return "the CRC-32 of the unpacked data is wrong";
    if (little_endian(*in + 4, 4) != (uint32_t)(out->next - out->begin))
        return "the length of the unpacked data is wrong";
    *in += 8;
    return NULL;
}

int32_t six_gunzip(six_gzip *z)
{
    six_crc32 crc;
    const uint8_t *in = z->packed, *end = in + z->packed_size;
    six_crc32_init(&crc);
    do
        z->problem = member(&crc, &in, end, &z->output);
    while (!z->problem && in < end);
    z->at = (size_t)(in - z->packed);
    if (!z->problem)
        return SIXNET_OK;
    return z->problem == six_inflate_full ? SIXNET_TOO_LARGE : SIXNET_BAD_FILE;
}
