/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_CLOCK_H
#define SIX_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of a clock that nobody sets. */
static inline int64_t six_nanoseconds(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
