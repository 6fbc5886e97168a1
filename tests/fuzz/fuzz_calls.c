/* SPDX-License-Identifier: MIT */

/* Bytes as a sequence of public calls on a few models, optimizers, datasets and batch iterators, some of which are not there, at times with an
 * allocation that fails. A call that fails changes no model; in the end all memory is given back. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "sixnet/layer.h"

enum { SLOTS = 3, MOST_CALLS = 40, MOST_SAMPLES = 40, MOST_VALUES = 1 << 14 };

typedef struct fixture {
    const uint8_t *at, *end;
    sixnet_context *ctx;
    sixnet_model *net[SLOTS];
    sixnet_optimizer *opt[SLOTS];
    sixnet_dataset *ds[SLOTS];
    sixnet_batch_iterator *batches[SLOTS];
    void *block[MOST_CALLS * 4]; /* what calls were given, of just the size that they may use */
    int blocks, calls;
} fixture;

/* ---- arguments ---- */

static uint8_t take(fixture *w) { return w->at < w->end ? *w->at++ : 0; }

static int take_below(fixture *w, int count) { return take(w) % count; }

/* Mostly a small number of samples, seldom an odd one. */
static int64_t take_count(fixture *w)
{
    uint8_t byte = take(w);
    return byte < 250 ? byte % MOST_SAMPLES : byte == 250 ? -1 : byte == 251 ? INT64_MAX : 0;
}

static const char *take_of(fixture *w, const char *const *texts)
{
    int count = 0;
    while (texts[count])
        count++;
    return texts[take_below(w, count)];
}

static sixnet_model **take_net(fixture *w) { return &w->net[take_below(w, SLOTS)]; }
static sixnet_optimizer **take_opt(fixture *w) { return &w->opt[take_below(w, SLOTS)]; }
static sixnet_dataset **take_ds(fixture *w) { return &w->ds[take_below(w, SLOTS)]; }
static sixnet_batch_iterator **take_batches(fixture *w) { return &w->batches[take_below(w, SLOTS)]; }

/* count values from the bytes, that is small whole numbers and, seldom, what is none; NULL where no sane program has so many. */
static void *values_of(fixture *w, int64_t count, bool is_double)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 1e38, -1, 0.5, 1e-40};
    if (count < 0 || count > MOST_VALUES)
        return NULL;
    double *values = malloc((size_t)(count ? count : 1) * sizeof *values);
    MUST(values && w->blocks < (int)(sizeof w->block / sizeof *w->block));
    uint8_t first = take(w), special = take(w);
    for (int64_t i = 0; i < count; i++)
        values[i] = i == special ? odd[first % 7] : (double)((first + i * 5) % 4);
    if (!is_double)
        for (int64_t i = 0; i < count; i++)
            ((float *)(void *)values)[i] = (float)values[i];
    void *exact = fuzz_copy(values, (size_t)count * (is_double ? sizeof(double) : sizeof(float)));
    free(values);
    return w->block[w->blocks++] = exact;
}

static float *floats_of(fixture *w, int64_t count) { return values_of(w, count, false); }
static double *doubles_of(fixture *w, int64_t count) { return values_of(w, count, true); }

/* The values of n samples; of an odd number of samples, a number as odd. */
static int64_t times(int64_t n, int64_t size) { return n < MOST_SAMPLES ? n * size : n; }

/* ---- what a model is ---- */

static int64_t node_size(const sixnet_model *net, sixnet_node node)
{
    int64_t dims[8], size = 1;
    int32_t rank = 0;
    if (sixnet_node_shape(net, node, dims, &rank) != SIXNET_OK)
        return 0;
    for (int32_t i = 0; i < rank; i++)
        size *= dims[i];
    return size;
}

static int64_t input_size(const sixnet_model *net)
{
    int64_t size = 0;
    for (int32_t i = 0; net && i < sixnet_node_count(net); i++)
        if (strcmp(sixnet_node_get(net, i, "kind"), "input") == 0)
            size += node_size(net, i);
    return size;
}

/* At least as many as a prediction or a target has for one sample. */
static int64_t output_size(const sixnet_model *net)
{
    int64_t size = 0;
    for (int32_t i = 0; net && i < sixnet_node_count(net); i++)
        size = node_size(net, i) > size ? node_size(net, i) : size;
    return size;
}

