/* SPDX-License-Identifier: MIT */
/* Models as they are built, run and read: what is refused on the way, in what words, and that nothing has changed then. */

#include "api_fixture.h"

#include "sixnet/layer.h"

/* ---- building ---- */

static void test_words_are_suggested(void **state)
{
    fixture *w = *state;
    static const struct {
        const char *spec, *word, *other;
    } bad[] = {
        {"liner out_features=3", "layer 'liner'", "did you mean 'linear'"},
        {"Conv2D out_channels=3", "Conv2D", "did you mean 'conv2d'"},
        {"batchnorm", "batchnorm", "did you mean 'batchnorm"},
        {"cross_entropie", "cross_entropie", "did you mean 'cross_entropy'"},
        {"linear out_feature=3", "out_feature", "did you mean 'out_features'"},
        {"linear out_features=3 Bias=false", "Bias", "did you mean 'bias'"},
        {"dropout pp=0.5", "pp", "did you mean 'p'"},
        {"groupnorm num_groups=1 epz=1.5e-3", "epz", "did you mean 'eps'"},
        {"linear out_features=3 nam=a", "nam", "did you mean 'name'"},
        {"mse reduction=mea", "reduction=mea", "did you mean 'mean'"},
        {"zzzzzzzzzzzz", "unknown layer 'zzzzzzzzzzzz'", ""},
        {"linear", "linear", "out_features is missing"},
        {"linear out_features", "'out_features'", "attribute=value"},
        {"linear out_features=3 out_features=4", "out_features", "twice"},
        {"linear out_features=three", "out_features=three", "whole number"},
        {"linear out_features=3.5", "out_features=3.5", "whole number"},
        {"dropout p=1.5", "dropout", "p=1.5"},
        {"dropout p=nan", "p=nan", "finite"},
        {"linear out_features=3 bias=yes", "bias=yes", "true nor false"},
        {"", "empty", ""},
        {"relu\001", "control character", ""},
        {"relu from=", "from=", "is empty"},
        /* as in PyTorch and Keras */
        {"Conv2d(1, 16, 3)", "did you mean 'conv2d'?", "name=value"},
        {"torch.nn.Linear(in_features=3, out_features=4)", "did you mean 'linear'?", "name=value"},
        {"CrossEntropyLoss()", "did you mean 'cross_entropy'?", "name=value"},
        {"nn.RReLU()", "there is no such layer", "name=value"},
        {"CrossEntropyLoss", "CrossEntropyLoss", "did you mean 'cross_entropy'?"},
        {"SmoothL1Loss", "SmoothL1Loss", "did you mean 'smooth_l1'?"},
        {"NLLLoss", "NLLLoss", "did you mean 'nll'?"},
        {"linear in_features=2 out_features=3", "'in_features'", "leave it out"},
        {"conv2d in_channels=1 out_channels=3", "'in_channels'", "leave it out"},
        {"linear out_channels=3", "'out_channels'", "did you mean 'out_features'"},
        {"conv2d out_features=3", "'out_features'", "did you mean 'out_channels'"},
        {"linear units=3", "'units'", "did you mean 'out_features'"},
        {"relu units=3", "relu: unknown attribute 'units'", ""},
        {"dropout rate=0.5", "'rate'", "did you mean 'p'"},
        {"tensor match=*", "unknown layer 'tensor'", "did you mean 'tensors'"},
        {"tensors match=*", "'tensors' is no layer", "sixnet_model_set_tensors()"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE);
        FAILS_NODE(sixnet_model_add(net, bad[i].spec, x), bad[i].word, bad[i].other);
        FAILS(SIXNET_BAD_SPEC, sixnet_model_compile(net), bad[i].word, bad[i].other);
        sixnet_model_free(net);
    }
}

static bool is_kind(const char *word)
{
    static const char *const families[] = {"layer", "loss"};
    for (int f = 0; f < 2; f++)
        for (int32_t i = 0; sixnet_kind_field(families[f], i, "name"); i++)
            if (strcmp(sixnet_kind_field(families[f], i, "name"), word) == 0)
                return true;
    return false;
}

/* PyTorch's names for what is not here: the nearest word here means something else. A new layer whose name is close to one of them, as
 * minmax is to min, makes a suggestion right: that word then leaves the list. */
static void test_other_words_are_not_suggested(void **state)
{
    fixture *w = *state;
    static const char words[] =
        "abs adaptive_avgpool1d adaptive_avgpool3d adaptive_log_softmax adaptive_maxpool1d adaptive_maxpool2d add_n "
        "addmm "
        "alpha_dropout argmax attention avgpool1d avgpool3d batchnorm3d bias bilinear bmm cat ceil celu "
        "channel_shuffle clamp constant_pad2d conv1d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
        "cos cosine_embedding cosine_similarity crop ctc ctc_loss cumsum deconv2d dense dice div "
        "divide "
        "dot dropout1d dropout2d dropout3d elu embedding_bag erf exp expand fc feature_alpha_dropout flip floor focal "
        "fold fractional_maxpool2d gap gather gaussian_nll glu gru grucell hardshrink hardsigmoid hardswish hardtanh "
        "hinge hinge_embedding identity instancenorm1d instancenorm2d iou l2 "
        "lazy_linear "
        "local_response_norm log logsigmoid loss lppool1d lppool2d lrn lstm lstmcell mae margin_ranking "
        "max max_unpool2d maximum maxpool1d maxpool3d maxunpool1d maxunpool2d mean min minimum mish mlp module "
        "multi_margin multihead_attention multilabel_margin multilabel_soft_margin neg noop nop norm output pad "
        "pairwise_distance permute pixel_shuffle pixel_unshuffle pool pow prelu prod reciprocal "
        "reflection_pad2d relu6 repeat replication_pad2d residual rmse rmsnorm rnn rnncell roll round rrelu rsqrt "
        "scale "
        "selu sequential shift sign sin skip slice soft_margin softmax2d softmin softplus softshrink softsign sort "
        "sqrt square squeeze stack std sub subtract sum swish syncbatchnorm tanhshrink threshold topk transformer "
        "transformer_encoder transpose triplet_margin unflatten unfold unsqueeze upsample var view where zero_pad2d";
    char word[64];
    int count = 0, length;
    for (const char *c = words; sscanf(c, "%63s%n", word, &length) == 1; c += length, count++) {
        if (is_kind(word)) /* added since */
            continue;
        sixnet_model *net = empty(w);
        FAILS_NODE(sixnet_model_add(net, word, SIXNET_NO_NODE), word, "there is no such layer");
        sixnet_model_free(net);
    }
    assert_true(count > 160);
}

