/* SPDX-License-Identifier: MIT */

/* one_cycle_lr, as torch.optim.lr_scheduler.OneCycleLR: from max_lr / div_factor to max_lr in the first pct_start of the steps, then to the
 * first rate divided by final_div_factor; with three_phase back to the first rate in as many steps as it rose, then to the last. Each
 * phase goes from its first rate to its last along a cosine or a line. With cycle_momentum the momentum falls from max_momentum to
 * base_momentum while the rate rises, rises again as the rate falls, and stays in the third phase.
 *
 * Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018. */

#include <math.h>

#include "schedules/cosine.h"
#include "schedules/schedule.h"

typedef struct one_cycle_lr {
    double max_lr;
    int64_t total_steps;
    double pct_start;
    int32_t anneal_strategy;
    double div_factor, final_div_factor;
    int32_t three_phase, cycle_momentum;
    double base_momentum, max_momentum;
} one_cycle_lr;

enum { ANNEAL_COS, ANNEAL_LINEAR };

static const six_attr attrs[] = {
    {"max_lr", SIX_FLOAT, offsetof(one_cycle_lr, max_lr), 0, DBL_MAX, NULL, NULL,
     "the largest rate, whatever the optimizer's"},
    SIX_COUNT_ATTR(one_cycle_lr, total_steps, "steps of the whole cycle, after which the rate stays"),
    {"pct_start", SIX_FLOAT, offsetof(one_cycle_lr, pct_start), 0, 1, "0.3", NULL, "share of the steps that rise"},
    {"anneal_strategy", SIX_CHOICE, offsetof(one_cycle_lr, anneal_strategy), 0, 0, "cos", "cos linear",
     "how it rises and falls"},
    {"div_factor", SIX_FLOAT, offsetof(one_cycle_lr, div_factor), SIX_ABOVE_ZERO, DBL_MAX, "25", NULL,
     "the first rate is max_lr divided by it"},
    {"final_div_factor", SIX_FLOAT, offsetof(one_cycle_lr, final_div_factor), SIX_ABOVE_ZERO, DBL_MAX, "10000", NULL,
     "the last rate is the first divided by it"},
    {"three_phase", SIX_BOOL, offsetof(one_cycle_lr, three_phase), 0, 1, "false", NULL,
     "falls to the first rate as it rose, then to the last"},
    SIX_MOMENTUM_ATTRS(one_cycle_lr, "0.85", "0.95"),
    {.name = NULL},
};

static bool counts_steps(const void *attr)
{
    (void)attr;
    return true;
}

/* The rate at step t of a phase that leads from one step and rate to another. */
static double anneal(const one_cycle_lr *a, double t, double begin, double end, double from, double to)
{
    if (!(begin < end))
        return to;
    if (a->anneal_strategy == ANNEAL_LINEAR)
        return from + (to - from) * ((t - begin) / (end - begin));
    return to + (from - to) * six_cosine_rise((end - t) / (end - begin));
}

/* What the phases go through: from `first` to `peak`, and to `last`, by `turn` if there is a phase between. */
static double cycle(const one_cycle_lr *a, int64_t t, double first, double peak, double turn, double last)
{
    const double end = (double)a->total_steps - 1, now = fmin((double)t, end);
    const double top = a->pct_start * (double)a->total_steps - 1, back = 2 * a->pct_start * (double)a->total_steps - 2;
    if (now <= top)
        return anneal(a, now, 0, top, first, peak);
    if (!a->three_phase)
        return anneal(a, now, top, end, peak, last);
    return now <= back ? anneal(a, now, top, back, peak, turn) : anneal(a, now, back, end, turn, last);
}

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const one_cycle_lr *a = attr;
    const double first = a->max_lr / a->div_factor;
    (void)state;
    (void)base;
    return cycle(a, t, first, a->max_lr, first, first / a->final_div_factor);
}

static double momentum(const void *attr, int64_t t)
{
    const one_cycle_lr *a = attr;
    const double most = a->max_momentum;
    return a->cycle_momentum ? cycle(a, t, most, a->base_momentum, most, most) : (double)NAN;
}

const six_schedule_kind six_schedule_one_cycle_lr = {
    .kind = {"one_cycle_lr", "raises the rate, then lowers it far, by steps", attrs, sizeof(one_cycle_lr)},
    .counts_steps = counts_steps,
    .rate = rate,
    .momentum = momentum,
};
