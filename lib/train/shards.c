/* SPDX-License-Identifier: MIT */

#include "train/shards.h"

#include <string.h>

#include "base/status.h"
#include "graph/actions.h"

static size_t bytes_of(const sixnet_model *net, int64_t values)
{
    return (size_t)values * (size_t)net->variant->real_size;
}

/* ---- arithmetic ---- */

enum { CHUNK = 16384 };

typedef struct mixing {
    const sixnet_model *net;
    char *to;
    const char *from;
    double keep, take;
    int64_t size;
} mixing;

static void mix_chunk(void *arg, int32_t chunk, int32_t worker)
{
    const mixing *m = arg;
    const int64_t first = (int64_t)chunk * CHUNK, left = m->size - first;
    const size_t offset = bytes_of(m->net, first);
    (void)worker;
    m->net->variant->arrays.mix((void *)(m->to + offset), m->keep, (const void *)(m->from + offset), m->take,
                                left < CHUNK ? left : CHUNK);
}

/* to = keep * to + take * from */
static void mix(const sixnet_model *net, void *to, double keep, const void *from, double take, int64_t size)
{
    mixing m = {net, to, from, keep, take, size};
    six_pool_run(six_model_pool(net), mix_chunk, &m, (int32_t)((size + CHUNK - 1) / CHUNK));
}

/* ---- subtrees ---- */

/* left = left + (right - left) * share of right's samples, which leaves equal values as they are; right is undefined
 * afterwards. */
static void average_buffers(const sixnet_model *net, const six_subtree *left, const six_subtree *right)
{
    const int64_t size = six_buffers_size(net);
    const double share = (double)right->samples / (double)(left->samples + right->samples);
    if (!right->samples)
        return;
    if (!left->samples) {
        memcpy(left->buffers, right->buffers, bytes_of(net, size));
        return;
    }
    mix(net, right->buffers, 1, left->buffers, -1, size);
    mix(net, left->buffers, 1, right->buffers, share, size);
}

/* Joins two subtrees in the memory of the left. */
static void join(const sixnet_model *net, six_subtree *left, const six_subtree *right)
{
    mix(net, left->gradients, 1, right->gradients, 1, net->trained_size);
    average_buffers(net, left, right);
    left->samples += right->samples;
    left->sums.total += right->sums.total;
    left->sums.weight += right->sums.weight;
    left->sums.correct += right->sums.correct;
}

static void copy(const sixnet_model *net, six_subtree *to, const six_subtree *from)
{
    memcpy(to->gradients, from->gradients, bytes_of(net, net->trained_size));
    memcpy(to->buffers, from->buffers, bytes_of(net, six_buffers_size(net)));
    to->samples = from->samples;
    to->sums = from->sums;
}

/* As a binary counter: a subtree meets its left neighbor, which has waited, and moves up a level joined with it, to
 * wait in the memory of either. */
void six_shards_add(six_shards *s, int64_t shard, int64_t n, const six_loss_sums *sums)
{
    const sixnet_model *net = s->net;
    const int64_t samples = six_shard_first(s, shard + 1, n) - six_shard_first(s, shard, n);
    six_subtree arrived = {net->gradients, six_buffers(net), samples, *sums};
    int32_t level = 0;
    for (; shard >> level & 1; level++) {
        join(net, &s->waiting[level], &arrived);
        arrived = s->waiting[level];
    }
    if (level == 0) {
        copy(net, &s->waiting[0], &arrived);
    } else if (level < s->levels) {
        s->waiting[level - 1] = s->waiting[level];
        s->waiting[level] = arrived;
    }
}

void six_shards_finish(six_shards *s, double scale)
{
    sixnet_model *net = s->net;
    const six_subtree *root = &s->waiting[s->levels - 1];
    mix(net, net->gradients, 0, root->gradients, scale, net->trained_size);
    memcpy(six_buffers(net), root->buffers, bytes_of(net, six_buffers_size(net)));
    six_tensors_changed(net);
}

/* ---- memory ---- */

static int32_t check(int64_t count, int64_t batch_size)
{
    if (count & (count - 1))
        return six_fail(SIXNET_BAD_SPEC, "shards=%lld is not a power of two", (long long)count);
    if (batch_size % count)
        return six_fail(SIXNET_BAD_SPEC, "shards=%lld does not divide batch_size=%lld into equal parts",
                        (long long)count, (long long)batch_size);
    return SIXNET_OK;
}

int32_t six_shards_new(six_shards *s, sixnet_model *net, int64_t count, int64_t batch_size)
{
    int32_t status = check(count, batch_size);
    if (status)
        return status;
    *s = (six_shards){.net = net, .count = count};
    while (INT64_C(1) << s->levels < count)
        s->levels++;
    if (!s->levels)
        return SIXNET_OK;
    const int64_t values = net->trained_size + six_buffers_size(net);
    s->memory = six_alloc(net->ctx, (size_t)s->levels, bytes_of(net, values));
    if (!s->memory)
        return SIXNET_OUT_OF_MEMORY;
    for (int32_t i = 0; i < s->levels; i++) {
        char *gradients = s->memory + bytes_of(net, i * values);
        s->waiting[i] = (six_subtree){.gradients = gradients, .buffers = gradients + bytes_of(net, net->trained_size)};
    }
    return SIXNET_OK;
}

void six_shards_free(six_shards *s)
{
    if (s->net)
        six_free(s->net->ctx, s->memory);
    *s = (six_shards){0};
}
