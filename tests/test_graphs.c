/* SPDX-License-Identifier: MIT */
/* Graphs of all shapes. What plan.c does to share memory between nodes must not show: a graph of which every node is retained, so
 * that nothing is overwritten, has the same bits as one of which none is; its nodes agree with the oracles, its gradients with
 * the stencil. */

#include "layer_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 64, OUTPUTS_MAX = 4, MOST = 16 };

typedef struct graph_node {
    char spec[120];
    int inputs, input[FIXTURE_INPUTS], input_output[FIXTURE_INPUTS]; /* nodes, and which of their outputs */
    int outputs;
    fixture_shape out[OUTPUTS_MAX];
    bool kept;   /* always retained: leads nowhere */
    bool words;  /* an input of rows of a table */
    bool sign;   /* no small change of anything turns its values' sign */
    bool apart;  /* no two of its values are close, but those that are exactly 0 */
    double most; /* how large they are, about */
} graph_node;

typedef struct graph {
    graph_node node[NODES_MAX];
    int count, loss, largest; /* largest: size of a node */
} graph;

/* All outputs of one sample. */
static int64_t node_size(const graph_node *n)
{
    int64_t size = 0;
    for (int o = 0; o < n->outputs; o++)
        size += fixture_size(&n->out[o]);
    return size;
}

static const fixture_shape *input_shape(const graph *g, int i, int k)
{
    const graph_node *n = &g->node[i];
    return &g->node[n->input[k]].out[n->input_output[k]];
}

/* ---- models of a graph ---- */

typedef enum retaining { NONE, SOME, ALL } retaining;

typedef struct built {
    const graph *g;
    sixnet_context *ctx;
    sixnet_model *net;
    bool retained[NODES_MAX];
    int64_t in_total, out_total; /* of one sample */
    int output;
} built;

static sixnet_node output_of(const sixnet_model *net, int i, int output)
{
    char text[12];
    snprintf(text, sizeof text, "%d", output);
    return sixnet_node_output(net, i, text);
}

static void add_node(built *b, int i, const char *name)
{
    const graph_node *n = &b->g->node[i];
    char spec[160];
    sixnet_node inputs[FIXTURE_INPUTS];
    for (int k = 0; k < n->inputs; k++)
        inputs[k] = output_of(b->net, n->input[k], n->input_output[k]);
    snprintf(spec, sizeof spec, "%s name=%s%d", n->spec, name, i);
    if (sixnet_model_add_multi(b->net, spec, inputs, n->inputs) != i)
        fixture_fail("'%s' cannot be added: %s", spec, sixnet_last_error());
    if (b->retained[i])
        CHECK_SIXNET(sixnet_node_retain(b->net, i));
    b->in_total += fixture_is(n->spec, "input") ? node_size(n) : 0;
}

/* Norms are given weights, and all running statistics values, that they do not have at first. */
static void set_tensors(const built *b, fixture_random *r)
{
    const char *name;
    for (int32_t t = 0; (name = sixnet_tensor_name(b->net, t)); t++) {
        fixture_shape s;
        CHECK_SIXNET(sixnet_tensor_shape(b->net, name, s.dim, &s.rank, NULL));
        int64_t count = fixture_size(&s);
        double *values = fixture_room(count);
        for (int64_t i = 0; i < count; i++)
            values[i] = fixture_has(name, "running_var") ? fixture_uniform(r, 0.5, 2) : fixture_uniform(r, -1, 1);
        if (s.rank == 1)
            CHECK_SIXNET(sixnet_tensor_set_f64(b->net, name, values, count));
        free(values);
    }
}

static built build(const graph *g, const char *options, retaining how, fixture_random r)
{
    built b = {.g = g};
    CHECK_SIXNET(sixnet_context_new(&b.ctx, options));
    CHECK_SIXNET(sixnet_model_new(&b.net, b.ctx));
    for (int i = 0; i < g->count; i++) {
        b.retained[i] = i != g->loss && (g->node[i].kept || how == ALL || (how == SOME && fixture_below(&r, 3) == 0));
        add_node(&b, i, "n");
    }
    CHECK_SIXNET(sixnet_model_compile(b.net));
    set_tensors(&b, &(fixture_random){99});
    b.output = g->node[g->loss].input[0];
    b.out_total = fixture_size(input_shape(g, g->loss, 0));
    return b;
}

static void drop_built(built *b)
{
    sixnet_model_free(b->net);
    sixnet_context_free(b->ctx);
}

static void print(const graph *g)
{
    for (int i = 0; i < g->count; i++) {
        print_error("    %d: %s @", i, g->node[i].spec);
        for (int k = 0; k < g->node[i].inputs; k++)
            print_error(" %d:%d", g->node[i].input[k], g->node[i].input_output[k]);
        print_error("\n");
    }
}

