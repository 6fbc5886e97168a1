/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Measures a net on samples with targets: loss, accuracy, and a table of further metrics."

/* Samples that are counted as they are read. */
typedef struct counted {
    sixnet_dataset *set;
    int64_t size;
    meter bar;
} counted;

static int32_t count_sample(void *user, int64_t index, double *input, double *target)
{
    counted *c = user;
    meter_show(&c->bar, (double)index, (double)c->size);
    return sixnet_dataset_get_sample_f64(c->set, index, input, target);
}

/* As sixnet_model_metrics(), and with its bits, but with a bar. */
static int32_t measure(const work *w, counted *c, const char **json)
{
    int64_t dims[MAX_RANK], target_dims[MAX_RANK];
    int32_t rank, target_rank;
    char spec[64 + 2 * SHAPE_TEXT], shape[SHAPE_TEXT], target_shape[SHAPE_TEXT];
    sixnet_dataset *set;
    CHECK_SIXNET(sixnet_dataset_shape(c->set, dims, &rank, target_dims, &target_rank));
    snprintf(spec, sizeof spec, "shape=%s target_shape=%s", shape_text(dims, rank, shape),
             shape_text(target_dims, target_rank, target_shape));
    CHECK_SIXNET(sixnet_dataset_from_callback_f64(&set, w->ctx, spec, c->size, count_sample, c));
    const int32_t status = sixnet_model_metrics(w->net, set, NULL, json);
    sixnet_dataset_free(set);
    return status == SIXNET_BAD_DATA ? sixnet_model_metrics(w->net, c->set, NULL, json)
                                     : status; /* which knows the sample */
}

/* ---- the table ---- */

/* A metric that there is a number of for each class or label. */
static double metric_of(const sixnet_model *net, const char *name, int64_t row)
{
    char text[64];
    snprintf(text, sizeof text, "%s_each[%" PRId64 "]", name, row);
    return sixnet_model_metric(net, text);
}

static double support_of(const sixnet_model *net, int64_t row)
{
    char text[64];
    snprintf(text, sizeof text, "support[%" PRId64 "]", row);
    return sixnet_model_metric(net, text);
}

static void print_number(double value, int width)
{
    if (isnan(value))
        printf("%*s", width, "-");
    else
        printf("%*.4f", width, value);
}

static void print_rows(const sixnet_model *net)
{
    enum { ROWS_SHOWN = 50 };
    const bool labels = !isnan(sixnet_model_metric(net, "subset_accuracy"));
    const char *const names[] = {"precision", "recall", "f1", "auc"};
    printf("\n%-6s  precision   recall       f1      auc   samples\n", labels ? "label" : "class");
    for (int64_t row = 0; row < ROWS_SHOWN && !isnan(support_of(net, row)); row++) {
        printf("%-6" PRId64, row);
        for (int k = 0; k < 4; k++)
            print_number(metric_of(net, names[k], row), k == 0 ? 11 : 9);
        printf("%10.0f\n", support_of(net, row));
    }
    if (!isnan(support_of(net, ROWS_SHOWN)))
        printf("...     (--json has all)\n");
    printf("%-6s", "mean");
    print_number(sixnet_model_metric(net, "precision_macro"), 11);
    print_number(sixnet_model_metric(net, "recall_macro"), 9);
    print_number(sixnet_model_metric(net, "f1_macro"), 9);
    print_number(sixnet_model_metric(net, "auc"), 9);
    printf("\n\n");
}

/* What there is of these, one a line. */
static void print_metrics(const sixnet_model *net)
{
    static const char *const names[] = {
        "subset_accuracy", "top_k_accuracy", "matthews_correlation", "calibration_error", "mae", "rmse", "r2"};
    static const char *const words[] = {"samples all right",
                                        "top-5 accuracy",
                                        "Matthews correlation",
                                        "calibration error",
                                        "mean absolute error",
                                        "root mean square error",
                                        "R2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const double value = sixnet_model_metric(net, names[i]);
        if (!isnan(value))
            printf("%-22s  %.6g\n", words[i], value);
    }
}

static void print_table(const sixnet_model *net, int64_t n)
{
    const double accuracy = sixnet_model_metric(net, "accuracy");
    printf("loss %.6g", sixnet_model_metric(net, "loss"));
    if (!isnan(accuracy))
        printf(", accuracy %.2f %%", 100 * accuracy);
    printf(", %" PRId64 " samples\n", n);
    if (!isnan(support_of(net, 0)))
        print_rows(net);
    print_metrics(net);
}

static int32_t show(const work *w, const samples *s, int json)
{
    const char *text;
    const int64_t n = sixnet_dataset_size(s->set);
    counted c = {s->set, n, meter_begin("measuring", 1)};
    const int32_t status = c.bar.wanted ? measure(w, &c, &text) : sixnet_model_metrics(w->net, s->set, NULL, &text);
    meter_end(&c.bar);
    if (status == SIXNET_BAD_DATA && samples_blamed(s, w))
        return -1;
    CHECK_SIXNET(status);
    if (json)
        printf("%s\n", text);
    else
        print_table(w->net, n);
    return 0;
}

int32_t command_eval(int argc, char **argv)
{
    machine m = machine_default;
    net_files n = {.path = NULL};
    record r = {.settings_text = NULL};
    data_options d = {.scale = NAN};
    work w = {.ctx = NULL};
    samples s = {.set = NULL};
    option_table t = {.count = 0};
    int json = 0;
    add_operand(&t, "MODEL", "a saved model, a record's folder, or a net's text with --weights", &n.path);
    add_weights(&t, &n);
    add_data(&t, &d);
    add_machine(&t, &m);
    add_switch(&t, "--json", "print JSON", &json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    if (!d.data)
        return fail("--data is missing: the samples to measure on"), EXIT_USAGE;
    status = record_use(&r, &n, &d);
    if (status == 0)
        status = work_open_trained(&w, &m, &n);
    if (status == 0)
        status = samples_open(&s, &w, &d, "t10k", true);
    if (status == 0)
        status = samples_transform(s.set, &d.transforms);
    if (status == 0)
        status = show(&w, &s, json);
    samples_close(&s);
    work_close(&w);
    record_free(&r);
    return exit_status(status);
}
