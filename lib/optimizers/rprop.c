/* SPDX-License-Identifier: MIT */

/* Rprop, as torch.optim.Rprop (Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
 * algorithm", 1993), for gradients of the whole data set. With g' of the step before, 0 at first, and the size of a step s, lr at first:
 *
 *     s = s etaplus if g g' > 0, s etaminus if g g' < 0, within step_size_min and step_size_max
 *     g = 0 if g g' < 0
 *     w = w - s sign(g) */

#include "base/status.h"
#include "optimizers/update.h"
#include "simd/lane_math.h"

typedef struct rprop {
    six_optimizer_common common;
    double etaminus, etaplus, step_size_min, step_size_max;
} rprop;

static const six_attr attrs[] = {
    SIX_OPTIMIZER_ATTRS("0.01"),
    {"etaminus", SIX_FLOAT, offsetof(rprop, etaminus), SIX_ABOVE_ZERO, 0.99999999999999989, "0.5", NULL,
     "factor of the step's size after a change of sign"},
    {"etaplus", SIX_FLOAT, offsetof(rprop, etaplus), 1.0000000000000002, DBL_MAX, "1.2", NULL,
     "factor of the step's size after the same sign"},
    {"step_size_min", SIX_FLOAT, offsetof(rprop, step_size_min), 0, DBL_MAX, "1e-6", NULL, "smallest size of a step"},
    {"step_size_max", SIX_FLOAT, offsetof(rprop, step_size_max), 0, DBL_MAX, "50", NULL, "largest size of a step"},
    {.name = NULL},
};

static int32_t check(const void *attr)
{
    const rprop *a = attr;
    if (a->step_size_min > a->step_size_max)
        return six_fail(SIXNET_BAD_SPEC, "rprop: step_size_min is above step_size_max");
    return SIXNET_OK;
}

static int32_t slots(const void *attr)
{
    (void)attr;
    return 2;
}

static double initial_size(const six_update *u) { return u->step == 1 ? u->lr : 0; }

typedef struct constants {
    six_gradient gradient;
    vec etaminus, etaplus, least, most, initial;
} constants;

SIX_INLINE void update_vec(const void *constant, real *w, const real *g, real *const *state, int64_t i)
{
    const constants *k = constant;
    const vec old = six_load(w + i), d = six_gradient_at(&k->gradient, g + i, old), turn = d * six_load(state[0] + i);
    const ivec turned = six_greater((vec){0}, turn);
    const vec factor = six_select(turned, k->etaminus, six_select(six_greater(turn, (vec){0}), k->etaplus, six_set(1)));
    const vec size = six_min(k->most, six_max(k->least, (six_load(state[1] + i) + k->initial) * factor));
    const vec used = six_select(turned, (vec){0}, d);
    six_store(state[0] + i, used);
    six_store(state[1] + i, size);
    six_store(w + i, six_fma(-size, six_sign(used), old));
}

static double bound(const void *attr, const six_update *u, const six_magnitudes *most)
{
    const rprop *a = attr;
    const double d = six_gradient_bound(u, six_weight_decay(u, 0), most);
    return most->values + d + (most->state + initial_size(u)) * a->etaplus + a->step_size_max + a->etaplus;
}

static void update(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n)
{
    const rprop *a = attr;
    const constants k = {
        .gradient = six_gradient_of(u, six_weight_decay(u, 0)),
        .etaminus = six_set((real)a->etaminus),
        .etaplus = six_set((real)a->etaplus),
        .least = six_set((real)a->step_size_min),
        .most = six_set((real)a->step_size_max),
        .initial = six_set((real)initial_size(u)),
    };
    six_update_all(update_vec, &k, 2, w, g, state, n);
}

SIX_OPTIMIZER(rprop) = {
    .kind = {"rprop", "steps whose sizes follow the signs of gradients, for whole data sets", attrs, sizeof(rprop)},
    .check = check,
    .slots = slots,
    .squares = 2,
    .bound = bound,
};

SIX_OPTIMIZER_KERNELS(rprop) = {.update = update};
