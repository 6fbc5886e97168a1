/* SPDX-License-Identifier: MIT */

/* Arithmetic of values, with broadcasting: the inputs' dimensions are aligned from the last, and one that is 1 or missing is repeated.
 *
 *     add      x[0] + x[1] + ...        dx[i] = dy
 *     mul      x[0] x[1] ...            dx[i] = dy times the product of the other inputs
 *     sub      x[0] - x[1]              dx[0] = dy, dx[1] = -dy
 *     div      x[0] / x[1]              dx[0] = dy / x[1], dx[1] = -dy x[0] / x[1]^2
 *     maximum  the larger of x[0], x[1]   dx[i] = dy where x[i] is taken, half of it each where they are equal
 *     minimum  the smaller likewise
 *
 * The gradient of what is repeated is a sum. As torch.add, torch.mul, torch.sub, torch.div, torch.maximum and torch.minimum, which pass NaN on. */

#include "base/status.h"
#include "layers/iterator.h"

/* The value of two inputs, or of what the first ones gave and the next; and dy times the derivative by one of two inputs, `own`. */
typedef vec combination(vec a, vec b);
typedef vec derivative(vec dy, vec own, vec other, bool first);

/* ---- broadcasting ---- */

/* The size of dimension d of `out`, in an input that is aligned from the last. */
static int64_t dim_of(const six_shape *in, const six_shape *out, int32_t d)
{
    const int32_t own = d - (out->rank - in->rank);
    return own < 0 ? 1 : in->dim[own];
}

static int32_t setup(six_op *op)
{
    six_shape *out = &op->out[0];
    char text[2][160];
    *out = op->in[0];
    for (int32_t i = 1; i < op->inputs; i++) {
        const six_shape before = *out, *in = &op->in[i];
        out->rank = before.rank > in->rank ? before.rank : in->rank;
        for (int32_t d = 0; d < out->rank; d++) {
            const int64_t a = dim_of(&before, out, d), b = dim_of(in, out, d);
            if (a != b && a != 1 && b != 1)
                return six_fail(SIXNET_BAD_SHAPE,
                                "%s: input number %d, %s, does not fit %s; aligned from the last, dimensions must be "
                                "equal or 1",
                                op->name, (int)(i + 1), six_shape_text(in, text[0]), six_shape_text(&before, text[1]));
            out->dim[d] = a == 1 ? b : a;
        }
    }
    if (!six_shape_fits(out))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output %s is too large", op->name, six_shape_text(out, text[0]));
    return SIXNET_OK;
}

/* Over the output, with the place in each input. */
static six_iterator iterator_of(const six_run *run)
{
    const six_shape *out = &run->op->out[0];
    six_iterator w = six_iterator_over(out, run->op->inputs);
    for (int32_t i = 0; i < run->op->inputs; i++) {
        int64_t stride = run->lanes;
        for (int32_t d = out->rank - 1; d >= 0; d--) {
            const int64_t size = dim_of(&run->op->in[i], out, d);
            w.stride[i][d] = size > 1 ? stride : 0;
            stride *= size;
        }
    }
    return w;
}

static bool is_repeated(const six_op *op, int32_t i)
{
    return six_shape_size(&op->in[i]) < six_shape_size(&op->out[0]);
}

static bool any_repeated(const six_op *op)
{
    for (int32_t i = 0; i < op->inputs; i++)
        if (is_repeated(op, i))
            return true;
    return false;
}

static void spread(const six_run *run, six_tile *tile, combination *f)
{
    const int64_t size = six_shape_size(&run->op->out[0]) * run->lanes;
    six_iterator w = iterator_of(run);
    for (int64_t at = 0; at < size; at += run->lanes, six_iterator_step(&w))
        for (int32_t part = 0; part < run->lanes; part += SIX_WIDTH) {
            vec y = six_load(tile->x[0] + w.offset[0] + part);
            for (int32_t i = 1; i < run->op->inputs; i++)
                y = f(y, six_load(tile->x[i] + w.offset[i] + part));
            six_store_first(tile->y[0] + at + part, y, run->lanes);
        }
}

/* dy times the derivative by input k; reads: it depends on the inputs. */
SIX_INLINE vec gradient_at(const six_run *run, const six_tile *tile, const int64_t *offset, int64_t part, vec dy,
                           int32_t k, derivative *f, bool reads)
{
    if (!reads)
        return f(dy, dy, dy, k == 0);
    for (int32_t i = 0; i < run->op->inputs; i++)
        if (i != k)
            dy = f(dy, six_load(tile->x[k] + offset[k] + part), six_load(tile->x[i] + offset[i] + part), k == 0);
    return dy;
}

static void gather(const six_run *run, six_tile *tile, int32_t k, derivative *f, bool reads)
{
    const int64_t size = six_shape_size(&run->op->out[0]) * run->lanes;
    const bool adds = is_repeated(run->op, k);
    six_iterator w = iterator_of(run);
    if (adds)
        memset(tile->dx[k], 0, (size_t)(six_shape_size(&run->op->in[k]) * run->lanes) * sizeof(real));
    for (int64_t at = 0; at < size; at += run->lanes, six_iterator_step(&w))
        for (int32_t part = 0; part < run->lanes; part += SIX_WIDTH) {
            real *to = tile->dx[k] + w.offset[k] + part;
            vec g = gradient_at(run, tile, w.offset, part, six_load(tile->dy[0] + at + part), k, f, reads);
            if (adds)
                g += six_load(to);
            six_store_first(to, g, run->lanes);
        }
}