static int64_t tensor_size(const sixnet_model *net, const char *name)
{
    int64_t count = 0;
    if (net)
        (void)sixnet_tensor_data(net, name, &count);
    return count;
}

static const char *const tensor_names[] = {"fc.weight", "fc.bias", "bn.running_var", "linear1.weight", "none",
                                           "",          NULL};

/* ---- calls: models ---- */

static const char *const net_texts[] = {
    "input shape=2\nlinear out_features=3 name=fc\nbatchnorm1d name=bn\ntanh\nlinear out_features=3\ncross_entropy\n",
    "input shape=1x4x4\nconv2d out_channels=2 kernel_size=3 padding=1\nbatchnorm2d name=bn\nrelu\nmaxpool2d "
    "kernel_size=2\nflatten\n"
    "dropout p=0.5\nlinear out_features=3 name=fc\ncross_entropy\n",
    "input shape=2 name=a\ninput shape=2 name=b\nadd from=a,b\nlinear out_features=1 name=fc\nmse\n",
    "input shape=2\nlinear out_features=2 name=fc\nsigmoid\n",
    "input shape=3\nembedding num_embeddings=4 embedding_dim=2\nflatten\nlayernorm normalized_shape=6\nlinear "
    "out_features=1\n"
    "bce_with_logits\n",
    "input shape=2\ntwice\nlinear out_features=1 name=fc\nmse\n",
    "input shape=2\nlinaer out_features=2\n",
    "input shape=0\n",
    "",
    NULL,
};

static int32_t model_parse(fixture *w)
{
    sixnet_model **net = take_net(w);
    sixnet_model_free(*net);
    return sixnet_model_parse(net, w->ctx, take_of(w, net_texts));
}

static int32_t model_new(fixture *w)
{
    sixnet_model **net = take_net(w);
    sixnet_model_free(*net);
    return sixnet_model_new(net, w->ctx);
}

static int32_t model_copy(fixture *w)
{
    sixnet_model *copy, *from = *take_net(w), **to = take_net(w);
    int32_t status = sixnet_model_copy(&copy, from);
    if (status)
        return status;
    sixnet_model_free(*to);
    *to = copy;
    return status;
}

static int32_t model_free(fixture *w)
{
    sixnet_model **net = take_net(w);
    sixnet_model_free(*net);
    *net = NULL;
    return SIXNET_OK;
}

static const char *const layer_texts[] = {
    "input shape=2",
    "input shape=1x4x4",
    "linear out_features=2 name=fc",
    "linear out_features=2",
    "relu",
    "twice factor=3",
    "batchnorm1d name=bn",
    "add",
    "concat dim=0",
    "mse",
    "cross_entropy",
    "conv2d out_channels=2 kernel_size=3 stride=2 padding=1",
    "flatten",
    "softmax dim=0",
    "dropout p=0.25",
    "nothing",
    "relu name=a b",
    NULL,
};

static int32_t add(fixture *w)
{
    sixnet_model *net = *take_net(w);
    const char *text = take_of(w, layer_texts);
    int32_t count = net ? sixnet_node_count(net) : 0;
    return sixnet_model_add(net, text, count - 1 - take_below(w, 4) / 3) == SIXNET_NO_NODE ? SIXNET_INVALID_ARGUMENT
                                                                                           : SIXNET_OK;
}

static int32_t add_multi(fixture *w)
{
    sixnet_model *net = *take_net(w);
    const char *text = take_of(w, layer_texts);
    sixnet_node inputs[3];
    for (int i = 0; i < 3; i++)
        inputs[i] = take_below(w, 8) - 1;
    return sixnet_model_add_multi(net, text, inputs, take_below(w, 5) - 1) == SIXNET_NO_NODE ? SIXNET_INVALID_ARGUMENT
                                                                                             : SIXNET_OK;
}

static int32_t retain(fixture *w)
{
    sixnet_model *net = *take_net(w);
    return sixnet_node_retain(net, take_below(w, 8) - 1);
}

static int32_t compile(fixture *w) { return sixnet_model_compile(*take_net(w)); }

