/* SPDX-License-Identifier: MIT */

#include "train/fit.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/threads.h"
#include "data/batches.h"
#include "train/average.h"
#include "train/evaluate.h"
#include "train/fit_run.h"
#include "train/settings.h"

/* Which of n samples of so many values has one that is NaN or infinite; n if none has. */
static int64_t first_not_finite(six_rows rows, int64_t n, int64_t size)
{
    int64_t i = 0;
    while (i < n * size &&
           isfinite(rows.dtype == SIX_F64 ? ((const double *)rows.data)[i] : (double)((const float *)rows.data)[i]))
        i++;
    return i / size;
}

/* Names the cause: the data, or else what training does with them. */
static int32_t not_finite(const six_fit_run *f, const six_batch_result *v, const char *what)
{
    const sixnet_model *net = f->run.net;
    const int64_t input = first_not_finite(v->inputs, v->n, net->input_size),
                  target = first_not_finite(v->targets, v->n, net->target_size);
    if (input == v->n && target == v->n)
        return six_fail(SIXNET_NOT_FINITE,
                        "%s NaN or infinite in epoch %.0f, batch %.0f; a smaller learning rate may help", what,
                        f->p.epoch, f->p.batch);
    return six_fail(SIXNET_NOT_FINITE,
                    "%s NaN or infinite in epoch %.0f, batch %.0f; the data are: %s of the batch's sample %lld", what,
                    f->p.epoch, f->p.batch, input < v->n ? "an input" : "a target",
                    (long long)(input < v->n ? input : target) + 1);
}

static bool is_finite(const sixnet_optimizer *opt)
{
    const sixnet_model *net = opt->net;
    bool finite = six_all_finite(net->variant, net->values, net->parameters_size);
    for (int32_t i = 0; i < opt->slots && finite; i++)
        finite = six_all_finite(net->variant, opt->state[i], net->trained_size);
    return finite;
}

static bool statistics_are_finite(const sixnet_model *net)
{
    const char *statistics = (const char *)net->values + (size_t)net->parameters_size * (size_t)net->variant->real_size;
    return six_all_finite(net->variant, (const void *)statistics, net->values_size - net->parameters_size);
}

/* The step that a batch has come to. It is taken back only if it overflows: what it changes is copied only where that is possible. */
static int32_t take_step(six_fit_run *f, const six_batch_result *v)
{
    static const char what[] = "a parameter, a running statistic or the optimizer's state would become";
    sixnet_optimizer *opt = f->run.opt;
    const double gradients = opt->net->variant->arrays.largest(opt->net->gradients, opt->net->trained_size);
    f->p.lr = six_schedule_lr(opt->schedule);
    if (!isfinite(gradients))
        return not_finite(f, v, "a gradient became");
    if (!statistics_are_finite(opt->net))
        return not_finite(f, v, what);
    if (six_optimizer_step_is_safe(opt, gradients))
        return six_optimizer_step(opt);
    six_snapshot_take(&f->batch, opt);
    f->tried.copied = true;
    int32_t status = six_optimizer_step(opt);
    return status || is_finite(opt) ? status : not_finite(f, v, what);
}

static int32_t learn(six_fit_run *f, six_batch_result *v, six_loss_sums *sums)
{
    sixnet_model *net = f->run.net;
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
    int32_t status = six_forward(net, v->inputs, v->n, f->diagnostics ? six_doctor_observer(f->diagnostics) : NULL);
    f->tried.forward = !status;
    if (!status)
        status = six_loss(net, v->targets, sums);
    if (!status && six_fit_loss_op(f)->mean && sums->weight == 0)
        status =
            six_fail(SIXNET_BAD_DATA,
                     "epoch %.0f, batch %.0f: the classes of all its samples have weight 0, of which there is no mean",
                     f->p.epoch, f->p.batch);
    if (!status)
        v->loss = six_loss_value(six_fit_loss_op(f), sums);
    if (!status && !isfinite(v->loss))
        status = not_finite(f, v, "the loss became");
    if (!status)
        status = six_backward(net);
    return status ? status : take_step(f, v);
}

/* Puts net, optimizer and schedule back to where they were before the batch. */
static void take_back(six_fit_run *f)
{
    sixnet_model *net = f->run.net;
    if (f->tried.copied)
        six_snapshot_restore(&f->batch, f->run.opt);
    if (f->tried.forward)
        six_forward_undo(net);
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
}

/* All of a step or nothing: a batch that fails leaves net, optimizer and schedule as they were. */
static int32_t train_batch(six_fit_run *f, six_batch_result *v)
{
    six_loss_sums sums;
    f->tried = (six_fit_tried){0};
    v->status = learn(f, v, &sums);
    if (f->diagnostics)
        six_diagnostics_check_batch(f->diagnostics, v);
    if (v->status) {
        take_back(f);
        return v->status;
    }
    six_average_step(&f->run);
    f->run.state.loss_sum += sums.total;
    f->run.state.loss_weight += sums.weight;
    if (six_fit_loss_op(f)->classified)
        f->run.state.correct += sums.correct / (double)six_fit_loss_op(f)->classified;
    return SIXNET_OK;
}

/* ---- what is not finite ---- */

/* So often an epoch is begun again, with 1/1024 of its learning rate at last. */
enum { RETRIES_MAX = 10 };

