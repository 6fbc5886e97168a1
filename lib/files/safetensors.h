/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_SAFETENSORS_H
#define SIX_FILES_SAFETENSORS_H

/* The safetensors format: eight bytes, the little-endian length of a header; the header, JSON that names each tensor's type,
 * shape and place in the data, and holds pairs of strings; the data. https://github.com/huggingface/safetensors */

#include "base/context.h"
#include "base/shape.h"

/* The element types whose values are read; a file may have tensors of any other. */
enum { SIX_ST_F32, SIX_ST_F64, SIX_ST_F16, SIX_ST_BF16, SIX_ST_VALUES };

enum { SIX_ST_HEADER_MAX = 100000000 }; /* as in the reference implementation */

typedef struct six_st_tensor {
    const char *name;
    const char *dtype;  /* as the file has it */
    int32_t type;       /* below SIX_ST_VALUES if its values are read */
    bool used;          /* for the caller */
    six_shape shape;    /* the rank or a dimension may be 0 */
    int64_t size;       /* values */
    int64_t begin, end; /* bytes of the data */
    size_t place;       /* of the name in the file */
} six_st_tensor;

typedef struct six_st_pair {
    const char *key, *value; /* in the header's copy, where the file has them */
} six_st_pair;

typedef struct six_safetensors {
    const sixnet_context *ctx;
    const char *label; /* of the file, for messages */
    const uint8_t *bytes, *data;
    size_t size, header_size;
    char *header;          /* a copy, in which strings were decoded; names point into it */
    six_st_tensor *tensor; /* by name */
    six_st_pair *pair;     /* by key */
    size_t tensor_count, tensor_capacity, pair_count, pair_capacity;
} six_safetensors;

/* Reads a file's header and checks that the tensors cover the data without hole or overlap. Takes memory below 10 times the
 * header, and time in proportion to n log n. bytes and label must stay. To be freed after success only. */
int32_t six_safetensors_parse(six_safetensors *s, const sixnet_context *ctx, const char *label, const uint8_t *bytes,
                              size_t size);
void six_safetensors_free(six_safetensors *s);

six_st_tensor *six_safetensors_find(const six_safetensors *s, const char *name); /* NULL if there is none */
const char *six_safetensors_get(const six_safetensors *s, const char *key);      /* NULL if there is none */

/* Compares the file with its pair "sixnet.checksum", the SHA-256 of all its bytes with '0' for the digits of the sum itself.
 * Without one it is SIXNET_BAD_FILE if one is required. */
int32_t six_safetensors_verify(const six_safetensors *s, bool required);

/* The i-th value of a tensor whose type is below SIX_ST_VALUES. */
double six_safetensors_value(const six_safetensors *s, const six_st_tensor *t, int64_t i);

#endif
