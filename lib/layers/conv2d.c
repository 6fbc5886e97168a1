/* SPDX-License-Identifier: MIT */

/* Convolutions and transposed convolutions, as torch.nn.Conv2d, Conv1d, ConvTranspose2d and ConvTranspose1d; convolution.h has the formulas.
 * A layer of one dimension is one of two on images of height 1. */

#include <string.h>

#include "base/status.h"
#include "layers/convolution.h"
#include "layers/weights.h"
#include "simd/lane_sums.h"

enum { LIMIT = 1 << 20, SAME = -1, VALID = -2 };

/* Of one dimension, the second of two numbers. */
typedef struct attributes {
    int64_t out_channels, kernel_size[2], stride[2], padding[2], output_padding[2], dilation[2], groups;
    int32_t bias, init;
} attributes;

/* The type of a number for each dimension, and the first of them. */
#define TWO SIX_PAIR, 0
#define ONE SIX_INT, 1
#define ROW_OF(name, type, axis, low, high, text, choices, help)                                                       \
    {                                                                                                                  \
#name, type, offsetof(attributes, name[axis]), low, high, text, choices, help                                  \
    }
#define ROW(name, dims, ...) ROW_OF(name, dims, __VA_ARGS__)

#define FIRST_ATTRS(dims, window)                                                                                      \
    {"out_channels", SIX_INT, offsetof(attributes, out_channels), 1, LIMIT, NULL, NULL, "channels of the output"},     \
        ROW(kernel_size, dims, 1, SIX_CONV_TAPS, NULL, NULL, window ", up to 1024 values"),                            \
        ROW(stride, dims, 1, LIMIT, "1", NULL, "distance of windows")
#define LAST_ATTRS(dims)                                                                                               \
    ROW(dilation, dims, 1, LIMIT, "1", NULL, "distance of the values that a window takes"),                            \
        {"groups",                                                                                                     \
         SIX_INT,                                                                                                      \
         offsetof(attributes, groups),                                                                                 \
         1,                                                                                                            \
         LIMIT,                                                                                                        \
         "1",                                                                                                          \
         NULL,                                                                                                         \
         "slices of channels that do not see each other"},                                                             \
        {"bias",                                                                                                       \
         SIX_BOOL,                                                                                                     \
         offsetof(attributes, bias),                                                                                   \
         0,                                                                                                            \
         1,                                                                                                            \
         "true",                                                                                                       \
         NULL,                                                                                                         \
         "whether to add a learned number to each output channel"},                                                    \
        {"init", SIX_CHOICE, offsetof(attributes, init), 0,                                                            \
         0,      "default",  SIX_WEIGHT_INIT_CHOICES,    SIX_WEIGHT_INIT_HELP},                                        \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }
#define PADDING(dims)                                                                                                  \
    ROW(padding, dims, 0, LIMIT, "0", "same valid",                                                                    \
        "zeros around the input on each side; with same, which needs stride=1, as many as keep its extent; valid is "  \
        "0")
#define PADDINGS_TRANSPOSED(dims)                                                                                      \
    ROW(padding, dims, 0, LIMIT, "0", NULL, "values left out on each side of the output"),                             \
        ROW(output_padding, dims, 0, LIMIT, "0", NULL,                                                                 \
            "values added at the output's end, fewer than stride or dilation")

#define SQUARE "height and width of the window"
#define LINE "length of the window"
static const six_attr conv2d_attrs[] = {FIRST_ATTRS(TWO, SQUARE), PADDING(TWO), LAST_ATTRS(TWO)};
static const six_attr conv1d_attrs[] = {FIRST_ATTRS(ONE, LINE), PADDING(ONE), LAST_ATTRS(ONE)};
static const six_attr transpose2d_attrs[] = {FIRST_ATTRS(TWO, SQUARE), PADDINGS_TRANSPOSED(TWO), LAST_ATTRS(TWO)};
static const six_attr transpose1d_attrs[] = {FIRST_ATTRS(ONE, LINE), PADDINGS_TRANSPOSED(ONE), LAST_ATTRS(ONE)};

/* ---- set-up ---- */

/* Channels, height and width; the height of channels x length is 1. */
static void image_of(const six_shape *s, int64_t image[3])
{
    image[0] = s->dim[0];
    image[1] = s->rank == 3 ? s->dim[1] : 1;
    image[2] = s->dim[s->rank - 1];
}

