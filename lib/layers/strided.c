/* SPDX-License-Identifier: MIT */

/* Values of the input in another order, or some of them.
 *
 *     permute    the dimensions in the order dims
 *     transpose  dimensions dim0 and dim1 exchanged
 *     slice      along dim, from start to before end, every step-th; start and end count from the last if negative, and stop at the ends
 *     gather     along dim, those at the places `index`
 *
 * dx is dy at the places the values came from, the sum where one was taken several times, else 0. As torch.permute, torch.transpose,
 * torch.slice_copy and torch.index_select, with dimensions counted without the batch. */

#include <math.h>

#include "layers/axis.h"
#include "layers/iterator.h"

typedef struct attributes {
    int64_t dim, dim1, start, end, step;
    six_list list; /* dims, or index */
} attributes;

#define DIM(name, field, otherwise, help)                                                                              \
    {                                                                                                                  \
        name, SIX_INT, offsetof(attributes, field), -SIX_MAX_RANK, SIX_MAX_RANK - 1, otherwise, NULL, help             \
    }
#define LARGEST 1099511627776.0

static const six_attr permute_attrs[] = {
    {"dims", SIX_LIST, offsetof(attributes, list), -SIX_MAX_RANK, SIX_MAX_RANK - 1, NULL, NULL,
     "the input's dimensions in the output's order, such as 2,0,1; negative ones count from the last"},
    {.name = NULL},
};
static const six_attr transpose_attrs[] = {
    DIM("dim0", dim, NULL, "a dimension of a sample; negative ones count from the last"),
    DIM("dim1", dim1, NULL, "the dimension to exchange it with"),
    {.name = NULL},
};
static const six_attr slice_attrs[] = {
    DIM("dim", dim, "0", "the dimension of a sample that is cut; negative ones count from the last"),
    {"start", SIX_INT, offsetof(attributes, start), -LARGEST, LARGEST, "0", NULL,
     "the first place; negative ones count from the end"},
    {"end", SIX_INT, offsetof(attributes, end), -LARGEST, LARGEST, "1099511627776", NULL,
     "the place after the last; negative ones count from the end"},
    {"step", SIX_INT, offsetof(attributes, step), 1, LARGEST, "1", NULL, "the distance of the places"},
    {.name = NULL},
};
static const six_attr gather_attrs[] = {
    DIM("dim", dim, "0", "the dimension of a sample along which places are taken; negative ones count from the last"),
    {"index", SIX_LIST, offsetof(attributes, list), 0, LARGEST, NULL, NULL, "the places, such as 4,0,0"},
    {.name = NULL},
};

/* ---- shapes ---- */

static int32_t permute_setup(six_op *op)
{
    const six_list *dims = &((const attributes *)op->attr)->list;
    const six_shape *in = &op->in[0];
    bool taken[SIX_MAX_RANK] = {false};
    char text[160];
    op->out[0].rank = in->rank;
    for (int32_t d = 0; d < in->rank; d++) {
        const double dim = d < dims->count ? dims->value[d] : -SIX_MAX_RANK - 1;
        const int32_t from = (int32_t)(dim < 0 ? dim + in->rank : dim);
        if (dims->count != in->rank || dim != floor(dim) || from < 0 || from >= in->rank || taken[from])
            return six_fail(SIXNET_BAD_SHAPE, "%s: dims must name each of the %d dimensions of the input %s once",
                            op->name, (int)in->rank, six_shape_text(in, text));
        taken[from] = true;
        op->out[0].dim[d] = in->dim[from];
    }
    return SIXNET_OK;
}

static int32_t transpose_setup(six_op *op)
{
    const attributes *a = op->attr;
    int32_t status = six_axis_check(op, a->dim);
    if (!status)
        status = six_axis_check(op, a->dim1);
    if (status)
        return status;
    op->out[0] = op->in[0];
    op->out[0].dim[six_axis_of(op, a->dim)] = op->in[0].dim[six_axis_of(op, a->dim1)];
    op->out[0].dim[six_axis_of(op, a->dim1)] = op->in[0].dim[six_axis_of(op, a->dim)];
    return SIXNET_OK;
}

/* A place from 0 to size, which negative ones count back from. */
static int64_t place_of(int64_t place, int64_t size)
{
    place = place < 0 ? place + size : place;
    return place < 0 ? 0 : place > size ? size : place;
}

static int32_t slice_setup(six_op *op)
{
    const attributes *a = op->attr;
    const int32_t status = six_axis_check(op, a->dim), axis = six_axis_of(op, a->dim);
    char text[160];
    if (status)
        return status;
    const int64_t size = op->in[0].dim[axis], count = place_of(a->end, size) - place_of(a->start, size);
    if (count <= 0)
        return six_fail(SIXNET_BAD_SHAPE,
                        "%s: nothing lies from start=%" PRId64 " to end=%" PRId64 " in dim %d of the input %s",
                        op->name, a->start, a->end, (int)axis, six_shape_text(&op->in[0], text));
    op->out[0] = op->in[0];
    op->out[0].dim[axis] = (count - 1) / a->step + 1;
    return SIXNET_OK;
}

static int32_t gather_setup(six_op *op)
{
    const attributes *a = op->attr;
    const int32_t status = six_axis_check(op, a->dim), axis = six_axis_of(op, a->dim);
    char text[160];
    if (status)
        return status;
    for (int32_t i = 0; i < a->list.count; i++)
        if (a->list.value[i] != floor(a->list.value[i]) || a->list.value[i] >= (double)op->in[0].dim[axis])
            return six_fail(SIXNET_BAD_SHAPE, "%s: index %g is not a place in dim %d of the input %s", op->name,
                            a->list.value[i], (int)axis, six_shape_text(&op->in[0], text));
    op->out[0] = op->in[0];
    op->out[0].dim[axis] = a->list.count;
    if (!six_shape_fits(&op->out[0]))
        return six_fail(SIXNET_TOO_LARGE, "%s: the output %s is too large", op->name,
                        six_shape_text(&op->out[0], text));
    return SIXNET_OK;
}

