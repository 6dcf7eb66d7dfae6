/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one peer takes of what all share: connections, and bytes that wait or are on their way,
 * summed over its connections. Bounds are only told here; who exceeds one is not read from until it
 * is below again. One thread.
 */
#ifndef DAEMON_SHARE_H
#define DAEMON_SHARE_H

#include "op.h"

struct shares;
struct share;

/* Bounds per peer. NULL: memory is out. */
struct shares *shares_new(size_t bytes, unsigned connections);
/* All must have left. NULL is fine. */
void shares_free(struct shares *shares);

/*
 * One more connection of `peer`.
 * TRAIL_BUSY: it has as many as it may. TRAIL_NOMEM. Else *share is its, until share_leave.
 */
enum trail_err share_join(struct shares *shares, const struct peer *peer, struct share **share);
/* One connection less; all it took must be back. */
void share_leave(struct shares *shares, struct share *share);

void share_take(struct share *share, size_t bytes);
void share_give(struct share *share, size_t bytes);
/* Peers that are connected. */
unsigned shares_peers(const struct shares *shares);
/* Whether the peer is below its bound. */
bool share_room(const struct shares *shares, const struct share *share);

#endif
