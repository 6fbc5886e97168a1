/* SPDX-License-Identifier: MIT */
#ifndef SIX_SCHEDULES_SCHEDULE_H
#define SIX_SCHEDULES_SCHEDULE_H

/* What a schedule is: attributes, and the learning rate after t steps or epochs as a multiple of the base rate. A file holds one schedule;
 * train/schedule.c combines them. Rates are computed in double by operations that are rounded the same way everywhere: the same bits on
 * every machine. */

#include <float.h>

#include "base/numeric.h"
#include "base/spec.h"

enum { SIX_SCHEDULE_STATE_MAX = 4 };

typedef struct six_schedule_kind {
    six_kind kind;                          /* first */
    bool (*counts_steps)(const void *attr); /* whether t counts steps; NULL: epochs */
    /* The rate after t steps or epochs. */
    double (*rate)(const void *attr, const double *state, int64_t t, double base);
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
/* clang-format on */

#endif
