/* SPDX-License-Identifier: MIT */
/* The text interface, from outside: the enumeration of every word there is, nets as text and back, and what a net's text is
 * refused for. */

#include "api.h"

/* ---- the enumeration ---- */

static const char *const families[] = {"layer", "loss", "optimizer", "schedule", "transform", "options"};
enum { FAMILIES = sizeof families / sizeof *families };

/* What must be there, whatever comes later. */
static const char *const known[FAMILIES] = {
    "input linear conv1d conv2d conv_transpose1d conv_transpose2d relu leaky_relu sigmoid tanh gelu silu softmax "
    "log_softmax batchnorm1d batchnorm2d layernorm "
    "groupnorm "
    "dropout dropout1d dropout2d alpha_dropout gaussian_noise elu selu celu prelu relu6 hardtanh hardsigmoid hardswish "
    "softplus softsign mish logsigmoid threshold "
    "softmin "
    "glu tanhshrink softshrink hardshrink "
    "maxpool1d maxpool2d adaptive_maxpool2d avgpool1d avgpool2d adaptive_avgpool1d adaptive_avgpool2d matmul flatten "
    "reshape add mul sub div maximum minimum exp log sqrt abs "
    "neg scale pow permute transpose slice gather squeeze unsqueeze reduce_mean reduce_sum reduce_max "
    "reduce_min cosine_similarity concat split constant embedding",
    "cross_entropy nll mse bce bce_with_logits huber kl_div l1 poisson_nll smooth_l1",
    "sgd adam adamw rmsprop adagrad adadelta adamax nadam radam rprop lion lamb",
    "step_lr multistep_lr exponential_lr cosine_annealing_lr one_cycle_lr linear_warmup reduce_on_plateau linear_lr "
    "constant_lr "
    "polynomial_lr cosine_annealing_warm_restarts cyclic_lr piecewise",
    ("color_jitter cutmix elastic mixup normalize one_hot random_affine random_crop random_erasing "
     "random_horizontal_flip "
     "random_vertical_flip"),
    "context fit metrics dataset_from_arrays dataset_from_callback dataset_split batch_iterator",
};

static bool has_kind(const char *family, const char *name)
{
    const char *there;
    for (int32_t i = 0; (there = sixnet_kind_field(family, i, "name")); i++)
        if (strcmp(there, name) == 0)
            return true;
    return false;
}

static void check_line(const char *what, const char *text)
{
    if (!text || !is_one_line(text))
        fail_msg("%s: '%s'", what, text ? text : "(NULL)");
}

static void check_attribute(const char *family, const char *kind, int32_t index)
{
    static const char types[] = " int float bool pair shape list points text path choice ";
    char type[32], word[160];
    const char *name = sixnet_attribute_field(family, kind, index, "name"),
               *text = sixnet_attribute_field(family, kind, index, "type");
    snprintf(word, sizeof word, "%s.%s", kind, name);
    snprintf(type, sizeof type, " %s ", text ? text : "(NULL)");
    if (!strstr(types, type))
        fail_msg("%s is of type '%s'", word, type);
    assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) && *name);
    assert_non_null(sixnet_attribute_field(family, kind, index, "default"));
    check_line(word, sixnet_attribute_field(family, kind, index, "help"));
    check_line(word, sixnet_attribute_field(family, kind, index, "range"));
    for (int32_t i = 0; i < index; i++)
        assert_string_not_equal(name, sixnet_attribute_field(family, kind, i, "name"));
}

static void test_every_kind_is_described(void **state)
{
    (void)state;
    for (int f = 0; f < FAMILIES; f++) {
        const char *kind;
        for (int32_t i = 0; (kind = sixnet_kind_field(families[f], i, "name")); i++) {
            check_line(kind, kind);
            check_line(kind, sixnet_kind_field(families[f], i, "help"));
            for (int32_t a = 0; sixnet_attribute_field(families[f], kind, a, "name"); a++)
                check_attribute(families[f], kind, a);
            for (int32_t other = 0; other < i; other++)
                assert_string_not_equal(kind, sixnet_kind_field(families[f], other, "name"));
        }
    }
}

/* A field of the attribute of that name; NULL if the kind has none. */
static const char *field_of(const char *family, const char *kind, const char *attribute, const char *field)
{
    const char *name;
    for (int32_t i = 0; (name = sixnet_attribute_field(family, kind, i, "name")); i++)
        if (strcmp(name, attribute) == 0)
            return sixnet_attribute_field(family, kind, i, field);
    return NULL;
}

static void test_batches_of_fit_and_of_iterators_have_one_range(void **state)
{
    char of_fit[96];
    (void)state;
    snprintf(of_fit, sizeof of_fit, "%s", field_of("options", "fit", "batch_size", "range"));
    assert_string_equal(of_fit, field_of("options", "batch_iterator", "batch_size", "range"));
}

