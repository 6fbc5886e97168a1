/* SPDX-License-Identifier: MIT */

/* y[c][i][j] = the largest x[c][i * stride - padding + a * dilation][j * stride - padding + b * dilation] inside of the input.
 *
 * As in PyTorch, the gradient goes to the first of equal maxima in the order of rows, and NaN is larger than everything. Forward notes for
 * every value where its maximum came from: two bits in the common case of 2x2 windows side by side, else the place in the image. */

#include <string.h>

#include "simd/lane_sums.h"
#include "pooling.h"

enum { QUAD = 16 };

#define WINDOW_ATTRS(type, axis, extent)                                                                               \
    SIX_POOL_WINDOW(type, axis, extent),                                                                               \
        SIX_POOL_ROW(dilation, type, axis, 1, "1", "distance between the taps of a window"),                           \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }
static const six_attr attrs2d[] = {WINDOW_ATTRS(SIX_PAIR, 0, "height and width")};
static const six_attr attrs1d[] = {WINDOW_ATTRS(SIX_INT, 1, "length")};
static const six_attr adaptive2d_attrs[] = {SIX_POOL_OUTPUT(SIX_PAIR, 0, "height and width")};

typedef int32_t place __attribute__((vector_size(SIX_WIDTH * 4), may_alias, aligned(4)));

static int32_t setup_rank(six_op *op, int32_t rank)
{
    char in[160];
    const int32_t status = six_pool_setup(op, rank);
    if (!status && six_shape_size(&op->in[0]) / op->in[0].dim[0] > INT32_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: an image of %s has more than 2^31 - 1 places", op->name,
                        six_shape_text(&op->in[0], in));
    return status;
}

static int32_t setup2d(six_op *op) { return setup_rank(op, 3); }
static int32_t setup1d(six_op *op) { return setup_rank(op, 2); }

static six_pool pool_of(const six_run *run) { return six_pool_of(run->op, run->op->in[0].rank); }

/* Whether the windows are 2x2, side by side and all inside. */
static bool is_2x2(const six_pool *p)
{
    for (int axis = 0; axis < 2; axis++)
        if (p->adaptive || p->kernel_size[axis] != 2 || p->stride[axis] != 2 || p->padding[axis] != 0 ||
            p->dilation[axis] != 1 || p->out[axis] * 2 > p->in[axis])
            return false;
    return true;
}

/* How many numbers are kept for one row of 2x2 windows. */
static int64_t pool2x2_notes(const six_pool *p) { return (p->out[1] + QUAD - 1) / QUAD * SIX_LANES; }

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const six_pool p = pool_of(run);
    if (!run->training)
        return;
    n->saved = is_2x2(&p) ? p.channels * p.out[0] * pool2x2_notes(&p) * (int64_t)sizeof(real)
                          : p.channels * p.out[0] * p.out[1] * SIX_LANES * (int64_t)sizeof(int32_t);
}

/* Makes v the best so far, and tap where it is, if it is larger or NaN. */
SIX_INLINE void update_max(vec v, ivec tap, vec *best, ivec *at)
{
    ivec wins = six_greater(v, *best) | (ivec)(v != v);
    *best = six_select(wins, v, *best);
    *at = (tap & wins) | (*at & ~wins);
}

/* The 2x2 windows of two rows. The taps of up to QUAD windows side by side are noted in one number, two bits each. */
SIX_INLINE void pool2x2_forward(const real *top, const real *bottom, int64_t columns, real *y, real *saved)
{
    for (int64_t begin = 0; begin < columns; begin += QUAD)
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
            int64_t end = begin + QUAD < columns ? begin + QUAD : columns;
            ivec taps = {0};
            for (int64_t j = begin; j < end; j++) {
                int64_t first = 2 * j * SIX_LANES + part;
                vec best = six_load(top + first);
                ivec at = {0};
                update_max(six_load(top + first + SIX_LANES), six_set_int(1), &best, &at);
                update_max(six_load(bottom + first), six_set_int(2), &best, &at);
                update_max(six_load(bottom + first + SIX_LANES), six_set_int(3), &best, &at);
                six_store(y + j * SIX_LANES + part, best);
                taps |= at << (int)(2 * (j - begin));
            }
            if (saved)
                six_store(saved + begin / QUAD * SIX_LANES + part, (vec)taps);
        }
}

