/* SPDX-License-Identifier: MIT */
/* Whole nets: a prediction has the same bits in any batch, training with any number of threads; and the order of calls. */

#include "layer_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracles.h"

/* ---- nets: inputs are numbers, but one named words holds rows of a table of 7 ---- */

/* Of every kind of layer one at least. */
static const char everything[] = "input name=image shape=2x8x9\n"
                                 "conv2d out_channels=4 kernel_size=3 padding=1 name=a\n"
                                 "relu\n"
                                 "batchnorm2d\n"
                                 "dropout p=0.1 name=b\n"
                                 "conv2d out_channels=4 kernel_size=3 padding=1 groups=2\n"
                                 "silu name=c\n"
                                 "add from=b,c\n"
                                 "groupnorm num_groups=2 name=d\n"
                                 "maxpool2d kernel_size=2 name=e\n"
                                 "avgpool2d from=d kernel_size=2 name=f\n"
                                 "concat from=e,f name=g\n"
                                 "conv2d out_channels=6 kernel_size=2 stride=2 dilation=1\n"
                                 "tanh\n"
                                 "gelu approximate=tanh name=h\n"
                                 "adaptive_avgpool2d output_size=2 name=i\n"
                                 "softmax dim=0 name=j\n"
                                 "mul from=i,j\n"
                                 "flatten name=k\n"
                                 "input name=words shape=3\n"
                                 "embedding num_embeddings=7 embedding_dim=8\n"
                                 "layernorm normalized_shape=8\n"
                                 "sigmoid\n"
                                 "gru hidden_size=4 bidirectional=true\n"
                                 "lstm hidden_size=8 dropout=0.1 num_layers=2\n"
                                 "rnn hidden_size=8\n"
                                 "positional_encoding encoding=learned\n"
                                 "multihead_attention num_heads=2 causal=true dropout=0.1\n"
                                 "rmsnorm normalized_shape=8\n"
                                 "reshape shape=24\n"
                                 "elu name=n\n"
                                 "scale a=0.5 b=3 name=s\n"
                                 "sub from=n,s\n"
                                 "div from=sub1,s\n"
                                 "exp name=t\n"
                                 "maximum from=t,n\n"
                                 "abs\n"
                                 "scale b=0.5\n"
                                 "sqrt\n"
                                 "log\n"
                                 "neg\n"
                                 "pow exponent=3\n"
                                 "minimum from=pow1,t\n"
                                 "reshape shape=4x6 name=u\n"
                                 "permute dims=1,0\n"
                                 "transpose dim0=0 dim1=1\n"
                                 "slice dim=1 end=-1\n"
                                 "gather dim=1 index=0,4,2,1,1,3\n"
                                 "unsqueeze dim=0\n"
                                 "dropout2d p=0.1\n"
                                 "squeeze\n"
                                 "dropout1d p=0.1\n"
                                 "alpha_dropout p=0.1\n"
                                 "gaussian_noise std=0.01 name=v\n"
                                 "reduce_sum dim=1 keepdim=true from=u\n"
                                 "reduce_mean dim=0 keepdim=true from=u\n"
                                 "reduce_max dim=0 from=u\n"
                                 "reduce_min dim=1 keepdim=true from=u\n"
                                 "cosine_similarity from=u,v\n"
                                 "add from=v,reduce_sum1,reduce_mean1,reduce_max1,reduce_min1,cosine_similarity1\n"
                                 "flatten\n"
                                 "selu\n"
                                 "celu alpha=0.5\n"
                                 "prelu\n"
                                 "hardswish\n"
                                 "mish\n"
                                 "hardtanh\n"
                                 "softplus beta=2\n"
                                 "tanhshrink\n"
                                 "softshrink lambd=0.01\n"
                                 "hardshrink lambd=0.01\n"
                                 "threshold threshold=0.01 value=0.02\n"
                                 "logsigmoid\n"
                                 "softsign\n"
                                 "relu6\n"
                                 "hardsigmoid\n"
                                 "linear out_features=48\n"
                                 "reshape shape=8x6\n"
                                 "glu dim=0\n"
                                 "softmin dim=0\n"
                                 "flatten\n"
                                 "batchnorm1d\n"
                                 "leaky_relu name=l\n"
                                 "split sizes=5,15,4 name=m\n"
                                 "constant shape=15 value=0.25\n"
                                 "mul from=m:1,constant1 name=o\n"
                                 "concat from=k,m:0,o,m:2 name=p\n"
                                 "reshape shape=8x6 name=q\n"
                                 "matmul from=q,q transpose_b=true\n"
                                 "conv1d out_channels=3 kernel_size=3 padding=same\n"
                                 "conv_transpose1d out_channels=2 kernel_size=2 stride=2\n"
                                 "reshape shape=2x4x4\n"
                                 "conv_transpose2d out_channels=2 kernel_size=3 stride=2 padding=1 output_padding=1\n"
                                 "adaptive_maxpool2d output_size=5x4\n"
                                 "reshape shape=4x10\n"
                                 "maxpool1d kernel_size=3 padding=1 stride=1\n"
                                 "avgpool1d kernel_size=2\n"
                                 "adaptive_avgpool1d output_size=4\n"
                                 "pad padding=1,0,0,1 mode=replicate\n"
                                 "reshape shape=1x5x5\n"
                                 "unfold kernel_size=2 stride=3\n"
                                 "reshape shape=4x2x2\n"
                                 "pixel_shuffle upscale_factor=2\n"
                                 "upsample scale_factor=1.5 mode=bilinear\n"
                                 "instancenorm2d affine=true\n"
                                 "pixel_unshuffle downscale_factor=3\n"
                                 "local_response_norm size=3 alpha=0.5\n"
                                 "reshape shape=3x12\n"
                                 "instancenorm1d\n"
                                 "flatten name=r\n"
                                 "concat from=p,r\n"
                                 "linear out_features=10\n"
                                 "log_softmax name=output\n"
                                 "nll\n";

