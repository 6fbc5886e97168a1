/* SPDX-License-Identifier: MIT */

/* Optimizers, fit and evaluation. */

#include <math.h>
#include <string.h>

#include "api/api.h"
#include "data/dataset.h"
#include "files/checkpoint.h"
#include "train/diagnostics.h"
#include "train/evaluate.h"
#include "train/fit.h"
#include "train/history.h"
#include "train/metrics.h"
#include "train/optimizer.h"
#include "train/progress.h"

/* ---- optimizer ---- */

int32_t sixnet_optimizer_new(sixnet_optimizer **out, sixnet_model *net, const char *spec, const char *schedule)
{
    if (!out)
        return six_api_missing("sixnet_optimizer_new", "out");
    *out = NULL;
    int32_t status = six_api_need("sixnet_optimizer_new", "net", net, SIX_READS);
    if (status)
        return status;
    if (!spec)
        return six_api_missing("sixnet_optimizer_new", "spec");
    return six_optimizer_new(out, net, spec, schedule);
}

void sixnet_optimizer_free(sixnet_optimizer *opt)
{
    if (six_api_may_free("sixnet_optimizer_free", opt))
        six_optimizer_free(opt);
}

int32_t sixnet_optimizer_step(sixnet_optimizer *opt)
{
    if (!opt)
        return six_api_missing("sixnet_optimizer_step", "opt");
    int32_t status = six_calls_check("sixnet_optimizer_step", SIX_USES(SIX_CHANGE(opt), SIX_CHANGE(opt->net)));
    if (status)
        return status;
    return six_optimizer_step(opt);
}

int32_t sixnet_optimizer_end_epoch(sixnet_optimizer *opt, double metric)
{
    int32_t status = six_api_need("sixnet_optimizer_end_epoch", "opt", opt, SIX_CHANGES);
    if (status)
        return status;
    six_schedule_end_epoch(opt->schedule, metric);
    return SIXNET_OK;
}

double sixnet_optimizer_learning_rate(const sixnet_optimizer *opt)
{
    return six_api_need("sixnet_optimizer_learning_rate", "opt", opt, SIX_READS) ? (double)NAN
                                                                                 : six_schedule_lr(opt->schedule);
}

int32_t sixnet_optimizer_set_learning_rate(sixnet_optimizer *opt, double lr)
{
    int32_t status = six_api_need("sixnet_optimizer_set_learning_rate", "opt", opt, SIX_RUNS);
    if (status)
        return status;
    if (!isfinite(lr) || lr < 0)
        return six_fail(SIXNET_INVALID_ARGUMENT,
                        "sixnet_optimizer_set_learning_rate: lr must be finite and 0 or greater");
    six_optimizer_set_lr(opt, lr);
    return SIXNET_OK;
}

/* ---- fit, evaluate ---- */

double sixnet_progress_get(const sixnet_progress *progress, const char *key)
{
    return progress && key ? six_progress_get(progress, key) : NAN;
}

int32_t sixnet_model_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train, sixnet_dataset *validation,
                         const char *options, sixnet_progress_fn fn, void *user)
{
    if (!net || !opt || !train)
        return six_api_missing("sixnet_model_fit", !net ? "net" : !opt ? "opt" : "train");
    six_call call;
    int32_t status = six_call_begin(&call, "sixnet_model_fit",
                                    SIX_USES(SIX_CHANGE(net), SIX_CHANGE(opt), SIX_READ(train), SIX_READ(validation),
                                             SIX_KEPT(net->ctx), SIX_KEPT(six_dataset_context(train))));
    if (status)
        return status;
    status = six_fit(net, opt, train, validation, options, &six_checkpoint_file_store, fn, user);
    six_call_end(&call);
    return status;
}

int64_t sixnet_model_history_size(const sixnet_model *net)
{
    return six_api_need("sixnet_model_history_size", "net", net, SIX_READS)
               ? 0
               : six_history_epochs(net->report[SIX_REPORT_HISTORY]);
}

double sixnet_model_history_get(const sixnet_model *net, int64_t epoch, const char *key)
{
    int32_t status = six_api_need("sixnet_model_history_get", "net", net, SIX_READS);
    if (!status && !key)
        status = six_api_missing("sixnet_model_history_get", "key");
    return status ? (double)NAN : six_history_get(net->report[SIX_REPORT_HISTORY], epoch, key);
}

const char *sixnet_model_diagnostic(const sixnet_model *net, int32_t index, const char *field)
{
    if (six_api_need("sixnet_model_diagnostic", "net", net, SIX_READS))
        return NULL;
    if (!field) {
        six_api_missing("sixnet_model_diagnostic", "field");
        return NULL;
    }
    return six_diagnostic_field(net->report[SIX_REPORT_DIAGNOSTICS], index, field);
}

int32_t sixnet_model_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy)
{
    if (!net || !ds)
        return six_api_missing("sixnet_model_evaluate", net ? "ds" : "net");
    six_call call;
    int32_t status =
        six_call_begin(&call, "sixnet_model_evaluate",
                       SIX_USES(SIX_RUN(net), SIX_READ(ds), SIX_KEPT(net->ctx), SIX_KEPT(six_dataset_context(ds))));
    if (status)
        return status;
    status = six_evaluate(net, ds, loss, accuracy);
    six_call_end(&call);
    return status;
}

/* Replaces the model's metrics by new ones, as numbers and as text, all or nothing. */
static int32_t make_metrics(sixnet_model *net, sixnet_dataset *ds, const char *options)
{
    six_metrics_options o;
    six_metrics *m;
    int32_t status = six_spec_parse(&six_kind_metrics, options, &o, NULL, NULL);
    if (!status)
        status = six_metrics_new(&m, net, ds, &o);
    if (status)
        return status;
    six_text json = {.ctx = net->ctx};
    six_metrics_json(m, &json);
    if (json.failed) {
        six_text_free(&json);
        six_free(net->ctx, m);
        return SIXNET_OUT_OF_MEMORY;
    }
    six_model_set_report(net, SIX_REPORT_METRICS, m);
    six_model_set_report(net, SIX_REPORT_METRICS_JSON, json.data);
    return SIXNET_OK;
}

int32_t sixnet_model_metrics(sixnet_model *net, sixnet_dataset *ds, const char *options, const char **json)
{
    if (json)
        *json = NULL;
    if (!net || !ds)
        return six_api_missing("sixnet_model_metrics", net ? "ds" : "net");
    six_call call;
    int32_t status =
        six_call_begin(&call, "sixnet_model_metrics",
                       SIX_USES(SIX_RUN(net), SIX_READ(ds), SIX_KEPT(net->ctx), SIX_KEPT(six_dataset_context(ds))));
    if (status)
        return status;
    status = make_metrics(net, ds, options);
    six_call_end(&call);
    if (!status && json)
        *json = net->report[SIX_REPORT_METRICS_JSON];
    return status;
}

double sixnet_model_metric(const sixnet_model *net, const char *name)
{
    int32_t status = six_api_need("sixnet_model_metric", "net", net, SIX_READS);
    if (!status && !name)
        status = six_api_missing("sixnet_model_metric", "name");
    return status ? (double)NAN : six_metrics_get(net->report[SIX_REPORT_METRICS], name);
}
