/* SPDX-License-Identifier: MIT */
/* The transforms of lib/transforms, against formulas in double; and what holds for all of them: the same samples for any number of threads, any
 * size of batches, and from the middle of an epoch on. */

#include "api.h"

#include <unistd.h>

#include "base/sha256.h"
#include "data/dataset.h"
#include "transforms/mixing.h"

#define PI 3.14159265358979323846

/* ---- samples ---- */

/* A dataset of n samples of a shape; the targets are their numbers. */
static sixnet_dataset *samples_of(sixnet_context *ctx, const char *shape, const float *values, int64_t n)
{
    char spec[64];
    sixnet_dataset *ds;
    float *targets = malloc((size_t)n * sizeof *targets);
    for (int64_t i = 0; i < n; i++)
        targets[i] = (float)i;
    snprintf(spec, sizeof spec, "shape=%s", shape);
    WORKS(sixnet_dataset_from_arrays(&ds, ctx, spec, values, targets, n));
    free(targets);
    return ds;
}

/* What a transform makes of one sample. */
static void transformed(const char *shape, const float *values, const char *transform, float *to)
{
    sixnet_dataset *ds = samples_of(NULL, shape, values, 1);
    WORKS(sixnet_dataset_add_transform(ds, transform));
    WORKS(sixnet_dataset_get_sample(ds, 0, to, NULL));
    sixnet_dataset_free(ds);
}

static void assert_near(const float *got, const double *expected, int64_t count, double tolerance, const char *what)
{
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(got[i] - expected[i]) <= tolerance))
            fail_msg("%s: value %lld is %.9g, not %.9g", what, (long long)i, (double)got[i], expected[i]);
}

/* ---- random_affine ---- */

enum { HEIGHT = 19, WIDTH = 37, CHANNELS = 3, PLANE = HEIGHT * WIDTH, IMAGE = CHANNELS * PLANE };
static const char image_shape[] = "3x19x37";

typedef struct matrix {
    double xx, xy, yx, yy;
} matrix;

static matrix product(matrix a, matrix b)
{
    return (matrix){a.xx * b.xx + a.xy * b.yx, a.xx * b.xy + a.xy * b.yy, a.yx * b.xx + a.yy * b.yx,
                    a.yx * b.xy + a.yy * b.yy};
}

static matrix inverse(matrix a)
{
    const double d = a.xx * a.yy - a.xy * a.yx;
    return (matrix){a.yy / d, -a.xy / d, -a.yx / d, a.xx / d};
}

/* A rotation after a shear along columns after one along rows, in degrees. */
static matrix affine(double rotation, double scale, double shear_x, double shear_y)
{
    const double r = rotation * PI / 180;
    const matrix turned = {scale * cos(r), -scale * sin(r), scale * sin(r), scale * cos(r)};
    const matrix across = {1, -tan(shear_x * PI / 180), 0, 1}, along = {1, 0, -tan(shear_y * PI / 180), 1};
    return product(turned, product(along, across));
}

static double pixel(const float *plane, int64_t column, int64_t row, double fill)
{
    return column < 0 || row < 0 || column >= WIDTH || row >= HEIGHT ? fill : (double)plane[row * WIDTH + column];
}

static double between(const float *plane, double x, double y, double fill)
{
    const double left = floor(x), top = floor(y), a = x - left, b = y - top;
    const int64_t column = (int64_t)left, row = (int64_t)top;
    return (1 - b) * ((1 - a) * pixel(plane, column, row, fill) + a * pixel(plane, column + 1, row, fill)) +
           b * ((1 - a) * pixel(plane, column, row + 1, fill) + a * pixel(plane, column + 1, row + 1, fill));
}

/* Where pixel (column, row) comes from, if the image is mapped by m about its centre and then shifted. */
static void origin_of(matrix m, double right, double down, int column, int row, double *x, double *y)
{
    const double across = (WIDTH - 1) / 2.0, along = (HEIGHT - 1) / 2.0, dx = column - across - right,
                 dy = row - along - down;
    const matrix back = inverse(m);
    *x = back.xx * dx + back.xy * dy + across;
    *y = back.yx * dx + back.yy * dy + along;
}

static void test_affine_formula(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double rotation, scale, shear_x, shear_y, fill;
    } cases[] = {
        {"degrees=30,30", 30, 1, 0, 0, 0},
        {"degrees=-160,-160 fill=0.5", -160, 1, 0, 0, 0.5},
        {"degrees=0 scale=1.3,1.3", 0, 1.3, 0, 0, 0},
        {"degrees=0 scale=0.2,0.2 fill=-2", 0, 0.2, 0, 0, -2},
        {"degrees=0 shear=25,25", 0, 1, 25, 0, 0},
        {"degrees=0 shear=0,0,-10,-10", 0, 1, 0, -10, 0},
        {"degrees=12,12 scale=0.8,0.8 shear=15,15,7,7 fill=1", 12, 0.8, 15, 7, 1},
        {"degrees=260,260 scale=0.01,0.01 shear=-80,-80,80,80", 260, 0.01, -80, 80, 0},
    };
    static float image[IMAGE], got[IMAGE];
    static double expected[IMAGE];
    fill_noise(image, IMAGE, 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        const matrix m = affine(cases[i].rotation, cases[i].scale, cases[i].shear_x, cases[i].shear_y);
        snprintf(text, sizeof text, "random_affine %s", cases[i].text);
        transformed(image_shape, image, text, got);
        for (int c = 0; c < CHANNELS; c++)
            for (int row = 0; row < HEIGHT; row++)
                for (int column = 0; column < WIDTH; column++) {
                    double x, y;
                    origin_of(m, 0, 0, column, row, &x, &y);
                    expected[c * PLANE + row * WIDTH + column] = between(image + c * PLANE, x, y, cases[i].fill);
                }
        assert_near(got, expected, IMAGE, cases[i].scale < 0.1 ? 1e-3 : 1e-5, text);
    }
}

static void test_affine_exact(void **state)
{
    (void)state;
    static const char *const same[] = {"degrees=0", "degrees=0 interpolation=nearest",
                                       "degrees=360,360 scale=1,1 shear=0,0,0,0"};
    static const char *const quarter[] = {"degrees=90,90", "degrees=90,90 interpolation=nearest"};
    float image[25], got[25], wide[12], wide_got[12];
    fill_noise(image, 25, 6);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char text[96];
        snprintf(text, sizeof text, "random_affine %s", same[i]);
        transformed("5x5", image, text, got);
        assert_memory_equal(got, image, sizeof image);
    }
    for (size_t i = 0; i < sizeof quarter / sizeof *quarter; i++) {
        char text[96];
        snprintf(text, sizeof text, "random_affine %s", quarter[i]);
        transformed("5x5", image, text, got);
        for (int row = 0; row < 5; row++)
            for (int column = 0; column < 5; column++) /* clockwise: the left column becomes the top row */
                assert_true(got[row * 5 + column] == image[(4 - column) * 5 + row]);
    }
    fill_noise(wide, 12, 7);
    transformed("1x2x6", wide, "random_affine degrees=180,180", wide_got);
    for (int i = 0; i < 12; i++)
        assert_true(wide_got[i] == wide[11 - i]);
}

/* Between pixels there is nothing: each value is one of the image's, the nearest, or fill. */
static void test_affine_nearest(void **state)
{
    (void)state;
    static float image[IMAGE], got[IMAGE];
    const matrix m = affine(20, 1.1, 5, 0);
    int outside = 0;
    fill_noise(image, IMAGE, 8);
    transformed(image_shape, image, "random_affine degrees=20,20 scale=1.1,1.1 shear=5,5 interpolation=nearest fill=9",
                got);
    for (int i = 0; i < PLANE; i++) {
        double x, y;
        origin_of(m, 0, 0, i % WIDTH, i / WIDTH, &x, &y);
        if (fabs(x - floor(x) - 0.5) < 1e-4 || fabs(y - floor(y) - 0.5) < 1e-4)
            continue; /* half way, where rounding decides */
        for (int c = 0; c < CHANNELS; c++)
            assert_true(got[c * PLANE + i] ==
                        (float)pixel(image + c * PLANE, (int64_t)floor(x + 0.5), (int64_t)floor(y + 0.5), 9));
        outside += got[i] == 9;
    }
    assert_in_range(outside, 5, PLANE / 3);
    image[5] = INFINITY;
    image[6] = 3e38F;
    image[7] = -3e38F;
    transformed(image_shape, image, "random_affine degrees=0 interpolation=nearest", got);
    assert_memory_equal(got, image, sizeof image);
}

