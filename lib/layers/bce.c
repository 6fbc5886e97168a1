/* SPDX-License-Identifier: MIT */

/* bce: the sum of -(t log x + (1 - t) log(1 - x)) over all values of all samples, which are probabilities, as sigmoid gives them; both
 * logarithms are -100 at least. reduction=mean divides it by their number. bce_with_logits does the same of scores, and is more exact.
 *
 * dx = (x - t) / max(x (1 - x), 1e-12), divided likewise. As torch.nn.BCELoss.
 *
 * Each value classifies: it is right if x > 1/2 where t >= 1/2, and x <= 1/2 where t < 1/2. */

#include "layers/binary.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int32_t reduction;
} attributes;

static const six_attr attrs[] = {
    SIX_LOSS_REDUCTION(attributes),
    {.name = NULL},
};

/* NaN stays NaN. */
static vec bounded_ln(vec x) { return six_max(six_set(-100), six_ln(x)); }

static vec value(vec x, vec t, const void *attr, int64_t feature)
{
    (void)attr;
    (void)feature;
    return (t - 1) * bounded_ln(1 - x) - t * bounded_ln(x);
}

static vec derivative(vec x, vec t, const void *attr, int64_t feature)
{
    (void)attr;
    (void)feature;
    return (x - t) / six_max(six_set((real)1e-12), x * (1 - x));
}

static int32_t setup(six_op *op)
{
    op->targets = SIX_TARGETS_SHARES;
    op->classified = six_shape_size(&op->in[0]);
    return six_loss_setup(op, ((const attributes *)op->attr)->reduction);
}

/* An error of the tile for an input that is no probability; NaN is none, and shows in the loss. */
static void check_inputs(const six_op *op, six_tile *tile)
{
    const int64_t size = six_shape_size(&op->in[0]);
    for (int64_t i = 0; i < size; i++)
        for (int32_t lane = 0; lane < tile->active; lane++)
            if (tile->x[0][i * SIX_LANES + lane] < 0 || tile->x[0][i * SIX_LANES + lane] > 1)
                tile->error = "an input of bce is not from 0 to 1; put a sigmoid before it, or use bce_with_logits";
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    check_inputs(run->op, tile);
    six_loss_check_targets(run->op, tile, 1);
    six_loss_forward(run, tile, value);
    six_binary_count(run, tile, (real)0.5);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_loss_backward(run, tile, derivative);
}

SIX_LAYER(bce) = {
    .kind = {.name = "bce",
             .help = "the binary cross entropy of probabilities",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "BCELoss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(bce) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = six_loss_end_values,
    .backward = backward,
};
