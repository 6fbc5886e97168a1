/* SPDX-License-Identifier: MIT */

/* y[c][i][j] = the mean of rows floor(i * height / out) up to ceil((i + 1) * height / out), not included, and the columns likewise: the
 * windows are chosen so that the output has the size that is asked for, and may overlap. As in PyTorch. */

#include <string.h>

#include "pooling.h"

typedef struct attributes {
    int64_t output_size[2];
} attributes;

static const six_attr attrs[] = {
    {"output_size", SIX_PAIR, offsetof(attributes, output_size), 1, SIX_WINDOW_LIMIT, NULL, NULL,
     "height and width of the output"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    int32_t status = six_window_check_input(op);
    if (status)
        return status;
    op->out[0] = (six_shape){3, {op->in[0].dim[0], a->output_size[0], a->output_size[1]}};
    return six_window_check_output(op);
}

SIX_INLINE six_interval interval(const six_op *op, int axis, int64_t o)
{
    int64_t in = op->in[0].dim[1 + axis], out = op->out[0].dim[1 + axis];
    return (six_interval){o * in / out, ((o + 1) * in + out - 1) / out};
}

SIX_INLINE real area(six_interval rows, six_interval columns)
{
    return (real)((rows.end - rows.begin) * (columns.end - columns.begin));
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t width = op->in[0].dim[2], image = op->in[0].dim[1] * width * SIX_LANES;
    real *y = tile->y[0];
    for (int64_t c = 0; c < op->out[0].dim[0]; c++)
        for (int64_t i = 0; i < op->out[0].dim[1]; i++)
            for (int64_t j = 0; j < op->out[0].dim[2]; j++, y += SIX_LANES) {
                six_interval rows = interval(op, 0, i), columns = interval(op, 1, j);
                six_window_mean(tile->x[0] + c * image, width, rows, columns, area(rows, columns), y);
            }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t width = op->in[0].dim[2], image = op->in[0].dim[1] * width * SIX_LANES;
    const real *dy = tile->dy[0];
    if (!tile->dx[0])
        return;
    memset(tile->dx[0], 0, (size_t)(op->in[0].dim[0] * image) * sizeof *tile->dx[0]);
    for (int64_t c = 0; c < op->out[0].dim[0]; c++)
        for (int64_t i = 0; i < op->out[0].dim[1]; i++)
            for (int64_t j = 0; j < op->out[0].dim[2]; j++, dy += SIX_LANES) {
                six_interval rows = interval(op, 0, i), columns = interval(op, 1, j);
                six_window_spread(dy, area(rows, columns), width, rows, columns, tile->dx[0] + c * image);
            }
}

SIX_LAYER(adaptive_avgpool2d) = {
    .kind = {"adaptive_avgpool2d", "means over as many windows as are asked for", attrs, sizeof(attributes)},
    .title = "AdaptiveAvgPool2d",
    .prefix = "avgpool",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
};

SIX_KERNELS(adaptive_avgpool2d) = {
    .forward = forward,
    .backward = backward,
};
