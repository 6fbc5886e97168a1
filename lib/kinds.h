/* SPDX-License-Identifier: MIT */
#ifndef SIX_KINDS_H
#define SIX_KINDS_H

#include "base/spec.h"

/* Every word of the text interface, family by family; see sixnet_kind_field(). NULL past the last, or for an unknown family. */
const six_kind *six_kind_at(const char *family, int32_t index);
const six_kind *six_kind_named(const char *family, const char *name);

#endif