static int32_t memory_needed(fixture *w)
{
    uint64_t bytes;
    sixnet_model *net = *take_net(w);
    int64_t n = take_count(w);
    return sixnet_model_memory_needed(net, n, take(w) % 2, &bytes);
}

static int32_t reset(fixture *w)
{
    sixnet_model *net = *take_net(w);
    return sixnet_model_reset(net, take(w));
}

static int32_t describe(fixture *w)
{
    sixnet_model *net = *take_net(w);
    int64_t dims[8];
    int32_t rank, trainable, node = take_below(w, 9) - 1;
    (void)sixnet_model_summary(net);
    (void)sixnet_model_text(net);
    (void)sixnet_node_find(net, take(w) % 2 ? "fc" : "none");
    (void)sixnet_node_get(net, node, take(w) % 2 ? "spec" : "colour");
    (void)sixnet_tensor_name(net, node);
    return sixnet_tensor_shape(net, take_of(w, tensor_names), dims, &rank, take(w) % 2 ? &trainable : NULL);
}

static int32_t tensor_get(fixture *w)
{
    sixnet_model *net = *take_net(w);
    const char *name = take_of(w, tensor_names);
    int64_t count = tensor_size(net, name) + take(w) % 8 / 7;
    if (take(w) % 2)
        return sixnet_tensor_get_f64(net, name, doubles_of(w, count), count);
    return sixnet_tensor_get(net, name, floats_of(w, count), count);
}

static int32_t tensor_set(fixture *w)
{
    sixnet_model *net = *take_net(w);
    const char *name = take_of(w, tensor_names);
    int64_t count = tensor_size(net, name) + take(w) % 8 / 7;
    if (take(w) % 2)
        return sixnet_tensor_set_f64(net, name, doubles_of(w, count), count);
    return sixnet_tensor_set(net, name, floats_of(w, count), count);
}

static int32_t gradient_get(fixture *w)
{
    sixnet_model *net = *take_net(w);
    const char *name = take_of(w, tensor_names);
    int64_t count = tensor_size(net, name);
    if (take(w) % 2)
        return sixnet_tensor_gradient_f64(net, name, doubles_of(w, count), count);
    return sixnet_tensor_gradient(net, name, floats_of(w, count), count);
}

static int32_t node_values(fixture *w)
{
    sixnet_model *net = *take_net(w);
    sixnet_node node = take_below(w, 8) - 1;
    int64_t count = times(take_count(w), node_size(net, node));
    switch (take(w) % 4) {
    case 0:
        return sixnet_node_values(net, node, floats_of(w, count), count);
    case 1:
        return sixnet_node_values_f64(net, node, doubles_of(w, count), count);
    case 2:
        return sixnet_node_gradient(net, node, floats_of(w, count), count);
    default:
        return sixnet_node_gradient_f64(net, node, doubles_of(w, count), count);
    }
}

static int32_t profile(fixture *w)
{
    sixnet_model *net = *take_net(w);
    (void)sixnet_model_profile_get(net, take_below(w, 8) - 1, take(w) % 2 ? "forward_seconds" : "none");
    return sixnet_model_profile(net, take(w) % 2);
}

/* ---- calls: the open loop ---- */

/* For huge counts there is no memory to give: the call must refuse them, or finds NULL. */
static int32_t forward(fixture *w)
{
    sixnet_model *net = *take_net(w);
    int64_t n = take_count(w), count = times(n, input_size(net));
    if (take(w) % 2)
        return sixnet_model_forward_f64(net, doubles_of(w, count), n);
    return sixnet_model_forward(net, floats_of(w, count), n);
}

static int32_t loss(fixture *w)
{
    double value;
    sixnet_model *net = *take_net(w);
    int64_t count = MOST_SAMPLES * output_size(net);
    if (take(w) % 2)
        return sixnet_model_loss_f64(net, doubles_of(w, count), NULL);
    return sixnet_model_loss(net, floats_of(w, count), &value);
}

static int32_t backward(fixture *w) { return sixnet_model_backward(*take_net(w)); }

static int32_t backward_from(fixture *w)
{
    sixnet_model *net = *take_net(w);
    int64_t count = MOST_SAMPLES * output_size(net);
    if (take(w) % 2)
        return sixnet_model_backward_from_f64(net, doubles_of(w, count));
    return sixnet_model_backward_from(net, floats_of(w, count));
}

