/* SPDX-License-Identifier: MIT */
#include "checkpoint.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "data/batches.h"
#include "files/read.h"
#include "files/save.h"
#include "files/weights.h"

static const char schedule_name[] = SIX_RESERVED_PREFIX "schedule", history_name[] = SIX_RESERVED_PREFIX "history",
                  plain_name[] = SIX_RESERVED_PREFIX "plain", best_name[] = SIX_RESERVED_PREFIX "best";

typedef char slot_name[32];

static const char *name_slot(int32_t slot, slot_name name)
{
    snprintf(name, sizeof(slot_name), SIX_RESERVED_PREFIX "optimizer.%d", slot);
    return name;
}

static six_text optimizer_text(const sixnet_optimizer *opt)
{
    six_text t = {.ctx = opt->net->ctx};
    six_text_add(&t, "%s", opt->kind->kind.name);
    six_spec_write(&opt->kind->kind, opt->attr, &t);
    return t;
}

static six_text schedule_text(const sixnet_optimizer *opt)
{
    six_text t = {.ctx = opt->net->ctx};
    six_text_add(&t, "%s", "");
    six_schedule_text(opt->schedule, &t);
    return t;
}

/* ---- saving ---- */

/* The run's numbers with those of the model and the optimizer. */
static six_text state_text(const six_train_run *run)
{
    six_text t = {.ctx = run->net->ctx};
    six_run_state state = run->state;
    state.model_step = (int64_t)run->net->step;
    state.optimizer_step = run->opt->steps;
    state.seed = (int64_t)run->net->ctx->seed;
    six_text_add(&t, "%s", "");
    six_spec_write(&six_kind_run, &state, &t);
    return t;
}

enum { EXTRAS = 4 + SIX_MAX_SLOTS };

static size_t list_extras(const six_train_run *run, const double *schedule, int32_t count, slot_name *names,
                          six_st_item extra[static EXTRAS])
{
    size_t n = 0;
    const sixnet_model *net = run->net;
    extra[n++] = (six_st_item){schedule_name, {1, {count}}, SIX_F64, schedule};
    const int64_t epochs = six_history_epochs(run->history);
    if (epochs)
        extra[n++] = (six_st_item){history_name, {2, {epochs, SIX_HISTORY_COLUMNS}}, SIX_F64, run->history->row};
    if (run->state.averaged)
        extra[n++] = (six_st_item){plain_name, {1, {net->values_size}}, net->ctx->dtype, net->values};
    if (run->state.best_epoch)
        extra[n++] = (six_st_item){best_name, {1, {net->values_size}}, net->ctx->dtype, run->best};
    for (int32_t i = 0; i < run->opt->slots && net->trained_size; i++)
        extra[n++] =
            (six_st_item){name_slot(i, names[i]), {1, {net->trained_size}}, net->ctx->dtype, run->opt->state[i]};
    return n;
}

static int32_t save_texts(const six_train_run *run, const char *path, bool sync, int64_t keep,
                          const six_text text[static 3])
{
    six_record r;
    slot_name names[SIX_MAX_SLOTS];
    six_st_item extra[EXTRAS];
    double schedule[SIX_SCHEDULE_STATE];
    size_t extras = list_extras(run, schedule, six_schedule_state(run->opt->schedule, schedule), names, extra);
    if (text[0].failed || text[1].failed || text[2].failed)
        return SIXNET_OUT_OF_MEMORY;
    int32_t status =
        six_record_begin(&r, run->net, run->state.averaged ? run->average : run->net->values, extra, extras);
    if (status)
        return status;
    six_record_note(&r, "sixnet.run", text[0].data);
    six_record_note(&r, "sixnet.optimizer", text[1].data);
    six_record_note(&r, "sixnet.schedule", text[2].data);
    if (run->settings)
        six_record_note(&r, "sixnet.settings", run->settings);
    status = six_save(&r.content, path, sync, keep);
    six_record_end(&r);
    return status;
}

