/* SPDX-License-Identifier: MIT */
#ifndef SIX_SIMD_LANE_H
#define SIX_SIMD_LANE_H

/* The vector type that every kernel is written with, and its operations.
 *
 * A value of a net is SIX_LANES numbers, one for each sample of a tile; `vec` is as many of them as one register of the instruction set
 * holds (SIX_WIDTH), so that a value is SIX_PARTS vectors. Operators + - * / work on vec as on numbers. All instruction sets that have a
 * fused multiply-add are bit-identical for every operation here; those without agree with each other. */

#include <stddef.h>
#include <stdint.h>

#if defined(SIX_REAL_IS_DOUBLE)
typedef double real;
typedef int64_t six_int;
typedef uint64_t six_bits;
#else
typedef float real;
typedef int32_t six_int;
typedef uint32_t six_bits;
#endif

#if defined(SIX_AVX512)
#include <immintrin.h>
#define SIX_VECTOR_BYTES 64
#define SIX_REGISTERS 32
#elif defined(SIX_AVX2)
#include <immintrin.h>
#define SIX_VECTOR_BYTES 32
#define SIX_REGISTERS 16
#else
#define SIX_VECTOR_BYTES 16
#if defined(__aarch64__)
#include <arm_neon.h>
#define SIX_REGISTERS 32
#else
#define SIX_REGISTERS 16
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#endif
#endif

enum { SIX_LANES = 16, SIX_WIDTH = SIX_VECTOR_BYTES / sizeof(real), SIX_PARTS = SIX_LANES / SIX_WIDTH };

typedef real vec __attribute__((vector_size(SIX_VECTOR_BYTES), may_alias));
typedef six_int ivec __attribute__((vector_size(SIX_VECTOR_BYTES), may_alias));
typedef six_bits uvec __attribute__((vector_size(SIX_VECTOR_BYTES), may_alias));
typedef real vec_unaligned __attribute__((vector_size(SIX_VECTOR_BYTES), may_alias, aligned(sizeof(real))));

#define SIX_INLINE static inline __attribute__((always_inline, unused))

/* Before a loop over registers: unrolls it. */
#if defined(__clang__)
#define SIX_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SIX_UNROLL _Pragma("GCC unroll 36")
#endif

SIX_INLINE vec six_load(const real *p) { return *(const vec_unaligned *)p; }
SIX_INLINE void six_store(real *p, vec a) { *(vec_unaligned *)p = a; }
SIX_INLINE vec six_set(real a) { return a - (vec){0}; }
SIX_INLINE ivec six_set_int(six_int a) { return a - (ivec){0}; }

/* a * b + c: rounded once where the instruction set has it, else twice. */
SIX_INLINE vec six_fma(vec a, vec b, vec c);
/* The same of numbers. */
SIX_INLINE real six_fma_one(real a, real b, real c);
/* a > b ? a : b, so that b is taken where either is NaN; six_min likewise. */
SIX_INLINE vec six_max(vec a, vec b);
SIX_INLINE vec six_min(vec a, vec b);
SIX_INLINE vec six_sqrt(vec a);
/* All bits one where a > b. */
SIX_INLINE ivec six_greater(vec a, vec b) { return (ivec)(a > b); }
SIX_INLINE vec six_select(ivec mask, vec yes, vec no) { return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask)); }

#if defined(SIX_REAL_IS_DOUBLE)

SIX_INLINE vec six_fma(vec a, vec b, vec c) { return a * b + c; }
SIX_INLINE vec six_max(vec a, vec b) { return six_select(six_greater(a, b), a, b); }
SIX_INLINE vec six_min(vec a, vec b) { return six_select(six_greater(b, a), a, b); }
#if defined(__SSE2__)
SIX_INLINE vec six_sqrt(vec a) { return (vec)_mm_sqrt_pd((__m128d)a); }
#else
SIX_INLINE vec six_sqrt(vec a)
{
    for (int i = 0; i < SIX_WIDTH; i++)
        a[i] = __builtin_sqrt(a[i]);
    return a;
}
#endif

#elif SIX_VECTOR_BYTES == 64

