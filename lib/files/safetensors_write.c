/* SPDX-License-Identifier: MIT */
#include "safetensors_write.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "files/checksum.h"

enum { LENGTH_SIZE = 8, ALIGNMENT = 8 };

static size_t value_size(six_dtype dtype) { return dtype == SIX_F64 ? 8 : 4; }

static size_t item_size(const six_st_item *item)
{
    return (size_t)six_shape_size(&item->shape) * value_size(item->dtype);
}

/* ---- the header ---- */

static void add_string(six_text *t, const char *string)
{
    six_text_add(t, "\"");
    while (*string) {
        size_t plain = 0;
        while (plain < 4096 && (unsigned char)string[plain] >= ' ' && !strchr("\"\\", string[plain]))
            plain++;
        if (plain)
            six_text_add(t, "%.*s", (int)plain, string);
        else
            six_text_add(t, "\\u%04x", (unsigned)(unsigned char)*string);
        string += plain ? plain : 1;
    }
    six_text_add(t, "\"");
}

static void add_item(six_text *t, const six_st_item *item, size_t begin)
{
    six_text_add(t, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", item->name, item->dtype == SIX_F64 ? "F64" : "F32");
    for (int32_t i = 0; i < item->shape.rank; i++)
        six_text_add(t, "%s%" PRId64, i ? "," : "", item->shape.dim[i]);
    six_text_add(t, "],\"data_offsets\":[%zu,%zu]}", begin, begin + item_size(item));
}

/* The header; *sum is where in it the digits of the checksum go. */
static six_text header_of(const six_st_content *c, size_t *sum)
{
    six_text t = {.ctx = c->ctx};
    size_t at = 0;
    six_text_add(&t, "{\"__metadata__\":{\"" SIX_CHECKSUM_KEY "\":\"");
    *sum = t.length;
    six_text_add(&t, "%s\"", six_no_checksum);
    for (size_t i = 0; i < c->notes; i++) {
        six_text_add(&t, ",");
        add_string(&t, c->note[i].key);
        six_text_add(&t, ":");
        add_string(&t, c->note[i].value);
    }
    six_text_add(&t, "}");
    for (size_t i = 0; i < c->items; at += item_size(&c->item[i++]))
        add_item(&t, &c->item[i], at);
    six_text_add(&t, "}");
    size_t over = t.length % ALIGNMENT;
    six_text_add(&t, "%*s", over ? (int)(ALIGNMENT - over) : 0, "");
    return t;
}

/* ---- the data ---- */

static bool is_little_endian(void)
{
    static const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

static int32_t write_swapped(const uint8_t *values, size_t bytes, size_t size, six_sink sink)
{
    uint8_t portion[4096];
    int32_t status = SIXNET_OK;
    while (bytes > 0 && !status) {
        size_t count = bytes < sizeof portion ? bytes : sizeof portion;
        for (size_t i = 0; i < count; i++)
            portion[i] = values[i - i % size + size - 1 - i % size];
        status = sink.write(sink.user, portion, count);
        values += count;
        bytes -= count;
    }
    return status;
}

static int32_t write_values(const six_st_item *item, six_sink sink)
{
    size_t bytes = item_size(item);
    if (is_little_endian())
        return bytes ? sink.write(sink.user, item->values, bytes) : SIXNET_OK;
    return write_swapped(item->values, bytes, value_size(item->dtype), sink);
}

static int32_t write_all(const six_st_content *c, const six_text *header, six_sink sink)
{
    uint8_t length[LENGTH_SIZE];
    for (int i = 0; i < LENGTH_SIZE; i++)
        length[i] = (uint8_t)((uint64_t)header->length >> (8 * i));
    int32_t status = sink.write(sink.user, length, sizeof length);
    if (!status)
        status = sink.write(sink.user, header->data, header->length);
    for (size_t i = 0; i < c->items && !status; i++)
        status = write_values(&c->item[i], sink);
    return status;
}

static int32_t hash_more(void *user, const void *data, size_t size)
{
    six_sha256_add(user, data, size);
    return SIXNET_OK;
}

int32_t six_safetensors_write(const six_st_content *content, six_sink sink)
{
    size_t sum;
    six_sha256 hash;
    char digits[SIX_SHA256_DIGITS + 1];
    six_text header = header_of(content, &sum);
    int32_t status = header.failed ? SIXNET_OUT_OF_MEMORY : SIXNET_OK;
    if (!status) {
        six_sha256_begin(&hash);
        write_all(content, &header, (six_sink){hash_more, &hash});
        six_sha256_end_text(&hash, digits);
        memcpy(header.data + sum, digits, SIX_SHA256_DIGITS);
        status = write_all(content, &header, sink);
    }
    six_text_free(&header);
    return status;
}
