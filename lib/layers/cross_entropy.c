/* SPDX-License-Identifier: MIT */

/* cross_entropy: with q = log softmax(x) over the C classes, c the target class, w the classes' weights and e = label_smoothing, the sum
 * over all samples and positions of
 *
 *     (1 - e) (-w_c q_c) + e / C sum_k (-w_k q_k)
 *
 * reduction=mean divides it by the sum of the w_c.
 *
 * dx_k = softmax(x)_k ((1 - e) w_c + e / C sum_j w_j) - e / C w_k, less (1 - e) w_c for k = c, divided likewise.
 *
 * With targets=probabilities the target is a t_k for each class, and with v_k = w_k ((1 - e) t_k + e / C) what is summed is
 *
 *     sum_k (-v_k q_k)
 *
 * which reduction=mean divides by the number of samples and positions; dx_k = softmax(x)_k sum_j v_j - v_k, divided likewise.
 *
 * As torch.nn.CrossEntropyLoss with class numbers or with class probabilities as targets. */

#include "layers/classes.h"
#include "simd/lane_math.h"

#include <string.h>

typedef struct attributes {
    int32_t reduction, targets;
    double label_smoothing;
    six_list weight;
} attributes;

enum { CLASSES, PROBABILITIES };

static const six_attr attrs[] = {
    SIX_LOSS_REDUCTION(attributes),
    {"label_smoothing", SIX_FLOAT, offsetof(attributes, label_smoothing), 0, 1, "0", NULL,
     "the share of the target spread over all classes"},
    SIX_CLASS_WEIGHT(attributes),
    {"targets", SIX_CHOICE, offsetof(attributes, targets), 0, 0, "classes", "classes probabilities",
     "whether a target is the number of a class, or a probability for each of them"},
    {.name = NULL},
};

static int32_t setup(six_op *op)
{
    const attributes *a = op->attr;
    six_class_setup(op, a->reduction);
    if (a->targets == PROBABILITIES) {
        op->targets = SIX_TARGETS_PROBABILITIES;
        op->out[0] = op->in[0];
    }
    return six_class_check(op, &a->weight);
}

/* Saved for each position: the largest x, and what makes of exp(x - that) a softmax, with probabilities times the sum of the v. */
static void memory_reqs(const six_run *run, six_memory_reqs *n)
{
    six_loss_memory_reqs(run, n);
    n->saved = six_class_positions(run->op) * 2 * SIX_LANES * (int64_t)sizeof(real);
}

/* The sum of all weights. */
static real all_weights(const six_op *op)
{
    const six_list *weights = &((const attributes *)op->attr)->weight;
    double sum = weights->count ? 0 : (double)op->in[0].dim[0];
    for (int32_t c = 0; c < weights->count; c++)
        sum += weights->value[c];
    return (real)sum;
}

/* ---- classes ---- */

static void forward_classes(const six_run *run, six_tile *tile)
{
    const six_op *op = run->op;
    const attributes *a = op->attr;
    const int64_t classes = op->in[0].dim[0], positions = six_class_positions(op), stride = positions * SIX_LANES;
    const real smooth = (real)(a->label_smoothing / (double)classes), sharp = (real)(1 - a->label_smoothing),
               all = all_weights(op);
    six_class_sums sums = {{0}, {0}, {0}};
    for (int64_t p = 0; p < positions; p++) {
        const real *x = tile->x[0] + p * SIX_LANES;
        int64_t class[SIX_LANES];
        six_int first[SIX_LANES];
        real largest[SIX_LANES], log_sum[SIX_LANES], spread[SIX_LANES];
        six_class_read(op, tile, p, class);
        for (int part = 0; part < SIX_PARTS; part++) {
            const int64_t at = part * SIX_WIDTH;
            ivec index;
            const vec most = six_class_largest(x + at, classes, stride, &index);
            vec sum = {0}, weighted = {0};
            for (int64_t c = 0; c < classes; c++) {
                const vec less = six_load(x + at + c * stride) - most;
                sum += six_exp(less);
                if (smooth > 0)
                    weighted = six_fma(six_set(six_class_weight(&a->weight, c)), less, weighted);
            }
            const vec log = six_ln(sum);
            memcpy(first + at, &index, sizeof index);
            six_store(largest + at, most);
            six_store(log_sum + at, log);
            six_store(spread + at, all * log - weighted);
            if (tile->saved) {
                real *saved = (real *)tile->saved + p * 2 * SIX_LANES + at;
                six_store(saved, most);
                six_store(saved + SIX_LANES, 1 / sum);
            }
        }
        for (int i = 0; i < SIX_LANES; i++) {
            const real w = six_class_weight(&a->weight, class[i]),
                       q = x[class[i] * stride + i] - largest[i] - log_sum[i];
            sums.total[i] += (double)(smooth > 0 ? smooth * spread[i] - sharp * w * q : -w * q);
            sums.weight[i] += (double)w;
            sums.correct[i] += class[i] == first[i];
        }
    }
    six_class_store(run, tile, &sums);
}

