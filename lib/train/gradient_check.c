/* SPDX-License-Identifier: MIT */

#include "train/gradient_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/exec.h"
#include "graph/plan.h"
#include "train/evaluate.h"

enum { WHERE_MAX = SIX_NAME_MAX + SIX_PARAM_NAME_MAX + 24 };

typedef struct check {
    sixnet_model *net;
    const double *targets;
    double *inputs, *input_gradients;
    int64_t n;
    char *values,
        *gradients; /* the tensors as they were, as training moves running statistics; the analytic gradients */
    /* The model's own: its gradients, where its random numbers are, and its last pass, which waits. */
    char *before;
    uint64_t step;
    bool *retained;
    six_plan *plan;
    int pass;
    double worst;
    char *where; /* [WHERE_MAX] */
} check;

static size_t bytes_of(const sixnet_model *net, int64_t values)
{
    return (size_t)values * (size_t)net->variant->real_size;
}

/* One training pass: the same random numbers and tensors every time. */
static int32_t evaluate(check *c, double *loss)
{
    six_loss_sums sums;
    c->net->step = c->step;
    int32_t status = six_forward(c->net, (six_rows){c->inputs, SIX_F64}, c->n, NULL);
    if (status)
        return status;
    status = six_loss(c->net, (six_rows){c->targets, SIX_F64}, &sums);
    if (status)
        return status;
    status = six_check_loss_weight(c->net->node[c->net->loss].op, &sums);
    if (status)
        return status;
    *loss = six_loss_value(c->net->node[c->net->loss].op, &sums);
    return SIXNET_OK;
}

static double get(const check *c, const void *array, int64_t i)
{
    return six_rows_value((six_rows){array, c->net->ctx->dtype}, i);
}

static void set(const check *c, void *array, int64_t i, double value)
{
    if (c->net->ctx->dtype == SIX_F64)
        ((double *)array)[i] = value;
    else
        ((float *)array)[i] = (float)value;
}

/* A value that is moved: a parameter of the model, or an input if tensor is NULL. */
typedef struct place {
    const char *name;
    int64_t index; /* in what has that name */
    int64_t at;
    bool is_input;
    double analytic;
} place;

static void move_to(check *c, const place *p, double x)
{
    memcpy(c->net->values, c->values, bytes_of(c->net, c->net->values_size));
    if (p->is_input)
        c->inputs[p->at] = x;
    else
        set(c, c->net->values, p->at, x);
}

