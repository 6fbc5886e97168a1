/* SPDX-License-Identifier: MIT */
/* Calls from within callbacks: every function that takes an object, from every function of the caller's that the library calls. What is
 * expected follows from what the two calls do with their objects, as the headers say it; tests/check_contract.py compares the table with
 * them. */

#include "api.h"
#include "sixnet/layer.h"

typedef struct fixture {
    sixnet_context *ctx;
    sixnet_model *net, *trained; /* the same but for a call that builds a net */
    sixnet_optimizer *opt;       /* of `trained`, as is the predictor */
    sixnet_predictor *predictor;
    sixnet_dataset *ds;
    sixnet_batch_iterator *batches;
    char *file; /* a saved model */
    uint64_t file_size, file_read;
    bool building;
} fixture;

enum { SAMPLES = 4 };

static const float x[SAMPLES * 2] = {1, -1, 0.5f, 2, -2, 1, 0, 1}, classes[SAMPLES] = {0, 1, 0, 1};
static const double x64[SAMPLES * 2] = {1, 2}, classes64[SAMPLES] = {0, 1};

/* What the call under test is given to write to. */
static float y[SAMPLES * 4];
static double y64[SAMPLES * 4], number;
static int64_t dims[8], other_dims[8];
static int32_t rank, other_rank;
static uint64_t bytes;
static char digest_text[65], memory[1 << 16];
static const float *some, *others;
static const double *some64, *others64;
static const char *text;

static const char nowhere[] = "/nowhere/at/all";

/* ---- what came of a call ---- */

static bool was_refused(void) { return strstr(sixnet_last_error(), "from a callback of") != NULL; }

/* After a function that frees: whether the handle is still the caller's, which is what being refused means. */
static bool is_kept(void *handle)
{
    if (!was_refused())
        memset(handle, 0, sizeof(void *));
    return was_refused();
}

static sixnet_model *made;
static sixnet_optimizer *made_opt;
static sixnet_predictor *made_predictor;
static sixnet_dataset *made_ds, *made_rest;
static sixnet_batch_iterator *made_batches;

/* After a function that creates. */
static bool is_bad(int32_t status)
{
    sixnet_model_free(made);
    sixnet_optimizer_free(made_opt);
    sixnet_predictor_free(made_predictor);
    sixnet_dataset_free(made_ds);
    sixnet_dataset_free(made_rest);
    sixnet_batch_iterator_free(made_batches);
    made = NULL;
    made_opt = NULL;
    made_predictor = NULL;
    made_ds = made_rest = NULL;
    made_batches = NULL;
    return status == SIXNET_BAD_STATE;
}

/* ---- callbacks ---- */

static void call_back(int where);

enum { IN_SETUP, IN_FORWARD, IN_BACKWARD, IN_SAMPLE, IN_PROGRESS, IN_LOG, IN_MALLOC, IN_FREE, IN_WRITE, IN_READ };

static int32_t own_setup(void *user, sixnet_layer_setup *setup)
{
    (void)user, (void)setup;
    call_back(IN_SETUP);
    return 0;
}

static int32_t own_forward(void *user, sixnet_layer_call *call)
{
    (void)user;
    call_back(IN_FORWARD);
    memcpy(sixnet_layer_call_output(call, 0), sixnet_layer_call_input(call, 0),
           (size_t)sixnet_layer_call_sample_count(call) * 2 * sizeof(float));
    return 0;
}

static int32_t own_backward(void *user, sixnet_layer_call *call)
{
    (void)user;
    call_back(IN_BACKWARD);
    memcpy(sixnet_layer_call_input_gradient(call, 0), sixnet_layer_call_output_gradient(call, 0),
           (size_t)sixnet_layer_call_sample_count(call) * 2 * sizeof(float));
    return 0;
}

static int32_t sample(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    call_back(IN_SAMPLE);
    input[0] = 1e6f * x[2 * index]; /* far from normalised, which is logged */
    input[1] = 1e6f * x[2 * index + 1];
    target[0] = classes[index];
    return 0;
}