int32_t six_checkpoint_save(const six_train_run *run, const char *path, bool sync, int64_t keep)
{
    six_text text[] = {state_text(run), optimizer_text(run->opt), schedule_text(run->opt)};
    int32_t status = save_texts(run, path, sync, keep, text);
    for (int i = 0; i < 3; i++)
        six_text_free(&text[i]);
    return status;
}

/* ---- loading: everything is checked before anything is changed ---- */

typedef struct loading {
    six_train_run *run;
    six_safetensors *file;
    six_run_state state;
    void *attr; /* the optimizer's, from the file */
    double schedule[SIX_SCHEDULE_STATE];
    int32_t schedule_count;
    six_history *history;
    int64_t changes;      /* of the settings */
    bool other_optimizer; /* the optimizer's attributes are among them */
} loading;

static int32_t fail_note(const loading *l, const char *key, const char *problem)
{
    return six_fail(SIXNET_BAD_FILE, "%s: %s %s", l->file->label, key, problem);
}

/* The net's, the schedule's: texts that must be the same as in the file. */
static int32_t check_same(const loading *l, const char *key, const char *ours)
{
    const char *there = six_safetensors_get(l->file, key);
    if (!ours)
        return SIXNET_OUT_OF_MEMORY;
    if (!there)
        return fail_note(l, key, "is missing; the file is not a checkpoint");
    size_t same = 0, begin = 0;
    for (; there[same] && there[same] == ours[same]; same++)
        if (there[same] == '\n')
            begin = same + 1;
    if (there[same] == ours[same])
        return SIXNET_OK;
    return six_fail(SIXNET_INVALID_ARGUMENT, "%s: %s: the run was made with '%.*s', not with '%.*s'", l->file->label,
                    key, (int)strcspn(there + begin, "\n"), there + begin, (int)strcspn(ours + begin, "\n"),
                    ours + begin);
}

static int32_t check_texts(const loading *l)
{
    char *net = six_model_text(l->run->net);
    int32_t status = check_same(l, "sixnet.net", net);
    six_free(l->run->net->ctx, net);
    if (status)
        return status;
    six_text schedule = schedule_text(l->run->opt);
    status = check_same(l, "sixnet.schedule", schedule.failed ? NULL : schedule.data);
    six_text_free(&schedule);
    return status;
}

static int32_t check_number(const loading *l, const char *what, int64_t there, int64_t here)
{
    if (there == here)
        return SIXNET_OK;
    return six_fail(SIXNET_INVALID_ARGUMENT, "%s: sixnet.run: the run was made with %s=%lld, not %lld", l->file->label,
                    what, (long long)there, (long long)here);
}

/* Compares the settings line by line: all differences are logged if they are allowed, the first is an error if not. */
static int32_t check_settings(loading *l)
{
    static const char key[] = "sixnet.settings";
    const six_train_run *run = l->run;
    const char *there = six_safetensors_get(l->file, key), *here = run->settings;
    if (!here)
        return SIXNET_OK;
    if (!there && !run->allow_changes)
        return fail_note(l, key, "is missing, so settings cannot be compared; resume_changes=allow continues without");
    for (bool first = true; there && *there && *here; first = false) {
        const int old = (int)strcspn(there, "\n"), new = (int)strcspn(here, "\n");
        if (old != new || memcmp(there, here, (size_t)old) != 0) {
            if (!run->allow_changes)
                return six_fail(
                    SIXNET_INVALID_ARGUMENT,
                    "%s: the run was made with '%.*s', not with '%.*s'; resume_changes=allow accepts the new setting",
                    l->file->label, old, there, new, here);
            six_log(run->net->ctx, 1, "%s: the run was made with '%.*s', and continues with '%.*s'", l->file->label,
                    old, there, new, here);
            l->changes++;
            l->other_optimizer |= first;
        }
        there += old + (there[old] == '\n');
        here += new + (here[new] == '\n');
    }
    return SIXNET_OK;
}

static bool is_mean(const sixnet_model *net) { return net->loss >= 0 && net->node[net->loss].op->mean; }

