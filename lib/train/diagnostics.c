/* SPDX-License-Identifier: MIT */

#include "train/diagnostics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/exec.h"
#include "train/gradient_check.h"

/* What can be found: something measured exceeds a threshold. Without a threshold it is there or not. */
typedef struct rule {
    const char *name, *measured;
    double threshold;
    const char *remedy;
} rule;

enum {
    INPUT_NOT_FINITE,
    VALUE_NOT_FINITE,
    LOSS_NOT_FINITE,
    GRADIENT_NOT_FINITE,
    STEP_NOT_FINITE,
    LABEL_OUT_OF_RANGE,
    PROBABILITIES_AS_SCORES,
    INPUT_TOO_LARGE,
    INPUT_TOO_SMALL,
    GRADIENT_EXPLODES,
    RELU_DEAD,
    OUTPUT_CONSTANT,
    RULES
};

static const rule rules[RULES] = {
    [INPUT_NOT_FINITE] = {"input_not_finite", "the data have a value that is NaN or infinite", 0,
                          "look for missing values and divisions by zero where the data come from"},
    [VALUE_NOT_FINITE] = {"value_not_finite", "is the first layer to give NaN or infinity", 0,
                          "lower the learning rate, normalise the inputs, or put a batch norm before the layer"},
    [LOSS_NOT_FINITE] = {"loss_not_finite", "the loss became NaN or infinite, though no layer's output is", 0,
                         "look for extreme targets, or scale them down"},
    [GRADIENT_NOT_FINITE] = {"gradient_not_finite",
                             "is the first layer, from the loss backwards, whose gradients are NaN or infinite", 0,
                             "lower the learning rate, or scale inputs and targets down"},
    [STEP_NOT_FINITE] = {"update_not_finite", "the step would make a parameter or running statistic NaN or infinite", 0,
                         "lower the learning rate, or give the optimizer clip_norm=1"},
    [LABEL_OUT_OF_RANGE] = {"label_out_of_range", "a label is not one of the net's classes", 0,
                            "count classes from 0, and give the last layer as many outputs as there are classes"},
    [PROBABILITIES_AS_SCORES] =
        {"probabilities_as_scores", "the loss gets its probabilities and takes them for scores", 0,
         "leave the layer out for cross_entropy and bce_with_logits, which apply softmax and sigmoid themselves; nll "
         "takes log_softmax"},
    [INPUT_TOO_LARGE] = {"input_too_large", "the larger of the inputs' mean and deviation", 10,
                         "normalize them with the transform 'normalize', or with 'scale' of the dataset"},
    [INPUT_TOO_SMALL] = {"input_too_small", "1 divided by the inputs' deviation", 100,
                         "normalize them with the transform 'normalize', or with 'scale' of the dataset"},
    [GRADIENT_EXPLODES] =
        {"exploding_gradient", "the norm of its gradients divided by 1 and that of its parameters", 1000,
         "give the optimizer clip_norm=1, lower the learning rate, or put batch norms between the layers"},
    [RELU_DEAD] = {"dead_relu", "the share of its units that were 0 for all samples of an epoch", 0.5,
                   "lower the learning rate, or take leaky_relu or a batch norm before it"},
    [OUTPUT_CONSTANT] = {"constant_output", "the share of an epoch's batches in which it gave the same for all samples",
                         0.99,
                         "look whether inputs and targets belong together, lower the learning rate, or look for dead "
                         "or saturated layers"},
};

enum { BAD_VALUE = 1, BAD_GRADIENT = 2 };

struct six_diagnostics {
    six_observer observer; /* first member, so that six_observer * can be cast */
    sixnet_model *net;
    const six_batch_result *result;
    int64_t epoch, batch;       /* of the last visit; 0 before */
    int32_t tiles;              /* of a batch */
    uint8_t *bad;               /* [node][tile] what was not finite in this batch */
    uint8_t *alive;             /* [tile][unit] whether a ReLU's unit was above 0 in this epoch */
    int64_t *first_unit;        /* [node + 1] of ReLUs, in alive */
    uint8_t *reported;          /* [rule][node] */
    float *outputs;             /* of a batch */
    six_diagnostic_list *found; /* the model's from six_diagnostics_publish() on */
    bool published;
    int64_t batches, constant; /* of this epoch: those with samples to compare, and those with the same outputs */
};

