/* SPDX-License-Identifier: MIT */
#include "batches.h"

#include <inttypes.h>

#include "base/status.h"
#include "base/threads.h"
#include "dataset.h"

static const six_attr attrs[] = {
    {"batch_size", SIX_INT, offsetof(six_batch_iterator_options, batch_size), 1, SIX_BATCH_SIZE_MAX, NULL, NULL,
     "samples at a time"},
    {"shuffle", SIX_BOOL, offsetof(six_batch_iterator_options, shuffle), 0, 1, "true", NULL,
     "mix the samples, anew for each epoch"},
    {"seed", SIX_INT, offsetof(six_batch_iterator_options, seed), -1, SIX_SEED_MAX, "-1", NULL,
     "of the mixing; -1 for the context's seed"},
    {"drop_last", SIX_BOOL, offsetof(six_batch_iterator_options, drop_last), 0, 1, "false", NULL,
     "leave out a last batch that is not full"},
    {"balance", SIX_BOOL, offsetof(six_batch_iterator_options, balance), 0, 1, "false", NULL,
     "take all classes equally often, some samples more than once and others not in every epoch; with shuffle=true"},
    {0},
};

const six_kind six_kind_batch_iterator = {"batch_iterator", "the samples of a dataset, batch by batch", attrs,
                                          sizeof(six_batch_iterator_options)};

struct sixnet_batch_iterator {
    sixnet_dataset *ds;
    six_batch_iterator_options o;
    uint64_t seed;
    int64_t epoch, position;
    int64_t *order;      /* NULL without shuffle */
    six_classes classes; /* with balance */
    int64_t input_size, target_size;
    six_dtype dtype; /* of the values */
    size_t unit;     /* bytes of each */
    void *inputs, *targets;
    int64_t workspace_size; /* bytes of workspace that each thread has */
    char *workspace;
};

/* Enlarges the workspace if the dataset's transforms need more than before. */
static int32_t reserve_workspace(sixnet_batch_iterator *b, six_dtype dtype)
{
    const sixnet_context *ctx = six_dataset_context(b->ds);
    const int64_t workspace_size = six_dataset_workspace(b->ds, dtype);
    if (b->workspace && workspace_size <= b->workspace_size)
        return SIXNET_OK;
    char *workspace = six_data_alloc(ctx, six_pool_size(ctx->pool), workspace_size, 1);
    if (!workspace)
        return SIXNET_OUT_OF_MEMORY;
    six_free(ctx, b->workspace);
    b->workspace = workspace;
    b->workspace_size = workspace_size;
    return SIXNET_OK;
}

/* Sees to memory for a batch of values of a type: that of the dataset's context is there from the beginning. */
static int32_t reserve_batch(sixnet_batch_iterator *b, six_dtype dtype)
{
    const sixnet_context *ctx = six_dataset_context(b->ds);
    const int64_t size = six_dataset_size(b->ds), most = b->o.batch_size < size ? b->o.batch_size : size;
    const size_t unit = six_values_of[dtype].size;
    if (unit <= b->unit)
        return SIXNET_OK;
    void *inputs = six_data_alloc(ctx, most, b->input_size, unit);
    void *targets = inputs && b->target_size > 0 ? six_data_alloc(ctx, most, b->target_size, unit) : NULL;
    if (!inputs || (b->target_size > 0 && !targets)) {
        six_free(ctx, inputs);
        return SIXNET_OUT_OF_MEMORY;
    }
    six_free(ctx, b->inputs);
    six_free(ctx, b->targets);
    b->inputs = inputs;
    b->targets = targets;
    b->unit = unit;
    return SIXNET_OK;
}

static int32_t reserve(sixnet_batch_iterator *b, six_dtype dtype)
{
    int32_t status = reserve_batch(b, dtype);
    if (!status)
        status = reserve_workspace(b, dtype);
    b->dtype = dtype;
    return status;
}

static int32_t allocate(sixnet_batch_iterator *b)
{
    const sixnet_context *ctx = six_dataset_context(b->ds);
    if (b->o.shuffle)
        b->order = six_alloc(ctx, (size_t)six_dataset_size(b->ds), sizeof *b->order);
    if (b->o.shuffle && !b->order)
        return SIXNET_OUT_OF_MEMORY;
    int32_t status = b->o.balance ? six_classes_new(&b->classes, b->ds, NULL, "balance") : SIXNET_OK;
    return status ? status : reserve(b, ctx->dtype);
}

int32_t six_batch_iterator_open(sixnet_batch_iterator **out, sixnet_dataset *ds, const six_batch_iterator_options *o)
{
    const sixnet_context *ctx = six_dataset_context(ds);
    *out = NULL;
    if (o->drop_last && o->batch_size > six_dataset_size(ds))
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "batch_size=%" PRId64 " with drop_last=true yields no batches from %" PRId64
                        " samples; use a smaller batch_size, or drop_last=false",
                        o->batch_size, six_dataset_size(ds));
    if (o->balance && !o->shuffle)
        return six_fail(SIXNET_BAD_SPEC, "balance=true draws the samples at random, which shuffle=false forbids");
    sixnet_batch_iterator *b = six_alloc(ctx, 1, sizeof *b);
    if (!b)
        return SIXNET_OUT_OF_MEMORY;
    b->ds = six_dataset_retain(ds);
    b->o = *o;
    b->seed = o->seed < 0 ? ctx->seed : (uint64_t)o->seed;
    b->input_size = six_shape_size(six_dataset_input_shape(ds));
    b->target_size = six_dataset_has_targets(ds) ? six_shape_size(six_dataset_target_shape(ds)) : 0;
    int32_t status = allocate(b);
    if (!status)
        status = six_batch_iterator_start_epoch(b, 0);
    if (!status)
        *out = b;
    else
        six_batch_iterator_free(b);
    return status;
}

