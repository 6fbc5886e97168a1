/* SPDX-License-Identifier: MIT */

/* y[o] = bias[o] + sum over i of weight[o][i] * x[i], over the last dimension of the input. As torch.nn.Linear. */

#include "base/status.h"
#include "layers/correlate.h"
#include "layers/weights.h"

/* Outputs whose weight gradients are one piece of work. */
enum { PART_OUTPUTS = 16 };

typedef struct linear {
    int64_t out_features;
    int32_t bias, init;
} linear;

static const six_attr attrs[] = {
    {"out_features", SIX_INT, offsetof(linear, out_features), 1, 1 << 24, NULL, NULL, "values of the output"},
    {"bias", SIX_BOOL, offsetof(linear, bias), 0, 1, "true", NULL, "whether to add a learnt number to each output"},
    {"init", SIX_CHOICE, offsetof(linear, init), 0, 0, "default", SIX_WEIGHT_INIT_CHOICES, SIX_WEIGHT_INIT_HELP},
    {0},
};

static int64_t features(const six_shape *s) { return s->dim[s->rank - 1]; }

static int32_t setup(six_op *op)
{
    const linear *a = op->attr;
    int64_t in = features(&op->in[0]);
    op->out = op->in[0];
    op->out.dim[op->out.rank - 1] = a->out_features;
    op->param[0] = (six_param){"weight", {2, {a->out_features, in}}, true, six_weight_values(a->init, in, a->out_features)};
    op->param[1] = (six_param){"bias", {1, {a->out_features}}, true, six_bias_values(in)};
    op->params = a->bias ? 2 : 1;
    if (in > 1 << 24 || !six_shape_fits(&op->param[0].shape))
        return six_fail(SIXNET_TOO_LARGE, "%s: %lld x %lld weights are too many", op->name, (long long)a->out_features, (long long)in);
    return SIXNET_OK;
}

static const six_tap here = {0, 0};
static const int32_t only_tap = 0;

static int64_t positions(const six_op *op) { return six_shape_size(&op->in[0]) / features(&op->in[0]); }

/* From one of the two ends to the other: forward, or the gradient by x. */
static six_correlation between(int64_t positions, int64_t from, int64_t to)
{
    return (six_correlation){
        .depth = (int32_t)from, .outputs = (int32_t)to, .taps = 1, .tap = &here, .stride_h = 1, .stride_w = 1,
        .in_h = 1, .in_w = positions, .x_plane = SIX_LANES, .x_row = 0, .x_step = from * SIX_LANES,
        .rows = 1, .columns = positions, .y_plane = SIX_LANES, .y_row = 0, .y_step = to * SIX_LANES,
    };
}

static six_correlation forward_of(const six_op *op) { return between(positions(op), features(&op->in[0]), features(&op->out)); }
static six_correlation backward_of(const six_op *op) { return between(positions(op), features(&op->out), features(&op->in[0])); }

/* The groups are the rows. */
static six_correlation weights_of(const six_op *op, const six_group *groups)
{
    six_correlation c = forward_of(op);
    c.rows = c.in_h = op->groups;
    c.x_row = op->groups > 1 ? groups[1].x[0] - groups[0].x[0] : 0;
    c.y_row = op->groups > 1 ? groups[1].dy - groups[0].dy : 0;
    return c;
}

static void needs(const six_op *op, six_needs *n)
{
    six_correlation c = forward_of(op), part = c, back = backward_of(op);
    part.outputs = part.outputs < PART_OUTPUTS ? part.outputs : PART_OUTPUTS;
    n->scratch = six_correlate_scratch(&part, true);
    if (six_correlate_scratch(&c, false) > n->scratch)
        n->scratch = six_correlate_scratch(&c, false);
    if (six_correlate_scratch(&back, false) > n->scratch)
        n->scratch = six_correlate_scratch(&back, false);
    n->shared = 2 * (int64_t)c.depth * c.outputs * (int64_t)sizeof(real);
    n->parts = (c.outputs + PART_OUTPUTS - 1) / PART_OUTPUTS;
}

static int32_t begin_forward(six_op *op, six_group *groups)
{
    six_correlation c = forward_of(op);
    (void)groups;
    six_pack(&c, op->value[0], c.depth, 1, &only_tap, op->shared);
    return SIXNET_OK;
}

static void forward(const six_op *op, six_group *g, void *scratch)
{
    six_correlation c = forward_of(op);
    six_correlate(&c, g->x[0], op->shared, op->params > 1 ? op->value[1] : NULL, g->y, scratch);
}

static int32_t begin_backward(six_op *op, six_group *groups)
{
    six_correlation c = backward_of(op);
    (void)groups;
    six_pack(&c, op->value[0], 1, c.outputs, &only_tap, (real *)op->shared + (int64_t)c.depth * c.outputs);
    return SIXNET_OK;
}

static void backward(const six_op *op, six_group *g, void *scratch)
{
    six_correlation c = backward_of(op);
    if (g->dx[0])
        six_correlate(&c, g->dy, (real *)op->shared + (int64_t)c.depth * c.outputs, NULL, g->dx[0], scratch);
}

static real bias_gradient(const six_op *op, const six_group *groups, int64_t o)
{
    real sum = 0;
    for (int32_t g = 0; g < op->groups; g++)
        for (int64_t p = 0; p < positions(op); p++)
            sum += six_lane_sum(groups[g].dy + (p * features(&op->out) + o) * SIX_LANES);
    return sum;
}

static void backward_part(const six_op *op, six_group *groups, int32_t part, void *scratch)
{
    six_correlation c = weights_of(op, groups);
    int64_t first = (int64_t)part * PART_OUTPUTS, end = first + PART_OUTPUTS < c.outputs ? first + PART_OUTPUTS : c.outputs;
    c.outputs = (int32_t)(end - first);
    six_correlate_weights(&c, groups[0].x[0], groups[0].dy + first * SIX_LANES, op->gradient[0] + first * c.depth, c.depth, true, scratch);
    for (int64_t o = first; op->params > 1 && o < end; o++)
        op->gradient[1][o] += bias_gradient(op, groups, o);
}

SIX_LAYER(linear) = {
    .kind = {"linear", SIX_ONCE("every output is a weighted sum of all inputs"), SIX_ONCE(attrs), sizeof(linear)},
    .title = "Linear",
    .prefix = "linear",
    .inputs_min = 1,
    .inputs_max = 1,
    .whole_gradients = true,
    .reads = SIX_READS_X,
    .setup = SIX_ONCE(setup),
    .needs = needs,
    .begin_forward = begin_forward,
    .forward = forward,
    .begin_backward = begin_backward,
    .backward = backward,
    .backward_part = backward_part,
};
