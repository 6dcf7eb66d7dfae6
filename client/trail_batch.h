/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct trail_batch: encoded events behind each other.
 *
 *   bytes  event 0 | event 1 | ...        ends[i] = offset behind event i
 */
#ifndef CLIENT_TRAIL_BATCH_H
#define CLIENT_TRAIL_BATCH_H

#include "trail_event.h"

enum {
	SOURCE_NAME_MAX = 64
};

struct trail_batch {
	bool begun;
	char source[SOURCE_NAME_MAX + 1];
	uint64_t epoch;
	uint64_t first_seq;
	uint64_t lost;
	struct buf bytes;
	size_t *ends; /* TRAIL_BATCH_MAX of them, NULL until the first event */
	size_t count;
};

/* Move the content of `from` to `to`, which is empty or zeroed; `from` is empty afterwards. */
void batch_move(struct trail_batch *to, struct trail_batch *from);
/* Give the memory back, keep the struct zeroed. */
void batch_release(struct trail_batch *b);
/* The i-th event's bytes. */
struct span batch_event(const struct trail_batch *b, size_t i);

#endif
