/* SPDX-License-Identifier: MIT */
#include "dataset.h"

#include <inttypes.h>
#include <string.h>

#include "base/calls.h"
#include "base/status.h"
#include "idx.h"

/* ---- sources ---- */

six_source *six_source_retain(six_source *source)
{
    atomic_fetch_add_explicit(&source->references, 1, memory_order_relaxed);
    return source;
}

void six_source_release(six_source *source)
{
    if (!source || atomic_fetch_sub_explicit(&source->references, 1, memory_order_acq_rel) != 1)
        return;
    sixnet_context *ctx = source->ctx;
    six_free(ctx, source->input.memory);
    six_free(ctx, source->target.memory);
    for (int64_t k = 0; k < source->classes; k++)
        six_free(ctx, source->class_name[k]);
    six_free(ctx, source->class_name);
    six_free(ctx, source);
    six_context_release(ctx);
}

int32_t six_source_new(six_source **out, sixnet_context *ctx, int64_t count)
{
    *out = NULL;
    if (count < 1)
        return six_fail(SIXNET_INVALID_ARGUMENT, "n must be 1 or greater, got %" PRId64, count);
    ctx = six_context_retain(ctx);
    if (!ctx)
        return SIXNET_OUT_OF_MEMORY;
    six_source *source = six_alloc(ctx, 1, sizeof *source);
    if (!source) {
        six_context_release(ctx);
        return SIXNET_OUT_OF_MEMORY;
    }
    atomic_init(&source->references, 1);
    source->ctx = ctx;
    source->count = count;
    *out = source;
    return SIXNET_OK;
}

/* Inputs that a float would round are transformed in double: a difference that normalize is to show must not be lost before. Targets keep
 * the context's type, as what transforms make of them needs no more. */
static void choose_values(six_source *s)
{
    const bool wide = s->fn_f64 || (s->input.element && s->input.element->wide);
    s->values[SIX_INPUT] = &six_values_of[wide ? SIX_F64 : s->ctx->dtype];
    s->values[SIX_TARGET] = &six_values_of[s->fn_f64 ? SIX_F64 : s->ctx->dtype];
}

int32_t six_source_finish(sixnet_dataset **out, six_source *source, int32_t status)
{
    choose_values(source);
    if (!status)
        status = six_dataset_new(out, source);
    six_source_release(source);
    return status;
}

/* The samples' values are stored one after another. */
static void column_read(const six_column *c, int64_t index, const six_values *type, void *to)
{
    c->element->read[type->dtype]((const char *)c->data + (size_t)(index * c->size) * c->element->size, c->size,
                                  c->scale, to);
}

/* Makes doubles of the n floats that stand in the second half of their memory. */
static void widen(void *memory, int64_t n)
{
    six_elements[SIX_ELEMENT_F32].read[SIX_F64]((const float *)memory + n, n, 1.0, memory);
}

/* A function of floats whose samples are wanted in double. */
static int32_t call_narrow(const six_source *s, int64_t index, void *input, void *target)
{
    const int32_t answer = s->fn(s->user, index, (float *)input + s->input.size, (float *)target + s->target.size);
    if (answer == 0) {
        widen(input, s->input.size);
        widen(target, s->target.size);
    }
    return answer;
}

/* The callback fills both; the unwanted one goes to scratch memory. */
static int32_t call_function(const six_source *s, int64_t index, void *input, void *target)
{
    const six_values *type = s->values[SIX_INPUT];
    void *spare = NULL;
    six_call call;
    if (!input || !target) {
        spare = six_data_alloc(s->ctx, 1, input ? s->target.size : s->input.size, type->size);
        if (!spare)
            return SIXNET_OUT_OF_MEMORY;
    }
    input = input ? input : spare;
    target = target ? target : spare;
    int32_t answer = 0, status = six_call_begin(&call, "the dataset's function", SIX_USES(SIX_CHANGE(s)));
    if (!status) {
        if (s->fn_f64)
            answer = s->fn_f64(s->user, index, input, target);
        else
            answer =
                type->dtype == SIX_F64 ? call_narrow(s, index, input, target) : s->fn(s->user, index, input, target);
        six_call_end(&call);
    }
    six_free(s->ctx, spare);
    if (status)
        return status;
    if (answer == 0)
        return SIXNET_OK;
    return six_fail(SIXNET_CALLBACK_FAILED, "the dataset's function returned %d for sample %" PRId64, answer, index);
}

