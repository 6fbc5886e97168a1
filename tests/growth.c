/* SPDX-License-Identifier: MIT */

/* Does work of a size that the command line gives, for test_growth.py, which counts the instructions: growth NAME SIZE. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sixnet/sixnet.h>

static void check(int32_t status)
{
    if (status) {
        fprintf(stderr, "growth: %s\n", sixnet_last_error());
        exit(EXIT_FAILURE);
    }
}

/* Trains a small net on so many samples. */
static void fit(int samples, const char *options)
{
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    float *inputs = calloc((size_t)samples * 2, sizeof *inputs), *targets = calloc((size_t)samples, sizeof *targets);
    if (!inputs || !targets)
        exit(EXIT_FAILURE);
    for (int i = 0; i < samples; i++) {
        inputs[2 * i] = (float)(i & 1);
        inputs[2 * i + 1] = (float)(i >> 1 & 1);
        targets[i] = (float)((i ^ i >> 1) & 1);
    }
    check(sixnet_model_parse(&net, NULL, "input shape=2\nlinear out_features=2\ntanh\nlinear out_features=1\nbce_with_logits"));
    check(sixnet_optimizer_new(&opt, net, "adam lr=0.01", "step_lr step_size=100"));
    check(sixnet_dataset_from_arrays(&ds, NULL, "shape=2", inputs, targets, samples));
    check(sixnet_fit_validated(net, opt, ds, ds, options, NULL, NULL));
    sixnet_dataset_free(ds);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    free(inputs);
    free(targets);
}

static void fit_epochs(int size)
{
    char options[64];
    snprintf(options, sizeof options, "epochs=%d batch_size=4", size);
    fit(4, options);
}

static void fit_averaged_epochs(int size)
{
    char options[64];
    snprintf(options, sizeof options, "epochs=%d batch_size=4 average=swa doctor=true", size);
    fit(4, options);
}

static void fit_batches(int size) { fit(size, "batch_size=1"); }

/* Predicts so many tiles of large samples with a model that is cancelled. */
static void cancelled_predict(int size)
{
    enum { FEATURES = 1000, TILE = 16 };
    sixnet_model *net;
    size_t n = (size_t)size * TILE;
    float *inputs = calloc(n * FEATURES, sizeof *inputs), *outputs = calloc(n, sizeof *outputs);
    if (!inputs || !outputs)
        exit(EXIT_FAILURE);
    check(sixnet_model_parse(&net, NULL, "input shape=1000\nlinear out_features=1"));
    sixnet_cancel(net, 1);
    if (sixnet_predict(net, inputs, (int64_t)n, outputs) != SIXNET_STOPPED)
        exit(EXIT_FAILURE);
    sixnet_model_free(net);
    free(inputs);
    free(outputs);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(int size);
    } works[] = {
        {"fit_epochs", fit_epochs},
        {"fit_averaged_epochs", fit_averaged_epochs},
        {"fit_batches", fit_batches},
        {"cancelled_predict", cancelled_predict},
    };
    for (size_t i = 0; i < sizeof works / sizeof *works && argc == 3; i++)
        if (strcmp(works[i].name, argv[1]) == 0) {
            works[i].run(atoi(argv[2]));
            return EXIT_SUCCESS;
        }
    fprintf(stderr, "usage: growth NAME SIZE\n");
    return EXIT_FAILURE;
}
