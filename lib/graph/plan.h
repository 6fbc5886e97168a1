/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_PLAN_H
#define SIX_GRAPH_PLAN_H

/* The plan: where every value of a pass lies in memory, and what is called in which order. It is made from a graph, for a number of tiles;
 * running it allocates nothing. */

#include "graph/graph.h"

typedef enum six_action_kind {
    SIX_ON_TILES,   /* tile(run, tile, scratch) for each tile, in any thread */
    SIX_ONCE_ONLY,  /* once(run, tiles), in the calling thread */
    SIX_ON_PARTS,   /* part(run, tiles, part, scratch) for each part, in any thread */
    SIX_GATHER,     /* add up the gradients that several users gave for an output of the node, for each tile */
    SIX_TO_LANES,   /* of a tile without lanes: copy the net's output to the first lane of the loss's input */
    SIX_FROM_LANES, /* likewise the gradient that the loss gave back */
} six_action_kind;

typedef struct six_action {
    six_action_kind kind;
    int32_t node, output;
    void (*tile)(const six_run *run, six_tile *tile, void *scratch);
    int32_t (*once)(six_run *run, six_tile *tiles);
    void (*part)(const six_run *run, six_tile *tiles, int32_t part, void *scratch);
} six_action;

typedef struct six_program {
    six_action *action;
    int32_t count;
} six_program;

/* A gradient that a user other than the first gives for a value, in a buffer of its own: that of the node's input. */
typedef struct six_gather_edge {
    int32_t value, node, input;
} six_gather_edge;

/* A use of a trained tensor by a node that writes partial gradients. */
typedef struct six_partial_use {
    int32_t tensor, node;
    int64_t offset; /* in a tile's partial gradients */
} six_partial_use;

typedef struct six_plan {
    sixnet_model *net; /* not held: the plan is the model's */
    int32_t tiles;     /* with memory: of a batch when training, one per thread otherwise */
    int32_t workers;
    bool training, alone; /* alone: a predictor's, which works in the calling thread and is not profiled */
    int32_t lanes;        /* SIX_LANES, or 1: a tile is one sample */
    uint64_t version;     /* of the model's tensors that begin_forward last saw, see six_tensors_changed() */

    six_run *run;      /* [node] */
    six_tile *tile;    /* [node][tiles] */
    int32_t *parts;    /* [node] calls of backward_part() */
    int64_t loss_sums; /* reals per tile that the loss sums into */
    six_gather_edge *gather;
    int32_t gather_count;
    int32_t *first_gather; /* [value] the first of its edges, which lie together; -1 without */
    six_partial_use *use;  /* by tensor, and of a tensor from the last node to the first */
    int32_t use_count;

    char *memory; /* all the rest in one piece */
    uint64_t bytes;
    int64_t tile_bytes, scratch_bytes, partial_size;
    char *tiles_memory, *scratch_memory; /* the workspace: the tiles', and behind them that of the threads */
    uint64_t workspace_bytes;
    const struct six_plan *lender; /* the plan whose workspace it is; NULL for one of its own */
    void *partials;                /* [tiles][partial_size] reals */
    real **targets;                /* [tiles] */
    const char **error;            /* [tiles]: what kernels complained of */
    int32_t *error_node;

    six_program forward, loss, backward;
    six_observer *observer;         /* of the training pass under way; NULL without */
    int64_t samples;                /* of the last pass */
    bool has_values, has_gradients; /* of the last pass, which went so far */
    int32_t active_tiles;
} six_plan;

static inline six_tile *six_tile_at(const six_plan *plan, int32_t node, int32_t tile)
{
    return &plan->tile[(int64_t)node * plan->tiles + tile];
}

/* A plan for passes over up to `tiles` tiles. With lanes 1 a tile is a single sample, for which every layer must have forward_one(), and for
 * training, where `tiles` is then 1, backward_one(). It works in the memory of `lender`, if that is not NULL and large enough: a plan for
 * evaluation, like the new one, that lives longer and never runs at the same time. */
int32_t six_plan_new(six_plan **out, sixnet_model *net, int32_t tiles, bool training, int32_t lanes,
                     const six_plan *lender);
void six_plan_free(six_plan *plan);

/* The bytes that it holds of the allocator's; 0 for NULL. */
uint64_t six_plan_allocated(const six_plan *plan);

/* The bytes that six_plan_new() would ask the allocator for, those included that it gives back at the end; the model need not be
 * compiled, but its ends be found. */
int32_t six_plan_bytes(sixnet_model *net, int32_t tiles, bool training, int32_t lanes, uint64_t *bytes);

#endif
