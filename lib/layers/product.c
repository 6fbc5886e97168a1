/* SPDX-License-Identifier: MIT */

#include "layers/product.h"

/* Columns of a block of vectors times vectors. */
#if SIX_REGISTERS == 32
enum { LANE_BLOCK_COLUMNS = 6 };
#else
enum { LANE_BLOCK_COLUMNS = 4 };
#endif
enum { SINGLE_BLOCK_ROWS = 8 }; /* where y has a single column */

/* Keeps the compiler from loading a weight again for each of its uses. */
#if defined(__x86_64__) || defined(__i386__)
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define IN_REGISTER(v) __asm__("" : "+w"(v))
#else
#define IN_REGISTER(v) (void)0
#endif

/* ---- numbers times vectors ---- */

SIX_INLINE void block_sums(const six_product *p, const real *w, const real *x, const real *bias, real *y, const int M,
                           const int N, const int32_t terms)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec sum[SINGLE_BLOCK_ROWS][SIX_BLOCK_COLUMNS];
        SIX_UNROLL
        for (int m = 0; m < M; m++)
            SIX_UNROLL
        for (int n = 0; n < N; n++)
            sum[m][n] = bias ? six_set(bias[m]) : p->add ? six_load(y + m * p->y_m + n * p->y_n + part) : (vec){0};
        const real *w_k = w, *x_k = x + part;
        for (int64_t k = 0; k < p->k; k++, x_k += p->x_k, w_k += p->w_k) {
            for (int32_t t = 0; t < terms; t++) {
                const real *x_t = x_k + p->term[t].x, *w_t = w_k + p->term[t].w;
                vec weight[SINGLE_BLOCK_ROWS];
                SIX_UNROLL
                for (int m = 0; m < M; m++) {
                    weight[m] = six_set(w_t[m * p->w_m]);
                    if (N > 1)
                        IN_REGISTER(weight[m]);
                }
                SIX_UNROLL
                for (int n = 0; n < N; n++) {
                    const vec value = six_load(x_t + n * p->x_n);
                    SIX_UNROLL
                    for (int m = 0; m < M; m++)
                        sum[m][n] = six_fma(weight[m], value, sum[m][n]);
                }
            }
        }
        SIX_UNROLL
        for (int m = 0; m < M; m++)
            SIX_UNROLL
        for (int n = 0; n < N; n++)
            six_store(y + m * p->y_m + n * p->y_n + part, sum[m][n]);
    }
}

typedef void block_fn(const six_product *p, const real *w, const real *x, const real *bias, real *y);

#define BLOCK_OF(NAME, M, N, TERMS)                                                                                    \
    static void NAME(const six_product *p, const real *w, const real *x, const real *bias, real *y)                    \
    {                                                                                                                  \
        block_sums(p, w, x, bias, y, M, N, TERMS);                                                                     \
    }
#define BLOCK(M, N) BLOCK_OF(block_##M##x##N, M, N, p->terms)
#define BLOCKS(M) BLOCK(M, 1) BLOCK(M, 2) BLOCK(M, 3) BLOCK(M, 4)
#define BLOCK_ROW(M) block_##M##x1, block_##M##x2, block_##M##x3, block_##M##x4
BLOCKS(1)
BLOCKS(2)
BLOCKS(3)
BLOCK(8, 1)
BLOCK_OF(block_8x1_of_1, 8, 1, 1)
#if SIX_REGISTERS == 32
#define BLOCKS_WIDE(M) BLOCK(M, 5) BLOCK(M, 6) BLOCK(M, 7)
#define BLOCK_ROW_WIDE(M)                                                                                              \
    {                                                                                                                  \
        BLOCK_ROW(M), block_##M##x5, block_##M##x6, block_##M##x7                                                      \
    }
