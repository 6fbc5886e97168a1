/* SPDX-License-Identifier: MIT */

/* What the layers' setup functions call to describe a node. */

#include "layers/op.h"

#include <string.h>

#include "base/context.h"

int32_t six_op_set_outputs(six_op *op, int32_t count)
{
    six_shape *out = six_alloc(op->ctx, (size_t)count, sizeof *out);
    if (!out)
        return SIXNET_OUT_OF_MEMORY;
    six_free(op->ctx, op->out);
    op->out = out;
    op->outputs = count;
    return SIXNET_OK;
}

int32_t six_op_add_params(six_op *op, const six_param *param, int32_t count)
{
    six_param *all = six_alloc(op->ctx, (size_t)(op->params + count), sizeof *all);
    if (!all)
        return SIXNET_OUT_OF_MEMORY;
    if (op->params)
        memcpy(all, op->param, (size_t)op->params * sizeof *all);
    if (count)
        memcpy(all + op->params, param, (size_t)count * sizeof *all);
    six_free(op->ctx, op->param);
    op->param = all;
    op->params += count;
    return SIXNET_OK;
}
