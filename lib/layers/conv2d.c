/* SPDX-License-Identifier: MIT */

/* y[o][r][c] = bias[o] + sum over i, u, v of weight[o][i][u][v] * x[i][r s - p + u d][c s - p + v d], where x is zero outside its bounds;
 * s stride, p padding, d dilation. With groups, outputs and inputs are cut into as many slices, and a slice of outputs sees its slice of
 * inputs only. As torch.nn.Conv2d.
 *
 * The gradient by x is a correlation of dy with the weights turned around. With a stride, the inputs of one remainder modulo the stride see the
 * same taps and form a correlation of their own: a phase. There are at most as many phases as taps; other inputs are seen by no window. */

#include <string.h>

#include "base/status.h"
#include "layers/correlate.h"
#include "layers/weights.h"
#include "layers/winograd.h"
#include "simd/lane_sums.h"

enum { MAX_TAPS = 1024 };

typedef struct conv2d {
    int64_t out_channels, kernel_size[2], stride[2], padding[2], dilation[2], groups;
    int32_t bias, init;
} conv2d;

static const six_attr attrs[] = {
    {"out_channels", SIX_INT, offsetof(conv2d, out_channels), 1, 1 << 20, NULL, NULL, "channels of the output"},
    {"kernel_size", SIX_PAIR, offsetof(conv2d, kernel_size), 1, MAX_TAPS, NULL, NULL,
     "height and width of the window, up to 1024 values"},
    {"stride", SIX_PAIR, offsetof(conv2d, stride), 1, 1 << 20, "1", NULL, "distance of windows"},
    {"padding", SIX_PAIR, offsetof(conv2d, padding), 0, 1 << 20, "0", NULL, "zeros around the input on each side"},
    {"dilation", SIX_PAIR, offsetof(conv2d, dilation), 1, 1 << 20, "1", NULL,
     "distance of the values that a window takes"},
    {"groups", SIX_INT, offsetof(conv2d, groups), 1, 1 << 20, "1", NULL,
     "slices of channels that do not see each other"},
    {"bias", SIX_BOOL, offsetof(conv2d, bias), 0, 1, "true", NULL,
     "whether to add a learnt number to each output channel"},
    {"init", SIX_CHOICE, offsetof(conv2d, init), 0, 0, "default", SIX_WEIGHT_INIT_CHOICES, SIX_WEIGHT_INIT_HELP},
    {0},
};

/* The output's extent along one axis, 0 if the window does not fit. */
static int64_t extent(const conv2d *a, int64_t in, int axis)
{
    int64_t window = a->dilation[axis] * (a->kernel_size[axis] - 1) + 1, space = in + 2 * a->padding[axis];
    return space < window ? 0 : (space - window) / a->stride[axis] + 1;
}

static int32_t setup(six_op *op)
{
    const conv2d *a = op->attr;
    const six_shape *in = &op->in[0];
    char text[160];
    if (in->rank != 3)
        return six_fail(SIXNET_BAD_SHAPE, "%s: the input must be channels x height x width, not %s", op->name,
                        six_shape_text(in, text));
    if (in->dim[0] % a->groups || a->out_channels % a->groups)
        return six_fail(SIXNET_BAD_SHAPE, "%s: groups=%lld must divide the %lld input and %lld output channels",
                        op->name, (long long)a->groups, (long long)in->dim[0], (long long)a->out_channels);
    if (a->kernel_size[0] * a->kernel_size[1] > MAX_TAPS)
        return six_fail(SIXNET_TOO_LARGE, "%s: kernel_size=%lldx%lld is more than %d values", op->name,
                        (long long)a->kernel_size[0], (long long)a->kernel_size[1], MAX_TAPS);
    op->out[0] = (six_shape){3, {a->out_channels, extent(a, in->dim[1], 0), extent(a, in->dim[2], 1)}};
    if (!op->out[0].dim[1] || !op->out[0].dim[2])
        return six_fail(SIXNET_BAD_SHAPE, "%s: a window of %lldx%lld does not fit into the input %s with its padding",
                        op->name, (long long)(a->dilation[0] * (a->kernel_size[0] - 1) + 1),
                        (long long)(a->dilation[1] * (a->kernel_size[1] - 1) + 1), six_shape_text(in, text));
    /* PyTorch's fan-out of the weight tensor: all output channels, whatever the groups */
    int64_t taps = a->kernel_size[0] * a->kernel_size[1], fan_in = in->dim[0] / a->groups * taps,
            fan_out = a->out_channels * taps;
    const six_param params[] = {
        {"weight",
         {4, {a->out_channels, in->dim[0] / a->groups, a->kernel_size[0], a->kernel_size[1]}},
         true,
         six_weight_values(a->init, fan_in, fan_out)},
        {"bias", {1, {a->out_channels}}, true, six_bias_values(fan_in)},
    };
    if (!six_shape_fits(&params[0].shape))
        return six_fail(SIXNET_TOO_LARGE, "%s: its weights would be too many", op->name);
    return six_op_add_params(op, params, a->bias ? 2 : 1);
}

