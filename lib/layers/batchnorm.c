/* SPDX-License-Identifier: MIT */

/* The kernels of batchnorm1d and batchnorm2d; see batchnorm.h. */

#include "layers/batchnorm.h"

#include <inttypes.h>
#include <string.h>

#include "layers/moments.h"

/* In op->shared, one for each channel. */
typedef struct batchnorm_channel {
    double mean, inverse;      /* of the batch; 1 / sqrt(variance + eps) */
    real centre, scale, shift; /* centre: the mean, rounded */
    real slope, offset;        /* of backward */
} batchnorm_channel;

enum { BATCHNORM_SUMS = 4, BATCHNORM_BACK_SUMS = 2 };

/* Whether mean and variance are the batch's; the running ones otherwise. */
static bool batchnorm_uses_batch(const six_run *run) { return run->training && !run->frozen; }

/* The index of running_mean; running_var is the next. */
static int batchnorm_running(const six_op *op) { return ((const batchnorm *)op->attr)->affine ? 2 : 0; }

void six_batchnorm_memory_reqs(const six_run *run, six_memory_reqs *n)
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

void six_batchnorm_sum_forward(const six_run *run, six_tile *tile, void *scratch)
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

int32_t six_batchnorm_begin_forward(six_run *run, six_tile *tiles)
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

void six_batchnorm_forward(const six_run *run, six_tile *tile, void *scratch)
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

void six_batchnorm_forward_one(const six_run *run, six_tile *tile, void *scratch)
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
void six_batchnorm_sum_backward(const six_run *run, six_tile *tile, void *scratch)
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

int32_t six_batchnorm_begin_backward(six_run *run, six_tile *tiles)
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

void six_batchnorm_backward(const six_run *run, six_tile *tile, void *scratch)
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