/* ---- samples ---- */

typedef struct samples {
    int n;
    double *x, *target;
} samples;

static samples draw(const built *b, int n, fixture_random *r)
{
    samples s = {n, fixture_room(n * b->in_total), fixture_room(n * b->out_total)};
    double *x = s.x;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < b->g->count; k++) {
            const graph_node *node = &b->g->node[k];
            if (!fixture_is(node->spec, "input"))
                continue;
            int64_t size = node_size(node);
            fixture_fill(r, FIXTURE_APART, x, size);
            for (int64_t j = 0; node->words && j < size; j++)
                x[j] = fixture_below(r, 5);
            x += size;
        }
    fixture_fill(r, FIXTURE_ANY, s.target, n * b->out_total);
    return s;
}

static void drop_samples(samples *s)
{
    free(s->x);
    free(s->target);
}

/* ---- passes ---- */

typedef struct results {
    double loss, *predicted, *gradients;
    double *value[NODES_MAX],
        *gradient[NODES_MAX]; /* of retained nodes [n][node_size]; the gradient is 0 where none comes */
    int64_t gradient_count;
} results;

static int64_t parameter_size(const sixnet_model *net, const char *name)
{
    fixture_shape s;
    int32_t trainable;
    CHECK_SIXNET(sixnet_tensor_shape(net, name, s.dim, &s.rank, &trainable));
    return trainable ? fixture_size(&s) : 0;
}

static void take_gradients(const built *b, results *r)
{
    const char *name;
    int64_t at = 0;
    for (int32_t t = 0; (name = sixnet_tensor_name(b->net, t)); t++)
        r->gradient_count += parameter_size(b->net, name);
    r->gradients = fixture_room(r->gradient_count);
    for (int32_t t = 0; (name = sixnet_tensor_name(b->net, t)); t++) {
        int64_t size = parameter_size(b->net, name);
        if (size)
            CHECK_SIXNET(sixnet_tensor_gradient_f64(b->net, name, r->gradients + at, size));
        at += size;
    }
}

/* Whether the loss depends on an output of a node. */
static bool leads_to_loss(const graph *g, int i, int output)
{
    bool leads[NODES_MAX] = {false}, found = false;
    leads[g->loss] = true;
    for (int k = g->count - 1; k > i; k--)
        for (int j = 0; leads[k] && j < g->node[k].inputs; j++) {
            leads[g->node[k].input[j]] = true;
            found |= g->node[k].input[j] == i && g->node[k].input_output[j] == output;
        }
    return found;
}

/* Copies values [n][size] to where they are among all outputs of a node, to [n][all]. */
static void put_output(double *to, int64_t all, const double *values, int64_t size, int n)
{
    for (int s = 0; s < n; s++)
        memcpy(to + s * all, values + s * size, (size_t)size * sizeof *to);
}

static void take_node(const built *b, int i, int n, results *r)
{
    const graph_node *node = &b->g->node[i];
    const int64_t all = node_size(node);
    int64_t at = 0;
    r->value[i] = fixture_room(n * all);
    r->gradient[i] = fixture_room(n * all);
    for (int o = 0; o < node->outputs; o++) {
        const int64_t size = fixture_size(&node->out[o]);
        const sixnet_node output = output_of(b->net, i, o);
        double *values = fixture_room(n * size);
        CHECK_SIXNET(sixnet_node_values_f64(b->net, output, values, n * size));
        put_output(r->value[i] + at, all, values, size, n);
        const int32_t status = sixnet_node_gradient_f64(b->net, output, values, n * size);
        if (leads_to_loss(b->g, i, o)) {
            CHECK_SIXNET(status);
            put_output(r->gradient[i] + at, all, values, size, n);
        } else
            assert_int_equal(status, SIXNET_BAD_STATE);
        free(values);
        at += size;
    }
}

static results run(const built *b, const samples *s)
{
    results r = {.predicted = fixture_room(s->n * b->out_total)};
    CHECK_SIXNET(sixnet_model_predict_f64(b->net, s->x, s->n, r.predicted));
    CHECK_SIXNET(sixnet_model_forward_f64(b->net, s->x, s->n));
    CHECK_SIXNET(sixnet_model_loss_f64(b->net, s->target, &r.loss));
    CHECK_SIXNET(sixnet_model_backward(b->net));
    take_gradients(b, &r);
    for (int i = 0; i < b->g->count; i++)
        if (b->retained[i])
            take_node(b, i, s->n, &r);
    return r;
}

static void drop_results(results *r)
{
    free(r->predicted);
    free(r->gradients);
    for (int i = 0; i < NODES_MAX; i++) {
        free(r->value[i]);
        free(r->gradient[i]);
    }
}