/* What was drawn for a sample, from the coordinates of the pixels that came to the middle. */
typedef struct drawn {
    matrix m;
    double right, down;
} drawn;

static drawn drawn_for(const float *columns, const float *rows)
{
    enum { X = 18, Y = 9, FAR = 4 };
    const double across = (WIDTH - 1) / 2.0, along = (HEIGHT - 1) / 2.0;
    const int left = Y * WIDTH + X - FAR, right = Y * WIDTH + X + FAR, up = (Y - FAR) * WIDTH + X,
              down = (Y + FAR) * WIDTH + X;
    const matrix back = {(columns[right] - columns[left]) / (2.0 * FAR), (columns[down] - columns[up]) / (2.0 * FAR),
                         (rows[right] - rows[left]) / (2.0 * FAR), (rows[down] - rows[up]) / (2.0 * FAR)};
    const matrix m = inverse(back);
    const double dx = across - columns[Y * WIDTH + X], dy = along - rows[Y * WIDTH + X];
    return (drawn){m, m.xx * dx + m.xy * dy, m.yx * dx + m.yy * dy};
}

typedef struct range {
    double low, high;
} range;

static void widen(range *r, double value)
{
    r->low = value < r->low ? value : r->low;
    r->high = value > r->high ? value : r->high;
}

/* All of it was drawn from, and nothing beyond. */
static void assert_range(range r, double low, double high, const char *what)
{
    const double edge = 0.05 * (high - low);
    if (r.low < low - 1e-3 || r.high > high + 1e-3 || r.low > low + edge || r.high < high - edge)
        fail_msg("%s from %g to %g, not from %g to %g", what, r.low, r.high, low, high);
}

static void test_affine_draws(void **state)
{
    (void)state;
    enum { SAMPLES = 400 };
    static float images[SAMPLES * IMAGE], got[IMAGE];
    static double expected[PLANE];
    range degrees = {1e9, -1e9}, scale = degrees, right = degrees, down = degrees, shear = degrees;
    for (int i = 0; i < PLANE; i++) {
        images[i] = (float)(i % WIDTH);
        images[PLANE + i] = (float)(i / WIDTH);
    }
    fill_noise(images + 2 * PLANE, PLANE, 9);
    for (int s = 1; s < SAMPLES; s++)
        memcpy(images + s * IMAGE, images, IMAGE * sizeof *images);
    sixnet_dataset *ds = samples_of(NULL, image_shape, images, SAMPLES);
    WORKS(sixnet_dataset_add_transform(ds, "random_affine degrees=12 translate=0.06,0.12 scale=0.9,1.2 shear=8"));
    for (int s = 0; s < SAMPLES; s++) {
        WORKS(sixnet_dataset_get_sample(ds, s, got, NULL));
        const drawn d = drawn_for(got, got + PLANE);
        const double size = sqrt(d.m.xx * d.m.yy - d.m.xy * d.m.yx), turned = atan2(d.m.yx, d.m.xx);
        widen(&scale, size);
        widen(&degrees, turned * 180 / PI);
        widen(&shear, -atan((d.m.xy * cos(turned) + d.m.yy * sin(turned)) / size) * 180 / PI);
        widen(&right, d.right);
        widen(&down, d.down);
        assert_true(fabs(d.right - floor(d.right + 0.5)) < 1e-3 && fabs(d.down - floor(d.down + 0.5)) < 1e-3);
        for (int i = 0; i < PLANE; i++) {
            double x, y;
            origin_of(d.m, floor(d.right + 0.5), floor(d.down + 0.5), i % WIDTH, i / WIDTH, &x, &y);
            expected[i] = between(images + 2 * PLANE, x, y, 0);
        }
        assert_near(got + 2 * PLANE, expected, PLANE, 1e-3, "as drawn");
    }
    assert_range(degrees, -12, 12, "degrees");
    assert_range(scale, 0.9, 1.2, "scale");
    assert_range(shear, -8, 8, "shear");
    assert_range(right, -2, 2, "shift to the right"); /* of 37 columns 6 % are 2.2 */
    assert_range(down, -2, 2, "shift down");          /* of 19 rows 12 % are 2.3 */
    sixnet_dataset_free(ds);
}

/* A shift of whole pixels changes no value. */
static void test_affine_shift(void **state)
{
    (void)state;
    float image[64], got[64];
    int seen[5][5] = {{0}};
    fill_noise(image, 64, 10);
    for (int seed = 0; seed < 200; seed++) {
        char options[32];
        sixnet_context *ctx;
        snprintf(options, sizeof options, "seed=%d", seed);
        WORKS(sixnet_context_new(&ctx, options));
        sixnet_dataset *ds = samples_of(ctx, "8x8", image, 1);
        WORKS(sixnet_dataset_add_transform(ds, "random_affine degrees=0 translate=0.25 fill=7"));
        WORKS(sixnet_dataset_get_sample(ds, 0, got, NULL));
        int found = 0;
        for (int right = -2; right <= 2; right++)
            for (int down = -2; down <= 2; down++) {
                int equal = 0;
                for (int i = 0; i < 64; i++) {
                    const int column = i % 8 - right, row = i / 8 - down;
                    const bool inside = column >= 0 && row >= 0 && column < 8 && row < 8;
                    equal += got[i] == (inside ? image[row * 8 + column] : 7);
                }
                found += equal == 64;
                seen[right + 2][down + 2] += equal == 64;
            }
        assert_int_equal(found, 1);
        sixnet_dataset_free(ds);
        sixnet_context_free(ctx);
    }
    for (int i = 0; i < 25; i++)
        assert_in_range(seen[i / 5][i % 5], 1, 40);
}

static void test_affine_sizes(void **state)
{
    (void)state;
    static const char *const shapes[] = {"1x1", "1x16", "16x1", "2x15x17", "3x5x33"};
    static const int sizes[] = {1, 16, 16, 510, 495};
    static float image[510], got[510];
    for (int i = 0; i < 510; i++)
        image[i] = 3;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) { /* where all is 3, inside and outside, all stays 3 */
        transformed(shapes[i], image, "random_affine degrees=180 translate=1 scale=0.01,2 shear=80 fill=3", got);
        assert_memory_equal(got, image, (size_t)sizes[i] * sizeof *got);
    }
}

/* ---- the other transforms of images ---- */

/* A context of its own for each seed. */
static sixnet_context *seeded(int64_t seed)
{
    char options[48];
    sixnet_context *ctx;
    snprintf(options, sizeof options, "seed=%lld", (long long)seed);
    WORKS(sixnet_context_new(&ctx, options));
    return ctx;
}

static void transformed_with(int64_t seed, const char *shape, const float *values, const char *transform, float *to)
{
    sixnet_context *ctx = seeded(seed);
    sixnet_dataset *ds = samples_of(ctx, shape, values, 1);
    WORKS(sixnet_dataset_add_transform(ds, transform));
    WORKS(sixnet_dataset_get_sample(ds, 0, to, NULL));
    sixnet_dataset_free(ds);
    sixnet_context_free(ctx);
}

