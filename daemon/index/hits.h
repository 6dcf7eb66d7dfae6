/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the index knows of a question, over all of its segments: the records that answer, in the
 * order of the log or against it; and which parts of the log it does not know, which are for the
 * scan. One thread; holds a view of the index until it is closed.
 */
#ifndef DAEMON_INDEX_HITS_H
#define DAEMON_INDEX_HITS_H

#include "catalog.h"
#include "match.h"

struct hits;

/* A part of the log: records [from, to). */
struct hits_part {
	uint64_t from, to;
	bool indexed; /* else the log itself is to be read */
};

/* One record that the index names. */
struct hits_hit {
	uint64_t index;
	bool event, sure, loss; /* as struct match_hit */
};

/* NULL: memory is out. `question` must outlive it. */
struct hits *hits_open(struct catalog *catalog, const struct match_question *question);
/* NULL is fine. */
void hits_close(struct hits *h);

/* The part that record `index` lies in. */
struct hits_part hits_part(const struct hits *h, uint64_t index);
/*
 * The next hit within [low, high), which lies in a part that is indexed: the lowest (`down`: the
 * highest). Who goes one way may not turn back. `count`: only what is in doubt, and losses; the
 * others are for hits_count. TRAIL_OK. TRAIL_END: there is none. TRAIL_CORRUPT: a segment is
 * damaged, which is said to the catalog; from now on its range is no part that is indexed.
 * TRAIL_NOMEM, TRAIL_IO.
 */
enum trail_err hits_next(
	struct hits *h, uint64_t low, uint64_t high, bool down, bool count, struct hits_hit *hit);
/* Events in [low, high) that answer without doubt, to *sum. Errors as above. */
enum trail_err hits_count(struct hits *h, uint64_t low, uint64_t high, uint64_t *sum);
enum {
	HITS_AT_ONCE = 16
};

/* One segment of a range, planned: the docs of the range in it, and who answers. */
struct hits_segment {
	const struct segment *segment;
	struct match *match;
	uint32_t first, last;
};

/*
 * The segments of [low, *high), planned; *high is lowered where they are more than HITS_AT_ONCE.
 * They are the hits'. Errors as hits_next, and TRAIL_TOO_BIG: too many begin at once.
 */
enum trail_err hits_segments(struct hits *h, uint64_t low, uint64_t *high,
	struct hits_segment out[HITS_AT_ONCE], size_t *count);
/* `segment` of them is damaged. */
void hits_suspect(struct hits *h, const struct segment *segment);
/*
 * The record at `index` was said to answer for sure, and does not: what said so is damaged.
 */
void hits_accuse(struct hits *h, uint64_t index);

#endif
