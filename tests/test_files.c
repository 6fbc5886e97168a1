/* SPDX-License-Identifier: MIT */
/* Files: models, weights and checkpoints there and back, files made to harm, and odd folders. (Faults of the system are in
 * test_faults.c.) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <math.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "golden.h"
#include "sixnet/sixnet.h"

/* ---- helpers ---- */

static char folder[256]; /* of this program's own, deleted at the end */

/* The path of a file there; of up to four at a time. */
static const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void try_(int32_t status, const char *call)
{
    if (status < 0)
        fail_msg("%s: %s: %s", call, sixnet_status_name(status), sixnet_last_error());
}
#define CHECK_SIXNET(call) try_(call, #call)

static void assert_status(int32_t status, const char *expected, const char *text)
{
    if (strcmp(sixnet_status_name(status), expected) != 0 || (status < 0 && !strstr(sixnet_last_error(), text)))
        fail_msg("%s '%s' instead of %s '%s'", sixnet_status_name(status), status ? sixnet_last_error() : "", expected,
                 text);
}

/* An allocator that counts what is there. */
typedef struct counter {
    size_t now, peak;
} counter;

enum { HEAD = alignof(max_align_t) };

static void *count_malloc(void *user, size_t size)
{
    counter *c = user;
    char *memory = malloc(size + HEAD);
    if (!memory)
        return NULL;
    memcpy(memory, &size, sizeof size);
    c->now += size;
    c->peak = c->now > c->peak ? c->now : c->peak;
    return memory + HEAD;
}

static void count_free(void *user, void *memory)
{
    counter *c = user;
    size_t size;
    memcpy(&size, (char *)memory - HEAD, sizeof size);
    c->now -= size;
    free((char *)memory - HEAD);
}

static sixnet_context *counting(counter *c, const char *options)
{
    sixnet_context *ctx;
    *c = (counter){0};
    CHECK_SIXNET(sixnet_context_new_with_allocator(&ctx, options, count_malloc, count_free, c));
    return ctx;
}

typedef struct bytes {
    uint8_t *data;
    uint64_t size;
} bytes;

static bytes file_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be opened", path);
    bytes b = {malloc(1 << 20), 0};
    assert_non_null(b.data);
    b.size = fread(b.data, 1, 1 << 20, file);
    fclose(file);
    b.data = realloc(b.data, b.size ? b.size : 1); /* so that sanitizers see its end */
    return b;
}

