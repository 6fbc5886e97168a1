/* SPDX-License-Identifier: MIT */

/* Datasets and batches. */

#include <string.h>

#include "api/api.h"
#include "data/batches.h"
#include "data/dataset.h"

/* Sets *out to NULL, and checks the arguments of a function that makes a dataset. missing: the first that is NULL, or NULL. */
static int32_t begin_dataset(const char *function, sixnet_dataset **out, const sixnet_context *ctx, const char *missing)
{
    if (!out)
        return six_api_missing(function, "out");
    *out = NULL;
    if (missing)
        return six_api_missing(function, missing);
    return six_calls_check(function, SIX_USES(SIX_READ(ctx)));
}

int32_t sixnet_dataset_open(sixnet_dataset **out, sixnet_context *ctx, const char *path, const char *spec)
{
    int32_t status = begin_dataset("sixnet_dataset_open", out, ctx, path ? NULL : "path");
    if (status)
        return status;
    return six_dataset_open(out, ctx, path, spec);
}

int32_t sixnet_dataset_from_idx(sixnet_dataset **out, sixnet_context *ctx, const char *images, const char *labels)
{
    int32_t status = begin_dataset("sixnet_dataset_from_idx", out, ctx, images ? NULL : "images");
    if (status)
        return status;
    return six_dataset_from_idx(out, ctx, images, labels);
}

int32_t sixnet_dataset_from_arrays(sixnet_dataset **out, sixnet_context *ctx, const char *spec, const void *inputs,
                                   const void *targets, int64_t n)
{
    int32_t status = begin_dataset("sixnet_dataset_from_arrays", out, ctx, !spec ? "spec" : !inputs ? "inputs" : NULL);
    if (status)
        return status;
    return six_dataset_from_arrays(out, ctx, spec, inputs, targets, n);
}

int32_t sixnet_dataset_from_callback(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                     sixnet_sample_fn fn, void *user)
{
    int32_t status = begin_dataset("sixnet_dataset_from_callback", out, ctx, !spec ? "spec" : !fn ? "fn" : NULL);
    if (status)
        return status;
    return six_dataset_from_callback(out, ctx, spec, n, fn, user);
}

int32_t sixnet_dataset_from_callback_f64(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                         sixnet_sample_f64_fn fn, void *user)
{
    int32_t status = begin_dataset("sixnet_dataset_from_callback_f64", out, ctx, !spec ? "spec" : !fn ? "fn" : NULL);
    if (status)
        return status;
    return six_dataset_from_callback_f64(out, ctx, spec, n, fn, user);
}

/* A call that reads a dataset, whose function it may run. `batches` are what is changed, or NULL. */
static int32_t begin_data(six_call *call, const char *function, const sixnet_dataset *ds,
                          const sixnet_batch_iterator *batches)
{
    return six_call_begin(
        call, function,
        SIX_USES(SIX_CHANGE(batches), {ds, SIX_READS, batches != NULL}, SIX_KEPT(six_dataset_context(ds))));
}

int32_t sixnet_dataset_split(sixnet_dataset **first, sixnet_dataset **second, sixnet_dataset *ds, const char *spec)
{
    if (!first || !second)
        return six_api_missing("sixnet_dataset_split", first ? "second" : "first");
    *first = *second = NULL;
    if (!ds || !spec)
        return six_api_missing("sixnet_dataset_split", ds ? "spec" : "ds");
    six_call call;
    int32_t status = begin_data(&call, "sixnet_dataset_split", ds, NULL);
    if (status)
        return status;
    status = six_dataset_split(first, second, ds, spec);
    six_call_end(&call);
    return status;
}

void sixnet_dataset_free(sixnet_dataset *ds)
{
    if (six_api_may_free("sixnet_dataset_free", ds))
        six_dataset_free(ds);
}

int32_t sixnet_dataset_add_transform(sixnet_dataset *ds, const char *spec)
{
    int32_t status = six_api_need("sixnet_dataset_add_transform", "ds", ds, SIX_CHANGES);
    if (status)
        return status;
    return spec ? six_dataset_add_transform(ds, spec) : six_api_missing("sixnet_dataset_add_transform", "spec");
}

int64_t sixnet_dataset_size(const sixnet_dataset *ds)
{
    return six_api_need("sixnet_dataset_size", "ds", ds, SIX_READS) ? 0 : six_dataset_size(ds);
}

const char *sixnet_dataset_class_name(const sixnet_dataset *ds, int64_t index)
{
    return six_api_need("sixnet_dataset_class_name", "ds", ds, SIX_READS) ? NULL : six_dataset_class_name(ds, index);
}

