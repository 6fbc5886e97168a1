/* SPDX-License-Identifier: MIT */

/* What is measured: nets, and samples for them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* ---- nets ---- */

#define CONV(channels, size, rest) "conv2d out_channels=" channels " kernel_size=" size " " rest "\n"
#define LINEAR(features) "linear out_features=" features "\n"
#define CLASSIFIER "cross_entropy\n"

/* The net of examples/mnist_cnn.net. */
#define MNIST_BLOCK(channels) CONV(channels, "3", "padding=1 bias=false") "relu\nbatchnorm2d\ndropout p=0.05\n"
#define MNIST_STAGE(channels)                                                                                          \
    MNIST_BLOCK(channels) MNIST_BLOCK(channels) "maxpool2d kernel_size=2\n" CONV(channels, "1", "bias=false")
#define MNIST                                                                                                          \
    "input shape=1x28x28\n" MNIST_STAGE("8") MNIST_STAGE("14") MNIST_STAGE("24") MNIST_BLOCK("32")                     \
        CONV("10", "1", "bias=false") "avgpool2d kernel_size=3\nflatten\n" CLASSIFIER

#define MLP "input shape=784\n" LINEAR("512") "relu\n" LINEAR("512") "relu\n" LINEAR("10") CLASSIFIER

#define LENET                                                                                                          \
    "input shape=1x28x28\n" CONV("6", "5", "padding=2") "tanh\navgpool2d kernel_size=2\n" CONV(                        \
        "16", "5",                                                                                                     \
        "") "tanh\navgpool2d kernel_size=2\nflatten\n" LINEAR("120") "tanh\n" LINEAR("84") "tanh\n" LINEAR("10")       \
        CLASSIFIER

/* ResNet-20: blocks of two convolutions around which the input is led, in the first of a stage through a 1 x 1 convolution. */
#define RES_CONV(channels, rest) CONV(channels, "3", "padding=1 bias=false " rest)
#define RES_END(name, skip) "batchnorm2d name=" name "_sum\nadd from=" name "_sum," skip "\nrelu name=" name "\n"
#define RES_SAME(name, from, channels)                                                                                 \
    RES_CONV(channels, "from=" from) "batchnorm2d\nrelu\n" RES_CONV(channels, "") RES_END(name, from)
#define RES_DOWN(name, from, channels)                                                                                 \
    CONV(channels, "1", "stride=2 bias=false from=" from)                                                              \
    "batchnorm2d name=" name                                                                                           \
    "_skip\n" RES_CONV(channels, "stride=2 from=" from) "batchnorm2d\nrelu\n" RES_CONV(channels, "")                   \
        RES_END(name, name "_skip")
#define RESNET20                                                                                                       \
    "input shape=3x32x32\n" RES_CONV("16", "") "batchnorm2d\nrelu name=a0\n" RES_SAME("a1", "a0", "16")                \
        RES_SAME("a2", "a1", "16") RES_SAME("a3", "a2", "16") RES_DOWN("b1", "a3", "32") RES_SAME("b2", "b1", "32")    \
            RES_SAME("b3", "b2", "32") RES_DOWN("c1", "b3", "64") RES_SAME("c2", "c1", "64")                           \
                RES_SAME("c3", "c2", "64") "adaptive_avgpool2d output_size=1\nflatten\n" LINEAR("10") CLASSIFIER

#define SIGMOIDS "linear out_features=2 bias=false\nsigmoid\n"
#define TWO_NEURON "input shape=2\n" SIGMOIDS SIGMOIDS "mse reduction=half_sum\n"

/* Nets of no special form, to find cliffs. */
#define ODD_END "adaptive_avgpool2d output_size=1\nflatten\n" LINEAR("10") CLASSIFIER
#define ODD_BLOCK(channels, size, rest) CONV(channels, size, rest) "relu\nbatchnorm2d\n"
#define ODD(channels, size, rest)                                                                                      \
    "input shape=3x24x24\n" ODD_BLOCK(channels, size, rest)                                                            \
        ODD_BLOCK(channels, size, rest) "maxpool2d kernel_size=2\n" ODD_BLOCK(channels, size, rest) ODD_END
