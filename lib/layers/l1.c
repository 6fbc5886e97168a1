/* SPDX-License-Identifier: MIT */

/* l1: the sum of |x - t| over all values of all samples; reduction=mean divides it by their number.
 *
 * dx = 1 where x > t, -1 where x < t, else 0, divided likewise. As torch.nn.L1Loss. */

#include "layers/loss.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int32_t reduction;
} attributes;

static const six_attr attrs[] = {
    SIX_LOSS_REDUCTION(attributes),
    {.name = NULL},
};

static vec value(vec x, vec t, const void *attr, int64_t feature)
{
    (void)attr, (void)feature;
    return six_abs(x - t);
}

static vec derivative(vec x, vec t, const void *attr, int64_t feature)
{
    (void)attr, (void)feature;
    return six_sign(x - t);
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

SIX_LAYER(l1) = {
    .kind = {.name = "l1", .help = "the absolute difference", .attrs = attrs, .size = sizeof(attributes)},
    .title = "L1Loss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(l1) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = six_loss_end_values,
    .backward = backward,
};
