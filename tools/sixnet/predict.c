/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Asks a net about samples, and prints a row for each."

enum { PORTION = 256 };

typedef struct job {
    work w;
    data_options data; /* of all files; data.data is the one at hand */
    texts files;
    int classes, json, digits;
    bool begun;               /* the first row was printed */
    double *inputs, *outputs; /* of a portion */
    int64_t input_size, output_size;
    int64_t labels,
        scores; /* labels that --classify prints for a sample, and outputs for each; 1: the score of class 1 against 0 */
} job;

/* A class, and the probability that the net gives it. */
typedef struct label {
    int64_t class;
    double probability;
} label;

/* ---- rows ---- */

/* The class of the largest score, and the share that softmax gives it; of a single score, class 1 if it is above 0, by the sigmoid.
 * The scores of a sample's k-th label lie `labels` values apart. */
static label label_of(const job *j, const double *y, int64_t k)
{
    const double *own = y + k;
    const int64_t step = j->labels;
    if (j->scores == 1)
        return (label){own[0] > 0, 1 / (1 + exp(-fabs(own[0])))};
    int64_t best = 0;
    double sum = 0;
    for (int64_t c = 1; c < j->scores; c++)
        best = own[c * step] > own[best * step] ? c : best;
    for (int64_t c = 0; c < j->scores; c++)
        sum += exp(own[c * step] - own[best * step]);
    return (label){best, 1 / sum};
}

static void print_header(const job *j)
{
    if (j->classes && j->labels == 1)
        printf("class,probability");
    for (int64_t k = 0; k < j->labels && j->classes && j->labels > 1; k++)
        printf("%sclass%" PRId64 ",probability%" PRId64, k ? "," : "", k, k);
    for (int64_t k = 0; k < j->output_size && !j->classes; k++)
        printf("%soutput%" PRId64, k ? "," : "", k);
    putchar('\n');
}

static void csv_row_of(const job *j, const double *y)
{
    for (int64_t k = 0; k < j->labels && j->classes; k++) {
        const label l = label_of(j, y, k);
        printf("%s%" PRId64 ",%.6g", k ? "," : "", l.class, l.probability);
    }
    for (int64_t k = 0; k < j->output_size && !j->classes; k++)
        printf("%s%.*g", k ? "," : "", j->digits, y[k]);
    putchar('\n');
}

static void json_list_number(int64_t k, double value, int digits)
{
    printf(isfinite(value) ? "%s%.*g" : "%snull", k ? ", " : "", digits, value);
}

static void json_labels_of(const job *j, const double *y)
{
    const bool list = j->labels > 1;
    printf(list ? ", \"classes\": [" : ", \"class\": ");
    for (int64_t k = 0; k < j->labels; k++)
        printf("%s%" PRId64, k ? ", " : "", label_of(j, y, k).class);
    printf(list ? "], \"probabilities\": [" : ", \"probability\": ");
    for (int64_t k = 0; k < j->labels; k++)
        json_list_number(k, label_of(j, y, k).probability, 6);
    printf(list ? "]}" : "}");
}

static void json_row_of(const job *j, const double *y, int64_t sample)
{
    printf("%s\n  {", j->begun ? "," : "[");
    json_text("file", j->data.data);
    printf(", \"sample\": %" PRId64, sample);
    if (j->classes) {
        json_labels_of(j, y);
        return;
    }
    printf(", \"outputs\": [");
    for (int64_t k = 0; k < j->output_size; k++)
        json_list_number(k, y[k], j->digits);
    printf("]}");
}

/* ---- samples ---- */

static int32_t predict_portion(job *j, const sixnet_dataset *set, int64_t first, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        CHECK_SIXNET(sixnet_dataset_get_sample_f64(set, first + k, j->inputs + k * j->input_size, NULL));
    CHECK_SIXNET(sixnet_model_predict_f64(j->w.net, j->inputs, n, j->outputs));
    if (!j->begun && !j->json)
        print_header(j);
    for (int64_t k = 0; k < n; k++) {
        if (j->json)
            json_row_of(j, j->outputs + k * j->output_size, first + k);
        else
            csv_row_of(j, j->outputs + k * j->output_size);
        j->begun = true;
    }
    return 0;
}

