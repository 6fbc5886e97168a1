/* SPDX-License-Identifier: MIT */

/* Does work of a size that the command line gives, for test_growth.py, which counts the instructions: growth NAME SIZE. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sixnet/sixnet.h>

static void check(int32_t status)
{
    if (status) {
        fprintf(stderr, "growth: %s\n", sixnet_last_error());
        exit(EXIT_FAILURE);
    }
}

/* Trains a small net on so many samples. */
static void fit(int samples, const char *options)
{
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    float *inputs = calloc((size_t)samples * 2, sizeof *inputs), *targets = calloc((size_t)samples, sizeof *targets);
    if (!inputs || !targets)
        exit(EXIT_FAILURE);
    for (int i = 0; i < samples; i++) {
        inputs[2 * i] = (float)(i & 1);
        inputs[2 * i + 1] = (float)(i >> 1 & 1);
        targets[i] = (float)((i ^ i >> 1) & 1);
    }
    check(sixnet_model_parse(&net, NULL,
                             "input shape=2\nlinear out_features=2\ntanh\nlinear out_features=1\nbce_with_logits"));
    check(sixnet_optimizer_new(&opt, net, "adam lr=0.01", "step_lr step_size=100"));
    check(sixnet_dataset_from_arrays(&ds, NULL, "shape=2", inputs, targets, samples));
    check(sixnet_model_fit(net, opt, ds, ds, options, NULL, NULL));
    sixnet_dataset_free(ds);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    free(inputs);
    free(targets);
}

static void fit_epochs(int size)
{
    char options[64];
    snprintf(options, sizeof options, "epochs=%d batch_size=4", size);
    fit(4, options);
}

static void fit_averaged_epochs(int size)
{
    char options[64];
    snprintf(options, sizeof options, "epochs=%d batch_size=4 average=swa diagnostics=true", size);
    fit(4, options);
}

static void fit_batches(int size) { fit(size, "batch_size=1"); }

/* Predicts so many tiles of large samples with a model that is cancelled. */
static void cancelled_predict(int size)
{
    enum { FEATURES = 1000, TILE = 16 };
    sixnet_model *net;
    size_t n = (size_t)size * TILE;
    float *inputs = calloc(n * FEATURES, sizeof *inputs), *outputs = calloc(n, sizeof *outputs);
    if (!inputs || !outputs)
        exit(EXIT_FAILURE);
    check(sixnet_model_parse(&net, NULL, "input shape=1000\nlinear out_features=1"));
    sixnet_model_cancel(net, 1);
    if (sixnet_model_predict(net, inputs, (int64_t)n, outputs) != SIXNET_STOPPED)
        exit(EXIT_FAILURE);
    sixnet_model_free(net);
    free(inputs);
    free(outputs);
}

/* ---- nets as text, and as files ---- */

/* A net of so many lines, which begin with a wide one; the text is the caller's. */
static char *lines(int size, const char *first, const char *(*next)(char *line, int i))
{
    enum { LINE = 200 };
    char line[LINE], *text = malloc((size_t)(size + 1) * LINE), *end = text;
    if (!text)
        exit(EXIT_FAILURE);
    end += sprintf(end, "%s\n", first);
    for (int i = 0; i < size; i++)
        end += sprintf(end, "%s\n", next(line, i));
    return text;
}

static void parse(char *text)
{
    sixnet_model *net;
    check(sixnet_model_parse(&net, NULL, text));
    sixnet_model_free(net);
    free(text);
}

static const char *relu(char *line, int i)
{
    (void)line, (void)i;
    return "relu";
}

static const char *named_relu(char *line, int i)
{
    sprintf(line, "relu name=layer%d.0.relu", i * 7919 % 4096);
    return line;
}

/* Takes the outputs of sixteen of the nodes above. */
static const char *sum(char *line, int i)
{
    char *end = line + sprintf(line, "add name=n%d from=n%d", i + 1, i);
    for (int k = 1; k < 16; k++)
        end += sprintf(end, ",n%d", i * k / 16);
    return line;
}

static const char *norm(char *line, int i)
{
    (void)line, (void)i;
    return "batchnorm1d";
}

/* Parses such a net over a layer that trains, so that each of the inputs has a gradient, and then plans its training, or does not. */
static void parse_and_plan(int size, bool plans)
{
    sixnet_model *net;
    uint64_t bytes;
    char *text = lines(size, "input shape=1\nlinear out_features=1 name=n0", sum);
    check(sixnet_model_parse(&net, NULL, text));
    if (plans)
        check(sixnet_model_memory_needed(net, 1, 1, &bytes));
    sixnet_model_free(net);
    free(text);
}

static void plan_inputs(int size) { parse_and_plan(size, true); }
static void plan_nothing(int size) { parse_and_plan(size, false); }