/* The same without what draws by the number of the step. */
static const char cnn[] = "input shape=2x9x8\n"
                          "conv2d out_channels=5 kernel_size=3 padding=1 bias=false\n"
                          "relu\n"
                          "batchnorm2d name=a\n"
                          "conv2d out_channels=5 kernel_size=3 padding=1\n"
                          "gelu\n"
                          "add from=a,gelu1\n"
                          "maxpool2d kernel_size=2\n"
                          "conv2d out_channels=6 kernel_size=3 padding=1 stride=2\n"
                          "tanh\n"
                          "avgpool2d kernel_size=2\n"
                          "flatten\n"
                          "linear out_features=5 name=output\n"
                          "cross_entropy\n";

static const char mlp[] = "input shape=13\n"
                          "linear out_features=33\n"
                          "relu\n"
                          "linear out_features=17 bias=false\n"
                          "sigmoid\n"
                          "dropout p=0.5\n"
                          "linear out_features=10 name=output\n"
                          "cross_entropy label_smoothing=0.1\n";

static const char norms[] = "input shape=6x5x4\n"
                            "batchnorm2d\n"
                            "groupnorm num_groups=3\n"
                            "layernorm normalized_shape=5x4\n"
                            "reshape shape=6x20\n"
                            "batchnorm1d\n"
                            "layernorm normalized_shape=20\n"
                            "groupnorm num_groups=2 affine=false\n"
                            "linear out_features=3\n"
                            "flatten\n"
                            "batchnorm1d momentum=0.5\n"
                            "softmax name=output\n"
                            "mse reduction=half_sum\n";

