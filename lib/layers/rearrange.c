/* SPDX-License-Identifier: MIT */

/* Layers whose outputs are values of x in another order, some of them several times, or a constant where there is none:
 *
 *     pad              x with more rows and columns around it, as torch.nn.functional.pad
 *     pixel_shuffle    y[c][i r + a][j r + b] = x[(c r + a) r + b][i][j]
 *     pixel_unshuffle  y[(c r + a) r + b][i][j] = x[c][i r + a][j r + b]
 *     unfold           y[(c k_h + u) k_w + v][i w + j] = x[c][i s_h - p_h + u d_h][j s_w - p_w + v d_w], w windows side by side, as torch.nn.Unfold
 *
 * A layer says for each output where it comes from. Backward adds the gradient there. */

#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "layers/op.h"

enum { LIMIT = 1 << 20, MODE_CONSTANT = 0, MODE_REFLECT, MODE_REPLICATE, SIDES = 4 };

/* Outputs are planes of out[0] rows and out[1] columns, inputs planes of in[0] rows and in[1] columns. */
typedef struct planes {
    int64_t count, out[2], in[2];
} planes;

/* Where output (plane, i, j) comes from: a place in x; or -1, the constant. */
typedef int64_t source_fn(const six_op *op, const planes *s, int64_t plane, int64_t i, int64_t j);

/* One value of all lanes. */
static void copy_value(real *to, const real *from, int64_t lanes)
{
    if (lanes == 1)
        *to = *from;
    else
        memcpy(to, from, SIX_LANES * sizeof *to);
}

static void set_value(real *to, real value, int64_t lanes)
{
    for (int64_t l = 0; l < lanes; l++)
        to[l] = value;
}

static void rearrange(const six_run *run, const six_tile *tile, const planes *s, source_fn *source, real constant)
{
    const int64_t lanes = run->lanes;
    real *y = tile->y[0];
    for (int64_t plane = 0; plane < s->count; plane++)
        for (int64_t i = 0; i < s->out[0]; i++)
            for (int64_t j = 0; j < s->out[1]; j++, y += lanes) {
                const int64_t from = source(run->op, s, plane, i, j);
                if (from < 0)
                    set_value(y, constant, lanes);
                else
                    copy_value(y, tile->x[0] + from * lanes, lanes);
            }
}

static void rearrange_backward(const six_run *run, const six_tile *tile, const planes *s, source_fn *source)
{
    const int64_t lanes = run->lanes;
    const real *dy = tile->dy[0];
    real *dx = tile->dx[0];
    if (!dx)
        return;
    memset(dx, 0, (size_t)(six_shape_size(&run->op->in[0]) * lanes) * sizeof *dx);
    for (int64_t plane = 0; plane < s->count; plane++)
        for (int64_t i = 0; i < s->out[0]; i++)
            for (int64_t j = 0; j < s->out[1]; j++, dy += lanes) {
                const int64_t to = source(run->op, s, plane, i, j);
                for (int64_t l = 0; to >= 0 && l < lanes; l++)
                    dx[to * lanes + l] += dy[l];
            }
}

static int32_t check_image(const six_op *op)
{
    char in[160];
    if (op->in[0].rank != 3)
        return six_fail(SIXNET_BAD_SHAPE, "%s: the input must be channels x height x width, not %s", op->name,
                        six_shape_text(&op->in[0], in));
    return SIXNET_OK;
}

static int32_t check_output(const six_op *op)
{
    char in[160];
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output for an input of %s is too large", op->name,
                        six_shape_text(&op->in[0], in));
    return SIXNET_OK;
}

/* ---- pad ---- */

typedef struct pad {
    six_list padding; /* left, right; top, bottom */
    int32_t mode;
    double value;
} pad;

static const six_attr pad_attrs[] = {
    {"padding", SIX_LIST, offsetof(pad, padding), -LIMIT, LIMIT, NULL, NULL,
     "columns added left and right, or left, right, and rows at the top and bottom; less than 0 takes away"},
    {"mode", SIX_CHOICE, offsetof(pad, mode), 0, 0, "constant", "constant reflect replicate",
     "what they hold: the value, the image reflected at its edge, or its edge"},
    {"value", SIX_FLOAT, offsetof(pad, value), -1e30, 1e30, "0", NULL, "the constant"},
    {.name = NULL},
};

