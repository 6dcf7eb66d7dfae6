/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log holds under a number that a source gave: the record of (source, epoch, seq), and
 * whether its payload is the one that was sent again. There is no index for this; seqs ascend with
 * indices inside one epoch, so a bounded search of the spine finds them.
 */
#ifndef DAEMON_HELD_H
#define DAEMON_HELD_H

#include "store.h"

enum {
	HELD_SCAN_MAX = 1 << 18, /* records looked at for one request: a few milliseconds */
};

/* One epoch of one source, and how much of the spine may still be looked at for it. */
struct held_hunt {
	struct db_txn *txn;
	uint64_t source;
	uint64_t epoch;
	const struct epoch_row *row;
	uint64_t budget; /* HELD_SCAN_MAX at first; what is left, afterwards */
};

/*
 * The index of the hunted epoch's `seq`, looked for in [from, row->last_index]; from >=
 * row->first_index is behind where a seq before it was found, or row->first_index.
 *
 * TRAIL_OK       *index is set.
 * TRAIL_END      no record has this seq: it lies in a declared loss.
 * TRAIL_MORE     not found before the budget was spent.
 * TRAIL_CORRUPT  the spine lacks what its size promises.
 */
enum trail_err held_find(struct held_hunt *hunt, uint64_t seq, uint64_t from, uint64_t *index);

/*
 * Compare `payload` with what record `index` commits to, by the stored salt, which goes to `salt`.
 *
 * TRAIL_OK        the same.
 * TRAIL_CONFLICT  another: the one that is stored opens the commitment, so no disk is to blame.
 * TRAIL_END       the payload was erased, salt and all: not compared.
 * TRAIL_CORRUPT   kept but damaged.
 * TRAIL_UNSUPPORTED  it needs keys, or another version.
 */
enum trail_err held_compare(struct store *store, struct db_txn *txn, struct chunker *chunker,
	uint64_t index, struct span payload, uint8_t salt[SALT_LEN]);

#endif
