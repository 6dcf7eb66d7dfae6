/* SPDX-License-Identifier: Apache-2.0 */
/* A record as one sentence on one line: who did what to which information, when. */
#ifndef CLI_SENTENCE_H
#define CLI_SENTENCE_H

#include "manner.h"

#include "../../include/trail.h"

#include <stdio.h>

/*
 *	4711  2026-03-02 08:14:07 +01:00  Anna Berg (anna, nord) tried to read journal /journal/4711
 *	about person p-93 in lifecare, purpose: case:2026-118 - denied: "no relation" [late]
 *
 * A value that is more than letters, digits and simple signs, or a name whose words have capitals,
 * stands in quotes, so that none can pass for a part of the sentence; one that is long is cut.
 */
void print_sentence(FILE *to, const struct manner *m, const struct trail_entry *n);

#endif
