/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that append events, each with several requests under way; over a Unix socket, in one
 * thread. Line i is source MUNICIPAL_SYSTEM[i] (from the 41st on the first again), with an epoch of
 * its own. Answers are counted, not verified. Whatever fails is printed to stderr; the caller ends.
 */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include "../../proto/arena.h"
#include "../../proto/bytes.h"
#include "stopwatch.h"

#include <time.h>

enum {
	LINES_AT_ONCE = 64, /* that lines_wait tells of in one call */
};

/* One connection. Each request under way holds a slot; its id tells which. */
struct line {
	size_t number;
	int fd;
	struct span source;
	uint64_t epoch;
	uint64_t seq;      /* last one sent */
	uint64_t requests; /* sent so far */
	size_t in_flight;
	bool writing; /* waits for EPOLLOUT */
	struct buf out;
	size_t sent;
	struct buf in;
	uint64_t *due_ns; /* per slot: when its request was due */
	bool *used;       /* per slot */
};

struct lines {
	/* Set by the caller before lines_open. */
	size_t count;
	size_t window; /* requests under way, per line */
	bool want_salts;
	bool want_proof;
	struct latencies *acks; /* from due to ack, one per request; NULL: not measured */

	struct line *all;
	size_t acked; /* events */
	struct arena arena;
	int epoll;
};

/* Connect all to the socket `path`. On failure, too, lines_release is due. */
bool lines_open(struct lines *l, const char *path);
void lines_release(struct lines *l);
/* Whether as many requests are under way as may be. */
bool line_full(const struct lines *l, const struct line *line);
/* Make one request, that was due at `due_ns`, of a line that is not full. */
void line_put(struct lines *l, struct line *line, const struct span *events, size_t count,
	uint64_t due_ns);
/* Send what the socket takes. */
bool line_flush(struct lines *l, struct line *line);
/*
 * Wait at most `pause` (NULL: for as long as it takes) for lines that can be read or written, and
 * take the answers that came. How many there are; what is not sent yet is to be flushed. -1: it
 * failed.
 */
int lines_wait(struct lines *l, const struct timespec *pause, struct line *ready[LINES_AT_ONCE]);

#endif
