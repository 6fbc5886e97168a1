/* SPDX-License-Identifier: MIT */

/* Adamax, as torch.optim.Adamax (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1):
 *
 *     m = beta1 m + (1 - beta1) g
 *     u = max(beta2 u, |g| + eps)
 *     w = w - lr / (1 - beta1^t) m / u */

#include "base/numeric.h"
#include "optimizers/update.h"
#include "simd/lane_math.h"

typedef struct adamax {
    six_optimizer_common common;
    double beta1, beta2, eps, weight_decay;
} adamax;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("0.002"),
    SIX_BETA_ATTRS(adamax, "0.9", "0.999", "decay of the largest gradient"),
    SIX_EPS_ATTR(adamax, "1e-8", "added to the magnitude of a gradient"),
    SIX_WEIGHT_DECAY_ATTR(adamax, "0", "L2 penalty"),
    {.name = NULL},
};

static int32_t slots(const void *attr)
{
    (void)attr;
    return 2;
}

static double step_of(const adamax *a, const six_update *u) { return u->lr / (1 - six_power(a->beta1, u->step)); }

typedef struct constants {
    six_gradient gradient;
    vec beta1, fresh1, beta2, eps, step;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    const vec old = six_load(w + i), d = six_gradient_at(&k->gradient, g + i, old);
    const vec m = six_moving_mean(state[0] + i, k->beta1, k->fresh1, d);
    const vec largest = six_max(k->beta2 * six_load(state[1] + i), six_abs(d) + k->eps);
    six_store(state[1] + i, largest);
    six_store(w + i, six_fma(-k->step, m / largest, old));
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const adamax *a = attr;
    const double d = six_gradient_bound(u, six_weight_decay(u, a->weight_decay), most), m = most->state + d,
                 step = step_of(a, u);
    return most->values + (1 + step) * six_quotient_bound(m, a->eps) + m + a->eps + step;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const adamax *a = attr;
    const constants k = {
        .gradient = six_gradient_of(u, six_weight_decay(u, a->weight_decay)),
        .beta1 = six_set((real)a->beta1),
        .fresh1 = six_set((real)(1 - a->beta1)),
        .beta2 = six_set((real)a->beta2),
        .eps = six_set((real)a->eps),
        .step = six_set((real)step_of(a, u)),
    };
    six_update_all(update_vec, &k, 2, w, g, state, n);
}

SIX_OPTIMIZER(adamax) = {
    .kind = {"adamax", "Adam with steps scaled by the largest gradient", attrs, sizeof(adamax)},
    .slots = slots,
    .momentum = offsetof(adamax, beta1),
    .squares = 2,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(adamax) = {.update = update};
