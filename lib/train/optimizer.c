/* SPDX-License-Identifier: MIT */

#include "train/optimizer.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/threads.h"

/* Values whose update is one piece of work. */
enum { CHUNK = 16384, MAX_KINDS = 63 };

/* The place in six_optimizers of a kind that is there. */
static int32_t index_of(const six_kind *kind)
{
    int32_t i = 0;
    while (&six_optimizers[i]->kind != kind)
        i++;
    return i;
}

static const six_kind *find_kind(six_span word)
{
    const six_kind *kinds[MAX_KINDS + 1];
    int32_t count = 0;
    for (; six_optimizers[count] && count < MAX_KINDS; count++)
        kinds[count] = &six_optimizers[count]->kind;
    kinds[count] = NULL;
    return six_kind_find(kinds, word, "optimizer");
}

static int32_t parse(sixnet_optimizer *opt, const char *spec, const char *schedule)
{
    six_span word;
    const char *rest;
    const sixnet_context *ctx = opt->net->ctx;
    int32_t status = six_spec_kind(spec, &word, &rest);
    if (status)
        return status;
    const six_kind *kind = find_kind(word);
    if (!kind)
        return SIXNET_BAD_SPEC;
    opt->kind = six_optimizers[index_of(kind)];
    opt->kernels = opt->net->variant->optimizers[index_of(kind)];
    opt->attr = six_alloc(ctx, 1, kind->size);
    status = opt->attr ? six_spec_parse(kind, rest, opt->attr, NULL, NULL) : SIXNET_OUT_OF_MEMORY;
    if (status)
        return status;
    if (opt->kind->check)
        status = opt->kind->check(opt->attr);
    if (status)
        return status;
    return six_schedule_new(&opt->schedule, ctx, schedule, ((six_optimizer_common *)opt->attr)->lr);
}

static int32_t make_state(sixnet_optimizer *opt)
{
    opt->slots = opt->kind->slots(opt->attr);
    for (int32_t i = 0; i < opt->slots; i++) {
        opt->state[i] = six_alloc(opt->net->ctx, (size_t)opt->net->trained_size, (size_t)opt->net->variant->real_size);
        if (!opt->state[i])
            return SIXNET_OUT_OF_MEMORY;
    }
    return SIXNET_OK;
}

int32_t six_optimizer_new(sixnet_optimizer **out, sixnet_model *net, const char *spec, const char *schedule)
{
    if (!net->compiled)
        return six_fail(SIXNET_BAD_STATE,
                        "the model is not compiled; call sixnet_model_compile() before making an optimizer");
    sixnet_optimizer *opt = six_alloc(net->ctx, 1, sizeof *opt);
    if (!opt)
        return SIXNET_OUT_OF_MEMORY;
    opt->net = six_model_retain(net);
    atomic_fetch_add(&net->optimizers, 1);
    int32_t status = parse(opt, spec, schedule);
    if (!status)
        status = make_state(opt);
    if (status) {
        six_optimizer_free(opt);
        return status;
    }
    *out = opt;
    return SIXNET_OK;
}

void six_optimizer_free(sixnet_optimizer *opt)
{
    if (!opt)
        return;
    sixnet_model *net = opt->net;
    for (int32_t i = 0; i < SIX_MAX_SLOTS; i++)
        six_free(net->ctx, opt->state[i]);
    six_schedule_free(net->ctx, opt->schedule);
    six_free(net->ctx, opt->attr);
    six_free(net->ctx, opt);
    atomic_fetch_sub(&net->optimizers, 1);
    six_model_release(net);
}

/* The factor of clipping by norm, as torch.nn.utils.clip_grad_norm_, of gradients cut off at most; NAN if a gradient is not finite. */
static double norm_scale(const sixnet_optimizer *opt, double limit, double most)
{
    double squares = opt->net->variant->arrays.sum_of_squares(opt->net->gradients, opt->net->trained_size, most);
    double scale = limit / (sqrt(squares) + 1e-6);
    if (!isfinite(squares))
        return NAN;
    return scale < 1 ? scale : 1;
}

typedef struct update_job {
    const sixnet_optimizer *opt;
    const six_segment *segment;
    six_update update;
} update_job;

static void update_chunk(void *arg, int32_t item, int32_t worker)
{
    const update_job *job = arg;
    const sixnet_model *net = job->opt->net;
    const int64_t first = (int64_t)item * CHUNK, left = job->segment->size - first;
    const size_t size = (size_t)net->variant->real_size,
                 gradient = (size_t)(job->segment->gradient_offset + first) * size;
    real *state[SIX_MAX_SLOTS] = {0};
    (void)worker;
    for (int32_t i = 0; i < job->opt->slots; i++)
        state[i] = (void *)((char *)job->opt->state[i] + gradient);
    job->opt->kernels->update(job->opt->attr, &job->update,
                              (void *)((char *)net->values + (size_t)(job->segment->offset + first) * size),
                              (void *)((char *)net->gradients + gradient), state, left < CHUNK ? left : CHUNK);
}

static six_update next_update(const sixnet_optimizer *opt, const six_segment *segment, double gradient_scale)
{
    const double clip = ((const six_optimizer_common *)opt->attr)->clip_value;
    return (six_update){.lr = six_schedule_lr(opt->schedule) * segment->lr_scale,
                        .weight_decay = segment->weight_decay,
                        .step = opt->steps + 1,
                        .gradient_scale = gradient_scale,
                        .gradient_limit = clip > 0 ? clip : INFINITY};
}

/* So far from overflow that roundings do not matter. */
bool six_optimizer_step_is_safe(const sixnet_optimizer *opt, double gradients)
{
    const sixnet_model *net = opt->net;
    const double limit = (net->ctx->dtype == SIX_F64 ? DBL_MAX : (double)FLT_MAX) / 4;
    six_magnitudes most = {net->variant->arrays.largest(net->values, net->parameters_size), gradients, 0};
    for (int32_t i = 0; i < opt->slots; i++)
        most.state = fmax(most.state, net->variant->arrays.largest(opt->state[i], net->trained_size));
    for (const six_segment *s = net->segment; s < net->segment + net->segment_count; s++) {
        const six_update u = next_update(opt, s, 1);
        if (!(opt->kind->bound(opt->attr, &u, &most) < limit))
            return false;
    }
    return true;
}

int32_t six_optimizer_step(sixnet_optimizer *opt)
{
    const six_optimizer_common *common = opt->attr;
    const sixnet_model *net = opt->net;
    double scale = 1;
    if (common->clip_norm > 0)
        scale = norm_scale(opt, common->clip_norm, common->clip_value > 0 ? common->clip_value : INFINITY);
    if (isnan(scale))
        return six_fail(SIXNET_NOT_FINITE,
                        "a gradient is not finite; nothing was changed (a smaller learning rate may help)");
    for (const six_segment *s = net->segment; s < net->segment + net->segment_count; s++) {
        update_job job = {opt, s, next_update(opt, s, scale)};
        six_pool_run(net->ctx->pool, update_chunk, &job, (int32_t)((s->size + CHUNK - 1) / CHUNK));
    }
    opt->steps++;
    six_tensors_changed(opt->net);
    opt->net->pass = SIX_PASS_NONE;
    six_schedule_step(opt->schedule);
    return SIXNET_OK;
}

void six_optimizer_set_lr(sixnet_optimizer *opt, double lr)
{
    ((six_optimizer_common *)opt->attr)->lr = lr;
    six_schedule_set_base(opt->schedule, lr);
}
