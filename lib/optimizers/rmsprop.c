/* SPDX-License-Identifier: MIT */

/* RMSprop, as torch.optim.RMSprop (Hinton, "Neural networks for machine learning", lecture 6e; centered: Graves, "Generating
 * sequences with recurrent neural networks", 2013):
 *
 *     v = alpha v + (1 - alpha) g^2
 *     m = alpha m + (1 - alpha) g                        centered
 *     r = g / (sqrt(v) + eps)                            centered: v - m^2 for v
 *     b = momentum b + r,  w = w - lr b                  without momentum w = w - lr r
 *
 * v - m^2 is 0 and up but for rounding, so that it is cut at 0. */

#include "optimizers/update.h"

typedef struct rmsprop {
    six_optimizer_common common;
    double alpha, eps, weight_decay, momentum;
    int32_t centered;
} rmsprop;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("0.01"),
    {"alpha", SIX_FLOAT, offsetof(rmsprop, alpha), SIX_BELOW_ONE, "0.99", NULL, "decay of the mean squared gradient"},
    SIX_EPS_ATTR(rmsprop, "1e-8", "added to the divisor"),
    SIX_WEIGHT_DECAY_ATTR(rmsprop, "0", "L2 penalty"),
    {"momentum", SIX_FLOAT, offsetof(rmsprop, momentum), 0, DBL_MAX, "0", NULL, "share of the last step that is kept"},
    {"centered", SIX_BOOL, offsetof(rmsprop, centered), 0, 1, "false", NULL, "divide by the deviation of the gradient"},
    {.name = NULL},
};

static int32_t slots(const void *attr)
{
    const rmsprop *a = attr;
    return 1 + (a->centered != 0) + (a->momentum > 0);
}

typedef struct constants {
    six_gradient gradient;
    vec lr, alpha, fresh, eps, momentum;
    bool has_momentum, centered;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    vec old = six_load(w + i);
    vec d = six_gradient_at(&k->gradient, g + i, old);
    vec v = six_fma(k->alpha, six_load(state[0] + i), k->fresh * d * d);
    six_store(state[0] + i, v);
    if (k->centered) {
        vec m = six_fma(k->alpha, six_load(state[1] + i), k->fresh * d);
        six_store(state[1] + i, m);
        v = six_max((vec){0}, six_fma(-m, m, v));
    }
    vec r = d / (six_sqrt(v) + k->eps);
    if (k->has_momentum) {
        real *b = state[k->centered ? 2 : 1] + i;
        r = six_fma(k->momentum, six_load(b), r);
        six_store(b, r);
    }
    six_store(w + i, six_fma(-k->lr, r, old));
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const rmsprop *a = attr;
    const double d = six_gradient_bound(u, six_weight_decay(u, a->weight_decay), most), m = most->state + d,
                 v = most->state + d * d + m * m;
    const double step = a->momentum * most->state + six_quotient_bound(d, a->eps);
    return most->values + u->lr * step + step + v + u->lr + a->momentum + a->eps;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const rmsprop *a = attr;
    constants k = {
        .gradient = six_gradient_of(u, six_weight_decay(u, a->weight_decay)),
        .lr = six_set((real)u->lr),
        .alpha = six_set((real)a->alpha),
        .fresh = six_set((real)(1 - a->alpha)),
        .eps = six_set((real)a->eps),
        .momentum = six_set((real)a->momentum),
        .has_momentum = a->momentum > 0,
        .centered = a->centered,
    };
    six_update_all(update_vec, &k, slots(a), w, g, state, n);
}

SIX_OPTIMIZER(rmsprop) = {
    .kind = {"rmsprop", "steps scaled by the root of the mean squared gradient", attrs, sizeof(rmsprop)},
    .slots = slots,
    .momentum = offsetof(rmsprop, momentum),
    .squares = 1,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(rmsprop) = {.update = update};