static void check_bits(const char *what, int node, const double *a, const double *b, int64_t count)
{
    for (int64_t i = 0; a && b && i < count; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fixture_fail("%s of node %d, value %lld: %.17g, but %.17g when everything is retained", what, node,
                         (long long)i, b[i], a[i]);
}

/* all is of a model of which everything is retained. */
static void compare(const built *b, const results *all, const results *r, int n)
{
    check_bits("loss", -1, &all->loss, &r->loss, 1);
    check_bits("prediction", b->output, all->predicted, r->predicted, n * b->out_total);
    check_bits("parameter gradients", -1, all->gradients, r->gradients, all->gradient_count);
    for (int i = 0; i < b->g->count; i++) {
        int64_t count = n * node_size(&b->g->node[i]);
        check_bits("values", i, all->value[i], r->value[i], count);
        check_bits("gradient", i, all->gradient[i], r->gradient[i], count);
    }
}

/* ---- nodes and the oracles ---- */

static layer_fixture fixture_of(const built *b, int i, char name[16])
{
    const graph_node *node = &b->g->node[i];
    layer_fixture l = {.spec = node->spec, .name = name, .net = b->net, .inputs = node->inputs, .out = node->out[0]};
    snprintf(name, 16, "n%d", i);
    for (int k = 0; k < l.inputs; k++) {
        l.in[k] = *input_shape(b->g, i, k);
        l.in_size[k] = fixture_size(&l.in[k]);
    }
    l.out_size = node_size(node);
    return l;
}

/* The values [n][size] that a node takes as an input. */
static double *input_values(const graph *g, int i, int k, const results *r, int n)
{
    const graph_node *from = &g->node[g->node[i].input[k]];
    const int64_t size = fixture_size(input_shape(g, i, k)), all = node_size(from);
    const double *values = r->value[g->node[i].input[k]];
    double *copy = fixture_room(n * size);
    for (int o = 0; o < g->node[i].input_output[k]; o++)
        values += fixture_size(&from->out[o]);
    for (int s = 0; s < n; s++)
        memcpy(copy + s * size, values + s * all, (size_t)size * sizeof *copy);
    return copy;
}

static void check_node(const built *b, int i, const results *r, int n, fixture_tensors *t)
{
    char name[16];
    layer_fixture l = fixture_of(b, i, name);
    fixture_data d = {.n = n};
    double *y = fixture_room(n * l.out_size);
    for (int k = 0; k < l.inputs; k++)
        d.x[k] = input_values(b->g, i, k, r, n);
    if (l.inputs && fixture_expect(&l, &d, t, true, y))
        for (int64_t j = 0; j < n * l.out_size; j++)
            if (!(fabs(y[j] - r->value[i][j]) <= 1e-12 * fmax(1, fabs(y[j]))))
                fixture_fail("node %d, '%s': value %lld is %.17g, not %.17g", i, l.spec, (long long)j, r->value[i][j],
                             y[j]);
    for (int k = 0; k < l.inputs; k++)
        free(d.x[k]);
    free(y);
}

static void check_nodes(const graph *g, const samples *s, const results *r)
{
    built b = build(g, "dtype=f64", ALL, (fixture_random){0});
    for (int i = 0; i < g->count; i++) {
        char name[16];
        layer_fixture l = fixture_of(&b, i, name);
        fixture_tensors t = fixture_take_tensors(&l);
        if (i != g->loss)
            check_node(&b, i, r, s->n, &t);
        fixture_drop_tensors(&t);
    }
    drop_built(&b);
}

/* ---- all checks of a graph ---- */

static void check_stencil(const graph *g, int n, fixture_random r)
{
    built b = build(g, "dtype=f64 seed=2", NONE, r);
    samples s = draw(&b, n, &r);
    double worst;
    const char *where;
    CHECK_SIXNET(sixnet_model_gradient_check(b.net, s.x, s.target, n, &worst, &where));
    if (!(worst <= 1e-7)) {
        print(g);
        fixture_fail("%s, %d samples: the gradient is off by %g", where, n, worst);
    }
    drop_samples(&s);
    drop_built(&b);
}

static void check_bits_of(const graph *g, const char *options, int n, fixture_random r)
{
    static const struct {
        retaining how;
        const char *threads;
    } ways[] = {{ALL, ""}, {NONE, ""}, {SOME, ""}, {NONE, "threads=3"}};
    results all = {0}, one;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char context[80];
        snprintf(context, sizeof context, "%s %s", options, ways[i].threads);
        built b = build(g, context, ways[i].how, r);
        samples s = draw(&b, n, &(fixture_random){7});
        one = run(&b, &s);
        if (i == 0) {
            all = one;
            if (fixture_has(options, "f64"))
                check_nodes(g, &s, &all);
        } else {
            compare(&b, &all, &one, n);
            drop_results(&one);
        }
        drop_samples(&s);
        drop_built(&b);
    }
    drop_results(&all);
}

