/* SPDX-License-Identifier: MIT */

/* Setup of custom layers, and the functions that a layer's setup function may call. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/custom.h"

struct sixnet_layer_setup {
    six_op *op;
    int32_t status; /* of the first refusal or failed request, and its message */
    char message[SIX_LINE_MAX];
};

int32_t six_custom_setup(six_op *op)
{
    const six_custom_layer *layer = six_custom_of(op);
    sixnet_layer_setup setup = {.op = op};
    op->out[0] = op->in[0];
    if (!layer->setup)
        return SIXNET_OK;
    int32_t answer = layer->setup(layer->user, &setup);
    if (setup.status)
        return six_fail(setup.status, "%s: %s", op->name, setup.message);
    if (answer)
        return six_fail(SIXNET_CALLBACK_FAILED, "%s: the setup function of '%s' returned %d", op->name, layer->name,
                        answer);
    return SIXNET_OK;
}

/* Keeps the first refusal, so that the node fails whatever the function returns. */
static int32_t note(sixnet_layer_setup *setup, int32_t status)
{
    if (!setup->status) {
        setup->status = status;
        snprintf(setup->message, sizeof setup->message, "%s", sixnet_last_error());
    }
    return status;
}

double six_custom_attribute(const six_op *op, const char *name)
{
    const double *values = op->attr;
    const six_attr *attr = six_custom_of(op)->attr;
    for (int32_t i = 0; attr[i].name; i++)
        if (strcmp(attr[i].name, name) == 0)
            return values[i];
    return NAN;
}

static bool is_parameter_name(const six_op *op, const char *name)
{
    if (strlen(name) >= SIX_PARAM_NAME_MAX - 4 || !six_custom_is_word(name))
        return false;
    for (int32_t p = 0; p < op->params; p++)
        if (strcmp(op->param[p].name, name) == 0)
            return false;
    return true;
}

static bool read_shape(six_shape *shape, const int64_t *dims, int32_t rank)
{
    shape->rank = rank;
    for (int32_t i = 0; i < rank && i < SIX_MAX_RANK; i++)
        shape->dim[i] = dims[i];
    return six_shape_fits(shape);
}

int32_t six_custom_give_shape(const six_shape *shape, int64_t *dims, int32_t *rank)
{
    if (!dims || !rank)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s is NULL", dims ? "rank" : "dims");
    memcpy(dims, shape->dim, (size_t)shape->rank * sizeof *dims);
    *rank = shape->rank;
    return SIXNET_OK;
}

int32_t six_custom_give_input_shape(const six_op *op, int32_t index, int64_t *dims, int32_t *rank)
{
    if (index < 0 || index >= op->inputs)
        return six_fail(SIXNET_INVALID_ARGUMENT, "there is no input %d; the node has %d", index, op->inputs);
    return six_custom_give_shape(&op->in[index], dims, rank);
}

int32_t sixnet_layer_setup_input_count(const sixnet_layer_setup *setup)
{
    return setup ? setup->op->inputs : six_fail(SIXNET_INVALID_ARGUMENT, "setup is NULL");
}

int32_t sixnet_layer_setup_input_shape(const sixnet_layer_setup *setup, int32_t index, int64_t *dims, int32_t *rank)
{
    return setup ? six_custom_give_input_shape(setup->op, index, dims, rank)
                 : six_fail(SIXNET_INVALID_ARGUMENT, "setup is NULL");
}

double sixnet_layer_setup_attribute(const sixnet_layer_setup *setup, const char *name)
{
    return setup && name ? six_custom_attribute(setup->op, name) : (double)NAN;
}

int32_t sixnet_layer_setup_set_output_shape(sixnet_layer_setup *setup, const int64_t *dims, int32_t rank)
{
    six_shape shape = {0};
    if (!setup)
        return six_fail(SIXNET_INVALID_ARGUMENT, "setup is NULL");
    if (!dims || !read_shape(&shape, dims, rank))
        return note(setup,
                    six_fail(SIXNET_BAD_SHAPE, "the output's shape must have 1 to %d dimensions, each 1 or greater",
                             SIX_MAX_RANK));
    setup->op->out[0] = shape;
    return SIXNET_OK;
}

