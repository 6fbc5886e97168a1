/* SPDX-License-Identifier: MIT */
#include "dataset.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/status.h"

/* ---- numbers and memory ---- */

six_stream six_data_stream(uint64_t seed, uint32_t purpose, uint64_t epoch, uint64_t stream)
{
    const uint64_t data = UINT64_C(0x64617461)
                          << 32; /* "data": keeps the stream distinct from others with the same seed */
    six_philox key = six_philox_at(seed, epoch, data | purpose);
    return six_stream_at((uint64_t)key.word[1] << 32 | key.word[0], stream);
}

void six_data_shuffle(int64_t *order, int64_t n, six_stream random)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t k = (int64_t)six_stream_below(&random, (uint64_t)i + 1);
        order[i] = order[k];
        order[k] = i;
    }
}

void *six_data_alloc(const sixnet_context *ctx, int64_t n, int64_t size, size_t unit)
{
    if (size > 0 && n > PTRDIFF_MAX / (int64_t)unit / size) {
        six_fail(SIXNET_OUT_OF_MEMORY,
                 "out of memory: %" PRId64 " samples of %" PRId64 " values exceed the address space", n, size);
        return NULL;
    }
    return six_alloc(ctx, (size_t)n, (size_t)size * unit);
}

/* ---- life ---- */

int32_t six_dataset_new(sixnet_dataset **out, six_source *source)
{
    sixnet_dataset *ds = six_alloc(source->ctx, 1, sizeof *ds);
    *out = ds;
    if (!ds)
        return SIXNET_OUT_OF_MEMORY;
    atomic_init(&ds->references, 1);
    ds->source = six_source_retain(source);
    ds->size = source->count;
    ds->widest[SIX_INPUT] = source->input.size;
    ds->widest[SIX_TARGET] = source->target.size;
    return SIXNET_OK;
}

sixnet_dataset *six_dataset_retain(sixnet_dataset *ds)
{
    atomic_fetch_add_explicit(&ds->references, 1, memory_order_relaxed);
    return ds;
}

void six_dataset_free(sixnet_dataset *ds)
{
    if (!ds || atomic_fetch_sub_explicit(&ds->references, 1, memory_order_acq_rel) != 1)
        return;
    six_source *source = ds->source;
    for (int32_t k = 0; k < ds->nsteps; k++)
        six_stage_release(source->ctx, ds->stages[k]);
    six_free(source->ctx, ds->order);
    six_free(source->ctx, ds);
    six_source_release(source);
}

/* ---- transforms ---- */

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Whether a step can come after those there are. */
static int32_t check_stage(const sixnet_dataset *ds, const six_pipeline_stage *stage)
{
    const char *name = stage->transform->kind.name;
    if (stage->transform->uses_partner && ds->uses_partner == SIX_MAX_MIXES)
        return six_fail(SIXNET_TOO_LARGE, "%s: the dataset already has %d transforms that mix samples, the maximum",
                        name, SIX_MAX_MIXES);
    int32_t status = stage->classes > 0 ? six_dataset_check_classes(ds, stage->classes) : SIXNET_OK;
    return status ? six_fail_prefix(status, "%s: ", name) : SIXNET_OK;
}

static void join_stage(sixnet_dataset *ds, six_pipeline_stage *stage)
{
    for (int32_t side = 0; side < SIX_SIDES; side++)
        if (stage->out.shape[side].rank > 0)
            ds->widest[side] = larger(ds->widest[side], six_shape_size(&stage->out.shape[side]));
    ds->out_of_place |= stage->transform->out_of_place;
    ds->uses_partner += stage->transform->uses_partner;
    ds->workspace_size = larger(ds->workspace_size, stage->workspace_size);
    ds->stages[ds->nsteps++] = stage;
}

int32_t six_dataset_add_stage(sixnet_dataset *ds, const six_transform *transform, const char *attrs)
{
    six_pipeline_stage *stage;
    const six_source *source = ds->source;
    const six_sample_layout raw = {
        {source->values[SIX_INPUT], source->values[SIX_TARGET]}, {source->input.shape, source->target.shape}, 0};
    if (ds->nsteps == SIX_MAX_STAGES)
        return six_fail(SIXNET_TOO_LARGE, "%s: the dataset has %d transforms already", transform->kind.name,
                        SIX_MAX_STAGES);
    int32_t status =
        six_stage_new(&stage, source->ctx, transform, attrs, ds->nsteps > 0 ? &ds->stages[ds->nsteps - 1]->out : &raw);
    if (status)
        return status;
    status = check_stage(ds, stage);
    if (!status)
        join_stage(ds, stage);
    else
        six_stage_release(source->ctx, stage);
    return status;
}

int32_t six_dataset_add_transform(sixnet_dataset *ds, const char *spec)
{
    const char *rest;
    const six_transform *transform = six_transform_find(spec, &rest);
    return transform ? six_dataset_add_stage(ds, transform, rest) : SIXNET_BAD_SPEC;
}

/* ---- queries ---- */

sixnet_context *six_dataset_context(const sixnet_dataset *ds) { return ds->source->ctx; }

int64_t six_dataset_size(const sixnet_dataset *ds) { return ds->size; }

bool six_dataset_has_targets(const sixnet_dataset *ds) { return ds->source->target.shape.rank > 0; }

const six_shape *six_dataset_input_shape(const sixnet_dataset *ds)
{
    return ds->nsteps > 0 ? &ds->stages[ds->nsteps - 1]->out.shape[SIX_INPUT] : &ds->source->input.shape;
}

