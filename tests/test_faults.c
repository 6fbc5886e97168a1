/* SPDX-License-Identifier: MIT */
/* The strong guarantee: whatever the library asks of the system, or of the caller's functions, fails, at every call of every kind, once
 * and for ever after. Each time the call of the public interface gives the right status, or succeeds where the fault is harmless;
 * nothing leaks; and every object and file is as it was.
 *
 * THE table is `scenarios`, and every public function is in it. To add one: write a function of a fixture that calls it and gives its
 * status, so that it can be called again after it failed, and a row. What the call needs first is done by `prepare`, without faults; what it makes
 * is stored in the fixture, which is hashed and freed (faults_fixture.h). A function that asks nothing of the system gets a row as well. */

#define _GNU_SOURCE
#undef _FORTIFY_SOURCE

#include "api.h"

#include <errno.h>
#include <sched.h>

#include "base/threads.h"
#include "faults.h"
#include "faults_fixture.h"
#include "sixnet/layer.h"

/* For calls that give a pointer: what the message says. */
static int32_t given(const void *pointer)
{
    return pointer ? SIXNET_OK : strstr(sixnet_last_error(), "out of memory") ? SIXNET_OUT_OF_MEMORY : SIXNET_NOT_FOUND;
}

/* For calls that cannot fail: whether they answer rightly. */
static int32_t right(bool answer) { return answer ? SIXNET_OK : SIXNET_BAD_STATE; }

/* ---- what has no object ---- */

static int32_t facts(fixture *w)
{
    (void)w;
    return right(strcmp(sixnet_status_name(SIXNET_OK), "SIXNET_OK") == 0 && sixnet_last_error() &&
                 sixnet_last_system_error() >= 0 && sixnet_version()[0] && sixnet_version_number() >= 0 &&
                 sixnet_kind_field("layer", 0, "name") && sixnet_attribute_field("layer", "dropout", 0, "range"));
}

/* ---- contexts ---- */

static int32_t context_one(fixture *w) { return sixnet_context_new(&w->new_ctx, "seed=3"); }
static int32_t context_threads(fixture *w) { return sixnet_context_new(&w->new_ctx, "threads=3 dtype=f64"); }
static int32_t context_processors(fixture *w) { return sixnet_context_new(&w->new_ctx, "threads=0"); }

static int32_t context_with_allocator(fixture *w)
{
    return sixnet_context_new_with_allocator(&w->new_ctx, "threads=2", take_memory, give_memory, w);
}

static int32_t context_free(fixture *w)
{
    sixnet_context_free(w->new_ctx);
    w->new_ctx = NULL;
    return SIXNET_OK;
}

static void take_line(void *user, int32_t level, const char *line) { (void)level, (void)line, (void)user; }
static int32_t set_log(fixture *w) { return sixnet_context_set_log(w->ctx, take_line, NULL); }
static int32_t context_get(fixture *w) { return given(sixnet_context_get(w->ctx, "isa")); }

/* ---- models: building ---- */

static int32_t model_new(fixture *w) { return sixnet_model_new(&w->new_net, w->ctx); }
static int32_t model_without_context(fixture *w) { return sixnet_model_new(&w->new_net, NULL); }
static int32_t model_parse(fixture *w) { return sixnet_model_parse(&w->new_net, w->ctx, net_text); }
static int32_t own_parse(fixture *w) { return sixnet_model_parse(&w->new_net, w->ctx, own_text); }

static int32_t model_copy(fixture *w) { return sixnet_model_copy(&w->new_net, w->plain.net); }

static int32_t model_free(fixture *w)
{
    sixnet_model_free(w->plain.net); /* the optimizer holds it */
    w->plain.net = NULL;
    return SIXNET_OK;
}

/* A failed sixnet_model_add() leaves the nodes as they were; but the net has to be built anew. */
static int32_t model_add(fixture *w)
{
    sixnet_node x = SIXNET_NO_NODE;
    static const char *const specs[] = {"input shape=4", "linear out_features=8", "batchnorm1d", "relu",
                                        "linear out_features=2"};
    sixnet_model_free(w->new_net);
    int32_t status = sixnet_model_new(&w->new_net, w->ctx);
    for (int i = 0; i < 20 && !status; i++) { /* so many that the list of nodes grows */
        int32_t count = sixnet_node_count(w->new_net);
        x = sixnet_model_add(w->new_net, specs[i < 3 ? i : i < 18 ? 3 : 4], x);
        status = x >= 0 ? SIXNET_OK : given(NULL);
        if (status && sixnet_node_count(w->new_net) != count)
            return SIXNET_BAD_STATE;
    }
    if (!status)
        return SIXNET_OK;
    sixnet_model_free(w->new_net);
    w->new_net = NULL;
    return status;
}

/* Setup functions may fail too; the net of this text asks for them by name. */
static int32_t model_add_multi(fixture *w)
{
    sixnet_node x;
    sixnet_model_free(w->new_net);
    int32_t status = sixnet_model_new(&w->new_net, w->ctx);
    if (!status) {
        x = sixnet_model_add(w->new_net, "input shape=4", SIXNET_NO_NODE);
        x = sixnet_model_add_multi(w->new_net, "concat", (const sixnet_node[]){x, x}, 2);
        x = sixnet_model_add(w->new_net, "own beta=3", x);
        status = x >= 0 ? SIXNET_OK : sixnet_model_compile(w->new_net); /* which tells the first error */
    }
    if (!status)
        return SIXNET_OK;
    sixnet_model_free(w->new_net);
    w->new_net = NULL;
    return status;
}

static void build(fixture *w)
{
    sixnet_node x = SIXNET_NO_NODE;
    WORKS(sixnet_model_new(&w->new_net, w->ctx));
    for (const char *const *spec = (const char *const[]){"input shape=4", "linear out_features=8", "own beta=3",
                                                         "linear out_features=2", "mse", NULL};
         *spec; spec++)
        x = sixnet_model_add(w->new_net, *spec, x);
    assert_true(x >= 0);
}

static void build_compiled(fixture *w)
{
    build(w);
    WORKS(sixnet_model_compile(w->new_net));
}

static int32_t retain(fixture *w) { return sixnet_node_retain(w->new_net, 2); }
static int32_t compile(fixture *w) { return sixnet_model_compile(w->new_net); }

static int32_t memory_needed(fixture *w)
{
    uint64_t bytes;
    return sixnet_model_memory_needed(w->new_net ? w->new_net : w->plain.net, 100, 1, &bytes);
}

static int32_t reset(fixture *w) { return sixnet_model_reset(w->plain.net, 8); }

static int32_t set_tensors(fixture *w)
{
    return sixnet_model_set_tensors(w->new_net, "linear1.*", "trainable=false lr_scale=0.5 weight_decay=0");
}

/* ---- models: looking at them ---- */

