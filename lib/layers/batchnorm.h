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
 * Each tile gives the mean of its own values and the squares of their differences from it; begin_forward joins the tiles in order, in
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
    {"momentum", SIX_FLOAT, offsetof(batchnorm, momentum), 0, 1, "0.1", NULL,
     "how far a batch moves the running statistics"},
    {"affine", SIX_BOOL, offsetof(batchnorm, affine), 0, 1, "true", NULL, "whether there are weight and bias"},
    {"track_running_stats", SIX_BOOL, offsetof(batchnorm, track_running_stats), 0, 1, "true", NULL,
     "whether there are running statistics; without them the net can be trained, but not evaluated"},
    {.name = NULL},
};

/* In op->shared, one for each channel. */
typedef struct batchnorm_channel {
    double mean, inverse;      /* of the batch; 1 / sqrt(variance + eps) */
    real centre, scale, shift; /* centre: the mean, rounded */
    real slope, offset;        /* of backward */
} batchnorm_channel;

enum { BATCHNORM_SUMS = 4, BATCHNORM_BACK_SUMS = 2 };

static int64_t batchnorm_positions(const six_op *op) { return six_shape_size(&op->in[0]) / op->in[0].dim[0]; }

/* Whether mean and variance are the batch's; the running ones otherwise. */
static bool batchnorm_uses_batch(const six_run *run) { return run->training && !run->frozen; }

/* The index of running_mean; running_var is the next. */
static int batchnorm_running(const six_op *op) { return ((const batchnorm *)op->attr)->affine ? 2 : 0; }

/* What is left of setup once the rank was checked. */
SIX_INLINE int32_t batchnorm_setup(six_op *op)
{
    const batchnorm *a = op->attr;
    six_shape channels = {1, {op->in[0].dim[0]}};
    op->out[0] = op->in[0];
    op->least_samples = batchnorm_positions(op) > 1 ? 1 : 2; /* two values a channel, for a variance */
    const six_param affine[] = {{"weight", channels, true, six_init_constant(1)},
                                {"bias", channels, true, six_init_constant(0)}};
    const six_param running[] = {{"running_mean", channels, false, six_init_constant(0)},
                                 {"running_var", channels, false, six_init_constant(1)}};
    int32_t status = six_op_add_params(op, affine, a->affine ? 2 : 0);
    return status ? status : six_op_add_params(op, running, a->track_running_stats ? 2 : 0);
}

static void batchnorm_memory_reqs(const six_run *run, six_memory_reqs *n)
{
    int64_t channels = run->op->in[0].dim[0];
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
SIX_INLINE void batchnorm_channel_sums(const six_tile *tile, const real *x, int64_t positions, real scale,
                                       real out[BATCHNORM_SUMS])
{
    real sum[SIX_LANES], squares[SIX_LANES], centre[SIX_LANES];
    six_sums(x, positions, scale, sum);
    out[0] = batchnorm_active_sum(sum, tile->active) / (real)(tile->active * positions);
    for (int lane = 0; lane < SIX_LANES; lane++)
        centre[lane] = out[0];
    six_sums_centred(x, positions, scale, centre, sum, squares);
    out[1] = batchnorm_active_sum(sum, tile->active);
    out[2] = batchnorm_active_sum(squares, tile->active);
    out[3] = scale;
}

static void batchnorm_sum_forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t channels = op->in[0].dim[0], positions = batchnorm_positions(op);
    real *out = run->sums + tile->index * channels * BATCHNORM_SUMS;
    const real *x = tile->x[0];
    for (int64_t c = 0; c < channels; c++, x += positions * SIX_LANES, out += BATCHNORM_SUMS) {
        batchnorm_channel_sums(tile, x, positions, 1, out);
        if (!__builtin_isfinite(out[2]))
            batchnorm_channel_sums(tile, x, positions, SIX_FAR_SCALE, out);
    }
}

