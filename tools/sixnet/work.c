/* SPDX-License-Identifier: MIT */

#include "tool.h"

#include <sys/stat.h>

/* ---- the net ---- */

/* A saved model begins with the length of its header, eight bytes of which the last are zero; a text has no zeros. */
static int32_t is_saved(bool *saved, const char *path)
{
    char head[8];
    if (!is_regular(path))
        return complain("%s: is not there, or is a folder, a pipe or a device; a file is expected", path);
    FILE *file = fopen(path, "rb");
    if (!file)
        return complain("%s: cannot be opened: %s", path, strerror(errno));
    *saved = fread(head, 1, sizeof head, file) == sizeof head && memchr(head, 0, sizeof head);
    fclose(file);
    return 0;
}

static int32_t parse_net(work *w, const char *path)
{
    char *text;
    size_t size;
    PASS(file_read(&text, &size, path, 1 << 24));
    const bool whole = strlen(text) == size;
    const int32_t status = whole ? sixnet_model_parse(&w->net, w->ctx, text) : 0;
    free(text);
    if (!whole)
        return complain("%s: is neither a saved model, which is a .safetensors file, nor a net's text, as it has bytes of zero", path);
    return status < 0 ? complain("%s: %s", path, sixnet_last_error()) : 0;
}

int32_t work_open(work *w, const machine *m, const net_files *n)
{
    char options[256];
    snprintf(options, sizeof options, "threads=%" PRId64 " isa=%.64s dtype=%.64s seed=%" PRId64, m->threads, m->isa, m->dtype,
             m->seed);
    TRY(sixnet_context_new(&w->ctx, options));
    PASS(is_saved(&w->saved, n->path));
    if (w->saved)
        TRY(sixnet_model_load(&w->net, w->ctx, n->path, n->load));
    else
        PASS(parse_net(w, n->path));
    if (n->weights)
        TRY(sixnet_model_load_weights(w->net, n->weights, NULL, NULL));
    w->saved |= n->weights != NULL;
    return 0;
}

int32_t work_open_trained(work *w, const machine *m, const net_files *n)
{
    PASS(work_open(w, m, n));
    return w->saved ? 0 : complain("%s: a net's text has no trained values; add --weights FILE, or name a saved model", n->path);
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

int64_t node_parameters(const sixnet_model *net, sixnet_node node)
{
    const char *name = sixnet_node_get(net, node, "name"), *tensor;
    const size_t length = strlen(name);
    int64_t dims[MAX_RANK], total = 0;
    int32_t rank, trainable;
    for (int32_t i = 0; (tensor = sixnet_tensor_name(net, i)); i++) {
        const char *point = strrchr(tensor, '.');
        if (!point || (size_t)(point - tensor) != length || strncmp(tensor, name, length) != 0 ||
            sixnet_tensor_shape(net, tensor, dims, &rank, &trainable) != SIXNET_OK || !trainable)
            continue;
        total += shape_size(dims, rank);
    }
    return total;
}

/* ---- samples ---- */

/* Makes two tables of one whose rows have inputs and targets. */
static int32_t split_columns(samples *s, const char *path, int64_t target_columns, bool targets_first)
{
    table *both = &s->inputs;
    const size_t element = strcmp(both->type, "u8") == 0 ? 1 : strchr(both->type, '6') ? 8 : 4;
    const size_t row = (size_t)both->columns * element, target = (size_t)target_columns * element, input = row - target;
    char *values = both->values, *targets = malloc((size_t)both->rows * target);
    if (!targets)
        return complain("%s: there is not enough memory for it", path);
    for (int64_t r = 0; r < both->rows; r++) {
        const char *from = values + (size_t)r * row;
        memcpy(targets + (size_t)r * target, from + (targets_first ? 0 : input), target);
        memmove(values + (size_t)r * input, from + (targets_first ? target : 0), input);
    }
    s->targets = (table){.type = both->type, .values = targets, .rows = both->rows, .columns = target_columns};
    both->columns -= target_columns;
    return 0;
}

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
    const char *remedy = found == input ? "; --labels FILE names a file of targets" : "";
    if (s->inputs.rank > 1)
        snprintf(shape, sizeof shape, " (%s)", shape_text(s->inputs.dims, s->inputs.rank, dims));
    const bool with_target = !d->labels && is_target(w, found - input);
    if (labelled && !d->labels ? with_target : found == input || (with_target && s->inputs.rank < 2))
        return 0;
    if (labelled && !d->labels)
        return complain("%s: a sample has %" PRId64 " values%s, but the net takes %" PRId64 " and a target of %" PRId64 "%s",
                        d->data, found, shape, input, target, remedy);
    return complain("%s: a sample has %" PRId64 " values%s, but the net takes %" PRId64, d->data, found, shape, input);
}

