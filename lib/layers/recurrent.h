/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_RECURRENT_H
#define SIX_LAYERS_RECURRENT_H

/* What rnn, lstm and gru share: layers and directions over a sequence T x F, lengths, initial states, and the products with
 * weights. A cell adds what one step does value by value. Tensors, their names and order are PyTorch's: of layer k and
 * its backward direction weight_ih_lk_reverse [gates * H][F], weight_hh_lk_reverse [gates * H][H], and two biases. */

#include "layers/op.h"

/* The attributes; of rnn alone a nonlinearity. */
typedef struct six_recurrent {
    int64_t hidden_size, num_layers;
    double dropout;
    int32_t bias, bidirectional, nonlinearity;
} six_recurrent;

/* Those of rnn; lstm and gru have all but the first. */
extern const six_attr six_recurrent_attrs[];

#define SIX_RECURRENT_INPUTS                                                                                           \
    "; inputs are the sequence TxF and, each optional and in this order, the lengths (shape 1, from 0 to T), which "   \
    "are told by their shape, and "

/* One step of a cell; a value is n reals, one of each state for each lane, with space for a vector after it. */
typedef struct six_cell_step {
    const six_recurrent *attr;
    int64_t n;
    real *gates;           /* [gates][n]: W_ih x + b_ih; forward leaves what backward needs, backward the gradient */
    const real *hidden;    /* [gates][n]: W_hh h + b_hh; forward only */
    real *extra;           /* [extras][n]: from forward to backward, see six_cell */
    const real *h, *c;     /* before the step */
    real *h_next, *c_next; /* after it; forward only */
    real *dh, *dc;         /* gradients of h_next and c_next, which become those of h, but for its part by way of the
                             gates, and of c */
} six_cell_step;

typedef struct six_cell {
    int32_t gates, extras;
    bool has_c; /* there is a second state, c */
    bool
        splits_last; /* the last gate's two products are not just added: backward leaves the gradient of W_hh h + b_hh of
                         that gate in extra */
    void (*forward)(const six_cell_step *s);
    void (*backward)(const six_cell_step *s);
} six_cell;

/* Vectors of a step's values. */
SIX_INLINE vec six_cell_sum(const six_cell_step *s, int gate, int64_t i)
{
    return six_load(s->gates + gate * s->n + i) + six_load(s->hidden + gate * s->n + i);
}

SIX_INLINE vec six_cell_gate(const six_cell_step *s, int gate, int64_t i)
{
    return six_load(s->gates + gate * s->n + i);
}

SIX_INLINE void six_cell_set(const six_cell_step *s, real *value, int64_t i, vec v)
{
    six_store_first(value + i, v, s->n - i);
}

SIX_INLINE void six_cell_set_gate(const six_cell_step *s, int gate, int64_t i, vec v)
{
    six_cell_set(s, s->gates + gate * s->n, i, v);
}

int32_t six_recurrent_setup(six_op *op, int32_t gates, bool has_c);
void SIX_PASTE(six_recurrent_memory_reqs_, SIX_VARIANT)(const six_run *run, six_memory_reqs *n);
int32_t SIX_PASTE(six_recurrent_begin_forward_, SIX_VARIANT)(six_run *run, six_tile *tiles);
void SIX_PASTE(six_recurrent_forward_, SIX_VARIANT)(const six_run *run, six_tile *tile, void *scratch);
void SIX_PASTE(six_recurrent_backward_, SIX_VARIANT)(const six_run *run, six_tile *tile, void *scratch);
void SIX_PASTE(six_recurrent_backward_part_, SIX_VARIANT)(const six_run *run, six_tile *tiles, int32_t part,
                                                          void *scratch);

#define six_recurrent_memory_reqs SIX_PASTE(six_recurrent_memory_reqs_, SIX_VARIANT)
#define six_recurrent_begin_forward SIX_PASTE(six_recurrent_begin_forward_, SIX_VARIANT)
#define six_recurrent_forward SIX_PASTE(six_recurrent_forward_, SIX_VARIANT)
#define six_recurrent_backward SIX_PASTE(six_recurrent_backward_, SIX_VARIANT)
#define six_recurrent_backward_part SIX_PASTE(six_recurrent_backward_part_, SIX_VARIANT)

/* The kernels, those of recurrent.c, but for the cell as .family. */
#define SIX_RECURRENT_KERNELS                                                                                          \
    .memory_reqs = six_recurrent_memory_reqs, .begin_forward = six_recurrent_begin_forward,                            \
    .forward = six_recurrent_forward, .forward_one = six_recurrent_forward, .backward = six_recurrent_backward,        \
    .backward_one = six_recurrent_backward, .backward_part = six_recurrent_backward_part

#endif
