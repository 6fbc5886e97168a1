/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_DECIMAL_H
#define SIX_BASE_DECIMAL_H

/* Decimal numbers and doubles, converted exactly and then rounded to nearest, ties to even, by integers alone: neither the floating-point
 * modes of the thread (rounding, denormals, traps) nor the locale nor the C library has a part in it. */

#include <stdint.h>

enum { SIX_DECIMAL_MAX = 1000, SIX_DECIMAL_SHORTEST = 17 };

/* The digits, 1 to SIX_DECIMAL_MAX of them, as a whole number times 10^exponent. */
double six_decimal_value(const char *digits, int count, int64_t exponent);

/* The fewest digits that read back as size, which is finite and not negative: 0.DIGITS times 10^(what is returned). */
int six_decimal_shortest(double size, char digits[static SIX_DECIMAL_SHORTEST + 1]);

#endif
