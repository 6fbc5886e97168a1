/* SPDX-License-Identifier: MIT */
#include "train/schedule.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/numeric.h"
#include "base/status.h"

/* reduce_on_plateau's memory, in the order in which it is kept. */
typedef struct plateau {
    double factor, best, bad_epochs, cooldown_left;
} plateau;

enum { PLATEAU_STATE = 4, COUNTER_STATE = 2, MAX_PARTS = (SIX_SCHEDULE_STATE - COUNTER_STATE) / PLATEAU_STATE };

/* One kind of schedule: the rate that it alone makes of the base rate when t steps or epochs are done. */
typedef struct schedule_kind {
    six_kind kind;
    bool (*counts_steps)(const void *attr); /* NULL: epochs */
    double (*rate)(const void *attr, int64_t t, double base);
    void (*begin)(const void *attr, plateau *p); /* begin and watch are for reduce_on_plateau, in place of rate */
    void (*watch)(const void *attr, plateau *p, double base, double metric);
} schedule_kind;

typedef struct part {
    const schedule_kind *kind;
    void *attr;
    plateau plateau;
} part;

struct six_schedule {
    double base;
    int64_t steps, epochs;
    int32_t count;
    part part[MAX_PARTS];
};

#define COUNT(field, type, help)                                                                                       \
    {                                                                                                                  \
#field, SIX_INT, offsetof(type, field), 1, 0x1p53, NULL, NULL, help                                            \
    }
#define GAMMA(type, text)                                                                                              \
    {                                                                                                                  \
        "gamma", SIX_FLOAT, offsetof(type, gamma), 0, DBL_MAX, text, NULL, "what the rate is multiplied with"          \
    }

/* ---- step_lr, multistep_lr, exponential_lr: lr = base gamma^k ---- */

typedef struct step_lr {
    int64_t step_size;
    double gamma;
} step_lr;

static const six_attr step_attrs[] = {
    COUNT(step_size, step_lr, "epochs from one drop to the next"),
    GAMMA(step_lr, "0.1"),
    {.name = NULL},
};

static double step_rate(const void *attr, int64_t t, double base)
{
    const step_lr *a = attr;
    return base * six_power(a->gamma, t / a->step_size);
}

typedef struct multistep_lr {
    six_list milestones;
    double gamma;
} multistep_lr;

static const six_attr multistep_attrs[] = {
    {"milestones", SIX_LIST, offsetof(multistep_lr, milestones), 0, 0x1p53, NULL, NULL,
     "epochs after which the rate drops"},
    GAMMA(multistep_lr, "0.1"),
    {.name = NULL},
};

static double multistep_rate(const void *attr, int64_t t, double base)
{
    const multistep_lr *a = attr;
    int64_t passed = 0;
    for (int32_t i = 0; i < a->milestones.count; i++)
        passed += a->milestones.value[i] <= (double)t;
    return base * six_power(a->gamma, passed);
}

typedef struct exponential_lr {
    double gamma;
} exponential_lr;

static const six_attr exponential_attrs[] = {GAMMA(exponential_lr, NULL), {.name = NULL}};

static double exponential_rate(const void *attr, int64_t t, double base)
{
    return base * six_power(((const exponential_lr *)attr)->gamma, t);
}

/* ---- cosine_annealing_lr, one_cycle_lr ---- */

/* (1 - cos(pi x)) / 2 = sin^2(pi x / 2) for x from 0 to 1, by the sine's power series: the same bits on every machine. */
static double cosine_rise(double x)
{
    if (x > 0.5)
        return 1 - cosine_rise(1 - x);
    double z = x * 0x1.921fb54442d18p+0, sum = 1;
    for (int k = 18; k >= 2; k -= 2)
        sum = 1 - sum * z * z / (k * (k + 1));
    return z * sum * (z * sum);
}

typedef struct cosine_annealing_lr {
    int64_t t_max;
    double eta_min;
} cosine_annealing_lr;