/* The windows on images of that rank; with padding=same the uneven value stands behind the last. */
static six_convolution windows_of(const attributes *a, int32_t rank)
{
    six_convolution g = {.kernel_size = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = a->groups};
    for (int axis = 3 - rank; axis < 2; axis++) {
        g.kernel_size[axis] = a->kernel_size[axis];
        g.stride[axis] = a->stride[axis];
        g.dilation[axis] = a->dilation[axis];
        g.padding[axis] = a->padding[axis] == SAME    ? a->dilation[axis] * (a->kernel_size[axis] - 1) / 2
                          : a->padding[axis] == VALID ? 0
                                                      : a->padding[axis];
    }
    return g;
}

static six_convolution convolution_of(const six_op *op)
{
    six_convolution g = windows_of(op->attr, op->in[0].rank);
    image_of(&op->in[0], g.x);
    image_of(&op->out[0], g.y);
    g.direct = op->direct;
    return g;
}

/* The convolution that leads from the output to the input. */
static six_convolution transposed_of(const six_op *op)
{
    six_convolution g = windows_of(op->attr, op->in[0].rank);
    image_of(&op->out[0], g.x);
    image_of(&op->in[0], g.y);
    g.direct = op->direct;
    return g;
}

static int64_t span_of(const six_convolution *g, int axis)
{
    return g->dilation[axis] * (g->kernel_size[axis] - 1) + 1;
}

static int32_t check(const six_op *op, int32_t rank)
{
    const attributes *a = op->attr;
    const six_shape *in = &op->in[0];
    const six_convolution g = windows_of(a, rank);
    char text[160];
    if (in->rank != rank)
        return six_fail(SIXNET_BAD_SHAPE, "%s: the input must be channels x %s, not %s", op->name,
                        rank == 3 ? "height x width" : "length", six_shape_text(in, text));
    if (in->dim[0] % a->groups || a->out_channels % a->groups)
        return six_fail(SIXNET_BAD_SHAPE, "%s: groups=%lld must divide the %lld input and %lld output channels",
                        op->name, (long long)a->groups, (long long)in->dim[0], (long long)a->out_channels);
    if (six_conv_taps(&g) > SIX_CONV_TAPS)
        return six_fail(SIXNET_TOO_LARGE, "%s: kernel_size=%lldx%lld is more than %d values", op->name,
                        (long long)a->kernel_size[0], (long long)a->kernel_size[1], SIX_CONV_TAPS);
    return SIXNET_OK;
}

/* PyTorch's fan-in and fan-out of a weight tensor: of its second and first dimension, whatever the groups. */
static int32_t add_params(six_op *op, int64_t first, int64_t second)
{
    const attributes *a = op->attr;
    const six_convolution g = windows_of(a, op->in[0].rank);
    const int64_t taps = six_conv_taps(&g);
    six_param params[] = {
        {"weight",
         {4, {first, second, g.kernel_size[0], g.kernel_size[1]}},
         true,
         six_weight_values(a->init, second * taps, first * taps)},
        {"bias", {1, {a->out_channels}}, true, six_bias_values(second * taps)},
    };
    if (op->in[0].rank == 2)
        params[0].shape = (six_shape){3, {first, second, taps}};
    if (!six_shape_fits(&params[0].shape))
        return six_fail(SIXNET_TOO_LARGE, "%s: its weights would be too many", op->name);
    return six_op_add_params(op, params, a->bias ? 2 : 1);
}

/* The output's extent along one axis, 0 if the window does not fit. */
static int64_t extent(const six_convolution *g, int64_t in, int axis, bool same)
{
    const int64_t space = in + 2 * g->padding[axis];
    if (same)
        return in;
    return space < span_of(g, axis) ? 0 : (space - span_of(g, axis)) / g->stride[axis] + 1;
}

