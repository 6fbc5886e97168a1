/* SPDX-License-Identifier: MIT */

/* softmax: y_k = exp(x_k) / sum_j exp(x_j) along dim, computed with x - max(x) so that nothing overflows.
 *
 * dx_k = y_k (dy_k - sum_j dy_j y_j). As torch.nn.Softmax, with dim counted without the batch. */

#include "layers/softmax_common.h"

static void value(six_tile *tile, int64_t offset, int64_t size, int64_t stride)
{
    const real *x = tile->x[0] + offset;
    real *y = tile->y[0] + offset;
    const vec largest = six_softmax_largest(x, size, stride);
    vec sum = {0};
    for (int64_t k = 0; k < size; k++) {
        const vec e = six_exp(six_load(x + k * stride) - largest);
        six_store(y + k * stride, e);
        sum += e;
    }
    const vec factor = 1 / sum;
    for (int64_t k = 0; k < size; k++)
        six_store(y + k * stride, six_load(y + k * stride) * factor);
}

static void derivative(six_tile *tile, int64_t offset, int64_t size, int64_t stride)
{
    const real *y = tile->y[0] + offset, *dy = tile->dy[0] + offset;
    real *dx = tile->dx[0] + offset;
    vec sum = {0};
    for (int64_t k = 0; k < size; k++)
        sum = six_fma(six_load(dy + k * stride), six_load(y + k * stride), sum);
    for (int64_t k = 0; k < size; k++)
        six_store(dx + k * stride, six_load(y + k * stride) * (six_load(dy + k * stride) - sum));
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

SIX_LAYER(softmax) = {
    .kind = {.name = "softmax",
             .help = "exp(x) divided by its sum along a dimension",
             .attrs = six_softmax_attrs,
             .size = sizeof(six_softmax)},
    .title = "Softmax",
    .prefix = "softmax",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_Y,
    .in_place = true,
    .probabilities = true,
    .setup = six_softmax_setup,
};

SIX_KERNELS(softmax) = {
    .forward = forward,
    .backward = backward,
};
