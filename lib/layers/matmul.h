/* SPDX-License-Identifier: MIT */
#ifndef SIX_LAYERS_MATMUL_H
#define SIX_LAYERS_MATMUL_H

/* Matrix products for layers: y = x wᵀ + b with its gradients, where all samples share w and b; and the product of two
 * values. The kernels of product.h do the work. Functions that need memory have a query for its size in reals; the
 * others need none. */

#include <string.h>

#include "layers/product.h"
#include "simd/transpose.h"

/* ---- y = x wᵀ + b: x [rows][in][lane], y [rows][out][lane]; w [out][in] and b [out] are shared by all samples ---- */

typedef struct six_matmul {
    int64_t rows, in, out;
    bool add; /* the product to y or dx; there is no b then */
} six_matmul;

/* y = x wᵀ + b, or y += x wᵀ; b may be NULL. */
SIX_INLINE void six_matmul_y(const six_matmul *m, const real *x, const real *w, const real *b, real *y)
{
    const six_product p = {
        .m = m->out,
        .n = m->rows,
        .k = m->in,
        .w_m = m->in,
        .w_k = 1,
        .x_k = SIX_LANES,
        .x_n = m->in * SIX_LANES,
        .y_m = SIX_LANES,
        .y_n = m->out * SIX_LANES,
        .add = m->add,
    };
    six_multiply(&p, w, x, b, y);
}

/* dx = dy w, or dx += dy w. Takes so few rows of w at a time that the first are still in the cache when their next
 * columns are read. */
SIX_INLINE void six_matmul_dx(const six_matmul *m, const real *dy, const real *w, real *dx)
{
    enum { MOST_ROWS = 128 };
    six_product p = {
        .m = m->in,
        .n = m->rows,
        .w_m = 1,
        .w_k = m->in,
        .x_k = SIX_LANES,
        .x_n = m->out * SIX_LANES,
        .y_m = SIX_LANES,
        .y_n = m->in * SIX_LANES,
    };
    for (int64_t first = 0; first < m->out; first += p.k) {
        p.k = m->out - first < MOST_ROWS ? m->out - first : MOST_ROWS;
        p.add = m->add || first > 0;
        six_multiply(&p, w + first * m->in, dy + first * SIX_LANES, NULL, dx);
    }
}

/* The length of a row of `count` numbers, in whole vectors. */
SIX_INLINE int64_t six_matmul_row(int64_t count) { return (count + SIX_LANES - 1) / SIX_LANES * SIX_LANES; }

/* dw needs x transposed, so that inputs lie in the lanes and samples are summed over:
 * xt [rows][sample][six_matmul_row(in)]. */
SIX_INLINE int64_t six_matmul_xt_size(const six_matmul *m) { return m->rows * SIX_LANES * six_matmul_row(m->in); }

SIX_INLINE void six_matmul_xt(const six_matmul *m, const real *x, real *xt)
{
    const int64_t row = six_matmul_row(m->in);
    for (int64_t r = 0; r < m->rows; r++)
        six_transpose_tile(x + r * m->in * SIX_LANES, m->in, xt + r * SIX_LANES * row, row);
}

/* Something of every tile. */
typedef struct six_tiled {
    const real *first;
    int64_t step; /* from tile to tile */
} six_tiled;

/* dw[o] += the sum over samples and rows of dy[o] x, for `count` outputs o from `first` on. */
SIX_INLINE int64_t six_matmul_dw_scratch(const six_matmul *m, int64_t count) { return count * six_matmul_row(m->in); }

SIX_INLINE void six_matmul_dw(const six_matmul *m, const six_run *run, six_tiled xt, six_tiled dy, int64_t first,
                              int64_t count, real *dw, void *scratch)
{
    const int64_t row = six_matmul_row(m->in);
    six_term sample[SIX_LANES];
    real *sums = scratch;
    six_product p = {
        .m = count,
        .n = row / SIX_LANES,
        .k = run->tiles,
        .w_m = SIX_LANES,
        .w_k = dy.step,
        .x_k = xt.step,
        .x_n = SIX_LANES,
        .y_m = row,
        .y_n = SIX_LANES,
        .term = sample,
        .terms = run->tiles > 1 ? SIX_LANES : (int32_t)run->samples,
    };
    for (int32_t s = 0; s < p.terms; s++)
        sample[s] = (six_term){
            .x = s * row,
            .w = s,
        };
    for (int64_t r = 0; r < m->rows; r++) {
        p.add = r > 0;
        six_multiply(&p, dy.first + (r * m->out + first) * SIX_LANES, xt.first + r * SIX_LANES * row, NULL, sums);
    }
    for (int64_t o = 0; o < count; o++)
        for (int64_t i = 0; i < m->in; i++)
            dw[(first + o) * m->in + i] += sums[o * row + i];
}

