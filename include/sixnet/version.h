/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_VERSION_H
#define SIXNET_VERSION_H

/** @file
 * Version of the header that a program is compiled against; sixnet_version() returns that of the loaded library.
 * SIXNET_VERSION_MAJOR is the soname: it increases when programs built against an older header no longer run.
 */
#define SIXNET_VERSION_MAJOR 1 /**< increases with incompatible changes of the ABI; the soname */
#define SIXNET_VERSION_MINOR 0 /**< increases with additions */
#define SIXNET_VERSION_PATCH 0 /**< increases with corrections only */

#endif
