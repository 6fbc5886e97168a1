/* SPDX-License-Identifier: MIT */
/* Linked into a program that is compiled for an instruction set: ends it as skipped where the processor lacks that, before any of its code
 * runs. */
#include <unistd.h>

#include "sixnet/sixnet.h"

enum { SKIPPED = 77 };

__attribute__((constructor)) static void skip_where_missing(void)
{
    sixnet_context *ctx;
    if (sixnet_context_new(&ctx, "isa=" SIXNET_TEST_ISA) == SIXNET_UNSUPPORTED)
        _exit(SKIPPED);
    sixnet_context_free(ctx);
}
