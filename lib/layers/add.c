/* SPDX-License-Identifier: MIT */

/* y = x[0] + x[1] + ..., for inputs of one shape; dx[i] = dy. */

#include <string.h>

#include "elementwise.h"

static int32_t setup(six_op *op) { return six_same_shapes_setup(op); }

static void forward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    for (int64_t i = 0, size = six_group_size(op); i < size; i += SIX_WIDTH) {
        vec sum = six_load(g->x[0] + i);
        for (int32_t k = 1; k < op->inputs; k++)
            sum += six_load(g->x[k] + i);
        six_store(g->y + i, sum);
    }
}

static void backward(const six_op *op, six_group *g, void *scratch)
{
    (void)scratch;
    for (int32_t k = 0; k < op->inputs; k++)
        if (g->dx[k] && g->dx[k] != g->dy)
            memcpy(g->dx[k], g->dy, (size_t)six_group_size(op) * sizeof(real));
}

SIX_LAYER(add) = {
    .kind = {"add", SIX_ONCE("the sum of its inputs, value by value"), NULL, 0},
    .title = "Add",
    .prefix = "add",
    .inputs_min = 2,
    .inputs_max = SIX_MAX_INPUTS,
    .in_place = true,
    .setup = SIX_ONCE(setup),
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
};
