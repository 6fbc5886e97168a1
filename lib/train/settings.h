/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_SETTINGS_H
#define SIX_TRAIN_SETTINGS_H

/* What a run of sixnet_model_fit() was made with, as text: lines of name=value, always the same names in the same order. A checkpoint keeps it,
 * and a run that is resumed compares it with its own. The net and the schedule are not in it, as a checkpoint fits no others. */

#include "data/dataset.h"
#include "train/fit_options.h"
#include "train/run.h"

/* validation may be NULL. Reads all samples that no function gives. */
int32_t six_settings_text(six_text *t, const six_train_run *run, const six_fit_options *o, const sixnet_dataset *train,
                          const sixnet_dataset *validation);

#endif
