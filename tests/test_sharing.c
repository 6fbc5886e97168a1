/* SPDX-License-Identifier: MIT */
/* Nets whose nodes share tensors or have several outputs, and settings of tensors: forward, gradients and steps against formulas in double,
 * files, copies and texts. */

#include "api.h"

#include <unistd.h>

#include "oracles.h"

enum { N = 19, MOST = 4096 }; /* samples, two tiles of them */

/* ---- formulas ---- */

/* A linear layer's tensors, and their gradients as they should be. */
typedef struct dense {
    int in, out;
    double weight[64], bias[16], weight_gradient[64], bias_gradient[16];
} dense;

static double *take(const sixnet_model *net, const char *name, double *values, int count)
{
    WORKS(sixnet_tensor_get_f64(net, name, values, count));
    return values;
}

static dense take_dense(const sixnet_model *net, const char *weight, const char *bias, int in, int out)
{
    dense d = {.in = in, .out = out};
    take(net, weight, d.weight, in * out);
    take(net, bias, d.bias, out);
    return d;
}

static void apply(const dense *d, const double *x, double *y, int rows)
{
    oracle_linear(x, d->weight, d->bias, y, rows, d->in, d->out);
}

/* Adds to the gradients of the tensors, and to dx unless it is NULL. */
static void apply_back(dense *d, const double *x, const double *dy, double *dx, int rows)
{
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < d->out; o++) {
            d->bias_gradient[o] += dy[r * d->out + o];
            for (int i = 0; i < d->in; i++) {
                d->weight_gradient[o * d->in + i] += dy[r * d->out + o] * x[r * d->in + i];
                if (dx)
                    dx[r * d->in + i] += dy[r * d->out + o] * d->weight[o * d->in + i];
            }
        }
}

/* dz = dy (1 - y^2) for y = tanh(z), in place. */
static void tanh_back(const double *y, double *dy, int count)
{
    for (int i = 0; i < count; i++)
        dy[i] *= 1 - y[i] * y[i];
}

static void near(const char *what, const double *got, const double *expected, int count)
{
    for (int i = 0; i < count; i++)
        if (!(fabs(got[i] - expected[i]) <= 1e-12 * fmax(1, fabs(expected[i]))))
            fail_msg("%s[%d] is %.17g, not %.17g", what, i, got[i], expected[i]);
}

static void expect_gradient(const sixnet_model *net, const char *name, const double *expected, int count)
{
    double got[MOST];
    WORKS(sixnet_tensor_gradient_f64(net, name, got, count));
    near(name, got, expected, count);
}

/* ---- nets, with losses whose gradient by the output y is y - t ---- */

static const char tied[] = "input shape=3 name=x\n"
                           "embedding num_embeddings=5 embedding_dim=4 name=e\n"
                           "linear out_features=4 name=h\n"
                           "tanh name=a\n"
                           "linear out_features=5 weight=e.weight name=o\n"
                           "mse reduction=half_sum\n";
static const char heads[] = "input shape=3 name=x\n"
                            "linear out_features=4 name=trunk\n"
                            "tanh name=a\n"
                            "linear out_features=2 name=left\n"
                            "linear out_features=3 from=a name=right\n"
                            "concat from=left,right\n"
                            "mse reduction=half_sum\n";
static const char siamese[] = "input shape=3 name=x\n"
                              "linear out_features=4 name=f\n"
                              "tanh name=fx\n"
                              "input shape=3 name=z\n"
                              "linear out_features=4 share=f name=g\n"
                              "tanh name=gz\n"
                              "mul from=fx,gz name=m\n"
                              "linear out_features=2 name=o\n"
                              "mse reduction=half_sum\n";
static const char diamond[] = "input shape=6 name=x\n"
                              "split sizes=2,3,1 name=s\n"
                              "linear from=s:0 out_features=2 name=u\n"
                              "tanh name=a\n"
                              "linear from=s:1 out_features=2 name=v\n"
                              "add from=a,v,s:0 name=w\n"
                              "concat from=w,s:1,a name=y\n"
                              "mse reduction=half_sum\n";
static const char norms[] = "input shape=3 name=x\n"
                            "batchnorm1d name=b\n"
                            "linear out_features=3 name=f\n"
                            "batchnorm1d share=b name=c\n"
                            "linear out_features=3 weight=f.weight name=g\n"
                            "constant shape=3 value=0.5 name=k\n"
                            "add from=g,k name=y\n"
                            "mse reduction=half_sum\n";

/* Layers whose gradients are summed over tiles after the pass. */
static const char partials[] = "input shape=2x4 name=x\n"
                               "layernorm normalized_shape=4 name=l\n"
                               "groupnorm num_groups=1 name=g\n"
                               "layernorm normalized_shape=4 share=l name=m\n"
                               "groupnorm num_groups=2 weight=g.weight name=h\n"
                               "mse reduction=half_sum\n";

static const char *const nets[] = {tied, heads, siamese, diamond, norms, partials};
enum { NETS = sizeof nets / sizeof *nets };

typedef struct task {
    sixnet_context *ctx;
    sixnet_model *net;
    int in, out;                                /* values of a sample */
    double x[MOST], t[MOST], y[MOST], dy[MOST]; /* y, dy: of the last pass */
} task;

static int end_size(const sixnet_model *net, const char *end)
{
    int64_t dims[8], size = 1;
    int32_t rank;
    WORKS(sixnet_model_shape(net, end, dims, &rank, NULL));
    for (int32_t i = 0; i < rank; i++)
        size *= dims[i];
    return (int)size;
}

static task *task_open(const char *text, const char *options)
{
    task *k = calloc(1, sizeof *k);
    assert_non_null(k);
    WORKS(sixnet_context_new(&k->ctx, options));
    k->net = parsed(k->ctx, text);
    k->in = end_size(k->net, "input");
    k->out = end_size(k->net, "output");
    assert_true(N * k->in <= MOST && N * k->out <= MOST);
    for (int i = 0; i < N * k->in; i++)
        k->x[i] = strstr(text, "embedding") ? i * 7 % 5 : sin(3.0 * i + 1);
    for (int i = 0; i < N * k->out; i++)
        k->t[i] = cos(2.0 * i);
    return k;
}

static void task_close(task *k)
{
    sixnet_model_free(k->net);
    sixnet_context_free(k->ctx);
    free(k);
}

/* The gradients of one batch. */
static void pass(task *k)
{
    WORKS(sixnet_model_zero_grad(k->net));
    WORKS(sixnet_model_forward_f64(k->net, k->x, N));
    WORKS(sixnet_model_loss_f64(k->net, k->t, NULL));
    WORKS(sixnet_model_backward(k->net));
}

