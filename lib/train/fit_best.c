/* SPDX-License-Identifier: MIT */

/* The best epoch of a run, and the end of a run that finds no better one. */

#include <string.h>

#include "base/status.h"
#include "train/average.h"
#include "train/fit_run.h"

static size_t values_bytes(const sixnet_model *net)
{
    return (size_t)net->values_size * (size_t)net->variant->real_size;
}

static bool is_validated(int32_t column)
{
    return column == SIX_HISTORY_VALIDATION_LOSS || column == SIX_HISTORY_VALIDATION_ACCURACY;
}

static bool is_accuracy(int32_t column)
{
    return column == SIX_HISTORY_ACCURACY || column == SIX_HISTORY_VALIDATION_ACCURACY;
}

/* The column that monitor=auto stands for. */
static int32_t usual_column(const six_fit_run *f)
{
    if (!f->validation)
        return SIX_HISTORY_LOSS;
    return six_fit_loss_op(f)->classified ? SIX_HISTORY_VALIDATION_ACCURACY : SIX_HISTORY_VALIDATION_LOSS;
}

static int32_t find_monitor(six_fit_run *f)
{
    const char *name = f->o->monitor;
    const bool is_auto = strcmp(name, "auto") == 0;
    const int32_t column = is_auto ? usual_column(f) : six_history_column(name);
    if (column < 0 || column == SIX_HISTORY_LR)
        return six_fail(SIXNET_BAD_SPEC,
                        "fit: monitor '%.80s' is none of: auto loss accuracy validation_loss validation_accuracy "
                        "val_loss val_accuracy",
                        name);
    if (is_validated(column) && !f->validation)
        return six_fail(SIXNET_INVALID_ARGUMENT, "monitor=%s: the run has no validation set", name);
    if (is_accuracy(column) && !six_fit_loss_op(f)->classified)
        return six_fail(SIXNET_INVALID_ARGUMENT, "monitor=%s: the loss '%s' has no accuracy", name,
                        six_fit_loss_op(f)->layer->kind.name);
    f->run.monitor = (six_monitor){column, f->o->min_delta};
    return SIXNET_OK;
}

int32_t six_fit_setup_best(six_fit_run *f)
{
    const sixnet_model *net = f->run.net;
    int32_t status = find_monitor(f);
    if (status || !f->o->restore_best)
        return status;
    f->run.best = six_alloc(net->ctx, (size_t)net->values_size, (size_t)net->variant->real_size);
    return f->run.best ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
}

/* The average, as soon as there is one, is what was measured. */
void six_fit_keep_best(six_fit_run *f)
{
    six_train_run *run = &f->run;
    if (!run->best || six_history_best(run->history) != six_history_epochs(run->history) - 1)
        return;
    memcpy(run->best, run->state.averaged ? run->average : run->net->values, values_bytes(run->net));
    run->state.best_epoch = six_history_epochs(run->history);
}

/* So many epochs have not been better than the best. */
static int64_t epochs_since_best(const six_fit_run *f)
{
    return six_history_epochs(f->run.history) - 1 - six_history_best(f->run.history);
}

static bool is_stopped_early(const six_fit_run *f)
{
    return f->o->early_stopping > 0 && epochs_since_best(f) >= f->o->early_stopping;
}

bool six_fit_is_done(const six_fit_run *f) { return f->run.state.epoch >= f->o->epochs || is_stopped_early(f); }

static void log_end(const six_fit_run *f)
{
    const sixnet_context *ctx = f->run.net->ctx;
    if (f->timed_out)
        six_log(ctx, 0, "fit: max_seconds=%g are over in epoch %.0f", f->o->max_seconds, f->p.epoch);
    else if (is_stopped_early(f))
        six_log(ctx, 0, "fit: %s has not become better for %lld epochs; epoch %lld was the best",
                six_history_column_name(f->run.monitor.column), (long long)epochs_since_best(f),
                (long long)six_history_best(f->run.history) + 1);
}

void six_fit_give_result(six_fit_run *f)
{
    six_train_run *run = &f->run;
    sixnet_model *net = run->net;
    const int64_t best = six_history_best(run->history) + 1;
    log_end(f);
    if (!run->best || run->state.best_epoch != best) {
        if (run->best) /* the run was resumed with other options */
            six_log(net->ctx, 1, "restore_best: the values of the best epoch, %lld, were not kept", (long long)best);
        six_average_swap(run);
        return;
    }
    if (!best)
        return;
    memcpy(net->values, run->best, values_bytes(net));
    net->pass = SIX_PASS_NONE;
    six_tensors_changed(net);
}
