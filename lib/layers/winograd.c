/* SPDX-License-Identifier: MIT */

/* Winograd's minimal filtering F(4 x 4, 3 x 3): a tile of 4 x 4 outputs takes 36 products per channel in place of 144.
 *
 *     y = Aᵀ (sum over channels of (G g Gᵀ) * (Bᵀ d B)) A        * : value by value
 *
 * where d is a tile of 6 x 6 inputs, which overlaps its neighbors by two, and g the 3 x 3 weights. An output of four values along an axis
 * is a product of polynomials, found by its values at six points: 0, infinity, 3/4, -3/4, 3/2 and -3/2. With those, exact in binary, errors
 * are a third of what the usual 0, 1, -1, 2, -2 leave.
 *
 *          | 81/64    0    -45/16   0    1  0 |         |   64/81     0      0   |
 *          |   0    81/64    0   -45/16  0  1 |         |     0       0      1   |
 *     Bᵀ = |   0   -27/16  -9/4    3/4   1  0 |     G = | -128/243  -32/81 -8/27 |
 *          |   0    27/16  -9/4   -3/4   1  0 |         | -128/243   32/81 -8/27 |
 *          |   0   -27/32  -9/16   3/2   1  0 |         |   32/243   16/81  8/27 |
 *          |   0    27/32  -9/16  -3/2   1  0 |         |   32/243  -16/81  8/27 |
 *
 *          | 1  0    1      1     1      1   |
 *     Aᵀ = | 0  0   3/4   -3/4   3/2   -3/2  |
 *          | 0  0   9/16   9/16  9/4    9/4  |
 *          | 0  1  27/64 -27/64 27/8  -27/8  |
 *
 * A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015; the matrices are Toom and Cook's for these points. */

#include "layers/winograd.h"

#include <string.h>

#include "layers/product.h"
#include "layers/winograd_points.h"
#include "simd/transpose.h"

enum { TILE = SIX_WINOGRAD_TILE, POINTS = SIX_WINOGRAD_POINTS, POSITIONS = SIX_WINOGRAD_POSITIONS, TILES_AT_ONCE = 8 };

/* ---- what a pass works on at a time ---- */

typedef struct tiling {
    bool one;                          /* one sample: channels and outputs lie in the lanes, SIX_LANES of a plane */
    int64_t across, count, at_once;    /* tiles: side by side, of a plane, at a time */
    int64_t x_planes, block, y_planes; /* planes of x; outputs at a time, and their planes */
    int64_t v_plane, v_position;       /* V [position][plane of x][tile][SIX_LANES] */
    int64_t m_plane, m_tile,
        m_position; /* M [position][output][tile][SIX_LANES], of one sample [position][tile][output] */
} tiling;

static int64_t lanes_of(int64_t channels) { return six_winograd_divide_up(channels, SIX_LANES) * SIX_LANES; }

/* Positions are a cache line farther apart than they need be: at powers of two they would fall into a few sets of the cache. */
static tiling tiling_of(const six_correlation *c)
{
    const six_product p = {.m = c->outputs};
    tiling t = {.one = c->x_step == 1, .across = six_winograd_divide_up(c->columns, TILE)};
    t.count = t.across * six_winograd_divide_up(c->rows, TILE);
    t.at_once = t.one ? six_winograd_least(t.count, TILES_AT_ONCE)
                      : six_winograd_divide_up(t.count, six_winograd_divide_up(t.count, TILES_AT_ONCE));
    t.x_planes = t.one ? six_winograd_divide_up(c->depth, SIX_LANES) : c->depth;
    t.block = t.one ? lanes_of(c->outputs) : six_product_block(&p);
    t.y_planes = t.one ? t.block / SIX_LANES : t.block;
    t.v_plane = t.at_once * SIX_LANES;
    t.v_position = t.x_planes * t.v_plane + SIX_LANES;
    t.m_plane = t.one ? SIX_LANES : t.at_once * SIX_LANES;
    t.m_tile = t.one ? t.block : SIX_LANES;
    t.m_position = t.block * t.at_once * (t.one ? 1 : SIX_LANES) + SIX_LANES;
    return t;
}

/* The same correlation with the planes of one sample turned into the lanes. */
static six_correlation in_lanes(const six_correlation *c)
{
    six_correlation lanes = *c;
    lanes.x_step = lanes.y_step = SIX_LANES;
    lanes.x_row = c->in_w * SIX_LANES;
    lanes.y_row = c->columns * SIX_LANES;
    lanes.x_plane = lanes_of(c->in_h * c->in_w) * SIX_LANES;
    lanes.y_plane = lanes_of(c->rows * c->columns) * SIX_LANES;
    return lanes;
}

int64_t six_winograd_scratch(const six_correlation *c)
{
    const tiling t = tiling_of(c);
    const six_correlation lanes = in_lanes(c);
    const int64_t turned = t.one ? t.x_planes * lanes.x_plane + t.y_planes * lanes.y_plane : 0;
    return (POSITIONS * (t.v_position + t.m_position) + c->in_w * SIX_LANES + turned) * (int64_t)sizeof(real);
}