/* ---- telling ---- */

/* Three digits of a number, the same in every locale. */
static const char *in_short(double x, char text[static 32])
{
    double up = 1, down = 1;
    for (; isfinite(x) && x / down >= 1000; down *= 10)
        ;
    for (; x > 0 && x * up < 100 && up < 1e12; up *= 10)
        ;
    return six_double_text(isfinite(x) ? rint(x / down * up) * down / up : x, text);
}

static void describe(const six_diagnostics *d, const rule *a, const char *node, double measure, six_diagnostic *f)
{
    char number[32], limit[32], amount[96] = "";
    f->name = a->name;
    f->remedy = a->remedy;
    snprintf(f->node, sizeof f->node, "%s", node);
    snprintf(f->epoch, sizeof f->epoch, "%lld", (long long)d->epoch);
    snprintf(f->batch, sizeof f->batch, "%lld", (long long)d->batch);
    if (a->threshold > 0)
        snprintf(amount, sizeof amount, " is %s, above %s", in_short(measure, number), in_short(a->threshold, limit));
    snprintf(f->text, sizeof f->text, "epoch %s, batch %s: %s: %s%s; %s", f->epoch, f->batch, f->node, a->measured,
             amount, a->remedy);
}

/* Each once for a node, in a run. */
static void tell(six_diagnostics *d, int32_t which, int32_t node, double measure)
{
    sixnet_model *net = d->net;
    uint8_t *reported = &d->reported[which * net->node_count + node];
    if (*reported || !(measure > rules[which].threshold))
        return;
    *reported = 1;
    six_diagnostic unkept, *f = d->found->count < SIX_DIAGNOSTICS_MAX ? &d->found->item[d->found->count++] : &unkept;
    describe(d, &rules[which], net->node[node].name, measure, f);
    six_log(net->ctx, 1, "%s", f->text);
}

const char *six_diagnostic_field(const six_diagnostic_list *list, int32_t index, const char *field)
{
    if (!list || index < 0 || index >= list->count)
        return NULL;
    const six_diagnostic *f = &list->item[index];
    const struct {
        const char *name, *value;
    } fields[] = {{"name", f->name},   {"node", f->node}, {"epoch", f->epoch},
                  {"batch", f->batch}, {"text", f->text}, {"remedy", f->remedy}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, field) == 0)
            return fields[i].value;
    return NULL;
}

/* ---- looking at the passes, in the threads that make them ---- */

static double value_at(const six_diagnostics *d, const void *values, int64_t i)
{
    return six_rows_value((six_rows){values, d->net->ctx->dtype}, i);
}

static bool is_above_zero(const six_diagnostics *d, const void *values, int64_t positions, int32_t active)
{
    for (int64_t p = 0; p < positions; p++)
        for (int32_t lane = 0; lane < active; lane++)
            if (value_at(d, values, p * SIX_LANES + lane) > 0)
                return true;
    return false;
}

static void see_units(six_diagnostics *d, int32_t node, const six_tile *tile)
{
    int64_t units = d->first_unit[node + 1] - d->first_unit[node];
    uint8_t *alive = d->alive + (int64_t)tile->index * d->first_unit[d->net->node_count] + d->first_unit[node];
    const six_shape *shape = &d->net->node[node].op->out[0];
    int64_t positions = units ? six_shape_size(shape) / units : 0;
    for (int64_t u = 0; u < units; u++)
        if (!alive[u])
            alive[u] = is_above_zero(
                d, (const char *)tile->y[0] + (size_t)(u * positions * SIX_LANES * d->net->variant->real_size),
                positions, tile->active);
}