int32_t six_source_read(const six_source *source, int64_t index, const six_values *const types[SIX_SIDES],
                        void *const sides[SIX_SIDES])
{
    if (!sides[SIX_INPUT] && !sides[SIX_TARGET])
        return SIXNET_OK;
    if (source->fn || source->fn_f64)
        return call_function(source, index, sides[SIX_INPUT], sides[SIX_TARGET]);
    if (sides[SIX_INPUT])
        column_read(&source->input, index, types[SIX_INPUT], sides[SIX_INPUT]);
    if (sides[SIX_TARGET] && source->target.data)
        column_read(&source->target, index, types[SIX_TARGET], sides[SIX_TARGET]);
    return SIXNET_OK;
}

/* ---- IDX files ---- */

/* The shape of one of the samples that the first dimension counts. */
static six_shape sample_shape(const six_shape *all)
{
    six_shape shape = {.rank = all->rank - 1};
    memcpy(shape.dim, all->dim + 1, (size_t)shape.rank * sizeof *shape.dim);
    return shape;
}

/* Gray images have one channel. */
static six_shape image_shape(const six_shape *all)
{
    six_shape shape = sample_shape(all);
    return all->rank == 3 ? (six_shape){3, {1, shape.dim[0], shape.dim[1]}} : shape;
}

static six_shape label_shape(const six_shape *all) { return all->rank == 1 ? (six_shape){1, {1}} : sample_shape(all); }

/* Hands the file's memory over. */
static int32_t column_of_idx(six_column *c, six_idx *idx, six_shape shape, double scale, const char *path)
{
    char text[160];
    *c = (six_column){shape, 0, idx->element, idx->data, idx->memory, scale};
    idx->memory = NULL;
    if (!six_shape_fits(&shape))
        return six_fail(SIXNET_TOO_LARGE, "%s: samples of shape %s; at most 2^40 values are supported", path,
                        six_shape_text(&shape, text));
    c->size = six_shape_size(&shape);
    return SIXNET_OK;
}

static int32_t dataset_of_idx(sixnet_dataset **out, sixnet_context *ctx, six_idx *images, const char *images_path,
                              six_idx *labels, const char *labels_path)
{
    six_source *source;
    if (labels_path && images->shape.dim[0] != labels->shape.dim[0])
        return six_fail(SIXNET_BAD_FILE, "%s has %" PRId64 " images, but %s has %" PRId64 " labels", images_path,
                        images->shape.dim[0], labels_path, labels->shape.dim[0]);
    int32_t status = six_source_new(&source, ctx, images->shape.dim[0]);
    if (status)
        return status;
    double scale = images->element == &six_elements[SIX_ELEMENT_U8] ? 1.0 / 255.0 : 1.0;
    status = column_of_idx(&source->input, images, image_shape(&images->shape), scale, images_path);
    if (!status && labels_path)
        status = column_of_idx(&source->target, labels, label_shape(&labels->shape), 1.0, labels_path);
    return six_source_finish(out, source, status);
}

int32_t six_dataset_from_idx(sixnet_dataset **out, sixnet_context *ctx, const char *images, const char *labels)
{
    six_idx image_file, label_file = {0};
    *out = NULL;
    ctx = six_context_retain(ctx);
    if (!ctx)
        return SIXNET_OUT_OF_MEMORY;
    int32_t status = six_idx_read(&image_file, ctx, images, "images", 2, 4);
    if (!status && labels)
        status = six_idx_read(&label_file, ctx, labels, "labels", 1, 5);
    if (!status)
        status = dataset_of_idx(out, ctx, &image_file, images, &label_file, labels);
    six_free(ctx, image_file.memory);
    six_free(ctx, label_file.memory);
    six_context_release(ctx);
    return status;
}

/* ---- arrays ---- */

typedef struct arrays {
    int32_t input_dtype, target_dtype, copy;
    six_shape shape, target_shape;
    double scale;
} arrays;