/* Whether a model of which nothing is retained needs less memory. */
static bool saves_memory(const graph *g)
{
    built all = build(g, "", ALL, (fixture_random){0}), none = build(g, "", NONE, (fixture_random){0});
    uint64_t more, less;
    CHECK_SIXNET(sixnet_model_memory_needed(all.net, 160, 1, &more));
    CHECK_SIXNET(sixnet_model_memory_needed(none.net, 160, 1, &less));
    if (less > more)
        fixture_fail("%llu bytes when nothing is retained, %llu when everything is", (unsigned long long)less,
                     (unsigned long long)more);
    drop_built(&all);
    drop_built(&none);
    return less < more;
}

static void check_graph(const graph *g, fixture_random r, int number)
{
    check_bits_of(g, "dtype=f64", 33, r);
    check_bits_of(g, number % 2 ? "dtype=f32" : "isa=baseline", 18, r);
    check_stencil(g, 2 + number % 2, r);
    if (number % 16 == 0)
        check_stencil(g, 18, r);
}

/* ---- graphs by hand: "SPEC @ INPUT INPUT:OUTPUT", a line a node; ! before what is retained because it leads nowhere ---- */

static void find_outputs(graph_node *n, const sixnet_model *net, int i)
{
    sixnet_node output;
    for (n->outputs = 0; (output = output_of(net, i, n->outputs)) != SIXNET_NO_NODE; n->outputs++) {
        assert_true(n->outputs < OUTPUTS_MAX);
        CHECK_SIXNET(sixnet_node_shape(net, output, n->out[n->outputs].dim, &n->out[n->outputs].rank));
    }
}

static void find_shapes(graph *g)
{
    built b = {.g = g};
    CHECK_SIXNET(sixnet_model_new(&b.net, NULL));
    for (int i = 0; i < g->count; i++) {
        add_node(&b, i, "n");
        find_outputs(&g->node[i], b.net, i);
    }
    sixnet_model_free(b.net);
}

static void parse_node(graph *g, const char *line)
{
    graph_node *n = &g->node[g->count];
    const char *inputs = strchr(line, '@');
    char *end;
    n->kept = line[0] == '!';
    snprintf(n->spec, sizeof n->spec, "%.*s", (int)(inputs - line - 1 - n->kept), line + n->kept);
    n->words = fixture_is(n->spec, "input") && fixture_has(n->spec, "words");
    if (n->words)
        *strstr(n->spec, " words") = '\0';
    for (const char *at = inputs + 1; *at; at = end) {
        n->input[n->inputs] = (int)strtol(at, &end, 10);
        if (*end == ':')
            n->input_output[n->inputs] = (int)strtol(end + 1, &end, 10);
        n->inputs++;
    }
    if (fixture_is(n->spec, "mse"))
        g->loss = g->count;
    g->count++;
}

#define INPUT "input shape=2x3x4 @"
#define LOSS "mse reduction=half_sum @ "

