/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_FIT_H
#define SIX_TRAIN_FIT_H

#include "train/fit_options.h"
#include "train/run.h"

int32_t six_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train, sixnet_dataset *validation,
                const char *options, const six_checkpoint_store *store, sixnet_progress_fn fn, void *user);

#endif
