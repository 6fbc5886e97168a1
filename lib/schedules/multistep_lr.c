/* SPDX-License-Identifier: MIT */

/* multistep_lr, as torch.optim.lr_scheduler.MultiStepLR:
 *
 *     lr = base gamma^k      after t epochs, where k milestones are t or less */

#include "schedules/schedule.h"

typedef struct multistep_lr {
    six_list milestones;
    double gamma;
} multistep_lr;

static const six_attr attrs[] = {
    {"milestones", SIX_LIST, offsetof(multistep_lr, milestones), 0, 0x1p53, NULL, NULL,
     "epochs after which the rate drops"},
    SIX_GAMMA_ATTR(multistep_lr, "0.1"),
    {.name = NULL},
};

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const multistep_lr *a = attr;
    int64_t passed = 0;
    (void)state;
    for (int32_t i = 0; i < a->milestones.count; i++)
        passed += a->milestones.value[i] <= (double)t;
    return base * six_power(a->gamma, passed);
}

const six_schedule_kind six_schedule_multistep_lr = {
    .kind = {"multistep_lr", "drops the rate after certain epochs", attrs, sizeof(multistep_lr)},
    .rate = rate,
};
