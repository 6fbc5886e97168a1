/* SPDX-License-Identifier: MIT */

/* h' = f(W_ih x + b_ih + W_hh h + b_hh) with f = tanh or relu, step by step. As torch.nn.RNN.
 *
 *     dsum = dh' f'(sum), which is dh' (1 - h' h') for tanh */

#include "layers/recurrent.h"
#include "simd/lane_math.h"

static const char *const output_names[] = {"output", "h_n", NULL};

static void cell_forward(const six_cell_step *s)
{
    for (int64_t i = 0; i < s->n; i += SIX_WIDTH) {
        const vec sum = six_cell_sum(s, 0, i), h = s->attr->nonlinearity ? six_max(sum, (vec){0}) : six_tanh(sum);
        six_cell_set_gate(s, 0, i, h);
        six_cell_set(s, s->h_next, i, h);
    }
}

static void cell_backward(const six_cell_step *s)
{
    for (int64_t i = 0; i < s->n; i += SIX_WIDTH) {
        const vec h = six_cell_gate(s, 0, i), dh = six_load(s->dh + i);
        const vec through_tanh = dh * (1 - h * h), through_relu = six_select(six_greater(h, (vec){0}), dh, (vec){0});
        six_cell_set_gate(s, 0, i, s->attr->nonlinearity ? through_relu : through_tanh);
        six_cell_set(s, s->dh, i, (vec){0});
    }
}

static const six_cell cell = {.gates = 1, .forward = cell_forward, .backward = cell_backward};

static int32_t setup(six_op *op) { return six_recurrent_setup(op, 1, false); }

SIX_LAYER(rnn) = {
    .kind = {"rnn", "a recurrent layer" SIX_RECURRENT_INPUTS "the state h_0, LxH", six_recurrent_attrs,
             sizeof(six_recurrent)},
    .title = "RNN",
    .prefix = "rnn",
    .output_names = output_names,
    .inputs_min = 1,
    .inputs_max = 3,
    .accumulates_gradients = true,
    .setup = setup,
};

SIX_KERNELS(rnn) = {.family = &cell, SIX_RECURRENT_KERNELS};