SIX_INLINE vec six_fma(vec a, vec b, vec c) { return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
SIX_INLINE vec six_max(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
SIX_INLINE vec six_min(vec a, vec b) { return (vec)_mm512_min_ps((__m512)a, (__m512)b); }
SIX_INLINE vec six_sqrt(vec a) { return (vec)_mm512_sqrt_ps((__m512)a); }

#elif SIX_VECTOR_BYTES == 32

SIX_INLINE vec six_fma(vec a, vec b, vec c) { return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
SIX_INLINE vec six_max(vec a, vec b) { return (vec)_mm256_max_ps((__m256)a, (__m256)b); }
SIX_INLINE vec six_min(vec a, vec b) { return (vec)_mm256_min_ps((__m256)a, (__m256)b); }
SIX_INLINE vec six_sqrt(vec a) { return (vec)_mm256_sqrt_ps((__m256)a); }

#elif defined(SIX_NEON)

SIX_INLINE vec six_fma(vec a, vec b, vec c) { return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
SIX_INLINE vec six_max(vec a, vec b) { return six_select(six_greater(a, b), a, b); }
SIX_INLINE vec six_min(vec a, vec b) { return six_select(six_greater(b, a), a, b); }
SIX_INLINE vec six_sqrt(vec a) { return (vec)vsqrtq_f32((float32x4_t)a); }

#elif defined(__SSE2__)

SIX_INLINE vec six_fma(vec a, vec b, vec c) { return a * b + c; }
SIX_INLINE vec six_max(vec a, vec b) { return (vec)_mm_max_ps((__m128)a, (__m128)b); }
SIX_INLINE vec six_min(vec a, vec b) { return (vec)_mm_min_ps((__m128)a, (__m128)b); }
SIX_INLINE vec six_sqrt(vec a) { return (vec)_mm_sqrt_ps((__m128)a); }

#else

SIX_INLINE vec six_fma(vec a, vec b, vec c) { return a * b + c; }
SIX_INLINE vec six_max(vec a, vec b) { return six_select(six_greater(a, b), a, b); }
SIX_INLINE vec six_min(vec a, vec b) { return six_select(six_greater(b, a), a, b); }
SIX_INLINE vec six_sqrt(vec a)
{
    for (int i = 0; i < SIX_WIDTH; i++)
        a[i] = __builtin_sqrtf(a[i]);
    return a;
}

#endif

#if !defined(SIX_REAL_IS_DOUBLE) && (SIX_VECTOR_BYTES > 16 || defined(SIX_NEON))
SIX_INLINE real six_fma_one(real a, real b, real c) { return __builtin_fmaf(a, b, c); }
#else
SIX_INLINE real six_fma_one(real a, real b, real c) { return a * b + c; }
#endif

/* In an object that serves all instruction sets, with and without a fused multiply-add, a call of one does not link. */
#ifdef SIX_FOR_ALL_VARIANTS
vec six_fma_not_in_all_variants(vec a, vec b, vec c);
real six_fma_one_not_in_all_variants(real a, real b, real c);
#define six_fma six_fma_not_in_all_variants
#define six_fma_one six_fma_one_not_in_all_variants
#endif

/* Random bits: 32-bit integers, as many as fill a register, in every variant. */
typedef int32_t word_vec __attribute__((vector_size(SIX_VECTOR_BYTES), may_alias));
enum { SIX_WORD_WIDTH = SIX_VECTOR_BYTES / 4, SIX_WORD_PARTS = SIX_LANES / SIX_WORD_WIDTH };

/* Bit i is set where a[i] > b[i]. */
SIX_INLINE unsigned six_which_greater(word_vec a, word_vec b);
/* a[i] where bit i is set, else 0. */
SIX_INLINE vec six_keep(vec a, unsigned which);

#if SIX_VECTOR_BYTES == 64
SIX_INLINE unsigned six_which_greater(word_vec a, word_vec b)
{
    return _mm512_cmpgt_epi32_mask((__m512i)a, (__m512i)b);
}
SIX_INLINE vec six_keep(vec a, unsigned which) { return (vec)_mm512_maskz_mov_ps((__mmask16)which, (__m512)a); }
#else
SIX_INLINE unsigned six_which_greater(word_vec a, word_vec b)
{
#if SIX_VECTOR_BYTES == 32
    return (unsigned)_mm256_movemask_ps((__m256)(a > b));
#elif defined(__SSE2__)
    return (unsigned)_mm_movemask_ps((__m128)(a > b));
#else
    const word_vec bits = (a > b) & (word_vec){1, 2, 4, 8};
    return (unsigned)(bits[0] | bits[1] | bits[2] | bits[3]);
#endif
}
SIX_INLINE vec six_keep(vec a, unsigned which)
{
#if defined(SIX_REAL_IS_DOUBLE)
    const ivec bit = {1, 2};
#elif SIX_VECTOR_BYTES == 32
    const ivec bit = {1, 2, 4, 8, 16, 32, 64, 128};
#else
    const ivec bit = {1, 2, 4, 8};
#endif
    return (vec)((ivec)a & ((six_set_int((six_int)which) & bit) == bit));
}
#endif

/* The first count numbers of a, all if there are as many. */
SIX_INLINE void six_store_first(real *p, vec a, int64_t count)
{
    if (count >= SIX_WIDTH) {
        six_store(p, a);
        return;
    }
    real all[SIX_WIDTH];
    six_store(all, a);
    for (int64_t i = 0; i < count; i++)
        p[i] = all[i];
}

/* The sum of SIX_LANES numbers, always in the same order: halves, quarters, eighths, pairs. */
SIX_INLINE real six_lane_sum(const real *p)
{
    real half[8];
    for (int i = 0; i < 8; i++)
        half[i] = p[i] + p[i + 8];
    for (int i = 0; i < 4; i++)
        half[i] = half[i] + half[i + 4];
    return (half[0] + half[2]) + (half[1] + half[3]);
}

#endif
