/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_FOREIGN_H
#define SIX_BASE_FOREIGN_H

/* Spellings of other libraries, and the ones of this library. */

#include "spec.h"

#include <stdbool.h>

/* Of a call such as torch.nn.Conv2d(1, the function's name, and true; of any other word the same word, and false. */
bool six_foreign_call(six_span word, six_span *name);

/* Whether a class name such as CrossEntropyLoss is a kind's in other letters: case, '_' and an ending "loss" do not count. */
bool six_foreign_class(six_span word, const char *name);

/* The attribute of a kind, or of `common`, that another library's attribute is; NULL if there is none. */
const char *six_foreign_attribute(const six_kind *kind, const six_kind *common, six_span word);

/* Another library's spelling of attributes is accepted too where the kind has no attribute of that name: the attribute that number `index`
 * of the values behind it, with commas between them, sets. NULL past the last, or for a word that is no such spelling. */
const char *six_foreign_spelling(six_span word, int32_t index);

/* Whether the word is an attribute of another library that is not needed here, because the size follows from the layer's input. */
bool six_foreign_size(six_span word);

#endif
