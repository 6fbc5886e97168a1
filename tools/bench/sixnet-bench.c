/* SPDX-License-Identifier: MIT */

/* How fast the library is here, beside what the machine could do. docs/performance.md says how to read what it prints. */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_setaffinity() */
#endif

#include "bench.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { RUNS = 7, MAX_NODES = 256 };

typedef struct settings {
    const char *names, *isa, *data; /* names: workloads with commas between them, or "all" */
    long threads, batch, epochs;    /* batch 0 for the workload's own */
    double seconds;
    bool json, profile, list, no_peak;
} settings;

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

/* ---- errors, memory, time ---- */

_Noreturn void fail(const char *format, const char *detail)
{
    fflush(stdout);
    fputs("sixnet-bench: ", stderr);
    fprintf(stderr, format, detail);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void check(int32_t status)
{
    if (status < SIXNET_OK)
        fail("%s", sixnet_last_error());
}

void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!memory)
        fail("out of memory%s", "");
    return memset(memory, 0, bytes);
}

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of all processors that this process has used. */
static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a workload ---- */

static void bench_open(bench *b, const settings *set, const workload *work)
{
    char options[256];
    *b = (bench){.set = set, .work = work, .batch = set->batch ? (int32_t)set->batch : work->batch};
    snprintf(options, sizeof options, "threads=%ld isa=%.64s dtype=%s", set->threads, set->isa, work->dtype);
    check(sixnet_context_new(&b->ctx, options));
    check(sixnet_model_parse(&b->net, b->ctx, work->net));
    if (work->optimizer)
        check(sixnet_optimizer_new(&b->opt, b->net, work->optimizer, NULL));
}

static void bench_close(bench *b)
{
    sixnet_dataset_free(b->dataset);
    samples_free(&b->data);
    free(b->outputs);
    sixnet_optimizer_free(b->opt);
    sixnet_model_free(b->net);
    sixnet_context_free(b->ctx);
}

static void bench_load(bench *b)
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

static void measure(bench *b, result *r)
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

/* From nothing to a trained net, as examples/mnist_cnn.c. Memory is that of the process so far. */
static void fit(const settings *set, const workload *work, result *r)
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

/* ---- the profile of a workload ---- */

typedef struct cost {
    double seconds, flop, bytes; /* of a pass */
} cost;

static cost cost_of(const bench *b, sixnet_node node, bool backward)
{
    const char *const keys[2][3] = {{"forward_seconds", "forward_flops", "forward_bytes"},
                                    {"backward_seconds", "backward_flops", "backward_bytes"}};
    double x[3];
    for (int k = 0; k < 3; k++)
        x[k] = sixnet_model_profile_get(b->net, node, keys[backward][k]) / (double)b->passes;
    return (cost){x[0], x[1], x[2]};
}

static void take_profile(bench *b)
{
    double cpu;
    check(sixnet_model_profile(b->net, 1));
    b->wall = run(b, b->set->seconds, 1, &cpu);
    b->passes = (int64_t)sixnet_model_profile_get(b->net, SIXNET_NO_NODE, "forward_passes");
}

static void add(cost *sum, cost c)
{
    sum->seconds += c.seconds;
    sum->flop += c.flop;
    sum->bytes += c.bytes;
}

/* Seconds, share of the whole, GFLOP/s, share of one thread's peak, GB/s; nothing where nothing was done. */
static void print_cost(cost c, double whole, double peak)
{
    char gflops[32] = "", share[32] = "", gbs[32] = "";
    if (c.seconds > 0 && c.flop > 0) {
        snprintf(gflops, sizeof gflops, "%.1f", 1e-9 * c.flop / c.seconds);
        snprintf(share, sizeof share, "%.1f %%", peak > 0 ? 1e-7 * c.flop / c.seconds / peak : 0);
    }
    if (c.seconds > 0 && c.bytes > 0)
        snprintf(gbs, sizeof gbs, "%.1f", 1e-9 * c.bytes / c.seconds);
    if (c.seconds > 0)
        printf(" |%9.1f %5.1f %% %7s %7s %6s", 1e6 * c.seconds, 100 * c.seconds / whole, gflops, share, gbs);
    else
        printf(" |%9s %7s %7s %7s %6s", "", "", "", "", "");
}

static void print_row(const char *name, const char *kind, const cost c[2], double whole, double peak)
{
    cost both = c[0];
    add(&both, c[1]);
    printf("  %-20.20s %-18.18s", name, kind);
    print_cost(c[0], whole, peak);
    print_cost(c[1], whole, peak);
    printf(" |%5.1f %%\n", 100 * both.seconds / whole);
}

static const char *kind_at(const bench *b, sixnet_node i) { return sixnet_node_get(b->net, i, "kind"); }

