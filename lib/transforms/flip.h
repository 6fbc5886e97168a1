/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRANSFORMS_FLIP_H
#define SIX_TRANSFORMS_FLIP_H

/* Shared by the flips: their attribute, and whether a sample is flipped. */

#include <stddef.h>

#include "image.h"
#include "transform.h"

typedef struct six_flip {
    double p;
} six_flip;

#define SIX_FLIP_ATTR                                                                                                  \
    {                                                                                                                  \
        "p", SIX_FLOAT, offsetof(six_flip, p), 0, 1, "0.5", NULL, "the part of the images that are flipped"            \
    }

static inline int32_t six_flip_setup(six_pipeline_stage *stage)
{
    return six_image_check(stage->transform->kind.name, stage->in.shape);
}

static inline bool six_flip_is_drawn(const six_transform_call *call)
{
    const six_flip *f = call->attrs;
    six_stream random = call->random;
    return six_stream_uniform(&random) < f->p;
}

#endif
