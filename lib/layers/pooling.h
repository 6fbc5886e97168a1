/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_POOLING_H
#define SIX_LAYERS_POOLING_H

/* The geometry of pooling, as PyTorch has it. On each axis, window o of a pool starts at o * stride - padding and has kernel taps that are
 * dilation apart; taps outside of the input are left out. The number of windows is
 *
 *     (input + 2 * padding - (dilation * (kernel - 1) + 1)) / stride + 1
 *
 * rounded down, or with ceil_mode up, where a last window that would start in the padding on the far side is dropped.
 *
 * Adaptive pools have as many windows as are asked for: window o has the inputs from floor(o * input / windows) up to
 * ceil((o + 1) * input / windows), not included. They may overlap.
 *
 * A pool of one dimension is one of two on images of height 1. */

#include <inttypes.h>

#include "base/status.h"
#include "op.h"

#define SIX_WINDOW_LIMIT 1048576

/* Attributes of all pools: of one dimension the second of two numbers. A pool leaves those that it does not have 0. */
typedef struct six_pool_attrs {
    int64_t kernel_size[2], stride[2], padding[2], dilation[2], output_size[2];
    int32_t ceil_mode, count_include_pad;
} six_pool_attrs;

/* Rows of attributes. type: of a number for each dimension; axis: the first of them. */
#define SIX_POOL_ROW(name, type, axis, low, text, help)                                                                \
    {                                                                                                                  \
#name, type, offsetof(six_pool_attrs, name[axis]), low, SIX_WINDOW_LIMIT, text, NULL, help                     \
    }
#define SIX_POOL_FLAG(name, text, help)                                                                                \
    {                                                                                                                  \
#name, SIX_BOOL, offsetof(six_pool_attrs, name), 0, 1, text, NULL, help                                        \
    }
#define SIX_POOL_WINDOW(type, axis, extent)                                                                            \
    SIX_POOL_ROW(kernel_size, type, axis, 1, NULL, extent " of the window"),                                           \
        SIX_POOL_ROW(stride, type, axis, 0, "0", "step from one window to the next; 0 means kernel_size"),             \
        SIX_POOL_ROW(padding, type, axis, 0, "0",                                                                      \
                     "how far windows reach over each edge of the input; at most half of kernel_size"),                \
        SIX_POOL_FLAG(ceil_mode, "false", "whether a last window that the input fills in part is kept")
#define SIX_POOL_OUTPUT(type, axis, extent)                                                                            \
    SIX_POOL_ROW(output_size, type, axis, 1, NULL, extent " of the output"), { .name = NULL }

/* A pool of images of `in` rows and columns. */
typedef struct six_pool {
    int64_t channels, in[2], out[2];
    int64_t kernel_size[2], stride[2], padding[2], dilation[2];
    bool adaptive, ceil_mode, count_include_pad;
} six_pool;

/* The inputs begin, begin + dilation, ... below end, on one axis. */
typedef struct six_interval {
    int64_t begin, end;
} six_interval;

/* For inputs of channels x length, rank 2, or channels x height x width, rank 3. */
static inline six_pool six_pool_of(const six_op *op, int32_t rank)
{
    const six_pool_attrs *a = op->attr;
    six_pool p = {.channels = op->in[0].dim[0],
                  .in = {1, 1},
                  .out = {1, 1},
                  .kernel_size = {1, 1},
                  .stride = {1, 1},
                  .dilation = {1, 1},
                  .adaptive = a->output_size[1] > 0,
                  .ceil_mode = a->ceil_mode,
                  .count_include_pad = a->count_include_pad};
    for (int axis = 3 - rank; axis < 2; axis++) {
        p.in[axis] = op->in[0].dim[axis + rank - 2];
        p.out[axis] = op->out[0].dim[axis + rank - 2];
        p.kernel_size[axis] = a->kernel_size[axis];
        p.stride[axis] = a->stride[axis] ? a->stride[axis] : a->kernel_size[axis];
        p.padding[axis] = a->padding[axis];
        p.dilation[axis] = a->dilation[axis] ? a->dilation[axis] : 1;
    }
    return p;
}

/* What window o covers of an axis. */
static inline six_interval six_pool_interval(const six_pool *p, int axis, int64_t o)
{
    const int64_t in = p->in[axis], out = p->out[axis], dilation = p->dilation[axis];
    if (p->adaptive)
        return (six_interval){o * in / out, ((o + 1) * in + out - 1) / out};
    const int64_t start = o * p->stride[axis] - p->padding[axis],
                  end = start + dilation * (p->kernel_size[axis] - 1) + 1;
    const int64_t outside = start < 0 ? (-start + dilation - 1) / dilation : 0;
    return (six_interval){start + outside * dilation, end < in ? end : in};
}

