/* SPDX-License-Identifier: MIT */

/* Two parts of a dataset: so many samples and the rest, or all folds but one and that one. */

#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "dataset.h"

typedef struct split {
    int64_t first_size, folds, fold, seed;
    int32_t shuffle, stratify;
} split;

static const six_attr attrs[] = {
    {"first_size", SIX_INT, offsetof(split, first_size), 0, SIX_SEED_MAX, "0", NULL,
     "the number of samples of the first part"},
    {"folds", SIX_INT, offsetof(split, folds), 0, SIX_SEED_MAX, "0", NULL,
     "in place of first_size: so many equal parts, of which the second dataset gets one and the first the others"},
    {"fold", SIX_INT, offsetof(split, fold), 0, SIX_SEED_MAX, "0", NULL, "which one, from 0 to folds - 1"},
    {"stratify", SIX_BOOL, offsetof(split, stratify), 0, 1, "false", NULL,
     "give both parts the same share of each class, within one sample"},
    {"seed", SIX_INT, offsetof(split, seed), -1, SIX_SEED_MAX, "-1", NULL, "of the mixing; -1 for the context's seed"},
    {"shuffle", SIX_BOOL, offsetof(split, shuffle), 0, 1, "true", NULL, "mix the samples first"},
    {0},
};

const six_kind six_kind_dataset_split = {"dataset_split", "two parts of a dataset", attrs, sizeof(split)};

/* A dataset of the samples that numbers tell, with the transforms of ds. */
static int32_t choose(sixnet_dataset **out, const sixnet_dataset *ds, const int64_t *numbers, int64_t n)
{
    int32_t status = six_dataset_new(out, ds->source);
    if (status)
        return status;
    sixnet_dataset *part = *out;
    part->size = n;
    part->nsteps = ds->nsteps;
    part->out_of_place = ds->out_of_place;
    part->uses_partner = ds->uses_partner;
    part->workspace_size = ds->workspace_size;
    memcpy(part->widest, ds->widest, sizeof part->widest);
    for (int32_t k = 0; k < ds->nsteps; k++)
        part->stages[k] = six_stage_retain(ds->stages[k]);
    part->order = six_alloc(ds->source->ctx, (size_t)n, sizeof *part->order);
    if (!part->order) {
        six_dataset_free(part);
        *out = NULL;
        return SIXNET_OUT_OF_MEMORY;
    }
    for (int64_t i = 0; i < n; i++)
        part->order[i] = ds->order ? ds->order[numbers[i]] : numbers[i];
    return SIXNET_OK;
}

static int32_t split_at(sixnet_dataset **first, sixnet_dataset **second, const sixnet_dataset *ds,
                        const int64_t *numbers, int64_t n)
{
    int32_t status = choose(first, ds, numbers, n);
    if (!status)
        status = choose(second, ds, numbers + n, ds->size - n);
    if (status) {
        six_dataset_free(*first);
        *first = NULL;
    }
    return status;
}

static int32_t check(const split *s, const sixnet_dataset *ds)
{
    if ((s->first_size > 0) == (s->folds > 0))
        return six_fail(SIXNET_BAD_SPEC,
                        "dataset_split: first_size=%" PRId64 " folds=%" PRId64 "; set exactly one of them",
                        s->first_size, s->folds);
    if (s->first_size >= ds->size)
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "dataset_split: first_size=%" PRId64 " must be less than the number of samples (%" PRId64 ")",
                        s->first_size, ds->size);
    if (s->folds > ds->size || s->folds == 1)
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "dataset_split: folds=%" PRId64 " of %" PRId64
                        " samples must be from 2 to the number of samples",
                        s->folds, ds->size);
    if (s->fold > 0 && s->fold >= s->folds)
        return six_fail(SIXNET_INVALID_ARGUMENT, "dataset_split: fold=%" PRId64 " is not below folds=%" PRId64, s->fold,
                        s->folds);
    return SIXNET_OK;
}

/* Says for each sample whether it belongs to the second part. `order` is the order to deal the samples in: in turn, so that any run of
 * neighbors, such as a class, is shared out within one sample. */
static void deal(const split *s, const int64_t *order, int64_t n, bool *second)
{
    int64_t due = 0; /* counts up to n for each sample of the first part */
    for (int64_t i = 0; i < n; i++) {
        if (s->folds > 0) {
            second[order[i]] = i % s->folds == s->fold;
            continue;
        }
        due += s->first_size;
        second[order[i]] = due < n;
        due -= due < n ? 0 : n;
    }
}

/* The same in one run, of samples that need no sharing out. */
static void cut(const split *s, const int64_t *order, int64_t n, bool *second)
{
    const int64_t more = s->folds > 0 ? n % s->folds : 0, least = s->folds > 0 ? n / s->folds : 0;
    const int64_t begin = s->folds > 0 ? s->fold * least + (s->fold < more ? s->fold : more) : s->first_size;
    const int64_t end = s->folds > 0 ? begin + least + (s->fold < more) : n;
    for (int64_t i = 0; i < n; i++)
        second[order[i]] = i >= begin && i < end;
}

static int32_t mark_second(const split *s, const sixnet_dataset *ds, const int64_t *numbers, bool *second)
{
    six_classes classes;
    if (!s->stratify) {
        cut(s, numbers, ds->size, second);
        return SIXNET_OK;
    }
    int32_t status = six_classes_new(&classes, ds, numbers, "stratify");
    if (status)
        return status;
    deal(s, classes.sample, ds->size, second);
    six_classes_free(&classes, ds);
    return SIXNET_OK;
}

/* Moves the samples of the second part behind the others, in their order. Returns the size of the first. */
static int64_t separate(int64_t *numbers, int64_t *spare, int64_t n, const bool *second)
{
    int64_t first = 0, moved = 0;
    for (int64_t i = 0; i < n; i++) {
        if (second[numbers[i]])
            spare[moved++] = numbers[i];
        else
            numbers[first++] = numbers[i];
    }
    memcpy(numbers + first, spare, (size_t)moved * sizeof *spare);
    return first;
}

static int32_t divide(sixnet_dataset **first, sixnet_dataset **second, const sixnet_dataset *ds, const split *s,
                      int64_t *memory)
{
    const int64_t n = ds->size;
    const sixnet_context *ctx = ds->source->ctx;
    int64_t *numbers = memory, *spare = memory + n;
    bool *in_second = (bool *)(memory + 2 * n);
    if (s->shuffle)
        six_data_shuffle(numbers, n,
                         six_data_stream(s->seed < 0 ? ctx->seed : (uint64_t)s->seed, SIX_DATA_SPLIT, 0, 0));
    else
        for (int64_t i = 0; i < n; i++)
            numbers[i] = i;
    int32_t status = mark_second(s, ds, numbers, in_second);
    if (status)
        return six_fail_prefix(status, "dataset_split: ");
    return split_at(first, second, ds, numbers, separate(numbers, spare, n, in_second));
}

int32_t six_dataset_split(sixnet_dataset **first, sixnet_dataset **second, sixnet_dataset *ds, const char *spec)
{
    split s;
    *first = *second = NULL;
    int32_t status = six_spec_parse(&six_kind_dataset_split, spec, &s, NULL, NULL);
    if (!status)
        status = check(&s, ds);
    if (status)
        return status;
    int64_t *memory = six_data_alloc(ds->source->ctx, ds->size, 1, 2 * sizeof *memory + sizeof(bool));
    if (!memory)
        return SIXNET_OUT_OF_MEMORY;
    status = divide(first, second, ds, &s, memory);
    six_free(ds->source->ctx, memory);
    return status;
}
