/* SPDX-License-Identifier: MIT */

/* Convolutions of one sample, see convolution.h: positions lie in the lanes, SIX_LANES of a plane side by side, whatever row they are in. The padded input is cut into pieces,
 * so that windows side by side are values side by side: on each axis either a piece for each remainder modulo the stride, in which taps of
 * one remainder are at different offsets, or, where that is less, a piece for each tap, which has the outputs' extent. So the copy is never
 * larger than the values that the windows take. A piece is a plane of `length[0]` x `length[1]`, where the last columns of a row are no
 * positions but are computed as if they were. */

#include <string.h>

#include "layers/convolution.h"
#include "layers/winograd.h"

typedef struct one_sample {
    int64_t length[2], pieces[2]; /* of each axis */
    bool by_tap[2];
    int64_t plane;   /* the pieces of one channel, if copied with space for the last vector */
    int64_t vectors; /* of positions */
    bool as_it_is;   /* the input needs no padding and is in one piece */
} one_sample;

/* Whether no window reaches over a bound of x. */
static bool is_unpadded(const six_convolution *g)
{
    for (int axis = 0; axis < 2; axis++)
        if (g->padding[axis] ||
            (g->y[1 + axis] - 1) * g->stride[axis] + g->dilation[axis] * (g->kernel_size[axis] - 1) >= g->x[1 + axis])
            return false;
    return true;
}

