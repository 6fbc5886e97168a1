/* SPDX-License-Identifier: MIT */

#include "train/fit.h"

#include <math.h>
#include <string.h>

#include "base/calls.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/threads.h"
#include "data/batches.h"
#include "graph/exec.h"
#include "train/average.h"
#include "train/diagnostics.h"
#include "train/evaluate.h"
#include "train/fit_options.h"
#include "train/progress.h"
#include "train/settings.h"
#include "train/snapshot.h"

static double now(void) { return 1e-9 * (double)six_nanoseconds(); }

/* What a batch has changed so far. */
typedef struct tried {
    bool forward, copied;
} tried;

typedef struct fit {
    const six_fit_options *o;
    six_train_run run;
    const six_checkpoint_store *store;
    sixnet_dataset *validation;
    sixnet_progress_fn fn;
    void *user;
    sixnet_progress p;
    double started, epoch_started; /* as if there had been no interruption */
    double saved;                  /* when the last checkpoint was */
    tried tried;
    six_snapshot batch, epoch; /* as it was before a step that may overflow; before the epoch, if it may begin again */
    six_run_state epoch_state;
    int32_t retries;              /* how often this epoch was begun again */
    six_diagnostics *diagnostics; /* NULL without */
} fit;

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
static int32_t not_finite(const fit *f, const six_batch_result *v, const char *what)
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
static int32_t take_step(fit *f, const six_batch_result *v)
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

static const six_op *loss_op(const fit *f) { return f->run.net->node[f->run.net->loss].op; }

static int32_t learn(fit *f, six_batch_result *v, six_loss_sums *sums)
{
    sixnet_model *net = f->run.net;
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
    int32_t status = six_forward(net, v->inputs, v->n);
    f->tried.forward = !status;
    if (!status)
        status = six_loss(net, v->targets, sums);
    if (!status && loss_op(f)->mean && sums->weight == 0)
        status =
            six_fail(SIXNET_BAD_DATA,
                     "epoch %.0f, batch %.0f: the classes of all its samples have weight 0, of which there is no mean",
                     f->p.epoch, f->p.batch);
    if (!status)
        v->loss = six_loss_value(loss_op(f), sums);
    if (!status && !isfinite(v->loss))
        status = not_finite(f, v, "the loss became");
    if (!status)
        status = six_backward(net);
    return status ? status : take_step(f, v);
}

/* Puts net, optimizer and schedule back to where they were before the batch. */
static void take_back(fit *f)
{
    sixnet_model *net = f->run.net;
    if (f->tried.copied)
        six_snapshot_restore(&f->batch, f->run.opt);
    if (f->tried.forward)
        six_forward_undo(net);
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
}

/* All of a step or nothing: a batch that fails leaves net, optimizer and schedule as they were. */
static int32_t train_batch(fit *f, six_batch_result *v)
{
    six_loss_sums sums;
    f->tried = (tried){0};
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
    if (loss_op(f)->classified)
        f->run.state.correct += sums.correct / (double)loss_op(f)->classified;
    return SIXNET_OK;
}

/* ---- what is not finite ---- */

/* So often an epoch is begun again, with 1/1024 of its learning rate at last. */
enum { RETRIES_MAX = 10 };

/* Begins the epoch again, from how the net, the optimizer and the schedule were then, with half the learning rate. */
static int32_t retry_epoch(fit *f)
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
static int32_t handle_nonfinite(fit *f, int64_t n)
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

/* ---- reports ---- */

static void show_best(fit *f)
{
    int64_t best = six_run_best(&f->run);
    if (best < 0)
        return;
    const double *row = f->run.history + best * SIX_RUN_COLUMNS;
    bool validated = !isnan(row[SIX_RUN_VALIDATION_LOSS]);
    f->p.best_epoch = (double)(best + 1);
    f->p.best_loss = row[validated ? SIX_RUN_VALIDATION_LOSS : SIX_RUN_LOSS];
    f->p.best_accuracy = row[validated ? SIX_RUN_VALIDATION_ACCURACY : SIX_RUN_ACCURACY];
}