static void check_output(task *k, const double *y)
{
    double got[MOST];
    WORKS(sixnet_model_predict_f64(k->net, k->x, N, got));
    near("output", got, y, N * k->out);
    for (int i = 0; i < N * k->out; i++)
        k->dy[i] = y[i] - k->t[i];
    pass(k);
}

/* ---- gradients by formula ---- */

static void test_tied_embedding(void **state)
{
    (void)state;
    enum { ROWS = 3 * N };
    task *k = task_open(tied, "dtype=f64");
    dense h = take_dense(k->net, "h.weight", "h.bias", 4, 4), o = take_dense(k->net, "e.weight", "o.bias", 4, 5);
    double x[ROWS * 4], a[ROWS * 4], y[ROWS * 5], da[ROWS * 4] = {0}, dx[ROWS * 4] = {0};
    oracle_embedding(k->x, o.weight, x, ROWS, 4);
    apply(&h, x, a, ROWS);
    oracle_tanh(a, ROWS * 4, a);
    apply(&o, a, y, ROWS);
    check_output(k, y);
    apply_back(&o, a, k->dy, da, ROWS);
    tanh_back(a, da, ROWS * 4);
    apply_back(&h, x, da, dx, ROWS);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < 4; i++)
            o.weight_gradient[(int)k->x[r] * 4 + i] += dx[r * 4 + i];
    expect_gradient(k->net, "e.weight", o.weight_gradient, 20);
    expect_gradient(k->net, "o.weight", o.weight_gradient, 20); /* the same tensor by its other name */
    expect_gradient(k->net, "o.bias", o.bias_gradient, 5);
    expect_gradient(k->net, "h.weight", h.weight_gradient, 16);
    expect_gradient(k->net, "h.bias", h.bias_gradient, 4);
    task_close(k);
}

/* Both heads give the trunk a gradient; a frozen trunk leaves the heads' as they are. */
static void check_heads(task *k, bool frozen)
{
    dense trunk = take_dense(k->net, "trunk.weight", "trunk.bias", 3, 4),
          left = take_dense(k->net, "left.weight", "left.bias", 4, 2),
          right = take_dense(k->net, "right.weight", "right.bias", 4, 3);
    double a[N * 4], l[N * 2], r[N * 3], y[N * 5], dl[N * 2], dr[N * 3], da[N * 4] = {0};
    apply(&trunk, k->x, a, N);
    oracle_tanh(a, N * 4, a);
    apply(&left, a, l, N);
    apply(&right, a, r, N);
    oracle_concat((const double *const[]){l, r}, (const int[]){2, 3}, 2, y, N, 1);
    check_output(k, y);
    for (int s = 0; s < N; s++) {
        memcpy(dl + 2 * s, k->dy + 5 * s, 2 * sizeof *dl);
        memcpy(dr + 3 * s, k->dy + 5 * s + 2, 3 * sizeof *dr);
    }
    apply_back(&left, a, dl, da, N);
    apply_back(&right, a, dr, da, N);
    tanh_back(a, da, N * 4);
    apply_back(&trunk, k->x, da, NULL, N);
    expect_gradient(k->net, "left.weight", left.weight_gradient, 8);
    expect_gradient(k->net, "left.bias", left.bias_gradient, 2);
    expect_gradient(k->net, "right.weight", right.weight_gradient, 12);
    expect_gradient(k->net, "right.bias", right.bias_gradient, 3);
    if (frozen)
        return;
    expect_gradient(k->net, "trunk.weight", trunk.weight_gradient, 12);
    expect_gradient(k->net, "trunk.bias", trunk.bias_gradient, 4);
}

static void test_two_heads(void **state)
{
    (void)state;
    task *k = task_open(heads, "dtype=f64");
    check_heads(k, false);
    task_close(k);
}

static void test_siamese(void **state)
{
    (void)state;
    task *k = task_open(siamese, "dtype=f64");
    dense f = take_dense(k->net, "f.weight", "f.bias", 3, 4), o = take_dense(k->net, "o.weight", "o.bias", 4, 2);
    double x[N * 3], z[N * 3], a[N * 4], b[N * 4], m[N * 4], y[N * 2], dm[N * 4] = {0}, da[N * 4], db[N * 4];
    for (int s = 0; s < N; s++) {
        memcpy(x + 3 * s, k->x + 6 * s, 3 * sizeof *x);
        memcpy(z + 3 * s, k->x + 6 * s + 3, 3 * sizeof *z);
    }
    apply(&f, x, a, N);
    oracle_tanh(a, N * 4, a);
    apply(&f, z, b, N);
    oracle_tanh(b, N * 4, b);
    for (int i = 0; i < N * 4; i++)
        m[i] = a[i] * b[i];
    apply(&o, m, y, N);
    check_output(k, y);
    apply_back(&o, m, k->dy, dm, N);
    for (int i = 0; i < N * 4; i++) {
        da[i] = dm[i] * b[i];
        db[i] = dm[i] * a[i];
    }
    tanh_back(a, da, N * 4);
    tanh_back(b, db, N * 4);
    apply_back(&f, x, da, NULL, N);
    apply_back(&f, z, db, NULL, N);
    expect_gradient(k->net, "f.weight", f.weight_gradient, 12);
    expect_gradient(k->net, "g.bias", f.bias_gradient, 4);
    expect_gradient(k->net, "o.weight", o.weight_gradient, 8);
    task_close(k);
}

/* x = (p, q, r): a = tanh(u(p)), y = (a + v(q) + p, q, a); r has no gradient. */
static void test_diamond(void **state)
{
    (void)state;
    task *k = task_open(diamond, "dtype=f64");
    dense u = take_dense(k->net, "u.weight", "u.bias", 2, 2), v = take_dense(k->net, "v.weight", "v.bias", 3, 2);
    double p[N * 2], q[N * 3], a[N * 2], b[N * 2], w[N * 2], y[N * 7], da[N * 2], dw[N * 2];
    for (int s = 0; s < N; s++) {
        memcpy(p + 2 * s, k->x + 6 * s, 2 * sizeof *p);
        memcpy(q + 3 * s, k->x + 6 * s + 2, 3 * sizeof *q);
    }
    apply(&u, p, a, N);
    oracle_tanh(a, N * 2, a);
    apply(&v, q, b, N);
    for (int i = 0; i < N * 2; i++)
        w[i] = a[i] + b[i] + p[i];
    oracle_concat((const double *const[]){w, q, a}, (const int[]){2, 3, 2}, 3, y, N, 1);
    check_output(k, y);
    for (int s = 0; s < N; s++)
        for (int i = 0; i < 2; i++) {
            dw[2 * s + i] = k->dy[7 * s + i];
            da[2 * s + i] = k->dy[7 * s + i] + k->dy[7 * s + 5 + i];
        }
    tanh_back(a, da, N * 2);
    apply_back(&u, p, da, NULL, N);
    apply_back(&v, q, dw, NULL, N);
    expect_gradient(k->net, "u.weight", u.weight_gradient, 4);
    expect_gradient(k->net, "u.bias", u.bias_gradient, 2);
    expect_gradient(k->net, "v.weight", v.weight_gradient, 6);
    expect_gradient(k->net, "v.bias", v.bias_gradient, 2);
    task_close(k);
}