static int32_t sample_f64(void *user, int64_t index, double *input, double *target)
{
    float narrow[3];
    const int32_t status = sample(user, index, narrow, narrow + 2);
    input[0] = (double)narrow[0];
    input[1] = (double)narrow[1];
    target[0] = (double)narrow[2];
    return status;
}

static int32_t progress(void *user, const sixnet_progress *p)
{
    (void)user, (void)p;
    call_back(IN_PROGRESS);
    return 0;
}

static void line(void *user, int32_t level, const char *what)
{
    (void)level, (void)what, (void)user;
    call_back(IN_LOG);
}

static void *allocate(void *user, size_t size)
{
    (void)user;
    call_back(IN_MALLOC);
    return malloc(size);
}

static void release(void *user, void *block)
{
    (void)user;
    call_back(IN_FREE);
    free(block);
}

static int32_t put(void *user, const void *data, uint64_t size)
{
    (void)user, (void)data, (void)size;
    call_back(IN_WRITE);
    return 0;
}

static int64_t get(void *user, void *data, uint64_t size)
{
    fixture *w = user;
    call_back(IN_READ);
    const uint64_t left = w->file_size - w->file_read, n = left < size ? left : size;
    memcpy(data, w->file + w->file_read, (size_t)n);
    w->file_read += n;
    return (int64_t)n;
}

/* ---- every function that takes an object: what it does with it, as the headers say, and whether what it gives is a refusal ---- */

