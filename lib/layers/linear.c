/* SPDX-License-Identifier: MIT */

/* y[o] = bias[o] + sum over i of weight[o][i] * x[i], over the last dimension of the input. As torch.nn.Linear. */

#include <string.h>

#include "base/status.h"
#include "layers/correlate.h"
#include "layers/weights.h"
#include "simd/transpose.h"

/* Outputs whose weight gradients are one piece of work. */
enum { PART_OUTPUTS = 16, READINGS = SIX_LANES * SIX_SCRATCH_OF_TAP /* bytes of scratch, before sums */ };
/* Backward goes down so many rows of weights at a time: further down the first would have left the cache before their next columns
 * are read. */
enum { MOST_ROWS = 128 };

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
    op->out[0] = op->in[0];
    op->out[0].dim[op->out[0].rank - 1] = a->out_features;
    const six_param params[] = {
        {"weight", {2, {a->out_features, in}}, true, six_weight_values(a->init, in, a->out_features)},
        {"bias", {1, {a->out_features}}, true, six_bias_values(in)},
    };
    if (in > 1 << 24 || !six_shape_fits(&params[0].shape))
        return six_fail(SIXNET_TOO_LARGE, "%s: %lld x %lld weights are too many", op->name, (long long)a->out_features,
                        (long long)in);
    return six_op_add_params(op, params, a->bias ? 2 : 1);
}

static const six_tap here = {0, 0};

static int64_t positions(const six_op *op) { return six_shape_size(&op->in[0]) / features(&op->in[0]); }

/* From one of the two ends to the other, position by position: forward, or the gradient by x. */
static six_correlation between(int64_t positions, int64_t from, int64_t to, int64_t w_output, int64_t w_depth)
{
    return (six_correlation){
        .depth = (int32_t)from,
        .outputs = (int32_t)to,
        .taps = 1,
        .tap = &here,
        .stride_h = 1,
        .stride_w = 1,
        .in_h = positions,
        .in_w = 1,
        .x_plane = SIX_LANES,
        .x_row = from * SIX_LANES,
        .x_step = SIX_LANES,
        .rows = positions,
        .columns = 1,
        .y_plane = SIX_LANES,
        .y_row = to * SIX_LANES,
        .y_step = SIX_LANES,
        .w_output = w_output,
        .w_depth = w_depth,
        .w_tap = 1,
    };
}

static six_correlation forward_of(const six_op *op)
{
    int64_t in = features(&op->in[0]);
    return between(positions(op), in, features(&op->out[0]), in, 1);
}

static six_correlation backward_of(const six_op *op)
{
    int64_t in = features(&op->in[0]);
    return between(positions(op), features(&op->out[0]), in, 1, in);
}

/* The gradient by the weights: the samples of all groups are summed over, and the inputs of the layer, SIX_LANES of them side by side, lie
 * in the lanes. For that forward keeps x turned around: [position][lane][input], with room for a multiple of SIX_LANES inputs. */
static int64_t transposed_row(const six_op *op)
{
    return (features(&op->in[0]) + SIX_LANES - 1) / SIX_LANES * SIX_LANES;
}

static six_correlation weights_of(const six_run *run, const six_tile *tiles, int32_t outputs, six_tap tap[SIX_LANES])
{
    int64_t row = transposed_row(run->op);
    bool several = run->tiles > 1;
    int32_t lanes = several ? SIX_LANES : (int32_t)run->samples;
    for (int32_t lane = 0; lane < lanes; lane++)
        tap[lane] = (six_tap){0, lane * (int32_t)(row / SIX_LANES)};
    return (six_correlation){
        .depth = run->tiles,
        .outputs = outputs,
        .taps = lanes,
        .tap = tap,
        .stride_h = 1,
        .stride_w = 1,
        .in_h = 1,
        .in_w = row,
        .x_plane = several ? (real *)tiles[1].saved - (real *)tiles[0].saved : 0,
        .x_row = 0,
        .x_step = SIX_LANES,
        .rows = 1,
        .columns = row / SIX_LANES,
        .y_plane = row,
        .y_row = 0,
        .y_step = SIX_LANES,
        .w_output = SIX_LANES,
        .w_depth = several ? tiles[1].dy[0] - tiles[0].dy[0] : 0,
        .w_tap = 1,
    };
}

/* One sample: SIX_LANES outputs lie in the lanes, for which their weights are turned around: [input][output]. */
static int64_t one_row(const six_op *op) { return (features(&op->out[0]) + SIX_LANES - 1) / SIX_LANES * SIX_LANES; }

static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    const six_op *op = run->op;
    int64_t row = transposed_row(op), out = features(&op->out[0]);
    n->saved = run->trains ? positions(op) * SIX_LANES * row * (int64_t)sizeof(real) : 0;
    n->shared = run->lanes == 1 ? features(&op->in[0]) * one_row(op) * (int64_t)sizeof(real) : 0;
    n->scratch = READINGS + (run->lanes == 1 ? one_row(op)
                             : run->trains   ? PART_OUTPUTS * row
                                             : 0) *
                                (int64_t)sizeof(real);
    n->parts = (int32_t)((out + PART_OUTPUTS - 1) / PART_OUTPUTS);
}