static void test_every_known_kind_is_there(void **state)
{
    (void)state;
    for (int f = 0; f < FAMILIES; f++) {
        char words[2048], *word, *rest = words;
        assert_true(snprintf(words, sizeof words, "%s", known[f]) < (int)sizeof words);
        while ((word = rest) && *word) {
            rest = strchr(word, ' ');
            if (rest)
                *rest++ = '\0';
            if (!has_kind(families[f], word))
                fail_msg("there is no %s '%s'", families[f], word);
        }
    }
}

/* ---- every default is a value that the parser takes ---- */

/* A fixture for one text of each family; what counts is whether the text is understood. */
typedef struct trial {
    sixnet_context *ctx;
    sixnet_model *net;
    sixnet_dataset *ds;
} trial;

/* With no input, and with more until their number is right. */
static int32_t try_node(const trial *t, const char *spec)
{
    enum { INPUTS_MAX = 4 };
    sixnet_model *net;
    (void)t;
    WORKS(sixnet_model_new(&net, NULL));
    const sixnet_node x = sixnet_model_add(net, "input shape=4x4x4", SIXNET_NO_NODE), inputs[INPUTS_MAX] = {x, x, x, x};
    int32_t status = SIXNET_INVALID_ARGUMENT;
    for (int32_t count = 0; count <= INPUTS_MAX && status == SIXNET_INVALID_ARGUMENT; count++) {
        const sixnet_node node = sixnet_model_add_multi(net, spec, inputs, count);
        status = node == SIXNET_NO_NODE ? sixnet_model_compile(net) : SIXNET_OK;
    }
    if (status == SIXNET_INVALID_ARGUMENT)
        fail_msg("%s: %s", spec, sixnet_last_error());
    sixnet_model_free(net);
    return status;
}

static int32_t try_optimizer(const trial *t, const char *spec)
{
    sixnet_optimizer *opt;
    int32_t status = sixnet_optimizer_new(&opt, t->net, spec, NULL);
    sixnet_optimizer_free(opt);
    return status;
}

static int32_t try_schedule(const trial *t, const char *spec)
{
    sixnet_optimizer *opt;
    int32_t status = sixnet_optimizer_new(&opt, t->net, "sgd lr=1", spec);
    sixnet_optimizer_free(opt);
    return status;
}

static int32_t try_transform(const trial *t, const char *spec)
{
    sixnet_dataset *a, *b;
    WORKS(sixnet_dataset_split(&a, &b, t->ds, "first_size=1"));
    int32_t status = sixnet_dataset_add_transform(a, spec);
    sixnet_dataset_free(a);
    sixnet_dataset_free(b);
    return status;
}

static int32_t give_nothing(void *user, int64_t index, float *input, float *target)
{
    (void)user, (void)index, (void)input, (void)target;
    return 0;
}

/* An options text has no kind in front. */
static int32_t try_options(const trial *t, const char *spec)
{
    static const float values[64] = {0};
    const char *text = spec + strcspn(spec, " ");
    char kind[64];
    int32_t status = SIXNET_OK;
    sixnet_context *ctx = NULL;
    sixnet_dataset *a = NULL, *b = NULL;
    sixnet_batch_iterator *batches = NULL;
    sixnet_optimizer *opt = NULL;
    snprintf(kind, sizeof kind, "%.*s", (int)(text - spec), spec);
    if (strcmp(kind, "context") == 0)
        status = sixnet_context_new(&ctx, text);
    else if (strcmp(kind, "dataset_from_arrays") == 0)
        status = sixnet_dataset_from_arrays(&a, NULL, text, values, values, 1);
    else if (strcmp(kind, "dataset_from_callback") == 0)
        status = sixnet_dataset_from_callback(&a, NULL, text, 1, give_nothing, NULL);
    else if (strcmp(kind, "dataset_split") == 0)
        status = sixnet_dataset_split(&a, &b, t->ds, text);
    else if (strcmp(kind, "batch_iterator") == 0)
        status = sixnet_batch_iterator_new(&batches, t->ds, text);
    if (strcmp(kind, "fit") == 0) {
        WORKS(sixnet_optimizer_new(&opt, t->net, "sgd lr=1", NULL));
        status = sixnet_model_fit(t->net, opt, t->ds, NULL, text, NULL, NULL);
    }
    if (strcmp(kind, "metrics") == 0)
        status = sixnet_model_metrics(t->net, t->ds, text, NULL);
    sixnet_context_free(ctx);
    sixnet_dataset_free(a);
    sixnet_dataset_free(b);
    sixnet_batch_iterator_free(batches);
    sixnet_optimizer_free(opt);
    return status;
}

static int32_t try_text(const trial *t, int family, const char *spec)
{
    static int32_t (*const tries[FAMILIES])(const trial *, const char *) = {
        try_node, try_node, try_optimizer, try_schedule, try_transform, try_options,
    };
    return tries[family](t, spec);
}

