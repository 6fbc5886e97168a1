/* SPDX-License-Identifier: MIT */

/* piecewise: the rates of points=epoch:rate,...: after t epochs that of the last point whose epoch is t or less, or, with
 * interpolate=true, the rate on the line from that point to the next. Before the first point stands one at epoch 0 with the optimizer's
 * rate. */

#include "base/status.h"
#include "schedules/schedule.h"

typedef struct piecewise {
    six_list points; /* epoch, rate, epoch, rate, ... */
    int32_t interpolate;
} piecewise;

static const six_attr attrs[] = {
    {"points", SIX_POINTS, offsetof(piecewise, points), 0, DBL_MAX, NULL, NULL,
     "epochs and the rates from there on, such as 10:0.05,20:0.01"},
    {"interpolate", SIX_BOOL, offsetof(piecewise, interpolate), 0, 1, "false", NULL,
     "go along lines from point to point"},
    {.name = NULL},
};

static int32_t check(const void *attr)
{
    const six_list *points = &((const piecewise *)attr)->points;
    for (int32_t i = 0; i + 2 < points->count; i += 2)
        if (points->value[i] >= points->value[i + 2])
            return six_fail(SIXNET_BAD_SPEC, "piecewise: epoch %g of points is not after epoch %g",
                            points->value[i + 2], points->value[i]);
    return SIXNET_OK;
}

static double rate(const void *attr, const double *state, int64_t t, double base)
{
    const piecewise *a = attr;
    double epoch = 0, last = base;
    int32_t next = 0;
    (void)state;
    for (; next < a->points.count && a->points.value[next] <= (double)t; next += 2) {
        epoch = a->points.value[next];
        last = a->points.value[next + 1];
    }
    if (!a->interpolate || next == a->points.count)
        return last;
    return last + (a->points.value[next + 1] - last) * (((double)t - epoch) / (a->points.value[next] - epoch));
}

const six_schedule_kind six_schedule_piecewise = {
    .kind = {"piecewise", "the rates of a list of epochs", attrs, sizeof(piecewise)},
    .check = check,
    .rate = rate,
};
