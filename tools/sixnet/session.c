/* SPDX-License-Identifier: MIT */

#include "tool.h"

#include <sys/stat.h>

/* ---- the net ---- */

static int32_t parse_net(work *w, const char *path)
{
    char *text;
    CHECK(text_read(&text, path, 1 << 24));
    const bool empty = text[strspn(text, " \t\r\n")] == '\0';
    const int32_t status = empty ? SIXNET_OK : sixnet_model_parse(&w->net, w->ctx, text);
    free(text);
    if (empty)
        return fail("%s: is empty, expected a saved model or a net's text", path);
    return status < 0 ? fail("%s: %s", path, sixnet_last_error()) : 0;
}

int32_t work_open(work *w, const machine *m, const net_files *n)
{
    char options[320];
    file_kind kind;
    snprintf(options, sizeof options, "threads=%" PRId64 " isa=%.64s dtype=%.64s convolution=%.64s seed=%" PRId64,
             m->threads, m->isa, m->dtype, m->convolution, m->seed);
    CHECK_SIXNET(sixnet_context_new(&w->ctx, options));
    if (!is_regular(n->path))
        return fail("%s: is missing, or is a folder, a pipe or a device; name a regular file", n->path);
    CHECK(file_kind_of(&kind, n->path));
    w->saved = kind != FILE_TEXT;
    if (w->saved)
        CHECK_SIXNET(sixnet_model_load(&w->net, w->ctx, n->path, n->load));
    else
        CHECK(parse_net(w, n->path));
    if (n->weights)
        CHECK_SIXNET(sixnet_model_load_weights(w->net, n->weights, NULL, NULL));
    w->saved |= n->weights != NULL;
    return 0;
}

int32_t work_open_trained(work *w, const machine *m, const net_files *n)
{
    CHECK(work_open(w, m, n));
    return w->saved
               ? 0
               : fail("%s: a net's text has no trained values; add --weights FILE, or name a saved model", n->path);
}

void work_close(work *w)
{
    sixnet_model_free(w->net);
    sixnet_context_free(w->ctx);
    *w = (work){.ctx = NULL};
}

int64_t shape_size(const int64_t *dims, int32_t rank)
{
    int64_t size = 1;
    for (int32_t k = 0; k < rank; k++)
        size *= dims[k];
    return size;
}

int64_t net_size(const sixnet_model *net, const char *end)
{
    int64_t dims[MAX_RANK];
    int32_t rank;
    return sixnet_model_shape(net, end, dims, &rank, NULL) == SIXNET_OK ? shape_size(dims, rank) : 0;
}

bool is_parameter(const sixnet_model *net, const char *tensor)
{
    return sixnet_tensor_setting(net, tensor, "parameter") == 1;
}

int64_t node_parameters(const sixnet_model *net, sixnet_node node)
{
    const char *name = sixnet_node_get(net, node, "name"), *tensor;
    const size_t length = strlen(name);
    int64_t dims[MAX_RANK], total = 0;
    int32_t rank;
    for (int32_t i = 0; (tensor = sixnet_tensor_name(net, i)); i++) {
        const char *point = strrchr(tensor, '.');
        if (!point || (size_t)(point - tensor) != length || strncmp(tensor, name, length) != 0 ||
            sixnet_tensor_shape(net, tensor, dims, &rank, NULL) != SIXNET_OK || !is_parameter(net, tensor))
            continue;
        total += shape_size(dims, rank);
    }
    return total;
}

/* ---- samples ---- */

/* Whether a target of so many values can be what the loss takes: it is, or it is a class number, of which a transform may make that. */
static bool is_target(const work *w, int64_t columns)
{
    const int64_t target = net_size(w->net, "target");
    return columns == target || (columns == 1 && target > 0);
}

