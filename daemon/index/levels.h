/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which segments become one next: a log-structured merge. Few segments make a search quick, few
 * merges make ingest quick; here a record is merged once for each fourfold growth of its segment,
 * and beyond that only where segments of very different sizes pile up. Pure.
 */
#ifndef DAEMON_INDEX_LEVELS_H
#define DAEMON_INDEX_LEVELS_H

#include "block.h"

enum {
	LEVELS_FAN = 8,      /* segments that are merged at the least, */
	LEVELS_FAN_MAX = 16, /* and at the most */
	LEVELS_PILE = 64,    /* segments that could be one; where they are more, some become one */
	LEVELS_DOCS_MAX =
		1 << 22, /* docs that a segment's range may have: what one costs in memory */
};

/* Of one segment: where it lies, how much is in it. Ascending by class, month and range. */
struct levels_item {
	struct segment_place place;
	uint64_t records;
	bool follows; /* nothing of its class and month is missing between the one before and it */
};

/*
 * What to merge: items [*first, *first + *count). False: nothing now.
 */
bool levels_choose(const struct levels_item *items, size_t n, size_t *first, size_t *count);

#endif
