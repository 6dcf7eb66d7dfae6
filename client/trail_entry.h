/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct trail_entry: one record and what it commits to, all of it checked. */
#ifndef CLIENT_TRAIL_ENTRY_H
#define CLIENT_TRAIL_ENTRY_H

#include "reading.h"
#include "trail_event.h"

struct trail_entry {
	uint64_t index;
	uint64_t size; /* of the checkpoint that it was checked in */
	struct record record;
	uint8_t bytes[RECORD_LEN];
	struct hash leaf;
	struct tree_proof path; /* to that checkpoint; none: the next record names it */
	bool open;              /* salt and payload are there */
	uint8_t salt[SALT_LEN];
	struct buf payload;
	char *source_name;
	char *peer_name;
	bool is_event;
	struct trail_event *event; /* kept for the next row even where this one is none */
};

/*
 * Set it, zeroed or set before, from a row that was judged in `cp`. False: memory is out.
 */
bool entry_set(struct trail_entry *n, const struct row *row, const struct checkpoint *cp);
void entry_release(struct trail_entry *n);
/*
 * Ask for record `index` alone, with `genesis` for record 0 as well; *r, zeroed before and released
 * by the caller, then holds that row. TRAIL_END: behind the newest checkpoint.
 */
enum trail_err entry_ask(struct trail *t, uint64_t index, bool genesis, struct reading *r);

#endif
