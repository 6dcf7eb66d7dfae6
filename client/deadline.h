/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines: points of CLOCK_MONOTONIC in ms, so that a changed wall clock moves none. */
#ifndef CLIENT_DEADLINE_H
#define CLIENT_DEADLINE_H

#include <stdint.h>

/* The point that lies timeout_ms from now. */
int64_t deadline_in(int timeout_ms);
/* What is left until it, in ms for poll: 0 when it passed. */
int deadline_left(int64_t deadline);
/* Sleep a moment (5 ms, or what is left). */
void deadline_pause(int64_t deadline);
/* The wall clock, ns since 1970. */
int64_t clock_wall_ns(void);

#endif
