/* SPDX-License-Identifier: MIT */
/* Every layer in f64: forward against the oracles, gradients against the four-point stencil. */

#include "layer_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- every kind has a case ---- */

static bool has_case(const char *kind)
{
    fixture_spec_room room;
    for (int i = 0; i < fixture_case_count(); i++)
        if (fixture_is(fixture_case_at(i, &room).spec, kind))
            return true;
    return false;
}

static void test_every_layer_has_a_case(void **state)
{
    (void)state;
    const char *kind;
    int32_t kinds = 0;
    for (; (kind = sixnet_kind_field("layer", kinds, "name")); kinds++)
        if (!has_case(kind))
            fail_msg("%s: no case in layer_cases.c", kind);
    assert_true(kinds >= 25);
}

/* ---- each case with several numbers of samples ---- */

typedef void check_fn(layer_fixture *l, fixture_random *r, int n);

static void each_count(layer_fixture *l, const fixture_case *c, fixture_random *r, check_fn *check)
{
    static const int counts[] = {1, 16, 20, 33};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        int n = c->n ? c->n : counts[k];
        if (fixture_quick() && n == 16)
            continue;
        fixture_title("'%s' on %s, %d samples", c->spec, c->shapes, n);
        check(l, r, n);
        if (c->n)
            break;
    }
}

static void each_case(check_fn *check)
{
    fixture_spec_room room;
    for (int i = 0; i < fixture_case_count(); i++) {
        fixture_case c = fixture_case_at(i, &room);
        fixture_random r = {(uint64_t)i};
        if (fixture_skips(i))
            continue;
        fixture_title("'%s' on %s", c.spec, c.shapes);
        layer_fixture l = fixture_open("dtype=f64", &c, NULL);
        fixture_fill_tensors(&l, &r, FIXTURE_ANY);
        each_count(&l, &c, &r, check);
        fixture_close(&l);
    }
}

/* ---- forward ---- */

static void compare(const layer_fixture *l, const fixture_data *d, const fixture_tensors *t, bool training,
                    const double *y, const double *expected)
{
    double *bound = fixture_room(d->n * l->out_size);
    fixture_bounds(l, d, t, training, expected, 0x1p-53, bound);
    for (int64_t i = 0; i < d->n * l->out_size; i++) {
        double deviation = fabs(y[i] - expected[i]);
        if (!(deviation <= 1e-12 * fmax(1, fabs(expected[i])) && deviation <= 8 * bound[i]))
            fixture_fail("%s: value %lld is %.17g, not %.17g (the bound is %g)", training ? "forward" : "predict",
                         (long long)i, y[i], expected[i], bound[i]);
    }
    free(bound);
}

static void compare_statistics(const char *what, const double *now, const double *expected, int64_t channels)
{
    for (int64_t c = 0; now && c < channels; c++)
        if (!(fabs(now[c] - expected[c]) <= 1e-12 * fmax(1, fabs(expected[c]))))
            fixture_fail("%s[%lld] is %.17g, not %.17g", what, (long long)c, now[c], expected[c]);
}

/* One value a channel cannot be normalised by the batch. */
static void check_starved(layer_fixture *l, fixture_random *r, int n)
{
    fixture_data d = fixture_draw(l, r, n, FIXTURE_ANY);
    fixture_tensors before = fixture_take_tensors(l);
    assert_int_equal(sixnet_model_forward_f64(l->net, d.feed, n), SIXNET_BAD_SHAPE);
    fixture_tensors after = fixture_take_tensors(l);
    compare_statistics("running_mean", after.mean, before.mean, l->in[0].dim[0]);
    fixture_drop_tensors(&before);
    fixture_drop_tensors(&after);
    fixture_drop(l, &d);
}

static void check_forward(layer_fixture *l, fixture_random *r, int n)
{
    if (fixture_starves(l, n)) {
        check_starved(l, r, n);
        return;
    }
    fixture_data d = fixture_draw(l, r, n, FIXTURE_ANY);
    fixture_tensors t = fixture_take_tensors(l);
    double *y = fixture_room(n * l->out_size), *expected = fixture_room(n * l->out_size);
    fixture_forward(l, &d, y);
    if (fixture_expect(l, &d, &t, true, expected))
        compare(l, &d, &t, true, y, expected);
    fixture_tensors after = fixture_take_tensors(l);
    compare_statistics("running_mean", after.mean, t.mean, l->in[0].dim[0]);
    compare_statistics("running_var", after.variance, t.variance, l->in[0].dim[0]);
    free(y);
    free(expected);
    fixture_drop_tensors(&t);
    fixture_drop_tensors(&after);
    fixture_drop(l, &d);
}

static void test_forward(void **state)
{
    (void)state;
    each_case(check_forward);
}

/* ---- predict ---- */

static void check_predict(layer_fixture *l, fixture_random *r, int n)
{
    fixture_data d = fixture_draw(l, r, n, FIXTURE_ANY);
    fixture_tensors t = fixture_take_tensors(l);
    double *y = fixture_room(n * l->out_size), *expected = fixture_room(n * l->out_size);
    int32_t status = sixnet_model_predict_f64(l->net, d.feed, n, y);
    if (fixture_cannot_evaluate(l->spec)) {
        assert_int_equal(status, SIXNET_UNSUPPORTED);
    } else {
        CHECK_SIXNET(status);
        assert_true(fixture_expect(l, &d, &t, false, expected));
        compare(l, &d, &t, false, y, expected);
        fixture_tensors after = fixture_take_tensors(l);
        compare_statistics("running_mean", after.mean, t.mean, l->in[0].dim[0]);
        fixture_drop_tensors(&after);
    }
    free(y);
    free(expected);
    fixture_drop_tensors(&t);
    fixture_drop(l, &d);
}

static void test_predict(void **state)
{
    (void)state;
    each_case(check_predict);
}

/* ---- the fixture's own samples ---- */

/* FIXTURE_APART keeps values apart that belong to two inputs, as a layer that compares them needs. */
static void test_inputs_are_apart(void **state)
{
    (void)state;
    fixture_random r = {11};
    layer_fixture l = fixture_open("dtype=f64", &(fixture_case){"add", "5 5", 0}, NULL);
    fixture_data d = fixture_draw(&l, &r, 20, FIXTURE_APART);
    for (int s = 0; s < d.n; s++)
        for (int i = 0; i < 5; i++) {
            assert_true(d.feed[10 * s + i] == d.x[0][5 * s + i] && d.feed[10 * s + 5 + i] == d.x[1][5 * s + i]);
            for (int k = 0; k < 5; k++)
                assert_true(fabs(d.x[0][5 * s + i] - d.x[1][5 * s + k]) >= 0.2);
        }
    fixture_drop(&l, &d);
    fixture_close(&l);
}

/* ---- gradients along random directions ---- */

