/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void peer_actor(const struct peer *peer, char actor[PEER_ACTOR_MAX])
{
	const char *kind = peer->type == PEER_UNIX_USER ? "uid" : "cert";
	(void)snprintf(actor, PEER_ACTOR_MAX, "%s:%s", kind, peer->name);
}

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct op *first;
	struct op **end;
	bool closed;
};

struct queue *queue_new(void)
{
	struct queue *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->filled, &attr);
	(void)pthread_condattr_destroy(&attr);
	q->end = &q->first;
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	(void)pthread_cond_destroy(&q->filled);
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
}

void queue_push(struct queue *q, struct op *op)
{
	op->next = NULL;
	(void)pthread_mutex_lock(&q->lock);
	*q->end = op;
	q->end = &op->next;
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
	while (!q->first) {
		if (q->closed || timeout_ms == 0)
			return false;
		if (timeout_ms < 0)
			(void)pthread_cond_wait(&q->filled, &q->lock);
		else if (pthread_cond_timedwait(&q->filled, &q->lock, &until) == ETIMEDOUT)
			timeout_ms = 0;
	}
	return true;
}

struct op *queue_take_all(struct queue *q, int timeout_ms)
{
	struct op *list = NULL;
	(void)pthread_mutex_lock(&q->lock);
	if (wait_filled(q, timeout_ms)) {
		list = q->first;
		q->first = NULL;
		q->end = &q->first;
	}
	(void)pthread_mutex_unlock(&q->lock);
	return list;
}

struct op *queue_take(struct queue *q, int timeout_ms)
{
	struct op *op = NULL;
	(void)pthread_mutex_lock(&q->lock);
	if (wait_filled(q, timeout_ms)) {
		op = q->first;
		q->first = op->next;
		if (!q->first)
			q->end = &q->first;
		op->next = NULL;
	}
	(void)pthread_mutex_unlock(&q->lock);
	return op;
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

void op_refuse(struct op *op, enum trail_err code, const char *sentence, ...)
{
	va_list ap;
	char text[512];
	va_start(ap, sentence);
	(void)vsnprintf(text, sizeof text, sentence, ap);
	va_end(ap);
	buf_clear(&op->answer);
	buf_put_text(&op->answer, text);
	op->response.kind = RESPONSE_ERROR;
	op->response.error = (struct failure){
		.code = code,
		.sentence = buf_view(&op->answer),
	};
}

void op_refuse_memory(struct op *op)
{
	op_refuse(op, TRAIL_BUSY, "memory is out; try again");
}

void op_refuse_unread(struct op *op)
{
	op_refuse(op, TRAIL_BUSY, "the store takes no more readers just now; try again");
}
