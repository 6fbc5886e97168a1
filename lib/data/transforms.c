/* SPDX-License-Identifier: MIT */
#include "transforms.h"

static const six_kind *const kinds[] = {
    &six_transform_color_jitter.kind,
    &six_transform_cutmix.kind,
    &six_transform_elastic.kind,
    &six_transform_mixup.kind,
    &six_transform_normalize.kind,
    &six_transform_one_hot.kind,
    &six_transform_random_affine.kind,
    &six_transform_random_crop.kind,
    &six_transform_random_erasing.kind,
    &six_transform_random_horizontal_flip.kind,
    &six_transform_random_vertical_flip.kind,
    NULL,
};

const six_kind *const *six_transform_kinds(void)
{
    return kinds;
}

const six_transform *six_transform_find(const char *text, const char **rest)
{
    six_span word;
    if (six_spec_kind(text, &word, rest) != SIXNET_OK)
        return NULL;
    return (const six_transform *)six_kind_find(kinds, word, "transform");
}

int32_t six_step_new(six_step **out, const sixnet_context *ctx, const six_transform *transform, const char *attrs,
                     const six_form *form)
{
    six_step *step = six_alloc(ctx, 1, sizeof *step + transform->kind.size);
    *out = NULL;
    if (!step)
        return SIXNET_OUT_OF_MEMORY;
    atomic_init(&step->references, 1);
    step->transform = transform;
    step->in = step->out = *form;
    int32_t status = six_spec_parse(&transform->kind, attrs, step->attrs, NULL, NULL);
    if (status == SIXNET_OK)
        status = transform->setup(step);
    if (status == SIXNET_OK)
        *out = step;
    else
        six_step_release(ctx, step);
    return status;
}

six_step *six_step_hold(six_step *step)
{
    atomic_fetch_add_explicit(&step->references, 1, memory_order_relaxed);
    return step;
}

void six_step_release(const sixnet_context *ctx, six_step *step)
{
    if (step && atomic_fetch_sub_explicit(&step->references, 1, memory_order_acq_rel) == 1)
        six_free(ctx, step);
}