/* The statistics of two batch norms that share them are moved by one and then by the other. */
static void test_shared_statistics(void **state)
{
    (void)state;
    task *k = task_open(norms, "dtype=f64");
    dense f = take_dense(k->net, "f.weight", "f.bias", 3, 3);
    double mean[3], variance[3], y[N * 3], z[N * 3], got[3];
    take(k->net, "b.running_mean", mean, 3);
    take(k->net, "b.running_var", variance, 3);
    oracle_batchnorm(k->x, NULL, NULL, mean, variance, y, N, 3, 1, 1, 0.1, 1e-5);
    apply(&f, y, z, N);
    oracle_batchnorm(z, NULL, NULL, mean, variance, y, N, 3, 1, 1, 0.1, 1e-5);
    WORKS(sixnet_model_forward_f64(k->net, k->x, N));
    near("running_mean", take(k->net, "c.running_mean", got, 3), mean, 3);
    near("running_var", take(k->net, "b.running_var", got, 3), variance, 3);
    task_close(k);
}

static void test_gradient_check(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++)
        for (int frozen = 0; frozen < 2; frozen++) {
            task *k = task_open(nets[i], "dtype=f64");
            double worst;
            const char *where;
            if (frozen)
                WORKS(sixnet_model_set_tensors(k->net, "*.weight", "trainable=false"));
            WORKS(sixnet_model_gradient_check(k->net, k->x, k->t, N, &worst, &where));
            if (!(worst <= 1e-7))
                fail_msg("net %d: the gradient of %s is off by %g", i, where, worst);
            task_close(k);
        }
}

/* ---- what there is once ---- */

static void check_names(const char *text, const char *names, const char *total)
{
    sixnet_model *net = parsed(NULL, text);
    char all[512] = "";
    for (int32_t i = 0; i < sixnet_tensor_count(net); i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "", sixnet_tensor_name(net, i));
    assert_string_equal(all, names);
    if (!strstr(sixnet_model_summary(net), total))
        fail_msg("without '%s':\n%s", total, sixnet_model_summary(net));
    sixnet_model_free(net);
}

/* A value has a gradient, and 2^18 numbers are a megabyte. Input and flatten are not shown. */
static void test_summaries_count_the_memory(void **state)
{
    (void)state;
    check_names("input shape=1x512x512\nrelu\nflatten\nlinear out_features=1\nmse", "linear1.weight linear1.bias",
                "Input size (MB): 1.00\nForward/backward pass size (MB): 2.00\nParams size (MB): 1.00\nEstimated Total "
                "Size (MB): 4.00\n");
}

static void test_shared_tensors_count_once(void **state)
{
    (void)state;
    check_names(tied, "e.weight h.weight h.bias o.bias", "Total params: 45\n");
    check_names(siamese, "f.weight f.bias o.weight o.bias", "Total params: 26\n");
    check_names(norms, "b.weight b.bias b.running_mean b.running_var f.weight f.bias g.bias k.value",
                "Total params: 21\n");
}

static void train(task *k, const char *optimizer, int steps)
{
    sixnet_optimizer *opt;
    WORKS(sixnet_optimizer_new(&opt, k->net, optimizer, NULL));
    for (int i = 0; i < steps; i++) {
        pass(k);
        WORKS(sixnet_optimizer_step(opt));
    }
    sixnet_optimizer_free(opt);
}

static void check_equal(task *k, sixnet_model *other)
{
    double a[MOST], b[MOST];
    assert_same_digest(digest_of(k->net), digest_of(other));
    assert_string_equal(sixnet_model_text(k->net), sixnet_model_text(other));
    assert_string_equal(sixnet_model_summary(k->net), sixnet_model_summary(other));
    WORKS(sixnet_model_predict_f64(k->net, k->x, N, a));
    WORKS(sixnet_model_predict_f64(other, k->x, N, b));
    assert_memory_equal(a, b, (size_t)(N * k->out) * sizeof *a);
    WORKS(sixnet_model_predict_f64(other, k->x, 1, b)); /* without lanes, where all layers can */
    assert_memory_equal(a, b, (size_t)k->out * sizeof *a);
}

/* A trained net, saved and loaded, copied, and its tensors in a net of the same text. */
static void check_copies(task *k)
{
    unsigned char file[1 << 14];
    uint64_t size;
    sixnet_model *loaded, *copied, *filled = parsed(k->ctx, sixnet_model_text(k->net));
    WORKS(sixnet_model_save_to_buffer(k->net, file, sizeof file, &size));
    WORKS(sixnet_model_load_from_buffer(&loaded, k->ctx, file, size, NULL));
    WORKS(sixnet_model_load_weights_from_buffer(filled, file, size, NULL, NULL));
    WORKS(sixnet_model_copy(&copied, k->net));
    check_equal(k, loaded);
    check_equal(k, filled);
    check_equal(k, copied);
    sixnet_model_free(loaded);
    sixnet_model_free(filled);
    sixnet_model_free(copied);
}

static const char *const settings[] = {"", "tensors match=*.weight trainable=false\n",
                                       "tensors match=*.bias lr_scale=0.25 weight_decay=0.5\n"};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* With settings below the net too. */
static void test_files_and_copies(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++)
        for (int s = 0; s < SETTINGS; s++) {
            char text[1024];
            snprintf(text, sizeof text, "%s%s", nets[i], settings[s]);
            task *k = task_open(text, "dtype=f64");
            train(k, "sgd lr=0.01 momentum=0.9 weight_decay=0.01", 2);
            check_copies(k);
            task_close(k);
        }
}

static void test_any_number_of_threads(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        task *one = task_open(nets[i], "dtype=f64 threads=1"), *three = task_open(nets[i], "dtype=f64 threads=3");
        train(one, "adam lr=0.01", 3);
        train(three, "adam lr=0.01", 3);
        assert_same_digest(digest_of(one->net), digest_of(three->net));
        task_close(one);
        task_close(three);
    }
}

/* ---- several outputs ---- */