/* The sum of the outputs, each times its number in upstream. */
static double functional(const layer_fixture *l, const fixture_data *d)
{
    int64_t count = d->n * l->out_size;
    double *y = fixture_room(count);
    long double sum = 0;
    fixture_forward(l, d, y);
    for (int64_t i = 0; i < count; i++)
        sum += (long double)y[i] * (long double)d->upstream[i];
    free(y);
    return (double)sum;
}

/* Something that is moved: an input, or a tensor by name. */
typedef struct moved {
    const char *name; /* NULL for an input */
    double *values;   /* of the input; else a copy */
    const double *gradient;
    int64_t count;
    int64_t still, stills; /* so many values, from `still` on, stay where they are */
} moved;

static double at(const layer_fixture *l, fixture_data *d, const moved *m, const double *start, const double *direction,
                 double step)
{
    for (int64_t i = 0; i < m->count; i++)
        m->values[i] = start[i] + step * direction[i];
    if (m->name)
        CHECK_SIXNET(sixnet_tensor_set_f64(l->net, m->name, m->values, m->count));
    else
        fixture_feed(l, d);
    return functional(l, d);
}

static void check_direction(const layer_fixture *l, fixture_random *r, fixture_data *d, const moved *m)
{
    static const double h = 5e-4;
    double *start = fixture_room(m->count), *direction = fixture_room(m->count), analytic = 0;
    memcpy(start, m->values, (size_t)m->count * sizeof *start);
    for (int64_t i = 0; i < m->count; i++) {
        direction[i] = fixture_uniform(r, 0.25, 1) * (fixture_below(r, 2) ? 1 : -1);
        if (i >= m->still && i - m->still < m->stills)
            direction[i] = 0;
        analytic += direction[i] * m->gradient[i];
    }
    double numeric = (at(l, d, m, start, direction, -2 * h) - 8 * at(l, d, m, start, direction, -h) +
                      8 * at(l, d, m, start, direction, h) - at(l, d, m, start, direction, 2 * h)) /
                     (12 * h);
    at(l, d, m, start, direction, 0);
    if (!(fabs(numeric - analytic) <= 1e-8 * fmax(1, fmax(fabs(numeric), fabs(analytic)))))
        fixture_fail("the gradient by %s: %.17g, by the stencil %.17g", m->name ? m->name : "an input", analytic,
                     numeric);
    free(start);
    free(direction);
}

/* An index has no gradient. */
static void check_no_gradient(const double *gradient, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (gradient[i] != 0)
            fixture_fail("an index has a gradient, %g", gradient[i]);
}

static void check_tensor(const layer_fixture *l, fixture_random *r, fixture_data *d, const char *name,
                         const double *values, const double *gradient, int64_t count)
{
    int padding = fixture_int(l->spec, "padding_idx", 0, -1), columns = fixture_int(l->spec, "embedding_dim", 0, 0);
    moved m = {.name = name, .values = fixture_room(count), .gradient = gradient, .count = count};
    if (padding >= 0) { /* its row gets no gradient, and so cannot be moved */
        m.still = padding * columns;
        m.stills = columns;
        check_no_gradient(gradient + m.still, m.stills);
    }
    memcpy(m.values, values, (size_t)count * sizeof *values);
    check_direction(l, r, d, &m);
    free(m.values);
}

/* All that are trained. */
static void check_tensors(const layer_fixture *l, fixture_random *r, fixture_data *d)
{
    const char *name;
    for (int32_t t = 0; (name = sixnet_tensor_name(l->net, t)); t++) {
        fixture_shape s;
        int32_t trainable;
        CHECK_SIXNET(sixnet_tensor_shape(l->net, name, s.dim, &s.rank, &trainable));
        if (!trainable)
            continue;
        const int64_t count = fixture_size(&s);
        double *values = fixture_room(count), *gradient = fixture_room(count);
        CHECK_SIXNET(sixnet_tensor_get_f64(l->net, name, values, count));
        CHECK_SIXNET(sixnet_tensor_gradient_f64(l->net, name, gradient, count));
        check_tensor(l, r, d, name, values, gradient, count);
        free(values);
        free(gradient);
    }
}

static void check_gradients(layer_fixture *l, fixture_random *r, int n)
{
    if (fixture_starves(l, n) || fixture_draws(l->spec) || fixture_has_kinks(l->spec))
        return;
    fixture_data d = fixture_draw(l, r, n, fixture_smooth(l->spec));
    fixture_gradients g = fixture_backward(l, &d);
    for (int i = 0; i < l->inputs; i++)
        if (fixture_choices(l->spec, l->shapes, i))
            check_no_gradient(g.x[i], n * l->in_size[i]);
        else
            check_direction(l, r, &d, &(moved){.values = d.x[i], .gradient = g.x[i], .count = n * l->in_size[i]});
    check_tensors(l, r, &d);
    fixture_drop_gradients(&g);
    fixture_drop(l, &d);
}

static void test_gradients(void **state)
{
    (void)state;
    each_case(check_gradients);
}

/* ---- gradients value by value ---- */

static void check_each_gradient(const fixture_case *c, fixture_random *r, int n)
{
    double worst;
    const char *where;
    fixture_title("'%s' on %s, %d samples", c->spec, c->shapes, n);
    layer_fixture l = fixture_open("dtype=f64 seed=3", c, "mse reduction=half_sum");
    fixture_fill_tensors(&l, r, FIXTURE_ANY);
    fixture_tensors t = fixture_take_tensors(&l);
    bool small = (int64_t)n * l.in_total + t.weights <= 240 && n * l.out_size <= 3000;
    if (small && !(fixture_is(l.spec, "batchnorm1d") && n < 8) && !fixture_starves(&l, n) &&
        !fixture_has_kinks(l.spec)) {
        fixture_data d = fixture_draw(&l, r, n, fixture_smooth(l.spec));
        CHECK_SIXNET(sixnet_model_gradient_check(l.net, d.feed, d.upstream, n, &worst, &where));
        if (!(worst <= 1e-8) && !fixture_has(c->spec, "padding_idx"))
            fixture_fail("%s: the gradient is off by %g", where, worst);
        fixture_drop(&l, &d);
    }
    fixture_drop_tensors(&t);
    fixture_close(&l);
}

static void test_each_gradient(void **state)
{
    (void)state;
    fixture_spec_room room;
    fixture_random r = {5};
    for (int i = 0; i < fixture_case_count(); i++) {
        fixture_case c = fixture_case_at(i, &room);
        if (fixture_skips(i) || (fixture_quick() && i % 4))
            continue;
        check_each_gradient(&c, &r, 1);
        check_each_gradient(&c, &r, 3);
        check_each_gradient(&c, &r, 18);
    }
}

/* ---- one output of several ---- */