static const char *const by_hand[][20] = {
    /* a node twice in add, and three times in mul */
    {INPUT, "sigmoid @ 0", "add @ 1 1", LOSS "2"},
    {INPUT, "linear out_features=4 @ 0", "tanh @ 1", "add @ 2 2", "tanh @ 3", "mul @ 4 4 4", "sigmoid @ 5", LOSS "6"},
    {INPUT, "tanh @ 0", "mul @ 1 1", "mul @ 2 2", "mul @ 0 3", LOSS "4"},
    {INPUT, "add @ 0 0", LOSS "1"},
    {INPUT, "concat @ 0 0", "concat dim=1 @ 1 1", LOSS "2"},
    /* residuals, with whatever order of the inputs */
    {INPUT, "conv2d out_channels=2 kernel_size=3 padding=1 @ 0", "sigmoid @ 1", "add @ 2 0", "tanh @ 3", "add @ 3 4",
     LOSS "5"},
    {INPUT, "conv2d out_channels=2 kernel_size=3 padding=1 @ 0", "batchnorm2d eps=0.5 @ 1", "silu @ 2", "add @ 1 3",
     "add @ 4 2", "tanh @ 5", "add @ 0 6 3", LOSS "7"},
    {INPUT, "linear out_features=4 @ 0", "add @ 0 1", "linear out_features=4 @ 2", "add @ 3 2",
     "linear out_features=4 @ 4", "add @ 4 5", "silu @ 6", "add @ 7 4", LOSS "8"},
    /* one node, many consumers */
    {INPUT, "gelu @ 0", "tanh @ 1", "sigmoid @ 1", "silu @ 1", "linear out_features=4 @ 1", "add @ 2 3 4 5 1",
     LOSS "6"},
    {INPUT, "dropout p=0.4 @ 0", "tanh @ 1", "sigmoid @ 1", "mul @ 2 3 1", LOSS "4"},
    /* reshapes in a row, and with several consumers */
    {INPUT, "tanh @ 0", "reshape shape=24 @ 1", "reshape shape=4x6 @ 2", "flatten @ 3", "sigmoid @ 4", LOSS "5"},
    {INPUT, "tanh @ 0", "reshape shape=24 @ 1", "sigmoid @ 2", "silu @ 2", "add @ 3 4", "tanh @ 2", "mul @ 5 6",
     LOSS "7"},
    {INPUT, "tanh @ 0", "reshape shape=24 @ 1", "reshape shape=2x3x4 @ 2", "add @ 3 1", "flatten @ 4", "add @ 5 2",
     LOSS "6"},
    {INPUT, "reshape shape=24 @ 0", "flatten @ 0", "add @ 1 2", "sigmoid @ 3", "reshape shape=2x12 @ 4",
     "reshape shape=12x2 @ 4", "linear out_features=5 @ 5", "linear out_features=5 @ 6", "flatten @ 7", "flatten @ 8",
     "concat @ 9 10", LOSS "11"},
    {INPUT, "reshape shape=24 @ 0", LOSS "1"},
    {INPUT, LOSS "0"},
    /* chains that are worked in place, from dropout that reads nothing to norms that read their inputs */
    {INPUT, "linear out_features=4 @ 0", "dropout p=0.3 @ 1", "dropout p=0.3 @ 2", "relu @ 0", "add @ 3 4",
     "dropout p=0.2 @ 5", LOSS "6"},
    {INPUT, "conv2d out_channels=3 kernel_size=1 @ 0", "dropout p=0.3 @ 1", "sigmoid @ 2", "dropout p=0.3 @ 3",
     "batchnorm2d eps=0.5 @ 4", "dropout p=0.3 @ 5", "softmax @ 6", "flatten @ 7", "dropout p=0.3 @ 8", LOSS "9"},
    {INPUT, "layernorm normalized_shape=4 eps=0.5 @ 0", "groupnorm num_groups=1 eps=0.5 @ 1", "batchnorm2d eps=0.5 @ 2",
     "log_softmax @ 3", "mul @ 4 0", "layernorm normalized_shape=3x4 eps=0.5 @ 5", LOSS "6"},
    /* branches that lead nowhere, from the output and behind the loss too */
    {INPUT, "tanh @ 0", "!sigmoid @ 1", "linear out_features=3 @ 1", "!linear out_features=2 @ 3", LOSS "3"},
    {INPUT, "tanh @ 0", "silu @ 1", LOSS "2", "!sigmoid @ 2", "!add @ 2 1"},
    {INPUT, "tanh @ 0", LOSS "1", "linear out_features=4 @ 1", "!batchnorm2d eps=0.5 @ 3"},
    {INPUT, "dropout p=0.2 @ 0", "!tanh @ 1", "reshape shape=24 @ 1", "!dropout p=0.5 @ 3", "sigmoid @ 3", LOSS "5"},
    /* several inputs, and words */
    {INPUT, "input shape=3 words @", "embedding num_embeddings=5 embedding_dim=8 @ 1", "reshape shape=2x3x4 @ 2",
     "mul @ 3 0", "embedding num_embeddings=5 embedding_dim=8 @ 1", "reshape shape=2x3x4 @ 5", "add @ 6 4", LOSS "7"},
    {INPUT, INPUT, "mul @ 1 0", "add @ 2 0 1", LOSS "3"},
    /* a matrix times itself, and one of several times one for all */
    {INPUT, "tanh @ 0", "matmul transpose_b=true @ 1 1", "matmul @ 2 1", "add @ 3 1", LOSS "4"},
    {INPUT, "input shape=4x5 @", "tanh @ 1", "matmul @ 0 2", "matmul transpose_b=true @ 3 2", "mul @ 4 0", LOSS "5"},
    {INPUT, "conv2d out_channels=2 kernel_size=3 padding=1 @ 0", "input shape=2x3x4 @", "add @ 1 2", "tanh @ 3",
     "add @ 4 2", LOSS "5"},
    /* outputs other than the first: each taken, one not, one only by what is retained, the loss's, and by several nodes */
    {INPUT, "tanh @ 0", "split sizes=1,3 dim=2 @ 1", "sigmoid @ 2:1", "linear out_features=3 @ 2", "mul @ 4 3 2:1",
     LOSS "5"},
    {INPUT, "dropout p=0.2 @ 0", "split sizes=1,1,1 dim=1 @ 1", "silu @ 2:2", "add @ 3 2:0", LOSS "4"},
    {INPUT, "linear out_features=4 @ 0", "split sizes=1,1,2 dim=2 @ 1", "!tanh @ 2:1", "dropout p=0.3 @ 2:2",
     "concat dim=2 @ 4 2", LOSS "5"},
    {INPUT, "tanh @ 0", "split sizes=2,1 dim=1 @ 1", LOSS "2:1"},
    {INPUT, "linear out_features=4 @ 0", "split sizes=1,1 dim=0 @ 1", "relu @ 0", "split sizes=1,1 dim=0 @ 3",
     "add @ 2:1 4:1 2:1", "reshape shape=12 @ 2:1", "flatten @ 5", "mul @ 6 7", LOSS "8"},
    {INPUT, "maxpool2d kernel_size=2 @ 0", "avgpool2d kernel_size=2 @ 0", "add @ 1 2",
     "adaptive_avgpool2d output_size=3x2 @ 3", "leaky_relu @ 0", "adaptive_avgpool2d output_size=3x2 @ 5",
     "concat dim=2 @ 4 6", LOSS "7"},
};

