/* SPDX-License-Identifier: MIT */
/* What must be the same on all machines, in every variant that this one has: the digests of nets after a short training, predictions, and
 * the bytes of a saved model. Prints a line for each, which names what is computed with, not on what: "fused" are the instruction sets with a
 * fused multiply-add, all of which agree. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include SIXNET_HEADER

enum { SAMPLES = 50, INPUTS = 2 * 9 * 7, CLASSES = 5, STEPS = 8 };

static const struct {
    const char *name, *optimizer, *text;
} nets[] = {
    {"convolution", "sgd lr=0.05 momentum=0.9 nesterov=true weight_decay=1e-4 clip_norm=5",
     "input shape=2x9x7\n"
     "conv2d out_channels=5 kernel_size=3 padding=1 bias=false\n"
     "batchnorm2d\n"
     "relu\n"
     "dropout p=0.1\n"
     "conv2d out_channels=6 kernel_size=3x2 stride=2 padding=1\n"
     "leaky_relu name=left\n"
     "sigmoid\n"
     "add from=left,sigmoid1\n"
     "groupnorm num_groups=2\n"
     "maxpool2d kernel_size=2\n"
     "flatten\n"
     "linear out_features=5\n"
     "cross_entropy label_smoothing=0.1\n"},
    {"dense", "adamw lr=0.01",
     "input shape=2x9x7\n"
     "avgpool2d kernel_size=2\n"
     "reshape shape=24\n"
     "linear out_features=19\n"
     "layernorm normalized_shape=19\n"
     "gelu\n"
     "linear out_features=17\n"
     "tanh\n"
     "dropout p=0.25\n"
     "linear out_features=5\n"
     "silu\n"
     "log_softmax\n"
     "nll\n"},
};

static float inputs[SAMPLES * INPUTS], classes[SAMPLES], outputs[SAMPLES * CLASSES];

static void make_data(void)
{
    uint32_t state = 1;
    for (int i = 0; i < SAMPLES * INPUTS; i++) {
        state = state * 1664525 + 1013904223;
        inputs[i] = (float)(state >> 8) / 8388608 - 1;
    }
    for (int i = 0; i < SAMPLES; i++)
        classes[i] = (float)(i * i % CLASSES);
}

static int say(const char *what)
{
    printf("%s: %s\n", what, sixnet_last_error());
    return 1;
}

/* FNV-1a, of bytes that have the same order everywhere. */
static uint64_t hash(uint64_t h, const unsigned char *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * 1099511628211U;
    return h;
}

static uint64_t hash_of_outputs(void)
{
    uint64_t h = 14695981039346656037U;
    for (int i = 0; i < SAMPLES * CLASSES; i++) {
        uint32_t bits;
        memcpy(&bits, &outputs[i], sizeof bits);
        const unsigned char bytes[] = {bits & 255, bits >> 8 & 255, bits >> 16 & 255, bits >> 24 & 255};
        h = hash(h, bytes, sizeof bytes);
    }
    return h;
}

/* Saves the model, loads it again, and says what was saved. */
static int files(const sixnet_model *net, sixnet_context *ctx, uint64_t *saved)
{
    char before[65], after[65];
    uint64_t size = 0;
    sixnet_model *again = NULL;
    if (sixnet_model_save_to_buffer(net, NULL, 0, &size))
        return say("size");
    unsigned char *bytes = malloc((size_t)size);
    if (!bytes || sixnet_model_save_to_buffer(net, bytes, size, &size) ||
        sixnet_model_load_from_buffer(&again, ctx, bytes, size, NULL))
        return say("save and load");
    *saved = hash(14695981039346656037U, bytes, size);
    free(bytes);
    if (sixnet_model_digest(net, before) || sixnet_model_digest(again, after) || strcmp(before, after) != 0)
        return say("what was loaded is something else");
    sixnet_model_free(again);
    return 0;
}

#ifdef SIXNET_INFERENCE_ONLY
static int train(sixnet_model *net, const char *text)
{
    (void)net, (void)text;
    return 0;
}
#else
static int train(sixnet_model *net, const char *text)
{
    sixnet_optimizer *opt = NULL;
    if (sixnet_optimizer_new(&opt, net, text, "step_lr step_size=3 gamma=0.5"))
        return say("optimizer");
    for (int i = 0; i < STEPS; i++)
        if (sixnet_model_zero_grad(net) || sixnet_model_forward(net, inputs, SAMPLES - i) ||
            sixnet_model_loss(net, classes, NULL) || sixnet_model_backward(net) || sixnet_optimizer_step(opt))
            return say("step");
    sixnet_optimizer_free(opt);
    return 0;
}
#endif

static int net_of(int number, sixnet_context *ctx, const char *variant)
{
    char fresh[65], digest[65];
    uint64_t saved = 0;
    sixnet_model *net = NULL;
    if (sixnet_model_parse(&net, ctx, nets[number].text) || sixnet_model_digest(net, fresh))
        return say("parse");
    if (train(net, nets[number].optimizer) || sixnet_model_digest(net, digest))
        return say("train");
    if (sixnet_model_predict(net, inputs, SAMPLES, outputs))
        return say("predict");
    if (files(net, ctx, &saved))
        return say("files");
    printf("%s %s: begins %.16s, ends %.16s, predicts %016llx, saves %016llx\n", variant, nets[number].name, fresh,
           digest, (unsigned long long)hash_of_outputs(), (unsigned long long)saved);
    sixnet_model_free(net);
    return 0;
}

int main(void)
{
    static const char *const variants[][2] = {
        {"isa=baseline", "baseline"}, {"isa=avx2", "fused"},   {"isa=avx512", "fused"},
        {"isa=neon", "fused"},        {"dtype=f64", "double"},
    };
    make_data();
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
        sixnet_context *ctx = NULL;
        const int32_t status = sixnet_context_new(&ctx, variants[v][0]);
        if (status == SIXNET_UNSUPPORTED)
            continue;
        if (status)
            return say("context");
        for (int i = 0; i < (int)(sizeof nets / sizeof *nets); i++)
            if (net_of(i, ctx, variants[v][1]))
                return 1;
        sixnet_context_free(ctx);
    }
    return 0;
}
