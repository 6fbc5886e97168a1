/* SPDX-License-Identifier: MIT */

#include "train/snapshot.h"

#include <string.h>

static size_t bytes_of(const sixnet_model *net, int64_t values)
{
    return (size_t)values * (size_t)net->variant->real_size;
}

int32_t six_snapshot_new(six_snapshot *s, const sixnet_optimizer *opt, void *average)
{
    const sixnet_model *net = opt->net;
    const int64_t arrays = average ? 2 : 1;
    s->average = average;
    s->memory = six_alloc(net->ctx, (size_t)(arrays * net->values_size + opt->slots * net->trained_size),
                          (size_t)net->variant->real_size);
    return s->memory ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
}

void six_snapshot_take(six_snapshot *s, const sixnet_optimizer *opt)
{
    const sixnet_model *net = opt->net;
    size_t values = bytes_of(net, net->values_size), slot = bytes_of(net, net->trained_size);
    memcpy(s->memory, net->values, values);
    for (int32_t i = 0; i < opt->slots; i++)
        memcpy(s->memory + values + (size_t)i * slot, opt->state[i], slot);
    if (s->average)
        memcpy(s->memory + values + (size_t)opt->slots * slot, s->average, values);
    six_schedule_state(opt->schedule, s->schedule);
    s->optimizer_step = opt->steps;
    s->model_step = net->step;
}

void six_snapshot_restore(const six_snapshot *s, sixnet_optimizer *opt)
{
    sixnet_model *net = opt->net;
    double now[SIX_SCHEDULE_STATE];
    size_t values = bytes_of(net, net->values_size), slot = bytes_of(net, net->trained_size);
    memcpy(net->values, s->memory, values);
    memset(net->gradients, 0, slot);
    for (int32_t i = 0; i < opt->slots; i++)
        memcpy(opt->state[i], s->memory + values + (size_t)i * slot, slot);
    if (s->average)
        memcpy(s->average, s->memory + values + (size_t)opt->slots * slot, values);
    six_schedule_restore(opt->schedule, s->schedule, six_schedule_state(opt->schedule, now)); /* takes what it gave */
    opt->steps = s->optimizer_step;
    net->step = s->model_step;
    net->pass = SIX_PASS_NONE;
    six_tensors_changed(net);
}

void six_snapshot_free(six_snapshot *s, const sixnet_optimizer *opt)
{
    six_free(opt->net->ctx, s->memory);
    s->memory = NULL;
}
