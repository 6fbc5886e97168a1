/* SPDX-License-Identifier: MIT */

#include "layers/correlate.h"

#include <string.h>

#include "simd/lane_sums.h"

/* Blocks of accumulators that stay in registers, chosen by looking at the assembly: outputs x positions forward, outputs x taps for the
 * gradient by the weights. */
#if SIX_REGISTERS == 32
enum { BLOCK_O = 4, BLOCK_P = 7, BLOCK_J = 6 };
#else
enum { BLOCK_O = 3, BLOCK_P = 4, BLOCK_J = 4 };
#endif
enum { BLOCK_LONE = 8 }; /* outputs for a single position */

#if defined(__clang__)
#define SIX_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SIX_UNROLL _Pragma("GCC unroll 32")
#endif

/* Keeps the compiler from loading a weight again for each of its uses. */
#if defined(__x86_64__) || defined(__i386__)
#define SIX_IN_REGISTER(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define SIX_IN_REGISTER(v) __asm__("" : "+w"(v))
#else
#define SIX_IN_REGISTER(v) (void)0
#endif

/* ---- forward ---- */

/* Where a tap reads, from x and from w. */
typedef struct reading {
    int64_t x, w;
} reading;
_Static_assert(sizeof(reading) == SIX_SCRATCH_OF_TAP, "the scratch memory of six_correlate() is an array of these");

typedef struct block {
    const real *x;
    const reading *reading;
    int32_t taps, depth;
    int64_t x_step, x_plane;
    const real *w, *bias;
    int64_t w_output, w_depth;
    real *y;
    int64_t y_step, y_plane;
    bool add;
} block;

SIX_INLINE void block_sums(const block *b, const int O, const int P, const int32_t taps)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec sum[BLOCK_LONE][BLOCK_P];
        SIX_UNROLL
        for (int o = 0; o < O; o++)
            SIX_UNROLL
        for (int p = 0; p < P; p++)
            sum[o][p] = b->bias  ? six_set(b->bias[o])
                        : b->add ? six_load(b->y + o * b->y_plane + p * b->y_step + part)
                                 : (vec){0};
        const real *w_plane = b->w, *plane = b->x + part;
        for (int32_t d = 0; d < b->depth; d++, plane += b->x_plane, w_plane += b->w_depth) {
            for (int32_t t = 0; t < taps; t++) {
                const real *x = plane + b->reading[t].x, *w = w_plane + b->reading[t].w;
                vec weight[BLOCK_LONE];
                SIX_UNROLL
                for (int o = 0; o < O; o++) {
                    weight[o] = six_set(w[o * b->w_output]);
                    if (P > 1)
                        SIX_IN_REGISTER(weight[o]);
                }
                SIX_UNROLL
                for (int p = 0; p < P; p++) {
                    vec value = six_load(x + p * b->x_step);
                    SIX_UNROLL
                    for (int o = 0; o < O; o++)
                        sum[o][p] = six_fma(weight[o], value, sum[o][p]);
                }
            }
        }
        SIX_UNROLL
        for (int o = 0; o < O; o++)
            SIX_UNROLL
        for (int p = 0; p < P; p++)
            six_store(b->y + o * b->y_plane + p * b->y_step + part, sum[o][p]);
    }
}

#define BLOCK(O, P)                                                                                                    \
    static void block_##O##x##P(const block *b) { block_sums(b, O, P, b->taps); }

#define BLOCKS(O) BLOCK(O, 1) BLOCK(O, 2) BLOCK(O, 3) BLOCK(O, 4)
#define BLOCK_ROW(O) block_##O##x1, block_##O##x2, block_##O##x3, block_##O##x4
BLOCKS(1)
BLOCKS(2)
BLOCKS(3)
BLOCK(8, 1)
static void block_8x1_of_1(const block *b) { block_sums(b, 8, 1, 1); }
#if SIX_REGISTERS == 32
#define BLOCKS_WIDE(O) BLOCK(O, 5) BLOCK(O, 6) BLOCK(O, 7)
#define BLOCK_ROW_WIDE(O) BLOCK_ROW(O), block_##O##x5, block_##O##x6, block_##O##x7
BLOCKS_WIDE(1)
BLOCKS_WIDE(2)
BLOCKS_WIDE(3)
BLOCKS(4)
BLOCKS_WIDE(4)
static void (*const block_table[BLOCK_O][BLOCK_P])(const block *) = {
    {BLOCK_ROW_WIDE(1)}, {BLOCK_ROW_WIDE(2)}, {BLOCK_ROW_WIDE(3)}, {BLOCK_ROW_WIDE(4)}};
