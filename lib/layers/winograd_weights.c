/* SPDX-License-Identifier: MIT */

/* Weights with the matrices of winograd.c: U = G g Gᵀ, and the gradient by them,
 *
 *     dg = Gᵀ (sum over tiles and samples of (A dy Aᵀ) * (Bᵀ d B)) G        * : value by value
 *
 * For each position the sum over tiles is a product of matrices, outputs x tiles and tiles x channels, whose lanes are summed in the end. */

#include "layers/winograd.h"

#include <string.h>

#include "layers/winograd_points.h"
#include "simd/lane_sums.h"

/* Sums of a block are kept in registers: of ROWS outputs with COLUMNS channels. */
enum {
    TILE = SIX_WINOGRAD_TILE,
    POINTS = SIX_WINOGRAD_POINTS,
    POSITIONS = SIX_WINOGRAD_POSITIONS,
    PAIR = 2 * POINTS, /* the positions of a pair of points */
    CHANNELS_AT_ONCE = 32,
    TILE_PLANES_AT_ONCE =
        1024, /* tiles times channels and outputs that have memory at a time, the same in every variant */
    ROWS = SIX_REGISTERS == 32 ? 4 : 2,
    COLUMNS = 4,
    BLOCK = ROWS * COLUMNS
};

/* ---- U, packed as [block of outputs][position][channel][output] ---- */

/* Of several outputs. In double, whatever `real` is: weights are transformed once for many uses. */
enum { EIGHT = 8 };
typedef double eight __attribute__((vector_size(EIGHT * sizeof(double))));

SIX_INLINE void weight_points(const eight g[3], eight u[POINTS])
{
    const double p = SIX_WINOGRAD_P, q = SIX_WINOGRAD_Q, at_p = -128.0 / 243, at_q = 32.0 / 243;
    const eight even_p = at_p * (g[0] + p * p * g[2]), odd_p = at_p * p * g[1], even_q = at_q * (g[0] + q * q * g[2]),
                odd_q = at_q * q * g[1];
    u[0] = 64.0 / 81 * g[0];
    u[1] = g[2];
    u[2] = even_p + odd_p;
    u[3] = even_p - odd_p;
    u[4] = even_q + odd_q;
    u[5] = even_q - odd_q;
}

static void weight_positions(eight g[3][3], int64_t count, real *u, int64_t u_position)
{
    eight row[POINTS][3], column[3], points[POINTS];
    for (int j = 0; j < 3; j++) {
        for (int i = 0; i < 3; i++)
            column[i] = g[i][j];
        weight_points(column, points);
        for (int i = 0; i < POINTS; i++)
            row[i][j] = points[i];
    }
    for (int i = 0; i < POINTS; i++) {
        weight_points(row[i], points);
        for (int j = 0; j < POINTS; j++, u += u_position)
            for (int64_t k = 0; k < count; k++)
                u[k] = (real)points[j][k];
    }
}

void six_winograd_pack(const six_correlation *c, const real *w, int64_t w_output, int64_t w_depth, const int32_t *w_tap,
                       real *packed)
{
    const int64_t block = six_winograd_block(c), u_position = c->depth * block;
    const six_tap origin = six_winograd_origin(c);
    for (int64_t o = 0, count; o < c->outputs; o += count) {
        count = six_winograd_least(six_winograd_least(c->outputs - o, block - o % block), EIGHT);
        for (int32_t d = 0; d < c->depth; d++) {
            eight g[3][3] = {{{0}}};
            for (int32_t t = 0; t < c->taps; t++)
                for (int64_t k = 0; k < count; k++)
                    g[c->tap[t].h - origin.h][c->tap[t].w - origin.w][k] =
                        (double)w[(o + k) * w_output + d * w_depth + w_tap[t]];
            weight_positions(g, count, packed + o / block * POSITIONS * u_position + d * block + o % block, u_position);
        }
    }
}

/* ---- what the gradient works on at a time ---- */

typedef struct tiling {
    int64_t across, count, at_once; /* tiles: side by side, of a plane, at a time */
    int64_t depth, outputs;         /* at a time */
    int64_t blocks;                 /* of so many outputs and channels */
    int64_t plane; /* distance of channels and outputs in the panels [position of a pair][channel][tile][SIX_LANES] */
} tiling;

