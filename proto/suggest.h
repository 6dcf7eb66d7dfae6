/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean ...?" */
#ifndef PROTO_SUGGEST_H
#define PROTO_SUGGEST_H

/*
 * The name nearest to `word` in a list ended by NULL, by slips of a finger: a character more, fewer
 * or other, two neighbours swapped. NULL when none is near, or the word has more than 32 bytes.
 */
const char *suggest(const char *word, const char *const *names);

#endif
