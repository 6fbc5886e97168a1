/* SPDX-License-Identifier: MIT */
/* A training pass over one sample, which works without lanes where the layers can: it has the bits of a pass with lanes, and right
 * gradients. */

#include "layer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 4, VALUES_MAX = 400, GRADIENTS_MAX = 4000 };

/* A net with every layer that can do without lanes, their attributes, and values that have several users. */
#define GRAPH                                                                                                          \
    "input shape=6x20\n"                                                                                               \
    "linear out_features=9 name=a\n"                                                                                   \
    "tanh name=b\n"                                                                                                    \
    "gelu from=a name=c\n"                                                                                             \
    "mul from=b,c name=d\n"                                                                                            \
    "add from=d,a,b name=e\n"                                                                                          \
    "split sizes=4,5 dim=1 name=s\n"                                                                                   \
    "concat from=s:1,e,s:0 dim=1\n"                                                                                    \
    "leaky_relu negative_slope=0.1\n"                                                                                  \
    "linear out_features=3 bias=false\n"                                                                               \
    "silu\n"                                                                                                           \
    "reshape shape=18 name=f\n"                                                                                        \
    "gelu approximate=tanh\n"                                                                                          \
    "constant shape=18 value=0.5\n"                                                                                    \
    "add from=gelu2,constant1,f\n"
#define MLP                                                                                                            \
    "input shape=17\nlinear out_features=33\nrelu\nlinear out_features=16 bias=false\nsigmoid\nlinear out_features=5 " \
    "name=y\n"

typedef struct one_case {
    const char *text, *frozen; /* frozen: the tensors that do not learn, or NULL */
    int classes;               /* of the target, or 0 */
} one_case;

static const one_case cases[] = {
    {GRAPH "linear out_features=4\nmse", NULL, 0},
    {GRAPH "relu\nmse reduction=half_sum", NULL, 0},
    {GRAPH "linear out_features=130\nlinear out_features=3\nl1 reduction=sum", NULL, 0},
    {GRAPH "smooth_l1 beta=0.5", "a.weight", 0},
    {MLP "sigmoid\nmse reduction=sum", NULL, 0},
    {MLP "l1", "linear1.*", 0},
    {MLP "bce_with_logits pos_weight=1,2,3,4,5", "y.bias", 0},
    {MLP "cross_entropy label_smoothing=0.1", NULL, 5},
    {MLP "cross_entropy weight=1,2,3,0.5,1 reduction=sum", "linear2.weight", 5},
    {MLP "nll", NULL, 5},
    {MLP "split sizes=2,3\nmul from=split1:0,split1:0\nmse", NULL, 0},
    {"input shape=5x4\nsplit sizes=1,4 name=p\nlinear out_features=3 from=p:0 name=h\ntanh name=c\n"
     "lstm hidden_size=3 from=p:1,h,c name=r\ngru hidden_size=7 num_layers=2 bidirectional=true dropout=0.5 name=s\n"
     "split sizes=1,3 from=s:h_n name=t\nrnn hidden_size=7 from=s,t:0 nonlinearity=relu name=u\nflatten name=v\n"
     "flatten from=r:c_n name=w\nconcat from=v,w\nmse",
     NULL, 0},
    {"input shape=1\nlinear out_features=1\nmse", NULL, 0},
    {"input shape=4\nlinear out_features=4 name=a\ntanh\nlinear out_features=4 share=a name=b\nadd "
     "from=b,a\nflatten\nmse",
     NULL, 0},
};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct one_sample {
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_optimizer *opt;
    int in, targets;
} one_sample;

static int size_of(const sixnet_model *net, sixnet_node node)
{
    fixture_shape s;
    CHECK_SIXNET(sixnet_node_shape(net, node, s.dim, &s.rank));
    return (int)fixture_size(&s);
}

static one_sample open_case(const one_case *c, const char *options, bool retained)
{
    one_sample o;
    const char *at = c->text;
    fixture_title("%s, case %d%s", options, (int)(c - cases), retained ? ", retained" : "");
    CHECK_SIXNET(sixnet_context_new(&o.ctx, options));
    CHECK_SIXNET(sixnet_model_new(&o.net, o.ctx));
    sixnet_node node = SIXNET_NO_NODE;
    for (; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        char line[100];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        const bool takes_last = !strstr(line, "from=") && !fixture_is(line, "constant");
        node = sixnet_model_add(o.net, line, takes_last ? node : SIXNET_NO_NODE);
        if (retained && at[strcspn(at, "\n")])
            CHECK_SIXNET(sixnet_node_retain(o.net, node));
    }
    if (c->frozen)
        CHECK_SIXNET(sixnet_model_set_tensors(o.net, c->frozen, "trainable=false"));
    CHECK_SIXNET(sixnet_model_compile(o.net));
    CHECK_SIXNET(sixnet_optimizer_new(&o.opt, o.net, "sgd lr=0.05 momentum=0.9", NULL));
    o.in = size_of(o.net, 0);
    o.targets = size_of(o.net, sixnet_node_count(o.net) - 1);
    return o;
}