/* The gradients where the loss depends on one output only, so that none arrives at the others. */
static void check_lone_output(const fixture_case *c, int output)
{
    fixture_random r = {7};
    double worst;
    const char *where;
    fixture_title("'%s' on %s, output %d alone", c->spec, c->shapes, output);
    layer_fixture l = fixture_open_output("dtype=f64 seed=3", c, output, "mse reduction=half_sum");
    fixture_fill_tensors(&l, &r, FIXTURE_ANY);
    fixture_data d = fixture_draw(&l, &r, 2, fixture_smooth(l.spec));
    CHECK_SIXNET(sixnet_model_gradient_check(l.net, d.feed, d.upstream, 2, &worst, &where));
    if (!(worst <= 1e-8))
        fixture_fail("%s: the gradient is off by %g", where, worst);
    fixture_drop(&l, &d);
    fixture_close(&l);
}

static void test_outputs_alone(void **state)
{
    (void)state;
    fixture_spec_room room;
    int tried = 0;
    for (int i = 0; i < fixture_case_count(); i++) {
        fixture_case c = fixture_case_at(i, &room);
        if (fixture_skips(i))
            continue;
        layer_fixture l = fixture_open("dtype=f64", &c, NULL);
        const int outputs = fixture_output_count(&l);
        fixture_close(&l);
        for (int o = 0; outputs > 1 && o < outputs && !fixture_has_kinks(c.spec); o++, tried++)
            check_lone_output(&c, o);
    }
    assert_true(tried >= 10);
}

/* ---- dropout ---- */

enum { DROP_SIZE = 500, DROP_SAMPLES = 33, DROPS = DROP_SIZE * DROP_SAMPLES };

typedef struct mask {
    bool kept[DROPS];
} mask;

static layer_fixture drop_net(const char *options, double p)
{
    static char spec[40];
    snprintf(spec, sizeof spec, "dropout p=%g", p);
    fixture_title("'%s', %s", spec, options);
    return fixture_open(options, &(fixture_case){spec, "5x100", 0}, NULL);
}

/* One training pass over ones, forward and backward; every value must be 0 or the factor, and its gradient likewise. */
static mask *drop_pass(const layer_fixture *l, double p, int n)
{
    mask *m = calloc(1, sizeof *m);
    double factor = 1 / (1 - p), *ones = fixture_room(DROPS), *y = fixture_room(DROPS), *dx = fixture_room(DROPS);
    for (int i = 0; i < DROPS; i++)
        ones[i] = 1;
    CHECK_SIXNET(sixnet_model_forward_f64(l->net, ones, n));
    CHECK_SIXNET(sixnet_node_values_f64(l->net, l->layer, y, n * DROP_SIZE));
    CHECK_SIXNET(sixnet_model_backward_from_f64(l->net, ones));
    CHECK_SIXNET(sixnet_node_gradient_f64(l->net, l->input[0], dx, n * DROP_SIZE));
    for (int i = 0; i < n * DROP_SIZE; i++) {
        m->kept[i] = y[i] != 0;
        if ((m->kept[i] && !(fabs(y[i] - factor) <= 1e-6 * factor)) || dx[i] != y[i])
            fixture_fail("value %d became %g, its gradient is %g", i, y[i], dx[i]);
    }
    free(ones);
    free(y);
    free(dx);
    return m;
}

static void check_rate(const char *what, double count, double total, double p)
{
    double deviation = 5 * sqrt(total * p * (1 - p));
    if (!(fabs(count - total * p) <= deviation))
        fixture_fail("%s: %g of %g instead of a share of %g", what, count, total, p);
}

static int dropped(const mask *m, int begin, int end, int step)
{
    int count = 0;
    for (int i = begin; i < end; i += step)
        count += !m->kept[i];
    return count;
}

/* How many values are kept in one and not in the other; distance compares a mask with itself, moved. */
static int differences(const mask *a, const mask *b, int distance)
{
    int count = 0;
    for (int i = 0; i + distance < DROPS; i++)
        count += a->kept[i] != b->kept[i + distance];
    return count;
}

static void check_drops(double p)
{
    layer_fixture l = drop_net("dtype=f64 seed=1", p);
    mask *m = drop_pass(&l, p, DROP_SAMPLES), *next = drop_pass(&l, p, DROP_SAMPLES);
    double two = 2 * p * (1 - p); /* how often two of them differ */
    check_rate("all", dropped(m, 0, DROPS, 1), DROPS, p);
    for (int s = 0; s < DROP_SAMPLES; s++)
        check_rate("a sample", dropped(m, s * DROP_SIZE, (s + 1) * DROP_SIZE, 1), DROP_SIZE, p);
    for (int f = 0; f < 8; f++)
        check_rate("a feature of eight", dropped(m, f, DROPS, 8), DROPS / 8.0, p);
    check_rate("neighbours", differences(m, m, 1), DROPS - 1, two);
    check_rate("features four apart", differences(m, m, 4), DROPS - 4, two);
    check_rate("samples", differences(m, m, DROP_SIZE), DROPS - DROP_SIZE, two);
    check_rate("samples a group apart", differences(m, m, 16 * DROP_SIZE), DROPS - 16 * DROP_SIZE, two);
    check_rate("steps", differences(m, next, 0), DROPS, two);
    free(m);
    free(next);
    fixture_close(&l);
}

static void test_dropout_is_random(void **state)
{
    (void)state;
    static const double rates[] = {0.05, 0.25, 0.5, 0.9};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        check_drops(rates[i]);
}

static void check_same_mask(const mask *expected, const char *options, int n)
{
    layer_fixture l = drop_net(options, 0.25);
    mask *m = drop_pass(&l, 0.25, n);
    fixture_title("dropout, %s, %d samples", options, n);
    if (memcmp(m->kept, expected->kept, (size_t)n * DROP_SIZE * sizeof *m->kept) != 0)
        fixture_fail("other values were dropped");
    free(m);
    fixture_close(&l);
}

/* By seed, step, node and sample; not by the batch, the instruction set or the number of threads. */
static void test_dropout_depends_on(void **state)
{
    (void)state;
    layer_fixture l = drop_net("dtype=f64 seed=1", 0.25), other = drop_net("dtype=f64 seed=2", 0.25);
    mask *m = drop_pass(&l, 0.25, DROP_SAMPLES), *of_other = drop_pass(&other, 0.25, DROP_SAMPLES);
    check_rate("seeds", differences(m, of_other, 0), DROPS, 0.375);
    check_same_mask(m, "dtype=f64 seed=1", DROP_SAMPLES);
    check_same_mask(m, "dtype=f64 seed=1 threads=3", DROP_SAMPLES);
    check_same_mask(m, "dtype=f64 seed=1", 1);
    check_same_mask(m, "dtype=f64 seed=1", 19);
    for (const char *const *isa = fixture_isas(); *isa; isa++) {
        char options[60];
        snprintf(options, sizeof options, "seed=1 %s", *isa);
        check_same_mask(m, options, DROP_SAMPLES);
    }
    free(m);
    free(of_other);
    fixture_close(&l);
    fixture_close(&other);
}