static void write_bytes(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static bytes saved(const sixnet_model *net)
{
    bytes b = {NULL, 0};
    CHECK_SIXNET(sixnet_model_save_to_buffer(net, NULL, 0, &b.size));
    b.data = malloc(b.size);
    CHECK_SIXNET(sixnet_model_save_to_buffer(net, b.data, b.size, &b.size));
    return b;
}

static void same_digest(const sixnet_model *a, const sixnet_model *b)
{
    char x[65], y[65];
    CHECK_SIXNET(sixnet_model_digest(a, x));
    CHECK_SIXNET(sixnet_model_digest(b, y));
    assert_string_equal(x, y);
}

static const char net_text[] = "input shape=2x6x6\n"
                               "conv2d out_channels=3 kernel_size=3 name=conv\n"
                               "batchnorm2d name=bn\n"
                               "relu\n"
                               "dropout p=0.25\n"
                               "flatten\n"
                               "linear out_features=3 name=fc\n"
                               "cross_entropy\n";

static sixnet_model *net_of(sixnet_context *ctx, const char *text)
{
    sixnet_model *net;
    CHECK_SIXNET(sixnet_model_parse(&net, ctx, text));
    return net;
}

/* ---- there and back ---- */

typedef struct stream {
    bytes b;
    uint64_t at, portion;
    int64_t fail_at;
} stream;

static int32_t take(void *user, const void *data, uint64_t size)
{
    stream *s = user;
    s->b.data = realloc(s->b.data, s->b.size + size);
    memcpy(s->b.data + s->b.size, data, size);
    s->b.size += size;
    return s->fail_at && s->b.size >= (uint64_t)s->fail_at ? 7 : 0;
}

static int64_t give(void *user, void *data, uint64_t size)
{
    stream *s = user;
    uint64_t n = s->b.size - s->at;
    n = n < size ? n : size;
    n = n < s->portion ? n : s->portion;
    if (s->fail_at && s->at >= (uint64_t)s->fail_at)
        return -1;
    memcpy(data, s->b.data + s->at, n);
    s->at += n;
    return (int64_t)n;
}

static void check_same_model(const sixnet_model *net, sixnet_model *again, const bytes *file)
{
    same_digest(net, again);
    bytes b = saved(again);
    assert_int_equal(b.size, file->size);
    assert_memory_equal(b.data, file->data, b.size);
    free(b.data);
    sixnet_model_free(again);
}

static void there_and_back(const char *options)
{
    counter c;
    sixnet_model *again;
    sixnet_context *ctx = counting(&c, options);
    sixnet_model *net = net_of(ctx, net_text);
    CHECK_SIXNET(sixnet_model_reset(net, 99));
    bytes file = saved(net);
    CHECK_SIXNET(sixnet_model_load_from_buffer(&again, ctx, file.data, file.size, NULL));
    check_same_model(net, again, &file);

    CHECK_SIXNET(sixnet_model_save(net, path_of("a.safetensors"), NULL));
    bytes on_disk = file_bytes(path_of("a.safetensors"));
    assert_int_equal(on_disk.size, file.size);
    assert_memory_equal(on_disk.data, file.data, file.size);
    free(on_disk.data);
    CHECK_SIXNET(sixnet_model_load(&again, ctx, path_of("a.safetensors"), ""));
    check_same_model(net, again, &file);

    stream s = {.portion = 7};
    CHECK_SIXNET(sixnet_model_save_to_stream(net, take, &s));
    assert_int_equal(s.b.size, file.size);
    CHECK_SIXNET(sixnet_model_load_from_stream(&again, ctx, give, &s, NULL));
    check_same_model(net, again, &file);
    s.at = 0;
    s.fail_at = 100;
    assert_status(sixnet_model_load_from_stream(&again, ctx, give, &s, NULL), "SIXNET_CALLBACK_FAILED", "byte ");
    assert_null(again);
    s.at = (uint64_t)(s.fail_at = 0);
    assert_status(sixnet_model_load_from_stream(&again, ctx, give, &s, "max_bytes=100"), "SIXNET_TOO_LARGE",
                  "max_bytes=100");
    free(s.b.data);
    s = (stream){.fail_at = 1};
    assert_status(sixnet_model_save_to_stream(net, take, &s), "SIXNET_CALLBACK_FAILED", "returned 7");
    free(s.b.data);

    free(file.data);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    assert_int_equal(c.now, 0);
}

static void test_there_and_back(void **state)
{
    (void)state;
    there_and_back("seed=5");
    there_and_back("seed=5 dtype=f64");
}

static void test_too_little_room(void **state)
{
    (void)state;
    sixnet_model *net = net_of(NULL, net_text);
    uint64_t size = 0, again = 0;
    char room[100];
    memset(room, 'x', sizeof room);
    CHECK_SIXNET(sixnet_model_save_to_buffer(net, NULL, 0, &size));
    assert_status(sixnet_model_save_to_buffer(net, room, 50, &again), "SIXNET_INVALID_ARGUMENT", "the buffer has 50");
    assert_int_equal(size, again);
    assert_int_equal(room[50], 'x');
    sixnet_model_free(net);
}

/* ---- wrong arguments ---- */

static void refuse(int32_t status, const char *expected, const char *text) { assert_status(status, expected, text); }
static void refuse_null(int32_t status, const char *argument) { refuse(status, "SIXNET_INVALID_ARGUMENT", argument); }

static int32_t take_nothing(void *user, const void *data, uint64_t size)
{
    return (void)user, (void)data, (void)size, 0;
}
static int64_t give_nothing(void *user, void *data, uint64_t size) { return (void)user, (void)data, (void)size, 0; }
static int64_t give_too_much(void *user, void *data, uint64_t size)
{
    return (void)user, (void)data, (int64_t)size + 1;
}

static void test_arguments_of_saving(void **state)
{
    (void)state;
    uint64_t size;
    sixnet_model *net = net_of(NULL, net_text), *other = net_of(NULL, net_text), *raw;
    sixnet_optimizer *opt;
    CHECK_SIXNET(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
    CHECK_SIXNET(sixnet_model_new(&raw, NULL));
    refuse_null(sixnet_model_save(NULL, path_of("x"), NULL), "net is NULL");
    refuse_null(sixnet_model_save(net, NULL, NULL), "path is NULL");
    refuse(sixnet_model_save(net, path_of("x"), "snyc=false"), "SIXNET_BAD_SPEC", "did you mean 'sync'");
    refuse(sixnet_model_save(raw, path_of("x"), NULL), "SIXNET_BAD_STATE", "not compiled");
    refuse_null(sixnet_model_save_to_buffer(NULL, NULL, 0, &size), "net is NULL");
    refuse_null(sixnet_model_save_to_buffer(net, NULL, 0, NULL), "size is NULL");
    refuse_null(sixnet_model_save_to_stream(NULL, take_nothing, NULL), "net is NULL");
    refuse_null(sixnet_model_save_to_stream(net, NULL, NULL), "fn is NULL");
    refuse_null(sixnet_checkpoint_save(NULL, opt, NULL, path_of("x"), NULL), "net is NULL");
    refuse_null(sixnet_checkpoint_save(net, NULL, NULL, path_of("x"), NULL), "opt is NULL");
    refuse_null(sixnet_checkpoint_save(net, opt, NULL, NULL, NULL), "path is NULL");
    refuse_null(sixnet_checkpoint_save(other, opt, NULL, path_of("x"), NULL), "made for another model");
    refuse(sixnet_checkpoint_save(net, opt, NULL, path_of("x"), "sync=2"), "SIXNET_BAD_SPEC", "sync=2");
    sixnet_optimizer_free(opt);
    sixnet_model_free(raw);
    sixnet_model_free(other);
    sixnet_model_free(net);
}

static void test_arguments_of_loading(void **state)
{
    (void)state;
    sixnet_model *net = net_of(NULL, net_text), *other = net_of(NULL, net_text), *raw, *none = net;
    sixnet_optimizer *opt;
    const char *report = NULL;
    char limit[32];
    bytes file = saved(net);
    CHECK_SIXNET(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
    CHECK_SIXNET(sixnet_model_new(&raw, NULL));
    refuse_null(sixnet_model_load(NULL, NULL, path_of("x"), NULL), "out is NULL");
    refuse_null(sixnet_model_load(&none, NULL, NULL, NULL), "path is NULL");
    refuse(sixnet_model_load(&none, NULL, path_of("x"), "max_byte=3"), "SIXNET_BAD_SPEC", "did you mean 'max_bytes'");
    assert_null(none);
    refuse_null(sixnet_model_load_from_buffer(NULL, NULL, file.data, file.size, NULL), "out is NULL");
    refuse_null(sixnet_model_load_from_buffer(&none, NULL, NULL, 5, NULL), "memory is NULL");
    refuse(sixnet_model_load_from_buffer(&none, NULL, file.data, file.size, "checksum=no"), "SIXNET_BAD_SPEC",
           "checksum=no");
    refuse(sixnet_model_load_from_buffer(&none, NULL, file.data, file.size, "max_bytes=99"), "SIXNET_TOO_LARGE",
           "max_bytes=99");
    snprintf(limit, sizeof limit, "max_bytes=%zu", file.size - 1);
    refuse(sixnet_model_load_from_buffer(&none, NULL, file.data, file.size, limit), "SIXNET_TOO_LARGE", limit);
    snprintf(limit, sizeof limit, "max_bytes=%zu", file.size);
    CHECK_SIXNET(sixnet_model_load_from_buffer(&none, NULL, file.data, file.size, limit));
    sixnet_model_free(none);
    refuse(sixnet_model_load_from_buffer(&none, NULL, file.data, UINT64_MAX, "max_bytes=9007199254740992"),
           "SIXNET_TOO_LARGE", "");
    refuse_null(sixnet_model_load_from_stream(NULL, NULL, give_nothing, NULL, NULL), "out is NULL");
    refuse_null(sixnet_model_load_from_stream(&none, NULL, NULL, NULL, NULL), "fn is NULL");
    refuse(sixnet_model_load_from_stream(&none, NULL, give_nothing, NULL, "x"), "SIXNET_BAD_SPEC", "attribute=value");
    refuse(sixnet_model_load_from_stream(&none, NULL, give_nothing, NULL, NULL), "SIXNET_BAD_FILE", "byte 0");
    refuse(sixnet_model_load_from_stream(&none, NULL, give_too_much, NULL, NULL), "SIXNET_CALLBACK_FAILED",
           "returned 4097 at byte 0");
    refuse_null(sixnet_model_load_weights(NULL, path_of("x"), NULL, &report), "net is NULL");
    assert_string_equal(report, "");
    refuse_null(sixnet_model_load_weights(net, NULL, NULL, NULL), "path is NULL");
    refuse(sixnet_model_load_weights(raw, path_of("x"), NULL, NULL), "SIXNET_BAD_STATE", "not compiled");
    refuse(sixnet_model_load_weights(net, path_of("x"), "strict", NULL), "SIXNET_BAD_SPEC", "attribute=value");
    refuse_null(sixnet_model_load_weights_from_buffer(NULL, file.data, file.size, NULL, NULL), "net is NULL");
    refuse_null(sixnet_model_load_weights_from_buffer(net, NULL, 9, NULL, &report), "memory is NULL");
    refuse(sixnet_model_load_weights_from_buffer(net, file.data, file.size, "max_bytes=1", NULL), "SIXNET_TOO_LARGE",
           "max_bytes=1");
    refuse_null(sixnet_checkpoint_load(NULL, opt, NULL, path_of("x"), NULL), "net is NULL");
    refuse_null(sixnet_checkpoint_load(net, NULL, NULL, path_of("x"), NULL), "opt is NULL");
    refuse_null(sixnet_checkpoint_load(net, opt, NULL, NULL, NULL), "path is NULL");
    refuse_null(sixnet_checkpoint_load(other, opt, NULL, path_of("x"), NULL), "made for another model");
    refuse(sixnet_checkpoint_load(net, opt, NULL, path_of("x"), "strict=true"), "SIXNET_BAD_SPEC",
           "unknown attribute 'strict'");
    sixnet_optimizer_free(opt);
    sixnet_model_free(raw);
    sixnet_model_free(other);
    sixnet_model_free(net);
    free(file.data);
}

/* ---- weights of other programs ---- */

static void load_json(sixnet_model *net, const char *header, const void *data, size_t size, const char *options,
                      const char *status, const char *message, const char *report_expected)
{
    const char *report;
    uint64_t length = strlen(header);
    uint8_t *file = malloc(8 + length + size);
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)(length >> (8 * i));
    memcpy(file + 8, header, length);
    memcpy(file + 8 + length, data, size);
    assert_status(sixnet_model_load_weights_from_buffer(net, file, 8 + length + size, options, &report), status,
                  message);
    assert_string_equal(report, report_expected);
    free(file);
}

static void test_weights_of_every_type(void **state)
{
    (void)state;
    static const char header[] = "{\"fc.weight\":{\"dtype\":\"F16\",\"shape\":[1,5],\"data_offsets\":[0,10]},"
                                 "\"fc.bias\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[10,12]}}";
    /* 1, -2, the largest, the smallest, 1/3 */
    static const uint8_t data[] = {0x00, 0x3C, 0x00, 0xC0, 0xFF, 0x7B, 0x01, 0x00, 0x55, 0x35, 0x49, 0x40};
    static const double expected[] = {1, -2, 65504, 0x1p-24, 1365.0 / 4096};
    sixnet_model *net = net_of(NULL, "input shape=5\nlinear out_features=1 name=fc\n");
    double values[5], bias;
    load_json(net, header, data, sizeof data, NULL, "SIXNET_OK", "", "");
    CHECK_SIXNET(sixnet_tensor_get_f64(net, "fc.weight", values, 5));
    CHECK_SIXNET(sixnet_tensor_get_f64(net, "fc.bias", &bias, 1));
    for (int i = 0; i < 5; i++)
        assert_true(values[i] == expected[i]);
    assert_true(bias == 3.140625);
    sixnet_model_free(net);
}

static void test_report_lists_differences(void **state)
{
    (void)state;
    static const char other[] = "{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                                "\"head.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
                                "\"bn.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[12,20]}}";
    static const char unfit[] = "{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    static const char differs[] = "missing: fc.bias\nunexpected: bn.num_batches_tracked, head.bias\n";
    float data[5] = {3, 4}, values[2], before[2];
    sixnet_model *net = net_of(NULL, "input shape=2\nlinear out_features=1 name=fc\n");
    CHECK_SIXNET(sixnet_tensor_get(net, "fc.weight", before, 2));
    load_json(net, other, data, sizeof data, "strict=true", "SIXNET_BAD_FILE",
              "does not fit the net; missing: fc.bias; unexpected: bn.num_batches_tracked, head.bias", differs);
    load_json(net, unfit, data, 8, "strict=false", "SIXNET_BAD_FILE", "mismatch: fc.weight is 2 of F32",
              "missing: fc.bias\nmismatch: fc.weight is 2 of F32 in the file (byte 9), 1x2 of F32, F64, F16 or BF16 in "
              "the net\n");
    CHECK_SIXNET(sixnet_tensor_get(net, "fc.weight", values, 2));
    assert_memory_equal(values, before, sizeof values);
    load_json(net, other, data, sizeof data, "strict=false", "SIXNET_OK", "", differs);
    CHECK_SIXNET(sixnet_tensor_get(net, "fc.weight", values, 2));
    assert_true(values[0] == 3 && values[1] == 4);
    sixnet_model_free(net);
}

/* Whatever a file holds, a report has at most so many names, and of each at most 512 bytes, in whole characters. */
static void test_report_is_bounded(void **state)
{
    (void)state;
    enum { NAMES = 12000, MEMBER = 64, LONG = 1000 };
    sixnet_model *net = net_of(NULL, "input shape=1\nlinear out_features=1\n");
    char *file = malloc(NAMES * MEMBER + 4 * LONG), *begin = file + 8, *end = begin;
    const char *report;
    assert_non_null(file);
    end += sprintf(end, "{\"a");
    for (int i = 0; i < LONG; i++)
        end += sprintf(end, "\xC3\xA4");
    end += sprintf(end, "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}");
    for (int i = 0; i < NAMES; i++)
        end += sprintf(end, ",\"n%05d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", i);
    *end++ = '}';
    for (int i = 0; i < 8; i++)
        file[i] = (char)((uint64_t)(end - begin) >> 8 * i);
    CHECK_SIXNET(sixnet_model_load_weights_from_buffer(net, file, (uint64_t)(end - file), "strict=false", &report));
    const char *list = strstr(report, "unexpected: a\xC3\xA4");
    assert_non_null(list);
    assert_int_equal(strstr(list, "..., n00000, n00001") - list, strlen("unexpected: a") + 510);
    /* 526 bytes of the title and the first, 8 of each of the others until there are more than 65,536 */
    assert_non_null(strstr(list, ", n08126 and 3873 more\n"));
    sixnet_model_free(net);
    free(file);
}

static void test_batchnorm_counter_is_passed_over(void **state)
{
    (void)state;
    char header[512] = "{";
    static const char *const names[] = {"weight", "bias", "running_mean", "running_var"};
    float data[6] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++)
        snprintf(header + strlen(header), sizeof header - strlen(header),
                 "\"bn.%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]},", names[i], 4 * i, 4 * i + 4);
    strcat(header, "\"bn.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[16,24]}}");
    sixnet_model *net = net_of(NULL, "input shape=1\nbatchnorm1d name=bn\n");
    load_json(net, header, data, sizeof data, NULL, "SIXNET_OK", "", "");
    sixnet_model_free(net);
}

/* ---- files made to harm ---- */

/* Loading takes memory below this, the model included; see the header. */
static size_t memory_bound(uint64_t file_size) { return 16 * file_size + ((size_t)16 << 20); }

enum { SMALL = 1 << 19 }; /* what a file of a few bytes may take */

static int32_t load_any(sixnet_context *ctx, sixnet_model *reference, bool weights, const bytes *b)
{
    sixnet_model *net = NULL;
    if (weights)
        return sixnet_model_load_weights_from_buffer(reference, b->data, b->size, NULL, NULL);
    int32_t status = sixnet_model_load_from_buffer(&net, ctx, b->data, b->size, NULL);
    assert_true((!status) == (net != NULL));
    sixnet_model_free(net);
    return status;
}

static void check_hostile(char *line)
{
    counter c;
    const char *name = golden_cut(&line, " | ");
    golden_cut(&line, " | ");
    const char *how = golden_cut(&line, " | "), *status = golden_cut(&line, " | "), *message = line;
    char path[1024], before[65], after[65];
    snprintf(path, sizeof path, "%s/hostile/%s", SIXNET_TEST_GOLDEN, name);
    bytes b = file_bytes(path);
    sixnet_context *ctx = counting(&c, NULL);
    sixnet_model *reference = net_of(ctx, "input shape=3\nlinear out_features=2 name=fc\nmse\n");
    CHECK_SIXNET(sixnet_model_digest(reference, before));
    size_t base = c.peak = c.now;
    int32_t answer = load_any(ctx, reference, strcmp(how, "weights") == 0, &b);
    bool refused = strcmp(status, "SIXNET_OK") != 0;
    if (strcmp(sixnet_status_name(answer), status) != 0 || (refused && !strstr(sixnet_last_error(), message)))
        fail_msg("%s: %s '%s' instead of %s '%s'", name, sixnet_status_name(answer), answer ? sixnet_last_error() : "",
                 status, message);
    CHECK_SIXNET(sixnet_model_digest(reference, after));
    if (refused)
        assert_string_equal(before, after);
    if (c.peak - base > (strstr(name, "nodes") ? memory_bound(b.size) : 16 * b.size + SMALL))
        fail_msg("%s: %llu bytes took %zu of memory", name, (unsigned long long)b.size, c.peak - base);
    sixnet_model_free(reference);
    sixnet_context_free(ctx);
    assert_int_equal(c.now, 0);
    free(b.data);
}

static void test_hostile_files(void **state)
{
    (void)state;
    golden g = golden_open("hostile/list.txt");
    int count = 0;
    for (char *line; (line = golden_line(&g)); count++)
        check_hostile(line);
    assert_true(count > 100);
    golden_close(&g);
}

static bytes golden_file(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/hostile/%s", SIXNET_TEST_GOLDEN, name);
    return file_bytes(path);
}

/* Cuts and flips: of a model's file all are refused; of a file without a checksum some load, and the net then works. */
static void check_damage(const char *name, bool weights)
{
    counter c;
    bytes whole = golden_file(name);
    sixnet_context *ctx = counting(&c, NULL);
    sixnet_model *net = net_of(ctx, "input shape=3\nlinear out_features=2 name=fc\nmse\n");
    float in[3] = {1, 2, 3}, out[2];
    CHECK_SIXNET(load_any(ctx, net, weights, &whole));
    for (uint64_t size = 0; size < whole.size; size++) {
        bytes cut = {malloc(size ? size : 1), size};
        memcpy(cut.data, whole.data, size);
        assert_true(load_any(ctx, net, weights, &cut) < 0);
        free(cut.data);
    }
    for (uint64_t bit = 0; bit < 8 * whole.size; bit++) {
        whole.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int32_t status = load_any(ctx, net, weights, &whole);
        if (!weights)
            assert_true(status < 0);
        if (!status)
            CHECK_SIXNET(sixnet_model_predict(net, in, 1, out));
        whole.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    assert_int_equal(c.now, 0);
    free(whole.data);
}

static void test_truncated_and_flipped(void **state)
{
    (void)state;
    check_damage("good.safetensors", false);
    check_damage("good_weights.safetensors", true);
}

/* A header of many tensors, whose names differ at their ends: twice as many take about twice the time, and memory as promised. */
static double time_of_many(int count)
{
    counter c;
    char prefix[201];
    size_t room = (size_t)count * 300 + 16, used;
    char *file = malloc(room);
    memset(prefix, 'n', 200);
    prefix[200] = '\0';
    used = 8 + (size_t)snprintf(file + 8, room - 8, "{");
    for (int i = count - 1; i >= 0; i--)
        used += (size_t)snprintf(file + used, room - used,
                                 "\"%s%07d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}%s", prefix, i,
                                 i ? "," : "}");
    for (int i = 0; i < 8; i++)
        file[i] = (char)((uint64_t)(used - 8) >> (8 * i));
    sixnet_context *ctx = counting(&c, NULL);
    sixnet_model *net = net_of(ctx, "input shape=3\nlinear out_features=2 name=fc\n");
    size_t base = c.peak = c.now;
    clock_t begin = clock();
    assert_status(sixnet_model_load_weights_from_buffer(net, file, used, NULL, NULL), "SIXNET_BAD_FILE",
                  "does not fit");
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    assert_true(c.peak - base <= memory_bound(used));
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    free(file);
    return seconds;
}

static void test_many_names_take_no_quadratic_time(void **state)
{
    (void)state;
    double once = time_of_many(4000), more = time_of_many(32000);
    if (more > 8 * 4 * once + 0.5)
        fail_msg("4,000 tensors took %.3f s, 32,000 took %.3f s", once, more);
}

/* What takes most memory for its bytes: pairs of nothing, tensors of nothing; read through a function, which takes some for itself. */
static size_t memory_for(const char *beginning, const char *member, size_t count)
{
    counter c;
    sixnet_model *net;
    size_t length = strlen(member), used = 8;
    stream s = {.b.data = malloc(8 + strlen(beginning) + count * length), .portion = 1 << 20};
    used += (size_t)sprintf((char *)s.b.data + 8, "%s", beginning);
    for (size_t i = 0; i < count; i++, used += length)
        memcpy(s.b.data + used, member, length);
    s.b.data[used - 1] = '}';
    for (int i = 0; i < 8; i++)
        s.b.data[i] = (uint8_t)((uint64_t)(used - 8) >> (8 * i));
    s.b.size = used;
    sixnet_context *ctx = counting(&c, NULL);
    assert_true(sixnet_model_load_from_stream(&net, ctx, give, &s, NULL) < 0);
    sixnet_context_free(ctx);
    free(s.b.data);
    if (c.peak > memory_bound(used))
        fail_msg("%zu times %s: %zu bytes took %zu of memory", count, member, used, c.peak);
    return c.peak;
}

static void test_memory_of_many_members(void **state)
{
    (void)state;
    enum { JUST_GROWN = (1 << 20) + 1 };
    assert_true(memory_for("{\"__metadata__\":{", "\"\":\"\",", JUST_GROWN) > 1 << 24);
    assert_true(memory_for("{", "\"\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},", JUST_GROWN) > 1 << 24);
}

/* As many nodes as there can be, of a kind with tensors. */
static void test_memory_of_many_nodes(void **state)
{
    (void)state;
    enum { NODES = 4094, LINE = 64 };
    counter c;
    sixnet_model *again;
    char *text = malloc((NODES + 1) * LINE), *end = text + sprintf(text, "input shape=1x1x1\n");
    for (int i = 0; i < NODES; i++)
        end += sprintf(end, "conv2d out_channels=1 kernel_size=1\n");
    sixnet_context *ctx = counting(&c, "dtype=f64");
    sixnet_model *net = net_of(ctx, text);
    bytes file = saved(net);
    sixnet_model_free(net);
    size_t base = c.peak = c.now;
    CHECK_SIXNET(sixnet_model_load_from_buffer(&again, ctx, file.data, file.size, NULL));
    if (c.peak - base > memory_bound(file.size))
        fail_msg("%llu bytes took %zu of memory", (unsigned long long)file.size, c.peak - base);
    sixnet_model_free(again);
    sixnet_context_free(ctx);
    free(file.data);
    free(text);
}

/* Tensors whose type is none of a net's do not make room for one. */
static void test_memory_of_foreign_types(void **state)
{
    (void)state;
    enum { VALUES = 1 << 20, HEADER = 600 };
    counter c;
    sixnet_model *net;
    uint8_t *file = calloc(1, 8 + HEADER + VALUES);
    int length = sprintf(
        (char *)file + 8,
        "{\"__metadata__\":{\"sixnet.format\":\"1\",\"sixnet.net\":\"input shape=1048575\\nlinear out_features=1 "
        "name=fc\"},\"fc.weight\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}}",
        VALUES, VALUES);
    memset(file + 8 + length, ' ', (size_t)(HEADER - length));
    file[0] = (uint8_t)(HEADER & 255);
    file[1] = HEADER >> 8;
    sixnet_context *ctx = counting(&c, "dtype=f64");
    assert_status(sixnet_model_load_from_buffer(&net, ctx, file, 8 + HEADER + VALUES, "checksum=false"),
                  "SIXNET_BAD_FILE", "1048576 values, but the file's tensors have 0");
    assert_true(c.peak < VALUES);
    sixnet_context_free(ctx);
    free(file);
}

static void put_length(uint8_t *file, uint64_t header)
{
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)(header >> (8 * i));
}

/* Headers and texts of nets have limits of their own, which hold before anything is read. */
static void test_fixed_limits(void **state)
{
    (void)state;
    enum { HEADER_MAX = 100000000, TEXT_MAX = 1 << 24 };
    static const char begin[] = "{\"__metadata__\":{\"sixnet.format\":\"1\",\"sixnet.net\":\"", end[] = "\"}}";
    sixnet_model *net;
    uint8_t *file = calloc(1, HEADER_MAX + 16);
    assert_non_null(file);
    put_length(file, HEADER_MAX + 1);
    assert_status(sixnet_model_load_from_buffer(&net, NULL, file, HEADER_MAX + 16, NULL), "SIXNET_TOO_LARGE",
                  "at most 100000000 are read");
    const size_t size = strlen(begin) + TEXT_MAX + 1 + strlen(end);
    put_length(file, size);
    memset(file + 8, '#', size);
    memcpy(file + 8, begin, strlen(begin));
    memcpy(file + 8 + size - strlen(end), end, strlen(end));
    assert_status(sixnet_model_load_from_buffer(&net, NULL, file, 8 + size, "checksum=false"), "SIXNET_TOO_LARGE",
                  "at most 16777216 bytes");
    free(file);
}

/* ---- the file system ---- */

static void test_odd_paths(void **state)
{
    (void)state;
    sixnet_model *net = net_of(NULL, net_text), *other;
    char longest[5000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_SIXNET(sixnet_model_save(net, path_of("real"), NULL));
    assert_int_equal(mkdir(path_of("sub"), 0700), 0);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_int_equal(symlink("real", path_of("link")), 0);
    assert_status(sixnet_model_save(net, path_of("sub"), NULL), "SIXNET_IO_ERROR", "is a directory");
    assert_status(sixnet_model_save(net, path_of("pipe"), NULL), "SIXNET_IO_ERROR", "a pipe");
    assert_status(sixnet_model_save(net, path_of("link"), NULL), "SIXNET_IO_ERROR", "symbolic link");
    assert_status(sixnet_model_save(net, "/dev/full", NULL), "SIXNET_IO_ERROR", "device");
    assert_status(sixnet_model_save(net, path_of("none/file"), NULL), "SIXNET_IO_ERROR", "none/file");
    assert_status(sixnet_model_save(net, "", NULL), "SIXNET_IO_ERROR", "");
    assert_status(sixnet_model_save(net, longest, NULL), "SIXNET_IO_ERROR", "too long");
    assert_status(sixnet_model_load(&other, NULL, path_of("sub"), NULL), "SIXNET_IO_ERROR", "is a directory");
    assert_status(sixnet_model_load(&other, NULL, path_of("pipe"), NULL), "SIXNET_IO_ERROR", "a pipe");
    assert_status(sixnet_model_load(&other, NULL, "/dev/zero", NULL), "SIXNET_IO_ERROR", "device");
    assert_status(sixnet_model_load(&other, NULL, path_of("nothing"), NULL), "SIXNET_IO_ERROR", "cannot be opened");
    assert_status(sixnet_model_load(&other, NULL, path_of("real"), "max_bytes=10"), "SIXNET_TOO_LARGE", "max_bytes=10");
    CHECK_SIXNET(sixnet_model_load(&other, NULL, path_of("link"), NULL));
    sixnet_model_free(other);
    assert_int_equal(unlink(path_of("link")) | unlink(path_of("pipe")) | rmdir(path_of("sub")), 0);
    sixnet_model_free(net);
}

/* How many files the folder has that begin so. */
static int count_files(const char *beginning)
{
    char command[600], answer[32] = "";
    snprintf(command, sizeof command, "ls -a %s | grep -c '^%s'", folder, beginning);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(answer, sizeof answer, pipe));
    pclose(pipe);
    return atoi(answer);
}

/* The name of a file that begins so. */
static void find_file(const char *beginning, char name[static 64])
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    *name = '\0';
    for (struct dirent *entry; (entry = readdir(d));)
        if (strncmp(entry->d_name, beginning, strlen(beginning)) == 0)
            snprintf(name, 64, "%.63s", entry->d_name);
    closedir(d);
    assert_true(*name);
}

