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
    opt->current = six_alloc(ctx, 1, kind->size);
    status = opt->attr && opt->current ? six_spec_parse(kind, rest, opt->attr, NULL, NULL) : SIXNET_OUT_OF_MEMORY;
    if (status)
        return status;
    if (opt->kind->check)
        status = opt->kind->check(opt->attr);
    if (status)
        return status;
    status = six_schedule_new(&opt->schedule, ctx, schedule, ((six_optimizer_common *)opt->attr)->lr);
    if (!status && !opt->kind->momentum && !isnan(six_schedule_momentum(opt->schedule)))
        return six_fail(SIXNET_BAD_SPEC,
                        "%s: the schedule moves the momentum, of which %s has none; add cycle_momentum=false",
                        kind->name, kind->name);
    return status;
}

/* Fills in opt->current with a momentum that a schedule may move; NaN for that of attr. */
static const void *with_momentum(const sixnet_optimizer *opt, const void *attr, double momentum)
{
    memcpy(opt->current, attr, opt->kind->kind.size);
    if (!isnan(momentum))
        *(double *)(void *)((char *)opt->current + opt->kind->momentum) = momentum;
    return opt->current;
}

int32_t six_optimizer_slots(const sixnet_optimizer *opt, const void *attr)
{
    const bool moves = !isnan(six_schedule_momentum(opt->schedule));
    return opt->kind->slots(with_momentum(opt, attr, moves ? 0.5 : (double)NAN));
}

static int32_t make_state(sixnet_optimizer *opt)
{
    opt->slots = six_optimizer_slots(opt, opt->attr);
    for (int32_t i = 0; i < opt->slots; i++) {
        opt->state[i] = six_alloc(opt->net->ctx, (size_t)opt->net->trained_size, (size_t)opt->net->variant->real_size);
        if (!opt->state[i])
            return SIXNET_OUT_OF_MEMORY;
    }
    return SIXNET_OK;
}

int32_t six_optimizer_new(sixnet_optimizer **out, sixnet_model *net, const char *spec, const char *schedule)
{
    const int32_t compiled = six_require_compiled(net);
    if (compiled)
        return compiled;
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
    six_free(net->ctx, opt->current);
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

/* What an update works on. */
typedef struct arrays {
    real *values, *gradients, *state[SIX_MAX_SLOTS];
} arrays;

/* From the value at `first` of a segment on. */
static arrays arrays_at(const sixnet_optimizer *opt, const six_segment *segment, int64_t first)
{
    const sixnet_model *net = opt->net;
    const size_t size = (size_t)net->variant->real_size, gradient = (size_t)(segment->gradient_offset + first) * size;
    arrays a = {.values = (void *)((char *)net->values + (size_t)(segment->offset + first) * size),
                .gradients = (void *)((char *)net->gradients + gradient)};
    for (int32_t i = 0; i < opt->slots; i++)
        a.state[i] = (void *)((char *)opt->state[i] + gradient);
    return a;
}

static void update_chunk(void *arg, int32_t item, int32_t worker)
{
    const update_job *job = arg;
    const int64_t first = (int64_t)item * CHUNK, left = job->segment->size - first;
    const arrays a = arrays_at(job->opt, job->segment, first);
    (void)worker;
    job->opt->kernels->update(job->opt->current, &job->update, a.values, a.gradients, a.state,
                              left < CHUNK ? left : CHUNK);
}

static six_update next_update(const sixnet_optimizer *opt, const six_segment *segment, double clip_scale)
{
    const six_optimizer_common *common = opt->attr;
    return (six_update){.lr = six_schedule_lr(opt->schedule) * segment->lr_scale,
                        .weight_decay = segment->weight_decay,
                        .step = opt->steps + 1,
                        .gradient_scale = common->maximize ? -clip_scale : clip_scale,
                        .gradient_limit = common->clip_value > 0 ? common->clip_value : INFINITY,
                        .trust = 1};
}

static void update_segment(const sixnet_optimizer *opt, const six_segment *segment, double clip_scale)
{
    update_job job = {opt, segment, next_update(opt, segment, clip_scale)};
    if (opt->kernels->trust) {
        const arrays a = arrays_at(opt, segment, 0);
        job.update.trust =
            opt->kernels->trust(opt->current, &job.update, a.values, a.gradients, a.state, segment->size);
    }
    six_pool_run(opt->net->ctx->pool, update_chunk, &job, (int32_t)((segment->size + CHUNK - 1) / CHUNK));
}

/* Each tensor by itself, as an optimizer with a trust ratio needs it. */
static void update_tensors(const sixnet_optimizer *opt, double clip_scale)
{
    for (const six_tensor *t = opt->net->tensor; t < opt->net->tensor + opt->net->tensor_count; t++) {
        const six_segment alone = {t->offset, t->gradient_offset, t->size, t->lr_scale, t->weight_decay};
        if (six_trains(t))
            update_segment(opt, &alone, clip_scale);
    }
}

/* So far from overflow that roundings do not matter. */
bool six_optimizer_step_is_safe(const sixnet_optimizer *opt, double gradients)
{
    const sixnet_model *net = opt->net;
    const double limit = (net->ctx->dtype == SIX_F64 ? DBL_MAX : (double)FLT_MAX) / 4;
    six_magnitudes most = {net->variant->arrays.largest(net->values, net->parameters_size), gradients, 0};
    for (int32_t i = 0; i < opt->slots; i++)
        most.state = fmax(most.state, net->variant->arrays.largest(opt->state[i], net->trained_size));
    const void *attr = with_momentum(opt, opt->attr, six_schedule_momentum(opt->schedule));
    for (const six_segment *s = net->segment; s < net->segment + net->segment_count; s++) {
        const six_update u = next_update(opt, s, 1);
        if (!(opt->kind->bound(attr, &u, &most) < limit))
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
    with_momentum(opt, opt->attr, six_schedule_momentum(opt->schedule));
    if (opt->kernels->trust)
        update_tensors(opt, scale);
    else
        for (const six_segment *s = net->segment; s < net->segment + net->segment_count; s++)
            update_segment(opt, s, scale);
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