/* db[o] += the sum over samples and rows of dy[o], likewise. */
SIX_INLINE void six_matmul_db(const six_matmul *m, const six_run *run, six_tiled dy, int64_t first, int64_t count,
                              real *db)
{
    for (int64_t o = first; o < first + count; o++) {
        real sum = 0;
        for (int32_t t = 0; t < run->tiles; t++)
            for (int64_t r = 0; r < m->rows; r++)
                sum += six_lane_sum(dy.first + t * dy.step + (r * m->out + o) * SIX_LANES);
        db[o] += sum;
    }
}

/* ---- the same for a training pass over one sample without lanes: x [rows][in], y [rows][out]; results are bit-identical ---- */

enum { SIX_MATMUL_CHAINS = 8 };

/* So many outputs of a row: their sums advance together, as each must take its terms in order. */
SIX_INLINE void six_matmul_chains(const int chains, int64_t in, const real *restrict x, const real *w, const real *b,
                                  real *restrict y)
{
    real sum[SIX_MATMUL_CHAINS];
    for (int k = 0; k < chains; k++)
        sum[k] = b ? b[k] : 0;
    for (int64_t i = 0; i < in; i++)
        for (int k = 0; k < chains; k++)
            sum[k] = six_fma_one(w[k * in + i], x[i], sum[k]);
    for (int k = 0; k < chains; k++)
        y[k] = sum[k];
}

/* y = x wᵀ + b */
SIX_INLINE void six_matmul_y_one(const six_matmul *m, const real *x, const real *w, const real *b, real *y)
{
    for (int64_t r = 0; r < m->rows; r++) {
        const real *x_r = x + r * m->in;
        real *y_r = y + r * m->out;
        int64_t o = 0;
        for (; m->out - o >= SIX_MATMUL_CHAINS; o += SIX_MATMUL_CHAINS)
            six_matmul_chains(SIX_MATMUL_CHAINS, m->in, x_r, w + o * m->in, b ? b + o : NULL, y_r + o);
        for (; m->out - o >= 2; o += 2)
            six_matmul_chains(2, m->in, x_r, w + o * m->in, b ? b + o : NULL, y_r + o);
        if (o < m->out)
            six_matmul_chains(1, m->in, x_r, w + o * m->in, b ? b + o : NULL, y_r + o);
    }
}

/* dx = dy w, or dx += dy w */
SIX_INLINE void six_matmul_dx_one(const six_matmul *m, const real *restrict dy, const real *restrict w,
                                  real *restrict dx)
{
    for (int64_t r = 0; r < m->rows; r++, dy += m->out, dx += m->in) {
        for (int64_t i = 0; !m->add && i < m->in; i++)
            dx[i] = 0;
        for (int64_t o = 0; o < m->out; o++)
            for (int64_t i = 0; i < m->in; i++)
                dx[i] = six_fma_one(w[o * m->in + i], dy[o], dx[i]);
    }
}

/* dw[o] += the sum over rows of dy[o] x, for outputs o from `first` up to `end`. */
SIX_INLINE void six_matmul_dw_one(const six_matmul *m, const real *restrict x, const real *restrict dy, int64_t first,
                                  int64_t end, real *restrict dw)
{
    for (int64_t o = first; o < end; o++) {
        real *restrict to = dw + o * m->in;
        if (m->rows == 1) {
            for (int64_t i = 0; i < m->in; i++)
                to[i] += six_fma_one(dy[o], x[i], 0);
            continue;
        }
        for (int64_t i = 0; i < m->in; i++) {
            real sum = 0;
            for (int64_t r = 0; r < m->rows; r++)
                sum = six_fma_one(dy[r * m->out + o], x[r * m->in + i], sum);
            to[i] += sum;
        }
    }
}

