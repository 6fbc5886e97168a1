/* SPDX-License-Identifier: MIT */

/* log_softmax: y_k = x_k - log(sum_j exp(x_j)) along dim, computed with x - max(x) so that nothing overflows.
 *
 * dx_k = dy_k - exp(y_k) sum_j dy_j. As torch.nn.LogSoftmax, with dim counted without the batch. */

#include "layers/softmax_common.h"

static void value(six_tile *tile, int64_t offset, int64_t size, int64_t stride)
{
    const real *x = tile->x[0] + offset;
    real *y = tile->y[0] + offset;
    const vec largest = six_softmax_largest(x, size, stride);
    vec sum = {0};
    for (int64_t k = 0; k < size; k++)
        sum += six_exp(six_load(x + k * stride) - largest);
    const vec log_sum = six_ln(sum);
    for (int64_t k = 0; k < size; k++)
        six_store(y + k * stride, six_load(x + k * stride) - largest - log_sum);
}

static void derivative(six_tile *tile, int64_t offset, int64_t size, int64_t stride)
{
    const real *y = tile->y[0] + offset, *dy = tile->dy[0] + offset;
    real *dx = tile->dx[0] + offset;
    vec sum = {0};
    for (int64_t k = 0; k < size; k++)
        sum += six_load(dy + k * stride);
    for (int64_t k = 0; k < size; k++)
        six_store(dx + k * stride, six_fma(-six_exp(six_load(y + k * stride)), sum, six_load(dy + k * stride)));
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_softmax_each(run->op, tile, value);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (tile->dx[0])
        six_softmax_each(run->op, tile, derivative);
}

SIX_LAYER(log_softmax) = {
    .kind = {.name = "log_softmax",
             .help = "the logarithm of softmax",
             .attrs = six_softmax_attrs,
             .size = sizeof(six_softmax)},
    .title = "LogSoftmax",
    .prefix = "log_softmax",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_Y,
    .in_place = true,
    .setup = six_softmax_setup,
};

SIX_KERNELS(log_softmax) = {
    .forward = forward,
    .backward = backward,
};