static tiling tiling_of(const six_correlation *c)
{
    tiling t = {.across = six_winograd_divide_up(c->columns, TILE)};
    t.count = t.across * six_winograd_divide_up(c->rows, TILE);
    t.depth = six_winograd_least(c->depth, CHANNELS_AT_ONCE);
    t.outputs = six_winograd_least(c->outputs, CHANNELS_AT_ONCE);
    t.at_once =
        six_winograd_divide_up(t.count, six_winograd_divide_up(t.count * (t.depth + t.outputs), TILE_PLANES_AT_ONCE));
    t.blocks = six_winograd_divide_up(t.outputs, ROWS) * six_winograd_divide_up(t.depth, COLUMNS);
    t.plane = (t.at_once | 1) * SIX_LANES; /* odd, for the cache's sets */
    return t;
}

/* Zeros for a row of x or y. */
static int64_t zeros_of(const six_correlation *c) { return (c->in_w > c->columns ? c->in_w : c->columns) * SIX_LANES; }

int64_t six_winograd_weights_scratch(const six_correlation *c)
{
    const tiling t = tiling_of(c);
    return (POSITIONS * t.blocks * BLOCK + PAIR * (t.depth + t.outputs) * t.plane + zeros_of(c)) *
           (int64_t)sizeof(real);
}

/* ---- outputs' gradient: A dy Aᵀ, a pair of rows at a time ---- */

SIX_INLINE void gradient_points(const int pair, const vec y[TILE], vec d[2])
{
    if (pair == 0) {
        d[0] = y[0];
        d[1] = y[3];
    } else {
        const vec point = six_set(pair == 1 ? SIX_WINOGRAD_P : SIX_WINOGRAD_Q),
                  square = six_set(pair == 1 ? SIX_WINOGRAD_P * SIX_WINOGRAD_P : SIX_WINOGRAD_Q * SIX_WINOGRAD_Q);
        const vec even = six_fma(square, y[2], y[0]), odd = point * six_fma(square, y[3], y[1]);
        d[0] = even + odd;
        d[1] = even - odd;
    }
}

SIX_INLINE void gradient_rows(vec column[TILE][2], real *d, int64_t d_position)
{
    SIX_UNROLL
    for (int k = 0; k < 2; k++) {
        const vec y[TILE] = {column[0][k], column[1][k], column[2][k], column[3][k]};
        SIX_UNROLL
        for (int pair = 0; pair < POINTS / 2; pair++, d += 2 * d_position) {
            vec points[2];
            gradient_points(pair, y, points);
            six_store(d, points[0]);
            six_store(d + d_position, points[1]);
        }
    }
}

SIX_INLINE void gradient_pair(const six_correlation *c, const int pair, const real *dy, const real *zeros,
                              int64_t first, int64_t count, real *d, int64_t d_position)
{
    const int64_t across = six_winograd_divide_up(c->columns, TILE);
    for (int64_t n = first; n < first + count; n++, d += SIX_LANES) {
        const int64_t h = n / across * TILE, w = n % across * TILE;
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
            const real *row[TILE];
            vec column[TILE][2];
            for (int i = 0; i < TILE; i++)
                row[i] = (h + i < c->rows ? dy + (h + i) * c->y_row : zeros) + part;
            SIX_UNROLL
            for (int j = 0; j < TILE; j++) {
                const int64_t at = (w + j) * SIX_LANES;
                if (w + j < c->columns)
                    gradient_points(pair,
                                    (const vec[TILE]){six_load(row[0] + at), six_load(row[1] + at),
                                                      six_load(row[2] + at), six_load(row[3] + at)},
                                    column[j]);
                else
                    column[j][0] = column[j][1] = (vec){0};
            }
            gradient_rows(column, d + part, d_position);
        }
    }
}

