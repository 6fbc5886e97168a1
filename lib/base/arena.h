/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_ARENA_H
#define SIX_BASE_ARENA_H

#include <stdbool.h>
#include <stdint.h>

/* Hands out arrays from one block of memory. The same code runs twice: with base NULL it only counts, so that the block can be allocated with
 * `used` bytes; with the block as base it returns the addresses. */
typedef struct six_arena {
    char *base;
    uint64_t used;
    bool overflow; /* the sizes do not fit into 62 bits */
} six_arena;

/* The next count * size bytes, 64-byte aligned if base is; NULL when counting. */
static inline void *six_arena_alloc(six_arena *a, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > UINT64_MAX / 4 || a->used > UINT64_MAX / 4) {
        a->overflow = true;
        return 0;
    }
    void *memory = a->base ? a->base + a->used : 0;
    a->used += (bytes + 63) / 64 * 64;
    return memory;
}

#endif
