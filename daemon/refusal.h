/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals are events of the log itself (DESIGN.md section 8): ten a minute per peer one by one,
 * the rest counted and told as one event when the minute is over, so that nobody can fill the log
 * by being refused. Knows times and names; no sockets, no queues. One thread.
 *
 * A peer's minute begins with its first refusal. The table is fixed; when it is full of peers whose
 * minute runs, further ones share a row ("others"), which keeps the bound: pushing a row out would
 * give its peer ten new ones.
 */
#ifndef DAEMON_REFUSAL_H
#define DAEMON_REFUSAL_H

#include "op.h"

enum {
	REFUSAL_SINGLES = 10, /* events a minute and peer */
	REFUSAL_PEERS = 256,  /* rows of the table */
	REFUSAL_OBJECT_MAX = 96,
	/* Bytes of an encoded refusal event, at the most. */
	REFUSAL_EVENT_MAX = 1024 + QUERY_MAX + EVENT_ID_MAX,
};

/* A refusal as it will be told. Views. */
struct refusal {
	struct span actor;  /* "uid:1001" */
	struct span object; /* the kind of request, "append:lifecare" */
	struct span reason; /* the sentence */
	uint64_t count;     /* 0: one refusal, told by itself; else how many this one stands for */
	/* Of a question, in full (DESIGN.md section 8): "query" or "object", and its text. */
	const char *asked; /* NULL: it was none */
	struct span text;
	struct span subject;
};

struct refusals;

/* NULL: memory is out. */
struct refusals *refusals_new(void);
/* NULL is fine. */
void refusals_free(struct refusals *r);

/*
 * `peer` is being refused at `now_ns` (any clock that does not go back). True: tell it by itself.
 * False: it was counted, and will be told with others.
 */
bool refusals_admit(struct refusals *r, uint64_t now_ns, const struct peer *peer);
/*
 * Take one sum whose minute is over: its peer's actor text goes to `actor`.
 * 0: none is due; else the count.
 */
uint64_t refusals_due(struct refusals *r, uint64_t now_ns, char actor[PEER_ACTOR_MAX]);
/* Refusals since start, told or counted. */
uint64_t refusals_total(const struct refusals *r);

/*
 * Append the event: action EXECUTE, verb "refuse", outcome DENIED, actor, object, reason, and with
 * a count an attribute "count", with a question one that holds it. A reason is cut to 512 bytes.
 */
void refusal_encode(const struct refusal *refusal, int64_t time_ns, struct buf *out);

#endif
