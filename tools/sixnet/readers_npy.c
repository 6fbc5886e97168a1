/* SPDX-License-Identifier: MIT */

/* NPY, as numpy.save() writes it, of versions 1 to 3: any order of bytes and of dimensions. */

#include "readers.h"

enum { HEADER_MAX = 4096, MAGIC_SIZE = 6 };

/* ---- types of elements ---- */

/* Each reads an element, whose bytes are in this machine's order. */

static double read_f16(const void *from)
{
    uint16_t bits;
    memcpy(&bits, from, sizeof bits);
    const int exponent = bits >> 10 & 31;
    const double fraction = bits & 1023;
    const double size = exponent == 31 ? (fraction ? NAN : INFINITY)
                        : exponent     ? ldexp(fraction + 1024, exponent - 25)
                                       : ldexp(fraction, -24);
    return bits >> 15 ? -size : size;
}

#define DEFINE_READ(NAME, TYPE)                                                                                        \
    static double read_##NAME(const void *from)                                                                        \
    {                                                                                                                  \
        TYPE value;                                                                                                    \
        memcpy(&value, from, sizeof value);                                                                            \
        return (double)value;                                                                                          \
    }
DEFINE_READ(i8, int8_t)
DEFINE_READ(i16, int16_t)
DEFINE_READ(u16, uint16_t)
DEFINE_READ(u32, uint32_t)

/* An element that the library reads is left as it is; others become the double that they are. */
typedef struct npy_type {
    const char *name, *type;
    size_t size;
    double (*read)(const void *from);
} npy_type;

static const npy_type npy_types[] = {
    {"b1", "f64", 1, read_i8},  {"i1", "f64", 1, read_i8}, {"u1", "u8", 1, NULL},      {"i2", "f64", 2, read_i16},
    {"u2", "f64", 2, read_u16}, {"i4", "i32", 4, NULL},    {"u4", "f64", 4, read_u32}, {"i8", "i64", 8, NULL},
    {"f2", "f64", 2, read_f16}, {"f4", "f32", 4, NULL},    {"f8", "f64", 8, NULL},
};

/* ---- the header, a Python dictionary of three pairs ---- */

typedef struct npy_header {
    const npy_type *type;
    bool swapped, fortran;
    int64_t dims[MAX_RANK + 1]; /* the first counts rows */
    int32_t rank;
    int64_t values;
} npy_header;

typedef struct parser {
    const char *path, *begin, *at, *end;
    int64_t place; /* of `begin` in the file */
} parser;

static int32_t parser_fault(const parser *p, const char *at, const char *expected)
{
    int length = p->end - at < 40 ? (int)(p->end - at) : 40;
    while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\n')) /* which fill the header up */
        length--;
    return fail("%s: byte %" PRId64 ": '%.*s': %s", p->path, p->place + (int64_t)(at - p->begin), length, at, expected);
}

static void skip_blanks(parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || (*p->at >= '\t' && *p->at <= '\r')))
        p->at++;
}

/* Takes a character, if it is the next behind blanks. */
static bool take(parser *p, char c)
{
    skip_blanks(p);
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static bool take_word(parser *p, const char *word)
{
    skip_blanks(p);
    const size_t length = strlen(word);
    if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0)
        return false;
    p->at += length;
    return true;
}

/* A string in either kind of quotation marks, without escapes. */
static bool take_string(parser *p, const char **text, size_t *length)
{
    skip_blanks(p);
    const char mark = p->at < p->end ? *p->at : '\0';
    if (mark != '\'' && mark != '"')
        return false;
    const char *close = memchr(p->at + 1, mark, (size_t)(p->end - p->at - 1));
    if (!close)
        return false;
    *text = p->at + 1;
    *length = (size_t)(close - *text);
    p->at = close + 1;
    return true;
}

