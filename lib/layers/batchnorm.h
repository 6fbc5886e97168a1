/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_BATCHNORM_H
#define SIX_LAYERS_BATCHNORM_H

/* batchnorm1d and batchnorm2d: y = (x - mean) / sqrt(variance + eps) * weight + bias, channel by channel.
 *
 * In training mean and variance (divided by n) are those of the channel's n values in the batch, and the running statistics move to
 * them: running = (1 - momentum) * running + momentum * batch, where the variance is divided by n - 1. In evaluation the running
 * statistics take their place; where PyTorch would take the batch's for want of them, evaluation is refused. PyTorch's
 * num_batches_tracked is left out.
 *
 * Each group gives the mean of its own values and the squares of their differences from it; begin_forward joins the groups in order, in
 * double (Chan, Golub, LeVeque 1979), and leaves per channel the two numbers of y = x * scale + shift. Backward, with h the normalised x,
 *
 *     dx = scale * (dy - mean(dy) - h * mean(dy * h)) = dy * scale + (x * slope + offset). */

#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "moments.h"

typedef struct batchnorm {
    double eps, momentum;
    int32_t affine, track_running_stats;
} batchnorm;

static const six_attr batchnorm_attrs[] = {
    {"eps", SIX_FLOAT, offsetof(batchnorm, eps), 1e-30, 1, "1e-5", NULL, "added to the variance"},
    {"momentum", SIX_FLOAT, offsetof(batchnorm, momentum), 0, 1, "0.1", NULL, "how far a batch moves the running statistics"},
    {"affine", SIX_BOOL, offsetof(batchnorm, affine), 0, 1, "true", NULL, "whether there are weight and bias"},
    {"track_running_stats", SIX_BOOL, offsetof(batchnorm, track_running_stats), 0, 1, "true", NULL,
     "whether there are running statistics; without them the net can be trained, but not evaluated"},
    {.name = NULL},
};

/* In op->shared, one for each channel. */
typedef struct batchnorm_channel {
    double mean, inverse;       /* of the batch; 1 / sqrt(variance + eps) */
    real centre, scale, shift;  /* centre: the mean, rounded */
    real slope, offset;         /* of backward */
} batchnorm_channel;

enum { BATCHNORM_SUMS = 4, BATCHNORM_BACK_SUMS = 2 };

static int64_t batchnorm_positions(const six_op *op) { return six_shape_size(&op->in[0]) / op->in[0].dim[0]; }

/* The index of running_mean; running_var is the next. */
static int batchnorm_running(const six_op *op) { return ((const batchnorm *)op->attr)->affine ? 2 : 0; }

/* What is left of setup once the rank was checked. */
SIX_INLINE int32_t batchnorm_setup(six_op *op)
{
    const batchnorm *a = op->attr;
    six_shape channels = {1, {op->in[0].dim[0]}};
    op->out = op->in[0];
    op->least_samples = batchnorm_positions(op) > 1 ? 1 : 2; /* two values a channel, for a variance */
    op->params = 0;
    if (a->affine) {
        op->param[op->params++] = (six_param){"weight", channels, true, six_init_constant(1)};
        op->param[op->params++] = (six_param){"bias", channels, true, six_init_constant(0)};
    }
    if (a->track_running_stats) {
        op->param[op->params++] = (six_param){"running_mean", channels, false, six_init_constant(0)};
        op->param[op->params++] = (six_param){"running_var", channels, false, six_init_constant(1)};
    }
    return SIXNET_OK;
}

static void batchnorm_needs(const six_op *op, six_needs *n)
{
    int64_t channels = op->in[0].dim[0];
    n->shared = channels * (int64_t)sizeof(batchnorm_channel);
    n->sums = channels * BATCHNORM_SUMS;
    n->back_sums = channels * BATCHNORM_BACK_SUMS;
}

/* The sum over the lanes that hold samples. */
SIX_INLINE real batchnorm_active_sum(real sums[SIX_LANES], int32_t active)
{
    for (int lane = active; lane < SIX_LANES; lane++)
        sums[lane] = 0;
    return six_lane_sum(sums);
}

