/* SPDX-License-Identifier: MIT */

/* The passes of rnn, lstm and gru. The products with weight_ih of all steps are one; only those with weight_hh are sequential.
 *
 * Forward of one direction of one layer, with the steps t in its order:
 *
 *     gates = W_ih x + b_ih    of all steps
 *     h', c' = cell(gates[t], W_hh h + b_hh, h, c)    where t is within the sample's length, else h, c
 *
 * Backward, with the steps in the other order and dgates from the cell:
 *
 *     dh = W_hh^T dgates[t] + the cell's    dx = W_ih^T dgates    dW_ih = dgates^T x    dW_hh = dgates^T h
 *
 * Beyond a sample's length dh and dc stand still, and the cell gets gradients of 0. */

#include <string.h>

#include "layers/recurrent_places.h"

static int64_t blocks_of(const six_recurrent_net *n)
{
    return (n->hidden + SIX_RECURRENT_PART - 1) / SIX_RECURRENT_PART;
}

void six_recurrent_memory_reqs(const six_run *run, six_memory_reqs *m)
{
    const six_recurrent_net n = six_recurrent_net_of(run);
    const int64_t passes = n.layers * n.directions;
    m->saved = six_recurrent_places_of(&n, n.layers - 1, n.directions - 1).end * (int64_t)sizeof(real);
    m->scratch = six_recurrent_workspace_of(&n).end * (int64_t)sizeof(real);
    if (six_recurrent_packs(&n))
        m->shared = six_recurrent_packing_of(&n, passes - 1).end * (int64_t)sizeof(real);
    m->parts = (int32_t)(passes * n.cell->gates * blocks_of(&n));
}

/* ---- one direction of one layer ---- */

typedef struct pass {
    const six_recurrent_net *n;
    int64_t in;    /* features of its input */
    int64_t index; /* among all directions of all layers */
    bool reverse;
    real *const *value; /* weight_ih, weight_hh, bias_ih, bias_hh */
    real *gates, *extra, *h, *c, *h_transposed;
    const real *packed_ih, *packed_hh; /* NULL if not packed */
    real *scratch;
    const real *lengths; /* [SIX_LANES] */
} pass;

static pass pass_of(const six_recurrent_net *n, int64_t layer, int64_t direction, const six_tile *tile, void *scratch)
{
    const six_recurrent_places p = six_recurrent_places_of(n, layer, direction);
    const int64_t index = layer * n->directions + direction;
    real *saved = tile->saved, *shared = n->run->shared;
    pass made = {
        .n = n,
        .in = six_recurrent_inputs(n, layer),
        .index = index,
        .reverse = direction == 1,
        .value = n->run->value + index * n->params,
        .gates = saved + p.gates,
        .extra = saved + p.extra,
        .h = saved + p.h,
        .c = saved + p.c,
        .h_transposed = saved + p.h_transposed,
        .scratch = scratch,
        .lengths = saved + p.lengths,
    };
    if (six_recurrent_packs(n)) {
        const six_recurrent_packing w = six_recurrent_packing_of(n, index);
        made.packed_ih = shared + w.ih;
        made.packed_hh = shared + w.hh;
    }
    return made;
}

static const real *bias_of(const pass *p, int which) { return p->n->attr->bias ? p->value[2 + which] : NULL; }

/* The product with weights in forward, packed or not. */
static __attribute__((noinline)) void multiply(const pass *p, const six_matmul *m, const real *x, const real *w,
                                               const real *packed, const real *b, real *y)
{
    if (p->n->run->lanes > 1)
        six_matmul_y(m, x, w, b, y);
    else if (packed)
        six_matmul_one(six_matrix_of(x, m->rows, m->in), six_matrix_packed(packed, m->in, m->out), b, y,
                       p->scratch + six_recurrent_workspace_of(p->n).product);
    else
        six_matmul_y_one(m, x, w, b, y);
}

static six_cell_step step_of(const pass *p, int64_t t)
{
    const six_recurrent_net *n = p->n;
    const int64_t before = t + p->reverse, after = t + 1 - p->reverse;
    const six_recurrent_workspace w = six_recurrent_workspace_of(n);
    return (six_cell_step){
        .attr = n->attr,
        .n = n->n,
        .gates = p->gates + t * n->cell->gates * n->n,
        .hidden = p->scratch + w.hidden,
        .extra = p->extra + t * n->cell->extras * n->n,
        .h = p->h + before * n->n,
        .c = n->cell->has_c ? p->c + before * n->n : NULL,
        .h_next = p->h + after * n->n,
        .c_next = n->cell->has_c ? p->c + after * n->n : NULL,
        .dh = p->scratch + w.dh,
        .dc = p->scratch + w.dc,
    };
}

