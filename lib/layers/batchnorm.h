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

#include "base/status.h"
#include "layers/op.h"

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

static int64_t batchnorm_positions(const six_op *op) { return six_shape_size(&op->in[0]) / op->in[0].dim[0]; }

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

/* The kernels of both, from batchnorm.c. */
void SIX_PASTE(six_batchnorm_memory_reqs_, SIX_VARIANT)(const six_run *run, six_memory_reqs *n);
void SIX_PASTE(six_batchnorm_sum_forward_, SIX_VARIANT)(const six_run *run, six_tile *tile, void *scratch);
int32_t SIX_PASTE(six_batchnorm_begin_forward_, SIX_VARIANT)(six_run *run, six_tile *tiles);
void SIX_PASTE(six_batchnorm_forward_, SIX_VARIANT)(const six_run *run, six_tile *tile, void *scratch);
void SIX_PASTE(six_batchnorm_forward_one_, SIX_VARIANT)(const six_run *run, six_tile *tile, void *scratch);
void SIX_PASTE(six_batchnorm_sum_backward_, SIX_VARIANT)(const six_run *run, six_tile *tile, void *scratch);
int32_t SIX_PASTE(six_batchnorm_begin_backward_, SIX_VARIANT)(six_run *run, six_tile *tiles);
void SIX_PASTE(six_batchnorm_backward_, SIX_VARIANT)(const six_run *run, six_tile *tile, void *scratch);

#define six_batchnorm_memory_reqs SIX_PASTE(six_batchnorm_memory_reqs_, SIX_VARIANT)
#define six_batchnorm_sum_forward SIX_PASTE(six_batchnorm_sum_forward_, SIX_VARIANT)
#define six_batchnorm_begin_forward SIX_PASTE(six_batchnorm_begin_forward_, SIX_VARIANT)
#define six_batchnorm_forward SIX_PASTE(six_batchnorm_forward_, SIX_VARIANT)
#define six_batchnorm_forward_one SIX_PASTE(six_batchnorm_forward_one_, SIX_VARIANT)
#define six_batchnorm_sum_backward SIX_PASTE(six_batchnorm_sum_backward_, SIX_VARIANT)
#define six_batchnorm_begin_backward SIX_PASTE(six_batchnorm_begin_backward_, SIX_VARIANT)
#define six_batchnorm_backward SIX_PASTE(six_batchnorm_backward_, SIX_VARIANT)

/* What both descriptions have besides name, help, title and setup. */
#define BATCHNORM_DESCRIPTION                                                                                          \
    .prefix = "bn", .inputs_min = 1, .inputs_max = 1, .reads = SIX_READS_X, .in_place = true,                          \
    .accumulates_gradients = true

#define BATCHNORM_KERNELS                                                                                              \
    .memory_reqs = six_batchnorm_memory_reqs, .sum_forward = six_batchnorm_sum_forward,                                \
    .begin_forward = six_batchnorm_begin_forward, .forward = six_batchnorm_forward,                                    \
    .forward_one = six_batchnorm_forward_one, .sum_backward = six_batchnorm_sum_backward,                              \
    .begin_backward = six_batchnorm_begin_backward, .backward = six_batchnorm_backward

#endif
