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
