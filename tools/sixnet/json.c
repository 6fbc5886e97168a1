/* SPDX-License-Identifier: MIT */

#include "tool.h"

static void json_key(const char *key)
{
    if (key)
        printf("\"%s\": ", key);
}

void json_text(const char *key, const char *text)
{
    json_key(key);
    if (!text) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (size_t length; *text; text += length ? length : 1) {
        length = utf8_length(text);
        if (!length)
            printf("\\ufffd"); /* a byte that is not UTF-8 */
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if (is_control(text))
            printf("\\u%04x",
                   (unsigned char)text[length - 1]); /* the last byte of U+0080 to U+009F is the character's number */
        else
            printf("%.*s", (int)length, text);
    }
    putchar('"');
}

void json_number(const char *key, double value)
{
    json_key(key);
    if (isfinite(value))
        printf("%.17g", value);
    else
        fputs("null", stdout);
}

void json_shape(const char *key, const int64_t *dims, int32_t rank)
{
    json_key(key);
    putchar('[');
    for (int32_t k = 0; k < rank; k++)
        printf("%s%" PRId64, k ? ", " : "", dims[k]);
    putchar(']');
}

const char *shape_text(const int64_t *dims, int32_t rank, char text[SHAPE_TEXT])
{
    size_t used = 0;
    strcpy(text, rank ? "" : "1");
    for (int32_t k = 0; k < rank; k++)
        used += (size_t)snprintf(text + used, SHAPE_TEXT - used, "%s%" PRId64, k ? "x" : "", dims[k]);
    return text;
}
