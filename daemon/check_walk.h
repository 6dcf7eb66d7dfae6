/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over one table, in key order, that tells the black box each step before it is made, goes
 * around the holes that earlier scans fell into, and names what is out of order.
 */
#ifndef DAEMON_CHECK_WALK_H
#define DAEMON_CHECK_WALK_H

#include "check_scan.h"

struct walk {
	struct scan *scan;
	struct db_txn *txn;
	enum table table;
	uint8_t key_len; /* of every key; 0: the table has several lengths */
	uint8_t last[WALK_KEY_MAX];
	uint8_t last_len;
	bool begun, ended;
	unsigned disorder;
	uint64_t rows;
	struct span key, value; /* of the row it stands on */
};

/* From the first row whose key is >= `from` (empty: the first row). Nothing is read yet. */
void walk_begin(struct walk *walk, struct scan *scan, struct db_txn *txn, enum table table,
	struct span from);
/*
 * Step to the next row and touch all of it, so that a page that kills does so here. Keys that do
 * not ascend or have no length of the table's are findings, and the row is passed over when its key
 * is of a wrong length. False: there is no further row.
 */
bool walk_next(struct walk *walk);
/*
 * Add `by` to a key as a big-endian number of `len` bytes. False: it overflowed.
 */
bool key_advance(uint8_t *key, size_t len, uint64_t by);
/* At a walk's end: whether the table's root says the same number of rows. */
void walk_count(const struct walk *walk);

#endif
