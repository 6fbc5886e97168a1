/* SPDX-License-Identifier: MIT */
#ifndef SIX_SCHEDULES_COSINE_H
#define SIX_SCHEDULES_COSINE_H

#include <stdbool.h>

/* (1 - cos(pi x)) / 2 = sin^2(pi x / 2) for x from 0 to 1, by the power series of sin. */
static inline double six_cosine_rise(double x)
{
    const bool upper = x > 0.5;
    double z = (upper ? 1 - x : x) * 0x1.921fb54442d18p+0, sum = 1;
    for (int k = 18; k >= 2; k -= 2)
        sum = 1 - sum * z * z / (k * (k + 1));
    double rise = z * sum * (z * sum);
    return upper ? 1 - rise : rise;
}

#endif
