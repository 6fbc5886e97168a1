/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* DT_REG, mkdtemp() */
#undef _FORTIFY_SOURCE

#include "api.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"
#include "faults_fixture.h"
#include "graph/custom.h"
#include "train/optimizer.h"
#include "sixnet/layer.h"

float inputs[SAMPLES * SIZE], targets[SAMPLES];
double inputs_f64[SAMPLES * SIZE], targets_f64[SAMPLES];

const char net_text[] =
    "input shape=1x4x4\nconv2d out_channels=3 kernel_size=3 padding=1 name=c\nbatchnorm2d\nrelu name=r\n"
    "conv2d out_channels=3 kernel_size=1\nadd from=conv2,r\nmul from=add1,c name=m\nconcat from=m,r\ngroupnorm "
    "num_groups=2\n"
    "gelu\nsilu\ndropout p=0.25\nmaxpool2d kernel_size=2\navgpool2d kernel_size=1\nadaptive_avgpool2d output_size=2\n"
    "leaky_relu\nflatten\nlayernorm normalized_shape=24\nlinear out_features=8\ntanh\nreshape "
    "shape=2x4\nflatten\nsigmoid\n"
    "batchnorm1d\nlinear out_features=3 name=last\ncross_entropy\n";
const char own_text[] = "input shape=2\nbatchnorm1d\nown beta=3 name=own\nlinear out_features=1 name=last\nmse\n";

/* ---- the folder ---- */

static char folder[256];

const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

int make_folder(void **unused)
{
    (void)unused;
    const char *memory =
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* where waiting for the disk takes no time */
    snprintf(folder, sizeof folder, "%s/sixnet-faults-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : memory);
    return mkdtemp(folder) ? 0 : -1;
}

/* Calls a function with the name of every file in the folder. */
static void for_files(void (*fn)(const char *name, void *arg), void *arg)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fn(entry->d_name, arg);
    closedir(d);
}

static bool is_temporary(const char *name) { return strncmp(name, ".sixnet-", 8) == 0; }

static void delete_file(const char *name, void *unused)
{
    (void)unused;
    assert_int_equal(remove(path_of(name)), 0);
}

int delete_folder(void **unused)
{
    (void)unused;
    for_files(delete_file, NULL);
    return remove(folder);
}