/* Rows or columns added before (side 0) or behind (side 1) an axis. */
static int64_t pad_side(const pad *a, int axis, int side)
{
    const int32_t at = 2 * (1 - axis) + side;
    return at < a->padding.count ? (int64_t)a->padding.value[at] : 0;
}

/* An axis of images, or of what is taken for one: the last dimension and the one before it; of a single dimension rows are 1. */
static int64_t *pad_dim(six_shape *s, int axis) { return &s->dim[s->rank - 2 + axis]; }

static int32_t setup_pad(six_op *op)
{
    const pad *a = op->attr;
    char in[160];
    op->out[0] = op->in[0];
    if ((a->padding.count != 2 && a->padding.count != SIDES) || op->in[0].rank < a->padding.count / 2)
        return six_fail(
            SIXNET_BAD_SHAPE,
            "%s: padding has %d numbers for the input %s; give 2 for its last dimension or 4 for the last two",
            op->name, (int)a->padding.count, six_shape_text(&op->in[0], in));
    for (int32_t i = 0; i < a->padding.count; i++)
        if (a->padding.value[i] != (double)(int64_t)a->padding.value[i])
            return six_fail(SIXNET_BAD_SHAPE, "%s: padding must be whole numbers", op->name);
    for (int axis = 2 - a->padding.count / 2; axis < 2; axis++) {
        int64_t *dim = pad_dim(&op->out[0], axis);
        for (int side = 0; side < 2; side++) {
            const int64_t more = pad_side(a, axis, side);
            if (a->mode != MODE_CONSTANT && (more < 0 || (a->mode == MODE_REFLECT && more >= *dim)))
                return six_fail(SIXNET_BAD_SHAPE,
                                "%s: padding %" PRId64 " of the input %s; reflect and replicate take 0 and up, and "
                                "reflect less than the dimension",
                                op->name, more, six_shape_text(&op->in[0], in));
        }
        *dim += pad_side(a, axis, 0) + pad_side(a, axis, 1);
        if (*dim < 1)
            return six_fail(SIXNET_BAD_SHAPE, "%s: nothing is left of the input %s", op->name,
                            six_shape_text(&op->in[0], in));
    }
    return check_output(op);
}

static planes pad_planes(const six_op *op)
{
    planes s = {.out = {1, 1}, .in = {1, 1}};
    six_shape in = op->in[0], out = op->out[0];
    for (int axis = in.rank > 1 ? 0 : 1; axis < 2; axis++) {
        s.in[axis] = *pad_dim(&in, axis);
        s.out[axis] = *pad_dim(&out, axis);
    }
    s.count = six_shape_size(&in) / (s.in[0] * s.in[1]);
    return s;
}

/* The place along an axis of n inputs; -1 if it is the constant's. */
static int64_t pad_place(const pad *a, int64_t at, int64_t n)
{
    if (at >= 0 && at < n)
        return at;
    if (a->mode == MODE_CONSTANT)
        return -1;
    if (a->mode == MODE_REPLICATE)
        return at < 0 ? 0 : n - 1;
    return at < 0 ? -at : 2 * (n - 1) - at;
}

static int64_t pad_source(const six_op *op, const planes *s, int64_t plane, int64_t i, int64_t j)
{
    const pad *a = op->attr;
    const int64_t row = pad_place(a, i - pad_side(a, 0, 0), s->in[0]),
                  column = pad_place(a, j - pad_side(a, 1, 0), s->in[1]);
    return row < 0 || column < 0 ? -1 : (plane * s->in[0] + row) * s->in[1] + column;
}

static void pad_forward(const six_run *run, six_tile *tile, void *scratch)
{
    const planes s = pad_planes(run->op);
    (void)scratch;
    rearrange(run, tile, &s, pad_source, (real)((const pad *)run->op->attr)->value);
}

static void pad_backward(const six_run *run, six_tile *tile, void *scratch)
{
    const planes s = pad_planes(run->op);
    (void)scratch;
    rearrange_backward(run, tile, &s, pad_source);
}

/* ---- pixel_shuffle and pixel_unshuffle ---- */

typedef struct shuffle {
    int64_t factor;
} shuffle;

