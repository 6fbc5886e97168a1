/* SPDX-License-Identifier: MIT */

/* Oracles of layers that move the values of images, or find values between them. */

#include "oracles.h"

#include <math.h>
#include <string.h>

/* Where a padded axis takes its value from; -1 for the constant. */
static int padded(int at, int n, const char *mode)
{
    if (strcmp(mode, "reflect") == 0)
        return at < 0 ? -at : at >= n ? 2 * n - 2 - at : at;
    if (strcmp(mode, "replicate") == 0)
        return at < 0 ? 0 : at >= n ? n - 1 : at;
    return at < 0 || at >= n ? -1 : at;
}

void oracle_pad(const double *x, double *y, int planes, int h, int w, const int side[4], const char *mode, double value)
{
    for (int p = 0; p < planes; p++)
        for (int r = -side[2]; r < h + side[3]; r++)
            for (int c = -side[0]; c < w + side[1]; c++) {
                const int row = padded(r, h, mode), column = padded(c, w, mode);
                *y++ = row < 0 || column < 0 ? value : x[(p * h + row) * w + column];
            }
}

void oracle_pixel_shuffle(const double *small, double *large, int n, int c, int h, int w, int factor, int back)
{
    double *to = back ? (double *)small : large;
    for (int k = 0; k < n * c * factor * factor * h * w; k++) {
        const int column = k % w, row = k / w % h, b = k / (w * h) % factor, a = k / (w * h * factor) % factor,
                  plane = k / (w * h * factor * factor);
        const int at = (plane * h * factor + row * factor + a) * w * factor + column * factor + b;
        to[back ? k : at] = back ? large[at] : small[k];
    }
}

void oracle_unfold(const double *x, double *y, int n, int c, int h, int w, const int kernel[2], const int stride[2],
                   const int pad[2], const int dilation[2])
{
    for (int s = 0; s < n * c; s++)
        for (int u = 0; u < kernel[0]; u++)
            for (int v = 0; v < kernel[1]; v++)
                for (int r = -pad[0]; r + dilation[0] * (kernel[0] - 1) < h + pad[0]; r += stride[0])
                    for (int q = -pad[1]; q + dilation[1] * (kernel[1] - 1) < w + pad[1]; q += stride[1]) {
                        const int row = r + u * dilation[0], column = q + v * dilation[1];
                        *y++ = row < 0 || row >= h || column < 0 || column >= w ? 0 : x[(s * h + row) * w + column];
                    }
}

/* The weight of input i of n for output o of m: a triangle about the output's place, cut off at the edges. */
static double weight_of(int i, int n, int o, int m, double scale, const char *mode, int align_corners)
{
    double place;
    if (strcmp(mode, "nearest") == 0)
        return fmin(floor(o / scale), n - 1) == i;
    if (align_corners)
        place = m == 1 ? 0 : o * (n - 1.0) / (m - 1.0);
    else
        place = (o + 0.5) / scale - 0.5;
    return fmax(0, 1 - fabs(fmin(fmax(place, 0), n - 1) - i));
}

void oracle_upsample(const double *x, double *y, int planes, int h, int w, int oh, int ow, double scale_factor,
                     const char *mode, int align_corners)
{
    const double down = scale_factor > 0 ? scale_factor : (double)oh / h,
                 along = scale_factor > 0 ? scale_factor : (double)ow / w;
    for (int p = 0; p < planes; p++)
        for (int r = 0; r < oh; r++)
            for (int c = 0; c < ow; c++, y++) {
                *y = 0;
                for (int row = 0; row < h; row++)
                    for (int column = 0; column < w; column++)
                        *y += (h == 1 && oh == 1 ? 1 : weight_of(row, h, r, oh, down, mode, align_corners)) *
                              weight_of(column, w, c, ow, along, mode, align_corners) * x[(p * h + row) * w + column];
            }
}
