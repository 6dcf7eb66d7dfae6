/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include "backlog.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
	QUANTUM = 1, /* each op is a turn */
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct backlog *backlog;
	bool closed;
	bool woken; /* the next wait is over at once */
};

struct queue *queue_new(void)
{
	struct queue *q = calloc(1, sizeof *q);
	struct backlog *backlog = backlog_new(QUANTUM);
	if (!q || !backlog) {
		free(q);
		backlog_free(backlog);
		return NULL;
	}
	q->backlog = backlog;
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->filled, &attr);
	(void)pthread_condattr_destroy(&attr);
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	(void)pthread_cond_destroy(&q->filled);
	(void)pthread_mutex_destroy(&q->lock);
	backlog_free(q->backlog);
	free(q);
}

void queue_push(struct queue *q, struct op *op)
{
	(void)pthread_mutex_lock(&q->lock);
	backlog_add(q->backlog, op);
	(void)pthread_cond_signal(&q->filled);
	(void)pthread_mutex_unlock(&q->lock);
}

/* Lock held. False: nothing came in time, or nothing will. */
static bool wait_filled(struct queue *q, int timeout_ms)
{
	struct timespec until = { 0 };
	if (timeout_ms > 0) {
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += timeout_ms / 1000;
		until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
	}
	while (!backlog_next(q->backlog)) {
		if (q->closed || q->woken || timeout_ms == 0)
			break;
		if (timeout_ms < 0)
			(void)pthread_cond_wait(&q->filled, &q->lock);
		else if (pthread_cond_timedwait(&q->filled, &q->lock, &until) == ETIMEDOUT)
			timeout_ms = 0;
	}
	q->woken = false;
	return backlog_next(q->backlog) != NULL;
}

struct op *queue_take_all(struct queue *q, int timeout_ms)
{
	struct op *list = NULL;
	struct op **end = &list;
	(void)pthread_mutex_lock(&q->lock);
	(void)wait_filled(q, timeout_ms);
	while ((*end = backlog_next(q->backlog))) {
		backlog_take(q->backlog);
		end = &(*end)->next;
	}
	(void)pthread_mutex_unlock(&q->lock);
	return list;
}

struct op *queue_take(struct queue *q, int timeout_ms)
{
	struct op *op = NULL;
	(void)pthread_mutex_lock(&q->lock);
	if (wait_filled(q, timeout_ms)) {
		op = backlog_next(q->backlog);
		backlog_take(q->backlog);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return op;
}

void queue_wake(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->woken = true;
	(void)pthread_cond_signal(&q->filled);
	(void)pthread_mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->closed = true;
	(void)pthread_cond_broadcast(&q->filled);
	(void)pthread_mutex_unlock(&q->lock);
}

bool queue_closed(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	bool closed = q->closed;
	(void)pthread_mutex_unlock(&q->lock);
	return closed;
}
