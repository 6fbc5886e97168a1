/* SPDX-License-Identifier: MIT */

/* NAdam, as torch.optim.NAdam (Dozat, "Incorporating Nesterov momentum into Adam", 2016):
 *
 *     m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *     mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2),  p_t = mu_1 mu_2 ... mu_t
 *     w = w - lr ((1 - mu_t) / (1 - p_t) g + mu_t+1 / (1 - p_t+1) m) / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * With r = 0.96^momentum_decay, ln of the product of 1 - r^k / 2 is minus the sum over j of (r^j + r^2j + ... + r^tj) / (j 2^j),
 * so that p_t needs no memory. */

#include "base/numeric.h"
#include "base/portable_math.h"
#include "optimizers/update.h"

typedef struct nadam {
    six_optimizer_common common;
    double beta1, beta2, eps, weight_decay, momentum_decay;
    int32_t decoupled;
} nadam;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("0.002"),
    SIX_BETA_ATTRS(nadam, "0.9", "0.999", "decay of the mean squared gradient"),
    SIX_EPS_ATTR(nadam, "1e-8", "added to the divisor"),
    SIX_WEIGHT_DECAY_ATTR(nadam, "0", "L2 penalty"),
    {"momentum_decay", SIX_FLOAT, offsetof(nadam, momentum_decay), 0, 1e6, "0.004", NULL,
     "how fast the momentum rises to beta1"},
    SIX_DECOUPLED_ATTR(nadam),
    {.name = NULL},
};

static int32_t slots(const void *attr)
{
    (void)attr;
    return 2;
}

/* q + q^2 + ... + q^n */
static double geometric_sum(double q, int64_t n)
{
    double sum = 0, block = q,
           power = q; /* block: of as many terms as the bit of n at hand counts; power: q to as many */
    for (; n > 0; n >>= 1) {
        if (n & 1)
            sum = block + power * sum;
        block += power * block;
        power *= power;
    }
    return sum;
}

/* p_t, where r = 0.96^momentum_decay */
static double momentum_product(double beta1, double r, int64_t t)
{
    enum { TERMS = 60 };
    double sum = 0, share = 0.5, power = r;
    for (int j = 1; j <= TERMS; j++, share /= 2, power *= r)
        sum += share / j * geometric_sum(power, t);
    return six_power(beta1, t) * six_portable_exp(-sum);
}

/* The factors of a step, the same for all values. */
typedef struct factors {
    double decay, keep, correction, by_gradient, by_mean;
} factors;

static factors factors_of(const nadam *a, const six_update *u)
{
    const double decay = six_weight_decay(u, a->weight_decay),
                 r = six_portable_exp(a->momentum_decay * six_portable_log(0.96)),
                 product = momentum_product(a->beta1, r, u->step), now = a->beta1 * (1 - six_power(r, u->step) / 2),
                 next = a->beta1 * (1 - six_power(r, u->step + 1) / 2);
    return (factors){
        .decay = a->decoupled ? 0 : decay,
        .keep = a->decoupled ? 1 - u->lr * decay : 1,
        .correction = 1 / sqrt(1 - six_power(a->beta2, u->step)),
        .by_gradient = u->lr * (1 - now) / (1 - product),
        .by_mean = u->lr * next / (1 - product * next),
    };
}

typedef struct constants {
    six_gradient gradient;
    vec keep, beta1, fresh1, beta2, fresh2, correction, eps, by_gradient, by_mean;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    const vec old = six_load(w + i), d = six_gradient_at(&k->gradient, g + i, old);
    const vec m = six_moving_mean(state[0] + i, k->beta1, k->fresh1, d),
              v = six_moving_mean(state[1] + i, k->beta2, k->fresh2, d * d);
    const vec divisor = six_fma(six_sqrt(v), k->correction, k->eps);
    six_store(w + i, old * k->keep - (k->by_gradient * d + k->by_mean * m) / divisor);
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const nadam *a = attr;
    const factors f = factors_of(a, u);
    const double d = six_gradient_bound(u, f.decay, most), m = most->state + d, v = most->state + d * d,
                 step = f.by_gradient * d + f.by_mean * m, divisor = (1 + v) * f.correction + a->eps;
    return fabs(f.keep) * (1 + most->values) + step + six_quotient_bound(step, a->eps) + v + m + divisor +
           f.by_gradient + f.by_mean;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const nadam *a = attr;
    const factors f = factors_of(a, u);
    const constants k = {
        .gradient = six_gradient_of(u, f.decay),
        .keep = six_set((real)f.keep),
        .beta1 = six_set((real)a->beta1),
        .fresh1 = six_set((real)(1 - a->beta1)),
        .beta2 = six_set((real)a->beta2),
        .fresh2 = six_set((real)(1 - a->beta2)),
        .correction = six_set((real)f.correction),
        .eps = six_set((real)a->eps),
        .by_gradient = six_set((real)f.by_gradient),
        .by_mean = six_set((real)f.by_mean),
    };
    six_update_all(update_vec, &k, 2, w, g, state, n);
}

SIX_OPTIMIZER(nadam) = {
    .kind = {"nadam", "Adam with Nesterov's momentum", attrs, sizeof(nadam)},
    .slots = slots,
    .squares = 2,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(nadam) = {.update = update};
