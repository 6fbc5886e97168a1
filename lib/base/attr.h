/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_ATTR_H
#define SIX_BASE_ATTR_H

/* The value of one attribute, as text and in memory. */

#include "spec.h"

enum { SIX_RANGE_SIZE = 96 };

/* Fills a field from a text. SIXNET_BAD_SPEC, with a message that names attribute, value and range, if it is no value of the attribute. */
int32_t six_attr_set(const six_attr *attr, six_span value, void *field);
/* Appends a field as text, from which six_attr_set() makes the same field. */
void six_attr_write(const six_attr *attr, const void *field, six_text *t);
/* Whether two fields of a type have the same value. */
bool six_attr_same(six_type type, const void *a, const void *b);
/* The range of allowed values: "1 to 8", "mean sum none". text is used where it must be made. */
const char *six_attr_range(const six_attr *attr, char text[static SIX_RANGE_SIZE]);
/* "int" */
const char *six_type_name(six_type type);

#endif
