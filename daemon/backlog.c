/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

struct lane {
	TAILQ_ENTRY(lane) in_ring; /* while it holds an op */
	struct op *first;
	struct op **end;
	size_t credit;
};

struct backlog {
	size_t quantum;
	TAILQ_HEAD(ring, lane) ring;
	struct lane lanes[LANES];
};

struct backlog *backlog_new(size_t quantum)
{
	struct backlog *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->quantum = quantum;
	TAILQ_INIT(&b->ring);
	return b;
}

void backlog_free(struct backlog *b)
{
	free(b);
}

void backlog_add(struct backlog *b, struct op *op)
{
	struct lane *lane = &b->lanes[op->lane];
	if (!lane->first) {
		lane->end = &lane->first;
		lane->credit = b->quantum;
		TAILQ_INSERT_TAIL(&b->ring, lane, in_ring);
	}
	op->next = NULL;
	*lane->end = op;
	lane->end = &op->next;
}

size_t backlog_cost(const struct op *op)
{
	bool append = op->kind == OP_REQUEST && op->request.kind == REQUEST_APPEND;
	return 1 + (append ? op->request.append.event_count : 0);
}

static size_t cost_of(const struct backlog *b, const struct op *op)
{
	return b->quantum == 1 ? 1 : backlog_cost(op);
}

struct op *backlog_next(struct backlog *b)
{
	struct lane *lane;
	while ((lane = TAILQ_FIRST(&b->ring)) && lane->credit < cost_of(b, lane->first)) {
		lane->credit += b->quantum;
		TAILQ_REMOVE(&b->ring, lane, in_ring);
		TAILQ_INSERT_TAIL(&b->ring, lane, in_ring);
	}
	return lane ? lane->first : NULL;
}

void backlog_take(struct backlog *b)
{
	struct lane *lane = TAILQ_FIRST(&b->ring);
	struct op *op = lane->first;
	assert(lane->credit >= cost_of(b, op));
	lane->credit -= cost_of(b, op);
	lane->first = op->next;
	if (!lane->first)
		TAILQ_REMOVE(&b->ring, lane, in_ring);
	op->next = NULL;
}
