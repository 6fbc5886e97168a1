/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_FIT_H
#define SIX_TRAIN_FIT_H

#include "base/spec.h"
#include "train/run.h"

extern const six_kind six_kind_fit;

int32_t six_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train, sixnet_dataset *validation, const char *options,
                const six_keeper *keeper, sixnet_progress_fn fn, void *user);
int32_t six_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy);
double six_progress_get(const sixnet_progress *p, const char *key);

#endif