const six_shape *six_dataset_target_shape(const sixnet_dataset *ds)
{
    return ds->nsteps > 0 ? &ds->stages[ds->nsteps - 1]->out.shape[SIX_TARGET] : &ds->source->target.shape;
}

int32_t six_dataset_shape(const sixnet_dataset *ds, int64_t *dims, int32_t *rank, int64_t *target_dims,
                          int32_t *target_rank)
{
    const six_shape *input = six_dataset_input_shape(ds), *target = six_dataset_target_shape(ds);
    memcpy(dims, input->dim, (size_t)input->rank * sizeof *dims);
    memcpy(target_dims, target->dim, (size_t)target->rank * sizeof *target_dims);
    *rank = input->rank;
    *target_rank = target->rank;
    return SIXNET_OK;
}

const char *six_dataset_class_name(const sixnet_dataset *ds, int64_t index)
{
    return index >= 0 && index < ds->source->classes ? ds->source->class_name[index] : NULL;
}

/* ---- samples ---- */

int64_t six_dataset_number(const sixnet_dataset *ds, int64_t index) { return ds->order ? ds->order[index] : index; }

bool six_dataset_calls(const sixnet_dataset *ds) { return ds->source->fn || ds->source->fn_f64; }

void six_dataset_expect(const sixnet_dataset *ds, int64_t index)
{
#if defined(__GNUC__)
    enum { LINE = 64, MOST = 64 * LINE };
    const six_column *c = &ds->source->input;
    if (!c->data)
        return;
    size_t bytes = (size_t)c->size * c->element->size;
    const char *sample = (const char *)c->data + bytes * (size_t)six_dataset_number(ds, index);
    for (size_t i = 0; i < bytes && i < MOST; i += LINE)
        __builtin_prefetch(sample + i);
#else
    (void)ds, (void)index;
#endif
}

/* ---- labels ---- */

int32_t six_data_check_labels(const six_values *type, const void *labels, int64_t n, int64_t classes, int64_t sample)
{
    const int64_t bad = type->first_bad_class(labels, n, classes);
    if (bad == n)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_DATA,
                    "sample %" PRId64 ": label %.9g is out of range; expected a class from 0 to %" PRId64, sample,
                    type->get(labels, bad), classes - 1);
}

/* The transform that changes the targets; NULL if none does. */
static const six_transform *target_transform(const sixnet_dataset *ds)
{
    for (int32_t k = 0; k < ds->nsteps; k++)
        if (ds->stages[k]->transform->apply[SIX_TARGET])
            return ds->stages[k]->transform;
    return NULL;
}

/* Whether a sample's targets, which are n values, are what is expected of them. */
typedef int32_t (*target_check)(const double *values, int64_t n, int64_t classes, int64_t sample);

static int32_t check_labels(const double *values, int64_t n, int64_t classes, int64_t sample)
{
    return six_data_check_labels(&six_values_of[SIX_F64], values, n, classes, sample);
}

static int32_t check_shares(const double *values, int64_t n, int64_t classes, int64_t sample)
{
    for (int64_t i = 0; i < n; i++)
        if (!(values[i] >= 0.0 && values[i] <= 1.0))
            return six_fail(SIXNET_BAD_DATA,
                            "sample %" PRId64 ": target %.9g is out of range; expected a number from 0 to 1", sample,
                            values[i]);
    for (int64_t p = 0; classes > 0 && p < n / classes; p++) {
        double sum = 0.0;
        for (int64_t c = 0; c < classes; c++)
            sum += values[c * (n / classes) + p];
        if (fabs(sum - 1.0) > 1e-3) /* more than rounding to 16 bits does */
            return six_fail(SIXNET_BAD_DATA,
                            "sample %" PRId64 ": the probabilities of the classes add up to %.6g, expected 1", sample,
                            sum);
    }
    return SIXNET_OK;
}

/* Checks the targets of all samples as their source has them, in double, in which none is rounded. */
static int32_t check_targets(const sixnet_dataset *ds, target_check check, int64_t classes)
{
    const six_column *c = &ds->source->target;
    if (!c->data)
        return SIXNET_OK;
    const six_values *const types[SIX_SIDES] = {NULL, &six_values_of[SIX_F64]};
    double *values = six_data_alloc(ds->source->ctx, 1, c->size, sizeof *values);
    int32_t status = values ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
    for (int64_t i = 0; i < ds->size && !status; i++) {
        six_source_read(ds->source, six_dataset_number(ds, i), types, (void *const[SIX_SIDES]){NULL, values});
        status = check(values, c->size, classes, i);
    }
    six_free(ds->source->ctx, values);
    return status;
}

int32_t six_dataset_check_classes(const sixnet_dataset *ds, int64_t classes)
{
    const six_transform *changes = target_transform(ds);
    if (changes)
        return six_fail(SIXNET_BAD_DATA,
                        "targets must be classes, but the transform '%s' changes them; remove it, or use another loss",
                        changes->kind.name);
    return check_targets(ds, check_labels, classes);
}

int32_t six_dataset_check_shares(const sixnet_dataset *ds, int64_t classes)
{
    const bool made = ds->nsteps > 0 && ds->stages[ds->nsteps - 1]->out.probabilities > 0;
    return made ? SIXNET_OK : check_targets(ds, check_shares, classes);
}
