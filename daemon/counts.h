/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often each key was met, on one page of a report: bounded in keys, bytes and in the work of
 * one step from the start. What has no room ends the page, and is met first on the next.
 */
#ifndef DAEMON_COUNTS_H
#define DAEMON_COUNTS_H

#include "../proto/message.h"

enum {
	COUNTS_BYTES = 200 * 1024, /* of a page, encoded */
	COUNTS_SLOTS = 8192,       /* twice as many as keys */
};

struct counts {
	struct count list[COUNTS_MAX]; /* in the order in which they were met; keys view `keys` */
	size_t count;
	uint16_t slots[COUNTS_SLOTS]; /* 1 + place in the list; 0: free */
	uint64_t seed;
	size_t key_bytes, bytes;
	uint8_t keys[COUNTS_BYTES];
};

/*
 * `more` more of `key`. False: there is no room; nothing was counted. `c` was zeroed, and has a
 * seed.
 */
bool counts_add(struct counts *c, struct span key, uint64_t more);
/* As it was before the first. */
void counts_clear(struct counts *c);

#endif
