/* SPDX-License-Identifier: MIT */

/* step_lr, as torch.optim.lr_scheduler.StepLR:
 *
 *     lr = base gamma^floor(t / step_size)      after t epochs */

#include "schedules/schedule.h"

typedef struct step_lr {
    int64_t step_size;
    double gamma;
} step_lr;

static const six_attr attrs[] = {
    SIX_COUNT_ATTR(step_lr, step_size, "epochs from one drop to the next"),
    SIX_GAMMA_ATTR(step_lr, "0.1"),
    {.name = NULL},
};

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const step_lr *a = attr;
    (void)state;
    return base * six_power(a->gamma, t / a->step_size);
}

const six_schedule_kind six_schedule_step_lr = {
    .kind = {"step_lr", "drops the rate every so many epochs", attrs, sizeof(step_lr)},
    .rate = rate,
};