/* A row for each kind of layer, at its first node; the sum of all. */
static cost print_kinds(const bench *b, double whole, double peak)
{
    cost all = {0};
    const sixnet_node count = sixnet_node_count(b->net);
    for (sixnet_node i = 0; i < count; i++) {
        cost sum[2] = {{0, 0, 0}, {0, 0, 0}};
        bool seen = false;
        for (sixnet_node j = 0; j < i && !seen; j++)
            seen = strcmp(kind_at(b, j), kind_at(b, i)) == 0;
        for (sixnet_node j = i; j < count && !seen; j++)
            for (int k = 0; k < 2 && strcmp(kind_at(b, j), kind_at(b, i)) == 0; k++)
                add(&sum[k], cost_of(b, j, k));
        for (int k = 0; k < 2; k++)
            add(&all, sum[k]);
        if (sum[0].seconds + sum[1].seconds > 0)
            print_row("", kind_at(b, i), sum, whole, peak);
    }
    return all;
}

/* Times are those of all threads together, shares of the threads' whole time. */
static void print_profile(const bench *b, double peak)
{
    const double whole = b->wall * (double)b->set->threads;
    const cost none[2] = {cost_of(b, SIXNET_NO_NODE, false), cost_of(b, SIXNET_NO_NODE, true)};
    printf("\n  profile of %s: us a pass, share of the time, GFLOP/s, share of one thread's peak, GB/s\n",
           b->work->name);
    printf("  %-20s %-18s | %-39s | %-39s | both\n", "node", "kind", "forward", "backward");
    for (sixnet_node i = 0; i < sixnet_node_count(b->net); i++) {
        const cost c[2] = {cost_of(b, i, false), cost_of(b, i, true)};
        if (c[0].seconds + c[1].seconds > 0)
            print_row(sixnet_node_get(b->net, i, "name"), kind_at(b, i), c, whole, peak);
    }
    printf("  by kind:\n");
    const cost all = print_kinds(b, whole, peak);
    print_row("", "(no node's alone)", none, whole, peak);
    const double rest = whole - all.seconds - none[0].seconds - none[1].seconds;
    const cost outside[2] = {{rest > 0 ? rest : 0, 0, 0}, {0, 0, 0}};
    print_row("", "(outside, waiting)", outside, whole, peak);
    printf("\n");
}

/* ---- what is printed ---- */

static void json_text(const char *key, const char *text)
{
    printf("\"%s\": \"", key);
    for (; *text; text++) {
        if (*text == '\n')
            printf("\\n");
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text >= ' ')
            putchar(*text);
    }
    putchar('"');
}

static void json_cost(const char *key, cost c)
{
    printf("\"%s\": {\"seconds\": %.9g, \"flop\": %.9g, \"bytes\": %.9g}", key, c.seconds, c.flop, c.bytes);
}

static void json_profile(const bench *b)
{
    printf(", \"profile\": [");
    for (sixnet_node i = SIXNET_NO_NODE; i < sixnet_node_count(b->net); i++) {
        printf("%s{", i < 0 ? "" : ", ");
        json_text("node", i < 0 ? "" : sixnet_node_get(b->net, i, "name"));
        printf(", ");
        json_text("kind", i < 0 ? "" : kind_at(b, i));
        printf(", ");
        json_cost("forward", cost_of(b, i, false));
        printf(", ");
        json_cost("backward", cost_of(b, i, true));
        printf("}");
    }
    printf("], \"profile_seconds\": %.9g", b->wall);
}

static void json_result(const bench *b, const result *r)
{
    printf("{");
    json_text("workload", b->work->name);
    printf(", ");
    json_text("isa", sixnet_context_get(b->ctx, "isa"));
    printf(", \"threads\": %ld, \"batch\": %d, \"seconds\": %.9g, \"seconds_low\": %.9g, \"seconds_high\": %.9g",
           b->set->threads, (int)b->batch, r->median, r->low, r->high);
    printf(", \"cpu_seconds\": %.9g, \"flop\": %.9g, \"bytes\": %.9g, \"peak_gflops\": %.6g", r->cpu, r->flop, r->bytes,
           r->peak);
    if (b->work->kind == WORK_FIT)
        printf(", \"epochs\": %ld, \"accuracy\": %.6g, \"peak_mb\": %.6g", b->set->epochs, r->accuracy, r->megabytes);
}