static bool host_is_little(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

/* Unsupported types, by the letter after the byte order. */
static const char *content_of(const char *descr, size_t length)
{
    static const struct {
        char letter;
        const char *content;
    } contents[] = {{'c', "complex numbers"}, {'O', "Python objects"}, {'U', "text"},    {'S', "text"},
                    {'M', "dates"},           {'m', "time spans"},     {'V', "records"}, {'u', "uint64"},
                    {'f', "long doubles"}};
    for (size_t k = 0; k < sizeof contents / sizeof *contents && length > 1; k++)
        if (descr[1] == contents[k].letter)
            return contents[k].content;
    return "of an unknown type";
}

static int32_t refuse_content(const parser *p, const char *content)
{
    return fail("%s: values are %s, expected float16, 32 or 64, bool, int8, 16, 32 or 64, or uint8, 16 or 32; convert "
                "them with "
                "array.astype()",
                p->path, content);
}

static int32_t parse_descr(parser *p, npy_header *h)
{
    const char *text, *start;
    size_t length;
    skip_blanks(p);
    start = p->at;
    if (take(p, '['))
        return refuse_content(p, "records");
    if (!take_string(p, &text, &length))
        return parser_fault(p, start, "expected a type such as '<f4'");
    for (size_t k = 0; k < sizeof npy_types / sizeof *npy_types; k++)
        if (length == 3 && strchr("<>=|", text[0]) && memcmp(text + 1, npy_types[k].name, 2) == 0)
            h->type = &npy_types[k];
    if (!h->type)
        return refuse_content(p, content_of(text, length));
    h->swapped = h->type->size > 1 && (text[0] == '<' || text[0] == '>') && (text[0] == '<') != host_is_little();
    return 0;
}

static int32_t parse_order(parser *p, npy_header *h)
{
    h->fortran = take_word(p, "True");
    return h->fortran || take_word(p, "False") ? 0 : parser_fault(p, p->at, "fortran_order is True or False");
}

/* A dimension, which Python 2 wrote with an L behind it; -1 if it is none, or too large. */
static int64_t take_dimension(parser *p)
{
    int64_t dim = -1;
    skip_blanks(p);
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        if (dim > (INT64_MAX >> 8))
            return -1;
        dim = 10 * (dim < 0 ? 0 : dim) + (*p->at - '0');
    }
    if (dim >= 0 && p->at < p->end && *p->at == 'L')
        p->at++;
    return dim;
}

static int32_t parse_shape(parser *p, npy_header *h)
{
    static const char expected[] = "expected a shape of 1 to 9 dimensions, each 1 or greater, within the address space";
    skip_blanks(p);
    const char *start = p->at;
    bool more = take(p, '(');
    h->values = 1;
    while (more && !take(p, ')')) {
        const int64_t dim = take_dimension(p);
        if (h->rank > MAX_RANK || dim < 1 || dim > INT64_MAX / 16 / h->values)
            return parser_fault(p, start, expected);
        h->values *= dim;
        h->dims[h->rank++] = dim;
        more = take(p, ',');
        if (!more && !take(p, ')'))
            return parser_fault(p, start, expected);
    }
    return h->rank > 0 ? 0 : parser_fault(p, start, expected);
}

