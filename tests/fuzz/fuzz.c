/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void fuzz_must(bool condition, const char *text, const char *file, int line)
{
    if (condition)
        return;
    fprintf(stderr, "%s:%d: not true: %s\nlast error: %s\n", file, line, text, sixnet_last_error());
    abort();
}

/* ---- what an execution may take ---- */

enum { HEAD = alignof(max_align_t) };

static struct {
    size_t live, peak, entered, base, size;
    int64_t calls, fail_at;
    clock_t begin;
} meter;

static void *counted_malloc(void *user, size_t size)
{
    (void)user;
    char *memory = ++meter.calls == meter.fail_at ? NULL : malloc(size + HEAD);
    if (!memory)
        return NULL;
    memcpy(memory, &size, sizeof size);
    meter.live += size;
    meter.peak = meter.live > meter.peak ? meter.live : meter.peak;
    return memory + HEAD;
}

static void counted_free(void *user, void *memory)
{
    size_t size;
    (void)user;
    memcpy(&size, (char *)memory - HEAD, sizeof size);
    meter.live -= size;
    free((char *)memory - HEAD);
}

sixnet_context *fuzz_context(const char *options)
{
    sixnet_context *ctx;
    MUST(sixnet_context_new_with_allocator(&ctx, options, counted_malloc, counted_free, NULL) == SIXNET_OK);
    return ctx;
}

void fuzz_fail_allocation(int64_t count)
{
    meter.calls = 0;
    meter.fail_at = count;
}

void fuzz_begin(size_t size)
{
    meter.size = size;
    meter.base = meter.peak = meter.live;
    meter.begin = clock();
}

void fuzz_bound(uint64_t memory)
{
    double seconds = (double)(clock() - meter.begin) / CLOCKS_PER_SEC;
    MUST(meter.peak - meter.base <= memory);
    MUST(seconds <= 1 + 1e-4 * (double)meter.size);
}

uint64_t fuzz_file_memory(size_t size) { return 16 * (uint64_t)size + ((uint64_t)16 << 20); }

void fuzz_enter(void) { meter.entered = meter.live; }

void fuzz_leave(void) { MUST(meter.live == meter.entered); }

/* ---- what must hold of any call ---- */

int32_t fuzz_status(int32_t status)
{
    MUST(sixnet_status_name(status));
    if (status >= 0)
        return status;
    const char *message = sixnet_last_error();
    MUST(message[0] && !strpbrk(message, "\n\r\t"));
    return status;
}

static long worked;

void fuzz_worked(void) { worked++; }

long fuzz_worked_count(void) { return worked; }

/* ---- inputs ---- */

void *fuzz_copy(const void *data, size_t size)
{
    void *copy = malloc(size ? size : 1);
    MUST(copy);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

char *fuzz_text(const void *data, size_t size)
{
    char *text = malloc(size + 1);
    MUST(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* In memory where there is such a folder; deleted at once, and found again by its descriptor. */
static void open_file(fuzz_file *f)
{
    char name[] = "/dev/shm/sixnet-fuzz-XXXXXX", other[] = "/tmp/sixnet-fuzz-XXXXXX";
    f->descriptor = mkstemp(name);
    if (f->descriptor < 0) {
        f->descriptor = mkstemp(other);
        unlink(other);
    } else {
        unlink(name);
    }
    MUST(f->descriptor > 0);
    snprintf(f->path, sizeof f->path, "/dev/fd/%d", f->descriptor);
}

const char *fuzz_file_put(fuzz_file *f, const void *data, size_t size)
{
    if (!f->descriptor)
        open_file(f);
    MUST(ftruncate(f->descriptor, 0) == 0);
    MUST(pwrite(f->descriptor, data, size, 0) == (ssize_t)size);
    return f->path;
}