/* ---- places of the output's values in the input ---- */

/* An iterator over runs of values that follow one another in the input too. */
typedef struct view {
    six_iterator iterator;
    int64_t run, runs;     /* reals in a run; their number */
    const six_list *index; /* of gather, else NULL */
    int32_t axis;          /* of gather */
    int64_t index_stride;  /* of gather: reals from one place to the next */
} view;

typedef void arrange(const six_op *op, view *v, const int64_t *stride);

static void permute_view(const six_op *op, view *v, const int64_t *stride)
{
    const six_list *dims = &((const attributes *)op->attr)->list;
    for (int32_t d = 0; d < op->in[0].rank; d++)
        v->iterator.stride[0][d] = stride[six_axis_of(op, (int64_t)dims->value[d])];
}

static void transpose_view(const six_op *op, view *v, const int64_t *stride)
{
    const attributes *a = op->attr;
    memcpy(v->iterator.stride[0], stride, sizeof v->iterator.stride[0]);
    v->iterator.stride[0][six_axis_of(op, a->dim)] = stride[six_axis_of(op, a->dim1)];
    v->iterator.stride[0][six_axis_of(op, a->dim1)] = stride[six_axis_of(op, a->dim)];
}

static void slice_view(const six_op *op, view *v, const int64_t *stride)
{
    const attributes *a = op->attr;
    const int32_t axis = six_axis_of(op, a->dim);
    memcpy(v->iterator.stride[0], stride, sizeof v->iterator.stride[0]);
    v->iterator.stride[0][axis] = v->iterator.shape.dim[axis] > 1 ? stride[axis] * a->step : stride[axis];
    v->iterator.offset[0] = place_of(a->start, op->in[0].dim[axis]) * stride[axis];
}

static void gather_view(const six_op *op, view *v, const int64_t *stride)
{
    const attributes *a = op->attr;
    v->index = &a->list;
    v->axis = six_axis_of(op, a->dim);
    v->index_stride = stride[v->axis];
    memcpy(v->iterator.stride[0], stride, sizeof v->iterator.stride[0]);
    v->iterator.stride[0][v->axis] = 0;
}

static view view_of(const six_run *run, arrange *f)
{
    const six_op *op = run->op;
    view v = {.iterator = six_iterator_over(&op->out[0], 1), .run = run->lanes, .axis = -1};
    int64_t stride[SIX_MAX_RANK] = {0}, next = run->lanes;
    for (int32_t d = op->in[0].rank - 1; d >= 0; next *= op->in[0].dim[d--])
        stride[d] = next;
    f(op, &v, stride);
    for (int32_t *rank = &v.iterator.shape.rank;
         *rank && *rank - 1 != v.axis && v.iterator.stride[0][*rank - 1] == v.run; (*rank)--)
        v.run *= v.iterator.shape.dim[*rank - 1];
    v.runs = six_shape_size(&op->out[0]) * run->lanes / v.run;
    return v;
}

static int64_t offset_of(const view *v)
{
    const int64_t place = v->index ? (int64_t)v->index->value[v->iterator.at[v->axis]] * v->index_stride : 0;
    return v->iterator.offset[0] + place;
}

static void forward(const six_run *run, six_tile *tile, arrange *f)
{
    view v = view_of(run, f);
    real *y = tile->y[0];
    for (int64_t i = 0; i < v.runs; i++, y += v.run, six_iterator_step(&v.iterator))
        memcpy(y, tile->x[0] + offset_of(&v), (size_t)v.run * sizeof *y);
}

static void backward(const six_run *run, six_tile *tile, arrange *f)
{
    view v = view_of(run, f);
    const real *dy = tile->dy[0];
    if (!tile->dx[0])
        return;
    memset(tile->dx[0], 0, (size_t)(six_shape_size(&run->op->in[0]) * run->lanes) * sizeof *dy);
    for (int64_t i = 0; i < v.runs; i++, dy += v.run, six_iterator_step(&v.iterator)) {
        real *dx = tile->dx[0] + offset_of(&v);
        for (int64_t k = 0; k < v.run; k++)
            dx[k] += dy[k];
    }
}

/* ---- the layers ---- */

#define STRIDED_LAYER(NAME, TITLE, HELP, ATTRS, SETUP)                                                                 \
    SIX_LAYER(NAME) = {                                                                                                \
        .kind = {.name = #NAME, .help = HELP, .attrs = ATTRS, .size = sizeof(attributes)},                             \
        .title = TITLE,                                                                                                \
        .prefix = #NAME,                                                                                               \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .setup = SETUP,                                                                                                \
    }

#define STRIDED_KERNELS(NAME, VIEW) SIX_CALLING_KERNELS(NAME, forward(run, tile, VIEW), backward(run, tile, VIEW))

STRIDED_LAYER(permute, "Permute", "its input with dimensions in another order", permute_attrs, permute_setup);
STRIDED_LAYER(transpose, "Transpose", "its input with two dimensions exchanged", transpose_attrs, transpose_setup);
STRIDED_LAYER(slice, "Slice", "a range of its input along a dimension", slice_attrs, slice_setup);
STRIDED_LAYER(gather, "Gather", "values of its input at given places along a dimension", gather_attrs, gather_setup);

STRIDED_KERNELS(permute, permute_view);
STRIDED_KERNELS(transpose, transpose_view);
STRIDED_KERNELS(slice, slice_view);
STRIDED_KERNELS(gather, gather_view);
