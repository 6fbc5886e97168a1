/* SPDX-License-Identifier: MIT */
#ifndef SIX_FILES_CHECKSUM_H
#define SIX_FILES_CHECKSUM_H

/* The checksum of a file: the SHA-256 of all its bytes, with '0' for the digits of the sum itself. */

#include "base/sha256.h"

#define SIX_CHECKSUM_KEY "sixnet.checksum"

static const char six_no_checksum[] = "0000000000000000000000000000000000000000000000000000000000000000";

#endif
