/* SPDX-License-Identifier: MIT */

/* cyclic_lr, as torch.optim.lr_scheduler.CyclicLR: in cycle c = 0, 1, ... the rate rises from base_lr to its peak in step_size_up steps and
 * falls back in step_size_down, both along a line. The peak is above base_lr by
 *
 *     (max_lr - base_lr) f,   f = 1 (triangular), 1 / 2^c (triangular2), gamma^t after t steps (exp_range)
 *
 * and the momentum as far below max_momentum, in the scale of base_momentum.
 *
 * Smith, "Cyclical learning rates for training neural networks", 2017. */

#include <math.h>

#include "schedules/schedule.h"

typedef struct cyclic_lr {
    double base_lr, max_lr;
    int64_t step_size_up, step_size_down;
    int32_t mode;
    double gamma;
    int32_t cycle_momentum;
    double base_momentum, max_momentum;
} cyclic_lr;

enum { TRIANGULAR, TRIANGULAR2, EXP_RANGE };

static const six_attr attrs[] = {
    {"base_lr", SIX_FLOAT, offsetof(cyclic_lr, base_lr), 0, DBL_MAX, NULL, NULL,
     "the smallest rate, whatever the optimizer's"},
    {"max_lr", SIX_FLOAT, offsetof(cyclic_lr, max_lr), 0, DBL_MAX, NULL, NULL, "the largest rate"},
    {"step_size_up", SIX_INT, offsetof(cyclic_lr, step_size_up), 1, 0x1p52, "2000", NULL, "steps that rise"},
    {"step_size_down", SIX_INT, offsetof(cyclic_lr, step_size_down), 0, 0x1p52, "0", NULL,
     "steps that fall; 0 for step_size_up"},
    {"mode", SIX_CHOICE, offsetof(cyclic_lr, mode), 0, 0, "triangular", "triangular triangular2 exp_range",
     "how the peaks go on: equal, halved, or by gamma"},
    {"gamma", SIX_FLOAT, offsetof(cyclic_lr, gamma), 0, 1, "1", NULL, "factor of a step in exp_range"},
    SIX_MOMENTUM_ATTRS(cyclic_lr, "0.8", "0.9"),
    {.name = NULL},
};

static bool counts_steps(const void *attr)
{
    (void)attr;
    return true;
}

/* How far up the rate is after t steps, as a share of max_lr - base_lr. */
static double height(const cyclic_lr *a, int64_t t)
{
    const int64_t down = a->step_size_down ? a->step_size_down : a->step_size_up, length = a->step_size_up + down,
                  in = t % length;
    const double share =
        in <= a->step_size_up ? (double)in / (double)a->step_size_up : (double)(length - in) / (double)down;
    if (a->mode == TRIANGULAR)
        return share;
    return share * (a->mode == TRIANGULAR2 ? six_power(0.5, t / length) : six_power(a->gamma, t));
}

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const cyclic_lr *a = attr;
    (void)state;
    (void)base;
    return a->base_lr + (a->max_lr - a->base_lr) * height(a, t);
}

static double momentum(const void *attr, int64_t t)
{
    const cyclic_lr *a = attr;
    if (!a->cycle_momentum)
        return (double)NAN;
    return a->max_momentum - (a->max_momentum - a->base_momentum) * height(a, t);
}

const six_schedule_kind six_schedule_cyclic_lr = {
    .kind = {"cyclic_lr", "raises and lowers the rate again and again, by steps", attrs, sizeof(cyclic_lr)},
    .counts_steps = counts_steps,
    .rate = rate,
    .momentum = momentum,
};
