/* SPDX-License-Identifier: MIT */

/* Tensors of models. */

#include <math.h>
#include <string.h>

#include "api/api.h"
#include "graph/exec.h"

/* The tensors have values from compiling on. */
static int32_t tensor_count(const sixnet_model *net) { return net->compiled ? net->tensor_count : 0; }

int32_t sixnet_tensor_count(const sixnet_model *net)
{
    return six_api_need("sixnet_tensor_count", "net", net, SIX_READS) ? 0 : tensor_count(net);
}

const char *sixnet_tensor_name(const sixnet_model *net, int32_t index)
{
    if (six_api_need("sixnet_tensor_name", "net", net, SIX_READS))
        return NULL;
    return index >= 0 && index < tensor_count(net) ? net->tensor[index].name : NULL;
}

/* The tensor, if there is one of that name, and count is right. */
static int32_t find_tensor(const sixnet_model *net, six_access access, const char *name, const void *values,
                           int64_t count, const char *function, const six_tensor **tensor)
{
    int32_t status = six_api_need(function, "net", net, access);
    if (status)
        return status;
    if (!name || !values)
        return six_api_missing(function, name ? "values" : "name");
    *tensor = six_tensor_find(net, name);
    if (!*tensor)
        return SIXNET_NOT_FOUND;
    if (count != (*tensor)->size)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s: %s has %lld values, not %lld", function, name,
                        (long long)(*tensor)->size, (long long)count);
    return SIXNET_OK;
}

int32_t sixnet_tensor_shape(const sixnet_model *net, const char *name, int64_t *dims, int32_t *rank, int32_t *trainable)
{
    int32_t status = six_api_need("sixnet_tensor_shape", "net", net, SIX_READS);
    if (status)
        return status;
    if (!name || !dims || !rank)
        return six_api_missing("sixnet_tensor_shape", !name ? "name" : !dims ? "dims" : "rank");
    const six_tensor *t = six_tensor_find(net, name);
    if (!t)
        return SIXNET_NOT_FOUND;
    six_api_give_shape(&t->shape, dims, rank);
    if (trainable)
        *trainable = six_trains(t);
    return SIXNET_OK;
}

double sixnet_tensor_setting(const sixnet_model *net, const char *name, const char *key)
{
    if (six_api_need("sixnet_tensor_setting", "net", net, SIX_READS))
        return NAN;
    if (!name || !key) {
        six_api_missing("sixnet_tensor_setting", name ? "key" : "name");
        return NAN;
    }
    const six_tensor *t = six_tensor_find(net, name);
    if (!t)
        return NAN;
    if (strcmp(key, "trainable") == 0)
        return six_trains(t);
    if (strcmp(key, "parameter") == 0)
        return t->parameter;
    if (strcmp(key, "lr_scale") == 0)
        return t->lr_scale;
    if (strcmp(key, "weight_decay") == 0)
        return t->weight_decay;
    six_fail(SIXNET_NOT_FOUND,
             "a tensor has no setting '%.40s'; it has trainable, lr_scale, weight_decay and parameter", key);
    return NAN;
}

int32_t sixnet_model_set_tensors(sixnet_model *net, const char *pattern, const char *settings)
{
    int32_t status = six_api_need("sixnet_model_set_tensors", "net", net, SIX_CHANGES);
    if (status)
        return status;
    if (!pattern || !settings)
        status = six_api_missing("sixnet_model_set_tensors", pattern ? "settings" : "pattern");
    if (status)
        return status;
    return six_tensors_set(net, pattern, settings);
}

static int32_t tensor_get(const char *function, const sixnet_model *net, const char *name, six_rows_out values,
                          int64_t count)
{
    const six_tensor *t = NULL;
    int32_t status = find_tensor(net, SIX_READS, name, values.data, count, function, &t);
    if (status)
        return status;
    six_convert(values.data, values.dtype, six_tensor_at(net, net->values, t), net->ctx->dtype, count);
    return SIXNET_OK;
}

int32_t sixnet_tensor_get(const sixnet_model *net, const char *name, float *values, int64_t count)
{
    return tensor_get("sixnet_tensor_get", net, name, (six_rows_out){values, SIX_F32}, count);
}

int32_t sixnet_tensor_get_f64(const sixnet_model *net, const char *name, double *values, int64_t count)
{
    return tensor_get("sixnet_tensor_get_f64", net, name, (six_rows_out){values, SIX_F64}, count);
}

static int32_t tensor_set(const char *function, sixnet_model *net, const char *name, six_rows values, int64_t count)
{
    const six_tensor *t = NULL;
    int32_t status = find_tensor(net, SIX_CHANGES, name, values.data, count, function, &t);
    if (status)
        return status;
    six_convert(six_tensor_at(net, net->values, t), net->ctx->dtype, values.data, values.dtype, count);
    six_tensors_changed(net);
    return SIXNET_OK;
}

int32_t sixnet_tensor_set(sixnet_model *net, const char *name, const float *values, int64_t count)
{
    return tensor_set("sixnet_tensor_set", net, name, (six_rows){values, SIX_F32}, count);
}

int32_t sixnet_tensor_set_f64(sixnet_model *net, const char *name, const double *values, int64_t count)
{
    return tensor_set("sixnet_tensor_set_f64", net, name, (six_rows){values, SIX_F64}, count);
}

static int32_t gradient_get(const char *function, const sixnet_model *net, const char *name, six_rows_out values,
                            int64_t count)
{
    const six_tensor *t = NULL;
    int32_t status = find_tensor(net, SIX_READS, name, values.data, count, function, &t);
    if (status)
        return status;
    if (!six_trains(t))
        status = six_fail(SIXNET_NOT_FOUND, "%s is not trained and has no gradient", name);
    if (status)
        return status;
    six_convert(values.data, values.dtype, six_gradient_at(net, t), net->ctx->dtype, count);
    return SIXNET_OK;
}

int32_t sixnet_tensor_gradient(const sixnet_model *net, const char *name, float *values, int64_t count)
{
    return gradient_get("sixnet_tensor_gradient", net, name, (six_rows_out){values, SIX_F32}, count);
}

int32_t sixnet_tensor_gradient_f64(const sixnet_model *net, const char *name, double *values, int64_t count)
{
    return gradient_get("sixnet_tensor_gradient_f64", net, name, (six_rows_out){values, SIX_F64}, count);
}

const void *sixnet_tensor_data(const sixnet_model *net, const char *name, int64_t *count)
{
    if (six_api_need("sixnet_tensor_data", "net", net, SIX_READS))
        return NULL;
    if (!name) {
        six_api_missing("sixnet_tensor_data", "name");
        return NULL;
    }
    const six_tensor *t = six_tensor_find(net, name);
    if (t && count)
        *count = t->size;
    return t ? six_tensor_at(net, net->values, t) : NULL;
}

int32_t sixnet_model_digest(const sixnet_model *net, char *digest)
{
    int32_t status = six_api_need("sixnet_model_digest", "net", net, SIX_READS);
    if (status)
        return status;
    if (!digest)
        return six_api_missing("sixnet_model_digest", "digest");
    status = six_require_compiled(net);
    if (status)
        return status;
    return six_digest(net, digest);
}
