/* SPDX-License-Identifier: MIT */

#include "readers.h"

#include <sys/stat.h>

int32_t source_open(source *s, const char *path)
{
    struct stat about = {0};
    *s = (source){.path = path};
    s->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!s->file)
        return fail("%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(fileno(s->file), &about) == 0 && S_ISDIR(about.st_mode))
        return fail("%s: is a folder, expected a file", path);
    s->size = S_ISREG(about.st_mode) ? (double)about.st_size : 0;
    s->bar = meter_begin("reading", s->size > 0);
    return 0;
}

void source_close(source *s)
{
    meter_end(&s->bar);
    if (s->file && s->file != stdin)
        fclose(s->file);
}

int64_t source_place(const source *s) { return s->begin + (int64_t)s->at; }

/* Reads more into the buffer, behind the bytes that have not been taken. */
static void source_fill(source *s)
{
    const size_t left = s->held - s->at;
    memmove(s->buffer, s->buffer + s->at, left);
    s->begin += (int64_t)s->at;
    s->at = 0;
    s->held = left + fread(s->buffer + left, 1, SOURCE_BUFFER - left, s->file);
    meter_show(&s->bar, (double)s->begin, s->size);
}

const unsigned char *source_peek(source *s, size_t count, size_t *found)
{
    if (s->held - s->at < count)
        source_fill(s);
    *found = s->held - s->at < count ? s->held - s->at : count;
    return s->buffer + s->at;
}

int source_byte(source *s)
{
    if (s->at == s->held)
        source_fill(s);
    return s->at < s->held ? s->buffer[s->at++] : EOF;
}

int32_t source_check(const source *s)
{
    return ferror(s->file) ? fail("%s: cannot be read: %s", s->path, strerror(errno)) : 0;
}

/* Up to `room` bytes; fewer at the end only. */
static size_t source_take(source *s, char *to, size_t room)
{
    size_t done = 0;
    while (done < room) {
        if (s->at == s->held)
            source_fill(s);
        if (s->at == s->held)
            break;
        const size_t held = s->held - s->at, portion = held < room - done ? held : room - done;
        memcpy(to + done, s->buffer + s->at, portion);
        s->at += portion;
        done += portion;
    }
    return done;
}

int32_t source_rest(source *s, char **bytes, size_t *size, size_t most)
{
    *bytes = NULL;
    *size = 0;
    for (size_t room = 1 << 16, portion = 1; portion > 0; room *= 2) {
        char *more = realloc(*bytes, room);
        if (!more)
            return fail("%s: there is not enough memory for it", s->path);
        *bytes = more;
        portion = source_take(s, more + *size, room - 1 - *size);
        *size += portion;
        if (*size > most)
            return fail("%s: has more than %zu bytes", s->path, most);
    }
    (*bytes)[*size] = '\0';
    return source_check(s);
}

int32_t doubles_add(doubles *d, const char *path, double value)
{
    if (d->count == d->capacity) {
        const int64_t capacity = d->capacity ? 2 * d->capacity : 1024;
        double *more = realloc(d->value, (size_t)capacity * sizeof *more);
        if (!more)
            return fail("%s: there is not enough memory for it", path);
        d->value = more;
        d->capacity = capacity;
    }
    d->value[d->count++] = value;
    return 0;
}

/* ---- texts ---- */

int32_t text_read(char **text, const char *path, size_t most)
{
    source s;
    size_t size = 0;
    int32_t status = source_open(&s, path);
    *text = NULL;
    if (status == 0)
        status = source_rest(&s, text, &size, most);
    source_close(&s);
    if (status == 0 && strlen(*text) != size)
        status = fail("%s: byte %zu: a zero byte, expected text", path, strlen(*text));
    if (status != 0) {
        free(*text);
        *text = NULL;
        return status;
    }
    if (strncmp(*text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        memmove(*text, *text + strlen(BYTE_ORDER_MARK), size + 1 - strlen(BYTE_ORDER_MARK));
    return 0;
}
