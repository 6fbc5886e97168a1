/* SPDX-License-Identifier: MIT */

/* CSV, NPY and PGM. What a file says of its own size is believed only as far as its bytes go: memory is taken in proportion to what has
 * been read. */

#include "tool.h"

#include <sys/stat.h>

/* ---- bytes, of which the first few can be looked at before they are read ---- */

enum { HEAD = 4 };

typedef struct source {
    const char *path;
    FILE *file;
    unsigned char head[HEAD];
    size_t held, taken; /* of the head */
    int64_t place;      /* of the next byte */
    double size;        /* of the file; 0 for a pipe, whose end nobody knows */
    meter bar;
} source;

static int32_t source_open(source *s, const char *path)
{
    struct stat about = {0};
    *s = (source){.path = path};
    s->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!s->file)
        return complain("%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(fileno(s->file), &about) == 0 && S_ISDIR(about.st_mode))
        return complain("%s: is a folder; a file is expected", path);
    s->held = fread(s->head, 1, HEAD, s->file);
    s->size = S_ISREG(about.st_mode) ? (double)about.st_size : 0;
    s->bar = meter_begin("reading", s->size > 0);
    return 0;
}

static void source_close(source *s)
{
    meter_end(&s->bar);
    if (s->file && s->file != stdin)
        fclose(s->file);
}

/* The next byte, or EOF. */
static int source_byte(source *s)
{
    const int byte = s->taken < s->held ? s->head[s->taken++] : getc_unlocked(s->file);
    s->place += byte != EOF;
    return byte;
}

static int32_t source_check(const source *s)
{
    return ferror(s->file) ? complain("%s: cannot be read: %s", s->path, strerror(errno)) : 0;
}

/* Up to so many; fewer at the end only. */
static size_t source_bytes(source *s, char *to, size_t room)
{
    size_t done = 0;
    while (s->taken < s->held && done < room)
        to[done++] = (char)s->head[s->taken++];
    done += fread(to + done, 1, room - done, s->file);
    s->place += (int64_t)done;
    return done;
}

/* All that is left, up to `most` bytes; *bytes has one more, a NUL. */
static int32_t source_rest(source *s, char **bytes, size_t *size, size_t most)
{
    *bytes = NULL;
    *size = 0;
    for (size_t room = 1 << 16, portion = 1; portion > 0; room *= 2) {
        char *more = realloc(*bytes, room);
        if (!more)
            return complain("%s: there is not enough memory for it", s->path);
        *bytes = more;
        meter_show(&s->bar, (double)s->place, s->size);
        portion = source_bytes(s, more + *size, room - 1 - *size);
        *size += portion;
        if (*size > most)
            return complain("%s: has more than %zu bytes", s->path, most);
    }
    (*bytes)[*size] = '\0';
    return source_check(s);
}

int32_t file_read(char **bytes, size_t *size, const char *path, size_t most)
{
    source s;
    int32_t status = source_open(&s, path);
    *bytes = NULL;
    if (status == 0)
        status = source_rest(&s, bytes, size, most);
    source_close(&s);
    if (status != 0) {
        free(*bytes);
        *bytes = NULL;
    }
    return status;
}

/* ---- a table that grows ---- */

typedef struct floats {
    float *value;
    int64_t count, room;
} floats;

static int32_t floats_add(floats *f, const char *path, double value)
{
    if (f->count == f->room) {
        const int64_t room = f->room ? 2 * f->room : 1024;
        float *more = realloc(f->value, (size_t)room * sizeof *more);
        if (!more)
            return complain("%s: there is not enough memory for it", path);
        f->value = more;
        f->room = room;
    }
    f->value[f->count++] = (float)value;
    return 0;
}

void table_free(table *t)
{
    free(t->values);
    t->values = NULL;
}

/* ---- CSV: numbers with commas, semicolons or tabs between them; lines that begin with '#' are passed over, and so is a first line in
 * which nothing is a number ---- */

enum { CELL = 64, CELLS_MAX = 1 << 24 };

typedef struct csv {
    source s;
    int separator; /* 0 until it is known */
    int64_t line, column;
    char cell[CELL];
    bool quoted;
    floats values;
    int64_t columns;    /* of the lines before; 0 for none yet */
    bool named;         /* there was a line of names */
    int64_t rows, most; /* lines of numbers that were read, and that are wanted */
} csv;

static int32_t csv_fault(const csv *c, const char *what)
{
    return complain("%s:%" PRId64 ": column %" PRId64 ": %s", c->s.path, c->line, c->column, what);
}

static bool ends_cell(csv *c, int byte)
{
    if (!c->separator && (byte == ',' || byte == ';' || byte == '\t'))
        c->separator = byte;
    return byte == EOF || byte == '\n' || byte == c->separator;
}

