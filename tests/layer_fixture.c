/* SPDX-License-Identifier: MIT */

#include "layer_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracles.h"

/* ---- titles ---- */

static char title[512];

void fixture_title(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(title, sizeof title, format, args);
    va_end(args);
}

void fixture_fail(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error("%s: %s\n", title, text);
    fail();
    abort();
}

void fixture_succeed(const char *call, int32_t status)
{
    if (status)
        fixture_fail("%s: %d, %s", call, (int)status, sixnet_last_error());
}

bool fixture_quick(void)
{
    const char *quick = getenv("SIXNET_TEST_QUICK");
    return quick && quick[0] && strcmp(quick, "0") != 0;
}

/* ---- random data ---- */

/* Steele, Lea, Flood 2014: splitmix64. */
uint64_t fixture_bits(fixture_random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int fixture_below(fixture_random *r, int bound) { return (int)(fixture_bits(r) % (uint64_t)bound); }

double fixture_uniform(fixture_random *r, double low, double high)
{
    double u = (double)(fixture_bits(r) >> 11) * 0x1p-53;
    return round((low + u * (high - low)) * 4096) / 4096;
}

int fixture_pick(fixture_random *r, const int *from, int count) { return from[fixture_below(r, count)]; }

static void *room(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p)
        fixture_fail("out of memory");
    return p;
}

double *fixture_room(int64_t count) { return room((size_t)count, sizeof(double)); }

static double *copy_of(const double *values, int64_t count)
{
    double *copy = fixture_room(count);
    memcpy(copy, values, (size_t)count * sizeof *values);
    return copy;
}

/* A shuffled grid, each value somewhere about its place; 0 is between two places. */
static void fill_apart(fixture_random *r, double *values, int64_t count)
{
    double step = fmax(4.0 / (double)count, 0.02);
    for (int64_t i = 0; i < count; i++) {
        int64_t j = fixture_below(r, (int)i + 1);
        values[i] = values[j];
        values[j] = (double)i;
    }
    for (int64_t i = 0; i < count; i++)
        values[i] = step * (values[i] + 0.75 - 0.5 * (double)count + fixture_uniform(r, -0.1, 0.1));
    for (int64_t i = 0; i < count; i++)
        values[i] = round(values[i] * 65536) / 65536;
}

