/* SPDX-License-Identifier: MIT */

/* Sum, mean, largest or smallest of a sample's values along the dimensions dim, by default all.
 *
 *     reduce_sum   dx = dy
 *     reduce_mean  dx = dy / n, for n values
 *     reduce_max   dx = dy where x is the largest value, a share of it each for several; NaN if one is NaN
 *     reduce_min   likewise
 *
 * The output keeps the dimensions as 1 with keepdim=true. As torch.sum, torch.mean, torch.amax and torch.amin, with dimensions counted without
 * the batch. */

#include "layers/axis.h"
#include "layers/iterator.h"

typedef struct attributes {
    six_list dim;
    int32_t keepdim;
} attributes;

static const six_attr attrs[] = {
    {"dim", SIX_LIST, offsetof(attributes, dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "", NULL,
     "dimensions of a sample, such as 1,2; all if empty; negative ones count from the last"},
    {"keepdim", SIX_BOOL, offsetof(attributes, keepdim), 0, 1, "false", NULL, "whether they stay, as 1"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    bool named[SIX_MAX_RANK];
    six_shape *out = &op->out[0];
    const int32_t status = six_axes_named(op, &a->dim, named);
    if (status)
        return status;
    out->rank = 0;
    for (int32_t d = 0; d < op->in[0].rank; d++)
        if (!named[d] || a->keepdim)
            out->dim[out->rank++] = named[d] ? 1 : op->in[0].dim[d];
    if (out->rank == 0)
        *out = (six_shape){1, {1}};
    return SIXNET_OK;
}

/* Over the input, with the place of each value's result in the output. */
static six_iterator iterator_of(const six_run *run)
{
    const six_op *op = run->op;
    six_iterator w = six_iterator_over(&op->in[0], 1);
    bool named[SIX_MAX_RANK];
    int64_t stride = run->lanes;
    six_axes_named(op, &((const attributes *)op->attr)->dim, named);
    for (int32_t d = op->in[0].rank - 1; d >= 0; d--) {
        w.stride[0][d] = named[d] ? 0 : stride;
        stride *= named[d] ? 1 : op->in[0].dim[d];
    }
    return w;
}

static int64_t in_size(const six_run *run) { return six_shape_size(&run->op->in[0]) * run->lanes; }
static int64_t out_size(const six_run *run) { return six_shape_size(&run->op->out[0]) * run->lanes; }
static real count_of(const six_run *run) { return (real)(in_size(run) / out_size(run)); }

/* The result so far with one more value. */
typedef vec fold(vec so_far, vec x);

static vec sum(vec so_far, vec x) { return so_far + x; }
static vec largest(vec so_far, vec x) { return six_select((ivec)(so_far != so_far), so_far, six_max(so_far, x)); }
static vec smallest(vec so_far, vec x) { return six_select((ivec)(so_far != so_far), so_far, six_min(so_far, x)); }

static void reduce(const six_run *run, six_tile *tile, fold *f, real first)
{
    const int64_t in = in_size(run), out = out_size(run);
    real *y = tile->y[0];
    six_iterator w = iterator_of(run);
    for (int64_t i = 0; i < out; i++)
        y[i] = first;
    for (int64_t at = 0; at < in; at += run->lanes, six_iterator_step(&w))
        for (int32_t part = 0; part < run->lanes; part += SIX_WIDTH) {
            real *to = y + w.offset[0] + part;
            six_store_first(to, f(six_load(to), six_load(tile->x[0] + at + part)), run->lanes);
        }
}

/* dx = dy / divisor. */
static void repeat(const six_run *run, six_tile *tile, real divisor)
{
    const int64_t in = tile->dx[0] ? in_size(run) : 0;
    six_iterator w = iterator_of(run);
    for (int64_t at = 0; at < in; at += run->lanes, six_iterator_step(&w))
        for (int32_t l = 0; l < run->lanes; l++)
            tile->dx[0][at + l] = tile->dy[0][w.offset[0] + l] / divisor;
}

/* A number for each output, of the values that are equal to it. */
static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    if (run->training)
        n->scratch = six_shape_size(&run->op->out[0]) * SIX_LANES * (int64_t)sizeof(real);
}

static void share(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t in = in_size(run);
    const real *x = tile->x[0], *y = tile->y[0];
    real *equal = scratch, *dx = tile->dx[0];
    six_iterator w = iterator_of(run);
    if (!dx)
        return;
    memset(equal, 0, (size_t)out_size(run) * sizeof *equal);
    for (int64_t at = 0; at < in; at += run->lanes, six_iterator_step(&w))
        for (int32_t l = 0; l < run->lanes; l++)
            equal[w.offset[0] + l] += x[at + l] == y[w.offset[0] + l];
    for (int64_t at = 0; at < in; at += run->lanes, six_iterator_step(&w)) /* from the first place again */
        for (int32_t l = 0; l < run->lanes; l++) {
            const int64_t o = w.offset[0] + l;
            dx[at + l] = (x[at + l] == y[o] ? tile->dy[0][o] : 0) / equal[o];
        }
}

static void sum_forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    reduce(run, tile, sum, 0);
}
static void sum_backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    repeat(run, tile, 1);
}

static void mean_forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    reduce(run, tile, sum, 0);
    const int64_t out = out_size(run);
    for (int64_t i = 0; i < out; i++)
        tile->y[0][i] /= count_of(run);
}
static void mean_backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    repeat(run, tile, count_of(run));
}

static void max_forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    reduce(run, tile, largest, -(real)__builtin_inf());
}
static void min_forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    reduce(run, tile, smallest, (real)__builtin_inf());
}

#define REDUCE_LAYER(NAME, TITLE, HELP, READS)                                                                         \
    SIX_LAYER(NAME) = {                                                                                                \
        .kind = {.name = #NAME, .help = HELP, .attrs = attrs, .size = sizeof(attributes)},                             \
        .title = TITLE,                                                                                                \
        .prefix = #NAME,                                                                                               \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .reads = READS,                                                                                                \
        .setup = setup,                                                                                                \
    }

#define REDUCE_KERNELS(NAME, MEMORY, FORWARD, BACKWARD)                                                                \
    SIX_KERNELS(NAME) = {                                                                                              \
        .memory_reqs = MEMORY,                                                                                         \
        .forward = FORWARD,                                                                                            \
        .forward_one = FORWARD,                                                                                        \
        .backward = BACKWARD,                                                                                          \
        .backward_one = BACKWARD,                                                                                      \
    }

REDUCE_LAYER(reduce_sum, "Sum", "the sum of values along dimensions", SIX_READS_NOTHING);
REDUCE_LAYER(reduce_mean, "Mean", "the mean of values along dimensions", SIX_READS_NOTHING);
REDUCE_LAYER(reduce_max, "Amax", "the largest of the values along dimensions", SIX_READS_X | SIX_READS_Y);
REDUCE_LAYER(reduce_min, "Amin", "the smallest of the values along dimensions", SIX_READS_X | SIX_READS_Y);

REDUCE_KERNELS(reduce_sum, NULL, sum_forward, sum_backward);
REDUCE_KERNELS(reduce_mean, NULL, mean_forward, mean_backward);
REDUCE_KERNELS(reduce_max, memory_reqs, max_forward, share);
REDUCE_KERNELS(reduce_min, memory_reqs, min_forward, share);
