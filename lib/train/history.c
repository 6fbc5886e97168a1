/* SPDX-License-Identifier: MIT */

#include "train/history.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

int32_t six_history_new(six_history **out, const sixnet_context *ctx, const six_monitor *monitor, int64_t capacity)
{
    *out = six_alloc(ctx, 1, sizeof **out + (size_t)capacity * sizeof(*out)->row[0]);
    if (!*out)
        return SIXNET_OUT_OF_MEMORY;
    (*out)->monitor = *monitor;
    (*out)->capacity = capacity;
    return SIXNET_OK;
}

static int32_t grow(six_history **history, const sixnet_context *ctx, const six_monitor *monitor)
{
    const six_history *old = *history;
    six_history *larger;
    const int64_t epochs = six_history_epochs(old);
    int32_t status = six_history_new(&larger, ctx, monitor, epochs ? 2 * epochs : 16);
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

/* Of losses less is better. */
static double score(const six_history *history, int64_t row)
{
    const int32_t column = history->monitor.column;
    const double value = history->row[row][column];
    return column == SIX_HISTORY_LOSS || column == SIX_HISTORY_VALIDATION_LOSS ? -value : value;
}

static bool is_better(const six_history *history, double score, double than)
{
    return score - history->monitor.min_delta > than || (isnan(than) && !isnan(score));
}

void six_history_count(six_history *history)
{
    const int64_t row = history->epochs++;
    if (row == 0 || is_better(history, score(history, row), score(history, history->best)))
        history->best = row;
}

int32_t six_history_add(six_history **history, const sixnet_context *ctx, const six_monitor *monitor,
                        const double row[static SIX_HISTORY_COLUMNS])
{
    if (!*history || (*history)->epochs == (*history)->capacity) {
        int32_t status = grow(history, ctx, monitor);
        if (status)
            return status;
    }
    memcpy((*history)->row[(*history)->epochs], row, sizeof(*history)->row[0]);
    six_history_count(*history);
    return SIXNET_OK;
}

int64_t six_history_epochs(const six_history *history) { return history ? history->epochs : 0; }

int64_t six_history_best(const six_history *history) { return history && history->epochs ? history->best : -1; }

/* ---- columns by name ---- */

static const char *const columns[SIX_HISTORY_COLUMNS] = {
    [SIX_HISTORY_LR] = "lr",
    [SIX_HISTORY_LOSS] = "loss",
    [SIX_HISTORY_ACCURACY] = "accuracy",
    [SIX_HISTORY_VALIDATION_LOSS] = "validation_loss",
    [SIX_HISTORY_VALIDATION_ACCURACY] = "validation_accuracy",
};

const char *six_history_column_name(int32_t column) { return columns[column]; }

int32_t six_history_column(const char *name)
{
    static const char brief[] = "val_", full[] = "validation_";
    for (int32_t i = 0; i < SIX_HISTORY_COLUMNS; i++) {
        const bool is_brief = strncmp(name, brief, strlen(brief)) == 0 && strncmp(columns[i], full, strlen(full)) == 0;
        if (strcmp(columns[i], name) == 0 || (is_brief && strcmp(columns[i] + strlen(full), name + strlen(brief)) == 0))
            return i;
    }
    return -1;
}

double six_history_get(const six_history *history, int64_t epoch, const char *key)
{
    const int32_t column = six_history_column(key);
    if (column < 0 || epoch < 1 || epoch > six_history_epochs(history))
        return NAN;
    return history->row[epoch - 1][column];
}
