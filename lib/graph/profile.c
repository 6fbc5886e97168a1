/* SPDX-License-Identifier: MIT */

#include "graph/profile.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/threads.h"
#include "graph/plan.h"

static void discard(sixnet_model *net)
{
    if (net->profile)
        six_free(net->ctx, net->profile->timing);
    six_free(net->ctx, net->profile);
    net->profile = NULL;
}

int32_t six_profile_set(sixnet_model *net, bool on)
{
    if (!on) {
        discard(net);
        return SIXNET_OK;
    }
    six_profile *p = six_alloc(net->ctx, 1, sizeof *p);
    if (!p)
        return SIXNET_OUT_OF_MEMORY;
    p->workers = net->serial ? 1 : six_pool_size(net->ctx->pool);
    p->stride = (2 * (net->node_count + 1) + 3) / 4 * 4;
    p->timing = six_alloc(net->ctx, (size_t)p->workers, (size_t)p->stride * sizeof *p->timing);
    if (!p->timing) {
        six_free(net->ctx, p);
        return SIXNET_OUT_OF_MEMORY;
    }
    discard(net);
    net->profile = p;
    return SIXNET_OK;
}

static six_timing timing_of(const six_profile *p, int32_t node, bool backward)
{
    six_timing sum = {0};
    for (int32_t w = 0; w < p->workers; w++) {
        const six_timing *t = &p->timing[w * p->stride + 2 * (node + 1) + backward];
        sum.nanoseconds += t->nanoseconds;
        sum.calls += t->calls;
    }
    return sum;
}

static double size_of(const six_shape *s) { return (double)six_shape_size(s); }

/* The node's first tile in a training plan; NULL before the first training pass. */
static const six_tile *trained_tile(const sixnet_model *net, int32_t node)
{
    return net->training ? six_tile_at(net->training, node, 0) : NULL;
}

/* Of multiply-adds with weights, for one sample. Backward does as many for the gradient by the weights, and for that by the input. */
static double flop_of(const sixnet_model *net, int32_t node, bool backward)
{
    const six_op *op = net->node[node].op;
    const six_products products = net->node[node].layer->products;
    if (products == SIX_NO_PRODUCTS)
        return 0;
    const six_shape *values = products == SIX_PRODUCTS_OF_Y ? &op->out[0] : &op->in[0];
    double forward = 2 * size_of(&op->param[0].shape) * size_of(values) / (double)op->param[0].shape.dim[0];
    const six_tile *tile = trained_tile(net, node);
    return !backward ? forward : tile ? forward * ((tile->dy[0] != NULL) + (tile->dx[0] != NULL)) : 0;
}

/* Values of inputs and outputs, and of their gradients, that a sample takes at least to be read or written once. */
static double values_of(const sixnet_model *net, int32_t node, bool backward)
{
    const six_layer *layer = net->node[node].layer;
    const six_op *op = net->node[node].op;
    const six_tile *tile = trained_tile(net, node);
    double in = 0, dx = 0, out = 0, dy = 0;
    for (int32_t k = 0; k < op->inputs; k++) {
        in += size_of(&op->in[k]);
        dx += tile && tile->dx[k] ? size_of(&op->in[k]) : 0;
    }
    for (int32_t o = 0; o < op->outputs; o++) {
        out += size_of(&op->out[o]);
        dy += tile && tile->dy[o] ? size_of(&op->out[o]) : 0;
    }
    if (layer->is_view && op->inputs)
        return 0;
    if (!backward)
        return in + out;
    if (layer->role == SIX_ROLE_LOSS)
        return dx + in + out;
    if (dy == 0)
        return 0;
    return dy + dx + (layer->reads & SIX_READS_X ? in : 0) + (layer->reads & SIX_READS_Y ? out : 0);
}

/* Parameters are read, and in backward their gradients written, once a pass. */
static double bytes_of(const sixnet_model *net, int32_t node, bool backward)
{
    const six_profile *p = net->profile;
    const six_op *op = net->node[node].op;
    double params = 0;
    for (int32_t k = 0; k < op->params; k++)
        params += size_of(&op->param[k].shape);
    return net->variant->real_size * (values_of(net, node, backward) * (double)p->samples[backward] +
                                      params * (1 + backward) * (double)p->passes[backward]);
}

double six_profile_get(const sixnet_model *net, int32_t node, const char *key)
{
    const six_profile *p = net->profile;
    bool backward = strncmp(key, "backward_", 9) == 0;
    const char *what = backward ? key + 9 : strncmp(key, "forward_", 8) == 0 ? key + 8 : "";
    if (!p)
        return six_fail(SIXNET_BAD_STATE, "the model is not profiled; call sixnet_model_profile() first"), (double)NAN;
    if (strcmp(what, "seconds") == 0)
        return 1e-9 * (double)timing_of(p, node, backward).nanoseconds;
    if (strcmp(what, "calls") == 0)
        return (double)timing_of(p, node, backward).calls;
    if (strcmp(what, "passes") == 0)
        return (double)p->passes[backward];
    if (strcmp(what, "samples") == 0)
        return (double)p->samples[backward];
    if (strcmp(what, "flops") == 0)
        return node < 0 ? 0 : flop_of(net, node, backward) * (double)p->samples[backward];
    if (strcmp(what, "bytes") == 0)
        return node < 0 ? 0 : bytes_of(net, node, backward);
    six_fail(SIXNET_NOT_FOUND,
             "a profile has no '%.40s'; it has forward_ and backward_ seconds, calls, passes, samples, flops, bytes",
             key);
    return (double)NAN;
}
