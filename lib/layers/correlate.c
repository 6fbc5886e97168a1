/* SPDX-License-Identifier: MIT */

#include "layers/correlate.h"

#include <string.h>

#include "layers/product.h"
#include "layers/winograd.h"
#include "simd/lane_sums.h"

/* ---- forward ---- */

/* The products that a correlation is made of: each of a line of positions that see the same taps, a column for each position. */
static six_product product_of(const six_correlation *c)
{
    six_product p = {.m = c->outputs,
                     .k = c->depth,
                     .w_m = 1,
                     .x_k = c->x_plane,
                     .y_m = c->y_plane,
                     .single = c->rows == 1 && c->columns == 1};
    p.w_k = six_product_block(&p) * c->taps;
    p.w_block = p.w_k * c->depth;
    return p;
}

/* Packed weights lie in blocks of as many outputs as the first block has: [block][d][t][output]. */
int64_t six_packed_size(const six_correlation *c)
{
    if (c->winograd)
        return six_winograd_packed_size(c);
    const six_product p = product_of(c);
    const int64_t block = six_product_block(&p);
    return (c->outputs + block - 1) / block * p.w_block;
}

void six_pack(const six_correlation *c, const real *w, int64_t w_output, int64_t w_depth, const int32_t *w_tap,
              real *packed)
{
    if (c->winograd) {
        six_winograd_pack(c, w, w_output, w_depth, w_tap, packed);
        return;
    }
    const six_product p = product_of(c);
    const int64_t block = six_product_block(&p);
    for (int64_t o = 0; o < c->outputs; o += block)
        for (int32_t d = 0; d < c->depth; d++)
            for (int32_t t = 0; t < c->taps; t++, packed += block)
                for (int64_t k = 0; k < block && o + k < c->outputs; k++)
                    packed[k] = w[(o + k) * w_output + d * w_depth + w_tap[t]];
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
static int32_t terms_at(const six_correlation *c, int64_t row, int64_t column, int64_t w_step, six_term *to)
{
    const int64_t x_step = c->tap_step ? c->tap_step : c->x_step;
    int32_t count = 0;
    for (int32_t t = 0; t < c->taps; t++) {
        const int64_t h = row * c->stride_h + c->tap[t].h, w = column * c->stride_w + c->tap[t].w;
        if (h >= 0 && h < c->in_h && w >= 0 && w < c->in_w)
            to[count++] = (six_term){c->tap[t].h * c->x_row + c->tap[t].w * x_step, t * w_step};
    }
    return count;
}

/* Positions that see the same taps. Lines run along the rows, or down a region that is narrow. */
static void region(const six_correlation *c, six_product p, const real *w, const real *x, const real *bias, real *y,
                   int64_t rows, int64_t columns)
{
    const int64_t x_row = c->stride_h * c->x_row, x_column = c->stride_w * c->x_step;
    const bool down = columns < rows && columns < SIX_BLOCK_COLUMNS;
    p.n = down ? rows : columns;
    p.x_n = down ? x_row : x_column;
    p.y_n = down ? c->y_row : c->y_step;
    for (int64_t line = 0; line < (down ? columns : rows); line++) {
        six_multiply(&p, w, x, bias, y);
        x += down ? x_column : x_row;
        y += down ? c->y_step : c->y_row;
    }
}

void six_correlate(const six_correlation *c, const real *x, const real *w, const real *bias, real *y, void *scratch)
{
    if (c->winograd) {
        six_winograd(c, x, w, bias, y, scratch);
        return;
    }
    six_product p = product_of(c);
    p.term = scratch;
    for (int64_t row = 0, row_end; row < c->rows; row = row_end) {
        row_end = region_end(c, row, c->rows - 1, true);
        for (int64_t column = 0, column_end; column < c->columns; column = column_end) {
            column_end = region_end(c, column, c->columns - 1, false);
            p.terms = terms_at(c, row, column, six_product_block(&p), scratch);
            region(c, p, w, x + row * c->stride_h * c->x_row + column * c->stride_w * c->x_step, bias,
                   y + row * c->y_row + column * c->y_step, row_end - row, column_end - column);
        }
    }
}

/* ---- gradient by the weights: bands, rows of x with their padding where windows reach over its bounds ---- */

enum { BAND_BYTES = 512 << 10 };

typedef struct band {
    const real *x;           /* the value that tap (0, 0) of the band's first position reads, of plane 0 */
    int64_t plane, row;      /* distances */
    int64_t y_row, y_column; /* distances of what neighboring positions read */
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

/* Where the values of each plane and tap begin in a band. */
static void streams_of(const six_correlation *c, const interval *r, const band *in, int64_t rows, int64_t *stream)
{
    for (int32_t d = 0; d < c->depth; d++)
        for (int32_t t = 0; t < c->taps; t++)
            *stream++ = r->gathered ? ((int64_t)d * c->taps + t) * rows * in->y_row
                                    : d * in->plane + c->tap[t].h * in->row + c->tap[t].w * c->x_step;
}

/* Lane sums of a row of accumulators, SIX_WIDTH at a time; the row has capacity up to a multiple of SIX_WIDTH. */
static void sum_lanes(real *sums, int64_t count, real *dw)
{
    for (int64_t i = 0; i < count; i += SIX_WIDTH) {
        vec result = six_lane_sums((vec *)(sums + i * SIX_LANES));
        for (int64_t k = 0; k < SIX_WIDTH && i + k < count; k++)
            dw[i + k] = result[k];
    }
}

/* Outputs whose sums are kept at the same time: all of them when x comes in several bands. */
static int32_t outputs_at_once(const six_correlation *c, const interval *r)
{
    return band_rows(c, r) < c->rows || c->outputs < SIX_BLOCK_ROWS ? c->outputs : SIX_BLOCK_ROWS;
}

static int64_t sums_row(const six_correlation *c)
{
    return ((int64_t)c->depth * c->taps + SIX_LANES - 1) / SIX_LANES * SIX_LANES * SIX_LANES;
}

/* Adds the products of a band's rows to the sums of some outputs. */
static void add_band(const six_correlation *c, const band *in, const int64_t *stream, int32_t outputs, int64_t rows,
                     const real *dy, real *sums)
{
    const six_lane_product p = {
        .m = outputs,
        .n = (int64_t)c->depth * c->taps,
        .rows = rows,
        .columns = c->columns,
        .a_m = c->y_plane,
        .a_row = c->y_row,
        .a_column = c->y_step,
        .b_row = in->y_row,
        .b_column = in->y_column,
        .b_offset = stream,
        .y_m = sums_row(c),
    };
    six_multiply_lanes(&p, dy, in->x, sums);
}

static void weights_of_planes(const six_correlation *c, const real *x, const real *dy, real *dw, int64_t dw_output,
                              void *scratch)
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
            add_band(c, &in, stream, outputs, rows, dy + base * c->y_plane + first * c->y_row, sums);
        }
        for (int32_t o = 0; o < outputs; o++)
            sum_lanes(sums + o * row, count, dw + (base + o) * dw_output);
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
                           void *scratch)
{
    if (c->winograd) {
        six_winograd_weights(c, x, dy, dw, dw_output, scratch);
        return;
    }
    six_correlation part = planes_at_once(c);
    for (int32_t d = 0; d < c->depth; d += part.depth) {
        part.depth = part.depth < c->depth - d ? part.depth : c->depth - d;
        weights_of_planes(&part, x + d * c->x_plane, dy, dw + d * c->taps, dw_output, scratch);
    }
}

int64_t six_correlate_scratch(const six_correlation *c)
{
    return c->winograd ? six_winograd_scratch(c) : c->taps * (int64_t)sizeof(six_term);
}

int64_t six_correlate_weights_scratch(const six_correlation *c)
{
    if (c->winograd)
        return six_winograd_weights_scratch(c);
    six_correlation part = planes_at_once(c);
    interval r = reach_of(c);
    int64_t count = (int64_t)part.depth * c->taps,
            reals = band_size(&part, &r) + outputs_at_once(&part, &r) * sums_row(&part);
    return (count + 7) / 8 * 8 * (int64_t)sizeof(int64_t) + reals * (int64_t)sizeof(real);
}