/* The number of windows on an axis; 0 or less if none fits. */
static inline int64_t six_pool_count(const six_pool *p, int axis)
{
    const int64_t in = p->in[axis], stride = p->stride[axis], padding = p->padding[axis];
    int64_t space = in + 2 * padding - (p->dilation[axis] * (p->kernel_size[axis] - 1) + 1);
    if (p->ceil_mode)
        space += stride - 1;
    if (space < 0)
        return 0;
    const int64_t count = space / stride + 1;
    return p->ceil_mode && (count - 1) * stride >= in + padding ? count - 1 : count;
}

/* Checks a window against an axis of the input. Windows without any tap inside of the input are refused. */
static inline int32_t six_pool_check(const six_op *op, const six_pool *p, int axis, const char *name)
{
    const int64_t kernel = p->kernel_size[axis], padding = p->padding[axis];
    char in[160];
    if (padding > kernel / 2)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: padding %" PRId64 " is more than half of kernel_size %" PRId64
                        " (%s); use at most %" PRId64,
                        op->name, padding, kernel, name, kernel / 2);
    if (six_pool_count(p, axis) < 1 || (padding > 0 && p->dilation[axis] > p->in[axis]))
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: a window of %s %" PRId64 " does not fit into the input %s with padding %" PRId64
                        "; use a smaller kernel_size or dilation",
                        op->name, name, p->dilation[axis] * (kernel - 1) + 1, six_shape_text(&op->in[0], in), padding);
    return SIXNET_OK;
}

/* Sets the output's shape. */
static inline int32_t six_pool_setup(six_op *op, int32_t rank)
{
    static const char *const axes[2] = {"height", "width"};
    const six_pool_attrs *a = op->attr;
    char in[160];
    if (op->in[0].rank != rank)
        return six_fail(SIXNET_BAD_SHAPE, "%s: pools channels x %s, but the input is %s", op->name,
                        rank == 3 ? "height x width" : "length", six_shape_text(&op->in[0], in));
    op->out[0] = op->in[0];
    const six_pool p = six_pool_of(op, rank);
    for (int axis = 3 - rank; axis < 2; axis++) {
        const int32_t status = p.adaptive ? SIXNET_OK : six_pool_check(op, &p, axis, rank == 3 ? axes[axis] : "length");
        if (status)
            return status;
        op->out[0].dim[axis + rank - 2] = p.adaptive ? a->output_size[axis] : six_pool_count(&p, axis);
    }
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output for an input of %s is too large", op->name,
                        six_shape_text(&op->in[0], in));
    return SIXNET_OK;
}

/* The sums of a rectangle of an image `width` wide, lane by lane, divided by divisor. */
SIX_INLINE void six_window_mean(const real *x, int64_t width, six_interval rows, six_interval columns, real divisor,
                                real *y)
{
    for (int part = 0; part < SIX_PARTS; part++, x += SIX_WIDTH, y += SIX_WIDTH) {
        vec sum = {0};
        for (int64_t row = rows.begin; row < rows.end; row++)
            for (int64_t column = columns.begin; column < columns.end; column++)
                sum += six_load(x + (row * width + column) * SIX_LANES);
        six_store(y, sum / six_set(divisor));
    }
}

/* The same of one sample. */
SIX_INLINE real six_window_mean_one(const real *x, int64_t width, six_interval rows, six_interval columns, real divisor)
{
    real sum = 0;
    for (int64_t row = rows.begin; row < rows.end; row++)
        for (int64_t column = columns.begin; column < columns.end; column++)
            sum += x[row * width + column];
    return sum / divisor;
}

/* Its counterpart: adds dy / divisor to every value of the rectangle. */
SIX_INLINE void six_window_spread(const real *dy, real divisor, int64_t width, six_interval rows, six_interval columns,
                                  real *dx)
{
    for (int part = 0; part < SIX_PARTS; part++, dx += SIX_WIDTH, dy += SIX_WIDTH) {
        vec share = six_load(dy) / six_set(divisor);
        for (int64_t row = rows.begin; row < rows.end; row++)
            for (int64_t column = columns.begin; column < columns.end; column++) {
                real *p = dx + (row * width + column) * SIX_LANES;
                six_store(p, six_load(p) + share);
            }
    }
}

#endif
