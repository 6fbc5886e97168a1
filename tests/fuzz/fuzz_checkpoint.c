/* SPDX-License-Identifier: MIT */

/* Bytes as a checkpoint, for a run that is under way. make_seeds.py makes its seeds with the same texts. */

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "safetensors.h"

enum { SAMPLES = 6 };

typedef struct run {
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    sixnet_batch_iterator *batches;
} run;

typedef struct state {
    char digest[65];
    double rate;
    int64_t epoch, position;
} state;

static const float inputs[3 * SAMPLES] = {1, 2, 3, 2, 3, 1, 3, 1, 2}, targets[SAMPLES] = {0, 1, 0, 1, 0, 1};

static void begin(run *r)
{
    static sixnet_context *ctx;
    if (!ctx)
        ctx = fuzz_context("seed=3");
    MUST(sixnet_model_parse(&r->net, ctx, "input shape=3\nlinear out_features=2 name=fc\ncross_entropy\n") ==
         SIXNET_OK);
    MUST(sixnet_optimizer_new(&r->opt, r->net, "sgd lr=0.1 momentum=0.9", "step_lr step_size=1 gamma=0.5") ==
         SIXNET_OK);
    MUST(sixnet_dataset_from_arrays(&r->ds, ctx, "shape=3", inputs, targets, SAMPLES) == SIXNET_OK);
    MUST(sixnet_batch_iterator_new(&r->batches, r->ds, "batch_size=2") == SIXNET_OK);
    MUST(sixnet_batch_iterator_start_epoch(r->batches, 1) == SIXNET_OK);
}

static void end(run *r)
{
    sixnet_batch_iterator_free(r->batches);
    sixnet_dataset_free(r->ds);
    sixnet_optimizer_free(r->opt);
    sixnet_model_free(r->net);
}

static state state_of(const run *r)
{
    state s = {.rate = sixnet_optimizer_learning_rate(r->opt)};
    MUST(sixnet_model_digest(r->net, s.digest) == SIXNET_OK);
    MUST(sixnet_batch_iterator_position(r->batches, &s.epoch, &s.position) == SIXNET_OK);
    return s;
}

static void check_unchanged(const run *r, const state *before)
{
    state now = state_of(r);
    MUST(strcmp(now.digest, before->digest) == 0 && now.rate == before->rate);
    MUST(now.epoch == before->epoch && now.position == before->position);
}

/* A run that was taken up goes on. */
static void step(run *r)
{
    const float *in, *target;
    int64_t n;
    MUST(sixnet_batch_iterator_next(r->batches, &in, &target, &n) == SIXNET_OK);
    if (!n)
        return;
    MUST(sixnet_model_zero_grad(r->net) == SIXNET_OK && sixnet_model_forward(r->net, in, n) == SIXNET_OK);
    MUST(sixnet_model_loss(r->net, target, NULL) == SIXNET_OK && sixnet_model_backward(r->net) == SIXNET_OK);
    fuzz_status(sixnet_optimizer_step(r->opt));
    MUST(sixnet_optimizer_end_epoch(r->opt, 1) == SIXNET_OK);
}

static bool load(run *r, const char *path, size_t size, const char *options)
{
    state before = state_of(r);
    fuzz_begin(size);
    int32_t status = fuzz_status(sixnet_checkpoint_load(r->net, r->opt, r->batches, path, options));
    fuzz_bound(fuzz_file_memory(size));
    if (status)
        check_unchanged(r, &before);
    else
        step(r);
    return !status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static run r;
    static fuzz_file file;
    const char *path = fuzz_file_put(&file, data, size);
    if (!r.net)
        begin(&r);
    if (load(&r, path, size, NULL) || load(&r, path, size, "checksum=false check_values=false")) {
        fuzz_worked();
        end(&r);
        begin(&r);
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    return safetensors_mutate(data, size, room, seed);
}
