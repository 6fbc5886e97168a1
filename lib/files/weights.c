/* SPDX-License-Identifier: MIT */
#include "weights.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

/* ---- names and shapes ---- */

typedef struct comparison {
    six_safetensors *file;
    const sixnet_model *net;
    six_text *report;
    int64_t missing, unexpected, unfit;
} comparison;

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), end_length = strlen(end);
    return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/* The bytes of a list from which on names are only counted, and those of a name or a type that are shown. */
enum { LIST_MAX = 1 << 16, SHOWN_MAX = 512 };

typedef struct name_list {
    const char *title;
    size_t begin;          /* in the report */
    int64_t count, hidden; /* names; those that are not in the report */
} name_list;

/* The bytes of a word that are shown: whole characters. */
static int shown(const char *word)
{
    size_t length = strlen(word);
    if (length <= SHOWN_MAX)
        return (int)length;
    for (length = SHOWN_MAX; length > 0 && ((unsigned char)word[length] & 0xC0) == 0x80; length--)
        ;
    return (int)length;
}

/* Adds a name or a type, which may be a foreign one: control characters become '?'. */
static void add_foreign(six_text *report, const char *word)
{
    const size_t begin = report->length;
    const int length = shown(word);
    six_text_add(report, "%.*s%s", length, word, word[length] ? "..." : "");
    for (size_t i = begin; i < report->length; i++)
        if ((unsigned char)report->data[i] < ' ' || report->data[i] == 0x7F)
            report->data[i] = '?';
}

static void add_name(six_text *report, name_list *list, const char *name)
{
    size_t begin = report->length;
    list->begin = list->count++ ? list->begin : begin;
    if (begin - list->begin > LIST_MAX) {
        list->hidden++;
        return;
    }
    six_text_add(report, "%s", list->count == 1 ? list->title : ", ");
    add_foreign(report, name);
}

static void end_list(six_text *report, const name_list *list)
{
    if (list->hidden)
        six_text_add(report, " and %" PRId64 " more", list->hidden);
    if (list->count)
        six_text_add(report, "\n");
}

static bool fits(const six_st_tensor *t, const six_tensor *wanted)
{
    return t->type < SIX_ST_VALUES && six_shape_equal(&t->shape, &wanted->shape);
}

static void find_missing(comparison *c)
{
    name_list list = {.title = "missing: "};
    for (int32_t i = 0; i < c->net->tensor_count; i++) {
        six_st_tensor *t = six_safetensors_find(c->file, c->net->tensor[i].name);
        if (t)
            t->used = true;
        else
            add_name(c->report, &list, c->net->tensor[i].name);
    }
    end_list(c->report, &list);
    c->missing = list.count;
}

/* BatchNorm's counter of batches, which PyTorch saves and the layer here has not. */
static void pass_over_counters(comparison *c)
{
    static const char mean[] = ".running_mean", counter[] = ".num_batches_tracked";
    char name[SIX_NAME_MAX + SIX_PARAM_NAME_MAX + sizeof counter];
    for (int32_t i = 0; i < c->net->tensor_count; i++) {
        const char *tensor = c->net->tensor[i].name;
        if (!ends_with(tensor, mean))
            continue;
        snprintf(name, sizeof name, "%.*s%s", (int)(strlen(tensor) - strlen(mean)), tensor, counter);
        six_st_tensor *t = six_safetensors_find(c->file, name);
        if (t)
            t->used = true;
    }
}

static void find_unexpected(comparison *c)
{
    name_list list = {.title = "unexpected: "};
    pass_over_counters(c);
    for (size_t i = 0; i < c->file->tensor_count; i++) {
        const six_st_tensor *t = &c->file->tensor[i];
        if (!t->used && strncmp(t->name, SIX_RESERVED_PREFIX, strlen(SIX_RESERVED_PREFIX)) != 0)
            add_name(c->report, &list, t->name);
    }
    end_list(c->report, &list);
    c->unexpected = list.count;
}

