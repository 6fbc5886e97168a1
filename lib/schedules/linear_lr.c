/* SPDX-License-Identifier: MIT */

/* linear_lr, as torch.optim.lr_scheduler.LinearLR:
 *
 *     lr = base (start_factor + (end_factor - start_factor) min(t / total_iters, 1))      after t epochs */

#include "schedules/schedule.h"

typedef struct linear_lr {
    double start_factor, end_factor;
    int64_t total_iters;
} linear_lr;

static const six_attr attrs[] = {
    {"start_factor", SIX_FLOAT, offsetof(linear_lr, start_factor), SIX_ABOVE_ZERO, 1, "0.3333333333333333", NULL,
     "the first rate / the optimizer's"},
    SIX_FACTOR_ATTR(linear_lr, end_factor, "1", "the last rate / the optimizer's"),
    {"total_iters", SIX_INT, offsetof(linear_lr, total_iters), 1, 0x1p53, "5", NULL, "epochs until the last rate"},
    {.name = NULL},
};

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const linear_lr *a = attr;
    const double done = t < a->total_iters ? (double)t / (double)a->total_iters : 1;
    (void)state;
    return base * (a->start_factor + (a->end_factor - a->start_factor) * done);
}

const six_schedule_kind six_schedule_linear_lr = {
    .kind = {"linear_lr", "moves the rate along a line, by epochs", attrs, sizeof(linear_lr)},
    .rate = rate,
};
