/* SPDX-License-Identifier: MIT */

/* mse: the sum of (x - t)^2 over all values of all samples; reduction=mean divides it by their number, half_sum by 2.
 *
 * dx = 2 (x - t), divided likewise. As torch.nn.MSELoss, which has no half_sum. */

#include "layers/loss.h"

enum { HALF_SUM = SIX_LOSS_SUM + 1 };

typedef struct attributes {
    int32_t reduction;
} attributes;

static const six_attr attrs[] = {
    {"reduction", SIX_CHOICE, offsetof(attributes, reduction), 0, 0, "mean", "mean sum half_sum",
     "whether to average, to add up, or to add up and halve"},
    {.name = NULL},
};

static vec value(vec x, vec t, const void *attr, int64_t feature)
{
    (void)feature;
    const vec d = x - t;
    return d * d * (((const attributes *)attr)->reduction == HALF_SUM ? (real)0.5 : 1);
}

static vec derivative(vec x, vec t, const void *attr, int64_t feature)
{
    (void)feature;
    const vec d = x - t;
    return d * (real)(((const attributes *)attr)->reduction == HALF_SUM ? 1 : 2);
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

SIX_LAYER(mse) = {
    .kind = {.name = "mse", .help = "the squared difference", .attrs = attrs, .size = sizeof(attributes)},
    .title = "MSELoss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(mse) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = six_loss_end_values,
    .backward = backward,
};
