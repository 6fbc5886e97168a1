/* SPDX-License-Identifier: MIT */

/* exponential_lr, as torch.optim.lr_scheduler.ExponentialLR:
 *
 *     lr = base gamma^t      after t epochs */

#include "schedules/schedule.h"

typedef struct exponential_lr {
    double gamma;
} exponential_lr;

static const six_attr attrs[] = {
    SIX_GAMMA_ATTR(exponential_lr, NULL),
    {.name = NULL},
};

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const exponential_lr *a = attr;
    (void)state;
    return base * six_power(a->gamma, t);
}

const six_schedule_kind six_schedule_exponential_lr = {
    .kind = {"exponential_lr", "drops the rate after every epoch", attrs, sizeof(exponential_lr)},
    .rate = rate,
};
