/* SPDX-License-Identifier: MIT */
#ifndef SIX_OPTIMIZERS_ADAM_H
#define SIX_OPTIMIZERS_ADAM_H

/* Adam and AdamW, as torch.optim.Adam and AdamW, which differ in where weight decay goes only:
 *
 *     Adam:  g = g + weight_decay w            AdamW:  w = w (1 - lr weight_decay)
 *     m = beta1 m + (1 - beta1) g
 *     v = beta2 v + (1 - beta2) g^2            amsgrad: v below is the largest v so far
 *     w = w - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015; Loshchilov and Hutter, "Decoupled weight decay
 * regularization", ICLR 2019; Reddi, Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018. */

#include "base/numeric.h"
#include "optimizers/update.h"

typedef struct adam {
    six_optimizer_common common;
    double beta1, beta2, eps, weight_decay;
    int32_t amsgrad;
} adam;

/* clang-format off */
#define SIX_ADAM_ATTRS(default_decay, decay_help)                                                                              \
    SIX_OPTIMIZER_ATTRS("0.001"),                                                                                              \
    SIX_BETA_ATTRS(adam, "0.9", "0.999", "decay of the mean squared gradient"),                                                \
    SIX_EPS_ATTR(adam, "1e-8", "added to the divisor"),                                                                        \
    SIX_WEIGHT_DECAY_ATTR(adam, default_decay, decay_help),                                                                    \
    {"amsgrad", SIX_BOOL, offsetof(adam, amsgrad), 0, 1, "false", NULL, "divide by the largest mean square so far"}
/* clang-format on */

typedef struct six_adam_constants {
    six_gradient gradient;
    vec keep, beta1, fresh1, beta2, fresh2, correction, eps, step;
    bool amsgrad;
} six_adam_constants;

SIX_INLINE int32_t six_adam_slots(const void *attr) { return ((const adam *)attr)->amsgrad ? 3 : 2; }

/* The factors of a step, the same for all values. */
typedef struct six_adam_factors {
    double keep, correction, step;
} six_adam_factors;

SIX_INLINE six_adam_factors six_adam_factors_of(const adam *a, bool decoupled, const six_update *u)
{
    return (six_adam_factors){
        .keep = decoupled ? 1 - u->lr * six_weight_decay(u, a->weight_decay) : 1,
        .correction = 1 / sqrt(1 - six_power(a->beta2, u->step)),
        .step = u->lr / (1 - six_power(a->beta1, u->step)),
    };
}

SIX_INLINE double six_adam_bound(const void *attr, bool decoupled, const six_update *u, const six_magnitudes *most)
{
    const adam *a = attr;
    const six_adam_factors f = six_adam_factors_of(a, decoupled, u);
    const double d = six_gradient_bound(u, decoupled ? 0 : six_weight_decay(u, a->weight_decay), most),
                 m = most->state + d, v = most->state + d * d;
    const double quotient = six_quotient_bound(m, a->eps), divisor = (1 + v) * f.correction + a->eps;
    return fabs(f.keep) * (1 + most->values) + (1 + f.step) * quotient + v + divisor + f.step;
}

SIX_INLINE void six_adam_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const six_adam_constants *k = constant;
    vec old = six_load(w + i);
    vec d = six_gradient_at(&k->gradient, g + i, old);
    vec m = six_fma(k->beta1, six_load(state[0] + i), k->fresh1 * d);
    vec v = six_fma(k->beta2, six_load(state[1] + i), k->fresh2 * d * d);
    six_store(state[0] + i, m);
    six_store(state[1] + i, v);
    if (k->amsgrad) {
        v = six_max(six_load(state[2] + i), v);
        six_store(state[2] + i, v);
    }
    vec divisor = six_fma(six_sqrt(v), k->correction, k->eps);
    six_store(w + i, six_fma(-k->step, m / divisor, old * k->keep));
}

SIX_INLINE void six_adam_update(const void *attr, bool decoupled, const six_update *u, real *w, const real *g,
                                real *const *state, int64_t n)
{
    const adam *a = attr;
    const six_adam_factors f = six_adam_factors_of(a, decoupled, u);
    six_adam_constants k = {
        .gradient = six_gradient_of(u, decoupled ? 0 : six_weight_decay(u, a->weight_decay)),
        .keep = six_set((real)f.keep),
        .beta1 = six_set((real)a->beta1),
        .fresh1 = six_set((real)(1 - a->beta1)),
        .beta2 = six_set((real)a->beta2),
        .fresh2 = six_set((real)(1 - a->beta2)),
        .correction = six_set((real)f.correction),
        .eps = six_set((real)a->eps),
        .step = six_set((real)f.step),
        .amsgrad = a->amsgrad,
    };
    six_update_all(six_adam_vec, &k, six_adam_slots(a), w, g, state, n);
}

#endif
