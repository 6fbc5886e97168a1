/* SPDX-License-Identifier: MIT */
/* random_crop: a part of an image at a place drawn at random, after a margin was put around the image. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/status.h"
#include "image.h"
#include "transform.h"

typedef struct random_crop {
    int64_t size[2], padding[2]; /* height, width */
    double fill;
} random_crop;

static const six_attr attrs[] = {
    {"size", SIX_PAIR, offsetof(random_crop, size), 0, SIX_IMAGE_SIDE, "0", NULL,
     "height and width of the part; 0 for the image's"},
    {"padding", SIX_PAIR, offsetof(random_crop, padding), 0, SIX_IMAGE_SIDE, "0", NULL,
     "the margin above and below, and on the left and right"},
    {"fill", SIX_FLOAT, offsetof(random_crop, fill), -1e30, 1e30, "0", NULL, "the value of the margin"},
    {0},
};

static int32_t setup(six_pipeline_stage *stage)
{
    random_crop *c = (void *)stage->attrs;
    int32_t status = six_image_check("random_crop", stage->in.shape);
    if (status)
        return status;
    const six_image image = six_image_of(stage->in.shape);
    const int64_t side[2] = {image.height, image.width};
    for (int k = 0; k < 2; k++) {
        if (c->size[k] == 0)
            c->size[k] = side[k];
        if (c->size[k] > side[k] + 2 * c->padding[k])
            return six_fail(SIXNET_BAD_SHAPE,
                            "random_crop: %" PRId64 " %s are more than the images' %" PRId64
                            " and a margin of %" PRId64,
                            c->size[k], k == 0 ? "rows" : "columns", side[k], c->padding[k]);
        stage->out.shape[SIX_INPUT].dim[stage->in.shape[SIX_INPUT].rank - 2 + k] = c->size[k];
    }
    return six_shape_fits(&stage->out.shape[SIX_INPUT])
               ? SIXNET_OK
               : six_fail(SIXNET_TOO_LARGE, "random_crop: images of too many values");
}

/* Where a part of `size` begins; before the side's first pixel if it is negative. */
static int64_t draw_begin(six_stream *random, int64_t side, int64_t size, int64_t padding)
{
    return (int64_t)six_stream_below(random, (uint64_t)(side + 2 * padding - size + 1)) - padding;
}

/* Copies the part of a row of `width` values that begins at `begin`. */
static void crop_row(const six_values *v, const void *from, int64_t width, int64_t begin, int64_t size, double fill,
                     void *to)
{
    int64_t first = begin < 0 ? -begin : 0, end = width - begin < size ? width - begin : size;
    if (first >= end)
        first = end = 0;
    v->fill(to, first, fill);
    memcpy(six_value_at(v, to, first), six_value_at(v, from, end > 0 ? begin + first : 0),
           (size_t)(end - first) * v->size);
    v->fill(six_value_at(v, to, end), size - end, fill);
}

static void apply(const six_transform_call *call)
{
    const random_crop *c = call->attrs;
    const six_image image = six_image_of(call->in);
    six_stream random = call->random;
    const int64_t top = draw_begin(&random, image.height, c->size[0], c->padding[0]);
    const int64_t left = draw_begin(&random, image.width, c->size[1], c->padding[1]);
    int64_t at = 0;
    for (int64_t channel = 0; channel < image.channels; channel++)
        for (int64_t row = top; row < top + c->size[0]; row++, at += c->size[1]) {
            const bool inside = row >= 0 && row < image.height;
            const int64_t begin = inside ? (channel * image.height + row) * image.width : 0;
            crop_row(call->values, six_value_at(call->values, call->from, begin), inside ? image.width : 0, left,
                     c->size[1], c->fill, six_value_at(call->values, call->to, at));
        }
}

const six_transform six_transform_random_crop = {
    .kind = {"random_crop", "a part of the image, with a margin, from a place at random", attrs, sizeof(random_crop)},
    .random = true,
    .out_of_place = true,
    .setup = setup,
    .apply = {apply},
};
