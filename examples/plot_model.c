/* SPDX-License-Identifier: MIT */

#include "plot_model.h"

/* What the net says of an image. */
typedef struct verdict {
    int64_t image;
    int label, prediction;
    float confidence; /* the softmax of its output for the prediction */
} verdict;

typedef struct look {
    pictures *to;
    sixnet_model *net;
    const sixnet_dataset *seen; /* the images that it is asked about */
    const char *set;            /* their name */
    int64_t images, height, width, classes, mistakes;
    verdict *verdicts;     /* of every image, then sorted: mistakes first, of those the surest first */
    float *input, *output; /* room for AT_ONCE images, and for what the net makes of them */
} look;

enum {
    AT_ONCE = 64,
    TABLE_NAME = 64,
    LIST_TEXT = 120,
    MORE_TEXT = 300,
    SETTINGS_TEXT = 512,
    SHEET_COLUMNS = 10,
    SHEET_ROWS = 6
};

static int32_t table_open(FILE **file, char path[FOLDER_PATH], const pictures *to, const char *name)
{
    char table[TABLE_NAME];
    snprintf(table, sizeof table, "%s.csv", name);
    return folder_open(file, path, to->folder, table);
}

/* An image as a block of a table: one line per row of pixels, and two empty lines, which separate blocks for gnuplot. */
static void write_tile(FILE *file, const float *pixels, int64_t height, int64_t width)
{
    for (int64_t k = 0; k < height * width; k++)
        fprintf(file, "%.6g%c", pixels[k], (k + 1) % width ? ',' : '\n');
    fputs("\n\n", file);
}

/* Runs a plot script with the settings common to all scripts, and more. */
static int32_t look_plot(const look *l, const char *picture, const char *shows, const char *more, const char *script)
{
    char settings[SETTINGS_TEXT];
    snprintf(settings, sizeof settings,
             "image_set = '%s'\nimages = %" PRId64 "\nmistakes = %" PRId64 "\nclasses = %" PRId64 "\n%s", l->set,
             l->images, l->mistakes, l->classes, more);
    return picture_plot(l->to, picture, shows, settings, script);
}

/* ---- training ---- */

static void write_history(const look *l, FILE *file)
{
    char header[CSV_HEADER];
    double values[CSV_VALUES];
    csv_header(header, l->set, "");
    fputs(header, file);
    for (int64_t epoch = 1; epoch <= sixnet_model_history_size(l->net); epoch++) {
        for (int k = 0; k < CSV_VALUES; k++)
            values[k] = sixnet_model_history_get(l->net, epoch, csv_values[k]);
        csv_write(file, (double)epoch, values);
        fputc('\n', file);
    }
}

static int32_t draw_history(const look *l)
{
    static const char picture[] = "mnist_history";
    const history_picture h = {.epochs = sixnet_model_history_size(l->net), .accuracy = 1, .second = l->set};
    char path[FOLDER_PATH], settings[HISTORY_SETTINGS];
    FILE *file;
    CHECK(table_open(&file, path, l->to, picture));
    write_history(l, file);
    CHECK(output_close(file, path));
    history_settings(settings, &h);
    return picture_plot(l->to, picture, "loss, accuracy and learning rate by epoch", settings, plot_history);
}

/* ---- what the net says of the images ---- */

static verdict judge(const float *output, int64_t classes)
{
    verdict v = {.prediction = 0};
    double sum = 0;
    for (int k = 1; k < classes; k++)
        v.prediction = output[k] > output[v.prediction] ? k : v.prediction;
    for (int k = 0; k < classes; k++)
        sum += exp(output[k] - output[v.prediction]);
    v.confidence = (float)(1 / sum);
    return v;
}