static void gradient(const six_correlation *c, int pair, const real *dy, const real *zeros, int64_t first,
                     int64_t count, real *d, int64_t d_position)
{
    if (pair == 0)
        gradient_pair(c, 0, dy, zeros, first, count, d, d_position);
    else if (pair == 1)
        gradient_pair(c, 1, dy, zeros, first, count, d, d_position);
    else
        gradient_pair(c, 2, dy, zeros, first, count, d, d_position);
}

/* ---- sums over tiles and lanes ---- */

/* Adds to a block [M][N] of sums, the lanes of a [M][tile] times b [N][tile]. */
SIX_INLINE void block_sums(const real *a, const real *b, int64_t plane, int64_t tiles, real *sums, const int M,
                           const int N)
{
    vec all[BLOCK][SIX_PARTS];
    for (int part = 0; part < SIX_PARTS; part++) {
        const real *a_at = a + part * SIX_WIDTH, *b_at = b + part * SIX_WIDTH;
        vec sum[ROWS][COLUMNS] = {{{0}}};
        for (int64_t n = 0; n < tiles; n++, a_at += SIX_LANES, b_at += SIX_LANES) {
            vec right[COLUMNS];
            SIX_UNROLL
            for (int k = 0; k < N; k++)
                right[k] = six_load(b_at + k * plane);
            SIX_UNROLL
            for (int m = 0; m < M; m++) {
                const vec left = six_load(a_at + m * plane);
                SIX_UNROLL
                for (int k = 0; k < N; k++)
                    sum[m][k] = six_fma(left, right[k], sum[m][k]);
            }
        }
        SIX_UNROLL
        for (int m = 0; m < ROWS; m++)
            SIX_UNROLL
        for (int k = 0; k < COLUMNS; k++)
            all[m * COLUMNS + k][part] = sum[m][k];
    }
    for (int i = 0; i < BLOCK; i += SIX_WIDTH)
        six_store(sums + i, six_load(sums + i) + six_lane_sums(all[i]));
}

typedef void sums_fn(const real *a, const real *b, int64_t plane, int64_t tiles, real *sums);

#define SUMS_OF(M, N)                                                                                                  \
    static void tile_sums_##M##x##N(const real *a, const real *b, int64_t plane, int64_t tiles, real *sums)            \
    {                                                                                                                  \
        block_sums(a, b, plane, tiles, sums, M, N);                                                                    \
    }
#define SUMS(M) SUMS_OF(M, 1) SUMS_OF(M, 2) SUMS_OF(M, 3) SUMS_OF(M, 4)
#define SUMS_ROW(M)                                                                                                    \
    {                                                                                                                  \
        tile_sums_##M##x1, tile_sums_##M##x2, tile_sums_##M##x3, tile_sums_##M##x4                                     \
    }
SUMS(1)
SUMS(2)
#if SIX_REGISTERS == 32
SUMS(3)
SUMS(4)
static sums_fn *const sums_table[ROWS][COLUMNS] = {SUMS_ROW(1), SUMS_ROW(2), SUMS_ROW(3), SUMS_ROW(4)};
#else
static sums_fn *const sums_table[ROWS][COLUMNS] = {SUMS_ROW(1), SUMS_ROW(2)};
#endif

/* The blocks of one position. */
static void add_position(const tiling *t, int64_t outputs, int64_t depth, const real *a, const real *b, int64_t tiles,
                         real *sums)
{
    for (int64_t o = 0; o < outputs; o += ROWS)
        for (int64_t d = 0; d < depth; d += COLUMNS, sums += BLOCK)
            sums_table[six_winograd_least(outputs - o, ROWS) - 1][six_winograd_least(depth - d, COLUMNS) - 1](
                a + o * t->plane, b + d * t->plane, t->plane, tiles, sums);
}

/* ---- Gᵀ S G ---- */

SIX_INLINE void weight_taps(const vec s[POINTS], vec g[3])
{
    const vec at_p = six_set((real)(-128.0 / 243)), at_q = six_set((real)(32.0 / 243));
    const vec even_p = at_p * (s[2] + s[3]), odd_p = at_p * (s[2] - s[3]), even_q = at_q * (s[4] + s[5]),
              odd_q = at_q * (s[4] - s[5]);
    g[0] = six_fma(six_set((real)(64.0 / 81)), s[0], even_p + even_q);
    g[1] = six_fma(six_set(SIX_WINOGRAD_Q), odd_q, six_set(SIX_WINOGRAD_P) * odd_p);
    g[2] = six_fma(six_set(SIX_WINOGRAD_Q * SIX_WINOGRAD_Q), even_q,
                   six_fma(six_set(SIX_WINOGRAD_P * SIX_WINOGRAD_P), even_p, s[1]));
}

