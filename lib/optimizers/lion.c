/* SPDX-License-Identifier: MIT */

/* Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2):
 *
 *     c = beta1 m + (1 - beta1) g
 *     w = w - lr (sign(c) + weight_decay w)
 *     m = beta2 m + (1 - beta2) g */

#include "optimizers/update.h"
#include "simd/lane_math.h"

typedef struct lion {
    six_optimizer_common common;
    double beta1, beta2, weight_decay;
} lion;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("0.0001"),
    {"beta1", SIX_FLOAT, offsetof(lion, beta1), SIX_BELOW_ONE, "0.9", NULL, "share of the mean in a step's direction"},
    {"beta2", SIX_FLOAT, offsetof(lion, beta2), SIX_BELOW_ONE, "0.99", NULL, "decay of the mean gradient"},
    SIX_WEIGHT_DECAY_ATTR(lion, "0", "share of a weight that a step of lr=1 takes away"),
    {.name = NULL},
};

static int32_t slots(const void *attr)
{
    (void)attr;
    return 1;
}

static double keep_of(const lion *a, const six_update *u) { return 1 - u->lr * six_weight_decay(u, a->weight_decay); }

typedef struct constants {
    six_gradient gradient;
    vec keep, beta1, fresh1, beta2, fresh2, lr;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    const vec old = six_load(w + i), d = six_gradient_at(&k->gradient, g + i, old);
    const vec direction = six_fma(k->beta1, six_load(state[0] + i), k->fresh1 * d);
    six_moving_mean(state[0] + i, k->beta2, k->fresh2, d);
    six_store(w + i, six_fma(-k->lr, six_sign(direction), old * k->keep));
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const double keep = fabs(keep_of(attr, u));
    return keep * (1 + most->values) + most->state + six_gradient_bound(u, 0, most) + u->lr;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const lion *a = attr;
    const constants k = {
        .gradient = six_gradient_of(u, 0),
        .keep = six_set((real)keep_of(a, u)),
        .beta1 = six_set((real)a->beta1),
        .fresh1 = six_set((real)(1 - a->beta1)),
        .beta2 = six_set((real)a->beta2),
        .fresh2 = six_set((real)(1 - a->beta2)),
        .lr = six_set((real)u->lr),
    };
    six_update_all(update_vec, &k, 1, w, g, state, n);
}

SIX_OPTIMIZER(lion) = {
    .kind = {"lion", "steps of equal size along the sign of a mean gradient", attrs, sizeof(lion)},
    .slots = slots,
    .momentum = offsetof(lion, beta1),
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(lion) = {.update = update};