/* A plane is one long row, where windows are single values and both the values and the results lie side by side. */
static void flatten(six_correlation *c)
{
    bool flat = c->taps == 1 && !c->tap[0].h && !c->tap[0].w && c->stride_h == 1 && c->stride_w == 1 &&
                c->rows == c->in_h && c->columns == c->in_w && c->y_step == SIX_LANES &&
                c->y_row == c->columns * SIX_LANES;
    if (!flat)
        return;
    c->columns = c->in_w = c->rows * c->columns;
    c->rows = c->in_h = 1;
}

/* How many values of an axis of `in` the three taps of `out` windows see, the first from `first` on. */
static int64_t values_seen(int64_t in, int64_t out, int64_t first)
{
    int64_t seen = 0;
    for (int64_t tap = first; tap < first + 3; tap++) {
        const int64_t begin = tap < 0 ? -tap : 0, end = out < in - tap ? out : in - tap;
        seen += begin < end ? end - begin : 0;
    }
    return seen;
}

/* Whether to compute a correlation of a slice of channels as winograd.h says: a function of shapes alone, so that bits do not depend on the
 * machine. Compares products: of all values that windows see, and of a tile of 4 x 4 outputs, 36 for each channel and output besides the
 * transforms, which take as long as so many more for each channel and for each output. Below five positions a side single samples lose. */
static bool takes_winograd(const six_op *op, const six_correlation *c)
{
    enum { TRANSFORM = 192, SIDE_MIN = 5, CHANNELS_MAX = 1024 };
    const conv2d *a = op->attr;
    const bool window = a->kernel_size[0] == 3 && a->kernel_size[1] == 3 && a->stride[0] * a->stride[1] == 1 &&
                        a->dilation[0] * a->dilation[1] == 1;
    if (op->direct || !window || c->rows < SIDE_MIN || c->columns < SIDE_MIN || c->depth > CHANNELS_MAX ||
        c->outputs > CHANNELS_MAX)
        return false;
    const six_tap first = six_winograd_origin(c);
    const int64_t tiles = (c->rows + 3) / 4 * ((c->columns + 3) / 4), pairs = (int64_t)c->depth * c->outputs;
    return tiles * (36 * pairs + TRANSFORM * ((int64_t)c->depth + c->outputs)) <
           pairs * values_seen(c->in_h, c->rows, first.h) * values_seen(c->in_w, c->columns, first.w);
}

/* The forward correlation of one slice of channels. */
static six_correlation forward_of(const six_op *op, six_tap *tap)
{
    const conv2d *a = op->attr;
    const int64_t *in = op->in[0].dim, *out = op->out[0].dim;
    six_correlation c = {
        .depth = (int32_t)(in[0] / a->groups),
        .outputs = (int32_t)(out[0] / a->groups),
        .tap = tap,
        .stride_h = (int32_t)a->stride[0],
        .stride_w = (int32_t)a->stride[1],
        .in_h = in[1],
        .in_w = in[2],
        .x_plane = in[1] * in[2] * SIX_LANES,
        .x_row = in[2] * SIX_LANES,
        .x_step = SIX_LANES,
        .rows = out[1],
        .columns = out[2],
        .y_plane = out[1] * out[2] * SIX_LANES,
        .y_row = out[2] * SIX_LANES,
        .y_step = SIX_LANES,
    };
    for (int64_t u = 0; u < a->kernel_size[0]; u++)
        for (int64_t v = 0; v < a->kernel_size[1]; v++)
            tap[c.taps++] =
                (six_tap){(int32_t)(u * a->dilation[0] - a->padding[0]), (int32_t)(v * a->dilation[1] - a->padding[1])};
    flatten(&c);
    c.winograd = takes_winograd(op, &c);
    return c;
}

