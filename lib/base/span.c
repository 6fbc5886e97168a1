/* SPDX-License-Identifier: MIT */
#include "span.h"

#include <string.h>

size_t six_span_length(six_span s) { return (size_t)(s.end - s.begin); }

six_span six_span_of(const char *text) { return (six_span){text, text + strlen(text)}; }

bool six_span_equal(six_span a, six_span b)
{
    return six_span_length(a) == six_span_length(b) && memcmp(a.begin, b.begin, six_span_length(a)) == 0;
}

bool six_is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool six_next_word(const char **text, six_span *word)
{
    const char *c = *text;
    while (six_is_blank(*c))
        c++;
    word->begin = c;
    while (*c && !six_is_blank(*c))
        c++;
    word->end = *text = c;
    return word->begin < word->end;
}

const char *six_find_char(const char *begin, const char *end, char c)
{
    const char *found = memchr(begin, c, (size_t)(end - begin));
    return found ? found : end;
}

char six_lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }

int six_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = six_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char *six_quote(six_span s, char buffer[static SIX_QUOTE_SIZE])
{
    bool cut = six_span_length(s) > SIX_QUOTE_MAX;
    size_t length = cut ? SIX_QUOTE_MAX : six_span_length(s);
    for (size_t i = 0; i < length; i++)
        buffer[i] = (char)(s.begin[i] >= ' ' && s.begin[i] <= '~' ? s.begin[i] : '?');
    strcpy(buffer + length, cut ? "..." : "");
    return buffer;
}