static int32_t read_state(loading *l)
{
    const char *text = six_safetensors_get(l->file, "sixnet.run");
    if (!text)
        return fail_note(l, "sixnet.run", "is missing; the file is not a checkpoint");
    int32_t status = six_spec_parse(&six_kind_run, text, &l->state, NULL, NULL);
    if (status)
        return six_fail_prefix(SIXNET_BAD_FILE, "%s: sixnet.run: ", l->file->label);
    status = check_number(l, "seed", l->state.seed, (int64_t)l->run->net->ctx->seed);
    if (!status && l->state.averaged && l->state.average == SIX_AVERAGE_NONE)
        status = fail_note(l, "sixnet.run", "has averaged values, but average=none");
    if (!status && l->state.position > l->state.samples && l->state.batch_size)
        status = fail_note(l, "sixnet.run", "has a position behind the last sample");
    if (!status && l->state.batch_size && l->state.position > l->state.skipped && is_mean(l->run->net) &&
        !(l->state.loss_weight > 0))
        status = fail_note(l, "sixnet.run", "has samples of an epoch without loss_weight");
    return status;
}

static int32_t parse_optimizer(loading *l, const char *text)
{
    six_span word;
    const char *rest;
    const sixnet_optimizer *opt = l->run->opt;
    const six_optimizer_kind *kind = opt->kind;
    int32_t status = six_spec_kind(text, &word, &rest);
    if (status)
        return status;
    if ((size_t)(word.end - word.begin) != strlen(kind->kind.name) ||
        memcmp(word.begin, kind->kind.name, strlen(kind->kind.name)) != 0)
        return six_fail(SIXNET_INVALID_ARGUMENT, "the run was made with '%.200s'; this optimizer is '%s'", text,
                        kind->kind.name);
    l->attr = six_alloc(opt->net->ctx, 1, kind->kind.size);
    status = l->attr ? six_spec_parse(&kind->kind, rest, l->attr, NULL, NULL) : SIXNET_OUT_OF_MEMORY;
    if (status)
        return status;
    if (kind->check)
        status = kind->check(l->attr);
    if (status)
        return status;
    if (six_optimizer_slots(opt, l->attr) != opt->slots)
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "the checkpoint's optimizer '%.200s' does not match this one; create the optimizer with the "
                        "same attributes",
                        text);
    return SIXNET_OK;
}

static int32_t read_optimizer(loading *l)
{
    const char *text = six_safetensors_get(l->file, "sixnet.optimizer");
    if (!text)
        return fail_note(l, "sixnet.optimizer", "is missing; the file is not a checkpoint");
    int32_t status = parse_optimizer(l, text);
    if (!status || status == SIXNET_OUT_OF_MEMORY)
        return status;
    return six_fail_prefix(status == SIXNET_BAD_SPEC ? SIXNET_BAD_FILE : status,
                           "%s: sixnet.optimizer: ", l->file->label);
}

/* A tensor of that name, type and shape. */
static int32_t find_tensor(const loading *l, const char *name, int32_t type, const six_shape *shape,
                           const six_st_tensor **tensor)
{
    char there[160], wanted[160];
    const six_st_tensor *t = *tensor = six_safetensors_find(l->file, name);
    if (!t)
        return fail_note(l, name, "is missing");
    if (t->type == type && six_shape_equal(&t->shape, shape))
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: %s has type %s and shape %s, expected %s and %s", l->file->label,
                    t->place, name, t->dtype, six_shape_text(&t->shape, there), type == SIX_ST_F64 ? "F64" : "F32",
                    six_shape_text(shape, wanted));
}

static int32_t read_schedule(loading *l)
{
    const six_st_tensor *t;
    double now[SIX_SCHEDULE_STATE];
    l->schedule_count = six_schedule_state(l->run->opt->schedule, now);
    int32_t status = find_tensor(l, schedule_name, SIX_ST_F64, &(six_shape){1, {l->schedule_count}}, &t);
    if (status)
        return status;
    six_weights_copy(l->file, t, l->schedule, SIX_F64);
    return SIXNET_OK;
}

/* NaN marks a missing value. */
static bool is_share(double accuracy) { return isnan(accuracy) || (accuracy >= 0 && accuracy <= 1); }

