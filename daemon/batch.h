/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One commit being built: records, their leaves and the tree nodes that they finish, payloads and
 * control entries; then put into one transaction. Holds the log's right edge between commits. Knows
 * no numbering and no signer. One thread at a time (the writer's).
 *
 *   level 0   leaf  leaf  leaf  leaf ...      first[0] = old size
 *   level 1      node        node    ...      only what this batch finished; earlier ones lie in
 *   level 4 k                                 the store, which gets these as one run
 */
#ifndef DAEMON_BATCH_H
#define DAEMON_BATCH_H

#include "store.h"

enum {
	BATCH_RECORDS_MAX = 16384,
	BATCH_BYTES_MAX = 16 << 20, /* of payload; with the records far below LMDB's dirty list */
	BATCH_CONTROL_MAX = 1024,   /* control entries, and PEERs, in one batch */
	BATCH_CONTROL_LEN_MAX = 4096,
};

struct batch;

/* NULL: memory is out. */
struct batch *batch_new(struct store *store);
void batch_free(struct batch *b);

/*
 * Find the right edge of what is committed: size, frontier, last leaf, last time.
 * TRAIL_CORRUPT: the spine or the tiles lack what the size demands, or the last record is none of
 * the tree's.
 */
enum trail_err batch_recover(struct batch *b);

/* Index that the next record gets. */
uint64_t batch_next(const struct batch *b);
/* Records that are committed. */
uint64_t batch_committed(const struct batch *b);
/* received_ns of the last record; 0 in an empty log. */
uint64_t batch_last_ns(const struct batch *b);
/* Leaf hash of the last record: the prev of the next. */
const struct hash *batch_last_leaf(const struct batch *b);
bool batch_is_empty(const struct batch *b);
/* Whether `records` more with `bytes` of payload, and some control entries, still fit. */
bool batch_has_room(const struct batch *b, size_t records, size_t bytes);

/*
 * Add one event; r->version and r->prev are set here. `salt` and `payload` are borrowed until
 * batch_put. Returns its index. The caller made sure of room.
 */
uint64_t batch_add_event(
	struct batch *b, struct record *r, const uint8_t salt[SALT_LEN], struct span payload);
/*
 * Add one control entry, or a PEER, of `kind`, caused by `peer`, received at `received_ns`: makes
 * the salt, copies the payload (<= BATCH_CONTROL_LEN_MAX). Returns its index.
 */
uint64_t batch_add_control(struct batch *b, enum record_kind kind, uint64_t peer,
	uint64_t received_ns, struct span payload);

/* Size and root with everything added. */
void batch_root(const struct batch *b, struct checkpoint *cp);
/* Consistency proof from the committed size (> 0) to that with everything added. */
enum trail_err batch_consistency(struct batch *b, struct tree_proof *proof);

/* Put it all into `txn`. Any error (also db_error) means that the transaction must not commit. */
enum trail_err batch_put(struct batch *b, struct db_txn *txn);
/* What was put is committed: the next batch begins here. */
void batch_done(struct batch *b);

#endif
