/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_TESTS_API_H
#define SIXNET_TESTS_API_H

/* What the tests of the public API share: an allocator that counts and can fail, and checks of calls that must be refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sixnet/sixnet.h"

#if defined(__GNUC__)
#define API_UNUSED __attribute__((unused))
#else
#define API_UNUSED
#endif

/* ---- the allocator ---- */

/* calls counts the requests; those from fail_from to fail_to (the first is 1) get NULL. */
typedef struct ledger {
    atomic_llong live, peak, blocks, calls;
    long long fail_from, fail_to;
} ledger;

enum { LEDGER_HEAD = 16 };

static API_UNUSED void *ledger_malloc(void *user, size_t size)
{
    ledger *l = user;
    long long call = atomic_fetch_add(&l->calls, 1) + 1;
    if (call >= l->fail_from && call <= l->fail_to)
        return NULL;
    char *memory = malloc(size + LEDGER_HEAD);
    if (!memory)
        return NULL;
    memcpy(memory, &size, sizeof size);
    memset(memory + LEDGER_HEAD, 0xA5, size); /* nobody may take it for zeros */
    long long live = atomic_fetch_add(&l->live, (long long)size) + (long long)size, peak = atomic_load(&l->peak);
    while (live > peak && !atomic_compare_exchange_weak(&l->peak, &peak, live))
        ;
    atomic_fetch_add(&l->blocks, 1);
    return memory + LEDGER_HEAD;
}

static API_UNUSED void ledger_free(void *user, void *memory)
{
    ledger *l = user;
    char *head = (char *)memory - LEDGER_HEAD;
    size_t size;
    memcpy(&size, head, sizeof size);
    memset(memory, 0x5A, size);
    atomic_fetch_sub(&l->live, (long long)size);
    atomic_fetch_sub(&l->blocks, 1);
    free(head);
}

/* From the request that comes next on: the count-th fails, and with forever all after it; 0 for none. */
static API_UNUSED void ledger_fail(ledger *l, long long count, bool forever)
{
    atomic_store(&l->calls, 0);
    l->fail_from = count ? count : -1;
    l->fail_to = !count ? -1 : forever ? INT64_MAX : count;
}

static API_UNUSED sixnet_context *ledger_context(ledger *l, const char *options)
{
    sixnet_context *ctx;
    if (sixnet_context_new_with_allocator(&ctx, options, ledger_malloc, ledger_free, l))
        fail_msg("%s", sixnet_last_error());
    return ctx;
}

static API_UNUSED void ledger_close(ledger *l)
{
    if (atomic_load(&l->blocks) || atomic_load(&l->live))
        fail_msg("%lld bytes in %lld blocks were not freed", atomic_load(&l->live), atomic_load(&l->blocks));
}

/* Frees a program's objects, any of which may be NULL, in their order; then nothing of their context may be left. */
static API_UNUSED void close_all(ledger *l, sixnet_context *ctx, sixnet_model *net, sixnet_optimizer *opt,
                                 sixnet_dataset *ds)
{
    sixnet_dataset_free(ds);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    ledger_close(l);
}

/* ---- calls that must work ---- */

#define WORKS(call) check_works(#call, __FILE__, __LINE__, (call))

static API_UNUSED void check_works(const char *call, const char *file, int line, int32_t status)
{
    if (!status)
        return;
    print_error("%s:\n  %s: %s\n", call, sixnet_status_name(status), sixnet_last_error());
    _fail(file, line);
}

static API_UNUSED sixnet_model *parsed(sixnet_context *ctx, const char *text)
{
    sixnet_model *net;
    if (sixnet_model_parse(&net, ctx, text))
        fail_msg("%s\n%s", text, sixnet_last_error());
    return net;
}

typedef struct digest {
    char text[65];
} digest;

static API_UNUSED digest digest_of(const sixnet_model *net)
{
    digest d = {""};
    WORKS(sixnet_model_digest(net, d.text));
    return d;
}

