/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_OP_H
#define SIX_LAYERS_OP_H

/* What a layer is, and what its kernels are given.
 *
 * A layer's file holds its attributes, shape rule, forward, backward and one const six_layer. The file is compiled once per variant
 * (instruction set and dtype); the variants of a layer differ in their kernels only.
 *
 * Samples come in groups of SIX_LANES (see simd/lane.h). A tensor of a group is its features in C order, each feature SIX_LANES reals, one for
 * each sample: [feature...][SIX_LANES], 64-byte aligned. In the last group of a batch the lanes from `active` on are padding: their inputs are
 * zero, their loss gradient is zero, and they must not contribute to anything summed over samples. Kernels may compute on them; what they leave
 * there must be finite whenever the parameters are.
 *
 * A pass calls, for each node in order and then for backward in reverse:
 *
 *     sum_forward(op, g)      for each group, in any thread       (only where a layer must see the whole batch first)
 *     begin_forward(op)       once, in the calling thread         (combine sums, pack weights)
 *     forward(op, g)          for each group, in any thread
 *     end_forward(op)         once                                (losses: combine)
 *     sum_backward, begin_backward, backward                      likewise
 *     backward_part(op, part) for each part, in any thread        (parameter gradients of layers that sum over all groups at once)
 *
 * Where all layers of a net have forward_one(), single samples are evaluated without lanes: a tensor is its features in C order, 64-byte
 * aligned with room for 2 * SIX_LANES reals more, and op->lanes is 1 instead of SIX_LANES. The result must have the same bits.
 *
 * Between the calls of one node and those of another on the same group nothing else is promised. The bits of a result may depend on
 * the group but never on the thread or on how many there are: every sum over groups is taken in the order of the groups. */

#include "base/shape.h"
#include "base/spec.h"
#include "simd/lane.h"

enum { SIX_MAX_INPUTS = 16, SIX_MAX_PARAMS = 4 };

typedef enum six_init_kind { SIX_INIT_CONSTANT, SIX_INIT_UNIFORM, SIX_INIT_NORMAL } six_init_kind;

/* Initial values: constant a; uniform from a to b; normal with mean a and deviation b. `zeros` values from first_zero on are 0 instead. */
typedef struct six_init {
    six_init_kind kind;
    double a, b;
    int64_t first_zero, zeros;
} six_init;

static inline six_init six_init_constant(double a) { return (six_init){.kind = SIX_INIT_CONSTANT, .a = a}; }

static inline six_init six_init_uniform(double low, double high) { return (six_init){.kind = SIX_INIT_UNIFORM, .a = low, .b = high}; }

static inline six_init six_init_normal(double mean, double deviation)
{
    return (six_init){.kind = SIX_INIT_NORMAL, .a = mean, .b = deviation};
}

/* A tensor a layer asks for: a parameter (trained, has a gradient) or a buffer (kept, such as running statistics). */
typedef struct six_param {
    const char *name; /* "weight" */
    six_shape shape;
    bool trained;
    six_init init;
} six_param;

/* What the targets of a loss are: numbers, classes (whole numbers below the first dimension of its input), a probability for each class, or
 * numbers from 0 to 1. */
typedef enum six_targets { SIX_TARGETS_NUMBERS, SIX_TARGETS_CLASSES, SIX_TARGETS_PROBABILITIES, SIX_TARGETS_SHARES } six_targets;

/* What a loss adds up over samples: numbers that can be added over batches too. */
typedef struct six_loss_sums {
    double total;  /* of the losses */
    double weight; /* what a mean divides the total by */
    double hits;   /* positions that were classified right; NAN if targets are not classes */
} six_loss_sums;

/* One node of a graph as its layer sees it. The first block is there for setup(), which fills the second; the rest from needs() on. */
typedef struct six_op {
    const struct six_layer *layer; /* whose node it is */
    const void *attr; /* the layer's struct of attributes */
    const char *name; /* the node's, for messages */
    int32_t inputs;
    six_shape in[SIX_MAX_INPUTS];

    six_shape out;    /* for a loss: of one target */
    six_targets targets; /* of a loss */
    bool mean;           /* of a loss: its value is total / weight; else total */
    int64_t least_samples; /* that a training batch must have */
    int32_t params;
    six_param param[SIX_MAX_PARAMS];

    real *value[SIX_MAX_PARAMS];    /* the tensors */
    real *gradient[SIX_MAX_PARAMS]; /* their gradients, to be added to by backward_part(); NULL for buffers */
    void *shared;                   /* needs.shared bytes of the node, for what begin_* computes for all groups */
    real *sums;                     /* needs.sums reals a group, from sum_forward (or a loss's forward) to begin_forward (or end_forward) */
    real *back_sums;                /* likewise from sum_backward to begin_backward */
    int64_t samples;                /* in this batch */
    int32_t groups;                 /* that hold them */
    bool training;
    int32_t lanes;                  /* SIX_LANES, or 1 for forward_one() */
    int32_t real_size;              /* bytes */
    uint64_t key, step;             /* of random numbers: the same for the same seed and node; the number of the training step */
    six_loss_sums loss;             /* a loss's end_forward */
} six_op;