static const six_attr cosine_attrs[] = {
    COUNT(t_max, cosine_annealing_lr, "epochs from the largest rate to the smallest"),
    {"eta_min", SIX_FLOAT, offsetof(cosine_annealing_lr, eta_min), 0, DBL_MAX, "0", NULL, "the smallest rate"},
    {.name = NULL},
};

/* lr = eta_min + (base - eta_min) (1 + cos(pi t / t_max)) / 2 */
static double cosine_rate(const void *attr, int64_t t, double base)
{
    const cosine_annealing_lr *a = attr;
    int64_t phase = t % (2 * a->t_max);
    int64_t from_lowest = phase < a->t_max ? a->t_max - phase : phase - a->t_max;
    return a->eta_min + (base - a->eta_min) * cosine_rise((double)from_lowest / (double)a->t_max);
}

typedef struct one_cycle_lr {
    double max_lr;
    int64_t total_steps;
    double pct_start;
    int32_t anneal_strategy;
    double div_factor, final_div_factor;
    int32_t three_phase;
} one_cycle_lr;

enum { ANNEAL_COS, ANNEAL_LINEAR };

static const six_attr one_cycle_attrs[] = {
    {"max_lr", SIX_FLOAT, offsetof(one_cycle_lr, max_lr), 0, DBL_MAX, NULL, NULL,
     "the largest rate, whatever the optimizer's"},
    COUNT(total_steps, one_cycle_lr, "steps of the whole cycle, after which the rate stays"),
    {"pct_start", SIX_FLOAT, offsetof(one_cycle_lr, pct_start), 0, 1, "0.3", NULL, "share of the steps that rise"},
    {"anneal_strategy", SIX_CHOICE, offsetof(one_cycle_lr, anneal_strategy), 0, 1, "cos", "cos linear",
     "how it rises and falls"},
    {"div_factor", SIX_FLOAT, offsetof(one_cycle_lr, div_factor), SIX_ABOVE_ZERO, DBL_MAX, "25", NULL,
     "the first rate is max_lr divided by it"},
    {"final_div_factor", SIX_FLOAT, offsetof(one_cycle_lr, final_div_factor), SIX_ABOVE_ZERO, DBL_MAX, "10000", NULL,
     "the last rate is the first divided by it"},
    {"three_phase", SIX_BOOL, offsetof(one_cycle_lr, three_phase), 0, 1, "false", NULL,
     "falls to the first rate as it rose, then to the last"},
    {.name = NULL},
};

static bool by_steps(const void *attr)
{
    (void)attr;
    return true;
}

/* The rate at step t of a phase that leads from one step and rate to another. */
static double anneal(const one_cycle_lr *a, double t, double begin, double end, double from, double to)
{
    if (!(begin < end))
        return to;
    if (a->anneal_strategy == ANNEAL_LINEAR)
        return from + (to - from) * ((t - begin) / (end - begin));
    return to + (from - to) * cosine_rise((end - t) / (end - begin));
}

/* As torch.optim.lr_scheduler.OneCycleLR; Smith and Topin, "Super-convergence", 2018. */
static double one_cycle_rate(const void *attr, int64_t t, double base)
{
    (void)base;
    const one_cycle_lr *a = attr;
    double first = a->max_lr / a->div_factor, last = first / a->final_div_factor;
    double end = (double)a->total_steps - 1, now = fmin((double)t, end);
    double top = a->pct_start * (double)a->total_steps - 1, back = 2 * a->pct_start * (double)a->total_steps - 2;
    if (now <= top)
        return anneal(a, now, 0, top, first, a->max_lr);
    if (!a->three_phase)
        return anneal(a, now, top, end, a->max_lr, last);
    return now <= back ? anneal(a, now, top, back, a->max_lr, first) : anneal(a, now, back, end, first, last);
}

/* ---- linear_warmup: lr = base (start + (1 - start) t / steps), base from then on ---- */

typedef struct linear_warmup {
    int64_t steps;
    double start_factor;
    int32_t unit;
} linear_warmup;

enum { UNIT_STEP, UNIT_EPOCH };

