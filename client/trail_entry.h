/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct trail_entry: one record and what it commits to, all of it checked. */
#ifndef CLIENT_TRAIL_ENTRY_H
#define CLIENT_TRAIL_ENTRY_H

#include "handle.h"
#include "trail_event.h"

struct trail_entry {
	uint64_t index;
	uint64_t size; /* of the checkpoint that it was checked in */
	struct record record;
	uint8_t bytes[RECORD_LEN];
	struct hash leaf;
	bool open; /* salt and payload are there */
	uint8_t salt[SALT_LEN];
	struct buf payload;
	char *source_name;
	char *peer_name;
	struct trail_event *event;
};

/*
 * Get record `index` and check its inclusion and commitment; no names yet. TRAIL_END: behind the
 * newest checkpoint.
 */
enum trail_err entry_fetch(
	struct trail *t, uint64_t index, int64_t deadline, struct trail_entry **entry);

#endif