/* Whether rows fit the net: they have what it takes, or that and the targets. */
static int32_t check_columns(const samples *s, const work *w, const data_options *d, bool labelled)
{
    const int64_t input = net_size(w->net, "input"), target = net_size(w->net, "target"), found = s->inputs.columns;
    char dims[SHAPE_TEXT], shape[SHAPE_TEXT + 8] = "";
    const char *remedy = found == input ? "; --targets FILE names a file of targets" : "";
    if (s->inputs.rank > 1)
        snprintf(shape, sizeof shape, " (%s)", shape_text(s->inputs.dims, s->inputs.rank, dims));
    const bool with_target = !d->labels && is_target(w, found - input);
    if (labelled && !d->labels ? with_target : found == input || (with_target && s->inputs.rank < 2))
        return 0;
    if (labelled && !d->labels)
        return fail("%s: a row has %" PRId64 " values%s, but the net takes %" PRId64 " and a target of %" PRId64
                    ", which is %" PRId64 "%s",
                    d->data, found, shape, input, target, input + target, remedy);
    return fail("%s: a sample has %" PRId64 " values%s, but the net takes %" PRId64, d->data, found, shape, input);
}

/* How a CSV was read: its header, an ignored index, and which columns are targets. */
static void report_csv(const work *w, const table *t, int64_t targets, bool targets_first, const char *path)
{
    char header[64] = "no header", index[64] = "", columns[128] = "";
    const int64_t first = targets_first ? 0 : t->columns, file_first = first + t->index_column + 1;
    const char *name = table_name(t, first);
    if (w->quiet || !t->lines || (!t->header_line && targets == 0))
        return;
    if (t->header_line)
        snprintf(header, sizeof header, "line %" PRId64 " is the header", t->header_line);
    if (t->index_column)
        snprintf(index, sizeof index, "; column 1 is an index and is ignored");
    if (targets == 1 && name)
        snprintf(columns, sizeof columns, "; column %" PRId64 " ('%.60s') is the target", file_first, name);
    else if (targets == 1)
        snprintf(columns, sizeof columns, "; column %" PRId64 " is the target", file_first);
    else if (targets > 1)
        snprintf(columns, sizeof columns, "; columns %" PRId64 " to %" PRId64 " are the targets", file_first,
                 file_first + targets - 1);
    fail("note: %s: %s%s%s", path, header, index, columns);
}

/* Columns go by their places. Warns where a file names one otherwise than the file of the training samples does. */
static void compare_names(const table *t, int64_t columns, const table *like, const char *path)
{
    for (int64_t k = 0; like && k < columns; k++) {
        const char *name = table_name(t, k), *wanted = table_name(like, k);
        if (!name || !wanted || strcmp(name, wanted) == 0)
            continue;
        fail("warning: %s: column %" PRId64
             " is '%.60s', but '%.60s' in the training samples; columns go by place, not by name",
             path, k + t->index_column + 1, name, wanted);
        return;
    }
}

static void report_missing(const work *w, missing_policy policy, bool of_training, int64_t settled, const char *path)
{
    static const char *const words[] = {
        [MISSING_DROP] = "rows with missing values are dropped",
        [MISSING_MEAN] = "missing values become the means of their columns in this file",
        [MISSING_ZERO] = "missing values become 0",
    };
    if (settled > 0 && !w->quiet)
        fail("note: %s: %" PRId64 " %s", path, settled,
             of_training && policy == MISSING_MEAN ? "missing values become the means of the training samples' columns"
                                                   : words[policy]);
}

static int32_t join_tables(samples *s, const work *w, const data_options *d, missing_policy missing)
{
    int64_t dims[MAX_RANK], target_dims[MAX_RANK], settled;
    int32_t rank, target_rank = 0;
    char spec[512], shape[SHAPE_TEXT], target_shape[SHAPE_TEXT];
    CHECK_SIXNET(sixnet_model_shape(w->net, "input", dims, &rank, NULL));
    if (sixnet_model_shape(w->net, "target", target_dims, &target_rank, NULL) != SIXNET_OK)
        target_rank = 0;
    if (s->targets.values && s->targets.rows != s->inputs.rows)
        return fail("%s has %" PRId64 " samples, but %s has %" PRId64 " targets", d->data, s->inputs.rows, d->labels,
                    s->targets.rows);
    CHECK(table_settle_missing(&s->inputs, &s->targets, missing, d->like, d->data, s->labels, &settled));
    report_missing(w, missing, d->like != NULL, settled, d->data);
    if (s->targets.values && !is_target(w, s->targets.columns))
        return fail("%s: a target has %" PRId64 " values, but the net's loss takes %" PRId64,
                    d->labels ? d->labels : d->data, s->targets.columns, net_size(w->net, "target"));
    if (s->targets.values && s->targets.columns != net_size(w->net, "target"))
        target_dims[0] = target_rank = 1;
    const double scale = !isnan(d->scale) ? d->scale : strcmp(s->inputs.type, "u8") == 0 ? 1.0 / 255 : 1;
    snprintf(spec, sizeof spec, "input_dtype=%s shape=%s target_dtype=%s target_shape=%s scale=%.17g copy=false",
             s->inputs.type, shape_text(dims, rank, shape), s->targets.values ? s->targets.type : "f32",
             shape_text(target_dims, target_rank, target_shape), scale);
    CHECK_SIXNET(
        sixnet_dataset_from_arrays(&s->set, w->ctx, spec, s->inputs.values, s->targets.values, s->inputs.rows));
    return 0;
}

