/* SPDX-License-Identifier: MIT */

/* cosine_similarity: y = sum(a b) / (max(|a|, eps) max(|b|, eps)) of the two inputs along dimension dim, where |a| = sqrt(sum(a^2)).
 *
 * da = dy (b / (|a| |b|) - y a / (|a| length of a)), where |a| and |b| are at least eps; 0 in place of the second term if a is 0; db likewise. As
 * torch.nn.CosineSimilarity, with dim counted without the batch: the default 0 is PyTorch's 1. */

#include "layers/axis.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int64_t dim;
    double eps;
} attributes;

static const six_attr attrs[] = {
    {"dim", SIX_INT, offsetof(attributes, dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "0", NULL,
     "the dimension of a sample along which vectors lie; negative ones count from the last"},
    {"eps", SIX_FLOAT, offsetof(attributes, eps), 1e-30, 1, "1e-8", NULL, "the least length of a vector"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    char text[2][160];
    const int32_t status = six_axis_check(op, a->dim), axis = six_axis_of(op, a->dim);
    if (status)
        return status;
    if (!six_shape_equal(&op->in[0], &op->in[1]))
        return six_fail(SIXNET_BAD_SHAPE, "%s: its inputs must have one shape, but they are %s and %s", op->name,
                        six_shape_text(&op->in[0], text[0]), six_shape_text(&op->in[1], text[1]));
    op->out[0] = (six_shape){.rank = 0};
    for (int32_t d = 0; d < op->in[0].rank; d++)
        if (d != axis)
            op->out[0].dim[op->out[0].rank++] = op->in[0].dim[d];
    if (op->out[0].rank == 0)
        op->out[0] = (six_shape){1, {1}};
    return SIXNET_OK;
}

/* Vectors of `size` values, `stride` reals apart. */
typedef struct pair {
    const real *a, *b;
    int64_t size, stride;
} pair;

/* The lengths, at least eps, and the sum of products. */
SIX_INLINE vec lengths_of(const pair *p, vec eps, vec *a, vec *b)
{
    vec dot = {0}, aa = {0}, bb = {0};
    for (int64_t k = 0; k < p->size * p->stride; k += p->stride) {
        const vec u = six_load(p->a + k), v = six_load(p->b + k);
        dot = six_fma(u, v, dot);
        aa = six_fma(u, u, aa);
        bb = six_fma(v, v, bb);
    }
    *a = six_max(eps, six_sqrt(aa));
    *b = six_max(eps, six_sqrt(bb));
    return dot;
}

static void value(const six_tile *tile, const pair *p, int64_t at, vec eps)
{
    vec a, b;
    const vec dot = lengths_of(p, eps, &a, &b);
    six_store(tile->y[0] + at, dot / a / b);
}

/* to = dy times the derivative by p->a, whose length is own; other is that of p->b. */
SIX_INLINE void gradient(const pair *p, real *to, vec dy, vec cosine, vec own, vec other, vec eps)
{
    const vec pull = six_select((ivec)(own == 0), (vec){0}, cosine / own), length = six_max(eps, own);
    for (int64_t k = 0; to && k < p->size * p->stride; k += p->stride)
        six_store(to + k, dy * ((six_load(p->b + k) / six_max(eps, other) - pull * six_load(p->a + k)) / length));
}

static void derivative(const six_tile *tile, const pair *p, int64_t at, vec eps)
{
    vec a, b;
    const vec dot = lengths_of(p, (vec){0}, &a, &b), dy = six_load(tile->dy[0] + at);
    const vec cosine = dot / six_max(eps, a) / six_max(eps, b);
    const int64_t offset = p->a - tile->x[0];
    gradient(p, tile->dx[0] ? tile->dx[0] + offset : NULL, dy, cosine, a, b, eps);
    gradient(&(pair){p->b, p->a, p->size, p->stride}, tile->dx[1] ? tile->dx[1] + offset : NULL, dy, cosine, b, a, eps);
}

static void each(const six_run *run, const six_tile *tile, void (*f)(const six_tile *, const pair *, int64_t, vec))
{
    const attributes *a = run->op->attr;
    const six_shape *in = &run->op->in[0];
    const int32_t axis = six_axis_of(run->op, a->dim);
    int64_t inner = SIX_LANES, outer = 1;
    for (int32_t d = 0; d < in->rank; d++) {
        if (d < axis)
            outer *= in->dim[d];
        else if (d > axis)
            inner *= in->dim[d];
    }
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i += SIX_WIDTH) {
            const int64_t at = o * in->dim[axis] * inner + i;
            const pair p = {tile->x[0] + at, tile->x[1] + at, in->dim[axis], inner};
            f(tile, &p, o * inner + i, six_set((real)a->eps));
        }
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    each(run, tile, value);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    each(run, tile, derivative);
}

SIX_LAYER(cosine_similarity) = {
    .kind = {.name = "cosine_similarity",
             .help = "the cosine of the angle between vectors of two inputs",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "CosineSimilarity",
    .prefix = "cosine_similarity",
    .inputs_min = 2,
    .inputs_max = 2,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(cosine_similarity) = {
    .forward = forward,
    .backward = backward,
};
