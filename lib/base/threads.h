/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_THREADS_H
#define SIX_BASE_THREADS_H

#include "context.h"

/* A pool that runs numbered items. Which thread runs an item is not fixed, so an item may depend on its number only; worker, below
 * six_pool_size(), is for scratch memory. Sleeps when idle. */
typedef struct six_pool six_pool;
typedef void (*six_item_fn)(void *arg, int32_t item, int32_t worker);

/* threads counts the calling thread, so threads - 1 are started. SIXNET_UNSUPPORTED if the system refuses. */
int32_t six_pool_new(six_pool **out, sixnet_context *ctx, int32_t threads);
void six_pool_free(six_pool *pool);
int32_t six_pool_size(const six_pool *pool); /* 1 for NULL */

/* Runs items 0 to count - 1 and returns when all are done. pool may be NULL. If another thread is using the pool, or in a child after
 * fork(), the items run one after another in the calling thread, as worker 0. */
void six_pool_run_items(six_pool *pool, six_item_fn fn, void *arg, int32_t count);
static inline void six_pool_run(six_pool *pool, six_item_fn fn, void *arg, int32_t count)
{
    if (count == 1)
        fn(arg, 0, 0);
    else
        six_pool_run_items(pool, fn, arg, count);
}

/* Between begin and end the workers wait for the next six_pool_run() without sleeping: for a run of many short jobs. */
void six_pool_begin(six_pool *pool);
void six_pool_end(six_pool *pool);

/* The number of processors available to the calling process, at least 1. */
int32_t six_processor_count(void);

#endif