/* Remainders modulo the stride repeat along an axis after so many taps. */
static int64_t period(const conv2d *a, int axis)
{
    int64_t x = a->stride[axis], y = a->dilation[axis];
    while (y) {
        const int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return a->stride[axis] / x;
}

/* The phases of an axis: phase p has the taps p, p + period, p + 2 period, ... */
static int64_t phases(const conv2d *a, int axis)
{
    const int64_t all = period(a, axis);
    return all < a->kernel_size[axis] ? all : a->kernel_size[axis];
}

/* The first input of a phase. */
static int64_t phase_begin(const conv2d *a, int axis, int64_t phase)
{
    const int64_t s = a->stride[axis], rest = (phase * a->dilation[axis] - a->padding[axis]) % s;
    return rest < 0 ? rest + s : rest;
}

/* How many inputs a phase has. */
static int64_t phase_size(const six_op *op, int axis, int64_t begin)
{
    const int64_t in = op->in[0].dim[1 + axis], s = ((const conv2d *)op->attr)->stride[axis];
    return begin < in ? (in - begin + s - 1) / s : 0;
}

/* Phase (p, q) from outputs to inputs. */
static six_correlation phase_of(const six_op *op, int64_t p, int64_t q, six_tap *tap, int32_t *w_tap)
{
    const conv2d *a = op->attr;
    const int64_t *in = op->in[0].dim, *out = op->out[0].dim, *s = a->stride;
    const int64_t h = phase_begin(a, 0, p), w = phase_begin(a, 1, q), down = period(a, 0), right = period(a, 1);
    six_correlation c = {
        .depth = (int32_t)(out[0] / a->groups),
        .outputs = (int32_t)(in[0] / a->groups),
        .tap = tap,
        .stride_h = 1,
        .stride_w = 1,
        .in_h = out[1],
        .in_w = out[2],
        .x_plane = out[1] * out[2] * SIX_LANES,
        .x_row = out[2] * SIX_LANES,
        .x_step = SIX_LANES,
        .rows = phase_size(op, 0, h),
        .columns = phase_size(op, 1, w),
        .y_plane = in[1] * in[2] * SIX_LANES,
        .y_row = s[0] * in[2] * SIX_LANES,
        .y_step = s[1] * SIX_LANES,
    };
    for (int64_t u = p; u < a->kernel_size[0]; u += down)
        for (int64_t v = q; v < a->kernel_size[1]; v += right) {
            tap[c.taps] = (six_tap){(int32_t)((h + a->padding[0] - u * a->dilation[0]) / s[0]),
                                    (int32_t)((w + a->padding[1] - v * a->dilation[1]) / s[1])};
            w_tap[c.taps++] = (int32_t)(u * a->kernel_size[1] + v);
        }
    flatten(&c);
    c.winograd = takes_winograd(op, &c);
    return c;
}

/* One sample: positions lie in the lanes, SIX_LANES of a plane side by side, whatever row they are in. The padded input is cut into pieces,
 * so that windows side by side are values side by side: on each axis either a piece for each remainder modulo the stride, in which taps of
 * one remainder are at different offsets, or, where that is less, a piece for each tap, which has the outputs' extent. So the copy is never
 * larger than the values that the windows take. A piece is a plane of `length[0]` x `length[1]`, where the last columns of a row are no
 * positions but are computed as if they were. */
typedef struct one_sample {
    int64_t length[2], pieces[2]; /* of each axis */
    bool by_tap[2];
    int64_t plane;   /* the pieces of one channel, if copied with space for the last vector */
    int64_t vectors; /* of positions */
    bool as_it_is;   /* the input needs no padding and is in one piece */
} one_sample;

static one_sample one_sample_of(const six_op *op)
{
    const conv2d *a = op->attr;
    const int64_t *out = op->out[0].dim, *s = a->stride;
    one_sample one = {.as_it_is = s[0] * s[1] == 1 && !a->padding[0] && !a->padding[1]};
    for (int axis = 0; axis < 2; axis++) {
        const int64_t k = a->kernel_size[axis], length = out[1 + axis] + a->dilation[axis] * (k - 1) / s[axis];
        one.by_tap[axis] = !one.as_it_is && k * out[1 + axis] < s[axis] * length;
        one.pieces[axis] = one.by_tap[axis] ? k : s[axis];
        one.length[axis] = one.by_tap[axis] ? out[1 + axis] : length;
    }
    one.vectors = ((out[1] - 1) * one.length[1] + out[2] + SIX_LANES - 1) / SIX_LANES;
    one.plane = one.pieces[0] * one.pieces[1] * one.length[0] * one.length[1];
    if (!one.as_it_is)
        one.plane = (one.plane + 2 * SIX_LANES - 1) / SIX_LANES * SIX_LANES;
    return one;
}

static int64_t one_sample_reals(const six_op *op)
{
    const conv2d *a = op->attr;
    one_sample one = one_sample_of(op);
    return (one.as_it_is ? 0 : op->in[0].dim[0] / a->groups * one.plane) +
           op->out[0].dim[0] / a->groups * one.vectors * SIX_LANES + SIX_LANES;
}

/* count values, and what else is in the last vector. */
SIX_INLINE void copy_vectors(real *to, const real *from, int64_t count)
{
    for (int64_t i = 0; i < count; i += SIX_WIDTH)
        six_store(to + i, six_load(from + i));
}

/* One channel, padded: what a row's last vector spills over is padding, made zero again, or the next row, still to come. */
static void copy_padded(const six_op *op, const one_sample *one, const real *x, real *to)
{
    const conv2d *a = op->attr;
    const int64_t *in = op->in[0].dim;
    int64_t width = one->length[1], first = a->padding[0] * width + a->padding[1], gap = width - in[2],
            end = first + in[1] * width;
    memset(to, 0, (size_t)first * sizeof *to);
    for (int64_t at = first; at < end; at += width, x += in[2]) {
        copy_vectors(to + at, x, in[2]);
        for (int64_t k = 0; k < gap; k++)
            to[at + in[2] + k] = 0;
    }
    memset(to + end - gap, 0, (size_t)(one->plane - end + gap) * sizeof *to);
}

/* One row of a piece: the values of a row of x that it has, where it begins with column `first` of x, which may be in the padding. */
SIX_INLINE void copy_row(const real *x, int64_t width, int64_t first, int64_t stride, int64_t length, real *to)
{
    int64_t w = first < 0 ? (stride - 1 - first) / stride : 0;
    for (int64_t column = first + w * stride; w < length && column < width; w++, column += stride)
        to[w] = x[column];
}

/* One channel, padded and cut into pieces. */
static void copy_pieces(const six_op *op, const one_sample *one, const real *x, real *to)
{
    const conv2d *a = op->attr;
    const int64_t *in = op->in[0].dim, *s = a->stride;
    memset(to, 0, (size_t)one->plane * sizeof *to);
    for (int64_t p = 0; p < one->pieces[0]; p++)
        for (int64_t q = 0; q < one->pieces[1]; q++) {
            int64_t row = p * (one->by_tap[0] ? a->dilation[0] : 1) - a->padding[0];
            const int64_t column = q * (one->by_tap[1] ? a->dilation[1] : 1) - a->padding[1];
            for (int64_t h = 0; h < one->length[0]; h++, row += s[0], to += one->length[1])
                if (row >= 0 && row < in[1])
                    copy_row(x + row * in[2], in[2], column, s[1], one->length[1], to);
        }
}

/* The piece of tap u of an axis, and where in it the tap begins. */
static int64_t piece_of(const conv2d *a, const one_sample *one, int axis, int64_t u, int64_t *at)
{
    const int64_t place = u * a->dilation[axis], s = a->stride[axis];
    *at = one->by_tap[axis] ? 0 : place / s;
    return one->by_tap[axis] ? u : place % s;
}

static six_correlation one_sample_correlation(const six_op *op, const one_sample *one, six_tap *tap)
{
    const conv2d *a = op->attr;
    six_correlation c = {
        .depth = (int32_t)(op->in[0].dim[0] / a->groups),
        .outputs = (int32_t)(op->out[0].dim[0] / a->groups),
        .tap = tap,
        .stride_h = 1,
        .stride_w = 1,
        .in_h = 1,
        .in_w = INT32_MAX,
        .x_plane = one->plane,
        .x_step = SIX_LANES,
        .tap_step = 1,
        .rows = 1,
        .columns = one->vectors,
        .y_plane = one->vectors * SIX_LANES,
        .y_step = SIX_LANES,
    };
    for (int64_t u = 0; u < a->kernel_size[0]; u++)
        for (int64_t v = 0; v < a->kernel_size[1]; v++) {
            int64_t h, w, p = piece_of(a, one, 0, u, &h), q = piece_of(a, one, 1, v, &w);
            tap[c.taps++] =
                (six_tap){0, (int32_t)(((p * one->pieces[1] + q) * one->length[0] + h) * one->length[1] + w)};
        }
    return c;
}

/* The forward correlation of one sample: of its planes as they are by Winograd's algorithm, else of its pieces. */
static six_correlation forward_of_one(const six_op *op, const one_sample *one, six_tap *tap)
{
    six_correlation c = forward_of(op, tap);
    if (!c.winograd)
        return one_sample_correlation(op, one, tap);
    c.x_plane = c.in_h * c.in_w;
    c.x_row = c.in_w;
    c.y_plane = c.rows * c.columns;
    c.y_row = c.columns;
    c.x_step = c.y_step = 1;
    return c;
}

static int64_t weight_count(const six_op *op) { return six_shape_size(&op->param[0].shape); }

static void memory_reqs_of_one(const six_op *op, six_memory_reqs *n)
{
    six_tap tap[MAX_TAPS];
    one_sample one = one_sample_of(op);
    six_correlation c = forward_of_one(op, &one, tap);
    n->scratch = six_correlate_scratch(&c) + (c.winograd ? 0 : one_sample_reals(op) * (int64_t)sizeof(real));
    n->shared = ((const conv2d *)op->attr)->groups * six_packed_size(&c) * (int64_t)sizeof(real);
}

static void require_scratch(six_memory_reqs *n, int64_t bytes) { n->scratch = n->scratch < bytes ? bytes : n->scratch; }

static void memory_reqs_of_group(const six_run *run, six_memory_reqs *n)
{
    const six_op *op = run->op;
    const conv2d *a = op->attr;
    six_tap tap[MAX_TAPS];
    int32_t w_tap[MAX_TAPS];
    six_correlation c = forward_of(op, tap);
    int64_t packed = six_packed_size(&c);
    require_scratch(n, six_correlate_scratch(&c));
    if (run->training)
        require_scratch(n, six_correlate_weights_scratch(&c));
    for (int64_t p = 0; run->training && p < phases(a, 0); p++)
        for (int64_t q = 0; q < phases(a, 1); q++) {
            c = phase_of(op, p, q, tap, w_tap);
            packed += six_packed_size(&c);
            require_scratch(n, six_correlate_scratch(&c));
        }
    n->shared = a->groups * packed * (int64_t)sizeof(real);
}

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    if (run->lanes == 1)
        memory_reqs_of_one(run->op, n);
    else
        memory_reqs_of_group(run, n);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    const conv2d *a = op->attr;
    six_tap tap[MAX_TAPS];
    six_correlation c = forward_of(op, tap);
    for (int64_t s = 0; s < a->groups; s++)
        six_correlate(&c, tile->x[0] + s * c.depth * c.x_plane, (real *)run->shared + s * six_packed_size(&c),
                      a->bias ? run->value[1] + s * c.outputs : NULL, tile->y[0] + s * c.outputs * c.y_plane, scratch);
}

