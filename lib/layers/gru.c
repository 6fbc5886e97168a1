/* SPDX-License-Identifier: MIT */

/* Gated recurrent unit (Cho et al. 2014), in the form where the reset gate follows the product. As torch.nn.GRU. With x_k and h_k
 * the three gates of W_ih x + b_ih and of W_hh h + b_hh and the logistic function s,
 *
 *     r = s(x_r + h_r)    z = s(x_z + h_z)    n = tanh(x_n + r h_n)    h' = n + z (h - n)
 *
 * and backward, with m = dh' (1 - z) (1 - n^2), the gradient of n's argument,
 *
 *     dr = m h_n    dz = dh' (h - n)    dx_n = m    dh_n = m r    dh = dh' z */

#include "layers/recurrent.h"
#include "simd/lane_math.h"

static const char *const output_names[] = {"output", "h_n", NULL};

enum { R, Z, N };

/* extra: h_n, and then its gradient */
static void cell_forward(const six_cell_step *s)
{
    for (int64_t k = 0; k < s->n; k += SIX_WIDTH) {
        const vec r = six_sigmoid(six_cell_sum(s, R, k)), z = six_sigmoid(six_cell_sum(s, Z, k));
        const vec h_n = six_load(s->hidden + N * s->n + k), n = six_tanh(six_fma(r, h_n, six_cell_gate(s, N, k)));
        six_cell_set_gate(s, R, k, r);
        six_cell_set_gate(s, Z, k, z);
        six_cell_set_gate(s, N, k, n);
        six_cell_set(s, s->extra, k, h_n);
        six_cell_set(s, s->h_next, k, six_fma(z, six_load(s->h + k) - n, n));
    }
}

static void cell_backward(const six_cell_step *s)
{
    for (int64_t k = 0; k < s->n; k += SIX_WIDTH) {
        const vec r = six_cell_gate(s, R, k), z = six_cell_gate(s, Z, k), n = six_cell_gate(s, N, k);
        const vec h_n = six_load(s->extra + k), dh = six_load(s->dh + k), m = dh * (1 - z) * (1 - n * n);
        six_cell_set_gate(s, R, k, m * h_n * (r * (1 - r)));
        six_cell_set_gate(s, Z, k, dh * (six_load(s->h + k) - n) * (z * (1 - z)));
        six_cell_set_gate(s, N, k, m);
        six_cell_set(s, s->extra, k, m * r);
        six_cell_set(s, s->dh, k, dh * z);
    }
}

static const six_cell cell = {
    .gates = 3, .extras = 1, .splits_last = true, .forward = cell_forward, .backward = cell_backward};

static int32_t setup(six_op *op) { return six_recurrent_setup(op, 3, false); }

SIX_LAYER(gru) = {
    .kind = {"gru", "gated recurrent units" SIX_RECURRENT_INPUTS "the state h_0, LxH", six_recurrent_attrs + 1,
             sizeof(six_recurrent)},
    .title = "GRU",
    .prefix = "gru",
    .output_names = output_names,
    .inputs_min = 1,
    .inputs_max = 3,
    .accumulates_gradients = true,
    .setup = setup,
};

SIX_KERNELS(gru) = {.family = &cell, SIX_RECURRENT_KERNELS};
