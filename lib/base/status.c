/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static _Thread_local char message[SIX_LINE_MAX];
static _Thread_local int32_t system_error; /* the errno behind the message; 0 if no system call failed */

/* Where vsnprintf() cut a text, a part of a UTF-8 character may be left: the last character goes. */
static void drop_last_character(char *line, size_t length)
{
    while (length > 0 && ((unsigned char)line[length - 1] & 0xC0) == 0x80)
        line[--length] = '\0';
    if (length > 0 && ((unsigned char)line[length - 1] & 0xC0) == 0xC0)
        line[--length] = '\0';
}

/* Makes a blank of white space and '?' of other control characters: those of ASCII, and C1 (U+0080 to U+009F, or a byte of that value
 * that is no part of a UTF-8 character), which terminals obey too. */
static void hide_controls(char *line)
{
    char *to = line;
    for (const char *c = line, *end = line + strlen(line); c < end;) {
        const unsigned char first = (unsigned char)*c;
        const size_t length = six_utf8_length(c, end), taken = length ? length : 1;
        const bool c1 = (length == 0 && first >= 0x80 && first < 0xA0) ||
                        (length == 2 && first == 0xC2 && (unsigned char)c[1] < 0xA0);
        if (*c == '\n' || *c == '\r' || *c == '\t')
            *to++ = ' ';
        else if (first < 0x20 || first == 0x7F || c1)
            *to++ = '?';
        else {
            memmove(to, c, taken);
            to += taken;
        }
        c += taken;
    }
    *to = '\0';
}

void six_line(char *line, size_t size, const char *format, va_list args)
{
    int saved = errno;
    int length = vsnprintf(line, size, format, args);
    if (length < 0)
        line[0] = '\0';
    else if ((size_t)length >= size)
        drop_last_character(line, size - 1);
    hide_controls(line);
    errno = saved;
}

int32_t six_fail(int32_t status, const char *format, ...)
{
    char line[SIX_LINE_MAX]; /* the arguments may point into message */
    va_list args;
    va_start(args, format);
    six_line(line, sizeof line, format, args);
    va_end(args);
    memcpy(message, line, sizeof message);
    system_error = 0;
    return status;
}

/* The end of a path that is too long for a message. */
static const char *tail(const char *path)
{
    size_t length = strlen(path);
    if (length <= SIX_LINE_MAX / 2)
        return path;
    for (path += length - SIX_LINE_MAX / 2; ((unsigned char)*path & 0xC0) == 0x80;)
        path++;
    return path;
}

const char *six_error_text(int error, char text[static SIX_ERROR_TEXT])
{
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
    return strerror_r(error, text, SIX_ERROR_TEXT);
#else
    return strerror_r(error, text, SIX_ERROR_TEXT) == 0 ? text : "";
#endif
}

int32_t six_fail_system(const char *path, const char *what)
{
    char text[SIX_ERROR_TEXT];
    const int error = errno;
    const char *words = six_error_text(error, text);
    six_fail(SIXNET_IO_ERROR, "%s: %s: %s", *path ? tail(path) : "the empty path", what, words);
    system_error = error;
    return SIXNET_IO_ERROR;
}

int32_t six_fail_no_files(const char *path)
{
    return six_fail(SIXNET_UNSUPPORTED, "%s: this build of the library does not use files", tail(path));
}

int32_t six_fail_prefix(int32_t status, const char *format, ...)
{
    char prefix[SIX_LINE_MAX];
    va_list args;
    va_start(args, format);
    six_line(prefix, sizeof prefix, format, args);
    va_end(args);
    int32_t error = system_error;
    six_fail(status, "%s%s", prefix, message);
    system_error = error;
    return status;
}

const char *sixnet_last_error(void) { return message; }

int32_t sixnet_last_system_error(void) { return system_error; }

const char *sixnet_status_name(int32_t status)
{
    static const char *const failures[] = {
        "SIXNET_INVALID_ARGUMENT", "SIXNET_OUT_OF_MEMORY", "SIXNET_BAD_SPEC",   "SIXNET_BAD_SHAPE",
        "SIXNET_BAD_STATE",        "SIXNET_IO_ERROR",      "SIXNET_BAD_FILE",   "SIXNET_TOO_LARGE",
        "SIXNET_NOT_FOUND",        "SIXNET_BAD_DATA",      "SIXNET_NOT_FINITE", "SIXNET_CALLBACK_FAILED",
        "SIXNET_UNSUPPORTED",
    };
    if (!status)
        return "SIXNET_OK";
    if (status == SIXNET_STOPPED)
        return "SIXNET_STOPPED";
    if (status > 0 || status < -(int32_t)(sizeof failures / sizeof failures[0]))
        return NULL;
    return failures[-(status + 1)];
}
