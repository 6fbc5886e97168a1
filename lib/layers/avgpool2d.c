/* SPDX-License-Identifier: MIT */

/* y[c][i][j] = the sum of the inputs in window (i, j), divided by the size of the window.
 *
 * As in PyTorch, that size counts the padding on both sides with count_include_pad, but never what ceil_mode reaches beyond it; without
 * count_include_pad it is the number of inputs. */

#include <string.h>

#include "pooling.h"

typedef struct attributes {
    six_window window;
    int32_t count_include_pad;
} attributes;

static const six_attr attrs[] = {
    SIX_WINDOW_ATTRS(attributes),
    {"count_include_pad", SIX_BOOL, offsetof(attributes, count_include_pad), 0, 1, "true", NULL,
     "whether the padding counts in the mean"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    return six_window_setup(op, &a->window, (const int64_t[2]){1, 1});
}

/* What window o covers on one axis, and how much of it counts. */
SIX_INLINE six_interval interval(const six_op *op, int axis, int64_t o, int64_t *counts)
{
    const attributes *a = op->attr;
    int64_t in = op->in[0].dim[1 + axis], padding = a->window.padding[axis];
    six_interval r = six_window_interval(&a->window, axis, 1, in, o);
    *counts = r.end - r.begin;
    if (a->count_include_pad) {
        int64_t start = o * six_window_stride(&a->window, axis) - padding, end = start + a->window.kernel_size[axis];
        *counts = (end < in + padding ? end : in + padding) - start;
    }
    return r;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t width = op->in[0].dim[2], image = op->in[0].dim[1] * width * SIX_LANES, high, wide;
    real *y = tile->y[0];
    for (int64_t c = 0; c < op->out[0].dim[0]; c++)
        for (int64_t i = 0; i < op->out[0].dim[1]; i++) {
            six_interval rows = interval(op, 0, i, &high);
            for (int64_t j = 0; j < op->out[0].dim[2]; j++, y += SIX_LANES) {
                six_interval columns = interval(op, 1, j, &wide);
                six_window_mean(tile->x[0] + c * image, width, rows, columns, (real)(high * wide), y);
            }
        }
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t width = op->in[0].dim[2], image = op->in[0].dim[1] * width, high, wide;
    real *y = tile->y[0];
    for (int64_t c = 0; c < op->out[0].dim[0]; c++)
        for (int64_t i = 0; i < op->out[0].dim[1]; i++) {
            six_interval rows = interval(op, 0, i, &high);
            for (int64_t j = 0; j < op->out[0].dim[2]; j++) {
                six_interval columns = interval(op, 1, j, &wide);
                *y++ = six_window_mean_one(tile->x[0] + c * image, width, rows, columns, (real)(high * wide));
            }
        }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t width = op->in[0].dim[2], image = op->in[0].dim[1] * width * SIX_LANES, high, wide;
    const real *dy = tile->dy[0];
    if (!tile->dx[0])
        return;
    for (int64_t c = 0; c < op->out[0].dim[0]; c++) {
        real *dx = tile->dx[0] + c * image;
        memset(dx, 0, (size_t)image * sizeof *dx);
        for (int64_t i = 0; i < op->out[0].dim[1]; i++) {
            six_interval rows = interval(op, 0, i, &high);
            for (int64_t j = 0; j < op->out[0].dim[2]; j++, dy += SIX_LANES) {
                six_interval columns = interval(op, 1, j, &wide);
                six_window_spread(dy, (real)(high * wide), width, rows, columns, dx);
            }
        }
    }
}

SIX_LAYER(avgpool2d) = {
    .kind = {"avgpool2d", "the mean of each window of an image", attrs, sizeof(attributes)},
    .title = "AvgPool2d",
    .prefix = "avgpool",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
};

SIX_KERNELS(avgpool2d) = {
    .forward = forward,
    .forward_one = forward_one,
    .backward = backward,
};
