/* SPDX-License-Identifier: MIT */

/* y = x[0] * x[1] * ..., value by value, for inputs of one shape; dx[i] = dy * the product of the other inputs. */

#include "elementwise.h"

static int32_t setup(six_op *op) { return six_same_shapes_setup(op); }

static void forward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    for (int64_t i = 0, size = six_group_size(op); i < size; i += SIX_WIDTH) {
        vec product = six_load(g->x[0] + i);
        for (int32_t k = 1; k < op->inputs; k++)
            product *= six_load(g->x[k] + i);
        six_store(g->y + i, product);
    }
}

/* The first input comes last, as dx[0] may take the place of dy. */
static void backward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    int64_t size = six_group_size(op);
    for (int32_t k = op->inputs - 1; k >= 0; k--)
        for (int64_t i = 0; g->dx[k] && i < size; i += SIX_WIDTH) {
            vec product = six_load(g->dy + i);
            for (int32_t other = 0; other < op->inputs; other++)
                if (other != k)
                    product *= six_load(g->x[other] + i);
            six_store(g->dx[k] + i, product);
        }
}

SIX_LAYER(mul) = {
    .kind = {"mul", SIX_ONCE("the product of its inputs, value by value"), NULL, 0},
    .title = "Mul",
    .prefix = "mul",
    .inputs_min = 2,
    .inputs_max = SIX_MAX_INPUTS,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = SIX_ONCE(setup),
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
};
