/* SPDX-License-Identifier: MIT */
/* lib/base, module by module. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* fork(), pthread_barrier_t, pthread_sigmask() */
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/content.h"
#include "base/cpu.h"
#include "base/portable_math.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "base/spec.h"
#include "base/status.h"
#include "base/threads.h"
#include "kinds.h"

/* ---- an allocator that counts, and fails when `left` allocations are used up ---- */

typedef struct heap {
    atomic_int live, left;
    int misalign; /* makes every address odd by this much */
} heap;

static void *heap_allocate(void *user, size_t size)
{
    heap *h = user;
    if (atomic_fetch_sub(&h->left, 1) <= 0) {
        errno = ENOMEM;
        return NULL;
    }
    char *memory = malloc(size + 64);
    if (!memory)
        return NULL;
    atomic_fetch_add(&h->live, 1);
    memset(memory, 0xA5, size + 64);
    return memory + h->misalign;
}

static void heap_release(void *user, void *memory)
{
    heap *h = user;
    assert_non_null(memory);
    atomic_fetch_sub(&h->live, 1);
    free((char *)memory - h->misalign);
    errno = EBADF;
}

static sixnet_context context_on(heap *h)
{
    return (sixnet_context){.references = 1, .malloc_fn = heap_allocate, .free_fn = heap_release, .allocator_user = h};
}

static heap heap_of(int allocations) { return (heap){.left = allocations}; }

static void assert_error(const char *expected) { assert_string_equal(sixnet_last_error(), expected); }

/* ---- status ---- */

static void *message_of_new_thread(void *arg)
{
    strcpy(arg, sixnet_last_error());
    six_fail(SIXNET_BAD_DATA, "another thread's");
    return NULL;
}

static void test_status(void **state)
{
    (void)state;
    char big[3000], text[64] = "unset";
    pthread_t thread;
    errno = EINTR;
    assert_int_equal(six_fail(SIXNET_BAD_SHAPE, "conv1: %d\nlines\tand\x01\x7F, \xC3\xA9", 2), SIXNET_BAD_SHAPE);
    assert_error("conv1: 2 lines and??, \xC3\xA9");
    assert_int_equal(six_fail_prefix(SIXNET_BAD_SPEC, "line %d:\r", 3), SIXNET_BAD_SPEC);
    assert_error("line 3: conv1: 2 lines and??, \xC3\xA9");
    six_fail(SIXNET_BAD_SPEC, "[%s]", sixnet_last_error());
    assert_error("[line 3: conv1: 2 lines and??, \xC3\xA9]");
    assert_int_equal(pthread_create(&thread, NULL, message_of_new_thread, text), 0);
    pthread_join(thread, NULL);
    assert_string_equal(text, "");
    assert_error("[line 3: conv1: 2 lines and??, \xC3\xA9]");

    for (size_t i = 0; i + 1 < sizeof big; i += 2)
        memcpy(big + i, "\xC3\xA9", 2);
    big[sizeof big - 1] = '\0';
    six_fail(SIXNET_BAD_SPEC, "%s", big);
    size_t length = strlen(sixnet_last_error());
    assert_in_range(length, 1000, SIX_LINE_MAX - 1);
    assert_int_equal(length % 2, 0);
    six_fail_prefix(SIXNET_BAD_SPEC, "%s", big);
    for (size_t shift = 0; shift < 4; shift++) { /* characters of four bytes, cut at each of them */
        memset(big, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof big; i += 4)
            memcpy(big + i, "\xF0\x9F\x98\x80", 4);
        six_fail(SIXNET_BAD_SPEC, "%s", big);
        assert_int_equal((strlen(sixnet_last_error()) - shift) % 4, 0);
    }
    errno = ENOENT;
    for (size_t shift = 0; shift < 4; shift++) { /* and a path's end, which begins with one */
        big[strlen(big) - (shift > 0)] = '\0';
        assert_int_equal(six_fail_system(big, "cannot be opened"), SIXNET_IO_ERROR);
        assert_int_equal((unsigned char)sixnet_last_error()[0] & 0xC0, 0xC0);
        assert_non_null(strstr(sixnet_last_error(), ": cannot be opened: "));
    }
    assert_int_equal(sixnet_last_system_error(), ENOENT);
    six_fail_prefix(SIXNET_BAD_FILE, "line 3: ");
    assert_int_equal(sixnet_last_system_error(), ENOENT);
    errno = ENOENT;
    six_fail(SIXNET_IO_ERROR, "the file grew");
    assert_int_equal(sixnet_last_system_error(), 0);
    errno = EINTR;
    six_fail(SIXNET_BAD_SPEC, "x");
    assert_int_equal(errno, EINTR);
}

static void test_status_names(void **state)
{
    (void)state;
    assert_string_equal(sixnet_status_name(SIXNET_OK), "SIXNET_OK");
    assert_string_equal(sixnet_status_name(SIXNET_STOPPED), "SIXNET_STOPPED");
    assert_string_equal(sixnet_status_name(SIXNET_INVALID_ARGUMENT), "SIXNET_INVALID_ARGUMENT");
    assert_string_equal(sixnet_status_name(SIXNET_BAD_FILE), "SIXNET_BAD_FILE");
    assert_string_equal(sixnet_status_name(SIXNET_UNSUPPORTED), "SIXNET_UNSUPPORTED");
    assert_null(sixnet_status_name(-14));
    assert_null(sixnet_status_name(2));
    assert_null(sixnet_status_name(INT32_MIN));
    assert_null(sixnet_status_name(INT32_MAX));
}

/* ---- context ---- */

static void test_alloc(void **state)
{
    (void)state;
    for (int misalign = 0; misalign < 64; misalign += 9) {
        heap h = {.left = 100, .misalign = misalign};
        sixnet_context ctx = context_on(&h);
        static const size_t counts[] = {0, 1, 7, 64, 1000};
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            errno = EINTR;
            unsigned char *memory = six_alloc(&ctx, counts[i], 3);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 64, 0);
            for (size_t k = 0; k < (counts[i] ? counts[i] * 3 : 1); k++)
                assert_int_equal(memory[k], 0);
            six_free(&ctx, memory);
            assert_int_equal(errno, EINTR);
        }
        six_free(&ctx, NULL);
        assert_int_equal(h.live, 0);
    }
}

static void test_alloc_fails(void **state)
{
    (void)state;
    heap h = heap_of(0);
    sixnet_context ctx = context_on(&h);
    errno = EINTR;
    assert_null(six_alloc(&ctx, 10, 10));
    assert_non_null(strstr(sixnet_last_error(), "out of memory"));
    h.left = 1;
    assert_null(six_alloc(&ctx, SIZE_MAX / 2, 3));
    assert_null(six_alloc(&ctx, SIZE_MAX, 1));
    assert_null(six_alloc(&ctx, 1, SIZE_MAX));
    assert_null(six_alloc(&ctx, PTRDIFF_MAX, 1));
    assert_int_equal(h.left, 1);
    assert_int_equal(errno, EINTR);
}

static void test_context_lives_by_references(void **state)
{
    (void)state;
    heap h = heap_of(10);
    sixnet_context on_stack = context_on(&h);
    sixnet_context *ctx = six_alloc(&on_stack, 1, sizeof *ctx);
    assert_non_null(ctx);
    *ctx = on_stack;
    assert_int_equal(six_pool_new(&ctx->pool, ctx, 2), SIXNET_OK);
    assert_non_null(ctx->pool);
    assert_ptr_equal(six_context_retain(ctx), ctx);
    six_context_release(ctx);
    assert_int_equal(h.live, 2);
    six_context_release(ctx);
    assert_int_equal(h.live, 0);
    six_context_release(NULL);
}

