/* SPDX-License-Identifier: MIT */

/* Noise in training; y = x in evaluation.
 *
 *     dropout1d, dropout2d  y = x / (1 - p), or 0 with probability p for a whole channel, the first dimension
 *     alpha_dropout         y = a m + b, where m is x, or -1.7581 with probability p; a and b keep mean 0 and variance 1
 *     gaussian_noise        y = x + std n, where n is drawn from the normal distribution
 *
 * So each is y = factor x + offset, and dx = factor dy. As torch.nn.Dropout1d, torch.nn.Dropout2d, torch.nn.AlphaDropout, and GaussianNoise of
 * Keras. The numbers depend on seed, node, step and the sample's place in the batch, in every variant alike; backward draws them again. */

#include <math.h>

#include "base/rng.h"
#include "layers/unary.h"

typedef struct attributes {
    double p, std;
} attributes;

static const six_attr p_attrs[] = {
    {"p", SIX_FLOAT, offsetof(attributes, p), 0, 1, "0.5", NULL, "the probability with which it is dropped"},
    {.name = NULL},
};
static const six_attr std_attrs[] = {
    {"std", SIX_FLOAT, offsetof(attributes, std), 0, 1e30, NULL, NULL, "the deviation of the noise"},
    {.name = NULL},
};

static int32_t check_rank(six_op *op, int32_t rank)
{
    char in[160];
    if (op->in[0].rank != rank)
        return six_fail(SIXNET_BAD_SHAPE, "%s: the input %s has %d dimensions without the batch, not %d", op->name,
                        six_shape_text(&op->in[0], in), (int)op->in[0].rank, (int)rank);
    return six_unary_setup(op);
}

static int32_t dropout1d_setup(six_op *op) { return check_rank(op, 2); }
static int32_t dropout2d_setup(six_op *op) { return check_rank(op, 3); }

/* What happens to the values that share a draw. */
typedef struct change {
    double factor, offset;
} change;

typedef change draw(const attributes *a, six_stream *s);

static change drop(const attributes *a, six_stream *s)
{
    const bool kept = six_stream_uniform(s) >= a->p;
    return (change){kept ? 1 / (1 - a->p) : 0, 0};
}

#define SATURATION 1.7580993408473766 /* minus the limit of selu at minus infinity */
static change drop_to_saturation(const attributes *a, six_stream *s)
{
    const bool kept = six_stream_uniform(s) >= a->p;
    const double scale = a->p < 1 ? 1 / sqrt((SATURATION * SATURATION * a->p + 1) * (1 - a->p)) : 0;
    return (change){kept ? scale : 0, scale * SATURATION * (kept ? a->p : a->p - 1)};
}

static change add_normal(const attributes *a, six_stream *s) { return (change){1, a->std * six_stream_normal(s)}; }

/* to = factor from + offset for each of `units` parts of a sample; without offset for gradients. */
static void apply(const six_run *run, const six_tile *tile, draw *f, int64_t units, const real *from, real *to,
                  bool gradient)
{
    const int64_t size = six_shape_size(&run->op->in[0]) / units * SIX_LANES;
    for (int64_t lane = 0; lane < SIX_LANES; lane++) {
        const uint64_t sample = (uint64_t)run->first + (uint64_t)tile->index * SIX_LANES + (uint64_t)lane;
        const six_philox w = six_philox_at(run->key, run->step, sample);
        six_stream s = six_stream_at((uint64_t)w.word[0] << 32 | w.word[1], (uint64_t)w.word[2] << 32 | w.word[3]);
        int64_t at = lane;
        for (int64_t u = 1; u <= units; u++) {
            const change c = f(run->op->attr, &s);
            const real factor = (real)c.factor, offset = gradient ? 0 : (real)c.offset;
            for (; at < u * size; at += SIX_LANES)
                to[at] = from[at] * factor + offset;
        }
    }
}

static void forward(const six_run *run, const six_tile *tile, draw *f, int64_t units)
{
    if (run->training)
        apply(run, tile, f, units, tile->x[0], tile->y[0], false);
    else
        six_unary_copy(run, tile->x[0], tile->y[0]);
}

static void backward(const six_run *run, const six_tile *tile, draw *f, int64_t units)
{
    if (tile->dx[0] && run->training)
        apply(run, tile, f, units, tile->dy[0], tile->dx[0], true);
    else if (tile->dx[0])
        six_unary_copy(run, tile->dy[0], tile->dx[0]);
}

static int64_t channels(const six_op *op) { return op->in[0].dim[0]; }
static int64_t values(const six_op *op) { return six_shape_size(&op->in[0]); }

#define NOISE_LAYER(NAME, TITLE, HELP, ATTRS, SETUP)                                                                   \
    SIX_LAYER(NAME) = {                                                                                                \
        .kind = {.name = #NAME, .help = HELP, .attrs = ATTRS, .size = sizeof(attributes)},                             \
        .title = TITLE,                                                                                                \
        .prefix = #NAME,                                                                                               \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .reads = SIX_READS_NOTHING,                                                                                    \
        .in_place = true,                                                                                              \
        .setup = SETUP,                                                                                                \
    }

#define NOISE_KERNELS(NAME, DRAW, UNITS)                                                                               \
    static void NAME##_forward(const six_run *run, six_tile *tile, void *scratch)                                      \
    {                                                                                                                  \
        (void)scratch;                                                                                                 \
        forward(run, tile, DRAW, UNITS(run->op));                                                                      \
    }                                                                                                                  \
    static __attribute__((unused)) void NAME##_backward(const six_run *run, six_tile *tile,                            \
                                                        void *scratch) /* without training */                          \
    {                                                                                                                  \
        (void)scratch;                                                                                                 \
        backward(run, tile, DRAW, UNITS(run->op));                                                                     \
    }                                                                                                                  \
    SIX_KERNELS(NAME) = {                                                                                              \
        .forward = NAME##_forward,                                                                                     \
        .forward_one = NAME##_forward,                                                                                 \
        .backward = NAME##_backward,                                                                                   \
    }

NOISE_LAYER(dropout1d, "Dropout1d", "in training, zeroes channels of a sequence at random", p_attrs, dropout1d_setup);
NOISE_LAYER(dropout2d, "Dropout2d", "in training, zeroes channels of an image at random", p_attrs, dropout2d_setup);
NOISE_LAYER(alpha_dropout, "AlphaDropout", "in training, drops values and keeps mean and variance, for selu", p_attrs,
            six_unary_setup);
NOISE_LAYER(gaussian_noise, "GaussianNoise", "in training, adds numbers of a normal distribution", std_attrs,
            six_unary_setup);

NOISE_KERNELS(dropout1d, drop, channels);
NOISE_KERNELS(dropout2d, drop, channels);
NOISE_KERNELS(alpha_dropout, drop_to_saturation, values);
NOISE_KERNELS(gaussian_noise, add_normal, values);
