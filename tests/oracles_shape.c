/* SPDX-License-Identifier: MIT */

/* Layers that move, choose or reduce values, in plain double; see oracles.h. */

#include "oracles.h"

#include <math.h>
#include <string.h>

void oracle_rearrange(const double *x, const int64_t *in, int rank, const oracle_axis *axis, const int64_t *out,
                      double *y)
{
    int64_t stride[8] = {0}, size = 1, next = 1;
    for (int d = rank - 1; d >= 0; d--) {
        stride[d] = next;
        next *= in[d];
        size *= out[d];
    }
    for (int64_t at = 0; at < size; at++) {
        int64_t rest = at, from = 0;
        for (int d = rank - 1; d >= 0; rest /= out[d], d--) {
            const int64_t i = rest % out[d];
            from +=
                (axis[d].index ? (int64_t)axis[d].index[i] : axis[d].start + i * axis[d].step) * stride[axis[d].from];
        }
        y[at] = x[from];
    }
}

void oracle_reduce(const char *kind, const double *x, const int64_t *in, int rank, const int *reduced, double *y)
{
    int64_t count = 1, size = 1;
    for (int d = 0; d < rank; d++)
        *(reduced[d] ? &count : &size) *= in[d];
    for (int64_t o = 0; o < size; o++)
        y[o] = strcmp(kind, "reduce_max") == 0 ? -HUGE_VAL : strcmp(kind, "reduce_min") == 0 ? HUGE_VAL : 0;
    for (int64_t at = 0; at < size * count; at++) {
        int64_t rest = at, to = 0, stride = 1;
        for (int d = rank - 1; d >= 0; rest /= in[d], d--)
            if (!reduced[d]) {
                to += rest % in[d] * stride;
                stride *= in[d];
            }
        if (strcmp(kind, "reduce_max") == 0)
            y[to] = fmax(y[to], x[at]);
        else if (strcmp(kind, "reduce_min") == 0)
            y[to] = fmin(y[to], x[at]);
        else
            y[to] += strcmp(kind, "reduce_mean") == 0 ? x[at] / (double)count : x[at];
    }
}

void oracle_cosine_similarity(const double *a, const double *b, int64_t outer, int64_t size, int64_t inner, double eps,
                              double *y)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double dot = 0, aa = 0, bb = 0;
            for (int64_t k = 0; k < size; k++) {
                const double u = a[(o * size + k) * inner + i], v = b[(o * size + k) * inner + i];
                dot += u * v;
                aa += u * u;
                bb += v * v;
            }
            y[o * inner + i] = dot / (fmax(sqrt(aa), eps) * fmax(sqrt(bb), eps));
        }
}