/* ---- inputs of one shape ---- */

/* The reals of a tile, or of one sample and what fills its last vector up. */
static int64_t tile_size(const six_run *run)
{
    return (six_shape_size(&run->op->out[0]) * run->lanes + SIX_WIDTH - 1) / SIX_WIDTH * SIX_WIDTH;
}

SIX_INLINE void forward(const six_run *run, six_tile *tile, combination *f)
{
    if (any_repeated(run->op)) {
        spread(run, tile, f);
        return;
    }
    for (int64_t i = 0, size = tile_size(run); i < size; i += SIX_WIDTH) {
        vec y = six_load(tile->x[0] + i);
        for (int32_t k = 1; k < run->op->inputs; k++)
            y = f(y, six_load(tile->x[k] + i));
        six_store(tile->y[0] + i, y);
    }
}

/* The first input comes last, as dx[0] may take the place of dy. */
SIX_INLINE void backward(const six_run *run, six_tile *tile, derivative *f, bool reads)
{
    static const int64_t none[SIX_MAX_INPUTS];
    const bool repeated = any_repeated(run->op);
    for (int32_t k = run->op->inputs - 1; k >= 0; k--) {
        if (tile->dx[k] && repeated)
            gather(run, tile, k, f, reads);
        for (int64_t i = 0, size = tile->dx[k] && !repeated ? tile_size(run) : 0; i < size; i += SIX_WIDTH)
            six_store(tile->dx[k] + i, gradient_at(run, tile, none, i, six_load(tile->dy[0] + i), k, f, reads));
    }
}

/* ---- the operations ---- */

static vec sum(vec a, vec b) { return a + b; }
static vec sum_derivative(vec dy, vec own, vec other, bool first)
{
    (void)own;
    (void)other;
    (void)first;
    return dy;
}

static vec product(vec a, vec b) { return a * b; }
static vec product_derivative(vec dy, vec own, vec other, bool first)
{
    (void)own;
    (void)first;
    return dy * other;
}

static vec difference(vec a, vec b) { return a - b; }
static vec difference_derivative(vec dy, vec own, vec other, bool first)
{
    (void)own;
    (void)other;
    return first ? dy : -dy;
}

static vec quotient(vec a, vec b) { return a / b; }
static vec quotient_derivative(vec dy, vec own, vec other, bool first)
{
    return first ? dy / other : -dy * (other / own / own);
}

static vec larger(vec a, vec b) { return six_select((ivec)(a != a), a, six_max(a, b)); }
static vec larger_derivative(vec dy, vec own, vec other, bool first)
{
    (void)first;
    const vec shared = six_select((ivec)(own == other), dy * (real)0.5, dy);
    return (vec)((ivec)shared & ~six_greater(other, own));
}

static vec smaller(vec a, vec b) { return six_select((ivec)(a != a), a, six_min(a, b)); }
static vec smaller_derivative(vec dy, vec own, vec other, bool first)
{
    return larger_derivative(dy, -own, -other, first);
}

/* ---- the layers ---- */

#define ARITHMETIC_LAYER(NAME, TITLE, HELP, MOST, READS)                                                               \
    SIX_LAYER(NAME) = {                                                                                                \
        .kind = {.name = #NAME, .help = HELP},                                                                         \
        .title = TITLE,                                                                                                \
        .prefix = #NAME,                                                                                               \
        .inputs_min = 2,                                                                                               \
        .inputs_max = MOST,                                                                                            \
        .reads = READS,                                                                                                \
        .in_place = true,                                                                                              \
        .setup = setup,                                                                                                \
    }

#define ARITHMETIC_KERNELS(NAME, VALUE, DERIVATIVE, READS)                                                             \
    SIX_CALLING_KERNELS(NAME, forward(run, tile, VALUE), backward(run, tile, DERIVATIVE, (READS) != SIX_READS_NOTHING))

ARITHMETIC_LAYER(add, "Add", "the sum of its inputs, value by value", SIX_MAX_INPUTS, SIX_READS_NOTHING);
ARITHMETIC_LAYER(mul, "Mul", "the product of its inputs, value by value", SIX_MAX_INPUTS, SIX_READS_X);
ARITHMETIC_LAYER(sub, "Sub", "its first input minus its second, value by value", 2, SIX_READS_NOTHING);
ARITHMETIC_LAYER(div, "Div", "its first input divided by its second, value by value", 2, SIX_READS_X);
ARITHMETIC_LAYER(maximum, "Maximum", "the larger of its two inputs, value by value", 2, SIX_READS_X);
ARITHMETIC_LAYER(minimum, "Minimum", "the smaller of its two inputs, value by value", 2, SIX_READS_X);

ARITHMETIC_KERNELS(add, sum, sum_derivative, SIX_READS_NOTHING);
ARITHMETIC_KERNELS(mul, product, product_derivative, SIX_READS_X);
ARITHMETIC_KERNELS(sub, difference, difference_derivative, SIX_READS_NOTHING);
ARITHMETIC_KERNELS(div, quotient, quotient_derivative, SIX_READS_X);
ARITHMETIC_KERNELS(maximum, larger, larger_derivative, SIX_READS_X);
ARITHMETIC_KERNELS(minimum, smaller, smaller_derivative, SIX_READS_X);
