/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to a question, judged page by page: nothing on a page is believed before it is derived
 * anew. Pure.
 *
 * Every row: its record opens to its payload; its leaf is in the tree of the signed checkpoint, by
 * its own path or as the prev of its neighbour on the page; it answers the question, in its order,
 * once, within the part that the page says was looked at; source and peer are named by their own
 * entries. That no row was left out cannot be seen in a search; in a range it can, and is.
 */
#ifndef CLIENT_ROWS_H
#define CLIENT_ROWS_H

#include "../proto/query.h"
#include "items.h"
#include "trust.h"

/* An entry that rows name. */
struct named {
	struct item item;
	char *name; /* NULL: erased, or genesis */
};

struct row {
	struct item item;
	const char *source; /* name; NULL: none */
	const char *peer;   /* NULL: none, or erased */
};

struct answer {
	/* The question, set before its first page; its size and next go on by themselves. */
	enum request_kind kind; /* Get, Search, History, Report */
	struct question question;
	struct query query;
	struct query_term object; /* a history's query */
	/* Size of the checkpoint held when a page was asked for; set before each. */
	uint64_t floor;

	/* What the pages so far say. */
	struct checkpoint cp; /* that the newest one was proven in */
	bool begun, done;
	uint64_t read;
	uint64_t matched;
	uint64_t position;
	struct completeness completeness;
	uint8_t next[CURSOR_MAX];
	struct name_book book;

	/* The newest page; views it. */
	struct span note;           /* its checkpoint as it came; empty on pages that name none */
	const struct count *counts; /* of a report */
	size_t count_count;
	struct row *rows;
	size_t row_count;
	struct named *named;
	size_t named_count;
};

/* The last page is not the last of all: it goes on behind the question's own event. */
static inline bool answer_follows(const struct answer *a)
{
	return a->question.paging.follow_ms != 0;
}
/*
 * Whether an event, opened and named, answers a->query within the times of a->question; its item's
 * payload is walked for it. NULL: it does.
 */
misfit answer_misfit(const struct answer *a, const struct row *row);
/*
 * Forget the newest page, and open the checkpoint of the next, unless all pages are of one that is
 * known: a->cp. It is to be settled before the page is taken. TRAIL_CORRUPT, TRAIL_NOMEM: as
 * trust_see; or it is older than what was held.
 */
enum trail_err answer_see(
	struct answer *a, const struct rows *page, struct trust *trust, struct fault *fault);
/*
 * Take the next page. TRAIL_CORRUPT: it lies; *fault names the record and what does not fit.
 * TRAIL_NOMEM. Either leaves the answer without a page, where it was.
 */
enum trail_err answer_take(struct answer *a, const struct rows *page,
	const struct log_identity *identity, struct fault *fault);
void answer_release(struct answer *a);

#endif
