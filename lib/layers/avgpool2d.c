/* SPDX-License-Identifier: MIT */

/* y[c][i][j] = the sum of the inputs in window (i, j), divided by the size of the window.
 *
 * As in PyTorch, that size counts the padding on both sides with count_include_pad, but never what ceil_mode reaches beyond it; without
 * count_include_pad, and in an adaptive pool, it is the number of inputs. */

#include <string.h>

#include "pooling.h"

#define WINDOW_ATTRS(type, axis, extent)                                                                               \
    SIX_POOL_WINDOW(type, axis, extent),                                                                               \
        SIX_POOL_FLAG(count_include_pad, "true", "whether the padding counts in the mean"),                            \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }
static const six_attr attrs2d[] = {WINDOW_ATTRS(SIX_PAIR, 0, "height and width")};
static const six_attr attrs1d[] = {WINDOW_ATTRS(SIX_INT, 1, "length")};
static const six_attr adaptive2d_attrs[] = {SIX_POOL_OUTPUT(SIX_PAIR, 0, "height and width")};
static const six_attr adaptive1d_attrs[] = {SIX_POOL_OUTPUT(SIX_INT, 1, "length")};

static int32_t setup2d(six_op *op) { return six_pool_setup(op, 3); }
static int32_t setup1d(six_op *op) { return six_pool_setup(op, 2); }

/* What window o covers on one axis, and how much of it counts. */
static six_interval interval(const six_pool *p, int axis, int64_t o, int64_t *counts)
{
    const int64_t far = p->in[axis] + p->padding[axis];
    const six_interval r = six_pool_interval(p, axis, o);
    *counts = r.end - r.begin;
    if (p->count_include_pad) {
        const int64_t start = o * p->stride[axis] - p->padding[axis], end = start + p->kernel_size[axis];
        *counts = (end < far ? end : far) - start;
    }
    return r;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_pool p = six_pool_of(run->op, run->op->in[0].rank);
    const int64_t image = p.in[0] * p.in[1] * SIX_LANES;
    int64_t high, wide;
    real *y = tile->y[0];
    (void)scratch;
    for (int64_t c = 0; c < p.channels; c++)
        for (int64_t i = 0; i < p.out[0]; i++) {
            const six_interval rows = interval(&p, 0, i, &high);
            for (int64_t j = 0; j < p.out[1]; j++, y += SIX_LANES) {
                const six_interval columns = interval(&p, 1, j, &wide);
                six_window_mean(tile->x[0] + c * image, p.in[1], rows, columns, (real)(high * wide), y);
            }
        }
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_pool p = six_pool_of(run->op, run->op->in[0].rank);
    const int64_t image = p.in[0] * p.in[1];
    int64_t high, wide;
    real *y = tile->y[0];
    (void)scratch;
    for (int64_t c = 0; c < p.channels; c++)
        for (int64_t i = 0; i < p.out[0]; i++) {
            const six_interval rows = interval(&p, 0, i, &high);
            for (int64_t j = 0; j < p.out[1]; j++) {
                const six_interval columns = interval(&p, 1, j, &wide);
                *y++ = six_window_mean_one(tile->x[0] + c * image, p.in[1], rows, columns, (real)(high * wide));
            }
        }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_pool p = six_pool_of(run->op, run->op->in[0].rank);
    const int64_t image = p.in[0] * p.in[1] * SIX_LANES;
    int64_t high, wide;
    const real *dy = tile->dy[0];
    (void)scratch;
    for (int64_t c = 0; tile->dx[0] && c < p.channels; c++) {
        real *dx = tile->dx[0] + c * image;
        memset(dx, 0, (size_t)image * sizeof *dx);
        for (int64_t i = 0; i < p.out[0]; i++) {
            const six_interval rows = interval(&p, 0, i, &high);
            for (int64_t j = 0; j < p.out[1]; j++, dy += SIX_LANES) {
                const six_interval columns = interval(&p, 1, j, &wide);
                six_window_spread(dy, (real)(high * wide), p.in[1], rows, columns, dx);
            }
        }
    }
}

#define DESCRIPTION .prefix = "avgpool", .inputs_min = 1, .inputs_max = 1
#define KERNELS .forward = forward, .forward_one = forward_one, .backward = backward

SIX_LAYER(avgpool1d) = {
    .kind = {"avgpool1d", "the mean of each window of a sequence", attrs1d, sizeof(six_pool_attrs)},
    .title = "AvgPool1d",
    .setup = setup1d,
    DESCRIPTION,
};

SIX_LAYER(avgpool2d) = {
    .kind = {"avgpool2d", "the mean of each window of an image", attrs2d, sizeof(six_pool_attrs)},
    .title = "AvgPool2d",
    .setup = setup2d,
    DESCRIPTION,
};

SIX_LAYER(adaptive_avgpool1d) = {
    .kind = {"adaptive_avgpool1d", "means over as many windows of a sequence as are asked for", adaptive1d_attrs,
             sizeof(six_pool_attrs)},
    .title = "AdaptiveAvgPool1d",
    .setup = setup1d,
    DESCRIPTION,
};

SIX_LAYER(adaptive_avgpool2d) = {
    .kind = {"adaptive_avgpool2d", "means over as many windows as are asked for", adaptive2d_attrs,
             sizeof(six_pool_attrs)},
    .title = "AdaptiveAvgPool2d",
    .setup = setup2d,
    DESCRIPTION,
};

SIX_KERNELS(avgpool1d) = {KERNELS};
SIX_KERNELS(avgpool2d) = {KERNELS};
SIX_KERNELS(adaptive_avgpool1d) = {KERNELS};
SIX_KERNELS(adaptive_avgpool2d) = {KERNELS};