/* Reads a cell, without blanks and quotation marks around it, cut where it is too long for a number; *end is what it ends with. */
static int32_t csv_cell(csv *c, int first, int *end)
{
    size_t length = 0;
    int byte = first;
    bool inside = false; /* quotation marks */
    for (; inside ? byte != EOF : !ends_cell(c, byte); byte = source_byte(&c->s)) {
        if (byte == '\0')
            return csv_fault(c, "a byte of zero; a CSV is a text");
        if (byte == '"')
            inside = !inside;
        else if (length < CELL - 1 && (length > 0 || byte != ' '))
            c->cell[length++] = (char)byte;
    }
    if (inside)
        return csv_fault(c, "a quotation mark that nothing closes");
    while (length > 0 && (c->cell[length - 1] == ' ' || c->cell[length - 1] == '\r'))
        length--;
    c->cell[length] = '\0';
    *end = byte;
    return 0;
}

/* Decimal numbers only: strtod() would take hexadecimal ones and "nan" too. */
static bool csv_number(const char *cell, double *value)
{
    char *end;
    if (!*cell || cell[strspn(cell, "0123456789+-.eE")])
        return false;
    *value = strtod(cell, &end);
    return *end == '\0' && isfinite(*value) && fabs(*value) <= FLT_MAX;
}

/* One line, whose first byte was read already; *numbers is how many of its cells were some. */
static int32_t csv_line(csv *c, int byte, int64_t *numbers)
{
    double value;
    *numbers = 0;
    for (c->column = 1;; c->column++, byte = source_byte(&c->s)) {
        int end = EOF;
        PASS(csv_cell(c, byte, &end));
        const bool number = csv_number(c->cell, &value);
        if (!number && (c->named || c->columns || *numbers))
            return complain("%s:%" PRId64 ": column %" PRId64 ": '%s' is not a number; a class is its number, from 0", c->s.path,
                            c->line, c->column, c->cell);
        if (number && *numbers != c->column - 1)
            return complain("%s:%" PRId64 ": column %" PRId64 ": a number after words; a line has names only or numbers only",
                            c->s.path, c->line, c->column);
        if (number)
            PASS(floats_add(&c->values, c->s.path, value));
        *numbers += number;
        if (c->column > CELLS_MAX)
            return csv_fault(c, "a line has too many columns");
        if (end == EOF || end == '\n')
            return 0;
    }
}

static int csv_skip(csv *c, int byte)
{
    while (byte != EOF && byte != '\n')
        byte = source_byte(&c->s);
    return byte;
}

static int32_t csv_lines(csv *c)
{
    int64_t numbers;
    for (int byte; c->rows < c->most && (byte = source_byte(&c->s)) != EOF;) {
        c->line++;
        meter_show(&c->s.bar, (double)c->s.place, c->s.size);
        if (c->line == 1 && byte == 0xEF) /* the mark that some programs begin UTF-8 with */
            byte = source_byte(&c->s) == 0xBB && source_byte(&c->s) == 0xBF ? source_byte(&c->s) : 0xEF;
        if (byte == '\r')
            byte = source_byte(&c->s);
        if (byte == '\n' || byte == '#' || byte == EOF) {
            csv_skip(c, byte);
            continue;
        }
        PASS(csv_line(c, byte, &numbers));
        if (numbers == 0) {
            c->named = true;
            continue;
        }
        if (c->columns && numbers != c->columns)
            return complain("%s:%" PRId64 ": %" PRId64 " columns, but the lines before have %" PRId64, c->s.path, c->line,
                            numbers, c->columns);
        c->columns = numbers;
        c->rows++;
    }
    return source_check(&c->s);
}

static int32_t csv_read(table *t, source *s)
{
    csv c = {.s = *s, .most = INT64_MAX};
    const int32_t status = csv_lines(&c);
    s->bar = c.s.bar;
    t->type = "f32";
    t->values = c.values.value;
    t->columns = c.columns;
    t->rows = c.rows;
    t->dims[0] = c.columns;
    t->rank = 1;
    if (status == 0 && t->rows == 0)
        return complain("%s: has no line of numbers", s->path);
    return status;
}

/* ---- NPY, as numpy.save() writes it ---- */

static const struct npy_type {
    const char *name, *type;
    size_t size;
} npy_types[] = {{"u1", "u8", 1}, {"i4", "i32", 4}, {"i8", "i64", 8}, {"f4", "f32", 4}, {"f8", "f64", 8}, {0}};

/* What follows a key of the header, a Python dictionary, behind blanks; NULL if it is not there. */
static const char *npy_value(const char *header, const char *key)
{
    const char *found = strstr(header, key);
    if (!found)
        return NULL;
    found += strlen(key);
    found += strspn(found, " ");
    return *found == ':' ? found + 1 + strspn(found + 1, " ") : NULL;
}