static void test_default_context(void **state)
{
    (void)state;
    sixnet_context *ctx = six_context_retain(NULL);
    assert_non_null(ctx);
    assert_int_equal(ctx->references, 1);
    six_context_release(ctx);
}

static void take_line(void *user, int32_t level, const char *line)
{
    snprintf(user, 100, "%d %s", (int)level, line);
    errno = EBADF;
}

static void test_log(void **state)
{
    (void)state;
    char line[100] = "none";
    heap h = heap_of(0);
    sixnet_context ctx = context_on(&h);
    six_log(&ctx, 1, "unheard");
    ctx.log = take_line;
    ctx.log_user = line;
    errno = EINTR;
    six_log(&ctx, 1, "a\nb %d", 5);
    assert_string_equal(line, "1 a b 5");
    assert_int_equal(errno, EINTR);
}

/* ---- shape ---- */

static void test_shape(void **state)
{
    (void)state;
    char text[160];
    six_shape image = {3, {8, 28, 28}}, other = {3, {8, 28, 27}}, flat = {1, {6272}}, none = {0, {0}};
    assert_int_equal(six_shape_size(&image), 6272);
    assert_true(six_shape_fits(&image));
    assert_true(six_shape_equal(&image, &image));
    assert_false(six_shape_equal(&image, &other));
    assert_false(six_shape_equal(&image, &flat));
    assert_string_equal(six_shape_text(&image, text), "8x28x28");
    assert_string_equal(six_shape_text(&none, text), "");
    assert_false(six_shape_fits(&none));
    assert_false(six_shape_fits(&(six_shape){9, {1, 1, 1, 1, 1, 1, 1, 1}}));
    assert_false(six_shape_fits(&(six_shape){2, {3, 0}}));
    assert_false(six_shape_fits(&(six_shape){2, {3, -1}}));
    assert_true(six_shape_fits(&(six_shape){2, {1 << 20, 1 << 20}}));
    assert_false(six_shape_fits(&(six_shape){2, {1 << 20, (1 << 20) + 1}}));
    assert_false(six_shape_fits(&(six_shape){8, {INT64_MAX, INT64_MAX, 4, 4, 4, 4, 4, 4}}));
    six_shape widest = {8, {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}};
    assert_int_equal(strlen(six_shape_text(&widest, text)), 159);
    for (int i = 0; i < 8; i++)
        widest.dim[i] = INT64_MIN;
    assert_int_equal(strlen(six_shape_text(&widest, text)), 159);
}

/* ---- text ---- */

static void test_text_grows(void **state)
{
    (void)state;
    heap h = heap_of(100);
    sixnet_context ctx = context_on(&h);
    six_text t = {.ctx = &ctx};
    for (int i = 0; i < 1000; i++)
        six_text_add(&t, "%03d", i);
    assert_false(t.failed);
    assert_int_equal(t.length, 3000);
    assert_int_equal(strlen(t.data), 3000);
    assert_memory_equal(t.data + 3 * 457, "457", 3);
    six_text_free(&t);
    assert_null(t.data);
    assert_int_equal(h.live, 0);
}

static void test_text_keeps_what_it_has(void **state)
{
    (void)state;
    heap h = heap_of(1);
    sixnet_context ctx = context_on(&h);
    six_text t = {.ctx = &ctx};
    errno = EINTR;
    six_text_add(&t, "kept");
    six_text_add(&t, "%1000d", 1);
    assert_true(t.failed);
    six_text_add(&t, "!");
    assert_string_equal(t.data, "kept");
    six_text_free(&t);
    assert_int_equal(h.live, 0);
    assert_int_equal(errno, EINTR);
}

/* What a terminal would obey becomes '?', what it shows stays. */
static void test_control_characters_in_messages(void **state)
{
    (void)state;
    six_fail(SIXNET_BAD_SPEC, "%s",
             "a\tb\x1b[31m \x7f|\xc2\x9b"
             "31m|\x9b|\xc2\x85|\xc2\xa0|\xc3\x9b|\xe2\x80\x9d|\xe9");
    assert_string_equal(sixnet_last_error(), "a b?[31m ?|?31m|?|?|\xc2\xa0|\xc3\x9b|\xe2\x80\x9d|\xe9");
}

static bool parses(const char *text, double *value) { return six_parse_double(text, text + strlen(text), value); }

static void assert_text_of(double value, const char *expected)
{
    char text[32];
    assert_string_equal(six_double_text(value, text), expected);
}

static void check_number_texts(void)
{
    static const struct {
        double value;
        const char *text;
    } pairs[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {0.1, "0.1"},
        {-2.5, "-2.5"},
        {0.3081, "0.3081"},
        {1e-3, "0.001"},
        {1e-5, "0.00001"},
        {1.5e-6, "1.5e-6"},
        {1048576, "1048576"},
        {1e16, "10000000000000000"},
        {1e17, "1e17"},
        {1e300, "1e300"},
        {5e-324, "5e-324"},
        {0.1 + 0.2, "0.30000000000000004"},
        {DBL_MAX, "1.7976931348623157e308"},
        {-DBL_MIN, "-2.2250738585072014e-308"},
        {1.0 / 3, "0.3333333333333333"},
        {-1.2345678901234567e-5, "-0.000012345678901234568"},
        {123456.789, "123456.789"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        double back;
        assert_text_of(pairs[i].value, pairs[i].text);
        assert_true(parses(pairs[i].text, &back));
        assert_memory_equal(&back, &pairs[i].value, sizeof back);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    errno = EINTR;
    check_number_texts();
    assert_text_of((double)INFINITY, "inf");
    assert_text_of(-(double)INFINITY, "-inf");
    assert_text_of((double)NAN, "nan");
    double value;
    assert_true(parses("+.5e+1", &value) && value == 5.0);
    assert_true(parses("5.", &value) && value == 5.0);
    assert_true(parses("1E-400", &value) && value == 0.0);
    assert_true(parses("-1e999", &value) && value == -(double)INFINITY);
    assert_true(parses("1e9999999999", &value) && isinf(value));
    assert_true(parses("NaN", &value) && isnan(value));
    assert_true(parses("-Infinity", &value) && isinf(value) && value < 0);
    assert_true(parses("9007199254740993", &value) && value == 9007199254740992.0);
    assert_true(parses("9007199254740993.00000000000000000000000000000000000000001", &value) &&
                value == 9007199254740994.0);
    assert_int_equal(errno, EINTR);
}

static void test_bad_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      "-",   "+",    ".",    "e5",   "1e",   "1e+",
        "1.2.3", "1,5", " 1",   "1 ",   "0x10", "--1",  "1-2",
        "nano",  "in",  "infi", "1e5.", "1f",   "\xFF", "1e99999999999999999999",
    };
    double value;
    int64_t whole;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(parses(bad[i], &value));
        assert_false(six_parse_int64(bad[i], bad[i] + strlen(bad[i]), &whole));
    }
    char digits[1001];
    memset(digits, '7', sizeof digits);
    assert_true(six_parse_double(digits, digits + 1000, &value) && isinf(value));
    assert_false(six_parse_double(digits, digits + 1001, &value));
    assert_true(six_parse_double(digits, digits + 2, &value) && value == 77.0);
}