static void test_outputs_by_name(void **state)
{
    (void)state;
    sixnet_model *net;
    int64_t dims[8];
    int32_t rank;
    float x[4] = {1, 2, 3, 4}, dy[3] = {5, 6, 7}, y[3];
    WORKS(sixnet_model_new(&net, NULL));
    sixnet_node in = sixnet_model_add(net, "input shape=4", SIXNET_NO_NODE),
                s = sixnet_model_add(net, "split sizes=1,3", in);
    sixnet_node second = sixnet_node_output(net, s, "1");
    assert_int_equal(sixnet_node_output(net, s, "0"), s);
    assert_int_equal(sixnet_node_output(net, s, "2"), SIXNET_NO_NODE);
    assert_int_equal(sixnet_node_output(net, s, "output"), SIXNET_NO_NODE);
    assert_int_equal(sixnet_node_output(net, in, "output"), in);
    WORKS(sixnet_node_retain(net, in));
    WORKS(sixnet_node_retain(net, s));
    assert_true(sixnet_model_add(net, "mse", second) >= 0);
    WORKS(sixnet_model_compile(net));
    WORKS(sixnet_node_shape(net, second, dims, &rank));
    assert_true(rank == 1 && dims[0] == 3);
    assert_string_equal(sixnet_model_text(net),
                        "input shape=4 name=input1\nsplit sizes=1,3 name=split1\nmse name=loss1 from=split1:1\n");
    WORKS(sixnet_model_predict(net, x, 1, y));
    assert_memory_equal(y, x + 1, sizeof y);
    WORKS(sixnet_model_forward(net, x, 1));
    WORKS(sixnet_node_values(net, second, y, 3));
    assert_memory_equal(y, x + 1, sizeof y);
    WORKS(sixnet_node_values(net, s, y, 1));
    assert_true(y[0] == 1);
    WORKS(sixnet_model_backward_from(net, dy));
    WORKS(sixnet_node_gradient(net, second, y, 3));
    assert_memory_equal(y, dy, sizeof y);
    float dx[4];
    WORKS(sixnet_node_gradient(net, in, dx, 4)); /* zero where nothing uses the output */
    assert_true(dx[0] == 0 && memcmp(dx + 1, dy, sizeof dy) == 0);
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, s, y, 1), "split1");
    sixnet_model_free(net);
}

/* ---- frozen tensors ---- */

static bool trains(const sixnet_model *net, const char *name)
{
    int64_t dims[8];
    int32_t rank, trainable;
    WORKS(sixnet_tensor_shape(net, name, dims, &rank, &trainable));
    assert_true(sixnet_tensor_setting(net, name, "trainable") == trainable);
    return trainable;
}

static void test_frozen_trunk(void **state)
{
    (void)state;
    task *k = task_open(heads, "dtype=f64");
    double before[12], after[12], head[8], gradient[12];
    uint64_t whole, frozen;
    WORKS(sixnet_model_memory_needed(k->net, N, 1, &whole));
    WORKS(sixnet_model_set_tensors(k->net, "trunk.*", "trainable=false"));
    WORKS(sixnet_model_memory_needed(k->net, N, 1, &frozen));
    assert_true(frozen < whole);
    assert_false(trains(k->net, "trunk.weight"));
    assert_false(trains(k->net, "trunk.bias"));
    assert_true(trains(k->net, "left.weight"));
    assert_non_null(strstr(sixnet_model_summary(k->net), "Trainable params: 25\nNon-trainable params: 16\n"));
    check_heads(k, true);
    FAILS(SIXNET_NOT_FOUND, sixnet_tensor_gradient_f64(k->net, "trunk.weight", gradient, 12), "trunk.weight");
    take(k->net, "trunk.weight", before, 12);
    take(k->net, "left.weight", head, 8);
    train(k, "adam lr=0.1", 2);
    assert_memory_equal(before, take(k->net, "trunk.weight", after, 12), sizeof before);
    assert_memory_not_equal(head, take(k->net, "left.weight", after, 8), sizeof head);
    task_close(k);
}

/* In the middle of a table of tensors, and one of a layer's two: the gradients of the others do not move. */
static void test_any_tensor_can_be_frozen(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        task *whole = task_open(nets[i], "dtype=f64");
        pass(whole);
        for (int32_t f = 0; f < sixnet_tensor_count(whole->net); f++) {
            task *k = task_open(nets[i], "dtype=f64");
            const char *frozen = sixnet_tensor_name(k->net, f);
            WORKS(sixnet_model_set_tensors(k->net, frozen, "trainable=false"));
            pass(k);
            for (int32_t t = 0; t < sixnet_tensor_count(k->net); t++) {
                const char *name = sixnet_tensor_name(k->net, t);
                double expected[MOST];
                int64_t count;
                assert_non_null(sixnet_tensor_data(k->net, name, &count));
                if (trains(k->net, name)) {
                    WORKS(sixnet_tensor_gradient_f64(whole->net, name, expected, count));
                    expect_gradient(k->net, name, expected, (int)count);
                }
            }
            task_close(k);
        }
        task_close(whole);
    }
}

/* The optimizer's state is that of what trains. */
static void test_frozen_tensors_have_no_state(void **state)
{
    (void)state;
    enum { VALUES = 1000 * 8 };
    long long state_bytes[2];
    for (int frozen = 0; frozen < 2; frozen++) {
        ledger l = {0};
        ledger_fail(&l, 0, false);
        sixnet_context *ctx = ledger_context(&l, "dtype=f64");
        sixnet_model *net =
            parsed(ctx, "input shape=1000\nlinear out_features=8 bias=false name=a\nlinear out_features=1\nmse");
        sixnet_optimizer *opt;
        if (frozen)
            WORKS(sixnet_model_set_tensors(net, "a.weight", "trainable=false"));
        const long long before = atomic_load(&l.live);
        WORKS(sixnet_optimizer_new(&opt, net, "adam lr=0.1", NULL));
        state_bytes[frozen] = atomic_load(&l.live) - before;
        sixnet_optimizer_free(opt);
        sixnet_model_free(net);
        sixnet_context_free(ctx);
        ledger_close(&l);
    }
    assert_true(state_bytes[0] - state_bytes[1] == 2 * VALUES * (long long)sizeof(double));
}

static const char normed[] = "input shape=3\nbatchnorm1d name=b\nlinear out_features=2 name=f\nmse\n";

