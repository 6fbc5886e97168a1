/* SPDX-License-Identifier: MIT */
#include "crc32.h"

void six_crc32_init(six_crc32 *crc)
{
    uint32_t(*table)[256] = crc->table;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 4; k++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

uint32_t six_crc32_of(const six_crc32 *crc, const uint8_t *begin, const uint8_t *end)
{
    const uint32_t(*table)[256] = crc->table;
    uint32_t c = 0xffffffffu;
    for (; end - begin >= 4; begin += 4) {
        c ^= begin[0] | (uint32_t)begin[1] << 8 | (uint32_t)begin[2] << 16 | (uint32_t)begin[3] << 24;
        c = table[3][c & 255] ^ table[2][c >> 8 & 255] ^ table[1][c >> 16 & 255] ^ table[0][c >> 24];
    }
    for (; begin < end; begin++)
        c = c >> 8 ^ table[0][(c ^ *begin) & 255];
    return ~c;
}
