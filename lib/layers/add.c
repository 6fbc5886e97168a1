/* SPDX-License-Identifier: MIT */

/* y = x[0] + x[1] + ..., for inputs of one shape; dx[i] = dy. */

#include <string.h>

#include "nary.h"

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    for (int64_t i = 0, size = six_tile_size(run); i < size; i += SIX_WIDTH) {
        vec sum = six_load(tile->x[0] + i);
        for (int32_t k = 1; k < run->op->inputs; k++)
            sum += six_load(tile->x[k] + i);
        six_store(tile->y[0] + i, sum);
    }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    for (int32_t k = 0; k < run->op->inputs; k++)
        if (tile->dx[k] && tile->dx[k] != tile->dy[0])
            memcpy(tile->dx[k], tile->dy[0], (size_t)six_tile_size(run) * sizeof(real));
}

SIX_LAYER(add) = {
    .kind = {"add", "the sum of its inputs, value by value", NULL, 0},
    .title = "Add",
    .prefix = "add",
    .inputs_min = 2,
    .inputs_max = SIX_MAX_INPUTS,
    .in_place = true,
    .setup = six_same_shapes_setup,
};

SIX_KERNELS(add) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
