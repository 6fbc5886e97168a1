/* SPDX-License-Identifier: MIT */

/* The checkpoints of a run. */

#include "train/fit_run.h"

static int32_t save(six_fit_run *f)
{
    f->saved = six_fit_seconds();
    return f->store->save(&f->run, f->o->checkpoint, f->o->checkpoint_keep);
}

static six_text best_path(const six_fit_run *f)
{
    six_text path = {.ctx = f->run.net->ctx};
    six_text_add(&path, "%s.best", f->o->checkpoint);
    return path;
}

int32_t six_fit_check_saving(const six_fit_run *f)
{
    const sixnet_context *ctx = f->run.net->ctx;
    int32_t status = *f->o->checkpoint ? f->store->check(ctx, f->o->checkpoint, f->o->checkpoint_keep) : SIXNET_OK;
    if (status || !*f->o->checkpoint || !f->o->checkpoint_best)
        return status;
    six_text path = best_path(f);
    status = path.failed ? SIXNET_OUT_OF_MEMORY : f->store->check(ctx, path.data, 1);
    six_text_free(&path);
    return status;
}

static int32_t save_best(six_fit_run *f)
{
    six_text path = best_path(f);
    int32_t status = path.failed ? SIXNET_OUT_OF_MEMORY : f->store->save(&f->run, path.data, 1);
    six_text_free(&path);
    return status;
}

int32_t six_fit_save_within_epoch(six_fit_run *f, int32_t status)
{
    bool due = status == SIXNET_STOPPED ||
               (f->o->checkpoint_seconds > 0 && six_fit_seconds() - f->saved >= f->o->checkpoint_seconds);
    int32_t saved = *f->o->checkpoint && due ? save(f) : SIXNET_OK;
    return saved ? saved : status;
}

int32_t six_fit_save_after_epoch(six_fit_run *f, int32_t status)
{
    int64_t epoch = f->run.state.epoch;
    bool due = status == SIXNET_STOPPED || six_fit_is_done(f) || epoch % f->o->checkpoint_epochs == 0;
    int32_t saved = SIXNET_OK;
    if (!*f->o->checkpoint)
        return status;
    if (f->o->checkpoint_best && six_history_best(f->run.history) == six_history_epochs(f->run.history) - 1)
        saved = save_best(f);
    if (!saved && due)
        saved = save(f);
    return saved ? saved : status;
}
