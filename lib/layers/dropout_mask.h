/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_DROPOUT_MASK_H
#define SIX_LAYERS_DROPOUT_MASK_H

/* y = x / (1 - p) with probability 1 - p, else 0. As torch.nn.Dropout, where zeroing is a product with 0: NaN stays NaN,
 * infinity becomes it.
 *
 * What is kept depends on seed, node, stream, step and the sample's place in the batch, in every variant alike: each lane
 * of a tile has four xorshift generators (Marsaglia, "Xorshift RNGs", 2003), which Philox seeds and which take turns from
 * feature to feature. The bits drawn are saved, sixteen a feature, so that backward need not draw again. */

#include "layers/op.h"

enum { SIX_DROP_STREAMS = 4 };

/* How many features' bits are saved. */
SIX_INLINE int64_t six_drop_bits(int64_t size)
{
    return (size + SIX_DROP_STREAMS - 1) / SIX_DROP_STREAMS * SIX_DROP_STREAMS;
}

/* Of the 2^32 numbers that can be drawn, how many drop the value. */
SIX_INLINE int64_t six_drop_share(double p) { return (int64_t)(p * 4294967296.0 + 0.5); }

/* y = x / (1 - p) or 0, for `size` features; y may be x. `stream` tells draws of one node apart. */
void SIX_PASTE(six_drop_, SIX_VARIANT)(const six_run *run, const six_tile *tile, uint32_t stream, double p,
                                       const real *x, real *y, int64_t size, uint16_t *bits);
void SIX_PASTE(six_drop_back_, SIX_VARIANT)(const six_run *run, double p, const real *dy, real *dx, int64_t size,
                                            const uint16_t *bits);

#define six_drop SIX_PASTE(six_drop_, SIX_VARIANT)
#define six_drop_back SIX_PASTE(six_drop_back_, SIX_VARIANT)

#endif
