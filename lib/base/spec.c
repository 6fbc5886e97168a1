/* SPDX-License-Identifier: MIT */
#include "spec.h"

#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "foreign.h"
#include "status.h"
#include "suggestion.h"

static six_span name_of(six_span word) { return (six_span){word.begin, six_find_char(word.begin, word.end, '=')}; }

static int32_t check_text(const char *text)
{
    size_t length = 0;
    for (; text[length]; length++) {
        unsigned char c = (unsigned char)text[length];
        if (length == SIX_SPEC_MAX)
            return six_fail(SIXNET_BAD_SPEC, "the text is longer than %d characters", SIX_SPEC_MAX);
        if ((c < ' ' && !six_is_blank((char)c)) || c == 0x7F)
            return six_fail(SIXNET_BAD_SPEC, "control character 0x%02x at offset %zu", c, length);
    }
    return SIXNET_OK;
}

static const six_attr *attrs_of(const six_kind *kind)
{
    static const six_attr none = {0};
    return kind && kind->attrs ? kind->attrs : &none;
}

static const six_attr *find_attr(const six_kind *kind, six_span name)
{
    for (const six_attr *a = attrs_of(kind); a->name; a++)
        if (six_span_equal(six_span_of(a->name), name))
            return a;
    return NULL;
}

static int32_t unknown_attr(const six_kind *kind, const six_kind *common, six_span name)
{
    char shown[SIX_QUOTE_SIZE], nearest[SIX_SUGGESTION_SIZE];
    six_suggestion s = six_suggestion_for(name);
    const char *ours = six_foreign_attribute(kind, common, name);
    if (!ours && six_foreign_size(name))
        return six_fail(SIXNET_BAD_SPEC, "unknown attribute '%s'; leave it out, as it follows from the layer's input",
                        six_quote(name, shown));
    if (ours)
        s.best = six_span_of(ours);
    for (const six_attr *a = attrs_of(kind); a->name && !ours; a++)
        six_suggestion_consider(&s, six_span_of(a->name));
    for (const six_attr *a = attrs_of(common); a->name && !ours; a++)
        six_suggestion_consider(&s, six_span_of(a->name));
    return six_fail(SIXNET_BAD_SPEC, "unknown attribute '%s'%s", six_quote(name, shown),
                    six_suggestion_text(&s, nearest));
}

/* Whether a word by that name sets an attribute. */
static bool sets(six_span name, six_span attr)
{
    const char *ours;
    for (int32_t i = 0; (ours = six_foreign_spelling(name, i)); i++)
        if (six_span_equal(six_span_of(ours), attr))
            return true;
    return six_span_equal(name, attr);
}

static bool has_attr(const char *text, six_span attr)
{
    six_span word;
    while (six_next_word(&text, &word))
        if (sets(name_of(word), attr))
            return true;
    return false;
}

static int32_t set_defaults(const six_kind *kind, void *out)
{
    int32_t status = SIXNET_OK;
    if (kind && kind->size > 0)
        memset(out, 0, kind->size);
    for (const six_attr *a = attrs_of(kind); a->name && !status; a++)
        if (a->default_text)
            status = six_attr_set(a, six_span_of(a->default_text), (char *)out + a->offset);
    return status;
}

static int32_t check_required(const six_kind *kind, const char *text)
{
    for (const six_attr *a = attrs_of(kind); a->name; a++)
        if (!a->default_text && !has_attr(text, six_span_of(a->name)))
            return six_fail(SIXNET_BAD_SPEC, "%s is missing", a->name);
    return SIXNET_OK;
}

/* A kind's struct, and that of the attributes that are accepted too. */
typedef struct target {
    const six_kind *kind, *common;
    void *out, *common_out;
} target;

/* Sets the attribute of that name; rest is the text after the word. */
static int32_t set_attr(const target *t, six_span name, six_span value, const char *rest)
{
    void *out = t->out;
    const six_attr *attr = find_attr(t->kind, name);
    if (!attr) {
        attr = find_attr(t->common, name);
        out = t->common_out;
    }
    if (!attr)
        return unknown_attr(t->kind, t->common, name);
    if (has_attr(rest, name))
        return six_fail(SIXNET_BAD_SPEC, "%s given twice", attr->name);
    return six_attr_set(attr, value, (char *)out + attr->offset);
}

/* The same of a word in another library's spelling, which gives the values of one attribute or of several. */
static int32_t set_attrs(const target *t, six_span word, const char *rest)
{
    char shown[SIX_QUOTE_SIZE];
    const char *ours, *value = name_of(word).end;
    int32_t status = SIXNET_OK, count = 0;
    for (; (ours = six_foreign_spelling(name_of(word), count)) && value < word.end && !status; count++) {
        const six_span part = {value + 1, six_find_char(value + 1, word.end, ',')};
        status = set_attr(t, six_span_of(ours), part, rest);
        value = part.end;
    }
    if (!status && (ours || value < word.end))
        return six_fail(SIXNET_BAD_SPEC, "'%s' has %s values", six_quote(word, shown), ours ? "too few" : "too many");
    return status;
}