/* Of a channel's values times scale: their mean, and the sums of their differences from it and of these squared; and the scale. */
SIX_INLINE void batchnorm_channel_sums(const six_group *g, const real *x, int64_t positions, real scale, real out[BATCHNORM_SUMS])
{
    real sum[SIX_LANES], squares[SIX_LANES], centre[SIX_LANES];
    six_sums(x, positions, scale, sum);
    out[0] = batchnorm_active_sum(sum, g->active) / (real)(g->active * positions);
    for (int lane = 0; lane < SIX_LANES; lane++)
        centre[lane] = out[0];
    six_sums_centred(x, positions, scale, centre, sum, squares);
    out[1] = batchnorm_active_sum(sum, g->active);
    out[2] = batchnorm_active_sum(squares, g->active);
    out[3] = scale;
}

static void batchnorm_sum_forward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    int64_t channels = op->in[0].dim[0], positions = batchnorm_positions(op);
    real *out = op->sums + g->index * channels * BATCHNORM_SUMS;
    const real *x = g->x[0];
    if (!op->training)
        return;
    for (int64_t c = 0; c < channels; c++, x += positions * SIX_LANES, out += BATCHNORM_SUMS) {
        batchnorm_channel_sums(g, x, positions, 1, out);
        if (!__builtin_isfinite(out[2]))
            batchnorm_channel_sums(g, x, positions, SIX_FAR_SCALE, out);
    }
}

/* Mean and sum of squared differences of channel c over all groups. An infinite mean is the sum of the groups' means, as differences from
 * it are not numbers. */
static void batchnorm_join(const six_op *op, const six_group *groups, int64_t c, double *mean, double *squares)
{
    double n = 0, means = 0;
    *mean = *squares = 0;
    for (int32_t i = 0; i < op->groups; i++) {
        const real *in = op->sums + (i * op->in[0].dim[0] + c) * BATCHNORM_SUMS;
        double more = (double)(groups[i].active * batchnorm_positions(op)), scale = (double)in[3];
        double sum = (double)in[1] / scale, difference = (double)in[0] / scale + sum / more - *mean;
        *squares += (double)in[2] / scale / scale - sum * sum / more + difference * difference * n * more / (n + more);
        *mean += difference * more / (n + more);
        means += (double)in[0];
        n += more;
    }
    if (!__builtin_isfinite(means))
        *mean = means;
    *squares = *squares > 0 ? *squares : *squares < 0 ? 0 : *squares; /* NaN stays */
}

/* Moves the running statistics and returns the variance of channel c. */
static double batchnorm_observe(six_op *op, const six_group *groups, int64_t c, batchnorm_channel *channel)
{
    const batchnorm *a = op->attr;
    double n = (double)(op->samples * batchnorm_positions(op)), squares;
    batchnorm_join(op, groups, c, &channel->mean, &squares);
    if (a->track_running_stats) {
        real *mean = op->value[batchnorm_running(op)] + c, *variance = op->value[batchnorm_running(op) + 1] + c;
        *mean = (real)((1 - a->momentum) * (double)*mean + a->momentum * channel->mean);
        *variance = (real)((1 - a->momentum) * (double)*variance + a->momentum * squares / (n - 1));
    }
    return squares / n;
}

static int32_t batchnorm_begin_forward(six_op *op, six_group *groups)
{
    const batchnorm *a = op->attr;
    batchnorm_channel *channels = op->shared;
    char in[160];
    if (!op->training && !a->track_running_stats)
        return six_fail(SIXNET_UNSUPPORTED, "%s: cannot evaluate without running statistics, as a sample's result would depend on the "
                        "others of its batch; use track_running_stats=true", op->name);
    if (op->training && op->samples < op->least_samples)
        return six_fail(SIXNET_BAD_SHAPE, "%s: expected more than one value per channel when training, but the batch is %" PRId64
                        " sample of %s; give it more samples", op->name, op->samples, six_shape_text(&op->in[0], in));
    for (int64_t c = 0; c < op->in[0].dim[0]; c++) {
        batchnorm_channel *channel = channels + c;
        double variance;
        if (op->training) {
            variance = batchnorm_observe(op, groups, c, channel);
        } else {
            channel->mean = (double)op->value[batchnorm_running(op)][c];
            variance = (double)op->value[batchnorm_running(op) + 1][c];
        }
        channel->inverse = 1 / __builtin_sqrt(variance + a->eps);
        channel->centre = (real)channel->mean;
        channel->scale = (real)(channel->inverse * (a->affine ? (double)op->value[0][c] : 1));
        channel->shift = (real)((a->affine ? (double)op->value[1][c] : 0) - channel->mean * (double)channel->scale);
    }
    return SIXNET_OK;
}

