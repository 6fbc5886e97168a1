/* SPDX-License-Identifier: MIT */

/* Settings of tensors by name or pattern: whether they learn, how fast, and their weight decay. */

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/graph.h"

enum { UNCHANGED, TRAINABLE, FROZEN };
/* What the words read as: not set, and the weight decay of a tensor without a setting. */
enum { NUMBER_UNCHANGED = -1, NUMBER_OPTIMIZER = -2 };
enum { SETTINGS_MAX = 4096 }; /* each is matched with every tensor */

/* One line of settings. */
typedef struct six_setting {
    char match[SIX_TEXT_MAX];
    int32_t trainable;
    double lr_scale, weight_decay;
    int32_t nodes; /* of the model at that time: it is about the tensors of these */
} setting;

static const six_attr attrs[] = {
    {"match", SIX_TEXT, offsetof(setting, match), 0, 0, NULL, NULL,
     "names of tensors, such as conv1.weight; '*' stands for any characters, '?' for one; a shared tensor has a name "
     "at each of its nodes"},
    {"trainable", SIX_CHOICE, offsetof(setting, trainable), 0, 0, "unchanged", "unchanged true false",
     "false freezes them: no gradient, no optimizer state; batch norm whose tensors are frozen uses its running "
     "statistics"},
    {"lr_scale", SIX_FLOAT, offsetof(setting, lr_scale), 0, 1e30, "unchanged", "unchanged",
     "factor of the learning rate"},
    {"weight_decay", SIX_FLOAT, offsetof(setting, weight_decay), 0, 1e30, "unchanged", "unchanged optimizer",
     "used in place of the optimizer's weight decay, to which 'optimizer' returns"},
    {0},
};

const six_kind six_kind_tensors = {"tensors", "settings of the tensors that a pattern names", attrs, sizeof(setting)};

/* Whether a name matches a pattern with * and ?, in time proportional to the product of their lengths. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == 0;
}

/* Notes which tensors of the model a pattern names, by their own names or by those that nodes have that share them; false if none. */
static bool find_named(const sixnet_model *net, const char *pattern, bool *named)
{
    char name[SIX_NAME_MAX + SIX_PARAM_NAME_MAX];
    bool found = false;
    for (int32_t i = 0; i < net->node_count; i++) {
        const six_node *node = &net->node[i];
        for (int32_t p = 0; p < node->op->params; p++) {
            snprintf(name, sizeof name, "%s.%s", node->name, node->op->param[p].name);
            named[node->tensor[p]] |= matches(pattern, name);
            found |= named[node->tensor[p]];
        }
    }
    return found;
}

static bool would_change(const six_tensor *t, const setting *s)
{
    return s->trainable != UNCHANGED && t->trainable != (s->trainable == TRAINABLE);
}

/* Applies what decides about gradients, which a compiled model has, to the named tensors; whole or not at all. */
static int32_t apply_trainable(sixnet_model *net, const setting *s, const bool *named)
{
    bool *before = six_alloc(net->ctx, (size_t)net->tensor_count, sizeof *before);
    if (!before)
        return SIXNET_OUT_OF_MEMORY;
    for (int32_t i = 0; i < net->tensor_count; i++) {
        before[i] = net->tensor[i].trainable;
        if (named[i])
            net->tensor[i].trainable = s->trainable == TRAINABLE;
    }
    int32_t status = net->compiled ? six_tensors_retrain(net) : SIXNET_OK;
    for (int32_t i = 0; status && i < net->tensor_count; i++)
        net->tensor[i].trainable = before[i];
    six_free(net->ctx, before);
    return status;
}

static bool sets_nothing(const setting *s)
{
    return s->trainable == UNCHANGED && s->lr_scale == NUMBER_UNCHANGED && s->weight_decay == NUMBER_UNCHANGED;
}

/* Takes from earlier settings of the same tensors what the new one sets, and drops those of which nothing is left. */
static void supersede(sixnet_model *net, const setting *s)
{
    int32_t left = 0;
    for (int32_t i = 0; i < net->setting_count; i++) {
        setting *old = &net->setting[i];
        if (strcmp(old->match, s->match) == 0) {
            old->trainable = s->trainable != UNCHANGED ? UNCHANGED : old->trainable;
            old->lr_scale = s->lr_scale != NUMBER_UNCHANGED ? NUMBER_UNCHANGED : old->lr_scale;
            old->weight_decay = s->weight_decay != NUMBER_UNCHANGED ? NUMBER_UNCHANGED : old->weight_decay;
        }
        if (sets_nothing(old))
            continue;
        if (left < i)
            net->setting[left] = *old;
        left++;
    }
    net->setting_count = left;
}