/* Convolutions by Winograd's algorithm: tiles that are cut off on both sides, of more and fewer channels than there are lanes. */
static const char tiles[] = "input shape=5x11x9\n"
                            "conv2d out_channels=30 kernel_size=3 padding=1\n"
                            "relu\n"
                            "batchnorm2d\n"
                            "conv2d out_channels=13 kernel_size=3 bias=false\n"
                            "conv2d out_channels=34 kernel_size=3 padding=0x2\n"
                            "relu\n"
                            "conv2d out_channels=12 kernel_size=3 padding=1 groups=2\n"
                            "adaptive_avgpool2d output_size=1\n"
                            "flatten name=output\n"
                            "cross_entropy\n";

/* Windows of several bands. */
static const char wide[] = "input shape=3x30x31\n"
                           "conv2d out_channels=9 kernel_size=5 padding=2 stride=2\n"
                           "silu\n"
                           "conv2d out_channels=4 kernel_size=3 dilation=2 padding=2\n"
                           "batchnorm2d\n"
                           "adaptive_avgpool2d output_size=1\n"
                           "flatten name=output\n"
                           "cross_entropy weight=1,2,0.5,1\n";

static const char *const texts[] = {everything, cnn, mlp, norms, tiles, wide};
enum { TEXTS = sizeof texts / sizeof *texts };

/* All of them, or without the last and largest. */
static int text_count(void) { return fixture_quick() ? TEXTS - 1 : TEXTS; }

static void test_everything_has_every_layer(void **state)
{
    (void)state;
    const char *kind;
    for (int32_t i = 0; (kind = sixnet_kind_field("layer", i, "name")); i++) {
        char line[60];
        snprintf(line, sizeof line, "\n%s", kind);
        bool has = strncmp(everything, kind, strlen(kind)) == 0;
        for (const char *at = everything; (at = strstr(at, line)); at++)
            has |= at[strlen(line)] == ' ' || at[strlen(line)] == '\n';
        if (!has)
            fail_msg("%s is not in the net of everything", kind);
    }
}

/* ---- a net with samples ---- */

typedef struct task {
    sixnet_context *ctx;
    sixnet_model *net;
    bool f64;
    int n, in, out, targets; /* samples; values of one */
    int first_word, words;   /* which of a sample's input values are rows of a table */
    double *x, *target;
    float *x_f32, *target_f32;
} task;

static int size_of(const sixnet_model *net, sixnet_node node)
{
    fixture_shape s;
    CHECK_SIXNET(sixnet_node_shape(net, node, s.dim, &s.rank));
    return (int)fixture_size(&s);
}

static void draw(task *t, uint64_t seed)
{
    fixture_random r = {seed};
    bool of_classes = t->targets == 1;
    for (int i = 0; i < t->n * t->in; i++) {
        const int word = i % t->in - t->first_word;
        t->x[i] = word >= 0 && word < t->words ? fixture_below(&r, 7) : fixture_uniform(&r, -2, 2);
    }
    for (int i = 0; i < t->n * t->targets; i++)
        t->target[i] = of_classes ? fixture_below(&r, t->out) : fixture_uniform(&r, -1, 1);
    for (int i = 0; i < t->n * t->in; i++)
        t->x_f32[i] = (float)t->x[i];
    for (int i = 0; i < t->n * t->targets; i++)
        t->target_f32[i] = (float)t->target[i];
}

static void find_inputs(task *t)
{
    for (int i = 0; i < sixnet_node_count(t->net); i++) {
        if (strcmp(sixnet_node_get(t->net, i, "kind"), "input") != 0)
            continue;
        if (strcmp(sixnet_node_get(t->net, i, "name"), "words") == 0) {
            t->first_word = t->in;
            t->words = size_of(t->net, i);
        }
        t->in += size_of(t->net, i);
    }
}

