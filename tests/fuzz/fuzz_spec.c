/* SPDX-License-Identifier: MIT */

/* Bytes as the text of one thing: a kind and its attributes. What is read and written is read again as the same; what can be made
 * of it is made and used. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/spec.h"
#include "base/text.h"
#include "fuzz.h"
#include "kinds.h"

enum { SAMPLES = 16, EPOCHS = 4 };

static sixnet_context *ctx;
static sixnet_model *net;
static const float inputs[SAMPLES * 4], targets[SAMPLES];

static void begin(void)
{
    ctx = fuzz_context("max_memory=1048576");
    MUST(sixnet_model_parse(&net, ctx, "input shape=4\nlinear out_features=1\nmse\n") == SIXNET_OK);
}

/* ---- there and back ---- */

static char *written(const six_kind *kind, const void *values)
{
    six_text t = {.ctx = ctx};
    six_text_add(&t, "%s", "");
    six_spec_write(kind, values, &t);
    MUST(!t.failed);
    return t.data;
}

static bool there_and_back(const six_kind *kind, const char *rest)
{
    void *values = malloc(kind->size + 1), *again = malloc(kind->size + 1);
    bool good = fuzz_status(six_spec_parse(kind, rest, values, NULL, NULL)) == SIXNET_OK;
    if (good) {
        char *text = written(kind, values);
        MUST(six_spec_parse(kind, text, again, NULL, NULL) == SIXNET_OK);
        char *text_again = written(kind, again);
        MUST(strcmp(text, text_again) == 0);
        six_free(ctx, text);
        six_free(ctx, text_again);
        fuzz_worked();
    }
    free(values);
    free(again);
    return good;
}

/* ---- using it ---- */

static sixnet_dataset *new_dataset(void)
{
    sixnet_dataset *ds;
    MUST(sixnet_dataset_from_arrays(&ds, ctx, "shape=1x2x2 copy=false", inputs, targets, SAMPLES) == SIXNET_OK);
    return ds;
}

static void run_optimizer(const char *text, const char *schedule)
{
    sixnet_optimizer *opt;
    if (fuzz_status(sixnet_optimizer_new(&opt, net, text, schedule)) != SIXNET_OK)
        return;
    for (int i = 0; i < EPOCHS; i++) {
        fuzz_status(sixnet_optimizer_step(opt));
        MUST(sixnet_optimizer_end_epoch(opt, EPOCHS - i) == SIXNET_OK);
        MUST(sixnet_optimizer_learning_rate(opt) >= 0);
    }
    sixnet_optimizer_free(opt);
    MUST(sixnet_model_reset(net, 0) == SIXNET_OK);
}

static void use_optimizer(const char *text) { run_optimizer(text, NULL); }

static void use_schedule(const char *text) { run_optimizer("sgd lr=0.1", text); }

static int64_t product(const int64_t *dims, int32_t rank)
{
    int64_t size = 1;
    for (int32_t i = 0; i < rank; i++)
        size *= dims[i];
    return size;
}

/* A text may ask for samples of any size. */
static void use_transform(const char *text)
{
    enum { MOST = 1 << 20 };
    sixnet_dataset *ds = new_dataset();
    int64_t dims[8], target_dims[8];
    int32_t rank, target_rank;
    if (fuzz_status(sixnet_dataset_add_transform(ds, text)) == SIXNET_OK) {
        MUST(sixnet_dataset_shape(ds, dims, &rank, target_dims, &target_rank) == SIXNET_OK);
        const int64_t size = product(dims, rank), target_size = product(target_dims, target_rank);
        if (size <= MOST && target_size <= MOST) {
            float *values = malloc((size_t)(size + target_size) * sizeof *values);
            MUST(values && sixnet_dataset_get_sample(ds, 1, values, values + size) == SIXNET_OK);
            free(values);
        }
    }
    sixnet_dataset_free(ds);
}

static void use_split(const char *rest)
{
    sixnet_dataset *ds = new_dataset(), *first, *second;
    if (fuzz_status(sixnet_dataset_split(&first, &second, ds, rest)) == SIXNET_OK)
        MUST(sixnet_dataset_size(first) + sixnet_dataset_size(second) == SAMPLES);
    sixnet_dataset_free(first);
    sixnet_dataset_free(second);
    sixnet_dataset_free(ds);
}

static void use_batches(const char *rest)
{
    sixnet_batch_iterator *batches;
    sixnet_dataset *ds = new_dataset();
    const float *in, *target;
    int64_t n = 1, total = 0;
    if (fuzz_status(sixnet_batch_iterator_new(&batches, ds, rest)) == SIXNET_OK) {
        MUST(sixnet_batch_iterator_start_epoch(batches, 1) == SIXNET_OK);
        for (; n; total += n)
            MUST(sixnet_batch_iterator_next(batches, &in, &target, &n) == SIXNET_OK);
        MUST(total <= SAMPLES);
    }
    sixnet_batch_iterator_free(batches);
    sixnet_dataset_free(ds);
}

static const struct {
    const char *family, *kind; /* kind NULL: all */
    bool whole;                /* takes the text with its first word */
    void (*use)(const char *text);
} uses[] = {
    {"optimizer", NULL, true, use_optimizer},
    {"schedule", NULL, true, use_schedule},
    {"transform", NULL, true, use_transform},
    {"options", "dataset_split", false, use_split},
    {"options", "batch_iterator", false, use_batches},
    {"layer", NULL, true, NULL},
    {"loss", NULL, true, NULL},
    {"options", NULL, false, NULL},
};

static void try_as(size_t use, const char *kind_name, const char *text, const char *rest)
{
    const six_kind *kind = six_kind_named(uses[use].family, kind_name);
    if (!kind || (uses[use].kind && strcmp(uses[use].kind, kind_name) != 0))
        return;
    if (there_and_back(kind, rest) && uses[use].use)
        uses[use].use(uses[use].whole ? text : rest);
}

static void try_text(const char *text)
{
    char name[32];
    six_span word;
    const char *rest;
    if (fuzz_status(six_spec_kind(text, &word, &rest)) || word.end - word.begin >= (ptrdiff_t)sizeof name)
        return;
    memcpy(name, word.begin, (size_t)(word.end - word.begin));
    name[word.end - word.begin] = '\0';
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        try_as(i, name, text, rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    if (!ctx)
        begin();
    fuzz_enter();
    fuzz_begin(size);
    try_text(text);
    if (strchr(text, ';'))
        use_schedule(text);
    fuzz_bound(1 << 20);
    fuzz_leave();
    free(text);
    return 0;
}