/* One group of samples at one node. Pointers that a layer does not use may be NULL; dx[i] is NULL where no gradient is wanted. */
typedef struct six_group {
    int32_t index, active;
    const real *x[SIX_MAX_INPUTS];
    real *y;
    const real *target;       /* of a loss */
    const real *dy;
    real *dx[SIX_MAX_INPUTS];
    void *saved;              /* needs.saved bytes of the node and group, from forward to backward */
    real *partial;            /* this group's share of all the node's parameter gradients, one tensor after another, to be written
                                 (not added to) by backward(); NULL if the layer has whole_gradients */
    const char *fault;        /* set by a kernel that met data it cannot use: "a class is not from 0 to 9"; the pass then fails */
} six_group;

/* What a node needs besides its tensors; all zero at first. */
typedef struct six_needs {
    int64_t saved;     /* bytes a group, see six_group */
    int64_t scratch;   /* bytes a thread, undefined at every call */
    int64_t shared;    /* bytes, see six_op */
    int64_t sums, back_sums; /* reals a group */
    int32_t parts;     /* how many calls of backward_part() make the parameter gradients */
} six_needs;

typedef enum six_reads { SIX_READS_NOTHING = 0, SIX_READS_X = 1, SIX_READS_Y = 2 } six_reads;

typedef struct six_layer {
    six_kind kind;
    const char *title;   /* in summaries, PyTorch's class: "Conv2d" */
    const char *prefix;  /* of default node names: "conv" */
    int32_t inputs_min, inputs_max;
    bool is_loss;
    bool unlisted;       /* has no line in summaries */
    six_reads reads;     /* which values backward needs; others may have been overwritten */
    bool in_place;       /* forward works with y == x[0], backward with dx[0] == dy */
    bool reshapes;       /* y is x[0] as it is, dx[0] is dy as it is: no kernels at all */
    bool products;       /* every value of y is a sum of products with a row of the first parameter */
    bool probabilities;  /* every value of y is a probability */
    bool of_scores;      /* a loss of scores or their logarithms, for which probabilities are a mistake */
    bool whole_gradients; /* begin_backward or backward_part adds to the parameter gradients; without it backward writes g->partial */

    int32_t (*setup)(six_op *op);                             /* checks, sets out and params; fails with six_fail("%s: ...", op->name) */
    void (*needs)(const six_op *op, six_needs *needs);        /* NULL if none */
    void (*sum_forward)(const six_op *op, six_group *g, void *scratch);
    int32_t (*begin_forward)(six_op *op, six_group *groups);
    void (*forward)(const six_op *op, six_group *g, void *scratch);
    void (*forward_one)(const six_op *op, six_group *g, void *scratch);
    void (*end_forward)(six_op *op);
    void (*sum_backward)(const six_op *op, six_group *g, void *scratch);
    int32_t (*begin_backward)(six_op *op, six_group *groups);
    void (*backward)(const six_op *op, six_group *g, void *scratch);
    void (*backward_part)(const six_op *op, six_group *groups, int32_t part, void *scratch);
} six_layer;

/* The value of a loss. */
static inline double six_loss_value(const six_op *op, const six_loss_sums *s) { return op->mean ? s->total / s->weight : s->total; }

#define SIX_PASTE_(a, b) a##b
#define SIX_PASTE(a, b) SIX_PASTE_(a, b)

/* Opens the definition of a layer: SIX_LAYER(relu) = {.kind = {...}, ...}; */
#define SIX_LAYER(name) const six_layer SIX_PASTE(six_layer_##name##_, SIX_VARIANT)

/* What all variants of a layer share (setup, needs, attributes) is taken from the variant that describes; the others drop theirs. */
#ifdef SIX_DESCRIBES
#define SIX_ONCE(x) x
#else
#define SIX_ONCE(x) (0 ? (x) : NULL)
#endif

#endif