static void test_graphs_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof by_hand / sizeof *by_hand; i++) {
        graph g = {.loss = -1};
        fixture_title("graph %d by hand", (int)i);
        for (int k = 0; by_hand[i][k]; k++)
            parse_node(&g, by_hand[i][k]);
        find_shapes(&g);
        saves_memory(&g);
        for (int number = 0; number < (fixture_quick() ? 2 : 6); number++)
            check_graph(&g, (fixture_random){(uint64_t)number}, number);
    }
}

/* ---- graphs at random ---- */

/* Makes a node up, which takes the last ones more often; false if the kind does not fit. */
typedef bool maker(graph *g, fixture_random *r, graph_node *n);

static int any_node(const graph *g, fixture_random *r)
{
    int i;
    do
        i = fixture_below(r, 3) ? g->count - 1 - fixture_below(r, g->count < 3 ? g->count : 3)
                                : fixture_below(r, g->count);
    while (g->node[i].words);
    return i;
}

/* Takes some node as the only input. */
static const graph_node *take(const graph *g, fixture_random *r, graph_node *n)
{
    n->inputs = 1;
    n->input[0] = any_node(g, r);
    n->most = g->node[n->input[0]].most;
    return &g->node[n->input[0]];
}

static bool make_smooth(graph *g, fixture_random *r, graph_node *n)
{
    static const char *const specs[] = {
        "tanh",    "sigmoid",           "silu",          "gelu",       "gelu approximate=tanh",
        "softmax", "log_softmax dim=0", "softmax dim=0", "log_softmax"};
    const graph_node *x = take(g, r, n);
    snprintf(n->spec, sizeof n->spec, "%s", specs[fixture_below(r, 9)]);
    n->sign = fixture_is(n->spec, "sigmoid") || fixture_is(n->spec, "softmax") ||
              (x->sign && !fixture_is(n->spec, "log_softmax"));
    n->apart = x->apart && (fixture_is(n->spec, "tanh") || fixture_is(n->spec, "sigmoid"));
    n->most = fixture_is(n->spec, "log_softmax") ? 2 * x->most + 2 : fixture_has(n->spec, "lu") ? x->most : 1;
    return true;
}

/* Layers whose derivative jumps at 0. */
static bool make_bent(graph *g, fixture_random *r, graph_node *n)
{
    const graph_node *x = take(g, r, n);
    snprintf(n->spec, sizeof n->spec, "%s", fixture_below(r, 2) ? "relu" : "leaky_relu negative_slope=0.25");
    n->sign = x->sign;
    n->apart = x->apart;
    return x->sign;
}

static bool make_dropout(graph *g, fixture_random *r, graph_node *n)
{
    const graph_node *x = take(g, r, n);
    snprintf(n->spec, sizeof n->spec, "dropout p=0.%d", fixture_below(r, 5));
    n->most *= 1.6;
    n->sign = x->sign;
    n->apart = x->apart;
    return true;
}

static bool make_linear(graph *g, fixture_random *r, graph_node *n)
{
    take(g, r, n);
    n->most = 1 + 2 * n->most;
    snprintf(n->spec, sizeof n->spec, "linear out_features=%d bias=%s", 1 + fixture_below(r, 9),
             fixture_below(r, 2) ? "true" : "false");
    return true;
}

static bool make_conv(graph *g, fixture_random *r, graph_node *n)
{
    const graph_node *x = take(g, r, n);
    int kernel = FIXTURE_PICK(r, 1, 2, 3),
        groups = x->out[0].rank == 3 && x->out[0].dim[0] % 2 == 0 ? 1 + fixture_below(r, 2) : 1;
    snprintf(n->spec, sizeof n->spec, "conv2d out_channels=%d kernel_size=%d padding=%d stride=%dx%d groups=%d",
             groups * (1 + fixture_below(r, 3)), kernel, kernel - 1, FIXTURE_PICK(r, 1, 1, 2), FIXTURE_PICK(r, 1, 1, 3),
             groups);
    n->most = 1 + 2 * n->most;
    return x->out[0].rank == 3;
}

