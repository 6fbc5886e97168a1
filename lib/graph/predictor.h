/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_PREDICTOR_H
#define SIX_GRAPH_PREDICTOR_H

/* Private buffers for inference, one set per thread. */

#include "graph/exec.h"

int32_t six_predictor_new(sixnet_predictor **out, sixnet_model *net);
sixnet_model *six_predictor_model(const sixnet_predictor *p);
uint64_t six_predictor_memory(const sixnet_predictor *p); /* bytes that it holds of the allocator's */
void six_predictor_free(sixnet_predictor *p);
int32_t six_predictor_run(sixnet_predictor *p, six_rows inputs, int64_t n, six_rows_out outputs);

#endif
