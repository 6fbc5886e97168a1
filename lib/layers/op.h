/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_OP_H
#define SIX_LAYERS_OP_H

/* What a layer is, and what its kernels are given.
 *
 * A layer's file holds its attributes, shape rule, forward and backward pass, and ends with two constants: a six_layer, its description, and
 * the six_kernels that compute it. The file is compiled once per variant (instruction set and dtype). All variants share the description of
 * the first, the baseline; each has kernels of its own.
 *
 * Samples come in tiles of SIX_LANES (see simd/lane.h). A tensor of a tile is its features in C order, each feature SIX_LANES reals, one
 * per sample: [feature...][SIX_LANES], 64-byte aligned. In the last tile of a batch the lanes from `active` on are padding: their inputs
 * are zero, their loss gradient is zero, and they must not contribute to anything summed over samples. Kernels may compute on them; what
 * they leave there must be finite whenever the parameters are.
 *
 * A pass calls, for each node in order and then for backward in reverse:
 *
 *     sum_forward(run, tile)    for each tile, in any thread      (only where a layer must see the whole batch first)
 *     begin_forward(run)        once, in the calling thread       (combine sums, pack weights)
 *     forward(run, tile)        for each tile, in any thread
 *     end_forward(run)          once                              (losses: combine)
 *     sum_backward, begin_backward, backward                      likewise
 *     backward_part(run, part)  for each part, in any thread      (parameter gradients of layers that sum over all tiles at once)
 *
 * Where all layers of a net have forward_one(), single samples are evaluated without lanes: a tensor is its features in C order, 64-byte
 * aligned with capacity for 2 * SIX_LANES more reals, and run->lanes is 1 instead of SIX_LANES. The result must be bit-identical.
 *
 * Where those that have backward() have backward_one() too, so are training passes over a single sample: forward_one() must then do what
 * forward() does in training, and begin_*, sum_* and backward_part() look at run->lanes. A loss always has lanes.
 *
 * Between the calls of one node and those of another on the same tile nothing else is promised. The bits of a result may depend on
 * the tile but never on the thread or the number of threads: every sum over tiles is taken in the order of the tiles. */

#include "base/shape.h"
#include "base/spec.h"
#include "simd/lane.h"

struct sixnet_context;

enum { SIX_MAX_INPUTS = 16, SIX_MAX_OUTPUTS = 64, SIX_PARAM_NAME_MAX = 64 };

typedef enum six_init_kind { SIX_INIT_CONSTANT, SIX_INIT_UNIFORM, SIX_INIT_NORMAL } six_init_kind;

/* Initial values: constant a; uniform from a to b; normal with mean a and deviation b. `zeros` values from first_zero on are 0 instead. */
typedef struct six_init {
    six_init_kind kind;
    double a, b;
    int64_t first_zero, zeros;
} six_init;

static inline six_init six_init_constant(double a) { return (six_init){.kind = SIX_INIT_CONSTANT, .a = a}; }

static inline six_init six_init_uniform(double low, double high)
{
    return (six_init){.kind = SIX_INIT_UNIFORM, .a = low, .b = high};
}

static inline six_init six_init_normal(double mean, double deviation)
{
    return (six_init){.kind = SIX_INIT_NORMAL, .a = mean, .b = deviation};
}

/* A tensor a layer asks for: a parameter (trained, has a gradient) or a buffer (such as running statistics). */
typedef struct six_param {
    char name[SIX_PARAM_NAME_MAX]; /* "weight" */
    six_shape shape;
    bool trained;
    six_init init;
} six_param;

/* What the targets of a loss are: numbers, classes (whole numbers below the first dimension of its input), a probability for each class, or
 * numbers from 0 to 1. */
typedef enum six_targets {
    SIX_TARGETS_NUMBERS,
    SIX_TARGETS_CLASSES,
    SIX_TARGETS_PROBABILITIES,
    SIX_TARGETS_SHARES
} six_targets;

/* What a loss adds up over samples: numbers that can be added over batches too. */
typedef struct six_loss_sums {
    double total;   /* of the losses */
    double weight;  /* what a mean divides the total by */
    double correct; /* positions that were classified right; NAN for a loss that classifies none */
} six_loss_sums;

typedef struct six_name {
    char text[SIX_PARAM_NAME_MAX];
} six_name;

