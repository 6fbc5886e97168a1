/* SPDX-License-Identifier: MIT */

/* The enumeration of all kinds, of every family. */

#include "kinds.h"

#include <string.h>

#include "data/batches.h"
#include "data/dataset.h"
#include "transforms/transform.h"
#include "files/model.h"
#include "graph/context.h"
#include "graph/graph.h"
#include "train/fit.h"
#include "train/metrics.h"
#include "train/schedule.h"

static const six_kind *layer_at(int32_t index, bool loss)
{
    for (int32_t i = 0; six_layers[i]; i++)
        if ((six_layers[i]->role == SIX_ROLE_LOSS) == loss && index-- == 0)
            return &six_layers[i]->kind;
    return NULL;
}

static const six_kind *plain_layer_at(int32_t index) { return layer_at(index, false); }
static const six_kind *loss_at(int32_t index) { return layer_at(index, true); }

static const six_kind *optimizer_at(int32_t index)
{
    for (int32_t i = 0; six_optimizers[i]; i++)
        if (i == index)
            return &six_optimizers[i]->kind;
    return NULL;
}

static const six_kind *in_list(const six_kind *const *list, int32_t index)
{
    for (int32_t i = 0; list[i]; i++)
        if (i == index)
            return list[i];
    return NULL;
}

#ifndef SIXNET_INFERENCE_ONLY
static const six_kind *schedule_at(int32_t index) { return in_list(six_schedule_kinds, index); }
static const six_kind *transform_at(int32_t index) { return in_list(six_transform_kinds, index); }
#endif

static const six_kind *options_at(int32_t index)
{
    static const six_kind *const options[] = {
        &six_kind_context,
        &six_kind_common,
        &six_kind_tensors,
        &six_kind_model_save,
        &six_kind_model_load,
        &six_kind_model_load_weights,
#ifndef SIXNET_INFERENCE_ONLY
        &six_kind_fit,
        &six_kind_dataset_open,
        &six_kind_metrics,
        &six_kind_dataset_from_arrays,
        &six_kind_dataset_from_callback,
        &six_kind_dataset_split,
        &six_kind_batch_iterator,
#endif
        NULL,
    };
    return in_list(options, index);
}

static const struct {
    const char *name;
    const six_kind *(*at)(int32_t index);
} families[] = {
    {"layer", plain_layer_at}, {"loss", loss_at},           {"optimizer", optimizer_at}, {"options", options_at},
#ifndef SIXNET_INFERENCE_ONLY
    {"schedule", schedule_at}, {"transform", transform_at},
#endif
};

const six_kind *six_kind_at(const char *family, int32_t index)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].name, family) == 0)
            return index < 0 ? NULL : families[i].at(index);
    return NULL;
}

const six_kind *six_kind_named(const char *family, const char *name)
{
    const six_kind *kind;
    for (int32_t i = 0; (kind = six_kind_at(family, i)); i++)
        if (strcmp(kind->name, name) == 0)
            return kind;
    return NULL;
}