static void test_permissions_are_kept(void **state)
{
    (void)state;
    struct stat s;
    sixnet_model *net = net_of(NULL, net_text);
    CHECK_SIXNET(sixnet_model_save(net, path_of("mode"), "sync=false"));
    assert_int_equal(chmod(path_of("mode"), 0604), 0);
    CHECK_SIXNET(sixnet_model_save(net, path_of("mode"), NULL));
    assert_int_equal(stat(path_of("mode"), &s), 0);
    assert_int_equal(s.st_mode & 07777, 0604);
    sixnet_model_free(net);
}

/* But for set-user-ID and its like, and not of a file that another user has put there. */
static void test_permissions_that_are_not_kept(void **state)
{
    (void)state;
    struct stat s;
    sixnet_model *net = net_of(NULL, net_text);
    mode_t mask = umask(022);
    CHECK_SIXNET(sixnet_model_save(net, path_of("set-id"), NULL));
    assert_int_equal(chmod(path_of("set-id"), 07755), 0);
    CHECK_SIXNET(sixnet_model_save(net, path_of("set-id"), NULL));
    assert_int_equal(stat(path_of("set-id"), &s), 0);
    assert_int_equal(s.st_mode & 07777, 0755);
    if (geteuid() == 0) {
        assert_int_equal(chown(path_of("set-id"), 12345, 12345) | chmod(path_of("set-id"), 06777), 0);
        CHECK_SIXNET(sixnet_model_save(net, path_of("set-id"), NULL));
        assert_int_equal(stat(path_of("set-id"), &s), 0);
        assert_int_equal(s.st_uid, 0);
        assert_int_equal(s.st_mode & 07777, 0644);
    }
    umask(mask);
    sixnet_model_free(net);
}