static task task_open(const char *options, const char *text, int n)
{
    task t = {.n = n};
    fixture_title("%s, %.60s", options, text);
    CHECK_SIXNET(sixnet_context_new(&t.ctx, options));
    CHECK_SIXNET(sixnet_model_parse(&t.net, t.ctx, text));
    t.f64 = strcmp(sixnet_context_get(t.ctx, "dtype"), "f64") == 0;
    find_inputs(&t);
    t.out = size_of(t.net, sixnet_node_find(t.net, "output"));
    t.targets = strstr(text, "mse") ? t.out : 1;
    t.x = fixture_room(n * t.in);
    t.target = fixture_room(n * t.targets);
    t.x_f32 = (float *)fixture_room(n * t.in);
    t.target_f32 = (float *)fixture_room(n * t.targets);
    draw(&t, 1);
    return t;
}

static void task_close(task *t)
{
    free(t->x);
    free(t->target);
    free(t->x_f32);
    free(t->target_f32);
    sixnet_model_free(t->net);
    sixnet_context_free(t->ctx);
}

/* A pass over the first n samples up to the gradients, in the context's own dtype. */
static double pass(const task *t, int n)
{
    double loss;
    CHECK_SIXNET(t->f64 ? sixnet_model_forward_f64(t->net, t->x, n) : sixnet_model_forward(t->net, t->x_f32, n));
    CHECK_SIXNET(t->f64 ? sixnet_model_loss_f64(t->net, t->target, &loss)
                        : sixnet_model_loss(t->net, t->target_f32, &loss));
    CHECK_SIXNET(sixnet_model_backward(t->net));
    return loss;
}

static void train(const task *t, const int *sizes, int steps)
{
    sixnet_optimizer *opt;
    CHECK_SIXNET(sixnet_optimizer_new(&opt, t->net, "sgd lr=0.05 momentum=0.9 weight_decay=0.001", NULL));
    for (int i = 0; i < steps; i++) {
        CHECK_SIXNET(sixnet_model_zero_grad(t->net));
        pass(t, sizes[i]);
        CHECK_SIXNET(sixnet_optimizer_step(opt));
    }
    sixnet_optimizer_free(opt);
}

/* Contexts to try everything in: f64 and every instruction set; for lack of time, only the best. */
static int all_options(char options[6][60], const char *more)
{
    int count = 0;
    if (!fixture_quick())
        snprintf(options[count++], 60, "dtype=f64 %s", more);
    for (const char *const *isa = fixture_isas(); *isa; isa++)
        if (!fixture_quick() || !isa[1])
            snprintf(options[count++], 60, "%s %s", *isa, more);
    return count;
}

/* ---- one sample's prediction ---- */

/* The bytes of n predictions from sample `first` on; the samples are a ring. */
static void *predict(const task *t, int first, int n)
{
    void *out = fixture_room(n * t->out);
    double *x = fixture_room(n * t->in);
    float *x_f32 = (float *)fixture_room(n * t->in);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < t->in; k++) {
            x[i * t->in + k] = t->x[(first + i) % t->n * t->in + k];
            x_f32[i * t->in + k] = (float)x[i * t->in + k];
        }
    CHECK_SIXNET(t->f64 ? sixnet_model_predict_f64(t->net, x, n, out) : sixnet_model_predict(t->net, x_f32, n, out));
    free(x);
    free(x_f32);
    return out;
}

static void check_batch(const task *t, const char *alone, int first, int n)
{
    size_t size = (size_t)t->out * (t->f64 ? sizeof(double) : sizeof(float));
    char *got = predict(t, first, n);
    for (int i = 0; i < n; i++)
        if (memcmp(got + (size_t)i * size, alone + (size_t)((first + i) % t->n) * size, size) != 0)
            fixture_fail("sample %d has other bits as number %d of %d", (first + i) % t->n, i, n);
    free(got);
}

