/* SPDX-License-Identifier: MIT */

#include "optimizers/adam.h"

static const six_attr attrs[] = {SIX_ADAM_ATTRS("0.01", "share of a weight that a step of lr=1 takes away"),
                                 {.name = NULL}};

static int32_t slots(const void *attr) { return six_adam_slots(attr); }

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    return six_adam_bound(attr, true, u, most);
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    six_adam_update(attr, true, u, w, g, state, n);
}

SIX_OPTIMIZER(adamw) = {
    .kind = {"adamw", SIX_BASELINE_ONLY("Adam with weight decay apart from the gradient"), SIX_BASELINE_ONLY(attrs),
             sizeof(adam)},
    .slots = SIX_BASELINE_ONLY(slots),
    .squares = 2 | 4,
    .bound = SIX_BASELINE_ONLY(bound),
    .update = update,
};