static bool make_pool(graph *g, fixture_random *r, graph_node *n)
{
    const graph_node *x = take(g, r, n);
    if (x->out[0].rank != 3 || x->out[0].dim[1] < 2 || x->out[0].dim[2] < 2)
        return false;
    int kind = fixture_below(r, 4);
    if (kind < 2)
        snprintf(n->spec, sizeof n->spec, "maxpool2d kernel_size=2%s", kind ? " stride=1 padding=1" : "");
    else if (kind == 2)
        snprintf(n->spec, sizeof n->spec, "avgpool2d kernel_size=2 stride=%d", 1 + fixture_below(r, 2));
    else
        snprintf(n->spec, sizeof n->spec, "adaptive_avgpool2d output_size=%dx%d", 1 + fixture_below(r, 3),
                 1 + fixture_below(r, 4));
    n->sign = x->sign && kind < 2;
    return x->apart || kind >= 2;
}

/* eps keeps derivatives small where all values are close to each other. */
static bool make_norm(graph *g, fixture_random *r, graph_node *n)
{
    const graph_node *x = take(g, r, n);
    long long last = (long long)x->out[0].dim[x->out[0].rank - 1];
    n->most = 4;
    switch (fixture_below(r, 3)) {
    case 0:
        snprintf(n->spec, sizeof n->spec, "%s eps=0.5", x->out[0].rank == 3 ? "batchnorm2d" : "batchnorm1d");
        return x->out[0].rank <= 3;
    case 1:
        snprintf(n->spec, sizeof n->spec, "layernorm normalized_shape=%lld eps=0.5", last);
        return true;
    default:
        snprintf(n->spec, sizeof n->spec, "groupnorm num_groups=%d eps=0.5", x->out[0].dim[0] % 2 ? 1 : 2);
        return true;
    }
}

static bool make_reshape(graph *g, fixture_random *r, graph_node *n)
{
    const graph_node *x = take(g, r, n);
    int size = (int)fixture_size(&x->out[0]), rows = 1 + fixture_below(r, size), images = 1 + fixture_below(r, size);
    n->sign = x->sign;
    n->apart = x->apart;
    if (fixture_below(r, 3) == 0)
        snprintf(n->spec, sizeof n->spec, "flatten");
    else if (size % rows == 0 && size / rows % images == 0 && fixture_below(r, 2))
        snprintf(n->spec, sizeof n->spec, "reshape shape=%dx%dx%d", images, size / rows / images, rows);
    else if (size % rows == 0)
        snprintf(n->spec, sizeof n->spec, "reshape shape=%dx%d", rows, size / rows);
    return n->spec[0] != '\0';
}

