/* SPDX-License-Identifier: MIT */
#include "element.h"

#include <string.h>

/* Blocks of a constant number of values become vector instructions at -O2 too. */
#define DEFINE_READ(name, type, value)                                                                                 \
    static void read_##name(const void *from, int64_t n, double scale, void *to)                                       \
    {                                                                                                                  \
        enum { BLOCK = 16 };                                                                                           \
        const char *bytes = from;                                                                                      \
        value *v = to;                                                                                                 \
        type block[BLOCK];                                                                                             \
        for (; n >= BLOCK; n -= BLOCK, v += BLOCK, bytes += sizeof block) {                                            \
            memcpy(block, bytes, sizeof block);                                                                        \
            for (int i = 0; i < BLOCK; ++i)                                                                            \
                v[i] = (value)((double)block[i] * scale);                                                              \
        }                                                                                                              \
        if (n > 0)                                                                                                     \
            memcpy(block, bytes, (size_t)n * sizeof *block);                                                           \
        for (int64_t i = 0; i < n; ++i)                                                                                \
            v[i] = (value)((double)block[i] * scale);                                                                  \
    }
#define DEFINE_READS(name, type)                                                                                       \
    DEFINE_READ(name##_as_f32, type, float)                                                                            \
    DEFINE_READ(name##_as_f64, type, double)

DEFINE_READS(f32, float)
DEFINE_READS(f64, double)
DEFINE_READS(u8, uint8_t)
DEFINE_READS(i32, int32_t)
DEFINE_READS(i64, int64_t)
DEFINE_READS(i8, int8_t)
DEFINE_READS(i16, int16_t)
DEFINE_READS(u16, uint16_t)

#define ELEMENT(name, type, wide)                                                                                      \
    {                                                                                                                  \
#name, sizeof(type), wide, { read_##name##_as_f32, read_##name##_as_f64 }                                      \
    }

const six_element six_elements[] = {
    [SIX_ELEMENT_F32] = ELEMENT(f32, float, false),   [SIX_ELEMENT_F64] = ELEMENT(f64, double, true),
    [SIX_ELEMENT_U8] = ELEMENT(u8, uint8_t, false),   [SIX_ELEMENT_I32] = ELEMENT(i32, int32_t, true),
    [SIX_ELEMENT_I64] = ELEMENT(i64, int64_t, true),  [SIX_ELEMENT_I8] = ELEMENT(i8, int8_t, false),
    [SIX_ELEMENT_I16] = ELEMENT(i16, int16_t, false), [SIX_ELEMENT_U16] = ELEMENT(u16, uint16_t, false),
};
