/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_BENCH_H
#define SIXNET_BENCH_H

/* What the parts of sixnet-bench share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sixnet/sixnet.h>

/* ---- options ---- */

typedef struct settings {
    const char *names, *isa, *data; /* names: workloads with commas between them, or "all" */
    long threads, batch, epochs;    /* batch 0 for the workload's own */
    double seconds;
    bool json, profile, list, no_peak;
} settings;

/* ---- workloads.c ---- */

typedef enum work_kind {
    WORK_TRAIN,   /* a step: zero_grad, forward, loss, backward, step */
    WORK_PREDICT, /* sixnet_model_predict() */
    WORK_FIT,     /* a whole run: load, train, evaluate */
    WORK_EPOCH,   /* sixnet_model_fit() of an epoch, told by the batch */
} work_kind;

typedef struct workload {
    const char *name;
    work_kind kind;
    int32_t batch;         /* samples a call; a workload with 1 is told in time, others in samples a second */
    const char *data;      /* "mnist" or "noise" */
    const char *dtype;     /* "f32" or "f64" */
    const char *optimizer; /* of all but WORK_PREDICT */
    const char *net;
} workload;

extern const char *const work_kind_name[];
extern const workload workloads[]; /* ends with a name of NULL */

/* Samples to cycle through: whole batches, one after another. In the workload's dtype. */
typedef struct samples {
    void *inputs, *targets;
    int64_t batches, input_size, target_size, output_size; /* the sizes for one sample, in values */
} samples;

void samples_make(samples *s, const workload *w, const sixnet_model *net, int32_t batch, const char *folder);
void samples_free(samples *s);

/* A path of MNIST's four files: "train" or "t10k", "images-idx3" or "labels-idx1". */
enum { PATH_SIZE = 4096 };
void mnist_path(char path[PATH_SIZE], const char *folder, const char *set, const char *what);

/* ---- peak.c ---- */

/* Multiply-adds a second, in GFLOP/s, that so many threads reach together in registers with an instruction set, as
 * sixnet_context_get() names it; 0 if it cannot be measured. */
double peak_gflops(const char *isa, int32_t threads);
/* What one thread reads and writes together when it copies so many bytes, in GB/s. */
double copy_gbs(size_t bytes);

/* ---- measure.c ---- */

/* One workload under way. */
typedef struct bench {
    const settings *set;
    const workload *work;
    int32_t batch;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    samples data;
    sixnet_dataset *dataset; /* the same samples, of WORK_EPOCH */
    float *outputs;
    int64_t next; /* batch */
    double wall;  /* seconds of a call while it was profiled */
    int64_t passes;
} bench;

/* Of a call, all in seconds; or of a whole run. */
typedef struct result {
    double median, low, high, cpu; /* cpu: of all processors together */
    double flop, bytes, peak;
    double accuracy, megabytes; /* of a whole run; else 0 */
} result;

typedef struct cost {
    double seconds, flop, bytes; /* of a pass */
} cost;

/* Makes a workload's context, net and optimizer. */
void bench_open(bench *b, const settings *set, const workload *work);
void bench_close(bench *b);
/* Makes its samples. */
void bench_load(bench *b);
/* Fills in the seconds of a batch, and what it computes. */
void bench_measure(bench *b, result *r);
/* Times a whole run, from nothing to a trained net. */
void bench_fit(const settings *set, const workload *work, result *r);
/* Calls the workload while the library takes a profile, of which bench_cost() gives a node's part, or that of SIXNET_NO_NODE. */
void bench_profile(bench *b);
cost bench_cost(const bench *b, sixnet_node node, bool backward);

/* ---- report.c: text for people, or JSON ---- */

/* What holds for all results; opens the JSON. */
void print_head(const settings *set);
void print_workload(const settings *set, const workload *w);
void print_result(const bench *b, const result *r);
/* peak: of one thread, in GFLOP/s; 0 if unknown */
void print_profile(const bench *b, double peak);
/* Writes an object and leaves it open for json_profile(). */
void json_result(const bench *b, const result *r);
void json_profile(const bench *b);

/* ---- sixnet-bench.c ---- */

double seconds_now(void);
void *allocate(size_t bytes);
/* Ends the program with the library's message if a call has failed. */
void check(int32_t status);
_Noreturn void fail(const char *format, const char *detail);

#endif