static void after_layer(six_observer *observer, int32_t node, const six_tile *tile,
                        void (*done)(const six_run *, six_tile *, void *))
{
    six_diagnostics *d = (six_diagnostics *)observer;
    const six_kernels *kernels = d->net->node[node].kernels;
    const six_op *op = d->net->node[node].op;
    const six_variant *variant = d->net->variant;
    uint8_t *bad = &d->bad[(int64_t)node * d->tiles + tile->index];
    if (done == kernels->forward && node != d->net->loss) {
        for (int32_t o = 0; o < op->outputs; o++)
            if (!six_all_finite(variant, tile->y[o], six_shape_size(&op->out[o]) * SIX_LANES))
                *bad |= BAD_VALUE;
        see_units(d, node, tile);
    } else if (done == kernels->backward) {
        for (int32_t k = 0; k < op->inputs; k++)
            if (tile->dx[k] && !six_all_finite(variant, tile->dx[k], six_shape_size(&op->in[k]) * SIX_LANES))
                *bad |= BAD_GRADIENT;
    }
}

/* ---- looking at a batch ---- */

/* Of an input node's columns in the caller's rows. */
typedef struct spread {
    double mean, deviation;
    bool finite;
} spread;

static spread measure_input(const six_diagnostics *d, int64_t column, int64_t size)
{
    const six_batch_result *v = d->result;
    double sum = 0, squares = 0, count = (double)(v->n * size);
    for (int64_t i = 0; i < v->n * size; i++) {
        double x = six_rows_value(v->inputs, i / size * d->net->input_size + column + i % size);
        sum += x;
        squares += x * x;
    }
    double mean = sum / count, variance = squares / count - mean * mean;
    return (spread){mean, sqrt(variance > 0 ? variance : 0), isfinite(sum) && isfinite(squares)};
}

static bool check_inputs(six_diagnostics *d)
{
    const sixnet_model *net = d->net;
    int64_t column = 0;
    bool finite = true;
    for (int32_t node = 0; node < net->node_count; node++) {
        if (net->node[node].layer->role != SIX_ROLE_INPUT)
            continue;
        int64_t size = six_shape_size(&net->node[node].op->out[0]);
        spread s = measure_input(d, column, size);
        column += size;
        finite &= s.finite;
        if (!s.finite)
            tell(d, INPUT_NOT_FINITE, node, 1);
        else if (d->epoch == 1 && d->batch == 1 && !six_takes_indices(net, node)) {
            tell(d, INPUT_TOO_LARGE, node, fmax(fabs(s.mean), s.deviation));
            tell(d, INPUT_TOO_SMALL, node, 1 / s.deviation);
        }
    }
    return finite;
}

static bool has(const six_diagnostics *d, int32_t node, int what)
{
    for (int32_t g = 0; g < d->tiles; g++)
        if (d->bad[(int64_t)node * d->tiles + g] & what)
            return true;
    return false;
}

static bool gradients_are_finite(const six_diagnostics *d, int32_t node)
{
    const sixnet_model *net = d->net;
    for (int32_t t = 0; t < net->tensor_count; t++)
        if (net->tensor[t].node == node && six_trains(&net->tensor[t]) &&
            !six_all_finite(net->variant, six_gradient_at(net, &net->tensor[t]), net->tensor[t].size))
            return false;
    return true;
}

/* Only the first non-finite value is reported: the others follow from it. */
static void find_nonfinite(six_diagnostics *d)
{
    const sixnet_model *net = d->net;
    for (int32_t i = 0; i < net->node_count; i++)
        if (has(d, i, BAD_VALUE)) {
            tell(d, VALUE_NOT_FINITE, i, 1);
            return;
        }
    if (!isfinite(d->result->loss)) {
        tell(d, LOSS_NOT_FINITE, net->loss, 1);
        return;
    }
    for (int32_t i = net->node_count - 1; i >= 0; i--)
        if (has(d, i, BAD_GRADIENT) || !gradients_are_finite(d, i)) {
            tell(d, GRADIENT_NOT_FINITE, i, 1);
            return;
        }
    for (int32_t t = 0; t < net->tensor_count; t++)
        if (!six_all_finite(net->variant, six_tensor_at(net, net->values, &net->tensor[t]), net->tensor[t].size)) {
            tell(d, STEP_NOT_FINITE, net->tensor[t].node, 1);
            return;
        }
}

