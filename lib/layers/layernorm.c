/* SPDX-License-Identifier: MIT */

/* layernorm: y = (x - mean) / sqrt(variance + eps) * weight + bias, with mean and variance (divided by n) of each sample over its last dimensions,
 * those of normalized_shape; n of them make a row.
 *
 * rmsnorm (Zhang, Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * weight, the same with a mean of 0.
 *
 * Backward, with h the normalised x and e = dy * weight:
 *
 *     dx = (e - mean(e) - h * mean(e * h)) / sqrt(variance + eps)    dweight = the sum of dy * h    dbias = the sum of dy
 *
 * but without mean(e) for rmsnorm. */

#include <string.h>

#include "base/status.h"
#include "moments.h"

typedef struct attributes {
    six_shape normalized_shape;
    double eps;
    int32_t elementwise_affine, bias;
} attributes;

static const six_attr attrs[] = {
    {"normalized_shape", SIX_SHAPE, offsetof(attributes, normalized_shape), 1, 1099511627776.0, NULL, NULL,
     "the last dimensions of the input, over which it is normalized"},
    {"eps", SIX_FLOAT, offsetof(attributes, eps), 1e-30, 1, "1e-5", NULL, "added to the variance"},
    {"elementwise_affine", SIX_BOOL, offsetof(attributes, elementwise_affine), 0, 1, "true", NULL,
     "whether there are weight and bias"},
    {"bias", SIX_BOOL, offsetof(attributes, bias), 0, 1, "true", NULL, "whether there is a bias beside the weight"},
    {.name = NULL},
};

static const six_attr rmsnorm_attrs[] = {
    {"normalized_shape", SIX_SHAPE, offsetof(attributes, normalized_shape), 1, 1099511627776.0, NULL, NULL,
     "the last dimensions of the input, over which it is normalized"},
    {"eps", SIX_FLOAT, offsetof(attributes, eps), 1e-30, 1, "1.1920928955078125e-07", NULL,
     "added to the mean of squares; the default is PyTorch's for f32"},
    {"elementwise_affine", SIX_BOOL, offsetof(attributes, elementwise_affine), 0, 1, "true", NULL,
     "whether there is a weight"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    const six_shape *in = &op->in[0], *last = &a->normalized_shape;
    char text[2][160];
    int32_t skipped = in->rank - last->rank;
    bool fits = skipped >= 0;
    for (int32_t i = 0; fits && i < last->rank; i++)
        fits = in->dim[skipped + i] == last->dim[i];
    if (!fits)
        return six_fail(SIXNET_BAD_SHAPE, "%s: normalized_shape=%s does not match the last dimensions of the input, %s",
                        op->name, six_shape_text(last, text[0]), six_shape_text(in, text[1]));
    op->out[0] = *in;
    const six_param params[] = {{"weight", *last, true, six_init_constant(1)},
                                {"bias", *last, true, six_init_constant(0)}};
    return six_op_add_params(op, params, !a->elementwise_affine ? 0 : a->bias ? 2 : 1);
}

/* How many values a row has. */
SIX_INLINE int64_t row_size(const six_op *op)
{
    return six_shape_size(&((const attributes *)op->attr)->normalized_shape);
}

SIX_INLINE int64_t row_count(const six_op *op) { return six_shape_size(&op->in[0]) / row_size(op); }

/* Each row's mean and inverse deviation, [row][2][SIX_LANES], are kept for backward. */
static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    n->saved = row_count(run->op) * 2 * SIX_LANES * (int64_t)sizeof(real);
}

SIX_INLINE void normalise(const real *x, int64_t n, const real *mean, const real *inverse, const real *weight,
                          const real *bias, real *y)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec m = six_load(mean + part), v = six_load(inverse + part);
        for (int64_t i = 0; i < n; i++) {
            vec h = (six_load(x + i * SIX_LANES + part) - m) * v;
            six_store(y + i * SIX_LANES + part,
                      six_fma(h, six_set(weight ? weight[i] : 1), six_set(bias ? bias[i] : 0)));
        }
    }
}

/* A mean of 0, and 1 / sqrt(mean(x^2) + eps). */
SIX_INLINE void mean_square(const real *x, int64_t n, double eps, real *mean, real *inverse)
{
    real sum[SIX_LANES], squares[SIX_LANES];
    memset(mean, 0, SIX_LANES * sizeof *mean);
    six_sums_centred(x, n, 1, mean, sum, squares);
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH)
        six_store(inverse + part, 1 / six_sqrt(six_load(squares + part) / six_set((real)n) + six_set((real)eps)));
}

typedef void row_stats(const real *x, int64_t n, double eps, real *mean, real *inverse);

