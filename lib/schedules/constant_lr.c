/* SPDX-License-Identifier: MIT */

/* constant_lr, as torch.optim.lr_scheduler.ConstantLR:
 *
 *     lr = base factor      after t < total_iters epochs, base from then on */

#include "schedules/schedule.h"

typedef struct constant_lr {
    double factor;
    int64_t total_iters;
} constant_lr;

static const six_attr attrs[] = {
    SIX_FACTOR_ATTR(constant_lr, factor, "0.3333333333333333", "the first rate / the optimizer's"),
    {"total_iters", SIX_INT, offsetof(constant_lr, total_iters), 0, 0x1p53, "5", NULL,
     "epochs until the optimizer's rate"},
    {.name = NULL},
};

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const constant_lr *a = attr;
    (void)state;
    return t < a->total_iters ? base * a->factor : base;
}

const six_schedule_kind six_schedule_constant_lr = {
    .kind = {"constant_lr", "lowers the rate for the first epochs", attrs, sizeof(constant_lr)},
    .rate = rate,
};
