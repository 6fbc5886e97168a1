/* SPDX-License-Identifier: MIT */
#ifndef SIX_DATA_TRANSFORMS_H
#define SIX_DATA_TRANSFORMS_H

/* What samples go through on their way out of a dataset. A transform is one file, and one line in the list of transforms.c. */

#include <stdalign.h>

#include "base/context.h"
#include "base/rng.h"
#include "base/spec.h"

/* One sample on its way through a transform. */
typedef struct six_transform_call {
    const void *attrs;
    const six_shape *in, *out;
    const float *from;
    float *to;         /* the same memory as from, unless the transform is `apart` */
    float *room;       /* as much as the transform asked for */
    six_stream random; /* of this sample in this epoch alone, if the transform is `random` */
} six_transform_call;

typedef struct six_transform {
    six_kind kind; /* first */
    bool random;   /* draws numbers */
    bool apart;    /* must not write over what it reads, or changes the size */
    /* Checks the attributes against the shape of the samples and may complete them; out is set to in. */
    int32_t (*setup)(void *attrs, const six_shape *in, six_shape *out);
    int64_t (*room)(const six_shape *in); /* the floats of memory that it needs besides; NULL for none */
    void (*apply)(const six_transform_call *call);
} six_transform;

extern const six_transform six_transform_normalize, six_transform_random_affine;

/* The list that ends with NULL. */
const six_kind *const *six_transform_kinds(void);
/* The transform that the first word of a text names, and what follows that word; NULL, with the status message set, if there is
 * none. */
const six_transform *six_transform_find(const char *text, const char **rest);

/* A transform with its attributes, for samples of one shape. Counted; datasets share it. */
typedef struct six_step {
    atomic_int references;
    const six_transform *transform;
    six_shape in, out;
    alignas(max_align_t) unsigned char attrs[];
} six_step;

int32_t six_step_new(six_step **out, const sixnet_context *ctx, const six_transform *transform, const char *attrs,
                     const six_shape *shape);
six_step *six_step_hold(six_step *step);
void six_step_release(const sixnet_context *ctx, six_step *step);

#endif