static const six_attr shuffle_attrs[] = {
    {"upscale_factor", SIX_INT, offsetof(shuffle, factor), 1, 1024, NULL, NULL,
     "how much higher and wider the output is; its square divides the channels"},
    {.name = NULL},
};
static const six_attr unshuffle_attrs[] = {
    {"downscale_factor", SIX_INT, offsetof(shuffle, factor), 1, 1024, NULL, NULL,
     "how much lower and narrower the output is; divides height and width"},
    {.name = NULL},
};

static int64_t factor_of(const six_op *op) { return ((const shuffle *)op->attr)->factor; }

static int32_t setup_shuffle(six_op *op)
{
    const int64_t r = factor_of(op), *in = op->in[0].dim;
    const int32_t status = check_image(op);
    char text[160];
    if (status)
        return status;
    if (in[0] % (r * r))
        return six_fail(SIXNET_BAD_SHAPE, "%s: the square of upscale_factor=%" PRId64 " must divide the channels of %s",
                        op->name, r, six_shape_text(&op->in[0], text));
    op->out[0] = (six_shape){3, {in[0] / (r * r), in[1] * r, in[2] * r}};
    return SIXNET_OK;
}

static int32_t setup_unshuffle(six_op *op)
{
    const int64_t r = factor_of(op), *in = op->in[0].dim;
    const int32_t status = check_image(op);
    char text[160];
    if (status)
        return status;
    if (in[1] % r || in[2] % r)
        return six_fail(SIXNET_BAD_SHAPE, "%s: downscale_factor=%" PRId64 " must divide height and width of %s",
                        op->name, r, six_shape_text(&op->in[0], text));
    op->out[0] = (six_shape){3, {in[0] * r * r, in[1] / r, in[2] / r}};
    return SIXNET_OK;
}

static planes image_planes(const six_op *op)
{
    const int64_t *in = op->in[0].dim, *out = op->out[0].dim;
    return (planes){out[0], {out[1], out[2]}, {in[1], in[2]}};
}

static int64_t shuffle_source(const six_op *op, const planes *s, int64_t plane, int64_t i, int64_t j)
{
    const int64_t r = factor_of(op), channel = (plane * r + i % r) * r + j % r;
    return (channel * s->in[0] + i / r) * s->in[1] + j / r;
}

static int64_t unshuffle_source(const six_op *op, const planes *s, int64_t plane, int64_t i, int64_t j)
{
    const int64_t r = factor_of(op), row = i * r + plane / r % r, column = j * r + plane % r;
    return (plane / (r * r) * s->in[0] + row) * s->in[1] + column;
}

static void shuffle_forward(const six_run *run, six_tile *tile, void *scratch)
{
    const planes s = image_planes(run->op);
    (void)scratch;
    rearrange(run, tile, &s, shuffle_source, 0);
}

static void shuffle_backward(const six_run *run, six_tile *tile, void *scratch)
{
    const planes s = image_planes(run->op);
    (void)scratch;
    rearrange_backward(run, tile, &s, shuffle_source);
}

static void unshuffle_forward(const six_run *run, six_tile *tile, void *scratch)
{
    const planes s = image_planes(run->op);
    (void)scratch;
    rearrange(run, tile, &s, unshuffle_source, 0);
}

static void unshuffle_backward(const six_run *run, six_tile *tile, void *scratch)
{
    const planes s = image_planes(run->op);
    (void)scratch;
    rearrange_backward(run, tile, &s, unshuffle_source);
}

/* ---- unfold ---- */

typedef struct unfold {
    int64_t kernel_size[2], dilation[2], padding[2], stride[2];
} unfold;

static const six_attr unfold_attrs[] = {
    {"kernel_size", SIX_PAIR, offsetof(unfold, kernel_size), 1, LIMIT, NULL, NULL, "height and width of the window"},
    {"dilation", SIX_PAIR, offsetof(unfold, dilation), 1, LIMIT, "1", NULL,
     "distance of the values that a window takes"},
    {"padding", SIX_PAIR, offsetof(unfold, padding), 0, LIMIT, "0", NULL, "zeros around the input on each side"},
    {"stride", SIX_PAIR, offsetof(unfold, stride), 1, LIMIT, "1", NULL, "distance of windows"},
    {.name = NULL},
};