/* Frozen, it gives what it would in evaluation, and moves no statistics; frozen in part it does not. */
static void test_frozen_batch_norm(void **state)
{
    (void)state;
    static const struct {
        const char *match[2];
        bool evaluates;
    } cases[] = {
        {{"b.*"}, true},
        {{"b.?????*", "b.bias"}, true}, /* names of five letters and more: all but the bias */
        {{"b.weight"}, false},
        {{"b.running_*"}, false},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        task *k = task_open(normed, "dtype=f64");
        double y[MOST], trained[MOST], mean[3], after[3];
        const double statistics[3] = {0.5, 2, 1.5};
        WORKS(sixnet_tensor_set_f64(k->net, "b.running_mean", statistics, 3));
        WORKS(sixnet_tensor_set_f64(k->net, "b.running_var", statistics, 3));
        take(k->net, "b.running_mean", mean, 3);
        for (int i = 0; i < 2 && cases[c].match[i]; i++)
            WORKS(sixnet_model_set_tensors(k->net, cases[c].match[i], "trainable=false"));
        WORKS(sixnet_model_predict_f64(k->net, k->x, N, y));
        pass(k);
        WORKS(sixnet_node_values_f64(k->net, sixnet_node_find(k->net, "f"), trained, N * 2));
        assert_int_equal(memcmp(y, trained, sizeof(double) * N * 2) == 0, cases[c].evaluates);
        assert_int_equal(memcmp(mean, take(k->net, "b.running_mean", after, 3), sizeof mean) == 0, cases[c].evaluates);
        task_close(k);
    }
}

/* Unfrozen, a net trains as one that never was. */
static void test_unfreezing(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        task *k = task_open(nets[i], "dtype=f64"), *never = task_open(nets[i], "dtype=f64");
        WORKS(sixnet_model_set_tensors(k->net, "*", "trainable=false"));
        WORKS(sixnet_model_forward_f64(k->net, k->x, N)); /* with nothing to train */
        WORKS(sixnet_model_loss_f64(k->net, k->t, NULL));
        WORKS(sixnet_model_backward(k->net));
        WORKS(sixnet_model_set_tensors(k->net, "*", "trainable=true"));
        WORKS(sixnet_model_reset(k->net, 0));
        WORKS(sixnet_model_reset(never->net, 0));
        train(k, "rmsprop lr=0.01", 2);
        train(never, "rmsprop lr=0.01", 2);
        assert_same_digest(digest_of(k->net), digest_of(never->net));
        task_close(k);
        task_close(never);
    }
}

/* Without memory for the change, every tensor trains as before. */
static void test_freezing_without_memory(void **state)
{
    (void)state;
    int failures = 0;
    for (bool done = false; !done; failures += !done) {
        ledger l = {0};
        ledger_fail(&l, 0, false);
        sixnet_context *ctx = ledger_context(&l, NULL);
        sixnet_model *net =
            parsed(ctx, "input shape=2\nlinear out_features=2 name=a\nlinear out_features=1 name=b\nmse");
        ledger_fail(&l, failures + 1, false);
        const int32_t status = sixnet_model_set_tensors(net, "*", "trainable=false");
        done = status == SIXNET_OK;
        assert_true(done || status == SIXNET_OUT_OF_MEMORY);
        for (int32_t t = 0; t < sixnet_tensor_count(net); t++)
            assert_int_equal(trains(net, sixnet_tensor_name(net, t)), !done);
        sixnet_model_free(net);
        sixnet_context_free(ctx);
        ledger_close(&l);
    }
    assert_true(failures > 1);
}

/* ---- steps ---- */

typedef struct stepped {
    const char *name;
    double lr, decay; /* as they should be */
    double w[8], m[8], v[8];
} stepped;

static void step_by_formula(stepped *s, const double *gradient, int count, bool adam, int step)
{
    for (int i = 0; i < count; i++) {
        const double g = gradient[i] + s->decay * s->w[i];
        if (adam) {
            s->m[i] = 0.9 * s->m[i] + 0.1 * g;
            s->v[i] = 0.999 * s->v[i] + 0.001 * g * g;
            s->w[i] -= s->lr * (s->m[i] / (1 - pow(0.9, step))) / (sqrt(s->v[i] / (1 - pow(0.999, step))) + 1e-8);
        } else {
            s->m[i] = 0.5 * s->m[i] + g;
            s->w[i] -= s->lr * s->m[i];
        }
    }
}

static void check_steps(const char *optimizer, bool adam)
{
    task *k = task_open("input shape=2\nlinear out_features=4 name=a\ntanh\nlinear out_features=2 name=b\nmse\n"
                        "tensors match=a.weight lr_scale=0.5 weight_decay=0.25\ntensors match=*.bias weight_decay=0\n"
                        "tensors match=b.weight lr_scale=0\ntensors match=b.bias lr_scale=3\n",
                        "dtype=f64");
    stepped tensors[] = {{"a.weight", 0.05, 0.25, {0}, {0}, {0}},
                         {"a.bias", 0.1, 0, {0}, {0}, {0}},
                         {"b.weight", 0, 0.125, {0}, {0}, {0}},
                         {"b.bias", 0.3, 0, {0}, {0}, {0}}};
    const int counts[] = {8, 4, 8, 2};
    sixnet_optimizer *opt;
    WORKS(sixnet_optimizer_new(&opt, k->net, optimizer, NULL));
    for (int t = 0; t < 4; t++)
        take(k->net, tensors[t].name, tensors[t].w, counts[t]);
    for (int step = 1; step <= 3; step++) {
        pass(k);
        for (int t = 0; t < 4; t++) {
            double gradient[8];
            WORKS(sixnet_tensor_gradient_f64(k->net, tensors[t].name, gradient, counts[t]));
            step_by_formula(&tensors[t], gradient, counts[t], adam, step);
        }
        WORKS(sixnet_optimizer_step(opt));
        for (int t = 0; t < 4; t++) {
            double now[8];
            near(tensors[t].name, take(k->net, tensors[t].name, now, counts[t]), tensors[t].w, counts[t]);
        }
        WORKS(sixnet_model_set_tensors(k->net, "a.bias",
                                       "lr_scale=2")); /* from the second step on, with an optimizer there */
        tensors[1].lr = 0.2;
    }
    sixnet_optimizer_free(opt);
    task_close(k);
}

static void test_lr_scale_and_weight_decay(void **state)
{
    (void)state;
    check_steps("sgd lr=0.1 momentum=0.5 weight_decay=0.125", false);
    check_steps("adam lr=0.1 weight_decay=0.125", true);
}

