/* SPDX-License-Identifier: MIT */
/* Every layer and loss, ten steps of three small nets, and the gradients of nets that share tensors, against PyTorch's
 * numbers, which make_fixtures.py wrote. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "golden.h"
#include "sixnet/sixnet.h"

/* ---- a case: its head, and its lines of numbers or text ---- */

enum { ENTRIES_MAX = 64 };

typedef struct entry {
    const char *keyword, *name; /* name: of a tensor; "" for others */
    double *values;             /* NULL for text */
    int64_t count;
    const char *text;
} entry;

typedef struct fixture {
    const char *spec, *shape; /* of a net: its name; and the optimizer, or the output's name */
    int64_t n;
    int count;
    entry entry[ENTRIES_MAX];
} fixture;

static bool has_name(const char *keyword)
{
    return strcmp(keyword, "tensor") == 0 || strcmp(keyword, "grad") == 0 || strcmp(keyword, "after") == 0;
}

static bool has_text(const char *keyword) { return strcmp(keyword, "mode") == 0 || strcmp(keyword, "net") == 0; }

static entry entry_of(char *line)
{
    entry e = {.keyword = golden_cut(&line, " ")};
    e.name = has_name(e.keyword) ? golden_cut(&line, " ") : "";
    e.text = line;
    if (!has_text(e.keyword))
        e.values = golden_numbers(line, &e.count);
    return e;
}

static bool read_fixture(golden *g, fixture *f)
{
    char *head = golden_after(golden_line(g), "case");
    if (!head)
        return false;
    *f = (fixture){0};
    f->spec = golden_cut(&head, " | ");
    f->shape = golden_cut(&head, " | ");
    f->n = strtol(head, NULL, 10);
    for (char *line; strcmp(line = golden_line(g), "end") != 0;) {
        assert_in_range(f->count, 0, ENTRIES_MAX - 1);
        f->entry[f->count++] = entry_of(line);
    }
    return true;
}

static void free_fixture(fixture *f)
{
    for (int i = 0; i < f->count; i++)
        free(f->entry[i].values);
}

/* Line number `index` of those with a keyword. */
static const entry *find_next(const fixture *f, const char *keyword, int index)
{
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->entry[i].keyword, keyword) == 0 && index-- == 0)
            return &f->entry[i];
    return NULL;
}

static const entry *find_named(const fixture *f, const char *keyword, const char *name)
{
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->entry[i].keyword, keyword) == 0 && strcmp(f->entry[i].name, name) == 0)
            return &f->entry[i];
    return NULL;
}

static const entry *find(const fixture *f, const char *keyword) { return find_next(f, keyword, 0); }

static void succeed(const fixture *f, const char *what, int32_t status)
{
    if (status)
        fail_msg("'%s': %s: %s", f->spec, what, sixnet_last_error());
}

#define CHECK_SIXNET(call) succeed(f, #call, call)

/* ---- comparing ---- */

/* A context to run in, and how far from PyTorch's float64 its results may be, as a share of the largest value or of 1. */
typedef struct precision {
    const char *options;
    double layers, nets;
    const char *losses; /* keyword of the losses to compare with */
} precision;

static const precision precisions[] = {
    {"dtype=f64", 1e-11, 1e-10, "f64"},
    {"dtype=f32", 2e-5, 1e-5, "f32"},
    {"dtype=f32 isa=baseline", 2e-5, 1e-5, "f32"},
};

enum { PRECISIONS = sizeof precisions / sizeof *precisions };

static double largest(const entry *e)
{
    double most = 1;
    for (int64_t i = 0; i < e->count; i++)
        most = fmax(most, fabs(e->values[i]));
    return most;
}

static void compare(const fixture *f, const entry *e, const double *got, const precision *p)
{
    double bound = p->layers * largest(e);
    for (int64_t i = 0; i < e->count; i++)
        if (!(fabs(got[i] - e->values[i]) <= bound))
            fail_msg("%s, '%s': %s %s, value %d: %.17g instead of %.17g", p->options, f->spec, e->keyword, e->name,
                     (int)i, got[i], e->values[i]);
}

static double *room_for(const entry *e)
{
    double *values = malloc((size_t)e->count * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < e->count; i++)
        values[i] = NAN;
    return values;
}

typedef int32_t read_tensor(const sixnet_model *, const char *, double *, int64_t);
typedef int32_t read_node(const sixnet_model *, sixnet_node, double *, int64_t);

/* Compares all tensors that have lines of a keyword. */
static void compare_tensors(const fixture *f, const char *keyword, const sixnet_model *net, read_tensor *read,
                            const precision *p)
{
    for (int i = 0; i < f->count; i++) {
        const entry *e = &f->entry[i];
        if (strcmp(e->keyword, keyword) != 0)
            continue;
        double *got = room_for(e);
        succeed(f, e->name, read(net, e->name, got, e->count));
        compare(f, e, got, p);
        free(got);
    }
}