static void check_predictions(const char *options, const char *text)
{
    static const int sizes[] = {2, 15, 16, 17, 100};
    task t = task_open(options, text, fixture_quick() ? 33 : 117);
    size_t size = (size_t)t.out * (t.f64 ? sizeof(double) : sizeof(float));
    char *alone = (char *)fixture_room(t.n * t.out);
    train(&t, (const int[]){t.n, 33}, 2);
    for (int i = 0; i < t.n; i++) {
        char *one = predict(&t, i, 1);
        memcpy(alone + (size_t)i * size, one, size);
        free(one);
    }
    /* with the samples as a ring, n steps take each through all places of a batch; the lanes repeat after 16 */
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int step = text == wide || text == tiles || sizes[k] > 17 || fixture_quick() ? 3 : 1;
        for (int first = 0; first < sizes[k] && !(fixture_quick() && sizes[k] != 17); first += step)
            check_batch(&t, alone, first, sizes[k]);
    }
    free(alone);
    task_close(&t);
}

static void test_prediction_in_any_batch(void **state)
{
    (void)state;
    char options[6][60];
    for (int i = all_options(options, ""); i-- > 0;)
        for (int k = 0; k < text_count(); k++)
            check_predictions(options[i], texts[k]);
    check_predictions("threads=3", everything);
    check_predictions("threads=2 dtype=f64", cnn);
}

static void test_predict_of_none(void **state)
{
    (void)state;
    task t = task_open("dtype=f64", mlp, 1);
    double out = 7;
    CHECK_SIXNET(sixnet_model_predict_f64(t.net, t.x, 0, &out));
    assert_true(out == 7);
    task_close(&t);
}

/* The loss that evaluate gives is that of the predictions, by the oracles. */
static void test_evaluate_as_predict(void **state)
{
    (void)state;
    task t = task_open("dtype=f64 threads=2", everything, 117);
    double *y = fixture_room(t.n * t.out), loss, accuracy, right = 0;
    char spec[100];
    sixnet_dataset *ds;
    train(&t, (const int[]){117, 33}, 2);
    snprintf(spec, sizeof spec, "input_dtype=f64 shape=%d target_dtype=f64", t.in);
    CHECK_SIXNET(sixnet_dataset_from_arrays(&ds, t.ctx, spec, t.x, t.target, t.n));
    CHECK_SIXNET(sixnet_model_predict_f64(t.net, t.x, t.n, y));
    CHECK_SIXNET(sixnet_model_evaluate(t.net, ds, &loss, &accuracy));
    double expected = oracle_nll(y, t.target, t.n, t.out, 1, NULL, 0, ORACLE_MEAN);
    for (int s = 0; s < t.n; s++) {
        int best = 0;
        for (int c = 1; c < t.out; c++)
            best = y[s * t.out + c] > y[s * t.out + best] ? c : best;
        right += best == (int)t.target[s];
    }
    if (!(fabs(loss - expected) <= 1e-12 * expected) || accuracy != right / t.n)
        fixture_fail("loss %.17g, accuracy %g instead of %.17g, %g", loss, accuracy, expected, right / t.n);
    sixnet_dataset_free(ds);
    free(y);
    task_close(&t);
}

/* ---- threads and instruction sets ---- */

static void digest_after(const char *options, const char *text, char *digest)
{
    static const int sizes[] = {100, 20, 17, 100};
    task t = task_open(options, text, 100);
    train(&t, fixture_quick() ? sizes + 1 : sizes, fixture_quick() ? 2 : 4);
    CHECK_SIXNET(sixnet_model_digest(t.net, digest));
    task_close(&t);
}

static void check_threads(const char *context, const char *text, char *first)
{
    for (int threads = 1; threads <= (fixture_quick() ? 2 : 4); threads++) {
        char options[80], digest[65];
        snprintf(options, sizeof options, "%s threads=%d", context, threads);
        digest_after(options, text, threads == 1 ? first : digest);
        if (threads > 1 && strcmp(first, digest) != 0)
            fixture_fail("%d threads give other bits than 1", threads);
    }
}

static void test_any_number_of_threads(void **state)
{
    (void)state;
    char options[6][60], digest[65];
    for (int i = all_options(options, ""); i-- > 0;)
        for (int k = 0; k < text_count(); k++)
            check_threads(options[i], texts[k], digest);
}