static const char *usual_value(const char *type)
{
    return strcmp(type, "shape") == 0    ? "4x4x4"
           : strcmp(type, "float") == 0  ? "0.5"
           : strcmp(type, "list") == 0   ? "4"
           : strcmp(type, "points") == 0 ? "4:0.5"
                                         : "2";
}

/* The kind with its required attributes and, for each attribute that has one, the default written out; for the attribute `other`
 * value instead. */
static void write_spec(char *spec, size_t size, const char *family, const char *kind, const char *other,
                       const char *value)
{
    char name[64];
    size_t used = (size_t)snprintf(spec, size, "%s", kind);
    for (int32_t i = 0; sixnet_attribute_field(family, kind, i, "name"); i++) {
        snprintf(name, sizeof name, "%s", sixnet_attribute_field(family, kind, i, "name"));
        const char *text = sixnet_attribute_field(family, kind, i, "default");
        if (strcmp(text, "required") == 0)
            text = usual_value(sixnet_attribute_field(family, kind, i, "type"));
        if (strcmp(kind, "dataset_split") == 0 && strcmp(name, "first_size") == 0)
            text = "2"; /* it or folds must be given */
        if (other && strcmp(name, other) == 0)
            text = value;
        used += (size_t)snprintf(spec + used, size - used, " %s=%s", name, text);
        assert_true(used < size);
    }
}

static void open_trial(trial *t)
{
    static const float inputs[4 * 64] = {0};
    static const float targets[4] = {0};
    WORKS(sixnet_context_new(&t->ctx, NULL));
    t->net = parsed(t->ctx, "input shape=64\nlinear out_features=1\nmse");
    WORKS(sixnet_dataset_from_arrays(&t->ds, t->ctx, "shape=1x8x8", inputs, targets, 4));
}

static void close_trial(trial *t)
{
    sixnet_dataset_free(t->ds);
    sixnet_model_free(t->net);
    sixnet_context_free(t->ctx);
}

static void test_every_default_parses(void **state)
{
    (void)state;
    trial t;
    char spec[1024];
    open_trial(&t);
    for (int f = 0; f < FAMILIES; f++) {
        const char *kind;
        for (int32_t i = 0; (kind = sixnet_kind_field(families[f], i, "name")); i++) {
            write_spec(spec, sizeof spec, families[f], kind, NULL, NULL);
            if (try_text(&t, f, spec) == SIXNET_BAD_SPEC)
                fail_msg("%s: %s", spec, sixnet_last_error());
        }
    }
    close_trial(&t);
}

/* A number just below what the attribute's range says is refused, with the attribute's name. */
static bool below_range(const char *range, char value[static 32])
{
    double low;
    if (strncmp(range, "above 0", 7) == 0) {
        strcpy(value, "0");
        return true;
    }
    if (sscanf(range, "%lf", &low) != 1 || low < -1e15)
        return false;
    snprintf(value, 32, "%.0f", floor(low) - 1);
    return true;
}

static void test_every_range_is_checked(void **state)
{
    (void)state;
    trial t;
    char spec[1024], name[64], value[32], given[128];
    int tried = 0;
    open_trial(&t);
    for (int f = 0; f < FAMILIES; f++) {
        const char *kind;
        for (int32_t i = 0; (kind = sixnet_kind_field(families[f], i, "name")); i++)
            for (int32_t a = 0; sixnet_attribute_field(families[f], kind, a, "name"); a++) {
                const char *type = sixnet_attribute_field(families[f], kind, a, "type");
                snprintf(name, sizeof name, "%s", sixnet_attribute_field(families[f], kind, a, "name"));
                bool number = strcmp(type, "int") == 0 || strcmp(type, "float") == 0 || strcmp(type, "pair") == 0;
                if (!number || !below_range(sixnet_attribute_field(families[f], kind, a, "range"), value))
                    continue;
                if (f == FAMILIES - 1 && !strstr(known[f], kind))
                    continue;
                write_spec(spec, sizeof spec, families[f], kind, name, value);
                snprintf(given, sizeof given, "%s=%s", name, value);
                FAILS(SIXNET_BAD_SPEC, try_text(&t, f, spec), given);
                tried++;
            }
    }
    assert_true(tried > 60);
    close_trial(&t);
}

/* ---- nets as text ---- */

