/* SPDX-License-Identifier: MIT */

/* y[t] = weight[x[t]]: each value of the input is the number of a row of the table, and is replaced by that row. Row padding_idx, if
 * there is one, is initialized to zeros and gets no gradient; otherwise it is a row like the others. As torch.nn.Embedding. An index that
 * is out of range is a fault; until the pass fails it stands for row 0.
 *
 * dweight[r] = the sum of dy[t] over all samples and places t with x[t] = r. The table may be far larger than a batch, so no tile has a
 * gradient of its own: backward_part() adds a slice of columns over all tiles in their order. */

#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "op.h"

enum { SLICE = 32 };

typedef struct attributes {
    int64_t num_embeddings, embedding_dim, padding_idx;
} attributes;

static const six_attr attrs[] = {
    {"num_embeddings", SIX_INT, offsetof(attributes, num_embeddings), 1, 16777216, NULL, NULL,
     "rows of the table: indices are below it"},
    {"embedding_dim", SIX_INT, offsetof(attributes, embedding_dim), 1, 16777216, NULL, NULL,
     "columns of the table: values for each index"},
    {"padding_idx", SIX_INT, offsetof(attributes, padding_idx), -1, 16777215, "-1", NULL,
     "a row that is initialized to zeros and gets no gradient; -1 for none"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    six_shape table = {2, {a->num_embeddings, a->embedding_dim}};
    char in[160];
    if (a->padding_idx >= a->num_embeddings)
        return six_fail(SIXNET_BAD_SHAPE, "%s: padding_idx %" PRId64 " is not below num_embeddings %" PRId64, op->name,
                        a->padding_idx, a->num_embeddings);
    if (op->in[0].rank == SIX_MAX_RANK)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: the output would have a dimension more than the input %s, and %d are the limit", op->name,
                        six_shape_text(&op->in[0], in), SIX_MAX_RANK);
    op->index_inputs = 1;
    op->out[0] = op->in[0];
    op->out[0].dim[op->out[0].rank++] = a->embedding_dim;
    six_param weight = {"weight", table, true, six_init_normal(0, 1)};
    if (a->padding_idx >= 0) {
        weight.init.first_zero = a->padding_idx * a->embedding_dim;
        weight.init.zeros = a->embedding_dim;
    }
    if (!six_shape_fits(&op->out[0]) || !six_shape_fits(&table))
        return six_fail(SIXNET_TOO_LARGE, "%s: a table of %" PRId64 "x%" PRId64 " for an input of %s is too large",
                        op->name, a->num_embeddings, a->embedding_dim, six_shape_text(&op->in[0], in));
    return six_op_add_params(op, &weight, 1);
}

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const attributes *a = run->op->attr;
    n->parts = (int32_t)((a->embedding_dim + SLICE - 1) / SLICE);
}

/* The index that a value stands for; -1 if it is none. */
SIX_INLINE int64_t index_of(real value, int64_t count)
{
    if (!(value >= 0 && value < (real)count))
        return -1;
    int64_t index = (int64_t)value;
    return (real)index == value ? index : -1;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const attributes *a = op->attr;
    int64_t places = six_shape_size(&op->in[0]), columns = a->embedding_dim;
    real *y = tile->y[0];
    for (int64_t t = 0; t < places; t++, y += columns * SIX_LANES)
        for (int lane = 0; lane < SIX_LANES; lane++) {
            int64_t index = index_of(tile->x[0][t * SIX_LANES + lane], a->num_embeddings);
            if (index < 0 && lane < tile->active)
                tile->error = "an index is not a whole number from 0 to num_embeddings - 1";
            index = index < 0 ? 0 : index;
            const real *row = run->value[0] + index * columns;
            for (int64_t e = 0; e < columns; e++)
                y[e * SIX_LANES + lane] = row[e];
        }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (tile->dx[0])
        memset(tile->dx[0], 0, (size_t)(six_shape_size(&run->op->in[0]) * SIX_LANES) * sizeof(real));
}

static void backward_part(const six_run *run, six_tile *tiles, int32_t part, void *scratch)
{
    const six_op *op = run->op;
    (void)scratch;
    const attributes *a = op->attr;
    int64_t places = six_shape_size(&op->in[0]), columns = a->embedding_dim;
    int64_t begin = (int64_t)part * SLICE, end = begin + SLICE < columns ? begin + SLICE : columns;
    for (const six_tile *tile = tiles; tile < tiles + run->tiles; tile++)
        for (int64_t t = 0; t < places; t++)
            for (int lane = 0; lane < tile->active; lane++) {
                int64_t index = index_of(tile->x[0][t * SIX_LANES + lane], a->num_embeddings);
                if (index < 0 || index == a->padding_idx)
                    continue;
                real *row = run->gradient[0] + index * columns;
                for (int64_t e = begin; e < end; e++)
                    row[e] += tile->dy[0][(t * columns + e) * SIX_LANES + lane];
            }
}

SIX_LAYER(embedding) = {
    .kind = {"embedding", "a row of a table for each index", attrs, sizeof(attributes)},
    .title = "Embedding",
    .prefix = "emb",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .accumulates_gradients = true,
    .setup = setup,
};

SIX_KERNELS(embedding) = {
    .memory_reqs = memory_reqs,
    .forward = forward,
    .backward = backward,
    .backward_part = backward_part,
};
