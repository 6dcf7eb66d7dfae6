/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <stdlib.h>

enum {
	LEVELS = 15, /* 2^14 = BATCH_RECORDS_MAX leaves, and one more level that they may finish */
};

_Static_assert(BATCH_RECORDS_MAX == 1 << (LEVELS - 1), "LEVELS follows from BATCH_RECORDS_MAX");

/* A payload to be packed. `month` is that of the record. */
struct item {
	uint64_t index;
	const uint8_t *salt;
	struct span payload;
	uint32_t class_no;
	uint32_t month;
};

/* A control entry, kept by the batch itself. */
struct control {
	uint64_t index;
	uint8_t kind;
	uint8_t salt[SALT_LEN];
	uint16_t len;
	uint8_t payload[BATCH_CONTROL_LEN_MAX];
};

/* The nodes of one level that this batch finished, side by side. */
struct level {
	uint64_t first;
	size_t count;
	struct hash *nodes;
};

struct batch {
	struct store *store;
	struct chunker *chunker;
	/* the right edge: as committed, and with everything added */
	struct frontier committed;
	struct frontier grown;
	struct hash last_leaf;
	uint64_t last_ns;
	/* what was added */
	size_t count;
	size_t bytes;
	uint8_t (*records)[RECORD_LEN];
	size_t item_count;
	struct item *items;
	size_t control_count;
	struct control *controls;
	struct level levels[LEVELS];
	/* nodes above LEVELS: at most one each */
	struct hash high[TREE_LEVELS];
	uint64_t high_index[TREE_LEVELS];
	bool high_set[TREE_LEVELS];
};

static bool allocate(struct batch *b)
{
	b->chunker = chunker_new();
	b->records = calloc(BATCH_RECORDS_MAX, RECORD_LEN);
	b->items = calloc(BATCH_RECORDS_MAX, sizeof *b->items);
	b->controls = calloc(BATCH_CONTROL_MAX, sizeof *b->controls);
	if (!b->chunker || !b->records || !b->items || !b->controls)
		return false;
	for (int l = 0; l < LEVELS; l++) {
		b->levels[l].nodes =
			calloc(((size_t)BATCH_RECORDS_MAX >> l) + 1, sizeof *b->levels[l].nodes);
		if (!b->levels[l].nodes)
			return false;
	}
	return true;
}

struct batch *batch_new(struct store *store)
{
	struct batch *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->store = store;
	if (!allocate(b)) {
		batch_free(b);
		return NULL;
	}
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	for (int l = 0; l < LEVELS; l++)
		free(b->levels[l].nodes);
	free(b->controls);
	free(b->items);
	free(b->records);
	chunker_free(b->chunker);
	free(b);
}

static enum trail_err recover(struct batch *b, struct db_txn *txn)
{
	uint64_t size = store_size(txn);
	if (db_error(txn) != TRAIL_OK)
		return db_error(txn);
	enum trail_err err = frontier_load(&b->committed, size, store_node, txn);
	if (err != TRAIL_OK)
		return err;
	b->grown = b->committed;
	if (size == 0)
		return TRAIL_OK;
	const uint8_t *last = store_record(txn, size - 1, NULL);
	if (!last)
		return TRAIL_CORRUPT;
	struct record r;
	record_decode(last, &r);
	record_leaf(last, &b->last_leaf);
	b->last_ns = r.received_ns;
	/*
	 * What comes next is chained to this record: it must be the one that is in the tree, or a
	 * chain that was forged would be carried on, and so confirmed.
	 */
	struct head head = { .size = size };
	frontier_root(&b->committed, &head.root);
	return store_proves(txn, &head, size - 1, &b->last_leaf) ? TRAIL_OK : TRAIL_CORRUPT;
}

enum trail_err batch_recover(struct batch *b)
{
	struct db_txn *txn = db_begin(store_db(b->store), false);
	if (!txn)
		return TRAIL_IO;
	enum trail_err err = recover(b, txn);
	db_abort(txn);
	return err;
}

uint64_t batch_next(const struct batch *b)
{
	return b->grown.size;
}

uint64_t batch_committed(const struct batch *b)
{
	return b->committed.size;
}

uint64_t batch_last_ns(const struct batch *b)
{
	return b->last_ns;
}

const struct hash *batch_last_leaf(const struct batch *b)
{
	return &b->last_leaf;
}

bool batch_is_empty(const struct batch *b)
{
	return b->count == 0;
}