static int64_t step_at(const pass *p, int64_t k) { return p->reverse ? p->n->steps - 1 - k : k; }

static __attribute__((noinline)) void select_within(const pass *p, int64_t t, const real *x, const real *otherwise,
                                                    real *y)
{
    six_lengths_select(p->lengths, t, x, otherwise, p->n->hidden, p->n->run->lanes, y);
}

/* ---- forward ---- */

static void copy_state(const six_recurrent_net *n, const real *from, real *to)
{
    if (from)
        memcpy(to, from, (size_t)n->n * sizeof *to);
    else
        memset(to, 0, (size_t)n->n * sizeof *to);
}

/* y [steps][outputs of all directions]; gates hold W_ih x + b_ih. */
static void run_steps(const pass *p, const six_tile *tile, real *y)
{
    const six_recurrent_net *n = p->n;
    const six_matmul m = {.rows = 1, .in = n->hidden, .out = six_recurrent_gates(n)};
    six_cell_step s = step_of(p, step_at(p, 0));
    copy_state(n, n->state < 0 ? NULL : tile->x[n->state] + p->index * n->n, (real *)s.h);
    if (n->cell->has_c)
        copy_state(n, n->state < 0 ? NULL : tile->x[n->state + 1] + p->index * n->n, (real *)s.c);
    for (int64_t k = 0; k < n->steps; k++) {
        const int64_t t = step_at(p, k);
        real *row = y + (t * n->directions + p->reverse) * n->n;
        s = step_of(p, t);
        multiply(p, &m, s.h, p->value[1], p->packed_hh, bias_of(p, 1), (real *)s.hidden);
        n->cell->forward(&s);
        if (n->lengths < 0) {
            copy_state(n, s.h_next, row);
            continue;
        }
        select_within(p, t, s.h_next, NULL, row);
        select_within(p, t, s.h_next, s.h, s.h_next);
        if (n->cell->has_c)
            select_within(p, t, s.c_next, s.c, s.c_next);
    }
    copy_state(n, s.h_next, tile->y[1] + p->index * n->n);
    if (n->cell->has_c)
        copy_state(n, s.c_next, tile->y[2] + p->index * n->n);
}

/* x [steps][in] as six_matmul_dw() takes it. */
static __attribute__((noinline)) void keep_for_dw(const six_recurrent_net *n, int64_t in, const real *x, real *kept)
{
    const six_matmul m = {.rows = n->steps, .in = in};
    if (n->run->lanes > 1)
        six_matmul_xt(&m, x, kept);
    else
        memcpy(kept, x, (size_t)(n->steps * in) * sizeof *x);
}

/* All directions of a layer; y may be x, as the products with all of x come first. */
static void layer_forward(const six_recurrent_net *n, int64_t layer, const six_tile *tile, void *scratch, const real *x,
                          real *y)
{
    const six_matmul m = {.rows = n->steps, .in = six_recurrent_inputs(n, layer), .out = six_recurrent_gates(n)};
    if (n->run->trains)
        keep_for_dw(n, m.in, x, (real *)tile->saved + six_recurrent_places_of(n, layer, 0).x);
    for (int64_t d = 0; d < n->directions; d++) {
        const pass p = pass_of(n, layer, d, tile, scratch);
        multiply(&p, &m, x, p.value[0], p.packed_ih, bias_of(&p, 0), p.gates);
    }
    for (int64_t d = 0; d < n->directions; d++) {
        const pass p = pass_of(n, layer, d, tile, scratch);
        run_steps(&p, tile, y);
    }
}

int32_t six_recurrent_begin_forward(six_run *run, six_tile *tiles)
{
    const six_recurrent_net n = six_recurrent_net_of(run);
    (void)tiles;
    for (int64_t i = 0; six_recurrent_packs(&n) && i < n.layers * n.directions; i++) {
        const six_recurrent_packing at = six_recurrent_packing_of(&n, i);
        real *const *value = run->value + i * n.params;
        const six_matrix ih = six_matrix_of(value[0], six_recurrent_gates(&n),
                                            six_recurrent_inputs(&n, i / n.directions)),
                         hh = six_matrix_of(value[1], six_recurrent_gates(&n), n.hidden);
        six_matrix_pack(six_matrix_transposed(ih), (real *)run->shared + at.ih);
        six_matrix_pack(six_matrix_transposed(hh), (real *)run->shared + at.hh);
    }
    return 0;
}

static uint16_t *dropped_at(const six_recurrent_net *n, int64_t layer, const six_tile *tile)
{
    return (uint16_t *)((real *)tile->saved + six_recurrent_places_of(n, layer, 0).dropped);
}

