/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops between threads: many producers, and consumers that take them in turns of their peers
 * (daemon/backlog.h), each op a turn.
 */
#ifndef DAEMON_QUEUE_H
#define DAEMON_QUEUE_H

#include "op.h"

struct queue;

/* NULL: memory is out. */
struct queue *queue_new(void);
void queue_free(struct queue *q);
/* Add one op and wake a consumer. */
void queue_push(struct queue *q, struct op *op);
/*
 * For one taker: everything that waits, each peer's in order; NULL when nothing came within
 * timeout_ms (0: do not wait, -1: for ever) or the queue is closed and empty.
 */
struct op *queue_take_all(struct queue *q, int timeout_ms);
/* For several takers: one op; NULL as above. */
struct op *queue_take(struct queue *q, int timeout_ms);
/* Let a waiting taker go on with nothing. Once; who does not wait now does not wait next time. */
void queue_wake(struct queue *q);
/* No more will come: takers drain what is left, then get NULL at once. */
void queue_close(struct queue *q);
bool queue_closed(struct queue *q);

#endif
