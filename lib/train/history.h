/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_HISTORY_H
#define SIX_TRAIN_HISTORY_H

/* The history of a training run: a row of numbers for each epoch that is done. */

#include <stdbool.h>

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

/* How epochs are compared. */
typedef struct six_monitor {
    int32_t column;
    double min_delta; /* an epoch is better than the best before it by more than this */
} six_monitor;

/* One block of memory. NULL is an empty history wherever it is const. */
typedef struct six_history {
    int64_t epochs, capacity;
    six_monitor monitor;
    int64_t best; /* the row of the best epoch, if there is any */
    double row[][SIX_HISTORY_COLUMNS];
} six_history;

/* An empty history with memory for so many epochs. */
int32_t six_history_new(six_history **out, const sixnet_context *ctx, const six_monitor *monitor, int64_t capacity);
/* Adds an epoch to a history, or to a new one if *history is NULL. *history moves when it grows. */
int32_t six_history_add(six_history **history, const sixnet_context *ctx, const six_monitor *monitor,
                        const double row[static SIX_HISTORY_COLUMNS]);
/* Adds the row behind the last one, which the caller has filled in. */
void six_history_count(six_history *history);

int64_t six_history_epochs(const six_history *history);
/* The row of the best epoch, with the highest accuracy or the lowest loss that the monitor names; -1 if there is none. */
int64_t six_history_best(const six_history *history);
/* A number that sixnet_model_history_get() names, of an epoch from 1 on; NaN for any other. */
double six_history_get(const six_history *history, int64_t epoch, const char *key);

/* The column of that name; "val_" stands for "validation_" as well. -1 if there is none. */
int32_t six_history_column(const char *name);
const char *six_history_column_name(int32_t column);

#endif