static int32_t zero_grad(fixture *w) { return sixnet_model_zero_grad(*take_net(w)); }

static int32_t predict(fixture *w)
{
    sixnet_model *net = *take_net(w);
    int64_t n = take_count(w), in = times(n, input_size(net)), out = times(n, output_size(net));
    if (take(w) % 2)
        return sixnet_model_predict_f64(net, doubles_of(w, in), n, doubles_of(w, out));
    return sixnet_model_predict(net, floats_of(w, in), n, floats_of(w, out));
}

static int32_t predictor(fixture *w)
{
    sixnet_predictor *p;
    sixnet_model *net = *take_net(w);
    int64_t n = take_count(w), in = times(n, input_size(net)), out = times(n, output_size(net));
    int32_t status = sixnet_predictor_new(&p, net);
    if (!status && take(w) % 2)
        status = sixnet_predictor_predict_f64(p, doubles_of(w, in), n, doubles_of(w, out));
    else if (!status)
        status = sixnet_predictor_predict(p, floats_of(w, in), n, floats_of(w, out));
    sixnet_predictor_free(p);
    return status;
}

static int32_t cancel(fixture *w)
{
    sixnet_model *net = *take_net(w);
    sixnet_model_cancel(net, take(w) % 2);
    return SIXNET_OK;
}

static int32_t gradient_check(fixture *w)
{
    double worst;
    const char *where;
    sixnet_model *net = *take_net(w);
    int64_t n = 1 + take(w) % 2, most = n * output_size(net);
    if (most > 64)
        return SIXNET_OK;
    return sixnet_model_gradient_check(net, doubles_of(w, n * input_size(net)), doubles_of(w, most), n, &worst, &where);
}

/* ---- calls: optimizers ---- */

static const char *const optimizer_texts[] = {
    "sgd lr=0.1 momentum=0.9", "adam lr=0.01", "adamw clip_norm=1", "rmsprop", "sdg", "", NULL};
static const char *const schedule_texts[] = {"",
                                             "step_lr step_size=1 gamma=0.5",
                                             "linear_warmup steps=2 ; reduce_on_plateau patience=0",
                                             "one_cycle_lr max_lr=0.2 total_steps=3",
                                             "step_lr",
                                             NULL};

static int32_t optimizer_new(fixture *w)
{
    sixnet_model *net = *take_net(w);
    sixnet_optimizer **opt = take_opt(w);
    const char *text = take_of(w, optimizer_texts);
    sixnet_optimizer_free(*opt);
    return sixnet_optimizer_new(opt, net, text, take_of(w, schedule_texts));
}

static int32_t optimizer_free(fixture *w)
{
    sixnet_optimizer **opt = take_opt(w);
    sixnet_optimizer_free(*opt);
    *opt = NULL;
    return SIXNET_OK;
}

static int32_t step(fixture *w) { return sixnet_optimizer_step(*take_opt(w)); }

static int32_t end_epoch(fixture *w)
{
    sixnet_optimizer *opt = *take_opt(w);
    (void)sixnet_optimizer_learning_rate(opt);
    return sixnet_optimizer_end_epoch(opt, take(w));
}

static int32_t set_learning_rate(fixture *w)
{
    sixnet_optimizer *opt = *take_opt(w);
    return sixnet_optimizer_set_learning_rate(opt, take(w) / 64.0 - 1);
}

/* ---- calls: datasets ---- */

static const char *const array_texts[] = {"shape=2",
                                          "shape=1x4x4 input_dtype=u8 target_dtype=f64 scale=0.5",
                                          "shape=3 input_dtype=f64",
                                          "shape=2 input_dtype=i32 target_shape=2",
                                          "shape=2x2 colour=1",
                                          NULL};

static int32_t dataset_from_arrays(fixture *w)
{
    sixnet_dataset **ds = take_ds(w);
    const char *text = take_of(w, array_texts);
    int64_t n = take_count(w);
    const void *inputs = doubles_of(w, MOST_SAMPLES * 16),
               *targets = take(w) % 4 ? doubles_of(w, MOST_SAMPLES * 2) : NULL;
    sixnet_dataset_free(*ds);
    return sixnet_dataset_from_arrays(ds, w->ctx, text, inputs, targets, n < MOST_SAMPLES ? n : 1);
}

