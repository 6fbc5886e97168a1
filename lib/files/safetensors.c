/* SPDX-License-Identifier: MIT */
#include "safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/content.h"
#include "base/status.h"
#include "files/checksum.h"
#include "files/json.h"
#include "base/sort.h"

enum { LENGTH_SIZE = 8 };

/* The types whose size is known: the fewest whole bytes that values fill, and how many values those are. */
static const struct {
    const char *name;
    int32_t bytes, values;
} types[] = {
    [SIX_ST_F32] = {"F32", 4, 1},
    [SIX_ST_F64] = {"F64", 8, 1},
    [SIX_ST_F16] = {"F16", 2, 1},
    [SIX_ST_BF16] = {"BF16", 2, 1},
    {"BOOL", 1, 1},
    {"U8", 1, 1},
    {"I8", 1, 1},
    {"U16", 2, 1},
    {"I16", 2, 1},
    {"U32", 4, 1},
    {"I32", 4, 1},
    {"U64", 8, 1},
    {"I64", 8, 1},
    {"F8_E4M3", 1, 1},
    {"F8_E4M3FNUZ", 1, 1},
    {"F8_E5M2", 1, 1},
    {"F8_E5M2FNUZ", 1, 1},
    {"F8_E8M0", 1, 1},
    {"C64", 8, 1},
    {"F6_E2M3", 3, 4},
    {"F6_E3M2", 3, 4},
    {"F4", 1, 2},
};
enum { TYPES = sizeof types / sizeof *types };

/* ---- the header ---- */

static int32_t read_type(six_json *j, six_st_tensor *t)
{
    int32_t status = six_json_string(j, &t->dtype);
    if (status)
        return status;
    while (t->type < TYPES && strcmp(types[t->type].name, t->dtype) != 0)
        t->type++;
    return SIXNET_OK;
}

/* Multiplies, unless the product is above 2^63 - 1. */
static bool multiply(int64_t *product, int64_t factor)
{
    if (factor && *product > INT64_MAX / factor)
        return false;
    *product *= factor;
    return true;
}

static int32_t read_shape(six_json *j, six_st_tensor *t)
{
    bool more = true, empty = false;
    size_t place = six_json_next(j);
    int32_t status = six_json_take(j, '[');
    t->size = 1;
    if (!status && six_json_skip(j, ']'))
        return SIXNET_OK;
    while (!status && more) {
        int64_t dim;
        if (t->shape.rank == SIX_MAX_RANK)
            return six_json_fail(j, six_json_next(j), "more than %d dimensions", SIX_MAX_RANK);
        status = six_json_count(j, &dim);
        if (status)
            return status;
        t->shape.dim[t->shape.rank++] = dim;
        empty |= dim == 0;
        if (dim && !multiply(&t->size, dim))
            return six_json_fail(j, place, "more than 2^63 - 1 values");
        status = six_json_more(j, ']', &more);
    }
    if (empty)
        t->size = 0;
    return status;
}

static int32_t read_offsets(six_json *j, six_st_tensor *t)
{
    size_t place = six_json_next(j);
    int32_t status = six_json_take(j, '[');
    if (!status)
        status = six_json_count(j, &t->begin);
    if (!status)
        status = six_json_take(j, ',');
    if (!status)
        status = six_json_count(j, &t->end);
    if (!status)
        status = six_json_take(j, ']');
    if (!status && t->end < t->begin)
        return six_json_fail(j, place, "the end %" PRId64 " is before the begin %" PRId64, t->end, t->begin);
    return status;
}

static const struct {
    const char *name;
    int32_t (*read)(six_json *j, six_st_tensor *t);
} fields[] = {{"dtype", read_type}, {"shape", read_shape}, {"data_offsets", read_offsets}};
enum { FIELDS = sizeof fields / sizeof *fields };

static int32_t read_field(six_json *j, six_st_tensor *t, bool seen[static FIELDS])
{
    const char *name;
    size_t place = six_json_next(j);
    int32_t status = six_json_string(j, &name), i = 0;
    if (status)
        return status;
    while (i < FIELDS && strcmp(fields[i].name, name) != 0)
        i++;
    if (i == FIELDS)
        return six_json_fail(j, place, "unknown key '%.40s'", name);
    j->field = fields[i].name;
    if (seen[i])
        return six_json_fail(j, place, "given twice");
    seen[i] = true;
    status = six_json_take(j, ':');
    if (status)
        return status;
    return fields[i].read(j, t);
}

