/* SPDX-License-Identifier: MIT */

/* The types of attributes: their values as text and in memory. */

#include "attr.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "status.h"
#include "suggestion.h"

static const char out_of_range[] = "is out of range, ";
static const char no_number[] = "is not a number";

static const char *range_text(const six_attr *attr, char text[static SIX_RANGE_SIZE])
{
    char low[32], high[32];
    six_double_text(attr->low, low);
    six_double_text(attr->high, high);
    bool above_zero = attr->low == SIX_ABOVE_ZERO, no_low = attr->low == -DBL_MAX, no_high = attr->high == DBL_MAX;
    if (no_low && no_high)
        return "any number";
    if (attr->choices)
        snprintf(text, SIX_RANGE_SIZE, "%s to %s, or one of: %s", low, high, attr->choices);
    else if (no_low)
        snprintf(text, SIX_RANGE_SIZE, "up to %s", high);
    else if (no_high)
        snprintf(text, SIX_RANGE_SIZE, above_zero ? "above 0" : "%s and up", low);
    else if (above_zero)
        snprintf(text, SIX_RANGE_SIZE, "above 0, up to %s", high);
    else
        snprintf(text, SIX_RANGE_SIZE, "%s to %s", low, high);
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

/* The place of a word among an attribute's choices; -1 if it is none of them. */
static int32_t choice_of(const six_attr *attr, six_span s)
{
    six_span word;
    int32_t place = 0;
    for (const char *rest = attr->choices ? attr->choices : ""; six_next_word(&rest, &word); place++)
        if (six_span_equal(word, s))
            return place;
    return -1;
}

static const char *read_float(const six_attr *attr, six_span s, void *field)
{
    const int32_t choice = choice_of(attr, s);
    if (choice < 0)
        return read_number(attr, s, field);
    *(double *)field = -1 - choice;
    return NULL;
}

static const char *read_int(const six_attr *attr, six_span s, void *field)
{
    const int32_t choice = choice_of(attr, s);
    if (choice < 0)
        return read_whole(attr, s, field);
    *(int64_t *)field = -1 - choice;
    return NULL;
}

static const char *read_bool(const six_attr *attr, six_span s, void *field)
{
    (void)attr;
    bool yes = six_span_equal(s, six_span_of("true"));
    *(int32_t *)field = yes;
    return yes || six_span_equal(s, six_span_of("false")) ? NULL : "is neither true nor false";
}

static const char *read_pair(const six_attr *attr, six_span s, void *field)
{
    int64_t *pair = field;
    const int32_t choice = choice_of(attr, s);
    const char *middle = six_find_char(s.begin, s.end, 'x');
    const char *problem = choice < 0 ? read_whole(attr, (six_span){s.begin, middle}, &pair[0]) : NULL;
    if (choice >= 0)
        pair[0] = -1 - choice;
    pair[1] = pair[0];
    if (!problem && choice < 0 && middle < s.end)
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
        end = six_find_char(begin, s.end, 'x');
        const char *problem = read_whole(attr, (six_span){begin, end}, &shape->dim[shape->rank++]);
        if (problem)
            return problem == out_of_range ? problem : "is not whole numbers with an x between them";
        begin = end + 1;
    } while (end < s.end);
    return six_shape_fits(shape) ? NULL : "is not a shape of 1 to 2^40 values";
}

/* Numbers, of which the first, third, ... end with `after_odd` and the others with a comma. */
static const char *read_numbers(const six_attr *attr, six_span s, six_list *list, char after_odd)
{
    const char *begin = s.begin, *end;
    do {
        if (list->count == SIX_LIST_MAX)
            return "has more than 1024 numbers";
        end = six_find_char(begin, s.end, list->count % 2 ? ',' : after_odd);
        const char *problem = read_number(attr, (six_span){begin, end}, &list->value[list->count++]);
        if (problem)
            return problem;
        begin = end + 1;
    } while (end < s.end);
    return NULL;
}

static const char *read_list(const six_attr *attr, six_span s, void *field)
{
    const char *problem = s.begin == s.end ? NULL : read_numbers(attr, s, field, ',');
    return problem == no_number ? "is not numbers with commas between them" : problem;
}

static const char *read_points(const six_attr *attr, six_span s, void *field)
{
    const six_list *list = field;
    const char *problem = read_numbers(attr, s, field, ':');
    return problem == no_number || (!problem && list->count % 2) ? "is not pairs of numbers, such as 0:0.1,10:0.01"
                                                                 : problem;
}

