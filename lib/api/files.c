/* SPDX-License-Identifier: MIT */

/* Files: models, weights and checkpoints. */

#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "data/batches.h"
#include "files/checkpoint.h"
#include "files/read.h"
#include "files/save.h"

/* ---- writing ---- */

int32_t sixnet_model_save(const sixnet_model *net, const char *path, const char *options)
{
    six_record r;
    six_save_options o;
    if (!net || !path)
        return six_api_missing("sixnet_model_save", net ? "path" : "net");
    int32_t status = six_calls_check("sixnet_model_save", SIX_USES(SIX_READ(net)));
    if (status)
        return status;
    status = six_spec_parse(&six_kind_model_save, options, &o, NULL, NULL);
    if (status)
        return status;
    status = six_record_begin(&r, net, net->values, NULL, 0);
    if (status)
        return status;
    status = six_save(&r.content, path, o.sync, 1);
    six_record_end(&r);
    return status;
}

static int32_t write_model(const sixnet_model *net, six_sink sink)
{
    six_record r;
    int32_t status = six_record_begin(&r, net, net->values, NULL, 0);
    if (status)
        return status;
    status = six_safetensors_write(&r.content, sink);
    six_record_end(&r);
    return status;
}

typedef struct buffer {
    char *data;
    uint64_t capacity, size;
} buffer;

static int32_t write_memory(void *user, const void *data, size_t size)
{
    buffer *b = user;
    if (b->size <= b->capacity && size <= b->capacity - b->size && b->data)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    return SIXNET_OK;
}

int32_t sixnet_model_save_to_buffer(const sixnet_model *net, void *memory, uint64_t capacity, uint64_t *size)
{
    if (!net || !size)
        return six_api_missing("sixnet_model_save_to_buffer", net ? "size" : "net");
    buffer b = {memory, memory ? capacity : 0, 0};
    int32_t status = six_calls_check("sixnet_model_save_to_buffer", SIX_USES(SIX_READ(net)));
    if (status)
        return status;
    status = write_model(net, (six_sink){write_memory, &b});
    if (status)
        return status;
    *size = b.size;
    if (memory && b.size > capacity)
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "sixnet_model_save_to_buffer: the model takes %llu bytes; the buffer has %llu",
                        (unsigned long long)b.size, (unsigned long long)capacity);
    return SIXNET_OK;
}

typedef struct writer {
    sixnet_write_fn fn;
    void *user;
} writer;

static int32_t write_out(void *user, const void *data, size_t size)
{
    const writer *w = user;
    int32_t answer = w->fn(w->user, data, (uint64_t)size);
    return answer ? six_fail(SIXNET_CALLBACK_FAILED,
                             "sixnet_model_save_to_stream: the function that writes returned %d", answer)
                  : SIXNET_OK;
}

int32_t sixnet_model_save_to_stream(const sixnet_model *net, sixnet_write_fn fn, void *user)
{
    if (!net || !fn)
        return six_api_missing("sixnet_model_save_to_stream", net ? "fn" : "net");
    six_call call;
    int32_t status = six_call_begin(&call, "sixnet_model_save_to_stream", SIX_USES(SIX_READ(net), SIX_KEPT(net->ctx)));
    if (status)
        return status;
    status = write_model(net, (six_sink){write_out, &(writer){fn, user}});
    six_call_end(&call);
    return status;
}

/* ---- reading ---- */

static int32_t load_bytes(sixnet_model **out, sixnet_context *ctx, const char *label, six_bytes bytes,
                          const six_load_options *o)
{
    six_safetensors s;
    int32_t status = six_safetensors_parse(&s, ctx, label, bytes.data, bytes.size);
    if (status)
        return status;
    status = six_model_load(out, ctx, &s, o);
    six_safetensors_free(&s);
    return status;
}

/* A loading call, which can run callbacks, in a context that it holds. */
typedef struct loading {
    six_call call;
    sixnet_context *ctx;
    six_load_options o;
} loading;