static void print_result(const bench *b, const result *r)
{
    printf("%-20s %5d %3ld  %-9s", b->work->name, (int)b->batch, b->set->threads, sixnet_context_get(b->ctx, "isa"));
    if (b->work->kind == WORK_FIT) {
        printf("%.1f s for %ld epochs, accuracy %.2f %%, ", r->median, b->set->epochs, 100 * r->accuracy);
        printf("peak memory %.0f MB\n", r->megabytes);
        return;
    }
    if (b->batch == 1)
        printf("%9.2f us        %9.2f to %9.2f", 1e6 * r->median, 1e6 * r->low, 1e6 * r->high);
    else
        printf("%9.0f samples/s %9.0f to %9.0f", b->batch / r->median, b->batch / r->high, b->batch / r->low);
    printf(" %9.3f MFLOP %8.2f GFLOP/s", 1e-6 * r->flop, 1e-9 * r->flop / r->median);
    if (r->peak > 0)
        printf(" %6.1f %% of peak", 1e-7 * r->flop / r->median / r->peak);
    printf(" %7.2f GB/s %5.0f %% cpu\n", 1e-9 * r->bytes / r->median,
           100 * r->cpu / r->median / (double)b->set->threads);
    fflush(stdout);
}

/* ---- the machine ---- */

static const char *processor(void)
{
    static char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    const char *model = "unknown processor";
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0) {
            line[strcspn(line, "\n")] = 0;
            model = line + strcspn(line, ":") + 2;
            break;
        }
    if (file)
        fclose(file);
    return model;
}

/* The first of the processors that the process may use, as many as there are threads. */
static void pin(long threads)
{
#if defined(__linux__)
    cpu_set_t usable, chosen;
    CPU_ZERO(&chosen);
    if (sched_getaffinity(0, sizeof usable, &usable))
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&chosen) < threads; cpu++)
        if (CPU_ISSET(cpu, &usable))
            CPU_SET(cpu, &chosen);
    if (CPU_COUNT(&chosen) < threads)
        fputs("sixnet-bench: fewer processors than threads: the figures mean little\n", stderr);
    sched_setaffinity(0, sizeof chosen, &chosen);
#else
    (void)threads;
#endif
}

/* Of the instruction set in use; each is measured once. */
static double peak_of(const bench *b, int32_t threads)
{
    static struct {
        char isa[16];
        double one, all;
    } known[8];
    const char *isa = sixnet_context_get(b->ctx, "isa");
    size_t k = 0;
    if (b->set->no_peak)
        return 0;
    while (known[k].isa[0] && strcmp(known[k].isa, isa) != 0)
        k++;
    if (!known[k].isa[0]) {
        snprintf(known[k].isa, sizeof known[k].isa, "%s", isa);
        known[k].one = peak_gflops(isa, 1);
        known[k].all = b->set->threads > 1 ? peak_gflops(isa, (int32_t)b->set->threads) : known[k].one;
        if (!b->set->json)
            printf("# peak of %s: %.1f GFLOP/s with 1 thread, %.1f with %ld\n", isa, known[k].one, known[k].all,
                   b->set->threads);
    }
    return threads == 1 ? known[k].one : known[k].all;
}

static void print_head(const settings *set)
{
    const double near_by = set->no_peak ? 0 : copy_gbs(256 << 10), far_away = set->no_peak ? 0 : copy_gbs(64 << 20);
    char date[64];
    const time_t now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", gmtime(&now));
    if (set->json) {
        printf("{");
        json_text("processor", processor());
        printf(", ");
        json_text("compiler", __VERSION__);
        printf(", ");
        json_text("version", sixnet_version());
        printf(", ");
        json_text("date", date);
        printf(", \"copy_gbs\": {\"256KB\": %.5g, \"64MB\": %.5g}, \"results\": [\n", near_by, far_away);
        return;
    }
    printf("# libsixnet %s, bench compiled by %s, %s, %s\n", sixnet_version(), __VERSION__, processor(), date);
    if (!set->no_peak)
        printf("# one thread copies 256 KB at %.1f GB/s, 64 MB at %.1f GB/s (read and written)\n", near_by, far_away);
}

/* ---- main ---- */

/* By its name, or by its beginning up to a dash; a whole run by its name only. */
static bool chosen(const settings *set, const workload *w)
{
    const char *name = set->names;
    if (strcmp(name, "all") == 0)
        return set->list || w->kind != WORK_FIT;
    while (*name) {
        const size_t length = strcspn(name, ",");
        const char after = strncmp(name, w->name, length) == 0 ? w->name[length] : 'x';
        if (!after || (after == '-' && w->kind != WORK_FIT))
            return true;
        name += length + (name[length] == ',');
    }
    return false;
}

static void list_workload(const settings *set, const workload *w)
{
    bench b;
    if (!set->json) {
        printf("%-20s %-8s batch %3d, %s, %s\n", w->name, work_kind_name[w->kind], (int)w->batch, w->dtype, w->data);
        return;
    }
    bench_open(&b, set, w);
    printf("{");
    json_text("workload", w->name);
    printf(", ");
    json_text("kind", work_kind_name[w->kind]);
    printf(", ");
    json_text("data", w->data);
    printf(", ");
    json_text("dtype", w->dtype);
    printf(", ");
    json_text("optimizer", w->optimizer ? w->optimizer : "");
    printf(", ");
    json_text("net", sixnet_model_text(b.net));
    printf(", \"batch\": %d}", (int)b.batch);
    bench_close(&b);
}

