/* SPDX-License-Identifier: MIT */

#include "train/history.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

int32_t six_history_new(six_history **out, const sixnet_context *ctx, int64_t capacity)
{
    *out = six_alloc(ctx, 1, sizeof **out + (size_t)capacity * sizeof(*out)->row[0]);
    if (!*out)
        return SIXNET_OUT_OF_MEMORY;
    (*out)->capacity = capacity;
    return SIXNET_OK;
}

static int32_t grow(six_history **history, const sixnet_context *ctx)
{
    const six_history *old = *history;
    six_history *larger;
    const int64_t epochs = six_history_epochs(old);
    int32_t status = six_history_new(&larger, ctx, epochs ? 2 * epochs : 16);
    if (status)
        return status;
    for (int64_t i = 0; i < epochs; i++) {
        memcpy(larger->row[i], old->row[i], sizeof larger->row[i]);
        larger->epochs++;
    }
    larger->best = old ? old->best : 0;
    six_free(ctx, *history);
    *history = larger;
    return SIXNET_OK;
}

static double score(const double row[static SIX_HISTORY_COLUMNS])
{
    if (!isnan(row[SIX_HISTORY_VALIDATION_ACCURACY]))
        return row[SIX_HISTORY_VALIDATION_ACCURACY];
    return -(isnan(row[SIX_HISTORY_VALIDATION_LOSS]) ? row[SIX_HISTORY_LOSS] : row[SIX_HISTORY_VALIDATION_LOSS]);
}

static bool is_better(double score, double than) { return score > than || (isnan(than) && !isnan(score)); }

void six_history_count(six_history *history)
{
    const int64_t row = history->epochs++;
    if (row == 0 || is_better(score(history->row[row]), score(history->row[history->best])))
        history->best = row;
}

int32_t six_history_add(six_history **history, const sixnet_context *ctx, const double row[static SIX_HISTORY_COLUMNS])
{
    if (!*history || (*history)->epochs == (*history)->capacity) {
        int32_t status = grow(history, ctx);
        if (status)
            return status;
    }
    memcpy((*history)->row[(*history)->epochs], row, sizeof(*history)->row[0]);
    six_history_count(*history);
    return SIXNET_OK;
}

int64_t six_history_epochs(const six_history *history) { return history ? history->epochs : 0; }

int64_t six_history_best(const six_history *history) { return history && history->epochs ? history->best : -1; }

double six_history_get(const six_history *history, int64_t epoch, const char *key)
{
    static const char *const columns[SIX_HISTORY_COLUMNS] = {
        [SIX_HISTORY_LR] = "lr",
        [SIX_HISTORY_LOSS] = "loss",
        [SIX_HISTORY_ACCURACY] = "accuracy",
        [SIX_HISTORY_VALIDATION_LOSS] = "validation_loss",
        [SIX_HISTORY_VALIDATION_ACCURACY] = "validation_accuracy",
    };
    if (epoch < 1 || epoch > six_history_epochs(history))
        return NAN;
    for (int32_t i = 0; i < SIX_HISTORY_COLUMNS; i++)
        if (strcmp(columns[i], key) == 0)
            return history->row[epoch - 1][i];
    return NAN;
}