static void test_instruction_sets_agree(void **state)
{
    (void)state;
    sixnet_context *ctx;
    int32_t status = sixnet_context_new(&ctx, "isa=avx512");
    sixnet_context_free(ctx);
    if (status)
        skip();
    for (int k = 0; k < text_count(); k++) {
        char avx2[65], avx512[65];
        digest_after("isa=avx2", texts[k], avx2);
        digest_after("isa=avx512", texts[k], avx512);
        if (strcmp(avx2, avx512) != 0)
            fixture_fail("avx2 and avx512 give other bits");
    }
}

/* ---- the order of calls ---- */

/* All gradients by parameters, one after another. */
static double *gradients(const sixnet_model *net, int64_t *count)
{
    double *all = fixture_room(20000);
    const char *name;
    *count = 0;
    for (int32_t i = 0; (name = sixnet_tensor_name(net, i)); i++) {
        fixture_shape s;
        int32_t trainable;
        CHECK_SIXNET(sixnet_tensor_shape(net, name, s.dim, &s.rank, &trainable));
        if (trainable)
            CHECK_SIXNET(sixnet_tensor_gradient_f64(net, name, all + *count, fixture_size(&s)));
        *count += trainable ? fixture_size(&s) : 0;
        assert_true(*count < 20000);
    }
    return all;
}

static void check_gradients(const char *what, const task *t, const double *expected, double factor)
{
    int64_t count;
    double *now = gradients(t->net, &count);
    for (int64_t i = 0; i < count; i++)
        if (now[i] != factor * expected[i])
            fixture_fail("%s: gradient %lld is %.17g, not %.17g", what, (long long)i, now[i], factor * expected[i]);
    free(now);
}

/* The gradients of a pass over the first n samples in a model that has seen nothing else. */
static double *fresh_gradients(const char *options, const char *text, int n, int of, double *loss)
{
    task t = task_open(options, text, of);
    int64_t count;
    *loss = pass(&t, n);
    double *g = gradients(t.net, &count);
    task_close(&t);
    return g;
}

/* Statistics of batches move from pass to pass, but do not matter in training. */
static void check_sizes(const char *options, const char *text)
{
    static const int sizes[] = {5, 33, 2, 16, 100, 17, 1, 32, 100, 3};
    task t = task_open(options, text, 100);
    for (size_t i = 0; i < (fixture_quick() ? 4 : sizeof sizes / sizeof *sizes); i++) {
        double expected, *g;
        if (sizes[i] == 1 && text == norms)
            continue;
        g = fresh_gradients(options, text, sizes[i], 100, &expected);
        CHECK_SIXNET(sixnet_model_zero_grad(t.net));
        double loss = pass(&t, sizes[i]);
        if (loss != expected)
            fixture_fail("%d samples after others: the loss is %.17g, not %.17g", sizes[i], loss, expected);
        check_gradients("after other numbers of samples", &t, g, 1);
        free(g);
    }
    task_close(&t);
}

static void test_batches_of_any_size(void **state)
{
    (void)state;
    char options[6][60];
    for (int i = all_options(options, "threads=2"); i-- > 0;) {
        check_sizes(options[i], cnn);
        check_sizes(options[i], norms);
        if (!fixture_quick())
            check_sizes(options[i], wide);
    }
}

