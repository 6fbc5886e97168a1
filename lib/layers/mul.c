/* SPDX-License-Identifier: MIT */

/* y = x[0] * x[1] * ..., value by value, for inputs of one shape; dx[i] = dy * the product of the other inputs. */

#include "nary.h"

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    for (int64_t i = 0, size = six_tile_size(run); i < size; i += SIX_WIDTH) {
        vec product = six_load(tile->x[0] + i);
        for (int32_t k = 1; k < run->op->inputs; k++)
            product *= six_load(tile->x[k] + i);
        six_store(tile->y[0] + i, product);
    }
}

/* The first input comes last, as dx[0] may take the place of dy. */
static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    int64_t size = six_tile_size(run);
    for (int32_t k = op->inputs - 1; k >= 0; k--)
        for (int64_t i = 0; tile->dx[k] && i < size; i += SIX_WIDTH) {
            vec product = six_load(tile->dy[0] + i);
            for (int32_t other = 0; other < op->inputs; other++)
                if (other != k)
                    product *= six_load(tile->x[other] + i);
            six_store(tile->dx[k] + i, product);
        }
}

SIX_LAYER(mul) = {
    .kind = {"mul", "the product of its inputs, value by value", NULL, 0},
    .title = "Mul",
    .prefix = "mul",
    .inputs_min = 2,
    .inputs_max = SIX_MAX_INPUTS,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = six_same_shapes_setup,
};

SIX_KERNELS(mul) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
