/* SPDX-License-Identifier: MIT */

#include "train/run.h"

#include <math.h>
#include <string.h>

#define COUNT(field, help)                                                                                             \
    {                                                                                                                  \
#field, SIX_INT, offsetof(six_run_state, field), 0, 0x1p53, "0", NULL, help                                    \
    }
#define SUM(field, help)                                                                                               \
    {                                                                                                                  \
#field, SIX_FLOAT, offsetof(six_run_state, field), SIX_ANY, "0", NULL, help                                    \
    }
#define NUMBER(field, most, help)                                                                                      \
    {                                                                                                                  \
#field, SIX_FLOAT, offsetof(six_run_state, field), 0, most, "0", NULL, help                                    \
    }
#define FLAG(field, help)                                                                                              \
    {                                                                                                                  \
#field, SIX_BOOL, offsetof(six_run_state, field), 0, 1, "false", NULL, help                                    \
    }

static const six_attr attrs[] = {
    COUNT(samples, "of the data"),
    COUNT(batch_size, "as given to sixnet_model_fit(); 0 if that did not make the run"),
    COUNT(order_seed, "of the order of the samples"),
    FLAG(shuffle, "as given to sixnet_model_fit()"),
    FLAG(drop_last, "as given to sixnet_model_fit()"),
    COUNT(epoch, "epochs done"),
    COUNT(position, "samples of the next epoch done"),
    SUM(loss_sum, "over those samples"),
    NUMBER(loss_weight, 1.7976931348623157e308, "of those samples: a mean loss is the sum divided by it"),
    NUMBER(correct, 0x1p53, "among those samples"),
    COUNT(skipped, "among those samples"),
    {"average", SIX_CHOICE, offsetof(six_run_state, average), 0, 0, "none", SIX_AVERAGES,
     "as given to sixnet_model_fit()"},
    NUMBER(ema_decay, 1, "as given to sixnet_model_fit()"),
    COUNT(average_start_epoch, "as given to sixnet_model_fit()"),
    COUNT(averaged, "steps or epochs that the average is made of"),
    COUNT(changes, "settings changed when the run was resumed, with resume_changes=allow"),
    NUMBER(seconds, 0x1p53, "of the run"),
    NUMBER(epoch_seconds, 0x1p53, "of the next epoch"),
    COUNT(model_step, "training passes done"),
    COUNT(optimizer_step, "steps done"),
    COUNT(seed, "of the context"),
    {.name = NULL},
};

const six_kind six_kind_run = {"run", "where a training run is", attrs, sizeof(six_run_state)};

static int32_t grow(six_train_run *run)
{
    int64_t room = run->room ? 2 * run->room : 16;
    double *larger = six_alloc(run->net->ctx, (size_t)room * SIX_RUN_COLUMNS, sizeof *larger);
    if (!larger)
        return SIXNET_OUT_OF_MEMORY;
    if (run->rows)
        memcpy(larger, run->history, (size_t)run->rows * SIX_RUN_COLUMNS * sizeof *larger);
    six_free(run->net->ctx, run->history);
    run->history = larger;
    run->room = room;
    return SIXNET_OK;
}

static double score(const double *row)
{
    if (!isnan(row[SIX_RUN_VALIDATION_ACCURACY]))
        return row[SIX_RUN_VALIDATION_ACCURACY];
    return -(isnan(row[SIX_RUN_VALIDATION_LOSS]) ? row[SIX_RUN_LOSS] : row[SIX_RUN_VALIDATION_LOSS]);
}

static bool is_better(double score, double than) { return score > than || (isnan(than) && !isnan(score)); }

/* Counts in the row behind the last. */
static void count_row(six_train_run *run)
{
    const double *row = run->history + run->rows * SIX_RUN_COLUMNS;
    if (!run->rows || is_better(score(row), score(run->history + run->best * SIX_RUN_COLUMNS)))
        run->best = run->rows;
    run->rows++;
}

int32_t six_run_add(six_train_run *run, const double row[static SIX_RUN_COLUMNS])
{
    if (run->rows == run->room && grow(run))
        return SIXNET_OUT_OF_MEMORY;
    memcpy(run->history + run->rows * SIX_RUN_COLUMNS, row, SIX_RUN_COLUMNS * sizeof *row);
    count_row(run);
    return SIXNET_OK;
}

void six_run_take_history(six_train_run *run, double *history, int64_t rows)
{
    six_run_free(run);
    run->history = history;
    run->room = rows;
    while (run->rows < rows)
        count_row(run);
}

int64_t six_run_best(const six_train_run *run) { return run->rows ? run->best : -1; }

double six_history_get(const sixnet_model *net, int64_t epoch, const char *key)
{
    static const char *const columns[SIX_RUN_COLUMNS] = {
        [SIX_RUN_LR] = "lr",
        [SIX_RUN_LOSS] = "loss",
        [SIX_RUN_ACCURACY] = "accuracy",
        [SIX_RUN_VALIDATION_LOSS] = "validation_loss",
        [SIX_RUN_VALIDATION_ACCURACY] = "validation_accuracy",
    };
    for (int32_t i = 0; i < SIX_RUN_COLUMNS && epoch > 0 && epoch <= net->epochs; i++)
        if (strcmp(columns[i], key) == 0)
            return net->history[(epoch - 1) * SIX_RUN_COLUMNS + i];
    return NAN;
}

void six_run_end(six_train_run *run)
{
    six_free(run->net->ctx, run->net->history);
    run->net->history = run->history;
    run->net->epochs = run->rows;
    run->history = NULL;
    run->rows = run->room = 0;
}

void six_run_free(six_train_run *run)
{
    six_free(run->net->ctx, run->history);
    run->history = NULL;
    run->rows = run->room = 0;
}