static void compare_node(const fixture *f, const entry *e, const sixnet_model *net, sixnet_node node, read_node *read,
                         const precision *p)
{
    if (!e)
        return;
    double *got = room_for(e);
    succeed(f, e->keyword, read(net, node, got, e->count));
    compare(f, e, got, p);
    free(got);
}

static void set_tensors(const fixture *f, sixnet_model *net)
{
    for (int i = 0; i < f->count; i++) {
        const entry *e = &f->entry[i];
        if (strcmp(e->keyword, "tensor") == 0)
            succeed(f, e->name, sixnet_tensor_set_f64(net, e->name, e->values, e->count));
    }
}

/* ---- layers and losses ---- */

enum { INPUTS_MAX = 4 };

typedef struct layer_net {
    sixnet_model *model;
    sixnet_node input[INPUTS_MAX], layer; /* layer: or what joins its outputs */
    int inputs;
} layer_net;

/* The layer's output; of several, all flat and one after another. */
static sixnet_node join_outputs(sixnet_model *net, sixnet_node layer)
{
    static const char *const number[] = {"0", "1", "2"};
    sixnet_node flat[3];
    int count = 0;
    if (sixnet_node_output(net, layer, "1") == SIXNET_NO_NODE)
        return layer;
    for (sixnet_node y; count < 3 && (y = sixnet_node_output(net, layer, number[count])) != SIXNET_NO_NODE; count++)
        flat[count] = sixnet_model_add(net, "flatten", y);
    return sixnet_model_add_multi(net, "concat", flat, count);
}

static layer_net build(const fixture *f, sixnet_context *ctx)
{
    char shape[64], input[80];
    layer_net net = {.inputs = 0};
    CHECK_SIXNET(sixnet_model_new(&net.model, ctx));
    for (int length = 0, at = 0; sscanf(f->shape + at, "%63s%n", shape, &length) == 1; at += length) {
        assert_in_range(net.inputs, 0, INPUTS_MAX - 1);
        snprintf(input, sizeof input, "input shape=%s", shape);
        net.input[net.inputs++] = sixnet_model_add(net.model, input, SIXNET_NO_NODE);
    }
    net.layer = join_outputs(net.model, sixnet_model_add_multi(net.model, f->spec, net.input, net.inputs));
    for (int i = 0; find_next(f, "grad_input", i); i++)
        CHECK_SIXNET(sixnet_node_retain(net.model, net.input[i]));
    if (find(f, "output"))
        CHECK_SIXNET(sixnet_node_retain(net.model, net.layer));
    CHECK_SIXNET(sixnet_model_compile(net.model));
    set_tensors(f, net.model);
    return net;
}

static void check_training(const fixture *f, const layer_net *net, const precision *p)
{
    CHECK_SIXNET(sixnet_model_forward_f64(net->model, find(f, "input")->values, f->n));
    compare_node(f, find(f, "output"), net->model, net->layer, sixnet_node_values_f64, p);
    CHECK_SIXNET(sixnet_model_zero_grad(net->model));
    CHECK_SIXNET(sixnet_model_backward_from_f64(net->model, find(f, "upstream")->values));
    for (int i = 0; i < net->inputs; i++)
        compare_node(f, find_next(f, "grad_input", i), net->model, net->input[i], sixnet_node_gradient_f64, p);
    compare_tensors(f, "grad", net->model, sixnet_tensor_gradient_f64, p);
    compare_tensors(f, "after", net->model, sixnet_tensor_get_f64, p);
}

static void check_evaluation(const fixture *f, const layer_net *net, const precision *p)
{
    const entry *output = find(f, "output");
    double *got = room_for(output);
    CHECK_SIXNET(sixnet_model_predict_f64(net->model, find(f, "input")->values, f->n, got));
    compare(f, output, got, p);
    free(got);
}

static void check_loss(const fixture *f, const layer_net *net, const precision *p)
{
    double loss = NAN;
    CHECK_SIXNET(sixnet_model_forward_f64(net->model, find(f, "input")->values, f->n));
    CHECK_SIXNET(sixnet_model_loss_f64(net->model, find(f, "target")->values, &loss));
    compare(f, find(f, "loss"), &loss, p);
    CHECK_SIXNET(sixnet_model_backward(net->model));
    compare_node(f, find(f, "grad_input"), net->model, net->input[0], sixnet_node_gradient_f64, p);
}

static void check_layer(const fixture *f, const precision *p)
{
    static const struct {
        const char *mode;
        void (*check)(const fixture *, const layer_net *, const precision *);
    } modes[] = {{"train", check_training}, {"eval", check_evaluation}, {"loss", check_loss}};
    sixnet_context *ctx;
    CHECK_SIXNET(sixnet_context_new(&ctx, p->options));
    layer_net net = build(f, ctx);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(find(f, "mode")->text, modes[i].mode) == 0)
            modes[i].check(f, &net, p);
    sixnet_model_free(net.model);
    sixnet_context_free(ctx);
}

