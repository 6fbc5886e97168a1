/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_EXEC_H
#define SIX_GRAPH_EXEC_H

/* Running a graph. */

#include "graph/plan.h"

/* A caller's array of samples. */
typedef struct six_rows {
    const void *data;
    six_dtype dtype;
} six_rows;

typedef struct six_rows_out {
    void *data;
    six_dtype dtype;
} six_rows_out;

/* observer: of this pass, and of the loss and the backward pass that follow it; NULL for none. */
int32_t six_forward(sixnet_model *net, six_rows inputs, int64_t n, six_observer *observer);
/* Takes back what the last six_forward() did to the tensors: running statistics are as before. */
void six_forward_undo(sixnet_model *net);
int32_t six_loss(sixnet_model *net, six_rows targets, six_loss_sums *sums);
int32_t six_backward(sixnet_model *net);
int32_t six_backward_from(sixnet_model *net, six_rows gradient);
int32_t six_predict(sixnet_model *net, six_rows inputs, int64_t n, six_rows_out outputs);

/* For evaluation plans, the model's and the predictors'. Up to SIX_SINGLE_SAMPLE_MAX samples are evaluated one by one rather than as a tile,
 * where the layers support it. */
enum { SIX_SINGLE_SAMPLE_MAX = 8 };
bool six_runs_single(const sixnet_model *net);
/* Repeats the begin_forward() steps if a tensor has changed since. */
int32_t six_plan_refresh(six_plan *plan);
int32_t six_plan_predict(six_plan *plan, six_rows inputs, int64_t n, six_rows_out outputs);

/* Of the last training pass: a value, or the gradient by it. */
int32_t six_node_values(const sixnet_model *net, int32_t value, bool gradient, six_rows_out values, int64_t count);
int32_t six_memory_needed(sixnet_model *net, int64_t n, bool training, uint64_t *bytes);

/* Measures a net on samples that come in portions: begin, add …, end. Every portion but the last is a multiple of SIX_LANES samples. */
typedef struct six_evaluation {
    sixnet_model *net;
    int64_t total, done; /* samples */
    char *sums;          /* the loss's, of all tiles */
    real *own_sums;      /* the plan's, which they stand in for */
} six_evaluation;
int32_t six_evaluation_begin(six_evaluation *e, sixnet_model *net, int64_t total);
int32_t six_evaluation_add(six_evaluation *e, six_rows inputs, six_rows targets, int64_t n);
int32_t six_evaluation_end(six_evaluation *e, six_loss_sums *sums); /* NULL: without a result */

#endif
