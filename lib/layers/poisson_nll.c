/* SPDX-License-Identifier: MIT */

/* poisson_nll: the sum of exp(x) - t x over all values of all samples, for counts t whose expected value is exp(x); with log_input=false
 * that is x itself, and what is summed is x - t log(x + eps). full=true adds Stirling's approximation of log t! where t > 1:
 *
 *     t log t - t + log(2 pi t) / 2
 *
 * reduction=mean divides it by the number of values. dx = exp(x) - t, or 1 - t / (x + eps), divided likewise.
 * As torch.nn.PoissonNLLLoss. */

#include "layers/loss.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int32_t reduction, log_input, full;
    double eps;
} attributes;

static const six_attr attrs[] = {
    SIX_LOSS_REDUCTION(attributes),
    {"log_input", SIX_BOOL, offsetof(attributes, log_input), 0, 1, "true", NULL,
     "the input is the logarithm of the expected value"},
    {"full", SIX_BOOL, offsetof(attributes, full), 0, 1, "false", NULL, "add what depends on the target alone"},
    {"eps", SIX_FLOAT, offsetof(attributes, eps), SIX_ABOVE_ZERO, 1e30, "1e-8", NULL,
     "added to an input that is no logarithm"},
    {.name = NULL},
};

static vec stirling(vec t)
{
    const vec two_pi = six_set((real)6.283185307179586);
    return six_select(six_greater(t, six_set(1)), t * six_ln(t) - t + six_ln(two_pi * t) * (real)0.5, (vec){0});
}

static vec value(vec x, vec t, const void *attr, int64_t feature)
{
    const attributes *a = attr;
    (void)feature;
    vec loss = six_exp(x) - t * x;
    if (!a->log_input)
        loss = x - t * six_ln(x + (real)a->eps);
    if (a->full)
        loss += stirling(t);
    return loss;
}

static vec derivative(vec x, vec t, const void *attr, int64_t feature)
{
    const attributes *a = attr;
    (void)feature;
    if (a->log_input)
        return six_exp(x) - t;
    return 1 - t / (x + (real)a->eps);
}

static int32_t setup(six_op *op) { return six_loss_setup(op, ((const attributes *)op->attr)->reduction); }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_loss_check_targets(run->op, tile, SIX_INFINITY);
    six_loss_forward(run, tile, value);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_loss_backward(run, tile, derivative);
}

SIX_LAYER(poisson_nll) = {
    .kind = {.name = "poisson_nll",
             .help = "the negative log likelihood of counts",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "PoissonNLLLoss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(poisson_nll) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = six_loss_end_values,
    .backward = backward,
};
