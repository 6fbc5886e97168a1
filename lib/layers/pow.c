/* SPDX-License-Identifier: MIT */

/* pow: y = x^exponent, for one number as exponent.
 *
 * dx = dy exponent x^(exponent - 1), 0 for exponent 0. In double: log(x) rounded to f32 would cost many units of x^exponent. As torch.pow. */

#include <float.h>
#include <math.h>

#include "base/portable_math.h"
#include "layers/unary.h"

typedef struct attributes {
    double exponent;
} attributes;

static const six_attr attrs[] = {
    {"exponent", SIX_FLOAT, offsetof(attributes, exponent), -1024, 1024, NULL, NULL, "the power of x"},
    {.name = NULL},
};

/* For a whole e, by squares; it has the sign and the special values that the products have. */
static double whole_power(double x, double e)
{
    double result = 1;
    for (int64_t n = (int64_t)(e < 0 ? -e : e); n; n /= 2, x *= x)
        if (n % 2)
            result *= x;
    return e < 0 ? 1 / result : result;
}

static double power(double x, double e)
{
    if (e == floor(e))
        return whole_power(x, e);
    if (e == 0.5 || e == -0.5) /* PyTorch takes the root, which makes a difference for -0 and -infinity */
        return e > 0 ? sqrt(x) : 1 / sqrt(x);
    if (x == 0 || isinf(x))
        return (x == 0) == (e > 0) ? 0 : (double)INFINITY;
    if (!(x > 0))
        return (double)NAN;
    const double log_x = x < DBL_MIN ? six_portable_log(x * 0x1p54) - 54 * 0x1.62e42fefa39efp-1 : six_portable_log(x);
    return six_portable_exp(e * log_x);
}

static double exponent_of(const six_run *run) { return ((const attributes *)run->op->attr)->exponent; }

static void forward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t count = six_shape_size(&run->op->in[0]) * run->lanes;
    const double e = exponent_of(run);
    (void)scratch;
    for (int64_t i = 0; i < count; i++)
        tile->y[0][i] = (real)power((double)tile->x[0][i], e);
}

static void backward(const six_run *run, six_tile *tile, void *scratch)
{
    const int64_t count = tile->dx[0] ? six_shape_size(&run->op->in[0]) * run->lanes : 0;
    const double e = exponent_of(run);
    (void)scratch;
    for (int64_t i = 0; i < count; i++)
        tile->dx[0][i] = e == 0 ? 0 : tile->dy[0][i] * (real)(e * power((double)tile->x[0][i], e - 1));
}

SIX_LAYER(pow) = {
    .kind = {.name = "pow", .help = "x to the power of a number", .attrs = attrs, .size = sizeof(attributes)},
    .title = "Pow",
    .prefix = "pow",
    .inputs_min = 1,
    .inputs_max = 1,
    .reads = SIX_READS_X,
    .in_place = true,
    .setup = six_unary_setup,
};

SIX_KERNELS(pow) = {
    .forward = forward,
    .forward_one = forward,
    .backward = backward,
    .backward_one = backward,
};