static void batchnorm_forward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    const batchnorm_channel *channel = op->shared;
    int64_t channels = op->in[0].dim[0], size = batchnorm_positions(op) * SIX_LANES;
    const real *x = g->x[0];
    real *y = g->y;
    for (int64_t c = 0; c < channels; c++, channel++, x += size, y += size) {
        vec scale = six_set(channel->scale), shift = six_set(channel->shift);
        for (int64_t i = 0; i < size; i += SIX_WIDTH)
            six_store(y + i, six_fma(six_load(x + i), scale, shift));
    }
}

static void batchnorm_forward_one(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    const batchnorm_channel *channel = op->shared;
    int64_t channels = op->in[0].dim[0], size = batchnorm_positions(op);
    const real *x = g->x[0];
    real *y = g->y;
    for (int64_t c = 0; c < channels; c++, channel++, x += size, y += size) {
        vec scale = six_set(channel->scale), shift = six_set(channel->shift);
        for (int64_t i = 0; i < size; i += SIX_WIDTH)
            six_store_first(y + i, six_fma(six_load(x + i), scale, shift), size - i);
    }
}

/* Lanes without a sample have dy = 0. */
static void batchnorm_sum_backward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    const batchnorm_channel *channel = op->shared;
    int64_t channels = op->in[0].dim[0], positions = batchnorm_positions(op);
    real sum[SIX_LANES], dot[SIX_LANES], centre[SIX_LANES];
    real *out = op->back_sums + g->index * channels * BATCHNORM_BACK_SUMS;
    for (int64_t c = 0; c < channels; c++, channel++, out += BATCHNORM_BACK_SUMS) {
        int64_t first = c * positions * SIX_LANES;
        for (int lane = 0; lane < SIX_LANES; lane++)
            centre[lane] = channel->centre;
        six_sums_product(g->dy + first, g->x[0] + first, positions, centre, sum, dot);
        out[0] = six_lane_sum(sum);
        out[1] = six_lane_sum(dot);
    }
}

static int32_t batchnorm_begin_backward(six_op *op, six_group *groups)
{
    (void)groups;
    const batchnorm *a = op->attr;
    int64_t channels = op->in[0].dim[0];
    double n = (double)(op->samples * batchnorm_positions(op));
    for (int64_t c = 0; c < channels; c++) {
        batchnorm_channel *channel = (batchnorm_channel *)op->shared + c;
        double sum = 0, dot = 0;
        for (int32_t i = 0; i < op->groups; i++) {
            const real *in = op->back_sums + (i * channels + c) * BATCHNORM_BACK_SUMS;
            sum += (double)in[0];
            dot += (double)in[1];
        }
        dot = (dot - (channel->mean - (double)channel->centre) * sum) * channel->inverse;
        if (a->affine) {
            op->gradient[0][c] += (real)dot;
            op->gradient[1][c] += (real)sum;
        }
        double slope = -(double)channel->scale * channel->inverse * dot / n;
        channel->slope = (real)slope;
        channel->offset = (real)(-slope * channel->mean - (double)channel->scale * sum / n);
    }
    return SIXNET_OK;
}

static void batchnorm_backward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    const batchnorm_channel *channel = op->shared;
    int64_t channels = op->in[0].dim[0], size = batchnorm_positions(op) * SIX_LANES;
    const real *x = g->x[0], *dy = g->dy;
    real *dx = g->dx[0];
    if (!dx)
        return;
    for (int64_t c = 0; c < channels; c++, channel++, x += size, dy += size, dx += size) {
        vec scale = six_set(channel->scale), slope = six_set(channel->slope), offset = six_set(channel->offset);
        for (int64_t i = 0; i < size; i += SIX_WIDTH)
            six_store(dx + i, six_fma(six_load(dy + i), scale, six_fma(six_load(x + i), slope, offset)));
    }
    if (g->active < SIX_LANES)
        for (int64_t i = 0; i < channels * size; i += SIX_LANES)
            memset(g->dx[0] + i + g->active, 0, (size_t)(SIX_LANES - g->active) * sizeof *dx);
}

/* All but name, help, title and setup. */
#define BATCHNORM_FUNCTIONS \
    .prefix = "bn", .inputs_min = 1, .inputs_max = 1, .reads = SIX_READS_X, .in_place = true, .whole_gradients = true, \
    .needs = batchnorm_needs, \
    .sum_forward = batchnorm_sum_forward, .begin_forward = batchnorm_begin_forward, .forward = batchnorm_forward, \
    .forward_one = batchnorm_forward_one, \
    .sum_backward = batchnorm_sum_backward, .begin_backward = batchnorm_begin_backward, .backward = batchnorm_backward

#endif
