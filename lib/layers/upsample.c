/* SPDX-License-Identifier: MIT */

/* Images and sequences of another size, as torch.nn.Upsample. On each axis output o lies at place p of the n inputs:
 *
 *     nearest                  p = floor(o / scale)
 *     linear, bilinear         p = max(0, (o + 1/2) / scale - 1/2)
 *     with align_corners       p = o (n - 1) / (outputs - 1)
 *
 * y is the value at p, or between the two next to it the mean by their distances, on both axes. scale is outputs / n if a size is given, else
 * scale_factor. PyTorch computes the places of nearest in single precision; so does this. */

#include <string.h>

#include "base/status.h"
#include "layers/op.h"

enum { MODE_NEAREST, MODE_LINEAR, MODE_BILINEAR };

typedef struct attributes {
    int64_t size[2];
    double scale_factor;
    int32_t mode, align_corners;
} attributes;

static const six_attr attrs[] = {
    {"size", SIX_PAIR, offsetof(attributes, size), 0, 1048576, "0", NULL,
     "height and width of the output, or its length; 0 for scale_factor times the input's"},
    {"scale_factor", SIX_FLOAT, offsetof(attributes, scale_factor), SIX_ABOVE_ZERO, 1024, "1", NULL,
     "how much larger the output is if no size is given"},
    {"mode", SIX_CHOICE, offsetof(attributes, mode), 0, 0, "nearest", "nearest linear bilinear",
     "the nearest value, or a mean of neighbors: linear of a sequence, bilinear of an image"},
    {"align_corners", SIX_BOOL, offsetof(attributes, align_corners), 0, 1, "false", NULL,
     "whether the first and last values stay at the edges; of linear and bilinear"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    const int32_t rank = op->in[0].rank;
    char in[160];
    six_shape_text(&op->in[0], in);
    if (rank != 2 && rank != 3)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: the input must be channels x height x width or channels x length, not %s", op->name, in);
    if (a->mode != MODE_NEAREST && (a->mode == MODE_LINEAR) != (rank == 2))
        return six_fail(SIXNET_BAD_SHAPE, "%s: mode=linear is for channels x length, bilinear for images, not %s",
                        op->name, in);
    if (a->mode == MODE_NEAREST && a->align_corners)
        return six_fail(SIXNET_BAD_SPEC, "%s: align_corners=true needs mode=linear or bilinear", op->name);
    if ((a->size[0] > 0) != (a->size[1] > 0))
        return six_fail(SIXNET_BAD_SPEC, "%s: size must have both height and width", op->name);
    op->out[0] = op->in[0];
    for (int axis = 3 - rank; axis < 2; axis++) {
        int64_t *dim = &op->out[0].dim[axis + rank - 2];
        *dim = a->size[axis] ? a->size[axis] : (int64_t)((double)*dim * a->scale_factor);
        if (*dim < 1)
            return six_fail(SIXNET_BAD_SHAPE, "%s: nothing is left of the input %s; use a larger scale_factor",
                            op->name, in);
    }
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output for an input of %s is too large", op->name, in);
    return SIXNET_OK;
}

/* The two inputs of an output along an axis, and the share of the second. */
typedef struct between {
    int64_t low, high;
    real share;
} between;

static int64_t extent(const six_shape *s, int axis)
{
    return axis == 0 && s->rank == 2 ? 1 : s->dim[s->rank - 2 + axis];
}

static int64_t nearest_place(const attributes *a, int64_t in, int64_t out, int64_t o)
{
    const float step = a->size[1] ? (float)in / (float)out : (float)(1 / a->scale_factor);
    if (out == in || out == 2 * in)
        return out == in ? o : o / 2;
    const int64_t place = (int64_t)((float)o * step);
    return place < in ? place : in - 1;
}

static between place_of(const six_op *op, int axis, int64_t o)
{
    const attributes *a = op->attr;
    const int64_t in = extent(&op->in[0], axis), out = extent(&op->out[0], axis);
    if (in == 1 && out == 1)
        return (between){0, 0, 0};
    if (a->mode == MODE_NEAREST) {
        const int64_t place = nearest_place(a, in, out, o);
        return (between){place, place, 0};
    }
    const double step = a->size[1] ? (double)in / (double)out : 1 / a->scale_factor;
    double place = step * ((double)o + 0.5) - 0.5;
    if (a->align_corners)
        place = out > 1 ? (double)o * ((double)(in - 1) / (double)(out - 1)) : 0;
    place = place > 0 ? place : 0;
    const int64_t low = (int64_t)place < in - 1 ? (int64_t)place : in - 1;
    const double share = place - (double)low;
    return (between){low, low + (low < in - 1), (real)(share < 1 ? share : 1)};
}

/* The four values of an output, and their shares. */
typedef struct corners {
    int64_t at[4];
    real share[4];
} corners;

static corners corners_of(const between *row, const between *column, int64_t width)
{
    const real rows[2] = {1 - row->share, row->share}, columns[2] = {1 - column->share, column->share};
    const int64_t place[2] = {row->low, row->high}, along[2] = {column->low, column->high};
    corners c;
    for (int k = 0; k < 4; k++) {
        c.at[k] = place[k / 2] * width + along[k % 2];
        c.share[k] = rows[k / 2] * columns[k % 2];
    }
    return c;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    const bool nearest = ((const attributes *)op->attr)->mode == MODE_NEAREST;
    const int64_t lanes = run->lanes, width = extent(&op->in[0], 1), plane = extent(&op->in[0], 0) * width * lanes;
    const real *x = tile->x[0];
    real *y = tile->y[0];
    (void)scratch;
    for (int64_t c = 0; c < op->in[0].dim[0]; c++, x += plane)
        for (int64_t i = 0; i < extent(&op->out[0], 0); i++) {
            const between row = place_of(op, 0, i);
            for (int64_t j = 0; j < extent(&op->out[0], 1); j++, y += lanes) {
                const between column = place_of(op, 1, j);
                const corners k = corners_of(&row, &column, width);
                const real *a = x + k.at[0] * lanes, *b = x + k.at[1] * lanes, *d = x + k.at[2] * lanes,
                           *e = x + k.at[3] * lanes;
                for (int64_t l = 0; l < lanes; l++)
                    y[l] = nearest ? a[l]
                                   : (k.share[0] * a[l] + k.share[1] * b[l]) + (k.share[2] * d[l] + k.share[3] * e[l]);
            }
        }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    const int64_t lanes = run->lanes, width = extent(&op->in[0], 1), plane = extent(&op->in[0], 0) * width * lanes;
    const real *dy = tile->dy[0];
    real *dx = tile->dx[0];
    (void)scratch;
    if (!dx)
        return;
    memset(dx, 0, (size_t)(op->in[0].dim[0] * plane) * sizeof *dx);
    for (int64_t c = 0; c < op->in[0].dim[0]; c++, dx += plane)
        for (int64_t i = 0; i < extent(&op->out[0], 0); i++) {
            const between row = place_of(op, 0, i);
            for (int64_t j = 0; j < extent(&op->out[0], 1); j++, dy += lanes) {
                const between column = place_of(op, 1, j);
                const corners k = corners_of(&row, &column, width);
                for (int corner = 0; corner < 4; corner++)
                    for (int64_t l = 0; k.share[corner] != 0 && l < lanes; l++)
                        dx[k.at[corner] * lanes + l] += k.share[corner] * dy[l];
            }
        }
}

SIX_LAYER(upsample) = {
    .kind = {"upsample", "an image or sequence of another size", attrs, sizeof(attributes)},
    .title = "Upsample",
    .prefix = "upsample",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
};

SIX_KERNELS(upsample) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
