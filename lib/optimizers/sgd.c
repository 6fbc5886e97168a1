/* SPDX-License-Identifier: MIT */

/* Stochastic gradient descent, as torch.optim.SGD:
 *
 *     b = momentum b + (1 - dampening) g      (b = g in the first step)
 *     w = w - lr d,   d = g without momentum, b with it, g + momentum b with Nesterov's */

#include "base/status.h"
#include "optimizers/update.h"

typedef struct sgd {
    six_optimizer_common common;
    double momentum, dampening, weight_decay;
    int32_t nesterov;
} sgd;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS(NULL),
    {"momentum", SIX_FLOAT, offsetof(sgd, momentum), 0, DBL_MAX, "0", NULL, "share of the last step that is kept"},
    {"dampening", SIX_FLOAT, offsetof(sgd, dampening), SIX_ANY, "0", NULL,
     "share of the gradient that momentum leaves out"},
    {"nesterov", SIX_BOOL, offsetof(sgd, nesterov), 0, 1, "false", NULL, "Nesterov's momentum"},
    SIX_WEIGHT_DECAY_ATTR(sgd, "0", "L2 penalty"),
    {.name = NULL},
};

static int32_t check(const void *attr)
{
    const sgd *a = attr;
    if (a->nesterov && !(a->momentum > 0 && a->dampening == 0))
        return six_fail(SIXNET_BAD_SPEC, "sgd: nesterov=true needs momentum above 0 and dampening=0");
    return SIXNET_OK;
}

static int32_t slots(const void *attr) { return ((const sgd *)attr)->momentum > 0; }

typedef struct constants {
    six_gradient gradient;
    vec lr, momentum, fresh;
    bool has_momentum, nesterov;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    vec old = six_load(w + i);
    vec d = six_gradient_at(&k->gradient, g + i, old);
    if (k->has_momentum) {
        vec b = six_fma(k->momentum, six_load(state[0] + i), k->fresh * d);
        six_store(state[0] + i, b);
        d = k->nesterov ? six_fma(k->momentum, b, d) : b;
    }
    six_store(w + i, six_fma(-k->lr, d, old));
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const sgd *a = attr;
    const double fresh = 1 + fabs(a->dampening), d = six_gradient_bound(u, six_weight_decay(u, a->weight_decay), most);
    const double b = a->momentum * most->state + fresh * d, step = a->momentum * b + b + d;
    return most->values + u->lr * step + step + u->lr + a->momentum + fresh;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const sgd *a = attr;
    constants k = {
        .gradient = six_gradient_of(u, six_weight_decay(u, a->weight_decay)),
        .lr = six_set((real)u->lr),
        .momentum = six_set((real)a->momentum),
        .fresh = six_set((real)(u->step == 1 ? 1 : 1 - a->dampening)),
        .has_momentum = a->momentum > 0,
        .nesterov = a->nesterov,
    };
    six_update_all(update_vec, &k, k.has_momentum, w, g, state, n);
}

SIX_OPTIMIZER(sgd) = {
    .kind = {"sgd", "stochastic gradient descent, with momentum", attrs, sizeof(sgd)},
    .check = check,
    .slots = slots,
    .momentum = offsetof(sgd, momentum),
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(sgd) = {.update = update};