static int32_t begin_load(loading *l, const char *function, sixnet_model **out, sixnet_context *ctx,
                          const char *options)
{
    *out = NULL;
    int32_t status = six_call_begin(&l->call, function, SIX_USES(SIX_READ(ctx)));
    if (status)
        return status;
    status = six_spec_parse(&six_kind_model_load, options, &l->o, NULL, NULL);
    l->ctx = status ? NULL : six_context_retain(ctx);
    if (!l->ctx)
        six_call_end(&l->call);
    return status || l->ctx ? status : SIXNET_OUT_OF_MEMORY;
}

static void end_load(const loading *l)
{
    six_context_release(l->ctx);
    six_call_end(&l->call);
}

int32_t sixnet_model_load(sixnet_model **out, sixnet_context *ctx, const char *path, const char *options)
{
    six_bytes bytes;
    loading l;
    if (!out || !path)
        return six_api_missing("sixnet_model_load", out ? "path" : "out");
    int32_t status = begin_load(&l, "sixnet_model_load", out, ctx, options);
    if (status)
        return status;
    status = six_read_file(&bytes, l.ctx, path, l.o.max_bytes);
    if (!status)
        status = load_bytes(out, l.ctx, path, bytes, &l.o);
    six_free(l.ctx, bytes.data);
    end_load(&l);
    return status;
}

static int32_t check_memory(const char *function, const void *memory, uint64_t size, int64_t most)
{
    if (!memory)
        return six_api_missing(function, "memory");
    if (size > (uint64_t)most || size > PTRDIFF_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: %llu bytes; max_bytes=%lld", function, (unsigned long long)size,
                        (long long)most);
    return SIXNET_OK;
}

int32_t sixnet_model_load_from_buffer(sixnet_model **out, sixnet_context *ctx, const void *memory, uint64_t size,
                                      const char *options)
{
    loading l;
    if (!out)
        return six_api_missing("sixnet_model_load_from_buffer", "out");
    int32_t status = begin_load(&l, "sixnet_model_load_from_buffer", out, ctx, options);
    if (status)
        return status;
    status = check_memory("sixnet_model_load_from_buffer", memory, size, l.o.max_bytes);
    if (!status)
        status = load_bytes(out, l.ctx, "memory", (six_bytes){(uint8_t *)(uintptr_t)memory, (size_t)size}, &l.o);
    end_load(&l);
    return status;
}

int32_t sixnet_model_load_from_stream(sixnet_model **out, sixnet_context *ctx, sixnet_read_fn fn, void *user,
                                      const char *options)
{
    six_bytes bytes;
    loading l;
    if (!out || !fn)
        return six_api_missing("sixnet_model_load_from_stream", out ? "fn" : "out");
    int32_t status = begin_load(&l, "sixnet_model_load_from_stream", out, ctx, options);
    if (status)
        return status;
    status = six_read_stream(&bytes, l.ctx, fn, user, l.o.max_bytes);
    if (!status)
        status = load_bytes(out, l.ctx, "stream", bytes, &l.o);
    six_free(l.ctx, bytes.data);
    end_load(&l);
    return status;
}

/* ---- tensors for a model that exists ---- */

static int32_t weights_from_bytes(sixnet_model *net, const char *label, six_bytes bytes, const six_load_options *o)
{
    six_safetensors s;
    int32_t status = six_safetensors_parse(&s, net->ctx, label, bytes.data, bytes.size);
    if (status)
        return status;
    status = six_model_load_weights(net, &s, o);
    six_safetensors_free(&s);
    return status;
}

static int32_t begin_weights(const char *function, sixnet_model *net, const char *options, six_load_options *o)
{
    int32_t status = six_calls_check(function, SIX_USES(SIX_CHANGE(net)));
    if (status)
        return status;
    status = six_require_compiled(net);
    if (status)
        return status;
    status = six_spec_parse(&six_kind_model_load_weights, options, o, NULL, NULL);
    if (status)
        return status;
    six_model_set_report(net, SIX_REPORT_WEIGHTS, NULL);
    return SIXNET_OK;
}

