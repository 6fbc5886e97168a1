/* SPDX-License-Identifier: MIT */
#include "spec.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "status.h"

enum { QUOTE_MAX = 40, QUOTE_SIZE = QUOTE_MAX + 4, RANGE_SIZE = 96 };

/* ---- words ---- */

static size_t span_length(six_span s) { return (size_t)(s.end - s.begin); }

static six_span span_of(const char *text) { return (six_span){text, text + strlen(text)}; }

static bool span_equal(six_span a, six_span b)
{
    return span_length(a) == span_length(b) && memcmp(a.begin, b.begin, span_length(a)) == 0;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* The next word of a text, which is moved behind it; false at the end. */
static bool next_word(const char **text, six_span *word)
{
    const char *c = *text;
    while (is_blank(*c))
        c++;
    word->begin = c;
    while (*c && !is_blank(*c))
        c++;
    word->end = *text = c;
    return word->begin < word->end;
}

static const char *find_char(const char *begin, const char *end, char c)
{
    const char *found = memchr(begin, c, (size_t)(end - begin));
    return found ? found : end;
}

static six_span name_of(six_span word) { return (six_span){word.begin, find_char(word.begin, word.end, '=')}; }

/* A foreign word as a message may show it. */
static const char *quote(six_span s, char buffer[static QUOTE_SIZE])
{
    bool cut = span_length(s) > QUOTE_MAX;
    size_t length = cut ? QUOTE_MAX : span_length(s);
    for (size_t i = 0; i < length; i++)
        buffer[i] = (char)(s.begin[i] >= ' ' && s.begin[i] <= '~' ? s.begin[i] : '?');
    strcpy(buffer + length, cut ? "..." : "");
    return buffer;
}

static int32_t check_text(const char *text)
{
    size_t length = 0;
    for (; text[length]; length++) {
        unsigned char c = (unsigned char)text[length];
        if (length == SIX_SPEC_MAX)
            return six_fail(SIXNET_BAD_SPEC, "the text is longer than %d characters", SIX_SPEC_MAX);
        if ((c < ' ' && !is_blank((char)c)) || c == 0x7F)
            return six_fail(SIXNET_BAD_SPEC, "the text has the control character %d at place %zu", c, length);
    }
    return SIXNET_OK;
}

/* ---- the nearest right spelling ---- */

typedef struct suggestion {
    six_span word, best;
    size_t distance;
} suggestion;

static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static bool begins_with(six_span s, six_span beginning)
{
    return span_length(s) >= span_length(beginning) && memcmp(s.begin, beginning.begin, span_length(beginning)) == 0;
}

static bool same_letter(char a, char b) { return lower(a) == lower(b); }

/* How many characters must change, come, go or swap with their neighbour, without case, to make one word of at most QUOTE_MAX characters
 * the other; 1 for the beginning of a word. */
static size_t distance_of(six_span word, six_span right)
{
    size_t rows = span_length(word), columns = span_length(right),
           row[3][QUOTE_MAX + 1]; /* row[i % 3]: of the first i characters */
    const char *a = word.begin, *b = right.begin;
    if (rows >= 2 && columns > rows && begins_with(right, word))
        return 1;
    for (size_t j = 0; j <= columns; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t *now = row[i % 3], *above = row[(i - 1) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t changed = above[j - 1] + !same_letter(a[i - 1], b[j - 1]);
            now[j] = least(changed, 1 + least(above[j], now[j - 1]));
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[rows % 3][columns];
}

static char next_digit(const char **c, const char *end)
{
    while (*c < end && !(**c >= '0' && **c <= '9'))
        ++*c;
    return *c < end ? *(*c)++ : '\0';
}

/* Whether the digits of a word, if it has any, are those of the other: conv1d is not a misspelt conv2d. */
static bool digits_agree(six_span word, six_span right)
{
    const char *a = word.begin, *b = right.begin;
    char digit = next_digit(&a, word.end);
    if (!digit || begins_with(right, word))
        return true;
    for (; digit && digit == next_digit(&b, right.end);)
        digit = next_digit(&a, word.end);
    return !digit && !next_digit(&b, right.end);
}

static suggestion suggestion_for(six_span word)
{
    size_t length = span_length(word);
    return (suggestion){.word = word, .distance = (length < 6 ? 1 : length < 9 ? 2 : 3) + 1};
}

static void consider(suggestion *s, six_span right)
{
    size_t length = span_length(s->word), other = span_length(right);
    if (length == 0 || length > QUOTE_MAX || other > QUOTE_MAX || !digits_agree(s->word, right))
        return;
    size_t distance = distance_of(s->word, right);
    if (distance < s->distance && distance < (length > other ? length : other)) {
        s->best = right;
        s->distance = distance;
    }
}

static const char *suggestion_text(const suggestion *s, char text[static 80])
{
    text[0] = '\0';
    if (s->best.begin)
        snprintf(text, 80, "; did you mean '%.*s'?", (int)span_length(s->best), s->best.begin);
    return text;
}

/* ---- values ---- */

static const char out_of_range[] = "is out of range, ";
static const char no_number[] = "is not a number";

static const char *range_text(const six_attr *attr, char text[static RANGE_SIZE])
{
    char low[32], high[32];
    six_double_text(attr->low, low);
    six_double_text(attr->high, high);
    bool above_zero = attr->low == SIX_ABOVE_ZERO, no_low = attr->low == -DBL_MAX, no_high = attr->high == DBL_MAX;
    if (no_low && no_high)
        return "any number";
    if (no_low)
        snprintf(text, RANGE_SIZE, "up to %s", high);
    else if (no_high)
        snprintf(text, RANGE_SIZE, above_zero ? "above 0" : "%s and up", low);
    else if (above_zero)
        snprintf(text, RANGE_SIZE, "above 0, up to %s", high);
    else
        snprintf(text, RANGE_SIZE, "%s to %s", low, high);
    return text;
}

/* The functions that follow read a field from a text; they return NULL, or what is wrong with it. */

static const char *read_number(const six_attr *attr, six_span s, double *value)
{
    if (!six_parse_double(s.begin, s.end, value))
        return no_number;
    if (!isfinite(*value))
        return "is not a finite number";
    return *value < attr->low || *value > attr->high ? out_of_range : NULL;
}

static const char *read_whole(const six_attr *attr, six_span s, int64_t *value)
{
    double size;
    if (!six_parse_int64(s.begin, s.end, value))
        return six_parse_double(s.begin, s.end, &size) && fabs(size) >= 0x1p63 ? out_of_range : "is not a whole number";
    return (double)*value < attr->low || (double)*value > attr->high ? out_of_range : NULL;
}

static const char *read_int(const six_attr *attr, six_span s, void *field) { return read_whole(attr, s, field); }

static const char *read_float(const six_attr *attr, six_span s, void *field) { return read_number(attr, s, field); }

static const char *read_bool(const six_attr *attr, six_span s, void *field)
{
    (void)attr;
    bool yes = span_equal(s, span_of("true"));
    *(int32_t *)field = yes;
    return yes || span_equal(s, span_of("false")) ? NULL : "is neither true nor false";
}

static const char *read_pair(const six_attr *attr, six_span s, void *field)
{
    int64_t *pair = field;
    const char *middle = find_char(s.begin, s.end, 'x');
    const char *problem = read_whole(attr, (six_span){s.begin, middle}, &pair[0]);
    pair[1] = pair[0];
    if (!problem && middle < s.end)
        problem = read_whole(attr, (six_span){middle + 1, s.end}, &pair[1]);
    return problem && problem != out_of_range
               ? "is not a whole number or two with an x between them, such as 1x9 for height 1 and width 9"
               : problem;
}

static const char *read_shape(const six_attr *attr, six_span s, void *field)
{
    six_shape *shape = field;
    const char *begin = s.begin, *end;
    do {
        if (shape->rank == SIX_MAX_RANK)
            return "has more than 8 dimensions";
        end = find_char(begin, s.end, 'x');
        const char *problem = read_whole(attr, (six_span){begin, end}, &shape->dim[shape->rank++]);
        if (problem)
            return problem == out_of_range ? problem : "is not whole numbers with an x between them";
        begin = end + 1;
    } while (end < s.end);
    return six_shape_fits(shape) ? NULL : "is not a shape of 1 to 2^40 values";
}

static const char *read_list(const six_attr *attr, six_span s, void *field)
{
    six_list *list = field;
    const char *begin = s.begin, *end;
    if (begin == s.end)
        return NULL;
    do {
        if (list->count == SIX_LIST_MAX)
            return "has more than 1024 numbers";
        end = find_char(begin, s.end, ',');
        const char *problem = read_number(attr, (six_span){begin, end}, &list->value[list->count++]);
        if (problem)
            return problem == no_number ? "is not numbers with commas between them" : problem;
        begin = end + 1;
    } while (end < s.end);
    return NULL;
}

static const char *read_text(const six_attr *attr, six_span s, void *field)
{
    if (span_length(s) >= (attr->type == SIX_TEXT ? SIX_TEXT_MAX : SIX_NAMES_MAX))
        return attr->type == SIX_TEXT ? "is longer than 255 characters" : "is longer than 4095 characters";
    for (const char *c = s.begin; c < s.end; c++)
        if (!(lower(*c) >= 'a' && lower(*c) <= 'z') && !(*c >= '0' && *c <= '9') && !strchr("_.-/,:+*?", *c))
            return "has a character other than letters, digits and _ . - / , : + * ?";
    memcpy(field, s.begin, span_length(s));
    return NULL;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, lower(c)); /* c is not the NUL, which would be found too */
    return found ? (int)(found - digits) : -1;
}

static const char *read_path(const six_attr *attr, six_span s, void *field)
{
    (void)attr;
    char *out = field;
    for (const char *c = s.begin; c < s.end; c++) {
        if (out - (char *)field == SIX_PATH_MAX - 1)
            return "is longer than 4095 characters";
        if (*c != '%') {
            *out++ = *c;
            continue;
        }
        int high = s.end - c > 2 ? hex_digit(c[1]) : -1, low = s.end - c > 2 ? hex_digit(c[2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return "has a '%' without two hexadecimal digits after it; a path's own is written %25, a blank %20";
        *out++ = (char)(16 * high + low);
        c += 2;
    }
    return NULL;
}

static const char *read_choice(const six_attr *attr, six_span s, void *field)
{
    six_span word;
    int32_t place = 0;
    for (const char *rest = attr->choices; next_word(&rest, &word); place++) {
        if (span_equal(word, s)) {
            *(int32_t *)field = place;
            return NULL;
        }
    }
    return "is none of ";
}

/* And these write a field. */

static void write_int(const six_attr *attr, const void *field, six_text *t)
{
    (void)attr;
    six_text_add(t, "%" PRId64, *(const int64_t *)field);
}

static void write_float(const six_attr *attr, const void *field, six_text *t)
{
    (void)attr;
    char text[32];
    six_text_add(t, "%s", six_double_text(*(const double *)field, text));
}

static void write_bool(const six_attr *attr, const void *field, six_text *t)
{
    (void)attr;
    six_text_add(t, "%s", *(const int32_t *)field ? "true" : "false");
}

static void write_pair(const six_attr *attr, const void *field, six_text *t)
{
    const int64_t *pair = field;
    write_int(attr, pair, t);
    if (pair[1] != pair[0])
        six_text_add(t, "x%" PRId64, pair[1]);
}

static void write_shape(const six_attr *attr, const void *field, six_text *t)
{
    (void)attr;
    char text[160];
    six_text_add(t, "%s", six_shape_text(field, text));
}

static void write_list(const six_attr *attr, const void *field, six_text *t)
{
    const six_list *list = field;
    for (int32_t i = 0; i < list->count; i++) {
        six_text_add(t, "%s", i ? "," : "");
        write_float(attr, &list->value[i], t);
    }
}

static void write_text(const six_attr *attr, const void *field, six_text *t)
{
    (void)attr;
    six_text_add(t, "%s", (const char *)field);
}

static void write_path(const six_attr *attr, const void *field, six_text *t)
{
    (void)attr;
    for (const unsigned char *c = field; *c; c++)
        six_text_add(t, *c <= ' ' || *c == '%' || *c == '#' || *c == 0x7F ? "%%%02x" : "%c", *c);
}

static void write_choice(const six_attr *attr, const void *field, six_text *t)
{
    six_span word = {"", ""};
    const char *rest = attr->choices;
    for (int32_t i = *(const int32_t *)field; i >= 0 && next_word(&rest, &word);)
        i--;
    six_text_add(t, "%.*s", (int)span_length(word), word.begin);
}

static const struct {
    const char *name;
    size_t size;
    const char *(*read)(const six_attr *, six_span, void *field);
    void (*write)(const six_attr *, const void *field, six_text *);
    const char *range; /* NULL: numbers */
} types[] = {
    [SIX_INT] = {"int", sizeof(int64_t), read_int, write_int, NULL},
    [SIX_FLOAT] = {"float", sizeof(double), read_float, write_float, NULL},
    [SIX_BOOL] = {"bool", sizeof(int32_t), read_bool, write_bool, "true or false"},
    [SIX_PAIR] = {"pair", 2 * sizeof(int64_t), read_pair, write_pair, NULL},
    [SIX_SHAPE] = {"shape", sizeof(six_shape), read_shape, write_shape, NULL},
    [SIX_LIST] = {"list", sizeof(six_list), read_list, write_list, NULL},
    [SIX_TEXT] = {"text", SIX_TEXT_MAX, read_text, write_text, "letters, digits and _ . - / , : + * ?"},
    [SIX_NAMES] = {"text", SIX_NAMES_MAX, read_text, write_text, "letters, digits and _ . - / , : + * ?"},
    [SIX_CHOICE] = {"choice", sizeof(int32_t), read_choice, write_choice, NULL},
    [SIX_PATH] = {"path", SIX_PATH_MAX, read_path, write_path, "a path, with %20 for a blank and %25 for '%'"},
};

static const char *range_of(const six_attr *attr, char text[static RANGE_SIZE])
{
    if (attr->type == SIX_CHOICE)
        return attr->choices;
    return types[attr->type].range ? types[attr->type].range : range_text(attr, text);
}

static int32_t refuse(const six_attr *attr, six_span value, const char *problem)
{
    char shown[QUOTE_SIZE], range[RANGE_SIZE], nearest[80] = "";
    const char *detail = "";
    if (problem == out_of_range || attr->type == SIX_CHOICE)
        detail = range_of(attr, range);
    if (attr->type == SIX_CHOICE) {
        suggestion s = suggestion_for(value);
        six_span word;
        for (const char *rest = attr->choices; next_word(&rest, &word);)
            consider(&s, word);
        suggestion_text(&s, nearest);
    }
    return six_fail(SIXNET_BAD_SPEC, "%s=%s %s%s%s", attr->name, quote(value, shown), problem, detail, nearest);
}

static int32_t set_value(const six_attr *attr, six_span value, void *field)
{
    memset(field, 0, types[attr->type].size);
    const char *problem = types[attr->type].read(attr, value, field);
    return problem ? refuse(attr, value, problem) : SIXNET_OK;
}

/* ---- kinds ---- */

static const six_attr *attrs_of(const six_kind *kind)
{
    static const six_attr none = {0};
    return kind && kind->attrs ? kind->attrs : &none;
}

static const six_attr *find_attr(const six_kind *kind, six_span name)
{
    for (const six_attr *a = attrs_of(kind); a->name; a++)
        if (span_equal(span_of(a->name), name))
            return a;
    return NULL;
}

static int32_t unknown_attr(const six_kind *kind, const six_kind *common, six_span name)
{
    char shown[QUOTE_SIZE], nearest[80];
    suggestion s = suggestion_for(name);
    for (const six_attr *a = attrs_of(kind); a->name; a++)
        consider(&s, span_of(a->name));
    for (const six_attr *a = attrs_of(common); a->name; a++)
        consider(&s, span_of(a->name));
    return six_fail(SIXNET_BAD_SPEC, "unknown attribute '%s'%s", quote(name, shown), suggestion_text(&s, nearest));
}

static bool has_attr(const char *text, six_span name)
{
    six_span word;
    while (next_word(&text, &word))
        if (span_equal(name_of(word), name))
            return true;
    return false;
}

static int32_t set_defaults(const six_kind *kind, void *out)
{
    int32_t status = SIXNET_OK;
    if (kind && kind->size > 0)
        memset(out, 0, kind->size);
    for (const six_attr *a = attrs_of(kind); a->name && status == SIXNET_OK; a++)
        if (a->default_text)
            status = set_value(a, span_of(a->default_text), (char *)out + a->offset);
    return status;
}

static int32_t check_required(const six_kind *kind, const char *text)
{
    for (const six_attr *a = attrs_of(kind); a->name; a++)
        if (!a->default_text && !has_attr(text, span_of(a->name)))
            return six_fail(SIXNET_BAD_SPEC, "%s is missing", a->name);
    return SIXNET_OK;
}

static int32_t set_attr(const six_kind *kind, six_span word, const char *rest, void *out, const six_kind *common,
                        void *common_out)
{
    char shown[QUOTE_SIZE];
    six_span name = name_of(word);
    if (name.end == word.end)
        return six_fail(SIXNET_BAD_SPEC, "'%s' is not of the form attribute=value", quote(word, shown));
    const six_attr *attr = find_attr(kind, name);
    if (!attr) {
        attr = find_attr(common, name);
        out = common_out;
    }
    if (!attr)
        return unknown_attr(kind, common, name);
    if (has_attr(rest, name))
        return six_fail(SIXNET_BAD_SPEC, "%s given twice", attr->name);
    return set_value(attr, (six_span){name.end + 1, word.end}, (char *)out + attr->offset);
}

static int32_t parse(const six_kind *kind, const char *text, void *out, const six_kind *common, void *common_out)
{
    six_span word;
    int32_t status = check_text(text);
    if (status == SIXNET_OK)
        status = set_defaults(kind, out);
    if (status == SIXNET_OK)
        status = set_defaults(common, common_out);
    for (const char *rest = text; status == SIXNET_OK && next_word(&rest, &word);)
        status = set_attr(kind, word, rest, out, common, common_out);
    if (status == SIXNET_OK)
        status = check_required(kind, text);
    if (status == SIXNET_OK)
        status = check_required(common, text);
    return status;
}

int32_t six_spec_parse(const six_kind *kind, const char *text, void *out, const six_kind *common, void *common_out)
{
    int32_t status = parse(kind, text ? text : "", out, common, common_out);
    return status == SIXNET_OK ? SIXNET_OK : six_fail_prefix(status, "%s: ", kind->name);
}

int32_t six_spec_kind(const char *text, six_span *word, const char **rest)
{
    int32_t status = check_text(text);
    if (status != SIXNET_OK)
        return status;
    *rest = text;
    return next_word(rest, word) ? SIXNET_OK : six_fail(SIXNET_BAD_SPEC, "the text is empty");
}

/* Whether a word is no slip but the name of something that the library does not have, though it has a similar word. */
static bool means_other(six_span word)
{
    static const char others[] =
        "adamax adaptive_maxpool2d asgd bilinear celu deconv2d elu glu log logsigmoid mae max max_unpool2d maxunpool2d "
        "nadam prelu radam rmse rrelu selu softmin unflatten";
    six_span other;
    for (const char *rest = others; next_word(&rest, &other);) {
        size_t i = 0, length = span_length(word);
        while (i < length && i < span_length(other) && same_letter(word.begin[i], other.begin[i]))
            i++;
        if (i == length && i == span_length(other))
            return true;
    }
    return false;
}

const six_kind *six_kind_find(const six_kind *const *kinds, six_span word, const char *family)
{
    char shown[QUOTE_SIZE], nearest[80];
    suggestion s = suggestion_for(word);
    for (const six_kind *const *k = kinds; *k; k++)
        if (span_equal(span_of((*k)->name), word))
            return *k;
    for (; *kinds && !means_other(word); kinds++)
        consider(&s, span_of((*kinds)->name));
    if (s.best.begin)
        six_fail(SIXNET_BAD_SPEC, "unknown %s '%s'%s", family, quote(word, shown), suggestion_text(&s, nearest));
    else
        six_fail(SIXNET_BAD_SPEC, "unknown %s '%s'; there is no such %s", family, quote(word, shown), family);
    return NULL;
}

/* ---- writing ---- */

static bool same_value(six_type type, const void *a, const void *b)
{
    const six_list *list = a, *other = b;
    if (type == SIX_SHAPE)
        return six_shape_equal(a, b);
    if (type == SIX_LIST)
        return list->count == other->count &&
               memcmp(list->value, other->value, (size_t)list->count * sizeof(double)) == 0;
    if (type == SIX_TEXT || type == SIX_NAMES || type == SIX_PATH)
        return strcmp(a, b) == 0;
    return memcmp(a, b, types[type].size) == 0;
}

static bool is_default(const six_attr *attr, const void *field)
{
    union {
        int64_t pair[2];
        six_shape shape;
        six_list list;
        char text[SIX_PATH_MAX];
    } value;
    return attr->default_text && set_value(attr, span_of(attr->default_text), &value) == SIXNET_OK &&
           same_value(attr->type, field, &value);
}

void six_spec_write(const six_kind *kind, const void *values, six_text *t)
{
    for (const six_attr *a = attrs_of(kind); a->name; a++) {
        const void *field = (const char *)values + a->offset;
        if (is_default(a, field))
            continue;
        six_text_add(t, " %s=", a->name);
        types[a->type].write(a, field, t);
    }
}

const char *six_attr_field(const six_attr *attr, const char *field, char *buffer, size_t size)
{
    char range[RANGE_SIZE];
    if (strcmp(field, "name") == 0)
        return attr->name;
    if (strcmp(field, "type") == 0)
        return types[attr->type].name;
    if (strcmp(field, "default") == 0)
        return attr->default_text ? attr->default_text : "required";
    if (strcmp(field, "help") == 0)
        return attr->help;
    if (strcmp(field, "range") != 0)
        return NULL;
    snprintf(buffer, size, "%s", range_of(attr, range));
    return buffer;
}