static const six_attr arrays_attrs[] = {
    {"input_dtype", SIX_CHOICE, offsetof(arrays, input_dtype), 0, 0, "f32", SIX_ELEMENT_WORDS,
     "the type of the inputs' elements"},
    {"shape", SIX_SHAPE, offsetof(arrays, shape), 1, 0x1p40, NULL, NULL, "the shape of one sample"},
    {"target_dtype", SIX_CHOICE, offsetof(arrays, target_dtype), 0, 0, "f32", SIX_ELEMENT_WORDS,
     "the type of the targets' elements"},
    {"target_shape", SIX_SHAPE, offsetof(arrays, target_shape), 1, 0x1p40, "1", NULL, "the shape of one target"},
    {"scale", SIX_FLOAT, offsetof(arrays, scale), -1e30, 1e30, "1", NULL, "inputs are multiplied by it"},
    {"copy", SIX_BOOL, offsetof(arrays, copy), 0, 1, "true", NULL,
     "copy the arrays; without it they must outlive the dataset"},
    {0},
};

const six_kind six_kind_dataset_from_arrays = {"dataset_from_arrays", "samples in arrays", arrays_attrs,
                                               sizeof(arrays)};

static int32_t column_of_array(six_column *c, const sixnet_context *ctx, const void *data, int64_t n, const arrays *a,
                               bool targets)
{
    char text[160];
    const six_shape *shape = targets ? &a->target_shape : &a->shape;
    *c = (six_column){.shape = *shape, .size = six_shape_size(shape), .data = data, .scale = targets ? 1.0 : a->scale};
    c->element = &six_elements[targets ? a->target_dtype : a->input_dtype];
    if (n > PTRDIFF_MAX / (int64_t)c->element->size / c->size)
        return six_fail(SIXNET_TOO_LARGE,
                        "dataset_from_arrays: %" PRId64 " samples of shape %s exceed the address space", n,
                        six_shape_text(shape, text));
    if (!a->copy)
        return SIXNET_OK;
    size_t bytes = (size_t)(n * c->size) * c->element->size;
    c->data = c->memory = six_alloc(ctx, 1, bytes);
    if (!c->memory)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(c->memory, data, bytes);
    return SIXNET_OK;
}

int32_t six_dataset_from_arrays(sixnet_dataset **out, sixnet_context *ctx, const char *spec, const void *inputs,
                                const void *targets, int64_t n)
{
    arrays a;
    six_source *source;
    *out = NULL;
    int32_t status = six_spec_parse(&six_kind_dataset_from_arrays, spec, &a, NULL, NULL);
    if (status)
        return status;
    status = six_source_new(&source, ctx, n);
    if (status)
        return status;
    status = column_of_array(&source->input, source->ctx, inputs, n, &a, false);
    if (!status && targets)
        status = column_of_array(&source->target, source->ctx, targets, n, &a, true);
    return six_source_finish(out, source, status);
}

/* ---- functions ---- */

typedef struct function {
    six_shape shape, target_shape;
} function;

static const six_attr function_attrs[] = {
    {"shape", SIX_SHAPE, offsetof(function, shape), 1, 0x1p40, NULL, NULL, "the shape of one sample"},
    {"target_shape", SIX_SHAPE, offsetof(function, target_shape), 1, 0x1p40, "1", NULL, "the shape of one target"},
    {0},
};

const six_kind six_kind_dataset_from_callback = {"dataset_from_callback", "samples that a function gives",
                                                 function_attrs, sizeof(function)};

static int32_t from_function(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                             sixnet_sample_fn fn, sixnet_sample_f64_fn fn_f64, void *user)
{
    function f;
    six_source *source;
    *out = NULL;
    int32_t status = six_spec_parse(&six_kind_dataset_from_callback, spec, &f, NULL, NULL);
    if (status)
        return status;
    status = six_source_new(&source, ctx, n);
    if (status)
        return status;
    source->fn = fn;
    source->fn_f64 = fn_f64;
    source->user = user;
    source->input = (six_column){.shape = f.shape, .size = six_shape_size(&f.shape)};
    source->target = (six_column){.shape = f.target_shape, .size = six_shape_size(&f.target_shape)};
    return six_source_finish(out, source, SIXNET_OK);
}

int32_t six_dataset_from_callback(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                  sixnet_sample_fn fn, void *user)
{
    return from_function(out, ctx, spec, n, fn, NULL, user);
}

int32_t six_dataset_from_callback_f64(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                      sixnet_sample_f64_fn fn, void *user)
{
    return from_function(out, ctx, spec, n, NULL, fn, user);
}
