/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRANSFORMS_TRANSFORM_H
#define SIX_TRANSFORMS_TRANSFORM_H

/* What samples go through on their way out of a dataset. A transform is one file, and one line in lib/meson.build. */

#include <stdalign.h>

#include "base/rng.h"
#include "base/spec.h"
#include "values.h"

/* The two sides of a sample. */
enum { SIX_INPUT, SIX_TARGET, SIX_SIDES };

/* Layout of samples at one stage of the pipeline. */
typedef struct six_sample_layout {
    const six_values *values[SIX_SIDES];
    six_shape shape[SIX_SIDES]; /* of rank 0 for missing targets */
    int64_t probabilities;      /* the classes that a transform has made the targets probabilities of; else 0 */
} six_sample_layout;

struct six_pipeline_stage;

/* One side of a sample on its way through a transform. */
typedef struct six_transform_call {
    const void *attrs;
    const six_shape *in, *out;
    const six_values *values; /* the type of what follows */
    const void *from;
    void *to;             /* the same memory as from, unless the transform is `apart` */
    const void *partner;  /* the same side of another sample as it comes to the transform, if that `mixes` */
    void *workspace_size; /* as much as the transform asked for */
    six_stream random; /* of this sample in this epoch alone, the same for both sides, if the transform is `random` */
} six_transform_call;

typedef struct six_transform {
    six_kind kind;     /* first */
    bool random;       /* draws numbers */
    bool out_of_place; /* must not write over what it reads, or changes a size */
    bool uses_partner; /* joins a sample with another, which is drawn from the dataset; random */
    /* Checks the attributes against step->in and may complete them; sets what follows from them in the step. */
    int32_t (*setup)(struct six_pipeline_stage *stage);
    void (*apply[SIX_SIDES])(const six_transform_call *call); /* NULL for a side that stays as it is */
} six_transform;

/* All transforms, ended by NULL. */
extern const six_kind *const six_transform_kinds[];
/* The transform that the first word of a text names, and what follows that word; NULL, with the status message set, if there is
 * none. */
const six_transform *six_transform_find(const char *text, const char **rest);

/* A transform with its attributes, for samples of one form. Counted; datasets share it. */
typedef struct six_pipeline_stage {
    atomic_int references;
    const six_transform *transform;
    six_sample_layout in, out; /* out is in unless setup says otherwise */
    int64_t workspace_size;    /* the bytes of memory that it needs besides, 0 unless setup says otherwise */
    int64_t classes;           /* targets must be numbers below it; 0 for any */
    alignas(max_align_t) unsigned char attrs[];
} six_pipeline_stage;

int32_t six_stage_new(six_pipeline_stage **out, const sixnet_context *ctx, const six_transform *transform,
                      const char *attrs, const six_sample_layout *layout);
six_pipeline_stage *six_stage_retain(six_pipeline_stage *stage);
void six_stage_release(const sixnet_context *ctx, six_pipeline_stage *stage);

#endif