static int32_t set_word(const target *t, six_span word, const char *rest)
{
    char shown[SIX_QUOTE_SIZE];
    const six_span name = name_of(word);
    if (name.end == word.end)
        return six_fail(SIXNET_BAD_SPEC, "'%s' is not of the form attribute=value", six_quote(word, shown));
    const char *ours = find_attr(t->kind, name) ? NULL : six_foreign_spelling(name, 0);
    if (ours && (find_attr(t->kind, six_span_of(ours)) || find_attr(t->common, six_span_of(ours))))
        return set_attrs(t, word, rest);
    return set_attr(t, name, (six_span){name.end + 1, word.end}, rest);
}

static int32_t parse(const six_kind *kind, const char *text, void *out, const six_kind *common, void *common_out)
{
    const target t = {kind, common, out, common_out};
    six_span word;
    int32_t status = check_text(text);
    if (!status)
        status = set_defaults(kind, out);
    if (!status)
        status = set_defaults(common, common_out);
    for (const char *rest = text; !status && six_next_word(&rest, &word);)
        status = set_word(&t, word, rest);
    if (!status)
        status = check_required(kind, text);
    if (!status)
        status = check_required(common, text);
    return status;
}

int32_t six_spec_parse(const six_kind *kind, const char *text, void *out, const six_kind *common, void *common_out)
{
    int32_t status = parse(kind, text ? text : "", out, common, common_out);
    return status ? six_fail_prefix(status, "%s: ", kind->name) : SIXNET_OK;
}

int32_t six_spec_kind(const char *text, six_span *word, const char **rest)
{
    int32_t status = check_text(text);
    if (status)
        return status;
    *rest = text;
    return six_next_word(rest, word) ? SIXNET_OK : six_fail(SIXNET_BAD_SPEC, "the text is empty");
}

/* Whether a word is no slip but the name of something that the library does not have, though it has a similar word. */
static bool means_other(six_span word)
{
    static const char others[] =
        "adaptive_maxpool1d asgd bilinear cos deconv2d gru mae max max_unpool2d maxunpool1d maxunpool2d min "
        "rmse rrelu rsqrt sort sum unflatten";
    six_span other;
    for (const char *rest = others; six_next_word(&rest, &other);) {
        size_t i = 0, length = six_span_length(word);
        while (i < length && i < six_span_length(other) && six_lower(word.begin[i]) == six_lower(other.begin[i]))
            i++;
        if (i == length && i == six_span_length(other))
            return true;
    }
    return false;
}

const six_kind *six_kind_find(const six_kind *const *kinds, six_span word, const char *family)
{
    static const char form[] = " (attributes are written name=value, with blanks between them)";
    char shown[SIX_QUOTE_SIZE], nearest[SIX_SUGGESTION_SIZE];
    six_span name;
    const bool call = six_foreign_call(word, &name);
    six_suggestion s = six_suggestion_for(name);
    for (const six_kind *const *k = kinds; *k; k++) {
        if (six_span_equal(six_span_of((*k)->name), word))
            return *k;
        if (six_foreign_class(name, (*k)->name))
            s = (six_suggestion){.best = six_span_of((*k)->name)};
    }
    for (; *kinds && !means_other(name); kinds++)
        six_suggestion_consider(&s, six_span_of((*kinds)->name));
    if (s.best.begin)
        six_fail(SIXNET_BAD_SPEC, "unknown %s '%s'%s%s", family, six_quote(word, shown),
                 six_suggestion_text(&s, nearest), call ? form : "");
    else
        six_fail(SIXNET_BAD_SPEC, "unknown %s '%s'; there is no such %s%s", family, six_quote(word, shown), family,
                 call ? form : "");
    return NULL;
}

/* ---- writing ---- */

static bool is_default(const six_attr *attr, const void *field)
{
    union {
        int64_t pair[2];
        six_shape shape;
        six_list list;
        char text[SIX_PATH_MAX];
    } value;
    return attr->default_text && six_attr_set(attr, six_span_of(attr->default_text), &value) == SIXNET_OK &&
           six_attr_same(attr->type, field, &value);
}

void six_spec_write(const six_kind *kind, const void *values, six_text *t)
{
    for (const six_attr *a = attrs_of(kind); a->name; a++) {
        const void *field = (const char *)values + a->offset;
        if (is_default(a, field))
            continue;
        six_text_add(t, " %s=", a->name);
        six_attr_write(a, field, t);
    }
}

const char *six_attr_field(const six_attr *attr, const char *field, char *buffer, size_t size)
{
    char range[SIX_RANGE_SIZE];
    if (strcmp(field, "name") == 0)
        return attr->name;
    if (strcmp(field, "type") == 0)
        return six_type_name(attr->type);
    if (strcmp(field, "default") == 0)
        return attr->default_text ? attr->default_text : "required";
    if (strcmp(field, "help") == 0)
        return attr->help;
    if (strcmp(field, "range") != 0)
        return NULL;
    snprintf(buffer, size, "%s", six_attr_range(attr, range));
    return buffer;
}
