/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: their bytes in and out, what they may hold, and whose turn it is. With server.c the
 * only files that see libevent. Loop thread only.
 *
 * Nothing is dropped: who holds too much (in flight, unsent, or as a peer) is not read from until
 * it holds less, and waits in a queue in which everybody gets a turn. A turn ends after TURN_BYTES.
 * The rules of an end: a connection that is `ending` is not read from any more; it closes when what
 * it has in flight is answered and sent. A closed one lives on, without descriptor, until its last
 * errand came home.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include "histogram.h"
#include "service.h"

struct event_base;
struct sessions;

struct sessions_options {
	struct event_base *base;
	struct service *service;
	struct errands *errands;
	size_t frame_bytes;        /* of frames above 16 KiB, all together */
	size_t peer_bytes;         /* per peer: in flight, unsent and borrowed */
	unsigned connections;      /* all together */
	unsigned peer_connections; /* per peer */
};

/* NULL: memory is out. */
struct sessions *sessions_new(const struct sessions_options *options);
/* All must be closed and their errands home (sessions_end). NULL is fine. */
void sessions_free(struct sessions *all);

/*
 * Serve the connected, non-blocking `fd`, which this owns from here on, success or not.
 * TRAIL_BUSY: it or its peer would be one too many; it was told so. TRAIL_NOMEM.
 */
enum trail_err sessions_serve(struct sessions *all, int fd, const struct peer *peer);
/* A chain of ops (or NULL) came back: send what they answer. Then wake who waited. */
void sessions_answer(struct sessions *all, struct op *list);
/* Once a second: close who stalls, give everybody who waits another try. */
void sessions_tick(struct sessions *all);
/* Read no more from anybody; close each as soon as what it has in flight is answered and sent. */
void sessions_drain(struct sessions *all);
/* Close all at once, sent or not. Errands may still come home. */
void sessions_end(struct sessions *all);
/* Connections that are open. */
unsigned sessions_count(const struct sessions *all);

enum {
	SESSION_CODES = 11 /* of the wire: -TRAIL_INVALID to -TRAIL_UNSUPPORTED are 1 to 10 */
};

/* Numbers for Status. */
struct session_numbers {
	unsigned connections;
	unsigned peers;
	unsigned under_way; /* requests, without those that follow and wait */
	uint64_t oldest_ns; /* how long the oldest of them is; 0: none */
	/* Since start: */
	uint64_t turned_away;            /* connections */
	uint64_t acked;                  /* Appends */
	uint64_t refused[SESSION_CODES]; /* requests, by what they were answered */
	struct histogram acks;
};

void sessions_read_numbers(const struct sessions *all, struct session_numbers *numbers);

#endif
