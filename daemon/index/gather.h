/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the log to runs: what the records of a range can be found by. Nothing goes into the index
 * that is not authenticated: each record must be the one that the next was chained to, the last
 * must lie in the signed tree, and each payload must open its commitment; a range that fails is
 * left to the scan, which says so. One thread.
 */
#ifndef DAEMON_INDEX_GATHER_H
#define DAEMON_INDEX_GATHER_H

#include "../entry_name.h"
#include "run.h"

enum {
	GATHER_PARTS_MAX = 64
};

/* A class and month that a range has records of. */
struct gather_part {
	uint32_t class_no, month;
};

struct gather_name {
	uint64_t number; /* of the entry */
	enum record_kind kind;
	char text[ENTRY_NAME_MAX + 1]; /* "": none yet */
};

enum {
	GATHER_NAMES = 256
};

struct gather {
	struct store *store;
	struct chunker *chunker;
	struct head head;                       /* of what is read: set before each range */
	struct gather_name names[GATHER_NAMES]; /* met before */
};

/* A range of the log: what it has records of. */
struct gather_range {
	uint64_t from, to;
	struct hash leaf; /* of its last record */
	size_t count;
	struct gather_part parts[GATHER_PARTS_MAX];
};

/*
 * Judge the records of range->from to ->to against the tree of g->head, in `txn`, which holds at
 * least that, and set the rest; ->to is lowered where there are more than GATHER_PARTS_MAX parts.
 * TRAIL_CORRUPT: the store is damaged there.
 */
enum trail_err gather_judge(struct gather *g, struct db_txn *txn, struct gather_range *range);
/*
 * Add the records of `part` in [from, to) to `run`, numbered from `from`. TRAIL_CORRUPT;
 * TRAIL_NOMEM.
 */
enum trail_err gather_run(struct gather *g, struct db_txn *txn, const struct gather_part *part,
	uint64_t from, uint64_t to, struct run *run);

#endif
