/* SPDX-License-Identifier: MIT */

/* glu: y = a s(b), where a and b are the halves of x along dimension dim and s(b) = 1 / (1 + exp(-b)).
 *
 * da = dy s(b), db = dy a s(b) (1 - s(b)). As torch.nn.GLU, with dim counted without the batch. */

#include "layers/axis.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int64_t dim;
} attributes;

static const six_attr attrs[] = {
    {"dim", SIX_INT, offsetof(attributes, dim), -SIX_MAX_RANK, SIX_MAX_RANK - 1, "-1", NULL,
     "the dimension of a sample whose second half gates the first; negative ones count from the last"},
    {.name = NULL},
};

static int32_t axis_of(const six_op *op) { return six_axis_of(op, ((const attributes *)op->attr)->dim); }

static int32_t setup(six_op *op)
{
    const int32_t status = six_axis_check(op, ((const attributes *)op->attr)->dim);
    char in[160];
    if (status)
        return status;
    op->out[0] = op->in[0];
    if (op->in[0].dim[axis_of(op)] % 2)
        return six_fail(SIXNET_BAD_SHAPE, "%s: dim %d of the input %s is odd; it must be even", op->name,
                        (int)axis_of(op), six_shape_text(&op->in[0], in));
    op->out[0].dim[axis_of(op)] /= 2;
    return SIXNET_OK;
}

/* How many reals of a half follow one another. */
static int64_t half_of(const six_run *run)
{
    int64_t size = run->lanes;
    for (int32_t i = axis_of(run->op); i < run->op->out[0].rank; i++)
        size *= run->op->out[0].dim[i];
    return size;
}

/* a s, where scaled is s / SIX_TINY. The small factor comes first or last, so that nothing overflows or underflows but the result. */
SIX_INLINE vec gated(vec a, vec scaled)
{
    const ivec large = six_greater(six_abs(a), six_set(1));
    const vec first = six_select(large, a, scaled), last = six_select(large, scaled, a);
    return first * SIX_TINY * last;
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t half = half_of(run), size = six_shape_size(&run->op->out[0]) * run->lanes;
    const real *a = tile->x[0];
    (void)scratch;
    for (int64_t at = 0; at < size; at += half, a += 2 * half)
        for (int64_t i = 0; i < half; i += SIX_WIDTH) {
            vec rest;
            const vec scaled = six_logistic(six_load(a + half + i), &rest);
            six_store_first(tile->y[0] + at + i, gated(six_load(a + i), scaled), half - i);
        }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t half = half_of(run), size = tile->dx[0] ? six_shape_size(&run->op->out[0]) * run->lanes : 0;
    const real *a = tile->x[0];
    real *da = tile->dx[0];
    (void)scratch;
    for (int64_t at = 0; at < size; at += half, a += 2 * half, da += 2 * half)
        for (int64_t i = 0; i < half; i += SIX_WIDTH) {
            vec rest;
            const vec scaled = six_logistic(six_load(a + half + i), &rest), dy = six_load(tile->dy[0] + at + i);
            six_store_first(da + i, gated(dy, scaled), half - i);
            six_store_first(da + half + i, gated(dy * six_load(a + i), scaled * rest), half - i);
        }
}

SIX_LAYER(glu) = {
    .kind = {.name = "glu",
             .help = "half of its input times the sigmoid of the other half",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "GLU",
    .prefix = "glu",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .setup = setup,
};

SIX_KERNELS(glu) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