static void test_whole_numbers(void **state)
{
    (void)state;
    static const char least[] = "-9223372036854775808", most[] = "9223372036854775807", over[] = "9223372036854775808",
                      under[] = "-9223372036854775809";
    int64_t value;
    assert_true(six_parse_int64(least, least + 20, &value) && value == INT64_MIN);
    assert_true(six_parse_int64(most, most + 19, &value) && value == INT64_MAX);
    assert_false(six_parse_int64(over, over + 19, &value));
    assert_false(six_parse_int64(under, under + 20, &value));
    assert_true(six_parse_int64(most, most + 2, &value) && value == 92);
    assert_true(six_parse_int64("+0", &"+0"[2], &value) && value == 0);
}

static void test_random_doubles_read_back(void **state)
{
    (void)state;
    six_stream s = six_stream_at(11, 0);
    for (int i = 0; i < 3000; i++) {
        uint64_t bits = (uint64_t)six_stream_word(&s) << 32 | six_stream_word(&s);
        double value, back;
        char text[32];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        six_double_text(value, text);
        assert_true(strlen(text) < 26);
        assert_true(parses(text, &back));
        assert_memory_equal(&back, &value, sizeof value);
    }
}

/* How many digits a text has without zeros before and after them. */
static size_t digits_of(const char *text)
{
    size_t digits = 0, counted = 0;
    for (; *text && *text != 'e'; text++) {
        digits += *text != '.' && *text != '-' && (digits > 0 || *text != '0');
        counted = *text != '.' && *text != '0' ? digits : counted;
    }
    return counted;
}

/* The C library's conversions in its usual mode are the oracle. */
static void test_numbers_ignore_the_rounding_mode(void **state)
{
    (void)state;
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    six_stream s = six_stream_at(12, 0);
    for (int i = 0; i < 2000; i++) {
        char decimal[64], shortest[32], text[32];
        double value, back;
        snprintf(decimal, sizeof decimal, "%u%u%.*ue%d", six_stream_word(&s), six_stream_word(&s), 1 + i % 9,
                 six_stream_word(&s) >> i % 30, (int)(six_stream_word(&s) % 680) - 350);
        const double expected = i % 2 ? six_stream_word(&s) % 1000000 / 1000.0 : strtod(decimal, NULL);
        if (!isfinite(expected))
            continue;
        int count = 1;
        while (snprintf(shortest, sizeof shortest, "%.*e", count - 1, expected) && strtod(shortest, NULL) != expected)
            count++;
        for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
            assert_int_equal(fesetround(modes[k]), 0);
            six_double_text(expected, text);
            const bool read = parses(i % 2 ? text : decimal, &value) && parses(text, &back);
            assert_int_equal(fegetround(), modes[k]);
            fesetround(FE_TONEAREST);
            assert_true(read && value == expected && back == expected && strtod(text, NULL) == expected);
            assert_int_equal(digits_of(text), digits_of(shortest));
        }
    }
}

static void test_numbers_ignore_the_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !found; i++)
        found = setlocale(LC_ALL, names[i]);
    if (!found)
        skip();
    char text[32];
    snprintf(text, sizeof text, "%.1f", 0.5);
    if (strcmp(text, "0,5") != 0) {
        setlocale(LC_ALL, "C");
        skip();
    }
    check_number_texts();
    double value;
    assert_false(parses("0,5", &value));
    setlocale(LC_ALL, "C");
}

/* ---- spec ---- */

typedef struct values {
    int64_t channels;
    double p;
    int32_t bias, reduction;
    int64_t kernel[2], padding[2], axis;
    six_shape shape;
    six_list milestones;
    char path[SIX_TEXT_MAX];
} values;

static const six_attr conv2d_attrs[] = {
    {"out_channels", SIX_INT, offsetof(values, channels), 1, 1048576, NULL, NULL, "how many"},
    {"kernel_size", SIX_PAIR, offsetof(values, kernel), 1, 255, "3", NULL, "how large"},
    {"p", SIX_FLOAT, offsetof(values, p), 0, 1, "0.5", NULL, "how probable"},
    {"bias", SIX_BOOL, offsetof(values, bias), 0, 0, "true", NULL, "whether"},
    {"reduction", SIX_CHOICE, offsetof(values, reduction), 0, 0, "mean", "mean sum none", "how"},
    {"shape", SIX_SHAPE, offsetof(values, shape), 1, 1048576, "1", NULL, "which"},
    {"milestones", SIX_LIST, offsetof(values, milestones), SIX_ANY, "10,20,30", NULL, "when"},
    {"path", SIX_TEXT, offsetof(values, path), 0, 0, "", NULL, "where"},
    {"padding", SIX_PAIR, offsetof(values, padding), 0, 9, "0", "same valid", "how much around"},
    {"axis", SIX_INT, offsetof(values, axis), 0, 3, "first", "first last", "where along"},
    {0},
};
static const six_kind conv2d = {"conv2d", "a convolution", conv2d_attrs, sizeof(values)};

typedef struct common_values {
    double lr;
    char name[SIX_TEXT_MAX];
} common_values;

static const six_attr common_attrs[] = {
    {"lr", SIX_FLOAT, offsetof(common_values, lr), SIX_ABOVE_ZERO, 10, "0.1", NULL, "how fast"},
    {"name", SIX_TEXT, offsetof(common_values, name), 0, 0, "", NULL, "called"},
    {0},
};
static const six_kind common = {"common", "for all", common_attrs, sizeof(common_values)};

static const six_kind relu = {"relu", "a rectifier", NULL, 0};
static const six_kind batchnorm2d = {"batchnorm2d", "a norm", NULL, 0};
static const six_kind *const kinds[] = {&batchnorm2d, &conv2d, &relu, NULL};

static int32_t parse(const char *text)
{
    values v;
    common_values c;
    return six_spec_parse(&conv2d, text, &v, &common, &c);
}

static void assert_refused(const char *text, const char *message)
{
    assert_int_equal(parse(text), SIXNET_BAD_SPEC);
    assert_error(message);
}

static void test_spec_values(void **state)
{
    (void)state;
    values v;
    common_values c;
    memset(&v, 0xFF, sizeof v);
    const char *text = "\tout_channels=8 kernel_size=5x7\r\np=1 bias=false reduction=none shape=1x28x28 "
                       "milestones=1,2.5 path=a/b-c.d:e,f+G_9 lr=1e-3 name=conv1 ";
    assert_int_equal(six_spec_parse(&conv2d, text, &v, &common, &c), SIXNET_OK);
    assert_int_equal(v.channels, 8);
    assert_true(v.p == 1.0 && c.lr == 0.001);
    assert_int_equal(v.bias, 0);
    assert_int_equal(v.reduction, 2);
    assert_int_equal(v.kernel[0], 5);
    assert_int_equal(v.kernel[1], 7);
    assert_true(six_shape_equal(&v.shape, &(six_shape){3, {1, 28, 28}}));
    assert_int_equal(v.milestones.count, 2);
    assert_true(v.milestones.value[1] == 2.5 && v.milestones.value[2] == 0.0);
    assert_string_equal(v.path, "a/b-c.d:e,f+G_9");
    assert_string_equal(c.name, "conv1");

    assert_int_equal(six_spec_parse(&conv2d, "out_channels=1 milestones=", &v, NULL, NULL), SIXNET_OK);
    assert_int_equal(v.milestones.count, 0);
    assert_int_equal(v.bias, 1);
    assert_int_equal(v.kernel[1], 3);
    assert_string_equal(v.path, "");
    assert_int_equal(six_spec_parse(&relu, NULL, NULL, NULL, NULL), SIXNET_OK);
    assert_int_equal(six_spec_parse(&relu, " \n", NULL, &common, &c), SIXNET_OK);
    assert_true(c.lr == 0.1);
}

