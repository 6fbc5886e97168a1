/* SPDX-License-Identifier: MIT */

#include "tool.h"

#include <strings.h>

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

/* Behind the string, the list of numbers or the object of such values that begins here. */
static const char *value_end(const char *c)
{
    const char close = *c == '{' ? '}' : ']';
    if (*c == '"') {
        const char *end = string_end(c);
        return end ? end + 1 : c + strlen(c);
    }
    for (; *c && *c != close; c++) {
        const char *end = string_end(c);
        c = end ? end : c;
    }
    return *c ? c + 1 : c;
}

/* A member of an object: its key from one quotation mark to the other, and its value. */
typedef struct member {
    const char *key, *key_end, *value;
} member;

/* The first member if *c is an object, or the next one; false behind the last. */
static bool next_member(const char **c, member *m)
{
    m->key = *c + strspn(*c, "{, \t\r\n");
    m->key_end = string_end(m->key);
    if (!m->key_end)
        return false;
    m->value = m->key_end + 1 + strspn(m->key_end + 1, ": \t\r\n");
    *c = value_end(m->value);
    return true;
}

/* Whether a member has that key, whose characters may be escaped as in \u0064. */
static bool has_key(const member *m, const char *key)
{
    const char *c = m->key + 1;
    for (char escape[8]; *key; key++) {
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)*key);
        const size_t length = *c == *key ? 1 : strlen(escape);
        if (length > 1 && strncasecmp(c, escape, length) != 0)
            return false;
        c += length;
    }
    return c == m->key_end;
}

/* The value of a key in an object; "" if there is none. */
static const char *value_of(const char *object, const char *key)
{
    for (member m; next_member(&object, &m);)
        if (has_key(&m, key))
            return m.value;
    return "";
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

static void show_pair(const member *m, const char *comma)
{
    const char *end = string_end(m->value);
    if (!comma && has_key(m, "sixnet.net"))
        return; /* the net is shown as a text */
    printf("%s", comma ? comma : "");
    show_part(comma ? m->key : m->key + 1, comma ? m->key_end + 1 : m->key_end, comma != NULL);
    printf(": ");
    show_part(comma ? m->value : m->value + 1, comma ? end + 1 : end, comma != NULL);
    printf(comma ? "" : "\n");
}

/* In JSON the strings stay as they are, but for control characters. */
static void show_metadata(const char *header, int json)
{
    const char *comma = json ? "" : NULL, *c = value_of(header, "__metadata__");
    for (member m; next_member(&c, &m) && string_end(m.value); comma = json ? ", " : NULL)
        show_pair(&m, comma);
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

/* ---- a safetensors file of another program: all output comes from its header ---- */

enum { TYPE_WIDTH = 11 }; /* of F8_E4M3FNUZ */

/* The numbers of a list such as [2, 3]. */
static int32_t read_shape(const char *c, int64_t dims[MAX_RANK])
{
    int32_t rank = 0;
    while (rank < MAX_RANK && *c && *c != ']') {
        c += strcspn(c, "0123456789]");
        if (*c && *c != ']')
            dims[rank++] = strtoll(c, (char **)&c, 10);
    }
    return rank;
}

static void show_stored(const member *m, const char *comma)
{
    int64_t dims[MAX_RANK];
    char shape[SHAPE_TEXT];
    const int32_t rank = read_shape(value_of(m->value, "shape"), dims);
    const char *type = value_of(m->value, "dtype"), *type_end = string_end(type);
    if (comma) {
        printf("%s\n  {\"name\": ", comma);
        show_part(m->key, m->key_end + 1, true);
        printf(", \"dtype\": ");
        show_part(type, type_end + 1, true);
        printf(", ");
        json_shape("shape", dims, rank);
        putchar('}');
        return;
    }
    const ptrdiff_t length = type_end - type - 1;
    show_part(type + 1, type_end, false);
    printf("%*s  %-14s  %10" PRId64 "  ", length < TYPE_WIDTH ? (int)(TYPE_WIDTH - length) : 0, "",
           shape_text(dims, rank, shape), shape_size(dims, rank));
    show_part(m->key + 1, m->key_end, false);
    putchar('\n');
}

static void show_file(const char *header, int json)
{
    const char *comma = json ? "" : NULL, *c = header;
    if (json)
        printf("{\"tensors\": [");
    else
        printf("%-*s  %-14s  %10s  %s\n", TYPE_WIDTH, "dtype", "shape", "values", "tensor");
    for (member m; next_member(&c, &m);)
        if (!has_key(&m, "__metadata__")) {
            show_stored(&m, comma);
            comma = json ? "," : NULL;
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
    if (header && !*value_of(value_of(header, "__metadata__"), "sixnet.format"))
        status = inspect_file(&m, n.path, header, json);
    else
        status = inspect_model(&m, &n, header, json);
    free(header);
    return exit_status(status);
}
