/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_WINOGRAD_H
#define SIX_LAYERS_WINOGRAD_H

/* Correlations of 3 x 3 taps side by side with stride 1, in fewer products: winograd.c has the formula. Compiled once per variant. These are
 * the functions of correlate.h, which calls them for a correlation that has `winograd` set.
 *
 * With x_step 1, a correlation is of one sample, whose planes lie as [depth][row][column] and [outputs][row][column]. */

#include "layers/correlate.h"

enum { SIX_WINOGRAD_TILE = 4, SIX_WINOGRAD_POINTS = 6, SIX_WINOGRAD_POSITIONS = 36 };

/* Outputs that lie together in packed weights. */
int64_t SIX_PASTE(six_winograd_block_, SIX_VARIANT)(const six_correlation *c);
int64_t SIX_PASTE(six_winograd_packed_size_, SIX_VARIANT)(const six_correlation *c);
void SIX_PASTE(six_winograd_pack_, SIX_VARIANT)(const six_correlation *c, const real *w, int64_t w_output,
                                                int64_t w_depth, const int32_t *w_tap, real *packed);
int64_t SIX_PASTE(six_winograd_scratch_, SIX_VARIANT)(const six_correlation *c);
void SIX_PASTE(six_winograd_, SIX_VARIANT)(const six_correlation *c, const real *x, const real *w, const real *bias,
                                           real *y, void *scratch);

/* Gradient by the weights, in winograd_weights.c. */
int64_t SIX_PASTE(six_winograd_weights_scratch_, SIX_VARIANT)(const six_correlation *c);
void SIX_PASTE(six_winograd_weights_, SIX_VARIANT)(const six_correlation *c, const real *x, const real *dy, real *dw,
                                                   int64_t dw_output, void *scratch);

/* The tap that reads the first value of a window. */
six_tap SIX_PASTE(six_winograd_origin_, SIX_VARIANT)(const six_correlation *c);

/* Two of the six rows of Bᵀ d B, those of a pair of points, of `count` tiles of a plane of x: v has [12][…][count][SIX_LANES] values whose
 * positions are v_position apart. zeros: as many as there are in a row of x. */
void SIX_PASTE(six_winograd_input_, SIX_VARIANT)(const six_correlation *c, int pair, const real *x, const real *zeros,
                                                 int64_t first, int64_t count, real *v, int64_t v_position);

#define six_winograd_block SIX_PASTE(six_winograd_block_, SIX_VARIANT)
#define six_winograd_packed_size SIX_PASTE(six_winograd_packed_size_, SIX_VARIANT)
#define six_winograd_pack SIX_PASTE(six_winograd_pack_, SIX_VARIANT)
#define six_winograd_scratch SIX_PASTE(six_winograd_scratch_, SIX_VARIANT)
#define six_winograd SIX_PASTE(six_winograd_, SIX_VARIANT)
#define six_winograd_weights_scratch SIX_PASTE(six_winograd_weights_scratch_, SIX_VARIANT)
#define six_winograd_weights SIX_PASTE(six_winograd_weights_, SIX_VARIANT)
#define six_winograd_origin SIX_PASTE(six_winograd_origin_, SIX_VARIANT)
#define six_winograd_input SIX_PASTE(six_winograd_input_, SIX_VARIANT)

#endif
