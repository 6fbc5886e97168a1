/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_SAVE_H
#define SIX_FILES_SAVE_H

#include "base/context.h"
#include "files/safetensors_write.h"

/* Writes a file so that at any moment, whatever happens, its path leads to the old content or to the new, whole: into a
 * temporary file of the same folder, which then takes its place. `sync` waits until the disk has it. `keep` is 1, or how many files stay: the
 * a replaced file becomes path.1, after path.1 has become path.2 and so on, as soon as the new file is durable. A path that leads to
 * anything but a regular file, a symbolic link included, is refused: to replace the file behind a link is what the owner of
 * the folder may not expect, and to replace the link is what the caller may not. A file of the same owner keeps its permissions, but for
 * set-user-ID and its like. If it fails the old files are as they were, and the temporary file is gone. (If only
 * the folder's own sync fails, the old file is put back, for which it has a second path for a moment; a file
 * system without links has the new file then, whole.)
 *
 * Temporary files are .sixnet-HASH-NUMBER, with the hash of the file's name, and the same with -old. A writer locks its own with flock();
 * the file of a killed writer has no lock, and the next save to the same path removes it. */
int32_t six_save(const six_st_content *content, const char *path, bool sync, int64_t keep);

/* Whether six_save() can begin: there is nothing at the paths that it would refuse, and the folder takes a new file, which is made and
 * goes again. */
int32_t six_save_check(const sixnet_context *ctx, const char *path, int64_t keep);

#endif
