/* SPDX-License-Identifier: MIT */

/* What a run needs before its first batch. */

#include <inttypes.h>
#include <stdio.h>

#include "base/status.h"
#include "data/batches.h"
#include "data/dataset.h"
#include "train/average.h"
#include "train/fit_run.h"

static int64_t order_seed(const six_fit_run *f) { return f->o->seed < 0 ? (int64_t)f->run.net->ctx->seed : f->o->seed; }

int32_t six_fit_hold_out(six_fit_run *f, sixnet_dataset *train, sixnet_dataset **first)
{
    char spec[80];
    const int64_t all = six_dataset_size(train), held = (int64_t)(f->o->validation_split * (double)all + 0.5);
    if (f->validation)
        return six_fail(SIXNET_INVALID_ARGUMENT, "validation_split=%g, but there is a validation set",
                        f->o->validation_split);
    if (held < 1 || held >= all)
        return six_fail(SIXNET_INVALID_ARGUMENT, "validation_split=%g makes two parts of %lld and %lld samples",
                        f->o->validation_split, (long long)(all - held), (long long)held);
    snprintf(spec, sizeof spec, "first_size=%" PRId64 " seed=%" PRId64, all - held, order_seed(f));
    return six_dataset_split(first, &f->validation, train, spec);
}

int32_t six_fit_make_batches(six_fit_run *f, sixnet_dataset *train)
{
    const six_fit_options *o = f->o;
    const int64_t seed = order_seed(f);
    const six_batch_iterator_options b = {.batch_size = o->batch_size,
                                          .seed = seed,
                                          .shuffle = o->shuffle,
                                          .drop_last = o->drop_last,
                                          .balance = o->balance};
    f->run.state = (six_run_state){.samples = six_dataset_size(train), .batch_size = o->batch_size, .order_seed = seed};
    f->run.state.shuffle = o->shuffle;
    f->run.state.drop_last = o->drop_last;
    return six_batch_iterator_open(&f->run.batches, train, &b);
}

/* A frozen node looks at each sample by itself. */
static int64_t least_samples(const six_node *node) { return node->frozen ? 1 : node->op->least_samples; }

/* Refuses a batch that has a shard of too few samples. */
static int32_t check_shards(const six_fit_run *f, const six_node *node, int64_t batch)
{
    const int64_t least = least_samples(node), size = six_shard_least(&f->shards, batch);
    if (size >= least)
        return SIXNET_OK;
    return six_fail(
        SIXNET_BAD_SHAPE,
        "%s: training needs shards of %lld samples or more, but in shards=%lld of a batch of %lld there is one of %lld",
        node->name, (long long)least, (long long)f->shards.count, (long long)batch, (long long)size);
}

/* Refuses, before the first step, batches of `count` samples that a layer cannot learn from. */
static int32_t check_batch_sizes(const six_fit_run *f, int64_t count)
{
    const sixnet_model *net = f->run.net;
    const int64_t size = f->o->batch_size < count ? f->o->batch_size : count;
    const int64_t last = f->o->drop_last || count % size == 0 ? size : count % size;
    if (f->o->drop_last && count < f->o->batch_size)
        return SIXNET_OK;
    for (int32_t i = 0; i < net->node_count; i++) {
        const char *name = net->node[i].name;
        const long long least = (long long)least_samples(&net->node[i]);
        if (size < least)
            return six_fail(SIXNET_BAD_SHAPE, "%s: training needs batches of %lld samples or more, not of %lld", name,
                            least, (long long)size);
        if (last < least)
            return six_fail(
                SIXNET_BAD_SHAPE,
                "%s: training needs batches of %lld samples or more, but the last of an epoch has %lld (%lld samples, "
                "batch_size=%lld); drop_last=true leaves it out",
                name, least, (long long)last, (long long)count, (long long)f->o->batch_size);
        if (check_shards(f, &net->node[i], size) || check_shards(f, &net->node[i], last))
            return SIXNET_BAD_SHAPE;
    }
    return SIXNET_OK;
}

int32_t six_fit_check_epochs(const six_fit_run *f)
{
    const six_run_state *s = &f->run.state;
    int32_t status = check_batch_sizes(f, s->samples);
    if (status)
        return status;
    if (s->position > 0 && s->position < s->samples)
        return check_batch_sizes(f, s->samples - s->position);
    return SIXNET_OK;
}

static int32_t make_average(six_fit_run *f)
{
    const six_fit_options *o = f->o;
    six_run_state *s = &f->run.state;
    if (o->average == SIX_AVERAGE_NONE)
        return SIXNET_OK;
    if (o->average_start_epoch >= o->epochs)
        return six_fail(SIXNET_BAD_SPEC,
                        "average_start_epoch=%lld leaves no epoch to average; it is to be below epochs=%lld",
                        (long long)o->average_start_epoch, (long long)o->epochs);
    s->average = o->average;
    s->average_start_epoch = o->average_start_epoch;
    if (o->average == SIX_AVERAGE_EMA)
        s->ema_decay = o->ema_decay;
    return six_average_new(&f->run);
}

int32_t six_fit_alloc(six_fit_run *f)
{
    const int64_t all = f->run.state.samples, most = f->o->batch_size < all ? f->o->batch_size : all;
    int32_t status = make_average(f);
    if (status)
        return status;
    status = six_fit_setup_best(f);
    if (status)
        return status;
    status = six_shards_new(&f->shards, f->run.net, f->o->shards, f->o->batch_size);
    if (status)
        return status;
    status = six_snapshot_new(&f->batch, f->run.opt, NULL);
    if (status)
        return status;
    if (f->o->on_nan == SIX_ON_NAN_RESTORE)
        status = six_snapshot_new(&f->epoch, f->run.opt, f->run.average);
    if (status)
        return status;
    if (f->o->diagnostics)
        return six_diagnostics_new(&f->diagnostics, f->run.net, most);
    return SIXNET_OK;
}

void six_fit_free(six_fit_run *f)
{
    sixnet_optimizer *opt = f->run.opt;
    const sixnet_context *ctx = f->run.net->ctx;
    six_diagnostics_free(f->diagnostics);
    six_snapshot_free(&f->epoch, opt);
    six_snapshot_free(&f->batch, opt);
    six_shards_free(&f->shards);
    six_average_free(&f->run);
    six_free(ctx, f->run.best);
    six_free(ctx, f->run.history);
    six_batch_iterator_free(f->run.batches);
}
