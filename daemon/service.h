/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request's bytes in, one op on its way or one answer out: decodes, asks whether this peer may,
 * judges what can be judged without the log, commits to payloads, and hands on. Knows neither
 * sockets nor threads: what it hands to are functions. Loop thread only.
 */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include "errand.h"
#include "refusal.h"

enum {
	CALLER_FOLLOWS = 8
};

/* One connection, as the service sees it. The session owns and zeroes it. */
struct caller {
	uint64_t serial; /* of the connection, from 1 */
	unsigned lane;   /* of its peer, in queues */
	struct peer peer;
	bool greeted; /* its Hello was taken */
	/* Traces of the questions that follow on this connection, newest last; the oldest goes. */
	uint64_t follows[CALLER_FOLLOWS];
};

struct service_options {
	struct errands *errands;
	struct refusals *refusals;
	/* Where ops go; they come back through service_answered. */
	void (*write)(void *ctx, struct op *op);
	void (*read)(void *ctx, struct op *op);
	/* Fill op->response.status at once; its spans static or in op->answer. */
	void (*status)(void *ctx, struct op *op);
	/* The same for IndexCheck, whose response it fills or refuses. */
	void (*check_index)(void *ctx, struct op *op);
	/* Nobody is kept waiting any more: ops that wait elsewhere are to come back. May be NULL.
	 */
	void (*hurry)(void *ctx);
	/* Records that are committed and signed. */
	uint64_t (*size)(void *ctx);
	void *ctx;
};

struct service;

enum service_turn {
	SERVICE_WAIT,     /* nothing was taken: no memory now; again when something came back */
	SERVICE_QUEUED,   /* *errand is on its way: look at home, last, op.charged alone */
	SERVICE_ANSWERED, /* *errand has its response: send it and give it back */
};

/* NULL: memory is out. */
struct service *service_new(const struct service_options *options);
/* NULL is fine. */
void service_free(struct service *service);

/*
 * Take one request, the body of one frame; `body` is not needed any more afterwards unless the
 * answer is SERVICE_WAIT. `home` goes into the errand. With errand->last nothing further of this
 * connection may be taken.
 */
enum service_turn service_request(struct service *service, struct caller *caller,
	struct session *home, struct span body, struct errand **errand);
/*
 * The bytes from `caller` are no frames (any more): an errand with an error of request id 0, `last`
 * set. NULL: no memory even for that.
 */
struct errand *service_reject(struct service *service, const struct caller *caller,
	enum trail_err code, const char *sentence);
/*
 * An op came back from the writer or a reader: make its response ready to send. An errand without
 * home (one of the daemon's own) is given back at once; then NULL. So is NULL where it goes on:
 * what the writer refused by whom an epoch belongs to is put on record first; a question that is
 * on record now is read; an empty page that follows waits.
 */
struct errand *service_answered(struct service *service, struct op *op);
/* One whose waiting is over, ready to send; NULL: none (any more). Has those go on that can. */
struct errand *service_waited(struct service *service);
/* Call service_waited again in so many ms, if nothing comes before; -1: nobody waits. */
int service_wait_ms(const struct service *service);
/* Nobody waits any more. */
void service_drain(struct service *service);
/*
 * Writer and readers take no more: refusals that come back from here on are not recorded, and
 * questions are refused.
 */
void service_close(struct service *service);
/* Tell the sums of refusals whose minute is over. Call it every second or so. */
void service_tick(struct service *service);

#endif
