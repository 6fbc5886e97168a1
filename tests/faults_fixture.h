/* SPDX-License-Identifier: MIT */
#ifndef SIX_TESTS_FAULTS_FIXTURE_H
#define SIX_TESTS_FAULTS_FIXTURE_H

/* The objects that faults are injected to, of every kind there is, and a hash of all that can be seen of them and of the files
 * beside them. */

#include <stdint.h>

#include "sixnet/layer.h"

/* A model that is being trained. */
typedef struct trainee {
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_dataset *ds;
    sixnet_batch_iterator *batches;
} trainee;

typedef struct fixture {
    sixnet_context *ctx;
    trainee plain; /* a small net of many layers, and arrays */
    trainee own;   /* with a layer and samples of the caller's functions, which ask whether to fail */
    /* What the call under test makes. */
    sixnet_context *new_ctx;
    sixnet_model *new_net;
    sixnet_optimizer *new_opt;
    sixnet_predictor *new_predictor;
    sixnet_dataset *new_ds, *second_ds;
    sixnet_batch_iterator *new_batches;
    /* What a training run goes through: states after whole steps. */
    uint64_t step_state[64];
    int steps;
    bool notes_steps;
} fixture;

enum { SAMPLES = 24, FEW = 8, SIZE = 16, CLASSES = 3, OWN_SIZE = 2 };

extern float inputs[SAMPLES * SIZE], targets[SAMPLES];
extern double inputs_f64[SAMPLES * SIZE], targets_f64[SAMPLES];
extern const char net_text[], own_text[];

typedef struct state {
    uint64_t objects, gradients, files;
    uint64_t pass[2]; /* of both nets, 0 if there is none to go on with */
    long long temporaries, open_files;
} state;

/* The path of a file of this test's own folder: one of the last four asked for. */
const char *path_of(const char *name);
int make_folder(void **unused);
int delete_folder(void **unused);

fixture *fixture_setup(const char *options);
void fixture_teardown(fixture *w);
state state_of(const fixture *w);
uint64_t objects_of(const fixture *w);

/* The caller's functions; all fail when FAULT_CALLBACK strikes. */
void *take_memory(void *user, size_t size);
void give_memory(void *user, void *memory);
int32_t give_sample(void *user, int64_t index, float *input, float *target);
int32_t give_sample_f64(void *user, int64_t index, double *input, double *target);
int32_t own_setup(void *user, sixnet_layer_setup *setup);
int32_t own_forward(void *user, sixnet_layer_call *call);
int32_t own_backward(void *user, sixnet_layer_call *call);

/* Calls on a trainee, in the order of a step. */
int32_t train_to(const trainee *t, int calls, int64_t n);
enum { TO_FORWARD = 1, TO_LOSS, TO_BACKWARD, TO_STEP };

#endif