SIX_INLINE void pool2x2_backward(real *top, real *bottom, int64_t columns, const real *dy, const real *saved)
{
    for (int64_t begin = 0; begin < columns; begin += QUAD)
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
            int64_t end = begin + QUAD < columns ? begin + QUAD : columns;
            ivec taps = (ivec)six_load(saved + begin / QUAD * SIX_LANES + part);
            for (int64_t j = begin; j < end; j++, taps >>= 2) {
                int64_t first = 2 * j * SIX_LANES + part;
                ivec d = (ivec)six_load(dy + j * SIX_LANES + part), at = taps & 3;
                six_store(top + first, (vec)(d & (ivec)(at == 0)));
                six_store(top + first + SIX_LANES, (vec)(d & (ivec)(at == 1)));
                six_store(bottom + first, (vec)(d & (ivec)(at == 2)));
                six_store(bottom + first + SIX_LANES, (vec)(d & (ivec)(at == 3)));
            }
        }
}

/* All of one image with 2x2 windows. */
SIX_INLINE void pool2x2_image(const six_pool *p, const real *x, real *y, real *saved)
{
    const int64_t width = p->in[1] * SIX_LANES, columns = p->out[1];
    for (int64_t i = 0; i < p->out[0]; i++)
        pool2x2_forward(x + 2 * i * width, x + (2 * i + 1) * width, columns, y + i * columns * SIX_LANES,
                        saved ? saved + i * pool2x2_notes(p) : NULL);
}

/* An odd column or row at the end is in no window. */
SIX_INLINE void pool2x2_image_backward(const six_pool *p, real *dx, const real *dy, const real *saved)
{
    const int64_t width = p->in[1] * SIX_LANES, rows = p->out[0], columns = p->out[1],
                  rest = width - 2 * columns * SIX_LANES;
    for (int64_t i = 0; i < rows; i++, dx += 2 * width) {
        pool2x2_backward(dx, dx + width, columns, dy + i * columns * SIX_LANES, saved + i * pool2x2_notes(p));
        memset(dx + width - rest, 0, (size_t)rest * sizeof *dx);
        memset(dx + 2 * width - rest, 0, (size_t)rest * sizeof *dx);
    }
    memset(dx, 0, (size_t)((p->in[0] - 2 * rows) * width) * sizeof *dx);
}

/* The largest of one window of an image, and where. */
SIX_INLINE void window_max(const real *x, int64_t width, six_interval rows, six_interval columns,
                           const int64_t dilation[2], real *y, int32_t *saved)
{
    for (int part = 0; part < SIX_PARTS; part++, x += SIX_WIDTH) {
        int64_t first = rows.begin * width + columns.begin;
        vec best = six_load(x + first * SIX_LANES);
        ivec at = six_set_int((six_int)first);
        for (int64_t row = rows.begin; row < rows.end; row += dilation[0])
            for (int64_t column = columns.begin; column < columns.end; column += dilation[1])
                update_max(six_load(x + (row * width + column) * SIX_LANES),
                           six_set_int((six_int)(row * width + column)), &best, &at);
        six_store(y + part * SIX_WIDTH, best);
        if (saved)
            *(place *)(saved + part * SIX_WIDTH) = __builtin_convertvector(at, place);
    }
}

/* All of one image, with windows of any kind. */
static void any_image(const six_pool *p, const real *x, real *y, int32_t *saved)
{
    for (int64_t i = 0; i < p->out[0]; i++)
        for (int64_t j = 0; j < p->out[1]; j++)
            window_max(x, p->in[1], six_pool_interval(p, 0, i), six_pool_interval(p, 1, j), p->dilation,
                       y + (i * p->out[1] + j) * SIX_LANES, saved ? saved + (i * p->out[1] + j) * SIX_LANES : NULL);
}

static void any_image_backward(const six_pool *p, real *dx, const real *dy, const int32_t *saved)
{
    const int64_t size = p->out[0] * p->out[1] * SIX_LANES;
    memset(dx, 0, (size_t)(p->in[0] * p->in[1] * SIX_LANES) * sizeof *dx);
    for (int64_t o = 0; o < size; o += SIX_LANES)
        for (int lane = 0; lane < SIX_LANES; lane++)
            dx[(int64_t)saved[o + lane] * SIX_LANES + lane] += dy[o + lane];
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_pool p = pool_of(run);
    const int64_t in = p.in[0] * p.in[1] * SIX_LANES, out = p.out[0] * p.out[1] * SIX_LANES;
    const bool is_pool2x2 = is_2x2(&p);
    (void)scratch;
    for (int64_t c = 0; c < p.channels; c++)
        if (is_pool2x2)
            pool2x2_image(&p, tile->x[0] + c * in, tile->y[0] + c * out,
                          run->training ? (real *)tile->saved + c * p.out[0] * pool2x2_notes(&p) : NULL);
        else
            any_image(&p, tile->x[0] + c * in, tile->y[0] + c * out,
                      run->training ? (int32_t *)tile->saved + c * out : NULL);
}

