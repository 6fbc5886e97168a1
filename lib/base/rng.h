/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_RNG_H
#define SIX_BASE_RNG_H

#include <stdint.h>

/* Philox4x32-10, a counter-based generator: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 * The same key and counter give the same four words on any machine and in any order. */
typedef struct six_philox {
    uint32_t word[4];
} six_philox;

six_philox six_philox_at(uint64_t key, uint64_t counter_low, uint64_t counter_high);

/* A key for one purpose, so that what draws for different purposes with one seed never draws the same numbers. */
enum { SIX_KEY_VALUES = 1, SIX_KEY_NODES = 2 };
uint64_t six_key_for(uint64_t seed, uint64_t purpose);

/* A stream of numbers, named by a key and a stream number. */
typedef struct six_stream {
    uint64_t key, stream, position;
    six_philox block;
} six_stream;

six_stream six_stream_at(uint64_t key, uint64_t stream);
uint32_t six_stream_word(six_stream *s);
uint64_t six_stream_below(six_stream *s, uint64_t bound); /* evenly from 0 to bound - 1, bound > 0, without bias */
double six_stream_uniform(six_stream *s);                 /* from [0, 1), 53 bits */
double six_stream_between(six_stream *s, double low, double high); /* from low to high, evenly */
double six_stream_normal(six_stream *s); /* mean 0, deviation 1 (Box-Muller), without libm: same bits everywhere */

#endif