static void show_means(fit *f)
{
    const six_run_state *s = &f->run.state;
    const double learnt = f->p.samples - (double)s->skipped;
    f->p.loss = six_loss_value(loss_op(f), &(six_loss_sums){.total = s->loss_sum, .weight = s->loss_weight});
    f->p.accuracy = loss_op(f)->classified ? s->correct / learnt : (double)NAN;
    f->p.skipped = (double)s->skipped;
}

/* Tells the caller where the run is; SIXNET_STOPPED if it wants no more. */
static int32_t report(fit *f)
{
    double time = now();
    show_means(f);
    f->p.seconds = f->run.state.epoch_seconds = time - f->epoch_started;
    f->p.total_seconds = f->run.state.seconds = time - f->started;
    six_calls_yield(true);
    bool enough = f->fn && f->fn(f->user, &f->p);
    six_calls_yield(false);
    return enough || six_cancelled(f->run.net) ? SIXNET_STOPPED : SIXNET_OK;
}

/* ---- checkpoints ---- */

static int32_t save(fit *f)
{
    f->saved = now();
    return f->store->save(&f->run, f->o->checkpoint, f->o->checkpoint_keep);
}

static six_text best_path(const fit *f)
{
    six_text path = {.ctx = f->run.net->ctx};
    six_text_add(&path, "%s.best", f->o->checkpoint);
    return path;
}

/* Whether all checkpoints of the run can be saved where they belong. */
static int32_t check_saving(const fit *f)
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

static int32_t save_best(fit *f)
{
    six_text path = best_path(f);
    int32_t status = path.failed ? SIXNET_OUT_OF_MEMORY : f->store->save(&f->run, path.data, 1);
    six_text_free(&path);
    return status;
}

/* After a batch; `status` is what the caller said. One who stops the run finds it saved. */
static int32_t save_within_epoch(fit *f, int32_t status)
{
    bool due =
        status == SIXNET_STOPPED || (f->o->checkpoint_seconds > 0 && now() - f->saved >= f->o->checkpoint_seconds);
    int32_t saved = *f->o->checkpoint && due ? save(f) : SIXNET_OK;
    return saved ? saved : status;
}

static int32_t save_after_epoch(fit *f, int32_t status)
{
    int64_t epoch = f->run.state.epoch;
    bool due = status == SIXNET_STOPPED || epoch == f->o->epochs || epoch % f->o->checkpoint_epochs == 0;
    int32_t saved = SIXNET_OK;
    if (!*f->o->checkpoint)
        return status;
    if (f->o->checkpoint_best && six_run_best(&f->run) == f->run.rows - 1)
        saved = save_best(f);
    if (!saved && due)
        saved = save(f);
    return saved ? saved : status;
}

/* ---- epochs ---- */

static int32_t note_epoch(fit *f)
{
    const double row[SIX_RUN_COLUMNS] = {
        [SIX_RUN_LR] = f->p.lr,
        [SIX_RUN_LOSS] = f->p.loss,
        [SIX_RUN_ACCURACY] = f->p.accuracy,
        [SIX_RUN_VALIDATION_LOSS] = f->p.validation_loss,
        [SIX_RUN_VALIDATION_ACCURACY] = f->p.validation_accuracy,
    };
    int32_t status = six_run_add(&f->run, row);
    show_best(f);
    return status;
}

/* Measures the average, as soon as there is one. */
static int32_t validate(fit *f)
{
    six_average_swap(&f->run);
    int32_t status = six_evaluate(f->run.net, f->validation, &f->p.validation_loss, &f->p.validation_accuracy);
    six_average_swap(&f->run);
    return status;
}