/* Whether `got` is the part of two channels of 6 x 8 from (left, top) on. */
static bool is_part(const float *got, int height, int width, int left, int top, const float *image, float fill)
{
    for (int i = 0; i < 2 * height * width; i++) {
        const int channel = i / (height * width), column = left + i % width, row = top + i / width % height;
        const bool inside = column >= 0 && row >= 0 && column < 8 && row < 6;
        if (got[i] != (inside ? image[(channel * 6 + row) * 8 + column] : fill))
            return false;
    }
    return true;
}

static void test_crop(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int height, width, rows, columns; /* of the part; of the margin */
        float fill;
    } cases[] = {
        {"random_crop size=4x5 padding=1x2 fill=7", 4, 5, 1, 2, 7},
        {"random_crop padding=2", 6, 8, 2, 2, 0},
        {"random_crop size=3", 3, 3, 0, 0, 0},
        {"random_crop size=1 padding=0x12 fill=-1", 1, 1, 0, 12, -1},
        {"random_crop size=8x0 padding=1x0", 8, 8, 1, 0, 0},
    };
    float image[96], got[128];
    fill_noise(image, 96, 20);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const int down = 6 + 2 * cases[k].rows - cases[k].height + 1,
                  across = 8 + 2 * cases[k].columns - cases[k].width + 1;
        int seen[600] = {0}, places = 0;
        for (int seed = 0; seed < 40 * down * across; seed++) {
            int found = -1;
            transformed_with(seed, "2x6x8", image, cases[k].text, got);
            for (int i = 0; i < down * across && found < 0; i++)
                if (is_part(got, cases[k].height, cases[k].width, i % across - cases[k].columns,
                            i / across - cases[k].rows, image, cases[k].fill))
                    found = i;
            assert_true(found >= 0);
            seen[found]++;
        }
        for (int i = 0; i < down * across; i++)
            places += seen[i] > 0;
        assert_true(places == down * across || strstr(cases[k].text, "12")); /* where all is margin places are alike */
    }
}

static void test_flip(void **state)
{
    (void)state;
    float image[30], got[30];
    int flipped = 0;
    fill_noise(image, 30, 21);
    transformed("2x3x5", image, "random_horizontal_flip p=0", got);
    assert_memory_equal(got, image, sizeof image);
    transformed("2x3x5", image, "random_horizontal_flip p=1", got);
    for (int i = 0; i < 30; i++)
        assert_true(got[i] == image[i / 5 * 5 + 4 - i % 5]);
    transformed("2x3x5", image, "random_vertical_flip p=1", got);
    for (int i = 0; i < 30; i++)
        assert_true(got[i] == image[i / 15 * 15 + (2 - i / 5 % 3) * 5 + i % 5]);
    for (int seed = 0; seed < 1000; seed++) {
        transformed_with(seed, "2x3x5", image, "random_horizontal_flip p=0.3", got);
        flipped += memcmp(got, image, sizeof image) != 0;
    }
    assert_in_range(flipped, 250, 350);
}

/* The pixels that were set are a rectangle. */
static void test_erasing(void **state)
{
    (void)state;
    enum { ROWS = 20, COLUMNS = 30, SIZE_OF_ONE = ROWS * COLUMNS };
    static float image[2 * SIZE_OF_ONE], got[2 * SIZE_OF_ONE];
    int erased = 0;
    range areas = {1e9, -1e9}, ratios = areas;
    fill_noise(image, 2 * SIZE_OF_ONE, 22);
    for (int seed = 0; seed < 600; seed++) {
        int left = COLUMNS, right = -1, top = ROWS, bottom = -1, count = 0;
        transformed_with(seed, "2x20x30", image, "random_erasing p=0.5 scale=0.1,0.4 ratio=0.4,1 value=5,6", got);
        for (int i = 0; i < SIZE_OF_ONE; i++) {
            const int column = i % COLUMNS, row = i / COLUMNS;
            assert_true((got[i] == 5) == (got[SIZE_OF_ONE + i] == 6));
            if (got[i] != 5) {
                assert_true(got[i] == image[i] && got[SIZE_OF_ONE + i] == image[SIZE_OF_ONE + i]);
                continue;
            }
            left = column < left ? column : left;
            right = column > right ? column : right;
            top = row < top ? row : top;
            bottom = row;
            count++;
        }
        if (count == 0)
            continue;
        const int width = right - left + 1, height = bottom - top + 1;
        assert_int_equal(count, width * height);
        widen(&areas, (double)count / SIZE_OF_ONE);
        widen(&ratios, (double)height / width);
        erased++;
    }
    assert_in_range(erased, 250, 350);
    assert_true(areas.low > 0.08 && areas.low < 0.13 && areas.high < 0.43 && areas.high > 0.36);
    assert_true(ratios.low > 0.34 && ratios.low < 0.5 && ratios.high < 1.15 &&
                ratios.high > 0.85);                                              /* of height to width */
    transformed("2x20x30", image, "random_erasing p=1 scale=1,1 ratio=1,1", got); /* there is no such rectangle */
    assert_memory_equal(got, image, sizeof image);
}

static double cut(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

static void jitter(const float *image, int channels, double brightness, double contrast, bool contrast_first,
                   double *to)
{
    static const double eyes[3] = {0.2989, 0.587, 0.114};
    double mean = 0;
    for (int i = 0; i < channels * 35; i++)
        to[i] = contrast_first ? (double)image[i] : cut(image[i] * brightness);
    for (int i = 0; i < channels * 35; i++)
        mean += to[i] * (channels == 3 ? eyes[i / 35] : 1.0 / channels) / 35;
    for (int i = 0; i < channels * 35; i++)
        to[i] = cut(to[i] * contrast + (1 - contrast) * mean);
    for (int i = 0; i < channels * 35 && contrast_first; i++)
        to[i] = cut(to[i] * brightness);
}

static void test_jitter(void **state)
{
    (void)state;
    static const char *const shapes[] = {NULL, "5x7", "2x5x7", "3x5x7"};
    float image[105], got[105];
    double expected[2][105];
    fill_noise(image, 105, 23);
    for (int i = 0; i < 105; i++)
        image[i] = fabsf(image[i]);
    for (int channels = 1; channels <= 3; channels++) {
        int first[2] = {0};
        for (int i = 0; i < 2; i++)
            jitter(image, channels, 1.7, 0.4, i, expected[i]);
        for (int seed = 0; seed < 100; seed++) {
            transformed_with(seed, shapes[channels], image, "color_jitter brightness=1.7,1.7 contrast=0.4,0.4", got);
            const int order = fabs(got[3] - expected[1][3]) < fabs(got[3] - expected[0][3]);
            assert_near(got, expected[order], channels * 35, 1e-5, "color_jitter");
            first[order]++;
        }
        assert_in_range(first[0], 30, 70);
    }
    range factors = {1e9, -1e9};
    for (int i = 0; i < 35; i++)
        image[i] = 0.4f;
    for (int seed = 0; seed < 300; seed++) {
        transformed_with(seed, "5x7", image, "color_jitter brightness=0.6", got);
        widen(&factors, got[0] / 0.4);
    }
    assert_range(factors, 0.4, 1.6, "brightness");
    transformed("5x7", image, "color_jitter", got);
    assert_memory_equal(got, image, 35 * sizeof *got);
}

/* ---- elastic ---- */

static int mirrored(int i, int n)
{
    while (i < 0 || i >= n)
        i = i < 0 ? -i : 2 * n - 2 - i;
    return i;
}

/* A field of displacements: noise, smoothed by a Gaussian in two dimensions at once. */
static void make_field(six_stream *random, double alpha, double sigma, double *field)
{
    static double noise_field[PLANE], gaussian[257];
    const int radius = (int)(8 * sigma + 1) / 2;
    double sum = 0;
    for (int i = 0; i < PLANE; i++)
        noise_field[i] = six_stream_word(random) / 2147483648.0 - 1;
    for (int i = -radius; i <= radius; i++)
        sum += gaussian[abs(i)] = exp(-i * i / (2 * sigma * sigma));
    for (int i = 0; i < PLANE; i++) {
        field[i] = 0;
        for (int y = -radius; y <= radius; y++)
            for (int x = -radius; x <= radius; x++)
                field[i] += gaussian[abs(x)] * gaussian[abs(y)] *
                            noise_field[mirrored(i / WIDTH + y, HEIGHT) * WIDTH + mirrored(i % WIDTH + x, WIDTH)];
        field[i] *= alpha / 2 / (sum * sum);
    }
}

static void test_elastic(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double alpha, sigma, fill;
    } cases[] = {
        {"elastic alpha=0", 0, 5, 0},
        {"elastic", 50, 5, 0},
        {"elastic alpha=12 sigma=1.3 fill=2", 12, 1.3, 2},
        {"elastic alpha=300 sigma=7.5", 300, 7.5, 0}, /* wider than the image is high */
    };
    static float image[IMAGE], got[IMAGE];
    static double x[PLANE], y[PLANE], expected[IMAGE];
    fill_noise(image, IMAGE, 24);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        six_stream random = six_data_stream(31, SIX_DATA_STAGE, 0, 0);
        make_field(&random, cases[k].alpha, cases[k].sigma, x);
        make_field(&random, cases[k].alpha, cases[k].sigma, y);
        for (int i = 0; i < IMAGE; i++) {
            const int at = i % PLANE;
            expected[i] = between(image + i - at, at % WIDTH + x[at], at / WIDTH + y[at], cases[k].fill);
        }
        transformed_with(31, image_shape, image, cases[k].text, got);
        assert_near(got, expected, IMAGE, 2e-5, cases[k].text);
    }
    fill_noise(image, 1, 25);
    transformed("1x1", image, "elastic alpha=0", got);
    assert_true(got[0] == image[0]);
    transformed("16x1", image, "elastic sigma=64 interpolation=nearest fill=3", got);
}

