/* SPDX-License-Identifier: MIT */

/* Timing: calls of a workload by the clock, a whole run, and a profile. */

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { RUNS = 7 };

/* Of all processors that this process has used. */
static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a workload ---- */

void bench_open(bench *b, const settings *set, const workload *work)
{
    char options[256];
    *b = (bench){.set = set, .work = work, .batch = set->batch ? (int32_t)set->batch : work->batch};
    snprintf(options, sizeof options, "threads=%ld isa=%.64s dtype=%s", set->threads, set->isa, work->dtype);
    check(sixnet_context_new(&b->ctx, options));
    check(sixnet_model_parse(&b->net, b->ctx, work->net));
    if (work->optimizer)
        check(sixnet_optimizer_new(&b->opt, b->net, work->optimizer, NULL));
}

void bench_close(bench *b)
{
    sixnet_dataset_free(b->dataset);
    samples_free(&b->data);
    free(b->outputs);
    sixnet_optimizer_free(b->opt);
    sixnet_model_free(b->net);
    sixnet_context_free(b->ctx);
}

void bench_load(bench *b)
{
    samples_make(&b->data, b->work, b->net, b->batch, b->set->data);
    b->outputs = allocate((size_t)(b->batch * b->data.output_size) * sizeof *b->outputs);
    if (b->work->kind == WORK_EPOCH) {
        char spec[64];
        snprintf(spec, sizeof spec, "shape=%lld target_shape=%lld", (long long)b->data.input_size,
                 (long long)b->data.target_size);
        check(sixnet_dataset_from_arrays(&b->dataset, b->ctx, spec, b->data.inputs, b->data.targets,
                                         b->data.batches * b->batch));
    }
}

static void train_step(bench *b, int64_t batch)
{
    const int64_t input = batch * b->batch * b->data.input_size, target = batch * b->batch * b->data.target_size;
    check(sixnet_model_zero_grad(b->net));
    if (strcmp(b->work->dtype, "f64") == 0) {
        check(sixnet_model_forward_f64(b->net, (double *)b->data.inputs + input, b->batch));
        check(sixnet_model_loss_f64(b->net, (double *)b->data.targets + target, NULL));
    } else {
        check(sixnet_model_forward(b->net, (float *)b->data.inputs + input, b->batch));
        check(sixnet_model_loss(b->net, (float *)b->data.targets + target, NULL));
    }
    check(sixnet_model_backward(b->net));
    check(sixnet_optimizer_step(b->opt));
}

static void train_epoch(bench *b)
{
    char options[64];
    snprintf(options, sizeof options, "batch_size=%d", (int)b->batch);
    check(sixnet_model_fit(b->net, b->opt, b->dataset, NULL, options, NULL, NULL));
}

static void call(bench *b)
{
    const int64_t batch = b->next;
    b->next = (b->next + 1) % b->data.batches;
    if (b->work->kind == WORK_TRAIN)
        train_step(b, batch);
    else if (b->work->kind == WORK_EPOCH)
        train_epoch(b);
    else
        check(sixnet_model_predict(b->net, (float *)b->data.inputs + batch * b->batch * b->data.input_size, b->batch,
                                   b->outputs));
}

/* How many batches a call goes through. */
static int64_t batches_of_call(const bench *b) { return b->work->kind == WORK_EPOCH ? b->data.batches : 1; }

/* Calls for so many seconds, and looks at the clock after every `calls` of them; the seconds of a batch, and of processors. */
static double run(bench *b, double seconds, int64_t calls, double *cpu)
{
    const double start = seconds_now(), cpu_start = cpu_now();
    const int64_t batches = calls * batches_of_call(b);
    for (int64_t done = batches;; done += batches) {
        for (int64_t k = 0; k < calls; k++)
            call(b);
        const double now = seconds_now();
        if (now - start >= seconds) {
            *cpu = (cpu_now() - cpu_start) / (double)done;
            return (now - start) / (double)done;
        }
    }
}

