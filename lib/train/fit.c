/* SPDX-License-Identifier: MIT */

#include "train/fit.h"

#include <math.h>

#include "base/status.h"
#include "base/threads.h"
#include "data/batches.h"
#include "train/average.h"
#include "train/evaluate.h"
#include "train/fit_run.h"
#include "train/settings.h"

/* ---- non-finite values ---- */

/* Maximum retries of an epoch; each halves the learning rate (2^-10 at the end). */
enum { RETRIES_MAX = 10 };

/* Begins the epoch again, from how the net, the optimizer and the schedule were then, with half the learning rate. */
static int32_t retry_epoch(six_fit_run *f)
{
    six_run_state *s = &f->run.state;
    const double lr = ((const six_optimizer_common *)f->run.opt->attr)->lr / 2;
    six_snapshot_restore(&f->epoch, f->run.opt);
    if (f->retries++ == RETRIES_MAX)
        return six_fail_prefix(SIXNET_NOT_FINITE, "after retrying the epoch %d times: ", RETRIES_MAX);
    six_log(f->run.net->ctx, 1, "%s; the epoch begins again with half the learning rate", sixnet_last_error());
    six_optimizer_set_lr(f->run.opt, lr);
    *s = f->epoch_state;
    return six_batch_iterator_seek(f->run.batches, s->epoch, s->position);
}

/* A batch would have spoilt the net, and has changed nothing. */
static int32_t handle_nonfinite(six_fit_run *f, int64_t n)
{
    if (f->o->on_nan == SIX_ON_NAN_STOP)
        return SIXNET_NOT_FINITE;
    if (f->o->on_nan == SIX_ON_NAN_RESTORE)
        return retry_epoch(f);
    six_log(f->run.net->ctx, 1, "%s; the batch is skipped", sixnet_last_error());
    f->run.state.position += n;
    f->run.state.skipped += n;
    return SIXNET_OK;
}

/* ---- epochs ---- */

static int32_t note_epoch(six_fit_run *f)
{
    const double row[SIX_HISTORY_COLUMNS] = {
        [SIX_HISTORY_LR] = f->p.lr,
        [SIX_HISTORY_LOSS] = f->p.loss,
        [SIX_HISTORY_ACCURACY] = f->p.accuracy,
        [SIX_HISTORY_VALIDATION_LOSS] = f->p.validation_loss,
        [SIX_HISTORY_VALIDATION_ACCURACY] = f->p.validation_accuracy,
    };
    int32_t status = six_history_add(&f->run.history, f->run.net->ctx, &f->run.monitor, row);
    if (status)
        return status;
    six_fit_keep_best(f);
    six_fit_show_best(f);
    return SIXNET_OK;
}

/* Measures the average, as soon as there is one. */
static int32_t validate(six_fit_run *f)
{
    six_average_swap(&f->run);
    int32_t status = six_evaluate(f->run.net, f->validation, &f->p.validation_loss, &f->p.validation_accuracy);
    if (status == SIXNET_BAD_DATA)
        six_fail_prefix(status, "the validation set: ");
    six_average_swap(&f->run);
    return status;
}

static int32_t end_epoch(six_fit_run *f)
{
    six_run_state *s = &f->run.state;
    int32_t status = SIXNET_OK;
    if (s->skipped > 0 && s->skipped == s->position)
        return six_fail(SIXNET_NOT_FINITE,
                        "epoch %.0f: all batches were non-finite and skipped; a smaller learning rate may help",
                        f->p.epoch);
    six_fit_show_means(f);
    if (f->diagnostics)
        six_diagnostics_check_epoch(f->diagnostics);
    six_average_epoch(&f->run);
    if (f->validation)
        status = validate(f);
    if (!status)
        status = note_epoch(f);
    if (status) /* when cancelled, with all batches of the epoch done */
        return status == SIXNET_STOPPED ? six_fit_save_within_epoch(f, status) : status;
    six_schedule_end_epoch(f->run.opt->schedule, f->validation ? f->p.validation_loss : f->p.loss);
    f->p.epoch_end = 1;
    status = six_fit_report(f);
    f->p.epoch_end = 0;
    s->epoch++;
    s->position = 0;
    s->loss_sum = s->loss_weight = s->correct = s->epoch_seconds = 0;
    s->skipped = 0;
    return six_fit_save_after_epoch(f, status);
}

static int32_t run_batch(six_fit_run *f, six_batch_result *v)
{
    six_run_state *s = &f->run.state;
    const int64_t before = s->position;
    f->p.batch++;
    v->epoch = s->epoch + 1;
    v->batch = (int64_t)f->p.batch;
    int32_t status = six_fit_train_batch(f, v);
    if (status == SIXNET_NOT_FINITE)
        status = handle_nonfinite(f, v->n);
    else if (!status)
        s->position += v->n;
    if (status == SIXNET_STOPPED)
        return six_fit_save_within_epoch(f, status);
    if (status)
        return status;
    six_fit_show_place(f);
    return s->position > before ? six_fit_save_within_epoch(f, six_fit_report(f))
                                : SIXNET_OK; /* not if the epoch is retried */
}

