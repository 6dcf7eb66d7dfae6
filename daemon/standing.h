/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a source stands, by its committed state rows: what it gave out, what is here, what is lost.
 * The rows are sums for the operator, proven by nothing: `traild check` derives them anew.
 * An epoch that was closed cleanly leaves no row: its losses show in the records alone (FLAG_LOSS).
 */
#ifndef DAEMON_STANDING_H
#define DAEMON_STANDING_H

#include "store.h"

enum {
	MISSING_AFTER_S = 60
}; /* FORMATS.md section 4 */

struct source_standing {
	uint64_t source;
	uint64_t heard_ns; /* last; 0: nothing is known any more */
	uint64_t newest;   /* index of its newest record in these epochs; 0: none */
	uint32_t open;
	uint32_t imports;
	uint32_t open_ends;
	uint64_t lost;
	uint64_t missing; /* given out and not here, the newest record older than 60 s */
};

/*
 * The next source above `after` that has a row. False: there is none, or an error (db_error); a row
 * that does not decode, or whose record is not there, makes *damaged true.
 */
bool standing_next(struct db_txn *txn, uint64_t after, uint64_t now_ns, struct source_standing *out,
	bool *damaged);
/* Nothing is known to be missing from it. */
static inline bool standing_current(const struct source_standing *s)
{
	return s->missing == 0 && s->open_ends == 0;
}

#endif