static int32_t give_sample(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    input[0] = (float)index;
    input[1] = target[0] = (float)(index % 3);
    return index == 37;
}

static int32_t dataset_from_callback(fixture *w)
{
    sixnet_dataset **ds = take_ds(w);
    sixnet_dataset_free(*ds);
    return sixnet_dataset_from_callback(ds, w->ctx, "shape=2", take_count(w), give_sample, NULL);
}

static int32_t dataset_split(fixture *w)
{
    sixnet_dataset *ds = *take_ds(w), *first, *second, **one = take_ds(w), **other = take_ds(w);
    int32_t status =
        sixnet_dataset_split(&first, &second, ds, take(w) % 2 ? "first_size=3 seed=1" : "first_size=30 shuffle=false");
    if (one != other && !status) {
        sixnet_dataset_free(*one);
        sixnet_dataset_free(*other);
        *one = first;
        *other = second;
        return status;
    }
    sixnet_dataset_free(first);
    sixnet_dataset_free(second);
    return status;
}

static int32_t dataset_free(fixture *w)
{
    sixnet_dataset **ds = take_ds(w);
    sixnet_dataset_free(*ds);
    *ds = NULL;
    return SIXNET_OK;
}

static int32_t dataset_transform(fixture *w)
{
    static const char *const texts[] = {
        "normalize mean=1,2,3 std=1",
        "normalize mean=0.1307 std=0.3081",
        "random_affine degrees=10 translate=0.2",
        "elastic sigma=1",
        "random_crop padding=1",
        "random_crop size=2x1",
        "mixup",
        "cutmix num_classes=3",
        "one_hot num_classes=3",
    };
    sixnet_dataset *ds = *take_ds(w);
    return sixnet_dataset_add_transform(ds, texts[(size_t)take(w) % (sizeof texts / sizeof *texts)]);
}

static int32_t dataset_get(fixture *w)
{
    int64_t dims[8] = {0}, target_dims[8] = {0}, in = 1, target = 1;
    int32_t rank = 0, target_rank = 0;
    const sixnet_dataset *ds = *take_ds(w);
    int32_t status = sixnet_dataset_shape(ds, dims, &rank, target_dims, &target_rank);
    for (int32_t i = 0; i < rank; i++)
        in *= dims[i];
    for (int32_t i = 0; i < target_rank; i++)
        target *= target_dims[i];
    int64_t index = take_count(w);
    return status ? status
                  : sixnet_dataset_get_sample(ds, index, floats_of(w, in), take(w) % 2 ? floats_of(w, target) : NULL);
}

static int32_t batches_new(fixture *w)
{
    sixnet_dataset *ds = *take_ds(w);
    sixnet_batch_iterator **batches = take_batches(w);
    sixnet_batch_iterator_free(*batches);
    return sixnet_batch_iterator_new(batches, ds,
                                     take(w) % 2 ? "batch_size=3 seed=3" : "batch_size=4 shuffle=false drop_last=true");
}

static int32_t batches_free(fixture *w)
{
    sixnet_batch_iterator **batches = take_batches(w);
    sixnet_batch_iterator_free(*batches);
    *batches = NULL;
    return SIXNET_OK;
}

static int32_t batches_start(fixture *w)
{
    sixnet_batch_iterator *batches = *take_batches(w);
    return sixnet_batch_iterator_start_epoch(batches, take(w) - 1);
}

static int32_t batches_next(fixture *w)
{
    const float *in, *target;
    int64_t n, epoch, position;
    sixnet_batch_iterator *batches = *take_batches(w);
    (void)sixnet_batch_iterator_position(batches, &epoch, take(w) % 2 ? &position : NULL);
    return sixnet_batch_iterator_next(batches, &in, &target, &n);
}

/* ---- calls: training, files ---- */

static int32_t watch(void *user, const sixnet_progress *progress)
{
    int *left = user;
    (void)sixnet_progress_get(progress, "loss");
    return --*left < 0;
}

