/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_DOCTOR_H
#define SIX_TRAIN_DOCTOR_H

/* Looks at a training run and names what is wrong with it, and the usual remedy: through the log and as findings of the model. */

#include "graph/exec.h"

typedef struct six_doctor six_doctor;

/* A batch that was tried, with all that it left in the model. */
typedef struct six_visit {
    int64_t epoch, batch;
    six_rows inputs, targets;
    int64_t n;
    double loss;
    int32_t status;
} six_visit;

/* Looks at the passes of a compiled model with a loss from now on. Earlier findings stay until the caller drops them. */
int32_t six_doctor_new(six_doctor **out, sixnet_model *net, int64_t batch_size);
void six_doctor_free(six_doctor *d);

/* The data have a label out of range, says the message of the call that failed. */
void six_doctor_refused(six_doctor *d);
void six_doctor_look(six_doctor *d, const six_visit *visit);
/* What takes an epoch to be seen; of the last visit's epoch. */
void six_doctor_look_back(six_doctor *d);

/* A field that sixnet_finding() names; NULL for any other. */
const char *six_finding_field(const six_finding *f, const char *field);

#endif