void six_recurrent_forward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_recurrent_net n = six_recurrent_net_of(run);
    const six_recurrent_places at = six_recurrent_places_of(&n, 0, 0);
    real *sequence = (real *)tile->saved + at.sequence, *lengths = (real *)tile->saved + at.lengths;
    const real *x = tile->x[0];
    six_lengths_read(run, tile, n.lengths, n.steps, lengths);
    for (int64_t t = 0; n.lengths >= 0 && t < n.steps; t++) { /* what padding holds must not matter */
        const int64_t row = t * n.features * run->lanes;
        six_lengths_select(lengths, t, tile->x[0] + row, NULL, n.features, run->lanes, sequence + row);
        x = sequence;
    }
    for (int64_t layer = 0; layer < n.layers; layer++, x = sequence) {
        const bool last = layer == n.layers - 1;
        layer_forward(&n, layer, tile, scratch, x, last ? tile->y[0] : sequence);
        if (!last && six_recurrent_drops(&n))
            six_drop(run, tile, (uint32_t)layer, n.attr->dropout, sequence, sequence,
                     n.steps * six_recurrent_outputs(&n), dropped_at(&n, layer, tile));
    }
}

/* ---- backward ---- */

static void add(const six_recurrent_net *n, const real *from, real *to)
{
    for (int64_t i = 0; i < n->n; i++)
        to[i] += from[i];
}

static __attribute__((noinline)) void multiply_back(const six_recurrent_net *n, const six_matmul *m, const real *dy,
                                                    const real *w, real *dx)
{
    if (n->run->lanes > 1)
        six_matmul_dx(m, dy, w, dx);
    else
        six_matmul_dx_one(m, dy, w, dx);
}

/* dh += W_hh^T dgates */
static void add_hidden_gradient(const pass *p, const six_cell_step *s)
{
    const six_recurrent_net *n = p->n;
    const int64_t gates = n->cell->gates - n->cell->splits_last;
    const six_matmul joint = {1, n->hidden, gates * n->hidden, true}, last = {1, n->hidden, n->hidden, true};
    multiply_back(n, &joint, s->gates, p->value[1], s->dh);
    if (n->cell->splits_last)
        multiply_back(n, &last, s->extra, p->value[1] + gates * n->hidden * n->hidden, s->dh);
}

/* Adds the gradient of the output of step t, and lets dh and dc stand still where the step is padding: they are held and
 * the cell gets 0. */
static void enter_step(const pass *p, int64_t t, const six_cell_step *s, const real *dy,
                       const six_recurrent_workspace *w)
{
    const six_recurrent_net *n = p->n;
    if (n->lengths >= 0) {
        memcpy(p->scratch + w->held_h, s->dh, (size_t)n->n * sizeof(real));
        memcpy(p->scratch + w->held_c, s->dc, (size_t)n->n * sizeof(real));
    }
    if (dy)
        add(n, dy + (t * n->directions + p->reverse) * n->n, s->dh);
    if (n->lengths >= 0) {
        select_within(p, t, s->dh, NULL, s->dh);
        select_within(p, t, s->dc, NULL, s->dc);
    }
}

static void leave_step(const pass *p, int64_t t, const six_cell_step *s, const six_recurrent_workspace *w)
{
    if (p->n->lengths < 0)
        return;
    select_within(p, t, s->dh, p->scratch + w->held_h, s->dh);
    select_within(p, t, s->dc, p->scratch + w->held_c, s->dc);
}

/* dy [steps][outputs of all directions], or NULL; leaves the gradient of the gates in their place. */
static void run_steps_back(const pass *p, const six_tile *tile, const real *dy)
{
    const six_recurrent_net *n = p->n;
    const six_recurrent_workspace w = six_recurrent_workspace_of(n);
    const int64_t at = p->index * n->n;
    copy_state(n, tile->dy[1] ? tile->dy[1] + at : NULL, p->scratch + w.dh);
    copy_state(n, n->cell->has_c && tile->dy[2] ? tile->dy[2] + at : NULL, p->scratch + w.dc);
    for (int64_t k = n->steps - 1; k >= 0; k--) {
        const int64_t t = step_at(p, k);
        const six_cell_step s = step_of(p, t);
        enter_step(p, t, &s, dy, &w);
        n->cell->backward(&s);
        add_hidden_gradient(p, &s);
        leave_step(p, t, &s, &w);
    }
    for (int32_t i = 0; n->state >= 0 && i <= n->cell->has_c; i++)
        if (tile->dx[n->state + i])
            copy_state(n, p->scratch + (i ? w.dc : w.dh), tile->dx[n->state + i] + at);
    if (n->run->trains && n->run->lanes > 1)
        keep_for_dw(n, n->hidden, p->h + p->reverse * n->n, p->h_transposed);
}