static int32_t summary(fixture *w) { return given(sixnet_model_summary(w->plain.net)); }
static int32_t model_text(fixture *w) { return given(sixnet_model_text(w->plain.net)); }

static int32_t look_at_nodes(fixture *w)
{
    int64_t dims[8];
    int32_t rank;
    sixnet_node node = sixnet_node_find(w->plain.net, "last");
    int32_t status =
        right(node >= 0 && node < sixnet_node_count(w->plain.net) && sixnet_node_get(w->plain.net, node, "spec"));
    if (!status)
        status = sixnet_node_shape(w->plain.net, sixnet_node_output(w->plain.net, node, "output"), dims, &rank);
    return status ? status : sixnet_model_shape(w->plain.net, "input", dims, &rank, NULL);
}

static int32_t look_at_values(fixture *w)
{
    float values[FEW * CLASSES];
    double doubles[FEW * CLASSES];
    const sixnet_model *net = w->plain.net;
    sixnet_node node = sixnet_node_find(net, "last");
    int32_t status = sixnet_node_values(net, node, values, FEW * CLASSES);
    if (!status)
        status = sixnet_node_values_f64(net, node, doubles, FEW * CLASSES);
    if (!status)
        status = sixnet_node_gradient(net, node, values, FEW * CLASSES);
    return status ? status : sixnet_node_gradient_f64(net, node, doubles, FEW * CLASSES);
}

static int32_t look_at_tensors(fixture *w)
{
    char text[65];
    float values[3];
    double doubles[3];
    int64_t dims[8];
    int32_t rank;
    const sixnet_model *net = w->plain.net;
    int32_t status = right(sixnet_tensor_count(net) > 9 && sixnet_tensor_setting(net, "last.bias", "trainable") == 1 &&
                           sixnet_tensor_name(net, 9) && sixnet_tensor_data(net, "last.bias", NULL));
    if (!status)
        status = sixnet_tensor_shape(net, "last.bias", dims, &rank, NULL);
    if (!status)
        status = sixnet_tensor_get(net, "last.bias", values, 3);
    if (!status)
        status = sixnet_tensor_get_f64(net, "last.bias", doubles, 3);
    if (!status)
        status = sixnet_tensor_gradient(net, "last.bias", values, 3);
    if (!status)
        status = sixnet_tensor_gradient_f64(net, "last.bias", doubles, 3);
    return status ? status : sixnet_model_digest(net, text);
}

static int32_t tensor_set(fixture *w) { return sixnet_tensor_set(w->plain.net, "last.bias", inputs, 3); }
static int32_t tensor_set_f64(fixture *w) { return sixnet_tensor_set_f64(w->plain.net, "last.bias", inputs_f64, 3); }

/* ---- the open loop ---- */

static int32_t forward(fixture *w) { return sixnet_model_forward(w->plain.net, inputs, SAMPLES); }
static int32_t forward_f64(fixture *w) { return sixnet_model_forward_f64(w->plain.net, inputs_f64, SAMPLES); }
static int32_t own_forward_pass(fixture *w) { return sixnet_model_forward(w->own.net, inputs, SAMPLES); }

static void pass_forward(fixture *w)
{
    WORKS(train_to(&w->plain, TO_FORWARD, SAMPLES));
    WORKS(train_to(&w->own, TO_FORWARD, SAMPLES));
}

static void pass_loss(fixture *w)
{
    WORKS(train_to(&w->plain, TO_LOSS, SAMPLES));
    WORKS(train_to(&w->own, TO_LOSS, SAMPLES));
}

static int32_t loss(fixture *w) { return sixnet_model_loss(w->plain.net, targets, NULL); }
static int32_t loss_f64(fixture *w) { return sixnet_model_loss_f64(w->plain.net, targets_f64, NULL); }
static int32_t backward(fixture *w) { return sixnet_model_backward(w->plain.net); }
static int32_t own_backward_pass(fixture *w) { return sixnet_model_backward(w->own.net); }
static int32_t backward_from(fixture *w) { return sixnet_model_backward_from(w->own.net, inputs); }
static int32_t backward_from_f64(fixture *w) { return sixnet_model_backward_from_f64(w->own.net, inputs_f64); }
static int32_t zero_grad(fixture *w) { return sixnet_model_zero_grad(w->plain.net); }

static int32_t predict(fixture *w)
{
    float outputs[SAMPLES * CLASSES];
    return sixnet_model_predict(w->plain.net, inputs, SAMPLES, outputs);
}

static int32_t predict_one(fixture *w)
{
    double outputs[CLASSES];
    return sixnet_model_predict_f64(w->plain.net, inputs_f64, 1, outputs);
}

static int32_t own_predict(fixture *w)
{
    float outputs[SAMPLES];
    return sixnet_model_predict(w->own.net, inputs, SAMPLES, outputs);
}

static int32_t predictor_new(fixture *w) { return sixnet_predictor_new(&w->new_predictor, w->plain.net); }
static void make_predictor(fixture *w) { WORKS(sixnet_predictor_new(&w->new_predictor, w->plain.net)); }
static void make_own_predictor(fixture *w) { WORKS(sixnet_predictor_new(&w->new_predictor, w->own.net)); }

static int32_t predictor_free(fixture *w)
{
    sixnet_predictor_free(w->new_predictor);
    w->new_predictor = NULL;
    return SIXNET_OK;
}

static int32_t predictor_memory(fixture *w)
{
    uint64_t bytes;
    return sixnet_predictor_memory(w->new_predictor, &bytes);
}

static int32_t predictor_run(fixture *w)
{
    float outputs[SAMPLES * CLASSES];
    return sixnet_predictor_predict(w->new_predictor, inputs, SAMPLES, outputs);
}

static int32_t predictor_run_f64(fixture *w)
{
    double outputs[CLASSES];
    return sixnet_predictor_predict_f64(w->new_predictor, inputs_f64, 1, outputs);
}

static int32_t cancel(fixture *w)
{
    sixnet_model_cancel(w->own.net, 1);
    return SIXNET_OK;
}

static int32_t gradient_check(fixture *w)
{
    double worst;
    return sixnet_model_gradient_check(w->own.net, inputs_f64, targets_f64, 2, &worst, NULL);
}

/* ---- optimizers ---- */

static int32_t optimizer_new(fixture *w)
{
    return sixnet_optimizer_new(&w->new_opt, w->plain.net, "adamw lr=0.01 weight_decay=0.1",
                                "linear_warmup steps=3 ; multistep_lr milestones=2,4");
}

static int32_t optimizer_free(fixture *w)
{
    sixnet_optimizer_free(w->plain.opt);
    w->plain.opt = NULL;
    return SIXNET_OK;
}

static int32_t step(fixture *w) { return sixnet_optimizer_step(w->plain.opt); }
static int32_t end_epoch(fixture *w) { return sixnet_optimizer_end_epoch(w->plain.opt, 1); }
static int32_t learning_rate(fixture *w) { return right(sixnet_optimizer_learning_rate(w->plain.opt) > 0); }
static int32_t set_learning_rate(fixture *w) { return sixnet_optimizer_set_learning_rate(w->plain.opt, 0.25); }