static void test_sizes_are_checked(void **state)
{
    fixture *w = *state;
    static const char *const bad[][2] = {
        {"input shape=0", "shape=0"},
        {"input shape=-3", "shape=-3"},
        {"input shape=1x0x4", "shape=1x0x4"},
        {"input shape=1x2x3x4x5x6x7x8x9", "8 dimensions"},
        {"input shape=99999999999999999999", "shape=99999999999999999999"},
        {"input shape=1099511627776x2", "shape=1099511627776x2"},
        {"linear out_features=0", "out_features=0"},
        {"linear out_features=-4", "out_features=-4"},
        {"conv2d out_channels=0 kernel_size=3", "out_channels=0"},
        {"conv2d out_channels=1 kernel_size=0", "kernel_size=0"},
        {"conv2d out_channels=1 kernel_size=3x-1", "kernel_size=3x-1"},
        {"conv2d out_channels=1 kernel_size=3 stride=0", "stride=0"},
        {"conv2d out_channels=1 kernel_size=3 padding=-1", "padding=-1"},
        {"maxpool2d kernel_size=0", "kernel_size=0"},
        {"groupnorm num_groups=0", "num_groups=0"},
        {"embedding num_embeddings=0 embedding_dim=1", "num_embeddings=0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_model_add(net, "input shape=1x8x8", SIXNET_NO_NODE);
        FAILS_NODE(sixnet_model_add(net, bad[i][0], strncmp(bad[i][0], "input", 5) == 0 ? SIXNET_NO_NODE : x),
                   bad[i][1]);
        FAILS(SIXNET_BAD_SPEC, sixnet_model_compile(net), bad[i][1]);
        sixnet_model_free(net);
    }
}

/* Shapes that do not fit: the message has both. */
static void test_shapes_are_compared(void **state)
{
    fixture *w = *state;
    static const char *const bad[][4] = {
        {"3x8x8", "conv2d out_channels=4 kernel_size=9 name=c", "c: ", "9x9"},
        {"3x8x8", "conv2d out_channels=4 kernel_size=3 groups=2 name=c", "groups=2", "3 input"},
        {"12", "conv2d out_channels=4 kernel_size=3", "height x width", "12"},
        {"3x8x8", "conv1d out_channels=4 kernel_size=3", "channels x length", "3x8x8"},
        {"2x8", "conv1d out_channels=4 kernel_size=3 dilation=4", "1x9", "2x8"},
        {"2x8", "conv1d out_channels=4 kernel_size=3 stride=2 padding=same", "padding=same", "stride=1"},
        {"3x8x8", "conv_transpose2d out_channels=4 kernel_size=3 stride=2 output_padding=0x2", "output_padding=2",
         "stride"},
        {"3x2x8", "conv_transpose2d out_channels=4 kernel_size=3 padding=2", "less padding", "3x2x8"},
        {"2x8", "maxpool1d kernel_size=3 dilation=4", "length 9", "2x8"},
        {"3x8x8", "avgpool1d kernel_size=3", "channels x length", "3x8x8"},
        {"4x1", "instancenorm1d", "more than one value", "4x1"},
        {"4x2", "instancenorm2d", "height x width", "4x2"},
        {"2x3x4", "pad padding=1,2,3", "padding has 3 numbers", "2x3x4"},
        {"4", "pad padding=1,2,3,4", "padding has 4 numbers", "4"},
        {"2x4", "pad padding=1.5,2", "padding", "whole"},
        {"2x4", "pad padding=4,0 mode=reflect", "padding 4", "2x4"},
        {"2x4", "pad padding=-1,0 mode=replicate", "padding -1", "2x4"},
        {"2x4", "pad padding=-2,-2", "nothing is left", "2x4"},
        {"6x2x2", "pixel_shuffle upscale_factor=2", "upscale_factor=2", "6x2x2"},
        {"6x2x3", "pixel_unshuffle downscale_factor=2", "downscale_factor=2", "6x2x3"},
        {"6x2x3", "unfold kernel_size=3", "3x3", "6x2x3"},
        {"6x2x3", "upsample scale_factor=0.25", "scale_factor", "6x2x3"},
        {"6x2", "upsample scale_factor=2 mode=bilinear", "mode=linear", "6x2"},
        {"2x3", "reshape shape=7 name=r", "r: shape=7", "2x3"},
        {"3x8x8", "batchnorm1d", "batchnorm2d", "3x8x8"},
        {"4", "batchnorm2d", "bn1", "4"},
        {"4x6", "layernorm normalized_shape=5", "5", "4x6"},
        {"4x6", "groupnorm num_groups=3", "num_groups 3", "4x6"},
        {"4x6", "maxpool2d kernel_size=2", "height x width", "4x6"},
        {"1x4x4", "maxpool2d kernel_size=5", "height 5", "1x4x4"},
        {"1x4x4", "avgpool2d kernel_size=2 padding=2", "padding 2", "kernel_size 2"},
        {"4", "positional_encoding", "the input 4", "TxF"},
        {"4x6", "flatten start_dim=2", "start_dim=2", "4x6"},
        {"5", "cross_entropy weight=1,2,3", "3 numbers", "5 classes"},
        {"4x6", "bce_with_logits pos_weight=1,2", "2 numbers", "6"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char spec[64];
        sixnet_model *net = empty(w);
        snprintf(spec, sizeof spec, "input shape=%s", bad[i][0]);
        sixnet_node x = sixnet_model_add(net, spec, SIXNET_NO_NODE);
        FAILS_NODE(sixnet_model_add(net, bad[i][1], x), bad[i][2], bad[i][3]);
        FAILS(SIXNET_BAD_SHAPE, sixnet_model_compile(net), bad[i][2], bad[i][3]);
        sixnet_model_free(net);
    }
    static const char *const joins[][6] = {
        {"2x5", "3x4", "add name=j", "j: ", "2x5", "3x4"},
        {"2x5", "3x4", "mul name=j", "j: ", "2x5", "3x4"},
        {"2x5", "3x4", "concat name=j", "j: ", "2x5", "3x4"},
        {"5", "5x4", "matmul name=j", "2 or more dimensions", "5 and", "5x4"},
        {"2x5", "2x4", "matmul name=j", "2x5 and 2x4 have no product", "", ""},
        {"2x5", "2x4", "matmul transpose_b=true name=j", "2x5 and 4x2 have no product", "inputs 2x5", "2x4"},
        {"2x5", "2x4", "matmul transpose_a=true transpose_b=true name=j", "5x2 and 4x2 have no product", "", ""},
        {"4x3", "2", "lstm hidden_size=2 name=j", "lengths have the shape 1", "not 2", ""},
        {"4x3", "1x2", "lstm hidden_size=2 name=j", "2 inputs", "h_0 and c_0", ""},
        {"4x3", "1x3", "gru hidden_size=2 name=j", "initial state 1x3", "1x2", ""},
        {"4", "1", "rnn hidden_size=2 name=j", "the input 4", "TxF", ""},
        {"4x3", "5x2", "multihead_attention num_heads=1 name=j", "input 5x2", "query 4x3", ""},
        {"4x3", "1", "multihead_attention num_heads=2 name=j", "3 features", "num_heads, 2", ""},
        {"3x2x5", "2x5x4", "matmul name=j", "before the last two", "3x2x5", "2x5x4"},
        {"2x3x2x5", "3x5x4", "matmul name=j", "before the last two", "2x3x2x5", "3x5x4"},
    };
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
        char spec[64];
        sixnet_node two[2];
        sixnet_model *net = empty(w);
        for (int k = 0; k < 2; k++) {
            snprintf(spec, sizeof spec, "input shape=%s", joins[i][k]);
            two[k] = sixnet_model_add(net, spec, SIXNET_NO_NODE);
        }
        FAILS_NODE(sixnet_model_add_multi(net, joins[i][2], two, 2), joins[i][3], joins[i][4], joins[i][5]);
        sixnet_model_free(net);
    }
}

static void test_too_large(void **state)
{
    fixture *w = *state;
    static const char *const bad[][2] = {
        {"linear out_features=16777216", "linear1"},
        {"conv2d out_channels=1048576 kernel_size=1 padding=1048576", "conv1"},
        {"conv2d out_channels=4 kernel_size=33 padding=40", "kernel_size=33x33"},
        {"conv2d out_channels=4 kernel_size=25x41 padding=40", "kernel_size=25x41 is more than 1024 values"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_model_add(net, "input shape=1024x128x64", SIXNET_NO_NODE);
        FAILS_NODE(sixnet_model_add(net, bad[i][0], x), bad[i][1]);
        FAILS(SIXNET_TOO_LARGE, sixnet_model_compile(net), bad[i][1]);
        sixnet_model_free(net);
    }
    sixnet_model *net = empty(w);
    sixnet_node x = sixnet_model_add(net, "input shape=1", SIXNET_NO_NODE);
    for (int i = 1; i < 4096; i++)
        x = sixnet_model_add(net, "relu", x);
    assert_int_equal(x, 4095);
    FAILS_NODE(sixnet_model_add(net, "relu", x), "4096 nodes");
    FAILS(SIXNET_TOO_LARGE, sixnet_model_compile(net), "4096 nodes");
    sixnet_model_free(net);
}

static void test_first_error_is_kept(void **state)
{
    fixture *w = *state;
    sixnet_model *net = empty(w);
    uint64_t bytes;
    sixnet_node x = sixnet_model_add(net, "input shape=2x3", SIXNET_NO_NODE);
    x = sixnet_model_add(net, "reshape shape=5 name=wrong", x);
    assert_int_equal(x, SIXNET_NO_NODE);
    x = sixnet_model_add(net, "nonsense", x);
    assert_int_equal(x, SIXNET_NO_NODE);
    x = sixnet_model_add(net, "relu", x);
    assert_int_equal(x, SIXNET_NO_NODE);
    FAILS_NODE(sixnet_model_add(net, "input shape=1", SIXNET_NO_NODE), "shape=5"); /* right, but too late */
    assert_int_equal(sixnet_node_count(net), 1);
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_memory_needed(net, 4, 1, &bytes), "wrong", "shape=5", "2x3");
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_compile(net), "wrong", "shape=5", "2x3");
    x = sixnet_model_add(net, "reshape shape=6 name=right", 0); /* it is reported, and nodes are added again */
    assert_int_equal(x, 1);
    WORKS(sixnet_model_compile(net));
    assert_int_equal(sixnet_node_count(net), 2);
    sixnet_model_free(net);
}