static int32_t end_epoch(fit *f)
{
    six_run_state *s = &f->run.state;
    int32_t status = SIXNET_OK;
    if (s->skipped > 0 && s->skipped == s->position)
        return six_fail(SIXNET_NOT_FINITE, "all batches of epoch %.0f were left out; a smaller learning rate may help",
                        f->p.epoch);
    show_means(f);
    if (f->diagnostics)
        six_diagnostics_check_epoch(f->diagnostics);
    six_average_epoch(&f->run);
    if (f->validation)
        status = validate(f);
    if (!status)
        status = note_epoch(f);
    if (status) /* when cancelled, with all batches of the epoch done */
        return status == SIXNET_STOPPED ? save_within_epoch(f, status) : status;
    six_schedule_end_epoch(f->run.opt->schedule, f->validation ? f->p.validation_loss : f->p.loss);
    f->p.epoch_end = 1;
    status = report(f);
    f->p.epoch_end = 0;
    s->epoch++;
    s->position = 0;
    s->loss_sum = s->loss_weight = s->correct = s->epoch_seconds = 0;
    s->skipped = 0;
    return save_after_epoch(f, status);
}

/* Puts the reports to where the run is. */
static void update_progress(fit *f)
{
    const six_run_state *s = &f->run.state;
    f->p.epoch = (double)(s->epoch + 1);
    f->p.samples = (double)s->position;
    f->p.batch = (double)((s->position + f->o->batch_size - 1) / f->o->batch_size);
}

static int32_t run_batch(fit *f, six_batch_result *v)
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
    update_progress(f);
    return s->position > before ? save_within_epoch(f, report(f)) : SIXNET_OK; /* not if the epoch begins again */
}

