/* SPDX-License-Identifier: MIT */

/* The roofs: how many multiply-adds a second the machine does on numbers that never leave its registers, and how fast it copies. */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* As many chains as hide the latency of two multiply-adds a cycle, and as few as fit into 16 registers. */
enum { CHAINS = 12, ROUNDS = 1 << 19, TRIALS = 20, TEAM_RUNS = 8 };
#define EACH(STEP) STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)

/* Each chain is a = a * b + c. Volatile, so that nothing is worked out beforehand or left out. */
#define START(i) vector a##i = b + (vector){i};
#define STEP(i) a##i = FMA(a##i, b, c);
#define ADD(i) sum += a##i;
#define CHAINS_BODY                                                                                                    \
    volatile element start = (element)0.75, end;                                                                       \
    vector b = (vector){0} + start, c = b * b, sum = c;                                                                \
    EACH(START)                                                                                                        \
    for (int32_t r = 0; r < ROUNDS; r++) {                                                                             \
        EACH(STEP)                                                                                                     \
    }                                                                                                                  \
    EACH(ADD)                                                                                                          \
    end = sum[0];                                                                                                      \
    (void)end;

#if defined(__x86_64__)
#define FMA(a, b, c) (vector) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
__attribute__((target("avx512f"))) static void run_avx512(void)
{
    typedef float element;
    typedef float vector __attribute__((vector_size(64)));
    CHAINS_BODY
}
#undef FMA
#define FMA(a, b, c) (vector) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
__attribute__((target("avx2,fma"))) static void run_avx2(void)
{
    typedef float element;
    typedef float vector __attribute__((vector_size(32)));
    CHAINS_BODY
}
#undef FMA
#elif defined(__aarch64__)
#define FMA(a, b, c) (vector) vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b))
static void run_neon(void)
{
    typedef float element;
    typedef float vector __attribute__((vector_size(16)));
    CHAINS_BODY
}
#undef FMA
#endif

/* A multiplication and an addition: what the library's baseline does. */
#define FMA(a, b, c) (a) * (b) + (c)
static void run_baseline(void)
{
    typedef float element;
    typedef float vector __attribute__((vector_size(16)));
    CHAINS_BODY
}

static void run_generic(void)
{
    typedef double element;
    typedef double vector __attribute__((vector_size(16)));
    CHAINS_BODY
}
#undef FMA

static const struct roof {
    const char *isa;
    void (*run)(void);
    int32_t lanes;
} roofs[] = {
#if defined(__x86_64__)
    {"avx512", run_avx512, 16},
    {"avx2", run_avx2, 8},
#elif defined(__aarch64__)
    {"neon", run_neon, 4},
#endif
    {"baseline", run_baseline, 4},
    {"generic", run_generic, 2},
};

/* Threads that run together, each often enough that their waiting for each other does not count. */
typedef struct team {
    void (*run)(void);
    int32_t runs;
    pthread_barrier_t start, end;
} team;

static void run_trial(team *t)
{
    pthread_barrier_wait(&t->start);
    for (int32_t k = 0; k < t->runs; k++)
        t->run();
    pthread_barrier_wait(&t->end);
}

static void *follow(void *arg)
{
    for (int k = 0; k < TRIALS; k++)
        run_trial(arg);
    return NULL;
}

/* The seconds of a run in the best trial. */
static double lead(team *t)
{
    double best = 1e9;
    for (int k = 0; k < TRIALS; k++) {
        const double start = seconds_now();
        run_trial(t);
        const double seconds = (seconds_now() - start) / t->runs;
        best = seconds < best ? seconds : best;
    }
    return best;
}

static double run_team(void (*run)(void), int32_t threads)
{
    team t = {.run = run, .runs = threads > 1 ? TEAM_RUNS : 1};
    pthread_t *others = allocate((size_t)threads * sizeof *others);
    pthread_barrier_init(&t.start, NULL, (unsigned)threads);
    pthread_barrier_init(&t.end, NULL, (unsigned)threads);
    for (int32_t k = 1; k < threads; k++)
        if (pthread_create(&others[k], NULL, follow, &t))
            fail("cannot start a thread%s", "");
    const double seconds = lead(&t);
    for (int32_t k = 1; k < threads; k++)
        pthread_join(others[k], NULL);
    pthread_barrier_destroy(&t.start);
    pthread_barrier_destroy(&t.end);
    free(others);
    return seconds;
}

double peak_gflops(const char *isa, int32_t threads)
{
    for (size_t k = 0; k < sizeof roofs / sizeof *roofs; k++)
        if (strcmp(roofs[k].isa, isa) == 0)
            return 2e-9 * CHAINS * ROUNDS * roofs[k].lanes * threads / run_team(roofs[k].run, threads);
    return 0;
}

double copy_gbs(size_t bytes)
{
    enum { LEAST = 32 << 20 }; /* bytes a trial */
    char *from = allocate(2 * bytes), *to = from + bytes;
    const int32_t rounds = (int32_t)(LEAST / bytes + 1);
    double best = 1e9;
    for (int k = 0; k < TRIALS; k++) {
        const double start = seconds_now();
        for (int32_t r = 0; r < rounds; r++) {
            memcpy(to, from, bytes);
            __asm__ volatile("" : : "r"(to) : "memory"); /* the copy is wanted */
        }
        const double seconds = (seconds_now() - start) / rounds;
        best = seconds < best ? seconds : best;
    }
    free(from);
    return 2e-9 * (double)bytes / best;
}
