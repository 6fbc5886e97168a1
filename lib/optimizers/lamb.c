/* SPDX-License-Identifier: MIT */

/* LAMB (You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020, algorithm 2), for each tensor:
 *
 *     m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *     r = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay w
 *     w = w - lr |w| / |r| r      |w| / |r| = 1 where either norm is 0 */

#include "base/numeric.h"
#include "optimizers/update.h"

typedef struct lamb {
    six_optimizer_common common;
    double beta1, beta2, eps, weight_decay;
} lamb;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("0.001"),
    SIX_BETA_ATTRS(lamb, "0.9", "0.999", "decay of the mean squared gradient"),
    SIX_EPS_ATTR(lamb, "1e-6", "added to the divisor"),
    SIX_WEIGHT_DECAY_ATTR(lamb, "0.01", "share of a weight that is added to its step"),
    {.name = NULL},
};

static int32_t slots(const void *attr)
{
    (void)attr;
    return 2;
}

typedef struct constants {
    six_gradient gradient;
    vec decay, beta1, fresh1, beta2, fresh2, correction1, correction2, eps, lr;
} constants;

static constants constants_of(const lamb *a, const six_update *u)
{
    return (constants){
        .gradient = six_gradient_of(u, 0),
        .decay = six_set((real)six_weight_decay(u, a->weight_decay)),
        .beta1 = six_set((real)a->beta1),
        .fresh1 = six_set((real)(1 - a->beta1)),
        .beta2 = six_set((real)a->beta2),
        .fresh2 = six_set((real)(1 - a->beta2)),
        .correction1 = six_set((real)(1 / (1 - six_power(a->beta1, u->step)))),
        .correction2 = six_set((real)(1 / sqrt(1 - six_power(a->beta2, u->step)))),
        .eps = six_set((real)a->eps),
        .lr = six_set((real)(u->lr * u->trust)),
    };
}

/* r, of the m and v that it leaves in state */
SIX_INLINE vec direction(const constants *k, vec w, const real *g, real *m_state, real *v_state)
{
    const vec d = six_gradient_at(&k->gradient, g, w);
    const vec m = six_moving_mean(m_state, k->beta1, k->fresh1, d),
              v = six_moving_mean(v_state, k->beta2, k->fresh2, d * d);
    return six_fma(k->decay, w, m * k->correction1 / six_fma(six_sqrt(v), k->correction2, k->eps));
}

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    const vec old = six_load(w + i);
    six_store(w + i, six_fma(-k->lr, direction(k, old, g + i, state[0] + i, state[1] + i), old));
}

/* Sums of squares of w and of r. Value i of a tensor is added in chain i % SIX_LANES, whatever the width of a vector. */
typedef struct norms {
    constants k;
    double values[SIX_LANES], steps[SIX_LANES];
} norms;

/* Adds those of up to SIX_WIDTH values at offset i; of the copies at hand, only state is changed. */
SIX_INLINE void add_norms(norms *sums, const real *w, const real *g, real *const *state, int64_t i, int64_t n)
{
    real copy[4][SIX_WIDTH] = {{0}}, r[SIX_WIDTH];
    const size_t size = (size_t)(n - i < SIX_WIDTH ? n - i : SIX_WIDTH) * sizeof(real);
    memcpy(copy[0], w + i, size);
    memcpy(copy[1], g + i, size);
    memcpy(copy[2], state[0] + i, size);
    memcpy(copy[3], state[1] + i, size);
    six_store(r, direction(&sums->k, six_load(copy[0]), copy[1], copy[2], copy[3]));
    for (int j = 0; j < SIX_WIDTH && i + j < n; j++) {
        const int64_t chain = (i + j) % SIX_LANES;
        sums->values[chain] += (double)copy[0][j] * (double)copy[0][j];
        sums->steps[chain] += (double)r[j] * (double)r[j];
    }
}

static double trust(const void *attr, const six_update *u, const real *w, const real *g, real *const *state, int64_t n)
{
    norms sums = {.k = constants_of(attr, u)};
    double values = 0, steps = 0;
    for (int64_t i = 0; i < n; i += SIX_WIDTH)
        add_norms(&sums, w, g, state, i, n);
    for (int i = 0; i < SIX_LANES; i++) {
        values += sums.values[i];
        steps += sums.steps[i];
    }
    return values > 0 && steps > 0 ? sqrt(values) / sqrt(steps) : 1;
}

/* The trust of a tensor has no bound: where its step is small, it is large. */
static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    (void)attr;
    (void)u;
    (void)most;
    return INFINITY;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const constants k = constants_of(attr, u);
    six_update_all(update_vec, &k, 2, w, g, state, n);
}

SIX_OPTIMIZER(lamb) = {
    .kind = {"lamb", "Adam whose step for a tensor is as long as a share of its norm", attrs, sizeof(lamb)},
    .slots = slots,
    .momentum = offsetof(lamb, beta1),
    .squares = 2,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(lamb) = {.update = update, .trust = trust};
