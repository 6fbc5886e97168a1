/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_GRADIENT_CHECK_H
#define SIX_TRAIN_GRADIENT_CHECK_H

#include "graph/graph.h"

int32_t six_gradient_check(sixnet_model *net, const double *inputs, const double *targets, int64_t n, double *worst, const char **where);

#endif