static void test_names(void **state)
{
    fixture *w = *state;
    static char too_long[280] = "relu name=";
    const char *const bad[][2] = {
        {"relu name=in", "another node"}, {"relu name=.", "not begin with '.'"},
        {"relu name=a-b", "a-b"},         {"relu name=a/b", "a/b"},
        {"relu name=a,b", "a,b"},         {"relu name=.a", ".a"},
        {"relu name=a=b", "name=a=b"},    {"relu name=\303\244", "name="},
        {"relu name=a(b)", "name=a(b)"},  {too_long, "255"},
    };
    memset(too_long + strlen(too_long), 'a', 256);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_model *net = empty(w);
        sixnet_node x = sixnet_model_add(net, "input shape=2 name=in", SIXNET_NO_NODE);
        FAILS_NODE(sixnet_model_add(net, bad[i][0], x), bad[i][1]);
        FAILS(SIXNET_BAD_SPEC, sixnet_model_compile(net), bad[i][1]);
        sixnet_model_free(net);
    }
    sixnet_model *net = empty(w);
    sixnet_node x = sixnet_model_add(net, "input shape=2 name=_in.put_2", SIXNET_NO_NODE);
    x = sixnet_model_add(net, "relu name=1st", x);
    x = sixnet_model_add(net, "linear out_features=2 name=linear2", x);
    x = sixnet_model_add(net, "linear out_features=2", x); /* the second, but that name is taken */
    assert_string_equal(sixnet_node_get(net, x, "name"), "linear3");
    x = sixnet_model_add(net, "linear out_features=2 name=", x); /* as without */
    assert_string_equal(sixnet_node_get(net, x, "name"), "linear4");
    assert_int_equal(sixnet_node_find(net, "linear2"), 2);
    WORKS(sixnet_model_compile(net));
    assert_string_equal(sixnet_tensor_name(net, 0), "linear2.weight");
    sixnet_model_free(net);
}

/* The names of PyTorch's modules: numbers and paths. Sixteen of the longest can be taken by one node, and a copy has them all. */
static void test_names_of_modules(void **state)
{
    fixture *w = *state;
    static char text[2 * 16 * 300], from[16 * 256];
    strcpy(text,
           "input shape=2 name=0\nlinear out_features=2 name=1\nlinear out_features=2 name=layer1.0.conv1 from=0\n");
    for (int i = 0; i < 16; i++) {
        char name[256];
        snprintf(name, sizeof name, "%0255d", i);
        snprintf(text + strlen(text), sizeof text - strlen(text), "tanh name=%s from=%s\n", name,
                 i % 2 ? "1" : "layer1.0.conv1");
        snprintf(from + strlen(from), sizeof from - strlen(from), "%s%s", i ? "," : "", name);
    }
    snprintf(text + strlen(text), sizeof text - strlen(text), "add from=%s\nmse\n", from);
    sixnet_model *net, *copy;
    int64_t dims[8];
    int32_t rank, trainable;
    WORKS(sixnet_model_parse(&net, w->ctx, text));
    WORKS(sixnet_tensor_shape(net, "1.weight", dims, &rank, &trainable));
    WORKS(sixnet_tensor_shape(net, "layer1.0.conv1.bias", dims, &rank, &trainable));
    WORKS(sixnet_model_copy(&copy, net));
    assert_string_equal(sixnet_model_text(copy), sixnet_model_text(net));
    assert_int_equal(sixnet_node_find(copy, "layer1.0.conv1"), 2);
    sixnet_model_free(copy);
    sixnet_model_free(net);
}

static void build(sixnet_model *net, const char *const *specs)
{
    sixnet_node x = SIXNET_NO_NODE;
    for (; *specs; specs++)
        x = sixnet_model_add(net, *specs, x);
}

/* What is wrong whatever nodes follow is found when the node is added. */
static void test_a_second_loss(void **state)
{
    fixture *w = *state;
    sixnet_model *net = empty(w);
    sixnet_node in = sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE);
    assert_int_equal(sixnet_model_add(net, "mse", in), 1);
    FAILS_NODE(sixnet_model_add(net, "l1", in), "loss2", "a loss already", "loss1");
    assert_int_equal(sixnet_node_count(net), 2);
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_compile(net), "loss2", "a loss already", "loss1");
    sixnet_model_free(net);
}

/* Numbers are the first that are free, in a net that has taken many of them. (How the work grows: test_growth.py.) */
static void test_names_of_many_nodes(void **state)
{
    (void)state;
    enum { MANY = 2000, LINE = 24 };
    char *text = malloc(2 * MANY * LINE + LINE), *end = text + sprintf(text, "input shape=1\n");
    for (int i = 1; i <= MANY; i++)
        end += sprintf(end, "tanh name=relu%d\n", i);
    for (int i = 0; i < MANY; i++)
        end += sprintf(end, "relu\n");
    sixnet_model *net = parsed(NULL, text);
    assert_string_equal(sixnet_node_get(net, MANY + 1, "name"), "relu2001");
    assert_string_equal(sixnet_node_get(net, 2 * MANY, "name"), "relu4000");
    sixnet_model_free(net);
    net = parsed(NULL, "input shape=1\ntanh name=relu1\ntanh name=relu03\ntanh name=relu4\nrelu\nrelu\nrelu\n");
    assert_string_equal(sixnet_node_get(net, 4, "name"), "relu2");
    assert_string_equal(sixnet_node_get(net, 5, "name"), "relu3");
    assert_string_equal(sixnet_node_get(net, 6, "name"), "relu5");
    sixnet_model_free(net);
    free(text);
}

static void test_graphs_that_make_no_sense(void **state)
{
    fixture *w = *state;
    sixnet_model *net = empty(w);
    FAILS(SIXNET_BAD_STATE, sixnet_model_compile(net), "input");
    sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE); /* and it can still become one */
    WORKS(sixnet_model_compile(net));
    sixnet_model_free(net);

    net = empty(w);
    build(net, (const char *const[]){"input shape=2", "linear out_features=2 name=idle", NULL});
    sixnet_model_add(net, "relu name=end", 0);
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_compile(net), "idle", "output is unused", "end");
    sixnet_model_add(net, "add name=join", SIXNET_NO_NODE);
    sixnet_model_free(net);

    net = empty(w);
    build(net, (const char *const[]){"input shape=2", "mse name=one", NULL});
    FAILS_NODE(sixnet_model_add(net, "relu name=after", 1), "after", "one", "loss");
    sixnet_model_free(net);

    net = empty(w);
    sixnet_node x = sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE);
    sixnet_model_add(net, "mse name=one", x);
    sixnet_model_add(net, "l1 name=two", x);
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_compile(net), "two", "one");
    sixnet_model_free(net);
}

