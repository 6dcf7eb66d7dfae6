/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup_case.h"

#include <stdio.h>
#include <stdlib.h>

static void demand(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "lookup_case: %s\n", what);
	abort();
}

void lookup_case_make(struct lookup_case *c)
{
	*c = (struct lookup_case){
		.folder = "/tmp/trail-lookup-XXXXXX",
		.op.peer = { .type = PEER_UNIX_USER, .name = "1001" },
	};
	demand(mkdtemp(c->folder) != NULL, "mkdtemp");
	c->b = builder_new(c->folder, "test.example/log");
	c->chunker = chunker_new();
	demand(c->chunker != NULL, "memory");
	(void)builder_daemon(c->b, DAEMON_START);
	builder_commit(c->b);
}

void lookup_case_remove(struct lookup_case *c)
{
	char command[96];
	chunker_free(c->chunker);
	builder_free(c->b);
	buf_release(&c->op.answer);
	(void)snprintf(command, sizeof command, "rm -rf %s", c->folder);
	demand(system(command) == 0, command);
}

void lookup_case_begin(struct lookup_case *c)
{
	c->look = (struct lookup){
		.store = builder_store(c->b),
		.chunker = c->chunker,
		.op = &c->op,
		.head = builder_head(c->b),
		.txn = db_begin(builder_db(c->b), false),
	};
	demand(c->look.txn != NULL, "db_begin");
	c->op.response = (struct response){ .id = c->op.request.id };
}

void lookup_case_end(struct lookup_case *c)
{
	db_abort(c->look.txn);
	c->look.txn = NULL;
}

void lookup_case_put(struct lookup_case *c, enum table table, struct span key, struct span value)
{
	struct db_txn *txn = db_begin(builder_db(c->b), true);
	demand(txn != NULL, "db_begin");
	db_put(txn, table, key, value);
	demand(db_commit(txn) == TRAIL_OK, "db_commit");
}

void lookup_case_delete(struct lookup_case *c, enum table table, struct span key)
{
	struct db_txn *txn = db_begin(builder_db(c->b), true);
	demand(txn != NULL, "db_begin");
	db_delete(txn, table, key);
	demand(db_commit(txn) == TRAIL_OK, "db_commit");
}

struct buf lookup_case_row(struct lookup_case *c, enum table table, struct span key)
{
	struct buf out = { 0 };
	struct span value;
	struct db_txn *txn = db_begin(builder_db(c->b), false);
	demand(txn != NULL, "db_begin");
	if (db_get(txn, table, key, &value))
		buf_put_span(&out, value);
	db_abort(txn);
	return out;
}

struct record lookup_case_record(struct lookup_case *c, uint64_t index)
{
	struct record r;
	struct db_txn *txn = db_begin(builder_db(c->b), false);
	const uint8_t *bytes = txn ? store_record(txn, index, NULL) : NULL;
	demand(bytes != NULL, "store_record");
	record_decode(bytes, &r);
	db_abort(txn);
	return r;
}

static struct row_before keep_row(
	struct lookup_case *c, enum table table, const uint8_t *key, size_t len)
{
	struct row_before before = { .table = table, .key_len = len };
	memcpy(before.key, key, len);
	before.value = lookup_case_row(c, table, span_of(key, len));
	demand(before.value.len != 0, "a row to keep");
	return before;
}

void lookup_case_undo(struct lookup_case *c, struct row_before *before)
{
	lookup_case_put(
		c, before->table, span_of(before->key, before->key_len), buf_view(&before->value));
	buf_release(&before->value);
}

/* Put what is packed; nothing: away with the row. */
static void put_chunk(struct lookup_case *c, struct chunker *packer,
	const struct chunk_place *place, struct span key)
{
	struct span chunk;
	if (chunk_count(packer) == 0) {
		lookup_case_delete(c, TABLE_PAYLOAD, key);
		return;
	}
	demand(chunk_finish(packer, place, &chunk) == TRAIL_OK, "chunk_finish");
	lookup_case_put(c, TABLE_PAYLOAD, key, chunk);
}

struct row_before lookup_case_payload(struct lookup_case *c, uint64_t index, struct span instead)
{
	struct record r = lookup_case_record(c, index);
	struct chunk_place place = {
		.genesis = store_genesis(builder_store(c->b)),
		.class_no = r.class_no,
		.month = month_of(r.received_ns),
	};
	struct chunker *packer = chunker_new();
	uint8_t key[KEY_PAYLOAD_LEN];
	struct span chunk;
	size_t count = 0;
	lookup_case_begin(c);
	demand(packer && store_chunk(c->look.txn, r.class_no, index, &place.first, &chunk) &&
			chunk_open(c->chunker, &place, chunk, &count) == TRAIL_OK,
		"chunk_open");
	chunk_begin(packer);
	for (size_t i = 0; i < count; i++) {
		struct chunk_item item = chunk_item(c->chunker, i);
		bool other = item.index == index;
		if (!other || instead.len != 0)
			demand(chunk_add(packer, item.index, item.salt,
				       other ? instead : item.payload),
				"chunk_add");
		else if (i == 0 && count > 1)
			demand(false, "the first of several gives its chunk the name");
	}
	lookup_case_end(c);
	key_payload(r.class_no, place.first, key);
	struct row_before before = keep_row(c, TABLE_PAYLOAD, key, sizeof key);
	put_chunk(c, packer, &place, span_of(key, sizeof key));
	chunker_free(packer);
	return before;
}

struct row_before lookup_case_replace(struct lookup_case *c, uint64_t index, const struct record *r)
{
	uint8_t key[KEY_INDEX_LEN];
	uint64_t first;
	struct span run;
	lookup_case_begin(c);
	demand(store_run(c->look.txn, index, &first, &run), "store_run");
	lookup_case_end(c);
	key_index(first, key);
	struct row_before before = keep_row(c, TABLE_SPINE, key, sizeof key);
	struct buf row = { 0 };
	buf_put_span(&row, buf_view(&before.value));
	record_encode(r, row.data + (index - first) * RECORD_LEN);
	lookup_case_put(c, TABLE_SPINE, span_of(key, sizeof key), buf_view(&row));
	buf_release(&row);
	return before;
}
