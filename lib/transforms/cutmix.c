/* SPDX-License-Identifier: MIT */
/* cutmix: puts a rectangle of another image in the place of that of a sample; targets are mixed by area. Yun, Han, Oh, Chun, Choe, Yoo,
 * "CutMix: regularization strategy to train strong classifiers with localizable features", 2019. */
#include <math.h>
#include <string.h>

#include "image.h"
#include "mixing.h"

typedef struct cutmix {
    six_mix mix; /* first */
    six_image image;
} cutmix;

static int32_t setup(six_pipeline_stage *stage)
{
    cutmix *c = (void *)stage->attrs;
    int32_t status = six_image_check("cutmix", stage->in.shape);
    if (status)
        return status;
    c->image = six_image_of(stage->in.shape);
    return six_mix_setup(stage);
}

typedef struct box {
    int64_t left, top, right, bottom;
} box;

/* About a place drawn from all pixels, cut at the image's sides. */
static box draw_box(const cutmix *c, six_stream random)
{
    const double side = 0.5 * sqrt(1.0 - six_mix_share(&c->mix, &random));
    const int64_t wide = (int64_t)(side * (double)c->image.width), high = (int64_t)(side * (double)c->image.height);
    const int64_t x = (int64_t)six_stream_below(&random, (uint64_t)c->image.width);
    const int64_t y = (int64_t)six_stream_below(&random, (uint64_t)c->image.height);
    return (box){
        .left = x < wide ? 0 : x - wide,
        .top = y < high ? 0 : y - high,
        .right = x + wide > c->image.width ? c->image.width : x + wide,
        .bottom = y + high > c->image.height ? c->image.height : y + high,
    };
}

static void mix_inputs(const six_transform_call *call)
{
    const cutmix *c = call->attrs;
    const box b = draw_box(c, call->random);
    const int64_t plane = c->image.height * c->image.width, width = b.right - b.left;
    memcpy(call->to, call->from, (size_t)six_shape_size(call->in) * call->values->size);
    for (int64_t channel = 0; channel < c->image.channels; channel++)
        for (int64_t row = b.top; row < b.bottom; row++) {
            const int64_t at = channel * plane + row * c->image.width + b.left;
            memcpy(six_value_at(call->values, call->to, at), six_value_at(call->values, call->partner, at),
                   (size_t)width * call->values->size);
        }
}

static void mix_targets(const six_transform_call *call)
{
    const cutmix *c = call->attrs;
    const box b = draw_box(c, call->random);
    const double area = (double)(b.right - b.left) * (double)(b.bottom - b.top);
    six_mix_targets(call, 1.0 - area / ((double)c->image.width * (double)c->image.height));
}

const six_transform six_transform_cutmix = {
    .kind = {"cutmix", "put a rectangle of another image into each, and mix the targets by area", six_mix_attrs,
             sizeof(cutmix)},
    .random = true,
    .out_of_place = true,
    .uses_partner = true,
    .setup = setup,
    .apply = {mix_inputs, mix_targets},
};