static void test_forward_alone(void **state)
{
    (void)state;
    task t = task_open("dtype=f64", cnn, 40);
    double expected, loss, *g = fresh_gradients("dtype=f64", cnn, 40, 40, &expected), *y = fixture_room(40 * t.out);
    CHECK_SIXNET(sixnet_model_forward_f64(t.net, t.x + 3 * t.in, 7));
    CHECK_SIXNET(sixnet_model_forward_f64(t.net, t.x, 33));
    CHECK_SIXNET(sixnet_model_loss_f64(t.net, t.target, &loss));
    CHECK_SIXNET(sixnet_model_forward_f64(t.net, t.x, 40));
    CHECK_SIXNET(sixnet_model_loss_f64(t.net, t.target, NULL));
    CHECK_SIXNET(sixnet_model_predict_f64(t.net, t.x, 40, y)); /* between a pass and its backward */
    CHECK_SIXNET(sixnet_model_loss_f64(t.net, t.target, &loss));
    assert_true(loss == expected);
    CHECK_SIXNET(sixnet_model_backward(t.net));
    check_gradients("after passes without backward", &t, g, 1);
    free(g);
    free(y);
    task_close(&t);
}

static void test_gradients_add_up(void **state)
{
    (void)state;
    char options[6][60];
    for (int i = all_options(options, ""); i-- > 0;)
        for (int k = 1; k < text_count(); k++) {
            if (texts[k] == mlp)
                continue; /* drops others in the second pass */
            double loss, *g = fresh_gradients(options[i], texts[k], 40, 40, &loss);
            task t = task_open(options[i], texts[k], 40);
            pass(&t, 40);
            assert_true(pass(&t, 40) == loss);
            check_gradients("two passes", &t, g, 2);
            CHECK_SIXNET(sixnet_model_zero_grad(t.net));
            check_gradients("zero_grad", &t, g, 0);
            pass(&t, 40);
            check_gradients("after zero_grad", &t, g, 1);
            free(g);
            task_close(&t);
        }
}

/* An embedding's gradient is a sum of whatever rows came: with whole numbers it can be doubled exactly. */
static void test_gradients_of_tables_add_up(void **state)
{
    (void)state;
    static const char text[] =
        "input shape=3 name=words\nembedding num_embeddings=7 embedding_dim=40\nflatten name=output\n";
    task t = task_open("dtype=f32", text, 50);
    double *v = fixture_room(50 * t.out);
    int64_t count;
    fixture_random r = {4};
    fixture_fill(&r, FIXTURE_WHOLE, v, 50 * t.out);
    CHECK_SIXNET(sixnet_model_forward_f64(t.net, t.x, 50));
    CHECK_SIXNET(sixnet_model_backward_from_f64(t.net, v));
    double *g = gradients(t.net, &count);
    CHECK_SIXNET(sixnet_model_forward_f64(t.net, t.x, 50));
    CHECK_SIXNET(sixnet_model_backward_from_f64(t.net, v));
    check_gradients("two passes", &t, g, 2);
    free(v);
    free(g);
    task_close(&t);
}

/* Compares the gradients of all tensors but the frozen one. */
static void check_other_gradients(const task *t, const task *whole, const char *frozen)
{
    const char *name;
    int64_t dims[8];
    int32_t rank, learns;
    for (int32_t i = 0; (name = sixnet_tensor_name(whole->net, i)); i++) {
        CHECK_SIXNET(sixnet_tensor_shape(whole->net, name, dims, &rank, &learns));
        if (!learns || strcmp(name, frozen) == 0)
            continue;
        int64_t count = 1;
        for (int32_t d = 0; d < rank; d++)
            count *= dims[d];
        double *expected = fixture_room(count), *now = fixture_room(count);
        CHECK_SIXNET(sixnet_tensor_gradient_f64(whole->net, name, expected, count));
        CHECK_SIXNET(sixnet_tensor_gradient_f64(t->net, name, now, count));
        if (memcmp(expected, now, (size_t)count * sizeof *now) != 0)
            fixture_fail("with %s frozen, the gradient of %s is another", frozen, name);
        free(expected);
        free(now);
    }
}

