/* SPDX-License-Identifier: MIT */
#ifndef SIX_OPTIMIZERS_OPTIMIZER_H
#define SIX_OPTIMIZERS_OPTIMIZER_H

/* What an optimizer is: attributes, how many numbers of state it keeps for each parameter value, and one update function. A file holds one
 * optimizer and is compiled once per variant, as the layers are: all share the description, each has an update of its own. Parameters,
 * gradients and each slot of state are arrays of the same order; an update is elementwise, so that any cut of the arrays into ranges gives
 * the same bits. */

#include "layers/op.h"

enum { SIX_MAX_SLOTS = 3 };

/* One step as the update functions see it. */
typedef struct six_update {
    double lr;             /* the schedule's now, times the tensors' lr_scale */
    double weight_decay;   /* the tensors'; below 0 for the optimizer's */
    int64_t step;          /* 1 for the first */
    double gradient_scale; /* of clipping by norm, 1 without; negative to go up along the gradient */
    double gradient_limit; /* of clipping by value, applied before anything else; INFINITY without */
    double trust;          /* factor of lr for this tensor; 1 without */
} six_update;

/* The largest magnitudes of the numbers that a step reads. */
typedef struct six_magnitudes {
    double values, gradients, state;
} six_magnitudes;

/* The description of an optimizer. */
typedef struct six_optimizer_kind {
    six_kind kind;
    int32_t (*check)(
        const void *attr); /* what ranges cannot say: six_fail() for attributes that do not go together; NULL if none */
    int32_t (*slots)(const void *attr); /* up to SIX_MAX_SLOTS arrays of state, zero at first */
    size_t momentum;                    /* offset of the double that a schedule may move, below 1; 0 if none */
    uint32_t squares;                   /* bit i: slot i holds mean squares, which are never negative */
    /* A bound of the magnitude of every number that update() computes from finite ones up to `most`, where those of the slots of
     * squares are not negative; INFINITY or NaN if there is none. */
    double (*bound)(const void *attr, const six_update *u, const six_magnitudes *most);
} six_optimizer_kind;

/* The functions that compute it in one variant. */
typedef struct six_optimizer_kernels {
    /* Updates n values w along gradients g; state[i] are the same n values of slot i. */
    void (*update)(const void *attr, const six_update *u, real *w, const real *g, real *const *state, int64_t n);
    /* The trust of the n values of a tensor in this step, called before update(), of which it takes the same arguments; it changes
     * nothing. NULL for 1. */
    double (*trust)(const void *attr, const six_update *u, const real *w, const real *g, real *const *state, int64_t n);
} six_optimizer_kernels;

/* The end of an optimizer's file: SIX_OPTIMIZER(sgd) = {.kind = {...}, ...}; SIX_OPTIMIZER_KERNELS(sgd) = {.update = update}; */
#define SIX_OPTIMIZER(name) SIX_DESCRIPTION six_optimizer_kind six_optimizer_##name
#define SIX_OPTIMIZER_KERNELS(name) const six_optimizer_kernels SIX_PASTE(six_optimizer_kernels_##name##_, SIX_VARIANT)

/* Attributes that every optimizer has, in front of its own struct. */
typedef struct six_optimizer_common {
    double lr;
    double clip_norm, clip_value; /* 0: none */
    int32_t maximize;
} six_optimizer_common;

#endif