static int32_t setup_rank(six_op *op, int32_t rank)
{
    const attributes *a = op->attr;
    const six_convolution g = windows_of(a, rank);
    const bool same = a->padding[1] == SAME;
    char text[160];
    const int32_t status = check(op, rank);
    if (status)
        return status;
    if (same && g.stride[0] * g.stride[1] != 1)
        return six_fail(SIXNET_BAD_SHAPE, "%s: padding=same needs stride=1", op->name);
    op->out[0] = op->in[0];
    op->out[0].dim[0] = a->out_channels;
    for (int axis = 3 - rank; axis < 2; axis++) {
        int64_t *dim = &op->out[0].dim[axis + rank - 2];
        *dim = extent(&g, *dim, axis, same);
        if (!*dim)
            return six_fail(SIXNET_BAD_SHAPE,
                            "%s: a window of %lldx%lld does not fit into the input %s with its padding", op->name,
                            (long long)span_of(&g, 0), (long long)span_of(&g, 1), six_shape_text(&op->in[0], text));
    }
    return add_params(op, a->out_channels, op->in[0].dim[0] / a->groups);
}

static int32_t setup_transposed(six_op *op, int32_t rank)
{
    const attributes *a = op->attr;
    const six_convolution g = windows_of(a, rank);
    char text[160];
    const int32_t status = check(op, rank);
    if (status)
        return status;
    op->out[0] = op->in[0];
    op->out[0].dim[0] = a->out_channels;
    for (int axis = 3 - rank; axis < 2; axis++) {
        const int64_t more = a->output_padding[axis];
        int64_t *dim = &op->out[0].dim[axis + rank - 2];
        if (more >= g.stride[axis] && more >= g.dilation[axis])
            return six_fail(SIXNET_BAD_SHAPE, "%s: output_padding=%lld must be less than stride or dilation", op->name,
                            (long long)more);
        *dim = (*dim - 1) * g.stride[axis] - 2 * g.padding[axis] + span_of(&g, axis) + more;
        if (*dim < 1)
            return six_fail(SIXNET_BAD_SHAPE, "%s: nothing is left of the output for an input of %s; use less padding",
                            op->name, six_shape_text(&op->in[0], text));
    }
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output for an input of %s is too large", op->name,
                        six_shape_text(&op->in[0], text));
    return add_params(op, op->in[0].dim[0], a->out_channels / a->groups);
}

static int32_t setup_conv1d(six_op *op) { return setup_rank(op, 2); }
static int32_t setup_conv2d(six_op *op) { return setup_rank(op, 3); }
static int32_t setup_transpose1d(six_op *op) { return setup_transposed(op, 2); }
static int32_t setup_transpose2d(six_op *op) { return setup_transposed(op, 3); }

/* ---- parameters ---- */

static const real *bias_of(const six_run *run) { return run->op->params > 1 ? run->value[1] : NULL; }

/* The gradients by the parameters, one after another: by the weights, of x and y, one of which is the gradient of the output; and by the bias,
 * sums of that. */
static void add_gradients(const six_run *run, const six_convolution *g, const real *x, const real *y,
                          const six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    const int64_t plane = six_shape_size(&op->out[0]) / op->out[0].dim[0] * SIX_LANES;
    if (!tile->partial)
        return;
    six_conv_weights(g, x, y, tile->partial, scratch);
    for (int64_t o = 0; op->params > 1 && o < op->out[0].dim[0]; o++)
        tile->partial[six_shape_size(&op->param[0].shape) + o] = six_sum(tile->dy[0] + o * plane, plane);
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- from x to y ---- */

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const six_convolution g = convolution_of(run->op);
    if (run->lanes == 1) {
        six_conv_one_memory_reqs(&g, n);
        return;
    }
    int64_t packed = six_conv_packed_size(&g);
    n->scratch = six_conv_scratch(&g);
    if (run->training) {
        n->scratch = larger(larger(n->scratch, six_conv_scratch_weights(&g)), six_conv_scratch_back(&g));
        packed += six_conv_packed_size_back(&g);
    }
    n->shared = packed * (int64_t)sizeof(real);
}

static int32_t begin_forward(six_run *run, six_tile *tiles)
{
    const six_convolution g = convolution_of(run->op);
    (void)tiles;
    (run->lanes == 1 ? six_conv_one_pack : six_conv_pack)(&g, run->value[0], run->shared);
    return SIXNET_OK;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_convolution g = convolution_of(run->op);
    six_conv(&g, tile->x[0], run->shared, bias_of(run), tile->y[0], scratch);
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_convolution g = convolution_of(run->op);
    six_conv_one(&g, tile->x[0], run->shared, bias_of(run), tile->y[0], scratch);
}