#else
static void (*const block_table[BLOCK_O][BLOCK_P])(const block *) = {{BLOCK_ROW(1)}, {BLOCK_ROW(2)}, {BLOCK_ROW(3)}};
#endif

static bool is_lone(const six_correlation *c) { return c->rows == 1 && c->columns == 1; }

/* The outputs of the block that begins at output o. */
static int32_t block_outputs(const six_correlation *c, int32_t o)
{
    int32_t left = c->outputs - o;
    if (is_lone(c) && left >= BLOCK_LONE)
        return BLOCK_LONE;
    return left < BLOCK_O ? left : BLOCK_O;
}

/* Packed weights lie in blocks of as many outputs as the first block has: [block][d][t][output]. */
int64_t six_packed_size(const six_correlation *c)
{
    const int64_t first = block_outputs(c, 0);
    return (c->outputs + first - 1) / first * first * c->depth * c->taps;
}

void six_pack(const six_correlation *c, const real *w, int64_t w_output, int64_t w_depth, const int32_t *w_tap,
              real *packed)
{
    const int32_t first = block_outputs(c, 0);
    for (int32_t o = 0; o < c->outputs; o += first)
        for (int32_t d = 0; d < c->depth; d++)
            for (int32_t t = 0; t < c->taps; t++, packed += first)
                for (int32_t k = 0; k < first && o + k < c->outputs; k++)
                    packed[k] = w[(o + k) * w_output + d * w_depth + w_tap[t]];
}

/* Where the weights of an output are. */
static int64_t weights_at(const six_correlation *c, int32_t o)
{
    const int32_t first = block_outputs(c, 0);
    return c->w_output ? o * c->w_output : (int64_t)(o - o % first) * c->depth * c->taps + o % first;
}

/* All outputs of `count` neighbouring positions. */
static void position_block(const six_correlation *c, block b, int64_t count)
{
    const real *w = b.w;
    for (int32_t o = 0, n; o < c->outputs; o += n) {
        n = block_outputs(c, o);
        b.w = w + weights_at(c, o);
        if (n == BLOCK_LONE)
            (b.taps == 1 ? block_8x1_of_1 : block_8x1)(&b);
        else
            block_table[n - 1][count - 1](&b);
        b.y += n * c->y_plane;
        b.bias = b.bias ? b.bias + n : NULL;
    }
}

/* ---- regions: positions whose taps are within the bounds of x alike, so that none need be looked at one by one ---- */

/* The end of the positions from `first` to `last` of an axis, at which the taps that are within bounds are those at `first`. */
static int64_t region_end(const six_correlation *c, int64_t first, int64_t last, bool down)
{
    const int64_t size = down ? c->in_h : c->in_w, stride = down ? c->stride_h : c->stride_w;
    int64_t end = last + 1;
    for (int32_t t = 0; t < c->taps; t++) {
        const int64_t offset = down ? c->tap[t].h : c->tap[t].w, at = first * stride + offset;
        const int64_t bound = at < 0 ? 0 : size; /* the next that comes */
        if (at < size && last * stride + offset >= bound && first + (bound - at + stride - 1) / stride < end)
            end = first + (bound - at + stride - 1) / stride;
    }
    return end;
}

/* The taps that are within the bounds of x at a position. */
static int32_t readings_at(const six_correlation *c, int64_t row, int64_t column, reading *to)
{
    const int64_t x_step = c->tap_step ? c->tap_step : c->x_step, w_step = c->w_output ? c->w_tap : block_outputs(c, 0);
    int32_t count = 0;
    for (int32_t t = 0; t < c->taps; t++) {
        const int64_t h = row * c->stride_h + c->tap[t].h, w = column * c->stride_w + c->tap[t].w;
        if (h >= 0 && h < c->in_h && w >= 0 && w < c->in_w)
            to[count++] = (reading){c->tap[t].h * c->x_row + c->tap[t].w * x_step, t * w_step};
    }
    return count;
}