/* A disk that is full after so many bytes: a limit on the size of files. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_failing_save_leaves_the_old_file(void **state)
{
    (void)state;
    sixnet_model *net = net_of(NULL, net_text), *again;
    CHECK_SIXNET(sixnet_model_save(net, path_of("old"), NULL));
    CHECK_SIXNET(sixnet_model_reset(net, 77));
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t size = 0; size < 1500; size += 250) {
        limit_files(size);
        assert_status(sixnet_model_save(net, path_of("old"), NULL), "SIXNET_IO_ERROR", "cannot be written");
    }
    limit_files(RLIM_INFINITY);
    assert_int_equal(count_files("[.]sixnet-"), 0);
    CHECK_SIXNET(sixnet_model_load(&again, NULL, path_of("old"), NULL));
    CHECK_SIXNET(sixnet_model_reset(net, 0));
    same_digest(net, again);
    sixnet_model_free(again);
    sixnet_model_free(net);
}

/* Saves in a process that is killed meanwhile, by the signal of a limit that it exceeds. */
static void save_and_be_killed(const sixnet_model *net, const char *path)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_DFL);
        limit_files(250);
        sixnet_model_save(net, path, NULL);
        _exit(0);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

static void test_files_of_killed_savers_are_removed(void **state)
{
    (void)state;
    sixnet_model *net = net_of(NULL, net_text);
    char name[64];
    save_and_be_killed(net, path_of("killed"));
    assert_int_equal(count_files("[.]sixnet-"), 1);
    CHECK_SIXNET(sixnet_model_save(net, path_of("another"), NULL)); /* of another path */
    assert_int_equal(count_files("[.]sixnet-"), 1);
    CHECK_SIXNET(sixnet_model_save(net, path_of("killed"), NULL));
    assert_int_equal(count_files("[.]sixnet-"), 0);
    save_and_be_killed(net, path_of("killed"));
    find_file(".sixnet-", name);
    int writer = open(path_of(name), O_RDONLY); /* as if it were still at work */
    assert_int_equal(flock(writer, LOCK_EX), 0);
    save_and_be_killed(net, path_of("killed"));
    assert_int_equal(count_files("[.]sixnet-"), 2);
    CHECK_SIXNET(sixnet_model_save(net, path_of("killed"), NULL));
    assert_int_equal(count_files("[.]sixnet-"), 1);
    assert_int_equal(access(path_of(name), F_OK), 0);
    close(writer);
    CHECK_SIXNET(sixnet_model_save(net, path_of("killed"), NULL));
    assert_int_equal(count_files("[.]sixnet-"), 0);
    sixnet_model_free(net);
}