/* ---- transforms of targets ---- */

enum { NUMBERS = 12 };

/* Sample i is 1 at i and 0 elsewhere; its target is the class i. */
static sixnet_dataset *unit_samples(sixnet_context *ctx, const char *shape)
{
    float values[NUMBERS * NUMBERS] = {0};
    for (int i = 0; i < NUMBERS; i++)
        values[i * NUMBERS + i] = 1;
    return samples_of(ctx, shape, values, NUMBERS);
}

static void assert_target_shape(const sixnet_dataset *ds, int32_t rank, const int64_t *dims)
{
    int64_t input[8], target[8];
    int32_t input_rank, target_rank;
    WORKS(sixnet_dataset_shape(ds, input, &input_rank, target, &target_rank));
    assert_int_equal(target_rank, rank);
    assert_memory_equal(target, dims, (size_t)rank * sizeof *dims);
}

static void test_one_hot(void **state)
{
    (void)state;
    static const float inputs[2] = {0}, labels[6] = {2, 0, 1, 1, 1, 2};
    sixnet_dataset *ds = unit_samples(NULL, "12"), *a, *b;
    float input[NUMBERS], target[NUMBERS], map[9];
    WORKS(sixnet_dataset_add_transform(ds, "one_hot num_classes=12"));
    assert_target_shape(ds, 1, (const int64_t[]){NUMBERS});
    for (int i = 0; i < NUMBERS; i++) {
        WORKS(sixnet_dataset_get_sample(ds, i, input, target));
        assert_memory_equal(input, target, sizeof input);
        WORKS(sixnet_dataset_get_sample(ds, i, NULL, target));
        assert_true(target[i] == 1);
    }
    WORKS(sixnet_dataset_split(&a, &b, ds, "first_size=4 shuffle=false"));
    WORKS(sixnet_dataset_get_sample(b, 3, input, target));
    assert_true(input[7] == 1 && target[7] == 1);
    sixnet_dataset_free(ds);
    sixnet_dataset_free(a);
    sixnet_dataset_free(b);

    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=1 target_shape=1x3", inputs, labels, 2));
    WORKS(sixnet_dataset_add_transform(ds, "one_hot num_classes=3"));
    assert_target_shape(ds, 3, (const int64_t[]){3, 1, 3});
    WORKS(sixnet_dataset_get_sample(ds, 0, NULL, map));
    assert_memory_equal(map, ((const float[]){0, 1, 0, 0, 0, 1, 1, 0, 0}), sizeof map);
    sixnet_dataset_free(ds);
}

/* Probabilities of so many classes are what one_hot would make, so that all samples can have it and those to train with be mixed before. */
static void test_probabilities_stay(void **state)
{
    (void)state;
    static const char *const mixing[] = {"mixup num_classes=12", "one_hot num_classes=12", "mixup",
                                         "mixup num_classes=12"};
    sixnet_dataset *ds = unit_samples(NULL, "12");
    float input[NUMBERS], target[NUMBERS];
    for (size_t k = 0; k < sizeof mixing / sizeof *mixing; k++) {
        WORKS(sixnet_dataset_add_transform(ds, mixing[k]));
        assert_target_shape(ds, 1, (const int64_t[]){NUMBERS});
        for (int i = 0; i < NUMBERS; i++) {
            WORKS(sixnet_dataset_get_sample(ds, i, input, target));
            assert_memory_equal(input, target, sizeof input);
        }
    }
    sixnet_dataset_free(ds);
}

/* The distribution of shares: its mean is 1/2, its variance 1 / (4 (2 alpha + 1)). */
static void test_mixup_shares(void **state)
{
    (void)state;
    static const double alphas[] = {0.05, 0.2, 1, 3, 40};
    for (size_t k = 0; k < sizeof alphas / sizeof *alphas; k++) {
        char text[64];
        double sum = 0, squares = 0;
        int count = 0, below = 0, partners[NUMBERS][NUMBERS] = {{0}};
        snprintf(text, sizeof text, "mixup alpha=%g num_classes=12", alphas[k]);
        for (int seed = 0; seed < 1000; seed++) {
            sixnet_context *ctx = seeded(seed);
            sixnet_dataset *ds = unit_samples(ctx, "12");
            WORKS(sixnet_dataset_add_transform(ds, text));
            for (int i = 0; i < NUMBERS; i++) {
                float input[NUMBERS], target[NUMBERS];
                double all = 0;
                int partner = i;
                WORKS(sixnet_dataset_get_sample(ds, i, input, target));
                assert_memory_equal(input, target, sizeof input);
                for (int c = 0; c < NUMBERS; c++) {
                    all += input[c];
                    if (input[c] > 0 && c != i)
                        partner = c;
                }
                assert_true(fabs(all - 1) < 1e-6);
                partners[i][partner]++;
                if (partner == i)
                    continue;
                sum += input[i];
                squares += (input[i] - 0.5) * (input[i] - 0.5);
                below += input[i] < 0.25f;
                count++;
            }
            sixnet_dataset_free(ds);
            sixnet_context_free(ctx);
        }
        const double variance = 1 / (4 * (2 * alphas[k] + 1));
        if (alphas[k] >= 0.2) { /* else many shares are so near to 0 or 1 that a float is the number itself */
            assert_true(fabs(sum / count - 0.5) < 4 * sqrt(variance / count));
            assert_true(fabs(squares / count / variance - 1) < 0.05);
        }
        if (alphas[k] == 1) /* an even distribution */
            assert_true(fabs((double)below / count - 0.25) < 0.02);
        for (int i = 0; i < NUMBERS * NUMBERS && alphas[k] >= 1; i++) /* 83 each */
            assert_in_range(partners[i / NUMBERS][i % NUMBERS], 45, 125);
    }
}

static void test_mixup_p(void **state)
{
    (void)state;
    int mixed = 0;
    for (int seed = 0; seed < 100; seed++) {
        sixnet_context *ctx = seeded(seed);
        sixnet_dataset *ds = unit_samples(ctx, "12");
        float input[NUMBERS];
        WORKS(sixnet_dataset_add_transform(ds, "mixup alpha=10 p=0.25"));
        for (int i = 0; i < NUMBERS; i++) {
            WORKS(sixnet_dataset_get_sample(ds, i, input, NULL));
            mixed += input[i] != 1;
        }
        sixnet_dataset_free(ds);
        sixnet_context_free(ctx);
    }
    assert_in_range(mixed, 1200 / 4 * 11 / 12 - 50, 1200 / 4 * 11 / 12 + 50);
}

