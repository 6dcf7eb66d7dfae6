/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many of the events that answer for sure have which value: a report of a range of the log,
 * from the index alone. Keys come in an order that does not change, so that who has no room for all
 * goes on behind the last. One thread.
 */
#ifndef DAEMON_INDEX_CENSUS_H
#define DAEMON_INDEX_CENSUS_H

#include "../../proto/group.h"
#include "hits.h"

struct census;

/* What is counted by. */
struct census_wish {
	enum report_group by;
	uint64_t bucket_ns;
	struct span after; /* the key to go on behind; empty: from the first */
};

/* Whether the index knows enough of that: hours, and not minutes. */
bool census_can(const struct census_wish *wish);
/*
 * Begin with the events of [low, *high), of which all is indexed; *high is lowered where that is
 * too much at once. The hits must outlive it. TRAIL_UNSUPPORTED: there are values which the index
 * does not have as a whole. Errors as hits_next.
 */
enum trail_err census_open(struct hits *h, const struct census_wish *wish, uint64_t low,
	uint64_t *high, struct census **census);
/*
 * The next key with events, as group_key has it, and how many they are. The key is a view until the
 * next call. Events without a value are not among them. TRAIL_END. Errors as hits_next.
 */
enum trail_err census_next(struct census *c, struct span *key, uint64_t *count);
/* NULL is fine. */
void census_close(struct census *c);

#endif