/* The weights from y to x lie behind those from x to y. */
static int32_t begin_backward(six_run *run, six_tile *tiles)
{
    const six_convolution g = convolution_of(run->op);
    (void)tiles;
    six_conv_pack_back(&g, run->value[0], (real *)run->shared + six_conv_packed_size(&g));
    return SIXNET_OK;
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_convolution g = convolution_of(run->op);
    add_gradients(run, &g, tile->x[0], tile->dy[0], tile, scratch);
    if (tile->dx[0])
        six_conv_back(&g, tile->dy[0], (real *)run->shared + six_conv_packed_size(&g), NULL, tile->dx[0], scratch);
}

/* ---- from y to x: the layer's input is y ---- */

static void transposed_memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const six_convolution g = transposed_of(run->op);
    int64_t packed = six_conv_packed_size_back(&g);
    n->scratch = six_conv_scratch_back(&g);
    if (run->training) {
        n->scratch = larger(larger(n->scratch, six_conv_scratch_weights(&g)), six_conv_scratch(&g));
        packed += six_conv_packed_size(&g);
    }
    n->shared = packed * (int64_t)sizeof(real);
}

static int32_t transposed_begin_forward(six_run *run, six_tile *tiles)
{
    const six_convolution g = transposed_of(run->op);
    (void)tiles;
    six_conv_pack_back(&g, run->value[0], run->shared);
    return SIXNET_OK;
}

static void transposed_forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_convolution g = transposed_of(run->op);
    six_conv_back(&g, tile->x[0], run->shared, bias_of(run), tile->y[0], scratch);
}

static int32_t transposed_begin_backward(six_run *run, six_tile *tiles)
{
    const six_convolution g = transposed_of(run->op);
    (void)tiles;
    six_conv_pack(&g, run->value[0], (real *)run->shared + six_conv_packed_size_back(&g));
    return SIXNET_OK;
}

static void transposed_backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_convolution g = transposed_of(run->op);
    add_gradients(run, &g, tile->dy[0], tile->x[0], tile, scratch);
    if (tile->dx[0])
        six_conv(&g, tile->dy[0], (real *)run->shared + six_conv_packed_size_back(&g), NULL, tile->dx[0], scratch);
}

#define DESCRIPTION .prefix = "conv", .inputs_min = 1, .inputs_max = 1, .reads = SIX_READS_X

SIX_LAYER(conv1d) = {
    .kind = {"conv1d", "1-d convolution", conv1d_attrs, sizeof(attributes)},
    .title = "Conv1d",
    .setup = setup_conv1d,
    .products = SIX_PRODUCTS_OF_Y,
    DESCRIPTION,
};

SIX_LAYER(conv2d) = {
    .kind = {"conv2d", "2-d convolution", conv2d_attrs, sizeof(attributes)},
    .title = "Conv2d",
    .setup = setup_conv2d,
    .products = SIX_PRODUCTS_OF_Y,
    DESCRIPTION,
};

SIX_LAYER(conv_transpose1d) = {
    .kind = {"conv_transpose1d", "1-d transposed convolution", transpose1d_attrs, sizeof(attributes)},
    .title = "ConvTranspose1d",
    .setup = setup_transpose1d,
    .products = SIX_PRODUCTS_OF_X,
    DESCRIPTION,
};

SIX_LAYER(conv_transpose2d) = {
    .kind = {"conv_transpose2d", "2-d transposed convolution", transpose2d_attrs, sizeof(attributes)},
    .title = "ConvTranspose2d",
    .setup = setup_transpose2d,
    .products = SIX_PRODUCTS_OF_X,
    DESCRIPTION,
};

#define DIRECT_KERNELS                                                                                                 \
    .memory_reqs = memory_reqs, .begin_forward = begin_forward, .forward = forward, .forward_one = forward_one,        \
    .begin_backward = begin_backward, .backward = backward
#define TRANSPOSED_KERNELS                                                                                             \
    .memory_reqs = transposed_memory_reqs, .begin_forward = transposed_begin_forward, .forward = transposed_forward,   \
    .begin_backward = transposed_begin_backward, .backward = transposed_backward

SIX_KERNELS(conv1d) = {DIRECT_KERNELS};
SIX_KERNELS(conv2d) = {DIRECT_KERNELS};
SIX_KERNELS(conv_transpose1d) = {TRANSPOSED_KERNELS};
SIX_KERNELS(conv_transpose2d) = {TRANSPOSED_KERNELS};
