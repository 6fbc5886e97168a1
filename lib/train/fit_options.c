/* SPDX-License-Identifier: MIT */

#include "train/fit_options.h"

#include "data/batches.h"
#include "train/run.h"

static const six_attr attrs[] = {
    {"epochs", SIX_INT, offsetof(six_fit_options, epochs), 1, 1 << 30, "1", NULL, "passes over the data"},
    {"batch_size", SIX_INT, offsetof(six_fit_options, batch_size), 1, SIX_BATCH_SIZE_MAX, "32", NULL,
     "samples of one step"},
    {"shards", SIX_INT, offsetof(six_fit_options, shards), 1, 1 << 24, "1", NULL,
     "passes over equal parts of a batch for one step, whose gradients are averaged; a power of two"},
    {"shuffle", SIX_BOOL, offsetof(six_fit_options, shuffle), 0, 1, "true", NULL, "a new order in every epoch"},
    {"drop_last", SIX_BOOL, offsetof(six_fit_options, drop_last), 0, 1, "false", NULL,
     "leave out a last batch that is not full"},
    {"balance", SIX_BOOL, offsetof(six_fit_options, balance), 0, 1, "false", NULL,
     "take all classes equally often, some samples more than once and others not in every epoch"},
    {"validation_split", SIX_FLOAT, offsetof(six_fit_options, validation_split), SIX_BELOW_ONE, "0", NULL,
     "share of the samples, chosen at random, that is held out of the training as its validation set; 0: none"},
    {"seed", SIX_INT, offsetof(six_fit_options, seed), -1, SIX_SEED_MAX, "-1", NULL,
     "of the order; -1 for the context's"},
    {"checkpoint", SIX_PATH, offsetof(six_fit_options, checkpoint), 0, 0, "", NULL,
     "a file in which the run is kept, to be resumed; empty: none"},
    {"checkpoint_epochs", SIX_INT, offsetof(six_fit_options, checkpoint_epochs), 1, 1 << 30, "1", NULL,
     "epochs from one checkpoint to the next"},
    {"checkpoint_seconds", SIX_FLOAT, offsetof(six_fit_options, checkpoint_seconds), 0, 1e9, "0", NULL,
     "seconds from one checkpoint to the next, within epochs; 0: only at the end of epochs"},
    {"checkpoint_keep", SIX_INT, offsetof(six_fit_options, checkpoint_keep), 1, 1000, "1", NULL,
     "checkpoints that stay; those before are named .1, .2 and so on"},
    {"checkpoint_best", SIX_BOOL, offsetof(six_fit_options, checkpoint_best), 0, 1, "true", NULL,
     "a checkpoint of the best epoch too, named .best"},
    {"on_nan", SIX_CHOICE, offsetof(six_fit_options, on_nan), 0, 0, "stop", "stop skip restore",
     "when a batch would make the net NaN or infinite: end, leave it out, or begin the epoch again with half the rate"},
    {"average", SIX_CHOICE, offsetof(six_fit_options, average), 0, 0, "none", SIX_AVERAGES,
     "average the net: ema after every step, later ones counting more; swa at the end of every epoch, all counting the "
     "same"},
    {"ema_decay", SIX_FLOAT, offsetof(six_fit_options, ema_decay), SIX_BELOW_ONE, "0.999", NULL,
     "share of the average that stays in a step, of average=ema"},
    {"average_start_epoch", SIX_INT, offsetof(six_fit_options, average_start_epoch), 0, 1 << 30, "0", NULL,
     "epochs before the average begins"},
    {"early_stopping", SIX_INT, offsetof(six_fit_options, early_stopping), 0, 1 << 30, "0", NULL,
     "epochs without a better one after which the run ends; 0: it does all epochs"},
    {"min_delta", SIX_FLOAT, offsetof(six_fit_options, min_delta), 0, 1e300, "0", NULL,
     "an epoch is better only by more than this"},
    {"monitor", SIX_TEXT, offsetof(six_fit_options, monitor), 0, 0, "auto", NULL,
     "the measure of the best epoch: loss, accuracy, validation_loss or validation_accuracy, where val_ is short for "
     "validation_; auto: validation_accuracy, or else validation_loss, or else loss"},
    {"restore_best", SIX_BOOL, offsetof(six_fit_options, restore_best), 0, 1, "false", NULL,
     "when the run ends, give the net the values of the best epoch"},
    {"max_seconds", SIX_FLOAT, offsetof(six_fit_options, max_seconds), 0, 1e9, "0", NULL,
     "seconds after which the call ends, with the step under way; 0: no limit"},
    {"diagnostics", SIX_BOOL, offsetof(six_fit_options, diagnostics), 0, 1, "false", NULL,
     "look for what goes wrong and name it and the remedy, in the log and by sixnet_model_diagnostic()"},
    {"resume", SIX_PATH, offsetof(six_fit_options, resume), 0, 0, "", NULL, "a checkpoint to go on from; empty: none"},
    {"resume_changes", SIX_CHOICE, offsetof(six_fit_options, resume_changes), 0, 0, "refuse", "refuse allow",
     "whether the run may go on with another optimizer setting, option, sample or transform than it was made with"},
    {0},
};

const six_kind six_kind_fit = {"fit", "options of sixnet_model_fit()", attrs, sizeof(six_fit_options)};
