/* SPDX-License-Identifier: MIT */
#include "gzip.h"

#include <stdbool.h>
#include <string.h>

#include "sixnet/sixnet.h"

enum { HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16, RESERVED = 0xe0 };

static uint32_t little_endian(const uint8_t *p, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)p[i] << (8 * i);
    return value;
}

/* CRC-32, four bytes at a time. */

static void crc_table(uint32_t crc[4][256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        crc[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 4; k++)
            crc[k][i] = crc[k - 1][i] >> 8 ^ crc[0][crc[k - 1][i] & 255];
}

static uint32_t crc32_of(const uint32_t crc[4][256], const uint8_t *p, const uint8_t *end)
{
    uint32_t c = 0xffffffffu;
    for (; end - p >= 4; p += 4) {
        c ^= little_endian(p, 4);
        c = crc[3][c & 255] ^ crc[2][c >> 8 & 255] ^ crc[1][c >> 16 & 255] ^ crc[0][c >> 24];
    }
    for (; p < end; p++)
        c = c >> 8 ^ crc[0][(c ^ *p) & 255];
    return ~c;
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

static const char *header(const uint32_t crc[4][256], const uint8_t **in, const uint8_t *end)
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
        if (little_endian(p - 2, 2) != (crc32_of(crc, begin, p - 2) & 0xffff))
            return "the gzip header's checksum is wrong";
    }
    *in = p;
    return NULL;
}

static const char *member(const uint32_t crc[4][256], const uint8_t **in, const uint8_t *end, six_output *out)
{
    const char *problem = header(crc, in, end);
    if (!problem)
        problem = six_inflate(in, end, out);
    if (problem)
        return problem;
    if (end - *in < 8)
        return six_inflate_ends;
    if (little_endian(*in, 4) != crc32_of(crc, out->memory + out->begin, out->memory + out->next))
        return "the CRC-32 of the unpacked data is wrong";
    if (little_endian(*in + 4, 4) != (uint32_t)(out->next - out->begin))
        return "the length of the unpacked data is wrong";
    *in += 8;
    return NULL;
}

int32_t six_gunzip(six_gzip *z)
{
    uint32_t table[4][256];
    const uint32_t(*crc)[256] = (const uint32_t(*)[256])table;
    const uint8_t *in = z->packed, *end = in + z->packed_size;
    crc_table(table);
    do
        z->problem = member(crc, &in, end, &z->output);
    while (!z->problem && in < end);
    z->at = (size_t)(in - z->packed);
    if (!z->problem)
        return SIXNET_OK;
    return z->problem == six_inflate_full ? SIXNET_TOO_LARGE : SIXNET_BAD_FILE;
}
