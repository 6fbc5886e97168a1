/* SPDX-License-Identifier: MIT */
#include "base/calls.h"

#include <string.h>

#include "base/status.h"

static _Thread_local six_call *innermost;

static bool may(const six_call *call, const six_use *made, const six_use *wanted)
{
    if (made->object != wanted->object)
        return true;
    if (wanted->access == SIX_FREES)
        return made->kept;
    if (made->access == SIX_READS)
        return wanted->access == SIX_READS;
    return call->yields && wanted->access != SIX_CHANGES;
}

static bool may_all(const six_call *call, const six_use *wanted)
{
    if (!wanted->object)
        return true;
    for (int32_t i = 0; i < call->uses; i++)
        if (!may(call, &call->use[i], wanted))
            return false;
    return !call->everything;
}

int32_t six_calls_check(const char *function, const six_use *use, int32_t uses)
{
    for (const six_call *call = innermost; call; call = call->outer)
        for (int32_t i = 0; i < uses; i++)
            if (!may_all(call, &use[i]))
                return six_fail(
                    SIXNET_BAD_STATE,
                    "%s: called from a callback of %s, which is using the same object; call it when that has returned",
                    function, call->function);
    return SIXNET_OK;
}

/* A frame is unlinked by six_call_end() before its function returns, which GCC 12 cannot see where it inlines both. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif

int32_t six_call_begin(six_call *call, const char *function, const six_use *use, int32_t uses)
{
    int32_t status = six_calls_check(function, use, uses);
    if (status)
        return status;
    *call = (six_call){.outer = innermost, .function = function, .uses = uses};
    memcpy(call->use, use, (size_t)uses * sizeof *use);
    innermost = call;
    return SIXNET_OK;
}

void six_call_begin_allocator(six_call *call)
{
    *call = (six_call){.outer = innermost, .function = "the allocator", .everything = true};
    innermost = call;
}

void six_call_end(const six_call *call) { innermost = call->outer; }

void six_calls_yield(bool on)
{
    if (innermost)
        innermost->yields = on;
}
