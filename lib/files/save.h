/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_SAVE_H
#define SIX_FILES_SAVE_H

#include "base/context.h"
#include "files/safetensors_write.h"

/* Writes a file so that at any moment, whatever happens, its path leads to the old content or to the new, whole: into a
 * temporary file of the same folder, which then takes its place. `sync` waits until the disk has it. A path that leads to
 * anything but a regular file, a symbolic link included, is refused: to replace the file behind a link is what the owner of
 * the folder may not expect, and to replace the link is what the caller may not. Permissions are kept. If it fails the old
 * file is as it was, and the temporary file is gone; a process that is killed leaves it behind, as .sixnet-<16 digits>. (If only
 * the folder's own sync fails, the old file is put back, for which it has a second path of such a name for a moment; a file
 * system without links has the new file then, whole.) */
int32_t six_save(const six_st_content *content, const char *path, bool sync);

/* Whether six_save() can begin: there is nothing at the path that it would refuse, and its folder takes a new file, which is made and
 * goes again. */
int32_t six_save_check(const sixnet_context *ctx, const char *path);

/* Gives a file a second path, whole or not at all; what was there is replaced. No file at `from` is fine. */
int32_t six_keep_as(const sixnet_context *ctx, const char *from, const char *to);

#endif
