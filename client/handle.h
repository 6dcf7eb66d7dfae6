/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct trail, for the files that carry out its calls.
 */
#ifndef CLIENT_HANDLE_H
#define CLIENT_HANDLE_H

#include "../proto/codec.h"
#include "conn.h"
#include "trust.h"

#include <sys/types.h>

enum handle_state {
	HANDLE_NEW,
	HANDLE_OPEN,
	HANDLE_LOST, /* the connection broke, or what came over it was a lie */
	HANDLE_CLOSED,
};

enum {
	IN_FLIGHT_MAX = 64,
	TIMEOUT_DEFAULT_MS = 10000,
	TIMEOUT_MAX_MS = 3600000,
};

struct slot;
struct trail_rows;

struct trail {
	pid_t pid; /* that opened it: after fork the child must not speak on it */
	enum handle_state state;
	int timeout_ms;
	bool inside; /* a callback runs */
	char *address;
	char *folder; /* where pins lie; NULL: the default one; "": nowhere */
	struct conn conn;
	struct fault fault; /* of the last call */
	struct fault lost;  /* why the connection was lost */
	struct trust trust;
	enum ack ack; /* what appends wait for */
	uint32_t ack_wait_ms;
	struct slot *slots;      /* requests that wait for an answer, oldest first */
	size_t submitted;        /* slots that have a callback */
	struct trail_rows *rows; /* answers that have their pages over this connection */
	uint64_t last_id;
	struct arena arena; /* of the answer that is being looked at */
	struct buf scratch; /* text that a call gives back */
	/* What the daemon said of its limits. */
	uint32_t events_max;
};

/*
 * Begin a public call: NULL, a forked child and a handle that is not open answer TRAIL_MISUSE (a
 * lost connection TRAIL_UNAVAILABLE); else the last fault is forgotten.
 */
enum trail_err handle_enter(struct trail *t);
/* The same for calls that need no connection. */
enum trail_err handle_enter_closed(struct trail *t);
/* The rest of handle_enter, for calls that judge first what they were given. */
enum trail_err handle_ready(struct trail *t);

#endif
