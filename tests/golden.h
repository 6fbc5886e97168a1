/* SPDX-License-Identifier: MIT */
#ifndef SIX_TESTS_GOLDEN_H
#define SIX_TESTS_GOLDEN_H

/* Reads the files that make_fixtures.py writes; include after cmocka.h. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_UNUSED __attribute__((unused))

typedef struct golden {
    char *text, *next;
} golden;

GOLDEN_UNUSED static golden golden_open(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", SIXNET_TEST_GOLDEN, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be opened", path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    text[size] = '\0';
    return (golden){text, text};
}

GOLDEN_UNUSED static void golden_close(golden *g) { free(g->text); }

/* The next line that is no comment, which may be written on; NULL at the end. */
GOLDEN_UNUSED static char *golden_line(golden *g)
{
    while (*g->next) {
        char *line = g->next, *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        g->next = end + 1;
        if (*line != '#')
            return line;
    }
    return NULL;
}

/* What follows the first word of a line, if it is `keyword`; NULL if not. */
GOLDEN_UNUSED static char *golden_after(char *line, const char *keyword)
{
    size_t length = strlen(keyword);
    if (!line || strncmp(line, keyword, length) != 0 || (line[length] != ' ' && line[length] != '\0'))
        return NULL;
    return line + length + (line[length] == ' ');
}

/* Cuts a text at the next occurrence of `separator`, and moves it behind. */
GOLDEN_UNUSED static char *golden_cut(char **text, const char *separator)
{
    char *begin = *text, *end = strstr(begin, separator);
    *text = end ? end + strlen(separator) : begin + strlen(begin);
    if (end)
        *end = '\0';
    return begin;
}

/* The numbers of a text, to be freed. */
GOLDEN_UNUSED static double *golden_numbers(const char *text, int64_t *count)
{
    double *values = malloc((strlen(text) / 2 + 1) * sizeof *values);
    assert_non_null(values);
    *count = 0;
    for (char *end;; text = end) {
        double value = strtod(text, &end);
        if (end == text)
            break;
        values[(*count)++] = value;
    }
    assert_int_equal(*text, '\0');
    return values;
}

#endif
