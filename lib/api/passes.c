/* SPDX-License-Identifier: MIT */

/* Passes over models: the open loop, prediction, the profile. */

#include <math.h>
#include <string.h>

#include "api/api.h"
#include "graph/exec.h"
#include "graph/predictor.h"
#include "graph/profile.h"
#include "train/gradient_check.h"

/* ---- the open loop ---- */

static int32_t forward(const char *function, sixnet_model *net, six_rows inputs, int64_t n)
{
    six_call call;
    int32_t status = six_api_begin_model(&call, function, net, SIX_CHANGES);
    if (status)
        return status;
    status = inputs.data ? six_forward(net, inputs, n, NULL) : six_api_missing(function, "inputs");
    six_call_end(&call);
    return status;
}

int32_t sixnet_model_forward(sixnet_model *net, const float *inputs, int64_t n)
{
    return forward("sixnet_model_forward", net, (six_rows){inputs, SIX_F32}, n);
}
int32_t sixnet_model_forward_f64(sixnet_model *net, const double *inputs, int64_t n)
{
    return forward("sixnet_model_forward_f64", net, (six_rows){inputs, SIX_F64}, n);
}

static int32_t loss_of(const char *function, sixnet_model *net, six_rows targets, double *loss)
{
    int32_t status = six_api_need(function, "net", net, SIX_CHANGES);
    if (status)
        return status;
    if (!targets.data)
        return six_api_missing(function, "targets");
    six_loss_sums sums;
    status = six_loss(net, targets, &sums);
    if (status)
        return status;
    if (loss)
        *loss = six_loss_value(net->node[net->loss].op, &sums);
    return SIXNET_OK;
}

int32_t sixnet_model_loss(sixnet_model *net, const float *targets, double *loss)
{
    return loss_of("sixnet_model_loss", net, (six_rows){targets, SIX_F32}, loss);
}
int32_t sixnet_model_loss_f64(sixnet_model *net, const double *targets, double *loss)
{
    return loss_of("sixnet_model_loss_f64", net, (six_rows){targets, SIX_F64}, loss);
}

int32_t sixnet_model_backward(sixnet_model *net)
{
    six_call call;
    int32_t status = six_api_begin_model(&call, "sixnet_model_backward", net, SIX_CHANGES);
    if (status)
        return status;
    status = six_backward(net);
    six_call_end(&call);
    return status;
}

static int32_t backward_from(const char *function, sixnet_model *net, six_rows gradient)
{
    six_call call;
    int32_t status = six_api_begin_model(&call, function, net, SIX_CHANGES);
    if (status)
        return status;
    status = gradient.data ? six_backward_from(net, gradient) : six_api_missing(function, "gradient");
    six_call_end(&call);
    return status;
}

int32_t sixnet_model_backward_from(sixnet_model *net, const float *gradient)
{
    return backward_from("sixnet_model_backward_from", net, (six_rows){gradient, SIX_F32});
}
int32_t sixnet_model_backward_from_f64(sixnet_model *net, const double *gradient)
{
    return backward_from("sixnet_model_backward_from_f64", net, (six_rows){gradient, SIX_F64});
}

int32_t sixnet_model_zero_grad(sixnet_model *net)
{
    int32_t status = six_api_need_compiled("sixnet_model_zero_grad", net, SIX_CHANGES);
    if (status)
        return status;
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
    return SIXNET_OK;
}

static int32_t check_rows(const char *function, six_rows inputs, int64_t n, six_rows_out outputs)
{
    if (n < 0)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: n is negative", function);
    return n && (!inputs.data || !outputs.data) ? six_api_missing(function, inputs.data ? "outputs" : "inputs")
                                                : SIXNET_OK;
}

/* Predicts with a predictor of the model, or in the model's own memory where that is NULL. */
static int32_t predict(const char *function, sixnet_model *net, sixnet_predictor *predictor, six_rows inputs, int64_t n,
                       six_rows_out outputs)
{
    six_call call;
    int32_t status =
        predictor ? six_call_begin(&call, function, SIX_USES(SIX_CHANGE(predictor), SIX_KEPT(net), SIX_KEPT(net->ctx)))
                  : six_api_begin_model(&call, function, net, SIX_RUNS);
    if (status)
        return status;
    status = check_rows(function, inputs, n, outputs);
    if (!status)
        status = predictor ? six_predictor_run(predictor, inputs, n, outputs) : six_predict(net, inputs, n, outputs);
    six_call_end(&call);
    return status;
}

