/* SPDX-License-Identifier: MIT */

#include "train/settings.h"

#include <inttypes.h>
#include <string.h>

#include "base/attr.h"

static const six_attr *find_option(const char *name)
{
    const six_attr *a = six_kind_fit.attrs;
    while (strcmp(a->name, name) != 0)
        a++;
    return a;
}

/* An option as its table writes it, even if it has its default, and what is to follow it. */
static void add_option(six_text *t, const char *name, const six_fit_options *o, const char *end)
{
    const six_attr *a = find_option(name);
    six_text_add(t, "%s=", name);
    six_attr_write(a, (const char *)o + a->offset, t);
    six_text_add(t, "%s", end);
}

/* Adds " name=value" to a line if one of these options has a value above 0: files of versions without them have lines without. */
static void add_options_above_zero(six_text *t, const six_fit_options *o, const char *const *names)
{
    for (; *names; names++) {
        const six_attr *a = find_option(*names);
        const char *field = (const char *)o + a->offset;
        const bool above = a->type == SIX_INT     ? *(const int64_t *)(const void *)field > 0
                           : a->type == SIX_FLOAT ? *(const double *)(const void *)field > 0
                                                  : *(const int32_t *)(const void *)field > 0;
        if (above) {
            six_text_add(t, " ");
            add_option(t, *names, o, "");
        }
    }
}

static void add_options(six_text *t, const six_train_run *run, const six_fit_options *o)
{
    add_option(t, "batch_size", o, o->shards > 1 ? " " : "\n");
    if (o->shards > 1)
        add_option(t, "shards", o, "\n");
    add_option(t, "shuffle", o, "");
    add_options_above_zero(t, o, (const char *const[]){"balance", "validation_split", NULL});
    six_text_add(t, "\n");
    add_option(t, "drop_last", o, "\n");
    six_text_add(t, "seed=%" PRId64 "%s\n", run->state.order_seed,
                 run->net->ctx->direct_convolution ? " convolution=direct" : "");
    add_option(t, "on_nan", o, "");
    add_options_above_zero(t, o, (const char *const[]){"early_stopping", "min_delta", "restore_best", NULL});
    if (strcmp(o->monitor, "auto") != 0)
        six_text_add(t, " monitor=%s", six_history_column_name(run->monitor.column));
    six_text_add(t, "\n");
    add_option(t, "average", o, o->average == SIX_AVERAGE_NONE ? "\n" : " ");
    if (o->average == SIX_AVERAGE_EMA)
        add_option(t, "ema_decay", o, " ");
    if (o->average != SIX_AVERAGE_NONE)
        add_option(t, "average_start_epoch", o, "\n");
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
