/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_DIAGNOSTICS_H
#define SIX_TRAIN_DIAGNOSTICS_H

/* Checks a training run and reports what is wrong with it, with the usual remedy: in the log and as the model's diagnostics. */

#include "graph/exec.h"

/* What was found wrong in a training run. */
typedef struct six_diagnostic {
    const char *name, *remedy; /* static */
    char node[SIX_NAME_MAX], epoch[24], batch[24], text[1024];
} six_diagnostic;

enum { SIX_DIAGNOSTICS_MAX = 64 };

/* What was found in a run, in the order of discovery. */
typedef struct six_diagnostic_list {
    int32_t count;
    six_diagnostic item[SIX_DIAGNOSTICS_MAX];
} six_diagnostic_list;

typedef struct six_diagnostics six_diagnostics;

/* A batch that was tried, with all that it left in the model. */
typedef struct six_batch_result {
    int64_t epoch, batch;
    six_rows inputs, targets;
    int64_t n;
    double loss;
    int32_t status;
} six_batch_result;

/* For a compiled model with a loss. Diagnostics are kept from six_diagnostics_publish() on. */
int32_t six_diagnostics_new(six_diagnostics **out, sixnet_model *net, int64_t batch_size);
void six_diagnostics_free(six_diagnostics *d);
/* Makes a new list of diagnostics a report of the model, in place of that of the last run. Once. */
void six_diagnostics_publish(six_diagnostics *d);
/* For the training passes of the batches that six_diagnostics_check_batch() gets. */
six_observer *six_diagnostics_observer(six_diagnostics *d);

/* The data have a label out of range, says the message of the call that failed. */
void six_diagnostics_data_rejected(six_diagnostics *d);
/* After every forward pass, which began with that sample of the batch. */
void six_diagnostics_collect_outputs(six_diagnostics *d, int64_t first);
void six_diagnostics_check_batch(six_diagnostics *d, const six_batch_result *result);
/* End-of-epoch checks; of the last visit's epoch. */
void six_diagnostics_check_epoch(six_diagnostics *d);

/* A field that sixnet_model_diagnostic() names, of one diagnostic; NULL for any other, or for an index out of range. list may be NULL. */
const char *six_diagnostic_field(const six_diagnostic_list *list, int32_t index, const char *field);

#endif
