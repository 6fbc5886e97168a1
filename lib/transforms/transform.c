/* SPDX-License-Identifier: MIT */
#include "transform.h"

#define SIX_ITEM(name) extern const six_transform six_transform_##name;
#include "transforms.inc"
#undef SIX_ITEM

#define SIX_ITEM(name) &six_transform_##name.kind,
const six_kind *const six_transform_kinds[] = {
#include "transforms.inc"
    NULL};
#undef SIX_ITEM

const six_transform *six_transform_find(const char *text, const char **rest)
{
    six_span word;
    if (six_spec_kind(text, &word, rest) != SIXNET_OK)
        return NULL;
    return (const six_transform *)six_kind_find(six_transform_kinds, word, "transform");
}

int32_t six_stage_new(six_pipeline_stage **out, const sixnet_context *ctx, const six_transform *transform,
                      const char *attrs, const six_sample_layout *layout)
{
    six_pipeline_stage *stage = six_alloc(ctx, 1, sizeof *stage + transform->kind.size);
    *out = NULL;
    if (!stage)
        return SIXNET_OUT_OF_MEMORY;
    atomic_init(&stage->references, 1);
    stage->transform = transform;
    stage->in = stage->out = *layout;
    int32_t status = six_spec_parse(&transform->kind, attrs, stage->attrs, NULL, NULL);
    if (!status)
        status = transform->setup(stage);
    if (!status)
        *out = stage;
    else
        six_stage_release(ctx, stage);
    return status;
}

six_pipeline_stage *six_stage_retain(six_pipeline_stage *stage)
{
    atomic_fetch_add_explicit(&stage->references, 1, memory_order_relaxed);
    return stage;
}

void six_stage_release(const sixnet_context *ctx, six_pipeline_stage *stage)
{
    if (stage && atomic_fetch_sub_explicit(&stage->references, 1, memory_order_acq_rel) == 1)
        six_free(ctx, stage);
}
