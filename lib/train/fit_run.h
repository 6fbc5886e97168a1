/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_FIT_RUN_H
#define SIX_TRAIN_FIT_RUN_H

/* A call of six_fit() while it lasts. fit.c trains, fit_step.c on one batch, fit_setup.c prepares, fit_report.c reports
 * the caller where the run is, fit_best.c knows the best epoch and when the run ends, fit_save.c saves it. */

#include "base/clock.h"
#include "train/diagnostics.h"
#include "train/fit_options.h"
#include "train/progress.h"
#include "train/run.h"
#include "train/shards.h"
#include "train/snapshot.h"

/* State that a batch has changed so far. */
typedef struct six_fit_tried {
    bool forward, copied;
} six_fit_tried;

typedef struct six_fit_run {
    const six_fit_options *o;
    six_train_run run;
    const six_checkpoint_store *store;
    sixnet_dataset *validation;
    sixnet_progress_fn fn;
    void *user;
    sixnet_progress p;
    double started, epoch_started; /* as if there had been no interruption */
    double saved;                  /* when the last checkpoint was */
    double called;                 /* when the call began */
    bool timed_out;                /* max_seconds are over */
    six_fit_tried tried;
    six_shards shards;
    six_snapshot batch, epoch; /* state before a step that may overflow; before the epoch, if it may be retried */
    six_run_state epoch_state;
    int32_t retries;              /* how often this epoch was begun again */
    six_diagnostics *diagnostics; /* NULL without */
} six_fit_run;

static inline double six_fit_seconds(void) { return 1e-9 * (double)six_nanoseconds(); }

static inline const six_op *six_fit_loss_op(const six_fit_run *f) { return f->run.net->node[f->run.net->loss].op; }

/* fit_setup.c */
/* Makes a validation set of the share of the samples that validation_split says, and *first of the others; both are to be freed. */
int32_t six_fit_hold_out(six_fit_run *f, sixnet_dataset *train, sixnet_dataset **first);
int32_t six_fit_make_batches(six_fit_run *f, sixnet_dataset *train);
/* Rejects, before the first step, batches that a layer cannot train on: of whole epochs, and of the rest of a resumed epoch. */
int32_t six_fit_check_epochs(const six_fit_run *f);
/* Allocates what the run needs besides: the average, shards, snapshots, diagnostics. */
int32_t six_fit_alloc(six_fit_run *f);
void six_fit_free(six_fit_run *f);

/* fit_step.c */
/* All of a step or nothing: a batch that fails leaves net, optimizer and schedule as they were. SIXNET_STOPPED if it was
 * cancelled. */
int32_t six_fit_train_batch(six_fit_run *f, six_batch_result *v);

/* fit_report.c */
/* Updates the progress report: the place, the means over the epoch so far, the best epoch. */
void six_fit_show_place(six_fit_run *f);
void six_fit_show_means(six_fit_run *f);
void six_fit_show_best(six_fit_run *f);
/* Reports progress to the caller; SIXNET_STOPPED if it asks to stop. */
int32_t six_fit_report(six_fit_run *f);

/* fit_best.c */
/* Finds out what makes an epoch the best, and allocates memory for its values. */
int32_t six_fit_setup_best(six_fit_run *f);
/* After an epoch that the history has: keeps its values if it is the best. */
void six_fit_keep_best(six_fit_run *f);
/* Whether there is no epoch to do. */
bool six_fit_is_done(const six_fit_run *f);
/* At the end of a run: gives the net the values of the best epoch, or else the average. */
void six_fit_give_result(six_fit_run *f);

/* fit_save.c */
/* Whether all checkpoints of the run can be saved where they belong. */
int32_t six_fit_check_saving(const six_fit_run *f);
/* After a batch, or an epoch: saves a checkpoint if one is due or the run was stopped. Returns `status` unless saving fails. */
int32_t six_fit_save_within_epoch(six_fit_run *f, int32_t status);
int32_t six_fit_save_after_epoch(six_fit_run *f, int32_t status);

#endif
