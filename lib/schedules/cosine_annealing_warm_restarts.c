/* SPDX-License-Identifier: MIT */

/* cosine_annealing_warm_restarts, as torch.optim.lr_scheduler.CosineAnnealingWarmRestarts: the cycles are t_0, t_0 t_mult, t_0 t_mult^2,
 * ... epochs long, and after s epochs of a cycle of T
 *
 *     lr = eta_min + (base - eta_min) (1 + cos(pi s / T)) / 2
 *
 * Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017. */

#include <math.h>

#include "schedules/cosine.h"
#include "schedules/schedule.h"

typedef struct warm_restarts {
    int64_t t_0, t_mult;
    double eta_min;
} warm_restarts;

static const six_attr attrs[] = {
    SIX_COUNT_ATTR(warm_restarts, t_0, "epochs of the first cycle"),
    {"t_mult", SIX_INT, offsetof(warm_restarts, t_mult), 1, 0x1p53, "1", NULL, "length of a cycle / the one before"},
    SIX_ETA_MIN_ATTR(warm_restarts),
    {.name = NULL},
};

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const warm_restarts *a = attr;
    double length = (double)a->t_0, in = a->t_mult == 1 ? (double)(t % a->t_0) : (double)t;
    (void)state;
    for (; in >= length; length *= (double)a->t_mult)
        in -= length;
    return a->eta_min + (base - a->eta_min) * six_cosine_rise((length - in) / length);
}

const six_schedule_kind six_schedule_cosine_annealing_warm_restarts = {
    .kind = {"cosine_annealing_warm_restarts", "lowers the rate along a cosine again and again", attrs,
             sizeof(warm_restarts)},
    .rate = rate,
};
