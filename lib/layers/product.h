/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_PRODUCT_H
#define SIX_LAYERS_PRODUCT_H

/* The two kernels of convolution, linear layers and matrix products: sums of products whose blocks of results stay in
 * registers; compiled once per variant. Unless stated otherwise an element is a vector of SIX_LANES numbers. Every sum
 * takes its terms in the order of their indices, so its bits do not depend on how the work is cut. */

#include "layers/op.h"

/* Blocks of results, chosen by looking at the assembly. */
#if SIX_REGISTERS == 32
enum { SIX_BLOCK_ROWS = 4, SIX_BLOCK_COLUMNS = 7 };
#else
enum { SIX_BLOCK_ROWS = 3, SIX_BLOCK_COLUMNS = 4 };
#endif

/* y[m][n] = start[m][n] + the sum over k, t of w[m][k][t] * x[k][t][n], where an element of w is one number, used for
 * all lanes. A plain matrix product has no t; a convolution has terms that are not equally far apart. */
typedef struct six_term {
    int64_t x, w; /* offset in x and w */
} six_term;

typedef struct six_product {
    int64_t m, n, k;
    int64_t w_m, w_k, x_k, x_n, y_m, y_n; /* distances in reals of neighbors along an index */
    const six_term *term;                 /* [terms]; NULL: one, at offset 0 */
    int32_t terms;
    bool add;        /* start is y; else the bias, or zero */
    int64_t w_block; /* distance of blocks of six_product_block() rows, if w is packed in blocks; else 0 */
    int64_t times, w_time, x_time, y_time; /* so many products, and the distances of their w, x and y; 0: one */
    bool single; /* of packed weights: n is 1 in every product with them, whose blocks then have more rows */
} six_product;

/* Computes y. bias [m] numbers, or NULL. */
void SIX_PASTE(six_multiply_, SIX_VARIANT)(const six_product *p, const real *w, const real *x, const real *bias,
                                           real *y);

/* The number of rows in the first block of results; only the last blocks have fewer. */
int64_t SIX_PASTE(six_product_block_, SIX_VARIANT)(const six_product *p);

/* y[m][n] += the sum over r, c of a[m][r][c] * b[n][r][c], lane by lane. Rows of y are dense. */
typedef struct six_lane_product {
    int64_t m, n, rows, columns; /* rows, columns: of the sum */
    int64_t a_m, a_row, a_column, b_n, b_row, b_column, y_m;
    const int64_t *b_offset; /* [n] offset of each b[n], in place of n * b_n; or NULL */
} six_lane_product;

void SIX_PASTE(six_multiply_lanes_, SIX_VARIANT)(const six_lane_product *p, const real *a, const real *b, real *y);

#define six_multiply SIX_PASTE(six_multiply_, SIX_VARIANT)
#define six_product_block SIX_PASTE(six_product_block_, SIX_VARIANT)
#define six_multiply_lanes SIX_PASTE(six_multiply_lanes_, SIX_VARIANT)

#endif