static int32_t begin_forward(six_run *run, six_tile *tiles)
{
    const six_op *op = run->op;
    const conv2d *a = op->attr;
    six_tap tap[MAX_TAPS];
    int32_t w_tap[MAX_TAPS];
    one_sample one = one_sample_of(op);
    six_correlation c = run->lanes == 1 ? forward_of_one(op, &one, tap) : forward_of(op, tap);
    int64_t slice = weight_count(op) / a->groups;
    (void)tiles;
    for (int32_t t = 0; t < c.taps; t++)
        w_tap[t] = t;
    for (int64_t s = 0; s < a->groups; s++)
        six_pack(&c, run->value[0] + s * slice, c.depth * c.taps, c.taps, w_tap,
                 (real *)run->shared + s * six_packed_size(&c));
    return SIXNET_OK;
}

/* A slice of channels by way of the pieces. */
static void correlate_pieces(const six_op *op, const one_sample *one, const six_correlation *c, const real *x,
                             const real *w, const real *bias, real *y, real *scratch)
{
    const int64_t *in = op->in[0].dim, *out = op->out[0].dim;
    bool dense = one->pieces[0] * one->pieces[1] == 1 && !one->by_tap[0] && !one->by_tap[1];
    real *copy = scratch, *uncut = copy + (one->as_it_is ? 0 : c->depth * one->plane);
    for (int64_t d = 0; d < c->depth && !one->as_it_is; d++)
        (dense ? copy_padded : copy_pieces)(op, one, x + d * in[1] * in[2], copy + d * one->plane);
    six_correlate(c, one->as_it_is ? x : copy, w, bias, uncut, uncut + c->outputs * c->y_plane);
    for (int64_t o = 0; o < c->outputs; o++)
        for (int64_t row = 0; row < out[1]; row++)
            copy_vectors(y + (o * out[1] + row) * out[2], uncut + o * c->y_plane + row * one->length[1], out[2]);
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    const conv2d *a = op->attr;
    const int64_t in_plane = op->in[0].dim[1] * op->in[0].dim[2], out_plane = op->out[0].dim[1] * op->out[0].dim[2];
    six_tap tap[MAX_TAPS];
    one_sample one = one_sample_of(op);
    six_correlation c = forward_of_one(op, &one, tap);
    for (int64_t s = 0; s < a->groups; s++) {
        const real *x = tile->x[0] + s * c.depth * in_plane, *w = (real *)run->shared + s * six_packed_size(&c),
                   *bias = a->bias ? run->value[1] + s * c.outputs : NULL;
        real *y = tile->y[0] + s * c.outputs * out_plane;
        if (c.winograd)
            six_correlate(&c, x, w, bias, y, scratch);
        else
            correlate_pieces(op, &one, &c, x, w, bias, y, scratch);
    }
}

