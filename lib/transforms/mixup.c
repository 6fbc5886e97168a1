/* SPDX-License-Identifier: MIT */
/* mixup: y = s x + (1 - s) x' of samples and targets, with another sample x' and a share s from the beta distribution. Zhang, Cisse,
 * Dauphin, Lopez-Paz, "mixup: beyond empirical risk minimization", 2018. */
#include "mixing.h"

static void mix_inputs(const six_transform_call *call)
{
    six_stream random = call->random;
    const double own = six_value_rounded(call->values, six_mix_share(call->attrs, &random));
    call->values->blend(call->to, call->from, call->partner, six_shape_size(call->in), own, 1.0 - own);
}

static void mix_targets(const six_transform_call *call)
{
    six_stream random = call->random;
    six_mix_targets(call, six_mix_share(call->attrs, &random));
}

const six_transform six_transform_mixup = {
    .kind = {"mixup", "mix each sample and its target with another's", six_mix_attrs, sizeof(six_mix)},
    .random = true,
    .out_of_place = true,
    .uses_partner = true,
    .setup = six_mix_setup,
    .apply = {mix_inputs, mix_targets},
};
