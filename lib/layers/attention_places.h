/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_ATTENTION_PLACES_H
#define SIX_LAYERS_ATTENTION_PLACES_H

/* The sizes of multi-head attention in one pass, and where in memory its parts lie: offsets in reals. */

#include "layers/dropout_mask.h"
#include "layers/lengths.h"
#include "layers/matmul.h"
#include "layers/places.h"

enum { SIX_ATTENTION_PART = 16, SIX_ATTENTION_PROJECTIONS = 4 };
enum { SIX_ATTENTION_QUERY, SIX_ATTENTION_KEY, SIX_ATTENTION_VALUE, SIX_ATTENTION_OUTPUT }; /* projections */

typedef struct six_attention {
    int64_t num_heads;
    double dropout;
    int32_t bias, causal;
} six_attention;

typedef struct six_attention_sizes {
    const six_run *run;
    const six_attention *attr;
    int64_t queries, keys, features, head; /* head: features of one */
    int64_t lanes;
    int32_t lengths;                          /* its input, or -1 */
    int32_t input[SIX_ATTENTION_PROJECTIONS]; /* of query, key and value; of OUTPUT it means nothing */
} six_attention_sizes;

static int32_t six_attention_sequences(const six_op *op) { return op->inputs - (six_lengths_input(op) >= 0); }

static six_attention_sizes six_attention_sizes_of(const six_run *run)
{
    const six_op *op = run->op;
    const six_attention *a = op->attr;
    six_attention_sizes s = {
        .run = run,
        .attr = a,
        .queries = op->in[0].dim[0],
        .features = op->in[0].dim[1],
        .head = op->in[0].dim[1] / a->num_heads,
        .lanes = run->lanes,
        .lengths = six_lengths_input(op),
    };
    s.input[SIX_ATTENTION_KEY] = six_attention_sequences(op) > 1 ? 1 : 0;
    s.input[SIX_ATTENTION_VALUE] = six_attention_sequences(op) > 2 ? 2 : s.input[SIX_ATTENTION_KEY];
    s.keys = op->in[s.input[SIX_ATTENTION_KEY]].dim[0];
    return s;
}

static int64_t six_attention_rows(const six_attention_sizes *s, int projection)
{
    return projection == SIX_ATTENTION_KEY || projection == SIX_ATTENTION_VALUE ? s->keys : s->queries;
}

static bool six_attention_drops(const six_attention_sizes *s)
{
    return s->run->training && six_drop_share(s->attr->dropout) > 0;
}
static bool six_attention_packs(const six_attention_sizes *s) { return s->lanes == 1; }

/* What a tile saves. */
typedef struct six_attention_places {
    int64_t lengths;
    int64_t value[SIX_ATTENTION_PROJECTIONS];    /* q, k, v and z: [places][features] */
    int64_t gradient[SIX_ATTENTION_PROJECTIONS]; /* of the first three */
    int64_t x[SIX_ATTENTION_PROJECTIONS]; /* what is projected as six_matmul_dw() takes it; alike for alike inputs */
    int64_t end;
} six_attention_places;

static six_attention_places six_attention_places_of(const six_attention_sizes *s)
{
    six_attention_places p = {0};
    p.lengths = six_place(&p.end, SIX_LANES);
    for (int i = 0; i < SIX_ATTENTION_PROJECTIONS; i++)
        p.value[i] = six_place(&p.end, six_attention_rows(s, i) * s->features * s->lanes);
    for (int i = 0; s->run->training && i < SIX_ATTENTION_OUTPUT; i++)
        p.gradient[i] = six_place(&p.end, six_attention_rows(s, i) * s->features * s->lanes);
    for (int i = 0; s->run->trains && i < SIX_ATTENTION_PROJECTIONS; i++) {
        const six_matmul m = {.rows = six_attention_rows(s, i), .in = s->features};
        const bool again = i > SIX_ATTENTION_QUERY && i < SIX_ATTENTION_OUTPUT && s->input[i] == s->input[i - 1];
        p.x[i] = again ? p.x[i - 1] : six_place(&p.end, six_matmul_xt_size(&m));
    }
    return p;
}

/* Memory of a call. */
typedef struct six_attention_workspace {
    int64_t weights, gradient; /* [queries][keys] of one head: p, dp */
    int64_t dropped, bits;     /* dropout(p); uint16_t */
    int64_t dz;                /* [queries][features] */
    int64_t product, end;
} six_attention_workspace;

static six_attention_workspace six_attention_workspace_of(const six_attention_sizes *s)
{
    const int64_t scores = s->queries * s->keys, rows = s->queries > s->keys ? s->queries : s->keys;
    const six_matmul m = {.in = s->features};
    six_attention_workspace w = {0};
    w.weights = w.dropped = six_place(&w.end, scores * s->lanes);
    if (six_attention_drops(s)) {
        w.dropped = six_place(&w.end, scores * s->lanes);
        w.bits = six_place(&w.end, six_drop_bits(scores));
    }
    if (s->run->training) {
        w.gradient = six_place(&w.end, scores * s->lanes);
        w.dz = six_place(&w.end, s->queries * s->features * s->lanes);
    }
    w.product = w.end;
    if (six_attention_packs(s)) {
        w.gradient = six_place(&w.end, s->queries * s->head); /* z of a head */
        w.product = w.end;
        six_place(&w.end, six_matmul_one_scratch(rows, s->features, s->features + s->keys, true));
    } else if (s->run->trains) {
        six_place(&w.end, six_matmul_dw_scratch(&m, SIX_ATTENTION_PART));
    }
    return w;
}

#endif