/* Behind the weights of forward those of every phase and slice, one after another. */
static real *backward_weights(const six_run *run)
{
    const six_op *op = run->op;
    six_tap tap[MAX_TAPS];
    six_correlation c = forward_of(op, tap);
    return (real *)run->shared + ((const conv2d *)op->attr)->groups * six_packed_size(&c);
}

static int32_t begin_backward(six_run *run, six_tile *tiles)
{
    const six_op *op = run->op;
    const conv2d *a = op->attr;
    six_tap tap[MAX_TAPS];
    int32_t w_tap[MAX_TAPS];
    int64_t slice = weight_count(op) / a->groups, taps = a->kernel_size[0] * a->kernel_size[1];
    real *packed = backward_weights(run);
    (void)tiles;
    for (int64_t p = 0; p < phases(a, 0); p++)
        for (int64_t q = 0; q < phases(a, 1); q++) {
            six_correlation c = phase_of(op, p, q, tap, w_tap);
            for (int64_t s = 0; s < a->groups; s++, packed += six_packed_size(&c))
                six_pack(&c, run->value[0] + s * slice, taps, taps * c.outputs, w_tap, packed);
        }
    return SIXNET_OK;
}

static void backward_input(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    const conv2d *a = op->attr;
    const int64_t width = op->in[0].dim[2];
    six_tap tap[MAX_TAPS];
    int32_t w_tap[MAX_TAPS];
    const real *packed = backward_weights(run);
    if (phases(a, 0) < a->stride[0] || phases(a, 1) < a->stride[1])
        memset(tile->dx[0], 0, (size_t)six_shape_size(&op->in[0]) * SIX_LANES * sizeof(real));
    for (int64_t p = 0; p < phases(a, 0); p++)
        for (int64_t q = 0; q < phases(a, 1); q++) {
            six_correlation c = phase_of(op, p, q, tap, w_tap);
            const int64_t first = phase_begin(a, 0, p) * width + phase_begin(a, 1, q);
            for (int64_t s = 0; s < a->groups; s++, packed += six_packed_size(&c))
                six_correlate(&c, tile->dy[0] + s * c.depth * c.x_plane, packed, NULL,
                              tile->dx[0] + s * c.outputs * c.y_plane + first * SIX_LANES, scratch);
        }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    const conv2d *a = op->attr;
    six_tap tap[MAX_TAPS];
    six_correlation c = forward_of(op, tap);
    for (int64_t s = 0; tile->partial && s < a->groups; s++)
        six_correlate_weights(&c, tile->x[0] + s * c.depth * c.x_plane, tile->dy[0] + s * c.outputs * c.y_plane,
                              tile->partial + s * c.outputs * c.depth * c.taps, c.depth * c.taps, scratch);
    if (tile->dx[0])
        backward_input(run, tile, scratch);
    for (int64_t o = 0; tile->partial && a->bias && o < op->out[0].dim[0]; o++)
        tile->partial[weight_count(op) + o] = six_sum(tile->dy[0] + o * c.y_plane, c.y_plane);
}

SIX_LAYER(conv2d) = {
    .kind = {"conv2d", "2-d convolution", attrs, sizeof(conv2d)},
    .title = "Conv2d",
    .prefix = "conv",
    .inputs_min = 1,
    .inputs_max = 1,
    .is_linear_in_weights = true,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(conv2d) = {
    .memory_reqs = memory_reqs,
    .begin_forward = begin_forward,
    .forward = forward,
    .forward_one = forward_one,
    .begin_backward = begin_backward,
    .backward = backward,
};