/* The partner went through the steps before, as it does by itself; the steps after are of the mixture. */
static void test_mixup_of_transformed(void **state)
{
    (void)state;
    enum { COUNT = 6, PIXELS = 64 };
    static float values[COUNT * PIXELS], alone[COUNT][PIXELS];
    sixnet_dataset *before = NULL, *ds;
    float got[PIXELS], target[COUNT];
    fill_noise(values, COUNT * PIXELS, 26);
    before = samples_of(NULL, "1x8x8", values, COUNT);
    WORKS(sixnet_dataset_add_transform(before, "random_affine degrees=40"));
    for (int i = 0; i < COUNT; i++)
        WORKS(sixnet_dataset_get_sample(before, i, alone[i], NULL));
    sixnet_dataset_free(before);
    ds = samples_of(NULL, "1x8x8", values, COUNT);
    WORKS(sixnet_dataset_add_transform(ds, "random_affine degrees=40"));
    WORKS(sixnet_dataset_add_transform(ds, "mixup num_classes=6"));
    WORKS(sixnet_dataset_add_transform(ds, "normalize mean=1 std=0.5"));
    for (int i = 0; i < COUNT; i++) {
        double expected[PIXELS] = {0};
        WORKS(sixnet_dataset_get_sample(ds, i, got, target));
        for (int c = 0; c < COUNT; c++)
            for (int k = 0; k < PIXELS; k++)
                expected[k] += (double)target[c] * alone[c][k];
        for (int k = 0; k < PIXELS; k++)
            expected[k] = (expected[k] - 1) / 0.5;
        assert_near(got, expected, PIXELS, 1e-5, "mixed after a rotation");
    }
    sixnet_dataset_free(ds);
}

/* Samples of a part are mixed with those of the part; mixtures are mixed again. */
static void test_mixup_of_parts(void **state)
{
    (void)state;
    sixnet_dataset *ds = unit_samples(NULL, "12"), *a, *b;
    int seen[NUMBERS] = {0};
    float input[NUMBERS], target[NUMBERS];
    for (int i = 0; i < 4; i++)
        WORKS(sixnet_dataset_add_transform(ds, "mixup alpha=20"));
    FAILS(SIXNET_TOO_LARGE, sixnet_dataset_add_transform(ds, "mixup"),
          "mixup: the dataset already has 4 transforms that mix samples, the maximum");
    WORKS(sixnet_dataset_split(&a, &b, ds, "first_size=8 shuffle=false"));
    for (int i = 0; i < 4; i++) {
        double all = 0;
        WORKS(sixnet_dataset_get_sample(b, i, input, target));
        for (int c = 0; c < NUMBERS; c++) {
            seen[c] += input[c] > 0;
            all += (double)input[c] * c;
        }
        assert_true(fabs(all - target[0]) < 1e-5); /* numbers, mixed as they are */
    }
    for (int c = 0; c < NUMBERS; c++)
        assert_true(c < 8 ? seen[c] == 0 : seen[c] > 0);
    sixnet_dataset_free(ds);
    sixnet_dataset_free(a);
    sixnet_dataset_free(b);
}

/* Sample i is an image of nothing but i. */
static void test_cutmix(void **state)
{
    (void)state;
    enum { ROWS = 9, COLUMNS = 14, PIXELS = 2 * ROWS * COLUMNS };
    static float values[NUMBERS * PIXELS], got[PIXELS];
    double sum = 0;
    int count = 0;
    for (int i = 0; i < NUMBERS * PIXELS; i++)
        values[i] = (float)(i / PIXELS);
    for (int seed = 0; seed < 200; seed++) {
        sixnet_context *ctx = seeded(seed);
        sixnet_dataset *ds = samples_of(ctx, "2x9x14", values, NUMBERS);
        WORKS(sixnet_dataset_add_transform(ds, "cutmix num_classes=12"));
        for (int i = 0; i < NUMBERS; i++) {
            float target[NUMBERS];
            int left = COLUMNS, right = -1, top = ROWS, bottom = -1, others = 0, partner = i;
            WORKS(sixnet_dataset_get_sample(ds, i, got, target));
            for (int k = 0; k < PIXELS; k++)
                if (got[k] != (float)i) {
                    const int column = k % COLUMNS, row = k / COLUMNS % ROWS;
                    assert_true(others == 0 || got[k] == (float)partner);
                    partner = (int)got[k];
                    left = column < left ? column : left;
                    right = column > right ? column : right;
                    top = row < top ? row : top;
                    bottom = row > bottom ? row : bottom;
                    others++;
                }
            if (others > 0)
                assert_int_equal(others, 2 * (right - left + 1) * (bottom - top + 1));
            for (int c = 0; c < NUMBERS; c++) {
                const double share = (double)others / PIXELS;
                const double expected = (c == i ? 1 - share : 0) + (c == partner ? share : 0);
                assert_true(fabs(target[c] - expected) < 1e-6);
            }
            sum += (double)others / PIXELS;
            count++;
        }
        sixnet_dataset_free(ds);
        sixnet_context_free(ctx);
    }
    assert_true(sum / count > 0.2 && sum / count < 0.4); /* half, but for what is cut at the sides and rounded down */
}

static void test_targets_refused(void **state)
{
    (void)state;
    static const struct {
        const char *first, *text;
        int32_t status;
        const char *message;
    } cases[] = {
        {NULL, "one_hot", SIXNET_BAD_SPEC, "num_classes is missing"},
        {NULL, "one_hot num_classes=11", SIXNET_BAD_DATA,
         "one_hot: sample 11: label 11 is out of range; expected a class from 0 to 10"},
        {NULL, "mixup num_classes=5", SIXNET_BAD_DATA,
         "mixup: sample 5: label 5 is out of range; expected a class from 0 to 4"},
        {NULL, "mixup num_classes=1", SIXNET_BAD_SPEC, "mixup: num_classes must be 2 or greater, got 1"},
        {NULL, "one_hot num_classes=1", SIXNET_BAD_SPEC, "num_classes=1"},
        {NULL, "mixup alpha=0", SIXNET_BAD_SPEC, "alpha=0"},
        {NULL, "cutmix num_classes=12", SIXNET_BAD_SHAPE, "cutmix: takes images"},
        {"one_hot num_classes=12", "one_hot num_classes=13", SIXNET_BAD_DATA,
         "one_hot: targets must be classes, but the transform 'one_hot' changes them; remove it, or use another loss"},
        {"mixup", "mixup num_classes=12", SIXNET_BAD_DATA, "mixup: targets must be classes, but the transform 'mixup'"},
    };
    static const float many[256];
    sixnet_dataset *ds;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ds = unit_samples(NULL, "12");
        if (cases[i].first)
            WORKS(sixnet_dataset_add_transform(ds, cases[i].first));
        FAILS(cases[i].status, sixnet_dataset_add_transform(ds, cases[i].text), cases[i].message);
        sixnet_dataset_free(ds);
    }
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=2x2", many, NULL, 2));
    FAILS(SIXNET_BAD_DATA, sixnet_dataset_add_transform(ds, "one_hot num_classes=3"),
          "one_hot: the data have no targets");
    FAILS(SIXNET_BAD_DATA, sixnet_dataset_add_transform(ds, "mixup"), "mixup: the data have no targets");
    FAILS(SIXNET_BAD_DATA, sixnet_dataset_add_transform(ds, "cutmix num_classes=3"),
          "cutmix: the data have no targets");
    sixnet_dataset_free(ds);
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=1 target_shape=2x2x2x2x2x2x2x2", many, many, 1));
    FAILS(SIXNET_BAD_SHAPE, sixnet_dataset_add_transform(ds, "one_hot num_classes=3"),
          "leave no dimension for the classes");
    sixnet_dataset_free(ds);
}

