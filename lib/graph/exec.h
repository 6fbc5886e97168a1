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

/* The same array from its value `offset` on. */
static inline six_rows six_rows_from(six_rows r, int64_t offset)
{
    const char *data = r.data;
    return (six_rows){data + (size_t)offset * (r.dtype == SIX_F64 ? sizeof(double) : sizeof(float)), r.dtype};
}

static inline double six_rows_value(six_rows r, int64_t i)
{
    return r.dtype == SIX_F64 ? ((const double *)r.data)[i] : (double)((const float *)r.data)[i];
}

typedef struct six_rows_out {
    void *data;
    six_dtype dtype;
} six_rows_out;

/* How a training pass, of forward, loss and backward, differs from one over a whole batch. */
typedef struct six_pass {
    six_observer *observer; /* NULL for none */
    bool shard;    /* a part of a batch: six_backward() adds the gradient of the loss's total, even of a mean */
    int64_t first; /* position of its first sample in the batch, for which random layers draw */
} six_pass;

/* pass: NULL for a whole batch without an observer. */
int32_t six_forward(sixnet_model *net, six_rows inputs, int64_t n, const six_pass *pass);
/* Takes back what the last six_forward() did to the tensors: running statistics are as before. */
void six_forward_undo(sixnet_model *net);
int32_t six_loss(sixnet_model *net, six_rows targets, six_loss_sums *sums);
int32_t six_backward(sixnet_model *net);
int32_t six_backward_from(sixnet_model *net, six_rows gradient);
int32_t six_predict(sixnet_model *net, six_rows inputs, int64_t n, six_rows_out outputs);

/* Whether the layers can work on single samples without lanes: in evaluation, or in training too. */
bool six_runs_single(const sixnet_model *net);
bool six_trains_single(const sixnet_model *net);
/* For evaluation plans, the model's and the predictors'. Up to SIX_SINGLE_SAMPLE_MAX samples are evaluated one by one rather than as a tile,
 * where the layers support it. */
enum { SIX_SINGLE_SAMPLE_MAX = 8 };
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
/* outputs: where those of the n samples go; data NULL: nowhere. */
int32_t six_evaluation_add(six_evaluation *e, six_rows inputs, six_rows targets, int64_t n, six_rows_out outputs);
int32_t six_evaluation_end(six_evaluation *e, six_loss_sums *sums); /* NULL: without a result */

#endif