static int32_t parse_pairs(parser *p, npy_header *h)
{
    static const struct {
        const char *name;
        int32_t (*parse)(parser *p, npy_header *h);
    } keys[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
    static const char expected[] = "a header is a dictionary of descr, fortran_order and shape";
    bool seen[3] = {false}, more = take(p, '{');
    while (more && !take(p, '}')) {
        const char *name, *start;
        size_t length, k = 0;
        skip_blanks(p);
        start = p->at;
        if (!take_string(p, &name, &length))
            return parser_fault(p, start, expected);
        while (k < 3 && (strlen(keys[k].name) != length || memcmp(keys[k].name, name, length) != 0))
            k++;
        if (k == 3 || seen[k] || !take(p, ':'))
            return parser_fault(p, start, expected);
        seen[k] = true;
        CHECK(keys[k].parse(p, h));
        more = take(p, ',');
        if (!more && !take(p, '}'))
            return parser_fault(p, p->at, expected);
    }
    skip_blanks(p);
    return seen[0] && seen[1] && seen[2] && p->at == p->end ? 0 : parser_fault(p, p->at, expected);
}

/* Reads the header; *data is where the elements begin. */
static int32_t parse_header(npy_header *h, size_t *data, const char *path, const char *bytes, size_t size)
{
    const unsigned char *b = (const unsigned char *)bytes;
    const size_t start = size > MAGIC_SIZE && b[MAGIC_SIZE] >= 2 ? 12 : 10;
    if (size < start || memcmp(bytes, NPY_MAGIC, MAGIC_SIZE) != 0 || b[6] < 1 || b[6] > 3)
        return fail("%s: is not an NPY file of version 1, 2 or 3; numpy.save() writes one", path);
    size_t length = b[8] + 256u * b[9];
    if (start == 12)
        length += ((size_t)b[10] << 16) + ((size_t)b[11] << 24);
    if (length > size - start || length > HEADER_MAX)
        return fail("%s: byte 8: a header of %zu bytes, which the file does not have or which is too long", path,
                    length);
    parser p = {path, bytes + start, bytes + start, bytes + start + length, (int64_t)start};
    *data = start + length;
    return parse_pairs(&p, h);
}

/* ---- the elements ---- */

static void swap_bytes(char *values, int64_t count, size_t size)
{
    for (char *v = values; v < values + (size_t)count * size; v += size)
        for (size_t k = 0; k < size / 2; k++) {
            const char byte = v[k];
            v[k] = v[size - 1 - k];
            v[size - 1 - k] = byte;
        }
}

/* Writes the elements at `from` to `to`, last index fastest and as doubles where the type is read so. */
static void npy_convert(char *to, const char *from, const npy_header *h)
{
    const size_t size = h->type->size, step = h->type->read ? sizeof(double) : size;
    int64_t index[MAX_RANK + 1] = {0}, stride[MAX_RANK + 1], place = 0;
    for (int64_t product = 1, k = 0; k < h->rank; product *= h->dims[h->fortran ? k : h->rank - 1 - k], k++)
        stride[h->fortran ? k : h->rank - 1 - k] = product;
    for (int64_t k = 0; k < h->values; k++, to += step) {
        const char *element = from + (size_t)place * size;
        if (h->type->read) {
            const double value = h->type->read(element);
            memcpy(to, &value, sizeof value);
        } else
            memcpy(to, element, size);
        for (int32_t d = h->rank - 1; d >= 0; d--) {
            place += stride[d];
            if (++index[d] < h->dims[d])
                break;
            place -= stride[d] * h->dims[d];
            index[d] = 0;
        }
    }
}

/* Leaves a table's values in *values, whose bytes are those of the file. */
static int32_t npy_values(char **values, const npy_header *h, const char *path, size_t data, size_t size)
{
    const size_t element = h->type->size;
    if ((uint64_t)h->values != (size - data) / element || (size - data) % element)
        return fail("%s: %zu bytes follow the header, but its shape takes %" PRIu64, path, size - data,
                    (uint64_t)h->values * element);
    if (h->swapped)
        swap_bytes(*values + data, h->values, element);
    if (!h->type->read && !h->fortran) {
        memmove(*values, *values + data, size - data);
        return 0;
    }
    char *converted = malloc((size_t)h->values * (h->type->read ? sizeof(double) : element));
    if (!converted)
        return fail("%s: there is not enough memory for it", path);
    npy_convert(converted, *values + data, h);
    free(*values);
    *values = converted;
    return 0;
}

static int32_t check_finite(const table *t, const char *path, bool missing)
{
    if (t->type[0] != 'f')
        return 0;
    for (int64_t k = 0; k < t->rows * t->columns; k++) {
        const double value = table_value(t, k);
        if (isfinite(value) || (missing && isnan(value)))
            continue;
        return fail("%s: value %" PRId64 " of row %" PRId64 " is not a finite number%s", path, k % t->columns,
                    k / t->columns, isnan(value) ? "; --missing drop, mean or zero tells what to do" : "");
    }
    return 0;
}

static int32_t npy_parse(table *t, const char *path, size_t size, const table_options *o)
{
    npy_header h = {0};
    size_t data = 0;
    char *values = t->values;
    CHECK(parse_header(&h, &data, path, values, size));
    const int32_t status = npy_values(&values, &h, path, data, size);
    t->values = values;
    if (status != 0)
        return status;
    t->type = h.type->type;
    t->rows = h.dims[0];
    t->columns = h.values / h.dims[0];
    t->rank = h.rank - 1;
    memcpy(t->dims, h.dims + 1, (size_t)t->rank * sizeof *h.dims);
    return check_finite(t, path, o->missing != MISSING_ERROR);
}

int32_t npy_read(table *t, source *s, const table_options *o)
{
    char *bytes;
    size_t size;
    const int32_t status = source_rest(s, &bytes, &size, PTRDIFF_MAX);
    t->values = bytes;
    return status == 0 ? npy_parse(t, s->path, size, o) : status;
}
