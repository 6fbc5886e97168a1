/* SPDX-License-Identifier: MIT */

/* The progress report of a run. */

#include <math.h>

#include "base/calls.h"
#include "train/fit_run.h"

void six_fit_show_place(six_fit_run *f)
{
    const six_run_state *s = &f->run.state;
    f->p.epoch = (double)(s->epoch + 1);
    f->p.samples = (double)s->position;
    f->p.batch = (double)((s->position + f->o->batch_size - 1) / f->o->batch_size);
}

void six_fit_show_best(six_fit_run *f)
{
    const int64_t best = six_history_best(f->run.history);
    if (best < 0)
        return;
    const double *row = f->run.history->row[best];
    bool validated = !isnan(row[SIX_HISTORY_VALIDATION_LOSS]);
    f->p.best_epoch = (double)(best + 1);
    f->p.best_loss = row[validated ? SIX_HISTORY_VALIDATION_LOSS : SIX_HISTORY_LOSS];
    f->p.best_accuracy = row[validated ? SIX_HISTORY_VALIDATION_ACCURACY : SIX_HISTORY_ACCURACY];
}

void six_fit_show_means(six_fit_run *f)
{
    const six_run_state *s = &f->run.state;
    const double learnt = f->p.samples - (double)s->skipped;
    f->p.loss = six_loss_value(six_fit_loss_op(f), &(six_loss_sums){.total = s->loss_sum, .weight = s->loss_weight});
    f->p.accuracy = six_fit_loss_op(f)->classified ? s->correct / learnt : (double)NAN;
    f->p.skipped = (double)s->skipped;
}

int32_t six_fit_report(six_fit_run *f)
{
    const double limit = f->o->max_seconds;
    const bool is_read = f->fn || limit > 0 || *f->o->checkpoint || f->p.epoch_end;
    if (!is_read) /* saves reading the clock, which takes as long as a layer of a small net */
        return six_cancelled(f->run.net) ? SIXNET_STOPPED : SIXNET_OK;
    double time = six_fit_seconds();
    six_fit_show_means(f);
    f->p.seconds = f->run.state.epoch_seconds = time - f->epoch_started;
    f->p.total_seconds = f->run.state.seconds = time - f->started;
    six_calls_yield(true);
    bool enough = f->fn && f->fn(f->user, &f->p);
    six_calls_yield(false);
    if (enough || six_cancelled(f->run.net))
        return SIXNET_STOPPED;
    f->timed_out = limit > 0 && time - f->called >= limit;
    return f->timed_out ? SIXNET_STOPPED : SIXNET_OK;
}