static void close_case(one_sample *o)
{
    sixnet_optimizer_free(o->opt);
    sixnet_model_free(o->net);
    sixnet_context_free(o->ctx);
}

static void fill(const one_case *c, const one_sample *o, double *x, double *t, int n, uint64_t seed)
{
    fixture_random r = {seed};
    for (int i = 0; i < n * o->in; i++)
        x[i] = fixture_below(&r, 4) ? fixture_uniform(&r, -2, 2) : 0;
    for (int i = 0; i < n * o->targets; i++)
        t[i] = c->classes ? fixture_below(&r, c->classes) : fixture_uniform(&r, 0, 1);
}

/* Fewer bytes are asked for where the pass has no lanes. */
static void check_that_lanes_are_saved(const one_sample *o)
{
    uint64_t one, two;
    CHECK_SIXNET(sixnet_model_memory_needed(o->net, 1, 1, &one));
    CHECK_SIXNET(sixnet_model_memory_needed(o->net, 2, 1, &two));
    if (one >= two)
        fixture_fail("%llu bytes for 1 sample, %llu for 2", (unsigned long long)one, (unsigned long long)two);
}

static void compare(const char *what, int index, const double *a, const double *b, int count)
{
    if (memcmp(a, b, (size_t)count * sizeof *a) == 0)
        return;
    for (int i = 0; i < count; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fixture_fail("%s %d: value %d is %.17g, with lanes %.17g", what, index, i, a[i], b[i]);
}

static void compare_gradients(const one_sample *a, const one_sample *b)
{
    double *x = fixture_room(GRADIENTS_MAX), *y = fixture_room(GRADIENTS_MAX);
    const char *name;
    for (int32_t i = 0; (name = sixnet_tensor_name(a->net, i)); i++) {
        fixture_shape s;
        int32_t trainable;
        CHECK_SIXNET(sixnet_tensor_shape(a->net, name, s.dim, &s.rank, &trainable));
        if (!trainable || sixnet_tensor_setting(a->net, name, "trainable") == 0)
            continue;
        const int count = (int)fixture_size(&s);
        assert_true(count <= GRADIENTS_MAX);
        CHECK_SIXNET(sixnet_tensor_gradient_f64(a->net, name, x, count));
        CHECK_SIXNET(sixnet_tensor_gradient_f64(b->net, name, y, count));
        compare("gradient of tensor", i, x, y, count);
    }
    free(x);
    free(y);
}

static void compare_values(const one_sample *a, const one_sample *b)
{
    double x[VALUES_MAX], y[VALUES_MAX];
    for (sixnet_node i = 0; i < sixnet_node_count(a->net) - 1; i++) {
        const int count = size_of(a->net, i);
        assert_true(count <= VALUES_MAX);
        CHECK_SIXNET(sixnet_node_values_f64(a->net, i, x, count));
        CHECK_SIXNET(sixnet_node_values_f64(b->net, i, y, count));
        compare("values of node", i, x, y, count);
        if (sixnet_node_gradient_f64(a->net, i, x, count) == SIXNET_BAD_STATE)
            continue;
        CHECK_SIXNET(sixnet_node_gradient_f64(b->net, i, y, count));
        compare("gradient of node", i, x, y, count);
    }
}

static void step(const one_sample *o, const double *x, const double *t, double *loss)
{
    CHECK_SIXNET(sixnet_model_zero_grad(o->net));
    CHECK_SIXNET(sixnet_model_forward_f64(o->net, x, 1));
    CHECK_SIXNET(sixnet_model_loss_f64(o->net, t, loss));
    CHECK_SIXNET(sixnet_model_backward(o->net));
}

/* A model that has trained on two samples keeps lanes. */
static void check_bits(const one_case *c, const char *options, bool retained)
{
    one_sample a = open_case(c, options, retained), b = open_case(c, options, retained);
    double *x = fixture_room(STEPS * a.in), *t = fixture_room(STEPS * a.targets), loss[2];
    fill(c, &a, x, t, STEPS, 1);
    check_that_lanes_are_saved(&a);
    CHECK_SIXNET(sixnet_model_forward_f64(a.net, x, 1)); /* as many passes, for equal random numbers */
    CHECK_SIXNET(sixnet_model_forward_f64(b.net, x, 2));
    for (int i = 0; i < STEPS; i++) {
        step(&a, x + i * a.in, t + i * a.targets, &loss[0]);
        step(&b, x + i * b.in, t + i * b.targets, &loss[1]);
        compare("loss of step", i, &loss[0], &loss[1], 1);
        compare_gradients(&a, &b);
        if (retained)
            compare_values(&a, &b);
        CHECK_SIXNET(sixnet_optimizer_step(a.opt));
        CHECK_SIXNET(sixnet_optimizer_step(b.opt));
    }
    free(x);
    free(t);
    close_case(&a);
    close_case(&b);
}

static void test_bits_are_those_of_lanes(void **state)
{
    (void)state;
    for (const char *const *isa = fixture_isas(); *isa; isa++)
        for (int i = 0; i < CASES; i++)
            check_bits(&cases[i], *isa, i & 1);
    for (int i = 0; i < CASES; i++)
        check_bits(&cases[i], "dtype=f64", !(i & 1));
}

static void test_gradients_are_right(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        one_sample o = open_case(&cases[i], "dtype=f64", false);
        double *x = fixture_room(o.in), *t = fixture_room(o.targets), worst;
        const char *where;
        fill(&cases[i], &o, x, t, 1, 9);
        CHECK_SIXNET(sixnet_model_gradient_check(o.net, x, t, 1, &worst, &where));
        if (!(worst < 1e-8))
            fixture_fail("%s differs by %g", where, worst);
        free(x);
        free(t);
        close_case(&o);
    }
}

