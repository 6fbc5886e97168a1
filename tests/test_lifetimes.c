/* SPDX-License-Identifier: MIT */
/* What the descriptor of a layer says about memory: which values its backward pass reads, and whether it works in place. A net whose buffers
 * share memory is bit-identical with one of which every node is retained. So it is if an input of the layer needs no gradient, and if one
 * of its tensors is frozen. */

#include "layer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "graph/placement.h"

enum { N = 18, OUT = 3 }; /* samples unless the case says how many, two tiles; values of the net's output */

/* A layer, each of whose inputs comes from a node and each of whose outputs goes to a linear layer that has no other use. The constant is
 * larger than all before it together, and covers the memory of what nothing needs by then.
 *
 *     x0 - before0 -         - flat0 - after0 -
 *                    layer                      sum     constant
 *     x1 - before1 -         - flat1 - after1 -
 */
typedef struct trial {
    sixnet_context *ctx;
    sixnet_model *net;
    bool retains_all;
    int inputs;
    sixnet_node before[FIXTURE_INPUTS], layer, sum;
    int64_t in_total, covered;   /* values of a sample: of the inputs, of all nodes before the constant */
    double y[(N + 1 + N) * OUT]; /* predicted, predicted for the first sample alone, in training */
} trial;

static sixnet_node add(trial *t, const char *spec, const sixnet_node *inputs, int count)
{
    const sixnet_node node = sixnet_model_add_multi(t->net, spec, inputs, count);
    if (node == SIXNET_NO_NODE)
        fixture_fail("'%s': %s", spec, sixnet_last_error());
    if (t->retains_all)
        CHECK_SIXNET(sixnet_node_retain(t->net, node));
    return node;
}

static fixture_shape shape_of(const trial *t, sixnet_node node)
{
    fixture_shape s;
    CHECK_SIXNET(sixnet_node_shape(t->net, node, s.dim, &s.rank));
    return s;
}

/* Indices go through a layer that leaves them as they are, other values through one that learns. */
static void add_input(trial *t, const char *shape, int length, bool is_index)
{
    char spec[120];
    snprintf(spec, sizeof spec, "input shape=%.*s", length, shape);
    const sixnet_node input = add(t, spec, NULL, 0);
    const fixture_shape s = shape_of(t, input);
    snprintf(spec, sizeof spec, "linear out_features=%d name=before%d", (int)s.dim[s.rank - 1], t->inputs);
    t->before[t->inputs++] = add(t, is_index ? "relu" : spec, &input, 1);
    t->in_total += fixture_size(&s);
}

static void add_inputs(trial *t, const fixture_case *c)
{
    for (const char *shape = c->shapes; *shape;) {
        const int length = (int)strcspn(shape, " ");
        add_input(t, shape, length, fixture_choices(c->spec, c->shapes, t->inputs) > 0);
        shape += length + (shape[length] == ' ');
    }
    t->covered = 2 * t->in_total;
}

static sixnet_node output_of(const trial *t, int number)
{
    char text[12];
    snprintf(text, sizeof text, "%d", number);
    return sixnet_node_output(t->net, t->layer, text);
}

static void add_outputs(trial *t)
{
    sixnet_node output, after[FIXTURE_INPUTS];
    char spec[60];
    int count = 0;
    while ((output = output_of(t, count)) != SIXNET_NO_NODE) {
        const fixture_shape s = shape_of(t, output);
        const sixnet_node flat = add(t, "flatten", &output, 1);
        snprintf(spec, sizeof spec, "linear out_features=%d name=after%d", OUT, count);
        after[count++] = add(t, spec, &flat, 1);
        t->covered += fixture_size(&s) + OUT;
    }
    snprintf(spec, sizeof spec, "constant value=1e30 shape=%lld", 2 * (long long)t->covered);
    CHECK_SIXNET(sixnet_node_retain(t->net, add(t, spec, NULL, 0)));
    t->sum = add(t, count > 1 ? "add" : "tanh", after, count);
    CHECK_SIXNET(sixnet_node_retain(t->net, t->sum));
}