/* Every layer and loss is in one of them; inputs are small whole numbers. */
static const char *const nets[] = {
    "input shape=3x2x2\ninstancenorm2d affine=true\nlocal_response_norm size=2 alpha=0.5 beta=0.5 k=2\nreshape "
    "shape=2x6\ninstancenorm1d eps=0.01\nmse\n",
    "input shape=2x3\ndropout1d p=0.25\nalpha_dropout\ngaussian_noise std=0.1\nunsqueeze dim=0\ndropout2d\nmse\n",
    "input shape=4x3x2\npixel_shuffle upscale_factor=2\npad padding=1,-1,0,2 value=0.5\nupsample size=6x9 "
    "mode=bilinear "
    "align_corners=true\npixel_unshuffle downscale_factor=3\nunfold kernel_size=2x1 dilation=1x2 padding=1x0 "
    "stride=2x1\nupsample scale_factor=2\npad padding=2,1 mode=reflect\nmse\n",
    "input shape=2x3x4 name=a\npermute dims=2,0,1\ntranspose dim0=0 dim1=-1\nslice dim=1 start=-2 end=9\nslice dim=2 "
    "step=2\ngather index=2,0,2\n"
    "unsqueeze dim=0\nsqueeze dim=0,1\nreduce_max dim=2\nreduce_mean dim=1 keepdim=true\nreduce_sum dim=1\nreduce_min "
    "keepdim=true\n"
    "cosine_similarity from=a,a dim=-1 eps=0.001\nadd from=cosine_similarity1,reduce_min1\nmse\n",
    "input shape=2x3 name=a\ninput shape=3 name=b\nsub from=a,b\nexp from=b\ndiv from=sub1,exp1\nmaximum "
    "from=div1,b\nminimum from=maximum1,a\n"
    "abs\nscale a=2 b=1\nsqrt\npow exponent=1.5\nlog\nneg\nmse\n",
    "input shape=5x4 name=x\ninput shape=1 name=lengths\npositional_encoding from=x name=p\nmultihead_attention "
    "num_heads=2 "
    "causal=true from=p,lengths name=a\npositional_encoding encoding=learned\nrmsnorm normalized_shape=4 eps=0.001 "
    "name=r\nmultihead_attention num_heads=4 bias=false dropout=0.25 from=a,r,p\nmse\n",
    "input shape=4x6\nelu alpha=2\nselu\ncelu alpha=3\nprelu num_parameters=4 init=0.1\nrelu6\nhardtanh "
    "min_val=-2\nhardsigmoid\n"
    "hardswish\nsoftplus beta=2 threshold=9\nsoftsign\nmish\nlogsigmoid\nthreshold threshold=0 value=1\ntanhshrink\n"
    "softshrink lambd=0.25\nhardshrink lambd=-1\nglu dim=0\n"
    "softmin dim=0\nmse\n",
    "input shape=2x9\nconv1d out_channels=4 kernel_size=2 padding=same\nconv1d out_channels=4 kernel_size=3 "
    "padding=valid "
    "dilation=2 groups=2\nconv_transpose1d out_channels=2 kernel_size=3 stride=2 padding=1 output_padding=1\nreshape "
    "shape=2x2x5\nconv2d out_channels=2 kernel_size=3 padding=same\nconv_transpose2d out_channels=1 kernel_size=2x3 "
    "stride=2x1 dilation=1x2 bias=false\nmse\n",
    "input shape=2x20\nmaxpool1d kernel_size=3 padding=1 dilation=2 stride=1 ceil_mode=true\navgpool1d kernel_size=2 "
    "count_include_pad=false\nadaptive_avgpool1d output_size=6\nreshape shape=1x3x4\nadaptive_maxpool2d "
    "output_size=2x3\nmse\n",
    "input shape=5x4 name=x\ninput shape=1 name=lengths\ngru hidden_size=3 bidirectional=true from=x,lengths\nlstm "
    "hidden_size=2 num_layers=2 dropout=0.25 bias=false name=l\nrnn hidden_size=4 nonlinearity=relu "
    "from=l:output\nmse\n",
    "input shape=4\nlinear out_features=8\nrelu\nlinear out_features=3 bias=false init=kaiming_uniform\ncross_entropy "
    "label_smoothing=0.1\n",
    "input shape=1x8x8\nconv2d out_channels=4 kernel_size=3 padding=1 bias=false\nbatchnorm2d momentum=0.25 "
    "eps=0.001\nrelu\nmaxpool2d "
    "kernel_size=2\nflatten\nlinear out_features=5\ncross_entropy weight=1,2,0.5,1,1e-3\n",
    "input shape=2x9x7\nconv2d out_channels=6 kernel_size=3x2 stride=2x1 padding=1x0 dilation=1x2 groups=2\nleaky_relu "
    "negative_slope=0.2\navgpool2d kernel_size=2 stride=1 ceil_mode=true count_include_pad=false\nadaptive_avgpool2d "
    "output_size=2x1\nflatten\nmse reduction=sum\n",
    "input shape=12\nreshape shape=3x2x2\ngroupnorm num_groups=3\ngelu approximate=tanh\nlayernorm "
    "normalized_shape=2x2 "
    "bias=false\nsilu\n"
    "l1\n",
    "input shape=5\nembedding num_embeddings=4 embedding_dim=3 padding_idx=0\nflatten\nsoftmax\nlinear "
    "out_features=2\nmse "
    "reduction=half_sum\n",
    "input shape=6\nbatchnorm1d affine=false\ntanh\ndropout p=0.25\nlinear out_features=4\nlog_softmax\nnll\n",
    "input shape=3x4 name=left\ninput shape=3x4 name=right\nsigmoid from=left name=gate\nmul from=gate,right\nadd "
    "from=mul1,left,right\nconcat from=add1,gate dim=1\ngelu\nbce_with_logits pos_weight=1,2,3,4,5,6,7,8\n",
    "input shape=4\nlinear out_features=4\nadd from=linear1,input1\nsmooth_l1 beta=0.5\n",
    "input shape=4\nlinear out_features=3\nhuber delta=0.5\n",
    "input shape=4\nlinear out_features=3\nsigmoid\nbce reduction=sum\n",
    "input shape=4\nlinear out_features=3\nlog_softmax\nkl_div reduction=batchmean log_target=true\n",
    "input shape=4\nlinear out_features=3\npoisson_nll log_input=false full=true eps=0.5\n",
    "input shape=2x3 name=a\ninput shape=4x3 name=b\nmatmul from=a,b transpose_b=true\nmatmul from=matmul1,a "
    "transpose_a=true\nmse\n",
    "input shape=2x6\nsplit sizes=2,3,1 dim=-1 name=s\nlinear out_features=3\nconstant shape=2x3 value=-0.25\nmul "
    "from=s:1,constant1\n"
    "concat from=mul1,s:2,linear1 dim=1\nmse\n",
    "input shape=3\nembedding num_embeddings=4 embedding_dim=2 name=e\nlinear out_features=2 name=f\nlinear "
    "out_features=2 share=f\n"
    "tensors match=f.* trainable=false lr_scale=0.5\nlinear out_features=4 weight=e.weight\ntensors match=* "
    "weight_decay=0.25\nmse\n",
    "input shape=3x4x4\nmaxpool2d kernel_size=3x2 stride=1x2 padding=1 dilation=1\nflatten start_dim=1\nlinear "
    "out_features=2\n"
    "flatten\nsoftmax",
    "input shape=5x3\ncross_entropy reduction=sum",
    "input shape=7\nlinear out_features=2 name=head.left_1\ncross_entropy name=the_loss",
    "input shape=2\ndropout p=0\n",
};
enum { NETS = sizeof nets / sizeof *nets };

