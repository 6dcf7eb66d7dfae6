/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream socket, non-blocking, with what waits to be sent and what came in. Knows frames, not
 * what is in them. Raises no signal.
 *
 *   out  [0 .. sent) on its way, [sent .. len) still to send
 *   in   [0 .. taken) handed out, [taken .. len) not yet
 */
#ifndef CLIENT_CONN_H
#define CLIENT_CONN_H

#include "../proto/frame.h"
#include "fault.h"

struct conn {
	int fd; /* -1: none */
	struct buf out;
	size_t sent;
	struct buf in;
	size_t taken;
};

/* No socket yet; nothing to release. */
void conn_init(struct conn *c);
/*
 * Connect to the Unix socket at `path` before `deadline`. `c` must have no socket.
 * TRAIL_UNAVAILABLE, TRAIL_DENIED, TRAIL_TIMEOUT, TRAIL_IO, TRAIL_INVALID (the path is too long):
 * *fault is set, and names `path`.
 */
enum trail_err conn_open(struct conn *c, const char *path, int64_t deadline, struct fault *fault);
/* Close, and forget what waits. */
void conn_close(struct conn *c);
/* conn_close, and give the memory back. */
void conn_release(struct conn *c);

/*
 * Begin a frame in `out` and end it; between the two the body is appended to c->out.
 * TRAIL_TOO_BIG: beyond FRAME_BODY_MAX; the frame is taken back. TRAIL_NOMEM.
 */
size_t conn_frame_begin(struct conn *c);
enum trail_err conn_frame_end(struct conn *c, size_t start);

static inline bool conn_wants_write(const struct conn *c)
{
	return c->sent < c->out.len;
}

/*
 * Send and receive what is possible, waiting for the first possibility until `deadline`.
 * TRAIL_OK: something moved. TRAIL_TIMEOUT: nothing did. TRAIL_IO: the connection is over. No
 * sentence is made here.
 */
enum trail_err conn_move(struct conn *c, int64_t deadline);
/*
 * The next whole frame's body, which views `in` until the next conn_move; TRAIL_MORE: none yet;
 * TRAIL_TOO_BIG, TRAIL_INVALID: not frames.
 */
enum trail_err conn_take(struct conn *c, struct span *body);

#endif