static void put_file(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

enum { IMAGES = 6 };

static void put_idx_files(void)
{
    static const unsigned char header[16] = {0, 0, 8, 3, 0, 0, 0, IMAGES, 0, 0, 0, 4, 0, 0, 0, 4};
    static const char labels[] =
        "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x63\x60\xe0\x60\x64\x60\x60\x60\x63\x60\x64\x02\x22\0\x95\x54\x95\x15\x0e\0\0";
    unsigned char images[16 + IMAGES * SIZE];
    memcpy(images, header, sizeof header);
    for (size_t i = sizeof header; i < sizeof images; i++)
        images[i] = (unsigned char)(i * 7);
    put_file("images", images, sizeof images);
    put_file("labels.gz", labels, sizeof labels);
}

/* ---- the caller's functions ---- */

void *take_memory(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

void give_memory(void *user, void *memory)
{
    (void)user;
    free(memory);
}

int32_t give_sample(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    for (int i = 0; i < OWN_SIZE; i++)
        input[i] = inputs[index * OWN_SIZE + i];
    *target = (float)(index % 3);
    return fault_strikes(FAULT_CALLBACK) ? 7 : 0;
}

int32_t give_sample_f64(void *user, int64_t index, double *input, double *target)
{
    (void)user;
    for (int i = 0; i < OWN_SIZE; i++)
        input[i] = inputs_f64[index * OWN_SIZE + i];
    *target = (double)(index % 3);
    return fault_strikes(FAULT_CALLBACK) ? 7 : 0;
}

/* The layer gives its input times a gain. */
int32_t own_setup(void *user, sixnet_layer_setup *setup)
{
    int64_t dims[8];
    int32_t rank;
    (void)user;
    if (fault_strikes(FAULT_CALLBACK))
        return 7;
    if (sixnet_layer_setup_input_count(setup) != 1 || sixnet_layer_setup_attribute(setup, "beta") != 3)
        return sixnet_layer_setup_fail(setup, "one input and beta=3 are expected");
    int32_t status = sixnet_layer_setup_input_shape(setup, 0, dims, &rank);
    if (!status)
        status = sixnet_layer_setup_set_output_shape(setup, dims, rank);
    if (!status)
        status = sixnet_layer_setup_add_output(setup, "unused", (const int64_t[]){1}, 1);
    return status ? status : sixnet_layer_setup_add_parameter(setup, "gain", (const int64_t[]){1}, 1, 0.5, 1.5);
}

static int64_t values_of_call(const sixnet_layer_call *call)
{
    int64_t in[8], out[8], gain[8];
    int32_t rank;
    if (sixnet_layer_call_input_shape(call, 0, in, &rank) || sixnet_layer_call_output_shape(call, 0, out, &rank) ||
        sixnet_layer_call_parameter_shape(call, 0, gain, &rank) || in[0] != out[0] || gain[0] != 1)
        return -1;
    return sixnet_layer_call_attribute(call, "beta") == 3 ? sixnet_layer_call_sample_count(call) * in[0] : -1;
}

int32_t own_forward(void *user, sixnet_layer_call *call)
{
    int64_t count = values_of_call(call);
    const float *x = sixnet_layer_call_input(call, 0), *gain = sixnet_layer_call_parameter(call, 0);
    float *y = sixnet_layer_call_output(call, 0);
    (void)user;
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] * *gain;
    return fault_strikes(FAULT_CALLBACK) || count < 0 ? 7 : 0;
}

int32_t own_backward(void *user, sixnet_layer_call *call)
{
    int64_t count = values_of_call(call);
    const float *x = sixnet_layer_call_input(call, 0), *dy = sixnet_layer_call_output_gradient(call, 0),
                *gain = sixnet_layer_call_parameter(call, 0);
    float *dx = sixnet_layer_call_input_gradient(call, 0), *dgain = sixnet_layer_call_parameter_gradient(call, 0);
    (void)user;
    for (int64_t i = 0; i < count; i++) {
        dx[i] = dy[i] * *gain;
        *dgain += dy[i] * x[i];
    }
    return fault_strikes(FAULT_CALLBACK) || count < 0 || sixnet_layer_call_is_training(call) != 1 ? 7 : 0;
}

/* ---- the fixture ---- */

int32_t train_to(const trainee *t, int calls, int64_t n)
{
    int32_t status = sixnet_model_forward(t->net, inputs, n);
    if (!status && calls >= TO_LOSS)
        status = sixnet_model_loss(t->net, targets, NULL);
    if (!status && calls >= TO_BACKWARD)
        status = sixnet_model_backward(t->net);
    return status || calls < TO_STEP ? status : sixnet_optimizer_step(t->opt);
}

/* The text's net, whose input and last but one node are retained. */
static sixnet_model *retaining(sixnet_context *ctx, const char *text)
{
    sixnet_model *net;
    WORKS(sixnet_model_new(&net, ctx));
    WORKS(six_model_add_lines(net, text));
    WORKS(sixnet_node_retain(net, 0));
    WORKS(sixnet_node_retain(net, sixnet_node_find(net, "last")));
    WORKS(sixnet_model_compile(net));
    return net;
}

static void begin_training(trainee *t, const char *optimizer)
{
    const float *x, *y;
    int64_t n;
    WORKS(sixnet_optimizer_new(&t->opt, t->net, optimizer, "linear_warmup steps=3 ; step_lr step_size=2"));
    WORKS(sixnet_batch_iterator_new(&t->batches, t->ds, "batch_size=7"));
    WORKS(sixnet_batch_iterator_start_epoch(t->batches, 2));
    WORKS(sixnet_batch_iterator_next(t->batches, &x, &y, &n));
    WORKS(train_to(t, TO_STEP, FEW));
    WORKS(train_to(t, TO_BACKWARD, FEW));
}

static void fill_samples(void)
{
    fill_noise(inputs, SAMPLES * SIZE, 3);
    for (int i = 0; i < SAMPLES; i++)
        targets[i] = (float)(i % CLASSES), targets_f64[i] = i % CLASSES;
    for (int i = 0; i < SAMPLES * SIZE; i++)
        inputs_f64[i] = (double)inputs[i];
}

fixture *fixture_setup(const char *options)
{
    fixture *w = malloc(sizeof *w);
    assert_non_null(w);
    *w = (fixture){0};
    faults_refuse_links(false);
    fill_samples();
    WORKS(sixnet_context_new(&w->ctx, options));
    w->plain.net = retaining(w->ctx, net_text);
    WORKS(sixnet_dataset_from_arrays(&w->plain.ds, w->ctx, "shape=1x4x4", inputs, targets, SAMPLES));
    begin_training(&w->plain, "adam lr=0.01");
    WORKS(sixnet_context_register_layer(w->ctx, "own", "beta=1", "f32", own_setup, own_forward, own_backward, w));
    w->own.net = retaining(w->ctx, own_text);
    WORKS(sixnet_dataset_from_callback(&w->own.ds, w->ctx, "shape=2", SAMPLES, give_sample, w));
    begin_training(&w->own, "sgd lr=0.01 momentum=0.5");
    for_files(delete_file, NULL);
    put_idx_files();
    WORKS(sixnet_model_save(w->plain.net, path_of("model"), "sync=false"));
    WORKS(sixnet_checkpoint_save(w->plain.net, w->plain.opt, w->plain.batches, path_of("run"), "sync=false"));
    WORKS(sixnet_model_reset(w->plain.net, 5)); /* so that loading changes something */
    WORKS(train_to(&w->plain, TO_BACKWARD, FEW));
    return w;
}

static void end_training(trainee *t)
{
    sixnet_batch_iterator_free(t->batches);
    sixnet_dataset_free(t->ds);
    sixnet_optimizer_free(t->opt);
    sixnet_model_free(t->net);
}

void fixture_teardown(fixture *w)
{
    sixnet_batch_iterator_free(w->new_batches);
    sixnet_dataset_free(w->new_ds);
    sixnet_dataset_free(w->second_ds);
    sixnet_optimizer_free(w->new_opt);
    sixnet_predictor_free(w->new_predictor);
    sixnet_model_free(w->new_net);
    sixnet_context_free(w->new_ctx);
    end_training(&w->plain);
    end_training(&w->own);
    sixnet_context_free(w->ctx);
    free(w);
}

/* ---- its state ---- */

/* Eight bytes at a time, as this is done for every fault. */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *at = data;
    for (; size >= sizeof hash; at += sizeof hash, size -= sizeof hash) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32; /* so that high bits change low ones too */
    }
    for (; size > 0; at++, size--)
        hash = (hash ^ *at) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    return text ? mix(hash, text, strlen(text) + 1) : hash * 31;
}