/* A line of positions, in blocks. */
static void position_line(const six_correlation *c, block b, int64_t count)
{
    int64_t blocks = (count + BLOCK_P - 1) / BLOCK_P;
    for (int64_t k = 0; k < blocks; k++) {
        const int64_t size = count * (k + 1) / blocks - count * k / blocks;
        position_block(c, b, size);
        b.x += size * b.x_step;
        b.y += size * b.y_step;
    }
}

/* Positions that see the same taps; b is of the first. Lines run along the rows, or down a region that is narrow. */
static void position_region(const six_correlation *c, block b, int64_t rows, int64_t columns)
{
    int64_t x_row = c->stride_h * c->x_row, x_column = c->stride_w * c->x_step;
    bool down = columns < BLOCK_P && rows > columns;
    b.x_step = down ? x_row : x_column;
    b.y_step = down ? c->y_row : c->y_step;
    for (int64_t line = 0; line < (down ? columns : rows); line++) {
        position_line(c, b, down ? rows : columns);
        b.x += down ? x_column : x_row;
        b.y += down ? c->y_step : c->y_row;
    }
}

void six_correlate(const six_correlation *c, const real *x, const real *w, const real *bias, real *y, void *scratch)
{
    block b = {.reading = scratch,
               .depth = c->depth,
               .x_plane = c->x_plane,
               .y_plane = c->y_plane,
               .w = w,
               .bias = bias,
               .add = c->add,
               .w_output = c->w_output ? c->w_output : 1,
               .w_depth = c->w_output ? c->w_depth : (int64_t)block_outputs(c, 0) * c->taps};
    for (int64_t row = 0, row_end; row < c->rows; row = row_end) {
        row_end = region_end(c, row, c->rows - 1, true);
        for (int64_t column = 0, column_end; column < c->columns; column = column_end) {
            column_end = region_end(c, column, c->columns - 1, false);
            b.taps = readings_at(c, row, column, scratch);
            b.x = x + row * c->stride_h * c->x_row + column * c->stride_w * c->x_step;
            b.y = y + row * c->y_row + column * c->y_step;
            position_region(c, b, row_end - row, column_end - column);
        }
    }
}

/* ---- gradient by the weights: bands, rows of x with their padding where windows reach over its bounds ---- */

enum { BAND_BYTES = 512 << 10 };

typedef struct band {
    const real *x;           /* the value that tap (0, 0) of the band's first position reads, of plane 0 */
    int64_t plane, row;      /* distances */
    int64_t y_row, y_column; /* distances of what neighbouring positions read */
} band;

typedef struct interval {
    int32_t h_min, h_max, w_min, w_max;
    bool padded;
    bool
        gathered; /* windows reach so far that a band has each tap's values by themselves: [d][tap][row][column] of y */
} interval;

static int64_t band_width(const six_correlation *c, const interval *r)
{
    return (c->columns - 1) * c->stride_w + r->w_max - r->w_min + 1;
}

static int64_t band_height(const six_correlation *c, const interval *r, int64_t rows)
{
    return (rows - 1) * c->stride_h + r->h_max - r->h_min + 1;
}

/* The bytes of one plane of a band of so many rows of y, if they are fewer than BAND_BYTES; else more than that. */
static int64_t plane_bytes(const six_correlation *c, const interval *r, int64_t rows)
{
    const int64_t height = r->gathered ? c->taps * rows : band_height(c, r, rows),
                  width = r->gathered ? c->columns : band_width(c, r);
    return height > BAND_BYTES / width ? BAND_BYTES + 1 : height * width * SIX_LANES * (int64_t)sizeof(real);
}

static interval reach_of(const six_correlation *c)
{
    if (!c->taps)
        return (interval){0};
    interval r = {c->tap[0].h, c->tap[0].h, c->tap[0].w, c->tap[0].w, false, false};
    for (int32_t t = 1; t < c->taps; t++) {
        r.h_min = c->tap[t].h < r.h_min ? c->tap[t].h : r.h_min;
        r.h_max = c->tap[t].h > r.h_max ? c->tap[t].h : r.h_max;
        r.w_min = c->tap[t].w < r.w_min ? c->tap[t].w : r.w_min;
        r.w_max = c->tap[t].w > r.w_max ? c->tap[t].w : r.w_max;
    }
    r.padded = r.h_min < 0 || r.w_min < 0 || (c->rows - 1) * c->stride_h + r.h_max >= c->in_h ||
               (c->columns - 1) * c->stride_w + r.w_max >= c->in_w;
    r.gathered = r.padded && plane_bytes(c, &r, 1) > BAND_BYTES &&
                 c->taps * c->columns / band_width(c, &r) < band_height(c, &r, 1);
    return r;
}