static one_sample one_sample_of(const six_convolution *g)
{
    const int64_t *out = g->y, *s = g->stride;
    one_sample one = {.as_it_is = is_unpadded(g) && s[0] * s[1] == 1};
    for (int axis = 0; axis < 2; axis++) {
        const int64_t k = g->kernel_size[axis], length = out[1 + axis] + g->dilation[axis] * (k - 1) / s[axis];
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

static int64_t one_sample_reals(const six_convolution *g)
{
    one_sample one = one_sample_of(g);
    return (one.as_it_is ? 0 : g->x[0] / g->groups * one.plane) + g->y[0] / g->groups * one.vectors * SIX_LANES +
           SIX_LANES;
}

/* count values, and what else is in the last vector. */
SIX_INLINE void copy_vectors(real *to, const real *from, int64_t count)
{
    for (int64_t i = 0; i < count; i += SIX_WIDTH)
        six_store(to + i, six_load(from + i));
}

/* One channel, padded: what a row's last vector spills over is padding, made zero again, or the next row, still to come. */
static void copy_padded(const six_convolution *g, const one_sample *one, const real *x, real *to)
{
    const int64_t *in = g->x;
    int64_t width = one->length[1], first = g->padding[0] * width + g->padding[1], gap = width - in[2],
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
static void copy_pieces(const six_convolution *g, const one_sample *one, const real *x, real *to)
{
    const int64_t *in = g->x, *s = g->stride;
    memset(to, 0, (size_t)one->plane * sizeof *to);
    for (int64_t p = 0; p < one->pieces[0]; p++)
        for (int64_t q = 0; q < one->pieces[1]; q++) {
            int64_t row = p * (one->by_tap[0] ? g->dilation[0] : 1) - g->padding[0];
            const int64_t column = q * (one->by_tap[1] ? g->dilation[1] : 1) - g->padding[1];
            for (int64_t h = 0; h < one->length[0]; h++, row += s[0], to += one->length[1])
                if (row >= 0 && row < in[1])
                    copy_row(x + row * in[2], in[2], column, s[1], one->length[1], to);
        }
}

/* The piece of tap u of an axis, and where in it the tap begins. */
static int64_t piece_of(const six_convolution *g, const one_sample *one, int axis, int64_t u, int64_t *at)
{
    const int64_t place = u * g->dilation[axis], s = g->stride[axis];
    *at = one->by_tap[axis] ? 0 : place / s;
    return one->by_tap[axis] ? u : place % s;
}

static six_correlation one_sample_correlation(const six_convolution *g, const one_sample *one, six_tap *tap)
{
    six_correlation c = {
        .depth = (int32_t)(g->x[0] / g->groups),
        .outputs = (int32_t)(g->y[0] / g->groups),
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
    for (int64_t u = 0; u < g->kernel_size[0]; u++)
        for (int64_t v = 0; v < g->kernel_size[1]; v++) {
            int64_t h, w, p = piece_of(g, one, 0, u, &h), q = piece_of(g, one, 1, v, &w);
            tap[c.taps++] =
                (six_tap){0, (int32_t)(((p * one->pieces[1] + q) * one->length[0] + h) * one->length[1] + w)};
        }
    return c;
}

/* Of the planes of x as they are by Winograd's algorithm, else of its pieces. */
static six_correlation correlation_of(const six_convolution *g, const one_sample *one, six_tap *tap)
{
    six_correlation c = six_conv_correlation(g, tap);
    if (!c.winograd)
        return one_sample_correlation(g, one, tap);
    c.x_plane = c.in_h * c.in_w;
    c.x_row = c.in_w;
    c.y_plane = c.rows * c.columns;
    c.y_row = c.columns;
    c.x_step = c.y_step = 1;
    return c;
}

void six_conv_one_memory_reqs(const six_convolution *g, six_memory_reqs *n)
{
    six_tap tap[SIX_CONV_TAPS];
    const one_sample one = one_sample_of(g);
    const six_correlation c = correlation_of(g, &one, tap);
    n->scratch = six_correlate_scratch(&c) + (c.winograd ? 0 : one_sample_reals(g) * (int64_t)sizeof(real));
    n->shared = g->groups * six_packed_size(&c) * (int64_t)sizeof(real);
}

void six_conv_one_pack(const six_convolution *g, const real *weight, real *packed)
{
    six_tap tap[SIX_CONV_TAPS];
    const one_sample one = one_sample_of(g);
    const six_correlation c = correlation_of(g, &one, tap);
    six_conv_pack_for(g, &c, weight, packed);
}

/* A slice of channels by way of the pieces. */
static void correlate_pieces(const six_convolution *g, const one_sample *one, const six_correlation *c, const real *x,
                             const real *w, const real *bias, real *y, real *scratch)
{
    const int64_t *out = g->y, plane = g->x[1] * g->x[2];
    const bool dense = one->pieces[0] * one->pieces[1] == 1 && !one->by_tap[0] && !one->by_tap[1];
    real *copy = scratch, *uncut = copy + (one->as_it_is ? 0 : c->depth * one->plane);
    for (int64_t d = 0; d < c->depth && !one->as_it_is; d++)
        (dense ? copy_padded : copy_pieces)(g, one, x + d * plane, copy + d * one->plane);
    six_correlate(c, one->as_it_is ? x : copy, w, bias, uncut, uncut + c->outputs * c->y_plane);
    for (int64_t o = 0; o < c->outputs; o++)
        for (int64_t row = 0; row < out[1]; row++)
            copy_vectors(y + (o * out[1] + row) * out[2], uncut + o * c->y_plane + row * one->length[1], out[2]);
}

void six_conv_one(const six_convolution *g, const real *x, const real *packed, const real *bias, real *y, void *scratch)
{
    const int64_t x_plane = g->x[1] * g->x[2], y_plane = g->y[1] * g->y[2];
    six_tap tap[SIX_CONV_TAPS];
    const one_sample one = one_sample_of(g);
    const six_correlation c = correlation_of(g, &one, tap);
    for (int64_t s = 0; s < g->groups; s++, x += c.depth * x_plane, y += c.outputs * y_plane) {
        const real *w = packed + s * six_packed_size(&c), *b = bias ? bias + s * c.outputs : NULL;
        if (c.winograd)
            six_correlate(&c, x, w, b, y, scratch);
        else
            correlate_pieces(g, &one, &c, x, w, b, y, scratch);
    }
}
