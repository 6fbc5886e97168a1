/* SPDX-License-Identifier: MIT */
/* lib/data: image files and folders of them. tests/golden/images.txt has files and what Pillow reads from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/bitmap.h"
#include "golden.h"
#include "sixnet/sixnet.h"

static sixnet_context *ctx;

typedef struct bytes {
    uint8_t *at;
    size_t size;
} bytes;

static bytes unhex(const char *hex)
{
    bytes b = {malloc(strlen(hex) / 2 + 1), strlen(hex) / 2};
    assert_non_null(b.at);
    for (size_t i = 0; i < b.size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        b.at[i] = (uint8_t)byte;
    }
    return b;
}

/* Decodes a copy, which an end of its own lets sanitizers watch. */
static int32_t decode(six_bitmap *image, const uint8_t *from, size_t size)
{
    const six_bitmap_format *format = six_bitmap_format_of(from, size);
    image->pixels = NULL;
    if (!format)
        return SIXNET_BAD_FILE;
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, from, size);
    const int32_t status = format->decode(image, ctx, "file", copy, size);
    free(copy);
    assert_true(!status == (image->pixels != NULL));
    return status;
}

/* ---- files ---- */

static void expect_pixels(const six_bitmap *image, const char *name, const char *shape, const char *pixels)
{
    int64_t n;
    double *size = golden_numbers(shape, &n);
    if (image->channels != size[0] || image->height != size[1] || image->width != size[2] || image->bits != size[3])
        fail_msg("%s: %d x %d x %d of %d bits", name, image->channels, (int)image->height, (int)image->width,
                 image->bits);
    free(size);
    double *expected = golden_numbers(pixels, &n);
    assert_int_equal(n, image->channels * image->height * image->width);
    for (int64_t i = 0; i < n; i++)
        if (image->pixels[i] != expected[i])
            fail_msg("%s: value %d is %d, not %g", name, (int)i, image->pixels[i], expected[i]);
    free(expected);
}

/* The image with another size or number of channels is what Pillow makes of it, up to a step of its values. */
static void expect_written(const six_bitmap *image, const char *name, six_bitmap as, const char *pixels, double most)
{
    int64_t n;
    double *expected = golden_numbers(pixels, &n);
    uint8_t *found = malloc((size_t)n);
    assert_non_null(found);
    assert_int_equal(n, as.channels * as.height * as.width);
    assert_int_equal(six_bitmap_write(image, ctx, &as, found), SIXNET_OK);
    for (int64_t i = 0; i < n; i++)
        if (fabs(found[i] - expected[i]) > most)
            fail_msg("%s to %d x %d: value %d is %d, not %g", name, (int)as.height, (int)as.width, (int)i, found[i],
                     expected[i]);
    free(found);
    free(expected);
}

static void check_case(golden *g, const char *name)
{
    bytes file = unhex(golden_after(golden_line(g), "file"));
    six_bitmap image;
    const int32_t status = decode(&image, file.at, file.size);
    char *line = golden_line(g);
    const char *part = golden_after(line, "fails"), *shape = golden_after(line, "image"), *more;
    if (part && (!status || !strstr(sixnet_last_error(), part)))
        fail_msg("%s: status %d, \"%s\" lacks \"%s\"", name, status, sixnet_last_error(), part);
    if (shape && status)
        fail_msg("%s: %s", name, sixnet_last_error());
    if (shape)
        expect_pixels(&image, name, shape, golden_after(golden_line(g), "pixels"));
    while (strcmp(line = golden_line(g), "end") != 0)
        if ((more = golden_after(line, "small")))
            expect_written(&image, name, (six_bitmap){.channels = image.channels, .height = 4, .width = 5, .bits = 8},
                           more, 1);
        else if ((more = golden_after(line, "large")))
            expect_written(&image, name, (six_bitmap){.channels = image.channels, .height = 20, .width = 17, .bits = 8},
                           more, 1);
        else if ((more = golden_after(line, "gray")))
            expect_written(&image, name,
                           (six_bitmap){.channels = 1, .height = image.height, .width = image.width, .bits = 8}, more,
                           0);
    if (image.pixels)
        six_free(ctx, image.pixels);
    free(file.at);
}

static void test_files(void **state)
{
    (void)state;
    golden g = golden_open("images.txt");
    int32_t cases = 0;
    for (char *line; (line = golden_line(&g)); cases++)
        check_case(&g, golden_after(line, "case"));
    golden_close(&g);
    assert_true(cases > 100);
}

