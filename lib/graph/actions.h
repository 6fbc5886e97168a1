/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_ACTIONS_H
#define SIX_GRAPH_ACTIONS_H

/* Running the actions of a plan, and moving samples between a caller's rows and tiles: what training passes and evaluation share. */

#include "base/threads.h"
#include "graph/exec.h"

/* Passes are limited to so many tiles, so that their number fits into an int32_t with room for sums. */
enum { SIX_MAX_TILES = 1 << 24 };

/* Set as a tile's fault when it was left out because of sixnet_model_cancel(). */
extern const char six_error_cancelled[];

static inline six_pool *six_model_pool(const sixnet_model *net) { return net->serial ? NULL : net->ctx->pool; }
static inline six_pool *six_plan_pool(const six_plan *plan) { return plan->alone ? NULL : six_model_pool(plan->net); }
static inline struct six_profile *six_plan_profile(const six_plan *plan)
{
    return plan->alone ? NULL : plan->net->profile;
}

static inline const void *six_row(six_rows r, int64_t offset) { return six_rows_from(r, offset).data; }

static inline void *six_row_out(six_rows_out r, int64_t offset)
{
    return r.dtype == SIX_F64 ? (void *)((double *)r.data + offset) : (void *)((float *)r.data + offset);
}

/* Copies `features` values from each of `active` rows, which begin at offset and are `stride` values apart, to lanes. */
void six_load_rows(const sixnet_model *net, real *lanes, six_rows r, int64_t offset, int64_t stride, int64_t features,
                   int32_t active);
/* Copies lanes to `active` rows of `features` values each. */
void six_unload_rows(const sixnet_model *net, six_rows_out r, int64_t offset, const real *lanes, int64_t features,
                     int32_t active);
/* Loads the samples from `first` on into the tile of each input node. */
void six_load_inputs(six_plan *plan, int32_t tile, six_rows inputs, int64_t first, int32_t active, int32_t worker);

void six_act_on_tile(six_plan *plan, const six_action *a, int32_t tile, int32_t worker);
int32_t six_act_once(six_plan *plan, const six_action *a);
/* Runs a program on the active tiles. */
int32_t six_run_program(six_plan *plan, const six_program *program);
/* The first tile's fault, if a tile below `tiles` has one, as a status with a message. */
int32_t six_collect_errors(six_plan *plan, int32_t tiles);

#endif