static int32_t judge_some(look *l, int64_t first, int64_t count)
{
    float label[AT_ONCE];
    for (int64_t k = 0; k < count; k++)
        CHECK_SIXNET(sixnet_dataset_get_sample(l->seen, first + k, l->input + k * l->height * l->width, &label[k]));
    CHECK_SIXNET(sixnet_model_predict(l->net, l->input, count, l->output));
    for (int64_t k = 0; k < count; k++) {
        verdict *v = &l->verdicts[first + k];
        *v = judge(l->output + k * l->classes, l->classes);
        v->image = first + k;
        v->label = (int)label[k];
        l->mistakes += v->prediction != v->label;
    }
    return 0;
}

static int32_t judge_all(look *l)
{
    for (int64_t first = 0; first < l->images; first += AT_ONCE)
        CHECK(judge_some(l, first, l->images - first < AT_ONCE ? l->images - first : AT_ONCE));
    return 0;
}

/* Mistakes before the others, and the surest before those that are less sure. */
static int compare_verdicts(const void *a, const void *b)
{
    const verdict *x = a, *y = b;
    const int right = (x->prediction == x->label) - (y->prediction == y->label);
    const int less_sure = (x->confidence < y->confidence) - (x->confidence > y->confidence);
    return right ? right : less_sure ? less_sure : (x->image > y->image) - (x->image < y->image);
}

/* ---- how it confuses classes ---- */

static int64_t count_verdicts(const look *l, int label, int prediction)
{
    int64_t count = 0;
    for (int64_t k = 0; k < l->images; k++)
        count += l->verdicts[k].label == label && l->verdicts[k].prediction == prediction;
    return count;
}

static void write_confusion_row(const look *l, FILE *file, int label)
{
    int64_t all = 0;
    for (int k = 0; k < l->classes; k++)
        all += count_verdicts(l, label, k);
    for (int k = 0; k < l->classes; k++) {
        const int64_t count = count_verdicts(l, label, k);
        fprintf(file, "%d,%d,%" PRId64 ",%.6g\n", label, k, count, all ? (double)count / (double)all : 0);
    }
}

static int32_t draw_confusion(const look *l)
{
    static const char picture[] = "mnist_confusion";
    char path[FOLDER_PATH];
    FILE *file;
    CHECK(table_open(&file, path, l->to, picture));
    fputs("label,prediction,images,share_of_label\n", file);
    for (int k = 0; k < l->classes; k++)
        write_confusion_row(l, file, k);
    CHECK(output_close(file, path));
    return look_plot(l, picture, "which classes are taken for which", "", plot_confusion);
}

/* ---- its mistakes ---- */

static int32_t write_mistakes(const look *l, const char *name)
{
    char path[FOLDER_PATH];
    FILE *file;
    CHECK(table_open(&file, path, l->to, name));
    fputs("image,label,prediction,confidence\n", file);
    for (int64_t k = 0; k < l->mistakes; k++)
        fprintf(file, "%" PRId64 ",%d,%d,%.4f\n", l->verdicts[k].image, l->verdicts[k].label, l->verdicts[k].prediction,
                l->verdicts[k].confidence);
    return output_close(file, path);
}

static int32_t write_images(const look *l, const char *name, int64_t count)
{
    char path[FOLDER_PATH];
    FILE *file;
    int32_t status = 0;
    CHECK(table_open(&file, path, l->to, name));
    for (int64_t k = 0; k < count && status == 0; k++) {
        status = sixnet_dataset_get_sample(l->seen, l->verdicts[k].image, l->input, NULL);
        write_tile(file, l->input, l->height, l->width);
    }
    CHECK(output_close(file, path));
    CHECK_SIXNET(status);
    return 0;
}

static int32_t draw_mistakes(const look *l)
{
    static const char picture[] = "mnist_mistakes";
    const int64_t room = (int64_t)SHEET_COLUMNS * SHEET_ROWS, shown = l->mistakes < room ? l->mistakes : room;
    char settings[MORE_TEXT];
    CHECK(write_mistakes(l, picture));
    CHECK(write_images(l, "mnist_mistakes_pixels", shown));
    snprintf(settings, sizeof settings,
             "shown = %" PRId64 "\ncolumns = %d\npixels_down = %" PRId64 "\npixels_across = %" PRId64, shown,
             SHEET_COLUMNS, l->height, l->width);
    return look_plot(l, picture, "the images it reads wrong: label, prediction, confidence", settings, plot_mistakes);
}

