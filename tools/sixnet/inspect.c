/* SPDX-License-Identifier: MIT */

#include "tool.h"

#define ABOUT "Shows what a saved model holds: its tensors with their statistics, its metadata, and its net as a text."

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
    int32_t rank;
    bool parameter, frozen;
    statistics found;
} tensor;

static int32_t tensor_measure(tensor *t, const sixnet_model *net, int32_t index)
{
    t->name = sixnet_tensor_name(net, index);
    CHECK_SIXNET(sixnet_tensor_shape(net, t->name, t->dims, &t->rank, NULL));
    t->parameter = is_parameter(net, t->name);
    t->frozen = t->parameter && sixnet_tensor_setting(net, t->name, "trainable") == 0;
    t->count = shape_size(t->dims, t->rank);
    double *values = malloc((size_t)t->count * sizeof *values);
    if (!values)
        return fail("out of memory");
    const int32_t status = sixnet_tensor_get_f64(net, t->name, values, t->count);
    if (!status)
        t->found = measure(values, t->count);
    free(values);
    CHECK_SIXNET(status);
    return 0;
}

static void show_row(const tensor *t)
{
    char shape[SHAPE_TEXT];
    printf("%-24s  %-14s  %-9s  %10" PRId64 "  %11.4g  %11.4g  %11.4g  %11.4g", t->name,
           shape_text(t->dims, t->rank, shape),
           t->frozen      ? "frozen"
           : t->parameter ? "parameter"
                          : "buffer",
           t->count, t->found.low, t->found.high, t->found.mean, t->found.deviation);
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
    printf(", \"trainable\": %s, ", t->parameter && !t->frozen ? "true" : "false");
    json_number("min", t->found.low);
    printf(", ");
    json_number("max", t->found.high);
    printf(", ");
    json_number("mean", t->found.mean);
    printf(", ");
    json_number("std", t->found.deviation);
    printf(", \"zeros\": %" PRId64 ", \"not_finite\": %" PRId64 "}", t->found.zeros, t->found.not_finite);
}

/* ---- the pairs of strings in the file's header, which the library has found to be well-formed ---- */

enum { HEADER_MAX = 100000000 };

/* The header, with a NUL behind it, to be freed; NULL for a file that has none. */
static char *read_header(const char *path)
{
    unsigned char head[8];
    uint64_t length = 0;
    char *header = NULL;
    FILE *file = is_regular(path) ? fopen(path, "rb") : NULL;
    if (file && fread(head, 1, sizeof head, file) == sizeof head)
        for (int k = 7; k >= 0; k--)
            length = length << 8 | head[k];
    if (length > 0 && length <= HEADER_MAX)
        header = calloc(length + 1, 1);
    if (header && (fread(header, 1, length, file) != length || *header != '{')) {
        free(header);
        header = NULL;
    }
    if (file)
        fclose(file);
    return header;
}

/* From the quotation mark that opens a string to the one that closes it; NULL if there is none. */
static const char *string_end(const char *c)
{
    if (*c != '"')
        return NULL;
    for (c++; *c && *c != '"'; c++)
        if (*c == '\\' && c[1])
            c++;
    return *c ? c : NULL;
}

/* What stands from one place to another, without the control characters that JSON leaves in strings. */
static void show_part(const char *from, const char *to, bool json)
{
    for (size_t length; from < to; from += length) {
        length = utf8_length(from);
        length = length ? length : 1;
        if (!is_control(from))
            printf("%.*s", (int)length, from);
        else if (json)
            printf("\\u%04x", (unsigned char)from[length - 1]);
        else
            putchar('?');
    }
}

static void show_pair(const char *key, const char *key_end, const char *value, const char *value_end, const char *comma)
{
    if (!comma && key_end - key == 11 && strncmp(key, "\"sixnet.net", 11) == 0)
        return; /* the net is shown as a text */
    printf("%s", comma ? comma : "");
    show_part(comma ? key : key + 1, comma ? key_end + 1 : key_end, comma != NULL);
    printf(": ");
    show_part(comma ? value : value + 1, comma ? value_end + 1 : value_end, comma != NULL);
    printf(comma ? "" : "\n");
}

/* In JSON the strings stay as they are, but for control characters. */
static void show_metadata(const char *header, int json)
{
    static const char title[] = "\"__metadata__\"";
    const char *comma = json ? "" : NULL, *c = strstr(header, title);
    c = c ? c + strlen(title) : "";
    for (c += strspn(c, ": \t\r\n{"); *c == '"'; c += strspn(c, ", \t\r\n")) {
        const char *key = c, *key_end = string_end(key),
                   *value = key_end ? key_end + 1 + strspn(key_end + 1, ": \t\r\n") : "";
        const char *value_end = string_end(value);
        if (!value_end)
            return;
        show_pair(key, key_end, value, value_end, comma);
        comma = json ? ", " : NULL;
        c = value_end + 1;
    }
}