/* One output more, with a name; the first is called output. */
static int32_t add_output(six_op *op, const char *name, const six_shape *shape)
{
    const int32_t count = op->outputs + 1;
    six_shape *out = six_alloc(op->ctx, (size_t)count, sizeof *out);
    six_name *names = six_alloc(op->ctx, (size_t)count, sizeof *names);
    if (!out || !names) {
        six_free(op->ctx, out);
        six_free(op->ctx, names);
        return SIXNET_OUT_OF_MEMORY;
    }
    memcpy(out, op->out, (size_t)op->outputs * sizeof *out);
    if (op->output_name)
        memcpy(names, op->output_name, (size_t)op->outputs * sizeof *names);
    else
        names[0] = (six_name){"output"};
    memcpy(names[op->outputs].text, name, strlen(name) + 1);
    out[op->outputs] = *shape;
    six_free(op->ctx, op->out);
    six_free(op->ctx, op->output_name);
    op->out = out;
    op->output_name = names;
    op->outputs = count;
    return SIXNET_OK;
}

static bool is_output_name(const six_op *op, const char *name)
{
    if (strlen(name) >= SIX_PARAM_NAME_MAX - 4 || !six_custom_is_word(name) || strcmp(name, "output") == 0)
        return false;
    for (int32_t o = 1; o < op->outputs; o++)
        if (strcmp(op->output_name[o].text, name) == 0)
            return false;
    return true;
}

int32_t sixnet_layer_setup_add_output(sixnet_layer_setup *setup, const char *name, const int64_t *dims, int32_t rank)
{
    six_shape shape = {0};
    if (!setup || !name)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s is NULL", !setup ? "setup" : "name");
    if (setup->op->outputs == SIX_MAX_OUTPUTS)
        return note(setup, six_fail(SIXNET_TOO_LARGE, "output '%.40s': a layer has at most %d", name, SIX_MAX_OUTPUTS));
    if (!is_output_name(setup->op, name))
        return note(setup, six_fail(SIXNET_INVALID_ARGUMENT,
                                    "output '%.40s': a name is letters, digits and '_', and not used twice", name));
    if (!dims || !read_shape(&shape, dims, rank))
        return note(setup,
                    six_fail(SIXNET_BAD_SHAPE, "output '%s': its shape must have 1 to %d dimensions, each 1 or greater",
                             name, SIX_MAX_RANK));
    int32_t status = add_output(setup->op, name, &shape);
    return status ? note(setup, status) : SIXNET_OK;
}

int32_t sixnet_layer_setup_add_parameter(sixnet_layer_setup *setup, const char *name, const int64_t *dims, int32_t rank,
                                         double low, double high)
{
    six_shape shape = {0};
    if (!setup || !name)
        return six_fail(SIXNET_INVALID_ARGUMENT, "%s is NULL", !setup ? "setup" : "name");
    six_op *op = setup->op;
    if (!is_parameter_name(op, name))
        return note(setup, six_fail(SIXNET_INVALID_ARGUMENT,
                                    "parameter '%.40s': a name is letters, digits and '_', and not used twice", name));
    if (!dims || !read_shape(&shape, dims, rank))
        return note(setup, six_fail(SIXNET_BAD_SHAPE,
                                    "parameter '%s': its shape must have 1 to %d dimensions, each 1 or greater", name,
                                    SIX_MAX_RANK));
    if (!isfinite(low) || !isfinite(high) || low > high)
        return note(setup,
                    six_fail(SIXNET_INVALID_ARGUMENT,
                             "parameter '%s': low=%g and high=%g must be finite, with low <= high", name, low, high));
    six_param param = {"", shape, true, low < high ? six_init_uniform(low, high) : six_init_constant(low)};
    memcpy(param.name, name, strlen(name) + 1);
    int32_t status = six_op_add_params(op, &param, 1);
    return status ? note(setup, status) : SIXNET_OK;
}

int32_t sixnet_layer_setup_fail(sixnet_layer_setup *setup, const char *message)
{
    if (!setup)
        return six_fail(SIXNET_INVALID_ARGUMENT, "setup is NULL");
    return note(setup, six_fail(SIXNET_BAD_SHAPE, "%s", message ? message : "the layer refused its inputs"));
}