#define ODD_DEPTHWISE                                                                                                  \
    "input shape=3x24x24\n" ODD_BLOCK("30", "1", "") ODD_BLOCK("30", "3", "padding=1 groups=30")                       \
        ODD_BLOCK("60", "1", "") ODD_BLOCK("60", "3", "padding=1 stride=2 groups=60") ODD_BLOCK("60", "1", "") ODD_END
#define ODD_WIDE                                                                                                       \
    "input shape=3x24x24\n" ODD_BLOCK("64", "3", "padding=1") ODD_BLOCK("128", "3", "padding=1 stride=2")              \
        ODD_BLOCK("256", "3", "padding=1 stride=2") ODD_END
#define ODD_HIDDEN LINEAR("1000") "gelu\nlayernorm normalized_shape=1000\n"
#define ODD_MLP "input shape=100\n" ODD_HIDDEN ODD_HIDDEN LINEAR("30") CLASSIFIER

/* Two nets that small programs train sample by sample: genann's for the iris data, and FANN's for those of a robot. */
#define IRIS "input shape=4\n" LINEAR("4") "sigmoid\n" LINEAR("3") "sigmoid\nmse reduction=half_sum\n"
#define ROBOT "input shape=48\n" LINEAR("96") "tanh\n" LINEAR("3") "tanh\nmse reduction=half_sum\n"

#define SGD "sgd lr=0.01 momentum=0.9"
#define BOTH(name, batch, net)                                                                                         \
    {name "-train", WORK_TRAIN, batch, "noise", "f32", SGD, net},                                                      \
    {                                                                                                                  \
        name "-infer", WORK_PREDICT, batch, "noise", "f32", NULL, net                                                  \
    }

const char *const work_kind_name[] = {"train", "predict", "fit", "epoch"};

const workload workloads[] = {
    {"mnist-train", WORK_TRAIN, 128, "mnist", "f32", "sgd lr=0.1 momentum=0.9", MNIST},
    {"mnist-infer", WORK_PREDICT, 128, "mnist", "f32", NULL, MNIST},
    {"mnist-one", WORK_PREDICT, 1, "mnist", "f32", NULL, MNIST},
    {"mlp-train", WORK_TRAIN, 128, "mnist", "f32", SGD, MLP},
    {"lenet-train", WORK_TRAIN, 64, "mnist", "f32", SGD, LENET},
    {"resnet20-train", WORK_TRAIN, 64, "noise", "f32", SGD, RESNET20},
    {"two-neuron-f32", WORK_TRAIN, 1, "noise", "f32", "sgd lr=0.5", TWO_NEURON},
    {"two-neuron-f64", WORK_TRAIN, 1, "noise", "f64", "sgd lr=0.5", TWO_NEURON},
    {"iris-fit", WORK_EPOCH, 1, "noise", "f32", "sgd lr=0.01", IRIS},
    {"robot-fit", WORK_EPOCH, 1, "noise", "f32", "sgd lr=0.01", ROBOT},
    {"robot-adam-fit", WORK_EPOCH, 1, "noise", "f32", "adam", ROBOT},
    {"mlp-fit", WORK_EPOCH, 128, "mnist", "f32", SGD, MLP},
    {"mlp-adam-fit", WORK_EPOCH, 128, "mnist", "f32", "adam", MLP},
    {"lenet-fit", WORK_EPOCH, 64, "mnist", "f32", SGD, LENET},
    {"mnist-whole", WORK_FIT, 128, "mnist", "f32", "sgd lr=0.1 momentum=0.9", MNIST},
    BOTH("odd-c5", 64, ODD("5", "3", "padding=1")),
    BOTH("odd-c13", 64, ODD("13", "3", "padding=1")),
    BOTH("odd-c30", 64, ODD("30", "3", "padding=1")),
    BOTH("odd-k5", 64, ODD("14", "5", "padding=2")),
    BOTH("odd-k7", 64, ODD("14", "7", "padding=3")),
    BOTH("odd-stride2", 64, ODD("20", "3", "padding=1 stride=2")),
    BOTH("odd-depthwise", 64, ODD_DEPTHWISE),
    BOTH("odd-wide", 64, ODD_WIDE),
    BOTH("odd-mlp", 64, ODD_MLP),
    BOTH("odd-b32", 32, ODD("13", "3", "padding=1")),
    BOTH("odd-b100", 100, ODD("13", "3", "padding=1")),
    BOTH("odd-b512", 512, ODD("13", "3", "padding=1")),
    {NULL, WORK_TRAIN, 0, NULL, NULL, NULL, NULL},
};

