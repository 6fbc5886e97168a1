/* SPDX-License-Identifier: MIT */

/* The kernels of convolutions on tiles; see convolution.h. */

#include "layers/convolution.h"

#include "layers/winograd.h"

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
static bool takes_winograd(const six_convolution *g, const six_correlation *c)
{
    enum { TRANSFORM = 192, SIDE_MIN = 5, CHANNELS_MAX = 1024 };
    const bool window = g->kernel_size[0] == 3 && g->kernel_size[1] == 3 && g->stride[0] * g->stride[1] == 1 &&
                        g->dilation[0] * g->dilation[1] == 1;
    if (g->direct || !window || c->rows < SIDE_MIN || c->columns < SIDE_MIN || c->depth > CHANNELS_MAX ||
        c->outputs > CHANNELS_MAX)
        return false;
    const six_tap first = six_winograd_origin(c);
    const int64_t tiles = (c->rows + 3) / 4 * ((c->columns + 3) / 4), pairs = (int64_t)c->depth * c->outputs;
    return tiles * (36 * pairs + TRANSFORM * ((int64_t)c->depth + c->outputs)) <
           pairs * values_seen(c->in_h, c->rows, first.h) * values_seen(c->in_w, c->columns, first.w);
}

six_correlation six_conv_correlation(const six_convolution *g, six_tap *tap)
{
    const int64_t *x = g->x, *y = g->y;
    six_correlation c = {
        .depth = (int32_t)(x[0] / g->groups),
        .outputs = (int32_t)(y[0] / g->groups),
        .tap = tap,
        .stride_h = (int32_t)g->stride[0],
        .stride_w = (int32_t)g->stride[1],
        .in_h = x[1],
        .in_w = x[2],
        .x_plane = x[1] * x[2] * SIX_LANES,
        .x_row = x[2] * SIX_LANES,
        .x_step = SIX_LANES,
        .rows = y[1],
        .columns = y[2],
        .y_plane = y[1] * y[2] * SIX_LANES,
        .y_row = y[2] * SIX_LANES,
        .y_step = SIX_LANES,
    };
    for (int64_t u = 0; u < g->kernel_size[0]; u++)
        for (int64_t v = 0; v < g->kernel_size[1]; v++)
            tap[c.taps++] =
                (six_tap){(int32_t)(u * g->dilation[0] - g->padding[0]), (int32_t)(v * g->dilation[1] - g->padding[1])};
    flatten(&c);
    c.winograd = takes_winograd(g, &c);
    return c;
}

