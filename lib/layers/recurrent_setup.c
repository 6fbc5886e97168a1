/* SPDX-License-Identifier: MIT */

/* Attributes, shapes and tensors of rnn, lstm and gru. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/status.h"
#include "layers/lengths.h"
#include "layers/recurrent.h"

#ifdef SIX_IS_BASELINE /* all variants share it */

const six_attr six_recurrent_attrs[] = {
    {"nonlinearity", SIX_CHOICE, offsetof(six_recurrent, nonlinearity), 0, 0, "tanh", "tanh relu",
     "the function that makes the next state"},
    {"hidden_size", SIX_INT, offsetof(six_recurrent, hidden_size), 1, 65536, NULL, NULL, "values of a state"},
    {"num_layers", SIX_INT, offsetof(six_recurrent, num_layers), 1, 64, "1", NULL,
     "layers, each of which takes the outputs of the one before"},
    {"bias", SIX_BOOL, offsetof(six_recurrent, bias), 0, 1, "true", NULL, "whether there are biases"},
    {"dropout", SIX_FLOAT, offsetof(six_recurrent, dropout), 0, 1, "0", NULL,
     "in training, the probability with which an output of any layer but the last becomes 0"},
    {"bidirectional", SIX_BOOL, offsetof(six_recurrent, bidirectional), 0, 1, "false", NULL,
     "whether a second pass runs from the last step to the first; its outputs follow those of the first"},
    {.name = NULL},
};

static int32_t check_inputs(const six_op *op, const six_shape *state, int32_t states)
{
    const int32_t first = six_lengths_input(op) < 0 ? 1 : 2, given = op->inputs - first;
    char in[160], expected[160];
    if (op->in[0].rank != 2)
        return six_fail(SIXNET_BAD_SHAPE, "%s: the input %s is not a sequence TxF", op->name,
                        six_shape_text(&op->in[0], in));
    if (given != 0 && given != states)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: %d inputs; after the sequence come the lengths, of shape 1, %s, or all of them", op->name,
                        (int)op->inputs, states == 2 ? "h_0 and c_0" : "h_0");
    for (int32_t i = first; i < op->inputs; i++)
        if (!six_shape_equal(&op->in[i], state))
            return six_fail(SIXNET_BAD_SHAPE, "%s: the initial state %s is not %s", op->name,
                            six_shape_text(&op->in[i], in), six_shape_text(state, expected));
    return SIXNET_OK;
}

/* The tensors of one direction of one layer. */
static int32_t add_params(six_op *op, int64_t layer, bool reverse, int64_t in, int64_t out)
{
    const six_recurrent *a = op->attr;
    const double bound = 1 / sqrt((double)a->hidden_size);
    const six_shape shape[] = {{2, {out, in}}, {2, {out, a->hidden_size}}, {1, {out}}, {1, {out}}};
    static const char *const names[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    six_param params[4] = {0};
    for (int i = 0; i < 4; i++) {
        snprintf(params[i].name, sizeof params[i].name, "%s_l%d%s", names[i], (int)layer, reverse ? "_reverse" : "");
        params[i].shape = shape[i];
        params[i].trained = true;
        params[i].init = six_init_uniform(-bound, bound);
        if (!six_shape_fits(&shape[i]))
            return six_fail(SIXNET_TOO_LARGE, "%s: %" PRId64 " x %" PRId64 " weights are too many", op->name, out,
                            shape[i].dim[1]);
    }
    return six_op_add_params(op, params, a->bias ? 4 : 2);
}

int32_t six_recurrent_setup(six_op *op, int32_t gates, bool has_c)
{
    const six_recurrent *a = op->attr;
    const int64_t directions = a->bidirectional ? 2 : 1;
    const six_shape state = {2, {a->num_layers * directions, a->hidden_size}};
    int32_t status = six_lengths_setup(op);
    if (!status)
        status = check_inputs(op, &state, has_c ? 2 : 1);
    if (!status)
        status = six_op_set_outputs(op, has_c ? 3 : 2);
    if (status)
        return status;
    op->out[0] = (six_shape){2, {op->in[0].dim[0], directions * a->hidden_size}};
    for (int32_t o = 1; o < op->outputs; o++)
        op->out[o] = state;
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: its output would be too large", op->name);
    for (int64_t layer = 0; layer < a->num_layers && !status; layer++)
        for (int64_t d = 0; d < directions && !status; d++)
            status = add_params(op, layer, d == 1, layer ? directions * a->hidden_size : op->in[0].dim[1],
                                gates * a->hidden_size);
    return status;
}

#endif
