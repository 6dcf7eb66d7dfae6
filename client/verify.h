/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct trail_verify: what a verification is to do, and what it found.
 */
#ifndef CLIENT_VERIFY_H
#define CLIENT_VERIFY_H

#include "../include/trail.h"
#include "../proto/findings.h"
#include "../proto/hash.h"
#include "../proto/note.h"

struct verify_result {
	bool ended; /* there is a verdict */
	uint64_t size, since, checked;
	uint64_t payloads; /* that fit their commitments */
	uint64_t erased;   /* missing, and the log holds an ERASURE, or may hold one */
	bool whole;        /* all records below `size` are in `root` */
	struct hash root;
	char origin[NOTE_NAME_MAX + 1]; /* "": it did not come to that */
	struct findings found;
};

struct trail_verify {
	struct buf checkpoint, since; /* signed notes; empty: not given */
	struct vkey vkey;             /* of a log that is not ours */
	bool has_vkey;
	bool resume;
	bool payloads;
	unsigned threads;
	trail_progress_fn progress; /* NULL: nobody asks */
	void *ctx;
	struct verify_result result;
};

#endif
