/* SPDX-License-Identifier: Apache-2.0 */
/* Records in words: what every form of a row says alike. */
#ifndef CLI_ENTRY_WORDS_H
#define CLI_ENTRY_WORDS_H

#include "../../include/trail.h"

/* Kinds that are told apart. */
enum {
	ENTRY_EVENT = 1,
	ENTRY_SOURCE = 2,
	ENTRY_PEER = 3,
};

enum {
	FLAG_UNPROTECTED_BIT = 3,
	FLAG_BITS = 32,
};

/* "EVENT", "DAEMON" and so on; "UNKNOWN" for a kind that is not known here. */
const char *entry_kind_text(const struct trail_entry *n);
/* "late" and so on; NULL: not known here. */
const char *flag_text(unsigned bit);
/* The source's own word for the action; NULL: it has none, or the same. */
const char *event_verb(const struct trail_event *e);
/* When the event happened; where none is there, when the record was received. */
int64_t entry_time(const struct trail_entry *n);

#endif
