/* SPDX-License-Identifier: MIT */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity() */
#endif

#include "threads.h"

static void run_serially(six_item_fn fn, void *arg, int32_t count)
{
    for (int32_t item = 0; item < count; item++)
        fn(arg, item, 0);
}

#ifdef SIXNET_NO_THREADS

struct six_pool {
    const sixnet_context *ctx;
};

int32_t six_pool_new(six_pool **out, sixnet_context *ctx, int32_t threads)
{
    (void)threads;
    *out = six_alloc(ctx, 1, sizeof **out);
    if (!*out)
        return SIXNET_OUT_OF_MEMORY;
    (*out)->ctx = ctx;
    return SIXNET_OK;
}

void six_pool_free(six_pool *pool)
{
    if (pool)
        six_free(pool->ctx, pool);
}

int32_t six_pool_size(const six_pool *pool)
{
    (void)pool;
    return 1;
}

void six_pool_run_items(six_pool *pool, six_item_fn fn, void *arg, int32_t count)
{
    (void)pool;
    run_serially(fn, arg, count);
}

void six_pool_begin(six_pool *pool) { (void)pool; }

void six_pool_end(six_pool *pool) { (void)pool; }

int32_t six_processor_count(void) { return 1; }

#else

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "clock.h"
#include "status.h"

enum { SPIN_NANOSECONDS = 50000, CHECKS_PER_CLOCK = 64 };

typedef struct six_worker {
    six_pool *pool;
    pthread_t thread;
    int32_t number;
} six_worker;

struct six_pool {
    const sixnet_context *ctx;
    int32_t threads, started;
    pid_t pid;
    bool may_spin;

    pthread_mutex_t owner; /* recursive; held by the thread that uses the pool, which alone touches the next three */
    int32_t begun;
    bool running;
    uint32_t job;

    pthread_mutex_t gate; /* where workers sleep for `work`, and the owner for `finished` */
    pthread_cond_t work, finished;
    atomic_int sleepers;
    atomic_bool owner_sleeps, stop, spin;

    /* The job. A worker that takes an item holds the job open, so fn, arg and count are those of that item's job. */
    _Alignas(64) _Atomic uint64_t open; /* the job's number << 32 | items not taken yet */
    _Atomic(six_item_fn) fn;
    _Atomic(void *) arg;
    atomic_int count;
    _Alignas(64) atomic_int unfinished;

    six_worker workers[];
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool has_work(six_pool *pool) { return (uint32_t)atomic_load(&pool->open) > 0 || atomic_load(&pool->stop); }

static bool has_finished(six_pool *pool) { return atomic_load(&pool->unfinished) == 0; }

/* Waits a while for a condition, as long as `spin` holds. */
static bool spin_for(six_pool *pool, bool (*condition)(six_pool *))
{
    if (!atomic_load_explicit(&pool->spin, memory_order_relaxed))
        return false;
    int64_t until = six_nanoseconds() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < CHECKS_PER_CLOCK; i++) {
            if (condition(pool))
                return true;
            relax();
        }
    } while (atomic_load_explicit(&pool->spin, memory_order_relaxed) && six_nanoseconds() < until);
    return false;
}

static void wake(six_pool *pool, pthread_cond_t *sleeping)
{
    pthread_mutex_lock(&pool->gate);
    pthread_cond_broadcast(sleeping);
    pthread_mutex_unlock(&pool->gate);
}

/* A sleeper first marks itself as asleep and then checks for work; a thread with work first publishes it and then checks for sleepers. So one of
 * them sees the other, as sequentially consistent operations have one order. */
static void wait_for_work(six_pool *pool)
{
    if (spin_for(pool, has_work))
        return;
    pthread_mutex_lock(&pool->gate);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!has_work(pool))
        pthread_cond_wait(&pool->work, &pool->gate);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->gate);
}

static void wait_until_finished(six_pool *pool)
{
    if (has_finished(pool) || spin_for(pool, has_finished))
        return;
    pthread_mutex_lock(&pool->gate);
    atomic_store(&pool->owner_sleeps, true);
    while (!has_finished(pool))
        pthread_cond_wait(&pool->finished, &pool->gate);
    atomic_store(&pool->owner_sleeps, false);
    pthread_mutex_unlock(&pool->gate);
}

/* Runs items until all are taken. */
static void work(six_pool *pool, int32_t worker)
{
    uint64_t open = atomic_load(&pool->open);
    while ((uint32_t)open > 0) {
        six_item_fn fn = atomic_load_explicit(&pool->fn, memory_order_relaxed);
        void *arg = atomic_load_explicit(&pool->arg, memory_order_relaxed);
        int32_t count = atomic_load_explicit(&pool->count, memory_order_relaxed);
        if (!atomic_compare_exchange_weak(&pool->open, &open, open - 1))
            continue;
        fn(arg, count - (int32_t)(uint32_t)open, worker);
        if (atomic_fetch_sub(&pool->unfinished, 1) == 1 && atomic_load(&pool->owner_sleeps))
            wake(pool, &pool->finished);
        open = atomic_load(&pool->open);
    }
}

static void *worker_main(void *arg)
{
    six_worker *worker = arg;
    six_pool *pool = worker->pool;
    while (!atomic_load(&pool->stop)) {
        work(pool, worker->number);
        wait_for_work(pool);
    }
    return NULL;
}