/* ---- its first filters ---- */

/* The first node of a kind, or SIXNET_NO_NODE. */
static sixnet_node first_of_kind(const sixnet_model *net, const char *kind)
{
    for (sixnet_node k = 0; k < sixnet_node_count(net); k++)
        if (strcmp(sixnet_node_get(net, k, "kind"), kind) == 0)
            return k;
    return SIXNET_NO_NODE;
}

static double largest_of(const float *values, int64_t count)
{
    double largest = 0;
    for (int64_t k = 0; k < count; k++)
        largest = fmax(largest, fabs(values[k]));
    return largest;
}

static int32_t draw_filters(const look *l)
{
    static const char picture[] = "mnist_filters";
    char tensor[256], path[FOLDER_PATH], settings[MORE_TEXT];
    int64_t dims[8];
    int32_t rank;
    FILE *file;
    snprintf(tensor, sizeof tensor, "%s.weight", sixnet_node_get(l->net, first_of_kind(l->net, "conv2d"), "name"));
    CHECK_SIXNET(sixnet_tensor_shape(l->net, tensor, dims, &rank, NULL));
    const float *w = sixnet_tensor_data(l->net, tensor, NULL);
    CHECK(table_open(&file, path, l->to, picture));
    for (int64_t k = 0; k < dims[0]; k++)
        write_tile(file, w + k * dims[2] * dims[3], dims[2], dims[3]);
    CHECK(output_close(file, path));
    snprintf(settings, sizeof settings,
             "filters = %" PRId64 "\npixels_down = %" PRId64 "\npixels_across = %" PRId64 "\nlargest = %.6g", dims[0],
             dims[2], dims[3], largest_of(w, dims[0] * dims[2] * dims[3]));
    return look_plot(l, picture, "the filters of the first convolution", settings, plot_filters);
}

/* ---- an image on its way through the blocks ---- */

/* The net up to a node, with the same parameters: its prediction is the node's output in evaluation mode. */
static int32_t net_up_to(sixnet_model **out, const look *l, sixnet_node last)
{
    char text[4096] = "";
    for (sixnet_node k = 0; k <= last; k++) {
        const size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s\n", sixnet_node_get(l->net, k, "spec"));
    }
    CHECK_SIXNET(sixnet_model_parse(out, NULL, text));
    for (int32_t k = 0; k < sixnet_tensor_count(*out); k++) {
        int64_t count;
        const char *name = sixnet_tensor_name(*out, k);
        const float *values = sixnet_tensor_data(l->net, name, &count);
        CHECK_SIXNET(sixnet_tensor_set(*out, name, values, count));
    }
    return 0;
}

/* Writes the channels that a node gives for the image in l->input. */
static int32_t write_channels(const look *l, sixnet_model *part, FILE *file, const int64_t *dims)
{
    float *values = malloc((size_t)(dims[0] * dims[1] * dims[2]) * sizeof *values);
    if (!values)
        return fail("out of memory");
    const int32_t status = sixnet_model_predict(part, l->input, 1, values);
    for (int64_t k = 0; k < dims[0] && status == 0; k++)
        write_tile(file, values + k * dims[1] * dims[2], dims[1], dims[2]);
    free(values);
    CHECK_SIXNET(status);
    return 0;
}

static int32_t write_block(const look *l, FILE *file, sixnet_node last, const int64_t *dims)
{
    sixnet_model *part = NULL;
    int32_t status = net_up_to(&part, l, last);
    if (status == 0)
        status = write_channels(l, part, file, dims);
    sixnet_model_free(part);
    return status;
}