static void test_a_mapped_file_stays(void **state)
{
    (void)state;
    sixnet_model *net = net_of(NULL, net_text);
    CHECK_SIXNET(sixnet_model_save(net, path_of("mapped"), NULL));
    bytes before = file_bytes(path_of("mapped"));
    int file = open(path_of("mapped"), O_RDONLY);
    const uint8_t *map = mmap(NULL, before.size, PROT_READ, MAP_SHARED, file, 0);
    assert_true(map != MAP_FAILED);
    CHECK_SIXNET(sixnet_model_reset(net, 5));
    CHECK_SIXNET(sixnet_model_save(net, path_of("mapped"), NULL));
    assert_memory_equal(map, before.data, before.size);
    munmap((void *)(uintptr_t)map, before.size);
    close(file);
    free(before.data);
    sixnet_model_free(net);
}

/* ---- checkpoints ---- */

enum { SAMPLES = 50 };

typedef struct trainer {
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    int64_t reports, stop_at;
    double best_epoch;
} trainer;

static float samples[SAMPLES * 72], classes[SAMPLES];

static void trainer_begin(trainer *t, const char *context, const char *optimizer, const char *schedule)
{
    *t = (trainer){0};
    for (int i = 0; i < SAMPLES * 72; i++)
        samples[i] = (float)(i * 37 % 101) / 50 - 1;
    for (int i = 0; i < SAMPLES; i++)
        classes[i] = (float)(i % 3);
    CHECK_SIXNET(sixnet_context_new(&t->ctx, context));
    t->net = net_of(t->ctx, net_text);
    CHECK_SIXNET(sixnet_optimizer_new(&t->opt, t->net, optimizer, schedule));
    CHECK_SIXNET(sixnet_dataset_from_arrays(&t->ds, t->ctx, "input_dtype=f32 target_dtype=f32 shape=2x6x6 copy=false",
                                            samples, classes, SAMPLES));
}

static void trainer_end(trainer *t)
{
    sixnet_optimizer_free(t->opt);
    sixnet_dataset_free(t->ds);
    sixnet_model_free(t->net);
    sixnet_context_free(t->ctx);
}

static int32_t watch(void *user, const sixnet_progress *p)
{
    trainer *t = user;
    t->best_epoch = sixnet_progress_get(p, "best_epoch");
    return ++t->reports == t->stop_at;
}