int32_t sixnet_model_predict(sixnet_model *net, const float *inputs, int64_t n, float *outputs)
{
    return predict("sixnet_model_predict", net, NULL, (six_rows){inputs, SIX_F32}, n, (six_rows_out){outputs, SIX_F32});
}

int32_t sixnet_model_predict_f64(sixnet_model *net, const double *inputs, int64_t n, double *outputs)
{
    return predict("sixnet_model_predict_f64", net, NULL, (six_rows){inputs, SIX_F64}, n,
                   (six_rows_out){outputs, SIX_F64});
}

int32_t sixnet_predictor_new(sixnet_predictor **out, sixnet_model *net)
{
    if (!out)
        return six_api_missing("sixnet_predictor_new", "out");
    *out = NULL;
    int32_t status = six_api_need("sixnet_predictor_new", "net", net, SIX_READS);
    if (status)
        return status;
    return six_predictor_new(out, net);
}

void sixnet_predictor_free(sixnet_predictor *predictor)
{
    if (six_api_may_free("sixnet_predictor_free", predictor))
        six_predictor_free(predictor);
}

int32_t sixnet_predictor_memory(const sixnet_predictor *predictor, uint64_t *bytes)
{
    int32_t status = six_api_need("sixnet_predictor_memory", "predictor", predictor, SIX_READS);
    if (status)
        return status;
    if (!bytes)
        return six_api_missing("sixnet_predictor_memory", "bytes");
    *bytes = six_predictor_memory(predictor);
    return SIXNET_OK;
}

int32_t sixnet_predictor_predict(sixnet_predictor *predictor, const float *inputs, int64_t n, float *outputs)
{
    if (!predictor)
        return six_api_missing("sixnet_predictor_predict", "predictor");
    return predict("sixnet_predictor_predict", six_predictor_model(predictor), predictor, (six_rows){inputs, SIX_F32},
                   n, (six_rows_out){outputs, SIX_F32});
}

int32_t sixnet_predictor_predict_f64(sixnet_predictor *predictor, const double *inputs, int64_t n, double *outputs)
{
    if (!predictor)
        return six_api_missing("sixnet_predictor_predict_f64", "predictor");
    return predict("sixnet_predictor_predict_f64", six_predictor_model(predictor), predictor,
                   (six_rows){inputs, SIX_F64}, n, (six_rows_out){outputs, SIX_F64});
}

void sixnet_model_cancel(sixnet_model *net, int32_t enable)
{
    if (net)
        atomic_store(&net->cancelled, enable != 0);
}

int32_t sixnet_model_gradient_check(sixnet_model *net, const double *inputs, const double *targets, int64_t n,
                                    double *worst, const char **where)
{
    six_call call;
    int32_t status = six_api_begin_model(&call, "sixnet_model_gradient_check", net, SIX_CHANGES);
    if (status)
        return status;
    if (inputs && targets && worst)
        status = six_gradient_check(net, inputs, targets, n, worst, where);
    else
        status = six_api_missing("sixnet_model_gradient_check", !inputs ? "inputs" : !targets ? "targets" : "worst");
    six_call_end(&call);
    return status;
}

/* ---- profile ---- */

int32_t sixnet_model_profile(sixnet_model *net, int32_t enable)
{
    int32_t status = six_api_need_compiled("sixnet_model_profile", net, SIX_CHANGES);
    if (status)
        return status;
    return six_profile_set(net, enable != 0);
}

double sixnet_model_profile_get(const sixnet_model *net, sixnet_node node, const char *key)
{
    int32_t status = node == SIXNET_NO_NODE ? six_api_need("sixnet_model_profile_get", "net", net, SIX_READS)
                                            : six_api_check_node(net, node, "sixnet_model_profile_get");
    if (!status && !key)
        status = six_api_missing("sixnet_model_profile_get", "key");
    return status ? (double)NAN : six_profile_get(net, node, key);
}
