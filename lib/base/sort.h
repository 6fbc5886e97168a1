/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_SORT_H
#define SIX_BASE_SORT_H

#include <stddef.h>

/* Sorts `count` items of `size` bytes, in place, without memory, and in n log n steps whatever they are (heapsort). */
void six_sort(void *items, size_t count, size_t size, int (*compare)(const void *a, const void *b));

#endif
