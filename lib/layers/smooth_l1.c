/* SPDX-License-Identifier: MIT */

/* smooth_l1: with d = x - t, the sum of d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, over all values of all samples;
 * reduction=mean divides it by their number.
 *
 * dx = d / beta where |d| < beta, else the sign of d, divided likewise. As torch.nn.SmoothL1Loss; beta=0 is l1. */

#include "layers/loss.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int32_t reduction;
    double beta;
} attributes;

static const six_attr attrs[] = {
    SIX_LOSS_REDUCTION(attributes),
    {"beta", SIX_FLOAT, offsetof(attributes, beta), 0, 1e30, "1", NULL,
     "the difference from which on the loss is linear"},
    {.name = NULL},
};

static vec value(vec x, vec t, const void *attr, int64_t feature)
{
    (void)feature;
    const real beta = (real)((const attributes *)attr)->beta;
    const vec d = six_abs(x - t);
    return six_select(six_greater(six_set(beta), d), d * (d / beta) * (real)0.5, d - beta * (real)0.5);
}

static vec derivative(vec x, vec t, const void *attr, int64_t feature)
{
    (void)feature;
    const real beta = (real)((const attributes *)attr)->beta;
    const vec d = x - t;
    return six_select(six_greater(six_set(beta), six_abs(d)), d / beta, six_sign(d));
}

static int32_t setup(six_op *op) { return six_loss_setup(op, ((const attributes *)op->attr)->reduction); }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_loss_forward(run, tile, value);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_loss_backward(run, tile, derivative);
}

SIX_LAYER(smooth_l1) = {
    .kind = {.name = "smooth_l1",
             .help = "the squared difference where it is small, else the absolute difference",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "SmoothL1Loss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(smooth_l1) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = six_loss_end_values,
    .backward = backward,
};
