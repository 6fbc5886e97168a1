/* SPDX-License-Identifier: MIT */
#include "rng.h"

#include <math.h>
#include <string.h>

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

six_stream six_stream_at(uint64_t key, uint64_t stream)
{
    return (six_stream){.key = key, .stream = stream};
}

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

double six_stream_uniform(six_stream *s)
{
    return (double)(two_words(s) >> 11) * 0x1p-53;
}

/* The logarithm of a positive normal number: x = m * 2^e with m from sqrt(1/2) to sqrt(2), log m = 2 atanh((m - 1) / (m + 1)). */
static double logarithm(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000FFFFFFFFFFFFF)) | UINT64_C(0x3FF0000000000000);
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        e++;
    }
    double s = (m - 1.0) / (m + 1.0), square = s * s, sum = 0.0;
    for (int k = 23; k >= 1; k -= 2)
        sum = sum * square + 1.0 / k;
    return e * 0x1.62e42fefa39efp-1 + 2.0 * s * sum;
}

/* 1 - x^2 / (first (first + 1)) (1 - x^2 / ((first + 2) (first + 3)) (...)): cos x for first = 1, sin x / x for first = 2. */
static double alternating(double x, int first)
{
    double square = x * x, sum = 1.0;
    for (int k = first + 16; k >= first; k -= 2)
        sum = 1.0 - sum * square / (k * (k + 1));
    return sum;
}

/* cos(2 pi u) for u from 0 to 1, from the nearest quarter turn. */
static double cosine_of_turn(double u)
{
    int quarter = (int)(4.0 * u + 0.5);
    double x = (u - 0.25 * quarter) * 0x1.921fb54442d18p+2;
    double value = quarter % 2 ? x * alternating(x, 2) : alternating(x, 1);
    return quarter % 4 == 1 || quarter % 4 == 2 ? -value : value;
}

double six_stream_normal(six_stream *s)
{
    double radius = sqrt(-2.0 * logarithm(1.0 - six_stream_uniform(s)));
    return radius * cosine_of_turn(six_stream_uniform(s));
}
