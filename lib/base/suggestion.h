/* SPDX-License-Identifier: MIT */
#ifndef SIX_BASE_SUGGESTION_H
#define SIX_BASE_SUGGESTION_H

/* The nearest right spelling of a word: start with six_suggestion_for(), consider every right word, and append the text to the message. */

#include "span.h"

typedef struct six_suggestion {
    six_span word, best; /* best.begin is NULL while no word is near */
    size_t distance;     /* of best; a word as far or farther is not suggested */
} six_suggestion;

enum { SIX_SUGGESTION_SIZE = 80 };

six_suggestion six_suggestion_for(six_span word);
void six_suggestion_consider(six_suggestion *s, six_span right);
/* "; did you mean 'x'?", or "" if no word is near. Returns text. */
const char *six_suggestion_text(const six_suggestion *s, char text[static SIX_SUGGESTION_SIZE]);

#endif
