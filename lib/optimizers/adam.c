/* SPDX-License-Identifier: MIT */

#include "optimizers/adam.h"

static const six_attr attrs[] = {SIX_ADAM_ATTRS("0", "L2 penalty"), {.name = NULL}};

static int32_t slots(const void *attr) { return six_adam_slots(attr); }

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    return six_adam_bound(attr, false, u, most);
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    six_adam_update(attr, false, u, w, g, state, n);
}

SIX_OPTIMIZER(adam) = {
    .kind = {"adam", "Adam: steps scaled by the mean squared gradient", attrs, sizeof(adam)},
    .slots = slots,
    .momentum = offsetof(adam, beta1),
    .squares = 2 | 4,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(adam) = {.update = update};