/* A function's classes are looked at as they come; lent arrays that change are no reason to write elsewhere. */
static int32_t give_class(void *user, int64_t index, float *input, float *target)
{
    (void)user;
    *input = 0;
    *target = (float)index;
    return 0;
}

static void test_late_classes(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    sixnet_batch_iterator *b;
    const float *inputs, *targets;
    int64_t n;
    float labels[2] = {1, 0}, target[3];
    WORKS(sixnet_dataset_from_callback(&ds, NULL, "shape=1", 5, give_class, NULL));
    WORKS(sixnet_dataset_add_transform(ds, "one_hot num_classes=3"));
    WORKS(sixnet_dataset_get_sample(ds, 2, NULL, target));
    assert_true(target[0] == 0 && target[1] == 0 && target[2] == 1);
    FAILS(SIXNET_BAD_DATA, sixnet_dataset_get_sample(ds, 3, NULL, target),
          "sample 3: label 3 is out of range; expected a class from 0 to 2");
    WORKS(sixnet_batch_iterator_new(&b, ds, "batch_size=5"));
    FAILS(SIXNET_BAD_DATA, sixnet_batch_iterator_next(b, &inputs, &targets, &n), "expected a class from 0 to 2");
    sixnet_batch_iterator_free(b);
    sixnet_dataset_free(ds);
    WORKS(sixnet_dataset_from_arrays(&ds, NULL, "shape=1 copy=false", labels, labels, 2));
    WORKS(sixnet_dataset_add_transform(ds, "one_hot num_classes=3"));
    labels[0] = 1e30f;
    labels[1] = NAN;
    for (int i = 0; i < 2; i++) {
        WORKS(sixnet_dataset_get_sample(ds, i, NULL, target));
        assert_true(target[0] == 0 && target[1] == 0 && target[2] == 0);
    }
    sixnet_dataset_free(ds);
}

/* What is no class adds nothing, and nothing behind the last class is written. */
static void test_no_class_adds_nothing(void **state)
{
    (void)state;
    static const struct {
        float numbers[2], expected[6];
    } cases[] = {
        {{0, 1}, {0.5f, 0, 0, 0.5f, 0, 0}},
        {{2, 0}, {0, 0.5f, 0, 0, 0.5f, 0}},
        {{3, 2}, {0, 0, 0, 0, 0, 0.5f}},
        {{0, 3}, {0.5f, 0, 0, 0, 0, 0}},
        {{-1, 1e30f}, {0}},
        {{NAN, INFINITY}, {0}},
    };
    const six_shape in = {1, {2}}, out = {2, {3, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float to[8] = {[6] = 7, [7] = 7}, expected[8] = {[6] = 7, [7] = 7};
        const six_transform_call call = {.in = &in, .out = &out, .values = &six_values_of[SIX_F32], .to = to};
        memcpy(expected, cases[i].expected, sizeof cases[i].expected);
        six_add_share(&call, cases[i].numbers, 0.5);
        assert_memory_equal(to, expected, sizeof to);
    }
}

/* ---- what is refused ---- */

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *shape, *text;
        int32_t status;
        const char *message;
    } cases[] = {
        {"2x8x8", "random_affine", SIXNET_BAD_SPEC, "degrees is missing"},
        {"2x8x8", "random_affine degrees=361", SIXNET_BAD_SPEC, "degrees=361"},
        {"2x8x8", "random_affine degrees=", SIXNET_BAD_SPEC, "random_affine: degrees has 0 numbers, expected 1 or 2"},
        {"2x8x8", "random_affine degrees=1,2,3", SIXNET_BAD_SPEC, "degrees has 3 numbers, expected 1 or 2"},
        {"2x8x8", "random_affine degrees=5,-5", SIXNET_BAD_SPEC, "degrees from 5 to -5; the least comes first"},
        {"2x8x8", "random_affine degrees=5 translate=0.1,0.1,0.1", SIXNET_BAD_SPEC,
         "translate has 3 numbers, expected 1 or 2"},
        {"2x8x8", "random_affine degrees=5 translate=2", SIXNET_BAD_SPEC, "translate=2"},
        {"2x8x8", "random_affine degrees=5 scale=1.1", SIXNET_BAD_SPEC, "scale has 1 numbers, expected 2"},
        {"2x8x8", "random_affine degrees=5 scale=1.1,0.9", SIXNET_BAD_SPEC, "scale from 1.1 to 0.9"},
        {"2x8x8", "random_affine degrees=5 scale=0,1", SIXNET_BAD_SPEC, "scale=0,1"},
        {"2x8x8", "random_affine degrees=5 shear=1,2,3", SIXNET_BAD_SPEC, "shear has 3 numbers, expected 1, 2 or 4"},
        {"2x8x8", "random_affine degrees=5 shear=1,2,3,2", SIXNET_BAD_SPEC, "shear from 3 to 2"},
        {"2x8x8", "random_affine degrees=5 interpolation=cubic", SIXNET_BAD_SPEC, "nearest bilinear"},
        {"2x8x8", "random_crop size=9x8", SIXNET_BAD_SHAPE,
         "random_crop: 9 rows are more than the images' 8 and a margin of 0"},
        {"2x8x8", "random_crop size=10x13 padding=1x2", SIXNET_BAD_SHAPE,
         "13 columns are more than the images' 8 and a margin of 2"},
        {"2x8x8", "random_horizontal_flip p=1.5", SIXNET_BAD_SPEC, "p=1.5"},
        {"2x8x8", "random_erasing scale=0.3", SIXNET_BAD_SPEC,
         "random_erasing: scale takes two numbers, the least and the most"},
        {"2x8x8", "random_erasing ratio=3,0.3", SIXNET_BAD_SPEC, "random_erasing: ratio takes two numbers"},
        {"2x8x8", "random_erasing value=1,2,3", SIXNET_BAD_SHAPE,
         "value has 3 numbers, expected 1 or 2, one per channel"},
        {"2x8x8", "color_jitter brightness=1,0.5", SIXNET_BAD_SPEC,
         "color_jitter: brightness takes one number, or two"},
        {"2x8x8", "color_jitter contrast=1,2,3", SIXNET_BAD_SPEC, "color_jitter: contrast takes one number, or two"},
        {"2x8x8", "elastic sigma=65", SIXNET_BAD_SPEC, "sigma=65"},
        {"64", "random_crop", SIXNET_BAD_SHAPE, "random_crop: takes images"},
        {"64", "random_vertical_flip", SIXNET_BAD_SHAPE, "random_vertical_flip: takes images"},
        {"64", "random_erasing", SIXNET_BAD_SHAPE, "random_erasing: takes images"},
        {"64", "color_jitter", SIXNET_BAD_SHAPE, "color_jitter: takes images"},
        {"64", "elastic", SIXNET_BAD_SHAPE, "elastic: takes images"},
        {"64", "random_affine degrees=5", SIXNET_BAD_SHAPE,
         "random_affine: takes images, of shape channels x height x width or height x width; samples are 64"},
        {"2x2x4x4", "random_affine degrees=5", SIXNET_BAD_SHAPE, "samples are 2x2x4x4"},
    };
    static const float values[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sixnet_dataset *ds = samples_of(NULL, cases[i].shape, values, 1);
        FAILS(cases[i].status, sixnet_dataset_add_transform(ds, cases[i].text), cases[i].message);
        sixnet_dataset_free(ds);
    }
}

static int32_t give_nothing(void *user, int64_t index, float *input, float *target)
{
    (void)user, (void)index, (void)input, (void)target;
    return 0;
}