static const six_attr warmup_attrs[] = {
    COUNT(steps, linear_warmup, "how many it takes to reach the full rate"),
    {"start_factor", SIX_FLOAT, offsetof(linear_warmup, start_factor), 0, 1, "0.01", NULL,
     "the first rate / the full rate"},
    {"unit", SIX_CHOICE, offsetof(linear_warmup, unit), 0, 1, "step", "step epoch", "what is counted"},
    {.name = NULL},
};

static bool warmup_counts_steps(const void *attr) { return ((const linear_warmup *)attr)->unit == UNIT_STEP; }

static double warmup_rate(const void *attr, int64_t t, double base)
{
    const linear_warmup *a = attr;
    double done = t < a->steps ? (double)t / (double)a->steps : 1;
    return base * (a->start_factor + (1 - a->start_factor) * done);
}

/* ---- reduce_on_plateau, as torch.optim.lr_scheduler.ReduceLROnPlateau ---- */

typedef struct reduce_on_plateau {
    int32_t mode;
    double factor;
    int64_t patience;
    double threshold;
    int32_t threshold_mode;
    int64_t cooldown;
    double min_lr, eps;
} reduce_on_plateau;

enum { MODE_MIN, MODE_MAX };
enum { THRESHOLD_REL, THRESHOLD_ABS };

static const six_attr plateau_attrs[] = {
    {"mode", SIX_CHOICE, offsetof(reduce_on_plateau, mode), 0, 1, "min", "min max", "which metric is the better"},
    {"factor", SIX_FLOAT, offsetof(reduce_on_plateau, factor), 0, 1, "0.1", NULL, "what the rate is multiplied with"},
    {"patience", SIX_INT, offsetof(reduce_on_plateau, patience), 0, 0x1p53, "10", NULL,
     "epochs without progress that pass"},
    {"threshold", SIX_FLOAT, offsetof(reduce_on_plateau, threshold), 0, DBL_MAX, "0.0001", NULL,
     "what counts as progress"},
    {"threshold_mode", SIX_CHOICE, offsetof(reduce_on_plateau, threshold_mode), 0, 1, "rel", "rel abs",
     "whether threshold is a share of the best metric or a difference from it"},
    {"cooldown", SIX_INT, offsetof(reduce_on_plateau, cooldown), 0, 0x1p53, "0", NULL,
     "epochs to wait after a reduction"},
    {"min_lr", SIX_FLOAT, offsetof(reduce_on_plateau, min_lr), 0, DBL_MAX, "0", NULL, "the smallest rate"},
    {"eps", SIX_FLOAT, offsetof(reduce_on_plateau, eps), 0, DBL_MAX, "1e-8", NULL, "a smaller reduction is left out"},
    {.name = NULL},
};

static void plateau_begin(const void *attr, plateau *p)
{
    bool smaller = ((const reduce_on_plateau *)attr)->mode == MODE_MIN;
    *p = (plateau){.factor = 1, .best = smaller ? DBL_MAX : -DBL_MAX};
}

static bool is_better(const reduce_on_plateau *a, double metric, double best)
{
    bool relative = a->threshold_mode == THRESHOLD_REL;
    if (a->mode == MODE_MIN)
        return metric < (relative ? best * (1 - a->threshold) : best - a->threshold);
    return metric > (relative ? best * (1 + a->threshold) : best + a->threshold);
}

static void reduce(const reduce_on_plateau *a, plateau *p, double base)
{
    double old = base * p->factor, reduced = fmax(old * a->factor, a->min_lr);
    if (old - reduced > a->eps)
        p->factor = reduced / base;
}

static void plateau_watch(const void *attr, plateau *p, double base, double metric)
{
    const reduce_on_plateau *a = attr;
    if (is_better(a, metric, p->best)) {
        p->best = metric;
        p->bad_epochs = 0;
    } else {
        p->bad_epochs++;
    }
    if (p->cooldown_left > 0) {
        p->cooldown_left--;
        p->bad_epochs = 0;
    }
    if (p->bad_epochs > (double)a->patience) {
        reduce(a, p, base);
        p->cooldown_left = (double)a->cooldown;
        p->bad_epochs = 0;
    }
}

