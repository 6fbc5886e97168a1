/* SPDX-License-Identifier: MIT */

#include "train/run.h"

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
    COUNT(best_epoch, "whose values are kept, with restore_best=true"),
    COUNT(changes, "settings changed when the run was resumed, with resume_changes=allow"),
    NUMBER(seconds, 0x1p53, "of the run"),
    NUMBER(epoch_seconds, 0x1p53, "of the next epoch"),
    COUNT(model_step, "training passes done"),
    COUNT(optimizer_step, "steps done"),
    COUNT(seed, "of the context"),
    {.name = NULL},
};

const six_kind six_kind_run = {"run", "where a training run is", attrs, sizeof(six_run_state)};
