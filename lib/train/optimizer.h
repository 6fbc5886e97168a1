/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_OPTIMIZER_H
#define SIX_TRAIN_OPTIMIZER_H

#include "graph/graph.h"
#include "train/schedule.h"

struct sixnet_optimizer {
    sixnet_model *net;
    const six_optimizer_kind *kind;       /* its description */
    const six_optimizer_kernels *kernels; /* the model's variant of them */
    void *attr;
    void *current; /* the same with the schedule's momentum; filled in before each use */
    six_schedule *schedule;
    int32_t slots;
    void *state[SIX_MAX_SLOTS]; /* reals, laid out as the model's gradients */
    int64_t steps;              /* done */
};

int32_t six_optimizer_new(sixnet_optimizer **out, sixnet_model *net, const char *spec, const char *schedule);
void six_optimizer_free(sixnet_optimizer *opt);
/* The arrays of state that the optimizer has with these attributes and its schedule, whatever momentum that comes to. */
int32_t six_optimizer_slots(const sixnet_optimizer *opt, const void *attr);
int32_t six_optimizer_step(sixnet_optimizer *opt);
/* Whether the next step surely leaves values and state finite, given that the gradients are finite and of that magnitude at most. */
bool six_optimizer_step_is_safe(const sixnet_optimizer *opt, double gradients);
void six_optimizer_set_lr(sixnet_optimizer *opt, double lr);

#endif