static const struct npy_type *npy_type(const char *descr)
{
    for (const struct npy_type *t = npy_types; t->name; t++)
        if ((descr[0] == '\'' || descr[0] == '"') && descr[1] && strchr("<>=|", descr[1]) &&
            strncmp(descr + 2, t->name, 2) == 0 && descr[4] == descr[0])
            return t;
    return NULL;
}

/* "(60000, 28, 28)": the first number counts rows. */
static int32_t npy_shape(table *t, const char *path, const char *text)
{
    int64_t dims[MAX_RANK + 1], values = 1;
    int32_t rank = 0;
    const char *c = text + strspn(text, "( ");
    for (; *c >= '0' && *c <= '9'; c += strspn(c, ", ")) {
        char *end;
        errno = 0;
        const long long dim = strtoll(c, &end, 10);
        if (rank > MAX_RANK || dim < 1 || errno || dim > INT64_MAX / 16 / values)
            return complain("%s: shape: %.60s: from 1 to %d dimensions of 1 and up, within the address space, are expected", path,
                            text, MAX_RANK + 1);
        values *= dim;
        dims[rank++] = dim;
        c = end;
    }
    if (rank == 0 || *c != ')')
        return complain("%s: shape: %.60s: an array of one dimension or more is expected", path, text);
    t->rows = dims[0];
    t->columns = values / dims[0];
    t->rank = rank - 1;
    memcpy(t->dims, dims + 1, (size_t)t->rank * sizeof *dims);
    return 0;
}

