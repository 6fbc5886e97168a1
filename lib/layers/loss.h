/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_LOSS_H
#define SIX_LAYERS_LOSS_H

/* What the losses share: how they add up, and the loops of losses that compare value by value.
 *
 * A tile's forward writes its sums; end_forward adds those of all tiles in double and leaves in op->shared the factor that turns the
 * derivative of one value's loss into that of the whole: 1 / weight if reduction=mean and the pass is a whole batch, else 1. */

#include <math.h>

#include "base/status.h"
#include "layers/op.h"

enum {
    SIX_LOSS_TOTAL,   /* of the losses */
    SIX_LOSS_WEIGHT,  /* of the samples' weights, where they have any */
    SIX_LOSS_CORRECT, /* how many positions were classified right, of a loss that classifies some */
    SIX_LOSS_GROUP_SUMS
};

enum { SIX_LOSS_MEAN, SIX_LOSS_SUM };

#define SIX_LOSS_REDUCTION(attributes)                                                                                 \
    {                                                                                                                  \
        "reduction", SIX_CHOICE, offsetof(attributes, reduction), 0, 0, "mean", "mean sum",                            \
            "whether to add up or to average"                                                                          \
    }

/* A sum of many, one for each lane, that keeps what rounding would lose (Kahan). */
typedef struct six_loss_sum {
    vec sum, lost;
} six_loss_sum;

SIX_INLINE void six_loss_add(six_loss_sum *s, vec a)
{
    const vec addend = a - s->lost, sum = s->sum + addend;
    s->lost = (sum - s->sum) - addend;
    s->sum = sum;
}

/* An error of the tile for a target that is not from 0 to most, which is 1 or infinity. */
SIX_INLINE void six_loss_check_targets(const six_op *op, six_tile *tile, real most)
{
    const int64_t size = six_shape_size(&op->in[0]);
    for (int64_t i = 0; i < size; i++)
        for (int32_t lane = 0; lane < tile->active; lane++)
            if (!(tile->target[i * SIX_LANES + lane] >= 0 && tile->target[i * SIX_LANES + lane] <= most))
                tile->error =
                    most == 1 ? "a target is not a number from 0 to 1" : "a target is not a number of 0 or more";
}

/* The sum over the lanes below active. */
SIX_INLINE real six_loss_of_lanes(const real *lanes, int32_t active)
{
    real counted[SIX_LANES];
    for (int i = 0; i < SIX_LANES; i++)
        counted[i] = i < active ? lanes[i] : 0;
    return six_lane_sum(counted);
}

/* For memory_reqs(). */
SIX_INLINE void six_loss_memory_reqs(const six_run *run, six_memory_reqs *n)
{
    (void)run;
    n->sums = SIX_LOSS_GROUP_SUMS;
    n->shared = sizeof(double);
}

/* One of the sums over all tiles. */
SIX_INLINE double six_loss_total(const six_run *run, int which)
{
    double total = 0;
    for (int32_t i = 0; i < run->tiles; i++)
        total += (double)run->sums[(int64_t)i * SIX_LOSS_GROUP_SUMS + which];
    return total;
}

/* For end_forward(). A shard's gradient is that of its total, since the weight of the whole batch is not known yet. */
SIX_INLINE void six_loss_end(six_run *run, double weight, double correct)
{
    run->loss = (six_loss_sums){six_loss_total(run, SIX_LOSS_TOTAL), weight, correct};
    *(double *)run->shared = run->op->mean && !run->shard ? 1 / weight : 1;
}

/* The loss of one value x with target t, and its derivative by x; feature is its place in the sample. */
typedef vec six_loss_function(vec x, vec t, const void *attributes, int64_t feature);

/* For setup(). */
SIX_INLINE int32_t six_loss_setup(six_op *op, int32_t reduction)
{
    op->out[0] = op->in[0];
    op->mean = reduction == SIX_LOSS_MEAN;
    return SIXNET_OK;
}

/* What is lost of an infinite sum is infinity less infinity: such lanes are added up anew, without. */
SIX_INLINE void six_loss_forward_plain(const six_op *op, const six_tile *tile, six_loss_function *f,
                                       real lanes[SIX_LANES])
{
    const int64_t size = six_shape_size(&op->in[0]);
    for (int32_t part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        const vec kept = six_load(lanes + part);
        vec sum = {0};
        for (int64_t i = 0; i < size; i++)
            sum += f(six_load(tile->x[0] + i * SIX_LANES + part), six_load(tile->target + i * SIX_LANES + part),
                     op->attr, i);
        six_store(lanes + part, six_select((ivec)(kept - kept == 0), kept, sum));
    }
}

SIX_INLINE void six_loss_forward(const six_run *run, six_tile *tile, six_loss_function *f)
{
    const six_op *op = run->op;
    const int64_t size = six_shape_size(&op->in[0]);
    const real *x = tile->x[0], *t = tile->target;
    real lanes[SIX_LANES];
    bool finite = true;
    for (int32_t part = 0; part < SIX_PARTS; part++) {
        six_loss_sum s = {{0}, {0}};
        for (int64_t i = 0; i < size; i++) {
            const int64_t at = i * SIX_LANES + part * SIX_WIDTH;
            six_loss_add(&s, f(six_load(x + at), six_load(t + at), op->attr, i));
        }
        six_store(lanes + part * SIX_WIDTH, s.sum);
    }
    for (int32_t i = 0; i < tile->active; i++)
        finite = finite && isfinite(lanes[i]);
    if (!finite)
        six_loss_forward_plain(op, tile, f, lanes);
    run->sums[(int64_t)tile->index * SIX_LOSS_GROUP_SUMS + SIX_LOSS_TOTAL] = six_loss_of_lanes(lanes, tile->active);
}

/* For end_forward(): a mean is over all values. */
SIX_INLINE void six_loss_end_values(six_run *run)
{
    const double correct = run->op->classified ? six_loss_total(run, SIX_LOSS_CORRECT) : (double)NAN;
    six_loss_end(run, (double)run->samples * (double)six_shape_size(&run->op->in[0]), correct);
}

/* The factor in the lanes of one part that are below active, else 0. */
SIX_INLINE vec six_loss_factor(const six_run *run, int32_t active, int32_t part)
{
    static const real number[SIX_LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const ivec counts = six_greater(six_set((real)active), six_load(number + part * SIX_WIDTH));
    return six_select(counts, six_set((real) * (const double *)run->shared), (vec){0});
}

SIX_INLINE void six_loss_backward(const six_run *run, six_tile *tile, six_loss_function *derivative)
{
    const six_op *op = run->op;
    const int64_t size = six_shape_size(&op->in[0]);
    const real *x = tile->x[0], *t = tile->target;
    real *dx = tile->dx[0];
    for (int32_t part = 0; dx && part < SIX_PARTS; part++) {
        const vec factor = six_loss_factor(run, tile->active, part);
        for (int64_t i = 0; i < size; i++) {
            const int64_t at = i * SIX_LANES + part * SIX_WIDTH;
            six_store(dx + at, derivative(six_load(x + at), six_load(t + at), op->attr, i) * factor);
        }
    }
}

#endif