static void test_spec_messages(void **state)
{
    (void)state;
    assert_refused("kernel=3", "conv2d: unknown attribute 'kernel'; did you mean 'kernel_size'?");
    assert_refused("out_channels=1 Reductoin=sum", "conv2d: unknown attribute 'Reductoin'; did you mean 'reduction'?");
    assert_refused("nam=a", "conv2d: unknown attribute 'nam'; did you mean 'name'?");
    assert_refused("zzzzzz=a", "conv2d: unknown attribute 'zzzzzz'");
    assert_refused("=1", "conv2d: unknown attribute ''");
    assert_refused("", "conv2d: out_channels is missing");
    assert_refused("out_channels", "conv2d: 'out_channels' is not of the form attribute=value");
    assert_refused("out_channels=0", "conv2d: out_channels=0 is out of range, 1 to 1048576");
    assert_refused("out_channels=1048577", "conv2d: out_channels=1048577 is out of range, 1 to 1048576");
    assert_refused("out_channels=9999999999999999999",
                   "conv2d: out_channels=9999999999999999999 is out of range, 1 to 1048576");
    assert_refused("out_channels=1.5", "conv2d: out_channels=1.5 is not a whole number");
    assert_refused("out_channels=", "conv2d: out_channels= is not a whole number");
    assert_refused("out_channels=8 p=1 out_channels=8", "conv2d: out_channels given twice");
    assert_refused("name=a out_channels=8 name=a", "conv2d: name given twice");
    assert_refused("p=abc", "conv2d: p=abc is not a number");
    assert_refused("p=nan", "conv2d: p=nan is not a finite number");
    assert_refused("p=1e999", "conv2d: p=1e999 is not a finite number");
    assert_refused("p=1.01", "conv2d: p=1.01 is out of range, 0 to 1");
    assert_refused("lr=0", "conv2d: lr=0 is out of range, above 0, up to 10");
    assert_refused("bias=yes", "conv2d: bias=yes is neither true nor false");
    assert_refused("reduction=maen", "conv2d: reduction=maen is none of mean sum none; did you mean 'mean'?");
    assert_refused("reduction=", "conv2d: reduction= is none of mean sum none");
    assert_refused("kernel_size=3x", "conv2d: kernel_size=3x is not a whole number or two with an x between them, such "
                                     "as 1x9 for height 1 and width 9");
    assert_refused("kernel_size=3x3x3", "conv2d: kernel_size=3x3x3 is not a whole number or two with an x between "
                                        "them, such as 1x9 for height 1 and width 9");
    assert_refused("kernel_size=3x256", "conv2d: kernel_size=3x256 is out of range, 1 to 255");
    assert_refused("padding=10", "conv2d: padding=10 is out of range, 0 to 9, or one of: same valid");
    assert_refused("padding=-1", "conv2d: padding=-1 is out of range, 0 to 9, or one of: same valid");
    assert_refused("padding=samex1", "conv2d: padding=samex1 is not a whole number or two with an x between them, such "
                                     "as 1x9 for height 1 and width 9, or one of: same valid");
    assert_refused("axis=middle", "conv2d: axis=middle is not a whole number, or one of: first last");
    assert_refused("shape=1xx2", "conv2d: shape=1xx2 is not whole numbers with an x between them");
    assert_refused("shape=0", "conv2d: shape=0 is out of range, 1 to 1048576");
    assert_refused("shape=1x1x1x1x1x1x1x1x1", "conv2d: shape=1x1x1x1x1x1x1x1x1 has more than 8 dimensions");
    assert_refused("shape=1048576x1048576x2", "conv2d: shape=1048576x1048576x2 is not a shape of 1 to 2^40 values");
    assert_refused("milestones=1,,2", "conv2d: milestones=1,,2 is not numbers with commas between them");
    assert_refused("milestones=1,", "conv2d: milestones=1, is not numbers with commas between them");
    assert_refused("milestones=1,inf", "conv2d: milestones=1,inf is not a finite number");
    assert_refused("path=a{b", "conv2d: path=a{b has a character other than letters, digits and _ . - / , : + * ?");
    assert_refused("\xC3\xA9=1", "conv2d: unknown attribute '?\?'");
    assert_refused("path=a=b", "conv2d: path=a=b has a character other than letters, digits and _ . - / , : + * ?");
}

static void test_spec_hostile(void **state)
{
    (void)state;
    assert_refused("\xFF\xFE\x80%s%n=1", "conv2d: unknown attribute '???%s%n'");
    assert_refused("p=\x1b[31m", "conv2d: control character 0x1b at offset 2");
    assert_refused("p=0.5\x7f", "conv2d: control character 0x7f at offset 5");
    assert_refused("p=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee",
                   "conv2d: p=aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd... is not a number");
    assert_refused("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee=1",
                   "conv2d: unknown attribute 'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...'");

    char *long_text = malloc(SIX_SPEC_MAX + 2);
    assert_non_null(long_text);
    memset(long_text, ' ', SIX_SPEC_MAX + 1);
    long_text[SIX_SPEC_MAX + 1] = '\0';
    assert_refused(long_text, "conv2d: the text is longer than 65536 characters");
    long_text[SIX_SPEC_MAX] = '\0';
    assert_refused(long_text, "conv2d: out_channels is missing");
    memset(long_text, '1', SIX_SPEC_MAX);
    memcpy(long_text, "p=", 2);
    assert_refused(long_text, "conv2d: p=1111111111111111111111111111111111111111... is not a number");
    memcpy(long_text, "path=", 5);
    assert_refused(long_text, "conv2d: path=1111111111111111111111111111111111111111... is longer than 255 characters");
    memcpy(long_text, "milestones=", 11);
    for (size_t i = 11; i < SIX_SPEC_MAX; i++)
        long_text[i] = i % 2 ? '1' : ',';
    assert_refused(long_text,
                   "conv2d: milestones=1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,... has more than 1024 numbers");
    free(long_text);
}

/* Random texts of the grammar's own pieces: each is parsed or refused with a message; what is parsed can be written and read. */
static void test_spec_random(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "out_channels=",
        "kernel_size=",
        "shape=",
        "milestones=",
        "path=",
        "p=",
        "bias=",
        "reduction=",
        "1",
        "0.5",
        "x",
        ",",
        " ",
        "true",
        "sum",
        "-",
        "e",
        "=",
        "9999999999",
        "nan",
        "\xC3",
        "\n",
    };
    heap h = heap_of(1 << 20);
    sixnet_context ctx = context_on(&h);
    six_stream s = six_stream_at(5, 0);
    int parsed = 0;
    for (int i = 0; i < 20000; i++) {
        char text[400] = "out_channels=8 ";
        values v, again;
        for (uint64_t n = six_stream_below(&s, 12); n > 0; n--)
            strcat(text, pieces[six_stream_below(&s, sizeof pieces / sizeof pieces[0])]);
        six_fail(0, "%s", "");
        int32_t status = six_spec_parse(&conv2d, text, &v, NULL, NULL);
        assert_int_equal(!status, sixnet_last_error()[0] == '\0');
        if (status)
            continue;
        parsed++;
        six_text t = {.ctx = &ctx};
        six_spec_write(&conv2d, &v, &t);
        assert_int_equal(six_spec_parse(&conv2d, t.data, &again, NULL, NULL), SIXNET_OK);
        assert_memory_equal(&v, &again, sizeof v);
        six_text_free(&t);
    }
    assert_in_range(parsed, 1000, 19000);
}