/* ---- other noise ---- */

/* 33 samples of 8 x 50 values 0.5, and the gradient of their sum. */
enum { NOISE_SAMPLES = 33, NOISE_SIZE = 400, NOISES = NOISE_SAMPLES * NOISE_SIZE };

static void noise_pass(const char *options, const char *spec, const char *shape, int n, double *y, double *dx)
{
    double *half = fixture_room(NOISES), *ones = fixture_room(NOISES);
    fixture_title("'%s', %s, %d samples", spec, options, n);
    layer_fixture l = fixture_open(options, &(fixture_case){spec, shape, 0}, NULL);
    for (int i = 0; i < NOISES; i++) {
        half[i] = 0.5;
        ones[i] = 1;
    }
    CHECK_SIXNET(sixnet_model_forward_f64(l.net, half, n));
    CHECK_SIXNET(sixnet_node_values_f64(l.net, l.layer, y, n * NOISE_SIZE));
    CHECK_SIXNET(sixnet_model_backward_from_f64(l.net, ones));
    CHECK_SIXNET(sixnet_node_gradient_f64(l.net, l.input[0], dx, n * NOISE_SIZE));
    fixture_close(&l);
    free(half);
    free(ones);
}

/* Each value is kept (y = kept, dx = factor) or dropped (y = dropped, dx = 0), with the probability p and all values of a unit alike. */
static void check_dropped(const char *spec, const char *shape, int unit, double p, double kept, double factor,
                          double dropped)
{
    double *y = fixture_room(NOISES), *dx = fixture_room(NOISES);
    int count = 0;
    noise_pass("dtype=f64 seed=1", spec, shape, NOISE_SAMPLES, y, dx);
    for (int i = 0; i < NOISES; i++) {
        const bool is_kept = dx[i] != 0;
        if (fabs(y[i] - (is_kept ? kept : dropped)) > 1e-12 || (is_kept && fabs(dx[i] - factor) > 1e-12))
            fixture_fail("value %d became %.17g, its gradient is %.17g", i, y[i], dx[i]);
        if (is_kept != (dx[i / unit * unit] != 0))
            fixture_fail("value %d is not as the first of its unit", i);
        count += !is_kept;
    }
    check_rate("dropped", (double)count / unit, (double)NOISES / unit, p);
    free(y);
    free(dx);
}

static void test_noise_drops(void **state)
{
    (void)state;
    check_dropped("dropout1d p=0.25", "8x50", 50, 0.25, 0.5 / 0.75, 1 / 0.75, 0);
    check_dropped("dropout2d p=0.5", "8x10x5", 50, 0.5, 1, 2, 0);
    /* a = 1 / sqrt((1.7581^2 p + 1) (1 - p)), y = a x + 1.7581 a p, or a -1.7581 + 1.7581 a p */
    const double s = 1.7580993408473766, a = 1 / sqrt((s * s * 0.25 + 1) * 0.75);
    check_dropped("alpha_dropout p=0.25", "400", 1, 0.25, a * 0.5 + s * a * 0.25, a, -0.75 * s * a);
}

static void test_gaussian_noise(void **state)
{
    (void)state;
    double *y = fixture_room(NOISES), *dx = fixture_room(NOISES), sum = 0, squares = 0;
    noise_pass("dtype=f64 seed=1", "gaussian_noise std=2", "400", NOISE_SAMPLES, y, dx);
    for (int i = 0; i < NOISES; i++) {
        assert_true(dx[i] == 1);
        sum += y[i] - 0.5;
        squares += (y[i] - 0.5) * (y[i] - 0.5);
    }
    assert_true(fabs(sum / NOISES) < 5 * 2 / sqrt(NOISES));
    assert_true(fabs(squares / NOISES - 4) < 5 * 4 * sqrt(2.0 / NOISES));
    free(y);
    free(dx);
}

/* By seed, step, node and sample; not by the batch, the instruction set or the number of threads. */
static void test_noise_is_reproducible(void **state)
{
    (void)state;
    static const char *const specs[][2] = {
        {"dropout1d", "8x50"}, {"dropout2d", "8x10x5"}, {"alpha_dropout", "400"}, {"gaussian_noise std=1", "400"}};
    double *first = fixture_room(NOISES), *y = fixture_room(NOISES), *dx = fixture_room(NOISES);
    for (int i = 0; i < 4; i++) {
        const char *spec = specs[i][0], *shape = specs[i][1];
        noise_pass("dtype=f64 seed=1", spec, shape, NOISE_SAMPLES, first, dx);
        noise_pass("dtype=f64 seed=1 threads=3", spec, shape, NOISE_SAMPLES, y, dx);
        assert_memory_equal(y, first, NOISES * sizeof *y);
        noise_pass("dtype=f64 seed=1", spec, shape, 19, y, dx);
        assert_memory_equal(y, first, 19 * NOISE_SIZE * sizeof *y);
        noise_pass("dtype=f64 seed=2", spec, shape, NOISE_SAMPLES, y, dx);
        assert_memory_not_equal(y, first, NOISES * sizeof *y);
        for (const char *const *isa = fixture_isas(); *isa; isa++) {
            char options[60];
            snprintf(options, sizeof options, "seed=1 %s", *isa);
            noise_pass(options, spec, shape, NOISE_SAMPLES, y, dx);
            for (int k = 0; k < NOISES; k++)
                assert_true(fabs(y[k] - first[k]) < 1e-5);
        }
    }
    free(first);
    free(y);
    free(dx);
}

static void test_dropout_nodes_differ(void **state)
{
    (void)state;
    sixnet_model *net;
    double *y[2] = {fixture_room(DROPS), fixture_room(DROPS)}, *ones = fixture_room(DROPS);
    fixture_title("two dropout layers");
    CHECK_SIXNET(sixnet_model_new(&net, NULL));
    sixnet_node x = sixnet_model_add(net, "input shape=500", SIXNET_NO_NODE), drop[2];
    for (int k = 0; k < 2; k++) {
        drop[k] = sixnet_model_add(net, "dropout p=0.5", x);
        CHECK_SIXNET(sixnet_node_retain(net, drop[k]));
    }
    sixnet_model_add_multi(net, "add", drop, 2);
    CHECK_SIXNET(sixnet_model_compile(net));
    for (int i = 0; i < DROPS; i++)
        ones[i] = 1;
    CHECK_SIXNET(sixnet_model_forward_f64(net, ones, DROP_SAMPLES));
    int count = 0;
    for (int k = 0; k < 2; k++)
        CHECK_SIXNET(sixnet_node_values_f64(net, drop[k], y[k], DROPS));
    for (int i = 0; i < DROPS; i++)
        count += (y[0][i] == 0) != (y[1][i] == 0);
    check_rate("nodes", count, DROPS, 0.5);
    sixnet_model_free(net);
    free(y[0]);
    free(y[1]);
    free(ones);
}