/* ---- the kinds ---- */

static const schedule_kind step_kind = {
    .kind = {"step_lr", "drops the rate every so many epochs", step_attrs, sizeof(step_lr)},
    .rate = step_rate,
};
static const schedule_kind multistep_kind = {
    .kind = {"multistep_lr", "drops the rate after certain epochs", multistep_attrs, sizeof(multistep_lr)},
    .rate = multistep_rate,
};
static const schedule_kind exponential_kind = {
    .kind = {"exponential_lr", "drops the rate after every epoch", exponential_attrs, sizeof(exponential_lr)},
    .rate = exponential_rate,
};
static const schedule_kind cosine_kind = {
    .kind = {"cosine_annealing_lr", "lowers the rate along a cosine, by epochs", cosine_attrs,
             sizeof(cosine_annealing_lr)},
    .rate = cosine_rate,
};
static const schedule_kind one_cycle_kind = {
    .kind = {"one_cycle_lr", "raises the rate, then lowers it far, by steps", one_cycle_attrs, sizeof(one_cycle_lr)},
    .counts_steps = by_steps,
    .rate = one_cycle_rate,
};
static const schedule_kind warmup_kind = {
    .kind = {"linear_warmup", "raises the rate along a line, by steps or epochs", warmup_attrs, sizeof(linear_warmup)},
    .counts_steps = warmup_counts_steps,
    .rate = warmup_rate,
};
static const schedule_kind plateau_kind = {
    .kind = {"reduce_on_plateau", "drops the rate when a metric no longer improves", plateau_attrs,
             sizeof(reduce_on_plateau)},
    .begin = plateau_begin,
    .watch = plateau_watch,
};

const six_kind *const six_schedule_kinds[] = {
    &step_kind.kind,      &multistep_kind.kind, &exponential_kind.kind, &cosine_kind.kind,
    &one_cycle_kind.kind, &warmup_kind.kind,    &plateau_kind.kind,     NULL,
};

/* ---- a schedule ---- */

static int32_t add_part(six_schedule *s, const sixnet_context *ctx, const char *text)
{
    six_span word;
    int32_t status = six_spec_kind(text, &word, &text);
    if (status)
        return status;
    const six_kind *kind = six_kind_find(six_schedule_kinds, word, "schedule");
    if (!kind)
        return SIXNET_BAD_SPEC;
    if (s->count == MAX_PARTS)
        return six_fail(SIXNET_BAD_SPEC, "a schedule has at most %d parts", MAX_PARTS);
    part *p = &s->part[s->count];
    p->kind = (const schedule_kind *)kind;
    p->attr = six_alloc(ctx, 1, kind->size);
    if (!p->attr)
        return SIXNET_OUT_OF_MEMORY;
    s->count++;
    status = six_spec_parse(kind, text, p->attr, NULL, NULL);
    if (!status && p->kind->begin)
        p->kind->begin(p->attr, &p->plateau);
    return status;
}

/* Adds the parts of a text in which `;` is replaced by NUL. */
static int32_t add_parts(six_schedule *s, const sixnet_context *ctx, char *text)
{
    for (char *end; text; text = end) {
        end = strchr(text, ';');
        if (end)
            *end++ = '\0';
        int32_t status = add_part(s, ctx, text);
        if (status)
            return status;
    }
    return SIXNET_OK;
}

static int32_t parse(six_schedule *s, const sixnet_context *ctx, const char *text)
{
    size_t size = strlen(text) + 1;
    if (size > SIX_SPEC_MAX)
        return six_fail(SIXNET_BAD_SPEC, "a schedule's text has at most %d characters", SIX_SPEC_MAX - 1);
    char *copy = six_alloc(ctx, size, 1);
    if (!copy)
        return SIXNET_OUT_OF_MEMORY;
    memcpy(copy, text, size);
    int32_t status = add_parts(s, ctx, copy);
    six_free(ctx, copy);
    return status;
}