/* A node that would be unused is in order once it is retained. */
static void test_retained_side_branch(void **state)
{
    fixture *w = *state;
    sixnet_model *net = empty(w);
    float values[4];
    sixnet_node x = sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE), side = sixnet_model_add(net, "relu", x);
    sixnet_model_add(net, "tanh", x);
    WORKS(sixnet_node_retain(net, side));
    WORKS(sixnet_model_compile(net));
    WORKS(sixnet_model_forward(net, (const float[]){-1, 2, 3, -4}, 2));
    WORKS(sixnet_node_values(net, side, values, 4));
    assert_memory_equal(values, ((const float[]){0, 2, 3, 0}), sizeof values);
    sixnet_model_free(net);
}

static void test_a_failing_compile_changes_nothing(void **state)
{
    fixture *w = *state;
    sixnet_model *net = empty(w);
    int64_t dims[8];
    int32_t rank;
    sixnet_node x = sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE), a = sixnet_model_add(net, "tanh name=a", x),
                b = sixnet_model_add(net, "relu", x);
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_compile(net), "a");
    assert_int_equal(sixnet_tensor_count(net), 0);
    assert_int_equal(sixnet_model_add_multi(net, "add", (const sixnet_node[]){a, b}, 2), 3);
    WORKS(sixnet_model_compile(net));
    WORKS(sixnet_node_shape(net, 3, dims, &rank));
    assert_true(rank == 1 && dims[0] == 2);
    sixnet_model_free(net);
}

/* The shape and the node at an end of a net, as text: "2x3 at 5". */
static const char *end_of(const sixnet_model *net, const char *end)
{
    static char text[200];
    int64_t dims[8];
    int32_t rank;
    sixnet_node node;
    WORKS(sixnet_model_shape(net, end, dims, &rank, &node));
    size_t length = 0;
    for (int32_t k = 0; k < rank; k++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld", k ? "x" : "", (long long)dims[k]);
    snprintf(text + length, sizeof text - length, " at %d", node);
    return text;
}

static void test_the_ends_of_a_net(void **state)
{
    fixture *w = *state;
    sixnet_model *net;
    int64_t dims[8];
    int32_t rank;
    WORKS(sixnet_model_parse(&net, w->ctx, "input shape=1x4x4\nconv2d out_channels=2 kernel_size=3\nmse"));
    assert_string_equal(end_of(net, "input"), "1x4x4 at 0");
    assert_string_equal(end_of(net, "output"), "2x2x2 at 1");
    assert_string_equal(end_of(net, "target"), "2x2x2 at 2");
    sixnet_model_free(net);

    net = empty(w);
    sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE);
    sixnet_model_add(net, "input shape=3", SIXNET_NO_NODE);
    sixnet_model_add_multi(net, "concat", (const sixnet_node[]){0, 1}, 2);
    FAILS(SIXNET_BAD_STATE, sixnet_model_shape(net, "input", dims, &rank, NULL), "sixnet_model_compile");
    WORKS(sixnet_model_compile(net));
    assert_string_equal(end_of(net, "input"), "5 at -1");
    assert_string_equal(end_of(net, "output"), "5 at 2");
    FAILS(SIXNET_NOT_FOUND, sixnet_model_shape(net, "target", dims, &rank, NULL), "no loss");
    sixnet_model_free(net);
}

static void test_order_of_calls(void **state)
{
    fixture *w = *state;
    sixnet_model *net = empty(w);
    sixnet_optimizer *opt;
    float y[4];
    char text[65];
    double loss;
    build(net, (const char *const[]){"input shape=2", "linear out_features=3", "cross_entropy", NULL});
    FAILS(SIXNET_BAD_STATE, sixnet_model_forward(net, w->inputs, 4), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_model_loss(net, w->targets, &loss), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(net), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward_from(net, w->inputs), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_model_zero_grad(net), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_model_predict(net, w->inputs, 1, y), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_model_predict(net, w->inputs, 0, y), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_model_reset(net, 1), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_model_digest(net, text), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE, sixnet_optimizer_new(&opt, net, "sgd lr=1", NULL), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE,
          sixnet_model_fit(net, w->opt, w->ds, NULL, "batch_size=4", NULL, NULL) == SIXNET_INVALID_ARGUMENT
              ? SIXNET_BAD_STATE
              : 0,
          "another model");
    FAILS(SIXNET_BAD_STATE, sixnet_model_evaluate(net, w->ds, &loss, NULL), "sixnet_model_compile");
    FAILS(SIXNET_BAD_STATE,
          sixnet_model_gradient_check(net, (const double[2]){0}, (const double[1]){0}, 1, &loss, NULL), "compile");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(net, 1, y, 3), "linear1");
    FAILS_NULL(sixnet_model_summary(net), "sixnet_model_summary", "sixnet_model_compile");
    FAILS_NULL(sixnet_model_text(net), "sixnet_model_compile");
    FAILS(SIXNET_NOT_FOUND, sixnet_tensor_get(net, "linear1.weight", y, 4), "linear1.weight", "compiled");
    assert_int_equal(sixnet_tensor_count(net), 0);
    assert_null(sixnet_tensor_name(net, 0));
    WORKS(sixnet_model_compile(net));
    FAILS(SIXNET_BAD_STATE, sixnet_model_compile(net), "already compiled");
    FAILS_NODE(sixnet_model_add(net, "relu", 1), "compiled");
    FAILS(SIXNET_BAD_STATE, sixnet_node_retain(net, 1), "compiled");
    assert_int_equal(sixnet_node_count(net), 3);
    WORKS(sixnet_model_forward(net, w->inputs, 4)); /* adding too late has not spoilt it */
    sixnet_model_free(net);
}

static void test_order_of_the_loop(void **state)
{
    fixture *w = *state;
    sixnet_model *net = parsed(w->ctx, small_net), *bare = parsed(w->ctx, "input shape=2\nlinear out_features=3");
    sixnet_optimizer *opt;
    double loss;
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
    watched = net;
    FAILS(SIXNET_BAD_STATE, sixnet_model_loss(net, w->targets, &loss), "sixnet_model_forward");
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(net), "sixnet_model_forward");
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward_from(net, w->inputs), "sixnet_model_forward");
    WORKS(sixnet_model_forward(net, w->inputs, 4));
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(net), "sixnet_model_loss");
    WORKS(sixnet_model_loss(net, w->targets, NULL));
    WORKS(sixnet_model_backward(net));
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(net), "before each backward pass");
    FAILS(SIXNET_BAD_STATE, sixnet_model_loss(net, w->targets, &loss), "sixnet_model_forward");
    WORKS(sixnet_optimizer_step(opt));
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(net), "sixnet_model_forward");
    WORKS(sixnet_model_forward(bare, w->inputs, 4));
    FAILS(SIXNET_BAD_STATE, sixnet_model_loss(bare, w->targets, &loss), "no loss");
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(bare), "loss");
    FAILS(SIXNET_BAD_STATE, sixnet_model_evaluate(bare, w->ds, &loss, NULL), "no loss");
    WORKS(sixnet_model_backward_from(bare, w->inputs));
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward_from(bare, w->inputs), "before each backward pass");
    sixnet_optimizer_free(opt);
    sixnet_model_free(bare);
    watched = w->net;
    sixnet_model_free(net);
}

/* ---- bad samples ---- */

