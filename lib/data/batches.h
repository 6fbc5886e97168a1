/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_BATCHES_H
#define SIX_DATA_BATCHES_H

#include "base/spec.h"

extern const six_kind six_kind_batch_iterator;

/* The limit of batch_size, of fit too. */
enum { SIX_BATCH_SIZE_MAX = 1000000000 };

typedef struct six_batch_iterator_options {
    int64_t batch_size, seed; /* seed -1: the context's */
    int32_t shuffle, drop_last, balance;
} six_batch_iterator_options;

int32_t six_batch_iterator_open(sixnet_batch_iterator **out, sixnet_dataset *ds, const six_batch_iterator_options *o);
/* From options as text. */
int32_t six_batch_iterator_new(sixnet_batch_iterator **out, sixnet_dataset *ds, const char *spec);
sixnet_dataset *six_batch_iterator_dataset(const sixnet_batch_iterator *b);
void six_batch_iterator_free(sixnet_batch_iterator *b);
int32_t six_batch_iterator_start_epoch(sixnet_batch_iterator *b, int64_t epoch);
/* The next batch, as values of a type. */
int32_t six_batch_iterator_next(sixnet_batch_iterator *b, six_dtype dtype, const void **inputs, const void **targets,
                                int64_t *n);

/* The number of batches of an epoch. */
int64_t six_batch_iterator_count(const sixnet_batch_iterator *b);
/* The position: the epoch, and how many of its samples were yielded. A new iterator is at the beginning of epoch 0. */
void six_batch_iterator_position(const sixnet_batch_iterator *b, int64_t *epoch, int64_t *position);
/* Seeks to (epoch, position); SIXNET_INVALID_ARGUMENT if out of range. */
int32_t six_batch_iterator_seek(sixnet_batch_iterator *b, int64_t epoch, int64_t position);

#endif