/* An epoch, or what is left of it. */
static int32_t run_epoch(six_fit_run *f)
{
    const six_dtype dtype = f->run.net->ctx->dtype;
    six_batch_result v = {.inputs = {NULL, dtype}, .targets = {NULL, dtype}, .n = 1};
    six_run_state *s = &f->run.state;
    six_fit_show_place(f);
    f->p.validation_loss = f->p.validation_accuracy = NAN;
    f->p.lr = six_schedule_lr(f->run.opt->schedule);
    f->epoch_started = six_fit_seconds() - s->epoch_seconds;
    f->retries = 0;
    if (f->o->on_nan == SIX_ON_NAN_RESTORE) {
        six_snapshot_take(&f->epoch, f->run.opt);
        f->epoch_state = *s;
    }
    int32_t status = six_batch_iterator_seek(f->run.batches, s->epoch, s->position);
    while (!status) {
        status = six_batch_iterator_next(f->run.batches, dtype, &v.inputs.data, &v.targets.data, &v.n);
        if (status || !v.n)
            break;
        status = run_batch(f, &v);
    }
    if (status)
        return status;
    return end_epoch(f);
}

static int32_t run_epochs(six_fit_run *f)
{
    const sixnet_model *net = f->run.net;
    f->started = six_fit_seconds() - f->run.state.seconds;
    f->called = f->saved = six_fit_seconds();
    f->p.epochs = (double)f->o->epochs;
    f->p.batches = (double)six_batch_iterator_count(f->run.batches);
    f->p.best_epoch = f->p.best_loss = f->p.best_accuracy = NAN;
    six_fit_show_best(f);
    int32_t status = six_cancelled(net) ? six_fit_save_within_epoch(f, SIXNET_STOPPED) : SIXNET_OK;
    six_pool *pool = net->serial ? NULL : net->ctx->pool;
    six_pool_begin(pool);
    while (!status && !six_fit_is_done(f))
        status = run_epoch(f);
    six_pool_end(pool);
    return status;
}

static int32_t resume(six_fit_run *f)
{
    f->run.allow_changes = f->o->resume_changes == SIX_RESUME_CHANGES_ALLOW;
    int32_t status = f->store->load(&f->run, f->o->resume);
    f->p.resume_changes = (double)f->run.state.changes;
    return status;
}

/* Labels out of range are a diagnostic too. */
static int32_t check_sets(const six_fit_run *f, sixnet_dataset *train)
{
    six_diagnostics *diagnostics;
    sixnet_model *net = f->run.net;
    int32_t status = six_check_dataset(net, train);
    if (!status && f->validation)
        status = six_check_dataset(net, f->validation);
    const bool refused = status == SIXNET_BAD_DATA && net->node[net->loss].op->targets == SIX_TARGETS_CLASSES;
    if (refused && f->o->diagnostics && !six_diagnostics_new(&diagnostics, net, 1)) {
        six_diagnostics_publish(diagnostics);
        six_diagnostics_data_rejected(diagnostics);
        six_diagnostics_free(diagnostics);
    }
    return status;
}

/* A run that is resumed when it has done what is asked for, or of a net that cannot learn, is not an error, but hardly what was meant. */
static void warn_of_nothing(const six_fit_run *f)
{
    const sixnet_model *net = f->run.net;
    if (f->run.state.epoch > f->o->epochs)
        six_log(net->ctx, 1, "%s: the run has done %lld epochs, more than epochs=%lld; none is added", f->o->resume,
                (long long)f->run.state.epoch, (long long)f->o->epochs);
    else if (net->trained_size == 0)
        six_log(net->ctx, 1, "fit changes nothing: %s",
                net->parameters_size ? "all parameters are frozen; trainable=true thaws them"
                                     : "the net has no parameters");
}

/* All that comes before the first batch. */
static int32_t set_up(six_fit_run *f, sixnet_dataset *train, six_text *settings)
{
    const six_fit_options *o = f->o;
    int32_t status = check_sets(f, train);
    if (!status)
        status = six_fit_make_batches(f, train);
    if (!status)
        status = six_fit_alloc(f);
    if (!status && (*o->checkpoint || *o->resume))
        status = six_settings_text(settings, &f->run, o, train, f->validation);
    f->run.settings = settings->data;
    if (!status)
        status = six_fit_check_saving(f);
    if (!status && *o->resume)
        status = resume(f);
    if (!status)
        status = six_fit_check_epochs(f);
    return status;
}

static int32_t fit_on(six_fit_run *f, sixnet_dataset *train)
{
    sixnet_model *net = f->run.net;
    six_text settings = {.ctx = net->ctx};
    int32_t status = set_up(f, train, &settings);
    if (!status) {
        warn_of_nothing(f);
        six_model_set_report(net, SIX_REPORT_DIAGNOSTICS, NULL);
        if (f->diagnostics)
            six_diagnostics_publish(f->diagnostics);
        status = run_epochs(f);
        if (!status || (status == SIXNET_STOPPED && f->timed_out))
            six_fit_give_result(f);
        six_model_set_report(net, SIX_REPORT_HISTORY, f->run.history);
        f->run.history = NULL;
    }
    six_text_free(&settings);
    six_fit_free(f);
    return status;
}

int32_t six_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train, sixnet_dataset *validation,
                const char *options, const six_checkpoint_store *store, sixnet_progress_fn fn, void *user)
{
    six_fit_options o;
    six_fit_run f = {
        .o = &o, .run = {.net = net, .opt = opt}, .store = store, .validation = validation, .fn = fn, .user = user};
    int32_t status = six_spec_parse(&six_kind_fit, options, &o, NULL, NULL);
    if (status)
        return status;
    if (opt->net != net)
        return six_fail(SIXNET_INVALID_ARGUMENT, "the optimizer was made for another model");
    if (o.validation_split == 0)
        return fit_on(&f, train);
    sixnet_dataset *first;
    status = six_fit_hold_out(&f, train, &first);
    if (status)
        return status;
    status = fit_on(&f, first);
    six_dataset_free(first);
    six_dataset_free(f.validation);
    return status;
}