/* Begins the epoch again, from how the net, the optimizer and the schedule were then, with half the learning rate. */
static int32_t retry_epoch(six_fit_run *f)
{
    six_run_state *s = &f->run.state;
    const double lr = ((const six_optimizer_common *)f->run.opt->attr)->lr / 2;
    six_snapshot_restore(&f->epoch, f->run.opt);
    if (f->retries++ == RETRIES_MAX)
        return six_fail_prefix(SIXNET_NOT_FINITE, "after %d new beginnings of the epoch: ", RETRIES_MAX);
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
    six_log(f->run.net->ctx, 1, "%s; the batch is left out", sixnet_last_error());
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
    int32_t status = six_history_add(&f->run.history, f->run.net->ctx, row);
    six_fit_show_best(f);
    return status;
}

/* Measures the average, as soon as there is one. */
static int32_t validate(six_fit_run *f)
{
    six_average_swap(&f->run);
    int32_t status = six_evaluate(f->run.net, f->validation, &f->p.validation_loss, &f->p.validation_accuracy);
    six_average_swap(&f->run);
    return status;
}

static int32_t end_epoch(six_fit_run *f)
{
    six_run_state *s = &f->run.state;
    int32_t status = SIXNET_OK;
    if (s->skipped > 0 && s->skipped == s->position)
        return six_fail(SIXNET_NOT_FINITE, "all batches of epoch %.0f were left out; a smaller learning rate may help",
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
    int32_t status = train_batch(f, v);
    if (status == SIXNET_NOT_FINITE)
        status = handle_nonfinite(f, v->n);
    else if (!status)
        s->position += v->n;
    if (status)
        return status;
    six_fit_show_place(f);
    return s->position > before ? six_fit_save_within_epoch(f, six_fit_report(f))
                                : SIXNET_OK; /* not if the epoch begins again */
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
    return status ? status : end_epoch(f);
}

static int32_t run_epochs(six_fit_run *f)
{
    const sixnet_model *net = f->run.net;
    f->started = six_fit_seconds() - f->run.state.seconds;
    f->saved = six_fit_seconds();
    f->p.epochs = (double)f->o->epochs;
    f->p.batches = (double)six_batch_iterator_count(f->run.batches);
    f->p.best_epoch = f->p.best_loss = f->p.best_accuracy = NAN;
    six_fit_show_best(f);
    int32_t status = six_cancelled(net) ? six_fit_save_within_epoch(f, SIXNET_STOPPED) : SIXNET_OK;
    six_pool *pool = net->serial ? NULL : net->ctx->pool;
    six_pool_begin(pool);
    while (!status && f->run.state.epoch < f->o->epochs)
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

/* Labels out of range are a finding too. */
static int32_t check_sets(const six_fit_run *f, sixnet_dataset *train)
{
    six_diagnostics *diagnostics;
    sixnet_model *net = f->run.net;
    int32_t status = six_check_dataset(net, train);
    if (!status && f->validation)
        status = six_check_dataset(net, f->validation);
    const bool refused = status == SIXNET_BAD_DATA && net->node[net->loss].op->targets == SIX_TARGETS_CLASSES;
    if (refused && f->o->diagnostics && !six_diagnostics_new(&diagnostics, net, 1)) {
        six_doctor_publish(diagnostics);
        six_diagnostics_data_rejected(diagnostics);
        six_diagnostics_free(diagnostics);
    }
    return status;
}

int32_t six_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train, sixnet_dataset *validation,
                const char *options, const six_checkpoint_store *store, sixnet_progress_fn fn, void *user)
{
    six_fit_options o;
    six_text settings = {.ctx = net->ctx};
    six_fit_run f = {
        .o = &o, .run = {.net = net, .opt = opt}, .store = store, .validation = validation, .fn = fn, .user = user};
    int32_t status = six_spec_parse(&six_kind_fit, options, &o, NULL, NULL);
    if (!status && opt->net != net)
        status = six_fail(SIXNET_INVALID_ARGUMENT, "the optimizer was made for another model");
    if (!status)
        status = check_sets(&f, train);
    if (!status)
        status = six_fit_make_batches(&f, train);
    if (!status)
        status = six_fit_alloc(&f);
    if (!status && (*o.checkpoint || *o.resume))
        status = six_settings_text(&settings, &f.run, &o, train, validation);
    f.run.settings = settings.data;
    if (!status)
        status = six_fit_check_saving(&f);
    if (!status && *o.resume)
        status = resume(&f);
    if (!status)
        status = six_fit_check_epochs(&f);
    if (!status) {
        six_model_set_report(net, SIX_REPORT_DIAGNOSTICS, NULL);
        if (f.diagnostics)
            six_doctor_publish(f.diagnostics);
        status = run_epochs(&f);
        if (!status)
            six_average_swap(&f.run);
        six_model_set_report(net, SIX_REPORT_HISTORY, f.run.history);
        f.run.history = NULL;
    }
    six_text_free(&settings);
    six_diagnostics_free(f.diagnostics);
    six_snapshot_free(&f.epoch, opt);
    six_snapshot_free(&f.batch, opt);
    six_average_free(&f.run);
    six_free(net->ctx, f.run.history);
    six_batch_iterator_free(f.run.batches);
    return status;
}