/* Other values than those the tensors of norms begin with. */
static void fill_tensors(const trial *t, fixture_random *r)
{
    const char *name;
    for (int32_t i = 0; (name = sixnet_tensor_name(t->net, i)); i++) {
        fixture_shape s;
        CHECK_SIXNET(sixnet_tensor_shape(t->net, name, s.dim, &s.rank, NULL));
        const int64_t count = fixture_size(&s);
        double *values = fixture_room(count);
        for (int64_t k = 0; k < count; k++)
            values[k] = fixture_has(name, "running_var") ? fixture_uniform(r, 0.5, 2) : fixture_uniform(r, -1, 1);
        if (!fixture_has(name, ".value"))
            CHECK_SIXNET(sixnet_tensor_set_f64(t->net, name, values, count));
        free(values);
    }
}

/* Values for the inputs that hold indices or lengths. */
static void choose(const trial *t, const fixture_case *c, fixture_random *r, int n, double *x)
{
    for (int s = 0; s < n; s++)
        for (int i = 0; i < t->inputs; i++) {
            const fixture_shape shape = shape_of(t, t->before[i]);
            const int choices = fixture_choices(c->spec, c->shapes, i);
            for (int64_t k = 0; k < fixture_size(&shape); k++, x++)
                *x = choices ? fixture_below(r, choices) : *x;
        }
}

/* Predicts, and makes a training pass. */
static void run(trial *t, const fixture_case *c, fixture_random *r)
{
    const int n = c->n ? c->n : N;
    double *x = fixture_room(n * t->in_total), upstream[N * OUT];
    fixture_fill(r, FIXTURE_ANY, x, n * t->in_total);
    choose(t, c, r, n, x);
    fixture_fill(r, FIXTURE_ANY, upstream, n * OUT);
    if (!fixture_cannot_evaluate(c->spec)) {
        CHECK_SIXNET(sixnet_model_predict_f64(t->net, x, n, t->y));
        CHECK_SIXNET(sixnet_model_predict_f64(t->net, x, 1, t->y + N * OUT));
    }
    CHECK_SIXNET(sixnet_model_forward_f64(t->net, x, n));
    CHECK_SIXNET(sixnet_node_values_f64(t->net, t->sum, t->y + (N + 1) * OUT, n * OUT));
    CHECK_SIXNET(sixnet_model_backward_from_f64(t->net, upstream));
    free(x);
}

typedef enum retaining { ALL, LAYER, NOTHING } retaining;

/* frozen: a pattern of tensors; may be NULL. A layer that is retained has a backward pass even if nothing before it learns. */
static trial *trial_open(const fixture_case *c, retaining retain, const char *frozen)
{
    trial *t = calloc(1, sizeof *t);
    char spec[256];
    assert_non_null(t);
    t->retains_all = retain == ALL;
    fixture_title("'%s' on %s%s%s", c->spec, c->shapes, frozen ? ", frozen: " : "", frozen ? frozen : "");
    snprintf(spec, sizeof spec, "%s name=layer", c->spec);
    CHECK_SIXNET(sixnet_context_new(&t->ctx, "dtype=f64"));
    CHECK_SIXNET(sixnet_model_new(&t->net, t->ctx));
    add_inputs(t, c);
    t->layer = add(t, spec, t->before, t->inputs);
    if (retain == LAYER)
        CHECK_SIXNET(sixnet_node_retain(t->net, t->layer));
    add_outputs(t);
    if (frozen)
        CHECK_SIXNET(sixnet_model_set_tensors(t->net, frozen, "trainable=false"));
    CHECK_SIXNET(sixnet_model_compile(t->net));
    fill_tensors(t, &(fixture_random){1});
    run(t, c, &(fixture_random){2});
    return t;
}

static void trial_close(trial *t)
{
    sixnet_model_free(t->net);
    sixnet_context_free(t->ctx);
    free(t);
}

static bool is_trainable(const sixnet_model *net, const char *name)
{
    return sixnet_tensor_setting(net, name, "trainable") > 0;
}

static void compare_gradients(const trial *expected, const trial *t, const char *name)
{
    fixture_shape s;
    CHECK_SIXNET(sixnet_tensor_shape(t->net, name, s.dim, &s.rank, NULL));
    const int64_t count = fixture_size(&s);
    double *a = fixture_room(count), *b = fixture_room(count);
    CHECK_SIXNET(sixnet_tensor_gradient_f64(expected->net, name, a, count));
    CHECK_SIXNET(sixnet_tensor_gradient_f64(t->net, name, b, count));
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fixture_fail("the gradient of %s[%lld] is %.17g, but %.17g where all nodes are retained", name,
                         (long long)i, b[i], a[i]);
    free(a);
    free(b);
}

