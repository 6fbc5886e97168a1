/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_CALLS_H
#define SIX_BASE_CALLS_H

/* Which calls of the public API the calling thread is in the middle of, so that a callback that calls back is refused what would change an
 * object under the call that uses it. The rule is that of threads: what a call changes may not be touched meanwhile, what it reads may be
 * read. Frames lie on the stack, one for each call that can run a callback, and are linked per thread: other threads are not
 * looked at. */

#include <stdbool.h>
#include <stdint.h>

typedef enum six_access {
    SIX_READS,
    SIX_RUNS, /* changes nothing but memory of its own, as prediction does, or what the outer call reads anew, as a learning rate:
               * allowed while six_calls_yield() is in effect */
    SIX_CHANGES,
    SIX_FREES, /* gives a handle back: conflicts with calls that were given the handle, not with those whose objects keep it alive */
} six_access;

/* A call's use of an object; one of NULL is passed over. */
typedef struct six_use {
    const void *object;
    six_access access;
    bool kept; /* another object of the call keeps this one alive */
} six_use;

enum { SIX_USES_MAX = 6 };

typedef struct six_call {
    struct six_call *outer;
    const char *function;
    six_use use[SIX_USES_MAX];
    int32_t uses;
    bool everything; /* the allocator's: uses all objects */
    bool yields;
} six_call;

#define SIX_READ(object) ((six_use){(object), SIX_READS, false})
#define SIX_KEPT(object) ((six_use){(object), SIX_READS, true})
#define SIX_RUN(object) ((six_use){(object), SIX_RUNS, false})
#define SIX_CHANGE(object) ((six_use){(object), SIX_CHANGES, false})
#define SIX_FREE(object) ((six_use){(object), SIX_FREES, false})

/* The arguments `use` and `uses` of the functions below, from a list of these. */
#define SIX_USES(...)                                                                                                  \
    (const six_use[]){__VA_ARGS__}, (int32_t)(sizeof((const six_use[]){__VA_ARGS__}) / sizeof(six_use))

/* SIXNET_OK, or SIXNET_BAD_STATE if a call that the thread is in the middle of forbids one of these uses. */
int32_t six_calls_check(const char *function, const six_use *use, int32_t uses);

/* The same, and if all is well the call becomes the thread's innermost one until six_call_end(). */
int32_t six_call_begin(six_call *call, const char *function, const six_use *use, int32_t uses);
void six_call_end(const six_call *call);

/* Around a function of the allocator: all calls that take an object are refused. */
void six_call_begin_allocator(six_call *call);

/* Around a callback of the innermost call that may read what the call changes, and predict with it. */
void six_calls_yield(bool on);

#endif