/* Of a type that is not known, the offsets alone tell the size. */
static int32_t check_size(const six_json *j, const six_st_tensor *t)
{
    char shape[160];
    if (t->type == TYPES)
        return SIXNET_OK;
    const int32_t values = types[t->type].values;
    int64_t bytes = t->size / values;
    if (t->size % values)
        return six_json_fail(j, t->place, "shape: [%s] values of type %s end within a byte",
                             six_shape_text(&t->shape, shape), t->dtype);
    if (!multiply(&bytes, types[t->type].bytes))
        return six_json_fail(j, t->place, "shape: more than 2^63 - 1 bytes");
    if (t->end - t->begin != bytes)
        return six_json_fail(j, t->place, "data_offsets: %" PRId64 " bytes; [%s] values of type %s have %" PRId64,
                             t->end - t->begin, six_shape_text(&t->shape, shape), t->dtype, bytes);
    return SIXNET_OK;
}

static int32_t read_tensor(six_json *j, six_st_tensor *t)
{
    bool more = true, seen[FIELDS] = {false};
    int32_t status = six_json_take(j, '{');
    if (!status && six_json_skip(j, '}'))
        more = false;
    while (!status && more) {
        status = read_field(j, t, seen);
        j->field = NULL;
        if (!status)
            status = six_json_more(j, '}', &more);
    }
    for (int32_t i = 0; i < FIELDS && !status; i++)
        if (!seen[i])
            return six_json_fail(j, t->place, "%s is missing", fields[i].name);
    if (status)
        return status;
    return check_size(j, t);
}

static int32_t read_pair(six_safetensors *s, six_json *j)
{
    six_st_pair pair = {0};
    int32_t status = six_json_string(j, &pair.key);
    if (status)
        return status;
    j->field = pair.key;
    status = six_json_take(j, ':');
    if (!status)
        status = six_json_string(j, &pair.value);
    j->field = NULL;
    if (!status)
        status = six_grow(s->ctx, (void **)&s->pair, sizeof pair, s->pair_count, &s->pair_capacity);
    if (status)
        return status;
    s->pair[s->pair_count++] = pair;
    return SIXNET_OK;
}

static int32_t read_pairs(six_safetensors *s, six_json *j)
{
    bool more = true;
    int32_t status = six_json_take(j, '{');
    if (!status && six_json_skip(j, '}'))
        return SIXNET_OK;
    while (!status && more) {
        status = read_pair(s, j);
        if (!status)
            status = six_json_more(j, '}', &more);
    }
    return status;
}

/* A member of the header: the pairs or a tensor. */
static int32_t read_member(six_safetensors *s, six_json *j, bool *has_pairs)
{
    six_st_tensor t = {0};
    t.place = six_json_next(j);
    int32_t status = six_json_string(j, &t.name);
    if (status)
        return status;
    status = six_json_take(j, ':');
    if (status)
        return status;
    j->object = t.name;
    if (strcmp(t.name, "__metadata__") == 0) {
        if (*has_pairs)
            return six_json_fail(j, t.place, "given twice");
        *has_pairs = true;
        status = read_pairs(s, j);
    } else {
        status = read_tensor(j, &t);
        if (!status)
            status = six_grow(s->ctx, (void **)&s->tensor, sizeof t, s->tensor_count, &s->tensor_capacity);
        if (!status)
            s->tensor[s->tensor_count++] = t;
    }
    j->object = NULL;
    return status;
}

static int32_t read_header(six_safetensors *s, six_json *j)
{
    bool more = true, has_pairs = false;
    if (*j->begin != '{')
        return six_json_fail(j, j->offset, "byte 0x%02x; a header begins with '{'", (unsigned char)*j->begin);
    int32_t status = six_json_take(j, '{');
    if (!status && six_json_skip(j, '}'))
        more = false;
    while (!status && more) {
        status = read_member(s, j, &has_pairs);
        if (!status)
            status = six_json_more(j, '}', &more);
    }
    if (status)
        return status;
    return six_json_finish(j);
}

/* ---- what must hold of all tensors together ---- */