static void find_unfit(comparison *c)
{
    char shape[160], wanted[160];
    for (int32_t i = 0; i < c->net->tensor_count; i++) {
        const six_tensor *tensor = &c->net->tensor[i];
        const six_st_tensor *t = six_safetensors_find(c->file, tensor->name);
        if (!t || fits(t, tensor))
            continue;
        c->unfit++;
        six_text_add(c->report, "mismatch: %s is %s of ", tensor->name, six_shape_text(&t->shape, shape));
        add_foreign(c->report, t->dtype);
        six_text_add(c->report, " in the file (byte %zu), %s of F32, F64, F16 or BF16 in the net\n", t->place,
                     six_shape_text(&tensor->shape, wanted));
    }
}

/* The report's lines as one. */
static int32_t fail_report(const comparison *c)
{
    six_text line = {.ctx = c->net->ctx};
    const char *at = c->report->data;
    for (size_t length; *at; at += length + 1) {
        length = strcspn(at, "\n");
        six_text_add(&line, "; %.*s", (int)length, at);
    }
    const int32_t status = line.failed
                               ? SIXNET_OUT_OF_MEMORY
                               : six_fail(SIXNET_BAD_FILE, "%s: does not fit the net%s", c->file->label, line.data);
    six_text_free(&line);
    return status;
}

int32_t six_weights_compare(six_safetensors *s, const sixnet_model *net, bool strict, six_text *report)
{
    comparison c = {s, net, report, 0, 0, 0};
    find_missing(&c);
    find_unexpected(&c);
    find_unfit(&c);
    if (report->failed)
        return SIXNET_OUT_OF_MEMORY;
    return c.unfit || (strict && (c.missing || c.unexpected)) ? fail_report(&c) : SIXNET_OK;
}

/* ---- values ---- */

int32_t six_values_check(const six_safetensors *s, const six_st_tensor *t, six_dtype dtype, double least)
{
    double most = dtype == SIX_F64 ? DBL_MAX : (double)FLT_MAX;
    for (int64_t i = 0; i < t->size; i++) {
        double value = six_safetensors_value(s, t, i);
        if (fabs(value) <= most && value >= least)
            continue;
        size_t place =
            (size_t)(s->data - s->bytes) + (size_t)t->begin + (size_t)i * (size_t)((t->end - t->begin) / t->size);
        return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: '%s': value %" PRId64 " is %s", s->label, place, t->name, i,
                        isnan(value)         ? "not a number"
                        : fabs(value) > most ? "infinite"
                                             : "negative");
    }
    return SIXNET_OK;
}

static double least_of(const six_tensor *t) { return ends_with(t->name, ".running_var") ? 0 : -DBL_MAX; }

int32_t six_weights_check(const six_safetensors *s, const sixnet_model *net)
{
    int32_t status = SIXNET_OK;
    for (int32_t i = 0; i < net->tensor_count && !status; i++) {
        const six_st_tensor *t = six_safetensors_find(s, net->tensor[i].name);
        if (t)
            status = six_values_check(s, t, net->ctx->dtype, least_of(&net->tensor[i]));
    }
    return status;
}

int32_t six_weights_check_array(const six_safetensors *s, const six_st_tensor *all, const sixnet_model *net)
{
    int32_t status = SIXNET_OK;
    const int64_t size = net->values_size ? (all->end - all->begin) / net->values_size : 0;
    for (int32_t i = 0; i < net->tensor_count && !status; i++) {
        const six_tensor *tensor = &net->tensor[i];
        six_st_tensor part = *all;
        part.size = tensor->size;
        part.begin += tensor->offset * size;
        part.end = part.begin + part.size * size;
        status = six_values_check(s, &part, net->ctx->dtype, least_of(tensor));
    }
    return status;
}

void six_weights_copy(const six_safetensors *s, const six_st_tensor *from, void *to, six_dtype dtype)
{
    for (int64_t i = 0; i < from->size; i++) {
        double value = six_safetensors_value(s, from, i);
        if (dtype == SIX_F64)
            ((double *)to)[i] = value;
        else
            ((float *)to)[i] = (float)value;
    }
}

void six_weights_take(const six_safetensors *s, sixnet_model *net, void *values)
{
    for (int32_t i = 0; i < net->tensor_count; i++) {
        const six_tensor *tensor = &net->tensor[i];
        const six_st_tensor *t = six_safetensors_find(s, tensor->name);
        if (t)
            six_weights_copy(s, t, six_tensor_at(net, values, tensor), net->ctx->dtype);
    }
    six_tensors_changed(net);
    net->pass = SIX_PASS_NONE;
}