/* ---- values that are not finite, or whose squares are not in f32, as in PyTorch ---- */

#define INF INFINITY

/* One sample, its output in training, and the gradient by it of the sum of the outputs. */
static const struct {
    const char *spec, *shape;
    int count, outputs;
    double x[4], y[4], dx[4];
} extremes[] = {
    {"relu", "4", 4, 4, {NAN, INF, -INF, -0.0}, {NAN, INF, 0, 0}, {1, 1, 0, 0}},
    {"leaky_relu negative_slope=0.5", "4", 4, 4, {NAN, INF, -INF, -2}, {NAN, INF, -INF, -1}, {0.5, 1, 0.5, 0.5}},
    {"leaky_relu negative_slope=0", "2", 2, 2, {NAN, -INF}, {NAN, NAN}, {0, 0}},
    {"sigmoid", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, 1, 0, 0.5}, {NAN, 0, 0, 0.25}},
    {"tanh", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, 1, -1, 0}, {NAN, 0, 0, 1}},
    {"silu", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, NAN, 0}, {NAN, NAN, NAN, 0.5}},
    {"silu", "2", 2, 2, {3e38, -3e38}, {3e38, 0}, {1, 0}},
    {"gelu", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, NAN, 0}, {NAN, NAN, NAN, 0.5}},
    {"gelu", "2", 2, 2, {3e38, -3e38}, {3e38, 0}, {1, 0}},
    {"gelu approximate=tanh", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, NAN, 0}, {NAN, NAN, NAN, 0.5}},
    {"gelu approximate=tanh", "4", 4, 4, {3e38, -3e38, 1e15, -1e15}, {3e38, 0, 1e15, 0}, {1, 0, 1, 0}},
    /* numbers from which a kink is not far, infinities and NaN */
    {"elu alpha=2", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, -2, 0}, {NAN, 1, 0, 2}},
    {"selu", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, -1.75809934, 0}, {NAN, 1.05070099, 0, 1.75809934}},
    {"celu alpha=2", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, -2, 0}, {NAN, 1, 0, 1}},
    {"prelu", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, -INF, 0}, {0.25, 1, 0.25, 0.25}},
    {"relu6", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, 6, 0, 0}, {0, 0, 0, 0}},
    {"relu6", "3", 3, 3, {6, 5.75, 6.25}, {6, 5.75, 6}, {0, 1, 0}},
    {"hardtanh", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, 1, -1, 0}, {0, 0, 0, 1}},
    {"hardtanh", "3", 3, 3, {-1, 1, 0.75}, {-1, 1, 0.75}, {0, 0, 1}},
    {"hardsigmoid", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, 1, 0, 0.5}, {0, 0, 0, 0.16666667}},
    {"hardsigmoid", "4", 4, 4, {-3, 3, 4, -4}, {0, 1, 1, 0}, {0, 0, 0, 0}},
    {"hardswish", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, NAN, 0}, {NAN, 1, 0, 0.5}},
    {"hardswish", "4", 4, 4, {-3, 3, -1.5, 4}, {0, 3, -0.375, 4}, {0, 1, 0, 1}},
    {"softplus", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, 0, 0.69314718}, {NAN, 1, 0, 0.5}},
    {"softplus beta=2 threshold=1",
     "3",
     3,
     3,
     {0.5, 0.75, -0.5},
     {0.65663084, 0.75, 0.15663084},
     {0.73105858, 1, 0.26894142}},
    {"logsigmoid", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, 0, -INF, -0.69314718}, {NAN, 0, 1, 0.5}},
    {"softsign", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, NAN, NAN, 0}, {NAN, NAN, NAN, 1}},
    {"softsign", "2", 2, 2, {3e38, -3e38}, {1, -1}, {0, 0}},
    {"mish", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, NAN, 0}, {NAN, NAN, NAN, 0.6}},
    {"mish", "2", 2, 2, {3e38, -3e38}, {3e38, 0}, {1, 0}},
    {"threshold threshold=1 value=7", "4", 4, 4, {NAN, INF, -INF, 1}, {NAN, INF, 7, 7}, {1, 1, 0, 0}},
    {"tanhshrink", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, -INF, 0}, {NAN, 1, 1, 0}},
    {"softshrink", "4", 4, 4, {NAN, INF, -INF, 0.5}, {NAN, INF, -INF, 0}, {0, 1, 1, 0}},
    {"hardshrink", "4", 4, 4, {NAN, INF, -INF, -0.5}, {NAN, INF, -INF, 0}, {0, 1, 1, 0}},
    {"hardshrink lambd=-1", "2", 2, 2, {0, 0.5}, {0, 0.5}, {1, 1}},
    {"glu", "4", 4, 2, {NAN, 1, 0, -INF}, {NAN, 0}, {0.5, 0, NAN, 0}},
    {"glu", "4", 4, 2, {3e38, -3e38, 1000, 1000}, {3e38, -3e38}, {1, 1, 0, 0}},
    {"reduce_max", "4", 4, 1, {1, 3, 3, -INF}, {3}, {0, 0.5, 0.5, 0}},
    {"reduce_min", "4", 4, 1, {1, 1, 1, INF}, {1}, {0.33333333, 0.33333333, 0.33333333, 0}},
    {"reduce_max", "3", 3, 1, {1, NAN, 2}, {NAN}, {NAN, NAN, NAN}},
    {"reduce_min", "3", 3, 1, {NAN, 1, 2}, {NAN}, {NAN, NAN, NAN}},
    {"reduce_max", "2", 2, 1, {-INF, -INF}, {-INF}, {0.5, 0.5}},
    {"reduce_mean dim=0", "2x2", 4, 2, {1, INF, -INF, INF}, {-INF, INF}, {0.5, 0.5, 0.5, 0.5}},
    {"exp", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, 0, 1}, {NAN, INF, 0, 1}},
    {"log", "4", 4, 4, {NAN, INF, -1, 0}, {NAN, INF, NAN, -INF}, {NAN, 0, -1, INF}},
    {"sqrt", "4", 4, 4, {NAN, INF, -1, 0}, {NAN, INF, NAN, 0}, {NAN, 0, NAN, INF}},
    {"abs", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, INF, 0}, {0, 1, -1, 0}},
    {"pow exponent=2", "4", 4, 4, {NAN, INF, -INF, -3}, {NAN, INF, INF, 9}, {NAN, INF, -INF, -6}},
    {"pow exponent=0", "4", 4, 4, {NAN, INF, -INF, 0}, {1, 1, 1, 1}, {0, 0, 0, 0}},
    {"pow exponent=-1", "4", 4, 4, {NAN, INF, -2, 0}, {NAN, 0, -0.5, INF}, {NAN, 0, -0.25, -INF}},
    {"pow exponent=-3", "2", 2, 2, {-2, 0.5}, {-0.125, 8}, {-0.1875, -48}},
    {"pow exponent=0.5", "4", 4, 4, {NAN, INF, -INF, 0}, {NAN, INF, NAN, 0}, {NAN, 0, NAN, INF}},
    {"pow exponent=1.5", "4", 4, 4, {NAN, INF, -INF, -2}, {NAN, INF, INF, NAN}, {NAN, INF, NAN, NAN}},
    {"pow exponent=1.25", "3", 3, 3, {0, 1, 1e20}, {0, 1, 1e25}, {0, 1.25, 125000}},
    {"softmin", "3", 3, 3, {INF, 0, 0}, {0, 0.5, 0.5}, {0, 0, 0}},
    {"softmin", "3", 3, 3, {1, NAN, 2}, {NAN, NAN, NAN}, {NAN, NAN, NAN}},
    {"softmax", "3", 3, 3, {1, NAN, 2}, {NAN, NAN, NAN}, {NAN, NAN, NAN}},
    {"softmax", "3", 3, 3, {INF, 0, 0}, {NAN, NAN, NAN}, {NAN, NAN, NAN}},
    {"softmax", "3", 3, 3, {-INF, 0, 0}, {0, 0.5, 0.5}, {0, 0, 0}},
    {"softmax", "2", 2, 2, {-INF, -INF}, {NAN, NAN}, {NAN, NAN}},
    {"log_softmax", "2", 2, 2, {-INF, 0}, {-INF, 0}, {1, -1}},
    {"log_softmax", "2", 2, 2, {NAN, 0}, {NAN, NAN}, {NAN, NAN}},
    {"maxpool2d kernel_size=2", "1x2x2", 4, 1, {1, NAN, 2, 3}, {NAN}, {0, 1, 0, 0}},
    {"maxpool2d kernel_size=2x2 stride=1", "1x2x2", 4, 1, {-INF, -INF, INF, 3}, {INF}, {0, 0, 1, 0}},
    {"avgpool2d kernel_size=2", "1x2x2", 4, 1, {1, INF, 2, 3}, {INF}, {0.25, 0.25, 0.25, 0.25}},
    {"avgpool2d kernel_size=2", "1x2x2", 4, 1, {1, INF, -INF, 3}, {NAN}, {0.25, 0.25, 0.25, 0.25}},
    {"adaptive_avgpool2d output_size=1", "1x2x2", 4, 1, {1, -INF, 2, 3}, {-INF}, {0.25, 0.25, 0.25, 0.25}},
    /* zeroing is a product with 0 */
    {"dropout p=1", "4", 4, 4, {NAN, INF, -INF, -2}, {NAN, NAN, NAN, 0}, {0, 0, 0, 0}},
    {"layernorm normalized_shape=4", "4", 4, 4, {1, NAN, 2, 3}, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
    {"layernorm normalized_shape=4", "4", 4, 4, {1, INF, 2, 3}, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
    {"groupnorm num_groups=2", "4", 4, 4, {1, 3, INF, 3}, {-1, 1, NAN, NAN}, {0, 0, NAN, NAN}},
    {"groupnorm num_groups=2", "4", 4, 4, {1, 3, NAN, 3}, {-1, 1, NAN, NAN}, {0, 0, NAN, NAN}},
    /* mathematically right where the square of a difference is too large for f32 */
    {"layernorm normalized_shape=4",
     "4",
     4,
     4,
     {1e20, -1e20, 3e20, 1e20},
     {0, -1.41421356, 1.41421356, 0},
     {0, 0, 0, 0}},
    {"layernorm normalized_shape=4", "4", 4, 4, {3e19, -3e19, 3e19, -3e19}, {1, -1, 1, -1}, {0, 0, 0, 0}},
    {"layernorm normalized_shape=4", "4", 4, 4, {1.5e38, 1.5e38, -1.5e38, -1.5e38}, {1, 1, -1, -1}, {0, 0, 0, 0}},
    {"groupnorm num_groups=1", "4", 4, 4, {1e20, -1e20, 3e20, 1e20}, {0, -1.41421356, 1.41421356, 0}, {0, 0, 0, 0}},
    {"groupnorm num_groups=2", "4", 4, 4, {1.5e38, -1.5e38, 2, 4}, {1, -1, -1, 1}, {0, 0, 0, 0}},
};

static bool alike(double got, double expected)
{
    if (isnan(expected))
        return isnan(got);
    return got == expected || fabs(got - expected) <= 1e-5 * fmax(1, fabs(expected));
}

static void check_extremes(const char *options, size_t k)
{
    double y[4], dx[4];
    fixture_title("'%s' of %g, %g, %g, %g, %s", extremes[k].spec, extremes[k].x[0], extremes[k].x[1], extremes[k].x[2],
                  extremes[k].x[3], options);
    layer_fixture l = fixture_open(options, &(fixture_case){extremes[k].spec, extremes[k].shape, 0}, NULL);
    CHECK_SIXNET(sixnet_model_forward_f64(l.net, extremes[k].x, 1));
    CHECK_SIXNET(sixnet_node_values_f64(l.net, l.layer, y, extremes[k].outputs));
    CHECK_SIXNET(sixnet_model_backward_from_f64(l.net, (const double[]){1, 1, 1, 1}));
    CHECK_SIXNET(sixnet_node_gradient_f64(l.net, l.input[0], dx, extremes[k].count));
    for (int i = 0; i < extremes[k].outputs; i++)
        if (!alike(y[i], extremes[k].y[i]))
            fixture_fail("output %d is %g, not %g", i, y[i], extremes[k].y[i]);
    for (int i = 0; i < extremes[k].count; i++)
        if (!alike(dx[i], extremes[k].dx[i]))
            fixture_fail("gradient %d is %g, not %g", i, dx[i], extremes[k].dx[i]);
    fixture_close(&l);
}

static void each_dtype(void (*check)(const char *options, size_t k), size_t count)
{
    for (size_t k = 0; k < count; k++) {
        check("dtype=f64", k);
        for (const char *const *isa = fixture_isas(); *isa; isa++)
            check(*isa, k);
    }
}

static void test_extremes(void **state)
{
    (void)state;
    each_dtype(check_extremes, sizeof extremes / sizeof *extremes);
}

/* Batch norm of 20 samples, so that there are two groups: all are 1 and 3 by turns but one, at `place`. */
static const struct {
    int place;
    double value, mean, y; /* running_mean with momentum=1; the output at place */
} outliers[] = {
    {3, INF, INF, NAN},
    {18, INF, INF, NAN},
    {0, -INF, -INF, NAN},
    {5, NAN, NAN, NAN},
    {2, 2e20, 1e19, 4.35889894}, /* sqrt(19) */
    {17, -2e20, -1e19, -4.35889894},
};

static void check_outlier(const char *options, size_t k)
{
    double x[20], y[20];
    for (int i = 0; i < 20; i++)
        x[i] = i == outliers[k].place ? outliers[k].value : 1 + 2 * (i % 2);
    fixture_title("batchnorm1d of %g at %d, %s", outliers[k].value, outliers[k].place, options);
    layer_fixture l = fixture_open(options, &(fixture_case){"batchnorm1d momentum=1", "1", 0}, NULL);
    CHECK_SIXNET(sixnet_model_forward_f64(l.net, x, 20));
    CHECK_SIXNET(sixnet_node_values_f64(l.net, l.layer, y, 20));
    fixture_tensors t = fixture_take_tensors(&l);
    if (!alike(t.mean[0], outliers[k].mean) || !alike(y[outliers[k].place], outliers[k].y))
        fixture_fail("running_mean is %g, the output %g", t.mean[0], y[outliers[k].place]);
    fixture_drop_tensors(&t);
    fixture_close(&l);
}

static void test_outliers(void **state)
{
    (void)state;
    each_dtype(check_outlier, sizeof outliers / sizeof *outliers);
}

/* ---- lengths ---- */

/* The values of padding do not matter, and a length must be a whole number from 0 to T. */
static void check_lengths(const char *options, size_t k)
{
    static const char *const specs[] = {"rnn hidden_size=2", "lstm hidden_size=2 bidirectional=true",
                                        "gru hidden_size=2 num_layers=2", "multihead_attention num_heads=2"};
    static const double wrong[] = {-1, 5, 1.5, NAN};
    double x[2][4 * 2 + 1] = {{1, -1, 0.5, 2}, {1, -1, 0.5, 2, NAN, 1e30, -INF, NAN}}, y[2][60] = {{0}};
    fixture_title("'%s', %s", specs[k], options);
    layer_fixture l = fixture_open(options, &(fixture_case){specs[k], "4x2 1", 0}, NULL);
    const bool attends = fixture_is(specs[k], "multihead_attention"); /* padding is a query too */
    for (int i = 0; i < 2; i++) {
        x[i][8] = 2;
        CHECK_SIXNET(sixnet_model_predict_f64(l.net, x[attends ? 0 : i], 1, y[i]));
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        x[0][8] = wrong[i];
        assert_int_equal(sixnet_model_predict_f64(l.net, x[0], 1, y[0]), SIXNET_BAD_DATA);
        assert_int_equal(sixnet_model_forward_f64(l.net, x[0], 1), SIXNET_BAD_DATA);
    }
    fixture_close(&l);
}

static void test_lengths(void **state)
{
    (void)state;
    each_dtype(check_lengths, 4);
}

/* ---- initial values, as in PyTorch ---- */

/* padding_idx: a row of zeros at first; the others are as without it. */
static void test_padding_row(void **state)
{
    (void)state;
    double value[2][6 * 3], row[3] = {4, 5, 6}, index = 2, y[3];
    for (int k = 0; k < 2; k++) {
        const char *spec = k ? "embedding num_embeddings=6 embedding_dim=3 padding_idx=2"
                             : "embedding num_embeddings=6 embedding_dim=3";
        fixture_title("'%s'", spec);
        layer_fixture l = fixture_open("dtype=f64 seed=1", &(fixture_case){spec, "1", 0}, NULL);
        CHECK_SIXNET(sixnet_tensor_get_f64(l.net, "layer.weight", value[k], 6 * 3));
        CHECK_SIXNET(sixnet_model_predict_f64(l.net, &index, 1, y));
        assert_memory_equal(y, value[k] + 2 * 3, sizeof y);
        double other[6 * 3];
        memcpy(other, value[k], sizeof other);
        memcpy(other + 2 * 3, row, sizeof row);
        CHECK_SIXNET(sixnet_tensor_set_f64(l.net, "layer.weight", other, 6 * 3));
        CHECK_SIXNET(sixnet_model_predict_f64(l.net, &index, 1, y));
        assert_memory_equal(y, row, sizeof row); /* read like any other row */
        fixture_close(&l);
    }
    for (int i = 0; i < 6 * 3; i++)
        assert_true(value[1][i] == (i / 3 == 2 ? 0 : value[0][i]));
}

/* The bound of uniform initial values, which the largest of many comes close to; the deviation of normal ones. */
static const struct {
    const char *spec, *shape;
    bool normal;
    double expected;
} initial[] = {
    {"linear out_features=100 init=default", "50", false, 0.14142135623730950},         /* 1 / sqrt(50) */
    {"linear out_features=100 init=kaiming_uniform", "50", false, 0.34641016151377546}, /* sqrt(6 / 50) */
    {"linear out_features=100 init=xavier_uniform", "50", false, 0.2},                  /* sqrt(6 / 150) */
    {"linear out_features=100 init=kaiming_normal", "50", true, 0.2},                   /* sqrt(2 / 50) */
    {"linear out_features=100 init=normal", "50", true, 0.01},
    /* torch.nn.init takes the weight tensor's shape 64 x 2 x 3 x 3: fan-in 2 * 9, fan-out 64 * 9, whatever the groups */
    {"conv2d out_channels=64 kernel_size=3 groups=8 init=default", "16x4x4", false,
     0.23570226039551584}, /* 1 / sqrt(18) */
    {"conv2d out_channels=64 kernel_size=3 groups=8 init=kaiming_uniform", "16x4x4", false,
     0.57735026918962576}, /* sqrt(6 / 18) */
    {"conv2d out_channels=64 kernel_size=3 groups=8 init=xavier_uniform", "16x4x4", false,
     0.10050378152592121}, /* sqrt(6 / 594) */
    {"conv2d out_channels=64 kernel_size=3 groups=8 init=xavier_normal", "16x4x4", true,
     0.05802588531856595}, /* sqrt(2 / 594) */
    {"conv2d out_channels=64 kernel_size=3 init=xavier_uniform", "2x4x4", false, 0.10050378152592121},
    {"conv1d out_channels=64 kernel_size=9", "2x9", false, 0.23570226039551584},
    /* the tensor is 16 x 8 x 3 x 3 */
    {"conv_transpose2d out_channels=64 kernel_size=3 groups=8", "16x4x4", false,
     0.11785113019775792}, /* 1 / sqrt(72) */
};

static void test_initial_weights(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof initial / sizeof *initial; i++) {
        fixture_title("'%s'", initial[i].spec);
        layer_fixture l = fixture_open("dtype=f64 seed=1", &(fixture_case){initial[i].spec, initial[i].shape, 0}, NULL);
        fixture_tensors t = fixture_take_tensors(&l);
        double largest = 0, squares = 0;
        for (int64_t k = 0; k < t.weights; k++) {
            largest = fmax(largest, fabs(t.weight[k]));
            squares += t.weight[k] * t.weight[k];
        }
        double got = initial[i].normal ? sqrt(squares / (double)t.weights) : largest, want = initial[i].expected;
        if (!(got >= (initial[i].normal ? 0.95 : 0.99) * want && got <= (initial[i].normal ? 1.05 : 1) * want))
            fixture_fail("%g instead of %g", got, want);
        fixture_drop_tensors(&t);
        fixture_close(&l);
    }
}

