/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_PLAN_H
#define SIX_GRAPH_PLAN_H

/* The plan: where every value of a pass lies in memory, and what is called in which order. It is made from a graph, for a number of groups;
 * running it allocates nothing. */

#include "graph/graph.h"

typedef enum six_action_kind {
    SIX_ON_GROUPS, /* group(op, g, scratch) for each group, in any thread */
    SIX_ONCE_ONLY, /* once(op, groups), in the calling thread */
    SIX_ON_PARTS,  /* part(op, groups, part, scratch) for each part, in any thread */
    SIX_GATHER,    /* add up the gradients that several consumers gave for the node's output, for each group */
} six_action_kind;

typedef struct six_action {
    six_action_kind kind;
    int32_t node;
    void (*group)(const six_op *op, six_group *g, void *scratch);
    int32_t (*once)(six_op *op, six_group *groups);
    void (*part)(const six_op *op, six_group *groups, int32_t part, void *scratch);
} six_action;

typedef struct six_program {
    six_action *action;
    int32_t count;
} six_program;

/* A gradient that a consumer other than the first gives for a node's output, in a buffer of its own. */
typedef struct six_edge {
    int32_t from, to, input; /* node `to` takes node `from` as its input number `input` */
    int64_t offset;
} six_edge;

typedef struct six_plan {
    sixnet_model *net; /* not held: the plan is the model's */
    int32_t groups;    /* there is room for: of a batch when training, one for each thread otherwise */
    int32_t workers;
    bool training, alone; /* alone: a predictor's, which works in the calling thread and is not profiled */
    int32_t lanes;     /* SIX_LANES, or 1: a group is one sample */
    uint64_t version;  /* of the model's tensors that begin_forward last saw, see six_tensors_changed() */

    six_op *op;        /* [node] */
    six_needs *needs;  /* [node] */
    six_group *group;  /* [node][groups] */
    six_edge *edge;
    int32_t edge_count;
    int64_t *gradient_at; /* [node] offset of the gradient by a node's output in a group's memory, -1 without */

    char *memory;      /* all the rest in one piece */
    uint64_t bytes;
    int64_t group_bytes, scratch_bytes, partial_size;
    char *groups_memory, *scratch_memory;
    void *partials;    /* [groups][partial_size] reals */
    real **targets;    /* [groups] */
    const char **fault; /* [groups]: what kernels complained of */
    int32_t *fault_node;

    six_program forward, loss, backward;
    int64_t samples;   /* of the last pass */
    bool has_values, has_gradients; /* of the last pass, which went so far */
    int32_t active_groups;
} six_plan;

/* A plan for passes over up to `groups` groups. With lanes 1 a group is a single sample, in evaluation, for which every layer must have
 * forward_one(). */
int32_t six_plan_new(six_plan **out, sixnet_model *net, int32_t groups, bool training, int32_t lanes);
void six_plan_free(six_plan *plan);

/* The bytes that six_plan_new() would ask the allocator for, those included that it gives back at the end; the model need not be
 * compiled, but its ends be found. */
int32_t six_plan_bytes(sixnet_model *net, int32_t groups, bool training, int32_t lanes, uint64_t *bytes);

#endif
