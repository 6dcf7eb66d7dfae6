/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct trail_rows: a reading whose rows are given out one by one. It is in the list
 * of its handle, so that whichever of the two ends first, the other knows.
 */
#ifndef CLIENT_TRAIL_ROWS_H
#define CLIENT_TRAIL_ROWS_H

#include "kept_items.h"
#include "trail_entry.h"

struct trail_rows {
	struct trail *t; /* NULL: it was closed, opened again or freed */
	struct trail_rows *next;
	struct buf text;    /* the query, or the object's id */
	struct buf literal; /* terms of the query */
	struct reading reading;
	size_t given; /* rows of the newest page */
	trail_progress_fn progress;
	void *ctx; /* of progress */
	struct trail_entry entry;
	/* For who keeps evidence of them. */
	bool evidence;
	struct buf note;         /* of the tree that the rows are proven in */
	struct kept_items named; /* what they name */
};

/* How an answer was found, in a word. */
const char *rows_method(enum search_method method);
/* The handle's connection ends: no answer goes on. */
void rows_forsake(struct trail *t);

#endif
