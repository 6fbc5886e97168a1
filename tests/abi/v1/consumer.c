/* SPDX-License-Identifier: MIT */
/* A program of the time of version 1.0.0: compiled against the headers of that version, which are kept beside it, and run with the newest
 * library. What it saw then it must see now. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sixnet/layer.h>

static int faults;

#define CHECK(condition) check(condition, __LINE__, #condition)

static void check(int holds, int line, const char *condition)
{
    if (!holds) {
        printf("consumer.c:%d: not so: %s (%s)\n", line, condition, sixnet_last_error());
        faults++;
    }
}

static int near(double a, double b) { return fabs(a - b) < 1e-6; }

/* ---- constants ---- */

static void statuses(void)
{
    static const struct {
        int32_t status;
        const char *name;
    } all[] = {
        {SIXNET_OK, "SIXNET_OK"},
        {SIXNET_STOPPED, "SIXNET_STOPPED"},
        {SIXNET_INVALID_ARGUMENT, "SIXNET_INVALID_ARGUMENT"},
        {SIXNET_OUT_OF_MEMORY, "SIXNET_OUT_OF_MEMORY"},
        {SIXNET_BAD_SPEC, "SIXNET_BAD_SPEC"},
        {SIXNET_BAD_SHAPE, "SIXNET_BAD_SHAPE"},
        {SIXNET_BAD_STATE, "SIXNET_BAD_STATE"},
        {SIXNET_IO_ERROR, "SIXNET_IO_ERROR"},
        {SIXNET_BAD_FILE, "SIXNET_BAD_FILE"},
        {SIXNET_TOO_LARGE, "SIXNET_TOO_LARGE"},
        {SIXNET_NOT_FOUND, "SIXNET_NOT_FOUND"},
        {SIXNET_BAD_DATA, "SIXNET_BAD_DATA"},
        {SIXNET_NOT_FINITE, "SIXNET_NOT_FINITE"},
        {SIXNET_CALLBACK_FAILED, "SIXNET_CALLBACK_FAILED"},
        {SIXNET_UNSUPPORTED, "SIXNET_UNSUPPORTED"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *name = sixnet_status_name(all[i].status);
        CHECK(name && strcmp(name, all[i].name) == 0);
    }
    CHECK(sixnet_version_number() >= SIXNET_VERSION_MAJOR * 1000000 + SIXNET_VERSION_MINOR * 1000 + SIXNET_VERSION_PATCH);
    CHECK(sixnet_version_number() / 1000000 == SIXNET_VERSION_MAJOR);

    sixnet_model *net = (sixnet_model *)&faults;
    CHECK(sixnet_model_parse(&net, NULL, "input shape=2\nlinnear out_features=1\n") == SIXNET_BAD_SPEC && !net);
    CHECK(strstr(sixnet_last_error(), "linear") != NULL);
    CHECK(sixnet_model_parse(&net, NULL, "input shape=2\nconv2d out_channels=1 kernel_size=3\n") == SIXNET_BAD_SHAPE && !net);
    CHECK(sixnet_model_load(&net, NULL, "/nowhere/at/all", NULL) == SIXNET_IO_ERROR && !net);
    CHECK(sixnet_model_load_from_buffer(&net, NULL, "nothing", 7, NULL) == SIXNET_BAD_FILE && !net);
}

/* ---- memory and log of the caller's ---- */

static int blocks;

static void *allocate(void *user, size_t size)
{
    ++*(int *)user;
    return malloc(size);
}

static void release(void *user, void *memory)
{
    --*(int *)user;
    free(memory);
}

static void take_line(void *user, int32_t level, const char *line)
{
    (void)level;
    *(size_t *)user += strlen(line);
}

/* ---- a net whose every number is known ---- */

static void two_neurons(void)
{
    const double w1[] = {0.15, 0.20, 0.25, 0.30}, w2[] = {0.40, 0.45, 0.50, 0.55};
    const double x[] = {0.05, 0.10}, t[] = {0.01, 0.99};
    double loss = 0, gradient[4] = {0}, worst = 1, hidden[2] = {0};
    const char *where = NULL;
    size_t logged = 0;
    sixnet_context *ctx = NULL;
    sixnet_model *net = NULL;
    sixnet_optimizer *opt = NULL;
    CHECK(sixnet_context_new_with_allocator(&ctx, "dtype=f64 threads=2 seed=7", allocate, release, &blocks) == SIXNET_OK);
    CHECK(sixnet_context_set_log(ctx, take_line, &logged) == SIXNET_OK);
    CHECK(strcmp(sixnet_context_get(ctx, "dtype"), "f64") == 0);
    CHECK(sixnet_model_new(&net, ctx) == SIXNET_OK);
    sixnet_node node = sixnet_model_add(net, "input shape=2", SIXNET_NO_NODE);
    node = sixnet_model_add(net, "linear out_features=2 bias=false", node);
    node = sixnet_model_add(net, "sigmoid name=hidden", node);
    CHECK(sixnet_node_retain(net, node) == SIXNET_OK);
    node = sixnet_model_add(net, "linear out_features=2 bias=false", node);
    node = sixnet_model_add(net, "sigmoid", node);
    CHECK(sixnet_model_add(net, "mse reduction=sum", node) != SIXNET_NO_NODE);
    CHECK(sixnet_model_compile(net) == SIXNET_OK);
    CHECK(sixnet_tensor_set_f64(net, "linear1.weight", w1, 4) == SIXNET_OK);
    CHECK(sixnet_tensor_set_f64(net, "linear2.weight", w2, 4) == SIXNET_OK);
    CHECK(sixnet_optimizer_new(&opt, net, "sgd lr=0.25", NULL) == SIXNET_OK);
    CHECK(sixnet_model_zero_grad(net) == SIXNET_OK && sixnet_model_forward_f64(net, x, 1) == SIXNET_OK);
    CHECK(sixnet_model_loss_f64(net, t, &loss) == SIXNET_OK && near(loss / 2, 0.242519857));
    CHECK(sixnet_node_values_f64(net, sixnet_node_find(net, "hidden"), hidden, 2) == SIXNET_OK && near(hidden[0], 0.506874566));
    CHECK(sixnet_model_backward(net) == SIXNET_OK);
    CHECK(sixnet_tensor_gradient_f64(net, "linear2.weight", gradient, 4) == SIXNET_OK && near(gradient[0] / 2, 0.072157072));
    CHECK(sixnet_tensor_gradient_f64(net, "linear1.weight", gradient, 4) == SIXNET_OK && near(gradient[0] / 2, 0.000188255));
    CHECK(sixnet_optimizer_step(opt) == SIXNET_OK);
    CHECK(sixnet_tensor_get_f64(net, "linear2.weight", gradient, 4) == SIXNET_OK && near(gradient[0], 0.40 - 0.5 * 0.072157072));
    CHECK(sixnet_model_gradient_check(net, x, t, 1, &worst, &where) == SIXNET_OK && worst < 1e-7);
    CHECK(near(sixnet_optimizer_learning_rate(opt), 0.25));
    sixnet_context_free(ctx);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    CHECK(blocks == 0);
}

/* ---- data, training, files ---- */

static int32_t sample(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    input[0] = (float)(index & 1);
    input[1] = (float)(index >> 1 & 1);
    target[0] = (float)((index & 1) ^ (index >> 1 & 1));
    return 0;
}

static int32_t count_epochs(void *user, const sixnet_progress *progress)
{
    *(int *)user += sixnet_progress_get(progress, "epoch_end") > 0;
    return sixnet_progress_get(progress, "epoch") > 300;
}

static const char exclusive_or[] = "input shape=2\nlinear out_features=8\ntanh\nlinear out_features=1\nbce_with_logits\n";

static void same_again(const sixnet_model *net)
{
    char digest[65], again[65];
    uint64_t size = 0;
    sixnet_model *copy = NULL;
    CHECK(sixnet_model_save_to_buffer(net, NULL, 0, &size) == SIXNET_OK && size > 0);
    void *memory = malloc(size);
    CHECK(memory && sixnet_model_save_to_buffer(net, memory, size, &size) == SIXNET_OK);
    CHECK(sixnet_model_load_from_buffer(&copy, NULL, memory, size, NULL) == SIXNET_OK);
    CHECK(sixnet_model_digest(net, digest) == SIXNET_OK && sixnet_model_digest(copy, again) == SIXNET_OK && strcmp(digest, again) == 0);
    sixnet_model_free(copy);
    free(memory);
}

static void training(void)
{
    sixnet_model *net = NULL;
    sixnet_optimizer *opt = NULL;
    sixnet_dataset *data = NULL;
    sixnet_batch_iterator *batches = NULL;
    const float x[] = {0, 0, 0, 1, 1, 0, 1, 1}, *inputs = NULL, *targets = NULL;
    float y[4] = {0};
    double loss = 1;
    int64_t n = 0;
    int epochs = 0;
    CHECK(sixnet_model_parse(&net, NULL, exclusive_or) == SIXNET_OK);
    CHECK(sixnet_optimizer_new(&opt, net, "adam lr=0.05", "step_lr step_size=200 gamma=0.5") == SIXNET_OK);
    CHECK(sixnet_dataset_from_callback(&data, NULL, "shape=2", 4, sample, NULL) == SIXNET_OK && sixnet_dataset_size(data) == 4);
    CHECK(sixnet_batch_iterator_new(&batches, data, "batch_size=3 shuffle=false") == SIXNET_OK && sixnet_batch_iterator_start_epoch(batches, 0) == SIXNET_OK);
    CHECK(sixnet_batch_iterator_next(batches, &inputs, &targets, &n) == SIXNET_OK && n == 3 && inputs[2] == 1 && targets[1] == 1);
    CHECK(sixnet_model_fit(net, opt, data, NULL, "epochs=1000 batch_size=4", count_epochs, &epochs) == SIXNET_STOPPED && epochs == 300);
    CHECK(near(sixnet_optimizer_learning_rate(opt), 0.025));
    CHECK(sixnet_model_evaluate(net, data, &loss, NULL) == SIXNET_OK && loss < 0.05);
    CHECK(sixnet_model_predict(net, x, 4, y) == SIXNET_OK && y[0] < 0 && y[1] > 0 && y[2] > 0 && y[3] < 0);
    same_again(net);
    sixnet_batch_iterator_free(batches);
    sixnet_dataset_free(data);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
}

/* ---- a layer of the caller's ---- */

static int32_t double_forward(void *user, sixnet_layer_call *call)
{
    const float *x = (const float *)sixnet_layer_call_input(call, 0);
    float *y = (float *)sixnet_layer_call_output(call, 0);
    for (int64_t i = 0; i < 3 * sixnet_layer_call_sample_count(call); i++)
        y[i] = x[i] * (float)sixnet_layer_call_attribute(call, "factor") + *(float *)user;
    return 0;
}

static int32_t keep_shape(void *user, sixnet_layer_setup *setup)
{
    (void)user;
    int64_t dims[8] = {0};
    int32_t rank = 0;
    sixnet_layer_setup_input_shape(setup, 0, dims, &rank);
    return rank == 1 && dims[0] == 3 ? 0 : sixnet_layer_setup_fail(setup, "three values, please");
}

static void own_layer(void)
{
    float more = 0.5F, y[3] = {0};
    const float x[] = {1, 2, 3};
    sixnet_context *ctx = NULL;
    sixnet_model *net = NULL;
    CHECK(sixnet_context_new(&ctx, NULL) == SIXNET_OK);
    CHECK(sixnet_context_register_layer(ctx, "scaled", "factor=2", "f32", keep_shape, double_forward, NULL, &more) == SIXNET_OK);
    CHECK(sixnet_model_parse(&net, ctx, "input shape=4\nscaled\n") != SIXNET_OK && strstr(sixnet_last_error(), "three values") != NULL);
    CHECK(sixnet_model_parse(&net, ctx, "input shape=3\nscaled factor=3\n") == SIXNET_OK);
    CHECK(sixnet_model_predict(net, x, 1, y) == SIXNET_OK && near(y[0], 3.5) && near(y[2], 9.5));
    sixnet_model_free(net);
    sixnet_context_free(ctx);
}

int main(void)
{
    statuses();
    two_neurons();
    training();
    own_layer();
    if (!faults)
        printf("made for libsixnet %d.%d.%d, as good with %s\n", SIXNET_VERSION_MAJOR, SIXNET_VERSION_MINOR, SIXNET_VERSION_PATCH,
               sixnet_version());
    return faults != 0;
}
