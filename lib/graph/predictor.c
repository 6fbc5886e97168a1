/* SPDX-License-Identifier: MIT */

#include "graph/predictor.h"

#include "base/status.h"

struct sixnet_predictor {
    sixnet_model *net;
    six_plan *tile,
        *single; /* for one each; single works in tile's memory, and is NULL where the net's layers need a tile */
};

static int32_t make_plan(six_plan **plan, sixnet_model *net, int32_t lanes, const six_plan *lender)
{
    int32_t status = six_plan_new(plan, net, 1, false, lanes, lender);
    if (status)
        return status;
    (*plan)->alone = true;
    return six_plan_refresh(*plan);
}

int32_t six_predictor_new(sixnet_predictor **out, sixnet_model *net)
{
    int32_t status = six_require_compiled(net);
    if (status)
        return status;
    sixnet_predictor *p = six_alloc(net->ctx, 1, sizeof *p);
    if (!p)
        return SIXNET_OUT_OF_MEMORY;
    p->net = six_model_retain(net);
    status = make_plan(&p->tile, net, SIX_LANES, NULL);
    if (!status && six_runs_single(net))
        status = make_plan(&p->single, net, 1, p->tile);
    if (status)
        six_predictor_free(p);
    else
        *out = p;
    return status;
}

sixnet_model *six_predictor_model(const sixnet_predictor *p) { return p->net; }

uint64_t six_predictor_memory(const sixnet_predictor *p)
{
    return six_allocated(p) + six_plan_allocated(p->tile) + six_plan_allocated(p->single);
}

void six_predictor_free(sixnet_predictor *p)
{
    if (!p)
        return;
    sixnet_model *net = p->net;
    six_plan_free(p->single);
    six_plan_free(p->tile);
    six_free(net->ctx, p);
    six_model_release(net);
}

int32_t six_predictor_run(sixnet_predictor *p, six_rows inputs, int64_t n, six_rows_out outputs)
{
    six_plan *plan = p->single && n <= SIX_SINGLE_SAMPLE_MAX ? p->single : p->tile;
    int32_t status = six_plan_refresh(plan);
    if (status)
        return status;
    return six_plan_predict(plan, inputs, n, outputs);
}