/* What setup() decided about a node. Constant once the node is part of a model, and shared by all of the model's plans. */
typedef struct six_op {
    const struct sixnet_context *ctx; /* allocates out and param */
    const struct six_layer *layer;
    const void *attr; /* the layer's struct of attributes */
    const char *name; /* the node's, for messages */
    bool direct;      /* the context has convolution=direct */
    int32_t inputs;
    six_shape *in; /* [inputs] */

    int32_t outputs;
    six_shape *out;        /* [outputs]; for a loss: the shape of one target */
    six_name *output_name; /* [outputs] that setup() gave them; NULL: the layer's */
    six_targets targets;   /* of a loss */
    bool mean;             /* of a loss: its value is total / weight; else total */
    int64_t classified;    /* of a loss: positions of a sample that have a class; 0: there is no accuracy */
    int64_t least_samples; /* that a training batch must have */
    uint32_t index_inputs; /* bit i: input i holds whole numbers that select something; it has no gradient */
    int32_t params;
    six_param *param; /* [params] */
} six_op;

/* For setup(), which starts with one output and no parameters. Both return SIXNET_OK or SIXNET_OUT_OF_MEMORY; see op.c. */
int32_t six_op_set_outputs(six_op *op, int32_t count);
int32_t six_op_add_params(six_op *op, const six_param *param, int32_t count);

/* One node in one plan: what a pass reads and changes. */
typedef struct six_run {
    const six_op *op;
    const struct six_kernels *kernels; /* the node's */
    real *const *value;                /* [params] the tensors */
    real *const *gradient; /* [params] their gradients, to be added to; NULL for buffers and frozen parameters */
    bool trains;           /* some parameter has a gradient */
    bool training;         /* a training pass */
    bool frozen;           /* none of its tensors changes: layers with sum_forward() then work as in evaluation */
    int32_t lanes;         /* SIX_LANES, or 1 for forward_one() and backward_one(); of a loss SIX_LANES */
    int32_t real_size;     /* bytes */
    void *shared;          /* needs.shared bytes, for what begin_* computes for all tiles */
    real
        *sums; /* needs.sums reals per tile, from sum_forward (or a loss's forward) to begin_forward (or end_forward) */
    real *back_sums;    /* likewise from sum_backward to begin_backward */
    int64_t samples;    /* in this pass */
    int32_t tiles;      /* that hold them */
    int64_t first;      /* position of the first of them in the batch: 0 unless the pass is a shard's */
    bool shard;         /* the pass is a part of a batch: a loss that is a mean gives the gradient of its total */
    uint64_t key, step; /* of random numbers: equal for equal seed and node; the number of the training step */
    six_loss_sums loss; /* set by a loss's end_forward */
} six_run;

/* One tile at one node. dx[i] is NULL where no gradient is needed, dy[i] where no gradient arrives. */
typedef struct six_tile {
    int32_t index, active;
    const real *const *x; /* [inputs] */
    real *const *y;       /* [outputs] */
    const real *const *dy;
    real *const *dx;
    const real *target; /* of a loss */
    void *saved;        /* needs.saved bytes of the node and tile, from forward to backward */
    real *
        partial; /* this tile's share of all the node's parameter gradients, one tensor after another, which backward() overwrites;
                             NULL if no parameter is trained or the layer accumulates_gradients */
    const char
        *error; /* set by a kernel that met data it cannot use: "a class is not from 0 to 9"; the pass then fails */
} six_tile;

/* What a node needs besides its tensors; all zero at first. */
typedef struct six_memory_reqs {
    int64_t saved;           /* bytes per tile, see six_tile */
    int64_t scratch;         /* bytes per thread, undefined at every call */
    int64_t shared;          /* bytes, see six_run */
    int64_t sums, back_sums; /* reals per tile */
    int32_t parts;           /* number of calls of backward_part() that make the parameter gradients */
} six_memory_reqs;

typedef enum six_reads { SIX_READS_NOTHING = 0, SIX_READS_X = 1, SIX_READS_Y = 2 } six_reads;

/* How a node takes part in a pass. An input's values come from the caller; a constant has no inputs and is computed like an operation. */
typedef enum six_role { SIX_ROLE_OPERATION, SIX_ROLE_INPUT, SIX_ROLE_CONSTANT, SIX_ROLE_LOSS } six_role;

/* Which values are multiplied by a row of the first parameter each, a multiply-add for each number of the row: those of y, or of x. */
typedef enum six_products { SIX_NO_PRODUCTS, SIX_PRODUCTS_OF_Y, SIX_PRODUCTS_OF_X } six_products;

