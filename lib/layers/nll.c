/* SPDX-License-Identifier: MIT */

/* nll: the sum of -w_c x_c over all samples and positions, where x are logarithms of probabilities (from log_softmax), c is the
 * target class and w its weight; reduction=mean divides it by the sum of those w_c.
 *
 * dx_k = -w_c for k = c, else 0, divided likewise. As torch.nn.NLLLoss. */

#include "layers/classes.h"

#include <string.h>

typedef struct attributes {
    int32_t reduction;
    six_list weight;
} attributes;

static const six_attr attrs[] = {
    SIX_LOSS_REDUCTION(attributes),
    SIX_CLASS_WEIGHT(attributes),
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    six_class_setup(op, a->reduction);
    return six_class_check(op, &a->weight);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const attributes *a = op->attr;
    const int64_t classes = op->in[0].dim[0], positions = six_class_positions(op), stride = positions * SIX_LANES;
    six_class_sums sums = {{0}, {0}, {0}};
    for (int64_t p = 0; p < positions; p++) {
        const real *x = tile->x[0] + p * SIX_LANES;
        int64_t class[SIX_LANES];
        six_int first[SIX_LANES];
        six_class_read(op, tile, p, class);
        for (int part = 0; part < SIX_PARTS; part++) {
            ivec index;
            six_class_largest(x + part * SIX_WIDTH, classes, stride, &index);
            memcpy(first + part * SIX_WIDTH, &index, sizeof index);
        }
        for (int i = 0; i < SIX_LANES; i++) {
            const real w = six_class_weight(&a->weight, class[i]);
            sums.total[i] -= (double)(w * x[class[i] * stride + i]);
            sums.weight[i] += (double)w;
            sums.correct[i] += class[i] == first[i];
        }
    }
    six_class_store(run, tile, &sums);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const attributes *a = op->attr;
    const int64_t positions = six_class_positions(op), stride = positions * SIX_LANES;
    const double factor = *(const double *)run->shared;
    real *dx = tile->dx[0];
    if (!dx)
        return;
    memset(dx, 0, (size_t)(op->in[0].dim[0] * stride) * sizeof(real));
    for (int64_t p = 0; p < positions; p++) {
        int64_t class[SIX_LANES];
        six_class_read(op, tile, p, class);
        for (int32_t i = 0; i < tile->active; i++)
            dx[class[i] * stride + p * SIX_LANES + i] =
                (real)(-factor * (double)six_class_weight(&a->weight, class[i]));
    }
}

SIX_LAYER(nll) = {
    .kind = {.name = "nll",
             .help = "the negative log likelihood of the target class",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "NLLLoss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_NOTHING,
    .of_scores = true,
    .setup = setup,
};

SIX_KERNELS(nll) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = six_class_end,
    .backward = backward,
};
