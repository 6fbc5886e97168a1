/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_RUN_H
#define SIX_TRAIN_RUN_H

/* A training run: the state needed for an exact resume. fit.c makes one; who keeps it is
 * not train's business (files/checkpoint.c), so fit is given a checkpoint store. */

#include "base/spec.h"
#include "train/history.h"
#include "train/optimizer.h"

/* The run's numbers, as a kind of the text interface. */
typedef struct six_run_state {
    /* How the samples come; batch_size 0 if that is not known. */
    int64_t samples, batch_size, order_seed;
    int32_t shuffle, drop_last;
    /* Where the run is: epochs done, samples of the next one done, sums over those, seconds. */
    int64_t epoch, position;
    double loss_sum, loss_weight, correct, seconds, epoch_seconds; /* see six_loss_sums; hits: in samples */
    int64_t skipped;                                               /* among those samples, which are in neither sum */
    /* Kind of average, see train/average.h, and the number of values in it. */
    int32_t average;
    double ema_decay;
    int64_t average_start_epoch, averaged;
    int64_t best_epoch; /* whose values are in six_train_run.best; 0: none */
    int64_t changes;    /* settings that were changed when it was resumed */
    /* The counters of model, optimizer and random numbers. */
    int64_t model_step, optimizer_step, seed;
} six_run_state;

extern const six_kind six_kind_run;

enum { SIX_AVERAGE_NONE, SIX_AVERAGE_EMA, SIX_AVERAGE_SWA };
#define SIX_AVERAGES "none ema swa"

typedef struct six_train_run {
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_batch_iterator *batches; /* may be NULL */
    six_run_state state;
    const char *settings; /* see train/settings.h; NULL if nobody asks */
    bool allow_changes;   /* of the settings, when it is resumed */
    void *
        average; /* reals, as many as the model's values: their average, or zero while there is none; NULL without averaging */
    void *best; /* reals, likewise: the values that the best epoch was measured with; NULL without restore_best */
    six_monitor monitor;
    six_history *history; /* NULL before the first epoch is done */
} six_train_run;

typedef struct six_checkpoint_store {
    /* Checks that runs can be saved at a path, before the run rather than after its first epoch. */
    int32_t (*check)(const sixnet_context *ctx, const char *path, int64_t keep);
    /* Saves a run, and keeps what was at path before as path.1, that as path.2, and so on: at most `keep` files. */
    int32_t (*save)(const six_train_run *run, const char *path, int64_t keep);
    /* Puts a run's net, optimizer, batches, state and history into the state that was saved, all or nothing. If
     * run->state.batch_size is not 0 the samples must come as they came then. */
    int32_t (*load)(six_train_run *run, const char *path);
} six_checkpoint_store;

#endif
