/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean ...?" */
#ifndef PROTO_SUGGEST_H
#define PROTO_SUGGEST_H

#include <stddef.h>

/*
 * Insertions, removals and changes of a character and swaps of two neighbours between two words
 * (optimal string alignment). SIZE_MAX: a word has more than 32 bytes.
 */
size_t edit_distance(const char *a, const char *b);
/* The name nearest to `word` in a list ended by NULL; NULL when none is near. */
const char *suggest(const char *word, const char *const *names);

#endif
