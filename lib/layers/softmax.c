/* SPDX-License-Identifier: MIT */

/* softmax: y_k = exp(x_k) / sum_j exp(x_j) along dim, computed with x - max(x) so that nothing overflows. softmin: that of -x.
 *
 * dx_k = y_k (dy_k - sum_j dy_j y_j), of softmin minus that. As torch.nn.Softmax and torch.nn.Softmin, with dim counted without the batch. */

#include "layers/softmax_common.h"

SIX_INLINE void normalize(const real *x, real *y, int64_t size, int64_t stride)
{
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

static void value(six_tile *tile, int64_t offset, int64_t size, int64_t stride)
{
    normalize(tile->x[0] + offset, tile->y[0] + offset, size, stride);
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

SIX_INLINE void negate(const real *from, real *to, int64_t size, int64_t stride)
{
    for (int64_t k = 0; k < size; k++)
        six_store(to + k * stride, -six_load(from + k * stride));
}

static void softmin_value(six_tile *tile, int64_t offset, int64_t size, int64_t stride)
{
    real *y = tile->y[0] + offset;
    negate(tile->x[0] + offset, y, size, stride);
    normalize(y, y, size, stride);
}

static void softmin_derivative(six_tile *tile, int64_t offset, int64_t size, int64_t stride)
{
    real *dx = tile->dx[0] + offset;
    derivative(tile, offset, size, stride);
    negate(dx, dx, size, stride);
}

static void softmin_forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_softmax_each(run->op, tile, softmin_value);
}

static void softmin_backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (tile->dx[0])
        six_softmax_each(run->op, tile, softmin_derivative);
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

SIX_LAYER(softmin) = {
    .kind = {.name = "softmin",
             .help = "exp(-x) divided by its sum along a dimension",
             .attrs = six_softmax_attrs,
             .size = sizeof(six_softmax)},
    .title = "Softmin",
    .prefix = "softmin",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_Y,
    .in_place = true,
    .probabilities = true,
    .setup = six_softmax_setup,
};

SIX_KERNELS(softmin) = {
    .forward = softmin_forward,
    .backward = softmin_backward,
};