/* dx may be dy, or NULL. */
static void layer_backward(const six_recurrent_net *n, int64_t layer, const six_tile *tile, void *scratch,
                           const real *dy, real *dx)
{
    six_matmul m = {.rows = n->steps, .in = six_recurrent_inputs(n, layer), .out = six_recurrent_gates(n)};
    for (int64_t d = 0; d < n->directions; d++) {
        const pass p = pass_of(n, layer, d, tile, scratch);
        run_steps_back(&p, tile, dy);
    }
    for (int64_t d = 0; dx && d < n->directions; d++) {
        const pass p = pass_of(n, layer, d, tile, scratch);
        m.add = d > 0;
        multiply_back(n, &m, p.gates, p.value[0], dx);
    }
}

void six_recurrent_backward(const six_run *run, six_tile *tile, void *scratch)
{
    const six_recurrent_net n = six_recurrent_net_of(run);
    real *sequence = (real *)tile->saved + six_recurrent_places_of(&n, 0, 0).sequence;
    const real *dy = tile->dy[0];
    for (int64_t layer = n.layers - 1; layer >= 0; layer--, dy = sequence) {
        layer_backward(&n, layer, tile, scratch, dy, layer ? sequence : tile->dx[0]);
        if (layer && six_recurrent_drops(&n))
            six_drop_back(run, n.attr->dropout, sequence, sequence, n.steps * six_recurrent_outputs(&n),
                          dropped_at(&n, layer - 1, tile));
    }
    if (n.lengths >= 0 && tile->dx[n.lengths])
        memset(tile->dx[n.lengths], 0, (size_t)run->lanes * sizeof(real));
}

/* ---- parameter gradients ---- */

/* Adds the gradients of `count` outputs from `first` on: of a weight and its bias, either of which may be NULL. x and dy
 * are offsets in what the tiles saved. */
static __attribute__((noinline)) void add_gradients(const six_run *run, const six_tile *tiles, const six_matmul *m,
                                                    int64_t x, int64_t dy, int64_t first, int64_t count, real *dw,
                                                    real *db, void *scratch)
{
    const real *saved = tiles[0].saved;
    const int64_t step = run->tiles > 1 ? (const real *)tiles[1].saved - saved : 0;
    if (run->lanes > 1) {
        if (dw)
            six_matmul_dw(m, run, (six_tiled){saved + x, step}, (six_tiled){saved + dy, step}, first, count, dw,
                          scratch);
        if (db)
            six_matmul_db(m, run, (six_tiled){saved + dy, step}, first, count, db);
        return;
    }
    if (dw)
        six_matmul_dw_one(m, saved + x, saved + dy, first, first + count, dw);
    if (db)
        six_matmul_db_one(m, saved + dy, first, first + count, db);
}

/* A part is a block of outputs of one gate of one direction of one layer. */
void six_recurrent_backward_part(const six_run *run, six_tile *tiles, int32_t part, void *scratch)
{
    const six_recurrent_net n = six_recurrent_net_of(run);
    const int64_t blocks = blocks_of(&n), index = part / (blocks * n.cell->gates), gate = part / blocks % n.cell->gates,
                  block = part % blocks, layer = index / n.directions, direction = index % n.directions;
    const int64_t first = block * SIX_RECURRENT_PART, left = n.hidden - first,
                  count = left < SIX_RECURRENT_PART ? left : SIX_RECURRENT_PART;
    const six_recurrent_places at = six_recurrent_places_of(&n, layer, direction);
    real *const *gradient = run->gradient + index * n.params;
    real *db[2] = {n.attr->bias ? gradient[2] : NULL, n.attr->bias ? gradient[3] : NULL}, *dw_hh = gradient[1];
    real *room = (real *)scratch + six_recurrent_workspace_of(&n).product;
    const int64_t h = at.h_transposed + (run->lanes == 1 && direction ? n.n : 0);
    six_matmul m = {.rows = n.steps, .in = six_recurrent_inputs(&n, layer), .out = six_recurrent_gates(&n)};
    add_gradients(run, tiles, &m, at.x, at.gates, gate * n.hidden + first, count, gradient[0], db[0], room);
    m.in = n.hidden;
    if (!n.cell->splits_last || gate < n.cell->gates - 1) {
        add_gradients(run, tiles, &m, h, at.gates, gate * n.hidden + first, count, dw_hh, db[1], room);
        return;
    }
    m.out = n.hidden;
    add_gradients(run, tiles, &m, h, at.extra, first, count, dw_hh ? dw_hh + gate * n.hidden * n.hidden : NULL,
                  db[1] ? db[1] + gate * n.hidden : NULL, room);
}
