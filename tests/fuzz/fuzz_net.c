/* SPDX-License-Identifier: MIT */

/* Bytes as the text of a net. */

#include <stdlib.h>

#include "fuzz.h"
#include "try_model.h"

enum { MEMORY = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sixnet_context *ctx;
    sixnet_model *net;
    char *text = fuzz_text(data, size);
    if (!ctx)
        ctx = fuzz_context("seed=1 max_memory=4194304");
    fuzz_enter();
    fuzz_begin(size);
    int32_t status = fuzz_status(sixnet_model_parse(&net, ctx, text));
    fuzz_bound(MEMORY);
    try_outcome(ctx, status, net);
    fuzz_leave();
    free(text);
    return 0;
}