static void parse_lines(int size) { parse(lines(size, "input shape=1", relu)); }
static void parse_names(int size) { parse(lines(size, "input shape=1", named_relu)); }
static void parse_inputs(int size) { parse(lines(size, "input shape=1 name=n0", sum)); }

/* Loads a net of so many layers with four tensors each. */
static void load_tensors(int size)
{
    sixnet_model *net, *again;
    uint64_t bytes;
    char *text = lines(size, "input shape=1", norm);
    check(sixnet_model_parse(&net, NULL, text));
    check(sixnet_model_save_to_buffer(net, NULL, 0, &bytes));
    void *file = malloc((size_t)bytes);
    if (!file)
        exit(EXIT_FAILURE);
    check(sixnet_model_save_to_buffer(net, file, bytes, &bytes));
    check(sixnet_model_load_from_buffer(&again, NULL, file, bytes, NULL));
    check(sixnet_model_load_weights_from_buffer(again, file, bytes, NULL, NULL));
    sixnet_model_free(again);
    sixnet_model_free(net);
    free(file);
    free(text);
}

/* Loads so many members of a header into a small net, weights or not; each is written by `member`, after `first` and before `last`. */
static void load_header(int size, const char *first, const char *member, const char *last, int32_t expected)
{
    sixnet_model *net;
    char *file = malloc((size_t)size * 96 + 256), *begin = file + 8, *end = begin;
    if (!file)
        exit(EXIT_FAILURE);
    end += sprintf(end, "%s", first);
    for (int i = 0; i < size; i++) {
        end += sprintf(end, i ? "," : "");
        end += sprintf(end, member, i * 7919 % 65536);
    }
    end += sprintf(end, "%s", last);
    for (int i = 0; i < 8; i++)
        file[i] = (char)((uint64_t)(end - begin) >> 8 * i);
    check(sixnet_model_parse(&net, NULL, "input shape=2\nlinear out_features=2"));
    const int32_t status =
        sixnet_model_load_weights_from_buffer(net, file, (uint64_t)(end - file), "strict=false", NULL);
    if (status != expected || (status && !strstr(sixnet_last_error(), "given twice")))
        exit(EXIT_FAILURE);
    sixnet_model_free(net);
    free(file);
}

#define NOTHING "\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}"
static void load_unknown(int size) { load_header(size, "{", "\"unknown.%05d\":{" NOTHING, "}", SIXNET_OK); }
static void load_twice(int size) { load_header(size, "{", "\"twice\":{" NOTHING, "}", SIXNET_BAD_FILE); }
static void load_pairs(int size) { load_header(size, "{\"__metadata__\":{", "\"key%d\":\"\\u00e4\"", "}}", SIXNET_OK); }

/* Saves and loads a run of a net of so many layers with four tensors each. */
static void load_checkpoint(int size)
{
    sixnet_model *net;
    sixnet_optimizer *opt;
    char path[] = "/tmp/sixnet-growth-XXXXXX", *text = lines(size, "input shape=1", norm);
    const int descriptor = mkstemp(path);
    if (descriptor < 0 || close(descriptor))
        exit(EXIT_FAILURE);
    check(sixnet_model_parse(&net, NULL, text));
    check(sixnet_optimizer_new(&opt, net, "adam lr=0.1", NULL));
    int32_t status = sixnet_checkpoint_save(net, opt, NULL, path, "sync=false");
    if (!status)
        status = sixnet_checkpoint_load(net, opt, NULL, path, NULL);
    remove(path);
    check(status);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    free(text);
}

/* Opens an IDX file of so many 16-bit values. */
static void from_idx(int size)
{
    const uint8_t head[12] = {
        0, 0, 11, 2, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, 0, 0, 0, 1};
    sixnet_dataset *ds;
    char path[] = "/tmp/sixnet-growth-XXXXXX";
    const int descriptor = mkstemp(path);
    FILE *f = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    uint8_t *values = calloc((size_t)size, 2);
    if (!f || !values || fwrite(head, 1, sizeof head, f) != sizeof head ||
        fwrite(values, 2, (size_t)size, f) != (size_t)size || fclose(f))
        exit(EXIT_FAILURE);
    const int32_t status = sixnet_dataset_from_idx(&ds, NULL, path, NULL);
    remove(path);
    check(status);
    sixnet_dataset_free(ds);
    free(values);
}

/* ---- gzip ---- */

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < 8 * n; i++)
        crc = crc >> 1 ^ (((crc ^ p[i / 8] >> i % 8) & 1) ? 0xedb88320u : 0);
    return ~crc;
}

static void put_bits(uint8_t *to, size_t *at, uint64_t bits, int count)
{
    for (int i = 0; i < count; i++, bits >>= 1, ++*at)
        if (bits & 1)
            to[*at / 8] |= (uint8_t)(1 << *at % 8);
}