static API_UNUSED void assert_same_digest(digest a, digest b) { assert_string_equal(a.text, b.text); }

/* ---- calls that must be refused ---- */

/* FAILS(status, call, words...): the call gives that status and a message of one line in which each of the words is found, and
 * the watched model stays as it is. FAILS_NULL and FAILS_NODE likewise for calls that give a pointer or a node. */
#define FAILS(status, call, ...)                                                                                       \
    (refusal_begins(),                                                                                                 \
     refusal_ends(#call, __FILE__, __LINE__, (status), (call), (const char *const[]){__VA_ARGS__, NULL}))
#define FAILS_NULL(call, ...)                                                                                          \
    (refusal_begins(),                                                                                                 \
     refusal_ends(#call, __FILE__, __LINE__, 0, (call) != NULL, (const char *const[]){__VA_ARGS__, NULL}))
#define FAILS_NODE(call, ...)                                                                                          \
    (refusal_begins(),                                                                                                 \
     refusal_ends(#call, __FILE__, __LINE__, SIXNET_NO_NODE, (call), (const char *const[]){__VA_ARGS__, NULL}))

static const sixnet_model *watched;
static digest watched_digest;
static const char stale[] = "context: 'stale' is not of the form attribute=value";

static API_UNUSED void refusal_begins(void)
{
    sixnet_context *none;
    sixnet_context_new(&none, "stale");
    assert_null(none);
    assert_string_equal(sixnet_last_error(), stale);
    if (watched)
        watched_digest = digest_of(watched);
}

static API_UNUSED bool is_one_line(const char *message)
{
    size_t length = strlen(message);
    return length > 0 && length < 1024 && message[length - 1] != ' ' && !strpbrk(message, "\n\r\t");
}

static API_UNUSED void refusal_ends(const char *call, const char *file, int line, int32_t status, int32_t got,
                                    const char *const *words)
{
    const char *message = sixnet_last_error(), *missing = NULL;
    for (; *words && !missing; words++)
        if (!strstr(message, *words))
            missing = *words;
    if (got == status && !missing && strcmp(message, stale) != 0 && is_one_line(message)) {
        if (watched)
            assert_same_digest(watched_digest, digest_of(watched));
        return;
    }
    print_error("%s:\n  gave %d instead of %d, and said \"%s\"\n", call, (int)got, (int)status, message);
    if (missing)
        print_error("  without '%s'\n", missing);
    _fail(file, line);
}

/* ---- samples ---- */

/* Numbers between -1 and 1 without a pattern, the same on every machine. */
static API_UNUSED double noise(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 33) / 1073741824.0 - 1;
}

static API_UNUSED void fill_noise(float *values, int64_t count, uint64_t seed)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)noise(&seed);
}

/* Whether the tests are to be short, as under valgrind. */
static API_UNUSED bool is_quick(void)
{
    const char *value = getenv("SIXNET_TEST_QUICK");
    return value && strcmp(value, "1") == 0;
}

/* Whether the MNIST images are there: a release has none. */
static API_UNUSED bool has_digits(void)
{
    FILE *f = fopen(SIXNET_TEST_DATA "/t10k-images-idx3-ubyte.gz", "rb");
    if (f)
        fclose(f);
    return f != NULL;
}

static API_UNUSED bool all_finite(const sixnet_model *net)
{
    int64_t count;
    for (int32_t t = 0; t < sixnet_tensor_count(net); t++) {
        const char *name = sixnet_tensor_name(net, t);
        (void)sixnet_tensor_data(net, name, &count);
        double *values = malloc((size_t)count * sizeof *values);
        WORKS(sixnet_tensor_get_f64(net, name, values, count));
        for (int64_t i = 0; i < count; i++)
            if (!isfinite(values[i])) {
                print_error("%s[%lld] is %g\n", name, (long long)i, values[i]);
                free(values);
                return false;
            }
        free(values);
    }
    return true;
}

#endif
