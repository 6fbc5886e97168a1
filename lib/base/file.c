/* SPDX-License-Identifier: MIT */
#include "file.h"

#ifndef SIXNET_NO_FILES

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

int32_t six_file_open(six_file *file, const char *path)
{
    struct stat s;
    *file = (six_file){.path = path};
    do
        file->descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    while (file->descriptor < 0 && errno == EINTR);
    if (file->descriptor < 0)
        return six_fail_system(path, "cannot be opened");
    if (fstat(file->descriptor, &s) != 0)
        return six_fail_system(path, "cannot be examined");
    if (!S_ISREG(s.st_mode))
        return six_fail(SIXNET_IO_ERROR, "%s: is %s, expected a regular file", path,
                        S_ISDIR(s.st_mode) ? "a directory" : "a pipe, socket or device");
    file->size = (uint64_t)s.st_size;
    if (file->size > PTRDIFF_MAX)
        return six_fail(SIXNET_TOO_LARGE, "%s: %" PRIu64 " bytes exceed the address space", path, file->size);
    return SIXNET_OK;
}

void six_file_close(const six_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
}

int32_t six_file_read_at(const six_file *file, void *to, uint64_t offset, size_t size, size_t *done)
{
    for (*done = 0; *done < size;) {
        const size_t left = size - *done, portion = left < 1 << 30 ? left : 1 << 30;
        const ssize_t n = pread(file->descriptor, (char *)to + *done, portion, (off_t)(offset + *done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return six_fail_system(file->path, "cannot be read");
        if (n == 0)
            break;
        *done += (size_t)n;
    }
    return SIXNET_OK;
}

int32_t six_file_read(const six_file *file, void *to)
{
    uint8_t more;
    size_t done, extra = 0;
    int32_t status = six_file_read_at(file, to, 0, (size_t)file->size, &done);
    if (!status && done == file->size)
        status = six_file_read_at(file, &more, file->size, 1, &extra);
    if (status)
        return status;
    if (done + extra != file->size)
        return six_fail(SIXNET_IO_ERROR, "%s: byte %zu: the file %s while it was read", file->path, done,
                        extra ? "grew" : "shrank");
    return SIXNET_OK;
}

#endif
