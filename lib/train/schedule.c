/* SPDX-License-Identifier: MIT */
#include "train/schedule.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "schedules/schedule.h"

#define SIX_ITEM(name) extern const six_schedule_kind six_schedule_##name;
#include "schedules.inc"
#undef SIX_ITEM

#define SIX_ITEM(name) &six_schedule_##name.kind,
const six_kind *const six_schedule_kinds[] = {
#include "schedules.inc"
    NULL};
#undef SIX_ITEM

enum { COUNTER_STATE = 2, MAX_PARTS = (SIX_SCHEDULE_STATE - COUNTER_STATE) / SIX_SCHEDULE_STATE_MAX };

typedef struct part {
    const six_schedule_kind *kind;
    void *attr;
    double state[SIX_SCHEDULE_STATE_MAX];
} part;

struct six_schedule {
    double base;
    int64_t steps, epochs;
    int32_t count;
    part part[MAX_PARTS];
};

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
    p->kind = (const six_schedule_kind *)kind;
    p->attr = six_alloc(ctx, 1, kind->size);
    if (!p->attr)
        return SIXNET_OUT_OF_MEMORY;
    s->count++;
    status = six_spec_parse(kind, text, p->attr, NULL, NULL);
    if (!status && p->kind->check)
        status = p->kind->check(p->attr);
    if (status)
        return status;
    if (p->kind->init)
        p->kind->init(p->attr, p->state);
    return SIXNET_OK;
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

/* What a part counts. */
static int64_t part_time(const six_schedule *s, const part *p)
{
    return p->kind->counts_steps && p->kind->counts_steps(p->attr) ? s->steps : s->epochs;
}

static double part_rate(const six_schedule *s, const part *p)
{
    return p->kind->rate(p->attr, p->state, part_time(s, p), s->base);
}

double six_schedule_lr(const six_schedule *s)
{
    double lr = s->count ? part_rate(s, &s->part[0]) : s->base;
    for (int32_t i = 1; i < s->count && s->base > 0; i++)
        lr *= part_rate(s, &s->part[i]) / s->base;
    return lr;
}

double six_schedule_momentum(const six_schedule *s)
{
    double momentum = NAN;
    for (int32_t i = 0; i < s->count; i++) {
        const part *p = &s->part[i];
        const double now = p->kind->momentum ? p->kind->momentum(p->attr, part_time(s, p)) : (double)NAN;
        momentum = isnan(now) ? momentum : now;
    }
    return momentum;
}

void six_schedule_set_base(six_schedule *s, double base_lr) { s->base = base_lr; }

void six_schedule_step(six_schedule *s) { s->steps++; }

void six_schedule_end_epoch(six_schedule *s, double metric)
{
    s->epochs++;
    for (int32_t i = 0; i < s->count; i++) {
        part *p = &s->part[i];
        if (p->kind->end_epoch)
            p->kind->end_epoch(p->attr, p->state, s->base, metric);
    }
}

int32_t six_schedule_state(const six_schedule *s, double state[static SIX_SCHEDULE_STATE])
{
    int32_t count = 0;
    state[count++] = (double)s->steps;
    state[count++] = (double)s->epochs;
    for (int32_t i = 0; i < s->count; i++) {
        const part *p = &s->part[i];
        memcpy(state + count, p->state, (size_t)p->kind->state * sizeof *state);
        count += p->kind->state;
    }
    return count;
}

/* Fills in the states of the parts, which are all that state holds. */
static bool restore_parts(six_schedule *s, const double *state, int32_t count)
{
    for (int32_t i = 0; i < s->count; i++) {
        part *p = &s->part[i];
        if (count < p->kind->state)
            return false;
        memcpy(p->state, state, (size_t)p->kind->state * sizeof *state);
        if (p->kind->is_valid && !p->kind->is_valid(p->state))
            return false;
        state += p->kind->state;
        count -= p->kind->state;
    }
    return count == 0;
}

int32_t six_schedule_restore(six_schedule *s, const double *state, int32_t count)
{
    six_schedule retries = *s;
    if (count < COUNTER_STATE || !six_is_count(state[0]) || !six_is_count(state[1]) ||
        !restore_parts(&retries, state + COUNTER_STATE, count - COUNTER_STATE))
        return six_fail(SIXNET_BAD_FILE, "the saved schedule state does not match this schedule");
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
