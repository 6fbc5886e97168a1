/* SPDX-License-Identifier: MIT */
#ifndef SIX_TRANSFORMS_MIXING_H
#define SIX_TRANSFORMS_MIXING_H

#include "transform.h"

/* What transforms that work on targets share. Class numbers become probabilities: a dimension of the classes comes before those of the
 * targets; from targets of shape 1, and no more than that, comes the shape of the classes alone. */

/* Makes probabilities of a step's targets, unless a step before has: sets their shape and what they must be. */
int32_t six_expand_classes(six_pipeline_stage *stage, int64_t classes);
/* share of the probabilities in `targets`, which are class numbers if they are to become such; added to those that are there. */
void six_add_share(const six_transform_call *call, const void *targets, double share);

/* The attributes of mixup and cutmix. */
typedef struct six_mix {
    double alpha, p;
    int64_t num_classes;
} six_mix;

extern const six_attr six_mix_attrs[];

int32_t six_mix_setup(six_pipeline_stage *stage);
/* The share of the sample itself, from the beta distribution of alpha and alpha, or 1. */
double six_mix_share(const six_mix *mix, six_stream *random);
/* share of the targets, and 1 - share of the partner's. */
void six_mix_targets(const six_transform_call *call, double share);

#endif
