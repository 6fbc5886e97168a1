/* SPDX-License-Identifier: MIT */

/* y = (x - mean) / sqrt(variance + eps) * weight + bias: the channels of each sample are split into num_groups sets of neighbours, mean and
 * variance (divided by n) are those of the n values of a set, weight and bias those of a channel. An instance norm has a set for each channel.
 *
 * Backward as in layernorm.c, from two sums for each channel: of dy and of dy * (x - mean). */

#include <inttypes.h>

#include "base/status.h"
#include "moments.h"

typedef struct attributes {
    int64_t num_groups;
    double eps;
    int32_t affine;
} attributes;

static const six_attr attrs[] = {
    {"num_groups", SIX_INT, offsetof(attributes, num_groups), 1, 1099511627776.0, NULL, NULL,
     "into how many sets the channels are split; must divide their number"},
    {"eps", SIX_FLOAT, offsetof(attributes, eps), 1e-30, 1, "1e-5", NULL, "added to the variance"},
    {"affine", SIX_BOOL, offsetof(attributes, affine), 0, 1, "true", NULL, "whether there are weight and bias"},
    {.name = NULL},
};

/* Of instance norms, which leave num_groups 0. */
static const six_attr instance_attrs[] = {
    {"eps", SIX_FLOAT, offsetof(attributes, eps), 1e-30, 1, "1e-5", NULL, "added to the variance"},
    {"affine", SIX_BOOL, offsetof(attributes, affine), 0, 1, "false", NULL, "whether there are weight and bias"},
    {.name = NULL},
};

SIX_INLINE int64_t set_count(const six_op *op)
{
    const int64_t groups = ((const attributes *)op->attr)->num_groups;
    return groups ? groups : op->in[0].dim[0];
}

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    six_shape channels = {1, {op->in[0].dim[0]}};
    char in[160];
    if (op->in[0].dim[0] % set_count(op) != 0)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: num_groups %" PRId64 " does not divide the %" PRId64 " channels of the input %s", op->name,
                        a->num_groups, op->in[0].dim[0], six_shape_text(&op->in[0], in));
    op->out[0] = op->in[0];
    const six_param params[] = {{"weight", channels, true, six_init_constant(1)},
                                {"bias", channels, true, six_init_constant(0)}};
    return six_op_add_params(op, params, a->affine ? 2 : 0);
}

static int32_t setup_instance(six_op *op, int32_t rank)
{
    char in[160];
    six_shape_text(&op->in[0], in);
    if (op->in[0].rank != rank)
        return six_fail(SIXNET_BAD_SHAPE, "%s: normalizes channels x %s, but the input is %s", op->name,
                        rank == 3 ? "height x width" : "length", in);
    if (six_shape_size(&op->in[0]) == op->in[0].dim[0])
        return six_fail(SIXNET_BAD_SHAPE, "%s: a channel needs more than one value, but the input is %s", op->name, in);
    return setup(op);
}

static int32_t setup1d(six_op *op) { return setup_instance(op, 2); }
static int32_t setup2d(six_op *op) { return setup_instance(op, 3); }

SIX_INLINE int64_t set_channels(const six_op *op) { return op->in[0].dim[0] / set_count(op); }

SIX_INLINE int64_t channel_size(const six_op *op) { return six_shape_size(&op->in[0]) / op->in[0].dim[0]; }

/* Each set's mean and inverse deviation, [set][2][SIX_LANES], are kept for backward. */
static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    n->saved = set_count(run->op) * 2 * SIX_LANES * (int64_t)sizeof(real);
}

SIX_INLINE void normalise(const real *x, int64_t n, const real *stats, real weight, real bias, real *y)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec mean = six_load(stats + part), scale = six_load(stats + SIX_LANES + part) * six_set(weight),
            shift = six_set(bias);
        for (int64_t i = 0; i < n; i++)
            six_store(y + i * SIX_LANES + part, six_fma(six_load(x + i * SIX_LANES + part) - mean, scale, shift));
    }
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const attributes *a = op->attr;
    int64_t size = channel_size(op), channels = set_channels(op);
    real here[2 * SIX_LANES];
    for (int64_t set = 0; set < set_count(op); set++) {
        real *stats = run->training ? (real *)tile->saved + set * 2 * SIX_LANES : here;
        six_moments(tile->x[0] + set * channels * size * SIX_LANES, channels * size, a->eps, stats, stats + SIX_LANES);
        for (int64_t c = set * channels; c < (set + 1) * channels; c++)
            normalise(tile->x[0] + c * size * SIX_LANES, size, stats, a->affine ? run->value[0][c] : 1,
                      a->affine ? run->value[1][c] : 0, tile->y[0] + c * size * SIX_LANES);
    }
}

