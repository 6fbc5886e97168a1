/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

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

static double to_double(const char *number)
{
    int saved = errno;
    double value = strtod(number, NULL);
    errno = saved;
    return value;
}

/* strtod() wants the locale's decimal point, so it is given a number without one: 12.5e3 as 125e2. */
static bool parse_decimal(const char *begin, const char *end, double *value)
{
    enum { DIGITS = 1000, EXPONENT = 100000 };
    char number[DIGITS + 16];
    int digits = 0, scale = 0;
    int64_t exponent = 0;
    for (bool point = false; begin < end && (is_digit(*begin) || (*begin == '.' && !point)); begin++) {
        if (*begin == '.') {
            point = true;
            continue;
        }
        if (digits == DIGITS)
            return false;
        number[digits++] = *begin;
        scale -= point;
    }
    if (digits == 0)
        return false;
    if (begin < end && ((*begin | 0x20) != 'e' || !six_parse_int64(begin + 1, end, &exponent)))
        return false;
    exponent = exponent > EXPONENT ? EXPONENT : exponent < -EXPONENT ? -EXPONENT : exponent;
    snprintf(number + digits, sizeof number - (size_t)digits, "e%d", (int)exponent + scale);
    *value = to_double(number);
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

/* size, rounded to a number of digits, is 0.DIGITS times a power of ten; digits without the locale's decimal point. */
static int decimal(double size, int count, char *digits)
{
    char scientific[64];
    snprintf(scientific, sizeof scientific, "%.*e", count - 1, size);
    const char *c = scientific;
    for (; *c != 'e'; c++)
        if (is_digit(*c))
            *digits++ = *c;
    *digits = '\0';
    return (int)strtol(c + 1, NULL, 10) + 1;
}

static int shortest(double size, char digits[static 24])
{
    char number[48];
    for (int count = 1; count < 17; count++) {
        int point = decimal(size, count, digits);
        snprintf(number, sizeof number, "%se%d", digits, point - count);
        if (to_double(number) == size)
            return point;
    }
    return decimal(size, 17, digits);
}

char *six_double_text(double value, char text[static 32])
{
    const char *sign = signbit(value) ? "-" : "";
    char digits[24], line[80] = "";
    if (isnan(value))
        return strcpy(text, "nan");
    if (isinf(value))
        return strcpy(text, *sign ? "-inf" : "inf");
    int point = shortest(fabs(value), digits), count = (int)strlen(digits);
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