/* How many rows of y are worked on at a time. */
static int64_t band_rows(const six_correlation *c, const interval *r)
{
    int64_t rows = 1;
    if (!r->padded)
        return c->rows;
    while (rows < c->rows && c->depth * plane_bytes(c, r, rows + 1) <= BAND_BYTES)
        rows++;
    int64_t bands = (c->rows + rows - 1) / rows;
    return (c->rows + bands - 1) / bands;
}

static int64_t band_size(const six_correlation *c, const interval *r)
{
    const int64_t rows = band_rows(c, r);
    if (r->gathered)
        return c->depth * c->taps * rows * c->columns * SIX_LANES;
    return r->padded ? c->depth * band_height(c, r, rows) * band_width(c, r) * SIX_LANES : 0;
}

/* One row: zeros, the columns of x that the band covers, zeros. */
static void copy_row(const six_correlation *c, const interval *r, const real *x, int64_t row, real *to)
{
    int64_t width = band_width(c, r), first = -r->w_min, last = first + c->in_w;
    first = first < 0 ? 0 : first > width ? width : first;
    last = last < first ? first : last > width ? width : last;
    if (row < 0 || row >= c->in_h)
        last = first = width;
    memset(to, 0, (size_t)first * SIX_LANES * sizeof *to);
    if (last > first)
        memcpy(to + first * SIX_LANES, x + row * c->x_row + (first + r->w_min) * c->x_step,
               (size_t)(last - first) * SIX_LANES * sizeof *to);
    memset(to + last * SIX_LANES, 0, (size_t)(width - last) * SIX_LANES * sizeof *to);
}

/* The rows of x that `rows` rows of y from `first` on read: in place, or where they are or will be copied to. */
static band band_at(const six_correlation *c, const interval *r, const real *x, int64_t first, int64_t rows, real *copy)
{
    int64_t width = band_width(c, r);
    if (!r->padded)
        return (band){x + first * c->stride_h * c->x_row, c->x_plane, c->x_row, c->stride_h * c->x_row,
                      c->stride_w * c->x_step};
    if (r->gathered)
        return (band){copy, 0, 0, c->columns * SIX_LANES, SIX_LANES};
    return (band){copy - (r->h_min * width + r->w_min) * SIX_LANES, band_height(c, r, rows) * width * SIX_LANES,
                  width * SIX_LANES, c->stride_h * width * SIX_LANES, c->stride_w * SIX_LANES};
}

/* What one tap reads for a row of y: zeros where that is out of bounds. */
static void gather_row(const six_correlation *c, const real *x, int64_t row, int64_t column, real *to)
{
    for (int64_t k = 0; k < c->columns; k++, column += c->stride_w, to += SIX_LANES)
        if (row >= 0 && row < c->in_h && column >= 0 && column < c->in_w)
            memcpy(to, x + row * c->x_row + column * c->x_step, SIX_LANES * sizeof *to);
        else
            memset(to, 0, SIX_LANES * sizeof *to);
}

static void gather_band(const six_correlation *c, const real *x, int64_t first, int64_t rows, real *copy)
{
    for (int32_t d = 0; d < c->depth; d++)
        for (int32_t t = 0; t < c->taps; t++)
            for (int64_t row = first; row < first + rows; row++, copy += c->columns * SIX_LANES)
                gather_row(c, x + d * c->x_plane, row * c->stride_h + c->tap[t].h, c->tap[t].w, copy);
}

/* Copies them, if they are to be. Padding implies x_step == SIX_LANES. */
static void copy_band(const six_correlation *c, const interval *r, const real *x, int64_t first, int64_t rows,
                      real *copy)
{
    if (r->gathered) {
        gather_band(c, x, first, rows, copy);
        return;
    }
    int64_t top = first * c->stride_h + r->h_min, height = band_height(c, r, rows), width = band_width(c, r);
    for (int32_t d = 0; r->padded && d < c->depth; d++)
        for (int64_t h = 0; h < height; h++, copy += width * SIX_LANES)
            copy_row(c, r, x + d * c->x_plane, top + h, copy);
}

/* ---- gradient by the weights: sums over positions and lanes ---- */

