/* SPDX-License-Identifier: MIT */

/* CSV (RFC 4180): rows of numbers with commas, semicolons or tabs between them, in lines that end with LF, CRLF or CR. Blank lines and
 * those that begin with '#' are passed over; the first row may be a header. A cell is a number as a whole, or it is an error. */

#include "readers.h"

enum { CELL_MAX = 4096, QUOTED = 48, COLUMNS_MAX = 1 << 24, NAMES_MAX = 1 << 20 };

typedef enum cell_kind {
    CELL_NUMBER,
    CELL_INFINITE, /* a number beyond double */
    CELL_LARGE,    /* beyond what is computed with */
    CELL_MISSING,
    CELL_NUMERIC, /* neither a number nor a name, such as 50% or 1,000 */
    CELL_NAME,
} cell_kind;

/* A cell to be complained of. */
typedef struct cell_place {
    int64_t line, column; /* 0 for none */
    cell_kind kind;
    char text[QUOTED];
} cell_place;

/* The contents of a row. */
typedef struct row_tally {
    int64_t cells, names;
    bool empty_first;                    /* the first cell is empty */
    bool empty_last;                     /* the last one is: the line ends with a separator */
    cell_place wrong, missing, nameless; /* the first cell that is no number, that has none, and that is no name */
} row_tally;

typedef struct csv {
    source *s;
    const table_options *o;
    table *t;
    int separator;           /* 0 until it is known */
    int64_t line, cell_line; /* that is being read, from 1, and where the cell began */
    int64_t columns;         /* of the rows before, 0 before the first */
    bool index;              /* the first column is an index, which is dropped */
    bool zero_byte, names_full;
    doubles values;
    int64_t lines_capacity, names_capacity, names_size;
    size_t length;
    char cell[CELL_MAX + 1];
} csv;

static int32_t csv_fault(const csv *c, int64_t column, const char *what)
{
    return fail("%s:%" PRId64 ": column %" PRId64 ": %s", c->s->path, c->cell_line, column, what);
}

/* ---- bytes ---- */

/* The next byte, with one '\n' for each end of a line; EOF at the end, and from a byte of zero on. */
static int csv_byte(csv *c)
{
    size_t found;
    const int byte = c->zero_byte ? EOF : source_byte(c->s);
    if (byte == '\r') {
        const unsigned char *next = source_peek(c->s, 1, &found);
        if (found == 1 && *next == '\n')
            source_byte(c->s);
        return '\n';
    }
    c->zero_byte |= byte == 0;
    return byte == 0 ? EOF : byte;
}

static bool is_blank(const csv *c, int byte)
{
    return byte == ' ' || (byte == '\t' && c->separator && c->separator != '\t');
}

static bool ends_cell(csv *c, int byte)
{
    if (!c->separator && (byte == ',' || byte == ';' || byte == '\t'))
        c->separator = byte;
    return byte == EOF || byte == '\n' || byte == c->separator;
}

/* ---- cells ---- */

static int32_t cell_add(csv *c, int64_t column, int byte)
{
    if (c->length == CELL_MAX)
        return csv_fault(c, column, "the cell has more than 4096 bytes");
    c->cell[c->length++] = (char)byte;
    return 0;
}

/* A quoted cell, in which two quotation marks stand for one; *end is the byte after the blanks that follow. */
static int32_t read_quoted(csv *c, int64_t column, int *end)
{
    bool open = true;
    int byte = csv_byte(c);
    while (open && byte != EOF) {
        if (byte == '"') {
            byte = csv_byte(c);
            open = byte == '"';
        }
        if (open) {
            CHECK(cell_add(c, column, byte));
            c->line += byte == '\n';
            byte = csv_byte(c);
        }
    }
    if (open)
        return csv_fault(c, column, "a quotation mark that nothing closes");
    while (is_blank(c, byte))
        byte = csv_byte(c);
    *end = byte;
    return ends_cell(c, byte) ? 0 : csv_fault(c, column, "text after the quotation mark that closes the cell");
}

