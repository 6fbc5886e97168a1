/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_SNAPSHOT_H
#define SIX_TRAIN_SNAPSHOT_H

/* Everything that training changes, to go back to: tensors, the optimizer's state, the schedule's, the counters, the average. */

#include "train/optimizer.h"

typedef struct six_snapshot {
    char *memory; /* the model's tensors and after them the optimizer's state and the average */
    void *average;
    double schedule[SIX_SCHEDULE_STATE];
    int64_t optimizer_step;
    uint64_t model_step;
} six_snapshot;

/* average: as many values as the model has; NULL if there are none, or none that change. */
int32_t six_snapshot_new(six_snapshot *s, const sixnet_optimizer *opt, void *average);
void six_snapshot_take(six_snapshot *s, const sixnet_optimizer *opt);
/* Afterwards the gradients are zero. The base learning rate stays as it is. */
void six_snapshot_restore(const six_snapshot *s, sixnet_optimizer *opt);
void six_snapshot_free(six_snapshot *s, const sixnet_optimizer *opt);

#endif
