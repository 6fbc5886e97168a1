/* SPDX-License-Identifier: MIT */

/* reduce_on_plateau, as torch.optim.lr_scheduler.ReduceLROnPlateau: when a metric has not improved for more than `patience` epochs
 *
 *     lr = max(lr factor, min_lr)      unless that changes lr by eps or less
 *
 * and for `cooldown` epochs afterwards none counts. */

#include <math.h>

#include "schedules/schedule.h"

typedef struct reduce_on_plateau {
    int32_t mode;
    double factor;
    int64_t patience;
    double threshold;
    int32_t threshold_mode;
    int64_t cooldown;
    double min_lr, eps;
} reduce_on_plateau;

enum { MODE_MIN, MODE_MAX };
enum { THRESHOLD_REL, THRESHOLD_ABS };

static const six_attr attrs[] = {
    {"mode", SIX_CHOICE, offsetof(reduce_on_plateau, mode), 0, 0, "min", "min max", "which metric is the better"},
    {"factor", SIX_FLOAT, offsetof(reduce_on_plateau, factor), 0, 1, "0.1", NULL, "what the rate is multiplied with"},
    {"patience", SIX_INT, offsetof(reduce_on_plateau, patience), 0, 0x1p53, "10", NULL,
     "epochs without progress that pass"},
    {"threshold", SIX_FLOAT, offsetof(reduce_on_plateau, threshold), 0, DBL_MAX, "0.0001", NULL,
     "what counts as progress"},
    {"threshold_mode", SIX_CHOICE, offsetof(reduce_on_plateau, threshold_mode), 0, 0, "rel", "rel abs",
     "whether threshold is a share of the best metric or a difference from it"},
    {"cooldown", SIX_INT, offsetof(reduce_on_plateau, cooldown), 0, 0x1p53, "0", NULL,
     "epochs to wait after a reduction"},
    {"min_lr", SIX_FLOAT, offsetof(reduce_on_plateau, min_lr), 0, DBL_MAX, "0", NULL, "the smallest rate"},
    {"eps", SIX_FLOAT, offsetof(reduce_on_plateau, eps), 0, DBL_MAX, "1e-8", NULL, "a smaller reduction is left out"},
    {.name = NULL},
};

/* The state: the factor of the base rate, the best metric, epochs without progress, epochs left to wait. */
enum { FACTOR, BEST, BAD_EPOCHS, COOLDOWN_LEFT, STATE };

static void init(const void *attr, double *state)
{
    state[FACTOR] = 1;
    state[BEST] = ((const reduce_on_plateau *)attr)->mode == MODE_MIN ? DBL_MAX : -DBL_MAX;
}

static bool is_valid(const double *state)
{
    return state[FACTOR] >= 0 && state[FACTOR] <= 1 && !isnan(state[BEST]) && six_is_count(state[BAD_EPOCHS]) &&
           six_is_count(state[COOLDOWN_LEFT]);
}

static bool is_better(const reduce_on_plateau *a, double metric, double best)
{
    const bool relative = a->threshold_mode == THRESHOLD_REL;
    if (a->mode == MODE_MIN)
        return metric < (relative ? best * (1 - a->threshold) : best - a->threshold);
    return metric > (relative ? best * (1 + a->threshold) : best + a->threshold);
}

static void reduce(const reduce_on_plateau *a, double *state, double base)
{
    const double old = base * state[FACTOR], reduced = fmax(old * a->factor, a->min_lr);
    if (old - reduced > a->eps)
        state[FACTOR] = reduced / base;
}

static void end_epoch(const void *attr, double *state, double base, double metric)
{
    const reduce_on_plateau *a = attr;
    if (is_better(a, metric, state[BEST])) {
        state[BEST] = metric;
        state[BAD_EPOCHS] = 0;
    } else {
        state[BAD_EPOCHS]++;
    }
    if (state[COOLDOWN_LEFT] > 0) {
        state[COOLDOWN_LEFT]--;
        state[BAD_EPOCHS] = 0;
    }
    if (state[BAD_EPOCHS] > (double)a->patience) {
        reduce(a, state, base);
        state[COOLDOWN_LEFT] = (double)a->cooldown;
        state[BAD_EPOCHS] = 0;
    }
}

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    (void)attr;
    (void)t;
    return base * state[FACTOR];
}

const six_schedule_kind six_schedule_reduce_on_plateau = {
    .kind = {"reduce_on_plateau", "drops the rate when a metric no longer improves", attrs, sizeof(reduce_on_plateau)},
    .rate = rate,
    .state = STATE,
    .init = init,
    .is_valid = is_valid,
    .end_epoch = end_epoch,
};