static void test_spec_kind(void **state)
{
    (void)state;
    six_span word;
    const char *rest;
    assert_int_equal(six_spec_kind(" \nconv2d  out_channels=8", &word, &rest), SIXNET_OK);
    assert_ptr_equal(six_kind_find(kinds, word, "layer"), &conv2d);
    assert_string_equal(rest, "  out_channels=8");
    assert_int_equal(six_spec_kind(" ", &word, &rest), SIXNET_BAD_SPEC);
    assert_int_equal(six_spec_kind("a\x02", &word, &rest), SIXNET_BAD_SPEC);
    assert_error("control character 0x02 at offset 1");

    static const struct {
        const char *word, *message;
    } wrong[] = {
        {"conv2dd", "unknown layer 'conv2dd'; did you mean 'conv2d'?"},
        {"conv", "unknown layer 'conv'; did you mean 'conv2d'?"},
        {"ReLU", "unknown layer 'ReLU'; did you mean 'relu'?"},
        {"batchnrom2d", "unknown layer 'batchnrom2d'; did you mean 'batchnorm2d'?"},
        {"conv2", "unknown layer 'conv2'; did you mean 'conv2d'?"},
        {"rleu", "unknown layer 'rleu'; did you mean 'relu'?"},
        {"transformer", "unknown layer 'transformer'; there is no such layer"},
        {"conv1d", "unknown layer 'conv1d'; there is no such layer"},
        {"RReLU", "unknown layer 'RReLU'; there is no such layer"},
        {"", "unknown layer ''; there is no such layer"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        word = (six_span){wrong[i].word, wrong[i].word + strlen(wrong[i].word)};
        assert_null(six_kind_find(kinds, word, "layer"));
        assert_error(wrong[i].message);
    }
}

static void assert_round_trip(const char *text, const char *written)
{
    heap h = heap_of(100);
    sixnet_context ctx = context_on(&h);
    six_text t = {.ctx = &ctx};
    values v, again;
    memset(&again, 0x77, sizeof again);
    assert_int_equal(six_spec_parse(&conv2d, text, &v, NULL, NULL), SIXNET_OK);
    six_spec_write(&conv2d, &v, &t);
    assert_false(t.failed);
    assert_string_equal(t.data, written);
    assert_int_equal(six_spec_parse(&conv2d, t.data, &again, NULL, NULL), SIXNET_OK);
    assert_memory_equal(&v, &again, sizeof v);
    six_text_free(&t);
}

static void test_spec_round_trip(void **state)
{
    (void)state;
    assert_round_trip("out_channels=8", " out_channels=8");
    assert_round_trip(
        "out_channels=8 kernel_size=3x3 p=0.50 bias=true reduction=mean shape=1 milestones=10,20,30 path=",
        " out_channels=8");
    assert_round_trip(
        "path=x/y milestones=-1e-7,0.1 shape=3x4 reduction=sum bias=false p=0.1 kernel_size=1x2 out_channels=8",
        " out_channels=8 kernel_size=1x2 p=0.1 bias=false reduction=sum shape=3x4 milestones=-1e-7,0.1 path=x/y");
    assert_round_trip("out_channels=8 padding=same axis=last", " out_channels=8 padding=same axis=last");
    assert_round_trip("out_channels=8 padding=valid axis=first", " out_channels=8 padding=valid");
    assert_round_trip("out_channels=8 padding=1x2 axis=1", " out_channels=8 padding=1x2 axis=1");
    assert_round_trip("out_channels=8 milestones=10,20,31", " out_channels=8 milestones=10,20,31");
    assert_round_trip("out_channels=8 milestones= kernel_size=5x5", " out_channels=8 kernel_size=5 milestones=");
}

/* ---- paths ---- */

typedef struct file_values {
    char path[SIX_PATH_MAX];
} file_values;

static const six_attr file_attrs[] = {{"path", SIX_PATH, offsetof(file_values, path), 0, 0, "", NULL, "where"}, {0}};
static const six_kind file_kind = {"file", "a file", file_attrs, sizeof(file_values)};

static void assert_path(const char *text, const char *path, const char *written)
{
    heap h = heap_of(100);
    sixnet_context ctx = context_on(&h);
    six_text t = {.ctx = &ctx};
    file_values v;
    assert_int_equal(six_spec_parse(&file_kind, text, &v, NULL, NULL), SIXNET_OK);
    assert_string_equal(v.path, path);
    six_spec_write(&file_kind, &v, &t);
    assert_string_equal(t.data, written);
    six_text_free(&t);
}

static void test_paths(void **state)
{
    (void)state;
    file_values v;
    static const char *const bad[] = {"path=a%", "path=a%2", "path=a%2g", "path=a%g2", "path=a%00"};
    static const char percent[] = "has a '%' without two hexadecimal digits";
    assert_path("path=a/B-c.d", "a/B-c.d", " path=a/B-c.d");
    assert_path("path=my%20net%25%2F%2fx", "my net%//x", " path=my%20net%25//x");
    assert_path("path=%23one%09two%0a%7F", "#one\ttwo\n\x7F", " path=%23one%09two%0a%7f");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(six_spec_parse(&file_kind, bad[i], &v, NULL, NULL), SIXNET_BAD_SPEC);
        assert_non_null(strstr(sixnet_last_error(), percent));
    }
    char text[SIX_PATH_MAX + 5];
    memset(text, 'p', sizeof text);
    memcpy(text, "path=", 5);
    text[sizeof text - 1] = '\0';
    assert_int_equal(six_spec_parse(&file_kind, text, &v, NULL, NULL), SIXNET_OK);
    assert_int_equal(strlen(v.path), SIX_PATH_MAX - 1);
    text[sizeof text - 1] = 'p';
    char longer[SIX_PATH_MAX + 6];
    snprintf(longer, sizeof longer, "%.*s", (int)sizeof text, text);
    assert_int_equal(six_spec_parse(&file_kind, longer, &v, NULL, NULL), SIXNET_BAD_SPEC);
    assert_non_null(strstr(sixnet_last_error(), "is longer than 4095 characters"));
}

static void test_spec_write_out_of_memory(void **state)
{
    (void)state;
    heap h = heap_of(0);
    sixnet_context ctx = context_on(&h);
    six_text t = {.ctx = &ctx};
    values v;
    assert_int_equal(six_spec_parse(&conv2d, "out_channels=8", &v, NULL, NULL), SIXNET_OK);
    six_spec_write(&conv2d, &v, &t);
    assert_true(t.failed);
    assert_null(t.data);
}

static void assert_field(const six_attr *attr, const char *field, const char *expected)
{
    char buffer[128];
    assert_string_equal(six_attr_field(attr, field, buffer, sizeof buffer), expected);
}

