/* SPDX-License-Identifier: MIT */

/* huber: with d = x - t, the sum of d^2 / 2 where |d| < delta, else delta (|d| - delta / 2), over all values of all samples;
 * reduction=mean divides it by their number.
 *
 * dx = d where |d| < delta, else delta times the sign of d, divided likewise. As torch.nn.HuberLoss. */

#include "layers/loss.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int32_t reduction;
    double delta;
} attributes;

static const six_attr attrs[] = {
    SIX_LOSS_REDUCTION(attributes),
    {"delta", SIX_FLOAT, offsetof(attributes, delta), SIX_ABOVE_ZERO, 1e30, "1", NULL,
     "the difference from which on the loss is linear"},
    {.name = NULL},
};

static real delta_of(const void *attr) { return (real)((const attributes *)attr)->delta; }

static vec value(vec x, vec t, const void *attr, int64_t feature)
{
    const real delta = delta_of(attr);
    const vec d = six_abs(x - t);
    (void)feature;
    return six_select(six_greater(six_set(delta), d), d * d * (real)0.5, (d - delta * (real)0.5) * delta);
}

static vec derivative(vec x, vec t, const void *attr, int64_t feature)
{
    const real delta = delta_of(attr);
    const vec d = x - t;
    (void)feature;
    return six_select(six_greater(six_set(delta), six_abs(d)), d, six_sign(d) * delta);
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

SIX_LAYER(huber) = {
    .kind = {.name = "huber",
             .help = "half the squared difference where it is small, else the absolute difference",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "HuberLoss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(huber) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = six_loss_end_values,
    .backward = backward,
};
