/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_TESTS_FUZZ_TRY_MODEL_H
#define SIXNET_TESTS_FUZZ_TRY_MODEL_H

#include "sixnet/sixnet.h"

/* What must hold of any compiled model: its text makes the same net, its file the same model, and, where little memory and time do,
 * it runs, and gives a sample the same values alone and among others. */
void try_model(sixnet_context *ctx, sixnet_model *net);
void try_text(sixnet_context *ctx, sixnet_model *net);
void try_file(sixnet_context *ctx, const sixnet_model *net);
void try_run(sixnet_model *net);

/* What a call gave that makes a model: one if and only if the status says so, which is tried and freed. */
void try_outcome(sixnet_context *ctx, int32_t status, sixnet_model *net);

#endif
