/* SPDX-License-Identifier: MIT */

/* Bytes as the text of a net, a NUL, and changes of the file that it is saved as: save, load and save again give the same file, and a
 * changed file with the right checksum and the right length of its header is refused or becomes a model that is as good as any. */

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "safetensors.h"
#include "try_model.h"

enum { MOST_FILE = 1 << 16, MOST_TEXT = 2048 };

/* One change, of four bytes: where (two of them), what, and a value. Returns the new size. */
static size_t change(uint8_t *file, size_t size, const uint8_t *bytes)
{
    size_t at = (bytes[0] + 256u * bytes[1]) % size, header = safetensors_header(file, size);
    bool within = at >= 8 && at < 8 + header;
    switch (bytes[2] % 4) {
    case 0:
        file[at] = bytes[3];
        return size;
    case 1:
        file[at] ^= (uint8_t)(1 << bytes[3] % 8);
        return size;
    case 2:
        memmove(file + at + 1, file + at, size - at);
        file[at] = bytes[3];
        if (within)
            safetensors_set_header(file, header + 1);
        return size + 1;
    default:
        memmove(file + at, file + at + 1, size - at - 1);
        if (within)
            safetensors_set_header(file, header - 1);
        return size - 1;
    }
}

static void load_changed(sixnet_context *ctx, uint8_t *file, size_t size)
{
    sixnet_model *net;
    uint8_t *exact = fuzz_copy(file, size);
    fuzz_begin(size);
    fuzz_status(sixnet_model_load_from_buffer(&net, ctx, exact, size, NULL));
    fuzz_bound(fuzz_file_memory(size));
    if (net)
        try_model(ctx, net);
    sixnet_model_free(net);
    free(exact);
}

static void try_changes(sixnet_context *ctx, const sixnet_model *net, const uint8_t *changes, size_t count)
{
    uint64_t saved;
    MUST(sixnet_model_save_to_buffer(net, NULL, 0, &saved) == SIXNET_OK);
    if (saved + count > MOST_FILE)
        return;
    uint8_t *file = malloc((size_t)saved + count);
    MUST(file && sixnet_model_save_to_buffer(net, file, saved, &saved) == SIXNET_OK);
    size_t size = (size_t)saved;
    for (size_t i = 0; i < count && size > 8; i++)
        size = change(file, size, changes + 4 * i);
    safetensors_seal(file, size);
    load_changed(ctx, file, size);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sixnet_context *ctx;
    sixnet_model *net;
    size_t length = 0;
    while (length < size && data[length])
        length++;
    if (length > MOST_TEXT)
        return 0;
    if (!ctx)
        ctx = fuzz_context("seed=1 max_memory=33554432");
    char *text = fuzz_text(data, length);
    fuzz_enter();
    fuzz_status(sixnet_model_parse(&net, ctx, text));
    if (net) {
        try_file(ctx, net);
        try_changes(ctx, net, data + length + 1, size - length > 1 ? (size - length - 1) / 4 : 0);
        fuzz_worked();
    }
    sixnet_model_free(net);
    fuzz_leave();
    free(text);
    return 0;
}
