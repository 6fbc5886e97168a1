/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_LOOK_H
#define SIXNET_EXAMPLES_LOOK_H

/* Pictures of a trained net that tells images apart, and of its training. Included before anything else. */

#include "record.h"

/* Draws the net's last training by epoch; second is the name of the samples that were measured after each. */
int32_t look_at_training(pictures *p, const sixnet_model *net, const char *second);

/* Draws what the net makes of test images: how it confuses classes, its mistakes, its first filters, and an image on its way through the
 * blocks. The net is a chain of layers that takes images of one channel and ends with a loss. */
int32_t look_at_net(pictures *p, sixnet_model *net, const sixnet_dataset *test);

#endif