BLOCKS_WIDE(1)
BLOCKS_WIDE(2)
BLOCKS_WIDE(3)
BLOCKS(4)
BLOCKS_WIDE(4)
static block_fn *const block_table[SIX_BLOCK_ROWS][SIX_BLOCK_COLUMNS] = {BLOCK_ROW_WIDE(1), BLOCK_ROW_WIDE(2),
                                                                         BLOCK_ROW_WIDE(3), BLOCK_ROW_WIDE(4)};
#else
static block_fn *const block_table[SIX_BLOCK_ROWS][SIX_BLOCK_COLUMNS] = {
    {BLOCK_ROW(1)}, {BLOCK_ROW(2)}, {BLOCK_ROW(3)}};
#endif

/* The rows of the block that begins with row m. */
static int64_t block_rows(const six_product *p, int64_t m)
{
    const int64_t left = p->m - m;
    if (p->single && left >= SINGLE_BLOCK_ROWS)
        return SINGLE_BLOCK_ROWS;
    return left < SIX_BLOCK_ROWS ? left : SIX_BLOCK_ROWS;
}

int64_t six_product_block(const six_product *p) { return block_rows(p, 0); }

static int64_t weights_at(const six_product *p, int64_t m)
{
    const int64_t first = block_rows(p, 0);
    return p->w_block ? m / first * p->w_block + m % first * p->w_m : m * p->w_m;
}

/* All rows of neighboring columns. */
static void multiply_columns(const six_product *p, const real *w, const real *x, const real *bias, real *y,
                             int64_t columns)
{
    for (int64_t m = 0, rows; m < p->m; m += rows) {
        rows = block_rows(p, m);
        block_fn *block =
            rows == SINGLE_BLOCK_ROWS ? p->terms == 1 ? block_8x1_of_1 : block_8x1 : block_table[rows - 1][columns - 1];
        const real *w_m = w + weights_at(p, m), *bias_m = bias ? bias + m : NULL;
        for (int64_t i = 0; i < p->times; i++)
            block(p, w_m + i * p->w_time, x + i * p->x_time, bias_m, y + m * p->y_m + i * p->y_time);
    }
}

void six_multiply(const six_product *p, const real *w, const real *x, const real *bias, real *y)
{
    static const six_term origin = {0, 0};
    const int64_t blocks = (p->n + SIX_BLOCK_COLUMNS - 1) / SIX_BLOCK_COLUMNS;
    six_product all = *p;
    if (!all.times)
        all.times = 1;
    if (!all.term) {
        all.term = &origin;
        all.terms = 1;
    }
    if (!p->w_block)
        all.single = p->n == 1;
    for (int64_t k = 0; k < blocks; k++) {
        const int64_t begin = p->n * k / blocks, end = p->n * (k + 1) / blocks;
        multiply_columns(&all, w, x + begin * p->x_n, bias, y + begin * p->y_n, end - begin);
    }
}

/* ---- vectors times vectors ---- */

SIX_INLINE void lane_block_sums(const six_lane_product *p, const real *a, const real *b, const int64_t *b_offset,
                                real *y, const int M, const int N)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec sum[SIX_BLOCK_ROWS][LANE_BLOCK_COLUMNS];
        const real *column[LANE_BLOCK_COLUMNS];
        SIX_UNROLL
        for (int n = 0; n < N; n++) {
            column[n] = b + b_offset[n] + part;
            SIX_UNROLL
            for (int m = 0; m < M; m++)
                sum[m][n] = six_load(y + m * p->y_m + n * SIX_LANES + part);
        }
        for (int64_t r = 0; r < p->rows; r++) {
            const real *a_at = a + r * p->a_row + part;
            int64_t b_at = r * p->b_row;
            for (int64_t c = 0; c < p->columns; c++, b_at += p->b_column, a_at += p->a_column) {
                vec left[SIX_BLOCK_ROWS];
                SIX_UNROLL
                for (int m = 0; m < M; m++)
                    left[m] = six_load(a_at + m * p->a_m);
                SIX_UNROLL
                for (int n = 0; n < N; n++) {
                    const vec right = six_load(column[n] + b_at);
                    SIX_UNROLL
                    for (int m = 0; m < M; m++)
                        sum[m][n] = six_fma(left[m], right, sum[m][n]);
                }
            }
        }
        SIX_UNROLL
        for (int n = 0; n < N; n++)
            SIX_UNROLL
        for (int m = 0; m < M; m++)
            six_store(y + m * p->y_m + n * SIX_LANES + part, sum[m][n]);
    }
}

