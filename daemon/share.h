/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one peer takes of what all share: connections, bytes that wait or are on their way, requests
 * per second, and turns; summed over its connections, so that more connections bring no more of
 * anything. Bounds are only told here; who exceeds one is not read from until it is below again.
 *
 * Peers take turns, and within a peer its connections do. A connection that has work is `ready`;
 * one that may not do it now `waits` until something came back. One thread.
 */
#ifndef DAEMON_SHARE_H
#define DAEMON_SHARE_H

#include "op.h"

#include <sys/queue.h>

struct shares;
struct share;

struct share_limits {
	size_t bytes;
	unsigned connections;
	uint64_t rate; /* requests per second; a second's worth at once; 0: no bound */
};

/* A connection's place in its peer's queues. The connection holds and zeroes it. */
struct turn {
	TAILQ_ENTRY(turn) in_queue;
	enum turn_place {
		TURN_NONE,
		TURN_READY,
		TURN_WAITING,
	} place;
};

/* Bounds per peer. NULL: memory is out. */
struct shares *shares_new(const struct share_limits *limits);
/* All must have left. NULL is fine. */
void shares_free(struct shares *shares);
/* Forget peers that have left. One that used up its requests is remembered until it has some. */
void shares_sweep(struct shares *shares, uint64_t now_ns);

/*
 * One more connection of `peer`, which counts as a request.
 * TRAIL_BUSY: it has as many as it may. TRAIL_NOMEM. Else *share is its, until share_leave.
 */
enum trail_err share_join(
	struct shares *shares, const struct peer *peer, uint64_t now_ns, struct share **share);
/* One connection less; all it took must be back. The share itself lives until shares_sweep. */
void share_leave(struct share *share);
/* In which lane of queues (daemon/backlog.h) the peer's ops go: peers differ as far as lanes do. */
unsigned share_lane(const struct share *share);

void share_take(struct share *share, size_t bytes);
/* Those of its connections that waited are ready. */
void share_give(struct share *share, size_t bytes);
/* Peers that are connected. */
unsigned shares_peers(const struct shares *shares);
/*
 * Whether the peer may take more for a connection. The second half of its bound is kept for those
 * of its connections that hold nothing yet, so that a few greedy ones do not starve the others.
 */
bool share_room(const struct share *share, bool holds_nothing);

/* One request was taken. */
void share_asked(struct share *share, uint64_t now_ns);
/* How long the peer must rest before its next request; 0: not at all. */
uint64_t share_rest_ns(const struct share *share, uint64_t now_ns);

/* ---- turns ---- */

/* To the end of its peer's queue of those who have work; and the peer among those who have some. */
void share_ready(struct share *share, struct turn *turn);
/* Not now: when something came back to the peer, or to all. */
void share_wait(struct share *share, struct turn *turn);
/* Out of either queue. */
void share_rest(struct share *share, struct turn *turn);
/* Something that all share came back: who waited is ready. */
void shares_wake(struct shares *shares);
/* Peers that have work. */
size_t shares_ready(const struct shares *shares);
/* Whose turn it is; its next comes when all others had theirs. NULL: nobody has work. */
struct share *shares_next(struct shares *shares);
/* The connection whose turn it is within the peer's, now in no queue. NULL: none has work. */
struct turn *share_next(struct share *share);

#endif
