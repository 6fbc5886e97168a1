/* SPDX-License-Identifier: MIT */
#ifndef SIX_GRAPH_PLACEMENT_H
#define SIX_GRAPH_PLACEMENT_H

#include "base/arena.h"

/* A buffer in a tile's memory, live from step `first` to step `last`; buffers that are live at different times may overlap. */
typedef struct six_buffer {
    int64_t size, offset;
    int32_t first, last;
} six_buffer;

/* Memory that placing takes, for up to count buffers and steps. */
typedef struct six_placement {
    struct six_sized *sized; /* [count] */
    int32_t *order;          /* those placed first, by offset */
    int64_t *top, *mark;     /* [4 * steps] */
    int32_t steps;
} six_placement;
void six_placement_alloc(six_placement *p, six_arena *arena, int32_t count, int32_t steps);

/* Gives every buffer its offset and returns the bytes that all take together. Takes time in proportion to count * log(count * steps). */
int64_t six_place_buffers(six_placement *p, six_buffer *buffer, int32_t count);

#endif
