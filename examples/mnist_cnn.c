/* SPDX-License-Identifier: MIT */

/* A convolutional net of 19,944 parameters that learns to read handwritten digits: the MNIST data set, or any other in files of the
 * same form. Files and training are a few calls of the library; the rest is what the program prints. */

#include "common.h"

#define ABOUT "Trains a convolutional net with 19,944 parameters on MNIST."

#ifndef SIXNET_EXAMPLE_DATA
#define SIXNET_EXAMPLE_DATA "data/mnist"
#endif

typedef struct settings {
    const char *data, *isa, *csv;
    int64_t epochs, batch_size, step_size, seed, threads;
    double lr, gamma, momentum, dropout;
    int no_schedule, summary, digest, quiet;
} settings;

typedef struct trainer {
    const settings *set;
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *train, *test;
    FILE *csv;
    int bar;                                /* whether there is a terminal to draw one on */
    double drawn;                           /* when it was drawn last */
    double accuracy, best_accuracy, seconds; /* of the test images */
    int best_epoch;
} trainer;

/* ---- the net ---- */

enum { NET_TEXT = 4096 };

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void append(char *text, const char *format, ...)
{
    const size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, NET_TEXT - length, format, args);
    va_end(args);
}

/* Convolution, ReLU, batch norm, dropout. */
static void append_block(char *text, int channels, double dropout)
{
    append(text, "conv2d out_channels=%d kernel_size=3 padding=1 bias=false\n", channels);
    append(text, "relu\nbatchnorm2d\ndropout p=%.15g\n", dropout);
}

/* Two blocks, then a quarter of the pixels and a convolution of each alone. */
static void append_stage(char *text, int channels, double dropout)
{
    append_block(text, channels, dropout);
    append_block(text, channels, dropout);
    append(text, "maxpool2d kernel_size=2\n");
    append(text, "conv2d out_channels=%d kernel_size=1 bias=false\n", channels);
}

/* The net as text, which is that of mnist_cnn.net. */
static void net_text(char *text, double dropout)
{
    *text = '\0';
    append(text, "input shape=1x28x28\n");
    append_stage(text, 8, dropout);
    append_stage(text, 14, dropout);
    append_stage(text, 24, dropout);
    append_block(text, 32, dropout);
    append(text, "conv2d out_channels=10 kernel_size=1 bias=false\n");
    append(text, "avgpool2d kernel_size=3\n");
    append(text, "flatten\n");
    append(text, "cross_entropy\n");
}

static int32_t build_net(trainer *t)
{
    char options[256], text[NET_TEXT];
    snprintf(options, sizeof options, "threads=%" PRId64 " isa=%.64s seed=%" PRId64, t->set->threads, t->set->isa, t->set->seed);
    TRY(sixnet_context_new(&t->ctx, options));
    net_text(text, t->set->dropout);
    TRY(sixnet_model_parse(&t->net, t->ctx, text));
    return 0;
}

static int32_t build_optimizer(trainer *t)
{
    const settings *s = t->set;
    char sgd[128], schedule[128] = "";
    snprintf(sgd, sizeof sgd, "sgd lr=%.17g momentum=%.17g", s->lr, s->momentum);
    if (!s->no_schedule)
        snprintf(schedule, sizeof schedule, "step_lr step_size=%" PRId64 " gamma=%.17g", s->step_size, s->gamma);
    TRY(sixnet_optimizer_new(&t->opt, t->net, sgd, schedule));
    return 0;
}

/* ---- the data ---- */

enum { PATH_SIZE = 4096 };

/* The path of a data file, which may be gzipped and may have a point before "idx". */
static int32_t find_file(char *path, const char *folder, const char *set, const char *what)
{
    static const char *const form[] = {"%s/%s-%s-ubyte", "%s/%s-%s-ubyte.gz", "%s/%s-%s.ubyte", "%s/%s-%s.ubyte.gz"};
    (void)form;
    static const char *const point[] = {"-", "."}, *const end[] = {"", ".gz"};
    for (int k = 0; k < 4; k++) {
        const int length = snprintf(path, PATH_SIZE, "%s/%s-%.6s%s%s-ubyte%s", folder, set, what, point[k / 2], what + 7, end[k % 2]);
        if (length < PATH_SIZE && access(path, F_OK) == 0)
            return 0;
    }
    return complain("no '%s/%s-%s-ubyte' or '….gz'; tools/fetch-mnist gets the MNIST files", folder, set, what);
}