static bool used_somewhere(const char *kind)
{
    for (int i = 0; i < NETS; i++) {
        sixnet_model *net = parsed(NULL, nets[i]);
        bool used = false;
        for (sixnet_node n = 0; n < sixnet_node_count(net); n++)
            used |= strcmp(sixnet_node_get(net, n, "kind"), kind) == 0;
        sixnet_model_free(net);
        if (used)
            return true;
    }
    return false;
}

static void test_the_nets_have_every_layer(void **state)
{
    (void)state;
    const char *kind;
    for (int f = 0; f < 2; f++)
        for (int32_t i = 0; (kind = sixnet_kind_field(families[f], i, "name")); i++)
            if (!used_somewhere(kind))
                fail_msg("no net has a %s", kind);
}

static int64_t size_of(const sixnet_model *net, sixnet_node node)
{
    int64_t dims[8], size = 1;
    int32_t rank;
    WORKS(sixnet_node_shape(net, node, dims, &rank));
    for (int32_t i = 0; i < rank; i++)
        size *= dims[i];
    return size;
}

static int64_t input_size(const sixnet_model *net)
{
    int64_t size = 0;
    for (sixnet_node n = 0; n < sixnet_node_count(net); n++)
        if (strcmp(sixnet_node_get(net, n, "kind"), "input") == 0)
            size += size_of(net, n);
    return size;
}

/* The loss's input, or else the last node; in these nets the node before. */
static int64_t output_size(const sixnet_model *net)
{
    sixnet_node last = sixnet_node_count(net) - 1;
    const char *kind = sixnet_node_get(net, last, "kind");
    return size_of(net, has_kind("loss", kind) ? last - 1 : last);
}

enum { SAMPLES = 21 };

static void check_same_predictions(sixnet_model *a, sixnet_model *b)
{
    int64_t in = input_size(a), out = output_size(a);
    float *x = malloc((size_t)(SAMPLES * in) * sizeof *x), *y = malloc((size_t)(2 * SAMPLES * out) * sizeof *y);
    for (int64_t i = 0; i < SAMPLES * in; i++)
        x[i] = (float)(i * 7 % 11 % 4);
    WORKS(sixnet_model_predict(a, x, SAMPLES, y));
    WORKS(sixnet_model_predict(b, x, SAMPLES, y + SAMPLES * out));
    assert_memory_equal(y, y + SAMPLES * out, (size_t)(SAMPLES * out) * sizeof *y);
    for (int64_t i = 0; i < SAMPLES * out; i++)
        assert_true(isfinite(y[i]));
    free(x);
    free(y);
}

static const char *after_settings(const char *text)
{
    while (strncmp(text, "tensors ", 8) == 0)
        text = strchr(text, '\n') + 1;
    return text;
}

