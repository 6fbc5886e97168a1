/* SPDX-License-Identifier: MIT */

/* Offsets of buffers with known lifetimes, the largest first. The FIRST_FIT_MAX largest take the lowest gap among those that live at the same
 * time; the rest, small and many, are placed above all that live at the same time, found with a segment tree over the steps. */

#include "graph/placement.h"

#include "base/sort.h"

enum { FIRST_FIT_MAX = 1024 };

typedef struct six_sized {
    int64_t size;
    int32_t index;
} sized;

void six_placement_alloc(six_placement *p, six_arena *arena, int32_t count, int32_t steps)
{
    const uint64_t tree = count > FIRST_FIT_MAX ? 4 * (uint64_t)steps : 0;
    p->steps = steps;
    p->sized = six_arena_alloc(arena, (uint64_t)count, sizeof *p->sized);
    p->order = six_arena_alloc(arena, (uint64_t)(count < FIRST_FIT_MAX ? count : FIRST_FIT_MAX), sizeof *p->order);
    p->top = six_arena_alloc(arena, tree, sizeof *p->top);
    p->mark = six_arena_alloc(arena, tree, sizeof *p->mark);
}

static int by_size(const void *a, const void *b)
{
    const sized *x = a, *y = b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* order [placed] holds the buffers placed so far, sorted by offset. */
static void first_fit(six_buffer *all, int32_t index, int32_t *order, int32_t placed)
{
    six_buffer *b = &all[index];
    int64_t offset = 0;
    for (int32_t k = 0; k < placed; k++) {
        const six_buffer *other = &all[order[k]];
        if (other->first > b->last || other->last < b->first)
            continue;
        if (other->offset - offset >= b->size)
            break;
        if (other->offset + other->size > offset)
            offset = other->offset + other->size;
    }
    b->offset = offset;
    int32_t at = placed;
    for (; at > 0 && all[order[at - 1]].offset > offset; at--)
        order[at] = order[at - 1];
    order[at] = index;
}

/* A segment tree over the steps. top: the highest end of a buffer that lives in the part; mark: of one that lives in all of it. */
typedef struct part {
    int32_t node, low, high;
} part;

static part left_of(part t) { return (part){2 * t.node + 1, t.low, t.low + (t.high - t.low) / 2}; }
static part right_of(part t) { return (part){2 * t.node + 2, t.low + (t.high - t.low) / 2 + 1, t.high}; }

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t highest(const six_placement *p, part t, const six_buffer *b)
{
    if (b->last < t.low || b->first > t.high)
        return 0;
    if (b->first <= t.low && t.high <= b->last)
        return p->top[t.node];
    return max_of(p->mark[t.node], max_of(highest(p, left_of(t), b), highest(p, right_of(t), b)));
}

static void raise(six_placement *p, part t, const six_buffer *b)
{
    const int64_t end = b->offset + b->size;
    if (b->last < t.low || b->first > t.high)
        return;
    p->top[t.node] = max_of(p->top[t.node], end);
    if (b->first <= t.low && t.high <= b->last) {
        p->mark[t.node] = max_of(p->mark[t.node], end);
        return;
    }
    raise(p, left_of(t), b);
    raise(p, right_of(t), b);
}

int64_t six_place_buffers(six_placement *p, six_buffer *buffer, int32_t count)
{
    const part whole = {0, 0, p->steps - 1};
    int64_t total = 0;
    for (int32_t i = 0; i < count; i++)
        p->sized[i] = (sized){buffer[i].size, i};
    six_sort(p->sized, (size_t)count, sizeof *p->sized, by_size);
    for (int32_t n = 0; n < count; n++) {
        six_buffer *b = &buffer[p->sized[n].index];
        if (n < FIRST_FIT_MAX)
            first_fit(buffer, p->sized[n].index, p->order, n);
        else
            b->offset = highest(p, whole, b);
        if (count > FIRST_FIT_MAX)
            raise(p, whole, b);
        total = max_of(total, b->offset + b->size);
    }
    return total;
}
