/* SPDX-License-Identifier: MIT */

/* Bytes as JSON: token by token, and as the header of a safetensors file. */

#include <stdlib.h>
#include <string.h>

#include "files/json.h"
#include "files/safetensors.h"
#include "fuzz.h"

/* ---- tokens ---- */

static bool is_continuation(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

/* Control characters may be there, as escapes; what else a string is made of is whole UTF-8. */
static void check_string(const char *string, size_t room)
{
    size_t length = strlen(string);
    MUST(length < room);
    for (size_t i = 0; i < length;) {
        unsigned char lead = (unsigned char)string[i];
        size_t more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        MUST(lead < 0x80 || (lead >= 0xC2 && lead < 0xF5));
        for (size_t k = 1; k <= more; k++)
            MUST(is_continuation(string[i + k]));
        i += more + 1;
    }
}

static int32_t take_string(six_json *j)
{
    const char *string;
    int32_t status = six_json_string(j, &string);
    if (!status)
        check_string(string, (size_t)(j->end - string));
    return status;
}

static int32_t take_count(six_json *j)
{
    int64_t count;
    int32_t status = six_json_count(j, &count);
    if (!status)
        MUST(count >= 0);
    return status;
}

enum { DEEPEST = 16 };

static int32_t take_value(six_json *j, int depth);

static int32_t take_members(six_json *j, char close, int depth)
{
    bool more = true;
    int32_t status = SIXNET_OK;
    if (six_json_skip(j, close))
        return SIXNET_OK;
    while (!status && more) {
        if (close == '}')
            status = take_string(j);
        if (!status && close == '}')
            status = six_json_take(j, ':');
        if (!status)
            status = take_value(j, depth + 1);
        if (!status)
            status = six_json_more(j, close, &more);
    }
    return status;
}

static int32_t take_value(six_json *j, int depth)
{
    if (depth == DEEPEST)
        return SIXNET_BAD_FILE;
    six_json_next(j);
    if (j->at < j->end && *j->at == '"')
        return take_string(j);
    if (six_json_skip(j, '{'))
        return take_members(j, '}', depth);
    if (six_json_skip(j, '['))
        return take_members(j, ']', depth);
    return take_count(j);
}

static void read_tokens(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    six_json j = {.begin = text,
                  .at = text,
                  .end = text + size,
                  .offset = 8,
                  .label = "fuzz",
                  .object = "name",
                  .field = "field"};
    int32_t status = take_value(&j, 0);
    if (!status)
        status = six_json_finish(&j);
    MUST(j.at >= j.begin && j.at <= j.end);
    MUST(status || j.at == j.end);
    fuzz_status(status);
    free(text);
}

/* ---- a header ---- */

enum { DATA = 64 };

static void check_tensors(const six_safetensors *s)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < s->tensor_count; i++) {
        const six_st_tensor *t = &s->tensor[i];
        bytes += t->end - t->begin;
        MUST(t->begin >= 0 && t->begin <= t->end && t->end <= DATA && t->size >= 0);
        MUST(t->type >= SIX_ST_VALUES || t->size <= DATA);
        MUST(six_safetensors_find(s, t->name) == t);
        for (int64_t k = 0; t->type < SIX_ST_VALUES && k < t->size; k++)
            (void)six_safetensors_value(s, t, k);
    }
    MUST(bytes == DATA);
}

static void read_header(const uint8_t *data, size_t size)
{
    static sixnet_context *ctx;
    six_safetensors s;
    uint8_t *file = malloc(8 + size + DATA);
    MUST(file);
    if (!ctx)
        ctx = fuzz_context(NULL);
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)size >> (8 * i));
    if (size)
        memcpy(file + 8, data, size);
    memset(file + 8 + size, 1, DATA);
    fuzz_enter();
    fuzz_begin(size);
    int32_t status = fuzz_status(six_safetensors_parse(&s, ctx, "fuzz", file, 8 + size + DATA));
    fuzz_bound(10 * (uint64_t)size + 4096);
    if (!status) {
        check_tensors(&s);
        fuzz_status(six_safetensors_verify(&s, false));
        six_safetensors_free(&s);
        fuzz_worked();
    }
    fuzz_leave();
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_tokens(data, size);
    read_header(data, size);
    return 0;
}
