/* SPDX-License-Identifier: MIT */

#include "train/fit.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/status.h"
#include "base/threads.h"
#include "data/batches.h"
#include "data/dataset.h"
#include "graph/exec.h"
#include "train/optimizer.h"

typedef struct fit_options {
    int64_t epochs, batch_size, seed;
    int32_t shuffle, drop_last;
} fit_options;

static const six_attr attrs[] = {
    {"epochs", SIX_INT, offsetof(fit_options, epochs), 1, 1 << 30, "1", NULL, "passes over the data"},
    {"batch_size", SIX_INT, offsetof(fit_options, batch_size), 1, 1 << 24, "32", NULL, "samples of one step"},
    {"shuffle", SIX_BOOL, offsetof(fit_options, shuffle), 0, 1, "true", NULL, "a new order in every epoch"},
    {"drop_last", SIX_BOOL, offsetof(fit_options, drop_last), 0, 1, "false", NULL, "leave out a last batch that is not full"},
    {"seed", SIX_INT, offsetof(fit_options, seed), -1, 9007199254740992.0, "-1", NULL, "of the order; -1 for the context's"},
    {0},
};

const six_kind six_kind_fit = {"fit", "what sixnet_fit() can be told", attrs, sizeof(fit_options)};

struct sixnet_progress {
    double epoch_end, epoch, epochs, batch, batches, samples, loss, accuracy, lr, seconds, total_seconds, validation_loss,
        validation_accuracy;
};

double six_progress_get(const sixnet_progress *p, const char *key)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
        {"epoch_end", offsetof(sixnet_progress, epoch_end)},
        {"epoch", offsetof(sixnet_progress, epoch)},
        {"epochs", offsetof(sixnet_progress, epochs)},
        {"batch", offsetof(sixnet_progress, batch)},
        {"batches", offsetof(sixnet_progress, batches)},
        {"samples", offsetof(sixnet_progress, samples)},
        {"loss", offsetof(sixnet_progress, loss)},
        {"accuracy", offsetof(sixnet_progress, accuracy)},
        {"lr", offsetof(sixnet_progress, lr)},
        {"seconds", offsetof(sixnet_progress, seconds)},
        {"total_seconds", offsetof(sixnet_progress, total_seconds)},
        {"validation_loss", offsetof(sixnet_progress, validation_loss)},
        {"validation_accuracy", offsetof(sixnet_progress, validation_accuracy)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, key) == 0)
            return *(const double *)((const char *)p + fields[i].offset);
    return NAN;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Whether a dataset's samples and targets are what the net takes. */
static int32_t check_data(const sixnet_model *net, const sixnet_dataset *ds)
{
    char text[160];
    if (!net->compiled)
        return six_fail(SIXNET_BAD_STATE, "the model is not compiled; call sixnet_compile() first");
    if (net->loss < 0)
        return six_fail(SIXNET_BAD_STATE, "the net has no loss; add one, such as 'cross_entropy', as its last layer");
    const six_shape *in = six_dataset_input_shape(ds), *target = six_dataset_target_shape(ds);
    if (six_shape_size(in) != net->input_size)
        return six_fail(SIXNET_BAD_SHAPE, "the data's samples are %s, which is %lld values, but the net takes %lld", six_shape_text(in, text),
                        (long long)six_shape_size(in), (long long)net->input_size);
    if (!six_dataset_has_targets(ds))
        return six_fail(SIXNET_BAD_DATA, "the data have no targets");
    if (six_shape_size(target) != net->target_size)
        return six_fail(SIXNET_BAD_SHAPE, "the data's targets are %s, which is %lld values, but the loss takes %lld",
                        six_shape_text(target, text), (long long)six_shape_size(target), (long long)net->target_size);
    if (net->node[net->loss].layer->class_targets)
        return six_dataset_check_classes(ds, net->node[net->loss].op->in[0].dim[0]);
    return SIXNET_OK;
}

/* Samples of one portion of an evaluation. */
enum { PORTION = 512 };

static int32_t evaluate_all(six_evaluation *e, const sixnet_dataset *ds, float *inputs, float *targets)
{
    int64_t size = six_dataset_size(ds);
    for (int64_t first = 0; first < size; first += PORTION) {
        int64_t n = size - first < PORTION ? size - first : PORTION;
        for (int64_t i = 0; i < n; i++) {
            int32_t status = six_dataset_read(ds, first + i, 0, inputs + i * e->net->input_size, targets + i * e->net->target_size);
            if (status)
                return status;
        }
        int32_t status = six_evaluation_add(e, (six_rows){inputs, SIX_F32}, (six_rows){targets, SIX_F32}, n);
        if (status)
            return status;
    }
    return SIXNET_OK;
}

int32_t six_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy)
{
    six_evaluation e;
    double mean = 0, hits = 0;
    int32_t status = check_data(net, ds);
    if (!status)
        status = six_evaluation_begin(&e, net, six_dataset_size(ds));
    if (status)
        return status;
    float *rows = six_alloc(net->ctx, (size_t)(PORTION * (net->input_size + net->target_size)), sizeof *rows);
    status = rows ? evaluate_all(&e, ds, rows, rows + PORTION * net->input_size) : SIXNET_OUT_OF_MEMORY;
    six_evaluation_end(&e, status ? NULL : &mean, &hits);
    six_free(net->ctx, rows);
    if (status)
        return status;
    if (loss)
        *loss = mean;
    if (accuracy)
        *accuracy = hits / (double)six_dataset_size(ds) / (double)(net->node[net->loss].layer->class_targets ? net->target_size : 1);
    return SIXNET_OK;
}