bool batch_has_room(const struct batch *b, size_t records, size_t bytes)
{
	/* One request makes at most a SOURCE, a PEER and a loss entry per claim. */
	return b->count + records + CLAIMS_MAX + 2 <= BATCH_RECORDS_MAX &&
		b->bytes + bytes <= BATCH_BYTES_MAX &&
		b->control_count + CLAIMS_MAX + 2 <= BATCH_CONTROL_MAX;
}

/* ---- adding ---- */

static void node_done(void *ctx, unsigned level, uint64_t index, const struct hash *node)
{
	struct batch *b = ctx;
	if (level >= TREE_LEVELS)
		abort(); /* no tree is that high */
	if (level >= LEVELS) {
		b->high[level] = *node;
		b->high_index[level] = index;
		b->high_set[level] = true;
		return;
	}
	struct level *l = &b->levels[level];
	if (l->count == 0)
		l->first = index;
	l->nodes[l->count++] = *node;
}

static uint64_t add_record(struct batch *b, struct record *r)
{
	uint8_t *bytes = b->records[b->count++];
	r->version = RECORD_VERSION;
	r->prev = b->last_leaf;
	record_encode(r, bytes);
	record_leaf(bytes, &b->last_leaf);
	b->last_ns = r->received_ns;
	frontier_append(&b->grown, &b->last_leaf, node_done, b);
	return b->grown.size - 1;
}

static void add_item(struct batch *b, const struct record *r, uint64_t index, const uint8_t *salt,
	struct span payload)
{
	b->items[b->item_count++] = (struct item){
		.index = index,
		.salt = salt,
		.payload = payload,
		.class_no = r->class_no,
		.month = month_of(r->received_ns),
	};
	b->bytes += payload.len;
}

uint64_t batch_add_event(
	struct batch *b, struct record *r, const uint8_t salt[SALT_LEN], struct span payload)
{
	uint64_t index = add_record(b, r);
	add_item(b, r, index, salt, payload);
	return index;
}

uint64_t batch_add_control(struct batch *b, enum record_kind kind, uint64_t peer,
	uint64_t received_ns, struct span payload)
{
	if (b->control_count == BATCH_CONTROL_MAX)
		abort(); /* whoever stages asks for room first */
	struct control *c = &b->controls[b->control_count++];
	struct record r = {
		.kind = (uint8_t)kind,
		.peer = peer,
		.received_ns = received_ns,
	};
	if (payload.len > sizeof c->payload)
		abort(); /* every control payload is ours, and short */
	c->kind = (uint8_t)kind;
	c->len = (uint16_t)payload.len;
	if (payload.len != 0)
		memcpy(c->payload, payload.data, payload.len);
	crypto_random(c->salt, sizeof c->salt);
	record_commitment(c->salt, payload, &r.commitment);
	c->index = add_record(b, &r);
	if (kind == KIND_PEER)
		add_item(b, &r, c->index, c->salt, span_of(c->payload, c->len));
	return c->index;
}

/* ---- the tree ---- */

void batch_root(const struct batch *b, struct checkpoint *cp)
{
	cp->size = b->grown.size;
	frontier_root(&b->grown, &cp->root);
}

/*
 * A consistency proof from the committed size needs only nodes of the committed frontier and nodes
 * that this batch finished: subtrees that lie wholly left of the old edge on the way down to it,
 * and wholly right of it.
 */
static enum trail_err batch_node(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	const struct batch *b = ctx;
	uint64_t old = b->committed.size >> level;
	if ((old & 1) != 0 && index == old - 1) {
		*out = b->committed.node[level];
		return TRAIL_OK;
	}
	if (level >= TREE_LEVELS)
		return TRAIL_CORRUPT;
	if (level >= LEVELS) {
		if (!b->high_set[level] || b->high_index[level] != index)
			return TRAIL_CORRUPT;
		*out = b->high[level];
		return TRAIL_OK;
	}
	const struct level *l = &b->levels[level];
	if (index < l->first || index - l->first >= l->count)
		return TRAIL_CORRUPT;
	*out = l->nodes[index - l->first];
	return TRAIL_OK;
}

enum trail_err batch_consistency(struct batch *b, struct tree_proof *proof)
{
	return tree_consistency(b->committed.size, b->grown.size, batch_node, b, proof);
}

/* ---- putting ---- */

static void put_spine(struct batch *b, struct db_txn *txn)
{
	uint8_t key[KEY_INDEX_LEN];
	key_index(b->committed.size, key);
	uint8_t *to = db_reserve(
		txn, TABLE_SPINE, span_of(key, sizeof key), b->count * (size_t)RECORD_LEN);
	if (to)
		memcpy(to, b->records, b->count * (size_t)RECORD_LEN);
}