/* ---- ties and infinities, as in PyTorch ---- */

/* The gradient goes to the first of equal maxima, in both of maxpool2d's ways; at are the places of those. */
static void check_ties(const char *spec, const int at[4])
{
    fixture_title("'%s'", spec);
    layer_fixture l = fixture_open("dtype=f64", &(fixture_case){spec, "1x4x4", 0}, NULL);
    double x[16] = {0}, up[4] = {1, 2, 3, 4}, dx[16], expected[16] = {0};
    for (int i = 0; i < 4; i++)
        expected[at[i]] = up[i];
    CHECK_SIXNET(sixnet_model_forward_f64(l.net, x, 1));
    CHECK_SIXNET(sixnet_model_backward_from_f64(l.net, up));
    CHECK_SIXNET(sixnet_node_gradient_f64(l.net, l.input[0], dx, 16));
    assert_memory_equal(dx, expected, sizeof dx);
    fixture_close(&l);
}

static void test_maxpool_ties(void **state)
{
    (void)state;
    check_ties("maxpool2d kernel_size=2", (const int[]){0, 2, 8, 10});
    check_ties("maxpool2d kernel_size=3 stride=2 padding=1", (const int[]){0, 1, 4, 5});
    check_ties("adaptive_maxpool2d output_size=2", (const int[]){0, 2, 8, 10});
}