/* Refuses labels that are no table, where the samples are one. */
static int32_t refuse_labels(samples *s, const work *w, const data_options *d, file_kind kind)
{
    if (kind == FILE_GZIP)
        return fail("%s is gzipped, which only IDX files may be, but %s is none", d->labels, d->data);
    if (kind == FILE_OTHER || kind == FILE_IMAGE) /* the library knows what it is */
        CHECK_SIXNET(sixnet_dataset_from_idx(&s->set, w->ctx, d->labels, NULL));
    return fail("%s is an IDX file, but %s is none; both must be", d->labels, d->data);
}

static int32_t open_tables(samples *s, const work *w, const data_options *d, bool labelled)
{
    const table_options o = {
        .header = d->header ? (header_policy)choice_index(HEADER_WORDS, d->header) : HEADER_AUTO,
        .missing = d->missing ? (missing_policy)choice_index(MISSING_WORDS, d->missing) : MISSING_ERROR,
        .most = strcmp(sixnet_context_get(w->ctx, "dtype"), "f64") == 0 ? DBL_MAX : FLT_MAX,
    };
    file_kind kind = FILE_TEXT;
    CHECK(table_read(&s->inputs, d->data, &o));
    CHECK(check_columns(s, w, d, labelled));
    const int64_t targets = d->labels ? 0 : s->inputs.columns - net_size(w->net, "input");
    if (d->labels)
        CHECK(file_kind_of(&kind, d->labels));
    if (kind >= FILE_IMAGE)
        return refuse_labels(s, w, d, kind);
    if (d->labels)
        CHECK(table_read(&s->targets, d->labels, &o));
    else if (targets > 0)
        CHECK(table_split(&s->inputs, &s->targets, targets, d->targets_first, d->data));
    report_csv(w, &s->inputs, targets, d->targets_first, d->data);
    compare_names(&s->inputs, s->inputs.columns + targets, d->like, d->data);
    if (d->labels)
        report_csv(w, &s->targets, 0, false, d->labels);
    return join_tables(s, w, d, o.missing);
}

static int32_t from_idx(samples *s, const work *w, const data_options *d, bool labelled)
{
    file_kind kind = FILE_IDX;
    if (d->labels)
        CHECK(file_kind_of(&kind, d->labels));
    if (kind < FILE_IMAGE)
        return fail("%s is an IDX file, but %s is none; both must be", d->data, d->labels);
    if (labelled && !d->labels)
        return fail("%s has no targets; --targets FILE names the file of the labels", d->data);
    if (!isnan(d->scale))
        return fail("--scale is for CSV and NPY; IDX images are from 0 to 1, and --transform changes any samples");
    meter bar = meter_begin("reading", 1);
    meter_name(&bar, d->data);
    const int32_t status = sixnet_dataset_from_idx(&s->set, w->ctx, d->data, d->labels);
    meter_end(&bar);
    CHECK_SIXNET(status);
    return 0;
}

static bool has_targets(const sixnet_dataset *set)
{
    int64_t dims[MAX_RANK], target_dims[MAX_RANK];
    int32_t rank, target_rank;
    return sixnet_dataset_shape(set, dims, &rank, target_dims, &target_rank) == SIXNET_OK && target_rank > 0;
}

