/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_CONVOLUTION_H
#define SIX_LAYERS_CONVOLUTION_H

/* The kernels of convolutions, compiled once per variant.
 *
 * A convolution leads from a large image x to a small one y, whose position (r, c) sees a window of x:
 *
 *     y[o][r][c] = bias[o] + sum over i, u, v of weight[o][i][u][v] * x[i][r s - p + u d][c s - p + v d]
 *
 * where x is zero outside its bounds; s stride, p padding, d dilation. With groups, both images' channels are cut into as many slices, and a
 * slice of y sees its slice of x only. The gradient by x is the transposed map, from y to x:
 *
 *     x[i][h][w] = bias[i] + sum over o, u, v of weight[o][i][u][v] * y[o][r][c]    where (r s - p + u d, c s - p + v d) = (h, w)
 *
 * A convolution layer computes the first going forward and the second going backward; a transposed convolution does the opposite.
 *
 * The second is a correlation of y with the weights turned around. With a stride, the values of x of one remainder modulo the stride see the
 * same taps and form a correlation of their own: a phase. There are at most as many phases as taps; other values are seen by no window. */

#include "layers/correlate.h"

enum { SIX_CONV_TAPS = 1024 };

/* x and y are channels x height x width, without their samples. Padding is what stands before the first row and column. */
typedef struct six_convolution {
    int64_t x[3], y[3], kernel_size[2], stride[2], padding[2], dilation[2], groups;
    bool direct; /* no other way than by sums of products */
} six_convolution;

static inline int64_t six_conv_taps(const six_convolution *g) { return g->kernel_size[0] * g->kernel_size[1]; }

/* The correlation from x to y of one slice of channels; tap has room for SIX_CONV_TAPS. */
six_correlation SIX_PASTE(six_conv_correlation_, SIX_VARIANT)(const six_convolution *g, six_tap *tap);

/* What each direction needs: reals of packed weights, and bytes of scratch. */
int64_t SIX_PASTE(six_conv_packed_size_, SIX_VARIANT)(const six_convolution *g);
int64_t SIX_PASTE(six_conv_scratch_, SIX_VARIANT)(const six_convolution *g);
int64_t SIX_PASTE(six_conv_packed_size_back_, SIX_VARIANT)(const six_convolution *g);
int64_t SIX_PASTE(six_conv_scratch_back_, SIX_VARIANT)(const six_convolution *g);
int64_t SIX_PASTE(six_conv_scratch_weights_, SIX_VARIANT)(const six_convolution *g);

/* Packs the weights of all slices: for a correlation from x to y, for six_conv(), for six_conv_back(). */
void SIX_PASTE(six_conv_pack_for_, SIX_VARIANT)(const six_convolution *g, const six_correlation *c, const real *weight,
                                                real *packed);
void SIX_PASTE(six_conv_pack_, SIX_VARIANT)(const six_convolution *g, const real *weight, real *packed);
void SIX_PASTE(six_conv_pack_back_, SIX_VARIANT)(const six_convolution *g, const real *weight, real *packed);

/* y of x, and x of y, of a tile. bias may be NULL. */
void SIX_PASTE(six_conv_, SIX_VARIANT)(const six_convolution *g, const real *x, const real *packed, const real *bias,
                                       real *y, void *scratch);
void SIX_PASTE(six_conv_back_, SIX_VARIANT)(const six_convolution *g, const real *y, const real *packed,
                                            const real *bias, real *x, void *scratch);

/* A tile's gradient by the weights: one of x and y is the layer's input, the other the gradient of its output. */
void SIX_PASTE(six_conv_weights_, SIX_VARIANT)(const six_convolution *g, const real *x, const real *y, real *dw,
                                               void *scratch);

/* The same from x to y of a single sample, in convolution_one.c: needs scratch and shared memory for packed weights. */
void SIX_PASTE(six_conv_one_memory_reqs_, SIX_VARIANT)(const six_convolution *g, six_memory_reqs *n);
void SIX_PASTE(six_conv_one_pack_, SIX_VARIANT)(const six_convolution *g, const real *weight, real *packed);
void SIX_PASTE(six_conv_one_, SIX_VARIANT)(const six_convolution *g, const real *x, const real *packed,
                                           const real *bias, real *y, void *scratch);

#define six_conv_correlation SIX_PASTE(six_conv_correlation_, SIX_VARIANT)
#define six_conv_packed_size SIX_PASTE(six_conv_packed_size_, SIX_VARIANT)
#define six_conv_scratch SIX_PASTE(six_conv_scratch_, SIX_VARIANT)
#define six_conv_packed_size_back SIX_PASTE(six_conv_packed_size_back_, SIX_VARIANT)
#define six_conv_scratch_back SIX_PASTE(six_conv_scratch_back_, SIX_VARIANT)
#define six_conv_scratch_weights SIX_PASTE(six_conv_scratch_weights_, SIX_VARIANT)
#define six_conv_pack_for SIX_PASTE(six_conv_pack_for_, SIX_VARIANT)
#define six_conv_pack SIX_PASTE(six_conv_pack_, SIX_VARIANT)
#define six_conv_pack_back SIX_PASTE(six_conv_pack_back_, SIX_VARIANT)
#define six_conv SIX_PASTE(six_conv_, SIX_VARIANT)
#define six_conv_back SIX_PASTE(six_conv_back_, SIX_VARIANT)
#define six_conv_weights SIX_PASTE(six_conv_weights_, SIX_VARIANT)
#define six_conv_one_memory_reqs SIX_PASTE(six_conv_one_memory_reqs_, SIX_VARIANT)
#define six_conv_one_pack SIX_PASTE(six_conv_one_pack_, SIX_VARIANT)
#define six_conv_one SIX_PASTE(six_conv_one_, SIX_VARIANT)

#endif