/* The whole text is the nodes' lines, and below them those of settings. */
static void check_specs(const sixnet_model *net, const char *text)
{
    for (sixnet_node n = 0; n < sixnet_node_count(net); n++) {
        const char *spec = sixnet_node_get(net, n, "spec");
        assert_memory_equal(spec, text, strlen(spec));
        text += strlen(spec);
        assert_int_equal(*text++, '\n');
        text = after_settings(text);
        assert_memory_equal(spec, sixnet_node_get(net, n, "kind"), strlen(sixnet_node_get(net, n, "kind")));
        assert_non_null(strstr(spec, sixnet_node_get(net, n, "name")));
        assert_int_equal(sixnet_node_find(net, sixnet_node_get(net, n, "name")), n);
    }
    assert_int_equal(*text, '\0');
}

static void check_round_trip(sixnet_context *ctx, const char *text)
{
    sixnet_model *first = parsed(ctx, text);
    const char *written = sixnet_model_text(first);
    assert_non_null(written);
    assert_ptr_equal(written, sixnet_model_text(first));
    sixnet_model *second = parsed(ctx, written);
    assert_string_equal(written, sixnet_model_text(second));
    assert_string_equal(sixnet_model_summary(first), sixnet_model_summary(second));
    assert_int_equal(sixnet_node_count(first), sixnet_node_count(second));
    assert_same_digest(digest_of(first), digest_of(second));
    check_specs(first, written);
    check_same_predictions(first, second);
    sixnet_model_free(first);
    sixnet_model_free(second);
}

static void test_text_and_back(void **state)
{
    (void)state;
    static const char *const options[] = {"seed=3", "seed=4 dtype=f64", "isa=baseline"};
    for (int o = 0; o < 3; o++) {
        ledger memory = {0};
        sixnet_context *ctx = ledger_context(&memory, options[o]);
        for (int i = 0; i < NETS; i++)
            check_round_trip(ctx, nets[i]);
        sixnet_context_free(ctx);
        ledger_close(&memory);
    }
}

/* What differs from the defaults is written, and nothing else. */
static void test_what_is_written(void **state)
{
    (void)state;
    sixnet_model *net =
        parsed(NULL, "input shape=2x6x6 name=a\nconv2d out_channels=2 kernel_size=3x3 stride=1 groups=2\nrelu name=b\n"
                     "add from=b,conv1\nadaptive_avgpool2d output_size=2x3\nflatten start_dim=0\nlinear bias=false "
                     "out_features=1\nmse reduction=sum");
    assert_string_equal(sixnet_model_text(net), "input shape=2x6x6 name=a\n"
                                                "conv2d out_channels=2 kernel_size=3 groups=2 name=conv1\n"
                                                "relu name=b\n"
                                                "add name=add1 from=b,conv1\n"
                                                "adaptive_avgpool2d output_size=2x3 name=avgpool1\n"
                                                "flatten name=flatten1\n"
                                                "linear out_features=1 bias=false name=linear1\n"
                                                "mse reduction=sum name=loss1\n");
    sixnet_model_free(net);
}

/* A net built call by call, with its nodes in an order of their own, is that of its text. */
static void test_built_and_parsed(void **state)
{
    (void)state;
    sixnet_model *net, *again;
    WORKS(sixnet_model_new(&net, NULL));
    sixnet_node x = sixnet_model_add(net, "input shape=3", SIXNET_NO_NODE),
                a = sixnet_model_add(net, "linear out_features=4", x);
    sixnet_node b = sixnet_model_add(net, "linear out_features=4", x), c = sixnet_model_add(net, "tanh", a);
    sixnet_node d = sixnet_model_add_multi(net, "add", (const sixnet_node[]){c, b}, 2);
    assert_string_equal(sixnet_node_get(net, b, "spec"), "linear out_features=4 name=linear2 from=input1");
    sixnet_model_add(net, "mse", d);
    WORKS(sixnet_model_compile(net));
    again = parsed(NULL, sixnet_model_text(net));
    assert_string_equal(sixnet_model_text(net), sixnet_model_text(again));
    assert_same_digest(digest_of(net), digest_of(again));
    check_same_predictions(net, again);
    sixnet_model_free(net);
    sixnet_model_free(again);
}

/* Another seed gives other values, another name another digest. */
static void test_digest(void **state)
{
    (void)state;
    sixnet_context *one, *two;
    WORKS(sixnet_context_new(&one, "seed=1"));
    WORKS(sixnet_context_new(&two, "seed=2"));
    static const char net[] = "input shape=4\nlinear out_features=8\nrelu\nlinear out_features=3 bias=false\nmse";
    sixnet_model *a = parsed(one, net), *b = parsed(two, net),
                 *c = parsed(one, "input shape=4\nlinear out_features=8 name=other\n"
                                  "relu\nlinear out_features=3 bias=false\nmse");
    assert_string_not_equal(digest_of(a).text, digest_of(b).text);
    assert_string_not_equal(digest_of(a).text, digest_of(c).text);
    assert_int_equal(strlen(digest_of(a).text), 64);
    assert_int_equal(strspn(digest_of(a).text, "0123456789abcdef"), 64);
    sixnet_model_free(a);
    sixnet_model_free(b);
    sixnet_model_free(c);
    sixnet_context_free(one);
    sixnet_context_free(two);
}

