/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must fit the records, each walked in step with the spine: control rows, tree nodes, heads.
 */
#ifndef DAEMON_CHECK_LANES_H
#define DAEMON_CHECK_LANES_H

#include "check_walk.h"

/* Kept control rows, in step with the spine. */
struct control_lane {
	struct walk walk;
	bool has; /* walk stands on a row that no record claimed yet */
};

void control_begin(struct control_lane *lane, struct scan *scan);
/* Judge the row of control record `index`, and enter its names. */
struct control_facts control_take(
	struct control_lane *lane, uint64_t index, const struct record *r);
void control_end(struct control_lane *lane);

/* The rows of tree nodes, one lane per level, in step with the spine. */
struct tile_lane {
	struct walk walk;
	struct db_txn *txn;
	bool has;      /* walk stands on a row that is not used up */
	bool in_run;   /* this commit began to use it */
	uint64_t next; /* n that the next finished node of this commit must have */
	size_t used;   /* bytes of the row that were compared */
};

struct tile_lanes {
	struct scan *scan;
	struct tile_lane lane[TILE_LEVEL_MAX + 1]; /* by level; 0 unused */
	uint64_t rows;                             /* that the lanes came by */
};

void tile_begin(struct tile_lanes *lanes, struct scan *scan);
/* tree_done_fn. */
void tile_done(void *lanes, unsigned level, uint64_t index, const struct hash *node);
/* A commit ends here: runs must be used up. */
void tile_commit(struct tile_lanes *lanes);
/* `whole`: all records were seen, so what was not used is too much. */
void tile_end(struct tile_lanes *lanes, bool whole);

/* Heads that must fit the tree: kept ones, the signer's, a given one. */
struct mark {
	uint64_t size;
	struct hash root;
	bool set;
};

struct head_lane {
	struct scan *scan;
	struct walk walk;
	struct mark kept, signer, given;
	uint64_t next;        /* smallest size that is to be compared; UINT64_MAX: none */
	uint64_t fits;        /* largest size whose root fitted */
	uint64_t kept_last;   /* size of the last kept one; 0: none */
	uint64_t kept_before; /* the row before that */
};

void head_begin(struct head_lane *lane, struct scan *scan);
/* Compare what stands at f->size; called when f->size == lane->next. */
void head_compare(struct head_lane *lane, const struct frontier *f);
/*
 * All records were seen: `size` of them, in commits the last of which began at `last_commit`.
 * `broken`: roots could not be compared.
 */
void head_end(struct head_lane *lane, uint64_t size, uint64_t last_commit, bool broken);

/* The state rows against what the records gave. `broken`: only each row by itself. */
void check_source(struct scan *scan, bool broken);

/* The two readings of a scan: the spine with what goes in step with it, then the payloads. */
void check_spine(struct scan *scan);
void check_payload(struct scan *scan);

#endif