/* ---- datasets ---- */

static int32_t from_idx(fixture *w)
{
    return sixnet_dataset_from_idx(&w->new_ds, w->ctx, path_of("images"), path_of("labels.gz"));
}

static int32_t open_folder(fixture *w)
{
    return sixnet_dataset_open(&w->new_ds, w->ctx, SIXNET_TEST_GOLDEN "/pictures", "channels=3 resize=3x5");
}

static int32_t from_arrays(fixture *w)
{
    return sixnet_dataset_from_arrays(&w->new_ds, w->ctx, "shape=4x4", inputs, targets, SAMPLES);
}

static int32_t borrowed_arrays(fixture *w)
{
    return sixnet_dataset_from_arrays(&w->new_ds, NULL, "shape=4x4 copy=false", inputs, targets, SAMPLES);
}

static int32_t from_callback(fixture *w)
{
    return sixnet_dataset_from_callback(&w->new_ds, w->ctx, "shape=2", 5, give_sample, w);
}

static int32_t from_callback_f64(fixture *w)
{
    return sixnet_dataset_from_callback_f64(&w->new_ds, w->ctx, "shape=2", 5, give_sample_f64, w);
}

static int32_t split(fixture *w)
{
    return sixnet_dataset_split(&w->new_ds, &w->second_ds, w->plain.ds, "first_size=10");
}

static int32_t dataset_free(fixture *w)
{
    sixnet_dataset_free(w->plain.ds);
    w->plain.ds = NULL;
    return SIXNET_OK;
}

static int32_t transform(fixture *w) { return sixnet_dataset_add_transform(w->plain.ds, "normalize mean=0.1 std=2"); }

static int32_t transform_classes(fixture *w)
{
    return sixnet_dataset_add_transform(w->plain.ds, "mixup num_classes=3");
}

static void bend(fixture *w)
{
    WORKS(sixnet_dataset_add_transform(w->plain.ds, "random_affine degrees=10 translate=0.2"));
    WORKS(sixnet_dataset_add_transform(w->plain.ds, "elastic alpha=4 sigma=1"));
}

static void bend_and_mix(fixture *w)
{
    bend(w);
    WORKS(sixnet_dataset_add_transform(w->plain.ds, "cutmix"));
}

static void mix_own(fixture *w) { WORKS(sixnet_dataset_add_transform(w->own.ds, "mixup")); }

static int32_t look_at_data(fixture *w)
{
    int64_t dims[8], target_dims[8];
    int32_t rank, target_rank;
    int32_t status = right(sixnet_dataset_size(w->plain.ds) == SAMPLES && !sixnet_dataset_class_name(w->plain.ds, 0));
    return status ? status : sixnet_dataset_shape(w->plain.ds, dims, &rank, target_dims, &target_rank);
}

static int32_t dataset_get(fixture *w)
{
    float input[OWN_SIZE];
    return sixnet_dataset_get_sample(w->own.ds, 3, input, NULL);
}

static int32_t dataset_get_f64(fixture *w)
{
    double input[OWN_SIZE];
    return sixnet_dataset_get_sample_f64(w->own.ds, 3, input, NULL);
}

static int32_t batches_new(fixture *w)
{
    return sixnet_batch_iterator_new(&w->new_batches, w->plain.ds, "batch_size=5 seed=4");
}

static int32_t batches_free(fixture *w)
{
    sixnet_batch_iterator_free(w->plain.batches);
    w->plain.batches = NULL;
    return SIXNET_OK;
}

static int32_t batches_start(fixture *w) { return sixnet_batch_iterator_start_epoch(w->plain.batches, 6); }

static int32_t batches_next(fixture *w)
{
    const float *x, *t;
    int64_t n;
    return sixnet_batch_iterator_next(w->own.batches, &x, &t, &n);
}

/* Of doubles in a context of floats, for which it needs memory. */
static int32_t batches_next_f64(fixture *w)
{
    const double *x, *t;
    int64_t n;
    return sixnet_batch_iterator_next_f64(w->own.batches, &x, &t, &n);
}

/* The iterator was made before the transforms, for which it needs workspace. */
static int32_t batches_next_bent(fixture *w)
{
    const float *x, *t;
    int64_t n;
    return sixnet_batch_iterator_next(w->plain.batches, &x, &t, &n);
}

static int32_t dataset_get_bent(fixture *w)
{
    float input[SIZE], target;
    return sixnet_dataset_get_sample(w->plain.ds, 3, input, &target);
}

static int32_t batches_cursor(fixture *w)
{
    int64_t epoch, position;
    return sixnet_batch_iterator_position(w->plain.batches, &epoch, &position);
}

/* ---- profiles ---- */

static int32_t profile(fixture *w) { return sixnet_model_profile(w->plain.net, 1); }
static void begin_profile(fixture *w) { WORKS(profile(w)); }
static int32_t profile_get(fixture *w)
{
    return right(sixnet_model_profile_get(w->plain.net, 0, "forward_passes") == 0);
}

/* ---- fit and evaluate ---- */

/* Where a failing run may stop: after a step, or an epoch. */
static int32_t note_step(void *user, const sixnet_progress *p)
{
    fixture *w = user;
    bool answers = sixnet_progress_get(p, "epoch") >= 1;
    if (w->notes_steps) {
        assert_true(answers && w->steps < (int)(sizeof w->step_state / sizeof *w->step_state));
        w->step_state[w->steps++] = objects_of(w);
    }
    return 0;
}

static int32_t fit(fixture *w)
{
    return sixnet_model_fit(w->plain.net, w->plain.opt, w->plain.ds, NULL, "batch_size=10 epochs=2", note_step, w);
}
static int32_t history(fixture *w)
{
    return right(sixnet_model_history_size(w->plain.net) == 0 &&
                 isnan(sixnet_model_history_get(w->plain.net, 1, "loss")) &&
                 !sixnet_model_diagnostic(w->plain.net, 0, "name"));
}

static int32_t fit_watched(fixture *w)
{
    return sixnet_model_fit(w->plain.net, w->plain.opt, w->plain.ds, NULL,
                            "batch_size=10 shards=2 epochs=2 diagnostics=true on_nan=restore", note_step, w);
}
static int32_t own_fit(fixture *w)
{
    return sixnet_model_fit(w->own.net, w->own.opt, w->own.ds, NULL, "batch_size=10 shards=2 epochs=2", note_step, w);
}

static int32_t fit_validated(fixture *w)
{
    return sixnet_model_fit(w->own.net, w->own.opt, w->own.ds, w->own.ds, "batch_size=10", note_step, w);
}

