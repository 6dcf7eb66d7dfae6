/* SPDX-License-Identifier: Apache-2.0 */
#include "store_case.h"

#include "../../daemon/sweep.h"
#include "../../proto/crypto.h"

#include <stdio.h>
#include <stdlib.h>

/* Every event of a case has this one: what it hides does not matter here. */
static const uint8_t SALT[SALT_LEN] = { 1, 2, 3 };

static void demand(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "store_case: %s\n", what);
	abort();
}

static void open_store(struct store_case *c, bool create)
{
	char why[512];
	demand(store_open(c->folder, STORE_CASE_MAP, create, &c->store, why) == TRAIL_OK, why);
	c->batch = batch_new(c->store);
	demand(c->batch && batch_recover(c->batch) == TRAIL_OK, "batch_recover");
}

void store_case_make(struct store_case *c)
{
	*c = (struct store_case){ .now_ns = UINT64_C(1760000000000000000) };
	demand(crypto_init(), "crypto_init");
	c->leaves = calloc(STORE_CASE_LEAVES, sizeof *c->leaves);
	demand(c->leaves != NULL, "memory");
	case_folder_make(c->folder);
	open_store(c, true);
}

void store_case_reopen(struct store_case *c)
{
	batch_free(c->batch);
	store_close(c->store);
	open_store(c, false);
}

void store_case_remove(struct store_case *c)
{
	batch_free(c->batch);
	store_close(c->store);
	case_folder_remove(c->folder);
	free(c->leaves);
}

uint64_t store_case_event(
	struct store_case *c, uint64_t source, uint64_t epoch, uint64_t seq, struct span payload)
{
	struct record r = {
		.kind = KIND_EVENT,
		.source = source,
		.epoch = epoch,
		.seq = seq,
		.received_ns = c->now_ns++,
	};
	demand(c->count < STORE_CASE_LEAVES, "the naive account is full");
	record_commitment(SALT, payload, &r.commitment);
	uint64_t index = batch_add_event(c->batch, &r, SALT, payload);
	c->leaves[c->count++] = *batch_last_leaf(c->batch);
	return index;
}

uint64_t store_case_entry(struct store_case *c, struct span payload)
{
	demand(c->count < STORE_CASE_LEAVES, "the naive account is full");
	uint64_t index = batch_add_control(c->batch, KIND_DAEMON, 0, c->now_ns++, payload);
	c->leaves[c->count++] = *batch_last_leaf(c->batch);
	return index;
}

void store_case_commit(struct store_case *c)
{
	struct db_txn *txn = db_begin(store_db(c->store), true);
	demand(txn && batch_put(c->batch, txn) == TRAIL_OK, "batch_put");
	demand(db_commit(txn) == TRAIL_OK, "db_commit");
	batch_done(c->batch);
}

struct hash naive_root(const struct store_case *c, size_t from, size_t to)
{
	size_t half = 1;
	if (to - from == 1)
		return c->leaves[from];
	while (half * 2 < to - from)
		half *= 2;
	struct hash left = naive_root(c, from, from + half);
	struct hash right = naive_root(c, from + half, to);
	struct hash root;
	hash_node(&left, &right, &root);
	return root;
}

enum trail_err store_case_payload(struct store *store, struct db_txn *txn, struct chunker *chunker,
	uint64_t index, struct buf *out, struct span *salt, struct span *payload)
{
	struct sweep sweep;
	struct record r;
	sweep_begin(&sweep, store, txn, chunker);
	const uint8_t *bytes = sweep_record(&sweep, index);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	enum trail_err err = sweep_payload(&sweep, index, &r, salt, payload);
	if (err != TRAIL_OK)
		return err;
	size_t at = out->len;
	buf_put_span(out, *salt);
	buf_put_span(out, *payload);
	*salt = span_of(out->data + at, SALT_LEN);
	*payload = span_of(out->data + at + SALT_LEN, out->len - at - SALT_LEN);
	return TRAIL_OK;
}
