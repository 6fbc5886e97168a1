/* SPDX-License-Identifier: MIT */

/* Batch normalization of features (C), or of sequences (C, L); see batchnorm.h. */

#include "batchnorm.h"

static int32_t setup(six_op *op)
{
    char in[160];
    if (op->in[0].rank != 1 && op->in[0].rank != 2)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: normalises channels or channels x length, but the input is %s; use batchnorm2d for images",
                        op->name, six_shape_text(&op->in[0], in));
    return batchnorm_setup(op);
}

SIX_LAYER(batchnorm1d) = {
    .kind = {"batchnorm1d", "batch normalization of features or sequences", batchnorm_attrs, sizeof(batchnorm)},
    .title = "BatchNorm1d",
    .setup = setup,
    BATCHNORM_DESCRIPTION,
};

SIX_KERNELS(batchnorm1d) = {BATCHNORM_KERNELS};
