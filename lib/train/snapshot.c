/* SPDX-License-Identifier: MIT */

#include "train/snapshot.h"

#include <string.h>

#include "base/arena.h"

typedef enum direction { TAKE, RESTORE } direction;

static void copy(six_arena *a, void *live, int64_t count, const sixnet_model *net, direction to)
{
    const size_t value = (size_t)net->variant->real_size;
    void *kept = six_arena_alloc(a, (uint64_t)count, value);
    if (kept)
        memcpy(to == TAKE ? kept : live, to == TAKE ? live : kept, (size_t)count * value);
}

/* Copies each array that training changes; while the arena has no memory it only counts. */
static void copy_arrays(six_arena *a, const sixnet_optimizer *opt, void *average, direction to)
{
    const sixnet_model *net = opt->net;
    copy(a, net->values, net->values_size, net, to);
    for (int32_t i = 0; i < opt->slots; i++)
        copy(a, opt->state[i], net->trained_size, net, to);
    if (average)
        copy(a, average, net->values_size, net, to);
}

int32_t six_snapshot_new(six_snapshot *s, const sixnet_optimizer *opt, void *average)
{
    six_arena arena = {0};
    copy_arrays(&arena, opt, average, TAKE);
    s->average = average;
    s->memory = six_alloc(opt->net->ctx, 1, (size_t)arena.used);
    return s->memory ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
}

void six_snapshot_take(six_snapshot *s, const sixnet_optimizer *opt)
{
    copy_arrays(&(six_arena){.base = s->memory}, opt, s->average, TAKE);
    six_schedule_state(opt->schedule, s->schedule);
    s->optimizer_step = opt->steps;
    s->model_step = opt->net->step;
}

void six_snapshot_restore(const six_snapshot *s, sixnet_optimizer *opt)
{
    sixnet_model *net = opt->net;
    double now[SIX_SCHEDULE_STATE];
    copy_arrays(&(six_arena){.base = s->memory}, opt, s->average, RESTORE);
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
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
