/* SPDX-License-Identifier: MIT */
#include "try_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

void try_text(sixnet_context *ctx, sixnet_model *net)
{
    sixnet_model *again;
    const char *text = sixnet_model_text(net);
    MUST(text && sixnet_model_summary(net));
    MUST(sixnet_model_parse(&again, ctx, text) == SIXNET_OK);
    MUST(strcmp(sixnet_model_text(again), text) == 0);
    MUST(sixnet_tensor_count(again) == sixnet_tensor_count(net));
    sixnet_model_free(again);
}

static uint8_t *saved(const sixnet_model *net, uint64_t *size)
{
    MUST(sixnet_model_save_to_buffer(net, NULL, 0, size) == SIXNET_OK);
    uint8_t *file = malloc((size_t)*size);
    MUST(file && sixnet_model_save_to_buffer(net, file, *size, size) == SIXNET_OK);
    return file;
}

void try_file(sixnet_context *ctx, const sixnet_model *net)
{
    sixnet_model *again;
    uint64_t size, size_again;
    uint8_t *file = saved(net, &size);
    MUST(sixnet_model_load_from_buffer(&again, ctx, file, size, "check_values=false") == SIXNET_OK);
    uint8_t *file_again = saved(again, &size_again);
    MUST(size_again == size && memcmp(file, file_again, (size_t)size) == 0);
    free(file);
    free(file_again);
    sixnet_model_free(again);
}

/* ---- running ---- */

enum { SAMPLES = 17, MOST_MEMORY = 1 << 20, MOST_WORK = 1 << 21 };

typedef struct sizes {
    int64_t in, out, target, values, parameters;
} sizes;

static int64_t size_of(const sixnet_model *net, sixnet_node node)
{
    int64_t dims[8], size = 1;
    int32_t rank;
    MUST(sixnet_node_shape(net, node, dims, &rank) == SIXNET_OK && rank >= 1 && rank <= 8);
    for (int32_t i = 0; i < rank; i++)
        size *= dims[i];
    return size;
}

static bool is_loss(const char *kind)
{
    const char *name;
    for (int32_t i = 0; (name = sixnet_kind_field("loss", i, "name")); i++)
        if (strcmp(name, kind) == 0)
            return true;
    return false;
}

/* The net's output is what its loss takes, or else the last node; any node's size does for the former. */
static sizes measure(const sixnet_model *net)
{
    sizes s = {0};
    int32_t count = sixnet_node_count(net);
    for (int32_t i = 0; i < count; i++) {
        int64_t size = size_of(net, i);
        const char *kind = sixnet_node_get(net, i, "kind");
        s.values += size;
        if (strcmp(kind, "input") == 0)
            s.in += size;
        if (is_loss(kind))
            s.target = size;
        s.out = size > s.out ? size : s.out;
    }
    for (int32_t t = 0; t < sixnet_tensor_count(net); t++) {
        int64_t values;
        MUST(sixnet_tensor_data(net, sixnet_tensor_name(net, t), &values));
        s.parameters += values;
    }
    return s;
}

static float *numbers(int64_t count)
{
    float *values = malloc((size_t)(count ? count : 1) * sizeof *values);
    MUST(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(i * 7 % 3);
    return values;
}

static void same_alone(sixnet_model *net, const sizes *s, const float *in, const float *together, int64_t out)
{
    float *alone = numbers(s->out);
    MUST(sixnet_model_predict(net, in + (SAMPLES - 1) * s->in, 1, alone) == SIXNET_OK);
    for (int64_t i = 0; i < out; i++) {
        const float *other = &together[(SAMPLES - 1) * out + i];
        MUST(memcmp(&alone[i], other, sizeof *other) == 0 || (isnan(alone[i]) && isnan(*other)));
    }
    free(alone);
}

/* How many values a sample's prediction has: those that were written. */
static int64_t written(float *out, int64_t room)
{
    int64_t count = room;
    while (count > 0 && out[count - 1] == -12345)
        count--;
    return count / SAMPLES;
}

static void predict(sixnet_model *net, const sizes *s, const float *in)
{
    float *out = numbers(SAMPLES * s->out);
    for (int64_t i = 0; i < SAMPLES * s->out; i++)
        out[i] = -12345;
    if (fuzz_status(sixnet_model_predict(net, in, SAMPLES, out)) == SIXNET_OK)
        same_alone(net, s, in, out, written(out, SAMPLES * s->out));
    free(out);
}

static void train(sixnet_model *net, const sizes *s, const float *in)
{
    double loss;
    sixnet_optimizer *opt;
    float *targets = numbers(SAMPLES * s->target);
    if (fuzz_status(sixnet_model_forward(net, in, SAMPLES)) == SIXNET_OK && s->target &&
        fuzz_status(sixnet_model_loss(net, targets, &loss)) == SIXNET_OK)
        MUST(sixnet_model_backward(net) == SIXNET_OK);
    MUST(sixnet_optimizer_new(&opt, net, "adam lr=1e-3", NULL) == SIXNET_OK);
    fuzz_status(sixnet_optimizer_step(opt));
    sixnet_optimizer_free(opt);
    free(targets);
}

void try_run(sixnet_model *net)
{
    uint64_t memory;
    sizes s = measure(net);
    int32_t status = fuzz_status(sixnet_model_memory_needed(net, SAMPLES, 1, &memory));
    if (status || memory > MOST_MEMORY || s.values * (s.values + s.parameters) > MOST_WORK)
        return;
    float *in = numbers(SAMPLES * s.in);
    predict(net, &s, in);
    train(net, &s, in);
    free(in);
}

void try_model(sixnet_context *ctx, sixnet_model *net)
{
    try_text(ctx, net);
    try_file(ctx, net);
    try_run(net);
}

void try_outcome(sixnet_context *ctx, int32_t status, sixnet_model *net)
{
    MUST((!status) == (net != NULL));
    if (net) {
        try_model(ctx, net);
        fuzz_worked();
    }
    sixnet_model_free(net);
}