/* ---- how a net's text may be written ---- */

static void test_ways_of_writing(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "input shape=2 name=a\nlinear out_features=3 name=b\ntanh name=c\nmse name=d\n",
        "input shape=2 name=a\nlinear out_features=3 name=b\ntanh name=c\nmse name=d",
        "input shape=2 name=a\r\nlinear out_features=3 name=b\r\ntanh name=c\r\nmse name=d\r\n",
        "# a net\n\n  input   shape=2\tname=a   # the input\n\n#linear out_features=9\n\tlinear name=b "
        "out_features=3\n   \n"
        "tanh name=c#close\nmse name=d\n\n\n",
        "\r\n\r\ninput name=a shape=2\r\nlinear out_features=3 bias=true name=b from=a\r\ntanh from=b name=c # "
        "\303\244\r\n  "
        "\t\r\nmse name=d "
        "from=c # end\r\n#",
        "\xEF\xBB\xBFinput shape=2 name=a\nlinear out_features=3 name=b\ntanh name=c\nmse name=d\n",
    };
    sixnet_model *first = parsed(NULL, ways[0]);
    for (size_t i = 1; i < sizeof ways / sizeof *ways; i++) {
        sixnet_model *net = parsed(NULL, ways[i]);
        assert_string_equal(sixnet_model_text(net), sixnet_model_text(first));
        assert_same_digest(digest_of(net), digest_of(first));
        sixnet_model_free(net);
    }
    sixnet_model_free(first);
}

static void test_texts_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word, *other;
        int32_t status;
    } bad[] = {
        {"input shape=2\nlinaer out_features=3\n", "line 2: ", "did you mean 'linear'", SIXNET_BAD_SPEC},
        {"# one\n\ninput shape=2\n\nlinear outfeatures=3\n", "line 5: ", "did you mean 'out_features'",
         SIXNET_BAD_SPEC},
        {"\r\ninput shape=2\r\nlinear out_features=0\r\n", "line 3: ", "out_features=0", SIXNET_BAD_SPEC},
        {"input shape=2x3\nreshape shape=7", "line 2: ", "shape=7", SIXNET_BAD_SHAPE},
        {"input shape=2\nrelu name=a\ntanh name=a\n", "line 3: ", "name=a", SIXNET_BAD_SPEC},
        {"input shape=2\nrelu name=a-b\n", "line 2: ", "a-b", SIXNET_BAD_SPEC},
        {"relu\n", "line 1: ", "input", SIXNET_INVALID_ARGUMENT},
        {"input shape=2\nrelu from=nobody\n", "line 2: ", "from=nobody", SIXNET_NOT_FOUND},
        {"input shape=2 name=a\nrelu from=a,b\n", "line 2: ", "from=b", SIXNET_NOT_FOUND},
        {"input shape=2 name=a\nadd from=a,\n", "line 2: ", "is empty", SIXNET_BAD_SPEC},
        {"input shape=2 name=a\nadd from=,a\n", "line 2: ", "is empty", SIXNET_BAD_SPEC},
        {"input shape=2 name=a\nadd from=a\n", "line 2: ", "takes 2 to", SIXNET_INVALID_ARGUMENT},
        {"input shape=2 name=a\nadd\n", "line 2: ", "takes 2 to", SIXNET_INVALID_ARGUMENT},
        {"input shape=2 name=a\nrelu from=a,a\n", "line 2: ", "takes 1 input", SIXNET_INVALID_ARGUMENT},
        {"input shape=2 name=a\nrelu from=b name=b\n", "line 2: ", "from=b", SIXNET_NOT_FOUND},
        {"input shape=2 name=a\ninput shape=3 from=a\n", "line 2: ", "takes 0 inputs", SIXNET_INVALID_ARGUMENT},
        {"input shape=2 name=a\nadd from=a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\n", "line 2: ", "16", SIXNET_TOO_LARGE},
        {"input shape=2\nmse\nrelu\n", "line 3: ", "loss", SIXNET_INVALID_ARGUMENT},
        {"input shape=2\nrelu\001\n", "line 2: ", "control character", SIXNET_BAD_SPEC},
        {"input shape=2\nrelu x\n", "line 2: ", "attribute=value", SIXNET_BAD_SPEC},
        {"input shape=2 name=a\nlinear out_features=2 name=b\nrelu from=a name=c", "line 2: b: ", "output is unused",
         SIXNET_BAD_SHAPE},
        {"input shape=2 name=a\nmse name=b\nl1 from=a name=c", "line 3: c: ", "'b'", SIXNET_BAD_SHAPE},
        {"# two losses\n\ninput shape=2\nmse\n\nl1 from=input1", "line 6: ", "loss already", SIXNET_BAD_SHAPE},
        {"", "no nodes", "input", SIXNET_BAD_STATE},
        {"\n  # nothing\n\r\n", "no nodes", "input", SIXNET_BAD_STATE},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ledger memory = {0};
        sixnet_context *ctx = ledger_context(&memory, NULL);
        sixnet_model *net = (sixnet_model *)&memory;
        FAILS(bad[i].status, sixnet_model_parse(&net, ctx, bad[i].text), bad[i].word, bad[i].other);
        assert_null(net);
        sixnet_context_free(ctx);
        ledger_close(&memory);
    }
}