static void bench_workload(const settings *set, const workload *w)
{
    bench b;
    result r = {0};
    if (w->kind == WORK_FIT)
        fit(set, w, &r);
    bench_open(&b, set, w);
    r.peak = peak_of(&b, (int32_t)set->threads);
    if (w->kind != WORK_FIT) {
        bench_load(&b);
        measure(&b, &r);
    }
    const bool profile = set->profile && w->kind != WORK_FIT;
    if (profile)
        take_profile(&b);
    if (set->json) {
        json_result(&b, &r);
        if (profile)
            json_profile(&b);
        printf("}");
    } else {
        print_result(&b, &r);
        if (profile)
            print_profile(&b, peak_of(&b, 1));
    }
    bench_close(&b);
}

static const char help[] =
    "usage: sixnet-bench [options]\n"
    "Measures the library on nets of its own, beside the multiply-adds that this machine could do.\n\n"
    "  --workload NAME   one, or several with commas between them; odd: all whose names begin so; all: all but "
    "mnist-whole (all)\n"
    "  --threads N       of the library; the program keeps to as many processors (1)\n"
    "  --isa NAME        highest instruction set to use: baseline, avx2, avx512, neon (auto)\n"
    "  --batch N         samples a call, in place of the workload's own number\n"
    "  --seconds S       time for each workload, in 7 runs whose median counts (2)\n"
    "  --epochs N        of mnist-whole (20)\n"
    "  --data DIR        folder of MNIST's four files\n"
    "  --profile         print where the time goes, node by node\n"
    "  --no-peak         do not measure the machine's peak\n"
    "  --json            print JSON\n"
    "  --list            print the workloads, with --json their nets too, and leave\n";

static double number(const char *option, const char *text, double low, double high)
{
    char *end;
    const double x = strtod(text, &end);
    if (end == text || *end || !(x >= low && x <= high))
        fail("%s: not a number that makes sense", option);
    return x;
}

static void set_option(settings *s, const char *name, const char *value)
{
    if (strcmp(name, "--workload") == 0)
        s->names = value;
    else if (strcmp(name, "--isa") == 0)
        s->isa = value;
    else if (strcmp(name, "--data") == 0)
        s->data = value;
    else if (strcmp(name, "--threads") == 0)
        s->threads = (long)number(name, value, 1, 1024);
    else if (strcmp(name, "--batch") == 0)
        s->batch = (long)number(name, value, 1, 1 << 20);
    else if (strcmp(name, "--epochs") == 0)
        s->epochs = (long)number(name, value, 1, 1e6);
    else if (strcmp(name, "--seconds") == 0)
        s->seconds = number(name, value, 1e-3, 1e6);
    else
        fail("unknown option '%s'; --help lists them", name);
}

static bool *find_switch(settings *s, const char *name)
{
    return strcmp(name, "--json") == 0      ? &s->json
           : strcmp(name, "--profile") == 0 ? &s->profile
           : strcmp(name, "--list") == 0    ? &s->list
           : strcmp(name, "--no-peak") == 0 ? &s->no_peak
                                            : NULL;
}

static void read_options(settings *s, int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        bool *given = find_switch(s, argv[k]);
        if (strcmp(argv[k], "--help") == 0) {
            fputs(help, stdout);
            exit(EXIT_SUCCESS);
        }
        if (given)
            *given = true;
        else if (k + 1 < argc)
            set_option(s, argv[k], argv[k + 1]), k++;
        else
            fail("%s is unknown or lacks a value; --help lists the options", argv[k]);
    }
}

int main(int argc, char **argv)
{
    settings set = {.names = "all", .isa = "auto", .data = SIXNET_BENCH_DATA, .threads = 1, .epochs = 20, .seconds = 2};
    int32_t count = 0;
    read_options(&set, argc, argv);
    pin(set.threads);
    if (!set.list)
        print_head(&set);
    else if (set.json)
        printf("[");
    for (const workload *w = workloads; w->name; w++) {
        if (!chosen(&set, w))
            continue;
        if (set.json && count)
            printf(",\n");
        count++;
        if (set.list)
            list_workload(&set, w);
        else
            bench_workload(&set, w);
    }
    if (set.json)
        printf(set.list ? "]\n" : "]}\n");
    if (!count)
        fail("no workload '%s'; --list names them", set.names);
    return EXIT_SUCCESS;
}
