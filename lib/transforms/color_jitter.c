/* SPDX-License-Identifier: MIT */
/* color_jitter: y = b x, and y = c x + (1 - c) m with the mean m of the image's gray values, in an order drawn at random, each cut to what is
 * from 0 to 1. The values of the images must be from 0 to 1, so it comes before normalize. */
#include <stddef.h>

#include "base/status.h"
#include "image.h"
#include "transform.h"

typedef struct color_jitter {
    six_list brightness, contrast; /* once set up: the least and the most factor */
} color_jitter;

static const six_attr attrs[] = {
    {"brightness", SIX_LIST, offsetof(color_jitter, brightness), 0, 1e3, "0", NULL,
     "0.2 for factors from 0.8 to 1.2, or the least and the most"},
    {"contrast", SIX_LIST, offsetof(color_jitter, contrast), 0, 1e3, "0", NULL,
     "0.2 for factors from 0.8 to 1.2, or the least and the most"},
    {0},
};

/* One number x stands for the factors from 1 - x, or 0, to 1 + x. */
static int32_t complete(const char *name, six_list *list)
{
    if (list->count == 1) {
        const double x = list->value[0];
        *list = (six_list){2, {x < 1.0 ? 1.0 - x : 0.0, 1.0 + x}};
    }
    if (list->count == 2 && list->value[0] <= list->value[1])
        return SIXNET_OK;
    return six_fail(SIXNET_BAD_SPEC, "color_jitter: %s takes one number, or two: the least and the most factor", name);
}

static int32_t setup(six_pipeline_stage *stage)
{
    color_jitter *j = (void *)stage->attrs;
    int32_t status = complete("brightness", &j->brightness);
    if (status)
        return status;
    status = complete("contrast", &j->contrast);
    if (status)
        return status;
    return six_image_check("color_jitter", stage->in.shape);
}

static double draw(six_stream *random, const six_list *range)
{
    return six_stream_between(random, range->value[0], range->value[1]);
}

/* Of three channels, which are red, green and blue, as eyes see them; of others alike. */
static double mean_of_grey(const six_image *image, const six_values *v, const void *values)
{
    static const double eyes[3] = {0.2989, 0.587, 0.114};
    const int64_t plane = image->height * image->width;
    double mean = 0.0;
    for (int64_t channel = 0; channel < image->channels; channel++)
        mean += v->sum(six_value_at(v, values, channel * plane), plane) *
                (image->channels == 3 ? eyes[channel] : 1.0 / (double)image->channels);
    return mean / (double)plane;
}

static void apply(const six_transform_call *call)
{
    const color_jitter *j = call->attrs;
    const six_values *v = call->values;
    const six_image image = six_image_of(call->in);
    const int64_t size = six_shape_size(call->in);
    six_stream random = call->random;
    const double brightness = draw(&random, &j->brightness), contrast = draw(&random, &j->contrast);
    const bool contrast_first = six_stream_below(&random, 2);
    if (!contrast_first)
        v->stretch(call->to, size, brightness, 0.0);
    v->stretch(call->to, size, contrast, mean_of_grey(&image, v, call->to));
    if (contrast_first)
        v->stretch(call->to, size, brightness, 0.0);
}

const six_transform six_transform_color_jitter = {
    .kind = {"color_jitter", "change brightness and contrast at random, of values from 0 to 1", attrs,
             sizeof(color_jitter)},
    .random = true,
    .setup = setup,
    .apply = {apply},
};
