/* SPDX-License-Identifier: MIT */
#ifndef SIX_TESTS_FAULTS_H
#define SIX_TESTS_FAULTS_H

/* Lets what the library asks of the system fail. The linker gives every such call of a test program to faults.c, which passes it on, or
 * fails in its stead. tests/check_symbols.py holds faults.c to the list of what the library imports and can fail. */

#include <stdbool.h>

typedef enum fault_kind {
    FAULT_ALLOCATION,
    FAULT_THREAD,
    FAULT_LOCK,
    FAULT_OPEN,
    FAULT_CREATE,
    FAULT_OPEN_FOLDER,
    FAULT_OPEN_TEMPORARY, /* to write, but not to create it */
    FAULT_LOCK_FILE,
    FAULT_EXAMINE,
    FAULT_LIST, /* the next name of a folder */
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_SYNC_FOLDER,
    FAULT_PERMISSIONS,
    FAULT_CLOSE, /* of a file that was read, or a folder */
    FAULT_CLOSE_WRITTEN,
    FAULT_RENAME,
    FAULT_LINK,
    FAULT_UNLINK,
    FAULT_CLOCK,
    FAULT_PROCESSORS,
    FAULT_CALLBACK, /* a function of the caller's that asks fault_strikes() whether to fail */
    FAULT_KINDS,
    FAULT_ANY /* of all kinds but the caller's functions */
} fault_kind;

enum { FAULT_HALF = -1 }; /* instead of an error: reads and writes do a part of what they are asked to */

/* From the next call on: the n-th of a kind (the first is 1; FAULT_KINDS for none), and with for_ever all after it, fails with this
 * errno. */
void faults_begin(fault_kind kind, int error, long long n, bool for_ever);
/* No more of it; how many calls have failed. */
long long faults_end(void);
/* How many calls of a kind there were since faults_begin(). */
long long faults_calls(fault_kind kind);

/* Whether the file system refuses second names of a file (EPERM) until told otherwise. */
void faults_refuse_links(bool refuse);

/* Whether this call, of which there is one more, is to fail. */
bool fault_strikes(fault_kind kind);

/* What is held now: blocks of memory, and open files. */
long long faults_blocks(void);
long long faults_files(void);

#endif
