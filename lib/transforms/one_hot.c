/* SPDX-License-Identifier: MIT */
/* one_hot: of a target that is a class number the probabilities of the classes, 1 for that one and 0 for the others. Probabilities that a
 * transform has made stay. */
#include <stddef.h>

#include "mixing.h"

typedef struct one_hot {
    int64_t num_classes;
} one_hot;

static const six_attr attrs[] = {
    {"num_classes", SIX_INT, offsetof(one_hot, num_classes), 2, 1 << 24, NULL, NULL, "targets are numbers below it"},
    {0},
};

static int32_t setup(six_pipeline_stage *stage)
{
    const one_hot *o = (const void *)stage->attrs;
    return six_expand_classes(stage, o->num_classes);
}

static void apply(const six_transform_call *call)
{
    call->values->fill(call->to, six_shape_size(call->out), 0.0);
    six_add_share(call, call->from, 1.0);
}

const six_transform six_transform_one_hot = {
    .kind = {"one_hot", "make probabilities of targets that are class numbers", attrs, sizeof(one_hot)},
    .out_of_place = true,
    .setup = setup,
    .apply = {NULL, apply},
};
