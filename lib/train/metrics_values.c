/* SPDX-License-Identifier: MIT */

/* Metrics of numbers y for targets t, each for one output over all samples, and then the mean over the outputs, as in scikit-learn:
 * mae = mean |t - y|, rmse = sqrt(mean (t - y)^2), r2 = 1 - sum (t - y)^2 / sum (t - mean t)^2; where all targets are equal r2 is 1 if
 * all outputs are right, else 0. */

#include <math.h>

#include "train/metrics.h"

typedef struct errors {
    double absolute, square, r2;
} errors;

static errors errors_of(const six_results *r, int64_t k)
{
    const int64_t n = r->samples, size = r->outputs;
    double absolute = 0, square = 0, mean = 0, variance = 0;
    for (int64_t i = 0; i < n; i++)
        mean += r->target[i * size + k];
    mean /= (double)n;
    for (int64_t i = 0; i < n; i++) {
        const double t = r->target[i * size + k], d = t - r->output[i * size + k];
        absolute += fabs(d);
        square += d * d;
        variance += (t - mean) * (t - mean);
    }
    const double constant = square == 0 ? 1 : 0;
    const double r2 = variance > 0 ? 1 - square / variance : constant;
    return (errors){absolute / (double)n, sqrt(square / (double)n), n < 2 ? (double)NAN : r2};
}

void six_metrics_of_values(six_metrics *m, const six_results *r)
{
    errors sum = {0, 0, 0};
    const double count = (double)r->outputs;
    for (int64_t k = 0; k < r->outputs; k++) {
        const errors e = errors_of(r, k);
        sum = (errors){sum.absolute + e.absolute, sum.square + e.square, sum.r2 + e.r2};
    }
    six_metrics_add_number(m, "mae", sum.absolute / count);
    six_metrics_add_number(m, "rmse", sum.square / count);
    six_metrics_add_number(m, "r2", sum.r2 / count);
}