int32_t six_batch_iterator_new(sixnet_batch_iterator **out, sixnet_dataset *ds, const char *spec)
{
    six_batch_iterator_options o;
    *out = NULL;
    int32_t status = six_spec_parse(&six_kind_batch_iterator, spec, &o, NULL, NULL);
    if (status)
        return status;
    return six_batch_iterator_open(out, ds, &o);
}

sixnet_dataset *six_batch_iterator_dataset(const sixnet_batch_iterator *b) { return b->ds; }

void six_batch_iterator_free(sixnet_batch_iterator *b)
{
    if (!b)
        return;
    sixnet_dataset *ds = b->ds;
    const sixnet_context *ctx = six_dataset_context(ds);
    six_free(ctx, b->inputs);
    six_free(ctx, b->targets);
    six_free(ctx, b->order);
    six_classes_free(&b->classes, ds);
    six_free(ctx, b->workspace);
    six_free(ctx, b);
    six_dataset_free(ds);
}

int32_t six_batch_iterator_start_epoch(sixnet_batch_iterator *b, int64_t epoch)
{
    return six_batch_iterator_seek(b, epoch, 0);
}

int32_t six_batch_iterator_seek(sixnet_batch_iterator *b, int64_t epoch, int64_t position)
{
    int64_t size = six_dataset_size(b->ds);
    if (epoch < 0)
        return six_fail(SIXNET_INVALID_ARGUMENT, "epoch must be 0 or greater, got %" PRId64, epoch);
    if (position < 0 || position > size)
        return six_fail(SIXNET_INVALID_ARGUMENT, "position=%" PRId64 " is out of range 0 to %" PRId64, position, size);
    const six_stream random = six_data_stream(b->seed, SIX_DATA_ORDER, (uint64_t)epoch, 0);
    if (b->o.balance)
        six_classes_balance(&b->classes, b->order, size, random);
    else if (b->order)
        six_data_shuffle(b->order, size, random);
    b->epoch = epoch;
    b->position = position;
    return SIXNET_OK;
}

void six_batch_iterator_position(const sixnet_batch_iterator *b, int64_t *epoch, int64_t *position)
{
    *epoch = b->epoch;
    *position = b->position;
}

int64_t six_batch_iterator_count(const sixnet_batch_iterator *b)
{
    int64_t size = six_dataset_size(b->ds), whole = size / b->o.batch_size;
    return whole + (!b->o.drop_last && size % b->o.batch_size > 0);
}

static int64_t sample_at(const sixnet_batch_iterator *b, int64_t position)
{
    return b->order ? b->order[position] : position;
}

/* Reads samples of the batch from first on, while the processor fetches those a little ahead. */
static int32_t read_samples(const sixnet_batch_iterator *b, int64_t first, int64_t end, char *workspace)
{
    enum { AHEAD = 4 };
    const six_values *type = &six_values_of[b->dtype];
    int64_t size = six_dataset_size(b->ds);
    int32_t status = SIXNET_OK;
    for (int64_t i = first; i < end && !status; i++) {
        if (b->position + i + AHEAD < size)
            six_dataset_expect(b->ds, sample_at(b, b->position + i + AHEAD));
        status = six_dataset_read(b->ds, sample_at(b, b->position + i), (uint64_t)b->epoch, b->dtype,
                                  six_value_at(type, b->inputs, i * b->input_size),
                                  b->targets ? six_value_at(type, b->targets, i * b->target_size) : NULL, workspace);
    }
    return status;
}

/* A batch that is read in pieces. */
typedef struct reading {
    const sixnet_batch_iterator *b;
    int64_t count, piece;
} reading;

static void read_piece(void *arg, int32_t item, int32_t worker)
{
    const reading *r = arg;
    const int64_t first = item * r->piece, end = first + r->piece;
    read_samples(r->b, first, end < r->count ? end : r->count, r->b->workspace + worker * r->b->workspace_size);
}

/* In parallel, in pieces that are worth it, unless a callback produces the samples; only that can fail. */
static int32_t read_batch(const sixnet_batch_iterator *b, int64_t count)
{
    enum { WORTH = 8192 };
    reading r = {b, count, WORTH / b->input_size + 1};
    if (six_dataset_calls(b->ds))
        return read_samples(b, 0, count, b->workspace);
    six_pool_run(six_dataset_context(b->ds)->pool, read_piece, &r, (int32_t)((count + r.piece - 1) / r.piece));
    return SIXNET_OK;
}

int32_t six_batch_iterator_next(sixnet_batch_iterator *b, six_dtype dtype, const void **inputs, const void **targets,
                                int64_t *n)
{
    int64_t left = six_dataset_size(b->ds) - b->position, count = left < b->o.batch_size ? left : b->o.batch_size;
    *inputs = *targets = NULL;
    *n = 0;
    if (count == 0 || (b->o.drop_last && count < b->o.batch_size))
        return SIXNET_OK;
    if (six_shape_size(six_dataset_input_shape(b->ds)) != b->input_size ||
        (b->targets && six_shape_size(six_dataset_target_shape(b->ds)) != b->target_size))
        return six_fail(SIXNET_BAD_STATE,
                        "a transform changed the sample shape after this batch iterator was created; create a new one");
    int32_t status = reserve(b, dtype);
    if (status)
        return status;
    status = read_batch(b, count);
    if (status)
        return status;
    b->position += count;
    *inputs = b->inputs;
    *targets = b->targets;
    *n = count;
    return SIXNET_OK;
}