static void turn(const six_op *op, six_tile *tile)
{
    int64_t in = features(&op->in[0]), row = transposed_row(op);
    for (int64_t p = 0; p < positions(op); p++)
        six_transpose_tile(tile->x[0] + p * in * SIX_LANES, in, (real *)tile->saved + p * SIX_LANES * row, row);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    six_correlation c = forward_of(op);
    six_correlate(&c, tile->x[0], run->value[0], op->params > 1 ? run->value[1] : NULL, tile->y[0], scratch);
    if (run->trains)
        turn(op, tile);
}

static int32_t begin_forward(six_run *run, six_tile *tiles)
{
    const six_op *op = run->op;
    int64_t in = features(&op->in[0]), out = features(&op->out[0]), row = one_row(op);
    real *turned = run->shared;
    (void)tiles;
    for (int64_t o = 0; run->lanes == 1 && o < out; o++)
        for (int64_t i = 0; i < in; i++)
            turned[i * row + o] = run->value[0][o * in + i];
    return SIXNET_OK;
}

static void forward_one(const six_run *run, six_tile *tile, void *scratch)
{
    const six_op *op = run->op;
    int64_t in = features(&op->in[0]), out = features(&op->out[0]), row = one_row(op);
    real *sums = (real *)((char *)scratch + READINGS);
    six_correlation c = {
        .depth = (int32_t)in,
        .outputs = 1,
        .taps = 1,
        .tap = &here,
        .stride_h = 1,
        .stride_w = 1,
        .in_h = 1,
        .in_w = row,
        .x_plane = row,
        .x_step = SIX_LANES,
        .rows = 1,
        .columns = row / SIX_LANES,
        .y_step = SIX_LANES,
        .w_output = 1,
        .w_depth = 1,
        .w_tap = 1,
        .add = true,
    };
    for (int64_t p = 0; p < positions(op); p++) {
        for (int64_t o = 0; o < row; o++)
            sums[o] = op->params > 1 && o < out ? run->value[1][o] : 0;
        six_correlate(&c, run->shared, tile->x[0] + p * in, NULL, sums, scratch);
        memcpy(tile->y[0] + p * out, sums, (size_t)out * sizeof *sums);
    }
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_correlation all = backward_of(run->op);
    six_correlation c = all;
    for (int32_t first = 0; tile->dx[0] && first < all.depth; first += c.depth) {
        c.depth = all.depth - first < MOST_ROWS ? all.depth - first : MOST_ROWS;
        c.add = first > 0;
        six_correlate(&c, tile->dy[0] + first * all.x_plane, run->value[0] + first * all.w_depth, NULL, tile->dx[0],
                      scratch);
    }
}

static real bias_gradient(const six_run *run, const six_tile *tiles, int64_t o)
{
    const six_op *op = run->op;
    real sum = 0;
    for (int32_t g = 0; g < run->tiles; g++)
        for (int64_t p = 0; p < positions(op); p++)
            sum += six_lane_sum(tiles[g].dy[0] + (p * features(&op->out[0]) + o) * SIX_LANES);
    return sum;
}

static void backward_part(const six_run *run, six_tile *tiles, int32_t part, void *scratch)
{
    const six_op *op = run->op;
    six_tap tap[SIX_LANES];
    int64_t first = (int64_t)part * PART_OUTPUTS, end = first + PART_OUTPUTS, out = features(&op->out[0]),
            in = features(&op->in[0]);
    end = end < out ? end : out;
    six_correlation c = weights_of(run, tiles, (int32_t)(end - first), tap);
    real *sums = (real *)((char *)scratch + READINGS);
    for (int64_t p = 0; p < positions(op); p++) {
        c.add = p > 0;
        six_correlate(&c, (real *)tiles[0].saved + p * SIX_LANES * transposed_row(op),
                      tiles[0].dy[0] + (p * out + first) * SIX_LANES, NULL, sums, scratch);
    }
    for (int64_t o = first; run->gradient[0] && o < end; o++)
        for (int64_t i = 0; i < in; i++)
            run->gradient[0][o * in + i] += sums[(o - first) * transposed_row(op) + i];
    for (int64_t o = first; op->params > 1 && run->gradient[1] && o < end; o++)
        run->gradient[1][o] += bias_gradient(run, tiles, o);
}

SIX_LAYER(linear) = {
    .kind = {"linear", SIX_BASELINE_ONLY("every output is a weighted sum of all inputs"), SIX_BASELINE_ONLY(attrs),
             sizeof(linear)},
    .title = "Linear",
    .prefix = "linear",
    .inputs_min = 1,
    .inputs_max = 1,
    .is_linear_in_weights = true,
    .accumulates_gradients = true,
    .reads = SIX_READS_NOTHING,
    .setup = SIX_BASELINE_ONLY(setup),
    .memory_reqs = memory_reqs,
    .begin_forward = begin_forward,
    .forward = forward,
    .forward_one = forward_one,
    .backward = backward,
    .backward_part = backward_part,
};
