/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_CORRELATE_H
#define SIX_LAYERS_CORRELATE_H

/* Sums of products over a window: convolution, forward and by input; compiled once per variant.
 *
 *     y[o][r][c] = bias[o] + sum over d, t of  w[o][d][t] * x[d][r * stride_h + tap[t].h][c * stride_w + tap[t].w]
 *
 * where x is zero outside its bounds. Each sum starts with the bias and takes its terms in the order d, t, so that its bits do not depend on how
 * the work is cut. With `winograd` set the sums are found another way, whose bits do not depend on it either. */

#include "layers/op.h"

typedef struct six_tap {
    int32_t h, w;
} six_tap;

typedef struct six_correlation {
    int32_t depth, outputs, taps;
    const six_tap *tap;
    int32_t stride_h, stride_w;
    int64_t in_h, in_w, x_plane, x_row, x_step; /* bounds of x; distances of its planes, rows and positions, in reals */
    int64_t tap_step;                           /* distance of taps side by side; 0 if it is that of positions */
    int64_t rows, columns;                      /* of y */
    int64_t y_plane, y_row, y_step;
    bool winograd; /* computed as winograd.h says */
} six_correlation;

/* Weights in the order in which they are read; packed has room for six_packed_size() of them. w[o][d][t] is at
 * w[o * w_output + d * w_depth + w_tap[t]]. */
void SIX_PASTE(six_pack_, SIX_VARIANT)(const six_correlation *c, const real *w, int64_t w_output, int64_t w_depth,
                                       const int32_t *w_tap, real *packed);
int64_t SIX_PASTE(six_packed_size_, SIX_VARIANT)(const six_correlation *c);

/* Computes y. scratch has six_correlate_scratch() bytes; bias may be NULL. */
void SIX_PASTE(six_correlate_, SIX_VARIANT)(const six_correlation *c, const real *x, const real *w, const real *bias,
                                            real *y, void *scratch);

/* The gradient by the weights, summed over positions and lanes: dw[o * dw_output + d * taps + t] = the sum of dy[o][r][c] * x[d][…][…], with
 * dy laid out as y is. */
void SIX_PASTE(six_correlate_weights_, SIX_VARIANT)(const six_correlation *c, const real *x, const real *dy, real *dw,
                                                    int64_t dw_output, void *scratch);

/* Bytes of scratch, of either. */
int64_t SIX_PASTE(six_correlate_scratch_, SIX_VARIANT)(const six_correlation *c);
int64_t SIX_PASTE(six_correlate_weights_scratch_, SIX_VARIANT)(const six_correlation *c);

#define six_packed_size SIX_PASTE(six_packed_size_, SIX_VARIANT)
#define six_pack SIX_PASTE(six_pack_, SIX_VARIANT)
#define six_correlate SIX_PASTE(six_correlate_, SIX_VARIANT)
#define six_correlate_weights SIX_PASTE(six_correlate_weights_, SIX_VARIANT)
#define six_correlate_scratch SIX_PASTE(six_correlate_scratch_, SIX_VARIANT)
#define six_correlate_weights_scratch SIX_PASTE(six_correlate_weights_scratch_, SIX_VARIANT)

#endif
