/* SPDX-License-Identifier: MIT */
#include "rng.h"

#include <math.h>

#include "portable_math.h"

six_philox six_philox_at(uint64_t key, uint64_t counter_low, uint64_t counter_high)
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)counter_low, c1 = (uint32_t)(counter_low >> 32);
    uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = UINT64_C(0xD2511F53) * c0, p1 = UINT64_C(0xCD9E8D57) * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    return (six_philox){{c0, c1, c2, c3}};
}

uint64_t six_key_for(uint64_t seed, uint64_t purpose)
{
    const six_philox words = six_philox_at(seed, purpose, UINT64_MAX);
    return (uint64_t)words.word[0] << 32 | words.word[1];
}

six_stream six_stream_at(uint64_t key, uint64_t stream) { return (six_stream){.key = key, .stream = stream}; }

uint32_t six_stream_word(six_stream *s)
{
    if (s->position % 4 == 0)
        s->block = six_philox_at(s->key, s->position / 4, s->stream);
    return s->block.word[s->position++ % 4];
}

static uint64_t two_words(six_stream *s)
{
    uint64_t low = six_stream_word(s);
    return (uint64_t)six_stream_word(s) << 32 | low;
}

uint64_t six_stream_below(six_stream *s, uint64_t bound)
{
    uint64_t surplus = (0 - bound) % bound; /* 2^64 mod bound: the rest is a multiple of bound */
    uint64_t x = two_words(s);
    while (x < surplus)
        x = two_words(s);
    return x % bound;
}

double six_stream_uniform(six_stream *s) { return (double)(two_words(s) >> 11) * 0x1p-53; }

double six_stream_between(six_stream *s, double low, double high) { return low + (high - low) * six_stream_uniform(s); }

double six_stream_normal(six_stream *s)
{
    double radius = sqrt(-2.0 * six_portable_log(1.0 - six_stream_uniform(s)));
    return radius * six_portable_cosine(six_stream_uniform(s));
}
