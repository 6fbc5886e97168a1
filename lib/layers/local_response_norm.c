/* SPDX-License-Identifier: MIT */

/* y[c] = x[c] / d[c]^beta with d[c] = k + alpha / size * the sum of x[j]^2 over the existing channels j from c - size / 2 up to
 * c + (size - 1) / 2, both rounded down. As torch.nn.LocalResponseNorm (Krizhevsky, Sutskever, Hinton 2012).
 *
 * Backward: dx[c] = dy[c] / d[c]^beta - 2 alpha beta / size * x[c] * the sum of dy[j] x[j] / d[j]^(beta + 1) over the j whose window has c. */

#include "base/status.h"
#include "layers/op.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int64_t size;
    double alpha, beta, k;
} attributes;

static const six_attr attrs[] = {
    {"size", SIX_INT, offsetof(attributes, size), 1, 1024, NULL, NULL, "channels whose squares are added up"},
    {"alpha", SIX_FLOAT, offsetof(attributes, alpha), 0, 1e6, "1e-4", NULL, "factor of the mean of the squares"},
    {"beta", SIX_FLOAT, offsetof(attributes, beta), 0, 100, "0.75", NULL, "exponent"},
    {"k", SIX_FLOAT, offsetof(attributes, k), SIX_ABOVE_ZERO, 1e6, "1", NULL, "added to it"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    op->out[0] = op->in[0];
    return SIXNET_OK;
}

static int64_t channels_of(const six_op *op) { return op->in[0].dim[0]; }

/* Backward has two numbers of every channel of a position in scratch: 1 / d^beta, and dy x / d^(beta + 1). */
static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    n->scratch = run->training ? channels_of(run->op) * 2 * SIX_WIDTH * (int64_t)sizeof(real) : 0;
}

/* d of channel c, of a column of channels that are `step` apart. */
SIX_INLINE vec divisor(const attributes *a, const real *x, int64_t step, int64_t c, int64_t channels)
{
    const int64_t first = c < a->size / 2 ? 0 : c - a->size / 2, last = c + (a->size - 1) / 2;
    vec sum = {0};
    for (int64_t j = first; j <= last && j < channels; j++) {
        const vec v = six_load(x + j * step);
        sum = six_fma(v, v, sum);
    }
    return six_fma(sum, six_set((real)(a->alpha / (double)a->size)), six_set((real)a->k));
}

SIX_INLINE vec inverse_power(vec d, double beta) { return six_exp(six_ln(d) * six_set((real)-beta)); }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const attributes *a = run->op->attr;
    const int64_t channels = channels_of(run->op), step = six_shape_size(&run->op->in[0]) / channels * SIX_LANES;
    (void)scratch;
    for (int64_t at = 0; at < step; at += SIX_WIDTH)
        for (int64_t c = 0; c < channels; c++) {
            const vec d = divisor(a, tile->x[0] + at, step, c, channels);
            six_store(tile->y[0] + c * step + at, six_load(tile->x[0] + c * step + at) * inverse_power(d, a->beta));
        }
}

static void backward_column(const attributes *a, const real *x, const real *dy, int64_t step, int64_t channels,
                            real *scratch, real *dx)
{
    const vec factor = six_set((real)(-2 * a->alpha * a->beta / (double)a->size));
    real *shares = scratch + channels * SIX_WIDTH;
    for (int64_t c = 0; c < channels; c++) {
        const vec d = divisor(a, x, step, c, channels), inverse = inverse_power(d, a->beta);
        six_store(scratch + c * SIX_WIDTH, inverse);
        six_store(shares + c * SIX_WIDTH, six_load(dy + c * step) * six_load(x + c * step) * inverse / d);
    }
    for (int64_t c = 0; c < channels; c++) {
        const int64_t before = (a->size - 1) / 2, first = c < before ? 0 : c - before, last = c + a->size / 2;
        vec sum = {0};
        for (int64_t j = first; j <= last && j < channels; j++)
            sum += six_load(shares + j * SIX_WIDTH);
        six_store(dx + c * step, six_fma(factor * six_load(x + c * step), sum,
                                         six_load(dy + c * step) * six_load(scratch + c * SIX_WIDTH)));
    }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t channels = channels_of(run->op), step = six_shape_size(&run->op->in[0]) / channels * SIX_LANES;
    for (int64_t at = 0; tile->dx[0] && at < step; at += SIX_WIDTH)
        backward_column(run->op->attr, tile->x[0] + at, tile->dy[0] + at, step, channels, scratch, tile->dx[0] + at);
}

SIX_LAYER(local_response_norm) = {
    .kind = {"local_response_norm", "each value divided by a power of the squares of neighboring channels", attrs,
             sizeof(attributes)},
    .title = "LocalResponseNorm",
    .prefix = "lrn",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(local_response_norm) = {
    .memory_reqs = memory_reqs,
    .forward = forward,
    .backward = backward,
};