int32_t sixnet_dataset_shape(const sixnet_dataset *ds, int64_t *dims, int32_t *rank, int64_t *target_dims,
                             int32_t *target_rank)
{
    int32_t status = six_api_need("sixnet_dataset_shape", "ds", ds, SIX_READS);
    if (status)
        return status;
    if (!dims || !rank || !target_dims || !target_rank)
        return six_api_missing("sixnet_dataset_shape", !dims          ? "dims"
                                                       : !rank        ? "rank"
                                                       : !target_dims ? "target_dims"
                                                                      : "target_rank");
    return six_dataset_shape(ds, dims, rank, target_dims, target_rank);
}

static int32_t get_sample(const char *function, const sixnet_dataset *ds, int64_t index, six_dtype dtype, void *input,
                          void *target)
{
    six_call call;
    int32_t status = ds ? begin_data(&call, function, ds, NULL) : six_api_missing(function, "ds");
    if (status)
        return status;
    status = six_dataset_get_sample(ds, index, dtype, input, target);
    six_call_end(&call);
    return status;
}

int32_t sixnet_dataset_get_sample(const sixnet_dataset *ds, int64_t index, float *input, float *target)
{
    return get_sample("sixnet_dataset_get_sample", ds, index, SIX_F32, input, target);
}

int32_t sixnet_dataset_get_sample_f64(const sixnet_dataset *ds, int64_t index, double *input, double *target)
{
    return get_sample("sixnet_dataset_get_sample_f64", ds, index, SIX_F64, input, target);
}

int32_t sixnet_batch_iterator_new(sixnet_batch_iterator **out, sixnet_dataset *ds, const char *spec)
{
    if (!out)
        return six_api_missing("sixnet_batch_iterator_new", "out");
    *out = NULL;
    if (!ds || !spec)
        return six_api_missing("sixnet_batch_iterator_new", ds ? "spec" : "ds");
    six_call call;
    int32_t status = begin_data(&call, "sixnet_batch_iterator_new", ds, NULL);
    if (status)
        return status;
    status = six_batch_iterator_new(out, ds, spec);
    six_call_end(&call);
    return status;
}

void sixnet_batch_iterator_free(sixnet_batch_iterator *batches)
{
    if (six_api_may_free("sixnet_batch_iterator_free", batches))
        six_batch_iterator_free(batches);
}

int32_t sixnet_batch_iterator_start_epoch(sixnet_batch_iterator *batches, int64_t epoch)
{
    int32_t status = six_api_need("sixnet_batch_iterator_start_epoch", "batches", batches, SIX_CHANGES);
    if (status)
        return status;
    return six_batch_iterator_start_epoch(batches, epoch);
}

/* *inputs and *targets are NULL if there is no batch. */
static int32_t next_batch(const char *function, sixnet_batch_iterator *batches, six_dtype dtype, const void **inputs,
                          const void **targets, int64_t *n)
{
    six_call call;
    int32_t status = begin_data(&call, function, six_batch_iterator_dataset(batches), batches);
    *inputs = *targets = NULL;
    if (status)
        return status;
    status = six_batch_iterator_next(batches, dtype, inputs, targets, n);
    six_call_end(&call);
    return status;
}

int32_t sixnet_batch_iterator_next(sixnet_batch_iterator *batches, const float **inputs, const float **targets,
                                   int64_t *n)
{
    const void *x, *t;
    if (!batches || !inputs || !targets || !n)
        return six_api_missing("sixnet_batch_iterator_next", !batches   ? "batches"
                                                             : !inputs  ? "inputs"
                                                             : !targets ? "targets"
                                                                        : "n");
    int32_t status = next_batch("sixnet_batch_iterator_next", batches, SIX_F32, &x, &t, n);
    *inputs = x;
    *targets = t;
    return status;
}

int32_t sixnet_batch_iterator_next_f64(sixnet_batch_iterator *batches, const double **inputs, const double **targets,
                                       int64_t *n)
{
    const void *x, *t;
    if (!batches || !inputs || !targets || !n)
        return six_api_missing("sixnet_batch_iterator_next_f64", !batches   ? "batches"
                                                                 : !inputs  ? "inputs"
                                                                 : !targets ? "targets"
                                                                            : "n");
    int32_t status = next_batch("sixnet_batch_iterator_next_f64", batches, SIX_F64, &x, &t, n);
    *inputs = x;
    *targets = t;
    return status;
}

int32_t sixnet_batch_iterator_position(const sixnet_batch_iterator *batches, int64_t *epoch, int64_t *position)
{
    int64_t e, p;
    int32_t status = six_api_need("sixnet_batch_iterator_position", "batches", batches, SIX_READS);
    if (status)
        return status;
    six_batch_iterator_position(batches, &e, &p);
    if (epoch)
        *epoch = e;
    if (position)
        *position = p;
    return SIXNET_OK;
}
