/* SPDX-License-Identifier: MIT */
#include "portable_math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* x = m * 2^e with m from sqrt(1/2) to sqrt(2), log m = 2 atanh((m - 1) / (m + 1)). */
double six_portable_log(double x)
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

/* x = k log 2 + r with r from -log 2 / 2 to log 2 / 2, exp x = 2^k exp r; log 2 in two parts, of which the first has no last bits. */
double six_portable_exp(double x)
{
    if (x < -708.0)
        return 0.0;
    if (x > 709.0)
        return (double)INFINITY;
    const double k = floor(x * 0x1.71547652b82fep+0 + 0.5);
    const double r = (x - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
    double sum = 1.0, power;
    for (int n = 17; n >= 1; n--)
        sum = 1.0 + sum * r / n;
    const uint64_t bits = (uint64_t)((int)k + 1022) << 52; /* half of 2^k, which may be one too large */
    memcpy(&power, &bits, sizeof power);
    return sum * power * 2.0;
}

/* 1 - x^2 / (first (first + 1)) (1 - x^2 / ((first + 2) (first + 3)) (...)): cos x for first = 1, sin x / x for first = 2. */
static double alternating(double x, int first)
{
    double square = x * x, sum = 1.0;
    for (int k = first + 16; k >= first; k -= 2)
        sum = 1.0 - sum * square / (k * (k + 1));
    return sum;
}

/* From the nearest quarter of a turn. */
double six_portable_cosine(double turns)
{
    double u = turns - floor(turns);
    int quarter = (int)(4.0 * u + 0.5);
    double x = (u - 0.25 * quarter) * 0x1.921fb54442d18p+2;
    double value = quarter % 2 ? x * alternating(x, 2) : alternating(x, 1);
    return quarter % 4 == 1 || quarter % 4 == 2 ? -value : value;
}

double six_portable_sine(double turns) { return six_portable_cosine(turns - 0.25); }
