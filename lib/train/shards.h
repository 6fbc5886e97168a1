/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRAIN_SHARDS_H
#define SIX_TRAIN_SHARDS_H

/* Shards: a step over a batch in S passes over S parts of it, S a power of two, as in gradient accumulation. Of n
 * samples, shard i has those from floor(i n / S) up to floor((i + 1) n / S): n / S if S divides n; some shards are
 * empty if n < S. The results of the passes are added in a binary tree over the numbers of the shards,
 *
 *     ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))
 *
 * so its bits depend on S, not on how the work is divided:
 * - gradients of the loss's total add up; the root is divided by the weight of the whole batch if the loss is a mean;
 * - running statistics, each pass's own, are averaged by samples: a + (b - a) n_b / (n_a + n_b) for the left subtree a
 *   and the right b. A value that no pass changes keeps its bits.
 * - the sums of the loss add up.
 *
 * A subtree is one array of reals and a few numbers. Processes that compute adjacent subtrees of equal size can
 * exchange and join them as shards.c does within one. */

#include "graph/exec.h"

enum { SIX_SHARD_LEVELS = 24 };

/* Result of the passes over 2^level adjacent shards: gradients and buffers, laid out as the model's. */
typedef struct six_subtree {
    void *gradients, *buffers;
    int64_t samples; /* 0: gradients and sums are zero, buffers undefined */
    six_loss_sums sums;
} six_subtree;

typedef struct six_shards {
    sixnet_model *net;
    int64_t count;  /* S */
    int32_t levels; /* log2 S: as many subtrees have memory, none for S = 1 */
    char *memory;
    six_subtree waiting[SIX_SHARD_LEVELS]; /* [levels] at most one of each level, for its neighbor to the right */
} six_shards;

/* Checks that count is a power of two that divides batch_size. */
int32_t six_shards_new(six_shards *s, sixnet_model *net, int64_t count, int64_t batch_size);
void six_shards_free(six_shards *s);

/* The first sample of a shard in a batch of n; of shard `count` n itself. */
static inline int64_t six_shard_first(const six_shards *s, int64_t shard, int64_t n) { return shard * n / s->count; }
/* The least number of samples in a shard that has any. */
static inline int64_t six_shard_least(const six_shards *s, int64_t n) { return n > s->count ? n / s->count : 1; }

/* Adds what the pass over a shard, of a batch of n samples, left in the model, whose buffers are undefined afterwards.
 * In the order of the shards, 2 or more. An empty shard has gradients and sums of zero. */
void six_shards_add(six_shards *s, int64_t shard, int64_t n, const six_loss_sums *sums);
/* After the last shard: the sums of the loss over the batch. */
static inline six_loss_sums six_shards_loss(const six_shards *s) { return s->waiting[s->levels - 1].sums; }
/* Then gives the model the gradients of the batch, times `scale`, and its buffers. */
void six_shards_finish(six_shards *s, double scale);

#endif