static void test_bad_classes(void **state)
{
    fixture *w = *state;
    static const float bad[] = {3, -1, 0.5f, 1e30f, -INFINITY, INFINITY, NAN};
    float targets[16];
    double loss = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sixnet_dataset *ds;
        memcpy(targets, w->targets, sizeof targets);
        targets[11] = bad[i];
        WORKS(sixnet_model_forward(w->net, w->inputs, 16));
        FAILS(SIXNET_BAD_DATA, sixnet_model_loss(w->net, targets, &loss), "error", "class");
        assert_true(loss == 7);
        FAILS(SIXNET_BAD_STATE, sixnet_model_backward(w->net), "sixnet_model_loss");
        WORKS(sixnet_model_loss(w->net, w->targets, NULL)); /* the forward pass is still good */
        WORKS(sixnet_dataset_from_arrays(&ds, w->ctx, "shape=2", w->inputs, targets, 16));
        FAILS(SIXNET_BAD_DATA, sixnet_model_fit(w->net, w->opt, ds, NULL, "batch_size=4", NULL, NULL), "sample 11",
              "0 to 2");
        FAILS(SIXNET_BAD_DATA, sixnet_model_evaluate(w->net, ds, &loss, NULL), "sample 11", "0 to 2");
        sixnet_dataset_free(ds);
    }
}

static int32_t late_class(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    input[0] = input[1] = (float)index;
    *target = index == 9 ? 3 : 1;
    return 0;
}

/* Classes that a function gives are seen when they are used: the failing batch leaves no trace. */
static void test_bad_classes_from_a_function(void **state)
{
    fixture *w = *state;
    sixnet_dataset *ds, *good, *bad;
    WORKS(sixnet_dataset_from_callback(&ds, w->ctx, "shape=2", 10, late_class, NULL));
    FAILS(SIXNET_BAD_DATA, sixnet_model_fit(w->net, w->opt, ds, NULL, "batch_size=10", NULL, NULL), "error", "class");
    FAILS(SIXNET_BAD_DATA, sixnet_model_evaluate(w->net, ds, NULL, NULL), "error", "class");
    WORKS(sixnet_dataset_split(&good, &bad, ds, "first_size=8 shuffle=false"));
    WORKS(sixnet_model_evaluate(w->net, good, NULL, NULL));
    sixnet_dataset_free(ds);
    sixnet_dataset_free(good);
    sixnet_dataset_free(bad);
}

static void test_data_that_do_not_fit(void **state)
{
    fixture *w = *state;
    sixnet_dataset *wide, *many, *none;
    WORKS(sixnet_dataset_from_arrays(&wide, w->ctx, "shape=1x2x2", w->inputs, w->targets, 4));
    WORKS(sixnet_dataset_from_arrays(&many, w->ctx, "shape=2 target_shape=2", w->inputs, w->targets, 4));
    WORKS(sixnet_dataset_from_arrays(&none, w->ctx, "shape=2", w->inputs, NULL, 4));
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_fit(w->net, w->opt, wide, NULL, "batch_size=4", NULL, NULL), "1x2x2",
          "4 values", "takes 2");
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_evaluate(w->net, wide, NULL, NULL), "1x2x2", "4 values", "takes 2");
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_fit(w->net, w->opt, many, NULL, "batch_size=4", NULL, NULL), "targets",
          "2 values", "takes 1");
    FAILS(SIXNET_BAD_DATA, sixnet_model_fit(w->net, w->opt, none, NULL, "batch_size=4", NULL, NULL), "no targets");
    FAILS(SIXNET_BAD_DATA, sixnet_model_evaluate(w->net, none, NULL, NULL), "no targets");
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_fit(w->net, w->opt, w->ds, wide, "batch_size=4", NULL, NULL), "1x2x2",
          "takes 2");
    FAILS(SIXNET_BAD_DATA, sixnet_model_fit(w->net, w->opt, w->ds, none, "batch_size=4", NULL, NULL), "no targets");
    sixnet_dataset_free(wide);
    sixnet_dataset_free(many);
    sixnet_dataset_free(none);
}

/* A call that fails after a batch norm ran leaves its running statistics as they were. */
static void test_a_failing_forward_changes_nothing(void **state)
{
    fixture *w = *state;
    sixnet_model *net = parsed(
        w->ctx,
        "input shape=3 name=x\nbatchnorm1d name=early\nlinear out_features=2\nbatchnorm1d\nlinear out_features=2 "
        "name=a\ninput shape=1 name=index\nembedding num_embeddings=4 embedding_dim=2\nflatten name=b\n"
        "add from=a,b\nmse");
    const float good[] = {1, 2, 3, 0, 3, 2, 1, 3}, bad[] = {1, 2, 3, 0, 3, 2, 1, 4};
    watched = net;
    FAILS(SIXNET_BAD_DATA, sixnet_model_forward(net, bad, 2), "emb1", "index");
    FAILS(SIXNET_BAD_STATE, sixnet_model_loss(net, good, NULL), "sixnet_model_forward");
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_forward(net, good, 1), "early", "more than one value");
    WORKS(sixnet_model_forward(net, good, 2));
    FAILS(SIXNET_BAD_DATA, sixnet_model_forward(net, bad, 2), "emb1");
    watched = w->net;
    sixnet_model_free(net);
    net = parsed(
        w->ctx, "input shape=2x3\nbatchnorm1d name=wide\nflatten\nbatchnorm1d name=narrow\nlinear out_features=1\nmse");
    watched = net;
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_forward(net, w->inputs, 1), "narrow", "more than one value");
    watched = w->net;
    sixnet_model_free(net);
}

/* A prediction is refused too when an index is out of range, or when a batch norm has nothing to go by. */
static void test_predictions_that_cannot_be(void **state)
{
    fixture *w = *state;
    sixnet_model *net =
        parsed(w->ctx, "input shape=1\nembedding num_embeddings=4 embedding_dim=2\nflatten\nlinear out_features=1");
    float y[40], x[40] = {0};
    x[35] = 4;
    FAILS(SIXNET_BAD_DATA, sixnet_model_predict(net, x, 40, y), "emb1", "index");
    WORKS(sixnet_model_predict(net, x, 35, y)); /* the fault is forgotten */
    sixnet_model_free(net);
    net = parsed(w->ctx, "input shape=2\nbatchnorm1d track_running_stats=false\nlinear out_features=1\nmse");
    FAILS(SIXNET_UNSUPPORTED, sixnet_model_predict(net, x, 2, y), "bn1", "running statistics");
    FAILS(SIXNET_UNSUPPORTED, sixnet_model_evaluate(net, w->ds, NULL, NULL), "bn1", "running statistics");
    WORKS(sixnet_model_forward(net, w->inputs, 4));
    sixnet_model_free(net);
}

/* ---- predictions are of the tensors as they are ---- */

static const char followed_net[] =
    "input shape=2\nlinear out_features=4 name=a\nbatchnorm1d name=n\ntanh\nlinear out_features=3\ncross_entropy";

/* A new model with the tensors of another gives its predictions, alone and in a group. */
static void check_predictions(fixture *w, sixnet_model *net, const char *after)
{
    sixnet_model *copy = parsed(w->ctx, followed_net);
    float values[12], y[2][16 * 3];
    for (int32_t t = 0; t < sixnet_tensor_count(net); t++) {
        int64_t count;
        const char *name = sixnet_tensor_name(net, t);
        assert_non_null(sixnet_tensor_data(net, name, &count));
        WORKS(sixnet_tensor_get(net, name, values, count));
        WORKS(sixnet_tensor_set(copy, name, values, count));
    }
    for (int64_t n = 1; n <= 16; n += 15) {
        WORKS(sixnet_model_predict(net, w->inputs, n, y[0]));
        WORKS(sixnet_model_predict(copy, w->inputs, n, y[1]));
        if (memcmp(y[0], y[1], (size_t)n * 3 * sizeof(float)) != 0)
            fail_msg("%d samples are predicted by old tensors after %s", (int)n, after);
    }
    sixnet_model_free(copy);
}

