/* SPDX-License-Identifier: MIT */

/* The variants of this build, from which a context picks one. */

#include "layers/variant.h"

#define SIX_ITEM(name) extern const six_variant six_variant_##name;
#include "variants.inc"
#undef SIX_ITEM

#define SIX_ITEM(name) &six_variant_##name,
const six_variant *const six_variants_f32[] = {
#include "variants.inc"
    NULL};
