/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_PROGRESS_H
#define SIX_TRAIN_PROGRESS_H

/* Where a training run is, as its caller reads it by name; NaN for what is not known. */

#include "sixnet/sixnet.h"

struct sixnet_progress {
    double epoch_end, epoch, epochs, batch, batches, samples, loss, accuracy, lr, seconds, total_seconds,
        validation_loss, validation_accuracy, best_epoch, best_loss, best_accuracy, skipped, resume_changes;
};

double six_progress_get(const sixnet_progress *p, const char *key);

#endif