static void put_le(uint8_t *to, size_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[(*bytes)++] = (uint8_t)(value >> 8 * i);
}

/* One value in an IDX file, which is followed by so many empty blocks, all in one member of the gzip file or each in its own. */
static void unpack(int size, bool dynamic, bool members)
{
    static const uint8_t idx[] = {0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7},
                         head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    sixnet_dataset *ds;
    char path[] = "/tmp/sixnet-growth-XXXXXX";
    const int descriptor = mkstemp(path);
    uint8_t *file = calloc((size_t)size + 8, 40);
    FILE *f = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!file || !f)
        exit(EXIT_FAILURE);
    memcpy(file, head, sizeof head);
    size_t bytes = sizeof head, bits;
    file[bytes++] = members; /* a stored block, the last one of its member if the others are members */
    file[bytes++] = sizeof idx;
    file[bytes++] = 0;
    file[bytes++] = (uint8_t) ~sizeof idx;
    file[bytes++] = 0xff;
    memcpy(file + bytes, idx, sizeof idx);
    bits = 8 * (bytes + sizeof idx);
    for (int i = 0; i < size; i++) {
        const bool last = members || i == size - 1;
        if (members) {
            bytes = bits / 8;
            put_le(file, &bytes, i ? 0 : crc32_of(idx, sizeof idx));
            put_le(file, &bytes, i ? 0 : sizeof idx);
            memcpy(file + bytes, head, sizeof head);
            bits = 8 * (bytes + sizeof head);
        }
        put_bits(file, &bits, last, 1);
        if (dynamic) { /* codes of one bit for 0 and for the end, of lengths that one bit each says: 1, and 138 and 118 zeros */
            put_bits(file, &bits, 2, 2);
            put_bits(file, &bits, 0, 5 + 5);
            put_bits(file, &bits, 14, 4);               /* 18 lengths of the code for lengths */
            put_bits(file, &bits, (uint64_t)1 << 6, 9); /* 16, 17: none; 18: one bit */
            put_bits(file, &bits, 0, 3 * 14);
            put_bits(file, &bits, 1, 3);            /* the length 1: one bit, after 18 in order of codes */
            put_bits(file, &bits, 0, 1);            /* 1 for the symbol 0 */
            put_bits(file, &bits, 1 | 127 << 1, 8); /* 138 zeros */
            put_bits(file, &bits, 1 | 106 << 1, 8); /* 117 more: up to 255 */
            put_bits(file, &bits, 0, 1);            /* 1 for the end of the block */
            put_bits(file, &bits, 0, 1);            /* 1 for a distance */
            put_bits(file, &bits, 1, 1);            /* the end */
        } else {
            put_bits(file, &bits, 1, 2);
            put_bits(file, &bits, 0, 7);
        }
        bits = members ? (bits + 7) / 8 * 8 : bits;
    }
    bytes = (bits + 7) / 8;
    put_le(file, &bytes, members ? 0 : crc32_of(idx, sizeof idx));
    put_le(file, &bytes, members ? 0 : sizeof idx);
    if (fwrite(file, 1, bytes, f) != bytes || fclose(f))
        exit(EXIT_FAILURE);
    const int32_t status = sixnet_dataset_from_idx(&ds, NULL, path, NULL);
    remove(path);
    check(status);
    sixnet_dataset_free(ds);
    free(file);
}

static void unpack_fixed(int size) { unpack(size, false, false); }
static void unpack_dynamic(int size) { unpack(size, true, false); }
static void unpack_members(int size) { unpack(size, false, true); }

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(int size);
    } works[] = {
        {"fit_epochs", fit_epochs},           {"fit_averaged_epochs", fit_averaged_epochs},
        {"fit_batches", fit_batches},         {"cancelled_predict", cancelled_predict},
        {"parse_lines", parse_lines},         {"parse_names", parse_names},
        {"parse_inputs", parse_inputs},       {"plan_inputs", plan_inputs},
        {"plan_nothing", plan_nothing},       {"load_tensors", load_tensors},
        {"unpack_fixed", unpack_fixed},       {"unpack_dynamic", unpack_dynamic},
        {"unpack_members", unpack_members},   {"load_unknown", load_unknown},
        {"load_twice", load_twice},           {"load_pairs", load_pairs},
        {"load_checkpoint", load_checkpoint}, {"from_idx", from_idx},
    };
    for (size_t i = 0; i < sizeof works / sizeof *works && argc == 3; i++)
        if (strcmp(works[i].name, argv[1]) == 0) {
            works[i].run(atoi(argv[2]));
            return EXIT_SUCCESS;
        }
    fprintf(stderr, "usage: growth NAME SIZE\n");
    return EXIT_FAILURE;
}