/* One sample: the 2x2 windows of two rows, SIX_WIDTH of them side by side. The last ones spill over into the next row, still to come. */
SIX_INLINE void pool2x2_one(const real *top, const real *bottom, int64_t columns, real *y)
{
    for (int64_t j = 0; j < columns; j += SIX_WIDTH) {
        vec t[2] = {six_load(top + 2 * j), six_load(top + 2 * j + SIX_WIDTH)};
        vec b[2] = {six_load(bottom + 2 * j), six_load(bottom + 2 * j + SIX_WIDTH)};
        vec best = six_even(t[0], t[1]);
        ivec at = {0};
        update_max(six_odd(t[0], t[1]), at, &best, &at);
        update_max(six_even(b[0], b[1]), at, &best, &at);
        update_max(six_odd(b[0], b[1]), at, &best, &at);
        six_store(y + j, best);
    }
}

static real window_max_one(const real *x, int64_t width, six_interval rows, six_interval columns,
                           const int64_t dilation[2])
{
    real best = x[rows.begin * width + columns.begin];
    for (int64_t row = rows.begin; row < rows.end; row += dilation[0])
        for (int64_t column = columns.begin; column < columns.end; column += dilation[1]) {
            real v = x[row * width + column];
            best = v > best || v != v ? v : best;
        }
    return best;
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_pool p = pool_of(run);
    const int64_t width = p.in[1], columns = p.out[1];
    const real *x = tile->x[0];
    real *y = tile->y[0];
    const bool is_pool2x2 = is_2x2(&p);
    (void)scratch;
    for (int64_t c = 0; c < p.channels; c++, x += p.in[0] * width)
        for (int64_t i = 0; i < p.out[0]; i++, y += columns) {
            if (is_pool2x2)
                pool2x2_one(x + 2 * i * width, x + (2 * i + 1) * width, columns, y);
            for (int64_t j = 0; !is_pool2x2 && j < columns; j++)
                y[j] = window_max_one(x, width, six_pool_interval(&p, 0, i), six_pool_interval(&p, 1, j), p.dilation);
        }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_pool p = pool_of(run);
    const int64_t in = p.in[0] * p.in[1] * SIX_LANES, out = p.out[0] * p.out[1] * SIX_LANES;
    const bool is_pool2x2 = is_2x2(&p);
    (void)scratch;
    for (int64_t c = 0; tile->dx[0] && c < p.channels; c++)
        if (is_pool2x2)
            pool2x2_image_backward(&p, tile->dx[0] + c * in, tile->dy[0] + c * out,
                                   (const real *)tile->saved + c * p.out[0] * pool2x2_notes(&p));
        else
            any_image_backward(&p, tile->dx[0] + c * in, tile->dy[0] + c * out, (const int32_t *)tile->saved + c * out);
}

#define DESCRIPTION .prefix = "maxpool", .inputs_min = 1, .inputs_max = 1
#define KERNELS .memory_reqs = memory_reqs, .forward = forward, .forward_one = forward_one, .backward = backward

SIX_LAYER(maxpool1d) = {
    .kind = {"maxpool1d", "the largest value of each window of a sequence", attrs1d, sizeof(six_pool_attrs)},
    .title = "MaxPool1d",
    .setup = setup1d,
    DESCRIPTION,
};

SIX_LAYER(maxpool2d) = {
    .kind = {"maxpool2d", "the largest value of each window of an image", attrs2d, sizeof(six_pool_attrs)},
    .title = "MaxPool2d",
    .setup = setup2d,
    DESCRIPTION,
};

SIX_LAYER(adaptive_maxpool2d) = {
    .kind = {"adaptive_maxpool2d", "largest values of as many windows as are asked for", adaptive2d_attrs,
             sizeof(six_pool_attrs)},
    .title = "AdaptiveMaxPool2d",
    .setup = setup2d,
    DESCRIPTION,
};

SIX_KERNELS(maxpool1d) = {KERNELS};
SIX_KERNELS(maxpool2d) = {KERNELS};
SIX_KERNELS(adaptive_maxpool2d) = {KERNELS};