/* The number of windows along an axis; 0 if none fits. */
static int64_t unfold_windows(const six_op *op, int axis)
{
    const unfold *a = op->attr;
    const int64_t space =
        op->in[0].dim[1 + axis] + 2 * a->padding[axis] - a->dilation[axis] * (a->kernel_size[axis] - 1) - 1;
    return space < 0 ? 0 : space / a->stride[axis] + 1;
}

static int32_t setup_unfold(six_op *op)
{
    const unfold *a = op->attr;
    const int32_t status = check_image(op);
    char in[160];
    if (status)
        return status;
    const int64_t channels = op->in[0].dim[0], rows = unfold_windows(op, 0), columns = unfold_windows(op, 1);
    if (!rows || !columns)
        return six_fail(SIXNET_BAD_SHAPE, "%s: a window of %lldx%lld does not fit into the input %s with its padding",
                        op->name, (long long)(a->dilation[0] * (a->kernel_size[0] - 1) + 1),
                        (long long)(a->dilation[1] * (a->kernel_size[1] - 1) + 1), six_shape_text(&op->in[0], in));
    op->out[0] = (six_shape){5, {channels, a->kernel_size[0], a->kernel_size[1], rows, columns}};
    if (!check_output(op))
        op->out[0] = (six_shape){2, {channels * a->kernel_size[0] * a->kernel_size[1], rows * columns}};
    return check_output(op);
}

static planes unfold_planes(const six_op *op)
{
    return (planes){
        op->out[0].dim[0], {unfold_windows(op, 0), unfold_windows(op, 1)}, {op->in[0].dim[1], op->in[0].dim[2]}};
}

static int64_t unfold_source(const six_op *op, const planes *s, int64_t plane, int64_t i, int64_t j)
{
    const unfold *a = op->attr;
    const int64_t *k = a->kernel_size, u = plane / k[1] % k[0], v = plane % k[1], channel = plane / (k[0] * k[1]);
    const int64_t row = i * a->stride[0] - a->padding[0] + u * a->dilation[0],
                  column = j * a->stride[1] - a->padding[1] + v * a->dilation[1];
    const bool inside = row >= 0 && row < s->in[0] && column >= 0 && column < s->in[1];
    return inside ? (channel * s->in[0] + row) * s->in[1] + column : -1;
}

static void unfold_forward(const six_run *run, six_tile *tile, void *scratch)
{
    const planes s = unfold_planes(run->op);
    (void)scratch;
    rearrange(run, tile, &s, unfold_source, 0);
}

static void unfold_backward(const six_run *run, six_tile *tile, void *scratch)
{
    const planes s = unfold_planes(run->op);
    (void)scratch;
    rearrange_backward(run, tile, &s, unfold_source);
}

/* ---- descriptions ---- */

SIX_LAYER(pad) = {
    .kind = {"pad", "rows and columns around an image or sequence", pad_attrs, sizeof(pad)},
    .title = "Pad",
    .prefix = "pad",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup_pad,
};

SIX_LAYER(pixel_shuffle) = {
    .kind = {"pixel_shuffle", "a larger image from the channels of a smaller one", shuffle_attrs, sizeof(shuffle)},
    .title = "PixelShuffle",
    .prefix = "shuffle",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup_shuffle,
};

SIX_LAYER(pixel_unshuffle) = {
    .kind = {"pixel_unshuffle", "more channels from the pixels of a larger image", unshuffle_attrs, sizeof(shuffle)},
    .title = "PixelUnshuffle",
    .prefix = "unshuffle",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup_unshuffle,
};

SIX_LAYER(unfold) = {
    .kind = {"unfold", "the windows of an image, each a column of the output", unfold_attrs, sizeof(unfold)},
    .title = "Unfold",
    .prefix = "unfold",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup_unfold,
};

#define KERNELS(FORWARD, BACKWARD)                                                                                     \
    .forward = FORWARD, .forward_one = FORWARD, .backward = BACKWARD, .backward_one = BACKWARD

SIX_KERNELS(pad) = {KERNELS(pad_forward, pad_backward)};
SIX_KERNELS(pixel_shuffle) = {KERNELS(shuffle_forward, shuffle_backward)};
SIX_KERNELS(pixel_unshuffle) = {KERNELS(unshuffle_forward, unshuffle_backward)};
SIX_KERNELS(unfold) = {KERNELS(unfold_forward, unfold_backward)};