static int32_t fit(fixture *w)
{
    sixnet_model *net = *take_net(w);
    sixnet_optimizer *opt = *take_opt(w);
    sixnet_dataset *train = *take_ds(w), *validation = *take_ds(w);
    const char *options = take(w) % 2 ? "epochs=2 batch_size=6 shards=2" : "batch_size=3 shuffle=false drop_last=true";
    int left = take(w) % 16;
    if (take(w) % 2)
        fuzz_status(sixnet_model_fit(net, opt, train, NULL, options, watch, &left));
    else
        fuzz_status(sixnet_model_fit(net, opt, train, validation, options, watch, &left));
    return SIXNET_OK; /* a run that fails has trained until then */
}

static int32_t evaluate(fixture *w)
{
    double value, accuracy;
    sixnet_model *net = *take_net(w);
    sixnet_dataset *ds = *take_ds(w);
    return sixnet_model_evaluate(net, ds, &value, take(w) % 2 ? &accuracy : NULL);
}

static int32_t take_bytes(void *user, const void *data, uint64_t size)
{
    uint64_t *left = user;
    (void)data;
    *left -= size < *left ? size : *left;
    return *left == 0;
}

static int32_t model_write(fixture *w)
{
    const sixnet_model *net = *take_net(w);
    uint64_t left = 64 * (uint64_t)take(w);
    return sixnet_model_save_to_stream(net, take_bytes, &left);
}

/* Saves one model and loads it elsewhere, whole or cut. */
static int32_t save_and_load(fixture *w)
{
    const char *report;
    uint64_t size;
    sixnet_model *from = *take_net(w), **to = take_net(w);
    int32_t status = sixnet_model_save_to_buffer(from, NULL, 0, &size);
    if (status)
        return status;
    uint8_t *file = malloc((size_t)size);
    MUST(file);
    status = sixnet_model_save_to_buffer(from, file, size, &size);
    if (!status && take(w) % 8 == 0)
        size -= take(w);
    if (!status && take(w) % 2 && *to)
        status = sixnet_model_load_weights_from_buffer(*to, file, size, "strict=false check_values=false", &report);
    else if (!status) {
        sixnet_model_free(*to);
        status = sixnet_model_load_from_buffer(to, w->ctx, file, size, "check_values=false");
    }
    free(file);
    return status;
}

static int32_t fail_allocation(fixture *w)
{
    fuzz_fail_allocation(1 + take_below(w, 32));
    return SIXNET_OK;
}

static const struct {
    const char *name; /* for the reader of a failure */
    int32_t (*make)(fixture *w);
} calls[] = {
    {"model_parse", model_parse},
    {"model_new", model_new},
    {"model_free", model_free},
    {"add", add},
    {"add_multi", add_multi},
    {"retain", retain},
    {"compile", compile},
    {"memory_needed", memory_needed},
    {"reset", reset},
    {"describe", describe},
    {"tensor_get", tensor_get},
    {"tensor_set", tensor_set},
    {"gradient_get", gradient_get},
    {"node_values", node_values},
    {"profile", profile},
    {"forward", forward},
    {"loss", loss},
    {"backward", backward},
    {"backward_from", backward_from},
    {"zero_grad", zero_grad},
    {"predict", predict},
    {"gradient_check", gradient_check},
    {"optimizer_new", optimizer_new},
    {"optimizer_free", optimizer_free},
    {"step", step},
    {"end_epoch", end_epoch},
    {"set_learning_rate", set_learning_rate},
    {"dataset_from_arrays", dataset_from_arrays},
    {"dataset_from_callback", dataset_from_callback},
    {"dataset_split", dataset_split},
    {"dataset_free", dataset_free},
    {"dataset_transform", dataset_transform},
    {"dataset_get", dataset_get},
    {"batches_new", batches_new},
    {"batches_free", batches_free},
    {"batches_start", batches_start},
    {"batches_next", batches_next},
    {"fit", fit},
    {"evaluate", evaluate},
    {"model_write", model_write},
    {"save_and_load", save_and_load},
    {"fail_allocation", fail_allocation},
    {"predictor", predictor},
    {"cancel", cancel},
    {"model_copy", model_copy},
};

/* ---- a layer of the caller's ---- */

static int32_t twice_setup(void *user, sixnet_layer_setup *setup)
{
    (void)user;
    return sixnet_layer_setup_input_count(setup) == 1 ? 0 : sixnet_layer_setup_fail(setup, "takes one input");
}

