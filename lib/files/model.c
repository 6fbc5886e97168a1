/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <string.h>

#include "base/status.h"
#include "base/version.h"
#include "files/weights.h"

static const six_attr save_attrs[] = {
    {"sync", SIX_BOOL, offsetof(six_save_options, sync), 0, 1, "true", NULL, "wait until the disk has it"},
    {.name = NULL},
};

#define LOAD_ATTRS                                                                                                     \
    {"max_bytes",                                                                                                      \
     SIX_INT,                                                                                                          \
     offsetof(six_load_options, max_bytes),                                                                            \
     0,                                                                                                                \
     0x1p53,                                                                                                           \
     "1099511627776",                                                                                                  \
     NULL,                                                                                                             \
     "a larger file is refused"},                                                                                      \
        {"checksum", SIX_BOOL, offsetof(six_load_options, checksum), 0, 1,                                             \
         "true",     NULL,     "whether the checksum is looked at"},                                                   \
    {                                                                                                                  \
        "check_values", SIX_BOOL, offsetof(six_load_options, check_values), 0, 1, "true", NULL,                        \
            "refuse values that are not finite, and negative variances"                                                \
    }

static const six_attr load_attrs[] = {LOAD_ATTRS, {.name = NULL}};

static const six_attr weights_attrs[] = {
    {"strict", SIX_BOOL, offsetof(six_load_options, strict), 0, 1, "true", NULL,
     "refuse a file that lacks tensors or has others"},
    LOAD_ATTRS,
    {.name = NULL},
};

const six_kind six_kind_model_save = {"model_save", "how a model or a checkpoint is saved", save_attrs,
                                      sizeof(six_save_options)};
const six_kind six_kind_model_load = {"model_load", "how a model or a checkpoint is loaded", load_attrs,
                                      sizeof(six_load_options)};
const six_kind six_kind_model_load_weights = {"model_load_weights", "how tensors are loaded", weights_attrs,
                                              sizeof(six_load_options)};

static const char format[] = "1"; /* of what the pairs and tensors mean; a file with another one is refused */

/* ---- writing ---- */

void six_record_note(six_record *r, const char *key, const char *value)
{
    r->note[r->content.notes++] = (six_st_note){key, value};
}

static void list_items(six_record *r, const sixnet_model *net, const char *values)
{
    for (int32_t i = 0; i < net->tensor_count; i++) {
        const six_tensor *t = &net->tensor[i];
        const char *its = values + (size_t)t->offset * (size_t)net->variant->real_size;
        r->item[r->content.items++] = (six_st_item){t->name, t->shape, net->ctx->dtype, its};
    }
}

int32_t six_record_begin(six_record *r, const sixnet_model *net, const void *values, const six_st_item *extra,
                         size_t extras)
{
    *r = (six_record){.content = {.ctx = net->ctx}};
    int32_t status = six_require_compiled(net);
    if (status)
        return status;
    r->text = six_model_text(net);
    r->item = six_alloc(net->ctx, (size_t)net->tensor_count + extras, sizeof *r->item);
    if (!r->text || !r->item) {
        six_record_end(r);
        return SIXNET_OUT_OF_MEMORY;
    }
    if (extras)
        memcpy(r->item, extra, extras * sizeof *extra);
    r->content.items = extras;
    list_items(r, net, values);
    r->content.item = r->item;
    r->content.note = r->note;
    six_record_note(r, "format", "pt");
    six_record_note(r, "sixnet.format", format);
    six_record_note(r, "sixnet.version", SIX_VERSION);
    six_record_note(r, "sixnet.net", r->text);
    return SIXNET_OK;
}

void six_record_end(six_record *r)
{
    six_free(r->content.ctx, r->text);
    six_free(r->content.ctx, r->item);
    r->text = NULL;
    r->item = NULL;
}

/* ---- reading ---- */

int32_t six_model_verify(const six_safetensors *s, bool checksum)
{
    const char *found = six_safetensors_get(s, "sixnet.format");
    if (!found)
        return six_fail(SIXNET_BAD_FILE,
                        "%s: has no sixnet.format, so it is not a model that sixnet saved; sixnet_model_load_weights() "
                        "reads the tensors of "
                        "any safetensors file",
                        s->label);
    if (strcmp(found, format) != 0)
        return six_fail(SIXNET_UNSUPPORTED, "%s: sixnet.format is '%.20s'; this version of the library reads '%s'",
                        s->label, found, format);
    return checksum ? six_safetensors_verify(s, true) : SIXNET_OK;
}

/* Whether the file can hold the values of the net that it describes: a few bytes of text can ask for any amount of memory. */
static int32_t check_size(const sixnet_model *net, const six_safetensors *s)
{
    int64_t wanted = 0, there = 0;
    for (int32_t i = 0; i < net->tensor_count; i++)
        wanted += net->tensor[i].size;
    for (size_t i = 0; i < s->tensor_count; i++)
        there += s->tensor[i].type < SIX_ST_VALUES ? s->tensor[i].size : 0;
    if (wanted <= there)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_FILE, "the net has %lld values, but the file's tensors have %lld", (long long)wanted,
                    (long long)there);
}

static int32_t build(sixnet_model *net, const six_safetensors *s)
{
    const char *text = six_safetensors_get(s, "sixnet.net");
    if (!text)
        return six_fail(SIXNET_BAD_FILE, "%s: has no sixnet.net", s->label);
    if (strlen(text) > SIX_NET_TEXT_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: sixnet.net: a net's text has at most %d bytes", s->label,
                        SIX_NET_TEXT_MAX);
    int32_t status = six_model_add_lines(net, text);
    if (!status)
        status = check_size(net, s);
    if (!status)
        status = six_compile(net);
    if (!status || status == SIXNET_OUT_OF_MEMORY)
        return status;
    return six_fail_prefix(status == SIXNET_CALLBACK_FAILED ? status : SIXNET_BAD_FILE, "%s: sixnet.net: ", s->label);
}

static int32_t fill(sixnet_model *net, six_safetensors *s, const six_load_options *o, six_text *report)
{
    int32_t status = six_weights_compare(s, net, o->strict, report);
    if (status)
        return status;
    if (o->check_values)
        status = six_weights_check(s, net);
    if (status)
        return status;
    six_weights_take(s, net, net->values);
    return SIXNET_OK;
}

int32_t six_model_load(sixnet_model **out, sixnet_context *ctx, six_safetensors *s, const six_load_options *o)
{
    sixnet_model *net;
    six_load_options strict = *o;
    six_text report = {.ctx = ctx};
    strict.strict = true;
    int32_t status = six_model_verify(s, o->checksum);
    if (status)
        return status;
    status = six_model_new(&net, ctx);
    if (status)
        return status;
    status = build(net, s);
    if (!status)
        status = fill(net, s, &strict, &report);
    six_text_free(&report);
    if (status)
        six_model_release(net);
    else
        *out = net;
    return status;
}

int32_t six_model_load_weights(sixnet_model *net, six_safetensors *s, const six_load_options *o)
{
    six_text report = {.ctx = net->ctx};
    int32_t status = o->checksum ? six_safetensors_verify(s, false) : SIXNET_OK;
    if (!status)
        status = fill(net, s, o, &report);
    six_model_set_report(net, SIX_REPORT_WEIGHTS, report.data);
    return status;
}
