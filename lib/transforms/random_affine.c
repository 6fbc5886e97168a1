/* SPDX-License-Identifier: MIT */
/* random_affine: rotates, scales, shears and shifts an image about its centre, in one resampling. The pixel at p of the new image is
 * what the old one has at M^-1 (p - c - t) + c, with the center c, the shift t in whole pixels, and for a rotation r, a scale s and
 * shears x and y
 *
 *     M = s / cos y (  cos(r - y)   -cos(r - y) tan x - sin r cos y )
 *                   (  sin(r - y)   -sin(r - y) tan x + cos r cos y ) */
#include <math.h>
#include <stddef.h>

#include "base/portable_math.h"
#include "base/status.h"
#include "sampler.h"
#include "transform.h"

typedef struct random_affine {
    six_list degrees, translate, scale, shear; /* complete after setup; a shear that was not given is 0 */
    int32_t interpolation;
    double fill;
} random_affine;

static const six_attr attrs[] = {
    {"degrees", SIX_LIST, offsetof(random_affine, degrees), -360, 360, NULL, NULL,
     "the rotation, clockwise: 15 for -15 to 15, or the least and the most"},
    {"translate", SIX_LIST, offsetof(random_affine, translate), 0, 1, "0", NULL,
     "the largest shift, as a part of width and height; one number, or two; shifts are whole pixels"},
    {"scale", SIX_LIST, offsetof(random_affine, scale), 0.01, 100, "1,1", NULL,
     "the least and the most; 0.9,1.1 for 10 % either way"},
    {"shear", SIX_LIST, offsetof(random_affine, shear), -80, 80, "0", NULL,
     "degrees along rows: 10 for -10 to 10, or the least and the most; two more are along columns"},
    {"interpolation", SIX_CHOICE, offsetof(random_affine, interpolation), 0, 0, "bilinear", SIX_INTERPOLATIONS,
     "between pixels"},
    {"fill", SIX_FLOAT, offsetof(random_affine, fill), -1e30, 1e30, "0", NULL, "the value outside the image"},
    {0},
};

static int32_t miscounted(const char *name, const six_list *list, const char *expected)
{
    return six_fail(SIXNET_BAD_SPEC, "random_affine: %s has %d numbers, expected %s", name, list->count, expected);
}

static int32_t check_order(const char *name, const six_list *list)
{
    for (int32_t k = 0; k < list->count; k += 2)
        if (list->value[k] > list->value[k + 1])
            return six_fail(SIXNET_BAD_SPEC, "random_affine: %s from %.6g to %.6g; the least comes first", name,
                            list->value[k], list->value[k + 1]);
    return SIXNET_OK;
}

/* One number x stands for the range from -x to x. */
static void complete_range(six_list *list)
{
    if (list->count != 1)
        return;
    list->value[1] = fabs(list->value[0]);
    list->value[0] = -list->value[1];
    list->count = 2;
}

static int32_t setup(six_pipeline_stage *stage)
{
    random_affine *a = (void *)stage->attrs;
    complete_range(&a->degrees);
    complete_range(&a->shear);
    if (a->translate.count == 1)
        a->translate.value[a->translate.count++] = a->translate.value[0];
    if (a->degrees.count != 2)
        return miscounted("degrees", &a->degrees, "1 or 2");
    if (a->translate.count != 2)
        return miscounted("translate", &a->translate, "1 or 2");
    if (a->scale.count != 2)
        return miscounted("scale", &a->scale, "2");
    if (a->shear.count != 2 && a->shear.count != 4)
        return miscounted("shear", &a->shear, "1, 2 or 4");
    int32_t status = check_order("degrees", &a->degrees);
    if (status)
        return status;
    status = check_order("scale", &a->scale);
    if (status)
        return status;
    status = check_order("shear", &a->shear);
    if (status)
        return status;
    status = six_image_check("random_affine", stage->in.shape);
    if (status)
        return status;
    stage->workspace_size =
        six_sampler_workspace_size(six_image_of(stage->in.shape)) * (int64_t)stage->in.values[SIX_INPUT]->size;
    return SIXNET_OK;
}

/* Where a pixel comes from: (xx x + xy y + x0, yx x + yy y + y0). */
typedef struct map {
    double xx, xy, x0, yx, yy, y0;
} map;

static double draw_shift(six_stream *random, double part, int64_t side)
{
    return floor(six_stream_between(random, -part, part) * (double)side + 0.5);
}

static map draw_map(const random_affine *a, const six_image *image, six_stream random)
{
    const double turn = 1.0 / 360.0;
    const double r = six_stream_between(&random, a->degrees.value[0], a->degrees.value[1]) * turn;
    const double right = draw_shift(&random, a->translate.value[0], image->width);
    const double down = draw_shift(&random, a->translate.value[1], image->height);
    const double scale = six_stream_between(&random, a->scale.value[0], a->scale.value[1]);
    const double x = six_stream_between(&random, a->shear.value[0], a->shear.value[1]) * turn;
    const double y = six_stream_between(&random, a->shear.value[2], a->shear.value[3]) * turn;
    const double tangent = six_portable_sine(x) / six_portable_cosine(x), level = 1.0 / six_portable_cosine(y);
    const double c = six_portable_cosine(r - y) * level, s = six_portable_sine(r - y) * level;
    const double across = ((double)image->width - 1.0) / 2.0, along = ((double)image->height - 1.0) / 2.0;
    map m = {
        .xx = (six_portable_cosine(r) - s * tangent) / scale,
        .xy = (six_portable_sine(r) + c * tangent) / scale,
        .yx = -s / scale,
        .yy = c / scale,
    };
    m.x0 = across - m.xx * (across + right) - m.xy * (along + down);
    m.y0 = along - m.yx * (across + right) - m.yy * (along + down);
    return m;
}

/* The whole part of a place, cut to what six_places takes: so far outside only `fill` is near. */
static double cell_of(double place)
{
    const double most = 0x1p23;
    return place < -most ? -most : place > most ? most : floor(place);
}

static void place_row(six_places *places, const map *m, double column, double row)
{
    const double x = m->xx * column + m->xy * row + m->x0, y = m->yx * column + m->yy * row + m->y0;
    places->column = cell_of(x);
    places->row = cell_of(y);
    const float x_rest = (float)(x - places->column), y_rest = (float)(y - places->row), xx = (float)m->xx,
                yx = (float)m->yx;
    for (int i = 0; i < SIX_PLACES; i++) {
        places->x[i] = x_rest + (float)i * xx;
        places->y[i] = y_rest + (float)i * yx;
    }
}

static void apply(const six_transform_call *call)
{
    const random_affine *a = call->attrs;
    const six_image image = six_image_of(call->in);
    const map m = draw_map(a, &image, call->random);
    const six_sampler sampler =
        six_sampler_of(image, call->values, call->from, a->interpolation, a->fill, call->workspace_size);
    six_places places;
    for (int64_t row = 0; row < image.height; row++)
        for (int64_t column = 0; column < image.width; column += SIX_PLACES) {
            const int64_t left = image.width - column;
            place_row(&places, &m, (double)column, (double)row);
            six_sampler_read(&sampler, &places, left < SIX_PLACES ? left : SIX_PLACES,
                             six_value_at(call->values, call->to, row * image.width + column));
        }
}

const six_transform six_transform_random_affine = {
    .kind = {"random_affine", "rotate, shift, scale and shear images at random", attrs, sizeof(random_affine)},
    .random = true,
    .setup = setup,
    .apply = {apply},
};
