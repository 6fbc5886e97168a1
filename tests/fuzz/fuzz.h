/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_TESTS_FUZZ_H
#define SIXNET_TESTS_FUZZ_H

/* What the fuzz targets share. A target defines LLVMFuzzerTestOneInput() and is linked with libFuzzer, or with replay.c, which
 * runs it on files. Whatever must not be ends the program, so that libFuzzer keeps the input. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sixnet/sixnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed);
/* libFuzzer's own mutations; replay.c has none. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

#define MUST(condition) fuzz_must((condition), #condition, __FILE__, __LINE__)
void fuzz_must(bool condition, const char *text, const char *file, int line);

/* ---- what an execution may take ---- */

/* A context whose memory is counted together with that of all other contexts from here. */
sixnet_context *fuzz_context(const char *options);
/* The count-th allocation from now on fails, and only that one; 0 for none. */
void fuzz_fail_allocation(int64_t count);

/* Begins an execution, or a part of one, on so many bytes; from there to fuzz_bound() at most that much memory was added at any
 * moment, and the processor's time was below a second and 0.1 milliseconds for each byte. */
void fuzz_begin(size_t size);
void fuzz_bound(uint64_t memory);
/* The bound that sixnet.h gives for loading, the model included. */
uint64_t fuzz_file_memory(size_t size);

/* All memory that was there at fuzz_enter() is there at fuzz_leave(), and no other. */
void fuzz_enter(void);
void fuzz_leave(void);

/* ---- what must hold of any call ---- */

/* A status that there is; if it is an error, with a message of one line. Returns it. */
int32_t fuzz_status(int32_t status);

/* To be called where an input went all the way; replay.c wants one input at least that does. */
void fuzz_worked(void);
long fuzz_worked_count(void);

/* ---- inputs ---- */

/* A copy of bytes of just that size, so that sanitizers see its end; free() takes it. fuzz_text() adds a NUL. */
void *fuzz_copy(const void *data, size_t size);
char *fuzz_text(const void *data, size_t size);

/* A file without a name, and a path that leads to it. */
typedef struct fuzz_file {
    int descriptor; /* 0 before the first use */
    char path[32];
} fuzz_file;
const char *fuzz_file_put(fuzz_file *f, const void *data, size_t size);

#endif