/* Whether a row of a history can be that of an epoch: a loss may be infinite. */
static bool is_possible(const double row[static SIX_HISTORY_COLUMNS])
{
    return row[SIX_HISTORY_LR] >= 0 && isfinite(row[SIX_HISTORY_LR]) && !isnan(row[SIX_HISTORY_LOSS]) &&
           is_share(row[SIX_HISTORY_ACCURACY]) && is_share(row[SIX_HISTORY_VALIDATION_ACCURACY]);
}

static int32_t read_history(loading *l)
{
    const six_st_tensor *t = six_safetensors_find(l->file, history_name);
    if (!t && l->state.batch_size && l->state.epoch)
        return fail_note(l, history_name, "is missing");
    if (!t)
        return SIXNET_OK;
    const int64_t epochs = l->state.epoch;
    int32_t status = find_tensor(l, history_name, SIX_ST_F64, &(six_shape){2, {epochs, SIX_HISTORY_COLUMNS}}, &t);
    if (status)
        return status;
    status = six_history_new(&l->history, l->run->net->ctx, &l->run->monitor, epochs);
    if (status)
        return status;
    six_weights_copy(l->file, t, l->history->row, SIX_F64);
    for (int64_t i = 0; i < epochs; i++) {
        if (!is_possible(l->history->row[i]))
            return six_fail(SIXNET_BAD_FILE, "%s: %s: epoch %lld has a number that cannot be", l->file->label,
                            history_name, (long long)i + 1);
        six_history_count(l->history);
    }
    return SIXNET_OK;
}

static int32_t type_of(const sixnet_model *net) { return net->ctx->dtype == SIX_F64 ? SIX_ST_F64 : SIX_ST_F32; }

/* All values of the net as one array, in place of those under the names of its tensors. */
static int32_t check_all_values(const loading *l, const char *name, bool check_values)
{
    const six_st_tensor *t;
    const sixnet_model *net = l->run->net;
    int32_t status = find_tensor(l, name, type_of(net), &(six_shape){1, {net->values_size}}, &t);
    return !status && check_values ? six_weights_check_array(l->file, t, net) : status;
}

static int32_t check_tensors(const loading *l, bool check_values)
{
    slot_name name;
    const six_st_tensor *t;
    const sixnet_model *net = l->run->net;
    six_text report = {.ctx = net->ctx};
    int32_t status = six_weights_compare(l->file, net, true, &report);
    six_text_free(&report);
    for (int32_t i = 0; i < net->tensor_count && !status; i++)
        status = find_tensor(l, net->tensor[i].name, type_of(net), &net->tensor[i].shape, &t);
    if (!status && check_values)
        status = six_weights_check(l->file, net);
    for (int32_t i = 0; i < l->run->opt->slots && net->trained_size && !status; i++) {
        status = find_tensor(l, name_slot(i, name), type_of(net), &(six_shape){1, {net->trained_size}}, &t);
        if (!status && check_values)
            status = six_values_check(l->file, t, net->ctx->dtype, l->run->opt->kind->squares >> i & 1 ? 0 : -DBL_MAX);
    }
    if (!status && l->state.averaged)
        status = check_all_values(l, plain_name, check_values);
    if (!status && l->state.best_epoch)
        status = check_all_values(l, best_name, check_values);
    return status;
}

/* The last two steps that can fail, each of which changes nothing then. */
static int32_t restore_position(const loading *l)
{
    sixnet_batch_iterator *b = l->run->batches;
    int64_t epoch = 0, position = 0;
    int32_t status = SIXNET_OK;
    if (b) {
        six_batch_iterator_position(b, &epoch, &position);
        status = six_batch_iterator_seek(b, l->state.epoch, l->state.position);
    }
    if (status)
        return six_fail_prefix(SIXNET_BAD_FILE, "%s: sixnet.run: ", l->file->label);
    status = six_schedule_restore(l->run->opt->schedule, l->schedule, l->schedule_count);
    if (!status)
        return SIXNET_OK;
    if (b)
        six_batch_iterator_seek(b, epoch, position);
    return six_fail_prefix(status, "%s: " SIX_RESERVED_PREFIX "schedule: ", l->file->label);
}