#define CALLS(X)                                                                                                       \
    X(sixnet_context_free, "changes ctx", (w->ctx), is_kept(&w->ctx))                                                  \
    X(sixnet_context_set_log, "changes ctx", (w->ctx, line, w) == SIXNET_BAD_STATE)                                    \
    X(sixnet_context_get, "reads ctx", (w->ctx, "dtype") == NULL)                                                      \
    X(sixnet_context_register_layer, "changes ctx",                                                                    \
      (w->ctx, "other", NULL, "f32", NULL, own_forward, NULL, NULL) == SIXNET_BAD_STATE)                               \
    X(sixnet_model_new, "reads ctx", (&made, w->ctx), is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                    \
    X(sixnet_model_parse, "reads ctx", (&made, w->ctx, "input shape=1"), is_bad(was_refused() ? SIXNET_BAD_STATE : 0)) \
    X(sixnet_model_copy, "reads net", (&made, w->net), is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                   \
    X(sixnet_model_free, "changes net", (w->net), is_kept(&w->net))                                                    \
    X(sixnet_model_add, "changes net", (w->net, "relu", 0) == SIXNET_NO_NODE)                                          \
    X(sixnet_model_add_multi, "changes net", (w->net, "relu", (const sixnet_node[]){0}, 1) == SIXNET_NO_NODE)          \
    X(sixnet_node_retain, "changes net", (w->net, 0) == SIXNET_BAD_STATE)                                              \
    X(sixnet_model_compile, "changes net", (w->net) == SIXNET_BAD_STATE)                                               \
    X(sixnet_model_memory_needed, "changes net", (w->net, 4, 1, &bytes) == SIXNET_BAD_STATE)                           \
    X(sixnet_model_reset, "changes net", (w->net, 1) == SIXNET_BAD_STATE)                                              \
    X(sixnet_model_summary, "changes net", (w->net) == NULL)                                                           \
    X(sixnet_model_text, "changes net", (w->net) == NULL)                                                              \
    X(sixnet_node_count, "reads net", (w->net) == 0)                                                                   \
    X(sixnet_node_find, "reads net", (w->net, "own1") == SIXNET_NO_NODE)                                               \
    X(sixnet_node_get, "reads net", (w->net, 0, "name") == NULL)                                                       \
    X(sixnet_node_output, "reads net", (w->net, 0, "0") == SIXNET_NO_NODE)                                             \
    X(sixnet_node_shape, "reads net", (w->net, 0, dims, &rank) == SIXNET_BAD_STATE)                                    \
    X(sixnet_model_shape, "reads net", (w->net, "input", dims, &rank, NULL) == SIXNET_BAD_STATE)                       \
    X(sixnet_node_values, "reads net", (w->net, 0, y, 1) == SIXNET_BAD_STATE)                                          \
    X(sixnet_node_values_f64, "reads net", (w->net, 0, y64, 1) == SIXNET_BAD_STATE)                                    \
    X(sixnet_node_gradient, "reads net", (w->net, 0, y, 1) == SIXNET_BAD_STATE)                                        \
    X(sixnet_node_gradient_f64, "reads net", (w->net, 0, y64, 1) == SIXNET_BAD_STATE)                                  \
    X(sixnet_tensor_count, "reads net", (w->net) == 0)                                                                 \
    X(sixnet_tensor_name, "reads net", (w->net, 0) == NULL)                                                            \
    X(sixnet_tensor_shape, "reads net", (w->net, "linear1.bias", dims, &rank, NULL) == SIXNET_BAD_STATE)               \
    X(sixnet_tensor_setting, "reads net", (w->net, "linear1.bias", "trainable") != 1)                                  \
    X(sixnet_model_set_tensors, "changes net", (w->net, "linear1.bias", "lr_scale=1") == SIXNET_BAD_STATE)             \
    X(sixnet_tensor_get, "reads net", (w->net, "linear1.bias", y, 2) == SIXNET_BAD_STATE)                              \
    X(sixnet_tensor_get_f64, "reads net", (w->net, "linear1.bias", y64, 2) == SIXNET_BAD_STATE)                        \
    X(sixnet_tensor_set, "changes net", (w->net, "linear1.bias", x, 2) == SIXNET_BAD_STATE)                            \
    X(sixnet_tensor_set_f64, "changes net", (w->net, "linear1.bias", x64, 2) == SIXNET_BAD_STATE)                      \
    X(sixnet_tensor_gradient, "reads net", (w->net, "linear1.bias", y, 2) == SIXNET_BAD_STATE)                         \
    X(sixnet_tensor_gradient_f64, "reads net", (w->net, "linear1.bias", y64, 2) == SIXNET_BAD_STATE)                   \
    X(sixnet_tensor_data, "reads net", (w->net, "linear1.bias", NULL) == NULL)                                         \
    X(sixnet_model_digest, "reads net", (w->net, digest_text) == SIXNET_BAD_STATE)                                     \
    X(sixnet_model_forward, "changes net", (w->net, x, SAMPLES) == SIXNET_BAD_STATE)                                   \
    X(sixnet_model_forward_f64, "changes net", (w->net, x64, SAMPLES) == SIXNET_BAD_STATE)                             \
    X(sixnet_model_loss, "changes net", (w->net, classes, NULL) == SIXNET_BAD_STATE)                                   \
    X(sixnet_model_loss_f64, "changes net", (w->net, classes64, NULL) == SIXNET_BAD_STATE)                             \
    X(sixnet_model_backward, "changes net", (w->net) == SIXNET_BAD_STATE)                                              \
    X(sixnet_model_backward_from, "changes net", (w->net, x) == SIXNET_BAD_STATE)                                      \
    X(sixnet_model_backward_from_f64, "changes net", (w->net, x64) == SIXNET_BAD_STATE)                                \
    X(sixnet_model_zero_grad, "changes net", (w->net) == SIXNET_BAD_STATE)                                             \
    X(sixnet_model_predict, "changes net", (w->net, x, SAMPLES, y) == SIXNET_BAD_STATE)                                \
    X(sixnet_model_predict_f64, "changes net", (w->net, x64, SAMPLES, y64) == SIXNET_BAD_STATE)                        \
    X(sixnet_predictor_new, "reads net", (&made_predictor, w->net), is_bad(was_refused() ? SIXNET_BAD_STATE : 0))      \
    X(sixnet_predictor_free, "changes predictor", (w->predictor), is_kept(&w->predictor))                              \
    X(sixnet_predictor_memory, "reads predictor", (w->predictor, &bytes) == SIXNET_BAD_STATE)                          \
    X(sixnet_predictor_predict, "changes predictor; reads its model",                                                  \
      (w->predictor, x, SAMPLES, y) == SIXNET_BAD_STATE)                                                               \
    X(sixnet_predictor_predict_f64, "changes predictor; reads its model",                                              \
      (w->predictor, x64, SAMPLES, y64) == SIXNET_BAD_STATE)                                                           \
    X(sixnet_model_gradient_check, "changes net", (w->net, x64, classes64, 1, &number, &text) == SIXNET_BAD_STATE)     \
    X(sixnet_optimizer_new, "reads net", (&made_opt, w->net, "sgd lr=1", NULL),                                        \
      is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                                                                    \
    X(sixnet_optimizer_free, "changes opt", (w->opt), is_kept(&w->opt))                                                \
    X(sixnet_optimizer_step, "changes opt and its model", (w->opt) == SIXNET_BAD_STATE)                                \
    X(sixnet_optimizer_end_epoch, "changes opt", (w->opt, 1) == SIXNET_BAD_STATE)                                      \
    X(sixnet_optimizer_learning_rate, "reads opt", (w->opt) != 0.125)                                                  \
    X(sixnet_optimizer_set_learning_rate, "changes opt", (w->opt, 0.125) == SIXNET_BAD_STATE)                          \
    X(sixnet_dataset_open, "reads ctx", (&made_ds, w->ctx, nowhere, NULL) == SIXNET_BAD_STATE)                         \
    X(sixnet_dataset_from_idx, "reads ctx", (&made_ds, w->ctx, nowhere, NULL) == SIXNET_BAD_STATE)                     \
    X(sixnet_dataset_from_arrays, "reads ctx", (&made_ds, w->ctx, "shape=2", x, NULL, SAMPLES),                        \
      is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                                                                    \
    X(sixnet_dataset_from_callback, "reads ctx", (&made_ds, w->ctx, "shape=2", 1, sample, NULL),                       \
      is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                                                                    \
    X(sixnet_dataset_from_callback_f64, "reads ctx", (&made_ds, w->ctx, "shape=2", 1, sample_f64, NULL),               \
      is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                                                                    \
    X(sixnet_dataset_split, "reads ds", (&made_ds, &made_rest, w->ds, "first_size=1"),                                 \
      is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                                                                    \
    X(sixnet_dataset_free, "changes ds", (w->ds), is_kept(&w->ds))                                                     \
    X(sixnet_dataset_add_transform, "changes ds", (w->ds, "normalize mean=0 std=1") == SIXNET_BAD_STATE)               \
    X(sixnet_dataset_size, "reads ds", (w->ds) == 0)                                                                   \
    X(sixnet_dataset_class_name, "reads ds", (w->ds, 0) == NULL)                                                       \
    X(sixnet_dataset_shape, "reads ds", (w->ds, dims, &rank, other_dims, &other_rank) == SIXNET_BAD_STATE)             \
    X(sixnet_dataset_get_sample, "reads ds", (w->ds, 0, y, y + 2) == SIXNET_BAD_STATE)                                 \
    X(sixnet_dataset_get_sample_f64, "reads ds", (w->ds, 0, y64, y64 + 2) == SIXNET_BAD_STATE)                         \
    X(sixnet_batch_iterator_new, "reads ds", (&made_batches, w->ds, "batch_size=2"),                                   \
      is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                                                                    \
    X(sixnet_batch_iterator_free, "changes batches", (w->batches), is_kept(&w->batches))                               \
    X(sixnet_batch_iterator_start_epoch, "changes batches; reads its dataset", (w->batches, 1) == SIXNET_BAD_STATE)    \
    X(sixnet_batch_iterator_next, "changes batches; reads its dataset",                                                \
      (w->batches, &some, &others, &dims[0]) == SIXNET_BAD_STATE)                                                      \
    X(sixnet_batch_iterator_next_f64, "changes batches; reads its dataset",                                            \
      (w->batches, &some64, &others64, &dims[0]) == SIXNET_BAD_STATE)                                                  \
    X(sixnet_batch_iterator_position, "reads batches", (w->batches, NULL, NULL) == SIXNET_BAD_STATE)                   \
    X(sixnet_model_profile, "changes net", (w->net, 0) == SIXNET_BAD_STATE)                                            \
    X(sixnet_model_profile_get, "reads net", (w->net, SIXNET_NO_NODE, "passes"), was_refused())                        \
    X(sixnet_model_fit, "changes net and opt; reads train and validation",                                             \
      (w->net, w->opt, w->ds, w->ds, NULL, NULL, NULL) == SIXNET_BAD_STATE)                                            \
    X(sixnet_model_history_size, "reads net", (w->net) == 0)                                                           \
    X(sixnet_model_history_get, "reads net", (w->net, 1, "loss"), was_refused())                                       \
    X(sixnet_model_diagnostic, "reads net", (w->net, 0, "name") == NULL)                                               \
    X(sixnet_model_evaluate, "changes net; reads ds", (w->net, w->ds, NULL, NULL) == SIXNET_BAD_STATE)                 \
    X(sixnet_model_metrics, "changes net; reads ds", (w->net, w->ds, NULL, NULL) == SIXNET_BAD_STATE)                  \
    X(sixnet_model_metric, "reads net", (w->net, "loss"), is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                \
    X(sixnet_model_save, "reads net", (w->net, nowhere, NULL) == SIXNET_BAD_STATE)                                     \
    X(sixnet_model_save_to_buffer, "reads net", (w->net, memory, sizeof memory, &bytes) == SIXNET_BAD_STATE)           \
    X(sixnet_model_save_to_stream, "reads net", (w->net, put, NULL) == SIXNET_BAD_STATE)                               \
    X(sixnet_model_load, "reads ctx", (&made, w->ctx, nowhere, NULL) == SIXNET_BAD_STATE)                              \
    X(sixnet_model_load_from_buffer, "reads ctx", (&made, w->ctx, w->file, w->file_size, NULL),                        \
      is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                                                                    \
    X(sixnet_model_load_from_stream, "reads ctx", (&made, w->ctx, get, w, NULL),                                       \
      is_bad(was_refused() ? SIXNET_BAD_STATE : 0))                                                                    \
    X(sixnet_model_load_weights, "changes net", (w->net, nowhere, NULL, NULL) == SIXNET_BAD_STATE)                     \
    X(sixnet_model_load_weights_from_buffer, "changes net",                                                            \
      (w->net, w->file, w->file_size, NULL, NULL) == SIXNET_BAD_STATE)                                                 \
    X(sixnet_checkpoint_save, "reads net, opt and batches",                                                            \
      (w->net, w->opt, w->batches, nowhere, NULL) == SIXNET_BAD_STATE)                                                 \
    X(sixnet_checkpoint_load, "changes net, opt and batches",                                                          \
      (w->net, w->opt, w->batches, nowhere, NULL) == SIXNET_BAD_STATE)

#define DEFINE(name, does, ...)                                                                                        \
    static bool try_##name(fixture *w) { return name __VA_ARGS__; }
CALLS(DEFINE)

typedef struct row {
    const char *function, *does;
    bool (*try)(fixture *);
} row;

#define ROW(name, does, ...) {#name, does, try_##name},
static const row rows[] = {CALLS(ROW)};

/* ---- the calls that call back ---- */

static int32_t run_setup(fixture *w) { return sixnet_model_add(w->net, "own", 0) == SIXNET_NO_NODE; }
static int32_t run_forward(fixture *w) { return sixnet_model_forward(w->net, x, SAMPLES); }
static int32_t run_backward(fixture *w) { return sixnet_model_backward(w->net); }
static int32_t run_predict(fixture *w) { return sixnet_model_predict(w->net, x, SAMPLES, y); }
static int32_t run_predictor(fixture *w) { return sixnet_predictor_predict(w->predictor, x, SAMPLES, y); }
static int32_t run_check(fixture *w) { return sixnet_model_gradient_check(w->net, x64, classes64, 1, &number, &text); }
static int32_t run_evaluate(fixture *w) { return sixnet_model_evaluate(w->net, w->ds, NULL, NULL); }
static int32_t run_get(fixture *w) { return sixnet_dataset_get_sample(w->ds, 0, y, y + 2); }
static int32_t run_next(fixture *w) { return sixnet_batch_iterator_next(w->batches, &some, &others, &dims[0]); }
static int32_t run_fit(fixture *w)
{
    return sixnet_model_fit(w->net, w->opt, w->ds, NULL, "diagnostics=true", progress, NULL);
}
static int32_t run_new(fixture *w) { return is_bad(sixnet_model_new(&made, w->ctx)); }
static int32_t run_write(fixture *w) { return sixnet_model_save_to_stream(w->net, put, NULL); }

static int32_t run_read(fixture *w)
{
    w->file_read = 0;
    return is_bad(sixnet_model_load_from_stream(&made, w->ctx, get, w, NULL));
}

/* `kept`: read, and kept alive by another object, so that it may be freed. `open`: may be read and run although it is changed. */
typedef struct site {
    const char *name;
    int where;
    int32_t (*run)(fixture *);
    const char *changes, *reads, *kept, *open;
} site;

static const site sites[] = {
    {"setup in sixnet_model_add", IN_SETUP, run_setup, "net", "", "ctx", ""},
    {"forward in sixnet_model_forward", IN_FORWARD, run_forward, "net", "", "ctx", ""},
    {"forward in sixnet_model_predict", IN_FORWARD, run_predict, "net", "", "ctx", ""},
    {"forward in sixnet_predictor_predict", IN_FORWARD, run_predictor, "predictor", "", "net ctx", ""},
    {"forward in sixnet_model_gradient_check", IN_FORWARD, run_check, "net", "", "ctx", ""},
    {"forward in sixnet_model_evaluate", IN_FORWARD, run_evaluate, "net", "ds", "ctx", ""},
    {"forward in sixnet_model_fit", IN_FORWARD, run_fit, "net opt", "ds", "ctx", ""},
    {"backward in sixnet_model_backward", IN_BACKWARD, run_backward, "net", "", "ctx", ""},
    {"backward in sixnet_model_fit", IN_BACKWARD, run_fit, "net opt", "ds", "ctx", ""},
    {"sample in sixnet_dataset_get_sample", IN_SAMPLE, run_get, "", "ds", "ctx", ""},
    {"sample in sixnet_batch_iterator_next", IN_SAMPLE, run_next, "batches", "", "ds ctx", ""},
    {"sample in sixnet_model_fit", IN_SAMPLE, run_fit, "net opt", "ds", "ctx", ""},
    {"progress in sixnet_model_fit", IN_PROGRESS, run_fit, "net opt", "ds", "ctx", "net opt"},
    {"log in sixnet_model_fit", IN_LOG, run_fit, "net opt", "ds", "ctx", ""},
    {"malloc in sixnet_model_new", IN_MALLOC, run_new, "*", "", "", ""},
    {"free in sixnet_model_new", IN_FREE, run_new, "*", "", "", ""},
    {"write in sixnet_model_save_to_stream", IN_WRITE, run_write, "", "net", "ctx", ""},
    {"read in sixnet_model_load_from_stream", IN_READ, run_read, "", "ctx", "", ""},
};

/* ---- what is expected ---- */

static bool has(const char *list, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
        if ((at == list || at[-1] == ' ') && (at[length] == '\0' || strchr(" ,;", at[length])))
            return true;
    return false;
}

/* Whether a call does that with an object: the part of "changes …; reads …" that names it. A net that is being built has no optimizer. */
static bool does(const site *s, const row *r, const char *verb, const char *object)
{
    const char *at = strstr(r->does, verb), *end = at ? strchr(at, ';') : NULL;
    char part[80] = "";
    if (at)
        memcpy(part, at, end ? (size_t)(end - at) : strlen(at));
    return has(part, object) || (strcmp(object, "net") == 0 && has(part, "model") && s->where != IN_SETUP) ||
           (strcmp(object, "ds") == 0 && (has(part, "train") || has(part, "validation") || has(part, "dataset")));
}

/* Calls that change nothing of an object but memory of its own, or what fit reads anew for each batch. */
static bool only_runs(const row *r)
{
    static const char *const names[] = {"sixnet_model_predict",       "sixnet_model_predict_f64",
                                        "sixnet_model_evaluate",      "sixnet_model_metrics",
                                        "sixnet_model_summary",       "sixnet_model_text",
                                        "sixnet_model_memory_needed", "sixnet_optimizer_set_learning_rate"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(r->function, names[i]) == 0)
            return true;
    return false;
}

/* Calls that ask the dataset's function for samples, in the middle of which it would be called again. */
static bool asks_for_samples(const row *r)
{
    return strncmp(r->function, "sixnet_dataset_get_sample", strlen("sixnet_dataset_get_sample")) == 0 ||
           strncmp(r->function, "sixnet_batch_iterator_next", strlen("sixnet_batch_iterator_next")) == 0 ||
           strcmp(r->function, "sixnet_model_evaluate") == 0 || strcmp(r->function, "sixnet_model_metrics") == 0 ||
           strcmp(r->function, "sixnet_model_fit") == 0;
}

static bool must_be_refused(const site *s, const row *r)
{
    static const char *const objects[] = {"ctx", "net", "opt", "predictor", "ds", "batches"};
    const size_t length = strlen(r->function);
    const bool frees = strcmp(r->function + length - 5, "_free") == 0;
    if (*s->changes == '*' || (s->where == IN_SAMPLE && asks_for_samples(r)))
        return true;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        const char *o = objects[i];
        const bool changes = does(s, r, "changes", o), reads = does(s, r, "reads", o);
        if (has(s->changes, o) && (changes || reads) && !(has(s->open, o) && !frees && (reads || only_runs(r))))
            return true;
        if (has(s->reads, o) && changes)
            return true;
        if (has(s->kept, o) && changes && !frees)
            return true;
    }
    return false;
}

/* ---- a pair ---- */

static struct {
    fixture *w;
    const site *site;
    const row *row;
    bool waits, refused, was_refusal;
} pair;

static void call_back(int where)
{
    if (!pair.waits || where != pair.site->where)
        return;
    pair.waits = false;
    sixnet_model_compile(NULL); /* another message */
    pair.refused = pair.row->try(pair.w);
    pair.was_refusal = was_refused();
}

static void fixture_setup(fixture *w, bool building)
{
    *w = (fixture){.building = building};
    WORKS(sixnet_context_new_with_allocator(&w->ctx, NULL, allocate, release, NULL));
    WORKS(sixnet_context_set_log(w->ctx, line, NULL));
    WORKS(sixnet_context_register_layer(w->ctx, "own", NULL, "f32", own_setup, own_forward, own_backward, NULL));
    w->net = w->trained = parsed(w->ctx, "input shape=2\nlinear out_features=2\nown\ncross_entropy");
    WORKS(sixnet_optimizer_new(&w->opt, w->trained, "sgd lr=0.125", NULL));
    WORKS(sixnet_predictor_new(&w->predictor, w->trained));
    WORKS(sixnet_dataset_from_callback(&w->ds, w->ctx, "shape=2", SAMPLES, sample, NULL));
    WORKS(sixnet_batch_iterator_new(&w->batches, w->ds, "batch_size=2"));
    WORKS(sixnet_model_save_to_buffer(w->trained, NULL, 0, &w->file_size));
    w->file = malloc((size_t)w->file_size);
    WORKS(sixnet_model_save_to_buffer(w->trained, w->file, w->file_size, &w->file_size));
    WORKS(sixnet_model_forward(w->trained, x, SAMPLES));
    WORKS(sixnet_model_loss(w->trained, classes, NULL));
    if (building) {
        WORKS(sixnet_model_new(&w->net, w->ctx));
        assert_int_equal(sixnet_model_add(w->net, "input shape=2", SIXNET_NO_NODE), 0);
    }
}

static void fixture_teardown(fixture *w)
{
    if (w->building)
        sixnet_model_free(w->trained);
    sixnet_model_free(w->net);
    sixnet_optimizer_free(w->opt);
    sixnet_predictor_free(w->predictor);
    sixnet_batch_iterator_free(w->batches);
    sixnet_dataset_free(w->ds);
    sixnet_context_free(w->ctx);
    free(w->file);
}

static void try_pair(const site *s, const row *r)
{
    fixture w;
    fixture_setup(&w, s->where == IN_SETUP);
    pair.w = &w;
    pair.site = s;
    pair.row = r;
    pair.waits = true;
    pair.refused = pair.was_refusal = false;
    const int32_t status = s->run(&w);
    const bool waited = pair.waits, expected = must_be_refused(s, r);
    pair.waits = false;
    if (waited || pair.was_refusal != expected || (expected && !pair.refused) || (status && expected))
        fail_msg("%s from %s: %s, %s expected; the call around it gave %d", r->function, s->name,
                 waited             ? "not called"
                 : pair.was_refusal ? "refused"
                                    : "not refused",
                 expected ? "refusal" : "no refusal", status);
    fixture_teardown(&w);
}

static void test_all_pairs(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sites / sizeof *sites; s++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            try_pair(&sites[s], &rows[r]);
}

/* ---- what stays possible ---- */

static int32_t predicts_with_another(void *user, sixnet_layer_call *call)
{
    float other[2];
    return own_forward(NULL, call) || sixnet_predictor_predict(user, x, 1, other);
}

/* A layer may use other objects of the same context, and another predictor of its own model. */
static void test_other_objects(void **state)
{
    (void)state;
    fixture w;
    sixnet_context *ctx;
    sixnet_model *net;
    fixture_setup(&w, false);
    WORKS(sixnet_context_new(&ctx, NULL));
    WORKS(
        sixnet_context_register_layer(ctx, "ask", NULL, "f32", NULL, predicts_with_another, own_backward, w.predictor));
    net = parsed(ctx, "input shape=2\nask\n");
    WORKS(sixnet_model_forward(net, x, SAMPLES));
    WORKS(sixnet_model_predict(net, x, SAMPLES, y));
    sixnet_model_free(net);
    sixnet_context_free(ctx);
    fixture_teardown(&w);
}

/* A call that fails, whatever the reason, is over: what follows is no callback's. */
static void test_calls_that_fail_are_over(void **state)
{
    (void)state;
    fixture w;
    fixture_setup(&w, false);
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_forward(w.net, NULL, 1), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_predict(w.net, x, -1, y), "negative");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_predictor_predict(w.predictor, NULL, 1, y), "inputs");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_model_gradient_check(w.net, x64, classes64, 1, NULL, NULL), "worst");
    FAILS(SIXNET_INVALID_ARGUMENT, sixnet_dataset_get_sample(w.ds, 99, y, y), "99");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_fit(w.net, w.opt, w.ds, NULL, "epochs=0", NULL, NULL), "epochs");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_load_from_buffer(&made, w.ctx, w.file, w.file_size, "nonsense=1"), "nonsense");
    FAILS(SIXNET_BAD_SPEC, sixnet_model_parse(&made, w.ctx, "nonsense"), "nonsense");
    WORKS(sixnet_model_forward(w.net, x, SAMPLES));
    WORKS(sixnet_context_set_log(w.ctx, NULL, NULL));
    WORKS(sixnet_model_reset(w.net, 1));
    fixture_teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pairs),
        cmocka_unit_test(test_other_objects),
        cmocka_unit_test(test_calls_that_fail_are_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
