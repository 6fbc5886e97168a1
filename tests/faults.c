/* SPDX-License-Identifier: MIT */
/* What the linker puts in the place of system calls, with --wrap: a call of NAME goes to __wrap_NAME here, and __real_NAME is the
 * system's. Several names of one call are those of large files and of fortified headers, which on the systems where this is built
 * (of 64 bits) mean the same. */

#define _GNU_SOURCE /* cpu_set_t */
#undef _FORTIFY_SOURCE

#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- when ---- */

static struct {
    atomic_int kind; /* FAULT_KINDS for none */
    atomic_int error;
    atomic_llong first, last, struck;
    atomic_llong calls[FAULT_ANY + 1];
} plan = {.kind = FAULT_KINDS};

static atomic_llong blocks, files;
static atomic_bool links_refused;

void faults_begin(fault_kind kind, int error, long long n, bool for_ever)
{
    atomic_store(&plan.error, error);
    atomic_store(&plan.first, n);
    atomic_store(&plan.last, for_ever ? __LONG_LONG_MAX__ : n);
    atomic_store(&plan.struck, 0);
    for (int i = 0; i <= FAULT_ANY; i++)
        atomic_store(&plan.calls[i], 0);
    atomic_store(&plan.kind, kind);
}

long long faults_end(void)
{
    atomic_store(&plan.kind, FAULT_KINDS);
    return atomic_load(&plan.struck);
}

void faults_refuse_links(bool refuse) { atomic_store(&links_refused, refuse); }

long long faults_calls(fault_kind kind) { return atomic_load(&plan.calls[kind]); }

bool fault_strikes(fault_kind kind)
{
    fault_kind planned = (fault_kind)atomic_load(&plan.kind);
    long long call = atomic_fetch_add(&plan.calls[kind], 1) + 1;
    if (kind != FAULT_CALLBACK) {
        long long any = atomic_fetch_add(&plan.calls[FAULT_ANY], 1) + 1;
        call = planned == FAULT_ANY ? any : call;
    }
    if ((planned != kind && (planned != FAULT_ANY || kind == FAULT_CALLBACK)) || call < atomic_load(&plan.first) ||
        call > atomic_load(&plan.last))
        return false;
    atomic_fetch_add(&plan.struck, 1);
    errno = atomic_load(&plan.error);
    return true;
}

/* For calls that return the error. */
static int error_of(fault_kind kind) { return fault_strikes(kind) ? atomic_load(&plan.error) : 0; }

long long faults_blocks(void) { return atomic_load(&blocks); }
long long faults_files(void) { return atomic_load(&files); }

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    void *memory = fault_strikes(FAULT_ALLOCATION) ? NULL : __real_malloc(size);
    atomic_fetch_add(&blocks, memory != NULL);
    return memory;
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
    atomic_fetch_sub(&blocks, memory != NULL);
    __real_free(memory);
}

/* ---- threads ---- */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    int error = error_of(FAULT_THREAD);
    return error ? error : __real_pthread_create(thread, attr, run, arg);
}

int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    int error = error_of(FAULT_LOCK);
    return error ? error : __real_pthread_mutex_init(mutex, attr);
}

int __real_pthread_mutexattr_init(pthread_mutexattr_t *attr);
int __wrap_pthread_mutexattr_init(pthread_mutexattr_t *attr);
int __wrap_pthread_mutexattr_init(pthread_mutexattr_t *attr)
{
    int error = error_of(FAULT_LOCK);
    return error ? error : __real_pthread_mutexattr_init(attr);
}

int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attr);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attr);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attr)
{
    int error = error_of(FAULT_LOCK);
    return error ? error : __real_pthread_cond_init(condition, attr);
}

/* ---- files: what each descriptor is of ---- */

enum { DESCRIPTORS = 4096 };
static struct {
    bool written, folder;
} opened[DESCRIPTORS];

static int note_opened(int descriptor, int flags)
{
    if (descriptor < 0)
        return descriptor;
    atomic_fetch_add(&files, 1);
    if (descriptor < DESCRIPTORS) {
        opened[descriptor].written = (flags & O_CREAT) != 0;
        opened[descriptor].folder = (flags & O_DIRECTORY) != 0;
    }
    return descriptor;
}