/* The nine weights of SIX_WIDTH of a block's pairs of output and channel. */
static void block_weights(const real *sums, int64_t position, vec g[3][3])
{
    vec row[3][POINTS];
    for (int j = 0; j < POINTS; j++) {
        vec column[POINTS], taps[3];
        for (int i = 0; i < POINTS; i++)
            column[i] = six_load(sums + (i * POINTS + j) * position);
        weight_taps(column, taps);
        for (int i = 0; i < 3; i++)
            row[i][j] = taps[i];
    }
    for (int i = 0; i < 3; i++)
        weight_taps(row[i], g[i]);
}

static void write_block(const six_correlation *c, const real *sums, int64_t position, int64_t outputs, int64_t depth,
                        real *dw, int64_t dw_output)
{
    const six_tap origin = six_winograd_origin(c);
    for (int first = 0; first < BLOCK; first += SIX_WIDTH) {
        vec g[3][3];
        block_weights(sums + first, position, g);
        for (int l = 0; l < SIX_WIDTH; l++) {
            const int64_t o = (first + l) / COLUMNS, d = (first + l) % COLUMNS;
            for (int32_t t = 0; t < c->taps && o < outputs && d < depth; t++)
                dw[o * dw_output + d * c->taps + t] = g[c->tap[t].h - origin.h][c->tap[t].w - origin.w][l];
        }
    }
}

/* The weights between some outputs and some channels. */
static void weights_of(const six_correlation *c, const tiling *t, int64_t outputs, int64_t depth, const real *x,
                       const real *dy, real *dw, int64_t dw_output, real *scratch)
{
    const int64_t position = t->blocks * BLOCK, d_position = t->outputs * t->plane, v_position = t->depth * t->plane;
    real *sums = scratch, *d = sums + POSITIONS * position, *v = d + PAIR * d_position, *zeros = v + PAIR * v_position;
    memset(sums, 0, (size_t)(POSITIONS * position) * sizeof *sums);
    memset(zeros, 0, (size_t)zeros_of(c) * sizeof *zeros);
    for (int64_t first = 0; first < t->count; first += t->at_once) {
        const int64_t tiles = six_winograd_least(t->count - first, t->at_once);
        for (int pair = 0; pair < POINTS / 2; pair++) {
            for (int64_t k = 0; k < outputs; k++)
                gradient(c, pair, dy + k * c->y_plane, zeros, first, tiles, d + k * t->plane, d_position);
            for (int64_t k = 0; k < depth; k++)
                six_winograd_input(c, pair, x + k * c->x_plane, zeros, first, tiles, v + k * t->plane, v_position);
            for (int64_t i = 0; i < PAIR; i++)
                add_position(t, outputs, depth, d + i * d_position, v + i * v_position, tiles,
                             sums + (pair * PAIR + i) * position);
        }
    }
    for (int64_t o = 0; o < outputs; o += ROWS)
        for (int64_t k = 0; k < depth; k += COLUMNS, sums += BLOCK)
            write_block(c, sums, position, outputs - o, depth - k, dw + o * dw_output + k * c->taps, dw_output);
}

void six_winograd_weights(const six_correlation *c, const real *x, const real *dy, real *dw, int64_t dw_output,
                          void *scratch)
{
    const tiling t = tiling_of(c);
    for (int64_t o = 0; o < c->outputs; o += t.outputs)
        for (int64_t k = 0; k < c->depth; k += t.depth)
            weights_of(c, &t, six_winograd_least(c->outputs - o, t.outputs), six_winograd_least(c->depth - k, t.depth),
                       x + k * c->x_plane, dy + o * c->y_plane, dw + o * dw_output + k * c->taps, dw_output, scratch);
}
