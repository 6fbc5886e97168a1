/* SPDX-License-Identifier: MIT */
/* The transforms of lib/data, against formulas in double; and what holds for all of them: the same samples for any number of threads, any
 * size of batches, and from the middle of an epoch on. */

#include "api.h"

#include <unistd.h>

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
    WORKS(sixnet_dataset_transform(ds, transform));
    WORKS(sixnet_dataset_get(ds, 0, to, NULL));
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
    return (matrix){a.xx * b.xx + a.xy * b.yx, a.xx * b.xy + a.xy * b.yy, a.yx * b.xx + a.yy * b.yx, a.yx * b.xy + a.yy * b.yy};
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
    const double across = (WIDTH - 1) / 2.0, along = (HEIGHT - 1) / 2.0, dx = column - across - right, dy = row - along - down;
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
    static const char *const same[] = {"degrees=0", "degrees=0 interpolation=nearest", "degrees=360,360 scale=1,1 shear=0,0,0,0"};
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
    transformed(image_shape, image, "random_affine degrees=20,20 scale=1.1,1.1 shear=5,5 interpolation=nearest fill=9", got);
    for (int i = 0; i < PLANE; i++) {
        double x, y;
        origin_of(m, 0, 0, i % WIDTH, i / WIDTH, &x, &y);
        if (fabs(x - floor(x) - 0.5) < 1e-4 || fabs(y - floor(y) - 0.5) < 1e-4)
            continue; /* half way, where rounding decides */
        for (int c = 0; c < CHANNELS; c++)
            assert_true(got[c * PLANE + i] == (float)pixel(image + c * PLANE, (int64_t)floor(x + 0.5), (int64_t)floor(y + 0.5), 9));
        outside += got[i] == 9;
    }
    assert_in_range(outside, 5, PLANE / 3);
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
    const int left = Y * WIDTH + X - FAR, right = Y * WIDTH + X + FAR, up = (Y - FAR) * WIDTH + X, down = (Y + FAR) * WIDTH + X;
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
    WORKS(sixnet_dataset_transform(ds, "random_affine degrees=12 translate=0.06,0.12 scale=0.9,1.2 shear=8"));
    for (int s = 0; s < SAMPLES; s++) {
        WORKS(sixnet_dataset_get(ds, s, got, NULL));
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
        WORKS(sixnet_dataset_transform(ds, "random_affine degrees=0 translate=0.25 fill=7"));
        WORKS(sixnet_dataset_get(ds, 0, got, NULL));
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

/* ---- what is refused ---- */

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *shape, *text;
        int32_t status;
        const char *message;
    } cases[] = {
        {"2x8x8", "random_affine", SIXNET_BAD_TEXT, "degrees is missing"},
        {"2x8x8", "random_affine degrees=361", SIXNET_BAD_TEXT, "degrees=361"},
        {"2x8x8", "random_affine degrees=", SIXNET_BAD_TEXT, "random_affine: degrees has 0 numbers; 1 or 2 are expected"},
        {"2x8x8", "random_affine degrees=1,2,3", SIXNET_BAD_TEXT, "degrees has 3 numbers; 1 or 2"},
        {"2x8x8", "random_affine degrees=5,-5", SIXNET_BAD_TEXT, "degrees from 5 to -5; the least comes first"},
        {"2x8x8", "random_affine degrees=5 translate=0.1,0.1,0.1", SIXNET_BAD_TEXT, "translate has 3 numbers; 1 or 2"},
        {"2x8x8", "random_affine degrees=5 translate=2", SIXNET_BAD_TEXT, "translate=2"},
        {"2x8x8", "random_affine degrees=5 scale=1.1", SIXNET_BAD_TEXT, "scale has 1 numbers; 2 are expected"},
        {"2x8x8", "random_affine degrees=5 scale=1.1,0.9", SIXNET_BAD_TEXT, "scale from 1.1 to 0.9"},
        {"2x8x8", "random_affine degrees=5 scale=0,1", SIXNET_BAD_TEXT, "scale=0,1"},
        {"2x8x8", "random_affine degrees=5 shear=1,2,3", SIXNET_BAD_TEXT, "shear has 3 numbers; 1, 2 or 4"},
        {"2x8x8", "random_affine degrees=5 shear=1,2,3,2", SIXNET_BAD_TEXT, "shear from 3 to 2"},
        {"2x8x8", "random_affine degrees=5 interpolation=cubic", SIXNET_BAD_TEXT, "nearest bilinear"},
        {"64", "random_affine degrees=5", SIXNET_BAD_SHAPE,
         "random_affine: takes images, of shape channels x height x width or height x width; samples are 64"},
        {"2x2x4x4", "random_affine degrees=5", SIXNET_BAD_SHAPE, "samples are 2x2x4x4"},
    };
    static const float values[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sixnet_dataset *ds = samples_of(NULL, cases[i].shape, values, 1);
        FAILS(cases[i].status, sixnet_dataset_transform(ds, cases[i].text), cases[i].message);
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
    WORKS(sixnet_dataset_from_callback(&ds, NULL, "shape=2x4194305", 1, give_nothing, NULL));
    FAILS(SIXNET_TOO_LARGE, sixnet_dataset_transform(ds, "random_affine degrees=5"), "images of 2x4194305; at most 4194304");
    sixnet_dataset_free(ds);
    WORKS(sixnet_dataset_from_callback(&ds, NULL, "shape=65536x4096x4096", 1, give_nothing, NULL));
    WORKS(sixnet_dataset_transform(ds, "random_affine degrees=5"));
    FAILS(SIXNET_OUT_OF_MEMORY, sixnet_dataset_get(ds, 0, (float[1]){0}, NULL), "out of memory");
    sixnet_dataset_free(ds);
}

