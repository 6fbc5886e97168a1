/* SPDX-License-Identifier: MIT */
#include "cpu.h"

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)

#include <cpuid.h>
#include <stdbool.h>

/* The register states that the operating system saves for every thread: bits of XCR0. */
enum { STATE_YMM = 0x06, STATE_ZMM = 0xE6 };

static uint32_t saved_states(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has(uint32_t bits, uint32_t wanted) { return (bits & wanted) == wanted; }

uint32_t six_cpu_features(void)
{
    uint32_t a, b, c, d, features = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, bit_OSXSAVE | bit_AVX))
        return 0;
    bool fma = has(c, bit_FMA);
    uint32_t states = saved_states();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    if (fma && has(b, bit_AVX2) && has(states, STATE_YMM))
        features |= SIX_CPU_AVX2;
    if (features && has(b, bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL) && has(states, STATE_ZMM))
        features |= SIX_CPU_AVX512;
    return features;
}

#elif defined(__aarch64__)

uint32_t six_cpu_features(void) { return SIX_CPU_NEON; }

#else

uint32_t six_cpu_features(void) { return 0; }

#endif