static bool has_pattern(const sixnet_model *net, const char *match)
{
    for (int32_t i = 0; i < net->setting_count; i++)
        if (strcmp(net->setting[i].match, match) == 0)
            return true;
    return false;
}

static int32_t check(const sixnet_model *net, const setting *s, bool *named, bool *changes_training)
{
    *changes_training = false;
    if (!find_named(net, s->match, named))
        return six_fail(SIXNET_NOT_FOUND, "tensors: match=%.80s names no tensor that the model has so far", s->match);
    for (int32_t i = 0; i < net->tensor_count; i++)
        *changes_training |= named[i] && would_change(&net->tensor[i], s);
    if (sets_nothing(s))
        return six_fail(SIXNET_BAD_SPEC, "tensors: match=%.80s sets nothing; give trainable, lr_scale or weight_decay",
                        s->match);
    if (*changes_training && atomic_load(&net->optimizers) > 0)
        return six_fail(SIXNET_BAD_STATE,
                        "tensors: trainable cannot change while the model has an optimizer; free the optimizer first");
    if (net->setting_count >= SETTINGS_MAX && !has_pattern(net, s->match))
        return six_fail(SIXNET_TOO_LARGE, "tensors: more than %d patterns; use '*' to name several tensors at once",
                        SETTINGS_MAX);
    return SIXNET_OK;
}

/* `named` is memory for a mark of each tensor. */
static int32_t set_named(sixnet_model *net, const setting *s, bool *named)
{
    bool changes_training;
    int32_t status = check(net, s, named, &changes_training);
    if (status)
        return status;
    status = six_grow(net->ctx, (void **)&net->setting, sizeof *net->setting, (size_t)net->setting_count,
                      &net->setting_capacity);
    if (status)
        return status;
    if (changes_training)
        status = apply_trainable(net, s, named);
    if (status)
        return status;
    for (int32_t i = 0; i < net->tensor_count; i++)
        if (named[i]) {
            six_tensor *t = &net->tensor[i];
            t->lr_scale = s->lr_scale != NUMBER_UNCHANGED ? s->lr_scale : t->lr_scale;
            if (s->weight_decay != NUMBER_UNCHANGED)
                t->weight_decay = s->weight_decay == NUMBER_OPTIMIZER ? -1 : s->weight_decay;
        }
    if (net->compiled)
        six_tensors_segment(net);
    supersede(net, s);
    net->setting[net->setting_count] = *s;
    net->setting[net->setting_count++].nodes = net->node_count;
    six_model_set_report(net, SIX_REPORT_SUMMARY, NULL);
    six_model_set_report(net, SIX_REPORT_TEXT, NULL);
    return SIXNET_OK;
}

static int32_t set(sixnet_model *net, const setting *s)
{
    bool *named = six_alloc(net->ctx, (size_t)net->tensor_count, sizeof *named);
    const int32_t status = named ? set_named(net, s, named) : SIXNET_OUT_OF_MEMORY;
    six_free(net->ctx, named);
    return status;
}

int32_t six_tensors_parse(sixnet_model *net, const char *attributes)
{
    setting s;
    int32_t status = six_spec_parse(&six_kind_tensors, attributes, &s, NULL, NULL);
    return status ? status : set(net, &s);
}

int32_t six_tensors_set(sixnet_model *net, const char *pattern, const char *settings)
{
    six_text t = {.ctx = net->ctx};
    six_text_add(&t, "match=%s %s", pattern, settings);
    int32_t status = t.failed ? SIXNET_OUT_OF_MEMORY : six_tensors_parse(net, t.data);
    six_text_free(&t);
    return status;
}

void six_tensors_write(const sixnet_model *net, int32_t nodes, six_text *t)
{
    for (int32_t i = 0; i < net->setting_count; i++) {
        if (net->setting[i].nodes != nodes)
            continue;
        six_text_add(t, "%s", six_kind_tensors.name);
        six_spec_write(&six_kind_tensors, &net->setting[i], t);
        six_text_add(t, "\n");
    }
}