typedef struct weight_block {
    const real *x, *dy;
    const int64_t *stream; /* where each of the block's taps reads, from x */
    int64_t rows, columns, x_row, x_step, dy_row, dy_step, dy_plane;
    real *sum; /* SIX_LANES numbers for each output and tap, to go on from */
    int64_t sum_row;
} weight_block;

SIX_INLINE void weight_sums(const weight_block *b, const int O, const int J)
{
    for (int part = 0; part < SIX_LANES; part += SIX_WIDTH) {
        vec sum[BLOCK_O][BLOCK_J];
        const real *stream[BLOCK_J];
        SIX_UNROLL
        for (int j = 0; j < J; j++) {
            stream[j] = b->x + b->stream[j] + part;
            SIX_UNROLL
            for (int o = 0; o < O; o++)
                sum[o][j] = six_load(b->sum + o * b->sum_row + j * SIX_LANES + part);
        }
        for (int64_t r = 0; r < b->rows; r++) {
            const real *dy = b->dy + r * b->dy_row + part;
            int64_t at = r * b->x_row;
            for (int64_t c = 0; c < b->columns; c++, at += b->x_step, dy += b->dy_step) {
                vec g[BLOCK_O];
                SIX_UNROLL
                for (int o = 0; o < O; o++)
                    g[o] = six_load(dy + o * b->dy_plane);
                SIX_UNROLL
                for (int j = 0; j < J; j++) {
                    vec value = six_load(stream[j] + at);
                    SIX_UNROLL
                    for (int o = 0; o < O; o++)
                        sum[o][j] = six_fma(g[o], value, sum[o][j]);
                }
            }
        }
        SIX_UNROLL
        for (int j = 0; j < J; j++)
            SIX_UNROLL
        for (int o = 0; o < O; o++)
            six_store(b->sum + o * b->sum_row + j * SIX_LANES + part, sum[o][j]);
    }
}

#define WEIGHTS(O, J)                                                                                                  \
    static void weights_##O##x##J(const weight_block *b) { weight_sums(b, O, J); }
#define WEIGHTS_OF(O) WEIGHTS(O, 1) WEIGHTS(O, 2) WEIGHTS(O, 3) WEIGHTS(O, 4)
#define WEIGHTS_ROW(O) weights_##O##x1, weights_##O##x2, weights_##O##x3, weights_##O##x4
WEIGHTS_OF(1)
WEIGHTS_OF(2)
WEIGHTS_OF(3)
#if SIX_REGISTERS == 32
#define WEIGHTS_WIDE(O) WEIGHTS(O, 5) WEIGHTS(O, 6)
#define WEIGHTS_ROW_WIDE(O) WEIGHTS_ROW(O), weights_##O##x5, weights_##O##x6
WEIGHTS_WIDE(1)
WEIGHTS_WIDE(2)
WEIGHTS_WIDE(3)
WEIGHTS_OF(4)
WEIGHTS_WIDE(4)
static void (*const weight_table[BLOCK_O][BLOCK_J])(const weight_block *) = {
    {WEIGHTS_ROW_WIDE(1)}, {WEIGHTS_ROW_WIDE(2)}, {WEIGHTS_ROW_WIDE(3)}, {WEIGHTS_ROW_WIDE(4)}};
#else
static void (*const weight_table[BLOCK_O][BLOCK_J])(const weight_block *) = {
    {WEIGHTS_ROW(1)}, {WEIGHTS_ROW(2)}, {WEIGHTS_ROW(3)}};
#endif

static void streams_of(const six_correlation *c, const interval *r, const band *in, int64_t rows, int64_t *stream)
{
    for (int32_t d = 0; d < c->depth; d++)
        for (int32_t t = 0; t < c->taps; t++)
            *stream++ = r->gathered ? ((int64_t)d * c->taps + t) * rows * in->y_row
                                    : d * in->plane + c->tap[t].h * in->row + c->tap[t].w * c->x_step;
}

/* Lane sums of a row of accumulators, SIX_WIDTH at a time; the row has room up to a multiple of SIX_WIDTH. */
static void sum_lanes(real *sums, int64_t count, real *dw, bool add)
{
    for (int64_t i = 0; i < count; i += SIX_WIDTH) {
        vec result = six_lane_sums((vec *)(sums + i * SIX_LANES));
        for (int64_t k = 0; k < SIX_WIDTH && i + k < count; k++)
            dw[i + k] = add ? dw[i + k] + result[k] : result[k];
    }
}