static bool same_shape(const fixture_shape *a, const fixture_shape *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

/* Two or three nodes of one shape, the same more than once perhaps. */
static bool make_joint(graph *g, fixture_random *r, graph_node *n)
{
    const graph_node *x = take(g, r, n);
    bool product = fixture_below(r, 2), sign = x->sign;
    for (int tries = 0; tries < 30 && n->inputs < 2 + tries % 2; tries++) {
        int i = any_node(g, r);
        if (same_shape(&g->node[i].out[0], &x->out[0]) && (i != n->input[0] || fixture_below(r, 4) == 0)) {
            n->input[n->inputs++] = i;
            n->most = product ? n->most * g->node[i].most : n->most + g->node[i].most;
            sign = sign && g->node[i].sign;
        }
    }
    if (fixture_below(r, 2)) {
        int first = n->input[0];
        n->input[0] = n->input[n->inputs - 1];
        n->input[n->inputs - 1] = first;
    }
    snprintf(n->spec, sizeof n->spec, product ? "mul" : "add");
    n->sign = product && sign;
    return n->inputs > 1;
}

static bool make_concat(graph *g, fixture_random *r, graph_node *n)
{
    const graph_node *x = take(g, r, n);
    int d = fixture_below(r, x->out[0].rank);
    n->sign = x->sign;
    for (int tries = 0; tries < 20 && n->inputs < 3; tries++) {
        int i = any_node(g, r);
        fixture_shape s = g->node[i].out[0];
        s.dim[d] = x->out[0].dim[d];
        if (!same_shape(&s, &x->out[0]))
            continue;
        n->input[n->inputs++] = i;
        n->most = fmax(n->most, g->node[i].most);
        n->sign = n->sign && g->node[i].sign;
    }
    snprintf(n->spec, sizeof n->spec, "concat dim=%d", d);
    return n->inputs > 1;
}

static maker *const makers[] = {
    make_smooth,  make_smooth, make_smooth, make_bent,  make_bent,   make_bent, make_dropout,
    make_linear,  make_conv,   make_conv,   make_pool,  make_norm,   make_norm, make_reshape,
    make_reshape, make_joint,  make_joint,  make_joint, make_concat,
};

/* Sizes of nodes: those of images take several bands of a convolution, see lib/layers/correlate.c. */
enum { SMALL = 96, LARGE = 6000 };

/* Appends a node, whose shape the library says, if it is not too large. */
static void append(graph *g, const graph_node *n)
{
    g->node[g->count++] = *n;
    find_shapes(g);
    if (fixture_size(&g->node[g->count - 1].out[0]) > g->largest || n->most > MOST)
        g->count--;
}

static void append_text(graph *g, const char *spec, const int *inputs, int count)
{
    graph_node n = {.inputs = count, .sign = fixture_is(spec, "input"), .apart = fixture_is(spec, "input"), .most = 2};
    snprintf(n.spec, sizeof n.spec, "%s", spec);
    if (count)
        memcpy(n.input, inputs, (size_t)count * sizeof *inputs);
    g->node[g->count++] = n;
    find_shapes(g);
}

static void append_inputs(graph *g, fixture_random *r)
{
    static const char *const shapes[] = {"input shape=12", "input shape=2x3x4", "input shape=3x2x2", "input shape=4x3",
                                         "input shape=2x6"};
    static const char *const images[] = {"input shape=3x20x33", "input shape=8x11x20", "input shape=2x40x9"};
    bool small = g->largest <= SMALL;
    append_text(g, small ? shapes[fixture_below(r, 5)] : images[fixture_below(r, 3)], NULL, 0);
    if (fixture_below(r, 3) == 0)
        append_text(g, fixture_below(r, 2) || !small ? g->node[0].spec : shapes[fixture_below(r, 5)], NULL, 0);
    if (fixture_below(r, 5) == 0) {
        append_text(g, "input shape=3", NULL, 0);
        g->node[g->count - 1].words = true;
        append_text(g, "embedding num_embeddings=5 embedding_dim=4", (const int[]){g->count - 1}, 1);
    }
}

static bool is_used(const graph *g, int i)
{
    for (int k = 0; k < g->count; k++)
        for (int j = 0; j < g->node[k].inputs; j++)
            if (g->node[k].input[j] == i)
                return true;
    return false;
}

/* What nobody takes is joined, so that all leads to the loss. */
static void append_ends(graph *g, fixture_random *r)
{
    int ends[NODES_MAX], count = 0, all = g->count;
    for (int i = 0; i < all; i++)
        if (!is_used(g, i))
            ends[count++] = i;
    for (int k = 0; count > 1 && k < count; k++) {
        append_text(g, "flatten", &ends[k], 1);
        ends[k] = g->count - 1;
    }
    if (count > FIXTURE_INPUTS)
        fixture_fail("%d nodes without consumers", count);
    if (count > 1)
        append_text(g, "concat dim=0", ends, count);
    else if (ends[0] != g->count - 1)
        fixture_fail("the last node must be the end");
    if (fixture_below(r, 2))
        append_text(g, "linear out_features=3", (const int[]){g->count - 1}, 1);
    g->loss = g->count;
    append_text(g, "mse reduction=half_sum", (const int[]){g->count - 1}, 1);
}

static graph random_graph(fixture_random *r, int largest)
{
    graph g = {.loss = -1, .largest = largest};
    int nodes = 4 + fixture_below(r, 16);
    append_inputs(&g, r);
    while (g.count < nodes) {
        graph_node n = {.inputs = 0};
        if (makers[fixture_below(r, (int)(sizeof makers / sizeof *makers))](&g, r, &n))
            append(&g, &n);
    }
    append_ends(&g, r);
    return g;
}

static void test_graphs_at_random(void **state)
{
    (void)state;
    int saving = 0, count = fixture_quick() ? 12 : 200;
    for (int i = 0; i < count; i++) {
        fixture_random r = {(uint64_t)i * 7919};
        fixture_title("random graph %d", i);
        graph g = random_graph(&r, SMALL);
        saving += saves_memory(&g);
        check_graph(&g, r, i);
    }
    assert_true(saving > count * 9 / 10);
}

static void test_graphs_of_images(void **state)
{
    (void)state;
    for (int i = 0; i < (fixture_quick() ? 4 : 40); i++) {
        fixture_random r = {(uint64_t)i * 104729};
        fixture_title("random graph of images %d", i);
        graph g = random_graph(&r, LARGE);
        check_bits_of(&g, "dtype=f64", 18, r);
        check_bits_of(&g, i % 2 ? "dtype=f32" : "isa=baseline", 18, r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graphs_by_hand),
        cmocka_unit_test(test_graphs_at_random),
        cmocka_unit_test(test_graphs_of_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
