/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_EXAMPLES_LOOK_H
#define SIXNET_EXAMPLES_LOOK_H

/* Plots of a trained image classifier, and of its training. Included before anything else. */

#include "record.h"

/* Draws a net's last training by epoch, its first filters, and what it makes of images: how it confuses classes, its mistakes, and the
 * first image on its way through the blocks. The net is a chain of layers that takes images of one channel and ends with a loss.
 * set: name of the images, "test" or "validation"; they are those that were measured after each epoch */
int32_t plot_model(pictures *p, sixnet_model *net, const sixnet_dataset *images, const char *set);

#endif