static int32_t fit(trainer *t, const char *format, ...)
{
    char options[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(options, sizeof options, format, args);
    va_end(args);
    return sixnet_model_fit(t->net, t->opt, t->ds, t->ds, options, watch, t);
}

/* Stops a run after every number of reports there is, resumes it with other threads, and compares the end. */
static void check_resumed(const char *dtype, const char *optimizer, const char *schedule, const char *average)
{
    trainer whole, part, rest;
    char options[64];
    snprintf(options, sizeof options, "seed=3 dtype=%s", dtype);
    trainer_begin(&whole, options, optimizer, schedule);
    assert_int_equal(fit(&whole, "epochs=3 batch_size=16 %s", average), SIXNET_OK);
    for (int64_t stop = 1; stop <= whole.reports; stop++) {
        trainer_begin(&part, options, optimizer, schedule);
        part.stop_at = stop;
        assert_int_equal(
            fit(&part, "epochs=3 batch_size=16 checkpoint=%s checkpoint_best=false %s", path_of("run"), average),
            SIXNET_STOPPED);
        trainer_end(&part);
        snprintf(options, sizeof options, "seed=3 dtype=%s threads=%d", dtype, stop % 2 ? 3 : 2);
        trainer_begin(&rest, options, optimizer, schedule);
        CHECK_SIXNET(fit(&rest, "epochs=3 batch_size=16 resume=%s %s", path_of("run"), average));
        assert_int_equal(rest.reports, whole.reports - stop);
        if (rest.reports)
            assert_true(rest.best_epoch == whole.best_epoch);
        same_digest(whole.net, rest.net);
        assert_true(sixnet_optimizer_learning_rate(whole.opt) == sixnet_optimizer_learning_rate(rest.opt));
        trainer_end(&rest);
    }
    trainer_end(&whole);
}

static void test_resumed_runs_end_the_same(void **state)
{
    (void)state;
    check_resumed("f32", "sgd lr=0.1 momentum=0.9", "step_lr step_size=1 gamma=0.5", "");
    check_resumed("f64", "adam lr=0.01 amsgrad=true", "linear_warmup steps=5 ; reduce_on_plateau patience=0", "");
    check_resumed("f32", "rmsprop lr=0.01 momentum=0.5", NULL, "");
    check_resumed("f32", "nadam lr=0.01", NULL, "");
    check_resumed("f32", "lamb lr=0.01", NULL, "");
    check_resumed("f32", "sgd lr=0.1", "one_cycle_lr max_lr=0.2 total_steps=12", "");
    check_resumed("f32", "sgd lr=0.1", NULL, "average=ema ema_decay=0.7");
    check_resumed("f64", "adam lr=0.01", "reduce_on_plateau patience=0",
                  "average=ema ema_decay=0.99 average_start_epoch=1");
    check_resumed("f32", "adam lr=0.01", NULL, "average=swa average_start_epoch=1");
    check_resumed("f64", "sgd lr=0.1 momentum=0.9", NULL, "average=swa");
    check_resumed("f32", "sgd lr=0.1", NULL,
                  "early_stopping=1 min_delta=100 restore_best=true"); /* ends after epoch 2 */
    check_resumed("f64", "adam lr=0.01", NULL,
                  "restore_best=true monitor=accuracy min_delta=0.3 average=ema ema_decay=0.5");
    check_resumed("f32", "sgd lr=0.1", NULL, "balance=true restore_best=true monitor=loss");
}

static bool exists(const char *path) { return access(path, F_OK) == 0; }

static void test_keep_and_best(void **state)
{
    (void)state;
    trainer t;
    sixnet_model *newest, *before;
    trainer_begin(&t, "seed=3", "sgd lr=0.1", NULL);
    CHECK_SIXNET(fit(&t, "epochs=5 batch_size=25 checkpoint=%s checkpoint_keep=3 checkpoint_seconds=1e-9",
                     path_of("kept%20run")));
    CHECK_SIXNET(sixnet_model_load(&newest, t.ctx, path_of("kept run"), NULL));
    CHECK_SIXNET(sixnet_model_load(&before, t.ctx, path_of("kept run.1"), NULL));
    same_digest(t.net, newest);
    assert_true(exists(path_of("kept run.2")) && !exists(path_of("kept run.3")));
    assert_true(exists(path_of("kept run.best")) && !exists(path_of("kept run.best.1")));
    sixnet_model_free(newest);
    sixnet_model_free(before);
    trainer_end(&t);
}

/* A full disk takes none of the files that were kept. */
static void test_failing_checkpoints_leave_the_kept_ones(void **state)
{
    (void)state;
    static const char *const names[] = {"full", "full.1", "full.2", "full.3"};
    trainer t;
    bytes before[4];
    trainer_begin(&t, "seed=5", "sgd lr=0.01", NULL);
    CHECK_SIXNET(
        fit(&t, "epochs=5 batch_size=25 checkpoint_keep=4 checkpoint_best=false checkpoint=%s", path_of("full")));
    for (int i = 0; i < 4; i++)
        before[i] = file_bytes(path_of(names[i]));
    signal(SIGXFSZ, SIG_IGN);
    limit_files(600);
    for (int i = 0; i < 3; i++)
        assert_status(
            fit(&t, "epochs=1 batch_size=25 checkpoint_keep=4 checkpoint_best=false checkpoint=%s", path_of("full")),
            "SIXNET_IO_ERROR", "cannot be written");
    limit_files(RLIM_INFINITY);
    for (int i = 0; i < 4; i++) {
        bytes now = file_bytes(path_of(names[i]));
        assert_true(now.size == before[i].size && memcmp(now.data, before[i].data, now.size) == 0);
        assert_true(i == 0 || now.size != before[i - 1].size || memcmp(now.data, before[i - 1].data, now.size) != 0);
        free(now.data);
    }
    for (int i = 0; i < 4; i++)
        free(before[i].data);
    trainer_end(&t);
}

/* All that a run is to write is tried before its first step. */
static void test_paths_beside_a_checkpoint(void **state)
{
    (void)state;
    static const struct {
        const char *taken, *options, *text; /* text NULL: it can be saved */
    } cases[] = {
        {"taken.best", "", "taken.best: is a directory"},
        {"taken.best", "checkpoint_best=false", NULL},
        {"taken.1", "checkpoint_keep=2", "taken.1: is a directory"},
        {"taken.3", "checkpoint_keep=4", "taken.3: is a directory"},
        {"taken.3", "checkpoint_keep=3", NULL},
    };
    char longest[256];
    trainer t;
    trainer_begin(&t, "seed=5", "sgd lr=0.01", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(mkdir(path_of(cases[i].taken), 0700), 0);
        t.reports = 0;
        int32_t status = fit(&t, "epochs=1 batch_size=25 checkpoint=%s %s", path_of("taken"), cases[i].options);
        assert_status(status, cases[i].text ? "SIXNET_IO_ERROR" : "SIXNET_OK", cases[i].text ? cases[i].text : "");
        assert_true((t.reports == 0) == (cases[i].text != NULL));
        assert_int_equal(rmdir(path_of(cases[i].taken)), 0);
    }
    memset(longest, 'l', 252);
    longest[252] = '\0'; /* a name may have 255 characters */
    t.reports = 0;
    assert_status(fit(&t, "epochs=1 batch_size=25 checkpoint=%s", path_of(longest)), "SIXNET_IO_ERROR", "too long");
    assert_int_equal(t.reports, 0);
    CHECK_SIXNET(
        fit(&t, "epochs=1 batch_size=25 checkpoint_keep=2 checkpoint_best=false checkpoint=%s", path_of(longest)));
    trainer_end(&t);
}

/* The tensors of a checkpoint are the average, which is what was measured; the run goes on with others. */
static void test_checkpoints_of_an_average(void **state)
{
    (void)state;
    static const char *const averages[] = {"average=ema ema_decay=0.6", "average=swa"};
    for (int i = 0; i < 2; i++) {
        trainer t, again;
        sixnet_model *newest, *best;
        double loss;
        trainer_begin(&t, "seed=3", "sgd lr=0.1", NULL);
        CHECK_SIXNET(fit(&t, "epochs=5 batch_size=25 checkpoint=%s %s", path_of("run"), averages[i]));
        CHECK_SIXNET(sixnet_model_load(&newest, t.ctx, path_of("run"), NULL));
        CHECK_SIXNET(sixnet_model_load(&best, t.ctx, path_of("run.best"), NULL));
        same_digest(t.net, newest);
        CHECK_SIXNET(sixnet_model_evaluate(best, t.ds, &loss, NULL));
        assert_true(loss == sixnet_model_history_get(t.net, (int64_t)t.best_epoch, "validation_loss"));
        trainer_begin(&again, "seed=3", "sgd lr=0.1", NULL);
        CHECK_SIXNET(fit(&again, "epochs=5 batch_size=25 resume=%s %s", path_of("run.best"), averages[i]));
        same_digest(t.net, again.net);
        trainer_end(&again);
        sixnet_model_free(newest);
        sixnet_model_free(best);
        trainer_end(&t);
    }
}

/* The open loop takes up the values that the run would have gone on with. */
static void test_the_open_loop_goes_on_without_average(void **state)
{
    (void)state;
    trainer plain, averaged, again;
    trainer_begin(&plain, "seed=3", "adam", NULL);
    trainer_begin(&averaged, "seed=3", "adam", NULL);
    trainer_begin(&again, "seed=3", "adam", NULL);
    plain.stop_at = averaged.stop_at = 4;
    assert_int_equal(fit(&plain, "epochs=2 batch_size=16"), SIXNET_STOPPED);
    assert_int_equal(
        fit(&averaged, "epochs=2 batch_size=16 average=ema checkpoint=%s checkpoint_best=false", path_of("run")),
        SIXNET_STOPPED);
    same_digest(plain.net, averaged.net);
    CHECK_SIXNET(sixnet_checkpoint_load(again.net, again.opt, NULL, path_of("run"), NULL));
    same_digest(plain.net, again.net);
    trainer_end(&again);
    trainer_end(&averaged);
    trainer_end(&plain);
}

/* The open loop: some batches, a checkpoint in the middle of an epoch, and the others. */
static void train_open(trainer *t, sixnet_batch_iterator *b, int64_t most)
{
    const float *in, *target;
    for (int64_t n = 1, i = 0; i < most; i++) {
        CHECK_SIXNET(sixnet_batch_iterator_next(b, &in, &target, &n));
        if (!n)
            return;
        CHECK_SIXNET(sixnet_model_zero_grad(t->net));
        CHECK_SIXNET(sixnet_model_forward(t->net, in, n));
        CHECK_SIXNET(sixnet_model_loss(t->net, target, NULL));
        CHECK_SIXNET(sixnet_model_backward(t->net));
        CHECK_SIXNET(sixnet_optimizer_step(t->opt));
    }
}

static void test_open_loop(void **state)
{
    (void)state;
    trainer whole, rest;
    sixnet_batch_iterator *b, *c;
    int64_t epoch, position;
    trainer_begin(&whole, "seed=3", "adam", NULL);
    CHECK_SIXNET(sixnet_batch_iterator_new(&b, whole.ds, "batch_size=7"));
    CHECK_SIXNET(sixnet_batch_iterator_start_epoch(b, 4));
    train_open(&whole, b, 3);
    CHECK_SIXNET(sixnet_optimizer_set_learning_rate(whole.opt, 0.125));
    CHECK_SIXNET(sixnet_checkpoint_save(whole.net, whole.opt, b, path_of("open"), NULL));
    train_open(&whole, b, 100);
    trainer_begin(&rest, "seed=3", "adam", NULL);
    CHECK_SIXNET(sixnet_batch_iterator_new(&c, rest.ds, "batch_size=7"));
    CHECK_SIXNET(sixnet_checkpoint_load(rest.net, rest.opt, c, path_of("open"), NULL));
    CHECK_SIXNET(sixnet_batch_iterator_position(c, &epoch, &position));
    assert_int_equal(epoch, 4);
    assert_int_equal(position, 21);
    assert_true(sixnet_optimizer_learning_rate(rest.opt) == 0.125);
    train_open(&rest, c, 100);
    same_digest(whole.net, rest.net);
    sixnet_batch_iterator_free(b);
    sixnet_batch_iterator_free(c);
    trainer_end(&whole);
    trainer_end(&rest);
}

/* What a run would find after its first epoch only is found before its first step. */
/* A host may compute in another mode: texts do not drift from save to save, and a run goes on. */
static void test_a_run_in_another_rounding_mode(void **state)
{
    (void)state;
    trainer t;
    sixnet_model *first, *again;
    trainer_begin(&t, "seed=3", "sgd lr=0.3 momentum=0.7", "step_lr step_size=1 gamma=0.3");
    fesetround(FE_UPWARD);
    sixnet_model *net = NULL;
    int32_t status = sixnet_model_parse(&net, NULL, "input shape=4\ndropout p=0.3\nlinear out_features=2\n");
    for (int i = 0; i < 3 && status >= 0; i++)
        status = sixnet_model_save(net, path_of("rounded"), NULL) < 0 ||
                         sixnet_model_load(&first, NULL, path_of("rounded"), NULL) < 0
                     ? -1
                     : (sixnet_model_free(net), net = first, 0);
    int32_t fitted = fit(&t, "epochs=1 batch_size=25 average=ema ema_decay=0.3 checkpoint=%s", path_of("rounded-run"));
    int32_t resumed = fit(&t, "epochs=2 batch_size=25 average=ema ema_decay=0.3 resume=%s", path_of("rounded-run"));
    fesetround(FE_TONEAREST);
    CHECK_SIXNET(status);
    CHECK_SIXNET(fitted);
    CHECK_SIXNET(resumed);
    assert_non_null(strstr(sixnet_model_text(net), "p=0.3 "));
    CHECK_SIXNET(sixnet_model_load(&again, NULL, path_of("rounded"), NULL));
    assert_string_equal(sixnet_model_text(again), sixnet_model_text(net));
    sixnet_model_free(again);
    sixnet_model_free(net);
    trainer_end(&t);
}

static void test_a_checkpoint_that_cannot_be_saved(void **state)
{
    (void)state;
    trainer t;
    char before[65], after[65];
    trainer_begin(&t, "seed=3", "sgd lr=0.1", NULL);
    CHECK_SIXNET(sixnet_model_digest(t.net, before));
    assert_status(fit(&t, "batch_size=16 checkpoint=/nonexistent/run"), "SIXNET_IO_ERROR", "/nonexistent/run");
    assert_status(fit(&t, "batch_size=16 checkpoint=/tmp"), "SIXNET_IO_ERROR", "/tmp: is a directory");
    CHECK_SIXNET(sixnet_model_digest(t.net, after));
    assert_string_equal(before, after);
    assert_int_equal(t.reports, 0);
    trainer_end(&t);
}

static void refuse_checkpoint(const char *context, const char *optimizer, const char *schedule, const char *options,
                              const char *message)
{
    trainer t;
    char before[65], after[65];
    trainer_begin(&t, context, optimizer, schedule);
    CHECK_SIXNET(sixnet_model_digest(t.net, before));
    assert_status(fit(&t, "%s resume=%s", options, path_of("refused")), "SIXNET_INVALID_ARGUMENT", message);
    CHECK_SIXNET(sixnet_model_digest(t.net, after));
    assert_string_equal(before, after);
    assert_int_equal(t.reports, 0);
    trainer_end(&t);
}

static void test_a_run_made_otherwise_is_refused(void **state)
{
    (void)state;
    trainer t;
    static const char sgd[] = "sgd lr=0.1 momentum=0.9", step[] = "step_lr step_size=1";
    trainer_begin(&t, "seed=3", sgd, step);
    CHECK_SIXNET(fit(&t, "batch_size=16 checkpoint=%s", path_of("refused")));
    refuse_checkpoint("seed=4", sgd, step, "batch_size=16", "seed=3, not 4");
    refuse_checkpoint("seed=3", "adam", step, "batch_size=16", "this optimizer is 'adam'");
    refuse_checkpoint("seed=3", "sgd lr=0.1", step, "batch_size=16", "does not match this one");
    refuse_checkpoint("seed=3", sgd, "step_lr step_size=2", "batch_size=16", "step_size=2");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=17",
                      "with 'batch_size=16', not with 'batch_size=17'; resume_changes=allow");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16 shuffle=false",
                      "with 'shuffle=true', not with 'shuffle=false'");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16 seed=9", "with 'seed=3', not with 'seed=9'");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16 average=swa",
                      "with 'average=none', not with 'average=swa average_start_epoch=0'");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16 drop_last=true", "drop_last=true");
    refuse_checkpoint("seed=3 convolution=direct", sgd, step, "batch_size=16",
                      "with 'seed=3', not with 'seed=3 convolution=direct'");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16 on_nan=skip", "with 'on_nan=stop', not with 'on_nan=skip'");
    refuse_checkpoint("seed=3", "sgd lr=0.2 momentum=0.9", step, "batch_size=16",
                      "lr=0.1 momentum=0.9', not with 'optimizer=sgd lr=0.2");
    refuse_checkpoint("seed=3", "sgd lr=0.1 momentum=0.9 clip_norm=1", step, "batch_size=16", "clip_norm=1");
    CHECK_SIXNET(sixnet_model_save(t.net, path_of("model"), NULL));
    assert_status(sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("model"), NULL), "SIXNET_BAD_FILE",
                  "not a checkpoint");
    trainer_end(&t);
    trainer_begin(&t, "seed=3 dtype=f64", sgd, step);
    assert_status(sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("refused"), NULL), "SIXNET_BAD_FILE", "F64");
    sixnet_model *other = net_of(t.ctx, "input shape=2x6x6\nrelu\nflatten\nlinear out_features=3\ncross_entropy\n");
    sixnet_optimizer *opt;
    CHECK_SIXNET(sixnet_optimizer_new(&opt, other, sgd, step));
    assert_status(sixnet_checkpoint_load(other, opt, NULL, path_of("refused"), NULL), "SIXNET_INVALID_ARGUMENT",
                  "sixnet.net: the run was made with 'conv2d out_channels=3 kernel_size=3 name=conv', not with 'relu "
                  "name=relu1'");
    sixnet_optimizer_free(opt);
    sixnet_model_free(other);
    trainer_end(&t);
    trainer_begin(&t, "seed=3", sgd, step);
    CHECK_SIXNET(fit(&t, "batch_size=16 average=ema checkpoint=%s", path_of("refused")));
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16",
                      "with 'average=ema ema_decay=0.999 average_start_epoch=0', not with 'average=none'");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16 average=ema ema_decay=0.9",
                      "not with 'average=ema ema_decay=0.9 ");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16 average=swa", "not with 'average=swa ");
    refuse_checkpoint("seed=3", sgd, step, "batch_size=16 epochs=2 average=ema average_start_epoch=1",
                      "average_start_epoch=1'");
    trainer_end(&t);
}

