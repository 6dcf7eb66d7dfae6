/* SPDX-License-Identifier: Apache-2.0 */
#include "share.h"

#include <assert.h>
#include <stdlib.h>

struct share {
	struct share *next;
	enum peer_type type;
	char name[PEER_NAME_MAX + 1];
	unsigned connections;
	size_t bytes;
};

struct shares {
	struct share *first; /* few: one per user that is connected */
	size_t bytes_max;
	unsigned connections_max;
};

struct shares *shares_new(size_t bytes, unsigned connections)
{
	struct shares *shares = calloc(1, sizeof *shares);
	if (!shares)
		return NULL;
	shares->bytes_max = bytes;
	shares->connections_max = connections;
	return shares;
}

void shares_free(struct shares *shares)
{
	assert(!shares || !shares->first);
	free(shares);
}

static struct share *find(const struct shares *shares, const struct peer *peer)
{
	struct share *s = shares->first;
	while (s && (s->type != peer->type || strcmp(s->name, peer->name) != 0))
		s = s->next;
	return s;
}

enum trail_err share_join(struct shares *shares, const struct peer *peer, struct share **share)
{
	struct share *s = find(shares, peer);
	if (!s) {
		s = calloc(1, sizeof *s);
		if (!s)
			return TRAIL_NOMEM;
		s->type = peer->type;
		memcpy(s->name, peer->name, sizeof s->name);
		s->next = shares->first;
		shares->first = s;
	} else if (s->connections >= shares->connections_max) {
		return TRAIL_BUSY;
	}
	s->connections++;
	*share = s;
	return TRAIL_OK;
}

void share_leave(struct shares *shares, struct share *share)
{
	if (--share->connections > 0)
		return;
	assert(share->bytes == 0);
	struct share **link = &shares->first;
	while (*link != share)
		link = &(*link)->next;
	*link = share->next;
	free(share);
}

void share_take(struct share *share, size_t bytes)
{
	share->bytes += bytes;
}

void share_give(struct share *share, size_t bytes)
{
	assert(share->bytes >= bytes);
	share->bytes -= bytes;
}

unsigned shares_peers(const struct shares *shares)
{
	unsigned peers = 0;
	for (const struct share *s = shares->first; s; s = s->next)
		peers++;
	return peers;
}

bool share_room(const struct shares *shares, const struct share *share)
{
	return share->bytes < shares->bytes_max;
}
