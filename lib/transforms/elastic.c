/* SPDX-License-Identifier: MIT */
/* elastic: each pixel comes from a place nearby, moved by alpha / 2 times noise from -1 to 1 that is smoothed by a Gaussian of deviation
 * sigma. Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document analysis", 2003; alpha
 * and sigma are as in torchvision, for square images. */
#include <stddef.h>
#include <string.h>

#include "base/portable_math.h"
#include "sampler.h"
#include "transform.h"

enum { SIGMA_MAX = 64, RADIUS_MAX = 4 * SIGMA_MAX };

typedef struct elastic {
    double alpha, sigma, fill;
    int32_t interpolation;
    int64_t radius;            /* of the Gaussian */
    int64_t to_next, to_below; /* offsets in the noise to the adjacent pixels */
    float weight[RADIUS_MAX + 1];
} elastic;

static const six_attr attrs[] = {
    {"alpha", SIX_FLOAT, offsetof(elastic, alpha), 0, 1e4, "50", NULL,
     "how far: pixels are moved by alpha / 2 times the smooth noise"},
    {"sigma", SIX_FLOAT, offsetof(elastic, sigma), 0.1, SIGMA_MAX, "5", NULL,
     "of the smoothing, in pixels: large for slow bends"},
    {"interpolation", SIX_CHOICE, offsetof(elastic, interpolation), 0, 0, "bilinear", SIX_INTERPOLATIONS,
     "between pixels"},
    {"fill", SIX_FLOAT, offsetof(elastic, fill), -1e30, 1e30, "0", NULL, "the value outside the image"},
    {0},
};

/* Those of the pixel itself, and of each distance on both sides. */
static void set_weights(elastic *e)
{
    double weight[RADIUS_MAX + 1], sum = 0.0;
    for (int64_t k = 0; k <= e->radius; k++) {
        const double far = (double)k / e->sigma;
        weight[k] = six_portable_exp(-0.5 * far * far);
        sum += k == 0 ? weight[k] : 2.0 * weight[k];
    }
    for (int64_t k = 0; k <= e->radius; k++)
        e->weight[k] = (float)(weight[k] / sum);
}

/* A row of noise with both margins; rows that are smoothed along, with both margins; and a field for each direction. */
static int64_t noise_size(const elastic *e, int64_t height)
{
    return e->to_below + 2 * e->radius + (height + 2 * e->radius) * e->to_below + 2 * height * e->to_below;
}

static int32_t setup(six_pipeline_stage *stage)
{
    elastic *e = (void *)stage->attrs;
    int32_t status = six_image_check("elastic", stage->in.shape);
    if (status)
        return status;
    const six_image image = six_image_of(stage->in.shape);
    e->radius = (int64_t)(8.0 * e->sigma + 1.0) / 2;
    e->to_next = 1;
    e->to_below = (image.width + SIX_PLACES - 1) / SIX_PLACES * SIX_PLACES;
    set_weights(e);
    stage->workspace_size = six_sampler_workspace_size(image) * (int64_t)stage->in.values[SIX_INPUT]->size +
                            noise_size(e, image.height) * (int64_t)sizeof(float);
    return SIXNET_OK;
}

/* The place from 0 to n - 1 that i is at if the ends are mirrors. */
static int64_t mirrored(int64_t i, int64_t n)
{
    while (n > 1 && (i < 0 || i >= n))
        i = i < 0 ? -i : 2 * (n - 1) - i;
    return n > 1 ? i : 0;
}

/* Values that are the weighted sums of those `step` apart, before and after. */
static void smooth(const elastic *e, const float *from, int64_t stage, float *to)
{
    float sum[SIX_PLACES];
    for (int64_t x = 0; x < e->to_below; x += SIX_PLACES) {
        for (int i = 0; i < SIX_PLACES; i++)
            sum[i] = e->weight[0] * from[x + i];
        for (int64_t k = 1; k <= e->radius; k++) {
            const float weight = e->weight[k], *before = from + x - k * stage, *after = from + x + k * stage;
            for (int i = 0; i < SIX_PLACES; i++)
                sum[i] += weight * (before[i] + after[i]);
        }
        memcpy(to + x, sum, sizeof sum);
    }
}

static void draw_line(const elastic *e, int64_t width, six_stream *random, float *line)
{
    for (int64_t i = 0; i < width; i++)
        line[i] = (float)((double)six_stream_word(random) * 0x1p-31 - 1.0);
    for (int64_t i = -e->radius; i < 0; i++)
        line[i] = line[mirrored(i, width)];
    for (int64_t i = width; i < e->to_below + e->radius; i++)
        line[i] = line[mirrored(i, width)];
}

static void draw_field(const elastic *e, const six_image *image, six_stream *random, float *workspace_size,
                       float *field)
{
    float *line = workspace_size + e->radius, *rows = line + e->to_below + e->radius + e->radius * e->to_below;
    const size_t bytes = (size_t)e->to_below * sizeof *rows;
    for (int64_t row = 0; row < image->height; row++) {
        draw_line(e, image->width, random, line);
        smooth(e, line, e->to_next, rows + row * e->to_below);
    }
    for (int64_t k = 1; k <= e->radius; k++) {
        const int64_t above = mirrored(-k, image->height), last = image->height - 1,
                      below = mirrored(last + k, image->height);
        memcpy(rows - k * e->to_below, rows + above * e->to_below, bytes);
        memcpy(rows + (last + k) * e->to_below, rows + below * e->to_below, bytes);
    }
    for (int64_t row = 0; row < image->height; row++)
        smooth(e, rows + row * e->to_below, e->to_below, field + row * e->to_below);
}

static void apply(const six_transform_call *call)
{
    const elastic *e = call->attrs;
    const six_image image = six_image_of(call->in);
    const float far = (float)(e->alpha / 2.0);
    const int64_t field = image.height * e->to_below;
    six_stream random = call->random;
    float *noise = six_value_at(call->values, call->workspace_size, six_sampler_workspace_size(image));
    float *x = noise + noise_size(e, image.height) - 2 * field, *y = x + field;
    draw_field(e, &image, &random, noise, x);
    draw_field(e, &image, &random, noise, y);
    const six_sampler sampler =
        six_sampler_of(image, call->values, call->from, e->interpolation, e->fill, call->workspace_size);
    for (int64_t row = 0; row < image.height; row++)
        for (int64_t column = 0; column < image.width; column += SIX_PLACES) {
            const int64_t at = row * e->to_below + column, left = image.width - column;
            six_places places = {.column = (double)column, .row = (double)row};
            for (int i = 0; i < SIX_PLACES; i++) {
                places.x[i] = (float)i + far * x[at + i];
                places.y[i] = far * y[at + i];
            }
            six_sampler_read(&sampler, &places, left < SIX_PLACES ? left : SIX_PLACES,
                             six_value_at(call->values, call->to, row * image.width + column));
        }
}

const six_transform six_transform_elastic = {
    .kind = {"elastic", "bend images at random", attrs, sizeof(elastic)},
    .random = true,
    .setup = setup,
    .apply = {apply},
};