static void test_predictions_follow_the_tensors(void **state)
{
    fixture *w = *state;
    sixnet_model *net = parsed(w->ctx, followed_net);
    sixnet_optimizer *opt;
    const double x[8] = {0.5, 1, -1, 2, 0, 3, 1, 1}, t[4] = {0, 1, 2, 1};
    const float mean[4] = {1, 2, 3, 4}, bad[16] = {7};
    double worst;
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.5", NULL));
    check_predictions(w, net, "compiling");
    WORKS(sixnet_tensor_set(net, "n.running_mean", mean, 4));
    check_predictions(w, net, "a tensor was set");
    WORKS(sixnet_tensor_set_f64(net, "a.bias", x, 4));
    check_predictions(w, net, "a tensor was set in double");
    WORKS(sixnet_model_forward(net, w->inputs, 8));
    check_predictions(w, net, "a forward pass");
    WORKS(sixnet_model_loss(net, w->targets, NULL));
    WORKS(sixnet_model_backward(net));
    WORKS(sixnet_optimizer_step(opt));
    check_predictions(w, net, "a step");
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_forward(net, w->inputs, 1), "more than one value");
    check_predictions(w, net, "a failed forward pass");
    WORKS(sixnet_model_gradient_check(net, x, t, 4, &worst, NULL));
    check_predictions(w, net, "a gradient check");
    WORKS(sixnet_model_fit(net, opt, w->ds, NULL, "batch_size=8", NULL, NULL));
    check_predictions(w, net, "a fit");
    WORKS(sixnet_optimizer_set_learning_rate(opt, 1e38));
    FAILS(SIXNET_NOT_FINITE, sixnet_model_fit(net, opt, w->ds, NULL, "batch_size=8 epochs=9", NULL, NULL), "NaN");
    check_predictions(w, net, "a fit that failed");
    FAILS(SIXNET_BAD_DATA, sixnet_model_forward(net, w->inputs, 8) ? 0 : sixnet_model_loss(net, bad, NULL), "class");
    check_predictions(w, net, "a loss that failed");
    WORKS(sixnet_model_reset(net, 3));
    check_predictions(w, net, "a reset");
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
}

/* ---- layers of the caller's that fail ---- */

static int32_t keep_shape(void *user, sixnet_layer_setup *setup)
{
    (void)user, (void)setup;
    return 0;
}

static bool forward_fails, backward_fails;

static int32_t pass_on(void *user, sixnet_layer_call *call)
{
    (void)user;
    memcpy(sixnet_layer_call_output(call, 0), sixnet_layer_call_input(call, 0),
           (size_t)sixnet_layer_call_sample_count(call) * 4 * sizeof(float));
    return forward_fails ? 9 : 0;
}

static int32_t pass_back(void *user, sixnet_layer_call *call)
{
    (void)user;
    memcpy(sixnet_layer_call_input_gradient(call, 0), sixnet_layer_call_output_gradient(call, 0),
           (size_t)sixnet_layer_call_sample_count(call) * 4 * sizeof(float));
    return backward_fails ? 9 : 0;
}

static const char custom_net[] =
    "input shape=2\nlinear out_features=4 name=a\nbatchnorm1d\npass name=p\nlinear out_features=3 name=b\n"
    "batchnorm1d\ncross_entropy";

/* Without a setup function the output has the shape of the first input, and there are no parameters. */
static void test_a_layer_without_setup(void **state)
{
    fixture *w = *state;
    const float inputs[] = {1, 2, 3, 4};
    float outputs[4];
    WORKS(sixnet_context_register_layer(w->ctx, "plain", "beta=1", "f32", NULL, pass_on, pass_back, NULL));
    sixnet_model *net = parsed(w->ctx, "input shape=2x2 name=in\nplain name=p\nplain from=p,in beta=3\n");
    int64_t dims[8];
    int32_t rank;
    WORKS(sixnet_node_shape(net, 2, dims, &rank));
    assert_true(rank == 2 && dims[0] == 2 && dims[1] == 2);
    assert_int_equal(sixnet_tensor_count(net), 0);
    WORKS(sixnet_model_predict(net, inputs, 1, outputs));
    assert_memory_equal(outputs, inputs, sizeof outputs);
    sixnet_model_free(net);
}

static void test_layers_that_fail(void **state)
{
    fixture *w = *state;
    float before[8], after[8];
    WORKS(sixnet_context_register_layer(w->ctx, "pass", NULL, "f32", keep_shape, pass_on, pass_back, NULL));
    sixnet_model *net = parsed(w->ctx, custom_net);
    sixnet_optimizer *opt;
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
    watched = net;
    forward_fails = true;
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_forward(net, w->inputs, 8), "p: ", "returned an error");
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_predict(net, w->inputs, 2, after), "p: ", "returned an error");
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_fit(net, opt, w->ds, NULL, "batch_size=8", NULL, NULL), "p: ");
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_evaluate(net, w->ds, NULL, NULL), "p: ");
    forward_fails = false;
    WORKS(sixnet_model_predict(net, w->inputs, 2, after));
    WORKS(sixnet_model_evaluate(net, w->ds, NULL, NULL));
    WORKS(sixnet_model_forward(net, w->inputs, 8));
    WORKS(sixnet_model_loss(net, w->targets, NULL));
    WORKS(sixnet_model_backward(net));
    WORKS(sixnet_tensor_gradient(net, "a.weight", before, 8));
    WORKS(sixnet_model_forward(net, w->inputs, 8));
    WORKS(sixnet_model_loss(net, w->targets, NULL));
    backward_fails = true;
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_backward(net), "p: ", "returned an error");
    WORKS(sixnet_tensor_gradient(net, "a.weight", after, 8));
    assert_memory_equal(before, after, sizeof before);
    FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_fit(net, opt, w->ds, NULL, "batch_size=8", NULL, NULL), "p: ");
    backward_fails = false;
    WORKS(sixnet_model_fit(net, opt, w->ds, NULL, "batch_size=8", NULL, NULL));
    watched = w->net;
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
}

/* The gradients of the layers behind the failing one are as they were, too. */
static void test_a_failing_backward_changes_no_gradient(void **state)
{
    fixture *w = *state;
    static const char *const names[] = {"a.weight", "a.bias", "bn1.weight", "bn1.bias",
                                        "b.weight", "b.bias", "bn2.weight", "bn2.bias"};
    static const int64_t sizes[] = {8, 4, 4, 4, 12, 3, 3, 3};
    float before[8][12], after[12];
    WORKS(sixnet_context_register_layer(w->ctx, "pass", NULL, "f32", keep_shape, pass_on, pass_back, NULL));
    sixnet_model *net = parsed(w->ctx, custom_net);
    for (int pass = 0; pass < 2; pass++) {
        WORKS(sixnet_model_forward(net, w->inputs, 8));
        WORKS(sixnet_model_loss(net, w->targets, NULL));
        backward_fails = pass == 1;
        if (pass == 0)
            WORKS(sixnet_model_backward(net));
        else
            FAILS(SIXNET_CALLBACK_FAILED, sixnet_model_backward(net), "p: ");
        for (int i = 0; i < 8; i++) {
            WORKS(sixnet_tensor_gradient(net, names[i], pass == 0 ? before[i] : after, sizes[i]));
            if (pass == 1)
                assert_memory_equal(before[i], after, (size_t)sizes[i] * sizeof *after);
        }
    }
    backward_fails = false;
    sixnet_model_free(net);
}

