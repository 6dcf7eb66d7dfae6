/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops that wait for one consumer, each in the lane of its peer. Lanes take turns by deficit round
 * robin: a turn is worth a quantum of records, and what a lane could not spend of it on a request
 * that is larger counts in its next turn. So a peer that queues thousands delays another by one
 * turn. Within a lane the order of coming holds, which an epoch's numbers need. One thread, or
 * under a lock.
 */
#ifndef DAEMON_BACKLOG_H
#define DAEMON_BACKLOG_H

#include "op.h"

enum {
	LANES = 256, /* lane 0 is the daemon's own; more peers than lanes share them */
};

struct backlog;

/* `quantum` > 0, in records; 1: each op is a turn. NULL: memory is out. */
struct backlog *backlog_new(size_t quantum);
/* Ops inside are not freed. NULL is fine. */
void backlog_free(struct backlog *b);
/* At the end of the op's lane. */
void backlog_add(struct backlog *b, struct op *op);
/* Whose turn it is; stays inside, and stays next until backlog_take. NULL: empty. */
struct op *backlog_next(struct backlog *b);
/* The op that backlog_next gave leaves, its `next` NULL. */
void backlog_take(struct backlog *b);
/* What an op counts: the records that it may bring, and one for itself. */
size_t backlog_cost(const struct op *op);

#endif
