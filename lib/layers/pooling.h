/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_POOLING_H
#define SIX_LAYERS_POOLING_H

/* The geometry of pooling, as PyTorch has it. On each axis, window o of a pool starts at o * stride - padding and has kernel taps that are
 * dilation apart; taps outside of the input are left out. The number of windows is
 *
 *     (input + 2 * padding - (dilation * (kernel - 1) + 1)) / stride + 1
 *
 * rounded down, or with ceil_mode up, where a last window that would start in the padding on the far side is dropped. */

#include <inttypes.h>

#include "base/status.h"
#include "op.h"

typedef struct six_window {
    int64_t kernel_size[2], stride[2], padding[2];
    int32_t ceil_mode;
} six_window;

#define SIX_WINDOW_LIMIT 1048576

/* The attributes of `type`, whose field `window` is a six_window. */
#define SIX_WINDOW_ATTRS(type)                                                                                         \
    {"kernel_size", SIX_PAIR, offsetof(type, window.kernel_size), 1, SIX_WINDOW_LIMIT,                                 \
     NULL,          NULL,     "height and width of the window"},                                                       \
        {"stride",                                                                                                     \
         SIX_PAIR,                                                                                                     \
         offsetof(type, window.stride),                                                                                \
         0,                                                                                                            \
         SIX_WINDOW_LIMIT,                                                                                             \
         "0",                                                                                                          \
         NULL,                                                                                                         \
         "step from one window to the next; 0 means kernel_size"},                                                     \
        {"padding",                                                                                                    \
         SIX_PAIR,                                                                                                     \
         offsetof(type, window.padding),                                                                               \
         0,                                                                                                            \
         SIX_WINDOW_LIMIT,                                                                                             \
         "0",                                                                                                          \
         NULL,                                                                                                         \
         "how far windows reach over each edge of the input; at most half of kernel_size"},                            \
    {                                                                                                                  \
        "ceil_mode", SIX_BOOL, offsetof(type, window.ceil_mode), 0, 1, "false", NULL,                                  \
            "whether a last window that the input fills in part is kept"                                               \
    }

/* The inputs begin, begin + dilation, ... below end, on one axis. */
typedef struct six_interval {
    int64_t begin, end;
} six_interval;

SIX_INLINE int64_t six_window_stride(const six_window *w, int axis)
{
    return w->stride[axis] ? w->stride[axis] : w->kernel_size[axis];
}

/* What window o of an axis of `in` inputs covers. */
SIX_INLINE six_interval six_window_interval(const six_window *w, int axis, int64_t dilation, int64_t in, int64_t o)
{
    int64_t start = o * six_window_stride(w, axis) - w->padding[axis],
            end = start + dilation * (w->kernel_size[axis] - 1) + 1;
    int64_t outside = start < 0 ? (-start + dilation - 1) / dilation : 0;
    return (six_interval){start + outside * dilation, end < in ? end : in};
}

/* The number of windows on an axis; 0 or less if none fits. */
SIX_INLINE int64_t six_window_count(const six_window *w, int axis, int64_t dilation, int64_t in)
{
    int64_t stride = six_window_stride(w, axis), padding = w->padding[axis];
    int64_t space = in + 2 * padding - (dilation * (w->kernel_size[axis] - 1) + 1);
    if (w->ceil_mode)
        space += stride - 1;
    if (space < 0)
        return 0;
    int64_t count = space / stride + 1;
    return w->ceil_mode && (count - 1) * stride >= in + padding ? count - 1 : count;
}

SIX_INLINE int32_t six_window_check_input(const six_op *op)
{
    char in[160];
    if (op->in[0].rank != 3)
        return six_fail(SIXNET_BAD_SHAPE, "%s: pools channels x height x width, but the input is %s", op->name,
                        six_shape_text(&op->in[0], in));
    return SIXNET_OK;
}

SIX_INLINE int32_t six_window_check_output(const six_op *op)
{
    char in[160];
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output for an input of %s is too large", op->name,
                        six_shape_text(&op->in[0], in));
    return SIXNET_OK;
}

/* Checks the window against the input and sets the output's shape. Windows without any tap inside of the input are refused. */
SIX_INLINE int32_t six_window_setup(six_op *op, const six_window *w, const int64_t dilation[2])
{
    static const char *const axes[2] = {"height", "width"};
    char in[160];
    int32_t status = six_window_check_input(op);
    if (status)
        return status;
    six_shape_text(&op->in[0], in);
    op->out[0] = op->in[0];
    for (int axis = 0; axis < 2; axis++) {
        int64_t size = op->in[0].dim[1 + axis], kernel = w->kernel_size[axis], padding = w->padding[axis];
        if (padding > kernel / 2)
            return six_fail(SIXNET_BAD_SHAPE,
                            "%s: padding %" PRId64 " is more than half of kernel_size %" PRId64
                            " (%s); use at most %" PRId64,
                            op->name, padding, kernel, axes[axis], kernel / 2);
        op->out[0].dim[1 + axis] = six_window_count(w, axis, dilation[axis], size);
        if (op->out[0].dim[1 + axis] < 1 || (padding > 0 && dilation[axis] > size))
            return six_fail(SIXNET_BAD_SHAPE,
                            "%s: a window of %s %" PRId64 " does not fit into the input %s with padding %" PRId64
                            "; use a smaller kernel_size or dilation",
                            op->name, axes[axis], dilation[axis] * (kernel - 1) + 1, in, padding);
    }
    return six_window_check_output(op);
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