/* Two inputs with ties, -0, infinity and NaN; the gradients by them of the sum of the outputs. */
static void check_choice(const char *spec, const double expected[3][6])
{
    static const double x[12] = {1, 2, NAN, 1, INFINITY, 0, 1, 1, 1, NAN, INFINITY, -0.0};
    static const double ones[6] = {1, 1, 1, 1, 1, 1};
    for (const char *const *isa = fixture_isas(); *isa; isa++) {
        double got[3][6];
        fixture_title("'%s', %s", spec, *isa);
        layer_fixture l = fixture_open(*isa, &(fixture_case){spec, "6 6", 0}, NULL);
        CHECK_SIXNET(sixnet_model_forward_f64(l.net, x, 1));
        CHECK_SIXNET(sixnet_node_values_f64(l.net, l.layer, got[0], 6));
        CHECK_SIXNET(sixnet_model_backward_from_f64(l.net, ones));
        CHECK_SIXNET(sixnet_node_gradient_f64(l.net, l.input[0], got[1], 6));
        CHECK_SIXNET(sixnet_node_gradient_f64(l.net, l.input[1], got[2], 6));
        for (int i = 0; i < 18; i++)
            if (!alike(got[i / 6][i % 6], expected[i / 6][i % 6]))
                fixture_fail("%s %d is %g, not %g", i < 6 ? "output" : "gradient", i % 6, got[i / 6][i % 6],
                             expected[i / 6][i % 6]);
        fixture_close(&l);
    }
}