/* Mean and sum of squared differences of channel c over all tiles. An infinite mean is the sum of the tiles' means, as differences from
 * it are not numbers. */
static void batchnorm_join(const six_run *run, const six_tile *tiles, int64_t c, double *mean, double *squares)
{
    const six_op *op = run->op;
    double n = 0, means = 0;
    *mean = *squares = 0;
    for (int32_t i = 0; i < run->tiles; i++) {
        const real *in = run->sums + (i * op->in[0].dim[0] + c) * BATCHNORM_SUMS;
        double more = (double)(tiles[i].active * batchnorm_positions(op)), scale = (double)in[3];
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
static double batchnorm_observe(six_run *run, const six_tile *tiles, int64_t c, batchnorm_channel *channel)
{
    const six_op *op = run->op;
    const batchnorm *a = op->attr;
    double n = (double)(run->samples * batchnorm_positions(op)), squares;
    batchnorm_join(run, tiles, c, &channel->mean, &squares);
    if (a->track_running_stats) {
        real *mean = run->value[batchnorm_running(op)] + c, *variance = run->value[batchnorm_running(op) + 1] + c;
        *mean = (real)((1 - a->momentum) * (double)*mean + a->momentum * channel->mean);
        *variance = (real)((1 - a->momentum) * (double)*variance + a->momentum * squares / (n - 1));
    }
    return squares / n;
}

static int32_t batchnorm_begin_forward(six_run *run, six_tile *tiles)
{
    const six_op *op = run->op;
    const batchnorm *a = op->attr;
    batchnorm_channel *channels = run->shared;
    char in[160];
    if (!batchnorm_uses_batch(run) && !a->track_running_stats)
        return six_fail(SIXNET_UNSUPPORTED,
                        "%s: cannot evaluate without running statistics, as a sample's result would depend on the "
                        "others of its batch; use track_running_stats=true",
                        op->name);
    if (batchnorm_uses_batch(run) && run->samples < op->least_samples)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: expected more than one value per channel when training, but the batch is %" PRId64
                        " sample of %s; give it more samples",
                        op->name, run->samples, six_shape_text(&op->in[0], in));
    for (int64_t c = 0; c < op->in[0].dim[0]; c++) {
        batchnorm_channel *channel = channels + c;
        double variance;
        if (batchnorm_uses_batch(run)) {
            variance = batchnorm_observe(run, tiles, c, channel);
        } else {
            channel->mean = (double)run->value[batchnorm_running(op)][c];
            variance = (double)run->value[batchnorm_running(op) + 1][c];
        }
        channel->inverse = 1 / __builtin_sqrt(variance + a->eps);
        channel->centre = (real)channel->mean;
        channel->scale = (real)(channel->inverse * (a->affine ? (double)run->value[0][c] : 1));
        channel->shift = (real)((a->affine ? (double)run->value[1][c] : 0) - channel->mean * (double)channel->scale);
    }
    return SIXNET_OK;
}

static void batchnorm_forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const batchnorm_channel *channel = run->shared;
    int64_t channels = op->in[0].dim[0], size = batchnorm_positions(op) * SIX_LANES;
    const real *x = tile->x[0];
    real *y = tile->y[0];
    for (int64_t c = 0; c < channels; c++, channel++, x += size, y += size) {
        vec scale = six_set(channel->scale), shift = six_set(channel->shift);
        for (int64_t i = 0; i < size; i += SIX_WIDTH)
            six_store(y + i, six_fma(six_load(x + i), scale, shift));
    }
}

static void batchnorm_forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const batchnorm_channel *channel = run->shared;
    int64_t channels = op->in[0].dim[0], size = batchnorm_positions(op);
    const real *x = tile->x[0];
    real *y = tile->y[0];
    for (int64_t c = 0; c < channels; c++, channel++, x += size, y += size) {
        vec scale = six_set(channel->scale), shift = six_set(channel->shift);
        for (int64_t i = 0; i < size; i += SIX_WIDTH)
            six_store_first(y + i, six_fma(six_load(x + i), scale, shift), size - i);
    }
}

