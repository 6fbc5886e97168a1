/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <stdarg.h>
#include <string.h>

#include "base/span.h"
#include "base/status.h"
#include "base/text.h"

static size_t place_of(const six_json *j) { return j->offset + (size_t)(j->at - j->begin); }

/* The beginning of a foreign name, as a message may show it. */
static const char *quote(const char *name, char text[static 96])
{
    size_t length = 0;
    if (!name)
        return "";
    text[length++] = '\'';
    for (; *name && length < 88; name++)
        text[length++] = (char)(*name >= ' ' && *name <= '~' ? *name : '?');
    strcpy(text + length, *name ? "...' " : "' ");
    return text;
}

int32_t six_json_fail(const six_json *j, size_t place, const char *format, ...)
{
    char line[SIX_LINE_MAX], object[96];
    va_list args;
    va_start(args, format);
    six_line(line, sizeof line, format, args);
    va_end(args);
    return six_fail(SIXNET_BAD_FILE, "%s: byte %zu: %s%s%s%s", j->label, place, quote(j->object, object),
                    j->field ? j->field : "", j->field ? ": " : "", line);
}

static void skip_blanks(six_json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
        j->at++;
}

size_t six_json_next(six_json *j)
{
    skip_blanks(j);
    return place_of(j);
}

static int32_t fail_here(const six_json *j, const char *expected)
{
    if (j->at == j->end)
        return six_json_fail(j, place_of(j), "the header ends, expected %s", expected);
    return six_json_fail(j, place_of(j), "byte 0x%02x, expected %s", (unsigned char)*j->at, expected);
}

bool six_json_skip(six_json *j, char mark)
{
    skip_blanks(j);
    if (j->at == j->end || *j->at != mark)
        return false;
    j->at++;
    return true;
}

int32_t six_json_take(six_json *j, char mark)
{
    char expected[] = "'?'";
    expected[1] = mark;
    return six_json_skip(j, mark) ? SIXNET_OK : fail_here(j, expected);
}

int32_t six_json_more(six_json *j, char close, bool *more)
{
    char expected[] = "',' or '?'";
    expected[8] = close;
    *more = six_json_skip(j, ',');
    return *more || six_json_skip(j, close) ? SIXNET_OK : fail_here(j, expected);
}

int32_t six_json_finish(six_json *j)
{
    skip_blanks(j);
    return j->at == j->end ? SIXNET_OK : fail_here(j, "nothing");
}

/* ---- strings ---- */

/* The four digits after \u. */
static bool read_unit(six_json *j, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, j->at++) {
        int digit = j->at < j->end ? six_hex_digit(*j->at) : -1;
        if (digit < 0)
            return false;
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return true;
}

/* A character that is escaped as one unit or as a pair of surrogates; 0 if there is none. */
static uint32_t read_escaped_unicode(six_json *j)
{
    uint32_t high, low;
    if (!read_unit(j, &high) || (high >= 0xDC00 && high <= 0xDFFF))
        return 0;
    if (high < 0xD800 || high > 0xDBFF)
        return high;
    if (j->end - j->at < 2 || j->at[0] != '\\' || j->at[1] != 'u')
        return 0;
    j->at += 2;
    if (!read_unit(j, &low) || low < 0xDC00 || low > 0xDFFF)
        return 0;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    *out++ = (char)(lead[more] | c >> (6 * more));
    while (more--)
        *out++ = (char)(0x80 | (c >> (6 * more) & 0x3F));
    return out;
}

/* The character after a backslash, behind which *at lies; 0 if it is none. */
static uint32_t read_escape(six_json *j)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (j->at == j->end)
        return 0;
    char c = *j->at++;
    if (c == 'u')
        return read_escaped_unicode(j);
    const char *found = c ? strchr(from, c) : NULL;
    return found ? (uint32_t)(unsigned char)to[found - from] : 0;
}

/* One character of a string, which is moved to *out. */
static int32_t move_character(six_json *j, char **out)
{
    size_t place = place_of(j);
    if (*j->at == '\\') {
        j->at++;
        uint32_t c = read_escape(j);
        if (!c)
            return six_json_fail(j, place, "invalid escape in a string");
        *out = put_utf8(*out, c);
        return SIXNET_OK;
    }
    if ((unsigned char)*j->at < 0x20)
        return six_json_fail(j, place, "control character 0x%02x in a string", (unsigned char)*j->at);
    size_t length = six_utf8_length(j->at, j->end);
    if (!length)
        return six_json_fail(j, place, "byte 0x%02x: not UTF-8", (unsigned char)*j->at);
    memmove(*out, j->at, length);
    *out += length;
    j->at += length;
    return SIXNET_OK;
}

int32_t six_json_string(six_json *j, const char **string)
{
    if (!six_json_skip(j, '"'))
        return fail_here(j, "a string");
    char *out = j->at;
    *string = out;
    while (j->at < j->end && *j->at != '"') {
        int32_t status = move_character(j, &out);
        if (status)
            return status;
    }
    if (j->at == j->end)
        return six_json_fail(j, place_of(j), "the header ends within a string");
    j->at++;
    *out = '\0';
    return SIXNET_OK;
}

/* ---- numbers ---- */

static bool is_digit(const six_json *j) { return j->at < j->end && *j->at >= '0' && *j->at <= '9'; }

int32_t six_json_count(six_json *j, int64_t *count)
{
    static const char expected[] = "a whole number from 0 to 2^63 - 1";
    size_t place = six_json_next(j);
    if (!is_digit(j))
        return fail_here(j, expected);
    bool zero = *j->at == '0';
    for (*count = 0; is_digit(j); j->at++) {
        int64_t digit = *j->at - '0';
        if (*count > (INT64_MAX - digit) / 10)
            return six_json_fail(j, place, "a number above 2^63 - 1, expected %s", expected);
        *count = 10 * *count + digit;
    }
    bool longer = place_of(j) > place + 1;
    if ((zero && longer) || (j->at < j->end && strchr(".eE", *j->at) && *j->at))
        return six_json_fail(j, place, "a number with leading zeros, a point or an exponent, expected %s", expected);
    return SIXNET_OK;
}
