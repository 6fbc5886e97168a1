/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_METRICS_H
#define SIX_TRAIN_METRICS_H

/* Measures of how well a net does on a dataset, beyond loss and accuracy: named numbers, rows and tables of numbers. metrics.c collects what they are
 * made of and reads them, metrics_classes.c and metrics_values.c compute them. */

#include "data/dataset.h"
#include "graph/graph.h"

typedef struct six_metrics_options {
    int64_t top_k, bins;
} six_metrics_options;

extern const six_kind six_kind_metrics;

/* A number (rank 0), a number for each class (1) or a table (2). */
typedef struct six_metric {
    const char *name;
    int32_t rank;
    int64_t dim[2];
    int64_t first; /* of its values */
} six_metric;

enum { SIX_METRICS_MAX = 32, SIX_ROC_POINTS = 101, SIX_CONFUSION_MAX = 1000 };

/* One block of memory. */
typedef struct six_metrics {
    int32_t count;
    six_metric item[SIX_METRICS_MAX];
    int64_t size; /* of the values so far */
    double value[];
} six_metrics;

/* What a net gave for all samples, and what was right, in double. */
typedef struct six_results {
    const sixnet_context *ctx;
    const six_metrics_options *o;
    const six_op *loss;
    int64_t samples, outputs, targets; /* the last two: values of a sample */
    double *output, *target;
} six_results;

/* Evaluates a net. The report is given to six_model_set_report(); options NULL for the defaults. */
int32_t six_metrics_new(six_metrics **out, sixnet_model *net, sixnet_dataset *ds, const six_metrics_options *o);
/* A number by its name: "f1", "f1[2]", "confusion[2,0]"; NaN if there is none. m may be NULL. */
double six_metrics_get(const six_metrics *m, const char *name);
/* Appends everything as JSON. */
void six_metrics_json(const six_metrics *m, six_text *t);

/* A new metric, all NaN; its values. */
double *six_metrics_add(six_metrics *m, const char *name, int32_t rank, int64_t rows, int64_t columns);
static inline void six_metrics_add_number(six_metrics *m, const char *name, double value)
{
    *six_metrics_add(m, name, 0, 1, 1) = value;
}

/* metrics_classes.c: the most values they add; of losses of class numbers and probabilities, and of shares (labels that are set or not). */
int64_t six_metrics_of_classes_size(const six_results *r);
int32_t six_metrics_of_classes(six_metrics *m, const six_results *r);

/* metrics_values.c: of losses of numbers. */
void six_metrics_of_values(six_metrics *m, const six_results *r);

#endif