static void give_report(const sixnet_model *net, const char **report)
{
    if (report)
        *report = net->report[SIX_REPORT_WEIGHTS] ? net->report[SIX_REPORT_WEIGHTS] : "";
}

int32_t sixnet_model_load_weights(sixnet_model *net, const char *path, const char *options, const char **report)
{
    six_bytes bytes = {0};
    six_load_options o;
    if (report)
        *report = "";
    if (!net || !path)
        return six_api_missing("sixnet_model_load_weights", net ? "path" : "net");
    int32_t status = begin_weights("sixnet_model_load_weights", net, options, &o);
    if (status)
        return status;
    status = six_read_file(&bytes, net->ctx, path, o.max_bytes);
    if (!status)
        status = weights_from_bytes(net, path, bytes, &o);
    six_free(net->ctx, bytes.data);
    give_report(net, report);
    return status;
}

int32_t sixnet_model_load_weights_from_buffer(sixnet_model *net, const void *memory, uint64_t size, const char *options,
                                              const char **report)
{
    six_load_options o;
    if (report)
        *report = "";
    if (!net)
        return six_api_missing("sixnet_model_load_weights_from_buffer", "net");
    int32_t status = begin_weights("sixnet_model_load_weights_from_buffer", net, options, &o);
    if (status)
        return status;
    status = check_memory("sixnet_model_load_weights_from_buffer", memory, size, o.max_bytes);
    if (status)
        return status;
    status = weights_from_bytes(net, "memory", (six_bytes){(uint8_t *)(uintptr_t)memory, (size_t)size}, &o);
    give_report(net, report);
    return status;
}

/* ---- checkpoints ---- */

int32_t sixnet_checkpoint_save(const sixnet_model *net, const sixnet_optimizer *opt,
                               const sixnet_batch_iterator *batches, const char *path, const char *options)
{
    six_save_options o;
    if (!net || !opt || !path)
        return six_api_missing("sixnet_checkpoint_save", !net ? "net" : !opt ? "opt" : "path");
    int32_t status =
        six_calls_check("sixnet_checkpoint_save", SIX_USES(SIX_READ(net), SIX_READ(opt), SIX_READ(batches)));
    if (status)
        return status;
    if (opt->net != net)
        return six_fail(SIXNET_INVALID_ARGUMENT, "the optimizer was made for another model");
    six_train_run run = {.net = opt->net, .opt = (sixnet_optimizer *)(uintptr_t)opt}; /* not changed by saving */
    if (batches)
        six_batch_iterator_position(batches, &run.state.epoch, &run.state.position);
    status = six_spec_parse(&six_kind_model_save, options, &o, NULL, NULL);
    if (status)
        return status;
    return six_checkpoint_save(&run, path, o.sync, 1);
}

int32_t sixnet_checkpoint_load(sixnet_model *net, sixnet_optimizer *opt, sixnet_batch_iterator *batches,
                               const char *path, const char *options)
{
    six_load_options o;
    if (!net || !opt || !path)
        return six_api_missing("sixnet_checkpoint_load", !net ? "net" : !opt ? "opt" : "path");
    int32_t status =
        six_calls_check("sixnet_checkpoint_load", SIX_USES(SIX_CHANGE(net), SIX_CHANGE(opt), SIX_CHANGE(batches)));
    if (status)
        return status;
    if (opt->net != net)
        return six_fail(SIXNET_INVALID_ARGUMENT, "the optimizer was made for another model");
    six_train_run run = {.net = net, .opt = opt, .batches = batches};
    status = six_spec_parse(&six_kind_model_load, options, &o, NULL, NULL);
    if (!status)
        status = six_checkpoint_load(&run, path, &o);
    six_free(run.net->ctx, run.history);
    return status;
}
