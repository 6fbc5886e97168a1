/* SPDX-License-Identifier: MIT */

/* polynomial_lr, as torch.optim.lr_scheduler.PolynomialLR:
 *
 *     lr = base (1 - t / total_iters)^power    after t epochs, 0 from total_iters on */

#include "base/portable_math.h"
#include "schedules/schedule.h"

typedef struct polynomial_lr {
    int64_t total_iters;
    double power;
} polynomial_lr;

static const six_attr attrs[] = {
    {"total_iters", SIX_INT, offsetof(polynomial_lr, total_iters), 1, 0x1p53, "5", NULL, "epochs until the rate is 0"},
    {"power", SIX_FLOAT, offsetof(polynomial_lr, power), 0, 1000, "1", NULL, "of the polynomial"},
    {.name = NULL},
};

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const polynomial_lr *a = attr;
    (void)state;
    if (t >= a->total_iters)
        return 0;
    const double left = (double)(a->total_iters - t) / (double)a->total_iters;
    return base * six_portable_exp(a->power * six_portable_log(left));
}

const six_schedule_kind six_schedule_polynomial_lr = {
    .kind = {"polynomial_lr", "lowers the rate to 0 along a power of the epochs left", attrs, sizeof(polynomial_lr)},
    .rate = rate,
};
