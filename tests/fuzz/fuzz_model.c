/* SPDX-License-Identifier: MIT */

/* Bytes as a model's file. */

#include <stdlib.h>
#include <string.h>

#include "files/safetensors.h"
#include "fuzz.h"
#include "safetensors.h"
#include "try_model.h"

static sixnet_context *context(size_t size)
{
    static sixnet_context *f32, *f64;
    if (!f32) {
        f32 = fuzz_context("seed=1");
        f64 = fuzz_context("dtype=f64");
    }
    return size % 2 ? f64 : f32;
}

/* Whether it was loaded. */
static bool load(sixnet_context *ctx, const uint8_t *data, size_t size, const char *options)
{
    sixnet_model *net;
    fuzz_enter();
    fuzz_begin(size);
    int32_t status = fuzz_status(sixnet_model_load_from_buffer(&net, ctx, data, size, options));
    fuzz_bound(fuzz_file_memory(size));
    try_outcome(ctx, status, net);
    fuzz_leave();
    return !status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!load(context(size), data, size, NULL))
        load(context(size), data, size, "checksum=false check_values=false");
    return 0;
}

/* ---- files of changed nets, with the tensors that these have ---- */

enum { TEXT = 4096 };

/* The text of a file's net; its length. */
static size_t text_of(sixnet_context *ctx, const uint8_t *data, size_t size, char text[static TEXT])
{
    six_safetensors s;
    size_t length = 0;
    if (six_safetensors_parse(&s, ctx, "fuzz", data, size))
        return 0;
    const char *found = six_safetensors_get(&s, "sixnet.net");
    if (found && strlen(found) < TEXT) {
        length = strlen(found);
        memcpy(text, found, length + 1);
    }
    six_safetensors_free(&s);
    return length;
}

static size_t mutate_net(uint8_t *data, size_t size, size_t room)
{
    static sixnet_context *ctx;
    char text[TEXT];
    sixnet_model *net;
    uint64_t saved;
    if (!ctx)
        ctx = fuzz_context("seed=1 max_memory=1048576");
    size_t length = text_of(ctx, data, size, text);
    if (!length)
        return safetensors_mutate(data, size, room, (unsigned int)size);
    length = LLVMFuzzerMutate((uint8_t *)text, length, TEXT - 1);
    text[length] = '\0';
    if (sixnet_model_parse(&net, ctx, text) == SIXNET_OK &&
        sixnet_model_save_to_buffer(net, NULL, 0, &saved) == SIXNET_OK && saved <= room &&
        sixnet_model_save_to_buffer(net, data, room, &saved) == SIXNET_OK)
        size = (size_t)saved;
    sixnet_model_free(net);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    return seed % 3 ? safetensors_mutate(data, size, room, seed / 3) : mutate_net(data, size, room);
}
