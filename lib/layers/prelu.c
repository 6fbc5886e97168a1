/* SPDX-License-Identifier: MIT */

/* prelu: y = x where x > 0, else w x. The slope w is learned: one number, or one for each channel, the first dimension.
 *
 * dx = dy where x > 0, else w dy; dw = the sum of x dy over all x <= 0 of the channel. As torch.nn.PReLU. */

#include <inttypes.h>

#include "layers/unary.h"

typedef struct attributes {
    int64_t num_parameters;
    double init;
} attributes;

static const six_attr attrs[] = {
    {"num_parameters", SIX_INT, offsetof(attributes, num_parameters), 1, 1099511627776.0, "1", NULL,
     "1, or the number of channels: how many slopes there are"},
    {"init", SIX_FLOAT, offsetof(attributes, init), -1e30, 1e30, "0.25", NULL, "the slopes at first"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    const six_param slope = {"weight", {1, {a->num_parameters}}, true, six_init_constant(a->init)};
    char in[160];
    if (a->num_parameters != 1 && a->num_parameters != op->in[0].dim[0])
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: num_parameters=%" PRId64 " is neither 1 nor the %" PRId64 " channels of the input %s",
                        op->name, a->num_parameters, op->in[0].dim[0], six_shape_text(&op->in[0], in));
    op->out[0] = op->in[0];
    return six_op_add_params(op, &slope, 1);
}

/* The values that share a slope follow one another. */
SIX_INLINE int64_t slopes(const six_run *run) { return run->op->param[0].shape.dim[0]; }
SIX_INLINE int64_t reals_each(const six_run *run) { return six_shape_size(&run->op->in[0]) / slopes(run) * run->lanes; }

/* to = from where x > 0, else w from: y of x, dx of dy. */
SIX_INLINE void bend(const six_run *run, const real *x, const real *from, real *to)
{
    const int64_t count = reals_each(run);
    for (int64_t c = 0; c < slopes(run); c++, x += count, from += count, to += count) {
        const vec w = six_set(run->value[0][c]);
        for (int64_t i = 0; i < count; i += SIX_WIDTH) {
            const vec v = six_load(from + i);
            six_store_first(to + i, six_select(six_greater(six_load(x + i), (vec){0}), v, w * v), count - i);
        }
    }
}

/* The gradient of a slope: each lane by itself, as a single sample is summed. */
SIX_INLINE real slope_gradient(const six_run *run, const real *x, const real *dy)
{
    const int64_t count = reals_each(run);
    vec sum[SIX_PARTS] = {{0}};
    real lane[SIX_LANES];
    for (int64_t i = 0; i < count; i += run->lanes)
        for (int part = 0; part * SIX_WIDTH < run->lanes; part++) {
            const vec v = six_load(x + i + part * SIX_WIDTH), d = six_load(dy + i + part * SIX_WIDTH);
            sum[part] += six_select(six_greater(v, (vec){0}), (vec){0}, v * d);
        }
    for (int part = 0; part < SIX_PARTS; part++)
        six_store(lane + part * SIX_WIDTH, sum[part]);
    return run->lanes == 1 ? lane[0] : six_lane_sum(lane);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    bend(run, tile->x[0], tile->x[0], tile->y[0]);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t count = reals_each(run);
    (void)scratch;
    for (int64_t c = 0; tile->partial && c < slopes(run); c++) /* first, as dx may take the place of dy */
        tile->partial[c] = slope_gradient(run, tile->x[0] + c * count, tile->dy[0] + c * count);
    if (tile->dx[0])
        bend(run, tile->x[0], tile->dy[0], tile->dx[0]);
}

SIX_LAYER(prelu) = {
    .kind = {.name = "prelu",
             .help = "x where it is positive, else a learned factor of x",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "PReLU",
    .prefix = "prelu",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = setup,
};

SIX_KERNELS(prelu) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