/* Under the names of the net's tensors is the average, if there is one; it is passed over where none is kept. */
static void take_values(const loading *l)
{
    const six_train_run *run = l->run;
    sixnet_model *net = run->net;
    void *named = l->state.averaged ? run->average : net->values;
    if (named)
        six_weights_take(l->file, net, named);
    if (l->state.averaged)
        six_weights_copy(l->file, six_safetensors_find(l->file, plain_name), net->values, net->ctx->dtype);
    if (l->state.best_epoch && run->best)
        six_weights_copy(l->file, six_safetensors_find(l->file, best_name), run->best, net->ctx->dtype);
    six_tensors_changed(net);
    net->pass = SIX_PASS_NONE;
}

/* The position of the run comes from the file; its settings from the call, if given. */
static void take_state(const loading *l)
{
    const six_run_state now = l->run->state;
    six_run_state *s = &l->run->state;
    *s = l->state;
    if (!l->run->best)
        s->best_epoch = 0;
    s->changes += l->changes;
    if (!l->run->settings)
        return;
    s->samples = now.samples;
    s->batch_size = now.batch_size;
    s->order_seed = now.order_seed;
    s->shuffle = now.shuffle;
    s->drop_last = now.drop_last;
    s->average = now.average;
    s->ema_decay = now.ema_decay;
    s->average_start_epoch = now.average_start_epoch;
    if (l->state.average != now.average) /* another begins */
        s->averaged = 0;
}

static void commit(loading *l)
{
    slot_name name;
    six_train_run *run = l->run;
    sixnet_model *net = run->net;
    sixnet_optimizer *opt = run->opt;
    void *attr = opt->attr;
    take_values(l);
    for (int32_t i = 0; i < opt->slots && net->trained_size; i++)
        six_weights_copy(l->file, six_safetensors_find(l->file, name_slot(i, name)), opt->state[i], net->ctx->dtype);
    if (!l->other_optimizer) {
        opt->attr = l->attr;
        l->attr = attr;
    }
    six_optimizer_set_lr(opt, ((six_optimizer_common *)opt->attr)->lr);
    opt->steps = l->state.optimizer_step;
    net->step = (uint64_t)l->state.model_step;
    take_state(l);
    six_free(net->ctx, run->history);
    run->history = l->history;
    l->history = NULL;
}

static int32_t load(loading *l, const six_load_options *o)
{
    int32_t status = six_model_verify(l->file, o->checksum);
    if (!status)
        status = read_state(l);
    if (!status)
        status = check_texts(l);
    if (!status)
        status = read_optimizer(l);
    if (!status)
        status = check_settings(l);
    if (!status)
        status = check_tensors(l, o->check_values);
    if (!status)
        status = read_schedule(l);
    if (!status)
        status = read_history(l);
    if (!status)
        status = restore_position(l);
    if (!status)
        commit(l);
    six_free(l->run->net->ctx, l->attr);
    six_free(l->run->net->ctx, l->history);
    return status;
}

int32_t six_checkpoint_load(six_train_run *run, const char *path, const six_load_options *o)
{
    six_bytes bytes;
    six_safetensors file;
    const sixnet_context *ctx = run->net->ctx;
    int32_t status = six_read_file(&bytes, ctx, path, o->max_bytes);
    if (!status)
        status = six_safetensors_parse(&file, ctx, path, bytes.data, bytes.size);
    if (!status) {
        status = load(&(loading){.run = run, .file = &file}, o);
        six_safetensors_free(&file);
    }
    six_free(ctx, bytes.data);
    return status;
}

/* ---- for sixnet_model_fit() ---- */

static int32_t save_run(const six_train_run *run, const char *path, int64_t keep)
{
    return six_checkpoint_save(run, path, true, keep);
}

static int32_t resume_run(six_train_run *run, const char *path)
{
    six_load_options o;
    int32_t status = six_spec_parse(&six_kind_model_load, NULL, &o, NULL, NULL);
    if (status)
        return status;
    return six_checkpoint_load(run, path, &o);
}

const six_checkpoint_store six_checkpoint_file_store = {six_save_check, save_run, resume_run};
