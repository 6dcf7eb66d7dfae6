/* SPDX-License-Identifier: Apache-2.0 */
#include "share.h"

#include "backlog.h"

#include <assert.h>
#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)

TAILQ_HEAD(turns, turn);

struct share {
	struct shares *of;
	TAILQ_ENTRY(share) in_all;
	TAILQ_ENTRY(share) in_ring; /* while `ready` holds one */
	enum peer_type type;
	char name[PEER_NAME_MAX + 1];
	unsigned lane;
	unsigned connections;
	size_t bytes;
	uint64_t paid_ns; /* its requests so far are paid for at this time, at the rate's price */
	struct turns ready;
	struct turns waiting;
};

TAILQ_HEAD(share_list, share);

struct shares {
	struct share_limits limits;
	struct share_list all; /* few: one per user that is connected */
	struct share_list ring;
	size_t ring_count;
	unsigned last_lane;
};

struct shares *shares_new(const struct share_limits *limits)
{
	struct shares *shares = calloc(1, sizeof *shares);
	if (!shares)
		return NULL;
	shares->limits = *limits;
	TAILQ_INIT(&shares->all);
	TAILQ_INIT(&shares->ring);
	return shares;
}

void shares_sweep(struct shares *shares, uint64_t now_ns)
{
	struct share *next;
	for (struct share *s = TAILQ_FIRST(&shares->all); s; s = next) {
		next = TAILQ_NEXT(s, in_all);
		if (s->connections > 0 || s->paid_ns > now_ns)
			continue;
		TAILQ_REMOVE(&shares->all, s, in_all);
		free(s);
	}
}

void shares_free(struct shares *shares)
{
	if (!shares)
		return;
	shares_sweep(shares, UINT64_MAX);
	assert(TAILQ_EMPTY(&shares->all));
	free(shares);
}

static struct share *find(const struct shares *shares, const struct peer *peer)
{
	struct share *s = TAILQ_FIRST(&shares->all);
	while (s && (s->type != peer->type || strcmp(s->name, peer->name) != 0))
		s = TAILQ_NEXT(s, in_all);
	return s;
}

static struct share *make(struct shares *shares, const struct peer *peer)
{
	struct share *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->of = shares;
	s->type = peer->type;
	memcpy(s->name, peer->name, sizeof s->name);
	/* Lane 0 is the daemon's own. */
	shares->last_lane = 1 + shares->last_lane % (LANES - 1);
	s->lane = shares->last_lane;
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->waiting);
	TAILQ_INSERT_TAIL(&shares->all, s, in_all);
	return s;
}

enum trail_err share_join(
	struct shares *shares, const struct peer *peer, uint64_t now_ns, struct share **share)
{
	struct share *s = find(shares, peer);
	if (s && s->connections >= shares->limits.connections)
		return TRAIL_BUSY;
	if (!s)
		s = make(shares, peer);
	if (!s)
		return TRAIL_NOMEM;
	s->connections++;
	share_asked(s, now_ns);
	*share = s;
	return TRAIL_OK;
}

void share_leave(struct share *share)
{
	if (--share->connections > 0)
		return;
	assert(share->bytes == 0);
	assert(TAILQ_EMPTY(&share->ready) && TAILQ_EMPTY(&share->waiting));
}

unsigned share_lane(const struct share *share)
{
	return share->lane;
}

void share_take(struct share *share, size_t bytes)
{
	share->bytes += bytes;
}

static void wake(struct share *share)
{
	struct turn *turn;
	while ((turn = TAILQ_FIRST(&share->waiting)))
		share_ready(share, turn);
}

void share_give(struct share *share, size_t bytes)
{
	assert(share->bytes >= bytes);
	share->bytes -= bytes;
	if (bytes > 0)
		wake(share);
}

unsigned shares_peers(const struct shares *shares)
{
	unsigned peers = 0;
	for (const struct share *s = TAILQ_FIRST(&shares->all); s; s = TAILQ_NEXT(s, in_all))
		peers += s->connections > 0;
	return peers;
}

bool share_room(const struct share *share, bool holds_nothing)
{
	return share->bytes < share->of->limits.bytes / (holds_nothing ? 1 : 2);
}

void share_asked(struct share *share, uint64_t now_ns)
{
	if (share->of->limits.rate == 0)
		return;
	uint64_t from = share->paid_ns > now_ns ? share->paid_ns : now_ns;
	share->paid_ns = from + SECOND_NS / share->of->limits.rate;
}

uint64_t share_rest_ns(const struct share *share, uint64_t now_ns)
{
	if (share->of->limits.rate == 0 || share->paid_ns <= now_ns + SECOND_NS)
		return 0;
	return share->paid_ns - now_ns - SECOND_NS;
}

/* ---- turns ---- */

static void set_in_ring(struct share *share, bool in)
{
	if (in)
		TAILQ_INSERT_TAIL(&share->of->ring, share, in_ring);
	else
		TAILQ_REMOVE(&share->of->ring, share, in_ring);
	share->of->ring_count += in ? 1 : (size_t)-1;
}

void share_rest(struct share *share, struct turn *turn)
{
	if (turn->place == TURN_WAITING)
		TAILQ_REMOVE(&share->waiting, turn, in_queue);
	if (turn->place == TURN_READY) {
		TAILQ_REMOVE(&share->ready, turn, in_queue);
		if (TAILQ_EMPTY(&share->ready))
			set_in_ring(share, false);
	}
	turn->place = TURN_NONE;
}

void share_ready(struct share *share, struct turn *turn)
{
	if (turn->place == TURN_READY)
		return;
	share_rest(share, turn);
	if (TAILQ_EMPTY(&share->ready))
		set_in_ring(share, true);
	TAILQ_INSERT_TAIL(&share->ready, turn, in_queue);
	turn->place = TURN_READY;
}

void share_wait(struct share *share, struct turn *turn)
{
	share_rest(share, turn);
	TAILQ_INSERT_TAIL(&share->waiting, turn, in_queue);
	turn->place = TURN_WAITING;
}

void shares_wake(struct shares *shares)
{
	for (struct share *s = TAILQ_FIRST(&shares->all); s; s = TAILQ_NEXT(s, in_all))
		wake(s);
}

size_t shares_ready(const struct shares *shares)
{
	return shares->ring_count;
}

struct share *shares_next(struct shares *shares)
{
	struct share *share = TAILQ_FIRST(&shares->ring);
	if (!share)
		return NULL;
	TAILQ_REMOVE(&shares->ring, share, in_ring);
	TAILQ_INSERT_TAIL(&shares->ring, share, in_ring);
	return share;
}

struct turn *share_next(struct share *share)
{
	struct turn *turn = TAILQ_FIRST(&share->ready);
	if (turn)
		share_rest(share, turn);
	return turn;
}