static int32_t own_fit_saving(fixture *w)
{
    char options[600];
    snprintf(options, sizeof options, "batch_size=24 epochs=2 checkpoint_keep=3 checkpoint=%s", path_of("fit"));
    return sixnet_model_fit(w->own.net, w->own.opt, w->own.ds, w->own.ds, options, note_step, w);
}

static int32_t fit_with(fixture *w, const char *format)
{
    char options[600];
    snprintf(options, sizeof options, format, path_of("fit"));
    return sixnet_model_fit(w->plain.net, w->plain.opt, w->plain.ds, NULL, options, note_step, w);
}

static int32_t fit_saving(fixture *w)
{
    return fit_with(w, "batch_size=8 checkpoint_keep=2 checkpoint_seconds=1e-9 checkpoint=%s");
}
static int32_t fit_keeping(fixture *w)
{
    return fit_with(w, "batch_size=12 epochs=4 checkpoint_keep=3 checkpoint_best=false checkpoint=%s");
}
/* Where the file system has no links. */
static void refuse_links(fixture *w) { (void)w, faults_refuse_links(true); }
static int32_t fit_copying(fixture *w)
{
    return fit_with(w, "batch_size=24 epochs=2 checkpoint_keep=2 checkpoint_best=false checkpoint=%s");
}
static int32_t fit_resumed(fixture *w) { return fit_with(w, "batch_size=12 epochs=2 resume=%s"); }

static int32_t fit_averaged(fixture *w)
{
    return fit_with(w, "batch_size=12 average=ema on_nan=restore checkpoint_best=false "
                       "checkpoint_seconds=1e-9 checkpoint=%s");
}
static int32_t fit_best(fixture *w)
{
    return fit_with(w, "batch_size=12 epochs=3 early_stopping=1 min_delta=100 restore_best=true balance=true "
                       "validation_split=0.4 checkpoint_best=false checkpoint=%s");
}
static int32_t fit_averaged_resumed(fixture *w) { return fit_with(w, "batch_size=12 epochs=2 average=swa resume=%s"); }

static void interrupt(fixture *w)
{
    WORKS(fit_with(w, "batch_size=12 checkpoint=%s checkpoint_best=false"));
    WORKS(sixnet_model_reset(w->plain.net, 11));
}

static void interrupt_averaged(fixture *w)
{
    WORKS(fit_with(w, "batch_size=12 average=swa checkpoint=%s checkpoint_best=false"));
    WORKS(sixnet_model_reset(w->plain.net, 11));
}

static int32_t evaluate(fixture *w) { return sixnet_model_evaluate(w->plain.net, w->plain.ds, NULL, NULL); }
static int32_t metrics(fixture *w)
{
    const char *json = "";
    int32_t status = sixnet_model_metrics(w->plain.net, w->plain.ds, NULL, &json);
    assert_true((json == NULL) == (status != SIXNET_OK));
    assert_true(isnan(sixnet_model_metric(w->plain.net, "loss")) == (status != SIXNET_OK));
    return status;
}
static int32_t own_evaluate(fixture *w) { return sixnet_model_evaluate(w->own.net, w->own.ds, NULL, NULL); }

/* ---- files ---- */

static int32_t save_new(fixture *w) { return sixnet_model_save(w->plain.net, path_of("new"), NULL); }
static int32_t save_over(fixture *w) { return sixnet_model_save(w->plain.net, path_of("model"), NULL); }
static int32_t save_at_ease(fixture *w) { return sixnet_model_save(w->plain.net, path_of("model"), "sync=false"); }

static int32_t own_save(fixture *w) { return sixnet_model_save(w->own.net, path_of("own"), NULL); }
static void save_own(fixture *w) { WORKS(own_save(w)); }
static int32_t own_load(fixture *w)
{
    return sixnet_model_load(&w->new_net, w->ctx, path_of("own"), "max_bytes=100000");
}

enum { ROOM = 1 << 16 };
static char room[ROOM];

static int32_t save_memory(fixture *w)
{
    uint64_t size;
    return sixnet_model_save_to_buffer(w->plain.net, room, ROOM, &size);
}

static int32_t take_portion(void *user, const void *data, uint64_t size)
{
    (void)user, (void)data, (void)size;
    return fault_strikes(FAULT_CALLBACK) ? 7 : 0;
}

static int32_t model_write(fixture *w) { return sixnet_model_save_to_stream(w->plain.net, take_portion, w); }

static uint64_t room_used;
static void fill_room(fixture *w) { WORKS(sixnet_model_save_to_buffer(w->plain.net, room, ROOM, &room_used)); }

static int32_t load(fixture *w) { return sixnet_model_load(&w->new_net, w->ctx, path_of("model"), NULL); }
static int32_t load_memory(fixture *w)
{
    return sixnet_model_load_from_buffer(&w->new_net, w->ctx, room, room_used, NULL);
}

static int64_t give_portion(void *user, void *data, uint64_t size)
{
    uint64_t *at = user, left = room_used - *at, n = left < size ? left : size;
    n = n < 999 ? n : 999;
    memcpy(data, room + *at, n);
    *at += n;
    return fault_strikes(FAULT_CALLBACK) ? -1 : (int64_t)n;
}

static int32_t model_read(fixture *w)
{
    uint64_t at = 0;
    return sixnet_model_load_from_stream(&w->new_net, w->ctx, give_portion, &at, NULL);
}

static int32_t load_weights(fixture *w)
{
    return sixnet_model_load_weights(w->plain.net, path_of("model"), NULL, NULL);
}

/* A file that lacks the tensors of the net and has others, all of which are reported. */
static void make_other(fixture *w)
{
    WORKS(sixnet_model_parse(&w->new_net, w->ctx, "input shape=2\nlinear out_features=2 name=other"));
}
static int32_t load_few_weights(fixture *w)
{
    return sixnet_model_load_weights(w->new_net, path_of("model"), "strict=false", NULL);
}

static void fill_room_and_reset(fixture *w)
{
    fill_room(w);
    WORKS(sixnet_model_reset(w->plain.net, 13));
}

static int32_t load_weights_memory(fixture *w)
{
    const char *report;
    return sixnet_model_load_weights_from_buffer(w->plain.net, room, room_used, "strict=false", &report);
}

static int32_t checkpoint_save(fixture *w)
{
    return sixnet_checkpoint_save(w->plain.net, w->plain.opt, w->plain.batches, path_of("run"), NULL);
}

static int32_t checkpoint_load(fixture *w)
{
    return sixnet_checkpoint_load(w->plain.net, w->plain.opt, w->plain.batches, path_of("run"), NULL);
}

static void move_on(fixture *w)
{
    WORKS(train_to(&w->plain, TO_STEP, FEW));
    WORKS(sixnet_batch_iterator_start_epoch(w->plain.batches, 9));
}

/* ---- layers of the caller's ---- */

static int32_t register_layer(fixture *w)
{
    return sixnet_context_register_layer(w->ctx, "other", "a=1 b=2", "f64", own_setup, own_forward, own_backward, w);
}

