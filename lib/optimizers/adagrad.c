/* SPDX-License-Identifier: MIT */

/* Adagrad, as torch.optim.Adagrad (Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011), in step t = 1, 2, ...:
 *
 *     s = s + g^2        s = initial_accumulator_value at first
 *     w = w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps) */

#include "optimizers/update.h"

typedef struct adagrad {
    six_optimizer_common common;
    double lr_decay, weight_decay, initial_accumulator_value, eps;
} adagrad;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("0.01"),
    {"lr_decay", SIX_FLOAT, offsetof(adagrad, lr_decay), 0, DBL_MAX, "0", NULL,
     "step t + 1 divides the rate by 1 + t lr_decay"},
    SIX_WEIGHT_DECAY_ATTR(adagrad, "0", "L2 penalty"),
    {"initial_accumulator_value", SIX_FLOAT, offsetof(adagrad, initial_accumulator_value), 0, DBL_MAX, "0", NULL,
     "sum of squares before the first step"},
    SIX_EPS_ATTR(adagrad, "1e-10", "added to the divisor"),
    {.name = NULL},
};

static int32_t slots(const void *attr)
{
    (void)attr;
    return 1;
}

static double rate_of(const adagrad *a, const six_update *u)
{
    return u->lr / (1 + (double)(u->step - 1) * a->lr_decay);
}

static double initial_sum(const adagrad *a, const six_update *u)
{
    return u->step == 1 ? a->initial_accumulator_value : 0;
}

typedef struct constants {
    six_gradient gradient;
    vec lr, initial, eps;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    const vec old = six_load(w + i), d = six_gradient_at(&k->gradient, g + i, old);
    const vec s = six_fma(d, d, six_load(state[0] + i) + k->initial);
    six_store(state[0] + i, s);
    six_store(w + i, six_fma(-k->lr, d / (six_sqrt(s) + k->eps), old));
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const adagrad *a = attr;
    const double d = six_gradient_bound(u, six_weight_decay(u, a->weight_decay), most),
                 step = six_quotient_bound(d, a->eps), lr = rate_of(a, u);
    return most->values + lr * step + step + most->state + d * d + initial_sum(a, u) + lr + a->eps;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const adagrad *a = attr;
    const constants k = {
        .gradient = six_gradient_of(u, six_weight_decay(u, a->weight_decay)),
        .lr = six_set((real)rate_of(a, u)),
        .initial = six_set((real)initial_sum(a, u)),
        .eps = six_set((real)a->eps),
    };
    six_update_all(update_vec, &k, 1, w, g, state, n);
}

SIX_OPTIMIZER(adagrad) = {
    .kind = {"adagrad", "steps scaled by the root of the sum of squared gradients", attrs, sizeof(adagrad)},
    .slots = slots,
    .squares = 1,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(adagrad) = {.update = update};
