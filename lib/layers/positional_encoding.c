/* SPDX-License-Identifier: MIT */

/* y[t] = x[t] + p[t] for the places t of a sequence T x F: p is a learned table, or made of waves (Vaswani et al. 2017),
 *
 *     p[t][2 i] = sin(t / 10000^(2 i / F))    p[t][2 i + 1] = cos(t / 10000^(2 i / F))
 *
 * each of which is the one before turned by an angle. dx = dy, dp = the sum over samples of dy. */

#include <string.h>

#include "base/portable_math.h"
#include "base/status.h"
#include "layers/op.h"

typedef struct attributes {
    int32_t encoding;
} attributes;

static const six_attr attrs[] = {
    {"encoding", SIX_CHOICE, offsetof(attributes, encoding), 0, 0, "sinusoidal", "sinusoidal learned",
     "sines and cosines of the place, or a learned table"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    const six_param table = {"weight", op->in[0], true, six_init_normal(0, 0.02)};
    char text[160];
    if (op->in[0].rank != 2)
        return six_fail(SIXNET_BAD_SHAPE, "%s: the input %s is not a sequence TxF", op->name,
                        six_shape_text(&op->in[0], text));
    op->out[0] = op->in[0];
    return six_op_add_params(op, &table, a->encoding ? 1 : 0);
}

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    if (!run->op->params)
        n->shared = six_shape_size(&run->op->in[0]) * (int64_t)sizeof(real);
}

static int32_t begin_forward(six_run *run, six_tile *tiles)
{
    const int64_t steps = run->op->in[0].dim[0], features = run->op->in[0].dim[1];
    real *table = run->shared;
    (void)tiles;
    for (int64_t f = 0; !run->op->params && f < features; f += 2) {
        const double log_10000 = 9.210340371976182, pi = 3.141592653589793;
        const double turns = six_portable_exp(-(double)f / (double)features * log_10000) / (2 * pi);
        const double turned_sine = six_portable_sine(turns), turned_cosine = six_portable_cosine(turns);
        double sine = 0, cosine = 1;
        for (int64_t t = 0; t < steps; t++) {
            const double last = sine;
            table[t * features + f] = (real)sine;
            if (f + 1 < features)
                table[t * features + f + 1] = (real)cosine;
            sine = last * turned_cosine + cosine * turned_sine;
            cosine = cosine * turned_cosine - last * turned_sine;
        }
    }
    return SIXNET_OK;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t size = six_shape_size(&run->op->in[0]), lanes = run->lanes;
    const real *table = run->op->params ? run->value[0] : run->shared, *x = tile->x[0];
    real *y = tile->y[0];
    (void)scratch;
    for (int64_t i = 0; i < size; i++)
        for (int64_t l = 0; l < lanes; l++)
            y[i * lanes + l] = x[i * lanes + l] + table[i];
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t size = six_shape_size(&run->op->in[0]);
    (void)scratch;
    for (int64_t i = 0; tile->partial && i < size; i++)
        tile->partial[i] = six_lane_sum(tile->dy[0] + i * SIX_LANES);
    if (tile->dx[0] && tile->dx[0] != tile->dy[0])
        memcpy(tile->dx[0], tile->dy[0], (size_t)(size * SIX_LANES) * sizeof(real));
}

SIX_LAYER(positional_encoding) = {
    .kind = {"positional_encoding", "adds to each place of a sequence TxF a vector that identifies it", attrs,
             sizeof(attributes)},
    .title = "PositionalEncoding",
    .prefix = "pe",
    .inputs_min = 1,
    .inputs_max = 1,
    .in_place = true,
    .setup = setup,
};

SIX_KERNELS(positional_encoding) = {
    .memory_reqs = memory_reqs,
    .begin_forward = begin_forward,
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
};