static void test_attr_fields(void **state)
{
    (void)state;
    char buffer[128];
    assert_field(&conv2d_attrs[0], "name", "out_channels");
    assert_field(&conv2d_attrs[0], "type", "int");
    assert_field(&conv2d_attrs[0], "default", "required");
    assert_field(&conv2d_attrs[0], "range", "1 to 1048576");
    assert_field(&conv2d_attrs[0], "help", "how many");
    assert_field(&conv2d_attrs[2], "default", "0.5");
    assert_field(&conv2d_attrs[3], "range", "true or false");
    assert_field(&conv2d_attrs[4], "type", "choice");
    assert_field(&conv2d_attrs[4], "range", "mean sum none");
    assert_field(&conv2d_attrs[6], "range", "any number");
    assert_field(&conv2d_attrs[7], "range", "letters, digits and _ . - / , : + * ?");
    assert_field(&common_attrs[0], "range", "above 0, up to 10");
    assert_field(&(six_attr){.type = SIX_FLOAT, .low = SIX_ABOVE_ZERO, .high = DBL_MAX}, "range", "above 0");
    assert_field(&(six_attr){.type = SIX_FLOAT, .low = 0.5, .high = DBL_MAX}, "range", "0.5 and up");
    assert_field(&(six_attr){.type = SIX_FLOAT, .low = -DBL_MAX, .high = -1}, "range", "up to -1");
    assert_null(six_attr_field(&conv2d_attrs[0], "colour", buffer, sizeof buffer));
}

/* ---- random numbers ---- */

static void test_philox(void **state)
{
    (void)state;
    static const struct {
        uint64_t key, low, high;
        uint32_t word[4];
    } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < 3; i++) {
        six_philox block = six_philox_at(known[i].key, known[i].low, known[i].high);
        assert_memory_equal(block.word, known[i].word, sizeof block.word);
    }
}

static void test_stream(void **state)
{
    (void)state;
    six_stream s = six_stream_at(42, 7), other = six_stream_at(42, 8);
    uint32_t differing = 0;
    for (uint64_t i = 0; i < 40; i++) {
        uint32_t word = six_stream_word(&s);
        assert_int_equal(word, six_philox_at(42, i / 4, 7).word[i % 4]);
        differing += word != six_stream_word(&other);
    }
    assert_true(differing > 35);
}

static void assert_relative(const char *what, double x, double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-15 * fmax(1, fabs(x)) * fabs(expected)))
        fail_msg("%s(%.17g) is %.17g, not %.17g", what, x, got, expected);
}

static void test_exact(void **state)
{
    (void)state;
    six_stream s = six_stream_at(3, 9);
    for (int i = 0; i < 20000; i++) {
        const double u = six_stream_uniform(&s), x = 1416 * u - 708, small = x * 0x1p-12, turns = 20 * u - 10;
        assert_relative("exp", x, six_portable_exp(x), exp(x));
        assert_relative("exp", small, six_portable_exp(small), exp(small));
        assert_relative("log", u, six_portable_log(u + 1e-300), log(u + 1e-300));
        assert_true(fabs(six_portable_cosine(turns) - cos(turns * 6.283185307179586)) < 2e-14);
        assert_true(fabs(six_portable_sine(turns) - sin(turns * 6.283185307179586)) < 2e-14);
    }
    assert_true(six_portable_exp(0) == 1 && six_portable_exp(-1e9) == 0 && isinf(six_portable_exp(1e9)));
    for (int quarter = -8; quarter <= 8; quarter++) {
        static const double cosines[4] = {1, 0, -1, 0};
        assert_true(six_portable_cosine(0.25 * quarter) == cosines[(quarter + 8) % 4]);
        assert_true(six_portable_sine(0.25 * quarter) == cosines[(quarter + 11) % 4]);
    }
}

static void test_below(void **state)
{
    (void)state;
    six_stream s = six_stream_at(1, 1);
    uint32_t counts[6] = {0}, thirds[3] = {0};
    const uint64_t three_quarters = UINT64_C(3) << 62; /* plain modulo would find the first third twice as often */
    for (int i = 0; i < 60000; i++) {
        counts[six_stream_below(&s, 6)]++;
        thirds[six_stream_below(&s, three_quarters) >> 62]++;
        assert_int_equal(six_stream_below(&s, 1), 0);
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(counts[i], 9600, 10400);
    for (int i = 0; i < 3; i++)
        assert_in_range(thirds[i], 19400, 20600);
    six_stream a = six_stream_at(3, 3), b = a;
    assert_true(six_stream_below(&a, UINT64_MAX) != six_stream_below(&a, UINT64_MAX));
    assert_true(six_stream_below(&b, UINT64_C(1) << 63) < UINT64_C(1) << 63);
}

static void test_uniform(void **state)
{
    (void)state;
    six_stream s = six_stream_at(9, 0);
    double sum = 0, squares = 0;
    const int n = 100000;
    for (int i = 0; i < n; i++) {
        double u = six_stream_uniform(&s);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
        squares += u * u;
    }
    assert_true(fabs(sum / n - 0.5) < 0.004);
    assert_true(fabs(squares / n - 1.0 / 3) < 0.004);
}

static void test_normal_moments(void **state)
{
    (void)state;
    six_stream s = six_stream_at(9, 1);
    double sum[5] = {0};
    const int n = 200000;
    for (int i = 0; i < n; i++) {
        double x = six_stream_normal(&s), power = x;
        assert_true(fabs(x) < 8.6);
        for (int k = 1; k < 5; k++, power *= x)
            sum[k] += power / n;
    }
    assert_true(fabs(sum[1]) < 0.01);
    assert_true(fabs(sum[2] - 1) < 0.015);
    assert_true(fabs(sum[3]) < 0.04);
    assert_true(fabs(sum[4] - 3) < 0.1);
}

static void test_normal_is_box_muller(void **state)
{
    (void)state;
    six_stream s = six_stream_at(2, 3), uniform = s;
    for (int i = 0; i < 20000; i++) {
        double u = 1.0 - six_stream_uniform(&uniform), v = six_stream_uniform(&uniform);
        double expected = sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
        assert_true(fabs(six_stream_normal(&s) - expected) < 1e-14);
    }
}

/* Written down once: the bits must be these on every machine and with every compiler. */
static void test_normal_bits(void **state)
{
    (void)state;
    six_stream s = six_stream_at(2024, 1);
    six_sha256 hash;
    uint8_t digest[32];
    char text[65];
    six_sha256_begin(&hash);
    for (int i = 0; i < 100000; i++) {
        double x = six_stream_normal(&s);
        uint64_t bits;
        uint8_t bytes[8];
        memcpy(&bits, &x, sizeof bits);
        for (int k = 0; k < 8; k++)
            bytes[k] = (uint8_t)(bits >> 8 * k);
        six_sha256_add(&hash, bytes, sizeof bytes);
    }
    six_sha256_end(&hash, digest);
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, "83903a5ffd00ef35c74fc94e11f7850441545ba31c4ac9df86d3cac225a80833");
}

/* Only numbers have ranges. */
static void test_ranges_of_attributes(void **state)
{
    (void)state;
    static const char *const families[] = {"layer", "loss", "optimizer", "schedule", "transform", "options"};
    const six_kind *kind;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (int32_t i = 0; (kind = six_kind_at(families[f], i)); i++)
            for (const six_attr *a = kind->attrs; a && a->name; a++) {
                bool numbers = a->type == SIX_INT || a->type == SIX_FLOAT || a->type == SIX_PAIR ||
                               a->type == SIX_SHAPE || a->type == SIX_LIST || a->type == SIX_POINTS;
                if (numbers ? !(a->low < a->high) : a->low != 0 || a->high != (a->type == SIX_BOOL))
                    fail_msg("%s %s: a range from %g to %g", kind->name, a->name, a->low, a->high);
            }
}

