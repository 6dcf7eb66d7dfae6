/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long to wait before something that failed is tried again: twice as long each time, up to a
 * bound. No clock.
 */
#ifndef DAEMON_BACKOFF_H
#define DAEMON_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint64_t least_ms;
	uint64_t most_ms;
	uint64_t pause_ms; /* the last; 0: nothing failed since a success */
};

/* It failed: the pause that follows. */
uint64_t backoff_failed(struct backoff *backoff);
/* It went well: the next pause is the least again. */
void backoff_end(struct backoff *backoff);

#endif
