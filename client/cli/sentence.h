/* SPDX-License-Identifier: Apache-2.0 */
/* A record as one sentence on one line: who did what to which information, when. */
#ifndef CLI_SENTENCE_H
#define CLI_SENTENCE_H

#include "screen.h"

#include "../../include/trail.h"

#include <stdio.h>

/*
 *	4711  2026-03-02T08:14:07.000+01:00  anna "Anna Berg" (nord) read /journal/4711 about p-93,
 *	purpose case:2026-118, in lifecare [denied: "no relation"] [late]
 *
 * A value that is more than letters, digits and simple signs stands in quotes, so that none can
 * pass for a part of the sentence; one that is long is cut.
 */
void print_sentence(FILE *to, const struct screen *s, bool utc, const struct trail_entry *n);

#endif
