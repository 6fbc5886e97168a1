/* SPDX-License-Identifier: MIT */

/* The MNIST net from start to end: load, build, train, evaluate, save, predict. The net and its training are those of
 * mnist_cnn.c, with a bit-identical result.
 *
 *     mnist_minimal [DIR [EPOCHS]]    DIR holds the four gzipped IDX files; writes mnist.safetensors */

#include <sixnet/sixnet.h>

#include <stdio.h>
#include <stdlib.h>

/* A net is text, one layer per line. Each stage halves height and width. */
#define BLOCK(c) "conv2d out_channels=" c " kernel_size=3 padding=1 bias=false\nrelu\nbatchnorm2d\ndropout p=0.05\n"
#define STAGE(c) BLOCK(c) BLOCK(c) "maxpool2d kernel_size=2\nconv2d out_channels=" c " kernel_size=1 bias=false\n"
#define HEAD "conv2d out_channels=10 kernel_size=1 bias=false\navgpool2d kernel_size=3\nflatten\ncross_entropy\n"

static const char net_text[] = "input shape=1x28x28\n" STAGE("8") STAGE("14") STAGE("24") BLOCK("32") HEAD;

/* Ends the program if a call failed; the library has the reason in one line. */
static void check(int32_t status)
{
    if (status) {
        fprintf(stderr, "mnist_minimal: %s\n", sixnet_last_error());
        exit(EXIT_FAILURE);
    }
}

/* Opens the "train" or the "t10k" images with their labels. */
static sixnet_dataset *open_set(sixnet_context *ctx, const char *dir, const char *set)
{
    char images[4096], labels[4096];
    sixnet_dataset *ds;
    snprintf(images, sizeof images, "%s/%s-images-idx3-ubyte.gz", dir, set);
    snprintf(labels, sizeof labels, "%s/%s-labels-idx1-ubyte.gz", dir, set);
    check(sixnet_dataset_from_idx(&ds, ctx, images, labels));
    check(sixnet_dataset_add_transform(ds, "normalize mean=0.1307 std=0.3081"));
    return ds;
}

/* Called after every batch and at the end of every epoch. */
static int32_t on_progress(void *user, const sixnet_progress *p)
{
    (void)user;
    if (sixnet_progress_get(p, "epoch_end") == 1)
        printf("epoch %2.0f  train loss %.4f  test accuracy %.2f %%\n", sixnet_progress_get(p, "epoch"),
               sixnet_progress_get(p, "loss"), 100 * sixnet_progress_get(p, "validation_accuracy"));
    fflush(stdout);
    return 0; /* anything else stops the training */
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "examples/data/mnist";
    float image[28 * 28], label, scores[10];
    double accuracy;
    char fit[64];
    int digit = 0;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;

    check(sixnet_context_new(&ctx, "threads=0")); /* one per core */
    sixnet_dataset *train = open_set(ctx, dir, "train"), *test = open_set(ctx, dir, "t10k");

    check(sixnet_model_parse(&net, ctx, net_text));
    check(sixnet_optimizer_new(&opt, net, "sgd lr=0.1 momentum=0.9", "step_lr step_size=10 gamma=0.1"));
    snprintf(fit, sizeof fit, "batch_size=128 epochs=%s", argc > 2 ? argv[2] : "20");
    check(sixnet_model_fit(net, opt, train, test, fit, on_progress, NULL));
    check(sixnet_model_evaluate(net, test, NULL, &accuracy));
    check(sixnet_model_save(net, "mnist.safetensors", NULL));
    printf("test accuracy %.2f %%, saved as mnist.safetensors\n", 100 * accuracy);

    check(sixnet_dataset_get_sample(test, 0, image, &label));
    check(sixnet_model_predict(net, image, 1, scores));
    for (int k = 1; k < 10; k++)
        if (scores[k] > scores[digit])
            digit = k;
    printf("the first test image is a %.0f, predicted as %d\n", label, digit);

    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    sixnet_dataset_free(train);
    sixnet_dataset_free(test);
    sixnet_context_free(ctx);
    return fclose(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