static int32_t show(sixnet_model *net, const char *header, int json)
{
    char digest[65];
    CHECK_SIXNET(sixnet_model_digest(net, digest));
    if (json)
        printf("{\"tensors\": [");
    else
        printf("%-24s  %-14s  %-9s  %10s  %11s  %11s  %11s  %11s\n", "tensor", "shape", "", "values", "min", "max",
               "mean", "std");
    for (int32_t i = 0; i < sixnet_tensor_count(net); i++) {
        tensor t;
        CHECK(tensor_measure(&t, net, i));
        if (json)
            json_row(&t, i == 0);
        else
            show_row(&t);
    }
    printf(json ? "\n], \"metadata\": {" : "\n");
    show_metadata(header, json);
    if (json) {
        printf("}, ");
        json_text("digest", digest);
        printf(", ");
        json_text("net", sixnet_model_text(net));
        printf("}\n");
    } else
        printf("digest: %s\n\n%s", digest, sixnet_model_text(net));
    return 0;
}

/* ---- a safetensors file of another program: its header tells all that is shown ---- */

/* Behind the object that begins here. */
static const char *object_end(const char *c)
{
    for (; *c && *c != '}'; c++) {
        const char *end = string_end(c);
        c = end ? end : c;
    }
    return *c ? c + 1 : c;
}

/* The numbers of "shape": [2, 3]. */
static int32_t read_shape(const char *object, int64_t dims[MAX_RANK])
{
    int32_t rank = 0;
    const char *c = strstr(object, "\"shape\"");
    c = c ? c + strcspn(c, "[") : "";
    while (rank < MAX_RANK && *c && *c != ']') {
        c += strcspn(c, "0123456789]");
        if (*c && *c != ']')
            dims[rank++] = strtoll(c, (char **)&c, 10);
    }
    return rank;
}

static void show_stored(const char *name, const char *name_end, const char *object, const char *comma)
{
    static const char title[] = "\"dtype\"";
    int64_t dims[MAX_RANK];
    char shape[SHAPE_TEXT];
    const int32_t rank = read_shape(object, dims);
    const char *type = strstr(object, title);
    type = type ? type + strlen(title) + strcspn(type + strlen(title), "\"") + 1 : "";
    const int length = (int)strcspn(type, "\"");
    if (comma) {
        printf("%s\n  {\"name\": ", comma);
        show_part(name, name_end + 1, true);
        printf(", \"dtype\": \"%.*s\", ", length, type);
        json_shape("shape", dims, rank);
        putchar('}');
        return;
    }
    printf("%-8.*s  %-14s  %10" PRId64 "  ", length, type, shape_text(dims, rank, shape), shape_size(dims, rank));
    show_part(name + 1, name_end, false);
    putchar('\n');
}

static void show_file(const char *header, int json)
{
    const char *comma = json ? "" : NULL, *end;
    if (json)
        printf("{\"tensors\": [");
    else
        printf("%-8s  %-14s  %10s  %s\n", "dtype", "shape", "values", "tensor");
    for (const char *c = header + 1 + strspn(header + 1, " \t\r\n"); (end = string_end(c));
         c += strspn(c, ", \t\r\n")) {
        const char *object = end + strcspn(end, "{");
        if (strncmp(c, "\"__metadata__\"", 14) != 0) {
            show_stored(c, end, object, comma);
            comma = json ? "," : NULL;
        }
        c = object_end(object);
    }
    printf(json ? "\n], \"metadata\": {" : "\n");
    show_metadata(header, json);
    printf(json ? "}}\n" : "");
}

/* The library checks the file, as one of weights that a net without any takes none of. */
static int32_t inspect_file(const machine *m, const char *path, const char *header, int json)
{
    work w = {.ctx = NULL};
    char options[64];
    snprintf(options, sizeof options, "threads=1 dtype=%.16s", m->dtype);
    int32_t status = sixnet_context_new(&w.ctx, options);
    if (!status)
        status = sixnet_model_parse(&w.net, w.ctx, "input shape=1\n");
    if (!status)
        status = sixnet_model_load_weights(w.net, path, "strict=false", NULL);
    if (!status)
        show_file(header, json);
    else
        status = fail("%s", sixnet_last_error());
    work_close(&w);
    return status;
}

static int32_t inspect_model(const machine *m, const net_files *n, const char *header, int json)
{
    work w = {.ctx = NULL};
    int32_t status = work_open(&w, m, n);
    if (status == 0 && !w.saved)
        status = fail("%s: is a net's text, which has no values; sixnet summary shows it", n->path);
    if (status == 0 && !header)
        status = fail("%s: its header cannot be read", n->path);
    if (status == 0)
        status = show(w.net, header, json);
    work_close(&w);
    return status;
}

int32_t command_inspect(int argc, char **argv)
{
    machine m = machine_default;
    net_files n = {.load = "check_values=false"};
    option_table t = {.count = 0};
    int json = 0;
    add_operand(&t, "MODEL", "a saved model, a checkpoint, or any safetensors file", &n.path);
    add_switch(&t, "--json", "print JSON", &json);
    int32_t status = command_options(argc, argv, ABOUT, &t);
    if (status >= 0)
        return status;
    char *header = read_header(n.path);
    if (header && !strstr(header, "\"sixnet.format\""))
        status = inspect_file(&m, n.path, header, json);
    else
        status = inspect_model(&m, &n, header, json);
    free(header);
    return exit_status(status);
}