/* Diagnostics look at lanes, and a shard may be a single sample. */
static void test_fit_of_single_samples(void **state)
{
    (void)state;
    static const char *const options[] = {"batch_size=1", "batch_size=1 diagnostics=true", "batch_size=4 shards=4"};
    char digest[3][65], with_lanes[65];
    for (int lanes = 0; lanes < 2; lanes++)
        for (int i = 0; i < 3; i++) {
            one_sample o = open_case(&cases[4], "threads=2", false);
            sixnet_dataset *ds;
            double *x = fixture_room(8 * o.in), *t = fixture_room(8 * o.targets);
            fill(&cases[4], &o, x, t, 8, 3);
            if (lanes)
                CHECK_SIXNET(sixnet_model_forward_f64(o.net, x, 2));
            CHECK_SIXNET(sixnet_dataset_from_arrays(
                &ds, o.ctx, "input_dtype=f64 target_dtype=f64 shape=17 target_shape=5", x, t, 8));
            CHECK_SIXNET(sixnet_model_fit(o.net, o.opt, ds, NULL, options[i], NULL, NULL));
            CHECK_SIXNET(sixnet_model_digest(o.net, lanes ? with_lanes : digest[i]));
            if (lanes)
                assert_string_equal(with_lanes, digest[i]);
            sixnet_dataset_free(ds);
            free(x);
            free(t);
            close_case(&o);
        }
    assert_string_equal(digest[0], digest[1]);
    assert_string_not_equal(digest[0], digest[2]);
}

/* backward_from() the derivative of the loss is backward(), in a net with a loss, between passes with lanes and without. */
static void test_backward_from(void **state)
{
    (void)state;
    one_sample a = open_case(&cases[4], "dtype=f64", false), b = open_case(&cases[4], "dtype=f64", false);
    double x[3 * 17], t[3 * 5], y[5], dy[5], loss;
    fill(&cases[4], &a, x, t, 3, 5);
    step(&a, x, t, &loss);
    for (int lanes = 0; lanes < 3; lanes++) {
        if (lanes == 1)
            CHECK_SIXNET(sixnet_model_forward_f64(b.net, x, 3));
        CHECK_SIXNET(sixnet_model_zero_grad(b.net));
        CHECK_SIXNET(sixnet_model_forward_f64(b.net, x, 1));
        CHECK_SIXNET(sixnet_node_values_f64(b.net, sixnet_node_count(b.net) - 2, y, 5));
        for (int i = 0; i < 5; i++)
            dy[i] = (y[i] - t[i]) * 2;
        CHECK_SIXNET(sixnet_model_backward_from_f64(b.net, dy));
        compare_gradients(&a, &b);
    }
    close_case(&a);
    close_case(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_are_those_of_lanes),
        cmocka_unit_test(test_gradients_are_right),
        cmocka_unit_test(test_fit_of_single_samples),
        cmocka_unit_test(test_backward_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