static int32_t join_tables(samples *s, const work *w, const data_options *d)
{
    int64_t dims[MAX_RANK], target_dims[MAX_RANK];
    int32_t rank, target_rank = 0;
    char spec[512], shape[SHAPE_TEXT], target_shape[SHAPE_TEXT];
    TRY(sixnet_model_shape(w->net, "input", dims, &rank, NULL));
    if (sixnet_model_shape(w->net, "target", target_dims, &target_rank, NULL) != SIXNET_OK)
        target_rank = 0;
    if (s->targets.values && s->targets.rows != s->inputs.rows)
        return complain("%s has %" PRId64 " samples, but %s has %" PRId64 " targets", d->data, s->inputs.rows, d->labels,
                        s->targets.rows);
    if (s->targets.values && !is_target(w, s->targets.columns))
        return complain("%s: a target has %" PRId64 " values, but the net's loss takes %" PRId64, d->labels ? d->labels : d->data,
                        s->targets.columns, net_size(w->net, "target"));
    if (s->targets.values && s->targets.columns != net_size(w->net, "target"))
        target_dims[0] = target_rank = 1;
    const double scale = !isnan(d->scale) ? d->scale : strcmp(s->inputs.type, "u8") == 0 ? 1.0 / 255 : 1;
    snprintf(spec, sizeof spec, "inputs=%s shape=%s targets=%s target_shape=%s scale=%.17g copy=false", s->inputs.type,
             shape_text(dims, rank, shape), s->targets.values ? s->targets.type : "f32",
             shape_text(target_dims, target_rank, target_shape), scale);
    TRY(sixnet_dataset_from_arrays(&s->set, w->ctx, spec, s->inputs.values, s->targets.values, s->inputs.rows));
    return 0;
}

static int32_t open_tables(samples *s, const work *w, const data_options *d, bool labelled)
{
    bool idx = false;
    PASS(table_read(&s->inputs, d->data));
    PASS(check_columns(s, w, d, labelled));
    if (d->labels)
        PASS(is_idx(&idx, d->labels));
    if (idx)
        return complain("%s is an IDX file, but %s is none; both must be", d->labels, d->data);
    if (d->labels)
        PASS(table_read(&s->targets, d->labels));
    else if (s->inputs.columns > net_size(w->net, "input"))
        PASS(split_columns(s, d->data, s->inputs.columns - net_size(w->net, "input"), d->targets_first));
    return join_tables(s, w, d);
}

static int32_t open_idx(samples *s, const work *w, const data_options *d, bool labelled)
{
    bool idx = true;
    if (d->labels)
        PASS(is_idx(&idx, d->labels));
    if (!idx)
        return complain("%s is an IDX file, but %s is none; both must be", d->data, d->labels);
    if (labelled && !d->labels)
        return complain("%s has no targets; --labels FILE names the file of the labels", d->data);
    if (!isnan(d->scale))
        return complain("--scale is for CSV and NPY; IDX images are from 0 to 1, and --transform changes any samples");
    meter bar = meter_begin("reading", 1);
    meter_name(&bar, d->data);
    const int32_t status = sixnet_dataset_open_idx(&s->set, w->ctx, d->data, d->labels);
    meter_end(&bar);
    TRY(status);
    return 0;
}

static int32_t open_folder(samples *s, const work *w, const data_options *d, const char *set)
{
    char images[PATH_SIZE], labels[PATH_SIZE];
    data_options pair = *d;
    pair.data = images;
    pair.labels = labels;
    if (d->labels)
        return complain("--labels is for a file of samples; the folder %s has its own", d->data);
    PASS(mnist_path(images, d->data, set, "images", "idx3"));
    PASS(mnist_path(labels, d->data, set, "labels", "idx1"));
    return open_idx(s, w, &pair, true);
}

int32_t samples_open(samples *s, const work *w, const data_options *d, const char *set, bool labelled)
{
    struct stat about;
    bool idx;
    *s = (samples){.labels = d->labels ? d->labels : d->data};
    if (stat(d->data, &about) == 0 && S_ISDIR(about.st_mode))
        return open_folder(s, w, d, set);
    PASS(is_idx(&idx, d->data));
    return idx ? open_idx(s, w, d, labelled) : open_tables(s, w, d, labelled);
}

static double value_at(const table *t, int64_t k)
{
    if (strcmp(t->type, "u8") == 0)
        return ((const uint8_t *)t->values)[k];
    if (strcmp(t->type, "i32") == 0)
        return ((const int32_t *)t->values)[k];
    if (strcmp(t->type, "i64") == 0)
        return (double)((const int64_t *)t->values)[k];
    return strcmp(t->type, "f64") == 0 ? ((const double *)t->values)[k] : (double)((const float *)t->values)[k];
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
    if (classes == 0 || !s->targets.values)
        return false;
    while (k < count && (label = value_at(&s->targets, k)) >= 0 && label < (double)classes && label == floor(label))
        k++;
    if (k == count)
        return false;
    const int64_t row = k / s->targets.columns, line = table_line(s->labels, row);
    complain("%s%s%" PRId64 ": label %.9g; classes from 0 to %" PRId64 " are expected", s->labels, line ? ":" : ": row ",
             line ? line : row, label, classes - 1);
    return true;
}

static bool has_targets(const sixnet_dataset *set)
{
    int64_t dims[MAX_RANK], target_dims[MAX_RANK];
    int32_t rank, target_rank;
    return sixnet_dataset_shape(set, dims, &rank, target_dims, &target_rank) == SIXNET_OK && target_rank > 0;
}

int32_t samples_transform(sixnet_dataset *set, const texts *transforms)
{
    for (int32_t k = 0; k < transforms->count; k++)
        if (strncmp(transforms->item[k], "one_hot ", 8) != 0 || has_targets(set)) /* a record's may be for targets alone */
            TRY(sixnet_dataset_transform(set, transforms->item[k]));
    return 0;
}

void samples_close(samples *s)
{
    sixnet_dataset_free(s->set);
    table_free(&s->inputs);
    table_free(&s->targets);
    s->set = NULL;
}
