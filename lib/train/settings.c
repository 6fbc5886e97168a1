/* SPDX-License-Identifier: MIT */

#include "train/settings.h"

#include <inttypes.h>

static const char *yes_or_no(int32_t flag) { return flag ? "true" : "false"; }

static void add_options(six_text *t, const six_train_run *run, const six_fit_options *o)
{
    static const char *const on_nan[] = {"stop", "skip", "restore"};
    const six_run_state *s = &run->state;
    char decay[32];
    six_text_add(t, "batch_size=%" PRId64, s->batch_size);
    if (o->shards > 1)
        six_text_add(t, " shards=%" PRId64, o->shards);
    six_text_add(t, "\nshuffle=%s\ndrop_last=%s\nseed=%" PRId64 "\n", yes_or_no(s->shuffle), yes_or_no(s->drop_last),
                 s->order_seed);
    six_text_add(t, "on_nan=%s\n", on_nan[o->on_nan]);
    if (s->average == SIX_AVERAGE_EMA)
        six_text_add(t, "average=ema ema_decay=%s average_start_epoch=%" PRId64 "\n",
                     six_double_text(s->ema_decay, decay), s->average_start_epoch);
    else if (s->average == SIX_AVERAGE_SWA)
        six_text_add(t, "average=swa average_start_epoch=%" PRId64 "\n", s->average_start_epoch);
    else
        six_text_add(t, "average=none\n");
}

static int32_t add_dataset(six_text *t, const char *name, const sixnet_dataset *ds)
{
    uint64_t hash = 0;
    int32_t status = ds ? six_dataset_hash(&hash, ds) : SIXNET_OK;
    six_text_add(t, "%s samples=%" PRId64 "\n%s hash=%016" PRIx64 "\n%s transforms=", name,
                 ds ? six_dataset_size(ds) : 0, name, hash, name);
    if (ds)
        six_dataset_transforms(ds, t);
    six_text_add(t, "\n");
    return status;
}

int32_t six_settings_text(six_text *t, const six_train_run *run, const six_fit_options *o, const sixnet_dataset *train,
                          const sixnet_dataset *validation)
{
    six_text_add(t, "optimizer=%s", run->opt->kind->kind.name);
    six_spec_write(&run->opt->kind->kind, run->opt->attr, t);
    six_text_add(t, "\n");
    add_options(t, run, o);
    int32_t status = add_dataset(t, "training", train);
    if (!status)
        status = add_dataset(t, "validation", validation);
    return status ? status : t->failed ? SIXNET_OUT_OF_MEMORY : SIXNET_OK;
}
