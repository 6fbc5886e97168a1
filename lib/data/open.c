/* SPDX-License-Identifier: MIT */

/* Datasets from files, whose format is detected from their content, and from folders of images. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/content.h"
#include "base/file.h"
#include "base/status.h"
#include "dataset.h"
#include "folder.h"
#include "bitmap.h"
#include "inflate.h"

typedef enum automatic { AUTO, FIRST, SECOND } automatic;

typedef struct open_options {
    int32_t channels, bits;
    int64_t resize[2];
    char labels[SIX_PATH_MAX];
} open_options;

static const six_attr attrs[] = {
    {"labels", SIX_PATH, offsetof(open_options, labels), 0, 0, "", NULL, "an IDX file with the labels of an IDX file"},
    {"channels", SIX_CHOICE, offsetof(open_options, channels), 0, 0, "auto", "auto 1 3",
     "of images: 1 for gray, 3 for red, green, blue; auto: 3 if any image has color"},
    {"bits", SIX_CHOICE, offsetof(open_options, bits), 0, 0, "auto", "auto 8 16",
     "that are kept of an image's values; auto: 16 if any image has them"},
    {"resize", SIX_PAIR, offsetof(open_options, resize), 0, 65536, "0", NULL,
     "height and width to which images are resized; 0: none, and all must have the same"},
    {0},
};

const six_kind six_kind_dataset_open = {"dataset_open", "samples in files", attrs, sizeof(open_options)};

#ifdef SIXNET_NO_FILES

int32_t six_dataset_open(sixnet_dataset **out, sixnet_context *ctx, const char *path, const char *spec)
{
    (void)ctx, (void)spec;
    *out = NULL;
    return six_fail_no_files(path);
}

#else

/* ---- one image file ---- */

static int32_t read_head(const six_file *file, const six_bitmap_format **format, six_bitmap *image)
{
    uint8_t head[SIX_BITMAP_HEAD];
    size_t size;
    int32_t status = six_file_read_at(file, head, 0, sizeof head, &size);
    if (status)
        return status;
    *format = six_bitmap_format_of(head, size);
    if (!*format)
        return six_fail_content(file->path, "PNG, PGM or PPM", head, size);
    status = (*format)->header(image, file->path, head, size);
    if (!status && (uint64_t)(image->height * image->width) / (8 * SIX_INFLATE_RATIO) > file->size)
        return six_fail(SIXNET_BAD_FILE, "%s: %" PRIu64 " bytes cannot hold %" PRId64 " x %" PRId64 " pixels",
                        file->path, file->size, image->width, image->height);
    return status;
}

static int32_t open_head(six_file *file, const char *path, const six_bitmap_format **format, six_bitmap *image)
{
    const int32_t status = six_file_open(file, path);
    return status ? status : read_head(file, format, image);
}

static int32_t decode(const six_file *file, const sixnet_context *ctx, six_bitmap *image)
{
    uint8_t *bytes = six_alloc(ctx, 1, (size_t)file->size);
    if (!bytes)
        return SIXNET_OUT_OF_MEMORY;
    int32_t status = six_file_read(file, bytes);
    const six_bitmap_format *format = status ? NULL : six_bitmap_format_of(bytes, (size_t)file->size);
    if (format)
        status = format->decode(image, ctx, file->path, bytes, (size_t)file->size);
    else if (!status) /* it was one when its header was read */
        status = six_fail(SIXNET_IO_ERROR, "%s: the file changed while it was read", file->path);
    six_free(ctx, bytes);
    return status;
}

/* Reads an image and writes it as a sample. */
static int32_t write_sample(const char *path, const sixnet_context *ctx, const six_bitmap *as, void *to)
{
    six_file file;
    six_bitmap image = {0};
    int32_t status = six_file_open(&file, path);
    if (!status)
        status = decode(&file, ctx, &image);
    six_file_close(&file);
    if (!status)
        status = six_bitmap_write(&image, ctx, as, to);
    six_free(ctx, image.pixels);
    return status;
}

/* ---- all images ---- */

/* The common layout of the samples of all files: `as` starts with the options, with zeros where the files decide. */
static int32_t join_heads(six_bitmap *as, const six_folder *f, const open_options *o)
{
    int32_t channels = 1, bits = 8;
    for (int64_t i = 0; i < f->count; i++) {
        six_file file;
        const six_bitmap_format *format;
        six_bitmap head;
        const int32_t status = open_head(&file, f->file[i].path, &format, &head);
        six_file_close(&file);
        if (status)
            return status;
        channels = head.channels > channels ? head.channels : channels;
        bits = head.bits > bits ? head.bits : bits;
        if (i == 0 && !as->height)
            *as = (six_bitmap){.height = head.height, .width = head.width};
        if (!o->resize[0] && (head.height != as->height || head.width != as->width))
            return six_fail(SIXNET_BAD_SHAPE,
                            "%s: %" PRId64 " x %" PRId64 " pixels (height x width), but %s has %" PRId64 " x %" PRId64
                            "; resize=HEIGHTxWIDTH makes them equal",
                            f->file[i].path, head.height, head.width, f->file[0].path, as->height, as->width);
    }
    as->channels = o->channels == AUTO ? channels : o->channels == FIRST ? 1 : 3;
    as->bits = o->bits == AUTO ? bits : o->bits == FIRST ? 8 : 16;
    return SIXNET_OK;
}