/* Defaults are not written. */
static void test_defaults_are_not_written(void **state)
{
    (void)state;
    static const char *const families[] = {"layer", "loss", "optimizer", "schedule", "transform", "options"};
    heap h = heap_of(100);
    sixnet_context ctx = context_on(&h);
    const six_kind *kind;
    int tried = 0;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (int32_t i = 0; (kind = six_kind_at(families[f], i)); i++) {
            void *fields = malloc(kind->size + 1);
            six_text t = {.ctx = &ctx};
            assert_non_null(fields);
            memset(fields, 0x77, kind->size);
            if (!six_spec_parse(kind, "", fields, NULL, NULL)) { /* else it needs something */
                six_spec_write(kind, fields, &t);
                assert_string_equal(t.data ? t.data : "", "");
                tried++;
            }
            six_text_free(&t);
            free(fields);
        }
    assert_in_range(tried, 20, 1000);
}

/* ---- content ---- */

#define BYTES(text) text, sizeof text - 1

static void test_content_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *name; /* its beginning, NULL if nothing is known */
    } cases[] = {
        {BYTES("\x89PNG\r\n\x1a\n...."), "a PNG image"},
        {BYTES("\xff\xd8\xff\xe0"), "a JPEG image"},
        {BYTES("GIF89a"), "a GIF image"},
        {BYTES("RIFF\1\2\3\4WEBP"), "a WebP image"},
        {BYTES("RIFF\1\2\3\4WEB"), NULL},
        {BYTES("II*\0\x08"), "a TIFF image"},
        {BYTES("MM\0*\0"), "a TIFF image"},
        {BYTES("%PDF-1.4"), "a PDF document"},
        {BYTES("<!DOCTYPE html>"), "an HTML page"},
        {BYTES("<!doctype html>"), "an HTML page"},
        {BYTES("<html>"), "an HTML page"},
        {BYTES("<HTML>"), "an HTML page"},
        {BYTES("<?xml version"), "an XML document"},
        {BYTES("\x93NUMPY\1\0"), "a NumPy array"},
        {BYTES("PK\3\4...."), "a ZIP archive"},
        {BYTES("PK\5\6...."), "an empty ZIP archive"},
        {BYTES("\x1f\x8b\x08"), "gzip data"},
        {BYTES("BZh9"), "bzip2 data"},
        {BYTES("\xfd\x37zXZ\0."), "xz data"},
        {BYTES("\x28\xb5\x2f\xfd."), "Zstandard data"},
        {BYTES("\x89HDF\r\n\x1a\n...."), "an HDF5 file"},
        {BYTES("PAR1."), "a Parquet file"},
        {BYTES("\x80\2}"), "a Python pickle"},
        {BYTES("\x80\4}"), "a Python pickle"},
        {BYTES("\x80\5}"), "a Python pickle"},
        {BYTES("\1\2\3\4\0\0\0\0{"), "a safetensors file"},
        {BYTES("\xff\xfe\x31\0"), "a UTF-16 text"},
        {BYTES("\xfe\xff\0\x31"), "a UTF-16 text"},
        {BYTES("P1 1"), "a netpbm image"},
        {BYTES("P5\n# by hand"), "a netpbm image"},
        {BYTES("P7\nWIDTH 3"), "a netpbm image"},
        {BYTES("P1 "), "a text"},
        {BYTES("P8 1"), "a text"},
        {BYTES("P0 1"), "a text"},
        {BYTES("P1,1"), "a text"},
        {BYTES("P1 a1"), "a text"},
        {BYTES("1"), "a text"},
        {BYTES("1\t2\v\r\n"), "a text"},
        {BYTES("1\x0e"), NULL},
        {BYTES("1\x08"), NULL},
        {BYTES("1\x7f"), NULL},
        {BYTES(""), NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const six_content *found = six_content_of((const uint8_t *)cases[i].bytes, cases[i].size);
        const char *name = cases[i].name;
        if (!found != !name || (name && strncmp(found->name, name, strlen(name)) != 0))
            fail_msg("case %zu is %s instead of %s", i, found ? found->name : "nothing", name ? name : "nothing");
    }
}

/* ---- sha256 ---- */

static void assert_sha256(six_sha256 *s, const char *expected)
{
    uint8_t digest[32];
    char text[65];
    six_sha256_end(s, digest);
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, expected);
}