static void check_labels(six_diagnostics *d)
{
    const sixnet_model *net = d->net;
    const six_batch_result *v = d->result;
    double classes = (double)net->node[net->loss].op->in[0].dim[0];
    if (net->node[net->loss].op->targets != SIX_TARGETS_CLASSES)
        return;
    for (int64_t i = 0; i < v->n * net->target_size; i++) {
        double label = six_rows_value(v->targets, i);
        if (!(label >= 0 && label < classes && label == floor(label)))
            tell(d, LABEL_OUT_OF_RANGE, net->loss, 1);
    }
}

/* A layer that gives probabilities to a loss that makes them itself. */
static void check_net(six_diagnostics *d)
{
    const sixnet_model *net = d->net;
    int32_t node = net->value[net->output].node;
    while (net->node[node].layer->is_view && net->node[node].op->inputs == 1)
        node = net->value[net->node[node].input[0]].node;
    if (net->node[net->loss].layer->of_scores && net->node[node].layer->probabilities)
        tell(d, PROBABILITIES_AS_SCORES, node, 1);
}

/* The node whose gradients are the largest, measured by its parameters. */
static void check_gradients(six_diagnostics *d)
{
    const sixnet_model *net = d->net;
    double (*sum_of_squares)(const real *, int64_t, double) = net->variant->arrays.sum_of_squares;
    double worst = 0;
    int32_t where = net->loss;
    for (int32_t i = 0; i < net->node_count; i++) {
        double gradient = 0, value = 0;
        for (int32_t t = 0; t < net->tensor_count; t++) {
            const six_tensor *tensor = &net->tensor[t];
            if (tensor->node != i || !six_trains(tensor))
                continue;
            gradient += sum_of_squares(six_gradient_at(net, tensor), tensor->size, INFINITY);
            value += sum_of_squares(six_tensor_at(net, net->values, tensor), tensor->size, INFINITY);
        }
        double ratio = sqrt(gradient) / (1 + sqrt(value));
        where = ratio > worst ? i : where;
        worst = ratio > worst ? ratio : worst;
    }
    tell(d, GRADIENT_EXPLODES, where, worst);
}

/* Whether rows of so many values are the same but for rounding. */
static bool are_alike(six_rows rows, int64_t n, int64_t size)
{
    for (int64_t k = 0; k < size; k++) {
        double low = six_rows_value(rows, k), high = low;
        for (int64_t i = 1; i < n; i++) {
            low = fmin(low, six_rows_value(rows, i * size + k));
            high = fmax(high, six_rows_value(rows, i * size + k));
        }
        if (!(high - low <= 1e-5 * fmax(fabs(low), fabs(high))))
            return false;
    }
    return true;
}

void six_diagnostics_collect_outputs(six_diagnostics *d, int64_t first)
{
    const sixnet_model *net = d->net;
    six_node_values(net, net->output, false, (six_rows_out){d->outputs + first * net->output_size, SIX_F32},
                    net->training->samples * net->output_size);
}

static void check_outputs(six_diagnostics *d)
{
    const sixnet_model *net = d->net;
    const six_batch_result *v = d->result;
    if (v->n < 2 || are_alike(v->targets, v->n, net->target_size))
        return;
    d->batches++;
    d->constant += are_alike((six_rows){d->outputs, SIX_F32}, v->n, net->output_size);
}

void six_diagnostics_check_batch(six_diagnostics *d, const six_batch_result *result)
{
    d->result = result;
    d->epoch = result->epoch;
    d->batch = result->batch;
    check_net(d);
    check_labels(d);
    if (check_inputs(d))
        find_nonfinite(d);
    check_gradients(d);
    if (!result->status)
        check_outputs(d);
    memset(d->bad, 0, (size_t)d->net->node_count * (size_t)d->tiles);
}

