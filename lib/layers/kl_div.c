/* SPDX-License-Identifier: MIT */

/* kl_div: the sum of t (log t - x) over all values of all samples, where x are logarithms of probabilities (from log_softmax) and t
 * probabilities, 0 where t = 0; with log_target=true the target is log t. reduction=mean divides it by the number of values, batchmean, the
 * divergence as it is defined, by that of samples.
 *
 * dx = -t, divided likewise. As torch.nn.KLDivLoss. */

#include "layers/loss.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int32_t reduction, log_target;
} attributes;

enum { BATCHMEAN = SIX_LOSS_SUM + 1 };

static const six_attr attrs[] = {
    {"reduction", SIX_CHOICE, offsetof(attributes, reduction), 0, 0, "mean", "mean sum batchmean",
     "whether to average over values, to add up, or to average over samples"},
    {"log_target", SIX_BOOL, offsetof(attributes, log_target), 0, 1, "false", NULL,
     "the targets are logarithms of probabilities"},
    {.name = NULL},
};

static vec value(vec x, vec t, const void *attr, int64_t feature)
{
    (void)feature;
    if (((const attributes *)attr)->log_target)
        return six_exp(t) * (t - x);
    return six_select(six_greater(t, (vec){0}), t * six_ln(t), (vec){0}) - t * x;
}

static vec derivative(vec x, vec t, const void *attr, int64_t feature)
{
    (void)x;
    (void)feature;
    if (((const attributes *)attr)->log_target)
        return -six_exp(t);
    return -t;
}

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    if (!a->log_target)
        op->targets = SIX_TARGETS_SHARES;
    return six_loss_setup(op, a->reduction == BATCHMEAN ? SIX_LOSS_MEAN : a->reduction);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (!((const attributes *)run->op->attr)->log_target)
        six_loss_check_targets(run->op, tile, 1);
    six_loss_forward(run, tile, value);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_loss_backward(run, tile, derivative);
}

static void end_forward(six_run *run)
{
    if (((const attributes *)run->op->attr)->reduction == BATCHMEAN)
        six_loss_end(run, (double)run->samples, (double)NAN);
    else
        six_loss_end_values(run);
}

SIX_LAYER(kl_div) = {
    .kind = {.name = "kl_div",
             .help = "the Kullback-Leibler divergence of log probabilities from the target",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "KLDivLoss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(kl_div) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = end_forward,
    .backward = backward,
};