static void check_file(const char *name, void (*check)(const fixture *, const precision *), int least)
{
    golden g = golden_open(name);
    fixture f;
    int cases = 0;
    for (; read_fixture(&g, &f); cases++) {
        for (int i = 0; i < PRECISIONS; i++)
            check(&f, &precisions[i]);
        free_fixture(&f);
    }
    assert_true(cases >= least);
    golden_close(&g);
}

static void test_layers_and_losses_agree_with_pytorch(void **state)
{
    (void)state;
    check_file("layers.txt", check_layer, 59);
}

/* ---- nets ---- */

static sixnet_model *parse(const fixture *f, sixnet_context *ctx)
{
    char text[4096] = "";
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->entry[i].keyword, "net") == 0) {
            strncat(text, f->entry[i].text, sizeof text - strlen(text) - 1);
            strncat(text, "\n", sizeof text - strlen(text) - 1);
        }
    sixnet_model *net;
    CHECK_SIXNET(sixnet_model_parse(&net, ctx, text));
    set_tensors(f, net);
    return net;
}

static double training_step(const fixture *f, sixnet_model *net, sixnet_optimizer *opt)
{
    double loss = NAN;
    CHECK_SIXNET(sixnet_model_zero_grad(net));
    CHECK_SIXNET(sixnet_model_forward_f64(net, find(f, "input")->values, f->n));
    CHECK_SIXNET(sixnet_model_loss_f64(net, find(f, "target")->values, &loss));
    CHECK_SIXNET(sixnet_model_backward(net));
    CHECK_SIXNET(sixnet_optimizer_step(opt));
    return loss;
}

static void check_net(const fixture *f, const precision *p)
{
    sixnet_context *ctx;
    sixnet_optimizer *opt;
    CHECK_SIXNET(sixnet_context_new(&ctx, p->options));
    sixnet_model *net = parse(f, ctx);
    CHECK_SIXNET(sixnet_optimizer_new(&opt, net, f->shape, NULL));
    const entry *expected = find(f, p->losses);
    assert_int_equal(expected->count, 10);
    for (int64_t i = 0; i < expected->count; i++) {
        double loss = training_step(f, net, opt);
        if (!(fabs(loss - expected->values[i]) <= p->nets * expected->values[i]))
            fail_msg("%s, '%s': loss %d: %.17g instead of %.17g", p->options, f->spec, (int)i, loss,
                     expected->values[i]);
    }
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
}

static void test_nets_train_as_in_pytorch(void **state)
{
    (void)state;
    check_file("nets.txt", check_net, 3);
}

/* ---- nets that share tensors, branch or are frozen in part ---- */

/* The file has the gradients of exactly the tensors that train. */
static void check_trained(const fixture *f, const sixnet_model *net)
{
    for (int i = 0; i < f->count; i++) {
        const entry *e = &f->entry[i];
        if (strcmp(e->keyword, "tensor") != 0)
            continue;
        bool trains = sixnet_tensor_setting(net, e->name, "parameter") == 1 &&
                      sixnet_tensor_setting(net, e->name, "trainable") == 1;
        if (trains != (find_named(f, "grad", e->name) != NULL))
            fail_msg("'%s': %s %s", f->spec, e->name, trains ? "trains" : "does not train");
    }
}

static void check_sharing(const fixture *f, const precision *p)
{
    const entry *output = find(f, "output");
    double loss = NAN, *predicted = room_for(output);
    sixnet_context *ctx;
    CHECK_SIXNET(sixnet_context_new(&ctx, p->options));
    sixnet_model *net = parse(f, ctx);
    check_trained(f, net);
    CHECK_SIXNET(sixnet_model_predict_f64(net, find(f, "input")->values, f->n, predicted));
    compare(f, output, predicted, p);
    CHECK_SIXNET(sixnet_model_forward_f64(net, find(f, "input")->values, f->n));
    compare_node(f, output, net, sixnet_node_find(net, f->shape), sixnet_node_values_f64, p);
    CHECK_SIXNET(sixnet_model_zero_grad(net));
    CHECK_SIXNET(sixnet_model_loss_f64(net, find(f, "target")->values, &loss));
    compare(f, find(f, "loss"), &loss, p);
    CHECK_SIXNET(sixnet_model_backward(net));
    compare_tensors(f, "grad", net, sixnet_tensor_gradient_f64, p);
    compare_tensors(f, "after", net, sixnet_tensor_get_f64, p);
    free(predicted);
    sixnet_model_free(net);
    sixnet_context_free(ctx);
}

static void test_nets_that_share_agree_with_pytorch(void **state)
{
    (void)state;
    check_file("sharing.txt", check_sharing, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_and_losses_agree_with_pytorch),
        cmocka_unit_test(test_nets_train_as_in_pytorch),
        cmocka_unit_test(test_nets_that_share_agree_with_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