/* ---- looking back at an epoch ---- */

static double dead_share(const six_diagnostics *d, int32_t node)
{
    int64_t dead = 0, units = d->first_unit[node + 1] - d->first_unit[node], all = d->first_unit[d->net->node_count];
    for (int64_t u = d->first_unit[node]; u < d->first_unit[node + 1]; u++) {
        bool alive = false;
        for (int32_t g = 0; g < d->tiles; g++)
            alive |= d->alive[(int64_t)g * all + u];
        dead += !alive;
    }
    return units ? (double)dead / (double)units : 0;
}

void six_diagnostics_check_epoch(six_diagnostics *d)
{
    const sixnet_model *net = d->net;
    for (int32_t i = 0; i < net->node_count; i++)
        tell(d, RELU_DEAD, i, dead_share(d, i));
    if (d->batches)
        tell(d, OUTPUT_CONSTANT, net->value[net->output].node, (double)d->constant / (double)d->batches);
    d->batches = d->constant = 0;
    memset(d->alive, 0, (size_t)d->tiles * (size_t)d->first_unit[net->node_count]);
}

void six_diagnostics_publish(six_diagnostics *d)
{
    six_model_set_report(d->net, SIX_REPORT_DIAGNOSTICS, d->found);
    d->published = true;
}

six_observer *six_diagnostics_observer(six_diagnostics *d) { return &d->observer; }

void six_diagnostics_data_rejected(six_diagnostics *d) { tell(d, LABEL_OUT_OF_RANGE, d->net->loss, 1); }

/* ---- beginning and end ---- */

static void count_units(six_diagnostics *d)
{
    for (int32_t i = 0; i < d->net->node_count; i++) {
        const six_node *node = &d->net->node[i];
        d->first_unit[i + 1] = d->first_unit[i] + (node->layer->rectifies ? node->op->out[0].dim[0] : 0);
    }
}

static int32_t allocate(six_diagnostics *d, int64_t batch_size)
{
    sixnet_model *net = d->net;
    size_t nodes = (size_t)net->node_count, tiles = (size_t)d->tiles;
    d->first_unit = six_alloc(net->ctx, nodes + 1, sizeof *d->first_unit);
    if (!d->first_unit)
        return SIXNET_OUT_OF_MEMORY;
    count_units(d);
    d->bad = six_alloc(net->ctx, nodes, tiles);
    d->alive = six_alloc(net->ctx, (size_t)d->first_unit[nodes], tiles);
    d->reported = six_alloc(net->ctx, nodes, RULES);
    d->outputs = six_alloc(net->ctx, (size_t)(batch_size * net->output_size), sizeof *d->outputs);
    d->found = six_alloc(net->ctx, 1, sizeof *d->found);
    return d->bad && d->alive && d->reported && d->outputs && d->found ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
}

int32_t six_diagnostics_new(six_diagnostics **out, sixnet_model *net, int64_t batch_size)
{
    six_diagnostics *d = six_alloc(net->ctx, 1, sizeof *d);
    if (!d)
        return SIXNET_OUT_OF_MEMORY;
    d->net = net;
    d->observer.after_layer = after_layer;
    d->tiles = (int32_t)((batch_size + SIX_LANES - 1) / SIX_LANES);
    if (allocate(d, batch_size)) {
        six_diagnostics_free(d);
        return SIXNET_OUT_OF_MEMORY;
    }
    *out = d;
    return SIXNET_OK;
}

void six_diagnostics_free(six_diagnostics *d)
{
    if (!d)
        return;
    const sixnet_context *ctx = d->net->ctx;
    six_free(ctx, d->first_unit);
    six_free(ctx, d->bad);
    six_free(ctx, d->alive);
    six_free(ctx, d->reported);
    six_free(ctx, d->outputs);
    if (!d->published)
        six_free(ctx, d->found);
    six_free(ctx, d);
}
