/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payloads of a log, in the order of its records: of all, which is one question and leaves one
 * event in the log, or of its control entries alone, which leaves none. One page comes after the
 * other: while a page is judged the next one is fetched, and the
 * one behind it asked for as soon as that is there, so that the daemon need not wait.
 * Memory: three answers of at most 1 MiB, two of them decoded. Believes nothing: rows are items
 * with a record, salt and payload, for the caller to compare.
 */
#ifndef CLIENT_VERIFY_PAYLOAD_H
#define CLIENT_VERIFY_PAYLOAD_H

#include "call.h"

enum lane_state {
	LANE_IDLE,
	LANE_ASKED,
	LANE_ANSWERED,
	LANE_FAILED, /* `why` says why */
	LANE_OVER,   /* there is no further page */
};

struct lane_page {
	struct arena arena;
	const struct evidence_item *rows;
	size_t count, at; /* rows, and how many of them were given out */
};

struct payload_lane {
	struct slot slot; /* first: the page that is on its way */
	struct trail *t;
	bool controls; /* control entries alone */
	enum lane_state state;
	struct fault why;
	bool busy;           /* the daemon asked for patience */
	int64_t deadline;    /* for the next page */
	uint64_t first, end; /* the question */
	uint64_t due;    /* index of the next row to be fetched, or the least that it may have */
	struct buf next; /* what the next page is asked for with */
	struct lane_page work, ahead;
};

/* For records [first, end), or the control entries among them. Nothing is asked yet. */
void lane_open(
	struct payload_lane *lane, struct trail *t, bool controls, uint64_t first, uint64_t end);
/* Nothing of it may be on its way any more. */
void lane_close(struct payload_lane *lane);
/*
 * The next row, whose index is the next one; it lives until the next call. TRAIL_MORE: nothing came
 * for a moment; ask again. Another error: why in t->fault; TRAIL_CORRUPT for a malformed or wrong
 * answer, else the daemon's or the connection's.
 */
enum trail_err lane_next(struct payload_lane *lane, const struct evidence_item **row);
/*
 * Of control entries: the row of record `index`, larger than that of the call before. *row NULL:
 * the daemon has none. Errors as lane_next; TRAIL_CORRUPT also where it has one that was passed.
 */
enum trail_err lane_find(
	struct payload_lane *lane, uint64_t index, const struct evidence_item **row);
/* The caller was elsewhere: what time went by is not the daemon's. Takes what came. */
void lane_refresh(struct payload_lane *lane);

#endif
