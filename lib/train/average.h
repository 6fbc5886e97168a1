/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_AVERAGE_H
#define SIX_TRAIN_AVERAGE_H

/* The average of a run's values, parameters and running statistics alike: of those after every step, where later ones count more (ema), or
 * of those at the ends of epochs, which count the same (swa). The run's state says how. */

#include "train/run.h"

/* Takes the memory of the run's average. */
int32_t six_average_new(six_train_run *run);
void six_average_free(six_train_run *run);

/* After every step. */
void six_average_step(six_train_run *run);
/* After the last step of an epoch; once more for the same epoch changes nothing. */
void six_average_epoch(six_train_run *run);

/* Exchanges the model's values and the average; nothing while there is none. */
void six_average_swap(six_train_run *run);

#endif
