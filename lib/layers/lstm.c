/* SPDX-License-Identifier: MIT */

/* Long short-term memory (Hochreiter, Schmidhuber 1997; with a forget gate, Gers, Schmidhuber, Cummins 2000). As
 * torch.nn.LSTM without projections. With the four gates of W_ih x + b_ih + W_hh h + b_hh and the logistic function s,
 *
 *     i, f, o = s(...)    g = tanh(...)    c' = f c + i g    h' = o tanh(c')
 *
 * and backward, with dc' += dh' o (1 - tanh(c')^2),
 *
 *     di = dc' g    df = dc' c    dg = dc' i    do = dh' tanh(c')    dc = dc' f */

#include "layers/recurrent.h"
#include "simd/lane_math.h"

static const char *const output_names[] = {"output", "h_n", "c_n", NULL};

enum { I, F, G, O };

/* extra: tanh(c') */
static void cell_forward(const six_cell_step *s)
{
    for (int64_t k = 0; k < s->n; k += SIX_WIDTH) {
        const vec i = six_sigmoid(six_cell_sum(s, I, k)), f = six_sigmoid(six_cell_sum(s, F, k));
        const vec g = six_tanh(six_cell_sum(s, G, k)), o = six_sigmoid(six_cell_sum(s, O, k));
        const vec c = six_fma(f, six_load(s->c + k), i * g), t = six_tanh(c);
        six_cell_set_gate(s, I, k, i);
        six_cell_set_gate(s, F, k, f);
        six_cell_set_gate(s, G, k, g);
        six_cell_set_gate(s, O, k, o);
        six_cell_set(s, s->c_next, k, c);
        six_cell_set(s, s->extra, k, t);
        six_cell_set(s, s->h_next, k, o * t);
    }
}

static void cell_backward(const six_cell_step *s)
{
    for (int64_t k = 0; k < s->n; k += SIX_WIDTH) {
        const vec i = six_cell_gate(s, I, k), f = six_cell_gate(s, F, k), g = six_cell_gate(s, G, k),
                  o = six_cell_gate(s, O, k);
        const vec t = six_load(s->extra + k), dh = six_load(s->dh + k);
        const vec dc = six_fma(dh * o, 1 - t * t, six_load(s->dc + k));
        six_cell_set_gate(s, I, k, dc * g * (i * (1 - i)));
        six_cell_set_gate(s, F, k, dc * six_load(s->c + k) * (f * (1 - f)));
        six_cell_set_gate(s, G, k, dc * i * (1 - g * g));
        six_cell_set_gate(s, O, k, dh * t * (o * (1 - o)));
        six_cell_set(s, s->dc, k, dc * f);
        six_cell_set(s, s->dh, k, (vec){0});
    }
}

static const six_cell cell = {
    .gates = 4, .extras = 1, .has_c = true, .forward = cell_forward, .backward = cell_backward};

static int32_t setup(six_op *op) { return six_recurrent_setup(op, 4, true); }

SIX_LAYER(lstm) = {
    .kind = {"lstm", "long short-term memory" SIX_RECURRENT_INPUTS "the states h_0 and c_0, both LxH",
             six_recurrent_attrs + 1, sizeof(six_recurrent)},
    .title = "LSTM",
    .prefix = "lstm",
    .output_names = output_names,
    .inputs_min = 1,
    .inputs_max = 4,
    .accumulates_gradients = true,
    .setup = setup,
};

SIX_KERNELS(lstm) = {.family = &cell, SIX_RECURRENT_KERNELS};
