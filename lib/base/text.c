/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "decimal.h"

static bool make_room(six_text *t, size_t more)
{
    if (more <= t->capacity - t->length)
        return true;
    size_t capacity = t->capacity ? 2 * t->capacity : 128;
    if (capacity - t->length < more)
        capacity = t->length + more;
    char *data = six_alloc(t->ctx, capacity, 1);
    if (!data)
        return false;
    if (t->data)
        memcpy(data, t->data, t->length + 1);
    six_free(t->ctx, t->data);
    t->data = data;
    t->capacity = capacity;
    return true;
}

void six_text_add(six_text *t, const char *format, ...)
{
    if (t->failed)
        return;
    int saved = errno;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0 || !make_room(t, (size_t)length + 1)) {
        t->failed = true;
    } else {
        vsnprintf(t->data + t->length, (size_t)length + 1, format, again);
        t->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
    errno = saved;
}

void six_text_free(six_text *t)
{
    six_free(t->ctx, t->data);
    *t = (six_text){.ctx = t->ctx};
}

size_t six_utf8_length(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (length == 0 || (size_t)(end - p) < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool no_character = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
    return overlong || no_character ? 0 : length;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_word(const char *begin, const char *end, const char *word)
{
    for (; begin < end && *word; begin++, word++)
        if ((*begin | 0x20) != *word)
            return false;
    return begin == end && !*word;
}

static bool parse_sign(const char **begin, const char *end)
{
    if (*begin < end && (**begin == '-' || **begin == '+'))
        return *(*begin)++ == '-';
    return false;
}

bool six_parse_int64(const char *begin, const char *end, int64_t *value)
{
    bool negative = parse_sign(&begin, end);
    int64_t least = negative ? INT64_MIN : -INT64_MAX, sum = 0; /* counts down, as INT64_MIN has no positive twin */
    if (begin == end)
        return false;
    for (; begin < end; begin++) {
        int digit = *begin - '0';
        if (!is_digit(*begin) || sum < (least + digit) / 10)
            return false;
        sum = sum * 10 - digit;
    }
    *value = negative ? sum : -sum;
    return true;
}

static bool parse_decimal(const char *begin, const char *end, double *value)
{
    char digits[SIX_DECIMAL_MAX];
    int count = 0, scale = 0;
    int64_t exponent = 0;
    enum { EXPONENT = 100000 };
    for (bool point = false; begin < end && (is_digit(*begin) || (*begin == '.' && !point)); begin++) {
        if (*begin == '.') {
            point = true;
            continue;
        }
        if (count == SIX_DECIMAL_MAX)
            return false;
        digits[count++] = *begin;
        scale -= point;
    }
    if (count == 0)
        return false;
    if (begin < end && ((*begin | 0x20) != 'e' || !six_parse_int64(begin + 1, end, &exponent)))
        return false;
    exponent = exponent > EXPONENT ? EXPONENT : exponent < -EXPONENT ? -EXPONENT : exponent;
    *value = six_decimal_value(digits, count, exponent + scale);
    return true;
}

bool six_parse_double(const char *begin, const char *end, double *value)
{
    bool negative = parse_sign(&begin, end);
    double size;
    if (is_word(begin, end, "nan"))
        size = (double)NAN;
    else if (is_word(begin, end, "inf") || is_word(begin, end, "infinity"))
        size = (double)INFINITY;
    else if (!parse_decimal(begin, end, &size))
        return false;
    *value = negative ? -size : size;
    return true;
}

char *six_double_text(double value, char text[static 32])
{
    const char *sign = signbit(value) ? "-" : "";
    char digits[SIX_DECIMAL_SHORTEST + 1], line[80] = "";
    if (isnan(value))
        return strcpy(text, "nan");
    if (isinf(value))
        return strcpy(text, *sign ? "-inf" : "inf");
    int point = six_decimal_shortest(fabs(value), digits), count = (int)strlen(digits);
    if (point < -4 || point > 17)
        snprintf(line, sizeof line, "%s%c%s%se%d", sign, digits[0], count > 1 ? "." : "", digits + 1, point - 1);
    else if (point <= 0)
        snprintf(line, sizeof line, "%s0.%.*s%s", sign, -point, "0000", digits);
    else if (count > point)
        snprintf(line, sizeof line, "%s%.*s.%s", sign, point, digits, digits + point);
    else
        snprintf(line, sizeof line, "%s%s%.*s", sign, digits, point - count, "0000000000000000");
    return memcpy(text, line, 32); /* 25 characters at most */
}