typedef struct fit {
    sixnet_model *net;
    sixnet_optimizer *opt;
    sixnet_batches *batches;
    sixnet_dataset *validation;
    sixnet_progress_fn fn;
    void *user;
    sixnet_progress p;
    double loss_sum, hits, started, epoch_started;
} fit;

static int32_t train_batch(fit *f, const float *inputs, const float *targets, int64_t n)
{
    sixnet_model *net = f->net;
    double loss, hits;
    int32_t status = six_forward(net, (six_rows){inputs, SIX_F32}, n);
    if (!status)
        status = six_loss(net, (six_rows){targets, SIX_F32}, &loss, &hits);
    if (!status && !isfinite(loss))
        status = six_fail(SIXNET_NOT_FINITE, "the loss became %s in epoch %.0f, batch %.0f; a smaller learning rate may help",
                          isnan(loss) ? "NaN" : "infinite", f->p.epoch, f->p.batch);
    if (status)
        return status;
    memset(net->gradients, 0, (size_t)net->trained_size * (size_t)net->variant->real_size);
    status = six_backward(net);
    if (!status && !net->variant->arrays.all_finite(net->gradients, net->trained_size))
        status = six_fail(SIXNET_NOT_FINITE, "a gradient became NaN or infinite in epoch %.0f, batch %.0f; a smaller learning rate may help",
                          f->p.epoch, f->p.batch);
    f->p.lr = six_schedule_lr(f->opt->schedule);
    if (!status)
        status = six_optimizer_step(f->opt);
    f->loss_sum += loss * (double)n;
    f->hits += hits / (double)net->target_size;
    return status;
}

/* Tells the caller where the run is; SIXNET_STOPPED if it wants no more. */
static int32_t report(fit *f)
{
    double time = now();
    f->p.loss = f->loss_sum / f->p.samples;
    f->p.accuracy = f->hits / f->p.samples;
    f->p.seconds = time - f->epoch_started;
    f->p.total_seconds = time - f->started;
    return f->fn && f->fn(f->user, &f->p) ? SIXNET_STOPPED : SIXNET_OK;
}

static int32_t end_epoch(fit *f)
{
    int32_t status = SIXNET_OK;
    if (f->validation)
        status = six_evaluate(f->net, f->validation, &f->p.validation_loss, &f->p.validation_accuracy);
    if (status)
        return status;
    six_schedule_epoch(f->opt->schedule, f->validation ? f->p.validation_loss : f->loss_sum / f->p.samples);
    f->p.epoch_end = 1;
    status = report(f);
    f->p.epoch_end = 0;
    return status;
}

static int32_t run_epoch(fit *f)
{
    const float *inputs, *targets;
    int64_t n;
    f->loss_sum = f->hits = f->p.samples = f->p.batch = 0;
    f->p.validation_loss = f->p.validation_accuracy = NAN;
    f->epoch_started = now();
    int32_t status = six_batches_start(f->batches, (int64_t)f->p.epoch - 1);
    while (!status) {
        status = six_batches_next(f->batches, &inputs, &targets, &n);
        if (status || !n)
            break;
        f->p.batch++;
        status = train_batch(f, inputs, targets, n);
        if (status)
            break;
        f->p.samples += (double)n;
        status = report(f);
    }
    return status ? status : end_epoch(f);
}

static int32_t make_batches(sixnet_batches **batches, sixnet_dataset *train, const fit_options *o, uint64_t seed)
{
    six_text t = {.ctx = six_dataset_context(train)};
    six_text_add(&t, "batch_size=%lld shuffle=%s drop_last=%s seed=%llu", (long long)o->batch_size, o->shuffle ? "true" : "false",
                 o->drop_last ? "true" : "false", (unsigned long long)seed);
    int32_t status = t.failed ? SIXNET_OUT_OF_MEMORY : six_batches_new(batches, train, t.data);
    six_text_free(&t);
    return status;
}

int32_t six_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train, sixnet_dataset *validation, const char *options,
                sixnet_progress_fn fn, void *user)
{
    fit_options o;
    fit f = {.net = net, .opt = opt, .validation = validation, .fn = fn, .user = user};
    int32_t status = six_spec_parse(&six_kind_fit, options, &o, NULL, NULL);
    if (!status && opt->net != net)
        status = six_fail(SIXNET_INVALID_ARGUMENT, "the optimizer was made for another model");
    if (!status)
        status = check_data(net, train);
    if (!status && validation)
        status = check_data(net, validation);
    if (!status)
        status = make_batches(&f.batches, train, &o, o.seed < 0 ? net->ctx->seed : (uint64_t)o.seed);
    if (status)
        return status;
    f.started = now();
    f.p.epochs = (double)o.epochs;
    f.p.batches = (double)six_batches_count(f.batches);
    six_pool *pool = net->serial ? NULL : net->ctx->pool;
    six_pool_begin(pool);
    for (int64_t epoch = 1; epoch <= o.epochs && !status; epoch++) {
        f.p.epoch = (double)epoch;
        status = run_epoch(&f);
    }
    six_pool_end(pool);
    six_batches_free(f.batches);
    return status;
}