/* Every prefix of a PNG and every change of a bit is noticed. */
static void test_damage(void **state)
{
    (void)state;
    golden g = golden_open("images.txt");
    for (char *line; (line = golden_line(&g));) {
        const char *name = golden_after(line, "case"), *hex = name ? NULL : golden_after(line, "file");
        six_bitmap image;
        if (!hex || strlen(hex) > 400 || strncmp(hex, "8950", 4) != 0)
            continue;
        bytes file = unhex(hex);
        for (size_t size = 0; size < file.size; size++)
            assert_int_not_equal(decode(&image, file.at, size), SIXNET_OK);
        for (size_t bit = 0; bit < 8 * file.size; bit++) {
            file.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(decode(&image, file.at, file.size), SIXNET_OK);
            file.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        free(file.at);
    }
    golden_close(&g);
}

/* ---- folders ---- */

static char root[] = "/tmp/test_images.XXXXXX";

static const char *place(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *content)
{
    FILE *f = fopen(place(name), "wb");
    assert_non_null(f);
    fputs(content, f);
    assert_int_equal(fclose(f), 0);
}

static void make(const char *name) { assert_int_equal(mkdir(place(name), 0700), 0); }

static void expect_error(int32_t expected, const char *part, const char *name, const char *spec)
{
    sixnet_dataset *ds;
    const int32_t status = sixnet_dataset_open(&ds, ctx, place(name), spec);
    if (status != expected || !strstr(sixnet_last_error(), part) || ds)
        fail_msg("status %d, \"%s\"; %d with \"%s\" is expected", status, sixnet_last_error(), expected, part);
}

/* Opens a folder of images of one value and checks what values and labels they have, in order. */
static void expect_samples(const char *name, const char *spec, int32_t n, const double *values, const double *labels)
{
    sixnet_dataset *ds;
    float input[64], target = -1;
    if (sixnet_dataset_open(&ds, ctx, place(name), spec))
        fail_msg("%s", sixnet_last_error());
    assert_int_equal(sixnet_dataset_size(ds), n);
    for (int32_t i = 0; i < n; i++) {
        assert_int_equal(sixnet_dataset_get_sample(ds, i, input, labels ? &target : NULL), SIXNET_OK);
        assert_true(fabs(input[0] - values[i] / 255) < 1e-6);
        assert_true(!labels || target == labels[i]);
    }
    sixnet_dataset_free(ds);
}

static void expect_shape(const char *name, const char *spec, const char *expected)
{
    sixnet_dataset *ds;
    int64_t dims[8], target_dims[8];
    int32_t rank, target_rank;
    char shape[64];
    if (sixnet_dataset_open(&ds, ctx, place(name), spec))
        fail_msg("%s", sixnet_last_error());
    assert_int_equal(sixnet_dataset_shape(ds, dims, &rank, target_dims, &target_rank), SIXNET_OK);
    assert_int_equal(rank, 3);
    snprintf(shape, sizeof shape, "%dx%dx%d", (int)dims[0], (int)dims[1], (int)dims[2]);
    assert_string_equal(shape, expected);
    sixnet_dataset_free(ds);
}

static void test_folder(void **state)
{
    (void)state;
    make("set");
    make("set/b");
    make("set/a");
    make("set/a/in");
    make("set/a-z");
    make("set/.hidden");
    put("set/readme.txt", "not an image");
    put("set/top.pgm", "P2 1 1 255 99");
    put("set/.hidden/1.pgm", "P2 1 1 255 98");
    put("set/a/2.PGM", "P2 1 1 255 2");
    put("set/a/10.pgm", "P2 1 1 255 1");
    put("set/a/notes.csv", "1,2");
    put("set/a/in/0.pgm", "P2 1 1 255 3");
    put("set/a-z/x.ppm", "P2 1 1 255 4");
    put("set/b/y.png", "P2 1 1 255 5");
    assert_int_equal(symlink("..", place("set/b/circle")), 0);
    /* classes in the order of bytes: a, a-z, b; a file of a class before those of the folders in it, as "a" < "a/in" */
    expect_samples("set", NULL, 5, (const double[]){1, 2, 3, 4, 5}, (const double[]){0, 0, 0, 1, 2});
    sixnet_dataset *ds;
    assert_int_equal(sixnet_dataset_open(&ds, ctx, place("set"), ""), SIXNET_OK);
    assert_string_equal(sixnet_dataset_class_name(ds, 0), "a");
    assert_string_equal(sixnet_dataset_class_name(ds, 1), "a-z");
    assert_string_equal(sixnet_dataset_class_name(ds, 2), "b");
    assert_null(sixnet_dataset_class_name(ds, 3));
    assert_null(sixnet_dataset_class_name(ds, -1));
    sixnet_dataset_free(ds);
    expect_samples("set/a/in", NULL, 1, (const double[]){3}, NULL);
    expect_samples("set/a/2.PGM", NULL, 1, (const double[]){2}, NULL);
    make("set/empty");
    expect_error(SIXNET_BAD_FILE, "/set/empty: has no image", "set", NULL);
    expect_error(SIXNET_BAD_FILE, "has no images", "set/empty", NULL);
    expect_error(SIXNET_IO_ERROR, "/nowhere", "nowhere", NULL);
}

static void test_sizes(void **state)
{
    (void)state;
    make("sizes");
    put("sizes/1.pgm", "P2 2 1 255 10 20");
    put("sizes/2.pgm", "P2 2 2 255 30 30 30 30");
    expect_error(SIXNET_BAD_SHAPE, "2.pgm: 2 x 2 pixels (height x width), but", "sizes", NULL);
    expect_samples("sizes", "resize=1x2", 2, (const double[]){10, 30}, NULL);
    expect_shape("sizes", "resize=3x5", "1x3x5");
    expect_shape("sizes", "resize=4 channels=3", "3x4x4");
    put("sizes/2.pgm", "P3 2 1 255 1 2 3 4 5 6");
    expect_shape("sizes", NULL, "3x1x2");
    expect_shape("sizes", "channels=1", "1x1x2");
    put("sizes/2.pgm", "P2 2 1 65535 2570 5140");
    expect_samples("sizes", NULL, 2, (const double[]){10, 10}, NULL);
    expect_samples("sizes", "bits=8", 2, (const double[]){10, 10}, NULL);
    expect_error(SIXNET_BAD_SPEC, "channels", "sizes", "channels=2");
    expect_error(SIXNET_BAD_SPEC, "resize", "sizes", "resize=0x3");
    put("sizes/2.pgm", "\xff\xd8\xff\xe0 JFIF and more");
    expect_error(SIXNET_BAD_FILE, "2.pgm: byte 0: no PNG, PGM or PPM but a JPEG image; convert it", "sizes", NULL);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(root) && sixnet_context_new(&ctx, NULL) == SIXNET_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    char command[64];
    sixnet_context_free(ctx);
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