/* A backward function with an error in the gradient of its first input. */
static int32_t pass_back_twice(void *user, sixnet_layer_call *call)
{
    const float *dy = sixnet_layer_call_output_gradient(call, 0);
    float *dx = sixnet_layer_call_input_gradient(call, 0);
    (void)user;
    for (int64_t i = 0; i < sixnet_layer_call_sample_count(call) * 4; i++)
        dx[i] = i == 0 ? 2 * dy[i] : dy[i];
    return 0;
}

/* Layers without parameters are checked by the gradient of the inputs. */
static void test_the_gradient_check_finds_a_wrong_layer(void **state)
{
    fixture *w = *state;
    const double x[8] = {8, 2, -1, 0.5, 3, -2, 1, 1}, t[8] = {0};
    double worst;
    const char *where;
    WORKS(sixnet_context_register_layer(w->ctx, "pass", NULL, "f32", NULL, pass_on, pass_back, NULL));
    WORKS(sixnet_context_register_layer(w->ctx, "twice", NULL, "f32", NULL, pass_on, pass_back_twice, NULL));
    for (int wrong = 0; wrong < 2; wrong++) {
        sixnet_model *net =
            parsed(w->ctx, wrong ? "input shape=4 name=in\ntwice\nmse" : "input shape=4 name=in\npass\nmse");
        WORKS(sixnet_model_gradient_check(net, x, t, 2, &worst, &where));
        assert_true(wrong ? worst > 0.4 && strcmp(where, "in[0]") == 0 : worst < 1e-3);
        sixnet_model_free(net);
    }
}

/* Gradients that are there do not count, and those afterwards are 0. */
static void test_the_gradient_check_begins_at_0(void **state)
{
    (void)state;
    const float x[2] = {1, 2}, t[2] = {5, 5};
    float left[2] = {7, 7};
    double worst = 7;
    sixnet_model *net = parsed(NULL, "input shape=1\nlinear out_features=1 name=a\nmse");
    WORKS(sixnet_model_forward(net, x, 2));
    WORKS(sixnet_model_loss(net, t, NULL));
    WORKS(sixnet_model_backward(net));
    WORKS(sixnet_model_gradient_check(net, (const double[]){1, 2}, (const double[]){5, 5}, 2, &worst, NULL));
    assert_true(worst < 1e-3);
    WORKS(sixnet_tensor_gradient(net, "a.weight", &left[0], 1));
    WORKS(sixnet_tensor_gradient(net, "a.bias", &left[1], 1));
    assert_true(left[0] == 0 && left[1] == 0);
    sixnet_model_free(net);
}

/* Where the loss does not depend on the parameters, both gradients are 0. */
static void test_the_gradient_check_of_a_constant(void **state)
{
    (void)state;
    const float weight = 0, bias = -1;
    double worst = 7;
    sixnet_model *net = parsed(NULL, "input shape=1\nlinear out_features=1 name=a\nrelu\nmse");
    WORKS(sixnet_tensor_set(net, "a.weight", &weight, 1));
    WORKS(sixnet_tensor_set(net, "a.bias", &bias, 1));
    WORKS(sixnet_model_gradient_check(net, (const double[]){1, 2}, (const double[]){0, 0}, 2, &worst, NULL));
    assert_true(worst == 0);
    sixnet_model_free(net);
}

/* ---- the digest ---- */

/* hashlib.sha256(b"a.weight\0" + struct.pack("<3Q6f", 2, rows, columns, 1, 2, 3, 4, 5, 6)).hexdigest() of Python, and so on. */
static void test_digests_are_of_names_shapes_and_values(void **state)
{
    (void)state;
    static const struct {
        const char *net, *digest;
    } cases[] = {
        {"input shape=3\nlinear out_features=2 bias=false name=a\nmse",
         "81510b221641f4893bd11511d5a168154d6daebad555cbec10805a09d9e11fcd"},
        {"input shape=2\nlinear out_features=3 bias=false name=a\nmse",
         "5744e6832bd397d0dbeaa2ce02848af154066c2f8a512900c0f26b4fbeedadb5"},
        {"input shape=3\nlinear out_features=2 bias=false name=b\nmse",
         "c4f3a6c51af8303898fca67348f5fc828cb6e7371f45584e5d3e4638c1667abc"},
    };
    const float values[6] = {1, 2, 3, 4, 5, 6};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sixnet_model *net = parsed(NULL, cases[i].net);
        WORKS(sixnet_tensor_set(net, sixnet_tensor_name(net, 0), values, 6));
        assert_string_equal(digest_of(net).text, cases[i].digest);
        sixnet_model_free(net);
    }
}

/* What a loss that failed leaves cannot be gone on with. */
static void test_a_failing_loss_ends_the_pass(void **state)
{
    fixture *w = *state;
    const float bad[16] = {7};
    WORKS(sixnet_model_forward(w->net, w->inputs, 8));
    WORKS(sixnet_model_loss(w->net, w->targets, NULL));
    FAILS(SIXNET_BAD_DATA, sixnet_model_loss(w->net, bad, NULL), "class");
    FAILS(SIXNET_BAD_STATE, sixnet_model_backward(w->net), "sixnet_model_loss");
    WORKS(sixnet_model_loss(w->net, w->targets, NULL));
    WORKS(sixnet_model_backward(w->net));
}

/* ---- retained nodes ---- */

static void test_retained_values(void **state)
{
    fixture *w = *state;
    float values[24], gradient[24];
    double doubles[24];
    sixnet_model *net = empty(w);
    build(net, (const char *const[]){"input shape=2 name=in", "linear out_features=4 name=a", "relu name=b",
                                     "linear out_features=3 name=c", "cross_entropy name=d", NULL});
    for (sixnet_node i = 0; i < 5; i++)
        WORKS(sixnet_node_retain(net, i));
    WORKS(sixnet_model_compile(net));
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(net, 1, values, 24), "a: ", "forward");
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, 1, values, 24), "a: ", "backward");
    WORKS(sixnet_model_forward(net, w->inputs, 6));
    WORKS(sixnet_node_values(net, 1, values, 24));
    WORKS(sixnet_node_values_f64(net, 1, doubles, 24));
    for (int i = 0; i < 24; i++)
        assert_true(doubles[i] == (double)values[i]);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_node_values(net, 1, values, 20), "a: ", "6 samples", "24", "20");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(net, 4, values, 6), "d: "); /* a loss has no values */
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, 1, gradient, 24), "a: ", "backward");
    WORKS(sixnet_model_loss(net, w->targets, NULL));
    WORKS(sixnet_model_backward(net));
    WORKS(sixnet_node_gradient(net, 1, gradient, 24));
    WORKS(sixnet_node_gradient(net, 0, gradient, 12));
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, 4, gradient, 6), "d: ");
    WORKS(sixnet_model_forward(net, w->inputs, 3)); /* whose gradients are not there yet */
    FAILS(SIXNET_BAD_STATE, sixnet_node_gradient(net, 1, gradient, 12), "a: ", "backward");
    sixnet_model_free(net);
}

/* After a pass that failed there are no values. */
static void test_no_values_of_a_failed_pass(void **state)
{
    fixture *w = *state;
    float values[4];
    sixnet_model *net = parsed(w->ctx, "input shape=1 name=x\nembedding num_embeddings=4 embedding_dim=2 name=e");
    WORKS(sixnet_model_forward(net, (const float[]){1, 3}, 2));
    WORKS(sixnet_node_values(net, 1, values, 4));
    FAILS(SIXNET_BAD_DATA, sixnet_model_forward(net, (const float[]){1, 5}, 2), "e: ");
    FAILS(SIXNET_BAD_STATE, sixnet_node_values(net, 1, values, 4), "e: ", "forward");
    sixnet_model_free(net);
}

/* ---- the list of tests ---- */

/* ---- targets that a loss cannot mean ---- */

static const double *bad_targets; /* of the sample that a function gives last */

static int32_t give_bad_target(void *user, int64_t index, double *input, double *target)
{
    *input = 1;
    for (int k = 0; k < *(const int *)user; k++)
        target[k] = index == 2 ? bad_targets[k] : k == 0;
    return 0;
}

