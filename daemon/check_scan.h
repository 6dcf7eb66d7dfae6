/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One reading of a whole store, in a process that may die of it (check_child.h runs it).
 *
 *   check_spine    walks the records once, which proto/spine.h judges; beside them, in step, what
 *                  must fit them:
 *                    control rows (check_control), tree nodes (check_tile), heads (check_head);
 *                  then the state rows (check_source)
 *   check_payload  walks the records again, once per class, beside the chunks
 *
 * Memory: the right edge of the tree, one entry per source, peer and epoch; nothing per record.
 */
#ifndef DAEMON_CHECK_SCAN_H
#define DAEMON_CHECK_SCAN_H

#include "../proto/control.h"
#include "db.h"

#include <stdatomic.h>

enum {
	WALK_KEY_MAX = 16, /* no table of ours has longer keys */
	HOLES_MAX = 32,    /* deaths that a check lives through */
	SIGNER_NOTE_MAX = 512,
};

/* Behind the row `from` of a table (from_len 0: none) go on at the first key >= `resume`. */
struct hole {
	enum table table;
	bool ends; /* nothing behind `from` can be read at all */
	unsigned tries;
	uint8_t from_len, resume_len;
	uint8_t from[WALK_KEY_MAX];
	uint8_t resume[WALK_KEY_MAX];
};

enum scan_stage {
	STAGE_OPEN,  /* the environment and its tables */
	STAGE_NAMES, /* LMDB's main database */
	STAGE_WALK,  /* stepping behind `from` in `table` */
	STAGE_ROW,   /* touching the row `row` of `table` */
	STAGE_DONE,
};

/* How a scan ended, if it came that far. */
struct scan_result {
	uint64_t size;     /* records behind one another from index 0 */
	struct hash root;  /* of them; meaningless when `broken` */
	bool broken;       /* records are missing in between: no root, no numbering behind it */
	uint64_t records;  /* read and checked */
	uint64_t payloads; /* opened and checked, control entries included */
	uint64_t heads;    /* checkpoints that fit */
	uint64_t covered;  /* size of the largest of them */
	uint64_t erased;   /* payloads that are missing below an ERASURE */
	bool tail_known;   /* the signer's head or a given checkpoint was compared */
	uint64_t closed;   /* index of the entry that closed the log; 0: there is none */
	struct succession succession; /* what record 0 says of a log before this one */
	uint64_t seals;               /* SEALs of the log */
	bool sealed; /* one of them holds, with all before it: the newest of these stands */
	uint64_t sealed_index, sealed_ns;
};

/*
 * What the scanning process leaves behind when it dies: where it was and what it had found. Lies in
 * memory shared with its parent, which believes none of it beyond its bounds.
 */
struct black_box {
	_Atomic uint64_t steps; /* changes as long as the scan is alive */
	_Atomic uint64_t done;  /* records walked, of `records` times `passes` */
	_Atomic uint64_t records;
	_Atomic uint32_t passes;
	_Atomic uint32_t stage; /* enum scan_stage */
	uint32_t table;
	uint32_t from_len, row_len;
	uint8_t from[WALK_KEY_MAX];
	uint8_t row[WALK_KEY_MAX];
	struct scan_result result;
	struct findings found;
};

/* What lies outside of data.mdb, read before the scan. */
struct evidence {
	bool given;                 /* --log */
	struct log_identity pinned; /* from --log */
	bool has_stored;            /* D/identity parses */
	struct log_identity stored;
	char identity_text[512]; /* D/identity; "" when missing */
	size_t identity_len;
	char vkey_text[VKEY_LEN_MAX + 8]; /* D/vkey */
	size_t vkey_len;
	enum {
		SIGNER_ABSENT,
		SIGNER_DAMAGED,
		SIGNER_EMPTY,
		SIGNER_NOTE
	} signer;
	uint8_t signer_note[SIGNER_NOTE_MAX];
	size_t signer_len;
	bool signer_given;   /* by --signer-dir */
	bool has_checkpoint; /* --checkpoint */
	uint8_t checkpoint_note[NOTE_LEN_MAX];
	size_t checkpoint_len;
};

/* ---- a scan ---- */

struct scan {
	struct db *db;
	struct db_txn *txn;
	struct black_box *box;
	const struct hole *holes;
	size_t hole_count;
	const struct evidence *evidence;

	struct vkey vkey; /* what heads are opened with; the pinned one where there is one */
	bool has_vkey;
	struct hash genesis;    /* what chunks are bound to */
	struct hash first_leaf; /* of record 0 */
	bool has_first;
	struct spine spine;     /* judges the records */
	struct control control; /* and the payloads of control entries */
	struct index_set classes;
	bool skip_names; /* LMDB's main database killed an earlier scan */
};

/* findings_add to the scan's findings. */
#define scan_find(scan, ...) findings_add(&(scan)->box->found, __VA_ARGS__)

/* Exit status of a scanning process that could not read on, and of one without memory. */
enum {
	SCAN_EXIT_UNREADABLE = 40,
	SCAN_EXIT_NOMEM = 41,
};
/* End the process: LMDB answered an error (the black box says where), or memory is out. */
_Noreturn void scan_unreadable(void);
_Noreturn void scan_nomem(void);

#endif
