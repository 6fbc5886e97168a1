/* SPDX-License-Identifier: MIT */

/* Training on one batch. */

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "train/evaluate.h"
#include "train/average.h"
#include "train/fit_run.h"

/* ---- non-finite values ---- */

/* Which of n samples of so many values has one that is NaN or infinite; n if none has. */
static int64_t first_not_finite(six_rows rows, int64_t n, int64_t size)
{
    int64_t i = 0;
    while (i < n * size && isfinite(six_rows_value(rows, i)))
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
    return six_all_finite(net->variant, six_buffers(net), six_buffers_size(net));
}

/* The optimizer step of a batch. It is undone only if it overflows, so state is copied only where that is possible. */
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

/* ---- passes ---- */

static void zero_gradients(sixnet_model *net)
{
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
}

/* Whether the loss of a whole batch is a number. */
static int32_t check_loss(const six_fit_run *f, six_batch_result *v, const six_loss_sums *sums)
{
    if (six_check_loss_weight(six_fit_loss_op(f), sums))
        return six_fail_prefix(SIXNET_BAD_DATA, "epoch %.0f, batch %.0f: ", f->p.epoch, f->p.batch);
    v->loss = six_loss_value(six_fit_loss_op(f), sums);
    return isfinite(v->loss) ? SIXNET_OK : not_finite(f, v, "the loss became");
}

/* Likewise of a shard, whose gradient is that of the total. */
static int32_t check_total(const six_fit_run *f, six_batch_result *v, const six_loss_sums *sums)
{
    v->loss = sums->total;
    return isfinite(v->loss) ? SIXNET_OK : not_finite(f, v, "the loss became");
}

/* Forward and backward pass over the samples from `first` up to `end`. */
static int32_t run_pass(six_fit_run *f, six_batch_result *v, int64_t first, int64_t end, six_loss_sums *sums)
{
    sixnet_model *net = f->run.net;
    const six_pass pass = {f->diagnostics ? six_diagnostics_observer(f->diagnostics) : NULL, f->shards.count > 1,
                           first};
    int32_t status = six_forward(net, six_rows_from(v->inputs, first * net->input_size), end - first, &pass);
    f->tried.forward = !status;
    if (!status && f->diagnostics)
        six_diagnostics_collect_outputs(f->diagnostics, first);
    if (!status)
        status = six_loss(net, six_rows_from(v->targets, first * net->target_size), sums);
    if (!status)
        status = pass.shard ? check_total(f, v, sums) : check_loss(f, v, sums);
    if (status)
        return status;
    return six_backward(net);
}

/* Each shard starts with the running statistics before the batch. */
static int32_t learn_shard(six_fit_run *f, six_batch_result *v, int64_t shard, six_loss_sums *sums)
{
    const int64_t first = six_shard_first(&f->shards, shard, v->n), end = six_shard_first(&f->shards, shard + 1, v->n);
    if (shard > 0 && six_cancelled(f->run.net))
        return SIXNET_STOPPED;
    if (f->tried.forward)
        six_forward_undo(f->run.net);
    f->tried.forward = false;
    zero_gradients(f->run.net);
    *sums = (six_loss_sums){0};
    return first < end ? run_pass(f, v, first, end, sums) : SIXNET_OK;
}

/* Leaves the gradients and statistics of all shards in the model. */
static int32_t learn_shards(six_fit_run *f, six_batch_result *v, six_loss_sums *sums)
{
    int32_t status = SIXNET_OK;
    for (int64_t i = 0; i < f->shards.count && !status; i++) {
        status = learn_shard(f, v, i, sums);
        if (!status)
            six_shards_add(&f->shards, i, v->n, sums);
    }
    *sums = six_shards_loss(&f->shards);
    if (!status)
        status = check_loss(f, v, sums);
    if (!status)
        six_shards_finish(&f->shards, six_fit_loss_op(f)->mean ? 1 / sums->weight : 1);
    return status;
}

static int32_t learn(six_fit_run *f, six_batch_result *v, six_loss_sums *sums)
{
    int32_t status = f->shards.count == 1 ? learn_shard(f, v, 0, sums) : learn_shards(f, v, sums);
    if (status)
        return status;
    return take_step(f, v);
}

/* ---- batches ---- */

/* Puts net, optimizer and schedule back to where they were before the batch. */
static void take_back(six_fit_run *f)
{
    sixnet_model *net = f->run.net;
    if (f->tried.copied)
        six_snapshot_restore(&f->batch, f->run.opt);
    if (f->tried.forward)
        six_forward_undo(net);
    zero_gradients(net);
}

int32_t six_fit_train_batch(six_fit_run *f, six_batch_result *v)
{
    six_loss_sums sums;
    f->tried = (six_fit_tried){0};
    v->status = learn(f, v, &sums);
    if (f->diagnostics && v->status != SIXNET_STOPPED)
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
