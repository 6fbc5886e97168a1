/* SPDX-License-Identifier: MIT */
#include "mixing.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/portable_math.h"
#include "base/status.h"

/* ---- class numbers ---- */

static int32_t check_targets(const six_pipeline_stage *stage)
{
    if (stage->in.shape[SIX_TARGET].rank > 0)
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_DATA, "%s: the data have no targets", stage->transform->kind.name);
}

int32_t six_expand_classes(six_pipeline_stage *stage, int64_t classes)
{
    char text[160];
    const six_shape *in = &stage->in.shape[SIX_TARGET];
    six_shape *out = &stage->out.shape[SIX_TARGET];
    int32_t status = check_targets(stage);
    if (status || stage->in.probabilities == classes)
        return status;
    if (classes < 2)
        return six_fail(SIXNET_BAD_SPEC, "%s: num_classes must be 2 or greater, got %" PRId64,
                        stage->transform->kind.name, classes);
    out->rank = 1;
    out->dim[0] = classes;
    if (in->rank > 1 || in->dim[0] > 1)
        out->rank += in->rank;
    if (out->rank > SIX_MAX_RANK)
        return six_fail(SIXNET_BAD_SHAPE, "%s: targets of shape %s leave no dimension for the classes",
                        stage->transform->kind.name, six_shape_text(in, text));
    memcpy(out->dim + 1, in->dim, (size_t)(out->rank - 1) * sizeof *out->dim);
    if (!six_shape_fits(out))
        return six_fail(SIXNET_TOO_LARGE, "%s: %" PRId64 " classes for targets of shape %s are too many values",
                        stage->transform->kind.name, classes, six_shape_text(in, text));
    stage->classes = stage->out.probabilities = classes;
    return SIXNET_OK;
}

void six_add_share(const six_transform_call *call, const void *targets, double share)
{
    if (six_shape_equal(call->in, call->out))
        call->values->add(call->to, targets, six_shape_size(call->out), share);
    else
        call->values->add_classes(call->to, targets, six_shape_size(call->in), call->out->dim[0], share);
}

/* ---- mixing ---- */

const six_attr six_mix_attrs[] = {
    {"alpha", SIX_FLOAT, offsetof(six_mix, alpha), 1e-3, 1e3, "1", NULL,
     "of the beta distribution of the shares: 0.2 for mostly one sample, 1 for any share"},
    {"num_classes", SIX_INT, offsetof(six_mix, num_classes), 0, 1 << 24, "0", NULL,
     "make probabilities of targets that are class numbers; 0 for targets that can be mixed as they are"},
    {"p", SIX_FLOAT, offsetof(six_mix, p), 0, 1, "1", NULL, "the part of the samples that are mixed"},
    {0},
};

int32_t six_mix_setup(six_pipeline_stage *stage)
{
    const six_mix *mix = (const void *)stage->attrs;
    return mix->num_classes > 0 ? six_expand_classes(stage, mix->num_classes) : check_targets(stage);
}

/* The logarithm of a number from the gamma distribution: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000,
 * of shape + 1; times a uniform number to the power 1 / shape it is of shape. */
static double log_gamma_number(six_stream *random, double shape)
{
    const double d = shape + 2.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        const double x = six_stream_normal(random), root = 1.0 + c * x, v = root * root * root;
        const double u = 1.0 - six_stream_uniform(random);
        if (root > 0.0 && six_portable_log(u) < 0.5 * x * x + d - d * v + d * six_portable_log(v))
            return six_portable_log(d * v) + six_portable_log(1.0 - six_stream_uniform(random)) / shape;
    }
}

double six_mix_share(const six_mix *mix, six_stream *random)
{
    const bool mixed = six_stream_uniform(random) < mix->p;
    const double own = log_gamma_number(random, mix->alpha), other = log_gamma_number(random, mix->alpha);
    return mixed ? 1.0 / (1.0 + six_portable_exp(other - own)) : 1.0;
}

void six_mix_targets(const six_transform_call *call, double share)
{
    const double own = six_value_rounded(call->values, share);
    call->values->fill(call->to, six_shape_size(call->out), 0.0);
    six_add_share(call, call->from, own);
    six_add_share(call, call->partner, 1.0 - own);
}
