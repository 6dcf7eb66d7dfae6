/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares the index with the log: makes every piece of it anew, beside it, and looks whether the
 * segments say the same: terms, docs, counts, times. Who has the index's key can make a segment
 * that opens with its seal and leaves something out; this finds it. Goes step by step, so that who
 * follows the log can do so between two steps. What it makes is removed before it is read.
 *
 * The thread of the indexer.
 */
#ifndef DAEMON_INDEX_COMPARE_H
#define DAEMON_INDEX_COMPARE_H

#include "piece.h"

enum {
	COMPARE_LISTED = 64, /* differences; further ones are only counted */
};

enum compare_what {
	COMPARE_DROPPED = 1,  /* the index lacks what the log has: answers left it out */
	COMPARE_ADDED = 2,    /* the index has what the log does not: it cost time, no more */
	COMPARE_DAMAGED = 3,  /* a segment contradicts its seal, or itself */
	COMPARE_UNJUDGED = 4, /* the log cannot be read there */
};

/* The first one of a segment, of which more is not looked at. */
struct compare_difference {
	enum compare_what what;
	uint32_t field; /* of the term, enum term_field; 0: none. Its value may be a name */
	uint64_t index; /* of the record, or of the first one that the segment covers */
};

/* How far it is. */
struct compare_report {
	uint64_t done, all; /* records to be read: those of each segment, and once all of the log */
	uint64_t indexed;   /* where the index ended when it began */
	uint32_t files;     /* compared */
	uint32_t found;     /* differences, of which those that fit are listed */
	struct compare_difference list[COMPARE_LISTED];
};

struct compare;

/* Compare the present view. NULL: memory is out. */
struct compare *compare_begin(struct catalog *catalog, struct store *store);
/*
 * Go on for some ms, or by one piece. TRAIL_MORE: there is more; a segment that differs is
 * suspected. *count of *gaps are ranges that the index claims to hold and no segment has: they are
 * to become holes of it. TRAIL_OK: all was compared. TRAIL_IO, TRAIL_NOMEM: it cannot go on.
 */
enum trail_err compare_step(struct compare *c, const struct index_hole **gaps, size_t *count);
const struct compare_report *compare_report(const struct compare *c);
/* Whether it has come to its end or not. NULL is fine. */
void compare_free(struct compare *c);

#endif
