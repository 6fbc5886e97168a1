/* SPDX-License-Identifier: MIT */

/* linear_warmup, as torch.optim.lr_scheduler.LinearLR with end_factor 1:
 *
 *     lr = base (start_factor + (1 - start_factor) min(t / steps, 1))      after t steps or epochs */

#include "schedules/schedule.h"

typedef struct linear_warmup {
    int64_t steps;
    double start_factor;
    int32_t unit;
} linear_warmup;

enum { UNIT_STEP, UNIT_EPOCH };

static const six_attr attrs[] = {
    SIX_COUNT_ATTR(linear_warmup, steps, "how many it takes to reach the full rate"),
    {"start_factor", SIX_FLOAT, offsetof(linear_warmup, start_factor), 0, 1, "0.01", NULL,
     "the first rate / the full rate"},
    {"unit", SIX_CHOICE, offsetof(linear_warmup, unit), 0, 0, "step", "step epoch", "what is counted"},
    {.name = NULL},
};

static bool counts_steps(const void *attr) { return ((const linear_warmup *)attr)->unit == UNIT_STEP; }

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const linear_warmup *a = attr;
    const double done = t < a->steps ? (double)t / (double)a->steps : 1;
    (void)state;
    return base * (a->start_factor + (1 - a->start_factor) * done);
}

const six_schedule_kind six_schedule_linear_warmup = {
    .kind = {"linear_warmup", "raises the rate along a line, by steps or epochs", attrs, sizeof(linear_warmup)},
    .counts_steps = counts_steps,
    .rate = rate,
};
