/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Shows what a saved model holds: its tensors with their statistics, and its net as a text."

/* Of a tensor's values, those that are finite. */
typedef struct statistics {
    double low, high, mean, deviation;
    int64_t zeros, not_finite;
} statistics;

static statistics measure(const double *x, int64_t count)
{
    statistics s = {.low = INFINITY, .high = -INFINITY};
    double sum = 0, squares = 0;
    for (int64_t k = 0; k < count; k++) {
        s.zeros += x[k] == 0;
        s.not_finite += !isfinite(x[k]);
        if (isfinite(x[k])) {
            s.low = x[k] < s.low ? x[k] : s.low;
            s.high = x[k] > s.high ? x[k] : s.high;
            sum += x[k];
        }
    }
    const double n = (double)(count - s.not_finite);
    s.mean = sum / n;
    for (int64_t k = 0; k < count; k++)
        squares += isfinite(x[k]) ? (x[k] - s.mean) * (x[k] - s.mean) : 0;
    s.deviation = sqrt(squares / n);
    return s;
}

typedef struct tensor {
    const char *name;
    int64_t dims[MAX_RANK], count;
    int32_t rank, trainable;
    statistics found;
} tensor;

static int32_t tensor_measure(tensor *t, const sixnet_model *net, int32_t index)
{
    t->name = sixnet_tensor_name(net, index);
    TRY(sixnet_tensor_shape(net, t->name, t->dims, &t->rank, &t->trainable));
    t->count = shape_size(t->dims, t->rank);
    double *values = malloc((size_t)t->count * sizeof *values);
    if (!values)
        return complain("out of memory");
    const int32_t status = sixnet_tensor_get_f64(net, t->name, values, t->count);
    if (status == SIXNET_OK)
        t->found = measure(values, t->count);
    free(values);
    TRY(status);
    return 0;
}

static void show_row(const tensor *t)
{
    char shape[SHAPE_TEXT];
    printf("%-24s  %-14s  %-9s  %10" PRId64 "  %11.4g  %11.4g  %11.4g  %11.4g", t->name, shape_text(t->dims, t->rank, shape),
           t->trainable ? "parameter" : "buffer", t->count, t->found.low, t->found.high, t->found.mean, t->found.deviation);
    if (t->found.not_finite)
        printf("  %" PRId64 " not finite", t->found.not_finite);
    if (t->found.zeros > t->count / 2)
        printf("  %" PRId64 " zeros", t->found.zeros);
    putchar('\n');
}

static void json_row(const tensor *t, bool first)
{
    printf("%s\n  {", first ? "" : ",");
    json_text("name", t->name);
    printf(", ");
    json_shape("shape", t->dims, t->rank);
    printf(", \"trainable\": %s, ", t->trainable ? "true" : "false");
    json_number("min", t->found.low);
    printf(", ");
    json_number("max", t->found.high);
    printf(", ");
    json_number("mean", t->found.mean);
    printf(", ");
    json_number("std", t->found.deviation);
    printf(", \"zeros\": %" PRId64 ", \"not_finite\": %" PRId64 "}", t->found.zeros, t->found.not_finite);
}

static int32_t show(sixnet_model *net, int json)
{
    char digest[65];
    TRY(sixnet_digest(net, digest));
    if (json)
        printf("{\"tensors\": [");
    else
        printf("%-24s  %-14s  %-9s  %10s  %11s  %11s  %11s  %11s\n", "tensor", "shape", "", "values", "min", "max", "mean",
               "std");
    for (int32_t i = 0; i < sixnet_tensor_count(net); i++) {
        tensor t;
        PASS(tensor_measure(&t, net, i));
        if (json)
            json_row(&t, i == 0);
        else
            show_row(&t);
    }
    printf(json ? "\n], " : "\n");
    if (json)
        json_text("digest", digest);
    else
        printf("digest: %s\n", digest);
    if (json) {
        printf(", ");
        json_text("net", sixnet_model_text(net));
        printf("}\n");
    } else
        printf("\n%s", sixnet_model_text(net));
    return 0;
}

int32_t command_inspect(int argc, char **argv)
{
    machine m = machine_default;
    net_files n = {.load = "check_values=false"};
    work w = {.ctx = NULL};
    option_table t = {.count = 0};
    int json = 0;
    add_operand(&t, "MODEL", "a saved model or a checkpoint", &n.path);
    add_switch(&t, "--json", "print JSON", &json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    status = work_open(&w, &m, &n);
    if (status == 0 && !w.saved)
        status = complain("%s: is a net's text, which has no values; sixnet summary shows it", n.path);
    if (status == 0)
        status = show(w.net, json);
    work_close(&w);
    return exit_status(status);
}
