/* SPDX-License-Identifier: Apache-2.0 */
#include "intake_case.h"

#include "../../proto/crypto.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	MAP = 256 << 20,
	TEXT_MAX = 64
};

struct case_op {
	struct op op;
	struct case_op *next;
	struct span *events;
	char (*texts)[TEXT_MAX];
	int64_t *times;
	struct claim claim;
};

static void demand(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "intake_case: %s\n", what);
	abort();
}

static void start(struct intake_case *c)
{
	struct daemon_entry entry = { .what = DAEMON_START };
	intake_begin(&c->in);
	intake_say(&c->in, &entry);
	intake_case_commit(c);
}

void intake_case_make(struct intake_case *c)
{
	char why[512];
	*c = (struct intake_case){ .uid = "1000", .session = 1, .source = "ehr" };
	demand(crypto_init(), "crypto_init");
	case_folder_make(c->folder);
	demand(store_open(c->folder, MAP, true, &c->store, why) == TRAIL_OK, why);
	demand(intake_open(&c->in, c->store, why) == TRAIL_OK, why);
	(void)batch_add_control(c->in.batch, KIND_DAEMON, 0, 1, span_text("genesis"));
	start(c);
}

static void free_ops(struct intake_case *c)
{
	while (c->ops) {
		struct case_op *o = c->ops;
		c->ops = o->next;
		buf_release(&o->op.answer);
		free(o->op.salts);
		free(o->op.arena.data);
		free(o->events);
		free(o->texts);
		free(o->times);
		free(o);
	}
}

void intake_case_remove(struct intake_case *c)
{
	intake_close(&c->in);
	store_close(c->store);
	case_folder_remove(c->folder);
	free_ops(c);
}

enum trail_err intake_case_reopen(struct intake_case *c)
{
	char why[512];
	intake_close(&c->in);
	store_close(c->store);
	demand(store_open(c->folder, MAP, false, &c->store, why) == TRAIL_OK, why);
	return intake_open(&c->in, c->store, why);
}

void intake_case_restart(struct intake_case *c)
{
	intake_case_commit(c);
	demand(intake_case_reopen(c) == TRAIL_OK, "intake_open");
	start(c);
}

void intake_case_commit(struct intake_case *c)
{
	struct db_txn *txn = db_begin(store_db(c->store), true);
	demand(txn && batch_put(c->in.batch, txn) == TRAIL_OK, "batch_put");
	epochs_write(c->in.epochs, txn);
	demand(db_commit(txn) == TRAIL_OK, "db_commit");
	batch_done(c->in.batch);
	intake_begin(&c->in);
}

static struct case_op *new_op(struct intake_case *c, enum request_kind kind)
{
	struct case_op *o = calloc(1, sizeof *o);
	demand(o != NULL, "memory");
	o->next = c->ops;
	c->ops = o;
	o->op.session = c->session;
	o->op.peer.type = PEER_UNIX_USER;
	(void)snprintf(o->op.peer.name, sizeof o->op.peer.name, "%s", c->uid);
	o->op.received_ns = clock_now().real_ns - c->behind_ns;
	o->op.request.kind = kind;
	o->op.request.id = 1;
	return o;
}

struct op *case_append(
	struct intake_case *c, uint64_t epoch, uint64_t first_seq, size_t count, const char *word)
{
	struct case_op *o = new_op(c, REQUEST_APPEND);
	struct op *op = &o->op;
	struct hash *commitments = calloc(count, sizeof *commitments);
	o->events = calloc(count, sizeof *o->events);
	o->texts = calloc(count, sizeof *o->texts);
	o->times = calloc(count, sizeof *o->times);
	op->salts = calloc(count, SALT_LEN);
	op->arena.data = (uint8_t *)commitments;
	demand(commitments && o->events && o->texts && o->times && op->salts, "memory");
	crypto_random(op->salts, count * SALT_LEN);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(o->texts[i], TEXT_MAX, "%s %llx %llu", word,
			(unsigned long long)epoch, (unsigned long long)first_seq + i);
		o->events[i] = span_text(o->texts[i]);
		o->times[i] = (int64_t)op->received_ns;
		record_commitment(op->salts + i * SALT_LEN, o->events[i], &commitments[i]);
	}
	op->times = o->times;
	op->commitments = commitments;
	op->request.append = (struct append){
		.source = span_text(c->source),
		.epoch = epoch,
		.first_seq = epoch == 0 ? 0 : first_seq,
		.events = o->events,
		.event_count = count,
	};
	return op;
}

struct op *case_word(struct intake_case *c, enum request_kind kind, uint64_t epoch, uint64_t number)
{
	struct op *op = &new_op(c, kind)->op;
	op->request.word = (struct epoch_word){ .source = span_text(c->source), .epoch = epoch };
	if (kind == REQUEST_CLOSE)
		op->request.word.last = number;
	else
		op->request.word.made = number;
	return op;
}

struct op *case_hello(struct intake_case *c, uint64_t epoch)
{
	struct case_op *o = new_op(c, REQUEST_HELLO);
	o->claim = (struct claim){ .source = span_text(c->source), .epoch = epoch };
	o->op.request.hello = (struct hello){ .protocol = PROTOCOL_VERSION, .claim_count = 1 };
	o->op.request.hello.claims = &o->claim;
	return &o->op;
}

struct op *case_own(struct intake_case *c)
{
	struct op *op = &new_op(c, REQUEST_NONE)->op;
	op->kind = OP_OWN_EVENT;
	op->own = span_text("an event of the daemon's own");
	return op;
}

void case_take(struct intake_case *c, struct op *op)
{
	if (intake_take(&c->in, op) == INTAKE_TAKEN)
		return;
	intake_case_commit(c);
	demand(intake_take(&c->in, op) == INTAKE_TAKEN, "an op that fits no batch");
}

struct record case_record(struct intake_case *c, uint64_t index)
{
	struct record r;
	struct db_txn *txn = db_begin(store_db(c->store), false);
	const uint8_t *bytes = store_record(txn, index, NULL);
	demand(bytes != NULL, "store_record");
	record_decode(bytes, &r);
	db_abort(txn);
	return r;
}