static void test_sha256(void **state)
{
    (void)state;
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static char a[1000000];
    static const size_t steps[] = {1, 7, 63, 64, 65, 1000, 1000000};
    six_sha256 s;
    six_sha256_begin(&s);
    six_sha256_add(&s, NULL, 0);
    assert_sha256(&s, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    six_sha256_begin(&s);
    six_sha256_add(&s, "abc", 3);
    assert_sha256(&s, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    six_sha256_begin(&s);
    six_sha256_add(&s, two_blocks, 56);
    assert_sha256(&s, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(a, 'a', sizeof a);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        six_sha256_begin(&s);
        for (size_t done = 0; done < sizeof a; done += steps[i])
            six_sha256_add(&s, a + done, sizeof a - done < steps[i] ? sizeof a - done : steps[i]);
        assert_sha256(&s, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

/* ---- cpu ---- */

static void test_cpu(void **state)
{
    (void)state;
    uint32_t features = six_cpu_features();
#if defined(__x86_64__) && defined(__GNUC__)
    assert_false(features & SIX_CPU_NEON);
    assert_int_equal(!!(features & SIX_CPU_AVX2), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    assert_int_equal(!!(features & SIX_CPU_AVX512),
                     __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
#elif defined(__aarch64__)
    assert_int_equal(features, SIX_CPU_NEON);
#else
    assert_int_equal(features, 0);
#endif
}

/* ---- threads ---- */

#ifdef SIXNET_NO_THREADS
enum { THREADED = 0 };
#else
enum { THREADED = 1 };
#endif

enum { ITEMS = 1000 };

typedef struct tally {
    six_pool *pool;
    int runs[ITEMS]; /* not atomic: an item run twice at once is for ThreadSanitizer to find */
    atomic_int workers_seen, wrong_workers, inner;
} tally;

static void count_item(void *arg, int32_t item, int32_t worker)
{
    tally *t = arg;
    t->runs[item]++;
    if (worker < 0 || worker >= six_pool_size(t->pool))
        atomic_fetch_add(&t->wrong_workers, 1);
    else
        atomic_fetch_or(&t->workers_seen, 1 << worker);
}

static void assert_counts(const tally *t, int32_t count, int times)
{
    assert_int_equal(t->wrong_workers, 0);
    for (int32_t i = 0; i < ITEMS; i++)
        assert_int_equal(t->runs[i], i < count ? times : 0);
}

static six_pool *pool_of(sixnet_context *ctx, int32_t threads)
{
    six_pool *pool;
    assert_int_equal(six_pool_new(&pool, ctx, threads), SIXNET_OK);
    return pool;
}

static void run_all_counts(six_pool *pool)
{
    static const int32_t counts[] = {0, 1, 2, 3, 8, 100, ITEMS};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        tally t = {.pool = pool};
        for (int run = 0; run < 50; run++)
            six_pool_run(pool, count_item, &t, counts[c]);
        assert_counts(&t, counts[c], 50);
    }
}

static void test_pool(void **state)
{
    (void)state;
    static const int32_t sizes[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        heap h = heap_of(1);
        sixnet_context ctx = context_on(&h);
        six_pool *pool = pool_of(&ctx, sizes[i]);
        assert_int_equal(six_pool_size(pool), THREADED ? sizes[i] : 1);
        run_all_counts(pool);
        six_pool_begin(pool);
        run_all_counts(pool);
        six_pool_begin(pool);
        run_all_counts(pool);
        six_pool_end(pool);
        run_all_counts(pool);
        six_pool_end(pool);
        six_pool_end(pool);
        run_all_counts(pool);
        six_pool_free(pool);
        assert_int_equal(h.live, 0);
    }
    run_all_counts(NULL);
    assert_int_equal(six_pool_size(NULL), 1);
    six_pool_begin(NULL);
    six_pool_end(NULL);
    six_pool_free(NULL);
    assert_true(six_processor_count() >= 1);
}

static void test_pool_out_of_memory(void **state)
{
    (void)state;
    heap h = heap_of(0);
    sixnet_context ctx = context_on(&h);
    six_fail(0, "%s", "");
    six_pool *pool = (six_pool *)&h;
    assert_int_equal(six_pool_new(&pool, &ctx, 2), SIXNET_OUT_OF_MEMORY);
    assert_null(pool);
    assert_non_null(strstr(sixnet_last_error(), "out of memory"));
}

typedef struct meeting {
    pthread_barrier_t barrier;
    atomic_int worker_sum, unblocked;
} meeting;

/* Ends only if as many threads as there are items run at the same time. */
static void meet(void *arg, int32_t item, int32_t worker)
{
    (void)item;
    meeting *m = arg;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (worker > 0 &&
        (!sigismember(&blocked, SIGUSR1) || !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGALRM)))
        atomic_fetch_add(&m->unblocked, 1);
    atomic_fetch_add(&m->worker_sum, worker);
    pthread_barrier_wait(&m->barrier);
}

static void test_pool_runs_at_the_same_time(void **state)
{
    (void)state;
    heap h = heap_of(1);
    sixnet_context ctx = context_on(&h);
    sigset_t before, after;
    if (!THREADED)
        skip();
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    six_pool *pool = pool_of(&ctx, 3);
    meeting m = {.worker_sum = 0};
    pthread_barrier_init(&m.barrier, NULL, 3);
    for (int i = 0; i < 20; i++)
        six_pool_run(pool, meet, &m, 3);
    assert_int_equal(m.worker_sum, 20 * (0 + 1 + 2));
    assert_int_equal(m.unblocked, 0);
    pthread_barrier_destroy(&m.barrier);
    six_pool_free(pool);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int signal = 1; signal < 32; signal++)
        assert_int_equal(sigismember(&after, signal), sigismember(&before, signal));
}

static void count_inner(void *arg, int32_t item, int32_t worker)
{
    (void)item;
    tally *t = arg;
    atomic_fetch_add(&t->inner, 1);
    if (worker != 0)
        atomic_fetch_add(&t->wrong_workers, 1);
}

static void run_inside(void *arg, int32_t item, int32_t worker)
{
    tally *t = arg;
    count_item(arg, item, worker);
    six_pool_begin(t->pool);
    six_pool_run(t->pool, count_inner, t, 10);
    six_pool_end(t->pool);
}

static void test_pool_nested(void **state)
{
    (void)state;
    heap h = heap_of(1);
    sixnet_context ctx = context_on(&h);
    tally t = {.pool = pool_of(&ctx, 3)};
    six_pool_run(t.pool, run_inside, &t, 100);
    six_pool_begin(t.pool);
    six_pool_run(t.pool, run_inside, &t, 100);
    six_pool_end(t.pool);
    assert_counts(&t, 100, 2);
    assert_int_equal(t.inner, 2000);
    six_pool_free(t.pool);
}

static void *use_elsewhere(void *arg)
{
    tally *t = arg;
    for (int i = 0; i < 200; i++) {
        six_pool_begin(t->pool);
        six_pool_run(t->pool, count_item, t, 20);
        six_pool_end(t->pool);
        six_pool_run(t->pool, count_item, t, 20);
    }
    return NULL;
}

static void test_pool_of_several_users(void **state)
{
    (void)state;
    heap h = heap_of(1);
    sixnet_context ctx = context_on(&h);
    six_pool *pool = pool_of(&ctx, 2);
    static tally tallies[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        tallies[i] = (tally){.pool = pool};
        assert_int_equal(pthread_create(&threads[i], NULL, use_elsewhere, &tallies[i]), 0);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++)
        assert_counts(&tallies[i], 20, 400);
    six_pool_free(pool);
}

static void test_pool_taken_by_another_thread(void **state)
{
    (void)state;
    heap h = heap_of(1);
    sixnet_context ctx = context_on(&h);
    tally t = {.pool = pool_of(&ctx, 3)};
    pthread_t thread;
    six_pool_begin(t.pool);
    assert_int_equal(pthread_create(&thread, NULL, use_elsewhere, &t), 0);
    pthread_join(thread, NULL);
    six_pool_end(t.pool);
    assert_counts(&t, 20, 400);
    assert_int_equal(t.workers_seen, 1);
    six_pool_free(t.pool);
}

/* In a child: whether everything runs, serially, and the pool can be freed. */
static int use_in_child(six_pool *pool)
{
    static tally t;
    t = (tally){.pool = pool};
    six_pool_run(pool, count_item, &t, 50);
    six_pool_begin(pool);
    six_pool_run(pool, count_item, &t, 50);
    six_pool_end(pool);
    six_pool_end(pool);
    for (int i = 0; i < 50; i++)
        if (t.runs[i] != 2)
            return 1;
    if (t.workers_seen != 1)
        return 2;
    six_pool_free(pool);
    return 42;
}

static void assert_fork_works(six_pool *pool)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(use_in_child(pool));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void test_pool_after_fork(void **state)
{
    (void)state;
    heap h = heap_of(1);
    sixnet_context ctx = context_on(&h);
    six_pool *pool = pool_of(&ctx, 3);
    assert_fork_works(pool);
    run_all_counts(pool);
    assert_fork_works(pool);
    six_pool_begin(pool);
    assert_fork_works(pool);
    run_all_counts(pool);
    six_pool_end(pool);
    six_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_names),
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_alloc_fails),
        cmocka_unit_test(test_context_lives_by_references),
        cmocka_unit_test(test_default_context),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_text_grows),
        cmocka_unit_test(test_text_keeps_what_it_has),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_random_doubles_read_back),
        cmocka_unit_test(test_control_characters_in_messages),
        cmocka_unit_test(test_numbers_ignore_the_rounding_mode),
        cmocka_unit_test(test_numbers_ignore_the_locale),
        cmocka_unit_test(test_spec_values),
        cmocka_unit_test(test_spec_messages),
        cmocka_unit_test(test_spec_hostile),
        cmocka_unit_test(test_spec_random),
        cmocka_unit_test(test_spec_kind),
        cmocka_unit_test(test_spec_round_trip),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_spec_write_out_of_memory),
        cmocka_unit_test(test_attr_fields),
        cmocka_unit_test(test_philox),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_normal_moments),
        cmocka_unit_test(test_normal_is_box_muller),
        cmocka_unit_test(test_ranges_of_attributes),
        cmocka_unit_test(test_defaults_are_not_written),
        cmocka_unit_test(test_content_is_named),
        cmocka_unit_test(test_normal_bits),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_pool_out_of_memory),
        cmocka_unit_test(test_pool_runs_at_the_same_time),
        cmocka_unit_test(test_pool_nested),
        cmocka_unit_test(test_pool_of_several_users),
        cmocka_unit_test(test_pool_taken_by_another_thread),
        cmocka_unit_test(test_pool_after_fork),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