static void test_too_large(void **state)
{
    (void)state;
    sixnet_dataset *ds;
    sixnet_context *ctx;
    WORKS(sixnet_dataset_from_callback(&ds, NULL, "shape=2x4194305", 1, give_nothing, NULL));
    FAILS(SIXNET_TOO_LARGE, sixnet_dataset_add_transform(ds, "random_affine degrees=5"),
          "images of 2x4194305; at most 4194304");
    sixnet_dataset_free(ds);
    WORKS(sixnet_dataset_from_callback(&ds, NULL, "shape=2x8x8 target_shape=1048576x4", 1, give_nothing, NULL));
    FAILS(SIXNET_TOO_LARGE, sixnet_dataset_add_transform(ds, "random_crop size=4194304 padding=2097152"),
          "images of too many values");
    FAILS(SIXNET_TOO_LARGE, sixnet_dataset_add_transform(ds, "one_hot num_classes=16777216"),
          "one_hot: 16777216 classes for targets of shape 1048576x4 are too many values");
    sixnet_dataset_free(ds);
    WORKS(sixnet_context_new(&ctx, "max_memory=1000000"));
    WORKS(sixnet_dataset_from_callback(&ds, ctx, "shape=65536x4096x4096", 1, give_nothing, NULL));
    WORKS(sixnet_dataset_add_transform(ds, "random_affine degrees=5"));
    FAILS(SIXNET_OUT_OF_MEMORY, sixnet_dataset_get_sample(ds, 0, (float[1]){0}, NULL), "out of memory", "max_memory");
    sixnet_dataset_free(ds);
    sixnet_context_free(ctx);
}

/* ---- the same samples ---- */

enum { MANY = 96, SIDE = 20, SIZE = SIDE * SIDE };

/* What every sample of three epochs was. */
typedef struct epochs {
    float inputs[3][MANY][SIZE], targets[3][MANY][8];
} epochs;

static int32_t copy_sample(void *user, int64_t index, float *input, float *target)
{
    memcpy(input, (const float *)user + index * SIZE, SIZE * sizeof *input);
    *target = (float)(index % 8);
    return 0;
}

/* The last leaves the size as it is. */
static const char *const pipelines[][5] = {
    {"random_affine degrees=20 translate=0.1 scale=0.8,1.2 shear=5"},
    {"random_crop size=23x17 padding=3", "random_crop size=20x20 padding=0x3", "random_horizontal_flip"},
    {"elastic alpha=30 sigma=3", "random_erasing p=1", "mixup num_classes=8"},
    {"cutmix num_classes=8", "color_jitter brightness=0.3 contrast=0.3", "mixup", "random_vertical_flip"},
};

static void read_epochs(const char *options, const char *const pipeline[5], const char *batches, bool calls, epochs *to)
{
    static float values[MANY * SIZE], labels[MANY];
    sixnet_context *ctx;
    sixnet_dataset *ds;
    sixnet_batch_iterator *b;
    const float *inputs, *targets;
    int64_t n, dims[8], target_dims[8];
    int32_t rank, target_rank;
    memset(to, 0, sizeof *to);
    fill_noise(values, MANY * SIZE, 11);
    for (int i = 0; i < MANY; i++)
        labels[i] = (float)(i % 8);
    WORKS(sixnet_context_new(&ctx, options));
    if (calls)
        WORKS(sixnet_dataset_from_callback(&ds, ctx, "shape=1x20x20", MANY, copy_sample, values));
    else
        WORKS(sixnet_dataset_from_arrays(&ds, ctx, "shape=1x20x20", values, labels, MANY));
    for (int i = 0; pipeline[i]; i++)
        WORKS(sixnet_dataset_add_transform(ds, pipeline[i]));
    WORKS(sixnet_batch_iterator_new(&b, ds, batches)); /* before the last transform, for which it makes room */
    WORKS(sixnet_dataset_add_transform(ds, "elastic alpha=5"));
    WORKS(sixnet_dataset_shape(ds, dims, &rank, target_dims, &target_rank));
    for (int epoch = 0; epoch < 3; epoch++) {
        int64_t seen = 0;
        WORKS(sixnet_batch_iterator_start_epoch(b, epoch));
        do {
            WORKS(sixnet_batch_iterator_next(b, &inputs, &targets, &n));
            for (int64_t i = 0; i < n; i++) {
                memcpy(to->inputs[epoch][seen + i], inputs + i * SIZE, SIZE * sizeof *inputs);
                memcpy(to->targets[epoch][seen + i], targets + i * target_dims[0],
                       (size_t)target_dims[0] * sizeof *targets);
            }
            seen += n;
        } while (n);
        assert_int_equal(seen, MANY);
    }
    sixnet_batch_iterator_free(b);
    sixnet_dataset_free(ds);
    sixnet_context_free(ctx);
}

static void test_same_for_all_threads(void **state)
{
    (void)state;
    static epochs expected, got;
    static const struct {
        const char *options, *batches;
        bool calls;
    } ways[] = {
        {"seed=5 threads=2", "batch_size=96 shuffle=false", false},
        {"seed=5 threads=5", "batch_size=96 shuffle=false", false},
        {"seed=5 threads=5", "batch_size=50 shuffle=false", false},
        {"seed=5", "batch_size=7 shuffle=false", false},
        {"seed=5 threads=3", "batch_size=64 shuffle=false", true},
    };
    for (size_t p = 0; p < sizeof pipelines / sizeof *pipelines; p++) {
        read_epochs("seed=5", pipelines[p], "batch_size=96 shuffle=false", false, &expected);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            read_epochs(ways[i].options, pipelines[p], ways[i].batches, ways[i].calls, &got);
            assert_memory_equal(&got, &expected, sizeof got);
        }
        for (int k = 0; k < MANY; k++) {
            assert_memory_not_equal(expected.inputs[0][k], expected.inputs[1][k], SIZE * sizeof(float));
            assert_memory_not_equal(expected.inputs[1][k], expected.inputs[2][k], SIZE * sizeof(float));
        }
        read_epochs("seed=6", pipelines[p], "batch_size=96 shuffle=false", false, &got);
        assert_memory_not_equal(got.inputs[0][0], expected.inputs[0][0], SIZE * sizeof(float));
    }
}

/* On every machine, and in every release: what is drawn is part of what the same seed promises. */
static void test_bits_stay(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "37198945c8577967018e42e0104b2f1e3524433c471d69615773508be66ced67",
        "eab0a3c6f5073fcdcdc7b836a6cd385cb83c0267ef44a67e4e4b8331677e490b",
        "4efd40cf0662904dcdd3f59e8ef792d32ac41b5053e6caa3b212a223923d66c5",
        "c9c84c34969066b32c6df5571875c40baee5a16712838c86ce20546a030c5d22",
    };
    static epochs got;
    for (size_t p = 0; p < sizeof pipelines / sizeof *pipelines; p++) {
        six_sha256 hash;
        uint8_t sum[32];
        char text[65];
        read_epochs("seed=5", pipelines[p], "batch_size=96 shuffle=false", false, &got);
        six_sha256_begin(&hash);
        for (size_t i = 0; i < sizeof got / sizeof(float); i++) {
            uint32_t bits;
            memcpy(&bits, (const char *)&got + i * sizeof bits, sizeof bits);
            const uint8_t bytes[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16),
                                      (uint8_t)(bits >> 24)};
            six_sha256_add(&hash, bytes, sizeof bytes);
        }
        six_sha256_end(&hash, sum);
        for (int i = 0; i < 32; i++)
            snprintf(text + 2 * i, 3, "%02x", sum[i]);
        assert_string_equal(text, expected[p]);
    }
}

/* An iterator that was made before a transform of another size is refused. */
static void test_walk_of_other_targets(void **state)
{
    (void)state;
    sixnet_dataset *ds = unit_samples(NULL, "12");
    sixnet_batch_iterator *b;
    const float *inputs, *targets;
    int64_t n;
    WORKS(sixnet_batch_iterator_new(&b, ds, "batch_size=4"));
    WORKS(sixnet_dataset_add_transform(ds, "one_hot num_classes=12"));
    FAILS(SIXNET_BAD_STATE, sixnet_batch_iterator_next(b, &inputs, &targets, &n),
          "a transform changed the sample shape");
    sixnet_batch_iterator_free(b);
    sixnet_dataset_free(ds);
}