static bool host_is_little(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

static void swap_bytes(char *values, size_t count, size_t size)
{
    for (char *v = values; v < values + count * size; v += size)
        for (size_t k = 0; k < size / 2; k++) {
            const char byte = v[k];
            v[k] = v[size - 1 - k];
            v[size - 1 - k] = byte;
        }
}

/* The header's text, and the number of bytes before the values. */
static int32_t npy_header(char *header, size_t room, size_t *before, const char *path, const char *bytes, size_t size)
{
    const unsigned char *b = (const unsigned char *)bytes;
    const size_t start = size > 6 && b[6] >= 2 ? 12 : 10;
    if (size < start || memcmp(bytes, "\x93NUMPY", 6) != 0 || b[6] < 1 || b[6] > 3)
        return complain("%s: is not an NPY file of version 1, 2 or 3; numpy.save() writes one", path);
    size_t length = b[8] + 256u * b[9];
    if (start == 12)
        length += ((size_t)b[10] << 16) + ((size_t)b[11] << 24);
    if (length > size - start || length >= room)
        return complain("%s: byte 8: a header of %zu bytes, which the file does not have or which is too long", path, length);
    memcpy(header, bytes + start, length);
    header[length] = '\0';
    *before = start + length;
    return 0;
}

static int32_t npy_parse(table *t, const char *path, char *bytes, size_t size)
{
    char header[4096];
    size_t before = 0;
    PASS(npy_header(header, sizeof header, &before, path, bytes, size));
    const char *descr = npy_value(header, "'descr'"), *order = npy_value(header, "'fortran_order'"),
               *shape = npy_value(header, "'shape'");
    if (!descr || !order || !shape)
        return complain("%s: byte 10: a header without descr, fortran_order or shape", path);
    const struct npy_type *type = npy_type(descr);
    if (!type)
        return complain("%s: descr: %.20s: float32, float64, uint8, int32 or int64 is expected; array.astype() converts", path,
                        descr);
    if (strncmp(order, "False", 5) != 0)
        return complain("%s: fortran_order: its last index does not run fastest; numpy.ascontiguousarray() makes it so", path);
    PASS(npy_shape(t, path, shape));
    const uint64_t values = (uint64_t)(t->rows * t->columns);
    if (values != (size - before) / type->size || (size - before) % type->size)
        return complain("%s: %zu bytes follow the header, but its shape takes %" PRIu64, path, size - before,
                        values * type->size);
    memmove(bytes, bytes + before, size - before);
    if (type->size > 1 && (descr[1] == '>') == host_is_little() && descr[1] != '=' && descr[1] != '|')
        swap_bytes(bytes, (size_t)values, type->size);
    t->type = type->type;
    return 0;
}

static int32_t npy_check_finite(const table *t, const char *path)
{
    const bool wide = strcmp(t->type, "f64") == 0;
    if (!wide && strcmp(t->type, "f32") != 0)
        return 0;
    for (int64_t k = 0; k < t->rows * t->columns; k++)
        if (!isfinite(wide ? ((double *)t->values)[k] : (double)((float *)t->values)[k]))
            return complain("%s: value %" PRId64 " of row %" PRId64 " is not a finite number", path, k % t->columns,
                            k / t->columns);
    return 0;
}

static int32_t npy_read(table *t, source *s)
{
    char *bytes;
    size_t size;
    int32_t status = source_rest(s, &bytes, &size, PTRDIFF_MAX);
    t->values = bytes;
    if (status == 0)
        status = npy_parse(t, s->path, bytes, size);
    return status == 0 ? npy_check_finite(t, s->path) : status;
}

/* ---- PGM: a grey image, plain (P2) or raw (P5); its values become those from 0 to 1 ---- */

/* The first byte that is neither blank nor of a comment. */
static int pgm_skip(source *s)
{
    bool comment = false;
    for (;;) {
        const int byte = source_byte(s);
        comment = byte != '\n' && (comment || byte == '#');
        if (byte == EOF || (!comment && byte != ' ' && byte != '\t' && byte != '\r' && byte != '\n'))
            return byte;
    }
}

/* The next number from `low` to `high`, and the one byte after it. */
static int32_t pgm_number(source *s, int32_t low, int32_t high, int32_t *number)
{
    int32_t value = 0, digits = 0;
    for (int byte = pgm_skip(s); byte >= '0' && byte <= '9' && digits < 9; digits++, byte = source_byte(s))
        value = 10 * value + (byte - '0');
    *number = value;
    if (digits > 0 && value >= low && value <= high)
        return 0;
    return complain("%s: byte %" PRId64 ": a number from %" PRId32 " to %" PRId32 " is expected", s->path, s->place, low, high);
}

static int32_t pgm_sample(source *s, int32_t most, int32_t *sample)
{
    const int high = most > 255 ? source_byte(s) : 0, low = source_byte(s);
    *sample = 256 * high + low;
    if (high == EOF || low == EOF)
        return complain("%s: byte %" PRId64 ": the file ends within the image", s->path, s->place);
    return *sample <= most ? 0
                           : complain("%s: byte %" PRId64 ": %" PRId32 " is above the largest value, %" PRId32, s->path, s->place,
                                      *sample, most);
}

static int32_t pgm_parse(floats *f, table *t, source *s)
{
    int32_t width, height, most, sample;
    source_byte(s);
    const bool plain = source_byte(s) == '2';
    PASS(pgm_number(s, 1, 1 << 20, &width));
    PASS(pgm_number(s, 1, 1 << 20, &height));
    PASS(pgm_number(s, 1, 65535, &most));
    for (int64_t k = (int64_t)width * height; k > 0; k--) {
        PASS(plain ? pgm_number(s, 0, most, &sample) : pgm_sample(s, most, &sample));
        PASS(floats_add(f, s->path, (double)sample / most));
    }
    t->rank = 2;
    t->dims[0] = height;
    t->dims[1] = width;
    t->columns = f->count;
    if ((plain ? pgm_skip(s) : source_byte(s)) != EOF)
        return complain("%s: byte %" PRId64 ": more bytes than the image has; a file of one image is expected", s->path,
                        s->place - 1);
    return source_check(s);
}

static int32_t pgm_read(table *t, source *s)
{
    floats f = {0};
    const int32_t status = pgm_parse(&f, t, s);
    t->type = "f32";
    t->values = f.value;
    t->rows = 1;
    return status;
}

/* ---- which of them ---- */

static bool begins_pgm(const source *s)
{
    return s->held > 2 && s->head[0] == 'P' && (s->head[1] == '2' || s->head[1] == '5') && memchr(" \t\r\n#", s->head[2], 5);
}

bool is_regular(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

int32_t is_idx(bool *idx, const char *path)
{
    source s;
    *idx = false;
    if (!is_regular(path))
        return 0; /* what is read from a pipe cannot be read again */
    const int32_t status = source_open(&s, path);
    if (status == 0)
        *idx = s.held == HEAD && (memcmp(s.head, "\0\0", 2) == 0 || memcmp(s.head, "\x1f\x8b", 2) == 0);
    source_close(&s);
    return status;
}

static bool begins_csv(const source *s) { return s->head[0] != 0x93 && !begins_pgm(s); }

int64_t table_line(const char *path, int64_t row)
{
    csv c = {.most = row + 1};
    bool found = is_regular(path) && source_open(&c.s, path) == 0 && begins_csv(&c.s) && csv_lines(&c) == 0 && c.rows > row;
    source_close(&c.s);
    free(c.values.value);
    return found ? c.line : 0;
}

int32_t table_read(table *t, const char *path)
{
    source s;
    *t = (table){.type = NULL};
    int32_t status = source_open(&s, path);
    if (status == 0)
        status = (begins_csv(&s) ? csv_read : begins_pgm(&s) ? pgm_read : npy_read)(t, &s);
    source_close(&s);
    if (status != 0)
        table_free(t);
    return status;
}
