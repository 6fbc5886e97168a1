/* SPDX-License-Identifier: MIT */

/* Batch normalisation of features (C), or of sequences (C, L); see batchnorm.h. */

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
    .kind = {"batchnorm1d", SIX_BASELINE_ONLY("batch normalisation of features or sequences"),
             SIX_BASELINE_ONLY(batchnorm_attrs), sizeof(batchnorm)},
    .title = "BatchNorm1d",
    .setup = SIX_BASELINE_ONLY(setup),
    BATCHNORM_FUNCTIONS,
};