/* ---- training ---- */

static const char net_text[] =
    "input shape=1x20x20\nconv2d out_channels=4 kernel_size=3\nrelu\nflatten\nlinear out_features=3\ncross_entropy";

static int32_t stop_in_second_epoch(void *user, const sixnet_progress *p)
{
    (void)user;
    return sixnet_progress_get(p, "epoch") == 2 && sixnet_progress_get(p, "batch") == 3;
}

/* What a run learns; if it is to be stopped and go on, by way of a checkpoint. */
static digest learn(const char *options, const char *checkpoint)
{
    static float values[MANY * SIZE], labels[MANY];
    char fit[96] = "epochs=3 batch_size=20";
    sixnet_context *ctx;
    sixnet_dataset *ds;
    sixnet_optimizer *opt;
    fill_noise(values, MANY * SIZE, 12);
    for (int i = 0; i < MANY; i++)
        labels[i] = (float)(i % 3);
    WORKS(sixnet_context_new(&ctx, options));
    WORKS(sixnet_dataset_from_arrays(&ds, ctx, "shape=1x20x20", values, labels, MANY));
    WORKS(sixnet_dataset_add_transform(ds, "random_affine degrees=10 translate=0.1 scale=0.9,1.1"));
    sixnet_model *net = parsed(ctx, net_text);
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.01 momentum=0.9", NULL));
    if (checkpoint) {
        snprintf(fit, sizeof fit, "epochs=3 batch_size=20 checkpoint_best=false checkpoint=%s", checkpoint);
        assert_int_equal(sixnet_model_fit(net, opt, ds, NULL, fit, stop_in_second_epoch, NULL), SIXNET_STOPPED);
        snprintf(fit, sizeof fit, "epochs=3 batch_size=20 resume=%s", checkpoint);
    }
    WORKS(sixnet_model_fit(net, opt, ds, NULL, fit, NULL, NULL));
    const digest d = digest_of(net);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    sixnet_dataset_free(ds);
    sixnet_context_free(ctx);
    return d;
}

static void test_training_repeats(void **state)
{
    (void)state;
    char path[] = "/tmp/test_transforms.XXXXXX";
    const int file = mkstemp(path);
    const digest alone = learn("seed=3", NULL);
    assert_true(file >= 0);
    close(file);
    assert_same_digest(alone, learn("seed=3 threads=2", NULL));
    assert_same_digest(alone, learn("seed=3 threads=4", NULL));
    assert_same_digest(alone, learn("seed=3 threads=2", path)); /* with the samples that it would have had */
    assert_string_not_equal(alone.text, learn("seed=4", NULL).text);
    unlink(path);
}

/* What a loss says to targets that are not what it takes. */
static void test_losses_refuse(void **state)
{
    (void)state;
    sixnet_dataset *ds = unit_samples(NULL, "12");
    sixnet_model *net = parsed(NULL, "input shape=12\nlinear out_features=12\nmse");
    double loss;
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_evaluate(net, ds, &loss, NULL),
          "the data's targets have 1 values, but the loss takes 12",
          "if they are class numbers, the transform 'one_hot num_classes=12' makes probabilities of them");
    sixnet_model *other = parsed(NULL, "input shape=12\nlinear out_features=13\nmse");
    WORKS(sixnet_dataset_add_transform(ds, "one_hot num_classes=12"));
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_evaluate(other, ds, &loss, NULL),
          "the data's targets have 12 values, but the loss takes 13");
    assert_null(strstr(sixnet_last_error(), "one_hot"));
    sixnet_model_free(other);
    WORKS(sixnet_model_evaluate(net, ds, &loss, NULL));
    sixnet_dataset_free(ds);
    sixnet_model_free(net);
    ds = unit_samples(NULL, "12");
    net = parsed(NULL, "input shape=12\nlinear out_features=12\ncross_entropy");
    WORKS(sixnet_dataset_add_transform(ds, "one_hot num_classes=12"));
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_evaluate(net, ds, &loss, NULL),
          "the data's targets have 12 values, but the loss takes 1",
          "if they are probabilities, the loss 'cross_entropy targets=probabilities' takes them");
    sixnet_dataset_free(ds);
    ds = unit_samples(NULL, "12");
    WORKS(sixnet_dataset_add_transform(ds, "mixup"));
    FAILS(SIXNET_BAD_DATA, sixnet_model_evaluate(net, ds, &loss, NULL),
          "targets must be classes, but the transform 'mixup' changes them; remove it, or use another loss");
    sixnet_dataset_free(ds);
    sixnet_model_free(net);
}

static int32_t keep_accuracy(void *user, const sixnet_progress *p)
{
    if (sixnet_progress_get(p, "epoch_end") == 1)
        *(double *)user = sixnet_progress_get(p, "validation_accuracy");
    return 0;
}

/* Learns from mixtures what samples that are none are. */
static digest learn_mixed(const char *options)
{
    double accuracy = 0;
    sixnet_context *ctx;
    sixnet_optimizer *opt;
    WORKS(sixnet_context_new(&ctx, options));
    sixnet_dataset *train = unit_samples(ctx, "1x3x4"), *test = unit_samples(ctx, "1x3x4");
    sixnet_model *net =
        parsed(ctx, "input shape=1x3x4\nflatten\nlinear out_features=12\ncross_entropy targets=probabilities");
    WORKS(sixnet_optimizer_new(&opt, net, "adam lr=0.05", NULL));
    FAILS(SIXNET_BAD_SHAPE, sixnet_model_fit(net, opt, train, NULL, "", NULL, NULL),
          "the transform 'one_hot num_classes=12' makes probabilities");
    WORKS(sixnet_dataset_add_transform(train, "mixup alpha=0.4 num_classes=12"));
    WORKS(sixnet_dataset_add_transform(test, "one_hot num_classes=12"));
    WORKS(sixnet_model_fit(net, opt, train, test, "epochs=60 batch_size=5", keep_accuracy, &accuracy));
    assert_true(accuracy == 1);
    const digest d = digest_of(net);
    sixnet_optimizer_free(opt);
    sixnet_model_free(net);
    sixnet_dataset_free(train);
    sixnet_dataset_free(test);
    sixnet_context_free(ctx);
    return d;
}

static void test_training_mixed(void **state)
{
    (void)state;
    assert_same_digest(learn_mixed("seed=2"), learn_mixed("seed=2 threads=3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_affine_formula),
        cmocka_unit_test(test_affine_exact),
        cmocka_unit_test(test_affine_nearest),
        cmocka_unit_test(test_affine_draws),
        cmocka_unit_test(test_affine_shift),
        cmocka_unit_test(test_affine_sizes),
        cmocka_unit_test(test_crop),
        cmocka_unit_test(test_flip),
        cmocka_unit_test(test_erasing),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_elastic),
        cmocka_unit_test(test_one_hot),
        cmocka_unit_test(test_probabilities_stay),
        cmocka_unit_test(test_mixup_shares),
        cmocka_unit_test(test_mixup_p),
        cmocka_unit_test(test_mixup_of_transformed),
        cmocka_unit_test(test_mixup_of_parts),
        cmocka_unit_test(test_cutmix),
        cmocka_unit_test(test_targets_refused),
        cmocka_unit_test(test_late_classes),
        cmocka_unit_test(test_no_class_adds_nothing),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_same_for_all_threads),
        cmocka_unit_test(test_bits_stay),
        cmocka_unit_test(test_walk_of_other_targets),
        cmocka_unit_test(test_losses_refuse),
        cmocka_unit_test(test_training_repeats),
        cmocka_unit_test(test_training_mixed),
    };
    return cmocka_run_group_tests_name("transforms", tests, NULL, NULL);
}
