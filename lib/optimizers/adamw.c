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
    .kind = {"adamw", "Adam with weight decay decoupled from the gradient", attrs, sizeof(adam)},
    .slots = slots,
    .momentum = offsetof(adam, beta1),
    .squares = 2 | 4,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(adamw) = {.update = update};