static void check(const fixture_case *c, const trial *expected, retaining retain, const char *frozen)
{
    const char *name;
    trial *t = trial_open(c, retain, frozen);
    if (memcmp(t->y, expected->y, sizeof t->y) != 0)
        fixture_fail("the outputs are not those where all nodes are retained");
    for (int32_t i = 0; (name = sixnet_tensor_name(t->net, i)); i++)
        if (is_trainable(t->net, name))
            compare_gradients(expected, t, name);
    trial_close(t);
}

static void check_case(const fixture_case *c)
{
    const char *name;
    trial *expected = trial_open(c, ALL, NULL);
    check(c, expected, NOTHING, NULL);
    for (int k = 0; k < expected->inputs; k++) {
        char pattern[20];
        snprintf(pattern, sizeof pattern, "before%d.*", k);
        check(c, expected, LAYER, fixture_choices(c->spec, c->shapes, k) ? NULL : pattern);
    }
    for (int32_t i = 0; (name = sixnet_tensor_name(expected->net, i)); i++)
        if (strncmp(name, "layer.", 6) == 0 && is_trainable(expected->net, name))
            check(c, expected, NOTHING, name);
    trial_close(expected);
}

static void test_lifetimes(void **state)
{
    (void)state;
    fixture_spec_room room;
    for (int i = 0; i < fixture_case_count(); i++) {
        const fixture_case c = fixture_case_at(i, &room);
        const bool has_input = !fixture_is(c.spec, "input") && !fixture_is(c.spec, "constant");
        const bool skips = fixture_skips(i) || (fixture_quick() && c.n);
        if (has_input && !skips)
            check_case(&c);
    }
}

/* ---- more buffers than are fitted into gaps ---- */

enum { BUFFERS = 3000, STEPS = 500 };

static bool are_apart(const six_buffer *a, const six_buffer *b)
{
    return a->last < b->first || b->last < a->first || a->offset + a->size <= b->offset ||
           b->offset + b->size <= a->offset;
}

static int64_t live_bytes(const six_buffer *buffer, int32_t step)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < BUFFERS; i++)
        bytes += buffer[i].first <= step && step <= buffer[i].last ? buffer[i].size : 0;
    return bytes;
}

/* Buffers that live at the same time are apart, and the total is where the last one ends. */
static void test_many_buffers(void **state)
{
    (void)state;
    static six_buffer buffer[BUFFERS];
    six_placement p;
    six_arena arena = {0};
    int64_t end = 0, live = 0;
    for (int32_t i = 0; i < BUFFERS; i++) {
        const six_philox r = six_philox_at(1, 0, (uint64_t)i);
        const int32_t first = (int32_t)(r.word[0] % STEPS), length = (int32_t)(r.word[1] % (r.word[2] % 8 ? 8 : STEPS));
        buffer[i] = (six_buffer){
            .size = 1 + r.word[3] % 4096, .first = first, .last = first + length < STEPS ? first + length : STEPS - 1};
    }
    six_placement_alloc(&p, &arena, BUFFERS, STEPS);
    arena = (six_arena){.base = calloc(1, arena.used)};
    assert_non_null(arena.base);
    six_placement_alloc(&p, &arena, BUFFERS, STEPS);
    const int64_t total = six_place_buffers(&p, buffer, BUFFERS);
    for (int32_t i = 0; i < BUFFERS; i++) {
        assert_true(buffer[i].offset >= 0);
        end = buffer[i].offset + buffer[i].size > end ? buffer[i].offset + buffer[i].size : end;
        for (int32_t k = 0; k < i; k++)
            if (!are_apart(&buffer[i], &buffer[k]))
                fail_msg("buffers %d and %d overlap", (int)k, (int)i);
    }
    for (int32_t step = 0; step < STEPS; step++)
        live = live_bytes(buffer, step) > live ? live_bytes(buffer, step) : live;
    assert_int_equal(total, end);
    assert_true(total >= live && total <= 2 * live);
    free(arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lifetimes), cmocka_unit_test(test_many_buffers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