static int32_t twice_forward(void *user, sixnet_layer_call *call)
{
    (void)user;
    const float *x = sixnet_layer_call_input(call, 0);
    float *y = sixnet_layer_call_output(call, 0);
    int64_t dims[8], count = sixnet_layer_call_sample_count(call);
    int32_t rank;
    MUST(sixnet_layer_call_output_shape(call, 0, dims, &rank) == SIXNET_OK);
    for (int32_t i = 0; i < rank; i++)
        count *= dims[i];
    for (int64_t i = 0; i < count; i++)
        y[i] = (float)sixnet_layer_call_attribute(call, "factor") * x[i];
    return 0;
}

static int32_t twice_backward(void *user, sixnet_layer_call *call)
{
    (void)user;
    const float *dy = sixnet_layer_call_output_gradient(call, 0);
    float *dx = sixnet_layer_call_input_gradient(call, 0);
    int64_t dims[8], count = sixnet_layer_call_sample_count(call);
    int32_t rank;
    MUST(sixnet_layer_call_input_shape(call, 0, dims, &rank) == SIXNET_OK);
    for (int32_t i = 0; i < rank; i++)
        count *= dims[i];
    for (int64_t i = 0; i < count; i++)
        dx[i] = (float)sixnet_layer_call_attribute(call, "factor") * dy[i];
    return 0;
}

/* ---- a sequence ---- */

/* Numbers that change with any tensor of a model; 0 for none. (As sixnet_model_digest(), in less time.) */
typedef struct digests {
    uint64_t of[SLOTS];
} digests;

static uint64_t digest(const sixnet_model *net)
{
    uint64_t sum = net != NULL;
    for (int32_t t = 0; net && t < sixnet_tensor_count(net); t++) {
        const char *name = sixnet_tensor_name(net, t);
        int64_t count;
        const uint32_t *words = sixnet_tensor_data(net, name, &count); /* of f64 values, the first half */
        for (int64_t i = 0; i < count; i++)
            sum = (sum ^ words[i]) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return sum;
}

static digests digest_all(const fixture *w)
{
    digests d;
    for (int i = 0; i < SLOTS; i++)
        d.of[i] = digest(w->net[i]);
    return d;
}

/* A call that failed may have given a model back, to make a new one in its place, but has changed none. */
static void check_unchanged(const fixture *w, const digests *before)
{
    digests now = digest_all(w);
    for (int i = 0; i < SLOTS; i++)
        MUST(!now.of[i] || now.of[i] == before->of[i]);
}

static void make_call(fixture *w)
{
    digests before = digest_all(w);
    int32_t status = fuzz_status(calls[take_below(w, sizeof calls / sizeof *calls)].make(w));
    if (status < 0)
        check_unchanged(w, &before);
    else
        fuzz_worked();
}

static void fixture_teardown(fixture *w)
{
    for (int i = 0; i < SLOTS; i++) {
        sixnet_model_free(w->net[i]);
        sixnet_optimizer_free(w->opt[i]);
        sixnet_batch_iterator_free(w->batches[i]);
        sixnet_dataset_free(w->ds[i]);
    }
    while (w->blocks > 0)
        free(w->block[--w->blocks]);
}

static sixnet_context *context(const char *options)
{
    sixnet_context *ctx = fuzz_context(options);
    MUST(sixnet_context_register_layer(ctx, "twice", "factor=2", "f32", twice_setup, twice_forward, twice_backward,
                                       NULL) == SIXNET_OK);
    return ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sixnet_context *contexts[3];
    fixture w = {.at = data, .end = data + size};
    if (!contexts[0]) {
        contexts[0] = context("isa=baseline");
        contexts[1] = context("seed=1");
        contexts[2] = context("dtype=f64");
    }
    w.ctx = contexts[take_below(&w, 3)];
    fuzz_enter();
    fuzz_begin(size);
    for (; w.at < w.end && w.calls < MOST_CALLS; w.calls++)
        make_call(&w);
    fuzz_bound(16 << 20);
    fuzz_fail_allocation(0);
    fixture_teardown(&w);
    fuzz_leave();
    return 0;
}
