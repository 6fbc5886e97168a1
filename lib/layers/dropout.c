/* SPDX-License-Identifier: MIT */

/* dropout: in training y = x / (1 - p) with probability 1 - p, else 0; in evaluation y = x.
 *
 * dx = dy / (1 - p) where y was kept, else 0. As torch.nn.Dropout, where zeroing is a product with 0: NaN stays NaN, infinity becomes it.
 *
 * What is kept depends on seed, node, step and the sample's place in the batch, in every variant alike: each lane of a tile has four
 * xorshift generators (Marsaglia, "Xorshift RNGs", 2003), which Philox seeds and which take turns from feature to feature. The bits drawn
 * are saved, sixteen a feature, so that backward need not draw again. */

#include "base/rng.h"
#include "layers/unary.h"

enum { STREAMS = 4 };

typedef struct attributes {
    double p;
} attributes;

static const six_attr attrs[] = {
    {"p", SIX_FLOAT, offsetof(attributes, p), 0, 1, "0.5", NULL, "the probability with which a value becomes 0"},
    {.name = NULL},
};

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    if (run->training)
        n->saved = (six_shape_size(&run->op->in[0]) + STREAMS - 1) / STREAMS * STREAMS * (int64_t)sizeof(uint16_t);
}

/* Of the 2^32 numbers that can be drawn, how many drop the value. */
static int64_t dropping(const six_op *op) { return (int64_t)(((const attributes *)op->attr)->p * 4294967296.0 + 0.5); }

static bool passes(const six_run *run) { return !run->training || dropping(run->op) == 0; }

static vec factor(const six_op *op)
{
    const double p = ((const attributes *)op->attr)->p;
    return six_set((real)(p < 1 ? 1 / (1 - p) : 0));
}

/* The generators' next numbers. */
SIX_INLINE word_vec draw(word_vec *state)
{
    typedef uint32_t unsigned_vec __attribute__((vector_size(SIX_VECTOR_BYTES)));
    unsigned_vec x = (unsigned_vec)*state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = (word_vec)x;
}

/* y = x times factor where the feature's bits are set, else x times 0, which is NaN for what is not finite. */
SIX_INLINE void keep(const real *x, real *y, unsigned bits, vec by)
{
#pragma GCC unroll 8
    for (int part = 0; part < SIX_PARTS; part++)
        six_store(y + part * SIX_WIDTH, six_load(x + part * SIX_WIDTH) * six_keep(by, bits >> (part * SIX_WIDTH)));
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    if (passes(run)) {
        six_unary_copy(run, tile->x[0], tile->y[0]);
        return;
    }
    const int64_t size = six_shape_size(&op->in[0]);
    uint32_t seed[STREAMS][SIX_LANES];
    for (int lane = 0; lane < SIX_LANES; lane++) {
        const uint64_t sample = (uint64_t)run->first + (uint64_t)tile->index * SIX_LANES + (uint64_t)lane;
        const six_philox words = six_philox_at(run->key, run->step, sample);
        for (int s = 0; s < STREAMS; s++)
            seed[s][lane] = words.word[s] ? words.word[s] : 1; /* 0 would stay 0 */
    }
    word_vec state[STREAMS][SIX_WORD_PARTS];
    memcpy(state, seed, sizeof state);

    /* a draw keeps its value if, as an unsigned number, it is at least dropping(): both are moved down by 2^31 to compare signed ones */
    const word_vec limit = (int32_t)(dropping(op) - 1 - INT64_C(2147483648)) - (word_vec){0};
    const vec by = factor(op);
    const real *x = tile->x[0];
    real *y = tile->y[0];
    uint16_t *saved = tile->saved;
    for (int64_t f = 0; f < size; f += STREAMS) {
#pragma GCC unroll 4
        for (int s = 0; s < STREAMS; s++) {
            unsigned bits = 0;
#pragma GCC unroll 4
            for (int part = 0; part < SIX_WORD_PARTS; part++)
                bits |= six_which_greater(draw(&state[s][part]), limit) << (part * SIX_WORD_WIDTH);
            saved[f + s] = (uint16_t)bits;
            if (f + s < size)
                keep(x + (f + s) * SIX_LANES, y + (f + s) * SIX_LANES, bits, by);
        }
    }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    if (!tile->dx[0])
        return;
    if (passes(run)) {
        six_unary_copy(run, tile->dy[0], tile->dx[0]);
        return;
    }
    const vec by = factor(op);
    const int64_t size = six_shape_size(&op->in[0]);
    const uint16_t *saved = tile->saved;
    const real *dy = tile->dy[0];
    real *dx = tile->dx[0];
    for (int64_t f = 0; f < size; f++)
        keep(dy + f * SIX_LANES, dx + f * SIX_LANES, saved[f], by);
}

SIX_LAYER(dropout) = {
    .kind = {.name = "dropout",
             .help = "in training, zeroes values at random and scales the others up",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "Dropout",
    .prefix = "dropout",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_NOTHING,
    .in_place = true,
    .setup = six_unary_setup,
};

SIX_KERNELS(dropout) = {
    .memory_reqs = memory_reqs,
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
};
