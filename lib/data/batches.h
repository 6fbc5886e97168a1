/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_BATCHES_H
#define SIX_DATA_BATCHES_H

#include "base/spec.h"

extern const six_kind six_kind_batches;

typedef struct six_batches_options {
    int64_t batch_size, seed; /* seed -1: the context's */
    int32_t shuffle, drop_last;
} six_batches_options;

int32_t six_batches_open(sixnet_batches **out, sixnet_dataset *ds, const six_batches_options *o);
/* From options as text. */
int32_t six_batches_new(sixnet_batches **out, sixnet_dataset *ds, const char *spec);
sixnet_dataset *six_batches_dataset(const sixnet_batches *b);
void six_batches_free(sixnet_batches *b);
int32_t six_batches_start(sixnet_batches *b, int64_t epoch);
/* The next batch, as values of a type. */
int32_t six_batches_next(sixnet_batches *b, six_dtype dtype, const void **inputs, const void **targets, int64_t *n);

/* The number of batches of an epoch. */
int64_t six_batches_count(const sixnet_batches *b);
/* Where the walk is: the epoch, and how many of its samples were given out. A new walk is at the beginning of epoch 0. */
void six_batches_cursor(const sixnet_batches *b, int64_t *epoch, int64_t *position);
/* Goes there; SIXNET_INVALID_ARGUMENT if there is no such place. */
int32_t six_batches_seek(sixnet_batches *b, int64_t epoch, int64_t position);

#endif
