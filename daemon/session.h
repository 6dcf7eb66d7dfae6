/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: their bytes in and out, what they may hold, and whose turn it is. With server.c the
 * only files that see libevent. Loop thread only.
 *
 * Nothing is dropped: who holds too much (in flight, unsent, or as a peer) is not read from until
 * it holds less. Peers take turns, of a length of time, and the connections of one peer share its
 * turn: who opens a thousand gets no more of the loop than who opens one.
 * The rules of an end: a connection that is `ending` is not read from any more; it closes when what
 * it has in flight is answered and sent. A closed one lives on, without descriptor, until its last
 * errand came home.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include "histogram.h"
#include "service.h"
#include "share.h"
#include "tally.h"

struct event_base;
struct sessions;

struct sessions_options {
	struct event_base *base;
	struct service *service;
	struct errands *errands;
	struct tally *tally;
	size_t frame_bytes;   /* of frames above 16 KiB, all together */
	unsigned connections; /* all together */
	struct share_limits peer;
	size_t unread_bytes; /* per connection: with so many answers unread it is not read from */
	/* Seconds until who is late is closed; 0: never. */
	uint64_t hello_s;  /* from connect until Hello is whole */
	uint64_t frame_s;  /* from a frame's first byte to its last */
	uint64_t unread_s; /* from when something is to be read until it is taken */
	uint64_t idle_s;   /* nothing said, nothing under way */
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
/* A chain of ops came back: they are answered in turns of their peers. */
void sessions_answer(struct sessions *all, struct op *list);
/* Whether somebody waits for a turn: do not wait for events then, only look for them. */
bool sessions_have_turns(const struct sessions *all);
/* Answers get one, then each peer that has work. */
void sessions_take_turns(struct sessions *all);
/* Once a second: close who is late, give everybody who waits another try. */
void sessions_tick(struct sessions *all);
/* Read no more from anybody; close each as soon as what it has in flight is answered and sent. */
void sessions_drain(struct sessions *all);
/* Answer what came back, then close all at once, sent or not. Errands may still come home. */
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
