/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_WEIGHTS_H
#define SIX_LAYERS_WEIGHTS_H

#include <math.h>

#include "layers/op.h"

/* Initial values of weights by name; see the rows of attributes below. */
typedef enum six_weight_init {
    SIX_WEIGHTS_DEFAULT,
    SIX_WEIGHTS_KAIMING_UNIFORM,
    SIX_WEIGHTS_KAIMING_NORMAL,
    SIX_WEIGHTS_XAVIER_UNIFORM,
    SIX_WEIGHTS_XAVIER_NORMAL,
    SIX_WEIGHTS_NORMAL,
    SIX_WEIGHTS_ZEROS,
} six_weight_init;

#define SIX_WEIGHT_INIT_CHOICES "default kaiming_uniform kaiming_normal xavier_uniform xavier_normal normal zeros"
#define SIX_WEIGHT_INIT_HELP                                                                                           \
    "initial weights: default is PyTorch's, uniform within 1/sqrt(fan_in); kaiming_* (He et al. 2015) for relu, "      \
    "xavier_* (Glorot, Bengio "                                                                                        \
    "2010) with gain 1; normal has deviation 0.01"

static inline six_init six_weight_values(int32_t init, int64_t fan_in, int64_t fan_out)
{
    double in = (double)fan_in, both = (double)(fan_in + fan_out), bound = 1 / sqrt(in);
    switch ((six_weight_init)init) {
    case SIX_WEIGHTS_KAIMING_UNIFORM:
        bound = sqrt(6 / in);
        break;
    case SIX_WEIGHTS_KAIMING_NORMAL:
        return six_init_normal(0, sqrt(2 / in));
    case SIX_WEIGHTS_XAVIER_UNIFORM:
        bound = sqrt(6 / both);
        break;
    case SIX_WEIGHTS_XAVIER_NORMAL:
        return six_init_normal(0, sqrt(2 / both));
    case SIX_WEIGHTS_NORMAL:
        return six_init_normal(0, 0.01);
    case SIX_WEIGHTS_ZEROS:
        return six_init_constant(0);
    case SIX_WEIGHTS_DEFAULT:
        break;
    }
    return six_init_uniform(-bound, bound);
}

/* PyTorch's default for a bias, whatever the weights' is. */
static inline six_init six_bias_values(int64_t fan_in)
{
    double bound = 1 / sqrt((double)fan_in);
    return six_init_uniform(-bound, bound);
}

#endif
