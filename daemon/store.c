/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	WHY_LEN = 512,
};

struct store {
	struct db *db;
	struct hash genesis;
	pthread_mutex_t lock; /* of what follows */
	bool has_head;
	struct head head;
	struct head sealed; /* size 0: none */
	uint64_t witnessed_size;
	struct buf witnessed;
};

static enum trail_err say(char why[WHY_LEN], enum trail_err err, const char *folder)
{
	int saved = errno;
	switch ((int)err) {
	case TRAIL_CORRUPT:
		(void)snprintf(why, WHY_LEN,
			"%s/data.mdb is damaged: its meta pages or tables do not fit the file; "
			"run `traild check`, then restore the missing records from a mirror or "
			"begin a successor log",
			folder);
		break;
	case TRAIL_NOMEM:
		(void)snprintf(why, WHY_LEN, "not enough memory to open %s", folder);
		break;
	default:
		(void)snprintf(
			why, WHY_LEN, "cannot open %s/data.mdb: %s", folder, strerror(saved));
		break;
	}
	return err;
}

static enum trail_err read_genesis(struct store *store)
{
	struct db_txn *txn = db_begin(store->db, false);
	if (!txn)
		return TRAIL_IO;
	const uint8_t *first = store_record(txn, 0, NULL);
	if (first)
		record_leaf(first, &store->genesis);
	enum trail_err err = db_error(txn);
	if (err == TRAIL_OK && (first != NULL) != (store_size(txn) != 0))
		err = TRAIL_CORRUPT;
	db_abort(txn);
	return err;
}

enum trail_err store_open(
	const char *folder, uint64_t map_bytes, bool create, struct store **out, char why[WHY_LEN])
{
	struct db_options options = { .map_bytes = map_bytes, .create = create };
	struct store *store = calloc(1, sizeof *store);
	if (!store)
		return say(why, TRAIL_NOMEM, folder);
	(void)pthread_mutex_init(&store->lock, NULL);
	enum trail_err err = db_open(folder, &options, &store->db);
	if (err == TRAIL_OK)
		err = read_genesis(store);
	if (err != TRAIL_OK) {
		(void)say(why, err, folder);
		store_close(store);
		return err;
	}
	*out = store;
	return TRAIL_OK;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	db_close(store->db);
	buf_release(&store->witnessed);
	(void)pthread_mutex_destroy(&store->lock);
	free(store);
}

struct db *store_db(struct store *store)
{
	return store->db;
}

bool store_head(struct store *store, struct head *head)
{
	(void)pthread_mutex_lock(&store->lock);
	bool has = store->has_head;
	if (has)
		*head = store->head;
	(void)pthread_mutex_unlock(&store->lock);
	return has;
}

void store_head_set(struct store *store, const struct head *head)
{
	(void)pthread_mutex_lock(&store->lock);
	store->head = *head;
	store->has_head = true;
	(void)pthread_mutex_unlock(&store->lock);
}

bool store_sealed(struct store *store, struct head *head)
{
	(void)pthread_mutex_lock(&store->lock);
	*head = store->sealed;
	(void)pthread_mutex_unlock(&store->lock);
	return head->size != 0;
}

void store_sealed_set(struct store *store, const struct head *head)
{
	(void)pthread_mutex_lock(&store->lock);
	store->sealed = *head;
	(void)pthread_mutex_unlock(&store->lock);
}

uint64_t store_witnessed(struct store *store, struct buf *note)
{
	(void)pthread_mutex_lock(&store->lock);
	const uint64_t size = store->witnessed_size;
	if (note)
		buf_put_span(note, buf_view(&store->witnessed));
	(void)pthread_mutex_unlock(&store->lock);
	return size;
}

void store_witnessed_set(struct store *store, uint64_t size, struct span note)
{
	struct buf copy = { 0 };
	buf_put_span(&copy, note);
	if (copy.failed) {
		buf_release(&copy);
		return;
	}
	(void)pthread_mutex_lock(&store->lock);
	struct buf old = store->witnessed;
	store->witnessed = copy;
	store->witnessed_size = size;
	(void)pthread_mutex_unlock(&store->lock);
	buf_release(&old);
}

struct hash store_genesis(struct store *store)
{
	return store->genesis;
}

void store_genesis_set(struct store *store, const struct hash *leaf)
{
	store->genesis = *leaf;
}

/* ---- reading ---- */

/* A spine row's first index and number of records; false: not such a row. */
static bool spine_row(struct span key, struct span value, uint64_t *first, uint64_t *count)
{
	if (key.len != KEY_INDEX_LEN || value.len == 0 || value.len % RECORD_LEN != 0)
		return false;
	*first = load_be64(key.data);
	*count = value.len / RECORD_LEN;
	return true;
}

uint64_t store_size(struct db_txn *txn)
{
	struct span key, value;
	uint64_t first, count;
	if (!db_last(txn, TABLE_SPINE, &key, &value) || !spine_row(key, value, &first, &count))
		return 0;
	return first + count;
}