/* ---- THE table ---- */

static const struct scenario {
    const char *functions; /* that it calls; of the caller's functions, too */
    int32_t (*call)(fixture *w);
    void (*prepare)(fixture *w); /* NULL if there is nothing to be done */
    bool steps;                  /* the call is many steps, of which some may have been done */
} scenarios[] = {
    {"sixnet_status_name sixnet_last_error sixnet_last_system_error sixnet_version sixnet_version_number "
     "sixnet_kind_field sixnet_attribute_field",
     facts, NULL, false},
    {"sixnet_context_new", context_one, NULL, false},
    {"sixnet_context_new", context_threads, NULL, false},
    {"sixnet_context_new", context_processors, NULL, false},
    {"sixnet_context_new_with_allocator", context_with_allocator, NULL, false},
    {"sixnet_context_free", context_free, NULL, false},
    {"sixnet_context_set_log", set_log, NULL, false},
    {"sixnet_context_get", context_get, NULL, false},
    {"sixnet_model_new", model_new, NULL, false},
    {"sixnet_model_new", model_without_context, NULL, false},
    {"sixnet_model_parse", model_parse, NULL, false},
    {"sixnet_model_parse", own_parse, NULL, false},
    {"sixnet_model_copy", model_copy, NULL, false},
    {"sixnet_model_free", model_free, NULL, false},
    {"sixnet_model_add", model_add, NULL, false},
    {"sixnet_model_add_multi sixnet_layer_setup_input_count sixnet_layer_setup_input_shape "
     "sixnet_layer_setup_attribute sixnet_layer_setup_set_output_shape "
     "sixnet_layer_setup_add_output sixnet_layer_setup_add_parameter sixnet_layer_setup_fail",
     model_add_multi, NULL, false},
    {"sixnet_node_retain", retain, build, false},
    {"sixnet_model_compile", compile, build, false},
    {"sixnet_model_memory_needed", memory_needed, NULL, false},
    {"sixnet_model_memory_needed", memory_needed, build, false},
    {"sixnet_model_reset", reset, NULL, false},
    {"sixnet_model_set_tensors", set_tensors, build, false},
    {"sixnet_model_set_tensors", set_tensors, build_compiled, false},
    {"sixnet_model_summary", summary, NULL, false},
    {"sixnet_model_text", model_text, NULL, false},
    {"sixnet_node_count sixnet_node_find sixnet_node_get sixnet_node_output sixnet_node_shape sixnet_model_shape",
     look_at_nodes, NULL, false},
    {"sixnet_node_values sixnet_node_values_f64 sixnet_node_gradient sixnet_node_gradient_f64", look_at_values, NULL,
     false},
    {"sixnet_tensor_count sixnet_tensor_name sixnet_tensor_shape sixnet_tensor_get sixnet_tensor_get_f64 "
     "sixnet_tensor_data sixnet_tensor_setting "
     "sixnet_tensor_gradient sixnet_tensor_gradient_f64 sixnet_model_digest",
     look_at_tensors, NULL, false},
    {"sixnet_tensor_set", tensor_set, NULL, false},
    {"sixnet_tensor_set_f64", tensor_set_f64, NULL, false},
    {"sixnet_model_forward", forward, NULL, false},
    {"sixnet_model_forward_f64", forward_f64, NULL, false},
    {"sixnet_model_forward sixnet_layer_call_sample_count sixnet_layer_call_attribute sixnet_layer_call_input_shape "
     "sixnet_layer_call_output_shape "
     "sixnet_layer_call_parameter_shape sixnet_layer_call_input sixnet_layer_call_output sixnet_layer_call_parameter",
     own_forward_pass, NULL, false},
    {"sixnet_model_loss", loss, pass_forward, false},
    {"sixnet_model_loss_f64", loss_f64, pass_forward, false},
    {"sixnet_model_backward", backward, pass_loss, false},
    {"sixnet_model_backward sixnet_layer_call_is_training sixnet_layer_call_output_gradient "
     "sixnet_layer_call_input_gradient sixnet_layer_call_parameter_gradient",
     own_backward_pass, pass_loss, false},
    {"sixnet_model_backward_from", backward_from, pass_forward, false},
    {"sixnet_model_backward_from_f64", backward_from_f64, pass_forward, false},
    {"sixnet_model_zero_grad", zero_grad, NULL, false},
    {"sixnet_model_predict", predict, NULL, false},
    {"sixnet_model_predict", own_predict, NULL, false},
    {"sixnet_model_predict_f64", predict_one, NULL, false},
    {"sixnet_predictor_new", predictor_new, NULL, false},
    {"sixnet_predictor_free", predictor_free, make_predictor, false},
    {"sixnet_predictor_memory", predictor_memory, make_predictor, false},
    {"sixnet_predictor_predict", predictor_run, make_predictor, false},
    {"sixnet_predictor_predict", predictor_run, make_own_predictor, false},
    {"sixnet_predictor_predict_f64", predictor_run_f64, make_predictor, false},
    {"sixnet_model_cancel", cancel, NULL, false},
    {"sixnet_model_gradient_check", gradient_check, NULL, false},
    {"sixnet_optimizer_new", optimizer_new, NULL, false},
    {"sixnet_optimizer_free", optimizer_free, NULL, false},
    {"sixnet_optimizer_step", step, NULL, false},
    {"sixnet_optimizer_end_epoch", end_epoch, NULL, false},
    {"sixnet_optimizer_learning_rate", learning_rate, NULL, false},
    {"sixnet_optimizer_set_learning_rate", set_learning_rate, NULL, false},
    {"sixnet_dataset_open", open_folder, NULL, false},
    {"sixnet_dataset_from_idx", from_idx, NULL, false},
    {"sixnet_dataset_from_arrays", from_arrays, NULL, false},
    {"sixnet_dataset_from_arrays", borrowed_arrays, NULL, false},
    {"sixnet_dataset_from_callback", from_callback, NULL, false},
    {"sixnet_dataset_from_callback_f64", from_callback_f64, NULL, false},
    {"sixnet_dataset_split", split, NULL, false},
    {"sixnet_dataset_free", dataset_free, NULL, false},
    {"sixnet_dataset_add_transform", transform, NULL, false},
    {"sixnet_dataset_add_transform", transform_classes, NULL, false},
    {"sixnet_dataset_size sixnet_dataset_shape sixnet_dataset_class_name", look_at_data, NULL, false},
    {"sixnet_dataset_get_sample", dataset_get, NULL, false},
    {"sixnet_dataset_get_sample", dataset_get, mix_own, false},
    {"sixnet_dataset_get_sample", dataset_get_bent, bend_and_mix, false},
    {"sixnet_dataset_get_sample_f64", dataset_get_f64, NULL, false},
    {"sixnet_dataset_get_sample_f64", dataset_get_f64, mix_own, false},
    {"sixnet_batch_iterator_new", batches_new, NULL, false},
    {"sixnet_batch_iterator_new", batches_new, bend_and_mix, false},
    {"sixnet_batch_iterator_free", batches_free, NULL, false},
    {"sixnet_batch_iterator_start_epoch", batches_start, NULL, false},
    {"sixnet_batch_iterator_next", batches_next, NULL, false},
    {"sixnet_batch_iterator_next", batches_next, mix_own, false},
    {"sixnet_batch_iterator_next", batches_next_bent, bend_and_mix, false},
    {"sixnet_batch_iterator_next_f64", batches_next_f64, NULL, false},
    {"sixnet_batch_iterator_next_f64", batches_next_f64, mix_own, false},
    {"sixnet_batch_iterator_position", batches_cursor, NULL, false},
    {"sixnet_model_profile", profile, NULL, false},
    {"sixnet_model_profile", profile, begin_profile, false},
    {"sixnet_model_profile_get", profile_get, begin_profile, false},
    {"sixnet_model_fit sixnet_progress_get", fit, NULL, true},
    {"sixnet_model_history_size sixnet_model_history_get sixnet_model_diagnostic", history, NULL, false},
    {"sixnet_model_fit", fit, bend, true},
    {"sixnet_model_fit", fit_watched, NULL, true},
    {"sixnet_model_fit", own_fit, NULL, true},
    {"sixnet_model_fit", fit_validated, NULL, true},
    {"sixnet_model_fit", own_fit_saving, NULL, true},
    {"sixnet_model_fit", fit_saving, NULL, true},
    {"sixnet_model_fit", fit_copying, refuse_links, true},
    {"sixnet_model_fit", fit_resumed, interrupt, true},
    {"sixnet_model_fit", fit_averaged, NULL, true},
    {"sixnet_model_fit", fit_best, NULL, true},
    {"sixnet_model_fit", fit_averaged_resumed, interrupt_averaged, true},
    {"sixnet_model_evaluate", evaluate, NULL, false},
    {"sixnet_model_metrics sixnet_model_metric", metrics, NULL, false},
    {"sixnet_model_evaluate", evaluate, bend, false},
    {"sixnet_model_evaluate", own_evaluate, NULL, false},
    {"sixnet_model_save", save_new, NULL, false},
    {"sixnet_model_save", save_over, NULL, false},
    {"sixnet_model_save", save_at_ease, NULL, false},
    {"sixnet_model_save", own_save, NULL, false},
    {"sixnet_model_save_to_buffer", save_memory, NULL, false},
    {"sixnet_model_save_to_stream", model_write, NULL, false},
    {"sixnet_model_load", load, NULL, false},
    {"sixnet_model_load", own_load, save_own, false},
    {"sixnet_model_load_from_buffer", load_memory, fill_room, false},
    {"sixnet_model_load_from_stream", model_read, fill_room, false},
    {"sixnet_model_load_weights", load_weights, NULL, false},
    {"sixnet_model_load_weights", load_few_weights, make_other, false},
    {"sixnet_model_load_weights_from_buffer", load_weights_memory, fill_room_and_reset, false},
    {"sixnet_checkpoint_save", checkpoint_save, NULL, false},
    {"sixnet_checkpoint_load", checkpoint_load, move_on, false},
    {"sixnet_context_register_layer", register_layer, NULL, false},
};

enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

/* ---- the faults ---- */

enum { ANY_FAILURE = 1 };

static struct fault {
    const char *name;
    fault_kind kind;
    int error;
    int32_t status; /* of the call; SIXNET_OK where the fault is harmless; ANY_FAILURE where it may be */
    long long injected;
} faults[] = {
    {"allocation", FAULT_ALLOCATION, ENOMEM, SIXNET_OUT_OF_MEMORY, 0},
    {"thread creation", FAULT_THREAD, EAGAIN, SIXNET_UNSUPPORTED, 0},
    {"lock creation", FAULT_LOCK, EAGAIN, SIXNET_UNSUPPORTED, 0},
    {"open to read", FAULT_OPEN, EMFILE, SIXNET_IO_ERROR, 0},
    {"open to read, interrupted", FAULT_OPEN, EINTR, SIXNET_OK, 0},
    {"creation of a file", FAULT_CREATE, EROFS, SIXNET_IO_ERROR, 0},
    {"creation of a file, interrupted", FAULT_CREATE, EINTR, SIXNET_OK, 0},
    {"open of a folder", FAULT_OPEN_FOLDER, EMFILE, SIXNET_IO_ERROR, 0},
    {"open of a folder, interrupted", FAULT_OPEN_FOLDER, EINTR, SIXNET_OK, 0},
    {"open of a temporary file", FAULT_OPEN_TEMPORARY, EMFILE, SIXNET_OK, 0}, /* it has no lock then */
    {"lock of a file", FAULT_LOCK_FILE, ENOLCK, SIXNET_OK, 0},
    {"stat", FAULT_EXAMINE, EIO, SIXNET_IO_ERROR, 0},
    {"list of a folder", FAULT_LIST, EIO, SIXNET_IO_ERROR, 0},
    {"read", FAULT_READ, EIO, SIXNET_IO_ERROR, 0},
    {"read, interrupted", FAULT_READ, EINTR, SIXNET_OK, 0},
    {"read, short", FAULT_READ, FAULT_HALF, SIXNET_OK, 0},
    {"write", FAULT_WRITE, ENOSPC, SIXNET_IO_ERROR, 0},
    {"write, interrupted", FAULT_WRITE, EINTR, SIXNET_OK, 0},
    {"write, short", FAULT_WRITE, FAULT_HALF, SIXNET_OK, 0},
    {"fsync", FAULT_SYNC, EIO, SIXNET_IO_ERROR, 0},
    {"fsync, interrupted", FAULT_SYNC, EINTR, SIXNET_OK, 0},
    {"fsync of a folder", FAULT_SYNC_FOLDER, EIO, SIXNET_IO_ERROR, 0},
    {"fsync of a folder, interrupted", FAULT_SYNC_FOLDER, EINTR, SIXNET_OK, 0},
    {"fchmod", FAULT_PERMISSIONS, EIO, SIXNET_IO_ERROR, 0},
    {"close of a written file", FAULT_CLOSE_WRITTEN, EIO, SIXNET_IO_ERROR, 0},
    {"close of a written file, interrupted", FAULT_CLOSE_WRITTEN, EINTR, SIXNET_OK, 0},
    {"close after reading", FAULT_CLOSE, EIO, SIXNET_OK, 0}, /* all of it has been read */
    {"rename", FAULT_RENAME, EIO, SIXNET_IO_ERROR, 0},
    {"link", FAULT_LINK, EIO, SIXNET_IO_ERROR, 0},
    {"unlink", FAULT_UNLINK, EIO, SIXNET_OK, 0},            /* a temporary file stays */
    {"clock", FAULT_CLOCK, EINVAL, SIXNET_OK, 0},           /* times are wrong */
    {"processors", FAULT_PROCESSORS, EINVAL, SIXNET_OK, 0}, /* one is assumed */
    {"function of the caller's", FAULT_CALLBACK, 0, SIXNET_CALLBACK_FAILED, 0},
    {"call of any kind", FAULT_ANY, EIO, ANY_FAILURE, 0},
};