/* Outputs whose sums are kept at the same time: all of them when x comes in several bands. */
static int32_t outputs_at_once(const six_correlation *c, const interval *r)
{
    return band_rows(c, r) < c->rows || c->outputs < BLOCK_O ? c->outputs : BLOCK_O;
}

static int64_t sums_row(const six_correlation *c)
{
    return ((int64_t)c->depth * c->taps + SIX_LANES - 1) / SIX_LANES * SIX_LANES * SIX_LANES;
}

/* One block of outputs against all taps of all planes, over the rows of a band. */
static void weights_of_outputs(const six_correlation *c, weight_block b, const int64_t *stream, int32_t outputs)
{
    int64_t count = (int64_t)c->depth * c->taps, blocks = (count + BLOCK_J - 1) / BLOCK_J;
    real *sums = b.sum;
    for (int64_t k = 0; k < blocks; k++) {
        int64_t begin = count * k / blocks, end = count * (k + 1) / blocks;
        b.stream = stream + begin;
        b.sum = sums + begin * SIX_LANES;
        weight_table[outputs - 1][end - begin - 1](&b);
    }
}

static void weights_of_planes(const six_correlation *c, const real *x, const real *dy, real *dw, int64_t dw_output,
                              bool add, void *scratch)
{
    interval r = reach_of(c);
    int64_t count = (int64_t)c->depth * c->taps, rows_at_once = band_rows(c, &r), row = sums_row(c);
    int32_t kept = outputs_at_once(c, &r);
    int64_t *stream = scratch;
    real *sums = (real *)(stream + (count + 7) / 8 * 8), *band_memory = sums + kept * row;
    for (int32_t base = 0; base < c->outputs; base += kept) {
        int32_t outputs = c->outputs - base < kept ? c->outputs - base : kept;
        memset(sums, 0, (size_t)(outputs * row) * sizeof *sums);
        for (int64_t first = 0; first < c->rows; first += rows_at_once) {
            int64_t rows = c->rows - first < rows_at_once ? c->rows - first : rows_at_once;
            band in = band_at(c, &r, x, first, rows, band_memory);
            if (base == 0) /* later there is but one band, and it is there */
                copy_band(c, &r, x, first, rows, band_memory);
            streams_of(c, &r, &in, rows, stream);
            for (int32_t o = 0; o < outputs; o += BLOCK_O) {
                int32_t n = outputs - o < BLOCK_O ? outputs - o : BLOCK_O;
                weight_block b = {in.x,           dy + (base + o) * c->y_plane + first * c->y_row,
                                  NULL,           rows,
                                  c->columns,     in.y_row,
                                  in.y_column,    c->y_row,
                                  c->y_step,      c->y_plane,
                                  sums + o * row, row};
                weights_of_outputs(c, b, stream, n);
            }
        }
        for (int32_t o = 0; o < outputs; o++)
            sum_lanes(sums + o * row, count, dw + (base + o) * dw_output, add);
    }
}

/* The part of a correlation that has so many of its planes of x as are worked on at a time: those that fit into a band. */
static six_correlation planes_at_once(const six_correlation *c)
{
    six_correlation part = *c;
    interval r = reach_of(c);
    int64_t most = BAND_BYTES / plane_bytes(c, &r, c->rows);
    if (most < c->depth)
        part.depth = most < 1 ? 1 : (int32_t)most;
    return part;
}

void six_correlate_weights(const six_correlation *c, const real *x, const real *dy, real *dw, int64_t dw_output,
                           bool add, void *scratch)
{
    six_correlation part = planes_at_once(c);
    for (int32_t d = 0; d < c->depth; d += part.depth) {
        part.depth = part.depth < c->depth - d ? part.depth : c->depth - d;
        weights_of_planes(&part, x + d * c->x_plane, dy, dw + d * c->taps, dw_output, add, scratch);
    }
}

int64_t six_correlate_scratch(const six_correlation *c, bool weights)
{
    six_correlation part = planes_at_once(c);
    interval r = reach_of(c);
    int64_t count = (int64_t)part.depth * c->taps,
            reals = band_size(&part, &r) + outputs_at_once(&part, &r) * sums_row(&part);
    int64_t forward = c->taps * SIX_SCRATCH_OF_TAP, streams = (count + 7) / 8 * 8 * (int64_t)sizeof(int64_t);
    return weights ? forward + streams + reals * (int64_t)sizeof(real) : forward;
}
