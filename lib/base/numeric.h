/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_NUMERIC_H
#define SIX_BASE_NUMERIC_H

#include <stdbool.h>
#include <stdint.h>

/* base to the power of a whole exponent >= 0, by squaring; bit-identical on every machine. */
static inline double six_power(double base, int64_t exponent)
{
    double power = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            power *= base;
        base *= base;
    }
    return power;
}

/* Whether a number counts something: whole, from 0 to 2^53. */
static inline bool six_is_count(double x) { return x >= 0 && x <= 0x1p53 && x == (double)(int64_t)x; }

#endif
