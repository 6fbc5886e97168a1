/* SPDX-License-Identifier: MIT */

/* Adadelta, as torch.optim.Adadelta (Zeiler, "ADADELTA: an adaptive learning rate method", 2012):
 *
 *     v = rho v + (1 - rho) g^2
 *     d = sqrt(a + eps) / sqrt(v + eps) g
 *     a = rho a + (1 - rho) d^2
 *     w = w - lr d */

#include "optimizers/update.h"

typedef struct adadelta {
    six_optimizer_common common;
    double rho, eps, weight_decay;
} adadelta;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("1"),
    {"rho", SIX_FLOAT, offsetof(adadelta, rho), SIX_BELOW_ONE, "0.9", NULL, "decay of the mean squares"},
    SIX_EPS_ATTR(adadelta, "1e-6", "added to the mean squares"),
    SIX_WEIGHT_DECAY_ATTR(adadelta, "0", "L2 penalty"),
    {.name = NULL},
};

static int32_t slots(const void *attr)
{
    (void)attr;
    return 2;
}

typedef struct constants {
    six_gradient gradient;
    vec lr, rho, fresh, eps;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    const vec old = six_load(w + i), d = six_gradient_at(&k->gradient, g + i, old);
    const vec v = six_moving_mean(state[0] + i, k->rho, k->fresh, d * d);
    const vec step = six_sqrt(six_load(state[1] + i) + k->eps) / six_sqrt(v + k->eps) * d;
    six_moving_mean(state[1] + i, k->rho, k->fresh, step * step);
    six_store(w + i, six_fma(-k->lr, step, old));
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const adadelta *a = attr;
    const double d = six_gradient_bound(u, six_weight_decay(u, a->weight_decay), most),
                 ratio = six_quotient_bound(sqrt(most->state + a->eps) * sqrt(a->eps), a->eps), step = ratio * d;
    return most->values + u->lr * step + step * step + step + ratio + most->state + d * d + u->lr + a->eps;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const adadelta *a = attr;
    const constants k = {
        .gradient = six_gradient_of(u, six_weight_decay(u, a->weight_decay)),
        .lr = six_set((real)u->lr),
        .rho = six_set((real)a->rho),
        .fresh = six_set((real)(1 - a->rho)),
        .eps = six_set((real)a->eps),
    };
    six_update_all(update_vec, &k, 2, w, g, state, n);
}

SIX_OPTIMIZER(adadelta) = {
    .kind = {"adadelta", "steps scaled by the mean squares of gradients and of steps", attrs, sizeof(adadelta)},
    .slots = slots,
    .squares = 1 | 2,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(adadelta) = {.update = update};