enum { FAULTS = sizeof faults / sizeof *faults };

/* What an undisturbed call asks of the system, and leads to. */
typedef struct outcome {
    long long calls[FAULT_ANY + 1];
    state after;
    uint64_t step_state[64];
    int steps;
} outcome;

typedef struct trial {
    const struct scenario *s;
    struct fault *fault;
    const char *options;
    bool for_ever;
    long long n;
} trial;

static fixture *open_prepared(const struct scenario *s, const char *options, bool notes_steps)
{
    fixture *w = fixture_setup(options);
    w->notes_steps = notes_steps;
    if (s->prepare)
        s->prepare(w);
    if (notes_steps)
        w->step_state[w->steps++] = objects_of(w);
    return w;
}

static outcome undisturbed(const struct scenario *s, const char *options)
{
    outcome o = {0};
    long long blocks = faults_blocks();
    fixture *w = open_prepared(s, options, s->steps);
    faults_begin(FAULT_KINDS, 0, 0, false);
    if (s->call(w))
        fail_msg("%s: '%s'", s->functions, sixnet_last_error());
    for (int i = 0; i <= FAULT_ANY; i++)
        o.calls[i] = faults_calls((fault_kind)i);
    o.after = state_of(w);
    o.steps = w->steps;
    memcpy(o.step_state, w->step_state, sizeof o.step_state);
    fixture_teardown(w);
    assert_true(faults_blocks() == blocks && faults_files() == 0);
    return o;
}

static int complaints;

static void report_failure(const trial *t, int32_t status, const char *message, const char *what)
{
    print_error("%s with \"%s\", %s %lld%s: %s; status %s, '%s'\n", t->s->functions, t->options, t->fault->name, t->n,
                t->for_ever ? " and all after" : "", what, sixnet_status_name(status), message);
    complaints++;
}

static bool is_status_right(const trial *t, bool struck, int32_t status)
{
    if (!struck || t->fault->status != ANY_FAILURE)
        return status == (struck ? t->fault->status : SIXNET_OK);
    return !status || status == SIXNET_OUT_OF_MEMORY || status == SIXNET_UNSUPPORTED || status == SIXNET_IO_ERROR;
}

/* A temporary file cannot be deleted, an old file not put back. */
static bool may_leave_files(const trial *t) { return t->fault->kind == FAULT_UNLINK || t->fault->kind == FAULT_ANY; }

static bool has_step(const outcome *o, uint64_t objects)
{
    for (int i = 0; i < o->steps; i++)
        if (o->step_state[i] == objects)
            return true;
    return false;
}

/* What is wrong with the state after a call that failed; NULL if nothing is. */
static const char *wrong_after_failure(const trial *t, const state *before, const state *after, const outcome *o)
{
    if (after->open_files != before->open_files)
        return "a file is open";
    if (after->temporaries && !may_leave_files(t))
        return "a temporary file is left";
    if (t->s->steps)
        return has_step(o, after->objects) ? NULL : "an object is not as after a whole step";
    if (after->objects != before->objects)
        return "an object has changed";
    if (after->gradients != before->gradients)
        return "a gradient has changed";
    if (after->files != before->files && !may_leave_files(t))
        return "a file has changed";
    for (int i = 0; i < 2; i++) /* a pass that a function of the caller's ends may be gone */
        if (after->pass[i] != before->pass[i] && (t->fault->kind != FAULT_CALLBACK || after->pass[i]))
            return "a pass has changed";
    return NULL;
}

static const char *wrong_after_success(const trial *t, const state *after, const outcome *o)
{
    if (after->open_files != o->after.open_files)
        return "a file is open";
    if (after->temporaries && !may_leave_files(t))
        return "a temporary file is left";
    bool counts_processors = t->s->call == context_processors; /* one is assumed */
    if ((after->objects != o->after.objects && !counts_processors) || after->gradients != o->after.gradients)
        return "an object is not as it should be";
    if (t->s->steps)
        return NULL; /* the files tell the time that they took */
    return after->files != o->after.files ? "a file is not as it should be" : NULL;
}

static bool same_state(const state *a, const state *b) { return memcmp(a, b, sizeof *a) == 0; }

/* A fixture and its state before the next call. */
typedef struct scene {
    fixture *w;
    state before;
} scene;

static scene open_scene(const trial *t)
{
    fixture *w = open_prepared(t->s, t->options, false);
    return (scene){w, state_of(w)};
}

/* Makes the call with the n-th fault; whether there were so many and all is well. A fixture that is no longer as it was is exchanged. */
static bool attempt(const trial *t, scene *c, const outcome *o)
{
    sixnet_context *none;
    char message[1024];
    int complaints_before = complaints;
    sixnet_context_new(&none, "stale");
    faults_begin(t->fault->kind, t->fault->error, t->n, t->for_ever);
    int32_t status = t->s->call(c->w);
    bool struck = faults_end() > 0;
    snprintf(message, sizeof message, "%s", sixnet_last_error());
    if (!is_status_right(t, struck, status))
        report_failure(t, status, message, "another status was expected");
    if (status && (strcmp(message, stale) == 0 || !is_one_line(message)))
        report_failure(t, status, message, "that is no message");
    state after = state_of(c->w);
    const char *wrong = status ? wrong_after_failure(t, &c->before, &after, o) : wrong_after_success(t, &after, o);
    if (wrong)
        report_failure(t, status, message, wrong);
    if (struck && !same_state(&c->before, &after)) {
        fixture_teardown(c->w);
        *c = open_scene(t);
    }
    t->fault->injected += struck;
    return struck && complaints == complaints_before;
}

static void inject(const struct scenario *s, const char *options, const outcome *o, struct fault *fault, bool for_ever)
{
    trial t = {s, fault, options, for_ever, 1};
    long long blocks = faults_blocks();
    scene c = open_scene(&t);
    while (attempt(&t, &c, o))
        t.n += is_quick() ? t.n : 1;
    fixture_teardown(c.w);
    if (faults_blocks() != blocks || faults_files() != 0)
        report_failure(&t, SIXNET_OK, "", "memory or files are not given back");
}

static void sweep(const struct scenario *s, const char *options)
{
    outcome o = undisturbed(s, options);
    for (int i = 0; i < FAULTS; i++) {
        bool is_asked = o.calls[faults[i].kind] > 0;
        if (is_asked && faults[i].kind != FAULT_ANY)
            inject(s, options, &o, &faults[i], false);
        if (is_asked && faults[i].error != EINTR)
            inject(s, options, &o, &faults[i], true);
    }
}

