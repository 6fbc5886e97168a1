/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_STATUS_H
#define SIX_BASE_STATUS_H

#include <stdarg.h>

#include "sixnet/sixnet.h"

enum { SIX_LINE_MAX = 1024, SIX_ERROR_TEXT = 128 };

/* Stores the calling thread's message (one line; truncated to fit its buffer) and returns status, so that a check reads
 * `return six_fail(SIXNET_BAD_SHAPE, "conv1: ...", ...)`. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int32_t
six_fail(int32_t status, const char *format, ...);

/* SIXNET_IO_ERROR with "<path>: <what>: " and the system's words for errno. */
int32_t six_fail_system(const char *path, const char *what);

/* The system's words for an errno; in text, or static. */
const char *six_error_text(int error, char text[static SIX_ERROR_TEXT]);

/* SIXNET_UNSUPPORTED, in a build with SIXNET_NO_FILES. */
int32_t six_fail_no_files(const char *path);

/* Puts a prefix, "line 3: ", before the message stored by a call that failed; returns status. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int32_t
six_fail_prefix(int32_t status, const char *format, ...);

/* Formats one line: cut to fit, without line breaks and control characters. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 0)))
#endif
void six_line(char *line, size_t size, const char *format, va_list args);

#endif
