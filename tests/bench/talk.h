/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's end of a Unix socket for bench programs: blocking, no verification, no deadline.
 * Whatever fails is printed to stderr; the caller ends.
 */
#ifndef BENCH_TALK_H
#define BENCH_TALK_H

#include "../../proto/codec.h"

/* Connect to the socket `path`. -1: it could not be. */
int talk_connect(const char *path);
/* Append the frame of `request` to `out`. */
void talk_frame(const struct request *request, struct buf *out);
/*
 * Send `request`, wait for one response, and decode it into `arena` (reset here). The response's
 * bytes stay in `in` until the next call. False: it failed, or an Error came.
 */
bool talk_call(int fd, const struct request *request, struct buf *in, struct arena *arena,
	struct response *response);
/* Hello, claiming `epoch` of `source` unless it is 0. */
bool talk_hello(int fd, struct span source, uint64_t epoch);
/* Print an Error response. */
void talk_complain(const struct response *response);

#endif
