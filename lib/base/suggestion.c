/* SPDX-License-Identifier: MIT */
#include "suggestion.h"

#include <stdio.h>
#include <string.h>

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static bool begins_with(six_span s, six_span beginning)
{
    return six_span_length(s) >= six_span_length(beginning) &&
           memcmp(s.begin, beginning.begin, six_span_length(beginning)) == 0;
}

static bool same_letter(char a, char b) { return six_lower(a) == six_lower(b); }

/* How many characters must change, come, go or swap with their neighbor, without case, to make one word of at most SIX_QUOTE_MAX characters
 * the other; 1 for the beginning of a word. */
static size_t distance_of(six_span word, six_span right)
{
    size_t rows = six_span_length(word), columns = six_span_length(right),
           row[3][SIX_QUOTE_MAX + 1]; /* row[i % 3]: of the first i characters */
    const char *a = word.begin, *b = right.begin;
    if (rows >= 2 && columns > rows && begins_with(right, word))
        return 1;
    for (size_t j = 0; j <= columns; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t *now = row[i % 3], *above = row[(i - 1) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t changed = above[j - 1] + !same_letter(a[i - 1], b[j - 1]);
            now[j] = least(changed, 1 + least(above[j], now[j - 1]));
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[rows % 3][columns];
}

static char next_digit(const char **c, const char *end)
{
    while (*c < end && !(**c >= '0' && **c <= '9'))
        ++*c;
    return *c < end ? *(*c)++ : '\0';
}

/* Whether the digits of a word, if it has any, are those of the other: conv1d is not a misspelt conv2d. */
static bool digits_agree(six_span word, six_span right)
{
    const char *a = word.begin, *b = right.begin;
    char digit = next_digit(&a, word.end);
    if (!digit || begins_with(right, word))
        return true;
    for (; digit && digit == next_digit(&b, right.end);)
        digit = next_digit(&a, word.end);
    return !digit && !next_digit(&b, right.end);
}

six_suggestion six_suggestion_for(six_span word)
{
    size_t length = six_span_length(word);
    return (six_suggestion){.word = word, .distance = (length < 6 ? 1 : length < 9 ? 2 : 3) + 1};
}

void six_suggestion_consider(six_suggestion *s, six_span right)
{
    size_t length = six_span_length(s->word), other = six_span_length(right);
    if (length == 0 || length > SIX_QUOTE_MAX || other > SIX_QUOTE_MAX || !digits_agree(s->word, right))
        return;
    size_t distance = distance_of(s->word, right);
    if (distance < s->distance && distance < (length > other ? length : other)) {
        s->best = right;
        s->distance = distance;
    }
}

const char *six_suggestion_text(const six_suggestion *s, char text[static SIX_SUGGESTION_SIZE])
{
    text[0] = '\0';
    if (s->best.begin)
        snprintf(text, SIX_SUGGESTION_SIZE, "; did you mean '%.*s'?", (int)six_span_length(s->best), s->best.begin);
    return text;
}
