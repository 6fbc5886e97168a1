/* SPDX-License-Identifier: MIT */

/* RAdam, as torch.optim.RAdam (Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020):
 *
 *     m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *     rho = 2 / (1 - beta2) - 1,  rho_t = rho - 2 t beta2^t / (1 - beta2^t)
 *     w = w - lr / (1 - beta1^t) m                                              rho_t of 5 or less
 *     w = w - lr / (1 - beta1^t) m c sqrt(1 - beta2^t) / (sqrt(v) + eps)        else
 *
 * with c^2 = (rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t). */

#include "base/numeric.h"
#include "optimizers/update.h"

typedef struct radam {
    six_optimizer_common common;
    double beta1, beta2, eps, weight_decay;
    int32_t decoupled;
} radam;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("0.001"),
    SIX_BETA_ATTRS(radam, "0.9", "0.999", "decay of the mean squared gradient"),
    SIX_EPS_ATTR(radam, "1e-8", "added to the divisor"),
    SIX_WEIGHT_DECAY_ATTR(radam, "0", "L2 penalty"),
    SIX_DECOUPLED_ATTR(radam),
    {.name = NULL},
};

static int32_t slots(const void *attr)
{
    (void)attr;
    return 2;
}

/* The factors of a step, the same for all values. */
typedef struct factors {
    double decay, keep, step;
    bool rectified; /* the step is divided by sqrt(v) + eps */
} factors;

static factors factors_of(const radam *a, const six_update *u)
{
    const double decay = six_weight_decay(u, a->weight_decay), power = six_power(a->beta2, u->step),
                 rho = 2 / (1 - a->beta2) - 1, now = rho - 2 * (double)u->step * power / (1 - power);
    factors f = {
        .decay = a->decoupled ? 0 : decay,
        .keep = a->decoupled ? 1 - u->lr * decay : 1,
        .step = u->lr / (1 - six_power(a->beta1, u->step)),
        .rectified = now > 5,
    };
    if (f.rectified)
        f.step *= sqrt((now - 4) * (now - 2) * rho / ((rho - 4) * (rho - 2) * now)) * sqrt(1 - power);
    return f;
}

typedef struct constants {
    six_gradient gradient;
    vec keep, beta1, fresh1, beta2, fresh2, eps, step;
    bool rectified;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    const vec old = six_load(w + i), d = six_gradient_at(&k->gradient, g + i, old);
    const vec m = six_moving_mean(state[0] + i, k->beta1, k->fresh1, d),
              v = six_moving_mean(state[1] + i, k->beta2, k->fresh2, d * d);
    vec direction = m;
    if (k->rectified)
        direction /= six_sqrt(v) + k->eps;
    six_store(w + i, six_fma(-k->step, direction, old * k->keep));
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const radam *a = attr;
    const factors f = factors_of(a, u);
    const double d = six_gradient_bound(u, f.decay, most), m = most->state + d, v = most->state + d * d,
                 direction = f.rectified ? six_quotient_bound(m, a->eps) : m;
    return fabs(f.keep) * (1 + most->values) + (1 + f.step) * direction + m + v + a->eps + f.step;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const radam *a = attr;
    const factors f = factors_of(a, u);
    const constants k = {
        .gradient = six_gradient_of(u, f.decay),
        .keep = six_set((real)f.keep),
        .beta1 = six_set((real)a->beta1),
        .fresh1 = six_set((real)(1 - a->beta1)),
        .beta2 = six_set((real)a->beta2),
        .fresh2 = six_set((real)(1 - a->beta2)),
        .eps = six_set((real)a->eps),
        .step = six_set((real)f.step),
        .rectified = f.rectified,
    };
    six_update_all(update_vec, &k, 2, w, g, state, n);
}

SIX_OPTIMIZER(radam) = {
    .kind = {"radam", "Adam whose first steps are not scaled, as its mean squares are not known yet", attrs,
             sizeof(radam)},
    .slots = slots,
    .momentum = offsetof(radam, beta1),
    .squares = 2,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(radam) = {.update = update};
