/* SPDX-License-Identifier: MIT */

/* dropout: in training y = x / (1 - p) with probability 1 - p, else 0; in evaluation y = x.
 *
 * dx = dy / (1 - p) where y was kept, else 0. */

#include "layers/dropout_mask.h"
#include "layers/unary.h"

typedef struct attributes {
    double p;
} attributes;

static const six_attr attrs[] = {
    {"p", SIX_FLOAT, offsetof(attributes, p), 0, 1, "0.5", NULL, "the probability with which a value becomes 0"},
    {.name = NULL},
};

static double p_of(const six_op *op) { return ((const attributes *)op->attr)->p; }

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    if (run->training)
        n->saved = six_drop_bits(six_shape_size(&run->op->in[0])) * (int64_t)sizeof(uint16_t);
}

static bool passes(const six_run *run) { return !run->training || six_drop_share(p_of(run->op)) == 0; }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (passes(run))
        six_unary_copy(run, tile->x[0], tile->y[0]);
    else
        six_drop(run, tile, 0, p_of(run->op), tile->x[0], tile->y[0], six_shape_size(&run->op->in[0]), tile->saved);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (!tile->dx[0])
        return;
    if (passes(run))
        six_unary_copy(run, tile->dy[0], tile->dx[0]);
    else
        six_drop_back(run, p_of(run->op), tile->dy[0], tile->dx[0], six_shape_size(&run->op->in[0]), tile->saved);
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