/* Every stride-th scenario. */
static void sweep_all(const char *options, int stride)
{
    complaints = 0;
    for (int i = 0; i < SCENARIOS; i += stride)
        sweep(&scenarios[i], options);
    assert_int_equal(complaints, 0);
}

/* Those that the process may run on. */
static void test_processors_are_counted(void **unused)
{
    (void)unused;
    cpu_set_t usable, first;
    if (sched_getaffinity(0, sizeof usable, &usable) != 0)
        skip();
    CPU_ZERO(&first);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&first) == 0; i++)
        if (CPU_ISSET(i, &usable))
            CPU_SET(i, &first);
    assert_int_equal(six_processor_count(), CPU_COUNT(&usable));
    assert_int_equal(sched_setaffinity(0, sizeof first, &first), 0);
    assert_int_equal(six_processor_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof usable, &usable), 0);
}

static void test_every_fault(void **unused)
{
    (void)unused;
    sweep_all("seed=2", 1);
}

static void test_every_fault_with_threads(void **unused)
{
    (void)unused;
    sweep_all("seed=2 threads=2 dtype=f64", is_quick() ? 25 : 1);
}

static void test_every_fault_without_vectors(void **unused)
{
    (void)unused;
    sweep_all("seed=2 threads=3 isa=baseline", is_quick() ? 25 : 1);
}

static void test_faults_are_counted(void **unused)
{
    long long sum = 0;
    (void)unused;
    for (int i = 0; i < FAULTS; i++) {
        print_message("%8lld  %s\n", faults[i].injected, faults[i].name);
        assert_true(faults[i].injected > 0);
        sum += faults[i].injected;
    }
    print_message("%8lld  faults injected into %d scenarios\n", sum, SCENARIOS);
}

/* Some file systems have no links or cannot sync a folder, and some folders may be written only. */
static void test_folders_that_lack_something(void **unused)
{
    static const struct {
        fault_kind kind;
        int error;
    } lacks[] = {{FAULT_LINK, EPERM},      {FAULT_LINK, EMLINK},        {FAULT_LINK, ENOSYS},
                 {FAULT_LINK, EOPNOTSUPP}, {FAULT_SYNC_FOLDER, EINVAL}, {FAULT_OPEN_FOLDER, EACCES}};
    (void)unused;
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++) {
        fixture *w = fixture_setup("");
        faults_begin(lacks[i].kind, lacks[i].error, 1, true);
        WORKS(save_over(w));
        assert_int_equal(faults_end(), 1);
        WORKS(load(w));
        assert_same_digest(digest_of(w->new_net), digest_of(w->plain.net));
        assert_int_equal(state_of(w).temporaries, 0);
        fixture_teardown(w);
    }
}

/* There, files that are kept are copied. */
static void test_kept_files_without_links(void **unused)
{
    (void)unused;
    static const char *const kept[] = {"fit", "fit.1", "fit.2"};
    enum { KEPT = sizeof kept / sizeof *kept };
    digest with[KEPT], without[KEPT];
    for (int linked = 0; linked < 2; linked++) {
        fixture *w = fixture_setup("");
        faults_begin(linked ? FAULT_KINDS : FAULT_LINK, EPERM, 1, true);
        WORKS(fit_keeping(w));
        faults_end();
        assert_int_equal(state_of(w).temporaries, 0);
        for (int i = 0; i < KEPT; i++) {
            sixnet_model *net;
            WORKS(sixnet_model_load(&net, w->ctx, path_of(kept[i]), NULL));
            *(linked ? &with[i] : &without[i]) = digest_of(net);
            sixnet_model_free(net);
        }
        fixture_teardown(w);
    }
    for (int i = 0; i < KEPT; i++)
        assert_same_digest(with[i], without[i]);
    assert_string_not_equal(with[0].text, with[1].text);
    assert_string_not_equal(with[1].text, with[2].text);
}

/* A killed writer may have left a file in the place of the copy. */
static void test_copies_replace_what_was_left(void **unused)
{
    (void)unused;
    fixture *w = fixture_setup("");
    faults_begin(FAULT_UNLINK, EIO, 2,
                 true); /* the first is of the file that is made to see whether there can be one */
    WORKS(fit_with(w, "batch_size=24 epochs=2 checkpoint_best=false checkpoint=%s"));
    faults_end();
    assert_int_equal(state_of(w).temporaries, 1);
    faults_refuse_links(true);
    WORKS(fit_copying(w));
    assert_int_equal(state_of(w).temporaries, 0);
    fixture_teardown(w);
}

/* Where no file can be made a fit finds it before its first step. */
static void test_saving_is_tried_before_training(void **unused)
{
    (void)unused;
    fixture *w = fixture_setup("");
    const uint64_t before = objects_of(w);
    faults_begin(FAULT_CREATE, EROFS, 1, false);
    FAILS(SIXNET_IO_ERROR, fit_saving(w), "no file can be created", "");
    assert_int_equal(faults_end(), 1);
    assert_true(objects_of(w) == before);
    fixture_teardown(w);
}

/* ---- the table is whole ---- */

static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += length)
        if ((at == text || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static bool has_scenario(const char *function)
{
    for (int i = 0; i < SCENARIOS; i++)
        if (has_word(scenarios[i].functions, function))
            return true;
    return false;
}

/* Every exported function is in the table, and nothing else. */
static void test_every_function_has_a_scenario(void **unused)
{
    char line[300], function[256], exported[1 << 14] = "";
    FILE *map = fopen(SIXNET_TEST_MAP, "r");
    (void)unused;
    assert_non_null(map);
    while (fgets(line, sizeof line, map))
        if (sscanf(line, " sixnet_%200[a-z0-9_];", function) == 1) {
            snprintf(line, sizeof line, "sixnet_%s", function);
            if (!has_scenario(line))
                fail_msg("%s has no scenario in tests/test_faults.c", line);
            strcat(strcat(exported, line), " ");
        }
    fclose(map);
    assert_true(strlen(exported) > 1000);
    for (int i = 0; i < SCENARIOS; i++)
        for (const char *at = scenarios[i].functions; sscanf(at, "%255s", function) == 1;
             at += strlen(function), at += *at == ' ')
            if (!has_word(exported, function))
                fail_msg("%s is not exported", function);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_function_has_a_scenario),
        cmocka_unit_test(test_processors_are_counted),
        cmocka_unit_test(test_every_fault),
        cmocka_unit_test(test_every_fault_with_threads),
        cmocka_unit_test(test_every_fault_without_vectors),
        cmocka_unit_test(test_faults_are_counted),
        cmocka_unit_test(test_folders_that_lack_something),
        cmocka_unit_test(test_kept_files_without_links),
        cmocka_unit_test(test_copies_replace_what_was_left),
        cmocka_unit_test(test_saving_is_tried_before_training),
    };
    return cmocka_run_group_tests_name("faults", tests, make_folder, delete_folder);
}
