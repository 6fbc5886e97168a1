/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_FIT_OPTIONS_H
#define SIX_TRAIN_FIT_OPTIONS_H

/* The options of sixnet_model_fit(), as a kind of the text interface. */

#include "base/spec.h"

enum { SIX_RESUME_CHANGES_REFUSE, SIX_RESUME_CHANGES_ALLOW };
enum { SIX_ON_NAN_STOP, SIX_ON_NAN_SKIP, SIX_ON_NAN_RESTORE };

typedef struct six_fit_options {
    int64_t epochs, batch_size, shards, seed;
    int32_t shuffle, drop_last;
    char checkpoint[SIX_PATH_MAX], resume[SIX_PATH_MAX];
    int64_t checkpoint_epochs, checkpoint_keep;
    int32_t resume_changes;
    double checkpoint_seconds;
    int32_t checkpoint_best, diagnostics, on_nan, average;
    double ema_decay;
    int64_t average_start_epoch;
    int64_t early_stopping;
    double min_delta, max_seconds, validation_split;
    char monitor[SIX_TEXT_MAX];
    int32_t restore_best, balance;
} six_fit_options;

extern const six_kind six_kind_fit;

#endif
