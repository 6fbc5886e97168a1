/* SPDX-License-Identifier: MIT */
/* The program that test_kill.py kills: crash_target run FILE | save FILE | check FILE
 *
 * run   trains a small net, going on from the checkpoint if it is there, and prints the digest of its end
 * save  saves a net in a loop, with two sets of values in turn
 * check loads a model and prints its digest */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sixnet/sixnet.h>

#define CHECK_SIXNET(call)                                                                                             \
    do {                                                                                                               \
        if ((call) < SIXNET_OK) {                                                                                      \
            fprintf(stderr, "crash_target: %s\n", sixnet_last_error());                                                \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { SAMPLES = 200, FEATURES = 8 };

static const char net_text[] = "input shape=8\nlinear out_features=32\nbatchnorm1d\nrelu\ndropout p=0.2\n"
                               "linear out_features=4\ncross_entropy\n";

static void print_digest(const sixnet_model *net)
{
    char digest[65];
    CHECK_SIXNET(sixnet_model_digest(net, digest));
    puts(digest);
}

static sixnet_dataset *make_data(sixnet_context *ctx)
{
    static float inputs[SAMPLES * FEATURES], classes[SAMPLES];
    sixnet_dataset *ds;
    for (int i = 0; i < SAMPLES * FEATURES; i++)
        inputs[i] = (float)(i * 37 % 101) / 50 - 1;
    for (int i = 0; i < SAMPLES; i++)
        classes[i] = (float)(i % 4);
    CHECK_SIXNET(
        sixnet_dataset_from_arrays(&ds, ctx, "input_dtype=f32 target_dtype=f32 shape=8", inputs, classes, SAMPLES));
    return ds;
}

static void run(sixnet_context *ctx, sixnet_model *net, const char *path)
{
    char options[1024];
    sixnet_optimizer *opt;
    sixnet_dataset *ds = make_data(ctx);
    CHECK_SIXNET(sixnet_optimizer_new(&opt, net, "adam lr=0.01", "step_lr step_size=2 ; linear_warmup steps=30"));
    snprintf(options, sizeof options,
             "epochs=8 batch_size=16 checkpoint=%s checkpoint_seconds=0.004 checkpoint_keep=2%s%s", path,
             access(path, F_OK) == 0 ? " resume=" : "", access(path, F_OK) == 0 ? path : "");
    CHECK_SIXNET(sixnet_model_fit(net, opt, ds, ds, options, NULL, NULL));
    print_digest(net);
    sixnet_optimizer_free(opt);
    sixnet_dataset_free(ds);
}

static void save(sixnet_model *net, const char *path)
{
    for (uint64_t i = 0;; i++) {
        CHECK_SIXNET(sixnet_model_reset(net, i % 2));
        CHECK_SIXNET(sixnet_model_save(net, path, NULL));
    }
}

int main(int argc, char **argv)
{
    sixnet_context *ctx;
    sixnet_model *net;
    if (argc != 3)
        return 2;
    CHECK_SIXNET(sixnet_context_new(&ctx, "seed=11"));
    if (strcmp(argv[1], "check") == 0)
        CHECK_SIXNET(sixnet_model_load(&net, ctx, argv[2], NULL));
    else
        CHECK_SIXNET(sixnet_model_parse(&net, ctx, net_text));
    if (strcmp(argv[1], "check") == 0)
        print_digest(net);
    else if (strcmp(argv[1], "run") == 0)
        run(ctx, net, argv[2]);
    else
        save(net, argv[2]);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    return 0;
}