/* A schedule moves the momentum of sgd, here from none, and beta1 of adam. */
static void check_moved_momentum(const char *optimizer, const char *schedule, bool adam)
{
    static const double rates[] = {0.125, 0.25, 0.375, 0.25, 0.125, 0.25},
                        momenta[] = {0.75, 0.625, 0.5, 0.625, 0.75, 0.625};
    task *k = task_open("input shape=2\nlinear out_features=4 name=a\ntanh\nlinear out_features=2 name=b\nmse\n",
                        "dtype=f64");
    double w[8], m[8] = {0}, v[8] = {0}, g[8], now[8];
    sixnet_optimizer *opt;
    WORKS(sixnet_optimizer_new(&opt, k->net, optimizer, schedule));
    take(k->net, "a.weight", w, 8);
    for (int step = 0; step < 6; step++) {
        const double b = momenta[step];
        pass(k);
        WORKS(sixnet_tensor_gradient_f64(k->net, "a.weight", g, 8));
        WORKS(sixnet_optimizer_step(opt));
        for (int i = 0; i < 8; i++) {
            m[i] = b * m[i] + (adam ? 1 - b : 1) * g[i];
            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
            w[i] -= rates[step] *
                    (adam ? m[i] / (1 - pow(b, step + 1)) / (sqrt(v[i] / (1 - pow(0.999, step + 1))) + 1e-8) : m[i]);
        }
        near(optimizer, take(k->net, "a.weight", now, 8), w, 8);
    }
    sixnet_optimizer_free(opt);
    task_close(k);
}

static void test_schedules_move_the_momentum(void **state)
{
    (void)state;
    static const char cycle[] =
        "cyclic_lr base_lr=0.125 max_lr=0.375 step_size_up=2 base_momentum=0.5 max_momentum=0.75",
                      still[] = "cyclic_lr base_lr=0.125 max_lr=0.375 step_size_up=2 cycle_momentum=false";
    check_moved_momentum("sgd lr=1", cycle, false);
    check_moved_momentum("sgd lr=1 momentum=0.25", cycle, false);
    check_moved_momentum("adam", cycle, true);
    static const char *const without[] = {"adagrad", "adadelta", "rprop", "nadam"};
    task *k = task_open("input shape=2\nlinear out_features=2\nmse\n", NULL);
    for (int i = 0; i < 4; i++) {
        sixnet_optimizer *opt;
        FAILS(SIXNET_BAD_SPEC, sixnet_optimizer_new(&opt, k->net, without[i], cycle), without[i],
              "cycle_momentum=false");
        assert_null(opt);
        WORKS(sixnet_optimizer_new(&opt, k->net, without[i], still));
        sixnet_optimizer_free(opt);
    }
    task_close(k);
}

/* LAMB's step of a tensor is as long as its rate's share of the tensor's norm. */
static void test_lamb_steps_by_tensor(void **state)
{
    (void)state;
    static const char *const names[] = {"a.weight", "a.bias", "b.weight", "b.bias"};
    const int counts[] = {8, 4, 8, 2};
    double before[4][8], after[8];
    for (int threads = 1; threads <= 2; threads++) {
        char context[32];
        snprintf(context, sizeof context, "dtype=f64 threads=%d", threads);
        task *k = task_open("input shape=2\nlinear out_features=4 name=a\ntanh\nlinear out_features=2 name=b\nmse\n"
                            "tensors match=b.weight lr_scale=0.5\n",
                            context);
        sixnet_optimizer *opt;
        WORKS(sixnet_optimizer_new(&opt, k->net, "lamb lr=0.1", NULL));
        for (int step = 1; step <= 3; step++) {
            for (int t = 0; t < 4; t++)
                take(k->net, names[t], before[t], counts[t]);
            pass(k);
            WORKS(sixnet_optimizer_step(opt));
            for (int t = 0; t < 4; t++) {
                double norm = 0, moved = 0;
                take(k->net, names[t], after, counts[t]);
                for (int i = 0; i < counts[t]; i++) {
                    norm += before[t][i] * before[t][i];
                    moved += (after[i] - before[t][i]) * (after[i] - before[t][i]);
                }
                const double expected = (t == 2 ? 0.05 : 0.1) * sqrt(norm), got = sqrt(moved);
                near(names[t], &got, &expected, 1);
            }
        }
        sixnet_optimizer_free(opt);
        task_close(k);
    }
}

/* ---- settings as text ---- */

static void test_settings_as_text(void **state)
{
    (void)state;
    sixnet_model *net = parsed(NULL, "input shape=2\nlinear out_features=2 name=a\nlinear out_features=2 name=b\nmse");
    static const char *const calls[][2] = {{"*", "trainable=false lr_scale=0.5"},
                                           {"a.?eight", "weight_decay=0"},
                                           {"*", "trainable=true"},
                                           {"b.*", "trainable=false"}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        WORKS(sixnet_model_set_tensors(net, calls[i][0], calls[i][1]));
    assert_string_equal(
        strstr(sixnet_model_text(net), "tensors"),
        "tensors match=* lr_scale=0.5\ntensors match=a.?eight weight_decay=0\ntensors match=* trainable=true\n"
        "tensors match=b.* trainable=false\n");
    sixnet_model *again = parsed(NULL, sixnet_model_text(net));
    const sixnet_model *both[] = {net, again};
    for (int i = 0; i < 2; i++) {
        assert_true(trains(both[i], "a.weight") && trains(both[i], "a.bias") && !trains(both[i], "b.weight") &&
                    !trains(both[i], "b.bias"));
        assert_true(sixnet_tensor_setting(both[i], "b.bias", "lr_scale") == 0.5);
        assert_true(sixnet_tensor_setting(both[i], "b.bias", "weight_decay") == -1);
        assert_true(sixnet_tensor_setting(both[i], "a.weight", "weight_decay") == 0);
        assert_true(isnan(sixnet_tensor_setting(both[i], "a.weight", "size")) &&
                    isnan(sixnet_tensor_setting(both[i], "c", "lr_scale")));
    }
    sixnet_model_free(net);
    sixnet_model_free(again);
}

/* A shared tensor has a name at each node that uses it, and a pattern may be any of them. */
static void test_patterns_name_sharers(void **state)
{
    (void)state;
    sixnet_model *net =
        parsed(NULL, "input shape=2\nlinear out_features=2 name=a\nlinear share=a out_features=2 name=b\nmse\n"
                     "tensors match=b.bias lr_scale=3");
    sixnet_model *again = parsed(NULL, sixnet_model_text(net));
    assert_true(sixnet_tensor_setting(again, "a.bias", "lr_scale") == 3);
    assert_true(sixnet_tensor_setting(again, "a.weight", "lr_scale") == 1);
    WORKS(sixnet_model_set_tensors(again, "b.*", "trainable=false"));
    assert_true(!trains(again, "a.weight") && !trains(again, "a.bias"));
    FAILS(SIXNET_NOT_FOUND, sixnet_model_set_tensors(again, "c.*", "trainable=false"), "c.*");
    sixnet_model_free(net);
    sixnet_model_free(again);
}

/* A pattern is compared with the whole of a name, however long the node's is. */
static void test_patterns_name_long_nodes(void **state)
{
    (void)state;
    char text[512], name[256] = {0};
    memset(name, 'n', sizeof name - 1);
    snprintf(text, sizeof text, "input shape=2\nlinear out_features=2 name=%s\nmse\ntensors match=*n.weight lr_scale=3",
             name);
    sixnet_model *net = parsed(NULL, text);
    assert_true(sixnet_tensor_setting(net, sixnet_tensor_name(net, 0), "lr_scale") == 3);
    sixnet_model_free(net);
}

/* A tensor returns to the optimizer's weight decay by a word, which a later text keeps as others may have set it. */
static void test_weight_decay_returns(void **state)
{
    (void)state;
    sixnet_model *net =
        parsed(NULL, "input shape=2\nlinear out_features=2 name=a\nmse\ntensors match=* weight_decay=0.5\n"
                     "tensors match=a.bias weight_decay=optimizer");
    sixnet_model *again = parsed(NULL, sixnet_model_text(net));
    assert_non_null(strstr(sixnet_model_text(again), "tensors match=a.bias weight_decay=optimizer\n"));
    assert_true(sixnet_tensor_setting(again, "a.weight", "weight_decay") == 0.5);
    assert_true(sixnet_tensor_setting(again, "a.bias", "weight_decay") == -1);
    WORKS(sixnet_model_set_tensors(again, "a.*", "weight_decay=unchanged lr_scale=2"));
    assert_true(sixnet_tensor_setting(again, "a.weight", "weight_decay") == 0.5);
    FAILS(SIXNET_BAD_SPEC, sixnet_model_set_tensors(again, "a.*", "weight_decay=-1"), "weight_decay=-1", "0 to",
          "optimizer");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_set_tensors(again, "a.*", "lr_scale=optimizer"), "lr_scale=optimizer");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_set_tensors(again, "a.*", "weight_decay=unchanged"), "sets nothing");
    sixnet_model_free(net);
    sixnet_model_free(again);
}

