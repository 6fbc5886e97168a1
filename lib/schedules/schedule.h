/* SPDX-License-Identifier: MIT */
#ifndef SIX_SCHEDULES_SCHEDULE_H
#define SIX_SCHEDULES_SCHEDULE_H

/* A schedule: attributes, and the learning rate after t steps or epochs for the base rate of the optimizer. A file holds one
 * schedule; train/schedule.c combines them. Rates are computed in double by operations that are rounded the same way everywhere: bit-identical on
 * every machine. */

#include <float.h>

#include "base/numeric.h"
#include "base/spec.h"

enum { SIX_SCHEDULE_STATE_MAX = 4 };

typedef struct six_schedule_kind {
    six_kind kind;                          /* first */
    int32_t (*check)(const void *attr);     /* six_fail() for attributes that do not go together; NULL if all do */
    bool (*counts_steps)(const void *attr); /* whether t counts steps; NULL: epochs */
    /* The rate after t steps or epochs. */
    double (*rate)(const void *attr, const double *state, int64_t t, double base);
    /* The momentum after t steps or epochs; NaN if the attributes leave it alone. NULL for a schedule that always does. */
    double (*momentum)(const void *attr, int64_t t);
    /* For a schedule with a memory; NULL without. `state` numbers, which a checkpoint keeps. */
    int32_t state;                                 /* up to SIX_SCHEDULE_STATE_MAX */
    void (*init)(const void *attr, double *state); /* sets them before the first epoch */
    bool (*is_valid)(const double *state);         /* whether init() and end_epoch() can have led to them */
    void (*end_epoch)(const void *attr, double *state, double base, double metric);
} six_schedule_kind;

/* clang-format off */
/* Rows of attributes that several schedules have. */
#define SIX_COUNT_ATTR(type, field, help) {#field, SIX_INT, offsetof(type, field), 1, 0x1p53, NULL, NULL, help}
#define SIX_GAMMA_ATTR(type, default_gamma)                                                                                    \
    {"gamma", SIX_FLOAT, offsetof(type, gamma), 0, DBL_MAX, default_gamma, NULL, "what the rate is multiplied with"}
#define SIX_FACTOR_ATTR(type, field, default_factor, help)                                                                     \
    {#field, SIX_FLOAT, offsetof(type, field), 0, 1, default_factor, NULL, help}
#define SIX_ETA_MIN_ATTR(type) {"eta_min", SIX_FLOAT, offsetof(type, eta_min), 0, DBL_MAX, "0", NULL, "the smallest rate"}
/* Of the fields cycle_momentum, base_momentum and max_momentum. */
#define SIX_MOMENTUM_ATTRS(type, default_base, default_max)                                                                    \
    {"cycle_momentum", SIX_BOOL, offsetof(type, cycle_momentum), 0, 1, "true", NULL,                                           \
     "move the momentum (beta1 of Adam and its kin) against the rate"},                                                        \
    {"base_momentum", SIX_FLOAT, offsetof(type, base_momentum), SIX_BELOW_ONE, default_base, NULL,                             \
     "momentum at the largest rate"},                                                                                          \
    {"max_momentum", SIX_FLOAT, offsetof(type, max_momentum), SIX_BELOW_ONE, default_max, NULL, "momentum at the smallest rate"}
/* clang-format on */

#endif
