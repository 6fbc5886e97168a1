/* SPDX-License-Identifier: MIT */

/* y = a b, the matrix product of two values: over the last two dimensions, for each index of those before, which both
 * inputs have alike or only one has. transpose_a and transpose_b: aᵀ or bᵀ in its place. As torch.matmul for samples of
 * two or more dimensions.
 *
 *     da = dy bᵀ    db = aᵀ dy    summed over the dimensions that only the other input has */

#include <inttypes.h>

#include "base/status.h"
#include "layers/matmul.h"

typedef struct attributes {
    int32_t transpose_a, transpose_b;
} attributes;

static const six_attr attrs[] = {
    {"transpose_a", SIX_BOOL, offsetof(attributes, transpose_a), 0, 1, "false", NULL,
     "whether to transpose the first input's matrices"},
    {"transpose_b", SIX_BOOL, offsetof(attributes, transpose_b), 0, 1, "false", NULL,
     "whether to transpose the second input's matrices"},
    {.name = NULL},
};

/* An input: matrices of rows x columns, or if transposed of columns x rows. */
typedef struct operand {
    int64_t rows, columns, step; /* step: values from one product's matrix to the next's; 0 if all have the same */
    bool transposed;
} operand;

static operand operand_of(const six_op *op, int32_t i)
{
    const attributes *a = op->attr;
    const six_shape *x = &op->in[i];
    const bool transposed = i == 0 ? a->transpose_a : a->transpose_b;
    const int64_t rows = x->dim[x->rank - 2], columns = x->dim[x->rank - 1];
    operand o = {rows, columns, rows * columns, transposed};
    if (x->rank < op->in[1 - i].rank)
        o.step = 0;
    if (transposed) {
        o.rows = columns;
        o.columns = rows;
    }
    return o;
}

/* The matrix of product i. */
static six_matrix matrix_at(const operand *o, const real *x, int64_t i, int32_t lanes)
{
    const real *at = x + i * o->step * lanes;
    return o->transposed ? six_matrix_transposed(six_matrix_of(at, o->columns, o->rows))
                         : six_matrix_of(at, o->rows, o->columns);
}

/* The dimensions before the last two are equal, or missing in one of the inputs. */
static bool leading_dims_match(const six_shape *a, const six_shape *b)
{
    for (int32_t i = 0; a->rank > 2 && b->rank > 2 && i < a->rank - 2; i++)
        if (a->rank != b->rank || a->dim[i] != b->dim[i])
            return false;
    return true;
}

static int32_t setup(six_op *op)
{
    const six_shape *a = &op->in[0], *b = &op->in[1];
    char first[160], second[160];
    six_shape_text(a, first);
    six_shape_text(b, second);
    if (a->rank < 2 || b->rank < 2)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: inputs need 2 or more dimensions, but they are %s and %s; reshape a vector first",
                        op->name, first, second);
    const operand left = operand_of(op, 0), right = operand_of(op, 1);
    if (left.columns != right.rows)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: matrices of %" PRId64 "x%" PRId64 " and %" PRId64 "x%" PRId64
                        " have no product (inputs %s and %s)",
                        op->name, left.rows, left.columns, right.rows, right.columns, first, second);
    if (!leading_dims_match(a, b))
        return six_fail(
            SIXNET_BAD_SHAPE,
            "%s: dimensions before the last two must be equal, or missing in one input, but the inputs are %s and %s",
            op->name, first, second);
    op->out[0] = a->rank > b->rank ? *a : *b;
    op->out[0].dim[op->out[0].rank - 2] = left.rows;
    op->out[0].dim[op->out[0].rank - 1] = right.columns;
    return SIXNET_OK;
}

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const operand a = operand_of(run->op, 0), b = operand_of(run->op, 1);
    if (run->lanes == 1)
        n->scratch = six_matmul_one_scratch(a.rows, b.rows, b.columns, b.transposed) * (int64_t)sizeof(real);
}

typedef struct operation {
    operand a, b;
    int64_t products, size; /* size: values of a product */
} operation;

static operation operation_of(const six_op *op)
{
    operation o = {.a = operand_of(op, 0), .b = operand_of(op, 1)};
    o.size = o.a.rows * o.b.columns;
    o.products = six_shape_size(&op->out[0]) / o.size;
    return o;
}

static void clear(const six_shape *s, real *x) { memset(x, 0, (size_t)(six_shape_size(s) * SIX_LANES) * sizeof *x); }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const operation o = operation_of(run->op);
    (void)scratch;
    clear(&run->op->out[0], tile->y[0]);
    for (int64_t i = 0; i < o.products; i++)
        six_matmul_values(matrix_at(&o.a, tile->x[0], i, SIX_LANES), matrix_at(&o.b, tile->x[1], i, SIX_LANES),
                          tile->y[0] + i * o.size * SIX_LANES);
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const operation o = operation_of(run->op);
    for (int64_t i = 0; i < o.products; i++)
        six_matmul_one(matrix_at(&o.a, tile->x[0], i, 1), matrix_at(&o.b, tile->x[1], i, 1), NULL,
                       tile->y[0] + i * o.size, scratch);
}

/* Adds a b to the gradient of an operand's matrix i; (a b)ᵀ = bᵀ aᵀ. */
static void add_gradient(const operand *o, int64_t i, six_matrix a, six_matrix b, real *dx)
{
    real *to = dx + i * o->step * SIX_LANES;
    if (o->transposed)
        six_matmul_values(six_matrix_transposed(b), six_matrix_transposed(a), to);
    else
        six_matmul_values(a, b, to);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const operation o = operation_of(run->op);
    real *da = tile->dx[0], *db = tile->dx[1];
    (void)scratch;
    if (da)
        clear(&run->op->in[0], da);
    if (db)
        clear(&run->op->in[1], db);
    for (int64_t i = 0; i < o.products; i++) {
        const six_matrix a = matrix_at(&o.a, tile->x[0], i, SIX_LANES), b = matrix_at(&o.b, tile->x[1], i, SIX_LANES);
        const six_matrix dy = six_matrix_of(tile->dy[0] + i * o.size * SIX_LANES, a.rows, b.columns);
        if (da)
            add_gradient(&o.a, i, dy, six_matrix_transposed(b), da);
        if (db)
            add_gradient(&o.b, i, six_matrix_transposed(a), dy, db);
    }
}

SIX_LAYER(matmul) = {
    .kind = {"matmul", "the matrix product of two inputs", attrs, sizeof(attributes)},
    .title = "MatMul",
    .prefix = "matmul",
    .inputs_min = 2,
    .inputs_max = 2,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(matmul) = {
    .memory_reqs = memory_reqs,
    .forward = forward,
    .forward_one = forward_one,
    .backward = backward,
};