static void run_in_parallel(six_pool *pool, six_item_fn fn, void *arg, int32_t count)
{
    atomic_store_explicit(&pool->fn, fn, memory_order_relaxed);
    atomic_store_explicit(&pool->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&pool->count, count, memory_order_relaxed);
    atomic_store_explicit(&pool->unfinished, count, memory_order_relaxed);
    atomic_store(&pool->open, (uint64_t)++pool->job << 32 | (uint32_t)count);
    if (atomic_load(&pool->sleepers) > 0 &&
        pool->pid == getpid()) /* a child that was forked between begin and end is alone */
        wake(pool, &pool->work);
    work(pool, 0);
    wait_until_finished(pool);
}

/* Takes the pool, unless another thread has it or this process is a child that inherited it without its threads. */
static bool take(six_pool *pool)
{
    if (pthread_mutex_trylock(&pool->owner) != 0)
        return false;
    if (pool->begun > 0 || pool->pid == getpid())
        return true;
    pthread_mutex_unlock(&pool->owner);
    return false;
}

static void give_back(six_pool *pool) { pthread_mutex_unlock(&pool->owner); }

void six_pool_run_items(six_pool *pool, six_item_fn fn, void *arg, int32_t count)
{
    if (!pool || pool->threads == 1 || count <= 1 || !take(pool)) {
        run_serially(fn, arg, count);
        return;
    }
    if (pool->running) { /* called by an item */
        run_serially(fn, arg, count);
    } else {
        pool->running = true;
        run_in_parallel(pool, fn, arg, count);
        pool->running = false;
    }
    give_back(pool);
}

void six_pool_begin(six_pool *pool)
{
    if (!pool || pool->threads == 1 || !take(pool))
        return;
    pool->begun++;
    atomic_store_explicit(&pool->spin, pool->may_spin, memory_order_relaxed);
}

/* A begin that did not get the pool left it as it was, and so does its end. */
void six_pool_end(six_pool *pool)
{
    if (!pool || pool->threads == 1 || !take(pool))
        return;
    if (pool->begun > 0) {
        if (--pool->begun == 0)
            atomic_store_explicit(&pool->spin, false, memory_order_relaxed);
        give_back(pool);
    }
    give_back(pool);
}

int32_t six_pool_size(const six_pool *pool) { return pool ? pool->threads : 1; }

/* Signals stay blocked in the workers, so that the host's handlers run in the host's threads only. */
static int start_workers(six_pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error)
        return error;
    while (!error && pool->started < pool->threads - 1) {
        six_worker *worker = &pool->workers[pool->started];
        worker->pool = pool;
        worker->number = pool->started + 1;
        error = pthread_create(&worker->thread, NULL, worker_main, worker);
        pool->started += !error;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static int make_locks(six_pool *pool)
{
    pthread_mutexattr_t recursive;
    int error = pthread_mutexattr_init(&recursive);
    if (error)
        return error;
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    error = pthread_mutex_init(&pool->owner, &recursive);
    pthread_mutexattr_destroy(&recursive);
    if (error)
        return error;
    if ((error = pthread_mutex_init(&pool->gate, NULL)) != 0)
        goto no_gate;
    if ((error = pthread_cond_init(&pool->work, NULL)) != 0)
        goto no_work;
    if ((error = pthread_cond_init(&pool->finished, NULL)) != 0)
        goto no_finished;
    return 0;
no_finished:
    pthread_cond_destroy(&pool->work);
no_work:
    pthread_mutex_destroy(&pool->gate);
no_gate:
    pthread_mutex_destroy(&pool->owner);
    return error;
}

int32_t six_pool_new(six_pool **out, sixnet_context *ctx, int32_t threads)
{
    char text[SIX_ERROR_TEXT];
    *out = NULL;
    threads = threads < 1 ? 1 : threads;
    six_pool *pool = six_alloc(ctx, 1, sizeof *pool + (size_t)(threads - 1) * sizeof pool->workers[0]);
    if (!pool)
        return SIXNET_OUT_OF_MEMORY;
    pool->ctx = ctx;
    pool->threads = threads;
    pool->pid = getpid();
    pool->may_spin = threads <= six_processor_count();
    int error = make_locks(pool);
    if (error) {
        six_free(ctx, pool);
    } else {
        error = start_workers(pool);
        if (error)
            six_pool_free(pool);
    }
    if (error)
        return six_fail(SIXNET_UNSUPPORTED,
                        "context: cannot start %d threads: %s; use a smaller threads=", (int)threads - 1,
                        six_error_text(error, text));
    *out = pool;
    return SIXNET_OK;
}

void six_pool_free(six_pool *pool)
{
    if (!pool)
        return;
    if (pool->pid == getpid()) { /* in a child there are no threads to join, and the locks may be held for ever */
        atomic_store(&pool->stop, true);
        wake(pool, &pool->work);
        for (int32_t i = 0; i < pool->started; i++)
            pthread_join(pool->workers[i].thread, NULL);
        pthread_cond_destroy(&pool->finished);
        pthread_cond_destroy(&pool->work);
        pthread_mutex_destroy(&pool->gate);
        pthread_mutex_destroy(&pool->owner);
    }
    six_free(pool->ctx, pool);
}

int32_t six_processor_count(void)
{
    int saved = errno;
    long count = 0;
#if defined(__linux__)
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) == 0)
        count = CPU_COUNT(&usable);
#endif
    if (count < 1)
        count = sysconf(_SC_NPROCESSORS_ONLN);
    errno = saved;
    return count < 1 ? 1 : count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

#endif
