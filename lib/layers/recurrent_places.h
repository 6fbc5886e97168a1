/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_RECURRENT_PLACES_H
#define SIX_LAYERS_RECURRENT_PLACES_H

/* The sizes of a recurrent net in one pass, and where in memory its parts lie: offsets in reals. */

#include "layers/dropout_mask.h"
#include "layers/lengths.h"
#include "layers/matmul.h"
#include "layers/places.h"
#include "layers/recurrent.h"

enum { SIX_RECURRENT_PART = 16 }; /* whose weight gradients are one part of the work */

typedef struct six_recurrent_net {
    const six_run *run;
    const six_cell *cell;
    const six_recurrent *attr;
    int64_t steps, features, hidden, layers, directions;
    int64_t n;              /* reals of a state */
    int32_t lengths, state; /* their inputs; -1 if not given */
    int32_t params;         /* of one direction */
} six_recurrent_net;

static six_recurrent_net six_recurrent_net_of(const six_run *run)
{
    const six_op *op = run->op;
    const six_recurrent *a = op->attr;
    six_recurrent_net n = {
        .run = run,
        .cell = run->kernels->family,
        .attr = a,
        .steps = op->in[0].dim[0],
        .features = op->in[0].dim[1],
        .hidden = a->hidden_size,
        .layers = a->num_layers,
        .directions = a->bidirectional ? 2 : 1,
        .n = a->hidden_size * run->lanes,
        .lengths = six_lengths_input(op),
        .params = a->bias ? 4 : 2,
    };
    n.state = n.lengths < 0 ? 1 : 2;
    if (n.state >= op->inputs)
        n.state = -1;
    return n;
}

SIX_INLINE int64_t six_recurrent_outputs(const six_recurrent_net *n) { return n->directions * n->hidden; }
SIX_INLINE int64_t six_recurrent_inputs(const six_recurrent_net *n, int64_t layer)
{
    return layer ? six_recurrent_outputs(n) : n->features;
}
SIX_INLINE int64_t six_recurrent_gates(const six_recurrent_net *n) { return n->cell->gates * n->hidden; }
SIX_INLINE bool six_recurrent_drops(const six_recurrent_net *n)
{
    return n->run->training && six_drop_share(n->attr->dropout) > 0;
}

/* Weights are packed for single samples, but not in training, where each step changes them. */
SIX_INLINE bool six_recurrent_packs(const six_recurrent_net *n) { return n->run->lanes == 1 && !n->run->training; }

/* ---- memory ---- */

/* Offsets, in reals, of what a tile saves for a layer and direction. Evaluation needs only one layer at a time. */
typedef struct six_recurrent_places {
    int64_t lengths;  /* [SIX_LANES] */
    int64_t sequence; /* [steps][features]: the input of a layer, or its gradient */
    int64_t dropped;  /* uint16_t [steps][outputs]: the bits of dropout behind the layer */
    int64_t x;        /* the layer's input as six_matmul_dw() takes it */
    int64_t gates, extra;
    int64_t h, c;         /* [steps + 1][n]: before and after each step */
    int64_t h_transposed; /* for six_matmul_dw() */
    int64_t end;
} six_recurrent_places;

static int64_t six_place_for_dw(const six_recurrent_net *n, int64_t *end, int64_t in)
{
    const six_matmul m = {.rows = n->steps, .in = in};
    if (!n->run->trains)
        return *end;
    return six_place(end, n->run->lanes > 1 ? six_matmul_xt_size(&m) : n->steps * in);
}

static __attribute__((noinline)) six_recurrent_places six_recurrent_places_of(const six_recurrent_net *n, int64_t layer,
                                                                              int64_t direction)
{
    const int64_t widest =
        n->lengths >= 0 && n->features > six_recurrent_outputs(n) ? n->features : six_recurrent_outputs(n);
    six_recurrent_places p = {0};
    p.lengths = six_place(&p.end, SIX_LANES);
    p.sequence = six_place(&p.end, n->steps * widest * n->run->lanes);
    for (int64_t l = n->run->training ? 0 : layer; l <= layer; l++) {
        p.dropped = p.end;
        if (six_recurrent_drops(n) && l < n->layers - 1)
            six_place(&p.end, six_drop_bits(n->steps * six_recurrent_outputs(n)));
        p.x = six_place_for_dw(n, &p.end, six_recurrent_inputs(n, l));
        for (int64_t d = 0; d < n->directions && (l < layer || d <= direction); d++) {
            p.gates = six_place(&p.end, n->steps * n->cell->gates * n->n);
            p.extra = six_place(&p.end, n->steps * n->cell->extras * n->n);
            p.h = six_place(&p.end, (n->steps + 1) * n->n);
            p.c = six_place(&p.end, n->cell->has_c ? (n->steps + 1) * n->n : 0);
            p.h_transposed = n->run->lanes > 1 ? six_place_for_dw(n, &p.end, n->hidden) : p.h;
        }
    }
    return p;
}

/* Offsets in the memory of a call. */
typedef struct six_recurrent_workspace {
    int64_t hidden, dh, dc, held_h, held_c, product, end;
} six_recurrent_workspace;

static __attribute__((noinline)) six_recurrent_workspace six_recurrent_workspace_of(const six_recurrent_net *n)
{
    const int64_t widest = n->features > six_recurrent_outputs(n) ? n->features : six_recurrent_outputs(n);
    const six_matmul m = {.in = widest};
    six_recurrent_workspace w = {0};
    w.hidden = six_place(&w.end, n->cell->gates * n->n);
    w.dh = six_place(&w.end, n->n);
    w.dc = six_place(&w.end, n->n);
    w.held_h = six_place(&w.end, n->n);
    w.held_c = six_place(&w.end, n->n);
    w.product = w.end;
    if (six_recurrent_packs(n))
        six_place(&w.end, six_matmul_one_scratch(n->steps, widest, six_recurrent_gates(n), false));
    else if (n->run->trains)
        six_place(&w.end, six_matmul_dw_scratch(&m, SIX_RECURRENT_PART));
    return w;
}

/* Offsets of packed weights. */
typedef struct six_recurrent_packing {
    int64_t ih, hh, end;
} six_recurrent_packing;

static __attribute__((noinline)) six_recurrent_packing six_recurrent_packing_of(const six_recurrent_net *n,
                                                                                int64_t pass)
{
    six_recurrent_packing p = {0};
    for (int64_t i = 0; i <= pass; i++) {
        p.ih = six_place(&p.end,
                         six_matrix_packed_size(six_recurrent_inputs(n, i / n->directions), six_recurrent_gates(n)));
        p.hh = six_place(&p.end, six_matrix_packed_size(n->hidden, six_recurrent_gates(n)));
    }
    return p;
}

#endif
