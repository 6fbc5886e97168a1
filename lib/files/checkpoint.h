/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_CHECKPOINT_H
#define SIX_FILES_CHECKPOINT_H

/* A training run as a file: that of its model, with the pairs "sixnet.run" (its numbers), "sixnet.optimizer",
 * "sixnet.schedule" (their texts) and, of a run of sixnet_model_fit(), "sixnet.settings" (see train/settings.h) and the tensors "sixnet:schedule", "sixnet:history" and "sixnet:optimizer.0" and up. Of a run with an
 * average the tensors under the net's names are that, and "sixnet:plain" has the values that training continues with. */

#include "files/model.h"
#include "train/run.h"

/* sync, keep: of six_save() */
int32_t six_checkpoint_save(const six_train_run *run, const char *path, bool sync, int64_t keep);
/* See six_checkpoint_store. */
int32_t six_checkpoint_load(six_train_run *run, const char *path, const six_load_options *o);

/* For sixnet_model_fit(). */
extern const six_checkpoint_store six_checkpoint_file_store;

#endif