bool store_run(struct db_txn *txn, uint64_t index, uint64_t *first, struct span *records)
{
	uint8_t wanted[KEY_INDEX_LEN];
	struct span key;
	uint64_t count;
	key_index(index, wanted);
	return db_floor(txn, TABLE_SPINE, span_of(wanted, sizeof wanted), &key, records) &&
		spine_row(key, *records, first, &count) && index - *first < count;
}

const uint8_t *store_record(struct db_txn *txn, uint64_t index, uint64_t *more)
{
	struct span run;
	uint64_t first;
	if (!store_run(txn, index, &first, &run))
		return NULL;
	if (more)
		*more = run.len / RECORD_LEN - (index - first);
	return run.data + (index - first) * RECORD_LEN;
}

static enum trail_err missing(struct db_txn *txn)
{
	enum trail_err err = db_error(txn);
	return err == TRAIL_OK ? TRAIL_CORRUPT : err;
}

/* `count` (<= 8) leaf hashes from `first` on. */
static enum trail_err leaves(struct db_txn *txn, uint64_t first, size_t count, struct hash *out)
{
	for (size_t i = 0; i < count;) {
		uint64_t more;
		const uint8_t *record = store_record(txn, first + i, &more);
		if (!record)
			return missing(txn);
		for (; more > 0 && i < count; more--, i++, record += RECORD_LEN)
			record_leaf(record, &out[i]);
	}
	return TRAIL_OK;
}

/* `count` (<= 8) roots of subtrees of 16^level leaves from n on. */
static enum trail_err tiles(
	struct db_txn *txn, uint8_t level, uint64_t n, size_t count, struct hash *out)
{
	for (size_t i = 0; i < count;) {
		uint8_t wanted[KEY_TILE_LEN];
		struct span key, value;
		key_tile(level, n + i, wanted);
		if (!db_floor(txn, TABLE_TILE, span_of(wanted, sizeof wanted), &key, &value) ||
			key.len != KEY_TILE_LEN || key.data[0] != level ||
			value.len % HASH_LEN != 0)
			return missing(txn);
		uint64_t at = n + i - load_be64(key.data + 1);
		if (at >= value.len / HASH_LEN)
			return missing(txn);
		for (; at < value.len / HASH_LEN && i < count; at++, i++)
			memcpy(out[i].b, value.data + at * HASH_LEN, HASH_LEN);
	}
	return TRAIL_OK;
}

enum trail_err store_node(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	struct hash row[1 << (TILE_STEP - 1)];
	unsigned up = level % TILE_STEP;
	size_t count = (size_t)1 << up;
	uint64_t first = index << up;
	if (level >= TREE_LEVELS)
		return TRAIL_INVALID;
	enum trail_err err = level < TILE_STEP
		? leaves(ctx, first, count, row)
		: tiles(ctx, (uint8_t)(level / TILE_STEP), first, count, row);
	if (err != TRAIL_OK)
		return err;
	for (; count > 1; count /= 2) {
		for (size_t i = 0; i < count / 2; i++)
			hash_node(&row[2 * i], &row[2 * i + 1], &row[i]);
	}
	*out = row[0];
	return TRAIL_OK;
}

bool head_proves(const struct head *head, tree_node_fn node, void *ctx, uint64_t index,
	const struct hash *leaf)
{
	struct tree_proof proof;
	return tree_inclusion(index, head->size, node, ctx, &proof) == TRAIL_OK &&
		tree_inclusion_check(leaf, index, head->size, &proof, &head->root);
}

bool store_proves(
	struct db_txn *txn, const struct head *head, uint64_t index, const struct hash *leaf)
{
	return head_proves(head, store_node, txn, index, leaf);
}

bool store_chunk(
	struct db_txn *txn, uint32_t class_no, uint64_t index, uint64_t *first, struct span *chunk)
{
	uint8_t wanted[KEY_PAYLOAD_LEN];
	struct span key;
	key_payload(class_no, index, wanted);
	if (!db_floor(txn, TABLE_PAYLOAD, span_of(wanted, sizeof wanted), &key, chunk) ||
		key.len != KEY_PAYLOAD_LEN || load_be32(key.data) != class_no)
		return false;
	*first = load_be64(key.data + 4);
	return true;
}

enum trail_err store_control(
	struct db_txn *txn, uint64_t index, uint8_t kind, struct span *salt, struct span *payload)
{
	uint8_t key[KEY_INDEX_LEN];
	struct span value;
	struct control_row row;
	key_index(index, key);
	if (!db_get(txn, TABLE_CONTROL, span_of(key, sizeof key), &value) ||
		!control_row_decode(value, &row) || row.kind != kind || !row.salt)
		return missing(txn);
	*salt = span_of(row.salt, SALT_LEN);
	*payload = row.payload;
	return TRAIL_OK;
}