static void test_choice_ties(void **state)
{
    (void)state;
    check_choice("maximum", (const double[3][6]){
                                {1, 2, NAN, NAN, INFINITY, 0}, {0.5, 1, 1, 1, 0.5, 0.5}, {0.5, 0, 1, 1, 0.5, 0.5}});
    check_choice("minimum", (const double[3][6]){
                                {1, 1, NAN, NAN, INFINITY, 0}, {0.5, 0, 1, 1, 0.5, 0.5}, {0.5, 1, 1, 1, 0.5, 0.5}});
}

/* A vector shorter than eps counts as if it were that long; the gradient is PyTorch's. */
static void test_cosine_of_a_short_vector(void **state)
{
    (void)state;
    double y, da[2], db[2], x[4] = {0.3, 0.4, 3, 4}, one = 1;
    fixture_title("cosine_similarity of a short vector");
    layer_fixture l = fixture_open("dtype=f64", &(fixture_case){"cosine_similarity eps=1", "2 2", 0}, NULL);
    CHECK_SIXNET(sixnet_model_forward_f64(l.net, x, 1));
    CHECK_SIXNET(sixnet_node_values_f64(l.net, l.layer, &y, 1));
    CHECK_SIXNET(sixnet_model_backward_from_f64(l.net, &one));
    CHECK_SIXNET(sixnet_node_gradient_f64(l.net, l.input[0], da, 2));
    CHECK_SIXNET(sixnet_node_gradient_f64(l.net, l.input[1], db, 2));
    assert_true(fabs(y - 0.5) < 1e-15);
    assert_true(fabs(da[0] - 0.3) < 1e-15 && fabs(da[1] - 0.4) < 1e-15);
    assert_true(fabs(db[0]) < 1e-15 && fabs(db[1]) < 1e-15);
    fixture_close(&l);
}

static void check_nan(const char *spec)
{
    fixture_title("'%s'", spec);
    layer_fixture l = fixture_open("dtype=f64", &(fixture_case){spec, "1x2x4", 0}, NULL);
    double x[8] = {1, NAN, -INFINITY, -INFINITY, 2, 3, -INFINITY, -INFINITY}, y[2];
    CHECK_SIXNET(sixnet_model_predict_f64(l.net, x, 1, y));
    assert_true(isnan(y[0]));
    assert_true(isinf(y[1]) && y[1] < 0);
    fixture_close(&l);
}

static void test_maxpool_of_no_number(void **state)
{
    (void)state;
    check_nan("maxpool2d kernel_size=2");
    check_nan("maxpool2d kernel_size=2 stride=1x2");
    check_nan("adaptive_maxpool2d output_size=1x2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layer_has_a_case),
        cmocka_unit_test(test_inputs_are_apart),
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_predict),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_each_gradient),
        cmocka_unit_test(test_outputs_alone),
        cmocka_unit_test(test_dropout_is_random),
        cmocka_unit_test(test_dropout_depends_on),
        cmocka_unit_test(test_dropout_nodes_differ),
        cmocka_unit_test(test_noise_drops),
        cmocka_unit_test(test_gaussian_noise),
        cmocka_unit_test(test_noise_is_reproducible),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_outliers),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_padding_row),
        cmocka_unit_test(test_initial_weights),
        cmocka_unit_test(test_maxpool_ties),
        cmocka_unit_test(test_choice_ties),
        cmocka_unit_test(test_cosine_of_a_short_vector),
        cmocka_unit_test(test_maxpool_of_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
