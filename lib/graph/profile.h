/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_PROFILE_H
#define SIX_GRAPH_PROFILE_H

/* Where a model's time goes: every action of a pass is timed in the thread that runs it. A model that is not profiled has no
 * six_profile, and an action costs it a comparison. */

#include "base/clock.h"
#include "graph/graph.h"

typedef struct six_timing {
    int64_t nanoseconds, calls;
} six_timing;

typedef struct six_profile {
    bool backward;                 /* the direction of the pass that is under way */
    int64_t passes[2], samples[2]; /* [backward] so far */
    int32_t workers;
    int64_t stride;     /* in timings, from one worker's to the next one's: on cache lines of their own */
    six_timing *timing; /* [worker][node + 1][backward]; the first for SIXNET_NO_NODE */
} six_profile;

/* Begins a profile, with all numbers zero, or ends it. */
int32_t six_profile_set(sixnet_model *net, bool on);
/* A number that sixnet_model_profile_get() names. */
double six_profile_get(const sixnet_model *net, int32_t node, const char *key);

/* A pass over n samples begins; n 0 for what is to be done before one. */
static inline void six_profile_pass(six_profile *p, bool backward, int64_t n)
{
    if (!p)
        return;
    p->backward = backward;
    p->passes[backward] += n > 0;
    p->samples[backward] += n;
}

static inline int64_t six_profile_start(const six_profile *p) { return p ? six_nanoseconds() : 0; }

static inline void six_profile_stop(six_profile *p, int32_t node, int32_t worker, int64_t start)
{
    if (!p)
        return;
    six_timing *t = &p->timing[worker * p->stride + 2 * (node + 1) + p->backward];
    t->nanoseconds += six_nanoseconds() - start;
    t->calls++;
}

#endif