/* Remainders modulo the stride repeat along an axis after so many taps. */
static int64_t period(const six_convolution *g, int axis)
{
    int64_t x = g->stride[axis], y = g->dilation[axis];
    while (y) {
        const int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return g->stride[axis] / x;
}

/* The phases of an axis: phase p has the taps p, p + period, p + 2 period, ... */
static int64_t phases(const six_convolution *g, int axis)
{
    const int64_t all = period(g, axis);
    return all < g->kernel_size[axis] ? all : g->kernel_size[axis];
}

/* The first value of x of a phase. */
static int64_t phase_begin(const six_convolution *g, int axis, int64_t phase)
{
    const int64_t s = g->stride[axis], rest = (phase * g->dilation[axis] - g->padding[axis]) % s;
    return rest < 0 ? rest + s : rest;
}

/* How many values of x a phase has. */
static int64_t phase_size(const six_convolution *g, int axis, int64_t begin)
{
    const int64_t x = g->x[1 + axis], s = g->stride[axis];
    return begin < x ? (x - begin + s - 1) / s : 0;
}

/* Phase (p, q) from y to x. */
static six_correlation phase_of(const six_convolution *g, int64_t p, int64_t q, six_tap *tap, int32_t *w_tap)
{
    const int64_t *x = g->x, *y = g->y, *s = g->stride;
    const int64_t h = phase_begin(g, 0, p), w = phase_begin(g, 1, q), down = period(g, 0), right = period(g, 1);
    six_correlation c = {
        .depth = (int32_t)(y[0] / g->groups),
        .outputs = (int32_t)(x[0] / g->groups),
        .tap = tap,
        .stride_h = 1,
        .stride_w = 1,
        .in_h = y[1],
        .in_w = y[2],
        .x_plane = y[1] * y[2] * SIX_LANES,
        .x_row = y[2] * SIX_LANES,
        .x_step = SIX_LANES,
        .rows = phase_size(g, 0, h),
        .columns = phase_size(g, 1, w),
        .y_plane = x[1] * x[2] * SIX_LANES,
        .y_row = s[0] * x[2] * SIX_LANES,
        .y_step = s[1] * SIX_LANES,
    };
    for (int64_t u = p; u < g->kernel_size[0]; u += down)
        for (int64_t v = q; v < g->kernel_size[1]; v += right) {
            tap[c.taps] = (six_tap){(int32_t)((h + g->padding[0] - u * g->dilation[0]) / s[0]),
                                    (int32_t)((w + g->padding[1] - v * g->dilation[1]) / s[1])};
            w_tap[c.taps++] = (int32_t)(u * g->kernel_size[1] + v);
        }
    flatten(&c);
    c.winograd = takes_winograd(g, &c);
    return c;
}

/* ---- memory ---- */

int64_t six_conv_packed_size(const six_convolution *g)
{
    six_tap tap[SIX_CONV_TAPS];
    const six_correlation c = six_conv_correlation(g, tap);
    return g->groups * six_packed_size(&c);
}

int64_t six_conv_scratch(const six_convolution *g)
{
    six_tap tap[SIX_CONV_TAPS];
    const six_correlation c = six_conv_correlation(g, tap);
    return six_correlate_scratch(&c);
}

int64_t six_conv_scratch_weights(const six_convolution *g)
{
    six_tap tap[SIX_CONV_TAPS];
    const six_correlation c = six_conv_correlation(g, tap);
    return six_correlate_weights_scratch(&c);
}

int64_t six_conv_packed_size_back(const six_convolution *g)
{
    six_tap tap[SIX_CONV_TAPS];
    int32_t w_tap[SIX_CONV_TAPS];
    int64_t size = 0;
    for (int64_t p = 0; p < phases(g, 0); p++)
        for (int64_t q = 0; q < phases(g, 1); q++) {
            const six_correlation c = phase_of(g, p, q, tap, w_tap);
            size += six_packed_size(&c);
        }
    return g->groups * size;
}

int64_t six_conv_scratch_back(const six_convolution *g)
{
    six_tap tap[SIX_CONV_TAPS];
    int32_t w_tap[SIX_CONV_TAPS];
    int64_t most = 0;
    for (int64_t p = 0; p < phases(g, 0); p++)
        for (int64_t q = 0; q < phases(g, 1); q++) {
            const six_correlation c = phase_of(g, p, q, tap, w_tap);
            const int64_t bytes = six_correlate_scratch(&c);
            most = bytes > most ? bytes : most;
        }
    return most;
}

/* ---- from x to y ---- */

void six_conv_pack_for(const six_convolution *g, const six_correlation *c, const real *weight, real *packed)
{
    const int64_t slice = (int64_t)c->outputs * c->depth * c->taps;
    int32_t w_tap[SIX_CONV_TAPS];
    for (int32_t t = 0; t < c->taps; t++)
        w_tap[t] = t;
    for (int64_t s = 0; s < g->groups; s++, packed += six_packed_size(c))
        six_pack(c, weight + s * slice, c->depth * c->taps, c->taps, w_tap, packed);
}

void six_conv_pack(const six_convolution *g, const real *weight, real *packed)
{
    six_tap tap[SIX_CONV_TAPS];
    const six_correlation c = six_conv_correlation(g, tap);
    six_conv_pack_for(g, &c, weight, packed);
}

void six_conv(const six_convolution *g, const real *x, const real *packed, const real *bias, real *y, void *scratch)
{
    six_tap tap[SIX_CONV_TAPS];
    const six_correlation c = six_conv_correlation(g, tap);
    for (int64_t s = 0; s < g->groups; s++)
        six_correlate(&c, x + s * c.depth * c.x_plane, packed + s * six_packed_size(&c),
                      bias ? bias + s * c.outputs : NULL, y + s * c.outputs * c.y_plane, scratch);
}

/* ---- from y to x: the weights of every phase and slice lie one after another ---- */

void six_conv_pack_back(const six_convolution *g, const real *weight, real *packed)
{
    six_tap tap[SIX_CONV_TAPS];
    int32_t w_tap[SIX_CONV_TAPS];
    const int64_t taps = six_conv_taps(g);
    for (int64_t p = 0; p < phases(g, 0); p++)
        for (int64_t q = 0; q < phases(g, 1); q++) {
            const six_correlation c = phase_of(g, p, q, tap, w_tap);
            for (int64_t s = 0; s < g->groups; s++, packed += six_packed_size(&c))
                six_pack(&c, weight + s * c.depth * c.outputs * taps, taps, taps * c.outputs, w_tap, packed);
        }
}

/* The values of x that no window sees. */
static void fill(const six_convolution *g, const real *bias, real *x)
{
    const int64_t plane = g->x[1] * g->x[2] * SIX_LANES;
    for (int64_t i = 0; i < g->x[0]; i++, x += plane) {
        const vec value = six_set(bias ? bias[i] : 0);
        for (int64_t k = 0; k < plane; k += SIX_WIDTH)
            six_store(x + k, value);
    }
}

void six_conv_back(const six_convolution *g, const real *y, const real *packed, const real *bias, real *x,
                   void *scratch)
{
    six_tap tap[SIX_CONV_TAPS];
    int32_t w_tap[SIX_CONV_TAPS];
    if (phases(g, 0) < g->stride[0] || phases(g, 1) < g->stride[1])
        fill(g, bias, x);
    for (int64_t p = 0; p < phases(g, 0); p++)
        for (int64_t q = 0; q < phases(g, 1); q++) {
            const six_correlation c = phase_of(g, p, q, tap, w_tap);
            const int64_t first = phase_begin(g, 0, p) * g->x[2] + phase_begin(g, 1, q);
            for (int64_t s = 0; s < g->groups; s++, packed += six_packed_size(&c))
                six_correlate(&c, y + s * c.depth * c.x_plane, packed, bias ? bias + s * c.outputs : NULL,
                              x + s * c.outputs * c.y_plane + first * SIX_LANES, scratch);
        }
}

void six_conv_weights(const six_convolution *g, const real *x, const real *y, real *dw, void *scratch)
{
    six_tap tap[SIX_CONV_TAPS];
    const six_correlation c = six_conv_correlation(g, tap);
    for (int64_t s = 0; s < g->groups; s++)
        six_correlate_weights(&c, x + s * c.depth * c.x_plane, y + s * c.outputs * c.y_plane,
                              dw + s * c.outputs * c.depth * c.taps, c.depth * c.taps, scratch);
}