static void put_tile(
	struct db_txn *txn, unsigned level, uint64_t n, const struct hash *nodes, size_t count)
{
	uint8_t key[KEY_TILE_LEN];
	key_tile((uint8_t)(level / TILE_STEP), n, key);
	db_put(txn, TABLE_TILE, span_of(key, sizeof key), span_of(nodes, count * sizeof *nodes));
}

static void put_tiles(struct batch *b, struct db_txn *txn)
{
	for (unsigned level = TILE_STEP; level < TREE_LEVELS; level += TILE_STEP) {
		if (level >= LEVELS && b->high_set[level])
			put_tile(txn, level, b->high_index[level], &b->high[level], 1);
		else if (level < LEVELS && b->levels[level].count != 0)
			put_tile(txn, level, b->levels[level].first, b->levels[level].nodes,
				b->levels[level].count);
	}
}

static void put_controls(struct batch *b, struct db_txn *txn)
{
	for (size_t i = 0; i < b->control_count; i++) {
		const struct control *c = &b->controls[i];
		uint8_t key[KEY_INDEX_LEN];
		bool apart = c->kind == KIND_PEER; /* its payload is kept like an event's */
		key_index(c->index, key);
		uint8_t *to = db_reserve(txn, TABLE_CONTROL, span_of(key, sizeof key),
			apart ? 1 : 1U + SALT_LEN + c->len);
		if (!to)
			return;
		to[0] = c->kind;
		if (apart)
			continue;
		memcpy(to + 1, c->salt, SALT_LEN);
		memcpy(to + 1 + SALT_LEN, c->payload, c->len);
	}
}

static enum trail_err put_chunk(struct batch *b, struct db_txn *txn, const struct item *first)
{
	struct chunk_place place = {
		.genesis = store_genesis(b->store),
		.class_no = first->class_no,
		.month = first->month,
		.first = first->index,
	};
	uint8_t key[KEY_PAYLOAD_LEN];
	struct span chunk;
	enum trail_err err = chunk_finish(b->chunker, &place, &chunk);
	if (err != TRAIL_OK)
		return err;
	key_payload(place.class_no, place.first, key);
	db_put(txn, TABLE_PAYLOAD, span_of(key, sizeof key), chunk);
	return TRAIL_OK;
}

/* Pack the items of one class, in order; what is packed leaves the list. */
static enum trail_err put_class(struct batch *b, struct db_txn *txn, uint32_t class_no)
{
	struct item first = { 0 };
	size_t kept = 0;
	chunk_begin(b->chunker);
	for (size_t i = 0; i < b->item_count; i++) {
		struct item item = b->items[i];
		if (item.class_no != class_no) {
			b->items[kept++] = item;
			continue;
		}
		bool fits = chunk_count(b->chunker) != 0 && item.month == first.month &&
			chunk_add(b->chunker, item.index, item.salt, item.payload);
		if (fits)
			continue;
		if (chunk_count(b->chunker) != 0) {
			enum trail_err err = put_chunk(b, txn, &first);
			if (err != TRAIL_OK)
				return err;
			chunk_begin(b->chunker);
		}
		first = item;
		if (!chunk_add(b->chunker, item.index, item.salt, item.payload))
			return TRAIL_TOO_BIG;
	}
	b->item_count = kept;
	return chunk_count(b->chunker) != 0 ? put_chunk(b, txn, &first) : TRAIL_OK;
}

enum trail_err batch_put(struct batch *b, struct db_txn *txn)
{
	if (b->count == 0)
		return TRAIL_OK;
	if (b->committed.size == 0) {
		struct hash genesis;
		record_leaf(b->records[0], &genesis);
		store_genesis_set(b->store, &genesis);
	}
	put_spine(b, txn);
	put_tiles(b, txn);
	put_controls(b, txn);
	while (b->item_count != 0) {
		enum trail_err err = put_class(b, txn, b->items[0].class_no);
		if (err != TRAIL_OK)
			return err;
	}
	return db_error(txn);
}

void batch_done(struct batch *b)
{
	b->committed = b->grown;
	b->count = 0;
	b->bytes = 0;
	b->item_count = 0;
	b->control_count = 0;
	for (int l = 0; l < LEVELS; l++)
		b->levels[l].count = 0;
	memset(b->high_set, 0, sizeof b->high_set);
}