typedef void lane_block_fn(const six_lane_product *p, const real *a, const real *b, const int64_t *b_offset, real *y);

#define LANE_BLOCK(M, N)                                                                                               \
    static void lane_block_##M##x##N(const six_lane_product *p, const real *a, const real *b, const int64_t *b_offset, \
                                     real *y)                                                                          \
    {                                                                                                                  \
        lane_block_sums(p, a, b, b_offset, y, M, N);                                                                   \
    }
#define LANE_BLOCKS(M) LANE_BLOCK(M, 1) LANE_BLOCK(M, 2) LANE_BLOCK(M, 3) LANE_BLOCK(M, 4)
#define LANE_BLOCK_ROW(M) lane_block_##M##x1, lane_block_##M##x2, lane_block_##M##x3, lane_block_##M##x4
LANE_BLOCKS(1)
LANE_BLOCKS(2)
LANE_BLOCKS(3)
#if SIX_REGISTERS == 32
#define LANE_BLOCKS_WIDE(M) LANE_BLOCK(M, 5) LANE_BLOCK(M, 6)
#define LANE_BLOCK_ROW_WIDE(M)                                                                                         \
    {                                                                                                                  \
        LANE_BLOCK_ROW(M), lane_block_##M##x5, lane_block_##M##x6                                                      \
    }
LANE_BLOCKS_WIDE(1)
LANE_BLOCKS_WIDE(2)
LANE_BLOCKS_WIDE(3)
LANE_BLOCKS(4)
LANE_BLOCKS_WIDE(4)
static lane_block_fn *const lane_block_table[SIX_BLOCK_ROWS][LANE_BLOCK_COLUMNS] = {
    LANE_BLOCK_ROW_WIDE(1), LANE_BLOCK_ROW_WIDE(2), LANE_BLOCK_ROW_WIDE(3), LANE_BLOCK_ROW_WIDE(4)};
#else
static lane_block_fn *const lane_block_table[SIX_BLOCK_ROWS][LANE_BLOCK_COLUMNS] = {
    {LANE_BLOCK_ROW(1)}, {LANE_BLOCK_ROW(2)}, {LANE_BLOCK_ROW(3)}};
#endif

/* All columns of neighboring rows. */
static void multiply_lane_rows(const six_lane_product *p, const real *a, const real *b, real *y, int64_t rows)
{
    const int64_t blocks = (p->n + LANE_BLOCK_COLUMNS - 1) / LANE_BLOCK_COLUMNS;
    for (int64_t k = 0; k < blocks; k++) {
        const int64_t begin = p->n * k / blocks, end = p->n * (k + 1) / blocks;
        int64_t offset[LANE_BLOCK_COLUMNS];
        for (int64_t n = begin; !p->b_offset && n < end; n++)
            offset[n - begin] = n * p->b_n;
        lane_block_table[rows - 1][end - begin - 1](p, a, b, p->b_offset ? p->b_offset + begin : offset,
                                                    y + begin * SIX_LANES);
    }
}

void six_multiply_lanes(const six_lane_product *p, const real *a, const real *b, real *y)
{
    for (int64_t m = 0; m < p->m; m += SIX_BLOCK_ROWS) {
        const int64_t left = p->m - m, rows = left < SIX_BLOCK_ROWS ? left : SIX_BLOCK_ROWS;
        multiply_lane_rows(p, a + m * p->a_m, b, y + m * p->y_m, rows);
    }
}
