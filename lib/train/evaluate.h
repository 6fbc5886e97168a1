/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_EVALUATE_H
#define SIX_TRAIN_EVALUATE_H

#include "data/dataset.h"
#include "graph/graph.h"

/* Checks that a dataset's samples and targets are what the net and its loss take. */
int32_t six_check_dataset(const sixnet_model *net, const sixnet_dataset *ds);

/* Fails if the loss is a mean of samples whose classes all have weight 0. */
int32_t six_check_loss_weight(const six_op *loss, const six_loss_sums *sums);

/* The loss and the accuracy on a dataset; either may be NULL. */
int32_t six_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy);

/* Memory for the net's outputs and the targets of all samples. */
typedef struct six_evaluation_results {
    double *output, *target;
} six_evaluation_results;

/* As six_evaluate(), of a dataset that was checked; fills `results` unless that is NULL. */
int32_t six_evaluate_results(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy,
                             const six_evaluation_results *results);

#endif