/* Changes a text in a file's header, whose length changes with it. */
static bytes with_other_text(const bytes *file, const char *text, const char *other)
{
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | file->data[i];
    const uint64_t longer = header + 64, rest = file->size - 8 - header;
    char *changed = malloc(8 + longer + rest + 1), *old = malloc(header + 1);
    memcpy(old, file->data + 8, header);
    old[header] = '\0';
    char *at = strstr(old, text);
    assert_non_null(at);
    *at = '\0';
    int length = snprintf(changed + 8, longer + 1, "%s%s%s", old, other, at + strlen(text));
    assert_in_range(length, 1, longer);
    memset(changed + 8 + length, ' ', longer - (uint64_t)length);
    memcpy(changed + 8 + longer, file->data + 8 + header, rest);
    for (int i = 0; i < 8; i++)
        changed[i] = (char)(longer >> (8 * i));
    free(old);
    return (bytes){(uint8_t *)changed, 8 + longer + rest};
}

/* Where the bytes of a tensor end. */
static uint64_t end_of(const bytes *file, const char *name)
{
    uint64_t header = 0, end = 0;
    char wanted[64], *text = malloc(file->size + 1);
    for (int i = 7; i >= 0; i--)
        header = header << 8 | file->data[i];
    memcpy(text, file->data + 8, header);
    text[header] = '\0';
    snprintf(wanted, sizeof wanted, "\"%s\":", name);
    const char *at = strstr(text, wanted);
    assert_non_null(at);
    at = strstr(at, "data_offsets");
    assert_non_null(at);
    end = strtoull(strchr(at, ',') + 1, NULL, 10);
    free(text);
    return 8 + header + end;
}

/* Counts the warnings of a context. */
static void count_warnings(void *user, int32_t level, const char *line)
{
    (void)line;
    *(int *)user += level == 1;
}

static int32_t note_changes(void *user, const sixnet_progress *p)
{
    *(double *)user = sixnet_progress_get(p, "resume_changes");
    return 0;
}

/* A run that goes on with other samples, transforms or settings: refused with the line that differs, or allowed with a warning for each. */
static void test_changes_of_a_resumed_run(void **state)
{
    (void)state;
    enum { SAMPLE, FEWER, TRANSFORM, VALIDATION, RATE, BATCH, AVERAGE, NONE };
    static const struct {
        const char *message; /* NULL: the same run */
        int change, warnings;
    } cases[] = {
        {"training hash=", SAMPLE, 2},
        {"training samples=50", FEWER, 2},
        {"with 'training transforms=normalize mean=0.5 std=2', not with 'training transforms=normalize mean=0.5 std=3'",
         TRANSFORM, 2},
        {"validation samples=", VALIDATION, 3},
        {"optimizer=sgd lr=0.1 momentum=0.9", RATE, 1},
        {"batch_size=16", BATCH, 1},
        {"with 'average=ema ema_decay=0.999 average_start_epoch=0', not with 'average=swa average_start_epoch=1'",
         AVERAGE, 1},
        {NULL, NONE, 0},
    };
    for (int allow = 0; allow < 2; allow++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const int change = cases[i].change;
            trainer t;
            sixnet_dataset *half, *rest;
            int warnings = 0;
            double changes = -1;
            char options[512];
            trainer_begin(&t, "seed=3", "sgd lr=0.1 momentum=0.9", NULL);
            CHECK_SIXNET(sixnet_dataset_add_transform(t.ds, "normalize mean=0.5 std=2"));
            CHECK_SIXNET(fit(&t, "batch_size=16 average=ema checkpoint=%s checkpoint_best=false", path_of("changed")));
            trainer_end(&t);

            trainer_begin(&t, "seed=3", change == RATE ? "sgd lr=0.2 momentum=0.9" : "sgd lr=0.1 momentum=0.9", NULL);
            CHECK_SIXNET(sixnet_context_set_log(t.ctx, count_warnings, &warnings));
            if (change == SAMPLE)
                samples[SAMPLES * 36] += 1e-3f;
            CHECK_SIXNET(sixnet_dataset_add_transform(t.ds, change == TRANSFORM ? "normalize mean=0.5 std=3"
                                                                                : "normalize mean=0.5 std=2"));
            CHECK_SIXNET(sixnet_dataset_split(&half, &rest, t.ds, "first_size=40 shuffle=false"));
            snprintf(options, sizeof options, "epochs=2 batch_size=%d average=%s resume=%s%s",
                     change == BATCH ? 20 : 16, change == AVERAGE ? "swa average_start_epoch=1" : "ema",
                     path_of("changed"), allow ? " resume_changes=allow" : "");
            const int32_t status =
                sixnet_model_fit(t.net, t.opt, change == FEWER ? half : t.ds, change == VALIDATION ? NULL : t.ds,
                                 options, note_changes, &changes);
            if (cases[i].message && !allow) {
                assert_status(status, "SIXNET_INVALID_ARGUMENT", cases[i].message);
                assert_status(status, "SIXNET_INVALID_ARGUMENT", "resume_changes=allow");
            } else {
                CHECK_SIXNET(status);
                assert_int_equal(warnings, cases[i].warnings);
                assert_true(changes == cases[i].warnings);
                assert_true(sixnet_optimizer_learning_rate(t.opt) == (change == RATE ? 0.2 : 0.1));
                assert_int_equal(sixnet_model_history_size(t.net), 2);
            }
            sixnet_dataset_free(half);
            sixnet_dataset_free(rest);
            trainer_end(&t);
        }
}

