/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_VERSION_H
#define SIX_BASE_VERSION_H

#include "sixnet/version.h"

/* "major.minor.patch" */
#define SIX_VERSION_TEXT_(x) #x
#define SIX_VERSION_TEXT(x) SIX_VERSION_TEXT_(x)
#define SIX_VERSION                                                                                                    \
    SIX_VERSION_TEXT(SIXNET_VERSION_MAJOR)                                                                             \
    "." SIX_VERSION_TEXT(SIXNET_VERSION_MINOR) "." SIX_VERSION_TEXT(SIXNET_VERSION_PATCH)

#endif
