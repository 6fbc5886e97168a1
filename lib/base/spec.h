/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_SPEC_H
#define SIX_BASE_SPEC_H

/* The one parser of the text interface: layers, losses, optimizers, schedules, transforms and options are tables of attributes. */

#include "shape.h"
#include "span.h"
#include "text.h"

typedef enum six_type {
    SIX_INT,    /* int64_t; the words of choices, if any, are -1, -2 and so on, as in a float and a pair */
    SIX_FLOAT,  /* double */
    SIX_BOOL,   /* int32_t, 0 or 1; written true or false */
    SIX_PAIR,   /* int64_t[2]: height, width; written 3 or 3x5 */
    SIX_SHAPE,  /* six_shape; written 1x28x28 */
    SIX_LIST,   /* six_list; written 10,15.5 */
    SIX_POINTS, /* six_list of an even number; written 0:1.5,10:2 */
    SIX_TEXT,   /* char[SIX_TEXT_MAX], letters, digits and _ . - / , : + * ? */
    SIX_NAMES,  /* the same, but char[SIX_NAMES_MAX] */
    SIX_CHOICE, /* int32_t: the place among the words of choices */
    SIX_PATH,   /* char[SIX_PATH_MAX], in which %20 stands for a blank and %25 for '%' */
} six_type;

enum {
    SIX_TEXT_MAX = 256,
    SIX_NAMES_MAX = 16 * SIX_TEXT_MAX,
    SIX_PATH_MAX = 4096,
    SIX_LIST_MAX = 1024,
    SIX_SPEC_MAX = 65536
};

typedef struct six_list {
    int32_t count;
    double value[SIX_LIST_MAX];
} six_list;

typedef struct six_attr {
    const char *name;
    six_type type;
    size_t offset; /* of the field in the kind's struct */
    double low,
        high; /* of a number, a pair's, a list's or a shape's numbers, both allowed; low = SIX_ABOVE_ZERO for x > 0 */
    const char *default_text; /* NULL: required; "" for an empty list or text */
    const char *choices;      /* "mean sum none"; of a number: words in its place */
    const char *help;
} six_attr;

#define SIX_ABOVE_ZERO 2.2250738585072014e-308
/* Its range if it may be 0 but not 1. */
#define SIX_BELOW_ONE 0, 0.99999999999999989
/* The greatest seed: JSON and checkpoints hold it exactly. */
#define SIX_SEED_MAX 0x1p53
#define SIX_ANY (-1.7976931348623157e308), 1.7976931348623157e308

/* One word of the text interface. attrs ends with a name of NULL; NULL for a kind without attributes. */
typedef struct six_kind {
    const char *name, *help;
    const six_attr *attrs;
    size_t size; /* of the struct that the attributes fill, 0 without */
} six_kind;

/* The first word of a text (the kind's name) and what follows it. SIXNET_BAD_SPEC if there is none, or the text has control characters
 * other than tab and line breaks or is longer than SIX_SPEC_MAX. */
int32_t six_spec_kind(const char *text, six_span *word, const char **rest);

/* Fills `out`, a kind's struct, from the attributes of a text (the defaults first); `common`, if not NULL, is a second table of attributes
 * that are accepted too, and fills common_out. Messages name kind, attribute, range and the nearest right spelling. Whole or nothing: out
 * is undefined after an error. */
int32_t six_spec_parse(const six_kind *kind, const char *text, void *out, const six_kind *common, void *common_out);

/* Appends " attribute=value" for each attribute whose value is not its default; parsing that gives the same struct again. */
void six_spec_write(const six_kind *kind, const void *values, six_text *t);

/* The kind named by a word, from a list that ends with NULL; NULL, with a message "unknown <family> 'x'; did you mean 'y'?" or
 * "…; there is no such <family>", if none. */
const six_kind *six_kind_find(const six_kind *const *kinds, six_span word, const char *family);

/* A field of an attribute, as sixnet_attribute_field() gives it; buffer is used where a text must be made. */
const char *six_attr_field(const six_attr *attr, const char *field, char *buffer, size_t size);

#endif