/* Reads a cell, whose first byte was read already, without the blanks around it; *end is the byte after it. */
static int32_t read_cell(csv *c, int64_t column, int byte, int *end)
{
    c->length = 0;
    c->cell_line = c->line;
    while (is_blank(c, byte))
        byte = csv_byte(c);
    if (byte == '"') {
        CHECK(read_quoted(c, column, end));
    } else {
        for (; !ends_cell(c, byte); byte = csv_byte(c)) {
            if (byte == '"')
                return csv_fault(c, column, "a quotation mark within a cell; quoted cells begin and end with one");
            CHECK(cell_add(c, column, byte));
        }
        while (c->length > 0 && is_blank(c, c->cell[c->length - 1]))
            c->length--;
        *end = byte;
    }
    c->cell[c->length] = '\0';
    return c->zero_byte ? csv_fault(c, column, "a byte of zero; a CSV is a text") : 0;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static bool is_word_of(const char *const *words, const char *text)
{
    while (*words && strcmp(*words, text) != 0)
        words++;
    return *words != NULL;
}

/* Whether a cell that is no number can be a column's name: it has a letter, and is not meant as a number, as 50%, 1,000, 2024-05-01,
 * 2.5kg, 0x1F and -inf are. 1stFlrSF is a name. */
static bool is_name(const char *cell)
{
    static const char *const words[] = {"inf", "Inf", "INF", "infinity", "Infinity", "nan", "NaN", "NAN", NULL};
    const char *c = cell;
    while (*c && !is_letter(*c) && !is_digit(*c) && *c != '_' && !((*c == '.' || *c == ',') && is_digit(c[1])))
        c++; /* a sign, a bracket, a currency */
    const size_t whole = strspn(c, "0123456789");
    const bool fraction = (c[whole] == '.' || c[whole] == ',') && (is_digit(c[whole + 1]) || c[whole + 1] == '#');
    if (!*c || is_word_of(words, c) || fraction || (whole == 1 && *c == '0' && (c[1] | 0x20) == 'x'))
        return false;
    if (whole == 0)
        return true;
    while (*c && (!is_letter(*c) || (*c | 0x20) == 'e'))
        c++;
    return *c != '\0';
}

static bool is_missing(const char *cell)
{
    static const char *const words[] = {"",    "NA",   "na",   "N/A",  "n/a",  "#N/A", "#NA",  "<NA>", "NaN", "nan",
                                        "NAN", "-NaN", "-nan", "null", "NULL", "Null", "None", "none", "?",   NULL};
    return is_word_of(words, cell);
}

/* A decimal number, and nothing else: strtod() alone would take blanks, hexadecimal numbers and words too. */
static bool read_decimal(const char *cell, double *value)
{
    char *end;
    if (!*cell || cell[strspn(cell, "0123456789+-.eE")])
        return false;
    *value = strtod(cell, &end);
    return *end == '\0';
}

static cell_kind kind_of(const csv *c, double *value)
{
    *value = NAN;
    if (is_missing(c->cell))
        return CELL_MISSING;
    if (!read_decimal(c->cell, value))
        return is_name(c->cell) ? CELL_NAME : CELL_NUMERIC;
    if (!isfinite(*value))
        return CELL_INFINITE;
    return fabs(*value) > c->o->most ? CELL_LARGE : CELL_NUMBER;
}

/* ---- rows ---- */

static void note_cell(const csv *c, cell_place *place, int64_t column, cell_kind kind)
{
    if (place->column)
        return;
    *place = (cell_place){.line = c->cell_line, .column = column, .kind = kind};
    snprintf(place->text, sizeof place->text, "%.*s", QUOTED - 1, c->cell);
}

/* Keeps the first row's cells, as they may turn out to be names. The names are for messages, which do without those past a limit. */
static int32_t keep_name(csv *c)
{
    const int64_t wanted = c->names_size + (int64_t)c->length + 1;
    c->names_full |= wanted > NAMES_MAX;
    if (c->names_full)
        return 0;
    if (wanted > c->names_capacity) {
        char *names = realloc(c->t->names, (size_t)wanted * 2);
        if (!names)
            return fail("%s: there is not enough memory for it", c->s->path);
        c->t->names = names;
        c->names_capacity = 2 * wanted;
    }
    memcpy(c->t->names + c->names_size, c->cell, c->length + 1);
    c->names_size = wanted;
    c->t->names_size = wanted;
    return 0;
}

static int32_t take_cell(csv *c, row_tally *r, bool first_row)
{
    double value;
    const cell_kind kind = kind_of(c, &value);
    const bool index = r->cells == 0 && c->length == 0;
    const int64_t column = ++r->cells;
    r->empty_first |= index;
    r->names += kind == CELL_NAME;
    if (first_row)
        CHECK(keep_name(c));
    if (c->index && column == 1)
        return 0;
    if (kind == CELL_MISSING)
        note_cell(c, &r->missing, column, kind);
    else if (kind != CELL_NUMBER)
        note_cell(c, &r->wrong, column, kind);
    if (kind != CELL_NAME && !index)
        note_cell(c, &r->nameless, column, kind);
    return doubles_add(&c->values, c->s->path, kind == CELL_NUMBER ? value : NAN);
}

/* One row, whose first byte was read already. */
static int32_t read_row(csv *c, int byte, row_tally *r, bool first_row)
{
    for (int end = byte;; byte = csv_byte(c)) {
        CHECK(read_cell(c, r->cells + 1, byte, &end));
        CHECK(take_cell(c, r, first_row));
        if (r->cells > COLUMNS_MAX)
            return csv_fault(c, r->cells, "the row has too many columns");
        if (end == EOF || end == '\n') {
            r->empty_last = r->cells > 1 && c->length == 0;
            return 0;
        }
    }
}

/* Many programs end each line with a separator, which starts no column. */
static const char *slip_of(const row_tally *r)
{
    return r->empty_last ? "; or take away the separator that ends the line" : "";
}

static int32_t refuse_cell(const csv *c, const row_tally *r, bool first_row)
{
    static const char *const faults[] = {
        [CELL_INFINITE] = "' is not a finite number",
        [CELL_LARGE] = "' is beyond the numbers of f32; --dtype f64 has larger ones",
        [CELL_NUMERIC] = "' is not a number",
        [CELL_NAME] = "' is not a number; a class is its number, from 0",
    };
    const cell_place *p = r->wrong.column ? &r->wrong : &r->missing;
    if (p->kind == CELL_MISSING)
        return fail("%s:%" PRId64 ": column %" PRId64
                    ": '%s': the value is missing; --missing drop, mean or zero tells what to do%s",
                    c->s->path, p->line, p->column, p->text, p->column == r->cells ? slip_of(r) : "");
    if (first_row && r->names > 0 && r->nameless.column > 0)
        return fail("%s:%" PRId64 ": column %" PRId64 ": '%s' is not a number, and '%s' in column %" PRId64
                    " is no name, so this row is neither; --header yes takes it for the header%s",
                    c->s->path, p->line, p->column, p->text, r->nameless.text, r->nameless.column,
                    r->nameless.column == r->cells ? slip_of(r) : "");
    return fail("%s:%" PRId64 ": column %" PRId64 ": '%s%s", c->s->path, p->line, p->column, p->text, faults[p->kind]);
}

/* A row of names, and perhaps an index column, which has none. */
static bool is_header(const csv *c, const row_tally *r)
{
    if (c->o->header != HEADER_AUTO)
        return c->o->header == HEADER_YES;
    return r->names > 0 && r->names + r->empty_first == r->cells;
}

static void take_header(csv *c, const row_tally *r, int64_t line)
{
    const char *names = c->t->names;
    c->t->header_line = line;
    c->values.count = 0;
    c->index = r->cells > 1 && (r->empty_first || (names && strcmp(names, "Unnamed: 0") == 0));
    c->t->index_column = c->index;
}

static int32_t keep_line(csv *c, int64_t line)
{
    table *t = c->t;
    if (t->rows == c->lines_capacity) {
        const int64_t capacity = c->lines_capacity ? 2 * c->lines_capacity : 256;
        int64_t *more = realloc(t->lines, (size_t)capacity * sizeof *more);
        if (!more)
            return fail("%s: there is not enough memory for it", c->s->path);
        t->lines = more;
        c->lines_capacity = capacity;
    }
    t->lines[t->rows++] = line;
    return 0;
}

static int32_t take_row(csv *c, int byte)
{
    const bool first_row = c->columns == 0;
    const int64_t line = c->line;
    row_tally r = {0};
    CHECK(read_row(c, byte, &r, first_row));
    if (!first_row && r.cells != c->columns)
        return fail("%s:%" PRId64 ": %" PRId64 " columns, but the rows before have %" PRId64 "%s", c->s->path, line,
                    r.cells, c->columns, r.cells == c->columns + 1 ? slip_of(&r) : "");
    c->columns = r.cells;
    if (first_row && is_header(c, &r)) {
        take_header(c, &r, line);
        return 0;
    }
    if (first_row) {
        free(c->t->names);
        c->t->names = NULL;
    }
    if (r.wrong.column || (r.missing.column && c->o->missing == MISSING_ERROR))
        return refuse_cell(c, &r, first_row);
    return keep_line(c, line);
}

/* ---- lines ---- */

/* Whether the line begins with an error of a spreadsheet rather than a comment; its '#' was read already. */
static bool is_spreadsheet_error(csv *c)
{
    static const char *const words[] = {"N/A",    "NA,",  "NA;",   "NA\t", "DIV/0!",
                                        "VALUE!", "REF!", "NAME?", "NUM!", "NULL!"};
    size_t found;
    const char *next = (const char *)source_peek(c->s, 6, &found);
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strlen(words[k]) <= found && memcmp(next, words[k], strlen(words[k])) == 0)
            return true;
    return false;
}

static int32_t csv_lines(csv *c)
{
    size_t found;
    const unsigned char *head = source_peek(c->s, 3, &found);
    if (found == 3 && memcmp(head, BYTE_ORDER_MARK, 3) == 0)
        for (int k = 0; k < 3; k++)
            source_byte(c->s);
    for (int byte; (byte = csv_byte(c)) != EOF;) {
        c->line++;
        if (byte == '#' && !is_spreadsheet_error(c))
            while (byte != EOF && byte != '\n')
                byte = csv_byte(c);
        else if (byte != '\n')
            CHECK(take_row(c, byte));
    }
    if (c->zero_byte)
        return fail("%s:%" PRId64 ": a byte of zero; a CSV is a text", c->s->path, c->line);
    return source_check(c->s);
}

int32_t csv_read(table *t, source *s, const table_options *o)
{
    csv c = {.s = s, .o = o, .t = t};
    const int32_t status = csv_lines(&c);
    t->type = "f64";
    t->values = c.values.value;
    t->columns = c.columns - c.index;
    t->dims[0] = t->columns;
    t->rank = 1;
    if (status == 0 && t->rows == 0)
        return fail("%s: has no row of numbers", s->path);
    return status;
}
