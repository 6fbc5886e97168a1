/* SPDX-License-Identifier: MIT */

#include "train/average.h"

#include "base/status.h"

static void swap(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const char c = a[i];
        a[i] = b[i];
        b[i] = c;
    }
}

int32_t six_average_new(six_train_run *run)
{
    const sixnet_model *net = run->net;
    run->average = six_alloc(net->ctx, (size_t)net->values_size, (size_t)net->variant->real_size);
    return run->average ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
}

void six_average_free(six_train_run *run)
{
    six_free(run->net->ctx, run->average);
    run->average = NULL;
}

/* The first values are the average, whatever the share of later ones. */
static void add(six_train_run *run, double share)
{
    const sixnet_model *net = run->net;
    const double take = run->state.averaged++ ? share : 1;
    net->variant->arrays.mix(run->average, 1 - take, net->values, take, net->values_size);
}

void six_average_step(six_train_run *run)
{
    const six_run_state *s = &run->state;
    if (s->average == SIX_AVERAGE_EMA && s->epoch >= s->average_start_epoch)
        add(run, 1 - s->ema_decay);
}

void six_average_epoch(six_train_run *run)
{
    const six_run_state *s = &run->state;
    if (s->average == SIX_AVERAGE_SWA && s->epoch >= s->average_start_epoch + s->averaged)
        add(run, 1 / (double)(s->averaged + 1));
}

void six_average_swap(six_train_run *run)
{
    sixnet_model *net = run->net;
    if (!run->state.averaged)
        return;
    swap(run->average, net->values, (size_t)net->values_size * (size_t)net->variant->real_size);
    six_tensors_changed(net);
}