static void append_number(char *list, int64_t number)
{
    const size_t length = strlen(list);
    snprintf(list + length, LIST_TEXT - length, " %" PRId64, number);
}

/* Every block ends with dropout. The settings tell how many channels of which size the image and the blocks have. */
static int32_t write_blocks(const look *l, FILE *file, char settings[MORE_TEXT])
{
    char channels[LIST_TEXT] = "1", sizes[LIST_TEXT];
    int64_t dims[8];
    int32_t rank;
    snprintf(sizes, sizeof sizes, "%" PRId64, l->height);
    write_tile(file, l->input, l->height, l->width);
    for (sixnet_node k = 0; k < sixnet_node_count(l->net); k++)
        if (strcmp(sixnet_node_get(l->net, k, "kind"), "dropout") == 0) {
            CHECK_SIXNET(sixnet_node_shape(l->net, k, dims, &rank));
            CHECK(write_block(l, file, k, dims));
            append_number(channels, dims[0]);
            append_number(sizes, dims[1]);
        }
    snprintf(settings, MORE_TEXT, "channels = '%s'\nsizes = '%s'", channels, sizes);
    return 0;
}

static int32_t write_scores(const look *l, const char *name)
{
    char path[FOLDER_PATH];
    FILE *file;
    CHECK_SIXNET(sixnet_model_predict(l->net, l->input, 1, l->output));
    const verdict v = judge(l->output, l->classes);
    CHECK(table_open(&file, path, l->to, name));
    fputs("class,probability\n", file);
    for (int k = 0; k < l->classes; k++)
        fprintf(file, "%d,%.6g\n", k, v.confidence * exp(l->output[k] - l->output[v.prediction]));
    return output_close(file, path);
}

static int32_t draw_activations(const look *l)
{
    static const char picture[] = "mnist_activations";
    char path[FOLDER_PATH], settings[MORE_TEXT];
    FILE *file;
    CHECK_SIXNET(sixnet_dataset_get_sample(l->seen, 0, l->input, NULL));
    CHECK(write_scores(l, "mnist_activations_scores"));
    CHECK(table_open(&file, path, l->to, picture));
    const int32_t status = write_blocks(l, file, settings);
    CHECK(output_close(file, path) == 0 ? status : -1);
    return look_plot(l, picture, "an image on its way through the blocks", settings, plot_activations);
}

/* ---- all of it ---- */

static int32_t look_make(look *l)
{
    int64_t dims[8];
    int32_t rank;
    CHECK_SIXNET(sixnet_model_shape(l->net, "input", dims, &rank, NULL));
    l->height = dims[1];
    l->width = dims[2];
    CHECK_SIXNET(sixnet_model_shape(l->net, "output", dims, &rank, NULL));
    l->classes = dims[0];
    l->images = sixnet_dataset_size(l->seen);
    l->verdicts = malloc((size_t)l->images * sizeof *l->verdicts);
    l->input = malloc((size_t)(AT_ONCE * l->height * l->width) * sizeof *l->input);
    l->output = malloc((size_t)(AT_ONCE * l->classes) * sizeof *l->output);
    return l->verdicts && l->input && l->output ? 0 : fail("out of memory");
}

static int32_t look_run(look *l)
{
    CHECK(look_make(l));
    CHECK(judge_all(l));
    qsort(l->verdicts, (size_t)l->images, sizeof *l->verdicts, compare_verdicts);
    CHECK(draw_history(l));
    CHECK(draw_confusion(l));
    CHECK(draw_mistakes(l));
    CHECK(draw_filters(l));
    return draw_activations(l);
}

int32_t plot_model(pictures *p, sixnet_model *net, const sixnet_dataset *images, const char *set)
{
    look l = {.to = p, .net = net, .seen = images, .set = set};
    const int32_t status = look_run(&l);
    free(l.verdicts);
    free(l.input);
    free(l.output);
    return status;
}
