/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be asked of the log: the grammar of DESIGN.md section 10, the same at both ends, and
 * whether a record answers it. Pure.
 *
 *   query = [ term *( SP term ) ]            space is AND; an empty query matches every event
 *   term  = field ":" value
 *   value = 1*( any but space and quote ) | '"' *( any but '"' and '\' | '\"' | '\\' ) '"'
 *
 * Fields so far: actor object subject (ids, whole and to the letter), action outcome (words, any
 * case), source (a name; the log's own events are of source traild), index (a number). The rest of
 * the grammar is known and refused: other fields, "-" in front (NOT), "*" at the end (prefix), ".."
 * (range), a field twice (OR). In quotes none of these means anything.
 */
#ifndef PROTO_QUERY_H
#define PROTO_QUERY_H

#include "arena.h"
#include "event.h"
#include "record.h"

enum query_field {
	QUERY_ACTOR,
	QUERY_OBJECT,
	QUERY_SUBJECT,
	QUERY_ACTION,
	QUERY_OUTCOME,
	QUERY_SOURCE,
	QUERY_INDEX,
	QUERY_FIELDS
};

/* A conjunction. Only the fields whose bit (1 << enum query_field) is in `asked` are set. */
struct query {
	uint32_t asked;
	struct span actor;
	struct span object;
	struct span subject;
	struct span source; /* its name: who has the names resolves it; empty: the log itself */
	uint32_t action;
	uint32_t outcome;
	uint64_t index;
};

enum {
	QUERY_WHY_LEN = 192,
	QUERY_ALIGN = 64, /* what aligning the values may take: up to four have escapes */
};

/* Where and why a query is refused: bytes [at, at + len) of its text, and a clause about them. */
struct query_fault {
	size_t at;
	size_t len;
	char why[QUERY_WHY_LEN];
};

static inline bool query_asks(const struct query *query, enum query_field field)
{
	return (query->asked >> field & 1) != 0;
}

/*
 * Parse `text` to *out, whose spans view `text` or `arena`, of which text.len + QUERY_ALIGN bytes
 * are enough.
 *
 * TRAIL_OK           *out is set.
 * TRAIL_INVALID      not a query: *fault says where and why.
 * TRAIL_UNSUPPORTED  a query of section 10 that this version does not answer yet; as above.
 * TRAIL_TOO_BIG      the arena is too small.
 */
enum trail_err query_parse(
	struct span text, struct arena *arena, struct query *out, struct query_fault *fault);

/* The query for one object's history; `object` is taken as it is. */
struct query query_of_object(struct span object);

/*
 * Whether an event record and its payload (which event_walk accepted, with these facts) answer the
 * query, its source left aside.
 */
bool query_matches(const struct query *query, uint64_t index, const struct event_facts *facts);

#endif
