/* SPDX-License-Identifier: MIT */

#include "readers.h"

#include <sys/stat.h>

bool is_regular(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

/* PNG; or P1 to P7, a blank or comment, and the width or what may stand before it: one of the seven kinds of netpbm images. The library tells
 * which of them it reads. */
static bool begins_image(const unsigned char *head, size_t size)
{
    if (size >= 8 && memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0)
        return true;
    return size > 2 && head[0] == 'P' && head[1] >= '1' && head[1] <= '7' && memchr(" \t\r\n#", head[2], 5) &&
           (size == 3 || memchr("0123456789 \t\r\n#W", head[3], 16));
}

/* Whether a file can be a text: it does not begin as safetensors or HTML do or with a byte that UTF-8 does not, and has no control
 * characters in its first line. */
static bool begins_text(const unsigned char *head, size_t size)
{
    if (size > 8 && memcmp(head + 4, "\0\0\0\0{", 5) == 0)
        return false;
    if (size > 0 && (head[0] == '<' || (head[0] >= 0x80 && head[0] < 0xC2) || head[0] > 0xF4))
        return false;
    for (size_t k = 0; k < size && head[k] != '\n' && head[k] != '\r'; k++)
        if (head[k] < '\t' || (head[k] > '\r' && head[k] < ' '))
            return false;
    return true;
}

static file_kind kind_of_head(const unsigned char *head, size_t size)
{
    if (size >= 6 && memcmp(head, NPY_MAGIC, 6) == 0)
        return FILE_NPY;
    if (begins_image(head, size))
        return FILE_IMAGE;
    if (begins_text(head, size))
        return FILE_TEXT;
    if (size >= 2 && memcmp(head, "\0\0", 2) == 0)
        return FILE_IDX;
    return size >= 2 && memcmp(head, "\x1f\x8b", 2) == 0 ? FILE_GZIP : FILE_OTHER;
}

int32_t file_kind_of(file_kind *kind, const char *path)
{
    source s;
    size_t size;
    *kind = FILE_TEXT;
    if (!is_regular(path))
        return 0;
    const int32_t status = source_open(&s, path);
    if (status == 0) {
        const unsigned char *head = source_peek(&s, SOURCE_HEAD, &size);
        *kind = kind_of_head(head, size);
    }
    source_close(&s);
    return status;
}

static int32_t read_kind(table *t, source *s, const table_options *o)
{
    size_t size;
    const unsigned char *head = source_peek(s, SOURCE_HEAD, &size);
    switch (kind_of_head(head, size)) {
    case FILE_NPY:
        return npy_read(t, s, o);
    case FILE_TEXT:
        return csv_read(t, s, o);
    default:
        return fail("%s: is neither a CSV nor an NPY file", s->path);
    }
}

int32_t table_read(table *t, const char *path, const table_options *o)
{
    source s;
    *t = (table){.type = NULL};
    int32_t status = source_open(&s, path);
    if (status == 0)
        status = read_kind(t, &s, o);
    source_close(&s);
    if (status != 0)
        table_free(t);
    return status;
}