int64_t six_winograd_block(const six_correlation *c) { return tiling_of(c).block; }

int64_t six_winograd_packed_size(const six_correlation *c)
{
    const int64_t block = six_winograd_block(c);
    return six_winograd_divide_up(c->outputs, block) * POSITIONS * c->depth * block;
}

six_tap six_winograd_origin(const six_correlation *c)
{
    six_tap first = c->tap[0];
    for (int32_t t = 1; t < c->taps; t++) {
        first.h = c->tap[t].h < first.h ? c->tap[t].h : first.h;
        first.w = c->tap[t].w < first.w ? c->tap[t].w : first.w;
    }
    return first;
}

/* ---- inputs: V = Bᵀ d B, a pair of rows at a time ---- */

/* The two rows of Bᵀ d at a column of six rows. Only the first pair of points needs the outer rows. */
SIX_INLINE void input_column(const int pair, const real *row[POINTS], int64_t at, vec v[2])
{
    const vec none = {0}, d[POINTS] = {pair ? none : six_load(row[0] + at),
                                       six_load(row[1] + at),
                                       six_load(row[2] + at),
                                       six_load(row[3] + at),
                                       six_load(row[4] + at),
                                       pair ? none : six_load(row[5] + at)};
    six_winograd_input_points(pair, d, v);
}

/* The two rows of Bᵀ d B, from those of Bᵀ d. */
SIX_INLINE void input_rows(vec column[POINTS][2], real *v, int64_t v_position)
{
    SIX_UNROLL
    for (int k = 0; k < 2; k++) {
        const vec d[POINTS] = {column[0][k], column[1][k], column[2][k], column[3][k], column[4][k], column[5][k]};
        SIX_UNROLL
        for (int pair = 0; pair < POINTS / 2; pair++, v += 2 * v_position) {
            vec points[2];
            six_winograd_input_points(pair, d, points);
            six_store(v, points[0]);
            six_store(v + v_position, points[1]);
        }
    }
}

/* Columns from `begin` on of the two rows of Bᵀ d, of a window whose first column is w. Unless all are inside, x is zero outside its bounds. */
SIX_INLINE void input_columns(const six_correlation *c, const int pair, const real *row[POINTS], int64_t w, int part,
                              const bool inside, const int begin, const int end, vec column[POINTS][2])
{
    SIX_UNROLL
    for (int j = begin; j < end; j++)
        if (!inside && (w + j < 0 || w + j >= c->in_w))
            column[j][0] = column[j][1] = (vec){0};
        else
            input_column(pair, row, (w + j) * SIX_LANES + part, column[j]);
}

/* Tiles side by side, from the window on whose first value is x[h][w]. Neighbors have two columns in common. */
SIX_INLINE void input_run(const six_correlation *c, const int pair, const real *x, const real *zeros, int64_t h,
                          int64_t w, int64_t count, real *v, int64_t v_position)
{
    const real *row[POINTS];
    for (int i = 0; i < POINTS; i++)
        row[i] = h + i < 0 || h + i >= c->in_h ? zeros : x + (h + i) * c->x_row;
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec column[POINTS][2];
        input_columns(c, pair, row, w, part, false, 0, 2, column);
        for (int64_t n = 0, at = w; n < count; n++, at += TILE) {
            if (at >= -2 && at + POINTS <= c->in_w)
                input_columns(c, pair, row, at, part, true, 2, POINTS, column);
            else
                input_columns(c, pair, row, at, part, false, 2, POINTS, column);
            input_rows(column, v + n * SIX_LANES + part, v_position);
            column[0][0] = column[4][0];
            column[0][1] = column[4][1];
            column[1][0] = column[5][0];
            column[1][1] = column[5][1];
        }
    }
}

SIX_INLINE void input_tiles(const six_correlation *c, const int pair, const real *x, const real *zeros, int64_t first,
                            int64_t count, real *v, int64_t v_position)
{
    const six_tap origin = six_winograd_origin(c);
    const int64_t across = six_winograd_divide_up(c->columns, TILE);
    for (int64_t n = first, run; n < first + count; n += run, v += run * SIX_LANES) {
        const int64_t at = n % across;
        run = six_winograd_least(first + count - n, across - at);
        input_run(c, pair, x, zeros, n / across * TILE + origin.h, at * TILE + origin.w, run, v, v_position);
    }
}

void six_winograd_input(const six_correlation *c, int pair, const real *x, const real *zeros, int64_t first,
                        int64_t count, real *v, int64_t v_position)
{
    if (pair == 0)
        input_tiles(c, 0, x, zeros, first, count, v, v_position);
    else if (pair == 1)
        input_tiles(c, 1, x, zeros, first, count, v, v_position);
    else
        input_tiles(c, 2, x, zeros, first, count, v, v_position);
}

/* ---- outputs: y = Aᵀ M A ---- */

