/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_VERSION_H
#define SIXNET_VERSION_H

/** @file
 * The version of the header a program was compiled against; sixnet_version() tells that of the library it runs with.
 * The soname is SIXNET_VERSION_MAJOR: it moves when a program built against an older header would no longer run.
 */
#define SIXNET_VERSION_MAJOR 1 /**< moves with the ABI; it is the soname */
#define SIXNET_VERSION_MINOR 0 /**< moves when something is added */
#define SIXNET_VERSION_PATCH 0 /**< moves when only mistakes were mended */

#endif
