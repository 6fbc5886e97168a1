/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_GRADIENT_CHECK_H
#define SIX_TRAIN_GRADIENT_CHECK_H

#include "graph/graph.h"

int32_t six_gradient_check(sixnet_model *net, const double *inputs, const double *targets, int64_t n, double *worst,
                           const char **where);

/* Whether an input node's values are numbers of an embedding's rows, which have no gradient. */
bool six_takes_indices(const sixnet_model *net, int32_t input);

#endif