static uint64_t mix_file(uint64_t hash, const char *path)
{
    char buffer[4096];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, file)) > 0;)
        hash = mix(hash, buffer, n);
    fclose(file);
    return hash;
}

static uint64_t mix_context(uint64_t hash, const sixnet_context *ctx)
{
    static const char *const keys[] = {"isa", "dtype", "threads", "seed"};
    static const char other[] = "other";
    if (!ctx)
        return hash * 31;
    for (int i = 0; i < 4; i++)
        hash = mix_text(hash, sixnet_context_get(ctx, keys[i]));
    bool has[] = {ctx->log != NULL, six_custom_find(ctx, (six_span){other, other + strlen(other)}) != NULL};
    return mix(hash, has, sizeof has);
}

/* All but the passes: what a file would hold of it, or before it is compiled its nodes. */
static uint64_t mix_model(uint64_t hash, const sixnet_model *net)
{
    if (!net)
        return hash * 31;
    for (sixnet_node i = 0; i < sixnet_node_count(net); i++) {
        hash = mix_text(hash, sixnet_node_get(net, i, "name"));
        hash = mix_text(hash, sixnet_node_get(net, i, "spec"));
        hash = mix(hash, &net->node[i].retained, sizeof net->node[i].retained);
    }
    for (int32_t i = 0; i < net->tensor_count; i++) {
        const six_tensor *t = &net->tensor[i];
        const double settings[] = {t->trainable, t->lr_scale, t->weight_decay};
        hash = mix(hash, settings, sizeof settings);
    }
    bool is[] = {net->compiled, net->profile != NULL, six_cancelled(net)};
    hash = mix(hash, is, sizeof is);
    if (!net->compiled)
        return hash;
    digest d = digest_of(net);
    return mix(mix_text(hash, d.text), &net->step, sizeof net->step);
}

static uint64_t mix_dataset(uint64_t hash, const sixnet_dataset *ds)
{
    enum { ROOM = 64 };
    float input[ROOM] = {0}, target[ROOM] = {0}; /* some datasets have probabilities of classes */
    int64_t dims[8] = {0}, target_dims[8] = {0}, room = ROOM, size = ds ? sixnet_dataset_size(ds) : -1;
    int32_t rank[2];
    hash = mix(hash, &size, sizeof size);
    if (!ds)
        return hash;
    WORKS(sixnet_dataset_shape(ds, dims, &rank[0], target_dims, &rank[1]));
    for (int32_t i = 0; i < rank[0]; i++)
        room /= dims[i];
    assert_true(room > 0);
    hash = mix(mix(hash, dims, sizeof dims), target_dims, sizeof target_dims);
    for (int64_t i = 0; i < size; i++) {
        WORKS(sixnet_dataset_get_sample(ds, i, input, target));
        hash = mix(mix(hash, input, sizeof input), target, sizeof target);
    }
    return hash;
}