/* An image, or a folder of them, with as many channels as the net takes. */
static int32_t open_images(samples *s, const work *w, const data_options *d, bool labelled)
{
    int64_t dims[MAX_RANK];
    int32_t rank;
    char spec[128], channels[16] = "auto";
    if (d->labels || !isnan(d->scale))
        return fail("%s: %s does not apply to images, whose values are from 0 to 1 and whose folders are classes",
                    d->data, d->labels ? "--targets" : "--scale");
    CHECK_SIXNET(sixnet_model_shape(w->net, "input", dims, &rank, NULL));
    if (rank == 3 && (dims[0] == 1 || dims[0] == 3))
        snprintf(channels, sizeof channels, "%" PRId64, dims[0]);
    snprintf(spec, sizeof spec, "channels=%s resize=%.64s", channels, d->resize ? d->resize : "0");
    meter bar = meter_begin("reading", 1);
    meter_name(&bar, d->data);
    const int32_t status = sixnet_dataset_open(&s->set, w->ctx, d->data, spec);
    meter_end(&bar);
    CHECK_SIXNET(status);
    return !labelled || has_targets(s->set)
               ? 0
               : fail("%s has no classes; a folder of images must have a folder for each class", d->data);
}

static int32_t open_folder(samples *s, const work *w, const data_options *d, const char *set, bool labelled)
{
    char images[PATH_SIZE], labels[PATH_SIZE];
    const bool mnist =
        mnist_find(images, d->data, "train", "images", "idx3") || mnist_find(images, d->data, "t10k", "images", "idx3");
    data_options pair = *d;
    if (!mnist)
        return open_images(s, w, d, labelled);
    pair.data = images;
    pair.labels = labels;
    if (d->labels)
        return fail("--targets is for a file of samples; the folder %s has its own", d->data);
    CHECK(mnist_path(images, d->data, set, "images", "idx3"));
    CHECK(mnist_path(labels, d->data, set, "labels", "idx1"));
    return from_idx(s, w, &pair, true);
}

int32_t samples_open(samples *s, const work *w, const data_options *d, const char *set, bool labelled)
{
    struct stat about;
    file_kind kind;
    *s = (samples){.labels = d->labels ? d->labels : d->data};
    if (stat(d->data, &about) == 0 && S_ISDIR(about.st_mode))
        return open_folder(s, w, d, set, labelled);
    CHECK(file_kind_of(&kind, d->data));
    if (kind == FILE_OTHER) /* the library knows what it is */
        CHECK_SIXNET(sixnet_dataset_from_idx(&s->set, w->ctx, d->data, NULL));
    if (kind == FILE_IMAGE)
        return open_images(s, w, d, labelled);
    return kind < FILE_IMAGE ? open_tables(s, w, d, labelled) : from_idx(s, w, d, labelled);
}

/* The number of classes that a label of the net's loss can be; 0 if it takes no labels. */
static int64_t net_classes(const sixnet_model *net)
{
    int64_t dims[MAX_RANK];
    int32_t rank;
    const int64_t scores = net_size(net, "output"), targets = net_size(net, "target");
    if (scores == targets || sixnet_model_shape(net, "output", dims, &rank, NULL) != SIXNET_OK)
        return 0;
    return targets * dims[0] == scores ? dims[0] : 0;
}

bool samples_blamed(const samples *s, const work *w)
{
    const int64_t classes = net_classes(w->net), count = s->targets.rows * s->targets.columns;
    int64_t k = 0;
    double label = 0;
    char place[TABLE_PLACE];
    if (classes == 0 || !s->targets.values)
        return false;
    while (k < count && (label = table_value(&s->targets, k)) >= 0 && label < (double)classes && label == floor(label))
        k++;
    if (k == count)
        return false;
    fail("%s: label %.9g is out of range; expected a class from 0 to %" PRId64,
         table_place(&s->targets, s->labels, k / s->targets.columns, place), label, classes - 1);
    return true;
}

int32_t samples_transform(sixnet_dataset *set, const texts *transforms)
{
    for (int32_t k = 0; k < transforms->count; k++)
        if (strncmp(transforms->item[k], "one_hot ", 8) != 0 ||
            has_targets(set)) /* a record's may be for targets alone */
            CHECK_SIXNET(sixnet_dataset_add_transform(set, transforms->item[k]));
    return 0;
}

void samples_close(samples *s)
{
    sixnet_dataset_free(s->set);
    table_free(&s->inputs);
    table_free(&s->targets);
    s->set = NULL;
}
