/* SPDX-License-Identifier: MIT */

/* bce_with_logits: the sum of -(w t log s(x) + (1 - t) log(1 - s(x))) over all values of all samples, where s(x) = 1 / (1 + exp(-x)) and w
 * is pos_weight; reduction=mean divides it by their number. Computed as (1 - t) x + (1 - t + w t) (log(1 + exp(-|x|)) + max(-x, 0)).
 *
 * dx = (1 - t) s(x) - w t s(-x), divided likewise. As torch.nn.BCEWithLogitsLoss.
 *
 * Each value classifies: it is right if x > 0 where t >= 1/2, and x <= 0 where t < 1/2. */

#include "layers/binary.h"
#include "simd/lane_math.h"

typedef struct attributes {
    int32_t reduction;
    six_list pos_weight;
} attributes;

static const six_attr attrs[] = {
    SIX_LOSS_REDUCTION(attributes),
    {"pos_weight", SIX_LIST, offsetof(attributes, pos_weight), 0, 1e30, "", NULL,
     "a weight of what is positive: one number, or one for each place of the last dimension"},
    {.name = NULL},
};

static vec weight_of(const six_list *weights, int64_t feature)
{
    return six_set(weights->count == 0 ? 1 : (real)weights->value[feature % weights->count]);
}

static vec value(vec x, vec t, const void *attr, int64_t feature)
{
    const vec w = weight_of(&((const attributes *)attr)->pos_weight, feature), negative = 1 - t;
    const vec log_sigmoid = six_ln1p(six_exp(-six_abs(x))) + six_max(-x, (vec){0});
    return six_fma(negative, x, six_fma(w, t, negative) * log_sigmoid);
}

static vec derivative(vec x, vec t, const void *attr, int64_t feature)
{
    const vec w = weight_of(&((const attributes *)attr)->pos_weight, feature);
    const vec z = six_exp(-six_abs(x)), one = six_set(1), divisor = z + 1;
    const ivec negative = six_greater((vec){0}, x);
    return (1 - t) * (six_select(negative, z, one) / divisor) - w * t * (six_select(negative, one, z) / divisor);
}

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    const six_list *weights = &a->pos_weight;
    op->targets = SIX_TARGETS_SHARES;
    op->classified = six_shape_size(&op->in[0]);
    const int64_t last = op->in[0].dim[op->in[0].rank - 1];
    if (weights->count > 1 && weights->count != last)
        return six_fail(SIXNET_BAD_SHAPE, "%s: pos_weight has %d numbers, but the last dimension is %lld", op->name,
                        (int)weights->count, (long long)last);
    return six_loss_setup(op, a->reduction);
}

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_loss_check_targets(run->op, tile, 1);
    six_loss_forward(run, tile, value);
    six_binary_count(run, tile, 0);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    six_loss_backward(run, tile, derivative);
}

SIX_LAYER(bce_with_logits) = {
    .kind = {.name = "bce_with_logits",
             .help = "the binary cross entropy of sigmoid(x)",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "BCEWithLogitsLoss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .of_scores = true,
    .setup = setup,
};

SIX_KERNELS(bce_with_logits) = {
    .memory_reqs = six_loss_memory_reqs,
    .forward = forward,
    .end_forward = six_loss_end_values,
    .backward = backward,
};
