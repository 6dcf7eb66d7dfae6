/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store on a real disk and one batch on it, for tests of what stands on both; and a second, naive
 * account of the same log: every leaf in one array, MTH by the recursive words of RFC 6962. Every
 * function aborts when the machine does not play along.
 */
#ifndef TESTS_SUPPORT_STORE_CASE_H
#define TESTS_SUPPORT_STORE_CASE_H

#include "../../daemon/batch.h"
#include "signer_case.h"

enum {
	STORE_CASE_MAP = 256 << 20,
	STORE_CASE_LEAVES = 1 << 17
};

struct store_case {
	char folder[CASE_PATH_MAX];
	struct store *store;
	struct batch *batch;
	/* the naive account */
	size_t count;
	struct hash *leaves;
	uint64_t now_ns;
};

/* A new empty store in a folder of its own. */
void store_case_make(struct store_case *c);
/* Close and open again; the batch is recovered. */
void store_case_reopen(struct store_case *c);
void store_case_remove(struct store_case *c);

/* Stage one event of (source, epoch, seq); `payload` must live until the commit. Its index. */
uint64_t store_case_event(
	struct store_case *c, uint64_t source, uint64_t epoch, uint64_t seq, struct span payload);
/* Stage a DAEMON entry. Its index. */
uint64_t store_case_entry(struct store_case *c, struct span payload);
/* Put, commit, note the new leaves. */
void store_case_commit(struct store_case *c);

/*
 * Salt || payload of record `index`, which must open its commitment, appended to `out`; *salt and
 * *payload view that. As sweep_payload; TRAIL_CORRUPT also where the record is not there.
 */
enum trail_err store_case_payload(struct store *store, struct db_txn *txn, struct chunker *chunker,
	uint64_t index, struct buf *out, struct span *salt, struct span *payload);

/* MTH(D[from:to]), from < to, of the naive account. */
struct hash naive_root(const struct store_case *c, size_t from, size_t to);

#endif