/* start [SIX_LANES]: the biases of the lanes. */
static void output_tiles(const six_correlation *c, const tiling *t, const real *m, const real *start, int64_t first,
                         int64_t count, real *y)
{
    for (int64_t n = first; n < first + count; n++, m += t->m_tile) {
        const int64_t h = n / t->across * TILE, w = n % t->across * TILE, rows = c->rows - h, columns = c->columns - w;
        for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
            real *to = y + h * c->y_row + w * c->y_step + part;
            vec values[TILE][TILE];
            six_winograd_output_tile(m + part, t->m_position, values);
            SIX_UNROLL
            for (int i = 0; i < TILE; i++, to += c->y_row)
                SIX_UNROLL
            for (int j = 0; j < TILE; j++)
                if (i < rows && j < columns)
                    six_store(to + j * c->y_step, values[i][j] + six_load(start + part));
        }
    }
}

/* Those of a plane. */
static void start_of(const six_correlation *c, const tiling *t, const real *bias, int64_t plane, real start[SIX_LANES])
{
    for (int64_t l = 0; l < SIX_LANES; l++) {
        const int64_t o = t->one ? plane * SIX_LANES + l : plane;
        start[l] = bias && o < c->outputs ? bias[o] : 0;
    }
}

/* ---- products, and all of it ---- */

/* M of a block of outputs: numbers of U times vectors of V. */
static void multiply(const six_correlation *c, const tiling *t, const real *u, const real *v, int64_t outputs,
                     int64_t tiles, real *m)
{
    const six_product p = {.m = outputs,
                           .n = tiles,
                           .k = c->depth,
                           .w_m = 1,
                           .w_k = t->block,
                           .x_k = t->v_plane,
                           .x_n = SIX_LANES,
                           .y_m = t->m_plane,
                           .y_n = SIX_LANES,
                           .times = POSITIONS,
                           .w_time = c->depth * t->block,
                           .x_time = t->v_position,
                           .y_time = t->m_position};
    six_multiply(&p, u, v, NULL, m);
}

/* The same of one sample: numbers of V times vectors of U, a plane of x after another. */
static void multiply_one(const six_correlation *c, const tiling *t, const real *u, const real *v, int64_t tiles,
                         real *m)
{
    six_product p = {.m = tiles,
                     .n = t->y_planes,
                     .w_m = SIX_LANES,
                     .w_k = 1,
                     .x_k = t->block,
                     .x_n = SIX_LANES,
                     .y_m = t->m_tile,
                     .y_n = SIX_LANES,
                     .times = POSITIONS,
                     .w_time = t->v_position,
                     .x_time = c->depth * t->block,
                     .y_time = t->m_position};
    for (int64_t d = 0; d < c->depth; d += SIX_LANES, u += SIX_LANES * t->block, v += t->v_plane) {
        p.k = six_winograd_least(c->depth - d, SIX_LANES);
        p.add = d > 0;
        six_multiply(&p, v, u, NULL, m);
    }
}

static void correlate(const six_correlation *c, const tiling *t, const real *x, const real *w, const real *bias,
                      real *y, real *scratch)
{
    real *v = scratch, *m = v + POSITIONS * t->v_position, *zeros = m + POSITIONS * t->m_position, start[SIX_LANES];
    memset(zeros, 0, (size_t)c->in_w * SIX_LANES * sizeof *zeros);
    for (int64_t first = 0; first < t->count; first += t->at_once) {
        const int64_t tiles = six_winograd_least(t->count - first, t->at_once);
        for (int64_t d = 0; d < t->x_planes; d++)
            for (int pair = 0; pair < POINTS / 2; pair++)
                six_winograd_input(c, pair, x + d * c->x_plane, zeros, first, tiles,
                                   v + 2 * POINTS * pair * t->v_position + d * t->v_plane, t->v_position);
        for (int64_t o = 0; o < c->outputs; o += t->block) {
            const real *u = w + o * POSITIONS * c->depth;
            const int64_t planes = t->one ? t->y_planes : six_winograd_least(c->outputs - o, t->block);
            if (t->one)
                multiply_one(c, t, u, v, tiles, m);
            else
                multiply(c, t, u, v, planes, tiles, m);
            for (int64_t k = 0; k < planes; k++) {
                start_of(c, t, bias, o + k, start);
                output_tiles(c, t, m + k * t->m_plane, start, first, tiles, y + (o + k) * c->y_plane);
            }
        }
    }
}

void six_winograd(const six_correlation *c, const real *x, const real *w, const real *bias, real *y, void *scratch)
{
    const tiling t = tiling_of(c);
    if (!t.one) {
        correlate(c, &t, x, w, bias, y, scratch);
        return;
    }
    const six_correlation lanes = in_lanes(c);
    real *x_lanes = scratch, *y_lanes = x_lanes + t.x_planes * lanes.x_plane;
    six_lanes_from_planes(x, c->depth, c->in_h * c->in_w, x_lanes);
    correlate(&lanes, &t, x_lanes, w, bias, y_lanes, y_lanes + t.y_planes * lanes.y_plane);
    six_planes_from_lanes(y_lanes, c->outputs, c->rows * c->columns, y);
}