/* Arrays are refused before the first step, with the sample; what a function gives when it comes. */
static void test_targets_without_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *loss;
        int size;
        double bad[3];
        const char *words; /* of the message for arrays */
        bool sum;          /* of values that may be targets each */
    } cases[] = {
        {"bce_with_logits", 1, {1.5}, "sample 2: target 1.5 is out of range; expected a number from 0 to 1", false},
        {"bce_with_logits", 3, {1, 0, -1e-9}, "sample 2: target -1e-09", false},
        {"bce_with_logits", 1, {NAN}, "sample 2: target", false},
        {"bce_with_logits", 3, {0, 0, 1.25}, "sample 2: target 1.25", false},
        {"cross_entropy targets=probabilities", 3, {7, 0, 0}, "sample 2: target 7", false},
        {"cross_entropy targets=probabilities", 3, {1.25, -0.25, 0}, "sample 2: target 1.25", false},
        {"cross_entropy targets=probabilities",
         3,
         {0.5, 0.25, 0},
         "sample 2: the probabilities of the classes add up to 0.75",
         true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[160], spec[64];
        double targets[9] = {0};
        const float inputs[3] = {1, 2, 3};
        double loss;
        sixnet_optimizer *opt;
        sixnet_dataset *ds;
        const int size = cases[i].size;
        snprintf(text, sizeof text, "input shape=1\nlinear out_features=%d\n%s", size, cases[i].loss);
        snprintf(spec, sizeof spec, "shape=1 target_shape=%d target_dtype=f64", size);
        sixnet_model *net = parsed(NULL, text);
        WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
        const digest before = digest_of(net);
        targets[0] = targets[size] = 1;
        memcpy(targets + 2 * size, cases[i].bad, (size_t)size * sizeof *targets);
        WORKS(sixnet_dataset_from_arrays(&ds, NULL, spec, inputs, targets, 3));
        FAILS(SIXNET_BAD_DATA, sixnet_model_fit(net, opt, ds, NULL, "batch_size=1 shuffle=false", NULL, NULL),
              cases[i].words);
        FAILS(SIXNET_BAD_DATA, sixnet_model_evaluate(net, ds, NULL, NULL), cases[i].words);
        assert_string_equal(digest_of(net).text, before.text);
        sixnet_dataset_free(ds);
        WORKS(sixnet_model_forward(net, inputs, 3));
        bad_targets = cases[i].bad;
        snprintf(spec, sizeof spec, "shape=1 target_shape=%d", size);
        WORKS(sixnet_dataset_from_callback_f64(&ds, NULL, spec, 3, give_bad_target, (void *)(uintptr_t)&cases[i].size));
        if (!cases[i].sum) {
            FAILS(SIXNET_BAD_DATA, sixnet_model_loss_f64(net, targets, &loss), "a target is not a number from 0 to 1");
            FAILS(SIXNET_BAD_DATA, sixnet_model_fit(net, opt, ds, NULL, "batch_size=3", NULL, NULL),
                  "a target is not a number from 0 to 1");
        }
        sixnet_dataset_free(ds);
        sixnet_optimizer_free(opt);
        sixnet_model_free(net);
    }
}

/* A mean over nothing is named as such, not put down to the learning rate; a sum over nothing is 0. The open loop gives what PyTorch
 * does: NaN. */
static void test_classes_without_weight(void **state)
{
    (void)state;
    const float inputs[4] = {1, 2, 3, 4}, classes[4] = {1, 0, 1, 1}, weightless[4] = {1, 1, 1, 1};
    const double wide[4] = {1, 2, 3, 4}, targets[4] = {1, 1, 1, 1};
    double loss = 0, worst = 0;
    static const char *const losses[] = {"cross_entropy weight=1,0", "nll weight=1,0",
                                         "cross_entropy weight=1,0 reduction=sum"};
    for (int i = 0; i < 3; i++) {
        char text[160];
        sixnet_optimizer *opt;
        sixnet_dataset *ds, *none;
        snprintf(text, sizeof text, "input shape=1\nlinear out_features=2\nlog_softmax\n%s", losses[i]);
        sixnet_model *net = parsed(NULL, text);
        WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.1", NULL));
        WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=1", inputs, classes, 4));
        WORKS(sixnet_dataset_from_arrays(&none, NULL, "shape=1", inputs, weightless, 4));
        WORKS(sixnet_model_forward(net, inputs, 4));
        WORKS(sixnet_model_loss(net, weightless, &loss));
        if (i < 2) {
            assert_true(isnan(loss));
            FAILS(SIXNET_BAD_DATA, sixnet_model_fit(net, opt, ds, NULL, "batch_size=2 shuffle=false", NULL, NULL),
                  "batch 2", "weight 0");
            FAILS(SIXNET_BAD_DATA, sixnet_model_fit(net, opt, ds, none, "shuffle=false", NULL, NULL), "validation set",
                  "weight 0");
            FAILS(SIXNET_BAD_DATA, sixnet_model_evaluate(net, none, &loss, NULL), "loss1", "weight 0");
            FAILS(SIXNET_BAD_DATA, sixnet_model_gradient_check(net, wide, targets, 4, &worst, NULL), "loss1",
                  "weight 0");
        } else {
            assert_true(loss == 0);
            WORKS(sixnet_model_fit(net, opt, ds, NULL, "batch_size=2 shuffle=false", NULL, NULL));
            WORKS(sixnet_model_evaluate(net, none, &loss, NULL));
            assert_true(loss == 0);
        }
        sixnet_dataset_free(none);
        sixnet_dataset_free(ds);
        sixnet_optimizer_free(opt);
        sixnet_model_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FIXTURE(test_words_are_suggested),
        IN_FIXTURE(test_other_words_are_not_suggested),
        IN_FIXTURE(test_sizes_are_checked),
        IN_FIXTURE(test_shapes_are_compared),
        IN_FIXTURE(test_too_large),
        IN_FIXTURE(test_first_error_is_kept),
        IN_FIXTURE(test_names),
        IN_FIXTURE(test_names_of_modules),
        IN_FIXTURE(test_a_second_loss),
        cmocka_unit_test(test_names_of_many_nodes),
        IN_FIXTURE(test_graphs_that_make_no_sense),
        IN_FIXTURE(test_retained_side_branch),
        IN_FIXTURE(test_a_failing_compile_changes_nothing),
        IN_FIXTURE(test_the_ends_of_a_net),
        IN_FIXTURE(test_order_of_calls),
        IN_FIXTURE(test_order_of_the_loop),
        IN_FIXTURE(test_bad_classes),
        IN_FIXTURE(test_bad_classes_from_a_function),
        IN_FIXTURE(test_data_that_do_not_fit),
        IN_FIXTURE(test_a_failing_forward_changes_nothing),
        IN_FIXTURE(test_predictions_that_cannot_be),
        IN_FIXTURE(test_predictions_follow_the_tensors),
        IN_FIXTURE(test_a_layer_without_setup),
        IN_FIXTURE(test_layers_that_fail),
        IN_FIXTURE(test_a_failing_backward_changes_no_gradient),
        IN_FIXTURE(test_the_gradient_check_finds_a_wrong_layer),
        cmocka_unit_test(test_the_gradient_check_begins_at_0),
        cmocka_unit_test(test_the_gradient_check_of_a_constant),
        cmocka_unit_test(test_digests_are_of_names_shapes_and_values),
        IN_FIXTURE(test_a_failing_loss_ends_the_pass),
        IN_FIXTURE(test_retained_values),
        IN_FIXTURE(test_no_values_of_a_failed_pass),
        cmocka_unit_test(test_targets_without_meaning),
        cmocka_unit_test(test_classes_without_weight),
    };
    return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
