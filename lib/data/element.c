/* SPDX-License-Identifier: MIT */
#include "element.h"

#include <string.h>

/* Blocks of a constant number of values become vector instructions at -O2 too. */
#define DEFINE_READ(name, type)                                                                                                  \
    static void read_##name(const void *from, int64_t n, double scale, float *to)                                                \
    {                                                                                                                            \
        enum { BLOCK = 16 };                                                                                                     \
        const char *bytes = from;                                                                                                \
        type block[BLOCK];                                                                                                       \
        for (; n >= BLOCK; n -= BLOCK, to += BLOCK, bytes += sizeof block) {                                                     \
            memcpy(block, bytes, sizeof block);                                                                                  \
            for (int i = 0; i < BLOCK; ++i)                                                                                      \
                to[i] = (float)((double)block[i] * scale);                                                                       \
        }                                                                                                                        \
        if (n > 0)                                                                                                               \
            memcpy(block, bytes, (size_t)n * sizeof *block);                                                                     \
        for (int64_t i = 0; i < n; ++i)                                                                                          \
            to[i] = (float)((double)block[i] * scale);                                                                           \
    }

DEFINE_READ(f32, float)
DEFINE_READ(f64, double)
DEFINE_READ(u8, uint8_t)
DEFINE_READ(i32, int32_t)
DEFINE_READ(i64, int64_t)
DEFINE_READ(i8, int8_t)
DEFINE_READ(i16, int16_t)

const six_element six_elements[] = {
    [SIX_ELEMENT_F32] = {"f32", sizeof(float), read_f32},   [SIX_ELEMENT_F64] = {"f64", sizeof(double), read_f64},
    [SIX_ELEMENT_U8] = {"u8", sizeof(uint8_t), read_u8},    [SIX_ELEMENT_I32] = {"i32", sizeof(int32_t), read_i32},
    [SIX_ELEMENT_I64] = {"i64", sizeof(int64_t), read_i64}, [SIX_ELEMENT_I8] = {"i8", sizeof(int8_t), read_i8},
    [SIX_ELEMENT_I16] = {"i16", sizeof(int16_t), read_i16},
};
