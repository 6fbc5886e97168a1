/* SPDX-License-Identifier: MIT */
#include "foreign.h"

#include <string.h>

static bool is_word(six_span s, const char *word)
{
    const size_t length = (size_t)(s.end - s.begin);
    return strlen(word) == length && memcmp(s.begin, word, length) == 0;
}

bool six_foreign_call(six_span word, six_span *name)
{
    const char *bracket = memchr(word.begin, '(', (size_t)(word.end - word.begin));
    *name = word;
    if (!bracket || bracket == word.begin)
        return false;
    name->end = bracket;
    for (const char *c = word.begin; c < bracket - 1; c++)
        if (*c == '.')
            name->begin = c + 1;
    return true;
}

/* Whether what is left of a word is "loss". */
static bool is_loss(const char *c, const char *end)
{
    static const char ending[] = "loss";
    size_t i = 0;
    while (c < end && ending[i] && six_lower(*c) == ending[i])
        c++, i++;
    return c == end && !ending[i];
}

bool six_foreign_class(six_span word, const char *name)
{
    const char *c = word.begin;
    for (;; c++, name++) {
        c += c < word.end && *c == '_';
        name += *name == '_';
        if (c == word.end || !*name || six_lower(*c) != six_lower(*name))
            break;
    }
    return !*name && (c == word.end || is_loss(c, word.end));
}

static const struct {
    const char *foreign, *ours;
} attributes[] = {
    {"learning_rate", "lr"},
    {"lr_rate", "lr"},
    {"max_learning_rate", "max_lr"},
    {"out_channels", "out_features"},
    {"units", "out_features"},
    {"out_dim", "out_features"},
    {"filters", "out_channels"},
    {"out_features", "out_channels"},
    {"pool_size", "kernel_size"},
    {"rate", "p"},
    {"epsilon", "eps"},
    {"rho", "alpha"},
    {"decay", "weight_decay"},
    {"l2", "weight_decay"},
    {"alpha", "negative_slope"},
    {"beta_1", "beta1"},
    {"beta_2", "beta2"},
    {"use_bias", "bias"},
    {"axis", "dim"},
    {"input_dim", "num_embeddings"},
    {"output_dim", "embedding_dim"},
    {"split_size_or_sections", "sizes"},
    {"target_shape", "shape"},
};

static bool has_attribute(const six_kind *kind, const char *name)
{
    for (const six_attr *a = kind ? kind->attrs : NULL; a && a->name; a++)
        if (strcmp(a->name, name) == 0)
            return true;
    return false;
}

const char *six_foreign_attribute(const six_kind *kind, const six_kind *common, six_span word)
{
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (is_word(word, attributes[i].foreign) &&
            (has_attribute(kind, attributes[i].ours) || has_attribute(common, attributes[i].ours)))
            return attributes[i].ours;
    return NULL;
}

const char *six_foreign_spelling(six_span word, int32_t index)
{
    static const struct {
        const char *foreign, *ours[3];
    } spellings[] = {
        {"betas", {"beta1", "beta2"}},
        {"etas", {"etaminus", "etaplus"}},
        {"step_sizes", {"step_size_min", "step_size_max"}},
        {"T_max", {"t_max"}},
        {"T_0", {"t_0"}},
        {"T_mult", {"t_mult"}},
    };
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (is_word(word, spellings[i].foreign))
            return spellings[i].ours[index];
    return NULL;
}

bool six_foreign_size(six_span word)
{
    static const char *const sizes[] = {"in_features",  "in_channels", "num_features",
                                        "num_channels", "input_size",  "input_shape"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (is_word(word, sizes[i]))
            return true;
    return false;
}
