/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: what is committed, read back. Opening recovers the tail; reading goes through short
 * transactions of the caller's. Only daemon/batch writes.
 */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include "../proto/message.h"
#include "../proto/tree.h"
#include "chunk.h"
#include "db.h"

struct store;

/*
 * Open the store in the folder D/log (making an empty one if `create`). No signature is checked
 * here. On failure `why` gets a sentence. TRAIL_CORRUPT: contradicts itself (exit 5). TRAIL_IO
 * (exit 3).
 */
enum trail_err store_open(
	const char *folder, uint64_t map_bytes, bool create, struct store **store, char why[512]);
void store_close(struct store *store);
struct db *store_db(struct store *store);

/*
 * The newest signed head, for any thread. Copies; answers false before the first.
 */
struct head {
	uint64_t size;
	struct hash root;
	size_t note_len;
	char note[512];
};
bool store_head(struct store *store, struct head *head);
void store_head_set(struct store *store, const struct head *head);
/*
 * The newest head that a SEAL covers, or is about to: known before the head behind it is, so that
 * who shows heads to others can show this one. As above.
 */
bool store_sealed(struct store *store, struct head *head);
void store_sealed_set(struct store *store, const struct head *head);

/*
 * The newest note that a quorum of witnesses cosigned, for any thread: its size, 0 before there is
 * one; the note is appended to `note`, unless that is NULL.
 */
uint64_t store_witnessed(struct store *store, struct buf *note);
/* Copied; left as it is when memory is out. */
void store_witnessed_set(struct store *store, uint64_t size, struct span note);

/* Leaf hash of record 0; what chunks are bound to. Zeros before there is one. */
struct hash store_genesis(struct store *store);
/* Said once, by whoever made record 0. */
void store_genesis_set(struct store *store, const struct hash *leaf);

/* ---- reading, inside a db_txn ---- */

/* Records held. */
uint64_t store_size(struct db_txn *txn);
/*
 * The `RECORD_LEN` bytes of record `index`; *more (may be NULL) how many records follow behind it
 * side by side in the same row, itself included. Views the map. NULL: not there (or db_error).
 */
const uint8_t *store_record(struct db_txn *txn, uint64_t index, uint64_t *more);
/*
 * The whole row of the spine that holds record `index`: the index of its first record, and the
 * bytes of all, RECORD_LEN each. Views the map. False: not there (or db_error).
 */
bool store_run(struct db_txn *txn, uint64_t index, uint64_t *first, struct span *records);
/*
 * Whether record `index` with this leaf hash lies in the tree that `head` has the root of, as the
 * nodes say that `node` fetches.
 */
bool head_proves(const struct head *head, tree_node_fn node, void *ctx, uint64_t index,
	const struct hash *leaf);
/* The same, with the nodes of the store. */
bool store_proves(
	struct db_txn *txn, const struct head *head, uint64_t index, const struct hash *leaf);
/* Node (level, index) of a complete subtree; tree_node_fn with a db_txn as ctx. */
enum trail_err store_node(void *txn, unsigned level, uint64_t index, struct hash *out);
/*
 * The chunk of `class_no` that holds record `index`, if any does, and the first index in its key.
 * Views the map. False: none (or db_error).
 */
bool store_chunk(
	struct db_txn *txn, uint32_t class_no, uint64_t index, uint64_t *first, struct span *chunk);
/*
 * Salt and payload of control entry `index` (no PEER: its payload is kept like an event's), which
 * must be of `kind`. Views the map; not compared with the record. TRAIL_CORRUPT: missing, or
 * malformed.
 */
enum trail_err store_control(
	struct db_txn *txn, uint64_t index, uint8_t kind, struct span *salt, struct span *payload);

#endif