/* ---- the same samples ---- */

enum { MANY = 96, SIDE = 20, SIZE = SIDE * SIDE };

/* What every sample of three epochs was, in its place. */
typedef struct epochs {
    float inputs[3][MANY * SIZE], targets[3][MANY];
} epochs;

static int32_t copy_sample(void *user, int64_t index, float *input, float *target)
{
    memcpy(input, (const float *)user + index * SIZE, SIZE * sizeof *input);
    *target = (float)index;
    return 0;
}

static const char *const pipelines[] = {
    "random_affine degrees=20 translate=0.1 scale=0.8,1.2 shear=5",
};

static void walk(const char *options, const char *pipeline, const char *batches, bool calls, epochs *to)
{
    static float values[MANY * SIZE];
    sixnet_context *ctx;
    sixnet_dataset *ds;
    sixnet_batches *b;
    const float *inputs, *targets;
    int64_t n, seen = 0;
    memset(to, 0, sizeof *to);
    fill_noise(values, MANY * SIZE, 11);
    WORKS(sixnet_context_new(&ctx, options));
    if (calls)
        WORKS(sixnet_dataset_from_callback(&ds, ctx, "shape=1x20x20", MANY, copy_sample, values));
    else
        ds = samples_of(ctx, "1x20x20", values, MANY);
    WORKS(sixnet_batches_new(&b, ds, batches)); /* before the transforms: it makes room for them */
    WORKS(sixnet_dataset_transform(ds, pipeline));
    WORKS(sixnet_dataset_transform(ds, "normalize mean=0.5 std=2"));
    for (int epoch = 0; epoch < 3; epoch++) {
        WORKS(sixnet_batches_start(b, epoch));
        do {
            WORKS(sixnet_batches_next(b, &inputs, &targets, &n));
            for (int64_t i = 0; i < n; i++) {
                const int64_t number = (int64_t)targets[i];
                memcpy(to->inputs[epoch] + number * SIZE, inputs + i * SIZE, SIZE * sizeof *inputs);
                to->targets[epoch][number] = targets[i];
            }
            seen += n;
        } while (n);
    }
    assert_int_equal(seen, 3 * MANY);
    sixnet_batches_free(b);
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
        {"seed=5 threads=2", "batch_size=96 seed=1", false}, {"seed=5 threads=5", "batch_size=96 seed=2", false},
        {"seed=5 threads=5", "batch_size=50", false},        {"seed=5", "batch_size=7 shuffle=false", false},
        {"seed=5 threads=3", "batch_size=64", true},
    };
    for (size_t p = 0; p < sizeof pipelines / sizeof *pipelines; p++) {
        walk("seed=5", pipelines[p], "batch_size=96", false, &expected);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            walk(ways[i].options, pipelines[p], ways[i].batches, ways[i].calls, &got);
            assert_memory_equal(&got, &expected, sizeof got);
        }
        for (int k = 0; k < MANY; k++) {
            assert_memory_not_equal(expected.inputs[0] + k * SIZE, expected.inputs[1] + k * SIZE, SIZE * sizeof(float));
            assert_memory_not_equal(expected.inputs[1] + k * SIZE, expected.inputs[2] + k * SIZE, SIZE * sizeof(float));
        }
        walk("seed=6", pipelines[p], "batch_size=96", false, &got);
        assert_memory_not_equal(got.inputs[0], expected.inputs[0], SIZE * sizeof(float));
    }
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
    WORKS(sixnet_dataset_transform(ds, "random_affine degrees=10 translate=0.1 scale=0.9,1.1"));
    sixnet_model *net = parsed(ctx, net_text);
    WORKS(sixnet_optimizer_new(&opt, net, "sgd lr=0.01 momentum=0.9", NULL));
    if (checkpoint) {
        snprintf(fit, sizeof fit, "epochs=3 batch_size=20 keep_best=false checkpoint=%s", checkpoint);
        assert_int_equal(sixnet_fit(net, opt, ds, fit, stop_in_second_epoch, NULL), SIXNET_STOPPED);
        snprintf(fit, sizeof fit, "epochs=3 batch_size=20 resume=%s", checkpoint);
    }
    WORKS(sixnet_fit(net, opt, ds, fit, NULL, NULL));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_affine_formula),
        cmocka_unit_test(test_affine_exact),
        cmocka_unit_test(test_affine_nearest),
        cmocka_unit_test(test_affine_draws),
        cmocka_unit_test(test_affine_shift),
        cmocka_unit_test(test_affine_sizes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_same_for_all_threads),
        cmocka_unit_test(test_training_repeats),
    };
    return cmocka_run_group_tests_name("transforms", tests, NULL, NULL);
}
