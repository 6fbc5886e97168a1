/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Measures how fast a net is here: steps of training, predictions of batches and of single samples."

enum { RUNS = 5 };

typedef struct job {
    work w;
    sixnet_optimizer *opt;
    float *inputs, *targets, *outputs;
    int64_t batch;
    double seconds; /* of each measurement */
} job;

typedef int32_t (*work_fn)(const job *j, int64_t n);

static int32_t train_step(const job *j, int64_t n)
{
    CHECK_SIXNET(sixnet_model_zero_grad(j->w.net));
    CHECK_SIXNET(sixnet_model_forward(j->w.net, j->inputs, n));
    CHECK_SIXNET(sixnet_model_loss(j->w.net, j->targets, NULL));
    CHECK_SIXNET(sixnet_model_backward(j->w.net));
    CHECK_SIXNET(sixnet_optimizer_step(j->opt));
    return 0;
}

static int32_t predict(const job *j, int64_t n)
{
    CHECK_SIXNET(sixnet_model_predict(j->w.net, j->inputs, n, j->outputs));
    return 0;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median seconds of a call, of several runs of many calls; the first run only warms up. */
static int32_t measure(const job *j, work_fn fn, int64_t n, double *median)
{
    double seconds[RUNS + 1];
    meter bar = meter_begin(fn == predict ? "measuring predictions" : "measuring training", 1);
    for (int k = 0; k <= RUNS; k++) {
        const double start = seconds_now(), enough = j->seconds / (RUNS + 1);
        int64_t calls = 0;
        do {
            CHECK(fn(j, n));
            calls++;
        } while (seconds_now() - start < enough);
        seconds[k] = (seconds_now() - start) / (double)calls;
        meter_show(&bar, k + 1, RUNS + 1);
    }
    meter_end(&bar);
    qsort(seconds + 1, RUNS, sizeof *seconds, ascending);
    *median = seconds[1 + RUNS / 2];
    return 0;
}

/* Noise from 0 to 1; zeros for a net that takes the numbers of rows in a table. */
static int32_t make_samples(job *j)
{
    const int64_t count = j->batch * net_size(j->w.net, "input"), targets = j->batch * net_size(j->w.net, "target");
    uint32_t state = 1;
    j->inputs = malloc((size_t)count * sizeof *j->inputs);
    j->targets = calloc((size_t)targets + 1, sizeof *j->targets);
    j->outputs = malloc((size_t)(j->batch * net_size(j->w.net, "output")) * sizeof *j->outputs);
    if (!j->inputs || !j->targets || !j->outputs)
        return fail("out of memory");
    for (int64_t k = 0; k < count; k++) {
        state = 1664525 * state + 1013904223;
        j->inputs[k] = (float)(state >> 8) * 0x1p-24f;
    }
    const int32_t status = sixnet_model_predict(j->w.net, j->inputs, 1, j->outputs);
    if (status == SIXNET_BAD_DATA)
        memset(j->inputs, 0, (size_t)count * sizeof *j->inputs);
    else
        CHECK_SIXNET(status);
    return 0;
}

typedef struct result {
    const char *name;
    work_fn fn;
    int64_t n;
    double seconds;
} result;

static void show_json(const result *first, const result *end, const char *isa, const char *threads)
{
    printf("{\"version\": \"%s\", \"isa\": \"%s\", \"threads\": %s, \"results\": [", sixnet_version(), isa, threads);
    for (const result *r = first; r < end; r++)
        printf("%s\n  {\"work\": \"%s\", \"batch_size\": %" PRId64 ", \"seconds\": %.6g, \"samples_per_second\": %.6g}",
               r > first ? "," : "", r->name, r->n, r->seconds, (double)r->n / r->seconds);
    printf("\n]}\n");
}

static int32_t bench(job *j, int json)
{
    result results[] = {
        {"train", train_step, j->batch, 0}, {"predict", predict, j->batch, 0}, {"predict", predict, 1, 0}};
    const bool trains = net_size(j->w.net, "target") > 0;
    const char *isa = sixnet_context_get(j->w.ctx, "isa"), *threads = sixnet_context_get(j->w.ctx, "threads");
    CHECK(make_samples(j));
    if (trains)
        CHECK_SIXNET(sixnet_optimizer_new(&j->opt, j->w.net, "sgd lr=0 momentum=0.9", NULL));
    if (!json)
        printf("libsixnet %s, %s, threads: %s\n", sixnet_version(), isa, threads);
    for (result *r = results + !trains; r < results + 3; r++) {
        CHECK(measure(j, r->fn, r->n, &r->seconds));
        if (!json)
            printf("%-8s batch %4" PRId64 "  %12.1f us  %12.0f samples/s\n", r->name, r->n, 1e6 * r->seconds,
                   (double)r->n / r->seconds);
        fflush(stdout);
    }
    if (json)
        show_json(results + !trains, results + 3, isa, threads);
    return 0;
}

int32_t command_bench(int argc, char **argv)
{
    machine m = machine_default;
    net_files n = {.path = NULL};
    job j = {.batch = 128, .seconds = 1};
    option_table t = {.count = 0};
    int json = 0;
    add_operand(&t, "NET", "a net's text, or a saved model", &n.path);
    add_integer(&t, "--batch-size", "samples at once (128)", &j.batch, 1, 1 << 24);
    add_number(&t, "--seconds", "S", "for each of the measurements (1)", &j.seconds, 0, 3600);
    add_machine(&t, &m);
    add_switch(&t, "--json", "print JSON", &json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    status = work_open(&j.w, &m, &n);
    if (status == 0)
        status = bench(&j, json);
    free(j.inputs);
    free(j.targets);
    free(j.outputs);
    sixnet_optimizer_free(j.opt);
    work_close(&j.w);
    return exit_status(status);
}
