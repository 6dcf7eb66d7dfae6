/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct trail_verify: what a verification is to do, and what it found.
 */
#ifndef CLIENT_VERIFY_H
#define CLIENT_VERIFY_H

#include "../include/trail.h"
#include "../proto/findings.h"
#include "../proto/hash.h"

struct verify_result {
	bool ended; /* there is a verdict */
	uint64_t size, since, checked;
	uint64_t payloads; /* that fit their commitments */
	uint64_t erased;   /* missing, and the log holds an ERASURE, or may hold one */
	uint64_t seals;    /* of the log */
	bool sealed; /* the newest SEAL that holds with all before it stands at sealed_index */
	uint64_t sealed_index, sealed_ns;
	bool whole; /* all records below `size` are in `root` */
	struct hash root;
	struct findings found;
};

struct trail_verify {
	struct buf checkpoint, since; /* signed notes; empty: not given */
	bool resume;
	bool payloads;
	unsigned threads;
	trail_progress_fn progress; /* NULL: nobody asks */
	void *ctx;
	struct verify_result result;
};

#endif