/* An average that is not what it claims to be is refused, whatever its checksum, and nothing is changed. */
static void test_hostile_averages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *other, *message;
    } cases[] = {
        {"\"sixnet:plain\"", "\"sixnet:plane\"", "sixnet:plain is missing"},
        {"plain\":{\"dtype\":\"F32\",\"shape\":[", "plain\":{\"dtype\":\"F32\",\"shape\":[1,",
         "sixnet:plain has type F32 and shape 1x"},
        {" averaged=2", "", "nothing"},
        {" average=ema", "", "average=none"},
        {" average=ema", " average=all", "average=all"},
        {" ema_decay=0.999", " ema_decay=nan", "ema_decay=nan"},
        {" averaged=2", " averaged=-2", "averaged=-2"},
    };
    trainer t;
    char before[65], after[65];
    trainer_begin(&t, "seed=3", "sgd lr=0.1 momentum=0.9", NULL);
    CHECK_SIXNET(fit(&t, "batch_size=25 average=ema checkpoint=%s checkpoint_best=false", path_of("average")));
    bytes whole = file_bytes(path_of("average"));
    CHECK_SIXNET(sixnet_model_digest(t.net, before));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes changed = with_other_text(&whole, cases[i].text, cases[i].other);
        write_bytes(path_of("hostile"), changed.data, changed.size);
        int32_t status = sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("hostile"), "checksum=false");
        free(changed.data);
        if (strcmp(cases[i].message, "nothing") == 0) {
            assert_int_equal(status, SIXNET_OK);
            CHECK_SIXNET(sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("average"), NULL));
            CHECK_SIXNET(sixnet_model_digest(t.net, before));
            continue;
        }
        assert_status(status, "SIXNET_BAD_FILE", cases[i].message);
        CHECK_SIXNET(sixnet_model_digest(t.net, after));
        assert_string_equal(before, after);
    }
    const uint64_t last = end_of(&whole, "sixnet:plain") - sizeof(float); /* a running variance */
    for (int i = 0; i < 2; i++) {
        memcpy(whole.data + last, i ? "\0\0\xC0\x7F" : "\0\0\x80\xBF", sizeof(float));
        write_bytes(path_of("hostile"), whole.data, whole.size);
        assert_status(sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("hostile"), "checksum=false"),
                      "SIXNET_BAD_FILE",
                      i ? "'sixnet:plain': value 2 is not a number" : "'sixnet:plain': value 2 is negative");
        CHECK_SIXNET(sixnet_model_digest(t.net, after));
        assert_string_equal(before, after);
    }
    free(whole.data);
    trainer_end(&t);
}

/* A mean of squares below zero, of which a step takes the root, is refused; a mean gradient may be negative. */
static void test_hostile_optimizer_state(void **state)
{
    (void)state;
    static const struct {
        const char *optimizer, *slot, *message;
    } cases[] = {
        {"adam", "sixnet:optimizer.0", NULL},
        {"adam", "sixnet:optimizer.1", "negative"},
        {"adamw amsgrad=true", "sixnet:optimizer.2", "negative"},
        {"rmsprop centered=true", "sixnet:optimizer.0", "negative"},
        {"rmsprop centered=true", "sixnet:optimizer.1", NULL},
        {"sgd lr=0.1 momentum=0.9", "sixnet:optimizer.0", NULL},
        {"adagrad", "sixnet:optimizer.0", "negative"},
        {"adadelta", "sixnet:optimizer.1", "negative"},
        {"rprop", "sixnet:optimizer.0", NULL},
        {"rprop", "sixnet:optimizer.1", "negative"},
        {"lamb", "sixnet:optimizer.1", "negative"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trainer t;
        trainer_begin(&t, "seed=3", cases[i].optimizer, NULL);
        CHECK_SIXNET(fit(&t, "batch_size=25 checkpoint=%s checkpoint_best=false", path_of("squares")));
        bytes whole = file_bytes(path_of("squares"));
        memcpy(whole.data + end_of(&whole, cases[i].slot) - sizeof(float), "\0\0\x80\xBF", sizeof(float));
        write_bytes(path_of("squares"), whole.data, whole.size);
        int32_t status = sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("squares"), "checksum=false");
        if (cases[i].message)
            assert_status(status, "SIXNET_BAD_FILE", cases[i].message);
        else
            CHECK_SIXNET(status);
        free(whole.data);
        trainer_end(&t);
    }
}

/* Every bit of a checkpoint is covered by its checksum; with checksum=false a damaged one may load, but does no harm. */
/* Where a file has some bytes. */
static uint8_t *find_bytes(bytes b, const void *wanted, size_t size)
{
    for (size_t i = 0; i + size <= b.size; i++)
        if (memcmp(b.data + i, wanted, size) == 0)
            return b.data + i;
    fail_msg("the bytes are not there");
    return NULL;
}

/* Numbers of a run that no run can have. */
static void test_numbers_of_a_run_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *text; /* key NULL: of the history */
        const char *column;
        double number;
    } cases[] = {
        {" seconds=", "1e308", "seconds=1e308", NULL, 0},
        {" seconds=", "-1", "seconds=-1", NULL, 0},
        {" seconds=", "inf", "seconds=inf", NULL, 0},
        {NULL, NULL, "history: epoch 1", "loss", (double)NAN},
        {NULL, NULL, "history: epoch 1", "lr", (double)NAN},
        {NULL, NULL, "history: epoch 1", "lr", -1},
        {NULL, NULL, "history: epoch 1", "validation_accuracy", 2},
    };
    trainer t;
    trainer_begin(&t, "seed=3", "sgd lr=0.123", NULL);
    CHECK_SIXNET(fit(&t, "epochs=1 batch_size=25 checkpoint=%s", path_of("numbers")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes b = file_bytes(path_of("numbers"));
        if (cases[i].key) {
            uint8_t *to = find_bytes(b, cases[i].key, strlen(cases[i].key)) + strlen(cases[i].key);
            memset(to, ' ', strcspn((char *)to, " \""));
            memcpy(to, cases[i].value, strlen(cases[i].value));
        } else {
            const double old = sixnet_model_history_get(t.net, 1, cases[i].column);
            memcpy(find_bytes(b, &old, sizeof old), &cases[i].number, sizeof old);
        }
        write_bytes(path_of("forged"), b.data, b.size);
        free(b.data);
        assert_status(sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("forged"), "checksum=false"),
                      "SIXNET_BAD_FILE", cases[i].text);
    }
    trainer_end(&t);
}

static void test_damaged_checkpoints(void **state)
{
    (void)state;
    trainer t;
    trainer_begin(&t, "seed=3", "sgd lr=0.1 momentum=0.9", "reduce_on_plateau");
    CHECK_SIXNET(fit(&t, "epochs=2 batch_size=25 checkpoint=%s", path_of("damaged")));
    bytes whole = file_bytes(path_of("damaged"));
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | whole.data[i];
    for (uint64_t bit = 0; bit < 8 * (8 + header + 16); bit += 5) {
        whole.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        write_bytes(path_of("flipped"), whole.data, whole.size);
        assert_true(sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("flipped"), NULL) < 0);
        if (sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("flipped"), "checksum=false") == SIXNET_OK)
            CHECK_SIXNET(sixnet_checkpoint_load(t.net, t.opt, NULL, path_of("damaged"), NULL));
        whole.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(whole.data);
    trainer_end(&t);
}

static int make_folder(void **state)
{
    (void)state;
    const char *memory =
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* where waiting for the disk takes no time */
    snprintf(folder, sizeof folder, "%s/sixnet-files-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : memory);
    return mkdtemp(folder) ? 0 : -1;
}

static int delete_folder(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_too_little_room),
        cmocka_unit_test(test_arguments_of_saving),
        cmocka_unit_test(test_arguments_of_loading),
        cmocka_unit_test(test_weights_of_every_type),
        cmocka_unit_test(test_report_lists_differences),
        cmocka_unit_test(test_report_is_bounded),
        cmocka_unit_test(test_batchnorm_counter_is_passed_over),
        cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_truncated_and_flipped),
        cmocka_unit_test(test_many_names_take_no_quadratic_time),
        cmocka_unit_test(test_memory_of_many_members),
        cmocka_unit_test(test_memory_of_many_nodes),
        cmocka_unit_test(test_memory_of_foreign_types),
        cmocka_unit_test(test_fixed_limits),
        cmocka_unit_test(test_odd_paths),
        cmocka_unit_test(test_permissions_are_kept),
        cmocka_unit_test(test_permissions_that_are_not_kept),
        cmocka_unit_test(test_files_of_killed_savers_are_removed),
        cmocka_unit_test(test_a_failing_save_leaves_the_old_file),
        cmocka_unit_test(test_a_mapped_file_stays),
        cmocka_unit_test(test_resumed_runs_end_the_same),
        cmocka_unit_test(test_keep_and_best),
        cmocka_unit_test(test_failing_checkpoints_leave_the_kept_ones),
        cmocka_unit_test(test_paths_beside_a_checkpoint),
        cmocka_unit_test(test_checkpoints_of_an_average),
        cmocka_unit_test(test_the_open_loop_goes_on_without_average),
        cmocka_unit_test(test_open_loop),
        cmocka_unit_test(test_a_run_in_another_rounding_mode),
        cmocka_unit_test(test_a_checkpoint_that_cannot_be_saved),
        cmocka_unit_test(test_a_run_made_otherwise_is_refused),
        cmocka_unit_test(test_changes_of_a_resumed_run),
        cmocka_unit_test(test_hostile_averages),
        cmocka_unit_test(test_hostile_optimizer_state),
        cmocka_unit_test(test_numbers_of_a_run_out_of_range),
        cmocka_unit_test(test_damaged_checkpoints),
    };
    return cmocka_run_group_tests(tests, make_folder, delete_folder);
}
