/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner: which records of one segment answer a query, by its postings alone. The rarest list
 * leads and the others are asked whether they agree; a prefix or a range of many values becomes a
 * bitmap of the segment; what no list can exclude for certain (a value cut to its first bytes, an
 * hour that only touches the time that is asked for) is answered "perhaps", never "no".
 *
 * One thread.
 */
#ifndef DAEMON_INDEX_MATCH_H
#define DAEMON_INDEX_MATCH_H

#include "../../proto/query.h"
#include "segment_read.h"
#include "term.h"

/* What is asked. Must outlive its matches. */
struct match_question {
	const struct query *query;
	int64_t since_ns, until_ns; /* 0: no bound */
};

struct match;

/* What stands at a doc that was found. */
struct match_hit {
	uint32_t doc;
	bool event; /* an event that answers; */
	bool sure;  /*   no doubt, by the index: if it does not, the index is wrong */
	bool loss;  /* a record that tells a loss, whether or not it answers */
};

/*
 * Plan the question for `segment`, which must outlive the match. `losses`: records that tell of a
 * loss are found, too. TRAIL_CORRUPT: the segment is damaged; TRAIL_IO; TRAIL_NOMEM.
 */
enum trail_err match_open(const struct segment *segment, const struct match_question *question,
	bool losses, struct match **match);
/* NULL is fine. */
void match_close(struct match *m);
/*
 * The next hit at or above `doc` (`down`: at or below). TRAIL_OK; TRAIL_END: there is none; errors
 * as above.
 */
enum trail_err match_next(struct match *m, uint32_t doc, bool down, struct match_hit *hit);
/*
 * For who counts: events in [low, high] that answer for sure, to *count. What match_next finds with
 * `doubts` instead of all are the others: what is not sure, and losses.
 */
enum trail_err match_count(struct match *m, uint32_t low, uint32_t high, uint64_t *count);
enum trail_err match_next_doubt(struct match *m, uint32_t doc, bool down, struct match_hit *hit);
/* The terms of a field of a query that has some: not of class and index. */
enum term_field match_field(enum query_field field);
/* Whether every event of the segment answers for sure. */
bool match_is_all(const struct match *m);
/*
 * The bits of the events that answer for sure, with a word of zeros behind them, to *bits, which
 * are the match's. Errors as above.
 */
enum trail_err match_bits(struct match *m, const uint64_t **bits);

#endif