static int32_t predict_set(job *j, const sixnet_dataset *set)
{
    const int64_t all = sixnet_dataset_size(set);
    int64_t dims[MAX_RANK], target_dims[MAX_RANK];
    int32_t rank, target_rank, status = 0;
    char shape[SHAPE_TEXT];
    CHECK_SIXNET(sixnet_dataset_shape(set, dims, &rank, target_dims, &target_rank));
    if (shape_size(dims, rank) != j->input_size)
        return fail("%s: a sample is %s, but the net takes %" PRId64 " values", j->data.data,
                    shape_text(dims, rank, shape), j->input_size);
    meter bar =
        meter_begin("predicting", !isatty(STDOUT_FILENO)); /* where the rows go to the terminal they show enough */
    for (int64_t first = 0; first < all && status == 0; first += PORTION) {
        meter_show(&bar, (double)first, (double)all);
        status = predict_portion(j, set, first, all - first < PORTION ? all - first : PORTION);
    }
    meter_end(&bar);
    return status;
}

static int32_t predict_file(job *j, const char *path)
{
    samples s = {.set = NULL};
    j->data.data = path;
    int32_t status = samples_open(&s, &j->w, &j->data, "t10k", false);
    if (status == 0)
        status = samples_transform(s.set, &j->data.transforms);
    if (status == 0)
        status = predict_set(j, s.set);
    samples_close(&s);
    return status;
}

/* Which outputs make a label is the loss's: one each, those of a position, or, without such a loss, all. */
static int32_t find_labels(job *j)
{
    const sixnet_model *net = j->w.net;
    int64_t dims[MAX_RANK];
    int32_t rank;
    j->labels = 1;
    j->scores = j->output_size;
    for (sixnet_node i = 0; i < sixnet_node_count(net); i++) {
        const char *kind = sixnet_node_get(net, i, "kind");
        if (strcmp(kind, "bce_with_logits") == 0) {
            j->scores = 1;
            j->labels = j->output_size;
            return 0;
        }
        if (strcmp(kind, "cross_entropy") != 0 && strcmp(kind, "nll") != 0)
            continue;
        CHECK_SIXNET(sixnet_model_shape(net, "output", dims, &rank, NULL));
        j->scores = dims[0];
        j->labels = j->output_size / dims[0];
    }
    return j->scores > 1
               ? 0
               : fail("--classify: the net has one output, which is no class, and its loss is not bce_with_logits");
}

static int32_t predict(job *j)
{
    j->input_size = net_size(j->w.net, "input");
    j->output_size = net_size(j->w.net, "output");
    if (j->classes)
        CHECK(find_labels(j));
    j->inputs = malloc((size_t)(PORTION * j->input_size) * sizeof *j->inputs);
    j->outputs = malloc((size_t)(PORTION * j->output_size) * sizeof *j->outputs);
    if (!j->inputs || !j->outputs)
        return fail("out of memory");
    for (int32_t k = 0; k < j->files.count; k++)
        CHECK(predict_file(j, j->files.item[k]));
    if (j->json)
        printf("\n]\n");
    return 0;
}

int32_t command_predict(int argc, char **argv)
{
    machine m = machine_default;
    net_files n = {.path = NULL};
    record r = {.settings_text = NULL};
    job j = {.data = {.scale = NAN}};
    option_table t = {.count = 0};
    add_operand(&t, "MODEL", "a saved model, a record's folder, or a net's text with --weights", &n.path);
    add_operands(
        &t, "FILE...",
        "samples: IDX, CSV (\"-\" for standard input), NPY, an image (PNG, PGM, PPM), or a folder as for train",
        &j.files);
    add_switch(&t, "--classify", "print classes and their probabilities, instead of the outputs", &j.classes);
    add_switch(&t, "--json", "print JSON instead of CSV", &j.json);
    add_weights(&t, &n);
    add_table_options(&t, &j.data);
    add_machine(&t, &m);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    j.digits = strcmp(m.dtype, "f64") == 0 ? 17 : 9;
    status = record_use(&r, &n, &j.data);
    if (status == 0)
        status = work_open_trained(&j.w, &m, &n);
    if (status == 0)
        status = predict(&j);
    free(j.inputs);
    free(j.outputs);
    work_close(&j.w);
    record_free(&r);
    return exit_status(status);
}