static int32_t fill_inputs(six_source *source, const six_folder *f, const six_bitmap *as)
{
    six_column *c = &source->input;
    *c = (six_column){.shape = {3, {as->channels, as->height, as->width}}};
    c->size = six_shape_size(&c->shape);
    c->element = &six_elements[as->bits == 16 ? SIX_ELEMENT_U16 : SIX_ELEMENT_U8];
    c->scale = 1.0 / (as->bits == 16 ? 65535.0 : 255.0);
    c->data = c->memory = six_data_alloc(source->ctx, f->count, c->size, c->element->size);
    int32_t status = c->memory ? SIXNET_OK : SIXNET_OUT_OF_MEMORY;
    for (int64_t i = 0; i < f->count && !status; i++)
        status = write_sample(f->file[i].path, source->ctx, as,
                              (char *)c->memory + (size_t)(i * c->size) * c->element->size);
    return status;
}

static int32_t fill_targets(six_source *source, const six_folder *f)
{
    six_column *c = &source->target;
    if (f->classes == 0)
        return SIXNET_OK;
    *c = (six_column){.shape = {1, {1}}, .size = 1, .element = &six_elements[SIX_ELEMENT_I32], .scale = 1.0};
    int32_t *labels = six_data_alloc(source->ctx, f->count, 1, sizeof *labels);
    c->data = c->memory = labels;
    if (!labels)
        return SIXNET_OUT_OF_MEMORY;
    for (int64_t i = 0; i < f->count; i++)
        labels[i] = f->file[i].label;
    return SIXNET_OK;
}

static int32_t dataset_of_folder(sixnet_dataset **out, sixnet_context *ctx, six_folder *f, const open_options *o)
{
    six_source *source;
    six_bitmap as = {.height = o->resize[0], .width = o->resize[1]};
    int32_t status = join_heads(&as, f, o);
    if (!status)
        status = six_source_new(&source, ctx, f->count);
    if (status)
        return status;
    status = fill_inputs(source, f, &as);
    if (!status)
        status = fill_targets(source, f);
    source->class_name = f->class_name;
    source->classes = f->classes;
    f->class_name = NULL;
    f->classes = 0;
    return six_source_finish(out, source, status);
}

/* ---- any path ---- */

static int32_t from_folder(sixnet_dataset **out, sixnet_context *ctx, const char *path, const open_options *o)
{
    six_folder f;
    int32_t status = six_folder_list(&f, ctx, path);
    if (!status)
        status = dataset_of_folder(out, ctx, &f, o);
    six_folder_free(&f);
    return status;
}

static int32_t from_image(sixnet_dataset **out, sixnet_context *ctx, const char *path, const open_options *o)
{
    const size_t size = strlen(path) + 1;
    six_folder_file file = {.path = six_alloc(ctx, size, 1), .label = -1};
    if (!file.path)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(file.path, path, size);
    const int32_t status = dataset_of_folder(out, ctx, &(six_folder){.ctx = ctx, .file = &file, .count = 1}, o);
    six_free(ctx, file.path);
    return status;
}

static int32_t from_file(sixnet_dataset **out, sixnet_context *ctx, const char *path, const open_options *o)
{
    uint8_t head[SIX_BITMAP_HEAD];
    size_t size = 0;
    six_file file;
    int32_t status = six_file_open(&file, path);
    if (!status)
        status = six_file_read_at(&file, head, 0, sizeof head, &size);
    six_file_close(&file);
    if (status)
        return status;
    if (six_bitmap_format_of(head, size))
        return from_image(out, ctx, path, o);
    return six_dataset_from_idx(out, ctx, path, o->labels[0] ? o->labels : NULL);
}

static int32_t open_path(sixnet_dataset **out, sixnet_context *ctx, const char *path, const open_options *o)
{
    const int saved = errno;
    const int32_t status = six_is_folder(path) ? from_folder(out, ctx, path, o) : from_file(out, ctx, path, o);
    errno = saved;
    return status;
}

int32_t six_dataset_open(sixnet_dataset **out, sixnet_context *ctx, const char *path, const char *spec)
{
    open_options o;
    *out = NULL;
    int32_t status = six_spec_parse(&six_kind_dataset_open, spec ? spec : "", &o, NULL, NULL);
    if (status)
        return status;
    if (!o.resize[0] != !o.resize[1])
        return six_fail(SIXNET_BAD_SPEC, "dataset_open: resize: height and width must both be above 0");
    ctx = six_context_retain(ctx);
    if (!ctx)
        return SIXNET_OUT_OF_MEMORY;
    status = open_path(out, ctx, path, &o);
    six_context_release(ctx);
    return status;
}

#endif