/* from= in sixnet_model_add() is the input, or agrees with the one that is given. */
static void test_from_in_a_spec(void **state)
{
    (void)state;
    sixnet_model *net, *other;
    int64_t dims[8];
    int32_t rank;
    WORKS(sixnet_model_new(&net, NULL));
    sixnet_node x = sixnet_model_add(net, "input shape=3 name=x", SIXNET_NO_NODE),
                a = sixnet_model_add(net, "linear out_features=4 name=a", x);
    sixnet_node b = sixnet_model_add(net, "linear out_features=5 from=x name=b", SIXNET_NO_NODE);
    WORKS(sixnet_node_shape(net, b, dims, &rank));
    assert_int_equal(dims[0], 5);
    assert_int_equal(sixnet_model_add(net, "tanh from=a name=c", a), 3);
    assert_int_equal(sixnet_model_add_multi(net, "concat from=c,b", NULL, 0), 4);
    assert_string_equal(sixnet_node_get(net, 4, "spec"), "concat name=concat1 from=c,b");
    WORKS(sixnet_model_compile(net));
    sixnet_model_free(net);
    static const struct {
        const char *spec, *word;
        int32_t status;
    } bad[] = {
        {"relu from=nobody", "from=nobody", SIXNET_NOT_FOUND},
        {"relu from=y", "other nodes", SIXNET_INVALID_ARGUMENT},
        {"add from=x,y", "other nodes", SIXNET_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        WORKS(sixnet_model_new(&other, NULL));
        x = sixnet_model_add(other, "input shape=3 name=x", SIXNET_NO_NODE);
        assert_int_equal(sixnet_model_add(other, "tanh name=y", x), 1);
        FAILS_NODE(sixnet_model_add(other, bad[i].spec, x), bad[i].word);
        FAILS(bad[i].status, sixnet_model_compile(other), bad[i].word);
        sixnet_model_free(other);
    }
}

static void test_long_texts(void **state)
{
    (void)state;
    enum { LINE = 65536, TEXT = 1 << 24 };
    sixnet_model *net;
    char *text = malloc(TEXT + 2);
    memset(text, ' ', TEXT + 2);
    memcpy(text, "input shape=2", 13);
    text[TEXT + 1] = '\0';
    FAILS(SIXNET_TOO_LARGE, sixnet_model_parse(&net, NULL, text), "16777216");
    text[TEXT] = '\0';
    FAILS(SIXNET_TOO_LARGE, sixnet_model_parse(&net, NULL, text), "line 1", "65536");
    text[LINE] = '\0';
    WORKS(sixnet_model_parse(&net, NULL, text));
    sixnet_model_free(net);
    memset(text + 13, '#', TEXT - 13); /* a comment may be as long as it likes */
    WORKS(sixnet_model_parse(&net, NULL, text));
    sixnet_model_free(net);
    free(text);
}

/* Several inputs, named in any order, and the same node twice. */
static void test_several_inputs(void **state)
{
    (void)state;
    const float x[] = {1, 2, 10, 20};
    float y[6];
    sixnet_model *net = parsed(NULL, "input shape=2 name=a\ninput shape=2 name=b\nconcat from=b,a,b");
    WORKS(sixnet_model_predict(net, x, 1, y));
    assert_memory_equal(y, ((const float[]){10, 20, 1, 2, 10, 20}), sizeof y);
    sixnet_model_free(net);
    net = parsed(NULL, "input shape=2 name=a\ninput shape=2 name=b\nmul from=a,a name=c\nadd from=c,b");
    WORKS(sixnet_model_predict(net, x, 1, y));
    assert_memory_equal(y, ((const float[]){11, 24}), 2 * sizeof *y);
    sixnet_model_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_described),
        cmocka_unit_test(test_every_known_kind_is_there),
        cmocka_unit_test(test_batches_of_fit_and_of_iterators_have_one_range),
        cmocka_unit_test(test_every_default_parses),
        cmocka_unit_test(test_every_range_is_checked),
        cmocka_unit_test(test_the_nets_have_every_layer),
        cmocka_unit_test(test_text_and_back),
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_built_and_parsed),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_ways_of_writing),
        cmocka_unit_test(test_texts_that_are_refused),
        cmocka_unit_test(test_from_in_a_spec),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_several_inputs),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
