/* SPDX-License-Identifier: MIT */

/* y[c][i][j] = the largest x[c][i * stride - padding + a * dilation][j * stride - padding + b * dilation] inside of the input.
 *
 * As in PyTorch, the gradient goes to the first of equal maxima in the order of rows, and NaN is larger than everything. Forward notes for
 * every value where its maximum came from: two bits in the common case of 2x2 windows side by side, else the place in the image. */

#include <string.h>

#include "simd/lane_sums.h"
#include "pooling.h"

enum { QUAD = 16 };

typedef struct attributes {
    six_window window;
    int64_t dilation[2];
} attributes;

static const six_attr attrs[] = {
    SIX_WINDOW_ATTRS(attributes),
    {"dilation", SIX_PAIR, offsetof(attributes, dilation), 1, SIX_WINDOW_LIMIT, "1", NULL,
     "distance between the taps of a window"},
    {.name = NULL},
};

typedef int32_t place __attribute__((vector_size(SIX_WIDTH * 4), may_alias, aligned(4)));

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    char in[160];
    int32_t status = six_window_setup(op, &a->window, a->dilation);
    if (!status && op->in[0].dim[1] * op->in[0].dim[2] > INT32_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: an image of %s has more than 2^31 - 1 places", op->name,
                        six_shape_text(&op->in[0], in));
    return status;
}

/* Whether the windows are 2x2, side by side and all inside. */
static bool is_2x2(const six_op *op)
{
    const attributes *a = op->attr;
    for (int axis = 0; axis < 2; axis++)
        if (a->window.kernel_size[axis] != 2 || six_window_stride(&a->window, axis) != 2 ||
            a->window.padding[axis] != 0 || a->dilation[axis] != 1 ||
            op->out[0].dim[1 + axis] * 2 > op->in[0].dim[1 + axis])
            return false;
    return true;
}

/* How many numbers are kept for one row of 2x2 windows. */
static int64_t pool2x2_notes(const six_op *op) { return (op->out[0].dim[2] + QUAD - 1) / QUAD * SIX_LANES; }

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const six_op *op = run->op;
    if (!run->training)
        return;
    n->saved = is_2x2(op) ? op->out[0].dim[0] * op->out[0].dim[1] * pool2x2_notes(op) * (int64_t)sizeof(real)
                          : six_shape_size(&op->out[0]) * SIX_LANES * (int64_t)sizeof(int32_t);
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
SIX_INLINE void pool2x2_image(const six_op *op, const real *x, real *y, real *saved)
{
    int64_t width = op->in[0].dim[2] * SIX_LANES, rows = op->out[0].dim[1], columns = op->out[0].dim[2];
    for (int64_t i = 0; i < rows; i++)
        pool2x2_forward(x + 2 * i * width, x + (2 * i + 1) * width, columns, y + i * columns * SIX_LANES,
                        saved ? saved + i * pool2x2_notes(op) : NULL);
}

/* An odd column or row at the end is in no window. */
SIX_INLINE void pool2x2_image_backward(const six_op *op, real *dx, const real *dy, const real *saved)
{
    int64_t width = op->in[0].dim[2] * SIX_LANES, rows = op->out[0].dim[1], columns = op->out[0].dim[2],
            rest = width - 2 * columns * SIX_LANES;
    for (int64_t i = 0; i < rows; i++, dx += 2 * width) {
        pool2x2_backward(dx, dx + width, columns, dy + i * columns * SIX_LANES, saved + i * pool2x2_notes(op));
        memset(dx + width - rest, 0, (size_t)rest * sizeof *dx);
        memset(dx + 2 * width - rest, 0, (size_t)rest * sizeof *dx);
    }
    memset(dx, 0, (size_t)((op->in[0].dim[1] - 2 * rows) * width) * sizeof *dx);
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
static void any_image(const six_op *op, const real *x, real *y, int32_t *saved)
{
    const attributes *a = op->attr;
    int64_t height = op->in[0].dim[1], width = op->in[0].dim[2], rows = op->out[0].dim[1], columns = op->out[0].dim[2];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            window_max(x, width, six_window_interval(&a->window, 0, a->dilation[0], height, i),
                       six_window_interval(&a->window, 1, a->dilation[1], width, j), a->dilation,
                       y + (i * columns + j) * SIX_LANES, saved ? saved + (i * columns + j) * SIX_LANES : NULL);
}

static void any_image_backward(const six_op *op, real *dx, const real *dy, const int32_t *saved)
{
    int64_t size = op->out[0].dim[1] * op->out[0].dim[2] * SIX_LANES;
    memset(dx, 0, (size_t)(op->in[0].dim[1] * op->in[0].dim[2] * SIX_LANES) * sizeof *dx);
    for (int64_t o = 0; o < size; o += SIX_LANES)
        for (int lane = 0; lane < SIX_LANES; lane++)
            dx[(int64_t)saved[o + lane] * SIX_LANES + lane] += dy[o + lane];
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t in = op->in[0].dim[1] * op->in[0].dim[2] * SIX_LANES,
            out = op->out[0].dim[1] * op->out[0].dim[2] * SIX_LANES;
    bool is_pool2x2 = is_2x2(op);
    for (int64_t c = 0; c < op->out[0].dim[0]; c++)
        if (is_pool2x2)
            pool2x2_image(op, tile->x[0] + c * in, tile->y[0] + c * out,
                          run->training ? (real *)tile->saved + c * op->out[0].dim[1] * pool2x2_notes(op) : NULL);
        else
            any_image(op, tile->x[0] + c * in, tile->y[0] + c * out,
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
    const six_op *op = run->op;
    (void)scratch;
    const attributes *a = op->attr;
    int64_t height = op->in[0].dim[1], width = op->in[0].dim[2], columns = op->out[0].dim[2];
    const real *x = tile->x[0];
    real *y = tile->y[0];
    bool is_pool2x2 = is_2x2(op);
    for (int64_t c = 0; c < op->out[0].dim[0]; c++, x += height * width)
        for (int64_t i = 0; i < op->out[0].dim[1]; i++, y += columns) {
            if (is_pool2x2)
                pool2x2_one(x + 2 * i * width, x + (2 * i + 1) * width, columns, y);
            for (int64_t j = 0; !is_pool2x2 && j < columns; j++)
                y[j] = window_max_one(x, width, six_window_interval(&a->window, 0, a->dilation[0], height, i),
                                      six_window_interval(&a->window, 1, a->dilation[1], width, j), a->dilation);
        }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t in = op->in[0].dim[1] * op->in[0].dim[2] * SIX_LANES,
            out = op->out[0].dim[1] * op->out[0].dim[2] * SIX_LANES;
    bool is_pool2x2 = is_2x2(op);
    for (int64_t c = 0; tile->dx[0] && c < op->out[0].dim[0]; c++)
        if (is_pool2x2)
            pool2x2_image_backward(op, tile->dx[0] + c * in, tile->dy[0] + c * out,
                                   (const real *)tile->saved + c * op->out[0].dim[1] * pool2x2_notes(op));
        else
            any_image_backward(op, tile->dx[0] + c * in, tile->dy[0] + c * out, (const int32_t *)tile->saved + c * out);
}

SIX_LAYER(maxpool2d) = {
    .kind = {"maxpool2d", "the largest value of each window of an image", attrs, sizeof(attributes)},
    .title = "MaxPool2d",
    .prefix = "maxpool",
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
};

SIX_KERNELS(maxpool2d) = {
    .memory_reqs = memory_reqs,
    .forward = forward,
    .forward_one = forward_one,
    .backward = backward,
};