/* ---- samples ---- */

enum { SAMPLE_BYTES = 16 << 20, MOST_SAMPLES = 8192 };

/* The same numbers for everybody: compare_torch.py makes them too. */
static uint32_t noise(uint32_t i)
{
    i *= 2654435761u;
    i = (i ^ i >> 15) * 2246822519u;
    return i ^ i >> 13;
}

static void put(void *array, const char *dtype, int64_t i, double value)
{
    if (strcmp(dtype, "f64") == 0)
        ((double *)array)[i] = value;
    else
        ((float *)array)[i] = (float)value;
}

/* Inputs from -1 to 1; targets from 0 to 1, or one of so many classes. */
static void fill_with_noise(samples *s, int64_t count, const char *dtype, int64_t classes)
{
    for (int64_t i = 0; i < count * s->input_size; i++)
        put(s->inputs, dtype, i, noise((uint32_t)i) / 0x1p31 - 1);
    for (int64_t i = 0; i < count * s->target_size; i++) {
        const uint32_t bits = noise(~(uint32_t)i);
        put(s->targets, dtype, i, classes ? bits % classes : bits / 0x1p32);
    }
}

void mnist_path(char path[PATH_SIZE], const char *folder, const char *set, const char *what)
{
    for (int gz = 1; gz >= 0; gz--) {
        snprintf(path, PATH_SIZE, "%s/%s-%s-ubyte%s", folder, set, what, gz ? ".gz" : "");
        if (access(path, F_OK) == 0)
            return;
    }
}

static void fill_with_mnist(samples *s, int64_t count, const char *folder)
{
    char images[PATH_SIZE], labels[PATH_SIZE];
    sixnet_dataset *ds;
    mnist_path(images, folder, "train", "images-idx3");
    mnist_path(labels, folder, "train", "labels-idx1");
    check(sixnet_dataset_from_idx(&ds, NULL, images, labels));
    check(sixnet_dataset_add_transform(ds, "normalize mean=0.1307 std=0.3081"));
    for (int64_t i = 0; i < count; i++)
        check(sixnet_dataset_get_sample(ds, i, (float *)s->inputs + i * s->input_size, (float *)s->targets + i));
    sixnet_dataset_free(ds);
}

static int64_t node_size(const sixnet_model *net, sixnet_node node)
{
    int64_t dims[8], size = 1;
    int32_t rank;
    check(sixnet_node_shape(net, node, dims, &rank));
    while (rank > 0)
        size *= dims[--rank];
    return size;
}

void samples_make(samples *s, const workload *w, const sixnet_model *net, int32_t batch, const char *folder)
{
    const sixnet_node loss = sixnet_node_count(net) - 1;
    const size_t element = strcmp(w->dtype, "f64") == 0 ? sizeof(double) : sizeof(float);
    const bool classes = strcmp(sixnet_node_get(net, loss, "kind"), "cross_entropy") == 0;
    s->input_size = node_size(net, 0);
    s->target_size = node_size(net, loss);
    s->output_size = node_size(net, loss - 1);
    int64_t count = SAMPLE_BYTES / (int64_t)element / s->input_size;
    count = count < MOST_SAMPLES ? count : MOST_SAMPLES;
    s->batches = count / batch > 1 ? count / batch : 1;
    count = s->batches * batch;
    s->inputs = allocate((size_t)(count * s->input_size) * element);
    s->targets = allocate((size_t)(count * s->target_size) * element);
    if (strcmp(w->data, "mnist") == 0)
        fill_with_mnist(s, count, folder);
    else
        fill_with_noise(s, count, w->dtype, classes ? s->output_size : 0);
}

void samples_free(samples *s)
{
    free(s->inputs);
    free(s->targets);
}
