/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_DIAGNOSTICS_H
#define SIX_TRAIN_DIAGNOSTICS_H

/* Looks at a training run and names what is wrong with it, and the usual remedy: through the log and as findings of the model. */

#include "graph/exec.h"

typedef struct six_diagnostics six_diagnostics;

/* A batch that was tried, with all that it left in the model. */
typedef struct six_batch_result {
    int64_t epoch, batch;
    six_rows inputs, targets;
    int64_t n;
    double loss;
    int32_t status;
} six_batch_result;

/* Looks at the passes of a compiled model with a loss from now on. Earlier findings stay until the caller drops them. */
int32_t six_diagnostics_new(six_diagnostics **out, sixnet_model *net, int64_t batch_size);
void six_diagnostics_free(six_diagnostics *d);

/* The data have a label out of range, says the message of the call that failed. */
void six_diagnostics_data_rejected(six_diagnostics *d);
void six_diagnostics_check_batch(six_diagnostics *d, const six_batch_result *result);
/* What takes an epoch to be seen; of the last visit's epoch. */
void six_diagnostics_check_epoch(six_diagnostics *d);

/* A field that sixnet_model_diagnostic() names; NULL for any other. */
const char *six_diagnostic_field(const six_diagnostic *f, const char *field);

#endif