static int by_number(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int by_offset(const void *a, const void *b)
{
    const six_st_tensor *s = a, *t = b;
    int order = by_number(s->begin, t->begin);
    return order ? order : by_number(s->end, t->end);
}

static int by_name(const void *a, const void *b)
{
    const six_st_tensor *s = a, *t = b;
    int order = strcmp(s->name, t->name);
    return order ? order : by_number((int64_t)s->place, (int64_t)t->place);
}

static int by_key(const void *a, const void *b)
{
    const six_st_pair *s = a, *t = b;
    int order = strcmp(s->key, t->key);
    return order ? order : (s->key > t->key) - (s->key < t->key);
}

static int32_t check_cover(six_safetensors *s, six_json *j)
{
    int64_t at = 0, size = (int64_t)(s->size - LENGTH_SIZE - s->header_size);
    six_sort(s->tensor, s->tensor_count, sizeof *s->tensor, by_offset);
    j->field = "data_offsets";
    for (size_t i = 0; i < s->tensor_count; i++) {
        const six_st_tensor *t = &s->tensor[i];
        j->object = t->name;
        if (t->begin != at)
            return six_json_fail(j, t->place,
                                 "begins at byte %" PRId64 " of the data, but the tensors before it end at %" PRId64,
                                 t->begin, at);
        if (t->end > size)
            return six_json_fail(j, t->place,
                                 "ends at byte %" PRId64 " of the data, which has %" PRId64 "; the file is cut", t->end,
                                 size);
        at = t->end;
    }
    j->object = j->field = NULL;
    if (at != size)
        return six_json_fail(j, LENGTH_SIZE + s->header_size + (size_t)at, "%" PRId64 " bytes that belong to no tensor",
                             size - at);
    return SIXNET_OK;
}

/* Where a string of the header begins in the file, behind its quotation mark. */
static size_t place_of(const six_safetensors *s, const char *string)
{
    return LENGTH_SIZE + (size_t)(string - s->header);
}

static int32_t check_names(six_safetensors *s, six_json *j)
{
    six_sort(s->tensor, s->tensor_count, sizeof *s->tensor, by_name);
    six_sort(s->pair, s->pair_count, sizeof *s->pair, by_key);
    for (size_t i = 1; i < s->tensor_count; i++)
        if (strcmp(s->tensor[i - 1].name, s->tensor[i].name) == 0) {
            j->object = s->tensor[i].name;
            return six_json_fail(j, s->tensor[i].place, "given twice");
        }
    for (size_t i = 1; i < s->pair_count; i++)
        if (strcmp(s->pair[i - 1].key, s->pair[i].key) == 0) {
            j->object = s->pair[i].key;
            return six_json_fail(j, place_of(s, s->pair[i].key) - 1, "given twice");
        }
    return SIXNET_OK;
}

/* ---- the file ---- */

static uint64_t little_endian(const uint8_t *p, int32_t size)
{
    uint64_t value = 0;
    while (size-- > 0)
        value = value << 8 | p[size];
    return value;
}

/* A file of another kind, or one that is cut within its header. */
static int32_t fail_length(const six_safetensors *s, uint64_t length)
{
    char head[4 * LENGTH_SIZE + 1] = "";
    const six_content *content = six_content_of(s->bytes, s->size < 64 ? s->size : 64);
    const size_t rest = s->size - LENGTH_SIZE;
    if (length >= 2 && length <= SIX_ST_HEADER_MAX && rest > 0 && s->bytes[LENGTH_SIZE] == '{')
        return six_fail(SIXNET_BAD_FILE, "%s: byte 0: header length %" PRIu64 ", but %zu bytes follow; the file is cut",
                        s->label, length, rest);
    for (int i = 0; i < LENGTH_SIZE; i++)
        snprintf(head + strlen(head), 5, s->bytes[i] >= ' ' && s->bytes[i] < 0x7F ? "%c" : "\\x%02x", s->bytes[i]);
    return six_fail(SIXNET_BAD_FILE,
                    "%s: byte 0: header length %" PRIu64
                    ", but %zu bytes follow; a file that begins with '%s' is no safetensors file%s%s",
                    s->label, length, rest, head, content ? " but " : "", content ? content->name : "");
}

static int32_t find_header(six_safetensors *s)
{
    if (s->size < LENGTH_SIZE)
        return six_fail(SIXNET_BAD_FILE,
                        "%s: byte %zu: the file ends within the header's length, so it is no safetensors file",
                        s->label, s->size);
    uint64_t length = little_endian(s->bytes, LENGTH_SIZE);
    if (length < 2 || length > s->size - LENGTH_SIZE)
        return fail_length(s, length);
    if (length > SIX_ST_HEADER_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: byte 0: header length %" PRIu64 "; at most %d are read", s->label,
                        length, SIX_ST_HEADER_MAX);
    s->header_size = (size_t)length;
    s->data = s->bytes + LENGTH_SIZE + length;
    s->header = six_alloc(s->ctx, s->header_size, 1);
    if (!s->header)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(s->header, s->bytes + LENGTH_SIZE, s->header_size);
    return SIXNET_OK;
}

int32_t six_safetensors_parse(six_safetensors *s, const sixnet_context *ctx, const char *label, const uint8_t *bytes,
                              size_t size)
{
    *s = (six_safetensors){.ctx = ctx, .label = label, .bytes = bytes, .size = size};
    int32_t status = find_header(s);
    six_json j = {.begin = s->header, .at = s->header, .offset = LENGTH_SIZE, .label = label};
    if (!status) {
        j.end = s->header + s->header_size;
        status = read_header(s, &j);
    }
    if (!status)
        status = check_cover(s, &j);
    if (!status)
        status = check_names(s, &j);
    if (status)
        six_safetensors_free(s);
    return status;
}

void six_safetensors_free(six_safetensors *s)
{
    six_free(s->ctx, s->tensor);
    six_free(s->ctx, s->pair);
    six_free(s->ctx, s->header);
    s->tensor = NULL;
    s->pair = NULL;
    s->header = NULL;
}

six_st_tensor *six_safetensors_find(const six_safetensors *s, const char *name)
{
    size_t low = 0, high = s->tensor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(s->tensor[middle].name, name);
        if (order == 0)
            return &s->tensor[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const six_st_pair *find_pair(const six_safetensors *s, const char *key)
{
    for (size_t i = 0; i < s->pair_count; i++)
        if (strcmp(s->pair[i].key, key) == 0)
            return &s->pair[i];
    return NULL;
}

const char *six_safetensors_get(const six_safetensors *s, const char *key)
{
    const six_st_pair *pair = find_pair(s, key);
    return pair ? pair->value : NULL;
}

/* ---- the checksum ---- */

int32_t six_safetensors_verify(const six_safetensors *s, bool required)
{
    const six_st_pair *pair = find_pair(s, SIX_CHECKSUM_KEY);
    char digits[SIX_SHA256_DIGITS + 1];
    six_sha256 hash;
    if (!pair)
        return required ? six_fail(SIXNET_BAD_FILE, "%s: has no sixnet.checksum; checksum=false reads it all the same",
                                   s->label)
                        : SIXNET_OK;
    const size_t place = place_of(s, pair->value), rest = place + SIX_SHA256_DIGITS;
    if (strlen(pair->value) != SIX_SHA256_DIGITS || s->bytes[rest] != '"')
        return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: sixnet.checksum: expected %d hexadecimal digits", s->label,
                        place, SIX_SHA256_DIGITS);
    six_sha256_begin(&hash);
    six_sha256_add(&hash, s->bytes, place);
    six_sha256_add(&hash, six_no_checksum, SIX_SHA256_DIGITS);
    six_sha256_add(&hash, s->bytes + rest, s->size - rest);
    six_sha256_end_text(&hash, digits);
    if (strcmp(digits, pair->value) == 0)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_FILE,
                    "%s: byte %zu: sixnet.checksum does not fit the file, which was damaged or changed", s->label,
                    place);
}

/* ---- values ---- */

static double from_f16(uint32_t bits)
{
    double sign = bits >> 15 ? -1 : 1;
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    if (exponent == 31)
        return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

double six_safetensors_value(const six_safetensors *s, const six_st_tensor *t, int64_t i)
{
    int32_t size = types[t->type].bytes;
    uint64_t bits = little_endian(s->data + t->begin + i * size, size);
    uint32_t low = (uint32_t)(t->type == SIX_ST_BF16 ? bits << 16 : bits);
    float single;
    double value;
    if (t->type == SIX_ST_F64) {
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (t->type == SIX_ST_F16)
        return from_f16(low);
    memcpy(&single, &low, sizeof single);
    return (double)single;
}