/* The description of a layer. */
typedef struct six_layer {
    six_kind kind;
    six_role role;
    const char *title;               /* in summaries, PyTorch's class: "Conv2d" */
    const char *prefix;              /* of default node names: "conv" */
    const char *const *output_names; /* ends with NULL; NULL for one output, or for outputs that are known by number */
    int32_t inputs_min, inputs_max;
    bool hidden;     /* has no line in summaries */
    six_reads reads; /* which values backward needs; others may have been overwritten */
    bool in_place;   /* forward works with y == x[0], backward with dx[0] == dy */
    bool is_view;    /* y is x[0] as it is, dx[0] is dy as it is: no kernels at all */
    six_products products;
    bool
        accumulates_gradients; /* begin_backward or backward_part adds to the parameter gradients; without it backward writes partial */
    bool probabilities; /* every value of y is a probability */
    bool of_scores;     /* a loss of scores or their logarithms, for which probabilities are a mistake */
    bool rectifies;     /* y is never negative, and a unit (first dimension) whose values are all 0 learns nothing */

    int32_t (*setup)(six_op *op); /* checks; sets out and params; fails with six_fail("%s: ...", op->name) */
} six_layer;

/* The functions that compute a layer in one variant. Those it does not need are NULL; a view has none. */
typedef struct six_kernels {
    const void *family; /* of functions that several layers share: what tells them apart */
    void (*memory_reqs)(
        const six_run *run,
        six_memory_reqs
            *memory_reqs); /* NULL if none; of run only op, trains, training, frozen, lanes, real_size are set */
    void (*sum_forward)(const six_run *run, six_tile *tile, void *scratch);
    int32_t (*begin_forward)(six_run *run, six_tile *tiles);
    void (*forward)(const six_run *run, six_tile *tile, void *scratch);
    void (*forward_one)(const six_run *run, six_tile *tile, void *scratch);
    void (*end_forward)(six_run *run);
    void (*sum_backward)(const six_run *run, six_tile *tile, void *scratch);
    int32_t (*begin_backward)(six_run *run, six_tile *tiles);
    void (*backward)(const six_run *run, six_tile *tile, void *scratch);
    void (*backward_one)(const six_run *run, six_tile *tile, void *scratch);
    void (*backward_part)(const six_run *run, six_tile *tiles, int32_t part, void *scratch);
} six_kernels;

/* The value of a loss. */
static inline double six_loss_value(const six_op *op, const six_loss_sums *s)
{
    return op->mean ? s->total / s->weight : s->total;
}

#define SIX_PASTE_(a, b) a##b
#define SIX_PASTE(a, b) SIX_PASTE_(a, b)

/* Begins a constant that all variants share: an object in the baseline variant; in the others unused, so that the compiler drops it along
 * with the functions and texts that only it refers to. */
#ifdef SIX_IS_BASELINE
#define SIX_DESCRIPTION const
#else
#define SIX_DESCRIPTION static const __attribute__((unused))
#endif

/* The end of a layer's file: SIX_LAYER(relu) = {.kind = {...}, .setup = ...}; SIX_KERNELS(relu) = {.forward = ..., .backward = ...}; */
#define SIX_LAYER(name) SIX_DESCRIPTION six_layer six_layer_##name
#define SIX_KERNELS(name) const six_kernels SIX_PASTE(six_kernels_##name##_, SIX_VARIANT)

/* SIX_KERNELS of one layer of several that share their loops: FORWARD and BACKWARD call these with run, tile and what tells the layers apart;
 * any number of lanes will do. */
#define SIX_CALLING_KERNELS(NAME, FORWARD, BACKWARD)                                                                   \
    static void NAME##_forward(const six_run *run, six_tile *tile, void *scratch)                                      \
    {                                                                                                                  \
        (void)scratch;                                                                                                 \
        FORWARD;                                                                                                       \
    }                                                                                                                  \
    static void NAME##_backward(const six_run *run, six_tile *tile, void *scratch)                                     \
    {                                                                                                                  \
        (void)scratch;                                                                                                 \
        BACKWARD;                                                                                                      \
    }                                                                                                                  \
    SIX_KERNELS(NAME) = {                                                                                              \
        .forward = NAME##_forward,                                                                                     \
        .forward_one = NAME##_forward,                                                                                 \
        .backward = NAME##_backward,                                                                                   \
        .backward_one = NAME##_backward,                                                                               \
    }

#endif
