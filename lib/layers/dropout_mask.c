/* SPDX-License-Identifier: MIT */

#include "layers/dropout_mask.h"

#include <string.h>

#include "base/rng.h"

static real factor_of(double p) { return (real)(p < 1 ? 1 / (1 - p) : 0); }

/* The generators' next numbers. */
SIX_INLINE word_vec draw(word_vec *state)
{
    typedef uint32_t unsigned_vec __attribute__((vector_size(SIX_VECTOR_BYTES)));
    unsigned_vec x = (unsigned_vec)*state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = (word_vec)x;
}

/* y = x times factor where the feature's bits are set, else x times 0, which is NaN for what is not finite. */
SIX_INLINE void keep(const real *x, real *y, unsigned bits, real factor, int32_t lanes)
{
    if (lanes == 1) {
        *y = *x * (bits & 1 ? factor : 0);
        return;
    }
#pragma GCC unroll 8
    for (int part = 0; part < SIX_PARTS; part++)
        six_store(y + part * SIX_WIDTH,
                  six_load(x + part * SIX_WIDTH) * six_keep(six_set(factor), bits >> (part * SIX_WIDTH)));
}

void six_drop(const six_run *run, const six_tile *tile, uint32_t stream, double p, const real *x, real *y, int64_t size,
              uint16_t *bits)
{
    uint32_t seed[SIX_DROP_STREAMS][SIX_LANES];
    for (int lane = 0; lane < SIX_LANES; lane++) {
        const uint64_t sample = (uint64_t)run->first + (uint64_t)tile->index * SIX_LANES + (uint64_t)lane;
        const six_philox words = six_philox_at(run->key, run->step, sample + ((uint64_t)stream << 40));
        for (int s = 0; s < SIX_DROP_STREAMS; s++)
            seed[s][lane] = words.word[s] ? words.word[s] : 1; /* 0 would stay 0 */
    }
    word_vec state[SIX_DROP_STREAMS][SIX_WORD_PARTS];
    memcpy(state, seed, sizeof state);

    /* a draw keeps its value if, as an unsigned number, it is at least the share: both are moved down by 2^31 to compare signed ones */
    const word_vec limit = (int32_t)(six_drop_share(p) - 1 - INT64_C(2147483648)) - (word_vec){0};
    const real factor = factor_of(p);
    for (int64_t f = 0; f < size; f += SIX_DROP_STREAMS) {
#pragma GCC unroll 4
        for (int s = 0; s < SIX_DROP_STREAMS; s++) {
            unsigned drawn = 0;
#pragma GCC unroll 4
            for (int part = 0; part < SIX_WORD_PARTS; part++)
                drawn |= six_which_greater(draw(&state[s][part]), limit) << (part * SIX_WORD_WIDTH);
            bits[f + s] = (uint16_t)drawn;
            if (f + s < size)
                keep(x + (f + s) * run->lanes, y + (f + s) * run->lanes, drawn, factor, run->lanes);
        }
    }
}

void six_drop_back(const six_run *run, double p, const real *dy, real *dx, int64_t size, const uint16_t *bits)
{
    const real factor = factor_of(p);
    for (int64_t f = 0; f < size; f++)
        keep(dy + f * run->lanes, dx + f * run->lanes, bits[f], factor, run->lanes);
}