/* An epoch, or what is left of it. */
static int32_t run_epoch(fit *f)
{
    const six_dtype dtype = f->run.net->ctx->dtype;
    six_batch_result v = {.inputs = {NULL, dtype}, .targets = {NULL, dtype}, .n = 1};
    six_run_state *s = &f->run.state;
    update_progress(f);
    f->p.validation_loss = f->p.validation_accuracy = NAN;
    f->p.lr = six_schedule_lr(f->run.opt->schedule);
    f->epoch_started = now() - s->epoch_seconds;
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

static int32_t make_batches(fit *f, sixnet_dataset *train)
{
    const six_fit_options *o = f->o;
    const int64_t seed = o->seed < 0 ? (int64_t)f->run.net->ctx->seed : o->seed;
    const six_batch_iterator_options b = {
        .batch_size = o->batch_size, .seed = seed, .shuffle = o->shuffle, .drop_last = o->drop_last};
    f->run.state = (six_run_state){.samples = six_dataset_size(train), .batch_size = o->batch_size, .order_seed = seed};
    f->run.state.shuffle = o->shuffle;
    f->run.state.drop_last = o->drop_last;
    return six_batch_iterator_open(&f->run.batches, train, &b);
}

/* Refuses, before the first step, batches of `count` samples that a layer cannot learn from. */
static int32_t check_batch_sizes(const fit *f, int64_t count)
{
    const sixnet_model *net = f->run.net;
    const int64_t size = f->o->batch_size < count ? f->o->batch_size : count;
    const int64_t last = f->o->drop_last || count % size == 0 ? size : count % size;
    if (f->o->drop_last && count < f->o->batch_size)
        return SIXNET_OK;
    for (int32_t i = 0; i < net->node_count; i++) {
        const char *name = net->node[i].name;
        const long long least = (long long)net->node[i].op->least_samples;
        if (size < least)
            return six_fail(SIXNET_BAD_SHAPE, "%s: training needs batches of %lld samples or more, not of %lld", name,
                            least, (long long)size);
        if (last < least)
            return six_fail(
                SIXNET_BAD_SHAPE,
                "%s: training needs batches of %lld samples or more, but the last of an epoch has %lld (%lld samples, "
                "batch_size=%lld); drop_last=true leaves it out",
                name, least, (long long)last, (long long)count, (long long)f->o->batch_size);
    }
    return SIXNET_OK;
}

/* Of whole epochs, and of the rest of one in which a run goes on. */
static int32_t check_epochs(const fit *f)
{
    const six_run_state *s = &f->run.state;
    int32_t status = check_batch_sizes(f, s->samples);
    if (!status && s->position > 0 && s->position < s->samples)
        status = check_batch_sizes(f, s->samples - s->position);
    return status;
}

static int32_t make_average(fit *f)
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

static int32_t run_epochs(fit *f)
{
    const sixnet_model *net = f->run.net;
    f->started = now() - f->run.state.seconds;
    f->saved = now();
    f->p.epochs = (double)f->o->epochs;
    f->p.batches = (double)six_batch_iterator_count(f->run.batches);
    f->p.best_epoch = f->p.best_loss = f->p.best_accuracy = NAN;
    show_best(f);
    int32_t status = six_cancelled(net) ? save_within_epoch(f, SIXNET_STOPPED) : SIXNET_OK;
    six_pool *pool = net->serial ? NULL : net->ctx->pool;
    six_pool_begin(pool);
    while (!status && f->run.state.epoch < f->o->epochs)
        status = run_epoch(f);
    six_pool_end(pool);
    return status;
}

/* The memory that the run takes besides. */
static int32_t alloc_run_state(fit *f)
{
    const int64_t all = f->run.state.samples, most = f->o->batch_size < all ? f->o->batch_size : all;
    int32_t status = make_average(f);
    if (!status)
        status = six_snapshot_new(&f->batch, f->run.opt, NULL);
    if (!status && f->o->on_nan == SIX_ON_NAN_RESTORE)
        status = six_snapshot_new(&f->epoch, f->run.opt, f->run.average);
    if (!status && f->o->diagnostics)
        status = six_diagnostics_new(&f->diagnostics, f->run.net, most);
    return status;
}

static int32_t resume(fit *f)
{
    f->run.allow_changes = f->o->resume_changes == SIX_RESUME_CHANGES_ALLOW;
    int32_t status = f->store->load(&f->run, f->o->resume);
    f->p.resume_changes = (double)f->run.state.changes;
    return status;
}

/* Labels out of range are a finding too. */
static int32_t check_sets(const fit *f, sixnet_dataset *train)
{
    six_diagnostics *diagnostics;
    sixnet_model *net = f->run.net;
    int32_t status = six_check_dataset(net, train);
    if (!status && f->validation)
        status = six_check_dataset(net, f->validation);
    const bool refused = status == SIXNET_BAD_DATA && net->node[net->loss].op->targets == SIX_TARGETS_CLASSES;
    if (refused && f->o->diagnostics && !six_diagnostics_new(&diagnostics, net, 1)) {
        net->diagnostics = 0;
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
    fit f = {
        .o = &o, .run = {.net = net, .opt = opt}, .store = store, .validation = validation, .fn = fn, .user = user};
    int32_t status = six_spec_parse(&six_kind_fit, options, &o, NULL, NULL);
    if (!status && opt->net != net)
        status = six_fail(SIXNET_INVALID_ARGUMENT, "the optimizer was made for another model");
    if (!status)
        status = check_sets(&f, train);
    if (!status)
        status = make_batches(&f, train);
    if (!status)
        status = alloc_run_state(&f);
    if (!status && (*o.checkpoint || *o.resume))
        status = six_settings_text(&settings, &f.run, &o, train, validation);
    f.run.settings = settings.data;
    if (!status)
        status = check_saving(&f);
    if (!status && *o.resume)
        status = resume(&f);
    if (!status)
        status = check_epochs(&f);
    if (!status) {
        net->diagnostics = 0;
        status = run_epochs(&f);
        if (!status)
            six_average_swap(&f.run);
        six_run_end(&f.run);
    }
    six_text_free(&settings);
    six_diagnostics_free(f.diagnostics);
    six_snapshot_free(&f.epoch, opt);
    six_snapshot_free(&f.batch, opt);
    six_average_free(&f.run);
    six_run_free(&f.run);
    six_batch_iterator_free(f.run.batches);
    return status;
}