static uint64_t mix_batches(uint64_t hash, const sixnet_batch_iterator *b)
{
    int64_t at[2] = {-1, -1};
    if (b)
        WORKS(sixnet_batch_iterator_position(b, &at[0], &at[1]));
    return mix(hash, at, sizeof at);
}

/* Its settings, state and schedule: all that a checkpoint holds. */
static uint64_t mix_optimizer(uint64_t hash, const sixnet_optimizer *opt)
{
    double schedule[SIX_SCHEDULE_STATE];
    if (!opt)
        return hash * 31;
    double rate = sixnet_optimizer_learning_rate(opt);
    hash = mix(mix(hash, &rate, sizeof rate), &opt->steps, sizeof opt->steps);
    hash = mix(hash, opt->attr, opt->kind->kind.size);
    for (int32_t i = 0; i < opt->slots; i++)
        hash = mix(hash, opt->state[i], (size_t)(opt->net->trained_size * opt->net->variant->real_size));
    return mix(hash, schedule, (size_t)six_schedule_state(opt->schedule, schedule) * sizeof *schedule);
}

static uint64_t mix_trainee(uint64_t hash, const trainee *t)
{
    hash = mix_optimizer(mix_model(hash, t->net), t->opt);
    return mix_batches(mix_dataset(hash, t->ds), t->batches);
}

uint64_t objects_of(const fixture *w)
{
    uint64_t hash = mix_context(mix_context(1, w->ctx), w->new_ctx);
    hash = mix_trainee(mix_trainee(hash, &w->plain), &w->own);
    hash = mix_trainee(hash, &(trainee){w->new_net, w->new_opt, w->new_ds, w->new_batches});
    return mix(mix_dataset(hash, w->second_ds), &(bool){w->new_predictor != NULL}, sizeof(bool));
}

static uint64_t mix_gradients(uint64_t hash, const sixnet_model *net)
{
    return net ? mix(hash, net->gradients, (size_t)(net->trained_size * net->variant->real_size)) : hash;
}

static uint64_t mix_node(uint64_t hash, const sixnet_model *net, sixnet_node node, int64_t n)
{
    double values[2][SAMPLES * SIZE];
    int64_t dims[8], count = n;
    int32_t rank;
    WORKS(sixnet_node_shape(net, node, dims, &rank));
    for (int32_t i = 0; i < rank; i++)
        count *= dims[i];
    int32_t status[] = {sixnet_node_values_f64(net, node, values[0], count),
                        sixnet_node_gradient_f64(net, node, values[1], count)};
    hash = mix(hash, status, sizeof status);
    for (int i = 0; i < 2; i++)
        if (!status[i])
            hash = mix(hash, values[i], (size_t)count * sizeof values[i][0]);
    return hash;
}

/* What can be read of the last pass, and whether it can be gone on with; 0 if there is none. */
static uint64_t pass_of(const sixnet_model *net)
{
    uint64_t hash = mix(4, &net->pass, sizeof net->pass);
    for (int i = 0; i < 4; i++)
        hash = mix_node(hash, net, i / 2 ? sixnet_node_find(net, "last") : 0, i % 2 ? SAMPLES : FEW);
    return net->pass == SIX_PASS_NONE ? 0 : hash;
}

typedef struct listing {
    uint64_t files; /* added up, as they are found in any order */
    long long temporaries;
} listing;

static void list_file(const char *name, void *arg)
{
    listing *l = arg;
    struct stat s;
    const char *path = path_of(name);
    if (is_temporary(name)) {
        l->temporaries++;
        return;
    }
    assert_int_equal(stat(path, &s), 0);
    l->files += mix_file(mix(mix_text(2, name), &s.st_mode, sizeof s.st_mode), path);
}

state state_of(const fixture *w)
{
    listing l = {0};
    state s = {.objects = objects_of(w), .open_files = faults_files()};
    for_files(list_file, &l);
    s.files = l.files;
    s.temporaries = l.temporaries;
    s.gradients = mix_gradients(mix_gradients(3, w->plain.net), w->own.net);
    s.pass[0] = w->plain.net ? pass_of(w->plain.net) : 0;
    s.pass[1] = w->own.net ? pass_of(w->own.net) : 0;
    return s;
}
