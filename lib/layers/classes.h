/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_CLASSES_H
#define SIX_LAYERS_CLASSES_H

/* What cross_entropy and nll share: the input is classes x positions..., as in PyTorch, with one class number as the target of each
 * position; an input of rank 1 is a single position. */

#include "layers/loss.h"

#define SIX_CLASS_WEIGHT(attributes)                                                                                   \
    {                                                                                                                  \
        "weight", SIX_LIST, offsetof(attributes, weight), 0, 1e30, "", NULL,                                           \
            "a weight for each class; without it all weigh 1"                                                          \
    }

SIX_INLINE int64_t six_class_positions(const six_op *op) { return six_shape_size(&op->in[0]) / op->in[0].dim[0]; }

SIX_INLINE real six_class_weight(const six_list *weights, int64_t class)
{
    return weights->count ? (real)weights->value[class] : 1;
}

/* For setup(). */
SIX_INLINE int32_t six_class_check(const six_op *op, const six_list *weights)
{
    const int64_t classes = op->in[0].dim[0];
    if (!weights->count || weights->count == classes)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_SHAPE, "%s: weight has %d numbers, but the input has %lld classes", op->name,
                    (int)weights->count, (long long)classes);
}

/* For setup(), where each position has a class. */
SIX_INLINE void six_class_setup(six_op *op, int32_t reduction)
{
    const six_shape *in = &op->in[0];
    op->targets = SIX_TARGETS_CLASSES;
    op->mean = reduction == SIX_LOSS_MEAN;
    op->classified = six_class_positions(op);
    op->out[0] = (six_shape){.rank = 1, .dim = {1}};
    if (in->rank > 1)
        op->out[0].rank = in->rank - 1;
    for (int32_t i = 1; i < in->rank; i++)
        op->out[0].dim[i - 1] = in->dim[i];
}

/* The classes of a position; 0, and an error of the tile, for what is none. */
SIX_INLINE void six_class_read(const six_op *op, six_tile *tile, int64_t position, int64_t class[SIX_LANES])
{
    const real *t = tile->target + position * SIX_LANES;
    for (int32_t i = 0; i < SIX_LANES; i++) {
        const bool in_range = i < tile->active && t[i] >= 0 && t[i] < (real)op->in[0].dim[0];
        class[i] = in_range ? (int64_t)t[i] : 0;
        if (i < tile->active && (real) class[i] != t[i])
            tile->error = "a target is not a class: a whole number from 0 to one less than the number of classes";
    }
}

/* The largest of each lane's values at a position, and the class of the first of them. */
SIX_INLINE vec six_class_largest(const real *x, int64_t classes, int64_t stride, ivec *first)
{
    vec largest = six_load(x);
    *first = (ivec){0};
    for (int64_t c = 1; c < classes; c++) {
        const vec v = six_load(x + c * stride);
        const ivec more = six_greater(v, largest);
        *first = (more & six_set_int((six_int)c)) | (*first & ~more);
        largest = six_max(v, largest);
    }
    return largest;
}

/* A tile's sums, lane by lane. */
typedef struct six_class_sums {
    double total[SIX_LANES], weight[SIX_LANES], correct[SIX_LANES];
} six_class_sums;

SIX_INLINE void six_class_store(const six_run *run, const six_tile *tile, const six_class_sums *s)
{
    real *sums = run->sums + (int64_t)tile->index * SIX_LOSS_GROUP_SUMS, lanes[SIX_LANES];
    for (int i = 0; i < SIX_LANES; i++)
        lanes[i] = (real)s->total[i];
    sums[SIX_LOSS_TOTAL] = six_loss_of_lanes(lanes, tile->active);
    for (int i = 0; i < SIX_LANES; i++)
        lanes[i] = (real)s->weight[i];
    sums[SIX_LOSS_WEIGHT] = six_loss_of_lanes(lanes, tile->active);
    for (int i = 0; i < SIX_LANES; i++)
        lanes[i] = (real)s->correct[i];
    sums[SIX_LOSS_CORRECT] = six_loss_of_lanes(lanes, tile->active);
}

/* For end_forward(): a mean divides by the weights of the samples' classes. */
SIX_INLINE void six_class_end(six_run *run)
{
    six_loss_end(run, six_loss_total(run, SIX_LOSS_WEIGHT), six_loss_total(run, SIX_LOSS_CORRECT));
}

#endif