/* A line is about the nodes above it, also after the net was written and read. */
static void test_settings_have_a_place(void **state)
{
    (void)state;
    sixnet_model *net = parsed(NULL, "input shape=2\nlinear out_features=2 name=a\ntensors match=* trainable=false\n"
                                     "linear out_features=2 name=b\nmse\ntensors match=* lr_scale=2");
    sixnet_model *again = parsed(NULL, sixnet_model_text(net)), *copy;
    WORKS(sixnet_model_copy(&copy, again));
    assert_string_equal(sixnet_model_text(net), sixnet_model_text(copy));
    assert_true(!trains(copy, "a.weight") && !trains(copy, "a.bias") && trains(copy, "b.weight") &&
                trains(copy, "b.bias"));
    assert_true(sixnet_tensor_setting(copy, "a.bias", "lr_scale") == 2);
    sixnet_model_free(net);
    sixnet_model_free(again);
    sixnet_model_free(copy);
}

/* A checkpoint is resumed under the settings that it was made with. */
static void test_checkpoints_hold_settings(void **state)
{
    (void)state;
    char path[] = "/tmp/sixnet-sharing-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0 && close(file) == 0);
    task *k = task_open(heads, "dtype=f64"), *other = task_open(heads, "dtype=f64");
    sixnet_optimizer *opt, *fresh;
    WORKS(sixnet_model_set_tensors(k->net, "trunk.*", "trainable=false"));
    WORKS(sixnet_model_set_tensors(k->net, "left.*", "lr_scale=0.5"));
    train(k, "sgd lr=0.1", 1);
    WORKS(sixnet_optimizer_new(&opt, k->net, "adam lr=0.1", NULL));
    pass(k);
    WORKS(sixnet_optimizer_step(opt));
    WORKS(sixnet_checkpoint_save(k->net, opt, NULL, path, NULL));
    WORKS(sixnet_model_set_tensors(other->net, "trunk.*", "trainable=false"));
    WORKS(sixnet_optimizer_new(&fresh, other->net, "adam lr=0.1", NULL));
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_checkpoint_load(other->net, fresh, NULL, path, NULL), "tensors match=left.*");
    WORKS(sixnet_model_set_tensors(other->net, "left.*", "lr_scale=0.5"));
    WORKS(sixnet_checkpoint_load(other->net, fresh, NULL, path, NULL));
    pass(k);
    pass(other);
    WORKS(sixnet_optimizer_step(opt));
    WORKS(sixnet_optimizer_step(fresh));
    assert_same_digest(digest_of(k->net), digest_of(other->net));
    sixnet_optimizer_free(opt);
    sixnet_optimizer_free(fresh);
    task_close(k);
    task_close(other);
    remove(path);
}

/* ---- what is refused ---- */

static void test_sharing_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int32_t status;
        const char *word, *other;
    } bad[] = {
        {"linear out_features=3 share=z", SIXNET_NOT_FOUND, "share=z", "no node"},
        {"linear out_features=3 share=", SIXNET_NOT_FOUND, "share=", "no node"},
        {"linear out_features=3 share=b", SIXNET_BAD_SHAPE, "share=b", "batchnorm1d"},
        {"linear out_features=4 share=a", SIXNET_BAD_SHAPE, "4x3", "3x3"},
        {"linear out_features=3 bias=false share=a", SIXNET_BAD_SHAPE, "share=a", "linear"},
        {"linear out_features=3 weight=a.wait", SIXNET_NOT_FOUND, "weight=a.wait", "no such tensor"},
        {"linear out_features=3 weight=a.bias", SIXNET_BAD_SHAPE, "3x3", "a.bias"},
        {"linear out_features=3 kernel=a.weight", SIXNET_BAD_SPEC, "kernel", "linear"},
        {"linear out_features=3 bias=b.running_mean", SIXNET_BAD_SPEC, "bias", ""},
        {"batchnorm1d weight=b.running_mean", SIXNET_BAD_SHAPE, "b.running_mean", "buffer"},
        {"batchnorm1d running_var=b.weight", SIXNET_BAD_SHAPE, "b.weight", "buffer"},
        {"relu share=a", SIXNET_BAD_SHAPE, "share=a", "linear"},
        {"split sizes=1,1", SIXNET_BAD_SHAPE, "add up to 2", "3"},
        {"split sizes=1.5,1.5", SIXNET_BAD_SHAPE, "1.5", "whole"},
        {"split sizes=3 dim=1", SIXNET_BAD_SHAPE, "dim=1", "-1 to 0"},
        {"split", SIXNET_BAD_SPEC, "sizes", ""},
        {"relu from=a:1", SIXNET_NOT_FOUND, "a:1", "no such output"},
        {"linear out_features=3 a=a.bias b=a.bias c=a.bias d=a.bias e=a.bias f=a.bias g=a.bias h=a.bias i=a.bias "
         "j=a.bias k=a.bias l=a.bias m=a.bias n=a.bias o=a.bias p=a.bias q=a.bias",
         SIXNET_TOO_LARGE, "more than 16", "share=NODE"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        sixnet_model *net;
        snprintf(text, sizeof text, "input shape=3\nlinear out_features=3 name=a\nbatchnorm1d name=b\n%s\nmse",
                 bad[i].line);
        FAILS(bad[i].status, sixnet_model_parse(&net, NULL, text), "line 4", bad[i].word, bad[i].other);
    }
}

