/* SPDX-License-Identifier: MIT */

/* Hash of a dataset: not cryptographic, but detects any accidental change of a sample or a transform. */

#include <string.h>

#include "dataset.h"

/* By their bits, so that the order of bytes in memory does not matter. */
static uint64_t hash_doubles(uint64_t hash, const double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, values + i, sizeof bits);
        hash = (hash ^ bits) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash;
}

int32_t six_dataset_hash(uint64_t *hash, const sixnet_dataset *ds)
{
    const sixnet_context *ctx = six_dataset_context(ds);
    const six_source *s = ds->source;
    const six_values *const types[SIX_SIDES] = {&six_values_of[SIX_F64], &six_values_of[SIX_F64]};
    const int64_t input_size = s->input.size, target_size = s->target.data ? s->target.size : 0;
    *hash = 0;
    if (six_dataset_calls(ds))
        return SIXNET_OK;
    double *sample = six_data_alloc(ctx, 1, input_size + target_size, sizeof *sample);
    if (!sample)
        return SIXNET_OUT_OF_MEMORY;
    void *const sides[SIX_SIDES] = {sample, target_size ? sample + input_size : NULL};
    for (int64_t i = 0; i < six_dataset_size(ds); i++) {
        six_source_read(s, six_dataset_number(ds, i), types, sides); /* cannot fail without a function */
        *hash = hash_doubles(*hash, sample, input_size + target_size);
    }
    six_free(ctx, sample);
    return SIXNET_OK;
}

void six_dataset_transforms(const sixnet_dataset *ds, six_text *t)
{
    for (int32_t i = 0; i < ds->nsteps; i++) {
        six_text_add(t, "%s%s", i ? "; " : "", ds->stages[i]->transform->kind.name);
        six_spec_write(&ds->stages[i]->transform->kind, ds->stages[i]->attrs, t);
    }
}
