/* SPDX-License-Identifier: MIT */

#include "train/progress.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

double six_progress_get(const sixnet_progress *p, const char *key)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
        {"epoch_end", offsetof(sixnet_progress, epoch_end)},
        {"epoch", offsetof(sixnet_progress, epoch)},
        {"epochs", offsetof(sixnet_progress, epochs)},
        {"batch", offsetof(sixnet_progress, batch)},
        {"batches", offsetof(sixnet_progress, batches)},
        {"samples", offsetof(sixnet_progress, samples)},
        {"loss", offsetof(sixnet_progress, loss)},
        {"accuracy", offsetof(sixnet_progress, accuracy)},
        {"lr", offsetof(sixnet_progress, lr)},
        {"seconds", offsetof(sixnet_progress, seconds)},
        {"total_seconds", offsetof(sixnet_progress, total_seconds)},
        {"validation_loss", offsetof(sixnet_progress, validation_loss)},
        {"validation_accuracy", offsetof(sixnet_progress, validation_accuracy)},
        {"best_epoch", offsetof(sixnet_progress, best_epoch)},
        {"best_loss", offsetof(sixnet_progress, best_loss)},
        {"best_accuracy", offsetof(sixnet_progress, best_accuracy)},
        {"skipped", offsetof(sixnet_progress, skipped)},
        {"resume_changes", offsetof(sixnet_progress, resume_changes)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, key) == 0)
            return *(const double *)((const char *)p + fields[i].offset);
    return NAN;
}
