/* SPDX-License-Identifier: MIT */

/* y = x wᵀ + b over the last dimension of x: y[o] = b[o] + sum over i of w[o][i] * x[i]. As torch.nn.Linear.
 *
 *     dx = dy w    dw = the sum over samples of dyᵀ x    db = the sum over samples of dy */

#include "base/status.h"
#include "layers/matmul.h"
#include "layers/weights.h"

enum {
    PART_OUTPUTS = 16, /* whose weight gradients are one part of the work */
    PACKED_LEAST = 64  /* weights that are worth packing */
};

typedef struct linear {
    int64_t out_features;
    int32_t bias, init;
} linear;

static const six_attr attrs[] = {
    {"out_features", SIX_INT, offsetof(linear, out_features), 1, 1 << 24, NULL, NULL, "values of the output"},
    {"bias", SIX_BOOL, offsetof(linear, bias), 0, 1, "true", NULL, "whether to add a learnt number to each output"},
    {"init", SIX_CHOICE, offsetof(linear, init), 0, 0, "default", SIX_WEIGHT_INIT_CHOICES, SIX_WEIGHT_INIT_HELP},
    {.name = NULL},
};

static six_matmul size_of(const six_op *op)
{
    const six_shape *x = &op->in[0];
    six_matmul m = {.rows = 1, .in = x->dim[x->rank - 1], .out = ((const linear *)op->attr)->out_features};
    for (int32_t i = 0; i < x->rank - 1; i++)
        m.rows *= x->dim[i];
    return m;
}

static int32_t setup(six_op *op)
{
    const linear *a = op->attr;
    const int64_t in = size_of(op).in, out = a->out_features;
    const six_param params[] = {
        {"weight", {2, {out, in}}, true, six_weight_values(a->init, in, out)},
        {"bias", {1, {out}}, true, six_bias_values(in)},
    };
    if (in > 1 << 24 || !six_shape_fits(&params[0].shape))
        return six_fail(SIXNET_TOO_LARGE, "%s: %lld x %lld weights are too many", op->name, (long long)out,
                        (long long)in);
    op->out[0] = op->in[0];
    op->out[0].dim[op->out[0].rank - 1] = out;
    return six_op_add_params(op, params, a->bias ? 2 : 1);
}

/* Whether forward_one() has the weights packed: not in training, where each step changes them. */
static bool packs(const six_run *run, const six_matmul *m)
{
    return run->lanes == 1 && !run->training && m->in * m->out >= PACKED_LEAST;
}

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const six_matmul m = size_of(run->op);
    if (run->trains)
        n->saved = (run->lanes == 1 ? m.rows * m.in + SIX_WIDTH : six_matmul_xt_size(&m)) * (int64_t)sizeof(real);
    if (packs(run, &m)) {
        n->shared = six_matrix_packed_size(m.in, m.out) * (int64_t)sizeof(real);
        n->scratch = six_matmul_one_scratch(m.rows, m.in, m.out, false) * (int64_t)sizeof(real);
    } else if (run->lanes > 1 && run->trains) {
        n->scratch = six_matmul_dw_scratch(&m, PART_OUTPUTS) * (int64_t)sizeof(real);
    }
    n->parts = (int32_t)((m.out + PART_OUTPUTS - 1) / PART_OUTPUTS);
}

static const real *bias_of(const six_run *run) { return run->op->params > 1 ? run->value[1] : NULL; }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_matmul m = size_of(run->op);
    (void)scratch;
    six_matmul_y(&m, tile->x[0], run->value[0], bias_of(run), tile->y[0]);
    if (run->trains)
        six_matmul_xt(&m, tile->x[0], tile->saved);
}

static int32_t begin_forward(six_run *run, six_tile *tiles)
{
    const six_matmul m = size_of(run->op);
    (void)tiles;
    if (packs(run, &m))
        six_matrix_pack(six_matrix_transposed(six_matrix_of(run->value[0], m.out, m.in)), run->shared);
    return SIXNET_OK;
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_matmul m = size_of(run->op);
    if (packs(run, &m))
        six_matmul_one(six_matrix_of(tile->x[0], m.rows, m.in), six_matrix_packed(run->shared, m.in, m.out),
                       bias_of(run), tile->y[0], scratch);
    else
        six_matmul_y_one(&m, tile->x[0], run->value[0], bias_of(run), tile->y[0]);
    if (run->trains)
        memcpy(tile->saved, tile->x[0], (size_t)(m.rows * m.in) * sizeof(real));
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_matmul m = size_of(run->op);
    (void)scratch;
    if (tile->dx[0])
        six_matmul_dx(&m, tile->dy[0], run->value[0], tile->dx[0]);
}

static void backward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_matmul m = size_of(run->op);
    (void)scratch;
    if (tile->dx[0])
        six_matmul_dx_one(&m, tile->dy[0], run->value[0], tile->dx[0]);
}

static void backward_part_one(const six_run *run, const six_tile *tile, int64_t first, int64_t count)
{
    const six_matmul m = size_of(run->op);
    if (run->gradient[0])
        six_matmul_dw_one(&m, tile->saved, tile->dy[0], first, first + count, run->gradient[0]);
    if (bias_of(run) && run->gradient[1])
        six_matmul_db_one(&m, tile->dy[0], first, first + count, run->gradient[1]);
}

static void backward_part(const six_run *run, six_tile *tiles, int32_t part, void *scratch)
{
    const six_matmul m = size_of(run->op);
    const six_tile *next = run->tiles > 1 ? &tiles[1] : &tiles[0];
    const six_tiled xt = {tiles[0].saved, (real *)next->saved - (real *)tiles[0].saved},
                    dy = {tiles[0].dy[0], next->dy[0] - tiles[0].dy[0]};
    const int64_t first = (int64_t)part * PART_OUTPUTS,
                  count = m.out - first < PART_OUTPUTS ? m.out - first : PART_OUTPUTS;
    if (run->lanes == 1) {
        backward_part_one(run, tiles, first, count);
        return;
    }
    if (run->gradient[0])
        six_matmul_dw(&m, run, xt, dy, first, count, run->gradient[0], scratch);
    if (bias_of(run) && run->gradient[1])
        six_matmul_db(&m, run, dy, first, count, run->gradient[1]);
}

SIX_LAYER(linear) = {
    .kind = {"linear", "every output is a weighted sum of all inputs", attrs, sizeof(linear)},
    .title = "Linear",
    .prefix = "linear",
    .inputs_min = 1,
    .inputs_max = 1,
    .products = SIX_PRODUCTS_OF_Y,
    .accumulates_gradients = true,
    .reads = SIX_READS_NOTHING,
    .setup = setup,
};

SIX_KERNELS(linear) = {
    .memory_reqs = memory_reqs,
    .begin_forward = begin_forward,
    .forward = forward,
    .forward_one = forward_one,
    .backward = backward,
    .backward_one = backward_one,
    .backward_part = backward_part,
};