static int32_t numeric(check *c, const place *p, double *gradient)
{
    static const double shift[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
    double x = p->is_input ? c->inputs[p->at] : get(c, c->values, p->at), h = 1e-3 * fmax(1, fabs(x)), loss;
    int32_t status = SIXNET_OK;
    *gradient = 0;
    for (int i = 0; i < 4 && !status; i++) {
        move_to(c, p, x + shift[i] * h);
        status = evaluate(c, &loss);
        *gradient += status ? 0 : weight[i] * loss;
    }
    move_to(c, p, x);
    *gradient /= 12 * h;
    return status;
}

static int32_t compare(check *c, const place *p)
{
    double gradient = 0;
    int32_t status = six_cancelled(c->net) ? SIXNET_STOPPED : numeric(c, p, &gradient);
    double deviation = fabs(gradient - p->analytic) / fmax(1, fmax(fabs(gradient), fabs(p->analytic)));
    if (!status && (!(deviation <= c->worst) || !c->where[0])) {
        c->worst = deviation;
        snprintf(c->where, WHERE_MAX, "%s[%lld]", p->name, (long long)p->index);
    }
    return status;
}

static int32_t compare_parameters(check *c)
{
    int32_t status = SIXNET_OK;
    for (int32_t t = 0; t < c->net->tensor_count; t++) {
        const six_tensor *tensor = &c->net->tensor[t];
        for (int64_t i = 0; six_trains(tensor) && i < tensor->size && !status; i++) {
            place p = {tensor->name, i, tensor->offset + i, false, get(c, c->gradients, tensor->gradient_offset + i)};
            status = compare(c, &p);
        }
    }
    return status;
}

bool six_takes_indices(const sixnet_model *net, int32_t input)
{
    for (int32_t i = 0; i < net->node_count; i++)
        for (int32_t k = 0; k < net->node[i].op->inputs; k++)
            if (net->value[net->node[i].input[k]].node == input && (net->node[i].op->index_inputs >> k & 1))
                return true;
    return false;
}

static int32_t compare_inputs(check *c)
{
    const sixnet_model *net = c->net;
    int64_t column = 0;
    int32_t status = SIXNET_OK;
    for (int32_t node = 0; node < net->node_count; node++) {
        if (net->node[node].layer->role != SIX_ROLE_INPUT)
            continue;
        int64_t size = six_shape_size(&net->node[node].op->out[0]);
        const double *gradients = c->input_gradients + c->n * column;
        for (int64_t i = 0; i < c->n * size && !status && !six_takes_indices(net, node); i++) {
            place p = {net->node[node].name, i, i / size * net->input_size + column + i % size, true, gradients[i]};
            status = compare(c, &p);
        }
        column += size;
    }
    return status;
}

static int32_t take_analytic(check *c)
{
    sixnet_model *net = c->net;
    double loss;
    int64_t column = 0;
    memset(net->gradients, 0, bytes_of(net, net->trained_size));
    int32_t status = evaluate(c, &loss);
    if (!status)
        status = six_backward(net);
    if (!status)
        memcpy(c->gradients, net->gradients, bytes_of(net, net->trained_size));
    for (int32_t node = 0; node < net->node_count && !status; node++)
        if (net->node[node].layer->role == SIX_ROLE_INPUT) {
            int64_t size = six_shape_size(&net->node[node].op->out[0]);
            status = six_node_values(net, net->node[node].first_value, true,
                                     (six_rows_out){c->input_gradients + c->n * column, SIX_F64}, c->n * size);
            column += size;
        }
    memset(net->gradients, 0, bytes_of(net, net->trained_size));
    return status;
}

static int32_t run(check *c, const double *inputs)
{
    sixnet_model *net = c->net;
    size_t values = bytes_of(net, net->values_size), gradients = bytes_of(net, net->trained_size);
    size_t count = (size_t)(c->n * net->input_size);
    c->inputs = six_alloc(net->ctx, count, sizeof *c->inputs);
    c->input_gradients = six_alloc(net->ctx, count, sizeof *c->input_gradients);
    c->values = six_alloc(net->ctx, 1, values);
    c->gradients = six_alloc(net->ctx, 1, gradients);
    c->before = six_alloc(net->ctx, 1, gradients);
    if (!c->inputs || !c->input_gradients || !c->values || !c->gradients || !c->before)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(c->inputs, inputs, count * sizeof *inputs);
    memcpy(c->values, net->values, values);
    memcpy(c->before, net->gradients, gradients);
    int32_t status = take_analytic(c);
    if (!status)
        status = compare_parameters(c);
    if (!status)
        status = compare_inputs(c);
    memcpy(net->values, c->values, values);
    six_tensors_changed(net);
    if (status)
        memcpy(net->gradients, c->before, gradients);
    return status;
}

/* The inputs are retained, which takes a plan of its own. */
static void begin(check *c)
{
    sixnet_model *net = c->net;
    for (int32_t i = 0; i < net->node_count; i++) {
        c->retained[i] = net->node[i].retained;
        net->node[i].retained = c->retained[i] || net->node[i].layer->role == SIX_ROLE_INPUT;
    }
    c->plan = net->training;
    c->pass = net->pass;
    c->step = net->step;
    net->training = NULL;
    net->pass = SIX_PASS_NONE;
}

static void end(check *c)
{
    sixnet_model *net = c->net;
    for (int32_t i = 0; i < net->node_count; i++)
        net->node[i].retained = c->retained[i];
    six_plan_free(net->training);
    net->training = c->plan;
    net->pass = c->pass;
    net->step = c->step;
}

int32_t six_gradient_check(sixnet_model *net, const double *inputs, const double *targets, int64_t n, double *worst,
                           const char **where)
{
    check c = {.net = net, .targets = targets, .n = n};
    if (!net->compiled || net->loss < 0)
        return six_fail(SIXNET_BAD_STATE, "a gradient check needs a compiled net with a loss");
    if (n < 1 || n > INT32_MAX)
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "sixnet_model_gradient_check: n must be 1 or greater, got %lld (a few samples suffice)",
                        (long long)n);
    c.retained = six_alloc(net->ctx, (size_t)net->node_count, sizeof *c.retained);
    c.where = six_alloc(net->ctx, WHERE_MAX, 1);
    int32_t status = SIXNET_OUT_OF_MEMORY;
    if (c.retained && c.where) {
        begin(&c);
        status = run(&c, inputs);
        end(&c);
    }
    six_free(net->ctx, c.retained);
    six_free(net->ctx, c.before);
    six_free(net->ctx, c.inputs);
    six_free(net->ctx, c.input_gradients);
    six_free(net->ctx, c.values);
    six_free(net->ctx, c.gradients);
    if (status) {
        six_free(net->ctx, c.where);
        return status;
    }
    *worst = c.worst;
    six_model_set_report(net, SIX_REPORT_GRADIENT_CHECK, c.where);
    if (where)
        *where = c.where;
    return SIXNET_OK;
}
