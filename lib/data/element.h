/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_ELEMENT_H
#define SIX_DATA_ELEMENT_H

#include <stdbool.h>

#include "base/context.h"

/* A type that arrays and files have their values in. */
typedef struct six_element {
    const char *name;
    size_t size;
    bool wide; /* has values that a float rounds */
    /* Reads n values, which need not be aligned, multiplies them in double and rounds the products to floats or doubles. Whole numbers
     * beyond 2^53 become the nearest doubles. */
    void (*read[2])(const void *from, int64_t n, double scale, void *to); /* [six_dtype] */
} six_element;

/* In the order of SIX_ELEMENT_WORDS, which are those that callers may have their arrays in. */
enum {
    SIX_ELEMENT_F32,
    SIX_ELEMENT_F64,
    SIX_ELEMENT_U8,
    SIX_ELEMENT_I32,
    SIX_ELEMENT_I64,
    SIX_ELEMENT_I8,
    SIX_ELEMENT_I16,
    SIX_ELEMENT_U16
};
#define SIX_ELEMENT_WORDS "f32 f64 u8 i32 i64"
extern const six_element six_elements[];

#endif
