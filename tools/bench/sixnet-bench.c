/* SPDX-License-Identifier: MIT */

/* Measures how fast the library is here, and its share of what the machine could do. This file reads the options and goes through the
 * workloads; measure.c times them, report.c prints. docs/performance.md says how to read what it prints. */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_setaffinity() */
#endif

#include "bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* ---- the machine ---- */

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

static void bench_workload(const settings *set, const workload *w)
{
    bench b;
    result r = {0};
    if (w->kind == WORK_FIT)
        bench_fit(set, w, &r);
    bench_open(&b, set, w);
    r.peak = peak_of(&b, (int32_t)set->threads);
    if (w->kind != WORK_FIT) {
        bench_load(&b);
        bench_measure(&b, &r);
    }
    const bool profile = set->profile && w->kind != WORK_FIT;
    if (profile)
        bench_profile(&b);
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
            print_workload(&set, w);
        else
            bench_workload(&set, w);
    }
    if (set.json)
        printf(set.list ? "]\n" : "]}\n");
    if (!count)
        fail("no workload '%s'; --list names them", set.names);
    return EXIT_SUCCESS;
}