/* Lanes without a sample have dy = 0. */
static void batchnorm_sum_backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const batchnorm_channel *channel = run->shared;
    int64_t channels = op->in[0].dim[0], positions = batchnorm_positions(op);
    real sum[SIX_LANES], dot[SIX_LANES], centre[SIX_LANES];
    real *out = run->back_sums + tile->index * channels * BATCHNORM_BACK_SUMS;
    for (int64_t c = 0; c < channels; c++, channel++, out += BATCHNORM_BACK_SUMS) {
        int64_t first = c * positions * SIX_LANES;
        for (int lane = 0; lane < SIX_LANES; lane++)
            centre[lane] = channel->centre;
        six_sums_product(tile->dy[0] + first, tile->x[0] + first, positions, centre, sum, dot);
        out[0] = six_lane_sum(sum);
        out[1] = six_lane_sum(dot);
    }
}

static int32_t batchnorm_begin_backward(six_run *run, six_tile *tiles)
{
    const six_op *op = run->op;
    (void)tiles;
    const batchnorm *a = op->attr;
    int64_t channels = op->in[0].dim[0];
    double n = (double)(run->samples * batchnorm_positions(op));
    for (int64_t c = 0; c < channels; c++) {
        batchnorm_channel *channel = (batchnorm_channel *)run->shared + c;
        double sum = 0, dot = 0;
        for (int32_t i = 0; batchnorm_uses_batch(run) && i < run->tiles; i++) {
            const real *in = run->back_sums + (i * channels + c) * BATCHNORM_BACK_SUMS;
            sum += (double)in[0];
            dot += (double)in[1];
        }
        dot = (dot - (channel->mean - (double)channel->centre) * sum) * channel->inverse;
        if (a->affine && run->gradient[0])
            run->gradient[0][c] += (real)dot;
        if (a->affine && run->gradient[1])
            run->gradient[1][c] += (real)sum;
        double slope = batchnorm_uses_batch(run) ? -(double)channel->scale * channel->inverse * dot / n : 0;
        channel->slope = (real)slope;
        channel->offset =
            batchnorm_uses_batch(run) ? (real)(-slope * channel->mean - (double)channel->scale * sum / n) : 0;
    }
    return SIXNET_OK;
}

static void batchnorm_backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const batchnorm_channel *channel = run->shared;
    int64_t channels = op->in[0].dim[0], size = batchnorm_positions(op) * SIX_LANES;
    const real *x = tile->x[0], *dy = tile->dy[0];
    real *dx = tile->dx[0];
    if (!dx)
        return;
    for (int64_t c = 0; c < channels; c++, channel++, x += size, dy += size, dx += size) {
        vec scale = six_set(channel->scale), slope = six_set(channel->slope), offset = six_set(channel->offset);
        for (int64_t i = 0; i < size; i += SIX_WIDTH)
            six_store(dx + i, six_fma(six_load(dy + i), scale, six_fma(six_load(x + i), slope, offset)));
    }
    if (tile->active < SIX_LANES)
        for (int64_t i = 0; i < channels * size; i += SIX_LANES)
            memset(tile->dx[0] + i + tile->active, 0, (size_t)(SIX_LANES - tile->active) * sizeof *dx);
}

/* All but name, help, title and setup. */
#define BATCHNORM_FUNCTIONS                                                                                            \
    .prefix = "bn", .inputs_min = 1, .inputs_max = 1, .reads = SIX_READS_X, .in_place = true,                          \
    .accumulates_gradients = true, .memory_reqs = batchnorm_memory_reqs, .sum_forward = batchnorm_sum_forward,         \
    .begin_forward = batchnorm_begin_forward, .forward = batchnorm_forward, .forward_one = batchnorm_forward_one,      \
    .sum_backward = batchnorm_sum_backward, .begin_backward = batchnorm_begin_backward, .backward = batchnorm_backward

#endif
