/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_MOMENTS_H
#define SIX_LAYERS_MOMENTS_H

/* Sums over `count` values one after another, [count][SIX_LANES], each lane on its own, for the normalising layers.
 *
 * Values are summed in blocks, and within a block in SIX_CHAINS chains (position modulo SIX_CHAINS), so that the additions need not wait
 * for each other and that rounding errors grow with the number of blocks rather than of values. The order does not depend on SIX_WIDTH. */

#include <string.h>

#include "op.h"

enum { SIX_CHAINS = 4, SIX_BLOCK = 64 };

SIX_INLINE vec six_chain_sum(const vec v[SIX_CHAINS]) { return (v[0] + v[1]) + (v[2] + v[3]); }

SIX_INLINE void six_accumulate(real *p, vec v) { six_store(p, six_load(p) + v); }

/* A power of two that makes squares of the largest numbers finite, and leaves those that matter beside them above 0. */
#if defined(SIX_REAL_IS_DOUBLE)
#define SIX_FAR_SCALE 0x1p-768
#else
#define SIX_FAR_SCALE 0x1p-96F
#endif

/* sum = the sum of x * scale */
SIX_INLINE void six_sums(const real *x, int64_t count, real scale, real sum[SIX_LANES])
{
    for (int i = 0; i < SIX_LANES; i++)
        sum[i] = 0;
    for (int64_t begin = 0; begin < count; begin += SIX_BLOCK) {
        int64_t end = begin + SIX_BLOCK < count ? begin + SIX_BLOCK : count;
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
            vec s[SIX_CHAINS] = {{0}};
            int64_t i = begin;
            for (; i + SIX_CHAINS <= end; i += SIX_CHAINS)
#pragma GCC unroll 4
                for (int k = 0; k < SIX_CHAINS; k++)
                    s[k] += six_load(x + (i + k) * SIX_LANES + part) * scale;
            for (; i < end; i++)
                s[0] += six_load(x + i * SIX_LANES + part) * scale;
            six_accumulate(sum + part, six_chain_sum(s));
        }
    }
}

/* sum = the sum of x * scale - centre, squares = that of its squares */
SIX_INLINE void six_sums_centred(const real *x, int64_t count, real scale, const real centre[SIX_LANES],
                                 real sum[SIX_LANES], real squares[SIX_LANES])
{
    for (int i = 0; i < SIX_LANES; i++)
        sum[i] = squares[i] = 0;
    for (int64_t begin = 0; begin < count; begin += SIX_BLOCK) {
        int64_t end = begin + SIX_BLOCK < count ? begin + SIX_BLOCK : count;
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
            vec middle = six_load(centre + part), s[SIX_CHAINS] = {{0}}, q[SIX_CHAINS] = {{0}};
            int64_t i = begin;
            for (; i + SIX_CHAINS <= end; i += SIX_CHAINS)
#pragma GCC unroll 4
                for (int k = 0; k < SIX_CHAINS; k++) {
                    vec d = six_load(x + (i + k) * SIX_LANES + part) * scale - middle;
                    s[k] += d;
                    q[k] = six_fma(d, d, q[k]);
                }
            for (; i < end; i++) {
                vec d = six_load(x + i * SIX_LANES + part) * scale - middle;
                s[0] += d;
                q[0] = six_fma(d, d, q[0]);
            }
            six_accumulate(sum + part, six_chain_sum(s));
            six_accumulate(squares + part, six_chain_sum(q));
        }
    }
}

/* sum = the sum of dy, dot = that of dy * (x - centre) */
SIX_INLINE void six_sums_product(const real *dy, const real *x, int64_t count, const real centre[SIX_LANES],
                                 real sum[SIX_LANES], real dot[SIX_LANES])
{
    for (int i = 0; i < SIX_LANES; i++)
        sum[i] = dot[i] = 0;
    for (int64_t begin = 0; begin < count; begin += SIX_BLOCK) {
        int64_t end = begin + SIX_BLOCK < count ? begin + SIX_BLOCK : count;
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
            vec middle = six_load(centre + part), s[SIX_CHAINS] = {{0}}, q[SIX_CHAINS] = {{0}};
            int64_t i = begin;
            for (; i + SIX_CHAINS <= end; i += SIX_CHAINS)
#pragma GCC unroll 4
                for (int k = 0; k < SIX_CHAINS; k++) {
                    vec d = six_load(dy + (i + k) * SIX_LANES + part);
                    s[k] += d;
                    q[k] = six_fma(d, six_load(x + (i + k) * SIX_LANES + part) - middle, q[k]);
                }
            for (; i < end; i++) {
                vec d = six_load(dy + i * SIX_LANES + part);
                s[0] += d;
                q[0] = six_fma(d, six_load(x + i * SIX_LANES + part) - middle, q[0]);
            }
            six_accumulate(sum + part, six_chain_sum(s));
            six_accumulate(dot + part, six_chain_sum(q));
        }
    }
}

/* Each lane's mean of x * scale, and 1 / sqrt(variance + eps): the differences from a first mean are summed too, which corrects both. */
SIX_INLINE void six_moments_scaled(const real *x, int64_t count, real scale, double eps, real mean[SIX_LANES],
                                   real inverse[SIX_LANES])
{
    real sum[SIX_LANES], squares[SIX_LANES];
    vec n = six_set((real)count);
    six_sums(x, count, scale, sum);
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH)
        six_store(mean + part, six_load(sum + part) / n);
    six_sums_centred(x, count, scale, mean, sum, squares);
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec correction = six_load(sum + part) / n;
        vec variance = six_max((vec){0}, (six_load(squares + part) - six_load(sum + part) * correction) / n);
        six_accumulate(mean + part, correction);
        six_store(inverse + part, six_set(1) / six_sqrt(variance + six_set((real)eps)));
    }
}

/* Where the inverse is 0 or NaN, as the variance is not finite: anew, by way of numbers that are small but so large that eps is nothing. */
static __attribute__((noinline, unused)) void six_moments_far(const real *x, int64_t count, real mean[SIX_LANES],
                                                              real inverse[SIX_LANES])
{
    real far_mean[SIX_LANES], far_inverse[SIX_LANES];
    six_moments_scaled(x, count, SIX_FAR_SCALE, 0, far_mean, far_inverse);
    for (int i = 0; i < SIX_LANES; i++)
        if (!(inverse[i] > 0)) {
            mean[i] = far_mean[i] / SIX_FAR_SCALE;
            inverse[i] = far_inverse[i] * SIX_FAR_SCALE;
        }
}

/* Each lane's mean, and 1 / sqrt(variance + eps). */
SIX_INLINE void six_moments(const real *x, int64_t count, double eps, real mean[SIX_LANES], real inverse[SIX_LANES])
{
    uint64_t words[SIX_VECTOR_BYTES / sizeof(uint64_t)], all = UINT64_MAX;
    ivec positive = six_set_int(-1);
    six_moments_scaled(x, count, 1, eps, mean, inverse);
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH)
        positive &= six_greater(six_load(inverse + part), (vec){0});
    memcpy(words, &positive, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        all &= words[i];
    if (~all)
        six_moments_far(x, count, mean, inverse);
}

#endif
