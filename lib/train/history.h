/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_HISTORY_H
#define SIX_TRAIN_HISTORY_H

/* The history of a training run: a row of numbers for each epoch that is done. */

#include "base/context.h"

/* The columns; a number that was not measured is NaN. */
enum {
    SIX_HISTORY_LR,
    SIX_HISTORY_LOSS,
    SIX_HISTORY_ACCURACY,
    SIX_HISTORY_VALIDATION_LOSS,
    SIX_HISTORY_VALIDATION_ACCURACY,
    SIX_HISTORY_COLUMNS
};

/* One block of memory. NULL is an empty history wherever it is const. */
typedef struct six_history {
    int64_t epochs, capacity;
    int64_t best; /* the row of the best epoch, if there is any: see six_history_best() */
    double row[][SIX_HISTORY_COLUMNS];
} six_history;

/* An empty history with memory for so many epochs. */
int32_t six_history_new(six_history **out, const sixnet_context *ctx, int64_t capacity);
/* Adds an epoch to a history, or to a new one if *history is NULL. *history moves when it grows. */
int32_t six_history_add(six_history **history, const sixnet_context *ctx, const double row[static SIX_HISTORY_COLUMNS]);
/* Adds the row behind the last one, which the caller has filled in. */
void six_history_count(six_history *history);

int64_t six_history_epochs(const six_history *history);
/* The row of the best epoch, -1 if there is none: the highest validation accuracy, or else the lowest validation loss, or else loss. */
int64_t six_history_best(const six_history *history);
/* A number that sixnet_model_history_get() names, of an epoch from 1 on; NaN for any other. */
double six_history_get(const six_history *history, int64_t epoch, const char *key);

#endif