/* Adds to sum and dot what channel c gives to those of its set, and writes its parameter gradients. */
SIX_INLINE void channel_sums(const six_run *run, const six_tile *tile, int64_t c, const real *stats, real *sum,
                             real *dot)
{
    const six_op *op = run->op;
    const attributes *a = op->attr;
    int64_t size = channel_size(op), first = c * size * SIX_LANES;
    real s[SIX_LANES], q[SIX_LANES];
    vec weight = six_set(a->affine ? run->value[0][c] : 1);
    six_sums_product(tile->dy[0] + first, tile->x[0] + first, size, stats, s, q);
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        six_store(q + part, six_load(q + part) * six_load(stats + SIX_LANES + part));
        six_store(sum + part, six_fma(weight, six_load(s + part), six_load(sum + part)));
        six_store(dot + part, six_fma(weight, six_load(q + part), six_load(dot + part)));
    }
    if (tile->partial) {
        tile->partial[c] = six_lane_sum(q);
        tile->partial[op->in[0].dim[0] + c] = six_lane_sum(s);
    }
}

/* n is the number of values of a set. */
SIX_INLINE void channel_backward(const real *x, const real *dy, int64_t size, const real *stats, real weight,
                                 const real *sum, const real *dot, real n, real *dx)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec mean = six_load(stats + part), inverse = six_load(stats + SIX_LANES + part),
            scale = inverse * six_set(weight);
        vec offset = -inverse * six_load(sum + part) / six_set(n),
            slope = -inverse * inverse * six_load(dot + part) / six_set(n);
        for (int64_t i = part; i < size * SIX_LANES; i += SIX_LANES)
            six_store(dx + i, six_fma(six_load(dy + i), scale, six_fma(six_load(x + i) - mean, slope, offset)));
    }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const attributes *a = op->attr;
    int64_t size = channel_size(op), channels = set_channels(op);
    for (int64_t set = 0; set < set_count(op); set++) {
        const real *stats = (const real *)tile->saved + set * 2 * SIX_LANES;
        real sum[SIX_LANES] = {0}, dot[SIX_LANES] = {0};
        int64_t first = set * channels;
        for (int64_t c = first; c < first + channels; c++)
            channel_sums(run, tile, c, stats, sum, dot);
        for (int64_t c = first; tile->dx[0] && c < first + channels; c++)
            channel_backward(tile->x[0] + c * size * SIX_LANES, tile->dy[0] + c * size * SIX_LANES, size, stats,
                             a->affine ? run->value[0][c] : 1, sum, dot, (real)(channels * size),
                             tile->dx[0] + c * size * SIX_LANES);
    }
}

#define DESCRIPTION .inputs_min = 1, .inputs_max = 1, .reads = SIX_READS_X, .in_place = true

SIX_LAYER(groupnorm) = {
    .kind = {"groupnorm", "normalization of each sample over sets of channels", attrs, sizeof(attributes)},
    .title = "GroupNorm",
    .prefix = "gn",
    .setup = setup,
    DESCRIPTION,
};

SIX_LAYER(instancenorm1d) = {
    .kind = {"instancenorm1d", "normalization of each channel of a sequence", instance_attrs, sizeof(attributes)},
    .title = "InstanceNorm1d",
    .prefix = "in",
    .setup = setup1d,
    DESCRIPTION,
};

SIX_LAYER(instancenorm2d) = {
    .kind = {"instancenorm2d", "normalization of each channel of an image", instance_attrs, sizeof(attributes)},
    .title = "InstanceNorm2d",
    .prefix = "in",
    .setup = setup2d,
    DESCRIPTION,
};

#define KERNELS .memory_reqs = memory_reqs, .forward = forward, .backward = backward

SIX_KERNELS(groupnorm) = {KERNELS};
SIX_KERNELS(instancenorm1d) = {KERNELS};
SIX_KERNELS(instancenorm2d) = {KERNELS};
