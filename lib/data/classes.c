/* SPDX-License-Identifier: MIT */

/* The classes of a dataset's samples, and an order in which all come equally often. */

#include <inttypes.h>
#include <math.h>

#include "base/sort.h"
#include "base/status.h"
#include "dataset.h"

typedef struct labelled {
    double label;
    int64_t place, sample; /* place: in the order that was given */
} labelled;

/* By class; those of one in their order. */
static int compare(const void *a, const void *b)
{
    const labelled *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static int32_t read_label(const sixnet_dataset *ds, int64_t sample, double *label)
{
    const six_source *source = ds->source;
    const bool calls = six_dataset_calls(ds);
    const six_values *own = source->values[SIX_TARGET], *type = calls ? own : &six_values_of[SIX_F64];
    double value[1] = {0};
    int32_t status = six_source_read(source, six_dataset_number(ds, sample), (const six_values *const[]){NULL, type},
                                     (void *const[]){NULL, value});
    if (status)
        return status;
    *label = type->get(value, 0);
    if (isfinite(*label) && *label == floor(*label))
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_DATA, "sample %" PRId64 ": label %.9g is not a whole number", sample, *label);
}

static int32_t read_labels(const sixnet_dataset *ds, const int64_t *order, labelled *all)
{
    int32_t status = SIXNET_OK;
    for (int64_t i = 0; i < ds->size && !status; i++) {
        all[i].place = i;
        all[i].sample = order ? order[i] : i;
        status = read_label(ds, all[i].sample, &all[i].label);
    }
    return status;
}

/* Keeps of sorted labels where each class begins. */
static void group(six_classes *c, const labelled *all, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        c->sample[i] = all[i].sample;
        if (i == 0 || all[i].label != all[i - 1].label)
            c->first[c->count++] = i;
    }
    c->first[c->count] = n;
}

int32_t six_classes_new(six_classes *c, const sixnet_dataset *ds, const int64_t *order, const char *option)
{
    const sixnet_context *ctx = ds->source->ctx;
    const int64_t n = ds->size, size = ds->source->target.size;
    *c = (six_classes){0};
    if (!six_dataset_has_targets(ds) || size != 1)
        return six_fail(SIXNET_BAD_DATA,
                        "%s=true takes one class number for each sample, but a target has %" PRId64 " values", option,
                        six_dataset_has_targets(ds) ? size : 0);
    labelled *all = six_data_alloc(ctx, n, 1, sizeof *all);
    c->sample = all ? six_data_alloc(ctx, n, 1, sizeof *c->sample) : NULL;
    c->first = c->sample ? six_data_alloc(ctx, n + 1, 1, sizeof *c->first) : NULL;
    int32_t status = c->first ? read_labels(ds, order, all) : SIXNET_OUT_OF_MEMORY;
    if (!status) {
        six_sort(all, (size_t)n, sizeof *all, compare);
        group(c, all, n);
    } else
        six_classes_free(c, ds);
    six_free(ctx, all);
    return status;
}

void six_classes_free(six_classes *c, const sixnet_dataset *ds)
{
    six_free(ds->source->ctx, c->sample);
    six_free(ds->source->ctx, c->first);
    *c = (six_classes){0};
}

/* Takes `wanted` different ones of `count` samples, each as likely as any other (selection sampling, Knuth, TAOCP 2, 3.4.2, S). */
static void choose(const int64_t *from, int64_t count, int64_t wanted, int64_t *to, six_stream *random)
{
    for (int64_t i = 0, taken = 0; taken < wanted; i++)
        if ((int64_t)six_stream_below(random, (uint64_t)(count - i)) < wanted - taken)
            to[taken++] = from[i];
}

static void mix(int64_t *order, int64_t n, six_stream *random)
{
    for (int64_t i = n; i > 1; i--) {
        const int64_t k = (int64_t)six_stream_below(random, (uint64_t)i), other = order[k];
        order[k] = order[i - 1];
        order[i - 1] = other;
    }
}

void six_classes_balance(const six_classes *c, int64_t *order, int64_t n, six_stream random)
{
    const int64_t least = n / c->count, more = n % c->count;
    const int64_t offset = (int64_t)six_stream_below(&random, (uint64_t)c->count); /* which classes come once more */
    int64_t filled = 0;
    for (int64_t k = 0; k < c->count; k++) {
        const int64_t *members = c->sample + c->first[k], count = c->first[k + 1] - c->first[k];
        int64_t wanted = least + ((k + offset) % c->count < more);
        for (int64_t part; wanted > 0; wanted -= part, filled += part) {
            part = wanted < count ? wanted : count;
            choose(members, count, part, order + filled, &random);
        }
    }
    mix(order, n, &random);
}