/* One frozen tensor moves the gradients of those behind it, whose bits stay. */
static void test_gradients_beside_a_frozen_tensor(void **state)
{
    (void)state;
    const char *name;
    task whole = task_open("dtype=f64 threads=2", everything, 20);
    pass(&whole, 20);
    for (int32_t i = 0; (name = sixnet_tensor_name(whole.net, i)); i++) {
        task t = task_open("dtype=f64 threads=2", everything, 20);
        CHECK_SIXNET(sixnet_model_set_tensors(t.net, name, "trainable=false"));
        pass(&t, 20);
        check_other_gradients(&t, &whole, name);
        task_close(&t);
    }
    task_close(&whole);
}

static void test_calls_out_of_order(void **state)
{
    (void)state;
    task t = task_open("dtype=f64", cnn, 20);
    int64_t count;
    double *v = fixture_room(20 * t.out);
    assert_int_equal(sixnet_model_loss_f64(t.net, t.target, NULL), SIXNET_BAD_STATE);
    assert_int_equal(sixnet_model_backward(t.net), SIXNET_BAD_STATE);
    assert_int_equal(sixnet_model_backward_from_f64(t.net, v), SIXNET_BAD_STATE);
    CHECK_SIXNET(sixnet_model_forward_f64(t.net, t.x, 20));
    assert_int_equal(sixnet_model_backward(t.net), SIXNET_BAD_STATE);
    CHECK_SIXNET(sixnet_model_loss_f64(t.net, t.target, NULL));
    CHECK_SIXNET(sixnet_model_backward(t.net));
    double *g = gradients(t.net, &count);
    assert_int_equal(sixnet_model_backward(t.net), SIXNET_BAD_STATE);
    assert_int_equal(sixnet_model_backward_from_f64(t.net, v), SIXNET_BAD_STATE);
    check_gradients("after a refused backward", &t, g, 1);
    free(g);
    free(v);
    task_close(&t);
}

/* backward_from() the loss's own derivative is backward(); with a loss and without. */
static void check_backward_from(const char *options, const char *text)
{
    char without[2000];
    task t = task_open(options, text, 33);
    snprintf(without, sizeof without, "%s", text);
    *strrchr(without, '\n') = '\0';
    *strrchr(without, '\n') = '\0';
    task bare = task_open(options, without, 33);
    double loss, *g = fresh_gradients(options, text, 33, 33, &loss), *y = fixture_room(33 * t.out),
                 *dy = fixture_room(33 * t.out);
    CHECK_SIXNET(sixnet_model_forward_f64(bare.net, t.x, 33));
    CHECK_SIXNET(sixnet_node_values_f64(bare.net, sixnet_node_find(bare.net, "output"), y, 33 * t.out));
    for (int i = 0; i < 33 * t.out; i++)
        dy[i] = y[i] - t.target[i];
    CHECK_SIXNET(sixnet_model_backward_from_f64(bare.net, dy));
    check_gradients("without a loss", &bare, g, 1);
    CHECK_SIXNET(sixnet_model_forward_f64(t.net, t.x, 33));
    CHECK_SIXNET(sixnet_model_backward_from_f64(t.net, dy));
    check_gradients("beside a loss", &t, g, 1);
    free(g);
    free(y);
    free(dy);
    task_close(&t);
    task_close(&bare);
}

static void test_backward_from(void **state)
{
    (void)state;
    check_backward_from("dtype=f64", norms);
    check_backward_from("dtype=f64 threads=2", norms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_has_every_layer),
        cmocka_unit_test(test_prediction_in_any_batch),
        cmocka_unit_test(test_predict_of_none),
        cmocka_unit_test(test_evaluate_as_predict),
        cmocka_unit_test(test_any_number_of_threads),
        cmocka_unit_test(test_instruction_sets_agree),
        cmocka_unit_test(test_batches_of_any_size),
        cmocka_unit_test(test_forward_alone),
        cmocka_unit_test(test_gradients_add_up),
        cmocka_unit_test(test_gradients_of_tables_add_up),
        cmocka_unit_test(test_calls_out_of_order),
        cmocka_unit_test(test_backward_from),
        cmocka_unit_test(test_gradients_beside_a_frozen_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