static void test_settings_are_refused(void **state)
{
    (void)state;
    sixnet_model *net = parsed(NULL, "input shape=2\nlinear out_features=2 name=a\nmse"), *none;
    sixnet_optimizer *opt;
    FAILS(SIXNET_NOT_FOUND, sixnet_model_set_tensors(net, "b.*", "trainable=false"), "b.*", "no tensor");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_set_tensors(net, "a.*", ""), "a.*", "sets nothing");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_set_tensors(net, "a.*", "trainable=maybe"), "trainable=maybe");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_set_tensors(net, "a.*", "lr=2"), "lr", "lr_scale");
    FAILS(SIXNET_NOT_FOUND, sixnet_model_parse(&none, NULL, "input shape=2\ntensors match=* lr_scale=2\nmse"), "line 2",
          "no tensor");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_parse(&none, NULL, "input shape=2\nlinear out_features=1\ntensors lr_scale=2"),
          "line 3", "match");
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=1", NULL));
    FAILS(SIXNET_BAD_STATE, sixnet_model_set_tensors(net, "a.weight", "trainable=false lr_scale=2"), "optimizer");
    assert_true(trains(net, "a.weight") && sixnet_tensor_setting(net, "a.weight", "lr_scale") == 1);
    assert_null(strstr(sixnet_model_text(net), "tensors"));
    WORKS(sixnet_model_set_tensors(net, "a.weight", "trainable=true lr_scale=2")); /* it trains already */
    sixnet_optimizer_free(opt);
    WORKS(sixnet_model_set_tensors(net, "a.weight", "trainable=false"));
    assert_false(trains(net, "a.weight"));
    sixnet_model_free(net);
}

/* Of a name of thirteen letters, each of which a pattern has or leaves open; the last pattern is refused, but one from before is not. */
static void test_number_of_patterns(void **state)
{
    (void)state;
    char pattern[] = "aaaaaaaaaaaaa.weight";
    sixnet_model *net = parsed(NULL, "input shape=2\nlinear out_features=2 bias=false name=aaaaaaaaaaaaa\nmse");
    for (int i = 0; i <= 4096; i++) {
        for (int bit = 0; bit < 13; bit++)
            pattern[bit] = i >> bit & 1 ? '?' : 'a';
        if (i < 4096)
            WORKS(sixnet_model_set_tensors(net, pattern, "lr_scale=2"));
        else
            FAILS(SIXNET_TOO_LARGE, sixnet_model_set_tensors(net, pattern, "lr_scale=3"), "4096 patterns");
    }
    WORKS(sixnet_model_set_tensors(net, "aaaaaaaaaaaaa.weight", "lr_scale=4"));
    assert_true(sixnet_tensor_setting(net, "aaaaaaaaaaaaa.weight", "lr_scale") == 4);
    sixnet_model_free(net);
}

/* ---- constants ---- */

/* Its values are one number at first, then those of a file, and never learned. */
static void test_constant(void **state)
{
    (void)state;
    static const char text[] = "input shape=3 name=x\nconstant shape=3 value=-2 name=k\nmul from=x,k\nmse\n";
    const double x[3] = {1, 2, 3}, expected[3] = {-2, -4, -6}, values[3] = {4, 5, 6}, filled[3] = {4, 10, 18};
    double y[3];
    unsigned char file[4096];
    uint64_t size;
    sixnet_model *net = parsed(NULL, text), *other = parsed(NULL, text), *loaded;
    assert_false(trains(net, "k.value"));
    WORKS(sixnet_model_predict_f64(net, x, 1, y));
    assert_memory_equal(y, expected, sizeof y);
    WORKS(sixnet_tensor_set_f64(net, "k.value", values, 3));
    WORKS(sixnet_model_save_to_buffer(net, file, sizeof file, &size));
    WORKS(sixnet_model_load_from_buffer(&loaded, NULL, file, size, NULL));
    WORKS(sixnet_model_load_weights_from_buffer(other, file, size, NULL, NULL));
    sixnet_model *const all[] = {net, loaded, other};
    for (int i = 0; i < 3; i++) {
        WORKS(sixnet_model_predict_f64(all[i], x, 1, y));
        assert_memory_equal(y, filled, sizeof y);
        sixnet_model_free(all[i]);
    }
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_parse(&net, NULL, "constant shape=3\nrelu"), "no input");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tied_embedding),
        cmocka_unit_test(test_two_heads),
        cmocka_unit_test(test_siamese),
        cmocka_unit_test(test_diamond),
        cmocka_unit_test(test_shared_statistics),
        cmocka_unit_test(test_gradient_check),
        cmocka_unit_test(test_summaries_count_the_memory),
        cmocka_unit_test(test_shared_tensors_count_once),
        cmocka_unit_test(test_files_and_copies),
        cmocka_unit_test(test_any_number_of_threads),
        cmocka_unit_test(test_outputs_by_name),
        cmocka_unit_test(test_frozen_trunk),
        cmocka_unit_test(test_any_tensor_can_be_frozen),
        cmocka_unit_test(test_frozen_tensors_have_no_state),
        cmocka_unit_test(test_frozen_batch_norm),
        cmocka_unit_test(test_unfreezing),
        cmocka_unit_test(test_freezing_without_memory),
        cmocka_unit_test(test_lr_scale_and_weight_decay),
        cmocka_unit_test(test_lamb_steps_by_tensor),
        cmocka_unit_test(test_schedules_move_the_momentum),
        cmocka_unit_test(test_settings_as_text),
        cmocka_unit_test(test_patterns_name_sharers),
        cmocka_unit_test(test_patterns_name_long_nodes),
        cmocka_unit_test(test_weight_decay_returns),
        cmocka_unit_test(test_settings_have_a_place),
        cmocka_unit_test(test_checkpoints_hold_settings),
        cmocka_unit_test(test_sharing_is_refused),
        cmocka_unit_test(test_settings_are_refused),
        cmocka_unit_test(test_number_of_patterns),
        cmocka_unit_test(test_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