static bool is_written(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS && opened[descriptor].written;
}
static bool is_folder(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS && opened[descriptor].folder;
}

int __real_open(const char *path, int flags, ...);

static int open_with_mode(const char *path, int flags, mode_t mode)
{
    const bool written = (flags & O_ACCMODE) != O_RDONLY;
    if (fault_strikes(flags & O_CREAT       ? FAULT_CREATE
                      : flags & O_DIRECTORY ? FAULT_OPEN_FOLDER
                      : written             ? FAULT_OPEN_TEMPORARY
                                            : FAULT_OPEN))
        return -1;
    return note_opened(__real_open(path, flags, mode), flags);
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? (mode_t)va_arg(args, int) : 0;
    va_end(args);
    return open_with_mode(path, flags, mode);
}

int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? (mode_t)va_arg(args, int) : 0;
    va_end(args);
    return open_with_mode(path, flags, mode);
}

int __wrap___open_2(const char *path, int flags);
int __wrap___open_2(const char *path, int flags) { return open_with_mode(path, flags, 0); }
int __wrap___open64_2(const char *path, int flags);
int __wrap___open64_2(const char *path, int flags) { return open_with_mode(path, flags, 0); }

int __real_close(int descriptor);
int __wrap_close(int descriptor);
int __wrap_close(int descriptor)
{
    bool strikes = fault_strikes(is_written(descriptor) ? FAULT_CLOSE_WRITTEN : FAULT_CLOSE);
    int error = errno;
    atomic_fetch_sub(&files, 1);
    int status = __real_close(descriptor); /* it is closed whether it fails or not */
    errno = error;
    return strikes ? -1 : status;
}

/* ---- files: reading and writing ---- */

/* How much of it a call is to do; -1 for none. */
static ssize_t portion(fault_kind kind, size_t size)
{
    if (!fault_strikes(kind))
        return (ssize_t)size;
    return errno == FAULT_HALF ? (ssize_t)(size - size / 2) : -1;
}

ssize_t __real_read(int descriptor, void *to, size_t size);
ssize_t __wrap_read(int descriptor, void *to, size_t size);
ssize_t __wrap_read(int descriptor, void *to, size_t size)
{
    ssize_t n = portion(FAULT_READ, size);
    return n < 0 ? n : __real_read(descriptor, to, (size_t)n);
}

ssize_t __wrap___read_chk(int descriptor, void *to, size_t size, size_t room);
ssize_t __wrap___read_chk(int descriptor, void *to, size_t size, size_t room)
{
    (void)room;
    return __wrap_read(descriptor, to, size);
}

ssize_t __real_pread(int descriptor, void *to, size_t size, off_t offset);
ssize_t __wrap_pread(int descriptor, void *to, size_t size, off_t offset);
ssize_t __wrap_pread(int descriptor, void *to, size_t size, off_t offset)
{
    ssize_t n = portion(FAULT_READ, size);
    return n < 0 ? n : __real_pread(descriptor, to, (size_t)n, offset);
}

ssize_t __wrap_pread64(int descriptor, void *to, size_t size, off_t offset);
ssize_t __wrap_pread64(int descriptor, void *to, size_t size, off_t offset)
{
    return __wrap_pread(descriptor, to, size, offset);
}

ssize_t __wrap___pread_chk(int descriptor, void *to, size_t size, off_t offset, size_t room);
ssize_t __wrap___pread_chk(int descriptor, void *to, size_t size, off_t offset, size_t room)
{
    (void)room;
    return __wrap_pread(descriptor, to, size, offset);
}

ssize_t __wrap___pread64_chk(int descriptor, void *to, size_t size, off_t offset, size_t room);
ssize_t __wrap___pread64_chk(int descriptor, void *to, size_t size, off_t offset, size_t room)
{
    (void)room;
    return __wrap_pread(descriptor, to, size, offset);
}