/* db[o] += the sum over rows of dy[o], likewise; a sum of zeros is not negative. */
SIX_INLINE void six_matmul_db_one(const six_matmul *m, const real *dy, int64_t first, int64_t end, real *db)
{
    for (int64_t o = first; o < end; o++) {
        real sum = 0;
        for (int64_t r = 0; r < m->rows; r++)
            sum += dy[r * m->out + o];
        db[o] += sum;
    }
}

/* ---- y = a b of two values: a matrix of each sample ---- */

/* A view of a matrix: element i, j is number i * row + j * column. */
typedef struct six_matrix {
    const real *at;
    int64_t rows, columns, row, column;
} six_matrix;

SIX_INLINE six_matrix six_matrix_of(const real *at, int64_t rows, int64_t columns)
{
    return (six_matrix){at, rows, columns, columns, 1};
}

SIX_INLINE six_matrix six_matrix_transposed(six_matrix a)
{
    return (six_matrix){a.at, a.columns, a.rows, a.column, a.row};
}

/* y += a b; y [a.rows][row][lane], of which b.columns are used. */
SIX_INLINE void six_matmul_values_to(six_matrix a, six_matrix b, real *y, int64_t row)
{
    const six_lane_product p = {
        .m = a.rows,
        .n = b.columns,
        .rows = 1,
        .columns = a.columns,
        .a_m = a.row * SIX_LANES,
        .a_column = a.column * SIX_LANES,
        .b_n = b.column * SIX_LANES,
        .b_column = b.row * SIX_LANES,
        .y_m = row * SIX_LANES,
    };
    six_multiply_lanes(&p, a.at, b.at, y);
}

/* y += a b; y [a.rows][b.columns][lane]. */
SIX_INLINE void six_matmul_values(six_matrix a, six_matrix b, real *y) { six_matmul_values_to(a, b, y, b.columns); }

/* ---- one sample without lanes: columns lie in the lanes instead; results are bit-identical ---- */

/* Copies a matrix with its rows filled up to whole vectors. */
SIX_INLINE int64_t six_matrix_packed_size(int64_t rows, int64_t columns) { return rows * six_matmul_row(columns); }

SIX_INLINE six_matrix six_matrix_packed(const real *at, int64_t rows, int64_t columns)
{
    return (six_matrix){at, rows, columns, six_matmul_row(columns), 1};
}

SIX_INLINE six_matrix six_matrix_pack(six_matrix a, real *packed)
{
    const int64_t row = six_matmul_row(a.columns);
    for (int64_t j = 0; j < a.columns; j++)
        for (int64_t i = 0; i < a.rows; i++)
            packed[i * row + j] = a.at[i * a.row + j * a.column];
    return six_matrix_packed(packed, a.rows, a.columns);
}

/* y = a b + bias; bias [b.columns] or NULL. b is packed, or a value of a net, which has capacity for a vector after
 * it. */
SIX_INLINE int64_t six_matmul_one_scratch(int64_t rows, int64_t k, int64_t columns, bool b_transposed)
{
    const int64_t packed = b_transposed ? six_matrix_packed_size(k, columns) : 0;
    return packed + six_matrix_packed_size(rows < SIX_BLOCK_ROWS ? rows : SIX_BLOCK_ROWS, columns);
}

SIX_INLINE void six_matmul_one(six_matrix a, six_matrix b, const real *bias, real *y, void *scratch)
{
    const int64_t row = six_matmul_row(b.columns), most = a.rows < SIX_BLOCK_ROWS ? a.rows : SIX_BLOCK_ROWS;
    real *sums = scratch;
    if (b.column != 1)
        b = six_matrix_pack(b, sums + most * row);
    six_product p = {
        .n = row / SIX_LANES,
        .k = a.columns,
        .w_m = a.row,
        .w_k = a.column,
        .x_k = b.row,
        .x_n = SIX_LANES,
        .y_m = row,
        .y_n = SIX_LANES,
        .add = true,
    };
    for (int64_t i = 0; i < a.rows; i += p.m) {
        p.m = a.rows - i < most ? a.rows - i : most;
        memset(sums, 0, (size_t)(p.m * row) * sizeof *sums);
        for (int64_t r = 0; bias && r < p.m; r++)
            memcpy(sums + r * row, bias, (size_t)b.columns * sizeof *sums);
        six_multiply(&p, a.at + i * a.row, b.at, NULL, sums);
        for (int64_t r = 0; r < p.m; r++)
            memcpy(y + (i + r) * b.columns, sums + r * row, (size_t)b.columns * sizeof *y);
    }
}

#endif