SIX_INLINE void forward_with(const six_run *run, six_tile *tile, row_stats *stats_of)
{
    const six_op *op = run->op;
    const attributes *a = op->attr;
    int64_t n = row_size(op), rows = row_count(op);
    const real *weight = op->params > 0 ? run->value[0] : NULL, *bias = op->params > 1 ? run->value[1] : NULL;
    real here[2 * SIX_LANES];
    for (int64_t row = 0; row < rows; row++) {
        const real *x = tile->x[0] + row * n * SIX_LANES;
        real *stats = run->training ? (real *)tile->saved + row * 2 * SIX_LANES : here;
        stats_of(x, n, a->eps, stats, stats + SIX_LANES);
        normalise(x, n, stats, stats + SIX_LANES, weight, bias, tile->y[0] + row * n * SIX_LANES);
    }
}

/* This tile's parameter gradients: those of value i of all rows. */
SIX_INLINE void parameter_gradients(const six_op *op, const six_tile *tile)
{
    int64_t n = row_size(op), rows = row_count(op);
    real dot[SIX_LANES], sum[SIX_LANES];
    for (int64_t i = 0; i < n; i++) {
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
            const real *stats = (const real *)tile->saved + part;
            vec q = {0}, s = {0};
            for (int64_t row = 0; row < rows; row++, stats += 2 * SIX_LANES) {
                int64_t at = (row * n + i) * SIX_LANES + part;
                vec h = (six_load(tile->x[0] + at) - six_load(stats)) * six_load(stats + SIX_LANES),
                    d = six_load(tile->dy[0] + at);
                q = six_fma(d, h, q);
                s += d;
            }
            six_store(dot + part, q);
            six_store(sum + part, s);
        }
        tile->partial[i] = six_lane_sum(dot);
        if (op->params > 1)
            tile->partial[n + i] = six_lane_sum(sum);
    }
}

SIX_INLINE void row_backward(const real *x, const real *dy, int64_t n, const real *stats, const real *weight,
                             const bool centered, real *dx)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec mean = six_load(stats + part), inverse = six_load(stats + SIX_LANES + part), sum = {0}, dot = {0};
        for (int64_t i = 0; i < n; i++) {
            vec e = six_load(dy + i * SIX_LANES + part) * six_set(weight ? weight[i] : 1);
            sum += e;
            dot = six_fma(e, (six_load(x + i * SIX_LANES + part) - mean) * inverse, dot);
        }
        sum /= six_set((real)n);
        if (!centered)
            sum = (vec){0};
        dot /= six_set((real)n);
        for (int64_t i = 0; i < n; i++) {
            vec e = six_load(dy + i * SIX_LANES + part) * six_set(weight ? weight[i] : 1);
            vec h = (six_load(x + i * SIX_LANES + part) - mean) * inverse;
            six_store(dx + i * SIX_LANES + part, inverse * six_fma(-h, dot, e - sum));
        }
    }
}

SIX_INLINE void backward_with(const six_run *run, six_tile *tile, const bool centered)
{
    const six_op *op = run->op;
    int64_t n = row_size(op), rows = row_count(op);
    const real *weight = op->params > 0 ? run->value[0] : NULL;
    if (tile->partial)
        parameter_gradients(op, tile); /* first, as dx may take the place of dy */
    if (!tile->dx[0])
        return;
    for (int64_t row = 0; row < rows; row++) {
        int64_t at = row * n * SIX_LANES;
        row_backward(tile->x[0] + at, tile->dy[0] + at, n, (const real *)tile->saved + row * 2 * SIX_LANES, weight,
                     centered, tile->dx[0] + at);
    }
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    forward_with(run, tile, six_moments);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    backward_with(run, tile, true);
}

static void rmsnorm_forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    forward_with(run, tile, mean_square);
}

static void rmsnorm_backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    backward_with(run, tile, false);
}

SIX_LAYER(layernorm) = {
    .kind = {"layernorm", "normalization of each sample over its last dimensions", attrs, sizeof(attributes)},
    .title = "LayerNorm",
    .prefix = "ln",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = setup,
};

SIX_KERNELS(layernorm) = {
    .memory_reqs = memory_reqs,
    .forward = forward,
    .backward = backward,
};

SIX_LAYER(rmsnorm) = {
    .kind = {"rmsnorm", "each sample divided by its root mean square over its last dimensions", rmsnorm_attrs,
             sizeof(attributes)},
    .title = "RMSNorm",
    .prefix = "rms",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = setup,
};

SIX_KERNELS(rmsnorm) = {
    .memory_reqs = memory_reqs,
    .forward = rmsnorm_forward,
    .backward = rmsnorm_backward,
};