/* What a batch computes, from a profile of a call. */
static void count_work(bench *b, result *r)
{
    check(sixnet_model_profile(b->net, 1));
    call(b);
    for (sixnet_node i = 0; i < sixnet_node_count(b->net); i++) {
        r->flop += sixnet_model_profile_get(b->net, i, "forward_flops") +
                   sixnet_model_profile_get(b->net, i, "backward_flops");
        r->bytes += sixnet_model_profile_get(b->net, i, "forward_bytes") +
                    sixnet_model_profile_get(b->net, i, "backward_bytes");
    }
    r->flop /= (double)batches_of_call(b);
    r->bytes /= (double)batches_of_call(b);
    check(sixnet_model_profile(b->net, 0));
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_measure(bench *b, result *r)
{
    double seconds[RUNS], cpu;
    run(b, b->set->seconds / RUNS, 1, &cpu);
    count_work(b, r);
    const int64_t calls = 1 + (int64_t)(1e-4 / run(b, b->set->seconds / RUNS, 1, &cpu) / (double)batches_of_call(b));
    for (int k = 0; k < RUNS; k++) {
        seconds[k] = run(b, b->set->seconds / RUNS, calls, &cpu);
        r->cpu += cpu / RUNS;
    }
    qsort(seconds, RUNS, sizeof *seconds, ascending);
    r->median = seconds[RUNS / 2];
    r->low = seconds[0];
    r->high = seconds[RUNS - 1];
}

/* ---- a whole run ---- */

static void open_set(bench *b, sixnet_dataset **ds, const char *set)
{
    char images[PATH_SIZE], labels[PATH_SIZE];
    mnist_path(images, b->set->data, set, "images-idx3");
    mnist_path(labels, b->set->data, set, "labels-idx1");
    check(sixnet_dataset_from_idx(ds, b->ctx, images, labels));
    check(sixnet_dataset_add_transform(*ds, "normalize mean=0.1307 std=0.3081"));
}

/* As examples/mnist_cnn.c. Memory is that of the process so far. */
void bench_fit(const settings *set, const workload *work, result *r)
{
    bench b;
    sixnet_dataset *train, *test;
    struct rusage usage;
    char options[64];
    const double start = seconds_now(), cpu = cpu_now();
    bench_open(&b, set, work);
    sixnet_optimizer_free(b.opt);
    check(sixnet_optimizer_new(&b.opt, b.net, work->optimizer, "step_lr step_size=10 gamma=0.1"));
    open_set(&b, &train, "train");
    open_set(&b, &test, "t10k");
    snprintf(options, sizeof options, "epochs=%ld batch_size=%d", set->epochs, (int)b.batch);
    check(sixnet_model_fit(b.net, b.opt, train, test, options, NULL, NULL));
    r->median = r->low = r->high = seconds_now() - start;
    r->cpu = cpu_now() - cpu;
    check(sixnet_model_evaluate(b.net, test, NULL, &r->accuracy));
    getrusage(RUSAGE_SELF, &usage);
    r->megabytes = (double)usage.ru_maxrss / 1024;
    sixnet_dataset_free(test);
    sixnet_dataset_free(train);
    bench_close(&b);
}

/* ---- a profile ---- */

cost bench_cost(const bench *b, sixnet_node node, bool backward)
{
    const char *const keys[2][3] = {{"forward_seconds", "forward_flops", "forward_bytes"},
                                    {"backward_seconds", "backward_flops", "backward_bytes"}};
    double x[3];
    for (int k = 0; k < 3; k++)
        x[k] = sixnet_model_profile_get(b->net, node, keys[backward][k]) / (double)b->passes;
    return (cost){x[0], x[1], x[2]};
}

void bench_profile(bench *b)
{
    double cpu;
    check(sixnet_model_profile(b->net, 1));
    b->wall = run(b, b->set->seconds, 1, &cpu);
    b->passes = (int64_t)sixnet_model_profile_get(b->net, SIXNET_NO_NODE, "forward_passes");
}
