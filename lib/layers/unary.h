/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_UNARY_H
#define SIX_LAYERS_UNARY_H

/* The loops of layers that treat every value by itself. The functions given are inlined into them. */

#include <string.h>

#include "base/status.h"
#include "layers/op.h"

/* y = f(x), and dy/dx times dy from v, which is x or y, whichever the layer reads. a is any number the layer needs. */
typedef vec six_unary_function(vec x, vec a);
typedef vec six_unary_derivative(vec v, vec dy, vec a);

/* The reals of the first input of a tile, or of one sample and what fills its last vector up. */
SIX_INLINE int64_t six_unary_count(const six_run *run)
{
    return (six_shape_size(&run->op->in[0]) * run->lanes + SIX_WIDTH - 1) / SIX_WIDTH * SIX_WIDTH;
}

/* For setup(): the output has the shape of the input. */
SIX_INLINE int32_t six_unary_setup(six_op *op)
{
    op->out[0] = op->in[0];
    return SIXNET_OK;
}

SIX_INLINE void six_unary(const six_run *run, six_tile *tile, six_unary_function *f, vec a)
{
    const int64_t count = six_unary_count(run);
    const real *x = tile->x[0];
    real *y = tile->y[0];
    for (int64_t i = 0; i < count; i += SIX_WIDTH)
        six_store(y + i, f(six_load(x + i), a));
}

SIX_INLINE void six_unary_back(const six_run *run, six_tile *tile, const real *v, six_unary_derivative *f, vec a)
{
    const int64_t count = six_unary_count(run);
    const real *dy = tile->dy[0];
    real *dx = tile->dx[0];
    for (int64_t i = 0; dx && i < count; i += SIX_WIDTH)
        six_store(dx + i, f(six_load(v + i), six_load(dy + i), a));
}

/* to = from, unless they are one. */
SIX_INLINE void six_unary_copy(const six_run *run, const real *from, real *to)
{
    if (to != from)
        memcpy(to, from, (size_t)six_unary_count(run) * sizeof(real));
}

/* ---- families: files of several layers that are a formula and its derivative each ---- */

/* What their attributes fill. */
typedef struct six_unary_numbers {
    double a, b;
} six_unary_numbers;

#define SIX_UNARY_NUMBER(name, field, low, high, otherwise, help)                                                      \
    {                                                                                                                  \
        name, SIX_FLOAT, offsetof(six_unary_numbers, field), low, high, otherwise, NULL, help                          \
    }

/* y = f(x), and dy/dx times dy from v, which is x, y or dy; a[2] are the attributes. */
typedef vec six_formula(vec x, const vec *a);
typedef vec six_formula_derivative(vec v, vec dy, const vec *a);

/* The loops are functions of their own, so that a layer adds little more than its formula. */
__attribute__((noinline, unused)) static void six_formula_forward(const six_run *run, six_tile *tile, six_formula *f)
{
    const six_unary_numbers *n = run->op->attr;
    const vec a[2] = {six_set((real)n->a), six_set((real)n->b)};
    const int64_t count = six_unary_count(run);
    for (int64_t i = 0; i < count; i += SIX_WIDTH)
        six_store(tile->y[0] + i, f(six_load(tile->x[0] + i), a));
}

__attribute__((noinline, unused)) static void six_formula_backward(const six_run *run, six_tile *tile, const real *v,
                                                                   six_formula_derivative *f)
{
    const six_unary_numbers *n = run->op->attr;
    const vec a[2] = {six_set((real)n->a), six_set((real)n->b)};
    const int64_t count = tile->dx[0] ? six_unary_count(run) : 0;
    for (int64_t i = 0; i < count; i += SIX_WIDTH)
        six_store(tile->dx[0] + i, f(six_load(v + i), six_load(tile->dy[0] + i), a));
}

/* The layer's kernels; V is what the derivative takes: x, y or dy. */
#define SIX_FORMULA_KERNELS(NAME, VALUE, DERIVATIVE, V)                                                                \
    SIX_CALLING_KERNELS(NAME, six_formula_forward(run, tile, VALUE),                                                   \
                        six_formula_backward(run, tile, tile->V[0], DERIVATIVE))

/* The description of the layer; the last arguments are further fields, setup at least. */
#define SIX_FORMULA_LAYER(NAME, TITLE, HELP, ATTRS, READS, ...)                                                        \
    SIX_LAYER(NAME) = {                                                                                                \
        .kind = {.name = #NAME, .help = HELP, .attrs = ATTRS, .size = sizeof(six_unary_numbers)},                      \
        .title = TITLE,                                                                                                \
        .prefix = #NAME,                                                                                               \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .reads = READS,                                                                                                \
        .in_place = true,                                                                                              \
        __VA_ARGS__,                                                                                                   \
    }

#endif