ssize_t __real_write(int descriptor, const void *from, size_t size);
ssize_t __wrap_write(int descriptor, const void *from, size_t size);
ssize_t __wrap_write(int descriptor, const void *from, size_t size)
{
    ssize_t n = portion(FAULT_WRITE, size);
    return n < 0 ? n : __real_write(descriptor, from, (size_t)n);
}

int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __wrap_fsync(int descriptor)
{
    return fault_strikes(is_folder(descriptor) ? FAULT_SYNC_FOLDER : FAULT_SYNC) ? -1 : __real_fsync(descriptor);
}

int __real_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation)
{
    return fault_strikes(FAULT_LOCK_FILE) ? -1 : __real_flock(descriptor, operation);
}

/* ---- files: names and permissions ---- */

int __real_fstat(int descriptor, struct stat *s);
int __wrap_fstat(int descriptor, struct stat *s);
int __wrap_fstat(int descriptor, struct stat *s)
{
    return fault_strikes(FAULT_EXAMINE) ? -1 : __real_fstat(descriptor, s);
}
int __wrap_fstat64(int descriptor, struct stat *s);
int __wrap_fstat64(int descriptor, struct stat *s) { return __wrap_fstat(descriptor, s); }

int __real_lstat(const char *path, struct stat *s);
int __wrap_lstat(const char *path, struct stat *s);
int __wrap_lstat(const char *path, struct stat *s) { return fault_strikes(FAULT_EXAMINE) ? -1 : __real_lstat(path, s); }
int __wrap_lstat64(const char *path, struct stat *s);
int __wrap_lstat64(const char *path, struct stat *s) { return __wrap_lstat(path, s); }

int __real_stat(const char *path, struct stat *s);
int __wrap_stat(const char *path, struct stat *s);
int __wrap_stat(const char *path, struct stat *s) { return fault_strikes(FAULT_EXAMINE) ? -1 : __real_stat(path, s); }
int __wrap_stat64(const char *path, struct stat *s);
int __wrap_stat64(const char *path, struct stat *s) { return __wrap_stat(path, s); }

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
    DIR *stream = fault_strikes(FAULT_OPEN_FOLDER) ? NULL : __real_opendir(path);
    atomic_fetch_add(&files, stream != NULL);
    return stream;
}

struct dirent *__real_readdir(DIR *stream);
struct dirent *__wrap_readdir(DIR *stream);
struct dirent *__wrap_readdir(DIR *stream) { return fault_strikes(FAULT_LIST) ? NULL : __real_readdir(stream); }
struct dirent *__wrap_readdir64(DIR *stream);
struct dirent *__wrap_readdir64(DIR *stream) { return __wrap_readdir(stream); }

int __real_closedir(DIR *stream);
int __wrap_closedir(DIR *stream);
int __wrap_closedir(DIR *stream)
{
    atomic_fetch_sub(&files, 1);
    return __real_closedir(stream);
}

int __real_fchmod(int descriptor, mode_t mode);
int __wrap_fchmod(int descriptor, mode_t mode);
int __wrap_fchmod(int descriptor, mode_t mode)
{
    return fault_strikes(FAULT_PERMISSIONS) ? -1 : __real_fchmod(descriptor, mode);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return fault_strikes(FAULT_RENAME) ? -1 : __real_rename(from, to);
}

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to)
{
    if (fault_strikes(FAULT_LINK))
        return -1;
    if (atomic_load(&links_refused)) {
        errno = EPERM;
        return -1;
    }
    return __real_link(from, to);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path) { return fault_strikes(FAULT_UNLINK) ? -1 : __real_unlink(path); }

/* ---- the machine ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    return fault_strikes(FAULT_CLOCK) ? -1 : __real_clock_gettime(clock, t);
}

int __real_sched_getaffinity(pid_t process, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t process, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t process, size_t size, cpu_set_t *set)
{
    return fault_strikes(FAULT_PROCESSORS) ? -1 : __real_sched_getaffinity(process, size, set);
}

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name) { return fault_strikes(FAULT_PROCESSORS) ? -1 : __real_sysconf(name); }
