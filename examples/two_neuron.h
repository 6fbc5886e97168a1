/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_TWO_NEURON_H
#define SIXNET_EXAMPLES_TWO_NEURON_H

/* What the parts of two_neuron share. Included before anything else. */

#include "gnuplot.h"

/* One epoch's values, in the order of the CSV's columns; behind those come the derivatives by the nodes. */
enum {
    H = 0,
    A_H = 2,
    O = 4,
    A_O = 6,
    E = 8,
    E_TOTAL = 10,
    W = 11,
    DE_DW = 19,
    COLUMNS = 27,
    DE_DH = 27,
    DE_DA_H = 29,
    DE_DO = 31,
    DE_DA_O = 33,
    VALUES = 35,
};

/* The epochs of all nets that are trained. */
typedef struct epoch_count {
    meter bar;
    double done, all;
} epoch_count;

typedef struct settings {
    double lr, inputs[2], targets[2], weights[8];
    int64_t epochs;
    const char *csv, *pictures;
    int sweep;
    epoch_count *epochs_done;
} settings;

/* ---- two_neuron.c: the net and its training ---- */

typedef struct experiment {
    const settings *set;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_node node[4]; /* h, a_h, o, a_o */
    double weights[8];   /* what they must be by the closed form */
    double worst;        /* the largest difference found */
} experiment;

/* The values at the start, after the first epoch and, if that is later, at the end. */
typedef struct record {
    double start[VALUES], second[VALUES], end[VALUES];
} record;

int32_t experiment_build(experiment *l, const settings *set, double lr);
/* Trains, and compares every epoch with the closed form. Fills kept and curve (epochs + 1 errors) and writes csv, unless NULL. */
int32_t experiment_train(experiment *l, int64_t epochs, FILE *csv, record *kept, double *curve);
void experiment_free(experiment *l);
/* Advances the progress bar by an epoch. */
void count_epoch(epoch_count *c);

/* ---- two_neuron_formulas.c: the same values without the library ---- */

extern const char *const value_name[VALUES];

/* Computes the values of an epoch with the weights w. */
void closed_form(const settings *s, const double *w, double *v);
/* Prints the first epoch step by step. worst: the largest difference from the closed form. */
void show_epoch(const settings *s, const record *r, double worst);

/* ---- two_neuron_rates.c: learning rates compared ---- */

enum { RATES = 6 };

extern const double sweep_rate[RATES];

/* epochs + 1 losses for each rate. */
typedef struct sweep {
    int64_t epochs;
    double *two_neuron[RATES], *train[RATES], *test[RATES];
} sweep;

/* Trains with each rate. Free the curves with sweep_free(), after an error too. */
int32_t sweep_run(const settings *s, sweep *w);
void sweep_free(sweep *w);
void sweep_show(const sweep *w);
void sweep_write(const sweep *w, FILE *csv);

/* ---- two_neuron_plots.c: pictures in a folder ---- */

/* Compares the rates, trains a net, and draws both. */
int32_t run_plots(const settings *s);

#endif
