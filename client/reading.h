/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question under way: its pages are asked for one by one, judged, and their checkpoints settled
 * before a row is used. The first page says in which tree the others are proven; who follows sees a
 * newer one with each.
 */
#ifndef CLIENT_READING_H
#define CLIENT_READING_H

#include "handle.h"
#include "rows.h"

/* Zeroed, then kind, question and query of `answer` are set. Does not move after the first page. */
struct reading {
	struct answer answer;
	struct arena arena; /* what the newest page views */
};

/*
 * Ask for the next page, and take it. After an error no page is there; where the connection is not
 * lost by it (TRAIL_BUSY ...) the same page may be asked for again.
 */
enum trail_err reading_turn(struct reading *r, struct trail *t, int64_t deadline);
void reading_release(struct reading *r);

#endif
