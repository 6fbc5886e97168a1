/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_TESTS_API_FIXTURE_H
#define SIXNET_TESTS_API_FIXTURE_H

/* A context with a small model, an optimizer and a dataset, whose memory is counted. */

#include "api.h"

typedef struct fixture {
    ledger memory;
    sixnet_context *ctx;
    sixnet_model *net; /* 2 -> 4 -> 3 classes, with a batch norm */
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    float inputs[16 * 2], targets[16];
} fixture;

static const char small_net[] =
    "input shape=2 name=in\nlinear out_features=4 name=first\nbatchnorm1d name=norm\ntanh name=curve\n"
    "linear out_features=3 name=last\ncross_entropy name=error\n";

static int fixture_setup(void **state)
{
    fixture *w = calloc(1, sizeof *w);
    w->ctx = ledger_context(&w->memory, "seed=5");
    w->net = parsed(w->ctx, small_net);
    fill_noise(w->inputs, 32, 1);
    for (int i = 0; i < 16; i++)
        w->targets[i] = (float)(i % 3);
    WORKS(sixnet_optimizer_new(&w->opt, w->net, "sgd lr=0.1 momentum=0.9", NULL));
    WORKS(sixnet_dataset_from_arrays(&w->ds, w->ctx, "shape=2", w->inputs, w->targets, 16));
    watched = w->net;
    *state = w;
    return 0;
}

static int fixture_teardown(void **state)
{
    fixture *w = *state;
    watched = NULL;
    close_all(&w->memory, w->ctx, w->net, w->opt, w->ds);
    free(w);
    return 0;
}

static API_UNUSED sixnet_model *empty(fixture *w)
{
    sixnet_model *net;
    WORKS(sixnet_model_new(&net, w->ctx));
    return net;
}

#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

#endif