static const char *read_text(const six_attr *attr, six_span s, void *field)
{
    if (six_span_length(s) >= (attr->type == SIX_TEXT ? SIX_TEXT_MAX : SIX_NAMES_MAX))
        return attr->type == SIX_TEXT ? "is longer than 255 characters" : "is longer than 4095 characters";
    for (const char *c = s.begin; c < s.end; c++)
        if (!(six_lower(*c) >= 'a' && six_lower(*c) <= 'z') && !(*c >= '0' && *c <= '9') && !strchr("_.-/,:+*?", *c))
            return "has a character other than letters, digits and _ . - / , : + * ?";
    memcpy(field, s.begin, six_span_length(s));
    return NULL;
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
        int high = s.end - c > 2 ? six_hex_digit(c[1]) : -1, low = s.end - c > 2 ? six_hex_digit(c[2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return "has a '%' without two hexadecimal digits after it; a path's own is written %25, a blank %20";
        *out++ = (char)(16 * high + low);
        c += 2;
    }
    return NULL;
}

static const char *read_choice(const six_attr *attr, six_span s, void *field)
{
    const int32_t choice = choice_of(attr, s);
    *(int32_t *)field = choice;
    return choice < 0 ? "is none of " : NULL;
}

/* And these write a field. */

static void write_word(const six_attr *attr, int32_t choice, six_text *t)
{
    six_span word = {"", ""};
    const char *rest = attr->choices;
    for (; choice >= 0 && six_next_word(&rest, &word); choice--)
        continue;
    six_text_add(t, "%.*s", (int)six_span_length(word), word.begin);
}

static void write_int(const six_attr *attr, const void *field, six_text *t)
{
    const int64_t value = *(const int64_t *)field;
    if (attr->choices && value < 0)
        write_word(attr, -1 - (int32_t)value, t);
    else
        six_text_add(t, "%" PRId64, value);
}

static void write_float(const six_attr *attr, const void *field, six_text *t)
{
    const double value = *(const double *)field;
    char text[32];
    if (attr->choices && value < 0)
        write_word(attr, -1 - (int32_t)value, t);
    else
        six_text_add(t, "%s", six_double_text(value, text));
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

static void write_numbers(const six_attr *attr, const six_list *list, const char *after_odd, six_text *t)
{
    for (int32_t i = 0; i < list->count; i++) {
        six_text_add(t, "%s", i == 0 ? "" : i % 2 ? after_odd : ",");
        write_float(attr, &list->value[i], t);
    }
}

static void write_list(const six_attr *attr, const void *field, six_text *t) { write_numbers(attr, field, ",", t); }
static void write_points(const six_attr *attr, const void *field, six_text *t) { write_numbers(attr, field, ":", t); }

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
    write_word(attr, *(const int32_t *)field, t);
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
    [SIX_POINTS] = {"points", sizeof(six_list), read_points, write_points, NULL},
    [SIX_TEXT] = {"text", SIX_TEXT_MAX, read_text, write_text, "letters, digits and _ . - / , : + * ?"},
    [SIX_NAMES] = {"text", SIX_NAMES_MAX, read_text, write_text, "letters, digits and _ . - / , : + * ?"},
    [SIX_CHOICE] = {"choice", sizeof(int32_t), read_choice, write_choice, NULL},
    [SIX_PATH] = {"path", SIX_PATH_MAX, read_path, write_path, "a path, with %20 for a blank and %25 for '%'"},
};

const char *six_attr_range(const six_attr *attr, char text[static SIX_RANGE_SIZE])
{
    if (attr->type == SIX_CHOICE)
        return attr->choices;
    return types[attr->type].range ? types[attr->type].range : range_text(attr, text);
}

static int32_t refuse(const six_attr *attr, six_span value, const char *problem)
{
    char shown[SIX_QUOTE_SIZE], range[SIX_RANGE_SIZE], nearest[SIX_SUGGESTION_SIZE] = "";
    const bool ranged = problem == out_of_range || attr->type == SIX_CHOICE, words = attr->choices && !ranged;
    if (attr->choices) {
        six_suggestion s = six_suggestion_for(value);
        six_span word;
        for (const char *rest = attr->choices; six_next_word(&rest, &word);)
            six_suggestion_consider(&s, word);
        six_suggestion_text(&s, nearest);
    }
    return six_fail(SIXNET_BAD_SPEC, "%s=%s %s%s%s%s", attr->name, six_quote(value, shown), problem,
                    words ? ", or one of: " : "",
                    ranged  ? six_attr_range(attr, range)
                    : words ? attr->choices
                            : "",
                    nearest);
}

int32_t six_attr_set(const six_attr *attr, six_span value, void *field)
{
    memset(field, 0, types[attr->type].size);
    const char *problem = types[attr->type].read(attr, value, field);
    return problem ? refuse(attr, value, problem) : SIXNET_OK;
}

void six_attr_write(const six_attr *attr, const void *field, six_text *t) { types[attr->type].write(attr, field, t); }

const char *six_type_name(six_type type) { return types[type].name; }

bool six_attr_same(six_type type, const void *a, const void *b)
{
    const six_list *list = a, *other = b;
    if (type == SIX_SHAPE)
        return six_shape_equal(a, b);
    if (type == SIX_LIST || type == SIX_POINTS)
        return list->count == other->count &&
               memcmp(list->value, other->value, (size_t)list->count * sizeof(double)) == 0;
    if (type == SIX_TEXT || type == SIX_NAMES || type == SIX_PATH)
        return strcmp(a, b) == 0;
    return memcmp(a, b, types[type].size) == 0;
}