static void backward_classes(const six_run *run, six_tile *tile)
{
    const six_op *op = run->op;
    const attributes *a = op->attr;
    const int64_t classes = op->in[0].dim[0], positions = six_class_positions(op), stride = positions * SIX_LANES;
    const real smooth = (real)(a->label_smoothing / (double)classes), sharp = (real)(1 - a->label_smoothing),
               all = all_weights(op);
    const real factor = (real) * (const double *)run->shared;
    for (int64_t p = 0; tile->dx[0] && p < positions; p++) {
        const real *x = tile->x[0] + p * SIX_LANES, *saved = (const real *)tile->saved + p * 2 * SIX_LANES;
        real *dx = tile->dx[0] + p * SIX_LANES;
        int64_t class[SIX_LANES];
        real sharply[SIX_LANES], smoothly[SIX_LANES], both[SIX_LANES];
        six_class_read(op, tile, p, class);
        for (int32_t i = 0; i < SIX_LANES; i++) {
            const real by = i < tile->active ? factor : 0;
            sharply[i] = by * sharp * six_class_weight(&a->weight, class[i]);
            smoothly[i] = by * smooth;
            both[i] = sharply[i] + smoothly[i] * all;
        }
        for (int part = 0; part < SIX_PARTS; part++) {
            const int64_t at = part * SIX_WIDTH;
            const vec most = six_load(saved + at), scale = six_load(saved + SIX_LANES + at) * six_load(both + at);
            for (int64_t c = 0; c < classes; c++) {
                vec d = six_exp(six_load(x + at + c * stride) - most) * scale;
                if (smooth > 0)
                    d -= six_load(smoothly + at) * six_class_weight(&a->weight, c);
                six_store(dx + at + c * stride, d);
            }
        }
        for (int i = 0; i < SIX_LANES; i++)
            dx[class[i] * stride + i] -= sharply[i];
    }
}

/* ---- probabilities ---- */

typedef struct smoothing {
    const six_list *weight;
    vec sharp, smooth;
} smoothing;

SIX_INLINE smoothing smoothing_of(const six_op *op)
{
    const attributes *a = op->attr;
    return (smoothing){&a->weight, six_set((real)(1 - a->label_smoothing)),
                       six_set((real)(a->label_smoothing / (double)op->in[0].dim[0]))};
}

/* v_k, of a target t_k. */
SIX_INLINE vec smoothed(const smoothing *s, const real *target, int64_t class)
{
    return six_set(six_class_weight(s->weight, class)) * six_fma(s->sharp, six_load(target), s->smooth);
}

/* The first of what is saved for the lanes of a position's part that is at `at`. */
SIX_INLINE real *saved_at(const six_tile *tile, int64_t at)
{
    return (real *)tile->saved + at / SIX_LANES * 2 * SIX_LANES + at % SIX_LANES;
}

static void forward_probabilities(const six_run *run, six_tile *tile)
{
    const six_op *op = run->op;
    const smoothing s = smoothing_of(op);
    const int64_t classes = op->in[0].dim[0], stride = six_class_positions(op) * SIX_LANES;
    six_class_sums sums = {{0}, {0}, {0}};
    six_loss_check_targets(op, tile, 1);
    for (int64_t at = 0; at < stride; at += SIX_WIDTH) {
        const real *x = tile->x[0] + at, *target = tile->target + at;
        ivec first, right;
        real loss[SIX_WIDTH];
        six_int firsts[SIX_WIDTH], rights[SIX_WIDTH];
        const vec most = six_class_largest(x, classes, stride, &first);
        six_class_largest(target, classes, stride, &right);
        vec sum = {0}, all = {0}, weighted = {0};
        for (int64_t c = 0; c < classes; c++) {
            const vec less = six_load(x + c * stride) - most, v = smoothed(&s, target + c * stride, c);
            sum += six_exp(less);
            all += v;
            weighted = six_fma(v, less, weighted);
        }
        six_store(loss, all * six_ln(sum) - weighted);
        memcpy(firsts, &first, sizeof first);
        memcpy(rights, &right, sizeof right);
        if (tile->saved) {
            six_store(saved_at(tile, at), most);
            six_store(saved_at(tile, at) + SIX_LANES, all / sum);
        }
        for (int i = 0; i < SIX_WIDTH; i++) {
            const int64_t lane = at % SIX_LANES + i;
            sums.total[lane] += (double)loss[i];
            sums.weight[lane] += 1;
            sums.correct[lane] += firsts[i] == rights[i];
        }
    }
    six_class_store(run, tile, &sums);
}

static void backward_probabilities(const six_run *run, six_tile *tile)
{
    const six_op *op = run->op;
    const smoothing s = smoothing_of(op);
    const int64_t classes = op->in[0].dim[0], stride = six_class_positions(op) * SIX_LANES;
    real factor[SIX_LANES];
    for (int32_t i = 0; i < SIX_LANES; i++)
        factor[i] = i < tile->active ? (real) * (const double *)run->shared : 0;
    for (int64_t at = 0; tile->dx[0] && at < stride; at += SIX_WIDTH) {
        const real *saved = saved_at(tile, at);
        const vec most = six_load(saved), scale = six_load(saved + SIX_LANES), by = six_load(factor + at % SIX_LANES);
        for (int64_t c = 0; c < classes; c++) {
            const int64_t k = at + c * stride;
            six_store(tile->dx[0] + k,
                      (six_exp(six_load(tile->x[0] + k) - most) * scale - smoothed(&s, tile->target + k, c)) * by);
        }
    }
}

/* ---- either ---- */

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (run->op->targets == SIX_TARGETS_CLASSES)
        forward_classes(run, tile);
    else
        forward_probabilities(run, tile);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    (void)scratch;
    if (run->op->targets == SIX_TARGETS_CLASSES)
        backward_classes(run, tile);
    else
        backward_probabilities(run, tile);
}

SIX_LAYER(cross_entropy) = {
    .kind = {.name = "cross_entropy",
             .help = "the cross entropy of softmax(x) and the target class, or classes' probabilities",
             .attrs = attrs,
             .size = sizeof(attributes)},
    .title = "CrossEntropyLoss",
    .prefix = "loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .role = SIX_ROLE_LOSS,
    .hidden = true,
    .reads = SIX_READS_X,
    .of_scores = true,
    .setup = setup,
};

SIX_KERNELS(cross_entropy) = {
    .memory_reqs = memory_reqs,
    .forward = forward,
    .end_forward = six_class_end,
    .backward = backward,
};
