/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an item of an answer shows by itself: its record opens to its payload, its path leads to a
 * checkpoint, its payload names a source or a peer. Pure.
 */
#ifndef CLIENT_ITEMS_H
#define CLIENT_ITEMS_H

#include "../proto/checkpoint.h"
#include "../proto/message.h"

enum {
	SOURCE_NAME_MAX = 64
};

/* What does not fit, without subject: who calls knows which record it is. NULL: all fits. */
typedef const char *misfit;

/* An item, and what was derived from it. */
struct item {
	const struct evidence_item *shown;
	struct record record;
	struct hash leaf;
};

/* Read the record, and open its commitment where salt and payload are there. */
misfit item_open(const struct evidence_item *shown, struct item *out);
/* Whether its own path leads to the root of `cp`. */
bool item_in_tree(const struct item *item, const struct checkpoint *cp);
static inline bool item_is_open(const struct item *item)
{
	return item->shown->salt.len != 0;
}
/*
 * The name that a SOURCE or PEER entry gives, a peer's with its kind in front ("unix:1000"); to be
 * freed. *name NULL: it was erased. TRAIL_INVALID: it gives none. TRAIL_NOMEM.
 */
enum trail_err item_name(const struct item *item, char **name);

/* Names of sources that were met: one name never stands for two sources. */
struct name_book {
	void *names;
	bool failed; /* memory was out once */
};

/* Whether `name` was never met under another index than this. */
bool name_book_fits(struct name_book *book, const char *name, uint64_t index);
void name_book_release(struct name_book *book);

#endif
