/* SPDX-License-Identifier: MIT */

#include "train/metrics.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "data/batches.h"
#include "graph/exec.h"
#include "train/evaluate.h"

static const six_attr attrs[] = {
    {"top_k", SIX_INT, offsetof(six_metrics_options, top_k), 1, 1 << 30, "5", NULL,
     "top_k_accuracy counts a target among so many of the largest outputs"},
    {"bins", SIX_INT, offsetof(six_metrics_options, bins), 1, 10000, "15", NULL,
     "equal parts of the confidences from 0 to 1, of calibration_error"},
    {0},
};

const six_kind six_kind_metrics = {"metrics", "options of sixnet_model_metrics()", attrs, sizeof(six_metrics_options)};

/* ---- the report ---- */

double *six_metrics_add(six_metrics *m, const char *name, int32_t rank, int64_t rows, int64_t columns)
{
    double *values = m->value + m->size;
    m->item[m->count++] = (six_metric){name, rank, {rows, columns}, m->size};
    m->size += rows * columns;
    for (int64_t i = 0; i < rows * columns; i++)
        values[i] = NAN;
    return values;
}

/* Reads "[3]" or "[3,4]"; -1 unless it is of that rank and in range. */
static int64_t read_index(const six_metric *item, const char *text)
{
    int64_t index[2] = {0, 0};
    const char *end = text + strlen(text), *comma = six_find_char(text, end, ',');
    if (item->rank == 0)
        return *text ? -1 : 0;
    if (*text != '[' || end[-1] != ']' || (comma < end) != (item->rank == 2))
        return -1;
    if (!six_parse_int64(text + 1, comma < end ? comma : end - 1, &index[0]) ||
        (comma < end && !six_parse_int64(comma + 1, end - 1, &index[1])))
        return -1;
    for (int i = 0; i < 2; i++)
        if (index[i] < 0 || index[i] >= item->dim[i])
            return -1;
    return index[0] * item->dim[1] + index[1];
}

double six_metrics_get(const six_metrics *m, const char *name)
{
    const size_t length = strcspn(name, "[");
    for (int32_t i = 0; m && i < m->count; i++) {
        const six_metric *item = &m->item[i];
        if (strlen(item->name) != length || memcmp(item->name, name, length) != 0)
            continue;
        const int64_t index = read_index(item, name + length);
        if (index >= 0)
            return m->value[item->first + index];
    }
    return NAN;
}

static void write_row(const double *values, int64_t count, six_text *t)
{
    char number[32];
    for (int64_t i = 0; i < count; i++)
        six_text_add(t, "%s%s", i ? ", " : "", isfinite(values[i]) ? six_double_text(values[i], number) : "null");
}

void six_metrics_json(const six_metrics *m, six_text *t)
{
    static const char *const opening[] = {"", "[", "[["}, *const closing[] = {"", "]", "]]"};
    for (int32_t i = 0; i < m->count; i++) {
        const six_metric *item = &m->item[i];
        const int64_t rows = item->rank == 2 ? item->dim[0] : 1, size = item->dim[0] * item->dim[1] / rows;
        six_text_add(t, "%s\"%s\": %s", i ? ", " : "{", item->name, opening[item->rank]);
        for (int64_t row = 0; row < rows; row++) {
            six_text_add(t, "%s", row ? "], [" : "");
            write_row(m->value + item->first + row * size, size, t);
        }
        six_text_add(t, "%s", closing[item->rank]);
    }
    six_text_add(t, "}");
}

/* ---- outputs and targets of all samples ---- */

static void results_free(six_results *r)
{
    six_free(r->ctx, r->output);
    six_free(r->ctx, r->target);
}

static int32_t results_new(six_results *r, const sixnet_model *net, const sixnet_dataset *ds,
                           const six_metrics_options *o)
{
    *r = (six_results){.ctx = net->ctx, .o = o, .loss = net->node[net->loss].op};
    r->samples = six_dataset_size(ds);
    r->outputs = net->output_size;
    r->targets = net->target_size;
    r->output = six_data_alloc(net->ctx, r->samples, r->outputs, sizeof *r->output);
    r->target = r->output ? six_data_alloc(net->ctx, r->samples, r->targets, sizeof *r->target) : NULL;
    return r->target ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
}

static int32_t evaluate(six_results *r, sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy)
{
    const six_evaluation_results all = {r->output, r->target};
    return six_evaluate_results(net, ds, loss, accuracy, &all);
}

static int64_t most_values(const six_results *r)
{
    return SIX_METRICS_MAX + (r->loss->targets == SIX_TARGETS_NUMBERS ? 0 : six_metrics_of_classes_size(r));
}

static int32_t compute(six_metrics **out, const six_results *r, double loss, double accuracy)
{
    int32_t status = SIXNET_OK;
    six_metrics *m = six_alloc(r->ctx, 1, sizeof *m + (size_t)most_values(r) * sizeof *m->value);
    if (!m)
        return SIXNET_OUT_OF_MEMORY;
    six_metrics_add_number(m, "samples", (double)r->samples);
    six_metrics_add_number(m, "loss", loss);
    six_metrics_add_number(m, "accuracy", accuracy);
    if (r->loss->targets == SIX_TARGETS_NUMBERS)
        six_metrics_of_values(m, r);
    else
        status = six_metrics_of_classes(m, r);
    if (status)
        six_free(r->ctx, m);
    else
        *out = m;
    return status;
}

int32_t six_metrics_new(six_metrics **out, sixnet_model *net, sixnet_dataset *ds, const six_metrics_options *o)
{
    six_results r;
    six_metrics_options usual;
    double loss, accuracy;
    int32_t status = six_check_dataset(net, ds);
    if (!status && !o)
        status = six_spec_parse(&six_kind_metrics, NULL, &usual, NULL, NULL);
    if (status)
        return status;
    status = results_new(&r, net, ds, o ? o : &usual);
    if (!status)
        status = evaluate(&r, net, ds, &loss, &accuracy);
    if (!status)
        status = compute(out, &r, loss, accuracy);
    results_free(&r);
    return status;
}
