/* SPDX-License-Identifier: MIT */

/* cosine_annealing_lr, as torch.optim.lr_scheduler.CosineAnnealingLR:
 *
 *     lr = eta_min + (base - eta_min) (1 + cos(pi t / t_max)) / 2      after t epochs
 *
 * Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017. */

#include "schedules/cosine.h"
#include "schedules/schedule.h"

typedef struct cosine_annealing_lr {
    int64_t t_max;
    double eta_min;
} cosine_annealing_lr;

static const six_attr attrs[] = {
    SIX_COUNT_ATTR(cosine_annealing_lr, t_max, "epochs from the largest rate to the smallest"),
    SIX_ETA_MIN_ATTR(cosine_annealing_lr),
    {.name = NULL},
};

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const cosine_annealing_lr *a = attr;
    const int64_t phase = t % (2 * a->t_max);
    const int64_t from_lowest = phase < a->t_max ? a->t_max - phase : phase - a->t_max;
    (void)state;
    return a->eta_min + (base - a->eta_min) * six_cosine_rise((double)from_lowest / (double)a->t_max);
}

const six_schedule_kind six_schedule_cosine_annealing_lr = {
    .kind = {"cosine_annealing_lr", "lowers the rate along a cosine, by epochs", attrs, sizeof(cosine_annealing_lr)},
    .rate = rate,
};
