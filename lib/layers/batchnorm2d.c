/* SPDX-License-Identifier: MIT */

/* Batch normalization of images (C, H, W); see batchnorm.h. */

#include "batchnorm.h"

static int32_t setup(six_op *op)
{
    char in[160];
    if (op->in[0].rank != 3)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: normalises channels x height x width, but the input is %s; use batchnorm1d for it",
                        op->name, six_shape_text(&op->in[0], in));
    return batchnorm_setup(op);
}

SIX_LAYER(batchnorm2d) = {
    .kind = {"batchnorm2d", "batch normalization of images", batchnorm_attrs, sizeof(batchnorm)},
    .title = "BatchNorm2d",
    .setup = setup,
    BATCHNORM_DESCRIPTION,
};

SIX_KERNELS(batchnorm2d) = {BATCHNORM_KERNELS};