int32_t six_schedule_new(six_schedule **out, const sixnet_context *ctx, const char *text, double base_lr)
{
    *out = NULL;
    six_schedule *s = six_alloc(ctx, 1, sizeof *s);
    if (!s)
        return SIXNET_OUT_OF_MEMORY;
    s->base = base_lr;
    int32_t status = text && *text ? parse(s, ctx, text) : SIXNET_OK;
    if (status)
        six_schedule_free(ctx, s);
    else
        *out = s;
    return status;
}

void six_schedule_free(const sixnet_context *ctx, six_schedule *s)
{
    if (!s)
        return;
    for (int32_t i = 0; i < s->count; i++)
        six_free(ctx, s->part[i].attr);
    six_free(ctx, s);
}

static double part_rate(const six_schedule *s, const part *p)
{
    if (p->kind->watch)
        return s->base * p->plateau.factor;
    bool by_step = p->kind->counts_steps && p->kind->counts_steps(p->attr);
    return p->kind->rate(p->attr, by_step ? s->steps : s->epochs, s->base);
}

double six_schedule_lr(const six_schedule *s)
{
    double lr = s->count ? part_rate(s, &s->part[0]) : s->base;
    for (int32_t i = 1; i < s->count && s->base > 0; i++)
        lr *= part_rate(s, &s->part[i]) / s->base;
    return lr;
}

void six_schedule_set_base(six_schedule *s, double base_lr) { s->base = base_lr; }

void six_schedule_step(six_schedule *s) { s->steps++; }

void six_schedule_end_epoch(six_schedule *s, double metric)
{
    s->epochs++;
    for (int32_t i = 0; i < s->count; i++) {
        part *p = &s->part[i];
        if (p->kind->watch)
            p->kind->watch(p->attr, &p->plateau, s->base, metric);
    }
}

int32_t six_schedule_state(const six_schedule *s, double state[static SIX_SCHEDULE_STATE])
{
    int32_t count = 0;
    state[count++] = (double)s->steps;
    state[count++] = (double)s->epochs;
    for (int32_t i = 0; i < s->count; i++) {
        const plateau *p = &s->part[i].plateau;
        if (s->part[i].kind->watch) {
            memcpy(state + count, p, sizeof *p);
            count += PLATEAU_STATE;
        }
    }
    return count;
}

static bool is_count(double x) { return x >= 0 && x <= 0x1p53 && x == (double)(int64_t)x; }

static bool is_plateau(const plateau *p)
{
    return p->factor >= 0 && p->factor <= 1 && !isnan(p->best) && is_count(p->bad_epochs) && is_count(p->cooldown_left);
}

int32_t six_schedule_restore(six_schedule *s, const double *state, int32_t count)
{
    six_schedule retries = *s;
    int32_t used = COUNTER_STATE;
    bool good = count >= COUNTER_STATE && is_count(state[0]) && is_count(state[1]);
    for (int32_t i = 0; good && i < s->count; i++) {
        plateau *p = &retries.part[i].plateau;
        if (!s->part[i].kind->watch)
            continue;
        good = count >= used + PLATEAU_STATE;
        if (good) {
            memcpy(p, state + used, sizeof *p);
            used += PLATEAU_STATE;
            good = is_plateau(p);
        }
    }
    if (!good || used != count)
        return six_fail(SIXNET_BAD_FILE, "the state of the learning-rate schedule is not one of this schedule");
    retries.steps = (int64_t)state[0];
    retries.epochs = (int64_t)state[1];
    *s = retries;
    return SIXNET_OK;
}

void six_schedule_text(const six_schedule *s, six_text *t)
{
    for (int32_t i = 0; i < s->count; i++) {
        const part *p = &s->part[i];
        six_text_add(t, "%s%s", i ? " ; " : "", p->kind->kind.name);
        six_spec_write(&p->kind->kind, p->attr, t);
    }
}