void fixture_fill(fixture_random *r, fixture_filling how, double *values, int64_t count)
{
    if (how == FIXTURE_APART) {
        fill_apart(r, values, count);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        values[i] = how == FIXTURE_WHOLE ? fixture_below(r, 7) - 3 : fixture_uniform(r, -2, 2);
}

/* ---- words ---- */

bool fixture_is(const char *spec, const char *kind)
{
    size_t length = strlen(kind);
    return strncmp(spec, kind, length) == 0 && (spec[length] == '\0' || spec[length] == ' ');
}

bool fixture_has(const char *spec, const char *text) { return strstr(spec, text) != NULL; }

static const char *find(const char *spec, const char *attribute)
{
    size_t length = strlen(attribute);
    for (const char *at = spec; (at = strchr(at, ' ')); at++)
        if (strncmp(at + 1, attribute, length) == 0 && at[1 + length] == '=')
            return at + 2 + length;
    return NULL;
}

int fixture_int(const char *spec, const char *attribute, int axis, int otherwise)
{
    const char *value = find(spec, attribute);
    char *end;
    if (!value)
        return otherwise;
    long number = strtol(value, &end, 10);
    return (int)(axis && *end == 'x' ? strtol(end + 1, NULL, 10) : number);
}

double fixture_real(const char *spec, const char *attribute, double otherwise)
{
    const char *value = find(spec, attribute);
    return value ? strtod(value, NULL) : otherwise;
}

int fixture_rows(const char *spec) { return fixture_int(spec, "num_embeddings", 0, 0); }

/* The shape of an input, which begins at the result and ends with a blank or the text. */
static const char *shape_text(const char *shapes, int input)
{
    for (; input > 0; input--)
        shapes += strcspn(shapes, " ") + 1;
    return shapes;
}

static bool is_recurrent(const char *spec)
{
    return fixture_is(spec, "rnn") || fixture_is(spec, "lstm") || fixture_is(spec, "gru");
}

/* The input of a sequence layer that holds lengths is the one of shape 1. */
int fixture_choices(const char *spec, const char *shapes, int input)
{
    const char *shape = shape_text(shapes, input);
    const bool attends = fixture_is(spec, "multihead_attention"),
               is_one = shape[0] == '1' && !strchr("x0123456789", shape[1]);
    if (!is_recurrent(spec) && !attends)
        return fixture_rows(spec);
    return input > 0 && (is_one || shape[1] == '\0') ? atoi(shape_text(shapes, attends && input > 1 ? 1 : 0)) + 1 : 0;
}

int fixture_list(const char *spec, const char *attribute, double *values)
{
    const char *value = find(spec, attribute);
    int count = 0;
    for (char *end; value && count < 64; value = *end == ',' ? end + 1 : NULL)
        values[count++] = strtod(value, &end);
    return count;
}

/* ---- nets of one layer ---- */

int64_t fixture_size(const fixture_shape *s)
{
    int64_t size = 1;
    for (int32_t i = 0; i < s->rank; i++)
        size *= s->dim[i];
    return size;
}

static sixnet_node add(layer_fixture *l, const char *spec, const sixnet_node *inputs, int count)
{
    sixnet_node node = sixnet_model_add_multi(l->net, spec, inputs, count);
    if (node == SIXNET_NO_NODE)
        fixture_fail("'%s': %s", spec, sixnet_last_error());
    CHECK_SIXNET(sixnet_node_retain(l->net, node));
    return node;
}

static void add_inputs(layer_fixture *l, const char *shapes)
{
    for (size_t length; *shapes; shapes += length + (shapes[length] == ' ')) {
        char spec[120];
        length = strcspn(shapes, " ");
        snprintf(spec, sizeof spec, "input shape=%.*s%s", (int)length, shapes,
                 fixture_is(l->spec, "input") ? " name=layer" : "");
        sixnet_node node = add(l, spec, NULL, 0);
        CHECK_SIXNET(sixnet_node_shape(l->net, node, l->in[l->inputs].dim, &l->in[l->inputs].rank));
        l->in_size[l->inputs] = fixture_size(&l->in[l->inputs]);
        l->in_total += l->in_size[l->inputs];
        l->input[l->inputs++] = node;
    }
}

/* An output of the layer by its number; SIXNET_NO_NODE past the last. */
static sixnet_node output_of(const layer_fixture *l, int number)
{
    char text[12];
    snprintf(text, sizeof text, "%d", number);
    return sixnet_node_output(l->net, l->layer, text);
}

int fixture_output_count(const layer_fixture *l)
{
    int count = 0;
    while (output_of(l, count) != SIXNET_NO_NODE)
        count++;
    return count;
}

/* The layer's output; of several, all flat and one after another. */
static sixnet_node join_outputs(layer_fixture *l)
{
    const int count = fixture_output_count(l);
    sixnet_node flat[FIXTURE_INPUTS];
    if (count == 1)
        return l->layer;
    for (int o = 0; o < count; o++) {
        const sixnet_node output = output_of(l, o);
        flat[o] = add(l, "flatten", &output, 1);
    }
    return add(l, "concat", flat, count);
}

static void add_layer(layer_fixture *l, int output)
{
    char spec[256];
    snprintf(spec, sizeof spec, "%s name=layer", l->spec);
    if (fixture_is(l->spec, "input"))
        l->layer = l->result = l->input[0];
    else if (fixture_is(l->spec, "constant")) {
        l->layer = add(l, spec, NULL, 0);
        l->result = add(l, "mul", (const sixnet_node[]){l->input[0], l->layer}, 2);
    } else {
        l->layer = add(l, spec, l->input, l->inputs);
        l->result = output == FIXTURE_ALL ? join_outputs(l) : output_of(l, output);
    }
    CHECK_SIXNET(sixnet_node_shape(l->net, l->result, l->out.dim, &l->out.rank));
    l->out_size = fixture_size(&l->out);
}

layer_fixture fixture_open_output(const char *options, const fixture_case *c, int output, const char *loss)
{
    layer_fixture l = {.spec = c->spec, .shapes = c->shapes, .name = "layer"};
    CHECK_SIXNET(sixnet_context_new(&l.ctx, options));
    CHECK_SIXNET(sixnet_model_new(&l.net, l.ctx));
    add_inputs(&l, c->shapes);
    add_layer(&l, output);
    if (loss && sixnet_model_add(l.net, loss, l.result) == SIXNET_NO_NODE)
        fixture_fail("'%s': %s", loss, sixnet_last_error());
    CHECK_SIXNET(sixnet_model_compile(l.net));
    return l;
}

layer_fixture fixture_open(const char *options, const fixture_case *c, const char *loss)
{
    return fixture_open_output(options, c, FIXTURE_ALL, loss);
}

void fixture_close(layer_fixture *l)
{
    sixnet_model_free(l->net);
    sixnet_context_free(l->ctx);
}

static bool is_batchnorm(const char *spec)
{
    return fixture_is(spec, "batchnorm1d") || fixture_is(spec, "batchnorm2d");
}
static bool is_norm(const char *spec)
{
    return is_batchnorm(spec) || fixture_is(spec, "layernorm") || fixture_is(spec, "rmsnorm") ||
           fixture_is(spec, "groupnorm") || fixture_has(spec, "instancenorm");
}

/* Whether a derivative, be it the second, jumps at some multiple of 1/2. */
static bool is_bent(const char *spec)
{
    static const char *const bent[] = {"relu",
                                       "leaky_relu",
                                       "prelu",
                                       "elu",
                                       "selu",
                                       "celu",
                                       "relu6",
                                       "hardtanh",
                                       "hardswish",
                                       "softshrink",
                                       "hardshrink",
                                       "threshold",
                                       "softsign",
                                       "maxpool2d",
                                       "abs",
                                       "maximum",
                                       "minimum",
                                       "maxpool1d",
                                       "adaptive_maxpool2d",
                                       "reduce_max",
                                       "reduce_min"};
    for (size_t i = 0; i < sizeof bent / sizeof *bent; i++)
        if (fixture_is(spec, bent[i]))
            return true;
    return false;
}

fixture_filling fixture_smooth(const char *spec)
{
    return is_norm(spec) || is_bent(spec) ? FIXTURE_APART : FIXTURE_ANY;
}

bool fixture_draws(const char *spec)
{
    return fixture_is(spec, "gaussian_noise") || (fixture_has(spec, "dropout") && fixture_real(spec, "p", 0.5) > 0);
}

bool fixture_starves(const layer_fixture *l, int n)
{
    return is_batchnorm(l->spec) && n * l->in_size[0] == l->in[0].dim[0];
}

bool fixture_has_kinks(const char *spec) { return fixture_has(spec, "nonlinearity=relu"); }

bool fixture_cannot_evaluate(const char *spec) { return fixture_has(spec, "track_running_stats=false"); }

/* Copies the values of one sample and input: to feed, or from it. */
static void put_row(double *feed, double *x, size_t bytes) { memcpy(feed, x, bytes); }
static void take_row(double *feed, double *x, size_t bytes) { memcpy(x, feed, bytes); }

static void each_row(const layer_fixture *l, const fixture_data *d, void (*copy)(double *feed, double *x, size_t bytes))
{
    double *feed = d->feed;
    for (int s = 0; s < d->n; s++)
        for (int i = 0; i < l->inputs; feed += l->in_size[i++])
            copy(feed, d->x[i] + s * l->in_size[i], (size_t)l->in_size[i] * sizeof *feed);
}

void fixture_feed(const layer_fixture *l, fixture_data *d) { each_row(l, d, put_row); }

/* Layers that numbers below or near 0 make infinite or NaN. */
static bool takes_positive(const char *spec)
{
    return fixture_is(spec, "log") || fixture_is(spec, "sqrt") || fixture_is(spec, "pow") || fixture_is(spec, "div");
}

fixture_data fixture_draw(const layer_fixture *l, fixture_random *r, int n, fixture_filling how)
{
    fixture_data d = {.n = n, .feed = fixture_room(n * l->in_total), .upstream = fixture_room(n * l->out_size)};
    for (int s = 0; s < n; s++)
        fixture_fill(r, how, d.feed + s * l->in_total, l->in_total);
    for (int64_t k = 0; takes_positive(l->spec) && k < n * l->in_total; k++)
        d.feed[k] = fabs(d.feed[k]) + 0.5;
    fixture_fill(r, how == FIXTURE_WHOLE ? how : FIXTURE_ANY, d.upstream, n * l->out_size);
    for (int i = 0; i < l->inputs; i++)
        d.x[i] = fixture_room(n * l->in_size[i]);
    each_row(l, &d, take_row);
    for (int i = 0; i < l->inputs; i++) {
        const int choices = fixture_choices(l->spec, l->shapes, i);
        for (int64_t k = 0; choices && k < n * l->in_size[i]; k++)
            d.x[i][k] = fixture_below(r, choices);
    }
    fixture_feed(l, &d);
    return d;
}

void fixture_drop(const layer_fixture *l, fixture_data *d)
{
    for (int i = 0; i < l->inputs; i++)
        free(d->x[i]);
    free(d->feed);
    free(d->upstream);
}

/* ---- tensors ---- */

static double *take(const layer_fixture *l, const char *of, int64_t *count)
{
    fixture_shape s;
    char name[80];
    snprintf(name, sizeof name, "%s.%s", l->name, of);
    if (sixnet_tensor_shape(l->net, name, s.dim, &s.rank, NULL) == SIXNET_NOT_FOUND)
        return NULL;
    *count = fixture_size(&s);
    double *values = fixture_room(*count);
    CHECK_SIXNET(sixnet_tensor_get_f64(l->net, name, values, *count));
    return values;
}

fixture_tensors fixture_take_tensors(const layer_fixture *l)
{
    int64_t count;
    fixture_tensors t = {0};
    t.weight = take(l, "weight", &t.weights);
    t.bias = take(l, "bias", &t.biases);
    t.mean = take(l, "running_mean", &count);
    t.variance = take(l, "running_var", &count);
    t.value = take(l, "value", &count);
    return t;
}

void fixture_drop_tensors(fixture_tensors *t)
{
    free(t->weight);
    free(t->bias);
    free(t->mean);
    free(t->variance);
    free(t->value);
}

void fixture_fill_tensors(const layer_fixture *l, fixture_random *r, fixture_filling how)
{
    const char *name;
    for (int32_t t = 0; (name = sixnet_tensor_name(l->net, t)); t++) {
        int64_t count = 0;
        double *values = take(l, name + strlen("layer."), &count);
        fixture_fill(r, how == FIXTURE_APART ? FIXTURE_ANY : how, values, count);
        for (int64_t i = 0; (is_recurrent(l->spec) || fixture_is(l->spec, "multihead_attention")) && i < count; i++)
            values[i] /= 4; /* errors grow from step to step */
        for (int64_t i = 0; fixture_has(name, "running_var") && i < count; i++)
            values[i] = fixture_uniform(r, 0.5, 2);
        CHECK_SIXNET(sixnet_tensor_set_f64(l->net, name, values, count));
        free(values);
    }
}

/* ---- oracles by name ---- */

/* What an oracle is given: the magnitudes of all values instead of the values, when bounds are wanted. */
typedef struct question {
    const layer_fixture *l;
    const char *spec;
    int n;
    const double *const *x;
    const double *weight, *bias, *value;
    double *mean, *variance;
    bool training;
    double *y;
    bool magnitudes;
} question;

static int dim(const question *q, int i) { return (int)q->l->in[0].dim[i]; }
static int last(const question *q) { return dim(q, q->l->in[0].rank - 1); }
static int64_t count_of(const question *q) { return q->n * q->l->in_size[0]; }

static void expect_linear(const question *q)
{
    oracle_linear(q->x[0], q->weight, q->bias, q->y, (int)(count_of(q) / last(q)), last(q),
                  fixture_int(q->spec, "out_features", 0, 0));
}

/* The dimension of an input's matrices of matmul, axis 0 or 1 of the last two. */
static int matrix_dim(const layer_fixture *l, int i, int axis) { return (int)l->in[i].dim[l->in[i].rank - 2 + axis]; }

/* How many numbers each result of matmul is a sum of. */
static int inner_dim(const layer_fixture *l)
{
    return matrix_dim(l, 0, fixture_has(l->spec, "transpose_a=true") ? 0 : 1);
}

static void expect_matmul(const question *q)
{
    const layer_fixture *l = q->l;
    bool ta = fixture_has(q->spec, "transpose_a=true"), tb = fixture_has(q->spec, "transpose_b=true");
    int m = matrix_dim(l, 0, ta), n = matrix_dim(l, 1, !tb), k = inner_dim(l);
    int64_t products = l->out_size / (m * n);
    for (int s = 0; s < q->n; s++)
        for (int64_t p = 0; p < products; p++) {
            const double *a = q->x[0] + s * l->in_size[0] + p * m * k % l->in_size[0];
            const double *b = q->x[1] + s * l->in_size[1] + p * k * n % l->in_size[1];
            oracle_matmul(a, b, q->y + s * l->out_size + p * m * n, m, n, k, ta, tb);
        }
}

/* The number of an attribute for rows (axis 0) or columns; an image of one dimension is a single row. */
static int along(const question *q, const char *attribute, int axis, int otherwise)
{
    if (q->l->in[0].rank == 2)
        return axis ? fixture_int(q->spec, attribute, 0, otherwise) : otherwise;
    return fixture_int(q->spec, attribute, axis, otherwise);
}

/* Rows or columns of an image. */
static int extent(const fixture_shape *s, int axis)
{
    return axis == 0 && s->rank == 2 ? 1 : (int)s->dim[s->rank - 2 + axis];
}

/* Of convolutions and transposed ones; padding=same has the half of what a window reaches before an image, rounded down. */
static void expect_conv(const question *q)
{
    const layer_fixture *l = q->l;
    int kernel[2], stride[2], pad[2], dilation[2];
    for (int axis = 0; axis < 2; axis++) {
        kernel[axis] = along(q, "kernel_size", axis, 1);
        stride[axis] = along(q, "stride", axis, 1);
        dilation[axis] = along(q, "dilation", axis, 1);
        pad[axis] = fixture_has(q->spec, "padding=same") ? dilation[axis] * (kernel[axis] - 1) / 2
                                                         : along(q, "padding", axis, 0);
    }
    (fixture_has(q->spec, "transpose") ? oracle_conv_transpose2d : oracle_conv2d)(
        q->x[0], q->weight, q->bias, q->y, q->n, dim(q, 0), extent(&l->in[0], 0), extent(&l->in[0], 1),
        (int)l->out.dim[0], extent(&l->out, 0), extent(&l->out, 1), kernel[0], kernel[1], stride[0], stride[1], pad[0],
        pad[1], dilation[0], dilation[1], fixture_int(q->spec, "groups", 0, 1));
}

static int stride_of(const question *q, int axis)
{
    int stride = along(q, "stride", axis, 0);
    return stride ? stride : along(q, "kernel_size", axis, 1);
}

static void expect_maxpool(const question *q)
{
    const fixture_shape *in = &q->l->in[0];
    oracle_maxpool2d(q->x[0], q->y, q->n, dim(q, 0), extent(in, 0), extent(in, 1), along(q, "kernel_size", 0, 1),
                     along(q, "kernel_size", 1, 1), stride_of(q, 0), stride_of(q, 1), along(q, "padding", 0, 0),
                     along(q, "padding", 1, 0), along(q, "dilation", 0, 1), along(q, "dilation", 1, 1),
                     fixture_has(q->spec, "ceil_mode=true"));
}

static void expect_avgpool(const question *q)
{
    const fixture_shape *in = &q->l->in[0];
    oracle_avgpool2d(q->x[0], q->y, q->n, dim(q, 0), extent(in, 0), extent(in, 1), along(q, "kernel_size", 0, 1),
                     along(q, "kernel_size", 1, 1), stride_of(q, 0), stride_of(q, 1), along(q, "padding", 0, 0),
                     along(q, "padding", 1, 0), fixture_has(q->spec, "ceil_mode=true"),
                     !fixture_has(q->spec, "count_include_pad=false"));
}

static void expect_adaptive_pool(const question *q)
{
    const fixture_shape *in = &q->l->in[0];
    (fixture_has(q->spec, "maxpool") ? oracle_adaptive_maxpool2d : oracle_adaptive_avgpool2d)(
        q->x[0], q->y, q->n, dim(q, 0), extent(in, 0), extent(in, 1), along(q, "output_size", 0, 1),
        along(q, "output_size", 1, 1));
}

/* The word of an attribute among those that are given. */
static const char *word_of(const char *spec, const char *attribute, const char *const *words)
{
    const char *value = find(spec, attribute);
    for (const char *const *w = words + 1; value && *w; w++)
        if (strncmp(value, *w, strlen(*w)) == 0)
            return *w;
    return words[0];
}

static void expect_pad(const question *q)
{
    static const char *const modes[] = {"constant", "reflect", "replicate", NULL};
    double sides[64];
    int side[4] = {0};
    const fixture_shape *in = &q->l->in[0];
    const int count = fixture_list(q->spec, "padding", sides), h = in->rank > 1 ? (int)in->dim[in->rank - 2] : 1;
    for (int i = 0; i < count; i++)
        side[i] = (int)sides[i];
    oracle_pad(q->x[0], q->y, (int)(count_of(q) / (h * last(q))), h, last(q), side, word_of(q->spec, "mode", modes),
               fixture_real(q->spec, "value", 0));
}

static void expect_pixel_shuffle(const question *q)
{
    const bool back = fixture_is(q->spec, "pixel_unshuffle");
    const fixture_shape *small = back ? &q->l->out : &q->l->in[0], *large = back ? &q->l->in[0] : &q->l->out;
    oracle_pixel_shuffle(back ? q->y : q->x[0], back ? (double *)q->x[0] : q->y, q->n, (int)large->dim[0],
                         (int)small->dim[1], (int)small->dim[2], (int)(large->dim[1] / small->dim[1]), back);
}

static void expect_unfold(const question *q)
{
    int of[4][2];
    static const char *const names[] = {"kernel_size", "stride", "padding", "dilation"};
    for (int k = 0; k < 4; k++)
        for (int axis = 0; axis < 2; axis++)
            of[k][axis] = fixture_int(q->spec, names[k], axis, k != 2);
    oracle_unfold(q->x[0], q->y, q->n, dim(q, 0), dim(q, 1), dim(q, 2), of[0], of[1], of[2], of[3]);
}

static void expect_upsample(const question *q)
{
    static const char *const modes[] = {"nearest", "linear", "bilinear", NULL};
    const fixture_shape *in = &q->l->in[0], *out = &q->l->out;
    oracle_upsample(q->x[0], q->y, q->n * dim(q, 0), extent(in, 0), extent(in, 1), extent(out, 0), extent(out, 1),
                    fixture_real(q->spec, "scale_factor", 0), word_of(q->spec, "mode", modes),
                    fixture_has(q->spec, "align_corners=true"));
}

static void expect_batchnorm(const question *q)
{
    oracle_batchnorm(q->x[0], q->weight, q->bias, q->mean, q->variance, q->y, q->n, dim(q, 0),
                     (int)(q->l->in_size[0] / dim(q, 0)), q->training, fixture_real(q->spec, "momentum", 0.1),
                     fixture_real(q->spec, "eps", 1e-5));
}

/* How many values a layernorm's row has: the product of normalized_shape. */
static int row_of(const char *spec)
{
    const char *value = find(spec, "normalized_shape");
    int size = 1;
    for (char *end; value; value = *end == 'x' ? end + 1 : NULL)
        size *= (int)strtol(value, &end, 10);
    return size;
}

static void expect_layernorm(const question *q)
{
    int size = row_of(q->spec);
    oracle_layernorm(q->x[0], q->weight, q->bias, q->y, (int)(count_of(q) / size), size,
                     fixture_real(q->spec, "eps", 1e-5));
}

/* Of a groupnorm; an instancenorm has a set for each channel. */
static int sets_of(const layer_fixture *l)
{
    return fixture_has(l->spec, "instancenorm") ? (int)l->in[0].dim[0] : fixture_int(l->spec, "num_groups", 0, 1);
}

static void expect_lrn(const question *q)
{
    oracle_local_response_norm(q->x[0], q->y, q->n, dim(q, 0), (int)(q->l->in_size[0] / dim(q, 0)),
                               fixture_int(q->spec, "size", 0, 1), fixture_real(q->spec, "alpha", 1e-4),
                               fixture_real(q->spec, "beta", 0.75), fixture_real(q->spec, "k", 1));
}

static void expect_groupnorm(const question *q)
{
    oracle_groupnorm(q->x[0], q->weight, q->bias, q->y, q->n, dim(q, 0), (int)(q->l->in_size[0] / dim(q, 0)),
                     sets_of(q->l), fixture_real(q->spec, "eps", 1e-5));
}

/* The dimension of softmax, concat or split, and the products of those before (with the samples) and after. */
static int axis_of(const question *q, int otherwise, int64_t *outer, int64_t *inner)
{
    int rank = q->l->in[0].rank, d = fixture_int(q->spec, "dim", 0, otherwise);
    d = d < 0 ? d + rank : d;
    *outer = q->n;
    *inner = 1;
    for (int i = 0; i < rank; i++)
        *(i < d ? outer : inner) *= i == d ? 1 : q->l->in[0].dim[i];
    return d;
}

static void expect_softmin(const question *q)
{
    int64_t outer, inner, count = count_of(q);
    int d = axis_of(q, -1, &outer, &inner);
    for (int64_t i = 0; i < count; i++)
        q->y[i] = -q->x[0][i];
    oracle_softmax(q->y, outer, q->l->in[0].dim[d], inner, q->y);
}

static void expect_softmax(const question *q)
{
    int64_t outer, inner;
    int d = axis_of(q, -1, &outer, &inner);
    (fixture_is(q->spec, "softmax") ? oracle_softmax : oracle_log_softmax)(q->x[0], outer, q->l->in[0].dim[d], inner,
                                                                           q->y);
}

static void expect_concat(const question *q)
{
    int64_t outer, inner;
    int d = axis_of(q, 0, &outer, &inner), dims[FIXTURE_INPUTS];
    for (int i = 0; i < q->l->inputs; i++)
        dims[i] = (int)q->l->in[i].dim[d];
    oracle_concat(q->x, dims, q->l->inputs, q->y, (int)outer, (int)inner);
}

static void expect_split(const question *q)
{
    int64_t outer, inner;
    double sizes[64];
    int dims[64], count = fixture_list(q->spec, "sizes", sizes);
    axis_of(q, 0, &outer, &inner);
    for (int i = 0; i < count; i++)
        dims[i] = (int)sizes[i];
    oracle_split(q->x[0], dims, count, q->y, q->n, (int)(outer / q->n), (int)inner);
}

static void expect_constant(const question *q)
{
    for (int s = 0; s < q->n; s++)
        for (int64_t i = 0; i < q->l->in_size[0]; i++)
            q->y[s * q->l->in_size[0] + i] = q->x[0][s * q->l->in_size[0] + i] * q->value[i];
}

static void expect_embedding(const question *q)
{
    oracle_embedding(q->x[0], q->weight, q->y, (int)count_of(q), fixture_int(q->spec, "embedding_dim", 0, 0));
}

/* The samples one after another, with all inputs' shapes filled up with 1 to the output's rank. */
static void expect_arithmetic(const question *q)
{
    const layer_fixture *l = q->l;
    int64_t dims[FIXTURE_INPUTS][8];
    for (int i = 0; i < l->inputs; i++)
        for (int d = 0; d < l->out.rank; d++) {
            const int own = d - (l->out.rank - l->in[i].rank);
            dims[i][d] = own < 0 ? 1 : l->in[i].dim[own];
        }
    for (int s = 0; s < q->n; s++) {
        const double *x[FIXTURE_INPUTS];
        for (int i = 0; i < l->inputs; i++)
            x[i] = q->x[i] + s * l->in_size[i];
        oracle_arithmetic(q->magnitudes && fixture_is(q->spec, "sub") ? "add" : q->spec, x, dims, l->inputs,
                          q->y + s * l->out_size, l->out.dim, l->out.rank);
    }
}

/* A dimension as text has it, counted from the first. */
static int dim_from(const question *q, double d) { return (int)(d < 0 ? d + q->l->in[0].rank : d); }

static void expect_rearranged(const question *q)
{
    const layer_fixture *l = q->l;
    const int rank = l->in[0].rank, d = dim_from(q, fixture_int(q->spec, "dim", 0, 0));
    const int a = dim_from(q, fixture_int(q->spec, "dim0", 0, 0)), b = dim_from(q, fixture_int(q->spec, "dim1", 0, 0));
    double list[64];
    oracle_axis axis[8];
    for (int i = 0; i < rank; i++)
        axis[i] = (oracle_axis){i, 0, 1, NULL};
    if (fixture_list(q->spec, "dims", list))
        for (int i = 0; i < rank; i++)
            axis[i].from = dim_from(q, list[i]);
    axis[a].from = fixture_is(q->spec, "transpose") ? b : axis[a].from;
    axis[b].from = fixture_is(q->spec, "transpose") ? a : axis[b].from;
    if (fixture_is(q->spec, "slice")) {
        const int start = fixture_int(q->spec, "start", 0, 0);
        axis[d].start = start < 0 ? start + l->in[0].dim[d] : start;
        axis[d].step = fixture_int(q->spec, "step", 0, 1);
    }
    if (fixture_list(q->spec, "index", list))
        axis[d].index = list;
    for (int s = 0; s < q->n; s++)
        oracle_rearrange(q->x[0] + s * l->in_size[0], l->in[0].dim, rank, axis, l->out.dim, q->y + s * l->out_size);
}

static void expect_reduced(const question *q)
{
    const layer_fixture *l = q->l;
    char kind[32];
    double dims[64];
    const int count = fixture_list(q->spec, "dim", dims);
    int reduced[8] = {0};
    snprintf(kind, sizeof kind, "%.*s", (int)strcspn(q->spec, " "), q->spec);
    for (int d = 0; d < l->in[0].rank; d++)
        reduced[d] = count == 0;
    for (int i = 0; i < count; i++)
        reduced[dim_from(q, dims[i])] = 1;
    for (int s = 0; s < q->n; s++)
        oracle_reduce(kind, q->x[0] + s * l->in_size[0], l->in[0].dim, l->in[0].rank, reduced, q->y + s * l->out_size);
}

static void expect_cosine_similarity(const question *q)
{
    int64_t outer, inner;
    const int d = axis_of(q, 0, &outer, &inner);
    oracle_cosine_similarity(q->x[0], q->x[1], outer, q->l->in[0].dim[d], inner, fixture_real(q->spec, "eps", 1e-8),
                             q->y);
    for (int64_t i = 0; q->magnitudes && i < outer * inner; i++)
        q->y[i] = 1;
}

static void expect_function(const question *q)
{
    char kind[32];
    const double a = fixture_real(q->spec, fixture_is(q->spec, "pow") ? "exponent" : "a", 1),
                 b = fixture_real(q->spec, "b", 0);
    snprintf(kind, sizeof kind, "%.*s", (int)strcspn(q->spec, " "), q->spec);
    for (int64_t i = 0; i < count_of(q); i++)
        q->y[i] = oracle_function(kind, q->x[0][i], q->magnitudes ? fabs(a) : a, q->magnitudes ? fabs(b) : b);
}

static void expect_same(const question *q) { memcpy(q->y, q->x[0], (size_t)count_of(q) * sizeof *q->y); }
static void expect_relu(const question *q) { oracle_relu(q->x[0], count_of(q), q->y); }
static void expect_sigmoid(const question *q) { oracle_sigmoid(q->x[0], count_of(q), q->y); }
static void expect_tanh(const question *q) { oracle_tanh(q->x[0], count_of(q), q->y); }
static void expect_silu(const question *q) { oracle_silu(q->x[0], count_of(q), q->y); }

static void expect_leaky_relu(const question *q)
{
    oracle_leaky_relu(q->x[0], count_of(q), fixture_real(q->spec, "negative_slope", 0.01), q->y);
}

/* Attributes of activations, with their defaults. */
static const struct activation {
    const char *kind, *a, *b;
    double a_default, b_default;
} activations[] = {
    {"elu", "alpha", "", 1, 0},
    {"celu", "alpha", "", 1, 0},
    {"hardtanh", "min_val", "max_val", -1, 1},
    {"softplus", "beta", "threshold", 1, 20},
    {"threshold", "threshold", "value", 0, 0},
    {"softshrink", "lambd", "", 0.5, 0},
    {"hardshrink", "lambd", "", 0.5, 0},
};

static void expect_activation(const question *q)
{
    char kind[32];
    double a = 0, b = 0;
    snprintf(kind, sizeof kind, "%.*s", (int)strcspn(q->spec, " "), q->spec);
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (strcmp(kind, activations[i].kind) == 0) {
            a = fixture_real(q->spec, activations[i].a, activations[i].a_default);
            b = fixture_real(q->spec, activations[i].b, activations[i].b_default);
        }
    for (int64_t i = 0; i < count_of(q); i++)
        q->y[i] = oracle_activation(kind, q->x[0][i], a, b);
}

static void expect_prelu(const question *q)
{
    oracle_prelu(q->x[0], q->weight, fixture_int(q->spec, "num_parameters", 0, 1), q->n, dim(q, 0),
                 q->l->in_size[0] / dim(q, 0), q->y);
}

static void expect_glu(const question *q)
{
    int64_t outer, inner;
    int d = axis_of(q, -1, &outer, &inner);
    oracle_glu(q->x[0], outer, q->l->in[0].dim[d] / 2, inner, q->y);
}

static void expect_gelu(const question *q)
{
    (fixture_has(q->spec, "approximate=tanh") ? oracle_gelu_tanh : oracle_gelu)(q->x[0], count_of(q), q->y);
}

/* The tensors of a recurrent layer, four for each layer and direction; NULL for biases that are not there. */
static int take_recurrent(const layer_fixture *l, const oracle_recurrent *r, double **tensor)
{
    static const char *const names[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    int count = 0;
    int64_t size;
    for (int layer = 0; layer < r->layers; layer++)
        for (int d = 0; d <= r->bidirectional; d++)
            for (int i = 0; i < 4; i++) {
                char name[60];
                snprintf(name, sizeof name, "%s_l%d%s", names[i], layer, d ? "_reverse" : "");
                tensor[count++] = take(l, name, &size);
            }
    return count;
}

static oracle_recurrent recurrent_of(const layer_fixture *l)
{
    const char *s = l->spec;
    return (oracle_recurrent){
        .cell = fixture_is(s, "lstm")                 ? ORACLE_LSTM
                : fixture_is(s, "gru")                ? ORACLE_GRU
                : fixture_has(s, "nonlinearity=relu") ? ORACLE_RNN_RELU
                                                      : ORACLE_RNN_TANH,
        .steps = (int)l->in[0].dim[0],
        .features = (int)l->in[0].dim[1],
        .hidden = fixture_int(s, "hidden_size", 0, 0),
        .layers = fixture_int(s, "num_layers", 0, 1),
        .bidirectional = fixture_has(s, "bidirectional=true"),
    };
}

static void expect_recurrent(const question *q)
{
    const layer_fixture *l = q->l;
    const oracle_recurrent r = recurrent_of(l);
    double *tensor[64];
    const int tensors = take_recurrent(l, &r, tensor), lengths = l->inputs > 1 && l->in[1].rank == 1;
    const int state = l->inputs > 1 + lengths ? 1 + lengths : 0;
    for (int s = 0; s < q->n; s++) {
        const double *h_0 = state ? q->x[state] + s * l->in_size[state] : NULL;
        const double *c_0 = state && r.cell == ORACLE_LSTM ? q->x[state + 1] + s * l->in_size[state] : NULL;
        oracle_recurrent_sample(&r, (const double *const *)tensor, q->x[0] + s * l->in_size[0],
                                lengths ? (int)q->x[1][s] : r.steps, h_0, c_0, q->y + s * l->out_size);
    }
    for (int i = 0; i < tensors; i++)
        free(tensor[i]);
}

static void expect_attention(const question *q)
{
    static const char *const names[] = {"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"};
    const layer_fixture *l = q->l;
    const int last_input = l->inputs - 1, lengths = fixture_choices(q->spec, l->shapes, last_input) ? last_input : 0;
    const int sequences = lengths ? lengths : l->inputs, key = sequences > 1 ? 1 : 0, value = sequences > 2 ? 2 : key;
    const oracle_attention a = {(int)l->in[0].dim[0], (int)l->in[key].dim[0], (int)l->in[0].dim[1],
                                fixture_int(q->spec, "num_heads", 0, 1), fixture_has(q->spec, "causal=true")};
    double *tensor[4];
    int64_t size;
    for (int i = 0; i < 4; i++)
        tensor[i] = take(l, names[i], &size);
    for (int s = 0; s < q->n; s++)
        oracle_attention_sample(&a, (const double *const *)tensor, q->x[0] + s * l->in_size[0],
                                q->x[key] + s * l->in_size[key], q->x[value] + s * l->in_size[value],
                                lengths ? (int)q->x[lengths][s] : a.keys, q->y + s * l->out_size);
    for (int i = 0; i < 4; i++)
        free(tensor[i]);
}

static void expect_positional_encoding(const question *q)
{
    oracle_positional_encoding(q->x[0], q->weight, q->y, q->n, dim(q, 0), dim(q, 1));
}

static void expect_rmsnorm(const question *q)
{
    int size = row_of(q->spec);
    oracle_rmsnorm(q->x[0], q->weight, q->y, (int)(count_of(q) / size), size, fixture_real(q->spec, "eps", 0x1p-23));
}

/* ---- bounds ---- */

/* How far rounding can take a result. */
typedef enum bound_style {
    NO_ROUNDING, /* not at all */
    SUM, /* by units of each term: the oracle of the inputs' and tensors' magnitudes, with positive factors, is their sum */
    VALUE, /* by a few units of the result */
    SOFT,  /* as softmax */
    NORM,  /* as a norm */
    STEPS, /* by each of some steps, each of which takes sums */
} bound_style;

static const struct oracle {
    const char *kind;
    void (*expect)(const question *q);
    bound_style style;
} oracles[] = {
    {"input", expect_same, NO_ROUNDING},
    {"flatten", expect_same, NO_ROUNDING},
    {"reshape", expect_same, NO_ROUNDING},
    {"dropout", expect_same, NO_ROUNDING},
    {"dropout1d", expect_same, NO_ROUNDING},
    {"dropout2d", expect_same, NO_ROUNDING},
    {"alpha_dropout", expect_same, NO_ROUNDING},
    {"gaussian_noise", expect_same, NO_ROUNDING},
    {"relu", expect_relu, NO_ROUNDING},
    {"pad", expect_pad, NO_ROUNDING},
    {"pixel_shuffle", expect_pixel_shuffle, NO_ROUNDING},
    {"pixel_unshuffle", expect_pixel_shuffle, NO_ROUNDING},
    {"unfold", expect_unfold, NO_ROUNDING},
    {"upsample", expect_upsample, SUM},
    {"maxpool1d", expect_maxpool, NO_ROUNDING},
    {"maxpool2d", expect_maxpool, NO_ROUNDING},
    {"adaptive_maxpool2d", expect_adaptive_pool, NO_ROUNDING},
    {"concat", expect_concat, NO_ROUNDING},
    {"split", expect_split, NO_ROUNDING},
    {"constant", expect_constant, VALUE},
    {"embedding", expect_embedding, NO_ROUNDING},
    {"linear", expect_linear, SUM},
    {"matmul", expect_matmul, SUM},
    {"conv1d", expect_conv, SUM},
    {"conv2d", expect_conv, SUM},
    {"conv_transpose1d", expect_conv, SUM},
    {"conv_transpose2d", expect_conv, SUM},
    {"avgpool1d", expect_avgpool, SUM},
    {"avgpool2d", expect_avgpool, SUM},
    {"adaptive_avgpool1d", expect_adaptive_pool, SUM},
    {"adaptive_avgpool2d", expect_adaptive_pool, SUM},
    {"add", expect_arithmetic, SUM},
    {"sub", expect_arithmetic, SUM},
    {"mul", expect_arithmetic, SUM},
    {"div", expect_arithmetic, VALUE},
    {"maximum", expect_arithmetic, NO_ROUNDING},
    {"minimum", expect_arithmetic, NO_ROUNDING},
    {"permute", expect_rearranged, NO_ROUNDING},
    {"transpose", expect_rearranged, NO_ROUNDING},
    {"slice", expect_rearranged, NO_ROUNDING},
    {"gather", expect_rearranged, NO_ROUNDING},
    {"squeeze", expect_same, NO_ROUNDING},
    {"unsqueeze", expect_same, NO_ROUNDING},
    {"reduce_sum", expect_reduced, SUM},
    {"reduce_mean", expect_reduced, SUM},
    {"reduce_max", expect_reduced, NO_ROUNDING},
    {"reduce_min", expect_reduced, NO_ROUNDING},
    {"cosine_similarity", expect_cosine_similarity, SUM},
    {"exp", expect_function, VALUE},
    {"log", expect_function, VALUE},
    {"sqrt", expect_function, VALUE},
    {"abs", expect_function, NO_ROUNDING},
    {"neg", expect_function, NO_ROUNDING},
    {"scale", expect_function, SUM},
    {"pow", expect_function, VALUE},
    {"leaky_relu", expect_leaky_relu, VALUE},
    {"sigmoid", expect_sigmoid, VALUE},
    {"tanh", expect_tanh, VALUE},
    {"gelu", expect_gelu, VALUE},
    {"silu", expect_silu, VALUE},
    {"elu", expect_activation, VALUE},
    {"selu", expect_activation, VALUE},
    {"celu", expect_activation, VALUE},
    {"relu6", expect_activation, VALUE},
    {"hardtanh", expect_activation, VALUE},
    {"hardsigmoid", expect_activation, VALUE},
    {"hardswish", expect_activation, VALUE},
    {"softplus", expect_activation, VALUE},
    {"logsigmoid", expect_activation, VALUE},
    {"softsign", expect_activation, VALUE},
    {"mish", expect_activation, VALUE},
    {"threshold", expect_activation, VALUE},
    {"tanhshrink", expect_activation, VALUE},
    {"softshrink", expect_activation, VALUE},
    {"hardshrink", expect_activation, VALUE},
    {"prelu", expect_prelu, VALUE},
    {"glu", expect_glu, VALUE},
    {"softmax", expect_softmax, SOFT},
    {"softmin", expect_softmin, SOFT},
    {"log_softmax", expect_softmax, SOFT},
    {"batchnorm1d", expect_batchnorm, NORM},
    {"batchnorm2d", expect_batchnorm, NORM},
    {"rnn", expect_recurrent, STEPS},
    {"lstm", expect_recurrent, STEPS},
    {"gru", expect_recurrent, STEPS},
    {"multihead_attention", expect_attention, STEPS},
    {"positional_encoding", expect_positional_encoding, STEPS},
    {"rmsnorm", expect_rmsnorm, NORM},
    {"layernorm", expect_layernorm, NORM},
    {"groupnorm", expect_groupnorm, NORM},
    {"instancenorm1d", expect_groupnorm, NORM},
    {"instancenorm2d", expect_groupnorm, NORM},
    {"local_response_norm", expect_lrn, VALUE},
};

static const struct oracle *oracle_of(const char *spec)
{
    for (size_t i = 0; i < sizeof oracles / sizeof *oracles; i++)
        if (fixture_is(spec, oracles[i].kind))
            return &oracles[i];
    fixture_fail("'%s' has no oracle", spec);
}

bool fixture_expect(const layer_fixture *l, const fixture_data *d, fixture_tensors *t, bool training, double *y)
{
    question q = {l,           l->spec,  d->n,     (const double *const *)d->x,
                  t->weight,   t->bias,  t->value, t->mean,
                  t->variance, training, y,        false};
    if (training && fixture_draws(l->spec))
        return false;
    oracle_of(l->spec)->expect(&q);
    return true;
}

/* How many numbers each result is a sum of. */
static double terms_of(const layer_fixture *l)
{
    const char *s = l->spec;
    double window = fixture_int(s, "kernel_size", 0, 1) * fixture_int(s, "kernel_size", 1, 1);
    if (fixture_has(s, "conv"))
        return 1 + window * (double)(l->in[0].dim[0] / fixture_int(s, "groups", 0, 1));
    if (fixture_is(s, "linear"))
        return 1 + (double)l->in[0].dim[l->in[0].rank - 1];
    if (fixture_is(s, "matmul"))
        return inner_dim(l);
    if (fixture_has(s, "reduce_") || fixture_is(s, "cosine_similarity"))
        return (double)l->in_size[0];
    return fixture_has(s, "adaptive") ? (double)(l->in_size[0] / l->in[0].dim[0]) : fmax(window, l->inputs);
}

static double *magnitudes(const double *values, int64_t count)
{
    double *copy = values ? copy_of(values, count) : NULL;
    for (int64_t i = 0; values && i < count; i++)
        copy[i] = fabs(copy[i]);
    return copy;
}

static void bound_sums(const layer_fixture *l, const fixture_data *d, const fixture_tensors *t, double unit,
                       double *bound)
{
    double *x[FIXTURE_INPUTS], *weight = magnitudes(t->weight, t->weights), *bias = magnitudes(t->bias, t->biases);
    for (int i = 0; i < l->inputs; i++)
        x[i] = magnitudes(d->x[i], d->n * l->in_size[i]);
    question q = {l, l->spec, d->n, (const double *const *)x, weight, bias, NULL, NULL, NULL, true, bound, true};
    oracle_of(l->spec)->expect(&q);
    for (int64_t i = 0; i < d->n * l->out_size; i++)
        bound[i] *= (terms_of(l) + 10) * unit;
    for (int i = 0; i < l->inputs; i++)
        free(x[i]);
    free(weight);
    free(bias);
}

static double largest_of(const double *values, int64_t count, double otherwise)
{
    double most = values ? 0 : otherwise;
    for (int64_t i = 0; values && i < count; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

static void bound_soft(const layer_fixture *l, const fixture_data *d, const double *y, double unit, double *bound)
{
    double most = largest_of(d->x[0], d->n * l->in_size[0], 0);
    double factor = unit * ((double)l->in_size[0] + 20 + 2 * most);
    for (int64_t i = 0; i < d->n * l->out_size; i++)
        bound[i] = factor * (fixture_is(l->spec, "softmax") || fixture_is(l->spec, "softmin")
                                 ? y[i]
                                 : fabs(d->x[0][i]) + most + fabs(y[i]));
}

/* A set of values that are normalised together: `runs` of `length`, `stride` apart, from `first`. */
typedef struct values_set {
    int64_t first, runs, length, stride;
} values_set;

static void bound_set(const layer_fixture *l, const fixture_data *d, const fixture_tensors *t, const values_set *s,
                      double unit, double *bound)
{
    int64_t channels = l->in[0].dim[0], weights = t->weights ? t->weights : channels;
    double weight = largest_of(t->weight, weights, 1), bias = largest_of(t->bias, weights, 0),
           count = (double)(s->runs * s->length);
    double mean = 0, variance = 0, most = 0;
    for (int64_t r = 0; r < s->runs; r++)
        for (int64_t i = 0; i < s->length; i++) {
            mean += d->x[0][s->first + r * s->stride + i] / count;
            most = fmax(most, fabs(d->x[0][s->first + r * s->stride + i]));
        }
    for (int64_t r = 0; r < s->runs; r++)
        for (int64_t i = 0; i < s->length; i++)
            variance += pow(d->x[0][s->first + r * s->stride + i] - mean, 2) / count;
    /* sums are taken in blocks of 64 values, each in four chains */
    double terms = fmin(count, 20 + count / 64) + 10, inverse = 1 / sqrt(variance + fixture_real(l->spec, "eps", 1e-5));
    for (int64_t r = 0; r < s->runs; r++)
        for (int64_t i = s->first + r * s->stride; i < s->first + r * s->stride + s->length; i++)
            bound[i] = terms * unit * (2 * (fabs(d->x[0][i]) + most) * inverse * weight + bias);
}

static void bound_norm(const layer_fixture *l, const fixture_data *d, const fixture_tensors *t, double unit,
                       double *bound)
{
    int64_t channels = l->in[0].dim[0], size = l->in_size[0], total = d->n * size;
    int64_t length = fixture_has(l->spec, "normalized_shape") ? row_of(l->spec) : size / sets_of(l);
    for (int64_t c = 0; is_batchnorm(l->spec) && c < channels; c++)
        bound_set(l, d, t, &(values_set){c * (size / channels), d->n, size / channels, size}, unit, bound);
    for (int64_t first = 0; !is_batchnorm(l->spec) && first < total; first += length)
        bound_set(l, d, t, &(values_set){first, 1, length, 0}, unit, bound);
}

/* Batch norm in evaluation. */
static void bound_scaling(const layer_fixture *l, const fixture_data *d, const fixture_tensors *t, double unit,
                          double *bound)
{
    int64_t channels = l->in[0].dim[0], space = l->in_size[0] / channels;
    for (int64_t i = 0; i < d->n * l->out_size; i++) {
        int64_t c = i / space % channels;
        double scale = (t->weight ? fabs(t->weight[c]) : 1) / sqrt(t->variance[c]);
        bound[i] = 10 * unit * ((fabs(d->x[0][i]) + fabs(t->mean[c])) * scale + (t->bias ? fabs(t->bias[c]) : 0));
    }
}

static void bound_steps(const layer_fixture *l, const fixture_data *d, const double *y, double unit, double *bound)
{
    const double steps = (double)l->in[0].dim[0] * fixture_int(l->spec, "num_layers", 0, 1);
    const double terms = 20 + (double)l->in[0].dim[1] + 2 * fixture_int(l->spec, "hidden_size", 0, 8);
    const double most = largest_of(y, d->n * l->out_size, 1);
    for (int64_t i = 0; i < d->n * l->out_size; i++)
        bound[i] = 4 * steps * terms * unit * fmax(1, most);
}

void fixture_bounds(const layer_fixture *l, const fixture_data *d, const fixture_tensors *t, bool training,
                    const double *y, double unit, double *bound)
{
    bound_style style = oracle_of(l->spec)->style;
    for (int64_t i = 0; i < d->n * l->out_size; i++)
        bound[i] = style == VALUE ? 20 * unit * fabs(y[i]) : 0;
    if (style == SUM)
        bound_sums(l, d, t, unit, bound);
    else if (style == STEPS)
        bound_steps(l, d, y, unit, bound);
    else if (style == SOFT)
        bound_soft(l, d, y, unit, bound);
    else if (style == NORM && !training && is_batchnorm(l->spec))
        bound_scaling(l, d, t, unit, bound);
    else if (style == NORM)
        bound_norm(l, d, t, unit, bound);
}

static bool is_power_of_two(int64_t k) { return (k & (k - 1)) == 0; }

/* Means over numbers of values that are not powers of two are rounded. */
static bool has_exact_mean(const char *s)
{
    bool inside = !fixture_has(s, "padding") && !fixture_has(s, "ceil_mode");
    return fixture_is(s, "avgpool2d") && inside &&
           is_power_of_two(fixture_int(s, "kernel_size", 0, 0) * fixture_int(s, "kernel_size", 1, 0));
}

bool fixture_exact(const char *spec)
{
    static const char *const exact[] = {"input",
                                        "flatten",
                                        "reshape",
                                        "relu",
                                        "maxpool2d",
                                        "concat",
                                        "split",
                                        "constant",
                                        "embedding",
                                        "linear",
                                        "matmul",
                                        "conv2d",
                                        "permute",
                                        "transpose",
                                        "slice",
                                        "gather",
                                        "squeeze",
                                        "unsqueeze",
                                        "reduce_sum",
                                        "add",
                                        "mul",
                                        "conv1d",
                                        "conv_transpose1d",
                                        "conv_transpose2d",
                                        "sub",
                                        "maximum",
                                        "minimum",
                                        "abs",
                                        "neg",
                                        "maxpool1d",
                                        "adaptive_maxpool2d",
                                        "pad",
                                        "pixel_shuffle",
                                        "pixel_unshuffle",
                                        "unfold"};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (fixture_is(spec, exact[i]))
            return true;
    return has_exact_mean(spec);
}

/* ---- passes ---- */

void fixture_forward(const layer_fixture *l, const fixture_data *d, double *y)
{
    CHECK_SIXNET(sixnet_model_forward_f64(l->net, d->feed, d->n));
    CHECK_SIXNET(sixnet_node_values_f64(l->net, l->result, y, d->n * l->out_size));
}

static double *take_gradient(const layer_fixture *l, const char *of, int64_t *count)
{
    double *values = take(l, of, count);
    char name[80];
    snprintf(name, sizeof name, "%s.%s", l->name, of);
    if (values)
        CHECK_SIXNET(sixnet_tensor_gradient_f64(l->net, name, values, *count));
    return values;
}

fixture_gradients fixture_backward(const layer_fixture *l, const fixture_data *d)
{
    fixture_gradients g = {0};
    CHECK_SIXNET(sixnet_model_forward_f64(l->net, d->feed, d->n));
    CHECK_SIXNET(sixnet_model_zero_grad(l->net));
    CHECK_SIXNET(sixnet_model_backward_from_f64(l->net, d->upstream));
    for (int i = 0; i < l->inputs; i++) {
        g.x[i] = fixture_room(d->n * l->in_size[i]);
        CHECK_SIXNET(sixnet_node_gradient_f64(l->net, l->input[i], g.x[i], d->n * l->in_size[i]));
    }
    g.weight = take_gradient(l, "weight", &g.weights);
    g.bias = take_gradient(l, "bias", &g.biases);
    return g;
}

void fixture_drop_gradients(fixture_gradients *g)
{
    for (int i = 0; i < FIXTURE_INPUTS; i++)
        free(g->x[i]);
    free(g->weight);
    free(g->bias);
}

const char *const *fixture_isas(void)
{
    static const char *const all[] = {"isa=baseline", "isa=avx2", "isa=avx512", "isa=neon"};
    static const char *found[5];
    int count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sixnet_context *ctx;
        int32_t status = sixnet_context_new(&ctx, all[i]);
        if (status != SIXNET_UNSUPPORTED) {
            CHECK_SIXNET(status);
            found[count++] = all[i];
            sixnet_context_free(ctx);
        }
    }
    found[count] = NULL;
    return found;
}
