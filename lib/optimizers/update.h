/* SPDX-License-Identifier: MIT */
#ifndef SIX_OPTIMIZERS_UPDATE_H
#define SIX_OPTIMIZERS_UPDATE_H

/* What the optimizers share: the rows of the common attributes, the gradient after clipping, the loop over the arrays. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "optimizers/optimizer.h"

/* clang-format off */
/* The rows of six_optimizer_common, which stands at the beginning of every optimizer's struct. */
#define SIX_OPTIMIZER_ATTRS(default_lr)                                                                                        \
    {"lr", SIX_FLOAT, offsetof(six_optimizer_common, lr), 0, DBL_MAX, default_lr, NULL, "learning rate"},                      \
    {"clip_norm", SIX_FLOAT, offsetof(six_optimizer_common, clip_norm), 0, DBL_MAX, "0", NULL,                                 \
     "largest Euclidean norm of all gradients together, which are scaled down to it; 0 for none"},                             \
    {"clip_value", SIX_FLOAT, offsetof(six_optimizer_common, clip_value), 0, DBL_MAX, "0", NULL,                               \
     "largest absolute value of a gradient, which is cut to it; 0 for none"},                                                  \
    {"maximize", SIX_BOOL, offsetof(six_optimizer_common, maximize), 0, 1, "false", NULL, "go up along the gradient"}

/* Rows that several optimizers have, of the fields by these names. */
#define SIX_BETA_ATTRS(type, default1, default2, help2)                                                                        \
    {"beta1", SIX_FLOAT, offsetof(type, beta1), SIX_BELOW_ONE, default1, NULL, "decay of the mean gradient"},                  \
    {"beta2", SIX_FLOAT, offsetof(type, beta2), SIX_BELOW_ONE, default2, NULL, help2}
#define SIX_EPS_ATTR(type, default_eps, help)                                                                                  \
    {"eps", SIX_FLOAT, offsetof(type, eps), 0, DBL_MAX, default_eps, NULL, help}
#define SIX_WEIGHT_DECAY_ATTR(type, default_decay, help)                                                                       \
    {"weight_decay", SIX_FLOAT, offsetof(type, weight_decay), 0, DBL_MAX, default_decay, NULL, help}
#define SIX_DECOUPLED_ATTR(type)                                                                                               \
    {"decoupled_weight_decay", SIX_BOOL, offsetof(type, decoupled), 0, 1, "false", NULL,                                       \
     "decouple weight decay from the gradient, as in adamw"}
/* clang-format on */

/* How a gradient becomes the one that is used: cut, scaled, and with L2 weight decay added. */
typedef struct six_gradient {
    vec limit, scale, decay;
} six_gradient;

/* The weight decay of an update: that of the tensors, or the optimizer's own. */
SIX_INLINE double six_weight_decay(const six_update *u, double own)
{
    return u->weight_decay < 0 ? own : u->weight_decay;
}

SIX_INLINE six_gradient six_gradient_of(const six_update *u, double decay)
{
    return (six_gradient){six_set((real)u->gradient_limit), six_set((real)u->gradient_scale), six_set((real)decay)};
}

SIX_INLINE vec six_gradient_at(const six_gradient *k, const real *g, vec w)
{
    vec cut = six_min(k->limit, six_max(-k->limit, six_load(g)));
    return six_fma(k->decay, w, cut * k->scale);
}

/* state = decay state + fresh x, which it returns. */
SIX_INLINE vec six_moving_mean(real *state, vec decay, vec fresh, vec x)
{
    const vec mean = six_fma(decay, six_load(state), fresh * x);
    six_store(state, mean);
    return mean;
}

/* Bounds six_gradient_at(), where scaling only makes smaller. */
SIX_INLINE double six_gradient_bound(const six_update *u, double decay, const six_magnitudes *most)
{
    const double cut = most->gradients < u->gradient_limit ? most->gradients : u->gradient_limit;
    return cut + decay * most->values + decay;
}

/* Bounds d / (sqrt(v) + eps) for any v: there is no bound where eps may be lost. */
SIX_INLINE double six_quotient_bound(double d, double eps) { return eps > 1e-30 ? d / eps : INFINITY; }

/* Updates the SIX_WIDTH values at offset i; k holds the constants of the step. */
typedef void six_vec_update(const void *k, real *w, const real *g, real *const *state, int64_t i);

/* Updates n values. Those left over at the end go through the same operations in a padded copy, so that a value's bits do not
 * depend on its place. */
SIX_INLINE void six_update_all(six_vec_update *update, const void *k, int32_t slots, real *w, const real *g,
                               real *const *state, int64_t n)
{
    real *s[SIX_MAX_SLOTS] = {0};
    for (int32_t j = 0; j < slots; j++)
        s[j] = state[j];
    int64_t whole = n - n % SIX_WIDTH;
    for (int64_t i = 0; i < whole; i += SIX_WIDTH)
        update(k, w, g, s, i);
    if (whole == n)
        return;

    real copy[SIX_MAX_SLOTS + 2][SIX_WIDTH] = {{0}};
    real *copied[SIX_MAX_SLOTS] = {copy[2], copy[3], copy[4]};
    size_t size = (size_t)(n - whole) * sizeof(real);
    memcpy(copy[0], w + whole, size);
    memcpy(copy[1], g + whole, size);
    for (int32_t j = 0; j < slots; j++)
        memcpy(copied[j], s[j] + whole, size);
    update(k, copy[0], copy[1], copied, 0);
    memcpy(w + whole, copy[0], size);
    for (int32_t j = 0; j < slots; j++)
        memcpy(s[j] + whole, copied[j], size);
}

#endif
